"""A template looked over before it is used: read, its names checked, rendered with samples, and linted."""

from __future__ import annotations

from .context import MessageContext
from .lint import lint_message, lint_source
from .names import unknown_fields, unknown_labels, unknown_names
from .parts import PARTS, TemplateParts
from .problems import ERROR, Problem, TemplateProblem
from .render import compile_part, render, sandbox
from .shipped import label_language


def check(parts: TemplateParts, sample_contexts: tuple[MessageContext, ...]) -> list[Problem]:
    """Everything wrong with the parts, errors first, each once. No error in the list: the template can be used.

    The samples (at least one) are in the language of the template.
    """
    language = sample_contexts[0].language
    found: dict[Problem, None] = {}
    for part in PARTS:
        found.update(dict.fromkeys(_static_problems(part, getattr(parts, part), language)))
    if not any(problem.severity == ERROR for problem in found):
        for context in sample_contexts:
            found.update(dict.fromkeys(_sample_problems(parts, context)))
    return sorted(
        found, key=lambda problem: (problem.severity != ERROR, PARTS.index(problem.part), problem.line)
    )


def _static_problems(part: str, source: str, language: str) -> list[Problem]:
    try:
        compile_part(part, source, language)
    except TemplateProblem as error:
        return [error.problem]
    environment = sandbox(label_language(language))
    tree = environment.as_written(source)
    found = unknown_names(part, tree, environment.globals) + unknown_fields(part, tree)
    return found + unknown_labels(part, tree, environment.globals["labels"]) + lint_source(part, source)


def _sample_problems(parts: TemplateParts, context: MessageContext) -> list[Problem]:
    try:
        return lint_message(render(parts, context), context)
    except TemplateProblem as error:
        return [error.problem]

"""A template looked over before it is used: read, its names checked, rendered with samples, and linted."""

from __future__ import annotations

from jinja2 import meta, nodes

from .context import VARIABLES, MessageContext
from .lint import lint_message, lint_source
from .parts import FILE_NAMES, PARTS, TemplateParts
from .problems import ERROR, Problem, TemplateProblem, did_you_mean
from .render import compile_part, render, sandbox
from .shipped import label_language


def check(parts: TemplateParts, sample_contexts: tuple[MessageContext, ...]) -> list[Problem]:
    """Everything wrong with the parts, errors first, each once. No error in the list: the template can be used."""
    found: dict[Problem, None] = {}
    language = sample_contexts[0].language
    for part in PARTS:
        found.update(dict.fromkeys(_static_problems(part, getattr(parts, part), language)))
    if not any(problem.severity == ERROR for problem in found):
        for context in sample_contexts:
            found.update(dict.fromkeys(_sample_problems(parts, context)))
    return sorted(found, key=lambda problem: (problem.severity != ERROR, PARTS.index(problem.part), problem.line))


def _static_problems(part: str, source: str, language: str) -> list[Problem]:
    try:
        compile_part(part, source, language)
    except TemplateProblem as error:
        return [error.problem]
    return _unknown_names(part, source, language) + lint_source(part, source)


def _unknown_names(part: str, source: str, language: str) -> list[Problem]:
    """Names that exist nowhere, even in a branch that no sample happens to enter."""
    environment = sandbox(label_language(language))
    tree = environment.parse(source, name=FILE_NAMES[part])
    names = {*VARIABLES, *environment.globals}
    unknown = meta.find_undeclared_variables(tree) - names
    return [
        Problem(part, node.lineno, f"There is no “{node.name}” here.{did_you_mean(node.name, names)}")
        for node in tree.find_all(nodes.Name)
        if node.name in unknown and node.ctx == "load"
    ]


def _sample_problems(parts: TemplateParts, context: MessageContext) -> list[Problem]:
    try:
        return lint_message(render(parts, context), context)
    except TemplateProblem as error:
        return [error.problem]

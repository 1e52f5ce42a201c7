"""From template parts and a context to a message, or to a problem with its line."""

from __future__ import annotations

import re
from functools import lru_cache

from jinja2 import Template
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError, UndefinedError

from .budget import Budget, BudgetExceeded, current
from .context import VARIABLES, MessageContext
from .fences import TOO_DEEP, not_shipped
from .formats import Formats
from .parts import FILE_NAMES, HTML, SUBJECT, TEXT, Message, TemplateParts
from .problems import Problem, TemplateProblem, did_you_mean
from .sandbox import Sandbox
from .shipped import label_language, labels_for, partials

SUBJECT_CHARS = 250

_LINE_BREAKING = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def render(parts: TemplateParts, context: MessageContext) -> Message:
    """The message of one recipient. Raises ``TemplateProblem`` naming part, line, cause and next step.

    Deterministic: the same parts and context always give the same message or the same problem.
    """
    formats = Formats(context.language, context.document.currency)
    variables = {name: getattr(context, name) for name in VARIABLES}
    subject = _rendered(SUBJECT, parts.subject, variables, formats)
    html = _rendered(HTML, parts.html, variables, formats)
    text = _rendered(TEXT, parts.text, variables, formats)
    return Message(_one_line(subject), html.strip() + "\n", _tidy(text))


def compile_part(part: str, source: str, language: str) -> Template:
    """The compiled part, from a cache by source and language. Raises ``TemplateProblem``."""
    try:
        return _compiled(part, source, label_language(language))
    except TemplateSyntaxError as error:
        raise TemplateProblem(Problem(part, error.lineno or 1, _syntax_message(error))) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise TemplateProblem(Problem(part, 1, TOO_DEEP)) from error
    except (OverflowError, ValueError) as error:
        raise TemplateProblem(Problem(part, 1, f"The template cannot be read: {error}.")) from error


@lru_cache(maxsize=64)
def sandbox(language: str) -> Sandbox:
    return Sandbox(partials(), labels_for(language))


@lru_cache(maxsize=1024)
def _compiled(part: str, source: str, language: str) -> Template:
    environment = sandbox(language)
    code = environment.compile(source, name=FILE_NAMES[part], filename=_file_of(part))
    return Template.from_code(environment, code, environment.make_globals(None))


def _file_of(part: str) -> str:
    return f"<dunning template {part}>"


def _rendered(part: str, source: str, variables: dict, formats: Formats) -> str:
    template = compile_part(part, source, formats.language)
    token = current.set(Budget(formats))
    try:
        text = template.render(variables)
    except Exception as error:
        raise TemplateProblem(Problem(part, _line(error, part), _message(error, variables))) from error
    finally:
        current.reset(token)
    if not text.strip():
        raise TemplateProblem(Problem(part, 1, "This part comes out empty. Write a text for it."))
    return text


def _one_line(subject: str) -> str:
    """A subject is a mail header: no line break may survive in it, whatever a customer is called."""
    line = _LINE_BREAKING.sub(" ", subject).strip()
    return line if len(line) <= SUBJECT_CHARS else line[: SUBJECT_CHARS - 1].rstrip() + "…"


def _tidy(text: str) -> str:
    text = "\n".join(map(str.rstrip, text.split("\n"))).strip()
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text + "\n"


# -- problems in plain words -----------------------------------------------------------------------------------------


def _line(error: BaseException, part: str) -> int:
    """The innermost line of the part itself; an error inside a shared part is reported where it is included."""
    if isinstance(error, TemplateSyntaxError) and error.filename == _file_of(part):
        return error.lineno
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _file_of(part):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _message(error: Exception, variables: dict) -> str:
    if isinstance(error, UndefinedError):
        return _undefined_message(error, variables)
    if isinstance(error, TemplateSyntaxError):
        return _syntax_message(error)
    if isinstance(error, (BudgetExceeded, SecurityError)):
        return str(error)
    if isinstance(error, TemplateNotFound):
        return not_shipped(str(error.name), partials())
    if isinstance(error, RecursionError):
        return "The template calls itself without end. Check its macros and blocks."
    if isinstance(error, ValueError):
        return str(error)
    return f"This line cannot be worked out: {error}. Check the values used in it."


def _undefined_message(error: UndefinedError, variables: dict) -> str:
    message = str(error)
    match = re.fullmatch(r"There is no “(.*)” here\.", message)
    return message + did_you_mean(match[1], variables) if match else message


def _syntax_message(error: TemplateSyntaxError) -> str:
    message = error.message or "the template cannot be read"
    if "“" in message:
        return message
    return (
        f"The template cannot be read: {message.rstrip('.')}. Check that every “{{{{” has its “}}}}”, every “{{%” its "
        "“%}” and every “if”, “for” and “block” its end."
    )

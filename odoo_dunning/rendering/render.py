"""From template parts and a context to a message, or to a problem with its line."""

from __future__ import annotations

import re
from functools import lru_cache

from jinja2 import Template
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError, UndefinedError

from .budget import Budget, BudgetExceeded, current
from .context import VARIABLES, MessageContext
from .formats import Formats
from .parts import FILE_NAMES, HTML, PARTS, SUBJECT, TEXT, Message, TemplateParts
from .problems import Problem, TemplateProblem, did_you_mean
from .sandbox import PARTIALS, MissingValue, Sandbox
from .shipped import labels_for, partials

SUBJECT_CHARS = 250
NAMES = (*VARIABLES, "labels")

_LINE_BREAKING = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_TRAILING_BLANKS = re.compile(r"[ \t]+\n")
_EMPTY_LINES = re.compile(r"\n{3,}")


def render(parts: TemplateParts, context: MessageContext) -> Message:
    """The message of one recipient. Raises ``TemplateProblem`` naming part, line, cause and next step.

    Deterministic: the same parts and context always give the same message or the same problem.
    """
    formats = Formats(context.language, context.document.currency)
    variables = {name: getattr(context, name) for name in VARIABLES}
    variables["labels"] = labels_for(context.language)
    subject = _rendered(SUBJECT, parts.subject, variables, formats)
    html = _rendered(HTML, parts.html, variables, formats)
    text = _rendered(TEXT, parts.text, variables, formats)
    return Message(_one_line(subject), html.strip() + "\n", _tidy(text))


def compile_part(part: str, source: str) -> Template:
    """The compiled part, from a cache by source. Raises ``TemplateProblem``."""
    try:
        return _compiled(part, source)
    except TemplateSyntaxError as error:
        raise TemplateProblem(Problem(part, error.lineno or 1, _syntax_message(error))) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        message = "The template is nested too deeply. Split the expression into smaller ones with “set”."
        raise TemplateProblem(Problem(part, 1, message)) from error
    except (OverflowError, ValueError) as error:
        raise TemplateProblem(Problem(part, 1, f"The template cannot be read: {error}.")) from error


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    return Sandbox(partials())


@lru_cache(maxsize=1024)
def _compiled(part: str, source: str) -> Template:
    environment = sandbox()
    code = environment.compile(source, name=FILE_NAMES[part], filename=_file_of(part))
    return Template.from_code(environment, code, environment.make_globals(None))


def _file_of(part: str) -> str:
    return f"<dunning template {part}>"


def _rendered(part: str, source: str, variables: dict, formats: Formats) -> str:
    template = compile_part(part, source)
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
    return _EMPTY_LINES.sub("\n\n", _TRAILING_BLANKS.sub("\n", text)).strip() + "\n"


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
        return _not_found_message(error)
    if isinstance(error, RecursionError):
        return "The template calls itself without end. Check its macros and blocks."
    if isinstance(error, ValueError):
        return str(error)
    return f"This line cannot be worked out: {error}. Check the values used in it."


def _undefined_message(error: UndefinedError, variables: dict) -> str:
    message = str(error)
    match = re.fullmatch(r"There is no “(.*)” here\.", message)
    return message + did_you_mean(match[1], variables) if match else message


def _not_found_message(error: TemplateNotFound) -> str:
    return f"There is no shared part “{error.name}”.{did_you_mean(str(error.name), partials())}"


def _syntax_message(error: TemplateSyntaxError) -> str:
    message = error.message or "the template cannot be read"
    unknown = re.fullmatch(r"No (filter|test) named '(.*)'(?: found)?\.", message)
    if unknown:
        kind, name = unknown.groups()
        table = sandbox().filters if kind == "filter" else sandbox().tests
        open_names = [known for known in table if known.replace("_", "").isalnum()]
        return f"There is no {kind} “{name}”.{did_you_mean(name, open_names)}"
    if "“" in message:
        return message
    return (
        f"The template cannot be read: {message.rstrip('.')}. Check that every “{{{{” has its “}}}}”, every “{{%” its "
        "“%}” and every “if”, “for” and “block” its end."
    )


__all__ = ["NAMES", "PARTIALS", "MissingValue", "compile_part", "render", "sandbox"]

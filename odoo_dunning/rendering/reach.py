"""What a template may reach: an allow-list per type, so that a new attribute stays closed until someone opens it."""

from __future__ import annotations

from datetime import date

from jinja2 import StrictUndefined
from jinja2 import tests as standard_tests
from jinja2.runtime import LoopContext
from markupsafe import Markup

from .budget import BudgetExceeded
from .context import READABLE_FIELDS
from .problems import did_you_mean

RANGE_LIMIT = 1_000

_TEXT_METHODS = frozenset(("startswith", "endswith"))
READABLE = {
    **READABLE_FIELDS,
    str: _TEXT_METHODS,
    Markup: _TEXT_METHODS,
    date: frozenset(("year", "month", "day")),
    LoopContext: frozenset(
        (
            "index",
            "index0",
            "revindex",
            "revindex0",
            "first",
            "last",
            "length",
            "previtem",
            "nextitem",
            "cycle",
        )
    ),
}
ALLOWED_TESTS = {
    name: standard_tests.TESTS[name]
    for name in (
        "defined",
        "undefined",
        "none",
        "number",
        "string",
        "odd",
        "even",
        "divisibleby",
        "equalto",
        "eq",
        "==",
        "ne",
        "!=",
        "gt",
        ">",
        "ge",
        ">=",
        "lt",
        "<",
        "le",
        "<=",
        "in",
        "true",
        "false",
        "sameas",
    )
}


class MissingValue(StrictUndefined):
    """An unknown variable or field; says what there is instead."""

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is None:
            return f"“{name}” belongs to something that is not set in this message. Put it inside an “if”."
        known = READABLE_FIELDS.get(type(self._undefined_obj))
        if known is None:
            return f"There is no “{name}” here."
        return f"“{type(self._undefined_obj).__name__.lower()}” has no field “{name}”.{did_you_mean(name, known)}"


def limited_range(*bounds) -> range:
    numbers = range(*bounds)
    if len(numbers) > RANGE_LIMIT:
        raise BudgetExceeded(f"“range” may count up to {RANGE_LIMIT:,} here. Choose a smaller range.")
    return numbers

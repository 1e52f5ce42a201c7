"""The filters a template may use: formats of the message's language and a few harmless text and list tools.

Text tools count their work against the rendering's budget and look at the size of a result before building it.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from functools import wraps

from jinja2 import Undefined
from jinja2 import filters as standard
from markupsafe import Markup, escape

from .budget import checked_length, current
from .labels import Plural

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_SCALARS = (str, int, Decimal, float)
_CONTRAST_DARK, _CONTRAST_LIGHT = "#1b1f24", "#ffffff"
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


def money(amount, currency=None) -> str:
    """An amount in the message's currency: ``{{ totals.total_due|money }}``."""
    return current.get().formats.money(defined(amount), currency)


def date(value, style="medium") -> str:
    """A calendar date; style short, medium, long or full."""
    return current.get().formats.date(defined(value), style)


def number(value, digits=0) -> str:
    return current.get().formats.number(defined(value), digits)


def percent(value) -> str:
    """A rate given in per cent: ``{{ segment.rate_pct|percent }}``."""
    return current.get().formats.percent(defined(value))


def plural(forms, count, **values) -> str:
    """The form of a label for a count, the count filled in: ``{{ labels.days_overdue|plural(item.days_overdue) }}``."""
    if not isinstance(defined(forms), Plural):
        raise ValueError(
            "The filter “plural” needs a label with several forms, such as “labels.days_overdue”."
        )
    text = current.get().formats.plural(forms, defined(count))
    return fill(text, **values) if values else text


def fill(text, **values) -> str:
    """A label with its ``{placeholders}`` replaced, once, without any format language."""
    texts = {name: printable(value) for name, value in values.items()}
    charge_chars(checked_length(len(text) + sum(map(len, texts.values())) * max(1, text.count("{"))))
    return _PLACEHOLDER.sub(lambda match: texts.get(match[1], match[0]), str(text))


def isolate(text) -> str:
    """A name in plain text or a subject, fenced off when it runs right to left so that it cannot turn its line."""
    text = printable(text)
    if not text.isascii() and _runs_right_to_left(text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def _runs_right_to_left(text: str) -> bool:
    charged(text)
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def contrast(color) -> str:
    """Black or white, whichever reads better on this ``#rrggbb`` (relative luminance after WCAG 2)."""
    digits = str(color).lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _CONTRAST_DARK if luminance > 0.36 else _CONTRAST_LIGHT


def nl2br(text) -> Markup:
    """Escaped text with its line breaks shown."""
    _metered(text)
    return Markup("<br>").join(escape(text).splitlines())


def join(values, separator="") -> str:
    """Single values in a row; parts are escaped where the part of the message is HTML."""
    parts = [printable(value) for value in charged(values)]
    charge_chars(checked_length(sum(map(len, parts)) + len(separator) * len(parts)))
    if isinstance(separator, Markup) or any(isinstance(part, Markup) for part in parts):
        return Markup(separator if isinstance(separator, Markup) else escape(separator)).join(parts)
    return separator.join(parts)


def replace(text, old, new) -> str:
    text = _metered(text)
    checked_length(len(text) + (text.count(old) if old else len(text)) * len(new))
    return text.replace(old, new)


def round_half_up(value, digits=0):
    return Decimal(defined(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def length(value) -> int:
    return len(defined(value))


def upper(text) -> str:
    return _metered(text).upper()


def lower(text) -> str:
    return _metered(text).lower()


def title(text) -> str:
    return _metered(text).title()


def capitalize(text) -> str:
    return _metered(text).capitalize()


def trim(text) -> str:
    return _metered(text).strip()


def defined(value):
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    return value


def charge_chars(chars: int) -> None:
    """Pay for work on a text: a step for every 64 characters."""
    current.get().spend(1 + chars // 64)


def charged_in_bulk(value):
    """``value``, after paying for a search or copy if it is a text."""
    if isinstance(value, str):
        charge_chars(len(value))
    return value


def charged(value):
    """``value``, after paying for a walk through it: by its length where it has one, else as it is drawn from."""
    defined(value)
    if isinstance(value, (str, list, tuple, range)):
        current.get().spend(1 + len(value))
    elif hasattr(value, "__next__"):
        return _charged_one_by_one(value, current.get())
    return value


def _charged_one_by_one(values, budget):
    for value in values:
        budget.spend(1)
        yield value


def _charging(standard_filter):
    """A filter of Jinja's that walks through its value, made to pay for it."""
    place = 1 if hasattr(standard_filter, "jinja_pass_arg") else 0

    @wraps(standard_filter)
    def charging(*arguments, **options):
        before, value, after = arguments[:place], arguments[place], arguments[place + 1 :]
        return standard_filter(*before, charged(value), *after, **options)

    return charging


def _metered(value) -> str:
    text = printable(value)
    charge_chars(len(text))
    return text


def printable(value) -> str:
    defined(value)
    if isinstance(value, str):
        return value
    if isinstance(value, _SCALARS):
        return str(value)
    raise ValueError("A list or record cannot be shown as it is. Choose one of its fields, or use a loop.")


ALLOWED = {
    "money": money,
    "date": date,
    "number": number,
    "percent": percent,
    "plural": plural,
    "fill": fill,
    "isolate": isolate,
    "contrast": contrast,
    "nl2br": nl2br,
    "join": join,
    "replace": replace,
    "round": round_half_up,
    "length": length,
    "count": length,
    "upper": upper,
    "lower": lower,
    "title": title,
    "capitalize": capitalize,
    "trim": trim,
    "abs": abs,
    "default": standard.FILTERS["default"],
    "d": standard.FILTERS["d"],
    **{
        name: _charging(standard.FILTERS[name])
        for name in (
            "e",
            "escape",
            "first",
            "last",
            "list",
            "map",
            "max",
            "min",
            "reject",
            "rejectattr",
            "select",
            "selectattr",
            "sort",
            "sum",
            "urlencode",
        )
    },
}

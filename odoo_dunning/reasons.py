"""Reasons of the engine as sentences in the user's language, with dates and amounts in their formats."""

from datetime import date, datetime
from decimal import Decimal

from odoo.tools import format_date, format_datetime
from odoo.tools.misc import formatLang

from .engine import explain


def sentence(env, code, stored):
    """What the engine said about an item. `stored`: the values as the run line keeps them, in the engine's order."""
    values = dict(zip(explain.ARGUMENTS[code], stored, strict=True)) if stored else {}
    args = explain.from_json(code, values) if values else ()
    return " ".join(_said(env, template, shown) for template, shown in explain.parts(code, args))


def next_step(env, code):
    """What a person can do about it."""
    return env._(explain.next_step(code))


def policy_source(env, source):
    """What chose the policy, as a sentence; empty where none was needed."""
    kind, _colon, rule = (source or "").partition(":")
    template = explain.POLICY_SOURCES.get(kind.strip(), "")
    return _said(env, template, {"rule": rule.strip()}) if template else ""


def _said(env, template, values):
    digits = _digits(env, values.get("currency"))
    shown = {name: _shown(env, value, digits) for name, value in values.items()}
    if "channels" in shown:
        channels = shown["channels"].split(", ")
        shown["channels"] = ", ".join(env._(explain.CHANNELS.get(one, one)) for one in channels)
    return env._(template) % shown


def _digits(env, code):
    """Decimal places of a currency: a line keeps what is left of an amount by its digits, 472.5 for 472.50."""
    if not code:
        return 0
    known = env.cr.cache.setdefault("odoo_dunning.digits", {})
    if code not in known:
        currency = env["res.currency"].with_context(active_test=False).search([("name", "=", code)], limit=1)
        known[code] = currency.decimal_places if currency else 2
    return known[code]


def _shown(env, value, digits):
    """The value in the user's format. A list has the same days again and again, and each takes a tenth of a millisecond
    to format: they are kept until the transaction ends."""
    known = env.cr.cache.setdefault("odoo_dunning.shown", {})
    key = (env.lang, type(value), value, digits)
    if key not in known:
        known[key] = _formatted(env, value, digits)
    return known[key]


def _formatted(env, value, digits):
    if isinstance(value, datetime):
        return format_datetime(env, value.replace(tzinfo=None))
    if isinstance(value, date):
        return format_date(env, value)
    if isinstance(value, Decimal):
        return formatLang(env, float(value), digits=digits)
    return "" if value is None else value


def title(env, code):
    """The reason in a few words, for headings, groups and filters."""
    return env._(explain.TITLES[code])


def titles(env):
    """All reasons as a selection."""
    return [(code, title(env, code)) for code in explain.TITLES]

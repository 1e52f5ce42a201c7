"""What the calculation sheet of a message shows: its charges as stored, in the customer's language, with the sources of
every rate."""

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from .. import rendering as r
from ..engine import legal_texts
from ..engine.claiming import DEBTOR_TYPES
from ..engine.law import ClaimDates
from ..rendering.formats import Formats
from ..rendering.shipped import labels_for
from .charge_contexts import SHOWN_AS, segments

FORMULAS = {"act/365f": "365", "act/360": "360", "30/360": "360", "act/act": "actual"}
SHOWN_STAGES = ("claimed", "announced", "booked", "waived", "reversed")


class SheetLine(NamedTuple):
    period: str
    days: str
    base: str
    rate: str
    amount: str
    is_less: bool


class SheetCharge(NamedTuple):
    label: str
    number: str
    due: str
    lines: tuple
    amount: str
    formula: str


class Sheet(NamedTuple):
    title: str
    number: str
    date: str
    language: str
    direction: str
    labels: dict
    charges: tuple
    total_label: str
    total: str
    paid_first: str
    sources_label: str
    sources: tuple


def sheet_of(notice):
    """The Sheet of one message, from its stored charges."""
    main = notice.main_id or notice
    language = notice.lang or "en_US"
    formats = _formats(notice.currency_id, language)
    labels = labels_for(language)
    library = notice.env["dunning.law.row"].sudo()._library()
    texts = library.texts
    charges = main.charge_ids.filtered(
        lambda one: one.stage in SHOWN_STAGES and one.amount and not one.is_never_asked
    )
    number = main._number()
    return Sheet(
        title=legal_texts.sentence(texts, "sheet.title", language, {"number": number}),
        number=number,
        date=formats.date((notice.sent_at or notice.send_at or notice.create_date).date(), "long"),
        language=labels["language"],
        direction=labels["direction"],
        labels={
            name: labels[name]
            for name in ("invoice", "due_date", "period", "days", "base_amount", "rate", "interest")
        },
        charges=tuple(_charge(charge, formats, library, language) for charge in charges),
        total_label=legal_texts.sentence(texts, "sheet.total", language),
        total=formats.money(sum((charge._exact() for charge in charges), Decimal(0))),
        paid_first=_paid_first(charges, library, language),
        sources_label=legal_texts.sentence(texts, "sheet.sources", language),
        sources=tuple(_sources(notice.env, charges, formats)),
    )


def calculation_of(charge, made):
    """The calculation of one charge as a colleague reads it on the screen, in their own language: `{lines: [{from, to,
    days, base, rate, amount, rows}], total, charged_before, let_off, formula}`; empty where there is nothing to deduct.

    :param made: its stored sheet, or the one of today
    """
    language = charge.env.lang or "en_US"
    formats = _formats(charge.currency_id, language)
    texts = charge.env["dunning.law.row"].sudo()._library().texts
    before, let_off = Decimal(made["charged_before"]), Decimal(made["let_off"])
    return {
        "lines": [
            {
                "from": formats.date(date.fromisoformat(line["from"])),
                "to": formats.date(date.fromisoformat(line["to"])),
                "days": formats.number(line["days"]),
                "base": formats.money(Decimal(line["base"])),
                "rate": formats.percent(Decimal(line["rate_pct"])),
                "amount": formats.money(Decimal(line["amount"])),
                "rows": ", ".join(line["row_ids"]),
            }
            for line in made["lines"]
        ],
        "total": formats.money(Decimal(made["total"])),
        "charged_before": formats.money(-before) if before else "",
        "let_off": formats.money(-let_off) if let_off else "",
        "formula": " ".join(_formula(made, texts, language)),
    }


def _formats(currency, language):
    return Formats(language, r.Currency(currency.name, currency.decimal_places, currency.symbol or ""))


def _paid_first(charges, library, language):
    """What a payment is counted against first, where a row of the law says so; else nothing."""
    for charge in charges.filtered("law"):
        item = charge.item_id
        due_date = item.due_date or charge.charge_date
        dates = ClaimDates(
            item.issue_date or due_date, due_date, due_date + timedelta(days=1), charge.charge_date
        )
        debtor_type = DEBTOR_TYPES[charge.account_id.debtor_type or "business"]
        row = library.book.find(charge.law, debtor_type, "allocation_order", dates)
        if row:
            return legal_texts.sentence(library.texts, f"allocation.{row.value}", language)
    return ""


def _charge(charge, formats, library, language):
    made = charge.sheet
    formula = " ".join(_formula(made, library.texts, language)) if made else ""
    item = charge.item_id
    return SheetCharge(
        label=r.charge_label(language, SHOWN_AS.get(charge.kind, r.FEE)),
        number=item.number or "",
        due=formats.date(item.due_date) if item.due_date else "",
        lines=tuple(_line(one, formats) for one in segments(made, library, formats)) if made else (),
        amount=formats.money(charge._exact()),
        formula=formula,
    )


def _formula(made, texts, language):
    """How the lines were worked out, in sentences."""
    yield legal_texts.sentence(texts, f"sheet.formula.{FORMULAS[made['day_count']]}", language)
    if made["compounding"] != "none":
        yield legal_texts.sentence(texts, f"sheet.compounding.{made['compounding']}", language)
    yield legal_texts.sentence(texts, f"sheet.rounding.{made['rounding']}", language)


def _line(segment, formats):
    if not segment.days:
        return SheetLine(segment.source, "", "", "", formats.money(segment.amount), True)
    return SheetLine(
        f"{formats.date(segment.from_date)} – {formats.date(segment.to_date)}",
        formats.number(segment.days),
        formats.money(segment.base_amount),
        formats.percent(segment.rate_pct),
        formats.money(segment.amount),
        False,
    )


def _sources(env, charges, formats):
    """(key, validity, value, where it was read) of every law row behind the charges, in order of use."""
    keys = list(dict.fromkeys(key for charge in charges for key in charge._row_keys()))
    rows = {row.key: row for row in env["dunning.law.row"].sudo().search([("key", "in", keys)])}
    for key in keys:
        row = rows.get(key)
        if row:
            until = f" – {formats.date(row.valid_to)}" if row.valid_to else " –"
            yield key, f"{formats.date(row.valid_from)}{until}", _value(row, formats), row.source or ""


def _value(row, formats):
    unit = {"pct": "%", "pp": "+ %", "amount": row.currency}.get(row.unit, "")
    try:
        number = Decimal(row.value)
    except ArithmeticError:
        return row.value
    digits = max(-number.as_tuple().exponent, 0)
    shown = formats.number(number, digits)
    if row.unit == "pp":
        return f"{row.reference} + {shown}"
    return f"{shown} {unit}".strip()

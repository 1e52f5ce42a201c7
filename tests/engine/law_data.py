"""The shipped law rows, read the way the addon reads them."""

from functools import cache
from pathlib import Path

from odoo_dunning.engine.law import ClaimDates, LawBook
from odoo_dunning.engine.law_choice import parse_choices
from odoo_dunning.engine.law_rows import LawRow, require_rows
from odoo_dunning.engine.legal_texts import parse_texts

FOLDER = Path(__file__).parents[2] / "odoo_dunning" / "data" / "law"


def read(name: str) -> str:
    return (FOLDER / f"{name}.csv").read_text(encoding="utf-8")


@cache
def shipped_rows() -> tuple[LawRow, ...]:
    return tuple(
        row
        for name in ("reference_rates", "interest_rules", "charge_rules")
        for row in require_rows(read(name))
    )


@cache
def book(*activated: str) -> LawBook:
    return LawBook(shipped_rows(), activated)


def choices():
    return parse_choices(read("law_choice"))


def texts():
    return parse_texts(read("legal_texts"))


def dates(due, action=None, contract=None) -> ClaimDates:
    """Dates of a plain claim: made on the due date unless said, in default the day after, acted on when said."""
    default = type(due).fromordinal(due.toordinal() + 1)
    return ClaimDates(contract or due, due, default, action or default)

"""What both ledgers share in writing: a mark by which a write is recognised, accounts, documents, exact numbers.

A write goes out under a key, as `Idempotency-Key` or `requestid`. How long the vendors remember those keys is not
published, so each write also carries a mark in a text field and is looked for before it is sent, the first time too:
a try of yesterday, or of a process that died, may have arrived.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .errors import Refused

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{3,39}\Z")


@dataclass(frozen=True)
class PaymentAccount:
    """An account of the ledger that takes payments. `currency` is None where it takes any."""

    id: str
    name: str
    currency: str | None


@dataclass(frozen=True)
class Income:
    """What a line of an invoice is booked on: an item of QuickBooks, a revenue account of Xero."""

    id: str
    name: str


@dataclass(frozen=True)
class ChargeLine:
    """One charge: `amount` in the currency of its document, `income` the id of an `Income`."""

    text: str
    amount: Decimal
    income: str


@dataclass(frozen=True)
class ChargeDocument:
    """An invoice of late-payment charges, or a credit of some of them. Out of scope of VAT, in `currency` (ISO)."""

    customer_id: str
    currency: str
    day: date
    due_date: date
    text: str
    lines: tuple[ChargeLine, ...]

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))


def mark(key: str) -> str:
    """How a write names itself at the source, in brackets so that no mark is part of another.

    :raise ValueError: `key` is not 4 to 40 letters, digits, hyphens and underscores.
    """
    if not _KEY.match(key):
        raise ValueError(f"{key!r} cannot be the key of a write.")
    return f"[{key}]"


def marked(text: str, key: str, longest: int) -> str:
    """`text` and its mark in at most `longest` characters: the text is shortened, never the mark."""
    ending = mark(key)
    words = " ".join(text.split())
    room = longest - len(ending) - 1
    if len(words) > room:
        words = words[: room - 1].rstrip() + "…"
    return f"{words} {ending}"


def json_number(amount: Decimal) -> float:
    """The amount as the number in a JSON body: both SDKs' encoders know no `Decimal`.

    :raise ValueError: the number would not be this very amount.
    """
    number = float(amount)
    if Decimal(repr(number)) != amount:
        raise ValueError(f"{amount} cannot be sent exactly.")
    return number


def same_total(label: str, number: str, total: Decimal, document: ChargeDocument) -> None:
    """What the customer was told is what the ledger claims.

    :raise Refused: the ledger's own rules made another total of it, such as a tax of its own.
    """
    if total != document.total:
        raise Refused(
            f"{label} made a total of {total} {document.currency} out of {document.total}, on {number}: look at the "
            "tax of what the charges are booked on. Correct the document there, or void it, then try again."
        )

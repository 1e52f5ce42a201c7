"""The neutral records every ledger is translated into.

Promises: amounts are `Decimal` in the document's own currency; currencies are ISO 4217 codes; `*_at` are aware
UTC datetimes; `*_date` and `date` are calendar days of the ledger's own books. Nothing here names a vendor.

A record travels as plain JSON (`to_wire`): decimals and days as strings, instants as ISO text ending in `Z`,
tuples as lists. `hash` is a SHA-256 over the content without `updated_at`, so two versions can be told apart
from one version that was merely touched.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, ClassVar

OPEN, PAID, VOID, DELETED, DRAFT, UNKNOWN = "open", "paid", "void", "deleted", "draft", "unknown"
STATUSES = frozenset({OPEN, PAID, VOID, DELETED, DRAFT, UNKNOWN})


def decimal_text(value: Decimal) -> str:
    """One text per number: no exponent, no trailing zeros, no negative zero (`Decimal("10.00")` → `"10"`)."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant_text(value: datetime) -> str:
    """ISO 8601 in UTC with `Z`; microseconds only where there are some, so text order is not time order."""
    if value.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {value!r}")
    return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Inverse of `instant_text`; any offset is accepted, a missing one is refused."""
    value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if value.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {text!r}")
    return value.astimezone(timezone.utc)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def content_hash(wire: dict) -> str:
    """SHA-256 (hex) of a wire record's content; `updated_at` and `hash` itself are left out."""
    content = {key: value for key, value in wire.items() if key not in ("updated_at", "hash")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


class Record:
    """What all records share. `entity` names the kind on the wire."""

    __slots__ = ()
    entity: ClassVar[str]

    def to_wire(self) -> dict:
        wire = {"entity": self.entity, **_plain(self)}
        wire["hash"] = content_hash(wire)
        return wire

    @classmethod
    def from_wire(cls, wire: dict) -> Record:
        """Rebuild the record of the class that `wire["entity"]` names; unknown keys are refused."""
        record_class = ENTITIES[wire["entity"]]
        fields = {key: value for key, value in wire.items() if key not in ("entity", "hash")}
        return record_class(**{key: _READERS.get(key, _same)(value) for key, value in fields.items()})


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or mailbox at a customer. `role`: billing | ap | decision | other."""

    name: str = ""
    email: str = ""
    phone: str = ""
    role: str = "other"


@dataclass(frozen=True, slots=True)
class Customer(Record):
    """A debtor. `balances` = ((currency, amount), …): open receivables as the ledger itself states them, net of
    credits on account, or () where it does not. `parent_id` with `bill_with_parent`: the parent is the one to write to.
    `merged_into`: the customer that took over this one's documents. `is_company`: the ledger says what only a business
    has (a company name, a registration or tax number); without, it may be a person.
    """

    entity: ClassVar[str] = "customer"
    external_id: str
    updated_at: datetime
    name: str
    active: bool = True
    email: str = ""
    phone: str = ""
    street: str = ""
    street2: str = ""
    city: str = ""
    zip: str = ""
    state: str = ""
    country: str = ""
    vat: str = ""
    is_company: bool = False
    language: str = ""
    currency: str = ""
    parent_id: str | None = None
    bill_with_parent: bool = False
    merged_into: str | None = None
    contacts: tuple[Contact, ...] = ()
    balances: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Allocation:
    """`amount` (document currency, positive) of a payment or credit set against `invoice_id`."""

    source_entity: str
    source_id: str
    invoice_id: str
    amount: Decimal
    date: date | None = None


@dataclass(frozen=True, slots=True)
class Invoice(Record):
    """A claim. `rate` = units of the document's currency for one unit of the home currency (Odoo's
    `invoice_currency_rate`), or None when the ledger does not say; never a guessed 1.
    `status`: open | paid | void | deleted | draft | unknown; only `open` may ever be dunned.
    `installments` = ((due_date, amount), …) or () for one due date. `kind`: invoice | journal.
    """

    entity: ClassVar[str] = "invoice"
    external_id: str
    updated_at: datetime
    customer_id: str
    number: str
    reference: str
    issue_date: date | None
    due_date: date | None
    currency: str
    rate: Decimal | None
    total: Decimal
    open_amount: Decimal
    status: str
    installments: tuple[tuple[date, Decimal], ...] = ()
    link: str = ""
    kind: str = "invoice"


@dataclass(frozen=True, slots=True)
class Credit(Record):
    """Money owed to the customer; amounts are positive. `kind`: credit_note | overpayment | prepayment | journal."""

    entity: ClassVar[str] = "credit"
    external_id: str
    updated_at: datetime
    customer_id: str
    number: str
    reference: str
    issue_date: date | None
    currency: str
    rate: Decimal | None
    total: Decimal
    open_amount: Decimal
    status: str
    kind: str = "credit_note"
    allocations: tuple[Allocation, ...] = ()


@dataclass(frozen=True, slots=True)
class Payment(Record):
    """Money received. `unapplied_amount` is the part that no document has taken yet: credit on account.
    `status`: open (something unapplied) | paid (all applied) | void | deleted | unknown.
    """

    entity: ClassVar[str] = "payment"
    external_id: str
    updated_at: datetime
    customer_id: str
    date: date | None
    currency: str
    rate: Decimal | None
    amount: Decimal
    unapplied_amount: Decimal
    status: str
    reference: str = ""
    allocations: tuple[Allocation, ...] = ()


@dataclass(frozen=True, slots=True)
class Tombstone(Record):
    """`target` record (an entity name) is gone at the source; confirmed there before it is sent."""

    entity: ClassVar[str] = "tombstone"
    target: str
    external_id: str
    updated_at: datetime


ENTITIES: dict[str, type[Record]] = {
    record.entity: record for record in (Customer, Invoice, Credit, Payment, Tombstone)
}
# Parents before children: a page is delivered in this order.
ORDER = ("customer", "invoice", "credit", "payment", "tombstone")


def version_verdict(stored_at: datetime, stored_hash: str, new_at: datetime, new_hash: str) -> str:
    """What a receiver does with a version of a record it already holds.

    `stale`: older than the stored one, drop it. `unchanged`: the very same, write nothing. `touched`: newer
    instant, same content: only the instant is stored (else a late version in between would win later).
    `store`: newer, or same instant with other content (ledgers stamp whole seconds; a read shows the latest state).
    """
    if new_at < stored_at:
        return "stale"
    if new_hash != stored_hash:
        return "store"
    return "unchanged" if new_at == stored_at else "touched"


def _same(value: Any) -> Any:
    return value


def _day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _number(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _allocation(wire: dict) -> Allocation:
    return Allocation(**{key: _READERS.get(key, _same)(value) for key, value in wire.items()})


_READERS = {
    "updated_at": parse_instant,
    "issue_date": _day,
    "due_date": _day,
    "date": _day,
    **dict.fromkeys(("rate", "total", "open_amount", "amount", "unapplied_amount"), _number),
    "installments": lambda rows: tuple((_day(due), _number(amount)) for due, amount in rows),
    "balances": lambda rows: tuple((currency, _number(amount)) for currency, amount in rows),
    "contacts": lambda rows: tuple(Contact(**row) for row in rows),
    "allocations": lambda rows: tuple(_allocation(row) for row in rows),
}

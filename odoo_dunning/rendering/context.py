"""What a template may use: frozen plain data, nothing else.

Amounts are ``Decimal`` in the currency of ``document.currency``; dates are calendar dates; nothing is formatted here,
the filters ``money``, ``date``, ``number`` and ``percent`` do that in the language of the message.
Texts that do not apply are ``""``, dates and amounts that do not apply are ``None``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from functools import lru_cache

INVOICE = "invoice"
CREDIT = "credit"
PAYMENT = "payment"
INTEREST = "interest"
FIXED_SUM = "fixed_sum"
FEE = "fee"

_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}\Z")
_WEB = re.compile(r"https?://[^\s\"'<>]+\Z", re.IGNORECASE)
_IMAGE = re.compile(r"(?:https?://|cid:|data:image/(?:png|jpeg|gif);base64,)[^\s\"'<>]+\Z", re.IGNORECASE)


@lru_cache(maxsize=32)
def _fields_of_type(record_type, written: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record_type) if field.type == written)


class Record:
    """What all records share: a text is a plain ``str``. Markup would pass unescaped, Odoo's ``False`` be printed."""

    def __post_init__(self):
        for name in _fields_of_type(type(self), "str"):
            value = getattr(self, name)
            if type(value) is not str:
                object.__setattr__(self, name, _plain(value))
        for name in _fields_of_type(type(self), "tuple[str, ...]"):
            object.__setattr__(self, name, tuple(map(_plain, getattr(self, name))))


def _plain(value) -> str:
    return str(value or "")


def _keep_only(record, name: str, pattern: re.Pattern, otherwise: str = "") -> None:
    """A link or colour that could break out of its attribute is dropped: the data may come from a foreign ledger."""
    value = getattr(record, name)
    if value != otherwise and not pattern.match(value or ""):
        object.__setattr__(record, name, otherwise)


@dataclass(frozen=True)
class Currency(Record):
    """ISO 4217 ``code`` and decimal ``digits`` (EUR 2, JPY 0, KWD 3); ``symbol`` for codes outside ISO."""

    code: str
    digits: int = 2
    symbol: str = ""


@dataclass(frozen=True)
class BankAccount(Record):
    iban: str
    bank_name: str = ""
    bic: str = ""
    holder_name: str = ""


@dataclass(frozen=True)
class Company(Record):
    """The sender. Colours are ``#rrggbb``; ``logo_url`` is an http(s), ``cid:`` or image ``data:`` address."""

    name: str
    address: tuple[str, ...] = ()
    email: str = ""
    phone: str = ""
    website: str = ""
    vat: str = ""
    logo_url: str = ""
    primary_color: str = "#35506b"
    secondary_color: str = "#5d6b78"
    bank_accounts: tuple[BankAccount, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        _keep_only(self, "primary_color", _COLOR, "#35506b")
        _keep_only(self, "secondary_color", _COLOR, "#5d6b78")
        _keep_only(self, "logo_url", _IMAGE)
        _keep_only(self, "website", _WEB)


@dataclass(frozen=True)
class Customer(Record):
    """``salutation_name`` is whom the text greets ("Anna Schmidt"), empty when no person is known."""

    name: str
    salutation_name: str = ""
    address: tuple[str, ...] = ()
    reference: str = ""


@dataclass(frozen=True)
class Recipient(Record):
    name: str
    email: str = ""


@dataclass(frozen=True)
class Contact(Record):
    """Whom the customer can ask."""

    name: str
    phone: str = ""
    email: str = ""


@dataclass(frozen=True)
class Level(Record):
    """``rank`` counts the levels of the policy from 1; ``tone`` is courtesy, friendly, firm, final, …"""

    name: str
    rank: int
    tone: str


@dataclass(frozen=True)
class Document(Record):
    """The message itself.

    ``deadline_date``: pay by. ``reminded_date``: the last notice about these items, ``None`` for a first one.
    ``withdrawn_*``: the notice that a correction takes back.
    """

    title: str
    number: str
    issue_date: date
    currency: Currency
    deadline_date: date | None = None
    reminded_date: date | None = None
    withdrawn_number: str = ""
    withdrawn_date: date | None = None
    withdrawn_reason: str = ""


@dataclass(frozen=True)
class Item(Record):
    """One receivable. ``kind`` is invoice, credit or payment (on account); amounts of the latter two are negative.

    ``days_overdue`` is positive after the due date, 0 on it, negative before.
    ``link_url`` leads to the document (to view or pay it), ``origin_name`` names its ledger.
    """

    number: str
    kind: str
    total_amount: Decimal
    open_amount: Decimal
    issue_date: date | None = None
    due_date: date | None = None
    days_overdue: int = 0
    reference: str = ""
    link_url: str = ""
    origin_name: str = ""

    def __post_init__(self):
        super().__post_init__()
        _keep_only(self, "link_url", _WEB)


@dataclass(frozen=True)
class Segment(Record):
    """A stretch of interest on ``base_amount``; ``from_date`` and ``to_date`` are its first and last day that count."""

    from_date: date
    to_date: date
    days: int
    base_amount: Decimal
    rate_pct: Decimal
    amount: Decimal
    source: str = ""


@dataclass(frozen=True)
class Charge(Record):
    """What is claimed on top: ``kind`` is interest, fixed_sum or fee; ``segments`` is its calculation sheet."""

    label: str
    kind: str
    amount: Decimal
    legal_basis: str = ""
    item_number: str = ""
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Totals(Record):
    """``principal`` = ``overdue`` + ``not_yet_due`` (invoices only); ``credits`` is zero or negative.

    ``total_due`` is what the message asks for: the overdue invoices (all invoices when none is overdue),
    less credits, plus ``interest`` and ``costs``.
    """

    principal: Decimal
    credits: Decimal
    interest: Decimal
    costs: Decimal
    overdue: Decimal
    not_yet_due: Decimal
    total_due: Decimal
    invoice_count: int
    overdue_count: int

    @classmethod
    def of(cls, items: tuple[Item, ...], charges: tuple[Charge, ...] = ()) -> Totals:
        """The totals that belong to these lines, in their one currency."""
        zero = Decimal(0)
        invoices = [item for item in items if item.kind == INVOICE]
        late = [item for item in invoices if item.days_overdue > 0]
        principal = sum((item.open_amount for item in invoices), zero)
        overdue = sum((item.open_amount for item in late), zero)
        credit_total = sum((item.open_amount for item in items if item.kind != INVOICE), zero)
        interest = sum((charge.amount for charge in charges if charge.kind == INTEREST), zero)
        costs = sum((charge.amount for charge in charges if charge.kind != INTEREST), zero)
        return cls(
            principal=principal,
            credits=credit_total,
            interest=interest,
            costs=costs,
            overdue=overdue,
            not_yet_due=principal - overdue,
            total_due=(overdue if late else principal) + credit_total + interest + costs,
            invoice_count=len(invoices),
            overdue_count=len(late),
        )


@dataclass(frozen=True)
class Offer(Record):
    """Early settlement: pay ``amount`` (= total due less ``discount``) until ``until_date``."""

    amount: Decimal
    discount: Decimal
    until_date: date


@dataclass(frozen=True)
class Payment(Record):
    """``pay_url`` pays the whole sum, ``portal_url`` shows the account, ``reference`` goes on the transfer."""

    reference: str = ""
    pay_url: str = ""
    portal_url: str = ""

    def __post_init__(self):
        super().__post_init__()
        _keep_only(self, "pay_url", _WEB)
        _keep_only(self, "portal_url", _WEB)


@dataclass(frozen=True)
class Receipt(Record):
    """A payment that arrived, for the message that says thanks."""

    amount: Decimal
    payment_date: date
    reference: str = ""


@dataclass(frozen=True)
class MessageContext(Record):
    """Everything one message may show; each field is a variable in the template.

    ``language`` is an Odoo or CLDR code (``de``, ``de_AT``): labels and formats follow it.
    """

    language: str
    company: Company
    customer: Customer
    recipient: Recipient
    contact: Contact
    level: Level
    document: Document
    items: tuple[Item, ...]
    totals: Totals
    payment: Payment = Payment()
    charges: tuple[Charge, ...] = ()
    daily_interest: Decimal | None = None
    legal_texts: tuple[str, ...] = ()
    offer: Offer | None = None
    receipt: Receipt | None = None
    preview: bool = False


DATA_TYPES = (
    Currency,
    BankAccount,
    Company,
    Customer,
    Recipient,
    Contact,
    Level,
    Document,
    Item,
    Segment,
    Charge,
    Totals,
    Offer,
    Payment,
    Receipt,
)
READABLE_FIELDS = {
    data_type: frozenset(field.name for field in fields(data_type)) for data_type in DATA_TYPES
}
VARIABLES = tuple(field.name for field in fields(MessageContext))

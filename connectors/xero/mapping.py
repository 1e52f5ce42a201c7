"""Xero Accounting API JSON → neutral records. Field truth: Xero's OpenAPI 16.1.

Only sales documents (ACCREC…) are ours. `Total = AmountDue + AmountPaid + AmountCredited` has to hold for a live
invoice, else it was read in the middle of a change. `CurrencyRate` is document units per home unit, as ours.
Due dates are calendar days: `DueDateString` before `/Date(ms+hhmm)/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from ..errors import BadRecord
from ..gateway import Lease
from ..reading import FieldError, Fields, HalfRead, read
from ..records import (
    DELETED,
    DRAFT,
    OPEN,
    PAID,
    UNKNOWN,
    VOID,
    Allocation,
    Contact,
    Credit,
    Customer,
    Invoice,
    Payment,
    Record,
    Tombstone,
)

STATUS = {"DRAFT": DRAFT, "SUBMITTED": DRAFT, "VOIDED": VOID, "DELETED": DELETED}
LIVE = ("AUTHORISED", "PAID")
CREDIT_KINDS = {
    "CreditNoteID": ("credit_note", ("ACCRECCREDIT",), ("ACCPAYCREDIT",)),
    "OverpaymentID": (
        "overpayment",
        ("RECEIVE-OVERPAYMENT", "AROVERPAYMENT"),
        ("SPEND-OVERPAYMENT", "APOVERPAYMENT"),
    ),
    "PrepaymentID": (
        "prepayment",
        ("RECEIVE-PREPAYMENT", "ARPREPAYMENT"),
        ("SPEND-PREPAYMENT", "APPREPAYMENT"),
    ),
}
RECEIPT = "ACCRECPAYMENT"
WEB = "https://go.xero.com"
# Refunds of credits show in the credit's own remainder; the rest belongs to purchases.
OTHER_PAYMENTS = frozenset(
    {
        "ARCREDITPAYMENT",
        "AROVERPAYMENTPAYMENT",
        "ARPREPAYMENTPAYMENT",
        "ACCPAYPAYMENT",
        "APCREDITPAYMENT",
        "APOVERPAYMENTPAYMENT",
        "APPREPAYMENTPAYMENT",
    }
)


@dataclass(frozen=True)
class Links:
    """Where a person sees an invoice in Xero. `base` "" gives no links."""

    base: str = ""
    short_code: str = ""

    @classmethod
    def of(cls, lease: Lease, short_code: str) -> Links:
        """A ledger at another address than Xero's has its own pages, or none."""
        return cls(lease.urls.get("web", "")) if lease.urls.get("api") else cls(WEB, short_code)

    def to_invoice(self, invoice_id: str) -> str:
        """Xero's deep link (developer.xero.com, "Deep link to Xero"): opens the right organisation first."""
        if self.base != WEB:
            return f"{self.base}/{invoice_id}" if self.base else ""
        view = f"/AccountsReceivable/View.aspx?InvoiceID={invoice_id}"
        if not self.short_code:
            return WEB + view
        query = urlencode({"shortcode": self.short_code, "redirecturl": view})
        return f"{WEB}/organisationlogin/default.aspx?{query}"


@dataclass(frozen=True)
class Organisation:
    """What mapping needs to know of the organisation."""

    home_currency: str
    links: Links = Links()


def customer(payload: Any, organisation: Organisation) -> Record | BadRecord | None:
    return read("customer", payload, ("ContactID",), _customer)


def invoice(payload: Any, organisation: Organisation) -> Record | BadRecord | None:
    return read("invoice", payload, ("InvoiceID",), lambda fields: _invoice(fields, organisation))


def credit(payload: Any, organisation: Organisation) -> Record | BadRecord | None:
    return read("credit", payload, tuple(CREDIT_KINDS), lambda fields: _credit(fields, organisation))


def payment(payload: Any, organisation: Organisation) -> Record | BadRecord | None:
    return read("payment", payload, ("PaymentID",), lambda fields: _payment(fields, organisation))


def balance(payload: Any) -> tuple[str, None, Decimal] | None:
    """(contact, None, outstanding): Xero adds up the amounts of all currencies as they stand. None: not told."""
    try:
        fields = Fields(payload)
        receivable = fields.child("Balances").child("AccountsReceivable")
        return fields.required_text("ContactID"), None, receivable.money("Outstanding")
    except FieldError:
        return None


def _customer(fields: Fields) -> Customer:
    address = _address(fields.children("Addresses"))
    people = tuple(
        Contact(
            name=" ".join(filter(None, (person.text("FirstName"), person.text("LastName")))),
            email=person.text("EmailAddress"),
            role="ap" if person.flag("IncludeInEmails", False) else "other",
        )
        for person in fields.children("ContactPersons")
    )
    own = " ".join(filter(None, (fields.text("FirstName"), fields.text("LastName"))))
    return Customer(
        external_id=fields.required_text("ContactID"),
        updated_at=_updated_at(fields),
        name=fields.required_text("Name"),
        active=fields.text("ContactStatus") not in ("ARCHIVED", "GDPRREQUEST"),
        email=fields.text("EmailAddress"),
        phone=_phone(fields.children("Phones")),
        **address,
        vat=fields.text("TaxNumber"),
        is_company=bool(fields.text("CompanyNumber") or fields.text("TaxNumber")),
        currency=fields.currency("DefaultCurrency") if fields.text("DefaultCurrency") else "",
        merged_into=fields.text("MergedToContactID") or None,
        contacts=((Contact(name=own),) if own else ()) + people,
    )


def _address(addresses: list[Fields]) -> dict:
    """The postal address; the street one where there is no other."""
    usable = [one for one in addresses if one.text("AddressLine1") or one.text("City") or one.text("Country")]
    usable.sort(key=lambda one: one.text("AddressType") != "POBOX")
    if not usable:
        return {}
    one = usable[0]
    more = ", ".join(filter(None, (one.text(f"AddressLine{number}") for number in (2, 3, 4))))
    return {
        "street": one.text("AddressLine1"),
        "street2": more,
        "city": one.text("City"),
        "zip": one.text("PostalCode"),
        "state": one.text("Region"),
        "country": one.text("Country"),
    }


def _phone(phones: list[Fields]) -> str:
    for kind in ("DEFAULT", "DDI", "MOBILE"):
        for phone in phones:
            if phone.text("PhoneType") == kind and phone.text("PhoneNumber"):
                parts = (phone.text(f"Phone{name}") for name in ("CountryCode", "AreaCode", "Number"))
                return " ".join(filter(None, parts))
    return ""


def _invoice(fields: Fields, organisation: Organisation) -> Invoice | None:
    kind = fields.text("Type")
    if kind == "ACCPAY":
        return None
    total = fields.money("Total")
    word = fields.text("Status")
    due = _amount_due(fields, total) if word in LIVE else fields.money("AmountDue")
    status = _status(word, due) if kind == "ACCREC" else UNKNOWN
    external_id = fields.required_text("InvoiceID")
    return Invoice(
        external_id=external_id,
        updated_at=_updated_at(fields),
        customer_id=fields.child("Contact").required_text("ContactID"),
        number=fields.text("InvoiceNumber"),
        reference=fields.text("Reference"),
        issue_date=_day(fields, "Date"),
        due_date=_day(fields, "DueDate"),
        **_money_terms(fields, organisation),
        total=total,
        open_amount=due if status in (OPEN, PAID, UNKNOWN) else Decimal(0),
        status=status,
        link=organisation.links.to_invoice(external_id),
    )


def _amount_due(fields: Fields, total: Decimal) -> Decimal:
    due = fields.money("AmountDue")
    paid = fields.optional_number("AmountPaid") or Decimal(0)
    credited = fields.optional_number("AmountCredited") or Decimal(0)
    if due + paid + credited != total:
        raise HalfRead(
            "AmountDue", f"{due} due, {paid} paid and {credited} credited do not add up to {total}"
        )
    if not 0 <= due <= total:
        raise FieldError("AmountDue", f"{due} does not fit a total of {total}")
    if fields.text("Status") == "PAID" and due:
        raise HalfRead("AmountDue", f"{due} is due of an invoice that is PAID")
    return due


def _credit(fields: Fields, organisation: Organisation) -> Credit | None:
    id_name = next((name for name in CREDIT_KINDS if fields.raw(name)), None)
    if id_name is None:
        raise FieldError("CreditNoteID", "it is missing")
    kind, ours, not_ours = CREDIT_KINDS[id_name]
    credit_type = fields.text("Type")
    if credit_type in not_ours:
        return None
    total, left = fields.money("Total"), fields.money("RemainingCredit")
    if not 0 <= left <= total:
        raise FieldError("RemainingCredit", f"{left} does not fit a total of {total}")
    external_id = fields.required_text(id_name)
    status = _status(fields.text("Status"), left) if credit_type in ours else UNKNOWN
    return Credit(
        external_id=external_id,
        updated_at=_updated_at(fields),
        customer_id=fields.child("Contact").required_text("ContactID"),
        number=fields.text("CreditNoteNumber"),
        reference=fields.text("Reference"),
        issue_date=_day(fields, "Date"),
        **_money_terms(fields, organisation),
        total=total,
        open_amount=left if status in (OPEN, PAID, UNKNOWN) else Decimal(0),
        status=status,
        kind=kind,
        allocations=tuple(_allocations(fields, external_id)),
    )


def _allocations(fields: Fields, credit_id: str) -> Iterable[Allocation]:
    for row in fields.children("Allocations"):
        invoice_id = row.child("Invoice").text("InvoiceID")
        if invoice_id and not row.flag("IsDeleted", False):
            yield Allocation("credit", credit_id, invoice_id, row.money("Amount"), _day(row, "Date"))


def _payment(fields: Fields, organisation: Organisation) -> Payment | Tombstone | None:
    kind = fields.text("PaymentType")
    if kind in OTHER_PAYMENTS:
        return None
    external_id, updated_at = fields.required_text("PaymentID"), _updated_at(fields)
    if fields.text("Status") == "DELETED":
        return Tombstone("payment", external_id, updated_at)
    target = fields.child("Invoice")
    if target.text("Type") == "ACCPAY":
        return None
    invoice_id = target.required_text("InvoiceID")
    amount, day = fields.money("Amount"), _day(fields, "Date")
    currency = target.currency("CurrencyCode")
    known = kind == RECEIPT and fields.text("Status") == "AUTHORISED"
    return Payment(
        external_id=external_id,
        updated_at=updated_at,
        customer_id=target.child("Contact").required_text("ContactID"),
        date=day,
        currency=currency,
        rate=_rate(fields, currency, organisation),
        amount=amount,
        unapplied_amount=Decimal(0),
        status=PAID if known else UNKNOWN,
        reference=fields.text("Reference"),
        allocations=(Allocation("payment", external_id, invoice_id, amount, day),),
    )


def _status(word: str, left: Decimal) -> str:
    if word in LIVE:
        return OPEN if left else PAID
    return STATUS.get(word, UNKNOWN)


def _money_terms(fields: Fields, organisation: Organisation) -> dict:
    currency = fields.currency("CurrencyCode")
    return {"currency": currency, "rate": _rate(fields, currency, organisation)}


def _rate(fields: Fields, currency: str, organisation: Organisation) -> Decimal | None:
    """A missing or zero rate is unknown, never 1."""
    if currency == organisation.home_currency:
        return Decimal(1)
    rate = fields.optional_number("CurrencyRate")
    if rate is not None and rate < 0:
        raise FieldError("CurrencyRate", f"{rate} is below zero")
    return rate or None


def _day(fields: Fields, name: str) -> date | None:
    return fields.day(f"{name}String") or fields.day(name)


def _updated_at(fields: Fields) -> Any:
    name = "UpdatedDateUTC" if fields.raw("UpdatedDateUTC") else "UpdatedDateUTCString"
    return fields.instant(name, assumed=timezone.utc)

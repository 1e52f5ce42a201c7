"""QuickBooks Online JSON → neutral records. Field truth: Intuit's Finance.xsd, minor version 75.

QuickBooks has no document status: an invoice is open while `Balance` > 0; a voided one stands there with zeros and a
`PrivateNote` that begins with "Voided", which would otherwise look paid. `ExchangeRate` is home units per foreign
unit, the inverse of ours. A customer has one currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any

from ..errors import BadRecord
from ..gateway import Lease
from ..reading import FieldError, Fields, read
from ..records import (
    OPEN,
    PAID,
    VOID,
    Allocation,
    Contact,
    Credit,
    Customer,
    Invoice,
    Payment,
    Record,
)

RATE_DIGITS = 16
WEB = {"production": "https://app.qbo.intuit.com", "sandbox": "https://app.sandbox.qbo.intuit.com"}
JOURNAL = "journal"


@dataclass(frozen=True)
class Links:
    """Where a person sees a document in QuickBooks. `base` "" gives no links."""

    base: str = ""
    realm_id: str = ""
    is_local: bool = False

    @classmethod
    def of(cls, lease: Lease) -> Links:
        """A ledger at another address than Intuit's has its own pages, or none."""
        if lease.urls.get("api"):
            return cls(lease.urls.get("web", ""), lease.organisation, is_local=True)
        return cls(WEB[lease.environment], lease.organisation)

    def to(self, page: str, record_id: str) -> str:
        """`page`: invoice | journal. Intuit's own form of staff links (SampleApp-Projects-Java, README)."""
        if not self.base:
            return ""
        if self.is_local:
            return f"{self.base}/{self.realm_id}/{record_id}"
        return f"{self.base}/app/{page}?txnId={record_id}&companyId={self.realm_id}"


@dataclass(frozen=True)
class Company:
    """What mapping needs to know of the company: its home currency and the accounts that are receivables."""

    home_currency: str
    receivable_accounts: frozenset[str] = frozenset()
    links: Links = Links()


def journal_id(entry_id: str, customer_id: str) -> str:
    """One claim per journal entry and customer."""
    return f"{JOURNAL}-{entry_id}-{customer_id}"


def entry_of(external_id: str) -> str | None:
    """The journal entry's own Id, or None when the id is not a journal's."""
    parts = external_id.split("-")
    return parts[1] if len(parts) == 3 and parts[0] == JOURNAL else None


def updated_at(fields: Fields) -> datetime:
    return fields.child("MetaData").instant("LastUpdatedTime")


def customer(payload: Any, company: Company) -> Record | BadRecord | None:
    return read("customer", payload, ("Id",), lambda fields: _customer(fields, company))


def invoice(payload: Any, company: Company) -> Record | BadRecord | None:
    return read("invoice", payload, ("Id",), lambda fields: _invoice(fields, company))


def credit_memo(payload: Any, company: Company) -> Record | BadRecord | None:
    return read("credit", payload, ("Id",), lambda fields: _credit_memo(fields, company))


def payment(payload: Any, company: Company) -> Record | BadRecord | None:
    return read("payment", payload, ("Id",), lambda fields: _payment(fields, company))


def journal(
    payload: Any, company: Company, settled: Callable[[str, str], Decimal]
) -> list[Record | BadRecord]:
    """The receivable lines of a journal entry, one record per customer. `settled(entry_id, customer_id)` = what
    payments have taken off it, claim or credit: the entry itself does not say.
    """
    try:
        return list(_journal(Fields(payload), company, settled))
    except FieldError as error:
        entry = payload.get("Id") if isinstance(payload, dict) else None
        return [BadRecord("invoice", f"{JOURNAL}-{entry}-" if entry else "", str(error), payload)]


def links(payload: Any) -> Iterable[tuple[str, str, Decimal]]:
    """(TxnType, TxnId, amount) of a payment's lines; unreadable lines raise FieldError."""
    for line in Fields(payload).children("Line"):
        for link in line.children("LinkedTxn"):
            yield link.required_text("TxnType"), link.required_text("TxnId"), line.money("Amount")


def _customer(fields: Fields, company: Company) -> Customer:
    address = fields.child("BillAddr")
    parent_id = fields.child("ParentRef").text("value") or None
    emails = [
        part.strip() for part in fields.child("PrimaryEmailAddr").text("Address").split(",") if part.strip()
    ]
    currency = _currency(fields, company)
    person = " ".join(filter(None, (fields.text("GivenName"), fields.text("FamilyName"))))
    extra = tuple(Contact(email=email, role="ap") for email in emails[1:])
    return Customer(
        external_id=fields.required_text("Id"),
        updated_at=updated_at(fields),
        name=fields.text("DisplayName") or fields.required_text("FullyQualifiedName"),
        active=fields.flag("Active", True),
        email=emails[0] if emails else "",
        phone=fields.child("PrimaryPhone").text("FreeFormNumber"),
        street=address.text("Line1"),
        street2=address.text("Line2"),
        city=address.text("City"),
        zip=address.text("PostalCode"),
        state=address.text("CountrySubDivisionCode"),
        country=address.text("Country"),
        vat=fields.text("PrimaryTaxIdentifier"),
        is_company=bool(fields.text("CompanyName") or fields.text("PrimaryTaxIdentifier")),
        currency=currency,
        parent_id=parent_id,
        bill_with_parent=bool(parent_id) and fields.flag("BillWithParent", False),
        contacts=((Contact(name=person),) if person else ()) + extra,
        balances=balances(fields, currency),
    )


def balances(fields: Fields, currency: str) -> tuple[tuple[str, Decimal], ...]:
    """The customer's own balance; `BalanceWithJobs` would count sub-customers twice."""
    amount = fields.optional_number("Balance")
    return () if amount is None else ((currency, amount),)


def balance(payload: Any, company: Company) -> tuple[str, str, Decimal] | None:
    """(customer, currency, balance) out of a customer row; None when it cannot be read."""
    try:
        fields = Fields(payload)
        return fields.required_text("Id"), _currency(fields, company), fields.money("Balance")
    except FieldError:
        return None


def _invoice(fields: Fields, company: Company) -> Invoice:
    total, balance = fields.money("TotalAmt"), fields.money("Balance")
    if not 0 <= balance <= total:
        raise FieldError("Balance", f"{balance} does not fit a total of {total}")
    external_id = fields.required_text("Id")
    return Invoice(
        external_id=external_id,
        updated_at=updated_at(fields),
        customer_id=fields.child("CustomerRef").required_text("value"),
        number=fields.text("DocNumber"),
        reference="",
        issue_date=fields.day("TxnDate"),
        due_date=fields.day("DueDate"),
        **_money_terms(fields, company),
        total=total,
        open_amount=balance,
        status=_status(fields, total, balance),
        link=company.links.to("invoice", external_id),
    )


def _credit_memo(fields: Fields, company: Company) -> Credit:
    total = fields.money("TotalAmt")
    left = fields.optional_number("RemainingCredit")
    left = fields.money("Balance") if left is None else left
    if not 0 <= left <= total:
        raise FieldError("RemainingCredit", f"{left} does not fit a total of {total}")
    return Credit(
        external_id=fields.required_text("Id"),
        updated_at=updated_at(fields),
        customer_id=fields.child("CustomerRef").required_text("value"),
        number=fields.text("DocNumber"),
        reference="",
        issue_date=fields.day("TxnDate"),
        **_money_terms(fields, company),
        total=total,
        open_amount=left,
        status=_status(fields, total, left),
    )


def _payment(fields: Fields, company: Company) -> Payment:
    """A zero-total payment that links a credit memo to invoices is how QuickBooks applies the memo."""
    amount = fields.money("TotalAmt")
    unapplied = fields.optional_number("UnappliedAmt") or Decimal(0)
    if not 0 <= unapplied <= amount:
        raise FieldError("UnappliedAmt", f"{unapplied} does not fit an amount of {amount}")
    external_id = fields.required_text("Id")
    day = fields.day("TxnDate")
    customer_id = fields.child("CustomerRef").required_text("value")
    return Payment(
        external_id=external_id,
        updated_at=updated_at(fields),
        customer_id=customer_id,
        date=day,
        **_money_terms(fields, company),
        amount=amount,
        unapplied_amount=unapplied,
        status=VOID if _is_voided(fields, amount) else OPEN if unapplied else PAID,
        reference=fields.text("PaymentRefNum"),
        allocations=tuple(_allocations(fields, external_id, customer_id, day)),
    )


def _allocations(fields: Fields, payment_id: str, customer_id: str, day: Any) -> Iterable[Allocation]:
    """What the payment settles. Credits linked on it give first, in the order of the lines; then the money."""
    claims, credits, entries = [], [], []
    for line in fields.children("Line"):
        for link in line.children("LinkedTxn"):
            kind, target = link.text("TxnType"), link.text("TxnId")
            if kind == "CreditMemo" and target:
                credits.append([target, line.money("Amount")])
            elif kind == "Invoice" and target:
                claims.append((target, line.money("Amount")))
            elif kind == "JournalEntry" and target:
                entries.append((journal_id(target, customer_id), line.money("Amount")))
    if _give(fields, claims, credits, entries):
        credits += map(list, entries)
    else:
        claims += entries
    for invoice_id, amount in claims:
        while credits and amount:
            part = min(credits[0][1], amount)
            yield Allocation("credit", credits[0][0], invoice_id, part, day)
            credits[0][1] -= part
            amount -= part
            if not credits[0][1]:
                credits.pop(0)
        if amount:
            yield Allocation("payment", payment_id, invoice_id, amount, day)


def _give(fields: Fields, claims: list, credits: list, entries: list) -> bool:
    """Whether the journal entries of a payment are credits, used by it, and no claims: its lines do not say, but
    claims come to what money and credits give."""
    money = fields.money("TotalAmt") - (fields.optional_number("UnappliedAmt") or Decimal(0))
    given = money + sum(amount for _id, amount in (*credits, *entries))
    return bool(entries) and sum(amount for _id, amount in claims) == given


def _journal(fields: Fields, company: Company, settled: Callable) -> Iterable[Record]:
    entry_id, stamp, day = fields.required_text("Id"), updated_at(fields), fields.day("TxnDate")
    amounts: dict[str, Decimal] = {}
    for line in fields.children("Line"):
        detail = line.child("JournalEntryLineDetail")
        entity = detail.child("Entity")
        if entity.text("Type") == "Customer" and _is_receivable(detail.child("AccountRef"), company):
            customer_id = entity.child("EntityRef").required_text("value")
            amounts.setdefault(customer_id, Decimal(0))
            amounts[customer_id] += _posting_sign(detail) * line.money("Amount")
    voided = fields.text("PrivateNote").startswith("Voided")
    for customer_id, amount in amounts.items():
        common = {
            "external_id": journal_id(entry_id, customer_id),
            "updated_at": stamp,
            "customer_id": customer_id,
            "number": fields.text("DocNumber"),
            "reference": "",
            "issue_date": day,
            **_money_terms(fields, company),
            "total": abs(amount),
            "kind": JOURNAL,
        }
        left = Decimal(0) if voided else abs(amount) - settled(entry_id, customer_id)
        if left < 0:
            raise FieldError("Line", f"payments take {-left} more than the entry's {abs(amount)}")
        status = VOID if voided else OPEN if left else PAID
        if amount < 0:
            yield Credit(**common, open_amount=left, status=status)
            continue
        # The ageing report of QuickBooks counts a journal entry from its own date: it is due at once.
        link = company.links.to(JOURNAL, entry_id)
        yield Invoice(**common, due_date=day, open_amount=left, status=status, link=link)


def _is_receivable(account: Fields, company: Company) -> bool:
    """By account type; where the consent does not show accounts, by the name QuickBooks gives the default one."""
    if company.receivable_accounts:
        return account.text("value") in company.receivable_accounts
    return account.text("name").startswith("Accounts Receivable")


def _posting_sign(detail: Fields) -> int:
    posting = detail.text("PostingType")
    if posting not in ("Debit", "Credit"):
        raise FieldError("PostingType", f"{posting!r} is neither Debit nor Credit")
    return 1 if posting == "Debit" else -1


def _money_terms(fields: Fields, company: Company) -> dict:
    currency = _currency(fields, company)
    return {"currency": currency, "rate": _rate(fields, currency, company)}


def _currency(fields: Fields, company: Company) -> str:
    """A company without multi-currency leaves the reference out; one that names no currency is not believed."""
    reference = fields.child("CurrencyRef")
    return reference.currency("value") if fields.raw("CurrencyRef") else company.home_currency


def _rate(fields: Fields, currency: str, company: Company) -> Decimal | None:
    if currency == company.home_currency:
        return Decimal(1)
    home_per_unit = fields.optional_number("ExchangeRate")
    if not home_per_unit:
        return None
    if home_per_unit < 0:
        raise FieldError("ExchangeRate", f"{home_per_unit} is below zero")
    with localcontext() as context:
        context.prec = RATE_DIGITS
        return 1 / home_per_unit


def _status(fields: Fields, total: Decimal, left: Decimal) -> str:
    if _is_voided(fields, total):
        return VOID
    return OPEN if left else PAID


def _is_voided(fields: Fields, total: Decimal) -> bool:
    return not total and fields.text("PrivateNote").startswith("Voided")

"""What QuickBooks lets one query: entities, their rows in the book, their properties, their JSON."""

from collections import namedtuple
from decimal import Decimal

from . import currencies
from .quickbooks_json import ACCOUNTS, ITEMS, TERMS, Renderer

# rows(company) -> records; render(renderer, record) -> dict; fields: path -> callable(record); listed: can be inactive
Entity = namedtuple("Entity", "rows render fields listed kinds")


def second(moment):
    """Times are told, and compared, to the second."""
    return moment.replace(microsecond=0)


def _number(record_id):
    return Decimal(record_id)


_STAMPS = {
    "Id": lambda row: _number(row.id),
    "MetaData.CreateTime": lambda row: second(row.created_at),
    "MetaData.LastUpdatedTime": lambda row: second(row.updated_at),
}
_TRANSACTION = {
    **_STAMPS,
    "DocNumber": lambda row: row.number or None,
    "TxnDate": lambda row: row.issue_date,
    "TotalAmt": lambda row: row.total if row.live else Decimal(0),
    "CustomerRef": lambda row: row.customer_id,
    "CurrencyRef": lambda row: row.currency,
    "PrivateNote": lambda row: row.note or None,
}
_CUSTOMER = {
    **_STAMPS,
    "DisplayName": lambda row: row.name,
    "CompanyName": lambda row: row.name,
    "GivenName": lambda row: row.given_name or None,
    "FamilyName": lambda row: row.family_name or None,
    "PrimaryEmailAddr": lambda row: row.email or None,
    "Active": lambda row: row.active,
    "Job": lambda row: bool(row.parent_id),
}


def _terms(company):
    return [(number, days, name) for number, (days, name) in enumerate(TERMS.items(), 1)]


ENTITIES = {
    "Customer": Entity(
        lambda company: company.customers.values(), Renderer.customer, _CUSTOMER, True, ("customer",)
    ),
    "Invoice": Entity(
        lambda company: company.invoices.values(),
        Renderer.invoice,
        {
            **_TRANSACTION,
            "DueDate": lambda row: row.due_date,
            "Balance": lambda row: row.open,
            "EmailStatus": lambda row: row.email_status,
        },
        False,
        ("invoice",),
    ),
    "Payment": Entity(
        lambda company: company.payments(), Renderer.payment, _TRANSACTION, False, ("payment",)
    ),
    "CreditMemo": Entity(
        lambda company: company.credits(),
        Renderer.credit_memo,
        {**_TRANSACTION, "Balance": lambda row: row.remaining},
        False,
        ("credit",),
    ),
    "JournalEntry": Entity(
        lambda company: company.journals.values(),
        Renderer.journal,
        {name: _TRANSACTION[name] for name in (*_STAMPS, "DocNumber", "TxnDate", "TotalAmt")},
        False,
        ("journal",),
    ),
    "RefundReceipt": Entity(
        lambda company: company.refunds.values(), Renderer.refund_receipt, _TRANSACTION, False, ("refund",)
    ),
    "Term": Entity(
        _terms,
        Renderer.term,
        {"Id": lambda row: Decimal(row[0]), "Name": lambda row: row[2], "Active": lambda row: True},
        True,
        (),
    ),
    "Account": Entity(
        lambda company: ACCOUNTS,
        Renderer.account,
        {
            "Id": lambda row: Decimal(row.id),
            "Name": lambda row: row.name,
            "AccountType": lambda row: row.kind,
            "Active": lambda row: True,
        },
        True,
        (),
    ),
    "Item": Entity(
        lambda company: ITEMS,
        Renderer.item,
        {
            "Id": lambda row: Decimal(row.id),
            "Name": lambda row: row.name,
            "Type": lambda row: row.kind,
            "Active": lambda row: True,
        },
        True,
        (),
    ),
    "CompanyCurrency": Entity(
        lambda company: sorted(set(currencies.NAMES) - {company.home_currency}),
        Renderer.company_currency,
        {"Code": lambda row: row, "Active": lambda row: True},
        True,
        (),
    ),
    "CompanyInfo": Entity(
        lambda company: [company], Renderer.company_info, {"Id": lambda row: Decimal(1)}, False, ()
    ),
    "Preferences": Entity(
        lambda company: [company], Renderer.preferences, {"Id": lambda row: Decimal(1)}, False, ()
    ),
}
BY_PATH = {name.lower(): name for name in ENTITIES}
CAPTURED = ("Customer", "Invoice", "Payment", "CreditMemo", "JournalEntry", "RefundReceipt")
NEVER_HERE = ("SalesReceipt", "Deposit", "Estimate", "Bill", "Vendor", "Purchase")


def lookup(company, name, record_id):
    tables = {
        "Customer": company.customers,
        "Invoice": company.invoices,
        "JournalEntry": company.journals,
        "RefundReceipt": company.refunds,
    }
    if name in tables:
        return tables[name].get(record_id)
    if name in ("Payment", "CreditMemo"):
        source = company.sources.get(record_id)
        return source if source and source.kind in ENTITIES[name].kinds else None
    for listed, rows in (("Account", ACCOUNTS), ("Item", ITEMS)):
        if name == listed:
            return next((row for row in rows if row.id == record_id), None)
    return next((term for term in _terms(company) if name == "Term" and str(term[0]) == record_id), None)

"""Writes to QuickBooks Online, each standing there once: notes on invoices, payments, invoices of charges.

An invoice has one private note, shared with everybody who writes there, so a line is appended under the record's
SyncToken: whoever else writes in between makes ours fail with 5010, and it is read and merged anew. The private note
of a voided invoice is what tells that it is void (it begins with "Voided"); those are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from ..errors import Conflict, Refused
from ..reading import Fields
from ..writing import ChargeDocument, Income, PaymentAccount, json_number, mark, marked, same_total
from .client import Client, quoted
from .mapping import entry_of

T = TypeVar("T")
NOTE_LONGEST = 4000
LINE_LONGEST = 500
PAYMENT_NUMBER_LONGEST = 21
NUMBER_LONGEST = 21
# The one scope there is covers reading and writing.
SCOPES = dict.fromkeys(
    ("note", "payment", "charge_invoice", "charge_credit"), "com.intuit.quickbooks.accounting"
)


def note_on_invoice(client: Client, invoice_id: str, text: str, key: str) -> None:
    """Append a line to the invoice's private note, unless the one with this `key` stands there.

    :raise Gone: QuickBooks does not have the invoice. :raise Refused: it is void, or the note is full.
    """
    _refuse_journal(invoice_id)

    def attempt() -> None:
        invoice = client.get("Invoice", invoice_id)
        before = str(invoice.get("PrivateNote") or "")
        if mark(key) in before:
            return
        body = {
            "Id": invoice_id,
            "SyncToken": str(invoice.get("SyncToken")),
            "sparse": True,
            "PrivateNote": _appended(before, marked(text, key, LINE_LONGEST)),
        }
        # A SyncToken is good for one write; with it in the request id, a merged text is not taken for the first one.
        client.update("Invoice", json.dumps(body), request_id=f"{key}-{body['SyncToken']}"[:50])

    client.budget.retried(_merged(attempt))


def record_payment(
    client: Client,
    invoice_id: str,
    amount: Decimal,
    day: date,
    account_id: str,
    reference: str,
    key: str,
) -> str:
    """Record money received for the invoice, in its currency; return the payment's id, also when it stood there.

    :raise Refused: less is open than `amount`, or the books say no (closed period, account).
    """
    _refuse_journal(invoice_id)

    def attempt() -> str:
        invoice = Fields(client.get("Invoice", invoice_id))
        customer_id = invoice.child("CustomerRef").required_text("value")
        standing = _standing_payment(client, customer_id, day, mark(key))
        if standing:
            return standing
        if invoice.money("Balance") < amount:
            raise Refused(
                f"Only {invoice.money('Balance')} of the invoice is open in QuickBooks, not {amount}."
            )
        body = {
            "CustomerRef": {"value": customer_id},
            **_same_currency(invoice),
            "TotalAmt": json_number(amount),
            "TxnDate": day.isoformat(),
            "PaymentRefNum": reference[:PAYMENT_NUMBER_LONGEST],
            "PrivateNote": marked(reference, key, LINE_LONGEST),
            "DepositToAccountRef": {"value": account_id},
            "Line": [
                {"Amount": json_number(amount), "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}
            ],
        }
        return str(client.update("Payment", json.dumps(body), request_id=key[:50])["Id"])

    return client.budget.retried(attempt)


def incomes(client: Client) -> list[Income]:
    """Items that lines of invoices can name: services, and goods that are not counted in stock."""
    rows = client.rows("Item", "SELECT * FROM Item WHERE Type IN ('Service', 'NonInventory') MAXRESULTS 1000")
    return [
        Income(str(row["Id"]), str(row.get("FullyQualifiedName") or row.get("Name") or row["Id"]))
        for row in rows
        if isinstance(row, dict) and row.get("Id")
    ]


def find_charges(client: Client, document: ChargeDocument, key: str) -> str:
    """The id of the invoice written under this `key`, also when it is void; empty when there is none."""
    return str(_standing(client, "Invoice", document, key).get("Id") or "")


def invoice_charges(client: Client, document: ChargeDocument, key: str) -> str:
    """Make an invoice of the charges; return its id, also when it stood there.

    QuickBooks numbers it; where the company gives its own numbers, the document's text becomes the number.

    :raise Refused: the books say no (closed period, item, number), or the total came out different.
    """

    def attempt() -> str:
        row = _standing(client, "Invoice", document, key)
        if not row:
            preferences = client.preferences()
            body = {
                **_document(client, document, key, preferences),
                "DueDate": document.due_date.isoformat(),
                **_own_number(document, preferences),
            }
            row = client.update("Invoice", json.dumps(body), request_id=key[:50])
        invoice = Fields(row)
        if not invoice.text("PrivateNote").startswith("Voided"):
            same_total("QuickBooks", invoice.text("DocNumber"), invoice.money("TotalAmt"), document)
        return str(row["Id"])

    return client.budget.retried(attempt)


def credit_charges(client: Client, invoice_id: str, document: ChargeDocument, key: str) -> str:
    """Take charges back: the invoice is voided when all of it goes and nothing was paid or credited, else a credit memo
    is set against what is open of it; what was paid stays with the customer as an open credit.

    :return: the id of the credit memo, also when it stood there; empty when the invoice is void
    :raise Gone: QuickBooks does not have the invoice. :raise Refused: the books say no (closed period).
    """

    def attempt() -> str:
        row = client.get("Invoice", invoice_id)
        invoice = Fields(row)
        if invoice.text("PrivateNote").startswith("Voided"):
            return ""
        memo = _standing(client, "CreditMemo", document, key)
        if not memo and invoice.money("Balance") == invoice.money("TotalAmt") == document.total:
            body = {"Id": invoice_id, "SyncToken": str(row.get("SyncToken"))}
            client.update("Invoice", json.dumps(body), request_id=f"{key}-void"[:50], operation="void")
            return ""
        if not memo:
            body = _document(client, document, key, client.preferences())
            memo = client.update("CreditMemo", json.dumps(body), request_id=key[:50])
        memo_id = str(memo["Id"])
        _set_against(client, invoice_id, memo_id, document, key)
        return memo_id

    return client.budget.retried(_merged(attempt))


def payment_accounts(client: Client) -> list[PaymentAccount]:
    """Bank accounts and those for undeposited money."""
    rows = client.rows(
        "Account",
        "SELECT * FROM Account WHERE AccountType IN ('Bank', 'Other Current Asset') MAXRESULTS 1000",
    )
    return [
        PaymentAccount(
            str(row["Id"]), str(row.get("Name") or row["Id"]), (row.get("CurrencyRef") or {}).get("value")
        )
        for row in rows
        if isinstance(row, dict) and row.get("Id")
    ]


def sends_reminders(client: Client) -> bool | None:
    """QuickBooks does not tell whether it reminds customers by itself."""
    return None


def _merged(attempt: Callable[[], T]) -> Callable[[], T]:
    """`attempt`, made once more on what stands there now when somebody else wrote in between."""

    def twice() -> T:
        try:
            return attempt()
        except Conflict:
            return attempt()

    return twice


def _document(client: Client, document: ChargeDocument, key: str, preferences: dict) -> dict:
    """Out of scope of VAT: in the US by the line's tax code, elsewhere by the calculation that is switched off."""
    is_us = _country(client) == "US"
    lines = []
    for line in document.lines:
        detail = {"ItemRef": {"value": line.income}, "Qty": 1, "UnitPrice": json_number(line.amount)}
        if is_us:
            detail["TaxCodeRef"] = {"value": "NON"}
        lines.append(
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": json_number(line.amount),
                "Description": line.text,
                "SalesItemLineDetail": detail,
            }
        )
    return {
        "CustomerRef": {"value": document.customer_id},
        **_currency(document, preferences),
        "TxnDate": document.day.isoformat(),
        "PrivateNote": marked(document.text, key, LINE_LONGEST),
        "Line": lines,
        **({} if is_us else {"GlobalTaxCalculation": "NotApplicable"}),
    }


def _country(client: Client) -> str:
    rows = client.rows("CompanyInfo", "SELECT * FROM CompanyInfo")
    return Fields(rows[0]).text("Country") if rows else ""


def _currency(document: ChargeDocument, preferences: dict) -> dict:
    """A company that has one currency only refuses documents that name any."""
    has_several = (preferences.get("CurrencyPrefs") or {}).get("MultiCurrencyEnabled")
    return {} if has_several is False else {"CurrencyRef": {"value": document.currency}}


def _same_currency(invoice: Fields) -> dict:
    """As the invoice has it: where the company has one currency only, not at all."""
    currency = invoice.child("CurrencyRef").text("value")
    return {"CurrencyRef": {"value": currency}} if currency else {}


def _own_number(document: ChargeDocument, preferences: dict) -> dict:
    """Companies that give their own numbers get none from QuickBooks."""
    forms = preferences.get("SalesFormsPrefs") or {}
    return {"DocNumber": document.text[:NUMBER_LONGEST]} if forms.get("CustomTxnNumbers") is True else {}


def _standing(client: Client, entity: str, document: ChargeDocument, key: str) -> dict:
    """The invoice or credit memo of the customer that bears the mark; empty when there is none."""
    since = document.day - timedelta(days=1)
    start = 1
    while True:
        rows = client.rows(
            entity,
            f"SELECT * FROM {entity} WHERE CustomerRef = {quoted(document.customer_id)}"
            f" AND MetaData.CreateTime >= '{since.isoformat()}T00:00:00+00:00'"
            f" STARTPOSITION {start} MAXRESULTS {client.page_rows}",
        )
        for row in rows:
            if isinstance(row, dict) and mark(key) in str(row.get("PrivateNote")):
                return row
        if len(rows) < client.page_rows:
            return {}
        start += client.page_rows


def _set_against(client: Client, invoice_id: str, memo_id: str, document: ChargeDocument, key: str) -> None:
    """Use the memo for the invoice by a payment of nothing that links both, unless it is used (some companies have
    QuickBooks do that by itself)."""
    memo, invoice = Fields(client.get("CreditMemo", memo_id)), Fields(client.get("Invoice", invoice_id))
    left = memo.optional_number("RemainingCredit")
    left = memo.money("Balance") if left is None else left
    part = min(left, invoice.money("Balance"))
    if part <= 0 or left != memo.money("TotalAmt"):
        return
    body = {
        "CustomerRef": {"value": document.customer_id},
        **_same_currency(invoice),
        "TotalAmt": 0,
        "TxnDate": document.day.isoformat(),
        "PrivateNote": marked(document.text, key, LINE_LONGEST),
        "Line": [
            {"Amount": json_number(part), "LinkedTxn": [{"TxnId": target, "TxnType": kind}]}
            for target, kind in ((invoice_id, "Invoice"), (memo_id, "CreditMemo"))
        ],
    }
    client.update("Payment", json.dumps(body), request_id=f"{key}-used"[:50])


def _standing_payment(client: Client, customer_id: str, day: date, ending: str) -> str:
    rows = client.rows(
        "Payment",
        f"SELECT * FROM Payment WHERE CustomerRef = {quoted(customer_id)}"
        f" AND TxnDate = {quoted(day.isoformat())} MAXRESULTS 1000",
    )
    found = (row for row in rows if isinstance(row, dict) and ending in str(row.get("PrivateNote")))
    return str(next(found, {}).get("Id") or "")


def _appended(before: str, line: str) -> str:
    if before.startswith("Voided"):
        raise Refused("The invoice is void in QuickBooks; its note is left as it is.")
    note = f"{before}\n{line}" if before else line
    if len(note) > NOTE_LONGEST:
        raise Refused(
            f"The invoice's private note in QuickBooks is full ({NOTE_LONGEST} characters). Shorten it there."
        )
    return note


def _refuse_journal(invoice_id: str) -> None:
    if entry_of(invoice_id):
        raise Refused("This claim is a journal entry in QuickBooks; only invoices are written to.")

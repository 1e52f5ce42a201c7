"""Writes to QuickBooks Online, each standing there once: notes on invoices, payments.

An invoice has one private note, shared with everybody who writes there, so a line is appended under the record's
SyncToken: whoever else writes in between makes ours fail with 5010, and it is read and merged anew. The private note
of a voided invoice is what tells that it is void (it begins with "Voided"); those are left alone.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

from ..errors import Conflict, Refused
from ..reading import Fields
from ..writing import PaymentAccount, json_number, mark, marked
from .client import Client, quoted
from .mapping import entry_of

NOTE_LONGEST = 4000
LINE_LONGEST = 500
PAYMENT_NUMBER_LONGEST = 21
# The one scope there is covers reading and writing.
SCOPES = {"note": "com.intuit.quickbooks.accounting", "payment": "com.intuit.quickbooks.accounting"}


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

    def merged() -> None:
        try:
            attempt()
        except Conflict:
            attempt()

    client.budget.retried(merged)


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
            "CurrencyRef": {"value": invoice.child("CurrencyRef").required_text("value")},
            "TotalAmt": json_number(amount),
            "TxnDate": day.isoformat(),
            "PaymentRefNum": reference[:PAYMENT_NUMBER_LONGEST],
            "PrivateNote": marked(reference, key, LINE_LONGEST),
            "DepositToAccountRef": {"value": account_id},
            "Line": [
                {"Amount": json_number(amount), "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}
            ],
        }
        return str(client.update("Payment", json.dumps(body), request_id=key[:50]).get("Id") or "")

    return client.budget.retried(attempt)


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

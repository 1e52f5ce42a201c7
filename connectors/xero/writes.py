"""Writes to Xero, each standing there once: history notes, expected payment dates, payments.

Notes can be neither changed nor deleted, so a second one would stay for ever. Scopes: `accounting.invoices` for notes
and dates, `accounting.payments` for payments; without them `NotGranted` is raised and nothing is written.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ..errors import Refused
from ..reading import Fields
from ..writing import PaymentAccount, json_number, mark, marked
from .client import Client

NOTE_LONGEST = 2500
REFERENCE_LONGEST = 255
# What each kind of write needs.
SCOPES = {
    "note": "accounting.invoices",
    "expected_date": "accounting.invoices",
    "payment": "accounting.payments",
}


def note_on_invoice(client: Client, invoice_id: str, text: str, key: str) -> None:
    """Add a note to the invoice's history, unless the one with this `key` stands there.

    :raise Gone: Xero does not have the invoice.
    """
    ending = mark(key)
    body = {"HistoryRecords": [{"Details": marked(text, key, NOTE_LONGEST)}]}

    def attempt() -> None:
        history = client.rows("get_invoice_history", "HistoryRecords", invoice_id)
        if not any(isinstance(row, dict) and ending in str(row.get("Details")) for row in history):
            client.write("create_invoice_history", invoice_id, body, idempotency_key=key)

    client.budget.retried(attempt)


def set_expected_payment_date(client: Client, invoice_id: str, day: date, key: str) -> None:
    """Enter when payment is expected, unless that day stands there.

    :raise Refused: the invoice is not open any more.
    """
    changes = {"Invoices": [{"InvoiceID": invoice_id, "ExpectedPaymentDate": day.isoformat()}]}

    def attempt() -> None:
        invoice = _open_invoice(client, invoice_id)
        if _expected_day(invoice) != day:
            client.write("update_invoice", invoice_id, changes, idempotency_key=key)

    client.budget.retried(attempt)


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

    :raise Refused: the invoice is not open, less is open than `amount`, or Xero's books say no (lock date, account).
    """
    ending = mark(key)
    payment = {
        "Invoice": {"InvoiceID": invoice_id},
        "Account": {"AccountID": account_id},
        "Date": day.isoformat(),
        "Amount": json_number(amount),
        "Reference": marked(reference, key, REFERENCE_LONGEST),
    }

    def attempt() -> str:
        row = client.one("invoice", invoice_id, "Invoices")
        for standing in row.get("Payments") or []:
            if isinstance(standing, dict) and ending in str(standing.get("Reference")):
                return str(standing.get("PaymentID"))
        invoice = _checked_open(Fields(row))
        if invoice.money("AmountDue") < amount:
            raise Refused(f"Only {invoice.money('AmountDue')} of the invoice is open in Xero, not {amount}.")
        answer = client.write("create_payments", {"Payments": [payment]}, idempotency_key=key)
        return str((answer.get("Payments") or [{}])[0].get("PaymentID") or "")

    return client.budget.retried(attempt)


def payment_accounts(client: Client) -> list[PaymentAccount]:
    """Bank accounts, and others that are open to payments. Needs `accounting.settings.read`."""
    rows = client.rows("get_accounts", "Accounts")
    return [
        PaymentAccount(
            str(row["AccountID"]), str(row.get("Name") or row["AccountID"]), row.get("CurrencyCode")
        )
        for row in rows
        if isinstance(row, dict)
        and row.get("AccountID")
        and row.get("Status", "ACTIVE") == "ACTIVE"
        and (row.get("Type") == "BANK" or row.get("EnablePaymentsToAccount") is True)
    ]


def sends_reminders(client: Client) -> bool | None:
    """Whether Xero itself reminds the customers of this organisation; None when it does not say."""
    rows = client.rows("get_invoice_reminders", "InvoiceReminders")
    return Fields(rows[0]).flag("Enabled", False) if rows and isinstance(rows[0], dict) else None


def _open_invoice(client: Client, invoice_id: str) -> Fields:
    return _checked_open(Fields(client.one("invoice", invoice_id, "Invoices")))


def _checked_open(invoice: Fields) -> Fields:
    status = invoice.text("Status")
    if status != "AUTHORISED":
        raise Refused(f"The invoice is not open in Xero any more: its status is {status or 'unknown'}.")
    return invoice


def _expected_day(invoice: Fields) -> date | None:
    return invoice.day("ExpectedPaymentDateString") or invoice.day("ExpectedPaymentDate")

"""Writes to Xero, each standing there once: history notes, expected payment dates, payments, invoices of charges.

Notes can be neither changed nor deleted, so a second one would stay for ever. Scopes: `accounting.payments` for
payments, `accounting.invoices` for the rest; without them `NotGranted` is raised and nothing is written.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from ..errors import Refused, Retry
from ..reading import Fields
from ..writing import ChargeDocument, Income, PaymentAccount, json_number, mark, marked, same_total
from .client import Client

NOTE_LONGEST = 2500
REFERENCE_LONGEST = 255
# What each kind of write needs.
SCOPES = {
    "note": "accounting.invoices",
    "expected_date": "accounting.invoices",
    "payment": "accounting.payments",
    "charge_invoice": "accounting.invoices",
    "charge_credit": "accounting.invoices",
}
# Types of accounts that earnings are booked on.
INCOME_TYPES = ("REVENUE", "SALES", "OTHERINCOME")


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


def set_expected_payment_date(client: Client, invoice_id: str, day: date, key: str) -> date | None:
    """Enter when payment is expected, unless that day stands there. Return the other day that stood there before.

    :raise Refused: the invoice is not open any more.
    """
    changes = {"Invoices": [{"InvoiceID": invoice_id, "ExpectedPaymentDate": day.isoformat()}]}

    def attempt() -> date | None:
        before = _expected_day(_open_invoice(client, invoice_id))
        if before == day:
            return None
        client.write("update_invoice", invoice_id, changes, idempotency_key=key)
        return before

    return client.budget.retried(attempt)


def end_expected_payment_date(
    client: Client, invoice_id: str, ours: frozenset[date], restored: date | None, key: str
) -> None:
    """Put `restored`, or nothing, in place of the expected day, if that is one of `ours`: another one is a person's.

    An invoice that is not open any more is left as it is.
    """
    # Only the text of the date clears it; an empty date is passed over (XeroAPI/xero-node#476).
    text = restored.isoformat() if restored else ""
    changes = {"Invoices": [{"InvoiceID": invoice_id, "ExpectedPaymentDateString": text}]}

    def attempt() -> None:
        invoice = Fields(client.one("invoice", invoice_id, "Invoices"))
        if invoice.text("Status") == "AUTHORISED" and _expected_day(invoice) in ours - {restored}:
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
        return str(_written(answer, "Payments", "PaymentID")["PaymentID"])

    return client.budget.retried(attempt)


def incomes(client: Client) -> list[Income]:
    """Revenue accounts, by the code that lines name. Needs `accounting.settings.read`."""
    rows = client.rows("get_accounts", "Accounts")
    return [
        Income(str(row["Code"]), f"{row['Code']} {row.get('Name') or ''}".strip())
        for row in rows
        if isinstance(row, dict)
        and row.get("Code")
        and row.get("Status", "ACTIVE") == "ACTIVE"
        and row.get("Type") in INCOME_TYPES
    ]


def find_charges(client: Client, document: ChargeDocument, key: str) -> str:
    """The id of the invoice written under this `key`, whatever became of it since; empty when there is none."""
    return str(_standing(client, "invoices", document, key).get("InvoiceID") or "")


def invoice_charges(client: Client, document: ChargeDocument, key: str) -> str:
    """Make an approved invoice of the charges; return its id, also when it stood there.

    Xero numbers it. Its reference holds the mark.

    :raise Refused: the books say no (lock date, account, archived contact), or the total came out different.
    """
    invoice = {
        **_document(document, key),
        "Type": "ACCREC",
        "Status": "AUTHORISED",
        "DueDate": document.due_date.isoformat(),
    }

    def attempt() -> str:
        row = _standing(client, "invoices", document, key)
        if not row:
            answer = client.write("create_invoices", {"Invoices": [invoice]}, idempotency_key=key)
            row = _written(answer, "Invoices", "InvoiceID")
        if row.get("Status") not in ("VOIDED", "DELETED"):
            same_total("Xero", str(row.get("InvoiceNumber")), Fields(row).money("Total"), document)
        return str(row["InvoiceID"])

    return client.budget.retried(attempt)


def credit_charges(client: Client, invoice_id: str, document: ChargeDocument, key: str) -> str:
    """Take charges back: the invoice is voided when all of it goes and nothing was paid or credited, else a credit note
    is set against what is open of it; what was paid stays with the customer as an open credit.

    :return: the id of the credit note, also when it stood there; empty when the invoice is void
    :raise Gone: Xero does not have the invoice. :raise Refused: the books say no (lock date).
    """

    def attempt() -> str:
        invoice = Fields(client.one("invoice", invoice_id, "Invoices"))
        if invoice.text("Status") in ("VOIDED", "DELETED"):
            return ""
        note = _standing(client, "credit_notes", document, key)
        if not note and invoice.money("AmountDue") == invoice.money("Total") == document.total:
            changes = {"Invoices": [{"InvoiceID": invoice_id, "Status": "VOIDED"}]}
            client.write("update_invoice", invoice_id, changes, idempotency_key=f"{key}-void")
            return ""
        if not note:
            body = {**_document(document, key), "Type": "ACCRECCREDIT", "Status": "AUTHORISED"}
            answer = client.write("create_credit_notes", {"CreditNotes": [body]}, idempotency_key=key)
            note = _written(answer, "CreditNotes", "CreditNoteID")
        note_id = str(note["CreditNoteID"])
        _set_against(client, invoice, client.one("credit_note", note_id, "CreditNotes"), document, key)
        return note_id

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


def _document(document: ChargeDocument, key: str) -> dict:
    return {
        "Contact": {"ContactID": document.customer_id},
        "Date": document.day.isoformat(),
        "CurrencyCode": document.currency,
        "LineAmountTypes": "NoTax",
        "Reference": marked(document.text, key, REFERENCE_LONGEST),
        "LineItems": [
            {
                "Description": line.text,
                "Quantity": 1,
                "UnitAmount": json_number(line.amount),
                "AccountCode": line.income,
                "TaxType": "NONE",
            }
            for line in document.lines
        ],
    }


def _standing(client: Client, resource: str, document: ChargeDocument, key: str) -> dict:
    """The invoice or credit note of the customer that bears the mark; empty when there is none."""
    options = {"if_modified_since": f"{(document.day - timedelta(days=1)).isoformat()}T00:00:00"}
    if resource == "invoices":
        options["contact_i_ds"] = [document.customer_id]
    else:
        options["where"] = f'Contact.ContactID==guid("{document.customer_id}")'
    number = 1
    while True:
        rows, _pagination = client.page(resource, number, **options)
        for row in rows:
            if isinstance(row, dict) and mark(key) in str(row.get("Reference")):
                return row
        if len(rows) < client.page_rows:
            return {}
        number += 1


def _set_against(client: Client, invoice: Fields, note: dict, document: ChargeDocument, key: str) -> None:
    """Use the credit note for the invoice, as far as both go. One that is used has nothing left to use."""
    part = min(Fields(note).money("RemainingCredit"), invoice.money("AmountDue"))
    if part <= 0 or note.get("Allocations"):
        return
    allocation = {
        "Invoice": {"InvoiceID": invoice.required_text("InvoiceID")},
        "Amount": json_number(part),
        "Date": document.day.isoformat(),
    }
    client.write(
        "create_credit_note_allocation",
        str(note.get("CreditNoteID")),
        {"Allocations": [allocation]},
        idempotency_key=f"{key}-used",
    )


def _written(answer: dict, name: str, id_name: str) -> dict:
    """The record that a write made.

    :raise Retry: the answer does not show it; the next try looks for it first.
    """
    rows = answer.get(name)
    row = rows[0] if isinstance(rows, list) and rows else None
    if not isinstance(row, dict) or not row.get(id_name):
        raise Retry(f"Xero's answer does not show what was written ({name}).", 5)
    return row


def _open_invoice(client: Client, invoice_id: str) -> Fields:
    return _checked_open(Fields(client.one("invoice", invoice_id, "Invoices")))


def _checked_open(invoice: Fields) -> Fields:
    status = invoice.text("Status")
    if status != "AUTHORISED":
        raise Refused(f"The invoice is not open in Xero any more: its status is {status or 'unknown'}.")
    return invoice


def _expected_day(invoice: Fields) -> date | None:
    return invoice.day("ExpectedPaymentDateString") or invoice.day("ExpectedPaymentDate")

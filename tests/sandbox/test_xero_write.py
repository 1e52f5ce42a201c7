"""Xero writes: idempotency keys, history notes, payments, allocations, status changes."""

from datetime import date
from decimal import Decimal

import pytest
from xero_python.accounting import (
    Allocation,
    Allocations,
    BatchPaymentDeleteByUrlParam,
    Contact,
    Contacts,
    CreditNote,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineItem,
    Payment,
    PaymentDelete,
    Payments,
)
from xero_python.exceptions import AccountingBadRequestException, HTTPStatusException, NotFoundException

from .callers import Xero, credit, customer, invoice, receive


def _note(text):
    return HistoryRecords(history_records=[HistoryRecord(details=text)])


def test_one_idempotency_key_writes_one_history_note_however_often_it_is_sent(xero, api):
    bill = invoice(xero, customer(xero), "10")
    for _ in range(3):
        api.read("create_invoice_history", bill.id, _note("Reminder 1 sent"), idempotency_key="note-1")
    api.read("create_invoice_history", bill.id, _note("Reminder 2 sent"), idempotency_key="note-2")
    records = api.read("get_invoice_history", bill.id)["HistoryRecords"]
    assert [row["Details"] for row in records] == ["Reminder 2 sent", "Reminder 1 sent"]


def test_without_a_key_a_repeated_note_stands_twice_for_ever(xero, api):
    bill = invoice(xero, customer(xero), "10")
    for _ in range(2):
        api.read("create_invoice_history", bill.id, _note("Reminder 1 sent"))
    assert len(api.read("get_invoice_history", bill.id)["HistoryRecords"]) == 2


def test_notes_need_the_write_scope(xero):
    bill = invoice(xero, customer(xero), "10")
    api = Xero(xero, scopes=("accounting.invoices.read",))
    assert api.read("get_invoice_history", bill.id)["HistoryRecords"] == []
    with pytest.raises(HTTPStatusException) as caught:
        api.read("create_invoice_history", bill.id, _note("x"))
    assert caught.value.status == 403


def test_a_promise_becomes_the_expected_payment_date(xero, api):
    bill = invoice(xero, customer(xero), "10")
    change = Invoices(invoices=[Invoice(invoice_id=bill.id, expected_payment_date=date(2026, 12, 5))])
    row = api.read("update_invoice", bill.id, change)["Invoices"][0]
    assert row["ExpectedPaymentDateString"] == "2026-12-05T00:00:00"
    assert bill.expected_payment_date == date(2026, 12, 5)


def test_a_payment_is_created_once_per_key_and_settles_the_invoice(xero, api):
    bill = invoice(xero, customer(xero), "100")
    payment = Payments(
        payments=[Payment(invoice=Invoice(invoice_id=bill.id), amount=40.5, date=date(2026, 11, 21))]
    )
    for _ in range(2):
        row = api.read("create_payments", payment, idempotency_key="pay-1")["Payments"][0]
    assert (bill.open, len(xero.company.payments())) == (Decimal("59.5"), 1)
    assert (row["Status"], row["PaymentType"]) == ("AUTHORISED", "ACCRECPAYMENT")


def test_paying_more_than_is_due_is_a_validation_error(xero, api):
    bill = invoice(xero, customer(xero), "100")
    payment = Payments(payments=[Payment(invoice=Invoice(invoice_id=bill.id), amount=100.01)])
    with pytest.raises(AccountingBadRequestException) as caught:
        api.read("create_payments", payment)
    assert (
        "exceeds the amount outstanding"
        in caught.value.error_data["Elements"][0]["ValidationErrors"][0]["Message"]
    )
    assert bill.open == 100


def test_deleting_a_payment_opens_the_invoice_again(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "100")
    payment = receive(xero, buyer, "100", (bill, "100"))
    row = api.read("delete_payment", payment.id, PaymentDelete(status="DELETED"))["Payments"][0]
    assert (row["Status"], bill.open) == ("DELETED", 100)


def test_a_payment_of_a_batch_cannot_be_deleted_singly(xero, api):
    buyer = customer(xero)
    bills = [invoice(xero, buyer, "10"), invoice(xero, buyer, "20")]
    payments = [receive(xero, buyer, bill.total, (bill, bill.total)) for bill in bills]
    xero.company.batch_payments(payments, xero.company.today())
    with pytest.raises(AccountingBadRequestException):
        api.read("delete_payment", payments[0].id, PaymentDelete(status="DELETED"))
    assert bills[0].open == 0


def test_a_batch_is_deleted_with_all_its_payments(xero, api):
    buyer = customer(xero)
    bills = [invoice(xero, buyer, "10"), invoice(xero, buyer, "20")]
    payments = [receive(xero, buyer, bill.total, (bill, bill.total)) for bill in bills]
    batch = xero.company.batch_payments(payments, xero.company.today())
    change = BatchPaymentDeleteByUrlParam(status="DELETED")
    row = api.read("delete_batch_payment_by_url_param", batch.id, change)
    assert row["BatchPayments"][0]["Status"] == "DELETED"
    assert [bill.open for bill in bills] == [10, 20]


def test_allocations_are_put_and_deleted(xero, api):
    buyer = customer(xero)
    bill, note = invoice(xero, buyer, "100"), credit(xero, buyer, "30")
    body = Allocations(
        allocations=[Allocation(invoice=Invoice(invoice_id=bill.id), amount=12.0, date=date(2026, 11, 21))]
    )
    made = api.read("create_credit_note_allocation", note.id, body)["Allocations"][0]
    assert (made["Amount"], bill.open, note.remaining) == (12, 88, 18)
    api.read("delete_credit_note_allocations", note.id, made["AllocationID"])
    assert (bill.open, note.remaining) == (100, 30)
    with pytest.raises(NotFoundException):
        api.read("delete_credit_note_allocations", note.id, made["AllocationID"])


@pytest.mark.parametrize("kind", ["overpayment", "prepayment"])
def test_over_and_prepayments_are_allocated_alike(xero, api, kind):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "100")
    source = receive(xero, buyer, "30", kind=kind)
    item = Allocation(invoice=Invoice(invoice_id=bill.id), amount=30.0, date=date(2026, 11, 21))
    api.read(f"create_{kind}_allocations", source.id, Allocations(allocations=[item]))
    assert (bill.open, bill.credited, source.remaining) == (70, 30, 0)


def test_an_allocation_across_currencies_is_refused(xero, api):
    buyer = customer(xero)
    bill, note = invoice(xero, buyer, "100", currency="EUR"), credit(xero, buyer, "30")
    item = Allocation(invoice=Invoice(invoice_id=bill.id), amount=1.0, date=date(2026, 11, 21))
    with pytest.raises(AccountingBadRequestException):
        api.read("create_credit_note_allocation", note.id, Allocations(allocations=[item]))


def test_voiding_needs_an_invoice_without_payments(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "100")
    payment = receive(xero, buyer, "10", (bill, "10"))
    change = Invoices(invoices=[Invoice(invoice_id=bill.id, status="VOIDED")])
    with pytest.raises(AccountingBadRequestException):
        api.read("update_invoice", bill.id, change)
    xero.company.delete(payment)
    assert api.read("update_invoice", bill.id, change)["Invoices"][0]["Status"] == "VOIDED"


def test_contacts_invoices_and_credit_notes_are_created(xero):
    api = Xero(xero, scopes=("accounting.contacts", "accounting.invoices"))
    contact = api.read("create_contacts", Contacts(contacts=[Contact(name="Новый клиент")]))["Contacts"][0]
    lines = [LineItem(description="Goods", quantity=2, unit_amount=10.5, tax_amount=0)]
    asked = Invoice(
        type="ACCREC", contact=Contact(contact_id=contact["ContactID"]), line_items=lines, status="AUTHORISED"
    )
    made = api.read("create_invoices", Invoices(invoices=[asked]))["Invoices"][0]
    assert (made["Total"], made["AmountDue"], made["Status"]) == (21, 21, "AUTHORISED")
    note = CreditNote(type="ACCRECCREDIT", contact=Contact(contact_id=contact["ContactID"]), line_items=lines)
    assert api.read("create_credit_notes", {"CreditNotes": [note]})["CreditNotes"][0]["RemainingCredit"] == 21


def test_emailing_marks_the_invoice_as_sent(xero, api):
    bill = invoice(xero, customer(xero), "10")
    api.accounting.email_invoice(api.tenant, bill.id, {})
    assert api.read("get_invoice", bill.id)["Invoices"][0]["SentToContact"] is True

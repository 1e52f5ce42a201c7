"""QuickBooks writes: idempotency, stale tokens, sparse updates, voiding, deleting, sending."""

import json
from decimal import Decimal

import pytest
from quickbooks import exceptions
from quickbooks.objects.base import Ref
from quickbooks.objects.customer import Customer
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.payment import Payment

from .callers import credit, customer, invoice, receive, rows


def _update(sdk, entity, **body):
    return sdk.update_object(entity, json.dumps(body))[entity]


def _payment_body(buyer, amount, *links):
    lines = [
        {"Amount": part, "LinkedTxn": [{"TxnId": record.id, "TxnType": kind}]} for record, kind, part in links
    ]
    return json.dumps({"CustomerRef": {"value": buyer.id}, "TotalAmt": amount, "Line": lines})


def _error(call, *arguments, **options):
    with pytest.raises(exceptions.QuickbooksException) as caught:
        call(*arguments, **options)
    return caught.value


def test_one_request_id_books_one_payment_however_often_it_is_sent(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "100")
    body = _payment_body(buyer, 40, (bill, "Invoice", 40))
    first = sdk.create_object("Payment", body, request_id="key-1")["Payment"]["Id"]
    again = sdk.create_object("Payment", body, request_id="key-1")["Payment"]["Id"]
    assert first == again
    assert (len(rows(sdk, "SELECT * FROM Payment")), bill.open) == (1, 60)
    sdk.create_object("Payment", body, request_id="key-2")
    assert bill.open == 20


def test_stale_sync_token_is_refused_with_5010(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    _update(sdk, "Invoice", Id=bill.id, SyncToken="0", sparse=True, PrivateNote="first")
    error = _error(_update, sdk, "Invoice", Id=bill.id, SyncToken="0", sparse=True, PrivateNote="second")
    assert error.error_code == 5010
    assert bill.note == "first"


def test_missing_sync_token_is_refused(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    assert _error(_update, sdk, "Invoice", Id=bill.id, sparse=True).error_code == 2020


def test_sparse_update_leaves_the_rest_alone(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100", "S1")
    row = _update(sdk, "Invoice", Id=bill.id, SyncToken="0", sparse=True, PrivateNote="Reminder sent")
    assert (row["PrivateNote"], row["DocNumber"], row["TotalAmt"], row["SyncToken"]) == (
        "Reminder sent",
        "S1",
        100,
        "1",
    )


def test_sdk_model_saves_a_customer(quickbooks, sdk):
    model = Customer()
    model.DisplayName = "Neu & Söhne"
    saved = model.save(qb=sdk)
    assert quickbooks.company.customers[saved.Id].name == "Neu & Söhne"


def test_duplicate_name_is_refused_with_6240(quickbooks, sdk):
    customer(quickbooks, "Twice")
    assert _error(sdk.create_object, "Customer", json.dumps({"DisplayName": "Twice"})).error_code == 6240


def test_duplicate_invoice_number_is_refused_with_6140(quickbooks, sdk):
    buyer = customer(quickbooks)
    invoice(quickbooks, buyer, "1", "N1")
    detail = {"DetailType": "SalesItemLineDetail", "Amount": 5, "SalesItemLineDetail": {}}
    body = {"CustomerRef": {"value": buyer.id}, "DocNumber": "N1", "Line": [detail]}
    assert _error(sdk.create_object, "Invoice", json.dumps(body)).error_code == 6140
    created = sdk.create_object("Invoice", json.dumps({**body, "DocNumber": "N2"}))["Invoice"]
    assert (created["TotalAmt"], created["Balance"]) == (5, 5)


def test_paying_more_than_is_open_on_an_invoice_is_refused_and_changes_nothing(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "100")
    error = _error(sdk.create_object, "Payment", _payment_body(buyer, 200, (bill, "Invoice", 150)))
    assert error.error_code == 6000
    assert (bill.open, quickbooks.company.payments()) == (100, [])


def test_reference_to_an_inactive_customer_is_refused_with_610(quickbooks, sdk):
    buyer = customer(quickbooks)
    quickbooks.company.archive_customer(buyer)
    assert _error(sdk.create_object, "Payment", _payment_body(buyer, 10)).error_code == 610


def test_zero_payment_applies_a_credit_memo(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill, memo = invoice(quickbooks, buyer, "100"), credit(quickbooks, buyer, "30")
    sdk.create_object("Payment", _payment_body(buyer, 0, (bill, "Invoice", 30), (memo, "CreditMemo", 30)))
    assert (bill.open, memo.remaining) == (70, 0)


def test_changing_the_lines_of_a_payment_moves_what_is_unapplied(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill, other = invoice(quickbooks, buyer, "100"), invoice(quickbooks, buyer, "50")
    payment = receive(quickbooks, buyer, "100", (bill, "100"))
    line = {"Amount": 30, "LinkedTxn": [{"TxnId": other.id, "TxnType": "Invoice"}]}
    row = _update(sdk, "Payment", Id=payment.id, SyncToken="0", sparse=True, Line=[line])
    assert (row["UnappliedAmt"], bill.open, other.open) == (70, 100, 20)


def test_sdk_voids_and_deletes_a_payment_and_the_invoice_is_open_again(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "100")
    first = receive(quickbooks, buyer, "60", (bill, "60"))
    second = receive(quickbooks, buyer, "40", (bill, "40"))
    Payment.get(first.id, qb=sdk).void(qb=sdk)
    assert (bill.open, first.status) == (60, "void")
    Payment.get(second.id, qb=sdk).delete(qb=sdk)
    assert bill.open == 100
    assert [row["Id"] for row in rows(sdk, "SELECT * FROM Payment")] == [first.id]


def test_sdk_voids_an_invoice(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    Invoice.get(bill.id, qb=sdk).void(qb=sdk)
    assert (bill.status, bill.open) == ("void", 0)


def test_sending_marks_the_invoice_as_sent_to_the_given_address(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    Invoice.get(bill.id, qb=sdk).send(qb=sdk, send_to="ap@ashcombe.example")
    row = rows(sdk, "SELECT * FROM Invoice")[0]
    assert (row["EmailStatus"], row["BillEmail"]["Address"]) == ("EmailSent", "ap@ashcombe.example")
    assert row["DeliveryInfo"]["DeliveryType"] == "Email"


def test_sending_without_any_address_is_refused(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks, email=""), "100")
    assert _error(Invoice.get(bill.id, qb=sdk).send, qb=sdk).error_code == 6000


def test_amounts_are_kept_at_the_currency_s_own_precision(quickbooks, sdk):
    buyer = customer(quickbooks, currency="KWD")
    bill = invoice(quickbooks, buyer, "10.005")
    sdk.create_object("Payment", _payment_body(buyer, "4.0014", (bill, "Invoice", "4.001")))
    assert bill.open == Decimal("6.004")
    assert quickbooks.company.payments()[0].total == Decimal("4.001")


def test_a_reference_names_the_customer_by_id(quickbooks, sdk):
    buyer = customer(quickbooks)
    payment = Payment()
    payment.CustomerRef = Ref()
    payment.CustomerRef.value = buyer.id
    payment.TotalAmt = 12
    saved = payment.save(qb=sdk)
    assert quickbooks.company.sources[saved.Id].remaining == 12

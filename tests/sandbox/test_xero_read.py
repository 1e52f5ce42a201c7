"""Xero reads: pages, filters, dates, documents, reports, scopes."""

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xero_python.exceptions import AccountingBadRequestException, HTTPStatusException, NotFoundException

from .callers import Xero, credit, customer, invoice, receive


def _many_invoices(ledger, number):
    buyer = customer(ledger)
    for serial in range(number):
        invoice(ledger, buyer, "1", f"N{serial:04d}")


def _numbers(answer):
    return [row["InvoiceNumber"] for row in answer["Invoices"]]


# -- pages ----------------------------------------------------------------------------------------------------


def test_pages_hold_one_hundred_unless_asked_for_more(xero, api):
    _many_invoices(xero, 130)
    answer = api.read("get_invoices", page=2)
    assert len(answer["Invoices"]) == 30
    assert answer["pagination"] == {"page": 2, "pageSize": 100, "pageCount": 2, "itemCount": 130}
    whole = api.read("get_invoices", page=1, page_size=1000)
    assert (len(whole["Invoices"]), whole["pagination"]["pageCount"]) == (130, 1)


def test_page_beyond_the_last_is_empty(xero, api):
    _many_invoices(xero, 3)
    assert api.read("get_invoices", page=9)["Invoices"] == []


def test_page_size_above_a_thousand_is_refused(api):
    with pytest.raises(AccountingBadRequestException):
        api.read("get_invoices", page=1, page_size=1001)


def test_lists_without_page_leave_out_the_lines(xero, api):
    invoice(xero, customer(xero), "10")
    assert api.read("get_invoices")["Invoices"][0]["LineItems"] == []
    assert "pagination" not in api.read("get_invoices")
    assert len(api.read("get_invoices", page=1)["Invoices"][0]["LineItems"]) == 1


def test_summary_leaves_out_what_is_costly(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "10")
    receive(xero, buyer, "4", (bill, "4"))
    row = api.read("get_invoices", page=1, summary_only=True)["Invoices"][0]
    assert row["AmountDue"] == 6
    assert not {"Payments", "LineItems", "CreditNotes"} & set(row)


def test_batch_payments_know_no_pages(xero, api):
    buyer = customer(xero)
    bills = [invoice(xero, buyer, "10"), invoice(xero, buyer, "20")]
    payments = [receive(xero, buyer, bill.total, (bill, bill.total)) for bill in bills]
    xero.company.batch_payments(payments, xero.company.today(), "Batch 1")
    answer = api.read("get_batch_payments")
    assert "pagination" not in answer
    assert answer["BatchPayments"][0]["TotalAmount"] == 30
    listed = api.read("get_payments", page=1)["Payments"]
    assert {row["BatchPaymentID"] for row in listed} == {answer["BatchPayments"][0]["BatchPaymentID"]}


# -- filters --------------------------------------------------------------------------------------------------


def test_if_modified_since_reads_utc_seconds_without_zone(xero, api):
    buyer = customer(xero)
    invoice(xero, buyer, "1", "OLD")
    xero.book.clock.move(timedelta(hours=5))
    invoice(xero, buyer, "1", "NEW")
    since = (xero.book.clock.peek() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    assert _numbers(api.read("get_invoices", page=1, if_modified_since=since)) == ["NEW"]


def test_csv_filters_choose_by_id_status_contact_and_number(xero, api):
    one, two = customer(xero, "One"), customer(xero, "Two")
    a, b = invoice(xero, one, "1", "A"), invoice(xero, two, "1", "B")
    xero.company.void(b)
    assert _numbers(api.read("get_invoices", page=1, i_ds=[a.id])) == ["A"]
    assert _numbers(api.read("get_invoices", page=1, statuses=["VOIDED", "DELETED"])) == ["B"]
    assert _numbers(api.read("get_invoices", page=1, contact_i_ds=[two.id])) == ["B"]
    assert _numbers(api.read("get_invoices", page=1, invoice_numbers=["A", "B"])) == ["A", "B"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ('Type=="ACCREC"', ["A", "B"]),
        ('Type=="ACCPAY"', ["C"]),
        ('Type=="ACCREC" AND AmountDue>0', ["A"]),
        ('(Status=="PAID" OR Status=="VOIDED") AND Type=="ACCREC"', ["B"]),
        ('InvoiceNumber.StartsWith("A")', ["A"]),
        ("DueDate>=DateTime(2026,12,25)", ["C"]),
        ("Total==Decimal", None),
    ],
)
def test_where_expressions(xero, api, where, expected):
    buyer = customer(xero)
    invoice(xero, buyer, "10", "A")
    paid = invoice(xero, buyer, "20", "B")
    receive(xero, buyer, "20", (paid, "20"))
    invoice(xero, buyer, "30", "C", due_in_days=40, purchase=True)
    if expected is None:
        with pytest.raises(AccountingBadRequestException):
            api.read("get_invoices", page=1, where=where)
    else:
        assert _numbers(api.read("get_invoices", page=1, where=where, order="InvoiceNumber")) == expected


def test_where_finds_a_contact_by_guid(xero, api):
    one, two = customer(xero, "One"), customer(xero, "Two")
    invoice(xero, one, "1", "A")
    invoice(xero, two, "1", "B")
    assert _numbers(api.read("get_invoices", page=1, where=f'Contact.ContactID==guid("{two.id}")')) == ["B"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)
)
def test_any_name_is_found_again_when_escaped(xero, api, name):
    if name not in {one.name for one in xero.company.customers.values()}:
        customer(xero, name)
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    found = api.read("get_contacts", page=1, where=f'Name=="{escaped}"')["Contacts"]
    assert name in [row["Name"] for row in found]


def test_order_by_update_time(xero, api):
    buyer = customer(xero)
    first = invoice(xero, buyer, "1", "FIRST")
    invoice(xero, buyer, "1", "SECOND")
    xero.company.edit(first, reference="touched")
    assert _numbers(api.read("get_invoices", page=1, order="UpdatedDateUTC ASC")) == ["SECOND", "FIRST"]
    assert _numbers(api.read("get_invoices", page=1, order="UpdatedDateUTC DESC")) == ["FIRST", "SECOND"]


def test_archived_contacts_come_only_when_asked_for(xero, api):
    customer(xero, "Here")
    xero.company.archive_customer(customer(xero, "Gone"))
    assert [row["Name"] for row in api.read("get_contacts", page=1)["Contacts"]] == ["Here"]
    everyone = api.read("get_contacts", page=1, include_archived="true")["Contacts"]
    assert [(row["Name"], row["ContactStatus"]) for row in everyone] == [
        ("Here", "ACTIVE"),
        ("Gone", "ARCHIVED"),
    ]


# -- dates and times ------------------------------------------------------------------------------------------


def test_dates_come_as_milliseconds_and_as_iso_strings(xero, api):
    invoice(xero, customer(xero), "1", due_in_days=10)
    row = api.read("get_invoices", page=1)["Invoices"][0]
    assert (row["DateString"], row["DueDateString"]) == ("2026-11-21T00:00:00", "2026-12-01T00:00:00")
    milliseconds = int(re.fullmatch(r"/Date\((\d+)\+0000\)/", row["DueDate"]).group(1))
    assert datetime.fromtimestamp(milliseconds / 1000, timezone.utc).date() == date(2026, 12, 1)


def test_the_envelope_carries_the_server_s_own_time(xero, api):
    xero.book.clock.move(timedelta(hours=-3))
    milliseconds = int(re.search(r"\d+", api.read("get_organisations")["DateTimeUTC"]).group())
    assert abs(milliseconds / 1000 - xero.book.clock.peek().timestamp()) < 30


def test_a_payment_is_stamped_just_after_the_invoice_it_touched(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "10")
    payment = receive(xero, buyer, "10", (bill, "10"))
    assert bill.updated_at < payment.updated_at < bill.updated_at + timedelta(seconds=1)


# -- documents ------------------------------------------------------------------------------------------------


def test_total_is_due_plus_paid_plus_credited(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "100")
    receive(xero, buyer, "10", (bill, "10"))
    today = xero.company.today()
    xero.company.allocate(credit(xero, buyer, "20"), bill, Decimal(20), today)
    xero.company.allocate(receive(xero, buyer, "40", kind="overpayment"), bill, Decimal(30), today)
    xero.company.allocate(receive(xero, buyer, "5", kind="prepayment"), bill, Decimal(5), today)
    row = api.read("get_invoice", bill.id)["Invoices"][0]
    amounts = [row[name] for name in ("Total", "AmountDue", "AmountPaid", "AmountCredited")]
    assert amounts == [100, 35, 10, 55]
    assert [len(row[name]) for name in ("Payments", "CreditNotes", "Overpayments", "Prepayments")] == [
        1,
        1,
        1,
        1,
    ]
    assert "Allocations" not in row["CreditNotes"][0]


def test_status_follows_what_is_due(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "10")
    assert api.read("get_invoice", bill.id)["Invoices"][0]["Status"] == "AUTHORISED"
    payment = receive(xero, buyer, "10", (bill, "10"))
    paid = api.read("get_invoice", bill.id)["Invoices"][0]
    assert (paid["Status"], "FullyPaidOnDate" in paid) == ("PAID", True)
    xero.company.delete(payment)
    again = api.read("get_invoice", bill.id)["Invoices"][0]
    assert (again["Status"], again["AmountDue"], "FullyPaidOnDate" in again) == ("AUTHORISED", 10, False)


def test_a_deleted_payment_comes_back_as_deleted_and_still_names_its_invoice(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "10")
    payment = receive(xero, buyer, "10", (bill, "10"))
    since = xero.book.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    xero.company.delete(payment)
    row = api.read("get_payments", page=1, if_modified_since=since)["Payments"][0]
    assert (row["PaymentID"], row["Status"], row["Invoice"]["InvoiceID"]) == (payment.id, "DELETED", bill.id)


def test_voided_documents_come_back_through_if_modified_since(xero, api):
    bill = invoice(xero, customer(xero), "10")
    xero.book.clock.move(timedelta(hours=2))
    since = (xero.book.clock.peek() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    xero.company.void(bill)
    row = api.read("get_invoices", page=1, if_modified_since=since)["Invoices"][0]
    assert (row["Status"], row["AmountDue"]) == ("VOIDED", 0)


def test_a_removed_allocation_leaves_no_trace_but_the_arrays(xero, api):
    buyer = customer(xero)
    bill, note = invoice(xero, buyer, "100"), credit(xero, buyer, "30", "CN-1")
    allocation = xero.company.allocate(note, bill, Decimal(30), xero.company.today())
    shown = api.read("get_credit_note", note.id)["CreditNotes"][0]
    assert (shown["RemainingCredit"], shown["Status"]) == (0, "PAID")
    assert [part["AllocationID"] for part in shown["Allocations"]] == [allocation.id]
    xero.company.deallocate(allocation)
    shown = api.read("get_credit_note", note.id)["CreditNotes"][0]
    assert (shown["RemainingCredit"], shown["Status"], shown["Allocations"]) == (30, "AUTHORISED", [])
    assert api.read("get_invoice", bill.id)["Invoices"][0]["AmountDue"] == 100


def test_refunds_are_payments_of_their_own_type(xero, api):
    buyer = customer(xero)
    note = credit(xero, buyer, "30")
    xero.company.refund(note, Decimal(30), xero.company.today())
    row = api.read("get_payments", page=1)["Payments"][0]
    assert (row["PaymentType"], row["CreditNote"]["CreditNoteID"]) == ("ARCREDITPAYMENT", note.id)
    assert api.read("get_credit_note", note.id)["CreditNotes"][0]["RemainingCredit"] == 0


def test_over_and_prepayments_have_their_own_lists(xero, api):
    buyer = customer(xero)
    over = receive(xero, buyer, "40", kind="overpayment")
    pre = receive(xero, buyer, "50", kind="prepayment")
    first = api.read("get_overpayments", page=1)["Overpayments"][0]
    second = api.read("get_prepayments", page=1)["Prepayments"][0]
    assert (first["OverpaymentID"], first["Type"], first["RemainingCredit"]) == (
        over.id,
        "RECEIVE-OVERPAYMENT",
        40,
    )
    assert (second["PrepaymentID"], second["Type"], second["RemainingCredit"]) == (
        pre.id,
        "RECEIVE-PREPAYMENT",
        50,
    )


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "12345"), ("KWD", "12.345"), ("EUR", "12.34")])
def test_currency_rate_is_document_units_per_home_unit(xero, api, currency, amount):
    bill = invoice(xero, customer(xero, currency=currency), amount)
    row = api.read("get_invoice", bill.id)["Invoices"][0]
    assert (row["CurrencyCode"], row["Total"]) == (currency, Decimal(amount))
    plausible = {"JPY": (150, 230), "KWD": ("0.3", "0.5"), "EUR": (1, "1.4")}[currency]  # per pound
    assert Decimal(plausible[0]) < row["CurrencyRate"] < Decimal(plausible[1])


def test_a_merged_contact_points_to_the_other_and_its_invoices_move_unstamped(xero, api):
    old, new = customer(xero, "Old"), customer(xero, "New")
    bill = invoice(xero, old, "10")
    stamp = bill.updated_at
    xero.company.merge_customers(old, new)
    row = api.read("get_contact", old.id)["Contacts"][0]
    assert (row["ContactStatus"], row["MergedToContactID"]) == ("ARCHIVED", new.id)
    moved = api.read("get_invoice", bill.id)["Invoices"][0]
    assert moved["Contact"]["ContactID"] == new.id
    assert bill.updated_at == stamp
    unpaged = api.read("get_contacts", include_archived="true")["Contacts"]
    assert not any("MergedToContactID" in one for one in unpaged)


def test_a_contact_s_balance_does_not_move_its_update_time(xero, api):
    buyer = customer(xero)
    stamp = buyer.updated_at
    invoice(xero, buyer, "10")
    row = api.read("get_contact", buyer.id)["Contacts"][0]
    assert row["Balances"]["AccountsReceivable"]["Outstanding"] == 10
    assert buyer.updated_at == stamp


def test_online_invoice_and_pdf(xero, api):
    bill = invoice(xero, customer(xero), "10")
    url = api.read("get_online_invoice", bill.id)["OnlineInvoices"][0]["OnlineInvoiceUrl"]
    assert requests.get(url, timeout=20).status_code == 200
    path = Path(api.accounting.get_invoice_as_pdf(api.tenant, bill.id))
    assert path.read_bytes().startswith(b"%PDF-1.4")
    path.unlink()


def test_organisation_and_currencies_through_the_sdk_s_models(xero, api):
    organisation = api.accounting.get_organisations(api.tenant).organisations[0]
    assert (organisation.base_currency.value, organisation.is_demo_company) == ("GBP", True)
    codes = {one.code.value for one in api.accounting.get_currencies(api.tenant).currencies}
    assert codes == {"EUR", "GBP", "JPY", "KWD", "USD"}


def test_xero_tells_whether_it_sends_reminders_itself(xero, api):
    assert api.read("get_invoice_reminders")["InvoiceReminders"] == [{"Enabled": False}]
    xero.company.sends_reminders = True
    assert api.read("get_invoice_reminders")["InvoiceReminders"] == [{"Enabled": True}]


def test_an_unknown_id_is_404(api):
    with pytest.raises(NotFoundException):
        api.read("get_invoice", "00000000-0000-4000-8000-00000000dead")


# -- rights ---------------------------------------------------------------------------------------------------


def _status(call, *arguments, **options):
    with pytest.raises(HTTPStatusException) as caught:
        call(*arguments, **options)
    return caught.value.status


def test_each_area_needs_its_own_granular_scope(xero):
    api = Xero(xero, scopes=("offline_access", "accounting.contacts.read"))
    api.read("get_contacts", page=1)
    for call in ("get_invoices", "get_payments", "get_organisations"):
        assert _status(api.read, call) == 403
    api = Xero(xero, scopes=("accounting.invoices.read", "accounting.payments.read"))
    for call in ("get_invoices", "get_credit_notes", "get_payments", "get_overpayments", "get_prepayments"):
        api.read(call, page=1)
    assert _status(api.read, "get_contacts") == 403


def test_the_broad_scope_of_older_apps_contains_the_granular_ones(xero):
    api = Xero(xero, scopes=("accounting.transactions.read",))
    for call in ("get_invoices", "get_credit_notes", "get_payments", "get_overpayments"):
        api.read(call, page=1)


def test_a_foreign_tenant_is_403(xero):
    api = Xero(xero, company=xero.companies[1], token=xero.grant(xero.companies[0]))
    assert _status(api.read, "get_invoices", page=1) == 403


def test_an_expired_token_is_401(xero, api):
    xero.oauth.expire_access_tokens()
    assert _status(api.read, "get_invoices", page=1) == 401


def test_rate_limit_headers_come_with_every_answer(api):
    api.read("get_organisations")
    first = int(api.last.headers["X-MinLimit-Remaining"])
    api.read("get_organisations")
    assert int(api.last.headers["X-MinLimit-Remaining"]) == first - 1
    assert {"X-DayLimit-Remaining", "X-AppMinLimit-Remaining"} <= set(api.last.headers)


def test_tenantless_calls_carry_only_the_app_s_limit(xero, api):
    answer = requests.get(
        xero.urls["connections"], headers={"Authorization": f"Bearer {api.token['access_token']}"}, timeout=20
    )
    assert "X-AppMinLimit-Remaining" in answer.headers
    assert "X-MinLimit-Remaining" not in answer.headers


# -- control totals -------------------------------------------------------------------------------------------


def test_aged_receivables_of_a_contact_list_what_is_open(xero, api):
    buyer = customer(xero)
    bill = invoice(xero, buyer, "100", "A", due_in_days=-20)
    receive(xero, buyer, "30", (bill, "30"))
    credit(xero, buyer, "15", "CN-1")
    report = api.read("get_report_aged_receivables_by_contact", buyer.id)["Reports"][0]
    header, section = report["Rows"]
    assert [cell["Value"] for cell in header["Cells"]][-4:] == ["Total", "Paid", "Credited", "Due"]
    lines = [[cell["Value"] for cell in row["Cells"]] for row in section["Rows"]]
    assert lines[0][1:] == ["A", "2026-11-01T00:00:00", "GBP", "100.00", "30.00", "0", "70.00"]
    assert lines[1][-1] == "-15.00"
    assert lines[-1][-1] == "55.00"


def test_own_books_equal_what_the_api_says_of_every_contact(full_xero):
    api = Xero(full_xero)
    contacts = api.read("get_contacts", page=1, page_size=1000, include_archived="true")["Contacts"]
    assert len(contacts) == len(full_xero.company.customers)
    truth = full_xero.truth()
    for row in contacts:
        expected = sum(total["balance"] for total in truth.get(row["ContactID"], {}).values())
        assert row["Balances"]["AccountsReceivable"]["Outstanding"] == expected, row["Name"]


def test_identity_holds_for_every_live_invoice_of_the_portfolio(full_xero):
    api = Xero(full_xero)
    seen, page = 0, 1
    while True:
        answer = api.read("get_invoices", page=page, page_size=1000)
        for row in answer["Invoices"]:
            if row["Status"] in ("AUTHORISED", "PAID"):
                assert row["Total"] == row["AmountDue"] + row["AmountPaid"] + row["AmountCredited"]
                seen += 1
        if page == answer["pagination"]["pageCount"]:
            break
        page += 1
    assert seen > 1000

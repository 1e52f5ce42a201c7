"""QuickBooks reads: the query language, change data capture, documents, reports."""

from datetime import timedelta
from decimal import Decimal

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quickbooks import exceptions
from quickbooks.objects.customer import Customer
from quickbooks.objects.invoice import Invoice

from dunning_connectors.sandbox.book import Line

from .callers import credit, customer, invoice, quickbooks_sdk, receive, rows


def _many_customers(ledger, number):
    with ledger.book.lock:
        for serial in range(number):
            ledger.company.add_customer(name=f"Customer {serial:04d}")


def _single(sdk, entity, record_id, **params):
    url = f"{sdk.api_url}/company/{sdk.company_id}/{entity.lower()}/{record_id}"
    return sdk.get(url, params=params)[entity]


def _refused(sdk, statement):
    with pytest.raises(exceptions.QuickbooksException) as caught:
        sdk.query(statement)
    return caught.value


# -- paging and counting --------------------------------------------------------------------------------------


def test_a_query_without_limit_gives_one_hundred(quickbooks, sdk):
    _many_customers(quickbooks, 130)
    assert len(rows(sdk, "SELECT * FROM Customer")) == 100
    assert len(Customer.all(qb=sdk)) == 100


def test_pages_of_a_thousand_reach_every_row(quickbooks, sdk):
    _many_customers(quickbooks, 1001)
    first = rows(sdk, "SELECT * FROM Customer ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000")
    second = rows(sdk, "SELECT * FROM Customer ORDERBY Id STARTPOSITION 1001 MAXRESULTS 1000")
    assert (len(first), len(second)) == (1000, 1)
    assert len({row["Id"] for row in first + second}) == 1001


def test_more_than_a_thousand_at_once_is_refused(sdk):
    assert _refused(sdk, "SELECT * FROM Customer MAXRESULTS 1001").error_code == 4001


def test_count_counts_all_rows_and_names_none(quickbooks, sdk):
    _many_customers(quickbooks, 130)
    assert sdk.query("SELECT COUNT(*) FROM Customer")["QueryResponse"] == {"totalCount": 130}
    assert Customer.count(qb=sdk) == 130


def test_an_empty_answer_has_an_empty_query_response(sdk):
    assert sdk.query("SELECT * FROM Invoice")["QueryResponse"] == {}


def test_page_says_where_it_starts_and_how_much_it_holds(quickbooks, sdk):
    _many_customers(quickbooks, 7)
    answer = sdk.query("SELECT * FROM Customer STARTPOSITION 6 MAXRESULTS 5")["QueryResponse"]
    assert (answer["startPosition"], answer["maxResults"]) == (6, 2)


# -- the language ---------------------------------------------------------------------------------------------


def test_inactive_customers_are_hidden_unless_asked_for(quickbooks, sdk):
    customer(quickbooks, "Active Ltd")
    quickbooks.company.archive_customer(customer(quickbooks, "Gone Ltd"))
    assert [row["DisplayName"] for row in rows(sdk, "SELECT * FROM Customer")] == ["Active Ltd"]
    everyone = rows(sdk, "SELECT * FROM Customer WHERE Active IN (true, false)")
    assert [(row["DisplayName"], row["Active"]) for row in everyone] == [
        ("Active Ltd", True),
        ("Gone Ltd", False),
    ]


@pytest.mark.parametrize(
    "order", ["ORDERBY DisplayName DESC", "ORDER BY DisplayName DESC", "orderby DisplayName desc"]
)
def test_both_spellings_of_order_by_work(quickbooks, sdk, order):
    for name in ("B", "C", "A"):
        customer(quickbooks, name)
    assert [row["DisplayName"] for row in rows(sdk, f"SELECT * FROM Customer {order}")] == ["C", "B", "A"]


def test_quotes_and_backslashes_are_escaped_with_a_backslash(quickbooks, sdk):
    customer(quickbooks, "O'Dwyer \\ Sons")
    found = rows(sdk, r"SELECT * FROM Customer WHERE DisplayName = 'O\'Dwyer \\ Sons'")
    assert [row["DisplayName"] for row in found] == ["O'Dwyer \\ Sons"]
    assert _refused(sdk, "SELECT * FROM Customer WHERE DisplayName = 'O'Dwyer'").error_code == 4000


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)
)
def test_any_name_is_found_again_when_escaped(quickbooks, sdk, name):
    taken = {one.name for one in quickbooks.company.customers.values()}
    if name not in taken:
        customer(quickbooks, name)
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    found = rows(sdk, f"SELECT * FROM Customer WHERE DisplayName = '{escaped}'")
    assert [row["DisplayName"] for row in found] == [name]


def test_like_takes_percent_as_anything(quickbooks, sdk):
    for name in ("Alpha Foods", "Beta Foods", "Alphabet"):
        customer(quickbooks, name)
    found = rows(sdk, "SELECT * FROM Customer WHERE DisplayName LIKE 'Alpha%' AND DisplayName LIKE '%Foods'")
    assert [row["DisplayName"] for row in found] == ["Alpha Foods"]


def test_or_is_not_part_of_the_language(sdk):
    error = _refused(sdk, "SELECT * FROM Invoice WHERE Balance > '0' OR TotalAmt > '0'")
    assert error.error_code == 4000


def test_entity_names_are_case_sensitive(sdk):
    assert _refused(sdk, "SELECT * FROM invoice").error_code == 4001


def test_property_names_are_not_case_sensitive_but_must_exist(quickbooks, sdk):
    customer(quickbooks)
    assert len(rows(sdk, "SELECT * FROM Customer ORDER BY Metadata.LastUpdatedTime")) == 1
    assert "Property Colour not found" in _refused(sdk, "SELECT * FROM Customer WHERE Colour = 'red'").detail


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Balance > '0'", ["A", "B"]),
        ("Balance = '0.00'", ["C"]),
        ("TotalAmt >= '200' AND TotalAmt <= '300'", ["B", "C"]),
        ("DocNumber IN ('A', 'C')", ["A", "C"]),
        ("DueDate < '2026-12-21'", ["A"]),
        ("DueDate >= '2026-12-21'", ["B", "C"]),
    ],
)
def test_comparisons_follow_the_type_of_the_property(quickbooks, sdk, condition, expected):
    buyer = customer(quickbooks)
    invoice(quickbooks, buyer, "100", "A", due_in_days=10)
    invoice(quickbooks, buyer, "200", "B")
    settled = invoice(quickbooks, buyer, "300", "C")
    receive(quickbooks, buyer, "300", (settled, "300"))
    found = rows(sdk, f"SELECT * FROM Invoice WHERE {condition} ORDERBY DocNumber")
    assert [row["DocNumber"] for row in found] == expected


# -- times ----------------------------------------------------------------------------------------------------


def test_times_carry_the_company_offset_and_whole_seconds(quickbooks, sdk):
    customer(quickbooks)
    stamp = rows(sdk, "SELECT * FROM Customer")[0]["MetaData"]["LastUpdatedTime"]
    assert stamp.startswith("2026-11-2")
    assert stamp.endswith("-08:00")
    assert "." not in stamp


def test_time_filter_is_inclusive_at_the_second_in_any_offset(quickbooks, sdk):
    buyer = customer(quickbooks)
    second = buyer.updated_at.replace(microsecond=0)
    for text in (
        second.isoformat(),
        second.strftime("%Y-%m-%dT%H:%M:%SZ"),
        (second.astimezone(quickbooks.company.timezone)).isoformat(),
    ):
        assert len(rows(sdk, f"SELECT * FROM Customer WHERE MetaData.LastUpdatedTime >= '{text}'")) == 1
    later = (second + timedelta(seconds=1)).isoformat()
    assert rows(sdk, f"SELECT * FROM Customer WHERE MetaData.LastUpdatedTime >= '{later}'") == []


def test_time_without_offset_is_the_company_s_own(quickbooks, sdk):
    buyer = customer(quickbooks)
    local = buyer.updated_at.astimezone(quickbooks.company.timezone).strftime("%Y-%m-%dT%H:%M:%S")
    assert len(rows(sdk, f"SELECT * FROM Customer WHERE MetaData.LastUpdatedTime >= '{local}'")) == 1


def test_many_rows_may_share_one_second_and_be_paged_inside_it(quickbooks, sdk):
    quickbooks.book.clock.hold(quickbooks.book.clock.peek().replace(microsecond=0))
    _many_customers(quickbooks, 150)
    stamp = rows(sdk, "SELECT * FROM Customer")[0]["MetaData"]["LastUpdatedTime"]
    statement = f"SELECT * FROM Customer WHERE MetaData.LastUpdatedTime = '{stamp}' STARTPOSITION 101"
    assert len(rows(sdk, statement)) == 50


# -- derived changes ------------------------------------------------------------------------------------------


def test_a_payment_moves_the_invoice_s_time_and_balance_but_not_its_sync_token(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "100.10")
    before = _single(sdk, "Invoice", bill.id)
    quickbooks.book.clock.move(timedelta(seconds=2))
    receive(quickbooks, buyer, "40.05", (bill, "40.05"))
    after = _single(sdk, "Invoice", bill.id)
    assert (before["Balance"], after["Balance"]) == (Decimal("100.1"), Decimal("60.05"))
    assert before["SyncToken"] == after["SyncToken"]
    assert before["MetaData"]["LastUpdatedTime"] < after["MetaData"]["LastUpdatedTime"]


def test_an_own_edit_moves_the_sync_token(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    quickbooks.company.edit(bill, note="x")
    assert _single(sdk, "Invoice", bill.id)["SyncToken"] == "1"


def test_an_invoice_moves_its_customer_s_time_and_balance(quickbooks, sdk):
    buyer = customer(quickbooks)
    before = _single(sdk, "Customer", buyer.id)
    quickbooks.book.clock.move(timedelta(seconds=2))
    invoice(quickbooks, buyer, "55.5")
    after = _single(sdk, "Customer", buyer.id)
    assert (after["Balance"], after["SyncToken"]) == (Decimal("55.5"), "0")
    assert before["MetaData"]["LastUpdatedTime"] < after["MetaData"]["LastUpdatedTime"]


# -- documents ------------------------------------------------------------------------------------------------


def test_a_voided_invoice_keeps_its_row_with_zeros_and_a_note(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100", "V1")
    quickbooks.company.void(bill)
    row = rows(sdk, "SELECT * FROM Invoice WHERE DocNumber = 'V1'")[0]
    assert (row["TotalAmt"], row["Balance"], row["PrivateNote"]) == (0, 0, "Voided")
    assert {line["Amount"] for line in row["Line"]} == {0}


def test_a_deleted_invoice_is_gone_from_queries_and_reads(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    quickbooks.company.delete(bill)
    assert rows(sdk, "SELECT * FROM Invoice") == []
    with pytest.raises(exceptions.ObjectNotFoundException) as caught:
        Invoice.get(bill.id, qb=sdk)
    assert caught.value.error_code == 610


def test_an_overpaid_payment_shows_what_is_unapplied(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "100")
    payment = receive(quickbooks, buyer, "130", (bill, "100"), reference="RF18")
    row = _single(sdk, "Payment", payment.id)
    assert (row["TotalAmt"], row["UnappliedAmt"], row["PaymentRefNum"]) == (130, 30, "RF18")
    assert row["Line"][0]["LinkedTxn"] == [{"TxnId": bill.id, "TxnType": "Invoice"}]
    assert _single(sdk, "Customer", buyer.id)["Balance"] == -30


def test_applying_a_credit_memo_shows_as_a_zero_payment_that_links_both(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill, memo = invoice(quickbooks, buyer, "100"), credit(quickbooks, buyer, "30")
    quickbooks.company.allocate(memo, bill, Decimal(20), quickbooks.company.today())
    payment = rows(sdk, "SELECT * FROM Payment")[0]
    links = [(line["Amount"], line["LinkedTxn"][0]["TxnType"]) for line in payment["Line"]]
    assert (payment["TotalAmt"], links) == (0, [(20, "Invoice"), (20, "CreditMemo")])
    assert _single(sdk, "CreditMemo", memo.id)["RemainingCredit"] == 10
    shown = _single(sdk, "Invoice", bill.id)
    assert (shown["Balance"], shown["LinkedTxn"]) == (80, [{"TxnId": payment["Id"], "TxnType": "Payment"}])


def test_deleting_the_zero_payment_takes_the_credit_back(quickbooks, sdk):
    buyer = customer(quickbooks)
    bill, memo = invoice(quickbooks, buyer, "100"), credit(quickbooks, buyer, "30")
    allocation = quickbooks.company.allocate(memo, bill, Decimal(20), quickbooks.company.today())
    quickbooks.company.delete(allocation.carrier)
    assert _single(sdk, "Invoice", bill.id)["Balance"] == 100
    assert _single(sdk, "CreditMemo", memo.id)["RemainingCredit"] == 30


def test_a_journal_can_owe_and_be_paid_like_an_invoice(quickbooks, sdk):
    buyer = customer(quickbooks)
    journal = quickbooks.company.add_journal(buyer, Decimal("500"), quickbooks.company.today())
    line = _single(sdk, "JournalEntry", journal.id)["Line"][0]
    detail = line["JournalEntryLineDetail"]
    assert (line["Amount"], detail["PostingType"], detail["Entity"]["EntityRef"]["value"]) == (
        500,
        "Debit",
        buyer.id,
    )
    assert _single(sdk, "Customer", buyer.id)["Balance"] == 500
    payment = receive(quickbooks, buyer, "500", (journal, "500"))
    assert _single(sdk, "Payment", payment.id)["Line"][0]["LinkedTxn"][0]["TxnType"] == "JournalEntry"
    assert _single(sdk, "Customer", buyer.id)["Balance"] == 0


def test_a_sub_customer_that_bills_with_its_parent_is_counted_once(quickbooks, sdk):
    parent = customer(quickbooks, "Parent")
    child = customer(quickbooks, "Child", parent_id=parent.id, bills_with_parent=True, email="")
    invoice(quickbooks, parent, "10")
    invoice(quickbooks, child, "32")
    shown = {row["DisplayName"]: row for row in rows(sdk, "SELECT * FROM Customer")}
    assert (shown["Parent"]["Balance"], shown["Parent"]["BalanceWithJobs"]) == (10, 42)
    assert (shown["Child"]["Balance"], shown["Child"]["Job"], shown["Child"]["Level"]) == (32, True, 1)
    assert shown["Child"]["ParentRef"]["value"] == parent.id
    assert shown["Child"]["BillWithParent"] is True
    assert shown["Child"]["FullyQualifiedName"] == "Parent:Child"


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "12345"), ("KWD", "12.345"), ("EUR", "12.34")])
def test_exchange_rate_is_home_units_per_foreign_unit(quickbooks, sdk, currency, amount):
    bill = invoice(quickbooks, customer(quickbooks, currency=currency), amount)
    row = _single(sdk, "Invoice", bill.id)
    assert row["CurrencyRef"]["value"] == currency
    assert row["TotalAmt"] == Decimal(amount)
    assert row["HomeTotalAmt"] == round(Decimal(amount) * row["ExchangeRate"], 2)
    assert (row["ExchangeRate"] < 1) is (currency == "JPY")


def test_refund_receipts_owe_nobody_anything(quickbooks, sdk):
    buyer = customer(quickbooks)
    line = Line("Returned", Decimal(1), Decimal(5), Decimal(5))
    quickbooks.company.sell_back(buyer, [line], quickbooks.company.today())
    row = rows(sdk, "SELECT * FROM RefundReceipt")[0]
    assert (row["TotalAmt"], row["Balance"]) == (5, 0)
    assert _single(sdk, "Customer", buyer.id)["Balance"] == 0


def test_the_payment_link_comes_only_by_id_and_on_request(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    assert "InvoiceLink" not in rows(sdk, "SELECT * FROM Invoice")[0]
    assert "InvoiceLink" not in _single(sdk, "Invoice", bill.id)
    linked = Invoice.get(bill.id, qb=sdk, params={"include": "invoiceLink"})
    assert requests.get(linked.InvoiceLink, timeout=20).status_code == 200
    assert linked.InvoiceLinkExpiryDate > "2026-11-21"


def test_the_invoice_comes_as_pdf(quickbooks, sdk):
    bill = invoice(quickbooks, customer(quickbooks), "100")
    assert sdk.download_pdf("Invoice", bill.id).startswith(b"%PDF-1.4")


def test_company_terms_currencies_and_rates(quickbooks, sdk):
    info = _single(sdk, "CompanyInfo", sdk.company_id)
    assert (info["Country"], info["DefaultTimeZone"]) == ("US", "America/Los_Angeles")
    preferences = sdk.get(f"{sdk.api_url}/company/{sdk.company_id}/preferences")["Preferences"]
    assert preferences["CurrencyPrefs"] == {"MultiCurrencyEnabled": True, "HomeCurrency": {"value": "USD"}}
    assert {"Net 30": 30, "Due on receipt": 0}.items() <= {
        row["Name"]: row["DueDays"] for row in rows(sdk, "SELECT * FROM Term")
    }.items()
    assert [row["Code"] for row in rows(sdk, "SELECT * FROM CompanyCurrency")] == ["EUR", "GBP", "JPY", "KWD"]
    url = f"{sdk.api_url}/company/{sdk.company_id}/exchangerate"
    rate = sdk.get(url, params={"sourcecurrencycode": "EUR", "asofdate": "2026-11-01"})["ExchangeRate"]
    assert (rate["SourceCurrencyCode"], rate["TargetCurrencyCode"], rate["AsOfDate"]) == (
        "EUR",
        "USD",
        "2026-11-01",
    )
    assert rate["Rate"] > 1


# -- change data capture --------------------------------------------------------------------------------------


def _capture(sdk, entities, since):
    return sdk.change_data_capture(entities, since.isoformat())["CDCResponse"][0]["QueryResponse"]


def test_capture_gives_whole_objects_and_an_empty_object_for_what_did_not_change(quickbooks, sdk):
    since = quickbooks.book.clock.now()
    invoice(quickbooks, customer(quickbooks), "100")
    customers, payments, invoices = _capture(sdk, "Customer,Payment,Invoice", since)
    assert payments == {}
    assert customers["Customer"][0]["DisplayName"] == "Ashcombe Ltd"
    assert invoices["Invoice"][0]["Line"]


def test_capture_tells_of_deletions_with_a_stub(quickbooks, sdk):
    since = quickbooks.book.clock.now()
    bill = invoice(quickbooks, customer(quickbooks), "100")
    quickbooks.company.delete(bill)
    stub = _capture(sdk, "Invoice", since)[0]["Invoice"][0]
    assert (stub["Id"], stub["status"], stub["domain"]) == (bill.id, "Deleted", "QBO")
    assert "TotalAmt" not in stub


def test_capture_shows_inactive_customers(quickbooks, sdk):
    since = quickbooks.book.clock.now()
    quickbooks.company.archive_customer(customer(quickbooks))
    assert _capture(sdk, "Customer", since)[0]["Customer"][0]["Active"] is False


def test_capture_stops_at_a_thousand_over_all_entities_without_saying_so(quickbooks, sdk):
    since = quickbooks.book.clock.now()
    _many_customers(quickbooks, 990)
    buyer = customer(quickbooks)
    for _ in range(20):
        invoice(quickbooks, buyer, "1")
    customers, invoices = _capture(sdk, "Customer,Invoice", since)
    assert (len(customers["Customer"]), len(invoices["Invoice"])) == (991, 9)


def test_capture_looks_back_thirty_days_at_most(quickbooks, sdk):
    since = quickbooks.book.clock.now()
    quickbooks.book.clock.move(timedelta(days=29))
    assert _capture(sdk, "Invoice", since) == [{}]
    quickbooks.book.clock.move(timedelta(days=2))
    with pytest.raises(exceptions.QuickbooksException) as caught:
        _capture(sdk, "Invoice", since)
    assert "older than fixed days is not supported" in caught.value.detail


# -- companies and environments -------------------------------------------------------------------------------


def test_a_foreign_realm_is_refused_with_3100(quickbooks):
    token = quickbooks.grant(quickbooks.companies[0])
    with pytest.raises(exceptions.QuickbooksException) as caught:
        quickbooks_sdk(quickbooks, quickbooks.companies[1], token).query("SELECT * FROM Invoice")
    assert "003100" in str(caught.value)


def test_an_expired_token_is_401_3200(quickbooks, sdk):
    quickbooks.oauth.expire_access_tokens()
    with pytest.raises(exceptions.AuthorizationException) as caught:
        sdk.query("SELECT * FROM Invoice")
    assert "3200" in caught.value.detail


def test_sandbox_and_production_hosts_serve_only_their_own_companies(quickbooks):
    demo, live, _ = quickbooks.companies
    assert (demo.demo, live.demo) == (True, False)
    for company, good, bad in (
        (demo, "api_sandbox", "api_production"),
        (live, "api_production", "api_sandbox"),
    ):
        quickbooks_sdk(quickbooks, company, api=good).query("SELECT * FROM Invoice")
        with pytest.raises(exceptions.QuickbooksException) as caught:
            quickbooks_sdk(quickbooks, company, api=bad).query("SELECT * FROM Invoice")
        assert "003100" in str(caught.value)


# -- control totals -------------------------------------------------------------------------------------------


def test_aged_receivables_add_up_to_the_customers_balances_in_home_currency(quickbooks, sdk):
    buyer, other = customer(quickbooks, "One"), customer(quickbooks, "Two", currency="EUR")
    bill = invoice(quickbooks, buyer, "100", due_in_days=-45)
    invoice(quickbooks, buyer, "7", due_in_days=5)
    receive(quickbooks, buyer, "25", (bill, "20"))
    euro = invoice(quickbooks, other, "50")
    report = sdk.get_report("AgedReceivables")
    lines = {row["ColData"][0]["id"]: row["ColData"] for row in report["Rows"]["Row"] if "ColData" in row}
    titles = [column["ColTitle"] for column in report["Columns"]["Column"]]
    assert titles == ["", "Current", "1 - 30", "31 - 60", "61 - 90", "91 and over", "Total"]
    assert [cell["value"] for cell in lines[buyer.id]] == ["One", "2.00", "", "80.00", "", "", "82.00"]
    rate = _single(sdk, "Invoice", euro.id)["ExchangeRate"]
    assert Decimal(lines[other.id][-1]["value"]) == round(50 * rate, 2)
    grand = report["Rows"]["Row"][-1]["Summary"]["ColData"][-1]["value"]
    assert Decimal(grand) == 82 + round(50 * rate, 2)


def test_own_books_equal_what_the_api_says_of_every_customer(full_quickbooks):
    sdk = quickbooks_sdk(full_quickbooks)
    everyone = rows(sdk, "SELECT * FROM Customer WHERE Active IN (true, false) MAXRESULTS 1000")
    truth = full_quickbooks.truth()
    assert len(everyone) == len(full_quickbooks.company.customers)
    for row in everyone:
        currency = row["CurrencyRef"]["value"]
        expected = truth.get(row["Id"], {}).get(currency, {"balance": 0})["balance"]
        assert row["Balance"] == expected, row["DisplayName"]

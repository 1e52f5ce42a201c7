"""Faults to order: each one does what it says, strikes as often as told, and leaves the rest alone."""

import json
import threading
import time
from decimal import Decimal

import pytest
import requests
import urllib3
from quickbooks import exceptions
from xero_python.accounting import HistoryRecord, HistoryRecords
from xero_python.exceptions import HTTPStatusException, RateLimitException

from dunning_connectors.sandbox import Limits, Sandbox
from dunning_connectors.sandbox.faults import SPOILT

from .callers import Xero, control, customer, invoice, look, quickbooks_sdk, rows
from .conftest import TODAY

SELECT = "SELECT * FROM Invoice"


def _raw(ledger, path, **options):
    """A plain request with a good token."""
    headers = {
        "Authorization": f"Bearer {ledger.grant()['access_token']}",
        "xero-tenant-id": ledger.company.id,
    }
    return requests.get(ledger.urls["api"] + path, headers=headers, timeout=20, **options)


def _query(ledger, statement=SELECT):
    return _raw(ledger, f"/company/{ledger.company.id}/query", params={"query": statement})


def _get(ledger):
    return _query(ledger) if ledger.vendor == "quickbooks" else _raw(ledger, "/Invoices", params={"page": 1})


@pytest.fixture(params=["quickbooks", "xero"])
def ledger(request):
    return request.getfixturevalue(request.param)


# -- which requests are struck --------------------------------------------------------------------------------


def test_a_fault_strikes_as_often_as_ordered_and_then_no_more(ledger):
    order = ledger.faults.order("server_error", count=2)
    assert [_get(ledger).status_code for _ in range(4)] == [500, 500, 200, 200]
    assert order.struck == 2


def test_a_fault_spares_as_many_as_told_and_others_always(quickbooks):
    quickbooks.faults.order("server_error", match="FROM Payment", skip=1)
    asked = ("SELECT * FROM Payment", SELECT, "SELECT * FROM Payment", "SELECT * FROM Payment")
    sdk = quickbooks_sdk(quickbooks)
    outcome = []
    for statement in asked:
        try:
            sdk.query(statement)
            outcome.append("fine")
        except exceptions.QuickbooksException:
            outcome.append("fault")
    assert outcome == ["fine", "fine", "fault", "fine"]


def test_chance_follows_the_seed():
    runs = []
    for _ in range(2):
        with Sandbox("xero", seed=11, today=TODAY, scale=0) as ledger:
            ledger.faults.order("server_error", count=100, chance=0.5)
            runs.append([_get(ledger).status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_faults_compose(xero):
    xero.faults.order("slow", seconds=0.2)
    xero.faults.order("throttle_minute", retry_after_s=7)
    began = time.monotonic()
    answer = _get(xero)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert time.monotonic() - began >= 0.2


def test_an_unknown_fault_is_refused_with_the_known_ones(ledger):
    with pytest.raises(ValueError, match="throttle_minute"):
        ledger.faults.order("bad_mood")


# -- answers --------------------------------------------------------------------------------------------------


def test_quickbooks_throttle_is_429_3001_which_the_sdk_calls_a_validation_error(quickbooks):
    quickbooks.faults.order("throttle_minute", retry_after_s=60, count=2)
    answer = _query(quickbooks)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    error = answer.json()["Fault"]["Error"][0]
    assert (error["code"], "ThrottleExceeded" in error["Message"]) == ("003001", True)
    with pytest.raises(exceptions.ValidationException) as caught:
        quickbooks_sdk(quickbooks).query(SELECT)
    assert caught.value.error_code == 3001


@pytest.mark.parametrize(
    ("kind", "has_wait"), [("minute", True), ("day", True), ("concurrent", False), ("appminute", False)]
)
def test_xero_throttle_names_its_limit_and_says_when_to_come_back_only_for_minute_and_day(
    xero, kind, has_wait
):
    xero.faults.order(f"throttle_{kind}")
    with pytest.raises(RateLimitException) as caught:
        Xero(xero).read("get_invoices", page=1)
    headers = caught.value.headers
    assert headers["X-Rate-Limit-Problem"] == kind
    assert ("Retry-After" in headers) is has_wait


def test_xero_daily_wait_is_hours(xero):
    xero.faults.order("throttle_day")
    answer = _get(xero)
    assert int(answer.headers["Retry-After"]) > 6 * 3600
    assert answer.headers["X-DayLimit-Remaining"] == "0"


def test_a_fault_can_come_in_a_200_in_either_case(quickbooks):
    quickbooks.faults.order("fault_in_200", code="10000")
    quickbooks.faults.order("fault_in_200", code="AuthenticationFailed", lower_case=True, skip=1)
    upper, lower = _query(quickbooks), _query(quickbooks)
    assert (upper.status_code, upper.json()["Fault"]["Error"][0]["code"]) == (200, "10000")
    assert (lower.status_code, lower.json()["fault"]["error"][0]["code"]) == (200, "AuthenticationFailed")


def test_a_proxy_answers_in_html(ledger):
    ledger.faults.order("unavailable_html")
    answer = _get(ledger)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
    assert answer.text.startswith("<html>")


def test_unauthorized_hits_one_request_while_the_token_stays_good(ledger):
    ledger.faults.order("unauthorized")
    assert [_get(ledger).status_code, _get(ledger).status_code] == [401, 200]


def test_a_missing_scope_may_also_come_as_401(xero):
    xero.faults.order("wrong_scope")
    xero.faults.order("wrong_scope", skip=1, status=401)
    first, second = _get(xero), _get(xero)
    assert (first.status_code, second.status_code) == (403, 401)
    assert second.json()["Detail"] == "AuthorizationUnsuccessful"


def test_a_lapsed_subscription_is_6190(quickbooks):
    quickbooks.faults.order("company_suspended")
    assert _query(quickbooks).json()["Fault"]["Error"][0]["code"] == "6190"


# -- connections ----------------------------------------------------------------------------------------------


def _note(api, record_id, **options):
    body = HistoryRecords(history_records=[HistoryRecord(details="Reminder sent")])
    return api.read("create_invoice_history", record_id, body, **options)


def test_a_connection_cut_before_the_work_leaves_nothing(xero):
    bill = invoice(xero, customer(xero), "10")
    xero.faults.order("cut_before", match="^PUT")
    with pytest.raises(urllib3.exceptions.HTTPError):
        _note(Xero(xero), bill.id)
    assert bill.history == []


@pytest.mark.parametrize("kind", ["cut_after", "cut_midway"])
def test_a_lost_answer_leaves_the_work_done_and_the_key_saves_it_from_repetition(xero, kind):
    bill, api = invoice(xero, customer(xero), "10"), Xero(xero)
    xero.faults.order(kind, match="^PUT")
    with pytest.raises((urllib3.exceptions.HTTPError, json.JSONDecodeError)):
        _note(api, bill.id, idempotency_key="k")
    assert len(bill.history) == 1
    _note(api, bill.id, idempotency_key="k")
    assert len(bill.history) == 1


def test_a_spoilt_answer_to_a_write_is_whole_again_when_it_is_repeated(quickbooks):
    sdk = quickbooks_sdk(quickbooks)
    quickbooks.faults.order("missing_id", match="/customer")
    spoilt, whole = (sdk.create_object("Customer", '{"DisplayName": "N"}', request_id="r") for _ in range(2))
    assert ("Id" in spoilt["Customer"], "Id" in whole["Customer"]) == (False, True)


def test_quickbooks_lost_answer_to_a_payment_is_repaired_by_its_request_id(quickbooks):
    buyer = customer(quickbooks)
    sdk = quickbooks_sdk(quickbooks)
    quickbooks.faults.order("cut_after", match="^POST .*/payment")
    body = json.dumps({"CustomerRef": {"value": buyer.id}, "TotalAmt": 5})
    with pytest.raises(requests.ConnectionError):
        sdk.create_object("Payment", body, request_id="r-1")
    sdk.create_object("Payment", body, request_id="r-1")
    assert len(quickbooks.company.payments()) == 1


def test_a_slow_answer_outlasts_a_short_patience(quickbooks):
    quickbooks.faults.order("slow", seconds=0.5)
    headers = {"Authorization": f"Bearer {quickbooks.grant()['access_token']}"}
    url = f"{quickbooks.urls['api']}/company/{quickbooks.company.id}/preferences"
    with pytest.raises(requests.ReadTimeout):
        requests.get(url, headers=headers, timeout=0.1)


# -- spoilt records -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(SPOILT))
def test_one_record_of_a_page_is_spoilt_and_its_neighbours_are_not(ledger, kind):
    buyer = customer(ledger)
    for number in "ABC":
        invoice(ledger, buyer, "10", number)
    name = "Invoice" if ledger.vendor == "quickbooks" else "Invoices"

    def page():
        payload = _get(ledger).json()
        return payload.get("QueryResponse", payload)[name]

    clean = page()
    ledger.faults.order(kind, record=1)
    spoilt = page()
    assert (spoilt[0], spoilt[-1]) == (clean[0], clean[-1])
    if kind == "vanished_record":
        assert len(spoilt) == 2
    elif kind == "duplicate_record":
        assert spoilt[1] == spoilt[2] == clean[1]
    else:
        assert spoilt[1] != clean[1]
    assert page() == clean


def test_capture_can_call_a_living_record_deleted(quickbooks):
    since = quickbooks.book.clock.now()
    bill = invoice(quickbooks, customer(quickbooks), "10")
    quickbooks.faults.order("false_delete", match="/cdc")
    sdk = quickbooks_sdk(quickbooks)
    page = sdk.change_data_capture("Invoice", since.isoformat())["CDCResponse"][0]["QueryResponse"][0]
    assert (page["Invoice"][0]["Id"], page["Invoice"][0]["status"]) == (bill.id, "Deleted")
    assert len(rows(sdk, SELECT)) == 1


# -- a changing world -----------------------------------------------------------------------------------------


def test_expired_tokens_stay_expired(ledger):
    token = ledger.grant()["access_token"]
    ledger.faults.order("tokens_expire")
    assert _get(ledger).status_code == 401
    assert ledger.oauth.access_of(f"Bearer {token}") is None


def test_a_taken_tenant_is_gone_from_the_consent(xero):
    api = Xero(xero)
    xero.faults.order("tenant_taken", match="/Invoices")
    with pytest.raises(HTTPStatusException) as caught:
        api.read("get_invoices", page=1)
    assert caught.value.status == 403
    assert api.identity.get_connections() == []


def test_clock_skew_moves_the_server_s_clock_for_good(xero):
    before = xero.book.clock.peek()
    xero.faults.order("clock_skew", seconds=-3600)
    _get(xero)
    assert -3605 < (xero.book.clock.peek() - before).total_seconds() < -3590


def test_a_change_between_two_pages_makes_offset_paging_skip_a_row(quickbooks):
    buyer = customer(quickbooks)
    for number in "ABCD":
        invoice(quickbooks, buyer, "10", number)
    sdk = quickbooks_sdk(quickbooks)
    quickbooks.faults.order("concurrent_change", match="STARTPOSITION 1", change="edit")
    statement = SELECT + " ORDERBY MetaData.LastUpdatedTime STARTPOSITION {} MAXRESULTS 2"
    quickbooks.book.clock.move_s(2)
    first = [row["DocNumber"] for row in rows(sdk, statement.format(1))]
    second = [row["DocNumber"] for row in rows(sdk, statement.format(3))]
    assert (first, second) == (["A", "B"], ["D", "A"])


@pytest.mark.parametrize(("change", "status", "still_open"), [("pay", "open", 0), ("void", "void", 0)])
def test_a_record_may_be_paid_or_voided_right_after_it_was_read(ledger, change, status, still_open):
    bill = invoice(ledger, customer(ledger), "10")
    ledger.faults.order("concurrent_change", change=change)
    _get(ledger)
    assert (bill.status, bill.open) == (status, still_open)


# -- real limits ----------------------------------------------------------------------------------------------


def test_the_documented_minute_limit_of_xero_is_enforced_and_ends_with_its_window():
    with Sandbox("xero", today=TODAY, scale=0, limits=Limits.of("xero")) as ledger:
        api = Xero(ledger)
        ledger.wall.move_s(60 - ledger.wall.peek().second)  # a window has just begun
        for left in (59, 58):
            api.read("get_organisations")
            assert api.last.headers["X-MinLimit-Remaining"] == str(left)
        for _ in range(58):
            ledger.meter.spend(ledger.company.id)
        with pytest.raises(RateLimitException) as caught:
            api.read("get_organisations")
        wait_s = int(caught.value.headers["Retry-After"])
        assert 0 < wait_s <= 60
        ledger.wall.move_s(wait_s + 1)
        api.read("get_organisations")


def test_more_calls_at_once_than_allowed_are_refused():
    with Sandbox("xero", today=TODAY, scale=0, limits=Limits(concurrent=2)) as ledger:
        api_token = ledger.grant()
        statuses = []

        def call():
            headers = {
                "Authorization": f"Bearer {api_token['access_token']}",
                "xero-tenant-id": ledger.company.id,
            }
            answer = requests.get(ledger.urls["api"] + "/Organisation", headers=headers, timeout=20)
            statuses.append((answer.status_code, answer.headers.get("X-Rate-Limit-Problem")))

        threads = [threading.Thread(target=call) for _ in range(5)]
        with ledger.book.lock:
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + 10
            while ledger.meter.under_way(ledger.company.id) < 5 and time.monotonic() < deadline:
                time.sleep(0.01)
        for thread in threads:
            thread.join()
        assert (429, "concurrent") in statuses
        assert (200, None) in statuses


# -- from another process -------------------------------------------------------------------------------------


def test_faults_are_ordered_listed_and_cleared_over_http(ledger):
    control(ledger, "faults", kind="throttle_day", match="/nothing", count=3, retry_after_s=40_000)
    listed = look(ledger, "faults")
    assert [(one["kind"], one["count"], one["params"]) for one in listed] == [
        ("throttle_day", 3, {"retry_after_s": 40_000})
    ]
    control(ledger, "faults/clear")
    assert look(ledger, "faults") == []
    answer = requests.post(f"{ledger.base_url}/_sandbox/faults", json={"kind": "bad_mood"}, timeout=20)
    assert (answer.status_code, "Unknown fault 'bad_mood'" in answer.json()["error"]) == (400, True)


def test_amounts_on_the_wire_are_the_book_s_own_digits(ledger):
    buyer = customer(ledger, currency="KWD")
    for amount in ("0.001", "123456789.987", "10.100"):
        invoice(ledger, buyer, amount)
    payload = json.loads(_get(ledger).text, parse_float=Decimal)
    name, total = ("Invoice", "TotalAmt") if ledger.vendor == "quickbooks" else ("Invoices", "Total")
    shown = [row[total] for row in payload.get("QueryResponse", payload)[name]]
    assert shown == [Decimal("0.001"), Decimal("123456789.987"), Decimal("10.1")]

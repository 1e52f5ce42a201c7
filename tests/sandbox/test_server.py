"""The server itself: starting, stopping, concurrency, control over HTTP, and as a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import requests

import dunning_connectors
from dunning_connectors.sandbox import Sandbox

from .callers import Xero, control, customer, invoice, look, quickbooks_sdk, rows
from .conftest import TODAY


def test_the_state_holds_the_own_books_per_customer_and_currency(quickbooks):
    buyer = customer(quickbooks, currency="KWD")
    invoice(quickbooks, buyer, "12.345", due_in_days=-3)
    main = look(quickbooks, "state")["companies"][0]
    expected = {"open": "12.345", "credit": "0.000", "balance": "12.345", "overdue": "12.345"}
    assert main["customers"] == {buyer.id: {"KWD": expected}}
    assert (main["balance"], main["counts"]["open_invoices"]) == ({"KWD": "12.345"}, 1)


def test_customers_and_invoices_are_listed(quickbooks):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "10", "L1")
    assert look(quickbooks, "customers")[0]["name"] == "Ashcombe Ltd"
    row = look(quickbooks, "invoices", open="true", customer=buyer.id)[0]
    assert (row["id"], row["number"], row["open"], row["due_date"]) == (bill.id, "L1", "10.00", "2026-12-21")
    assert look(quickbooks, "invoices", customer="nobody") == []


@pytest.mark.parametrize(
    ("what", "more", "status", "still_open"),
    [
        ("pay", {"amount": "4"}, "open", "6.00"),
        ("void", {}, "void", "0.00"),
        ("edit", {"due_date": "2027-01-01"}, "open", "10.00"),
    ],
)
def test_changes_are_made_over_http(xero, what, more, status, still_open):
    bill = invoice(xero, customer(xero), "10")
    control(xero, "change", what=what, id=bill.id, **more)
    row = look(xero, "invoices")[0]
    assert (row["status"], row["open"]) == (status, still_open)


def test_an_impossible_change_says_why(xero):
    body = {"what": "void", "id": "nothing"}
    answer = requests.post(f"{xero.base_url}/_sandbox/change", json=body, timeout=20)
    assert (answer.status_code, answer.json()) == (400, {"error": "There is no payment or credit nothing."})


def test_calls_are_counted_by_path_and_status(quickbooks):
    sdk = quickbooks_sdk(quickbooks)
    sdk.query("SELECT * FROM Invoice")
    sdk.query("SELECT * FROM Payment")
    assert look(quickbooks, "requests", containing="FROM Payment")["count"] == 1
    counted = look(quickbooks, "requests")
    assert counted["by_path"] == {f"POST /v3/company/{sdk.company_id}/query": 2}
    assert counted["by_status"] == {"200": 2}
    assert quickbooks.request_count("/query") == 2
    control(quickbooks, "requests/clear")
    assert look(quickbooks, "requests")["count"] == 0


def test_a_day_passes_over_http():
    with Sandbox("xero", today=TODAY, scale=0.3) as ledger:
        day = ledger.company.today()
        assert control(ledger, "advance_day", days=10)["invoices"] > 0
        assert (ledger.company.today() - day).days == 10


def test_reset_starts_over_with_other_books_and_no_tokens(quickbooks):
    sdk = quickbooks_sdk(quickbooks)
    control(quickbooks, "reset", seed=9, today="2026-02-01", scale=0.1)
    state = look(quickbooks, "state")
    assert (state["seed"], state["companies"][0]["counts"]["customers"]) == (9, 17)
    answer = requests.get(
        f"{sdk.api_url}/company/{sdk.company_id}/preferences",
        headers={"Authorization": f"Bearer {sdk.session.access_token}"},
        timeout=20,
    )
    assert answer.status_code == 401


def test_many_at_once_read_and_write_without_losing_anything(xero):
    bill = invoice(xero, customer(xero), "100")
    token = xero.grant()
    headers = {"Authorization": f"Bearer {token['access_token']}", "xero-tenant-id": xero.company.id}
    failures = []

    def work(number):
        body = {"Invoice": {"InvoiceID": bill.id}, "Amount": "1.00"}
        for step in range(5):
            key = {"Idempotency-Key": f"{number}-{step}"}
            url = xero.urls["api"] + "/Payments"
            answer = requests.put(url, data=json.dumps(body), headers={**headers, **key}, timeout=20)
            if answer.status_code != 200:
                failures.append(answer.text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (bill.open, len(xero.company.payments())) == (60, 40)


def test_two_ledgers_run_side_by_side_with_their_own_books(quickbooks, xero):
    customer(quickbooks, "Only here")
    assert [row["DisplayName"] for row in rows(quickbooks_sdk(quickbooks), "SELECT * FROM Customer")] == [
        "Only here"
    ]
    assert Xero(xero).read("get_contacts", page=1)["Contacts"] == []


def test_a_stopped_ledger_starts_again_on_its_port_with_its_books(quickbooks):
    customer(quickbooks)
    url = quickbooks.base_url
    quickbooks.stop()
    with pytest.raises(requests.ConnectionError):
        look(quickbooks, "state")
    quickbooks.start()
    assert quickbooks.base_url == url
    assert look(quickbooks, "state")["companies"][0]["counts"]["customers"] == 1


def test_an_unknown_ledger_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="quickbooks, xero"):
        Sandbox("sage")


def _process(tmp_path, *arguments):
    """`python -m dunning_connectors.sandbox`, found under its installed name; interruptible even where a shell started
    the tests in the background, which makes all that descends from it deaf to interrupts."""
    (tmp_path / "dunning_connectors").symlink_to(Path(dunning_connectors.__path__[0]).resolve())
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dunning_connectors.sandbox", *arguments]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def test_it_runs_as_a_process_of_its_own_and_stops_on_interrupt(tmp_path):
    process = _process(tmp_path, "xero", "--today", "2026-11-21", "--scale", "0.1", "--consent", "auto")
    try:
        said = [process.stdout.readline() for _ in range(12)]
        url = re.search(r"http://\S+", said[0]).group()
        state = requests.get(f"{url}/_sandbox/state", timeout=20).json()
        assert (state["vendor"], state["companies"][0]["counts"]["customers"]) == ("xero", 17)
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in output
    assert "client id sandbox-client, client secret sandbox-secret" in "".join(said)


def test_a_taken_port_is_told_in_one_sentence(tmp_path, quickbooks):
    port = quickbooks.base_url.rpartition(":")[2]
    process = _process(tmp_path, "xero", "--port", port, "--scale", "0")
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert output.strip().endswith("choose another with --port.")
    assert "Traceback" not in output

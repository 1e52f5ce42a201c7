"""The remote gateway's own statements (O1 …), over real HTTP against Odoo's JSON-2 conventions."""

from __future__ import annotations

import json

import pytest
from werkzeug.wrappers import Response

from dunning_connectors.errors import Retry, Stop
from dunning_connectors.gateway.json2 import TRIES_MAX, Odoo

from .conftest import Trial
from .ledgers import LEDGERS
from .receivers import HttpReceiver, error


@pytest.fixture
def remote(ledger_class):
    trial = Trial(ledger_class, HttpReceiver)
    yield trial
    trial.close()


def once(verb, answer, times=1):
    """A fault on the first `times` calls of a verb."""
    left = [times]

    def fault(called):
        if called == verb and left[0]:
            left[0] -= 1
            return answer
        return None

    return fault


@pytest.mark.parametrize("verb", ["sync_ingest", "sync_checkpoint", "sync_report", "sync_control"])
def test_o1_a_call_whose_answer_was_lost_is_sent_again_without_harm(remote, verb):
    remote.start()
    remote.ledger.pay(remote.ledger.invoice(remote.ledger.customer()), "10")
    remote.receiver.faults.append(once(verb, "cut"))

    remote.sync()

    remote.check()
    assert len(remote.receiver.reports()) == 1
    assert remote.receiver.slept == [1.0]


def test_o2_a_bad_record_in_a_batch_is_named_and_the_others_are_stored(remote):
    remote.start()
    customer = remote.ledger.customer()
    for amount in ("10", "20", "30"):
        remote.ledger.invoice(customer, amount)
    refuse = error(422, "odoo.exceptions.ValidationError", "Amount 20 is not liked here")

    original = remote.receiver._answer

    def picky(request, verb):
        wires = (request.get_json() or {}).get("records", []) if verb == "sync_ingest" else []
        return refuse if any(wire.get("total") == "20" for wire in wires) else original(request, verb)

    remote.receiver._answer = picky
    outcome = remote.run()

    assert {row["total"] for row in remote.receiver.live("invoice").values()} == {"10", "30"}
    assert outcome.counts["quarantined"] >= 1  # refused again at each look
    (bad,) = remote.receiver.quarantine().values()
    assert bad["payload"]["total"] == "20" and "not liked here" in bad["cause"]
    assert remote.receiver.slept == []  # a refusal is not repeated as it is


@pytest.mark.parametrize("status", [409, 500, 502, 503])
def test_o2_a_busy_server_is_asked_again_a_bounded_number_of_times(remote, status):
    remote.start()
    remote.ledger.customer()
    remote.receiver.faults.append(
        once("sync_ingest", error(status, "odoo.exceptions.LockError", "busy"), TRIES_MAX - 1)
    )

    remote.sync()

    assert remote.receiver.slept == [1.0, 2.0, 4.0]


def test_o2_a_server_that_stays_down_ends_the_pass_as_later(remote):
    remote.start()
    remote.ledger.customer()
    remote.receiver.faults.append(once("sync_ingest", Response("<html>Bad gateway</html>", 502), 99))

    outcome = remote.run()

    assert outcome.result == "later"
    assert len(remote.receiver.slept) == TRIES_MAX - 1


def test_o2_a_delivery_that_is_too_large_is_halved(remote):
    remote.start()
    customer = remote.ledger.customer()
    for _ in range(7):
        remote.ledger.invoice(customer)
    original = remote.receiver._answer

    def narrow(request, verb):
        wires = (request.get_json() or {}).get("records", []) if verb == "sync_ingest" else []
        return Response("too large", 413) if len(wires) > 2 else original(request, verb)

    remote.receiver._answer = narrow

    remote.sync()

    remote.check()
    assert len(remote.receiver.live("invoice")) == 7


@pytest.mark.parametrize("rows_taken", [2, 0])
def test_o2_records_set_aside_that_are_too_large_go_in_halves_and_at_last_without_their_payload(
    remote, rows_taken
):
    remote.start()
    customer = remote.ledger.customer()
    invoices = {remote.ledger.invoice(customer).id for _ in range(5)}
    for place in range(5):
        remote.ledger.order("malformed_record", "invoice", record=place, count=100)
    original = remote.receiver._answer

    def narrow(request, verb):
        bad = (request.get_json() or {}).get("bad", []) if verb == "sync_quarantine" else []
        payloads = sum(row["payload"] is not None for row in bad)
        return Response("too large", 413) if payloads > rows_taken else original(request, verb)

    remote.receiver._answer = narrow

    remote.sync()

    held = remote.receiver.quarantine()
    assert set(held) == {("invoice", one) for one in invoices}
    assert {row["payload"] is not None for row in held.values()} == {rows_taken > 0}


def test_o3_a_refused_key_stops_at_once_with_the_next_step():
    trial = Trial(LEDGERS["quickbooks"], HttpReceiver).start()
    try:
        stranger = Odoo(trial.receiver.url, "books", "not-the-key", sleep=trial.receiver.slept.append)
        with pytest.raises(Stop, match=r"API key.*expired.*new one"):
            stranger.ledgers()
        assert trial.receiver.slept == []
        assert trial.receiver.odoo.ledgers()[0]["id"] == 7
    finally:
        trial.close()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {"name": "odoo.exceptions.AccessError", "message": "no"}, "sync role"),
        (404, None, "addon installed"),
        (200, None, "Odoo 19"),
        (303, None, "set ODOO_URL to the address"),
        (418, None, "Odoo's log"),
    ],
)
def test_o3_every_refusal_says_what_to_do(status, body, words):
    trial = Trial(LEDGERS["xero"], HttpReceiver).start()
    try:
        content = json.dumps(body) if body else "<html>debug Traceback</html>"
        trial.receiver.faults.append(once("sync_ledgers", Response(content, status)))
        with pytest.raises(Stop) as caught:
            trial.receiver.odoo.ledgers()
        assert words in caught.value.message
        assert "Traceback" not in caught.value.message
    finally:
        trial.close()


def test_o3_a_server_out_of_reach_is_a_retry():
    with pytest.raises(Retry, match="could not be reached"):
        Odoo("http://127.0.0.1:9", "books", "key", sleep=lambda _s: None).ledgers()


def test_a_key_never_travels_unencrypted_to_another_machine():
    with pytest.raises(Stop, match="https"):
        Odoo("http://erp.example.com", "books", "key")

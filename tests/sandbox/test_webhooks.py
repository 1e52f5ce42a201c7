"""Webhooks: the vendors' formats, signatures over the raw body, handshake, and deliveries gone wrong."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from quickbooks import QuickBooks

from .callers import control, customer, invoice, look, receive

KEY = "a-key-of-the-app"


class Receiver:
    """A webhook endpoint that keeps what it is sent and answers as a careful app does."""

    def __init__(self):
        self.deliveries = []
        self.answer_body = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.append((dict(self.headers), body))
                name = "x-xero-signature" if "x-xero-signature" in self.headers else "intuit-signature"
                self.send_response(200 if self.headers[name] == signature(body) else 401)
                self.send_header("Content-Length", str(len(receiver.answer_body)))
                self.end_headers()
                self.wfile.write(receiver.answer_body)

            def log_message(self, format, *arguments):
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def payloads(self):
        return [json.loads(body) for _, body in self.deliveries]


def signature(body):
    return base64.b64encode(hmac.new(KEY.encode(), body, hashlib.sha256).digest()).decode()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def test_quickbooks_cloud_events_are_an_array_with_the_realm_in_each(quickbooks, receiver):
    quickbooks.webhooks.register(receiver.url, KEY)
    bill = invoice(quickbooks, customer(quickbooks), "10")
    quickbooks.company.void(bill)
    assert quickbooks.webhooks.flush() == [200]
    events = receiver.payloads()[0]
    assert [event["type"] for event in events] == [
        "qbo.customer.created.v1",
        "qbo.invoice.created.v1",
        "qbo.invoice.voided.v1",
    ]
    assert {event["intuitaccountid"] for event in events} == {quickbooks.company.id}
    assert events[1]["intuitentityid"] == bill.id
    assert {"specversion", "id", "source", "time", "data"} <= set(events[0])


def test_quickbooks_older_format_groups_by_realm(quickbooks, receiver):
    quickbooks.webhooks.register(receiver.url, KEY, format="legacy")
    with quickbooks.book.lock:
        for company in quickbooks.companies[:2]:
            company.add_customer(name="Somebody")
    quickbooks.webhooks.flush()
    notices = receiver.payloads()[0]["eventNotifications"]
    assert [notice["realmId"] for notice in notices] == [company.id for company in quickbooks.companies[:2]]
    entity = notices[0]["dataChangeEvent"]["entities"][0]
    assert (entity["name"], entity["operation"]) == ("Customer", "Create")
    assert entity["lastUpdated"].endswith("Z")


def test_quickbooks_signature_satisfies_the_sdk(quickbooks, receiver):
    quickbooks.webhooks.register(receiver.url, KEY)
    customer(quickbooks)
    quickbooks.webhooks.flush()
    headers, body = receiver.deliveries[0]
    sdk = QuickBooks.__new__(QuickBooks, minorversion=75, verifier_token=KEY)
    assert sdk.validate_webhook_signature(body.decode(), headers["intuit-signature"])
    assert not sdk.validate_webhook_signature(body.decode() + " ", headers["intuit-signature"])


def test_a_payment_tells_of_itself_and_of_the_invoice(quickbooks, receiver):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "10")
    quickbooks.webhooks.register(receiver.url, KEY)
    payment = receive(quickbooks, buyer, "10", (bill, "10"))
    quickbooks.webhooks.flush()
    told = {(event["type"], event["intuitentityid"]) for event in receiver.payloads()[0]}
    assert told == {("qbo.invoice.updated.v1", bill.id), ("qbo.payment.created.v1", payment.id)}


def test_xero_events_know_only_create_and_update(xero, receiver):
    xero.webhooks.register(receiver.url, KEY)
    bill = invoice(xero, customer(xero), "10")
    xero.company.void(bill)
    xero.webhooks.flush()
    payload = receiver.payloads()[0]
    kinds = [(event["eventCategory"], event["eventType"]) for event in payload["events"]]
    assert kinds == [("CONTACT", "CREATE"), ("INVOICE", "CREATE"), ("INVOICE", "UPDATE")]
    assert {event["tenantId"] for event in payload["events"]} == {xero.company.id}
    assert payload["events"][1]["resourceUrl"].endswith(f"/Invoices/{bill.id}")
    assert (payload["firstEventSequence"], payload["lastEventSequence"]) == (1, 3)
    assert payload["entropy"]


def test_xero_intent_to_receive_wants_200_and_401_accordingly(xero, receiver):
    xero.webhooks.register(receiver.url, KEY)
    assert xero.webhooks.intent_to_receive()
    assert [payload["events"] for payload in receiver.payloads()] == [[], [], [], []]
    receiver.answer_body = b"thanks"
    assert not xero.webhooks.intent_to_receive()


def test_intent_to_receive_fails_an_app_that_knows_another_key(xero, receiver):
    xero.webhooks.register(receiver.url, "another key")
    assert not xero.webhooks.intent_to_receive()


def test_deliveries_can_be_forged_doubled_turned_round_and_lost(xero, receiver):
    xero.webhooks.register(receiver.url, KEY)
    buyer = customer(xero)
    assert xero.webhooks.flush(forged=True) == [401]
    bill = invoice(xero, buyer, "10")
    xero.company.edit(bill, reference="x")
    assert xero.webhooks.flush(times=2, backwards=True) == [200, 200]
    told = [event["eventType"] for event in receiver.payloads()[1]["events"]]
    assert told == ["UPDATE", "CREATE"]
    assert receiver.deliveries[1][1] == receiver.deliveries[2][1]
    invoice(xero, buyer, "20")
    xero.webhooks.lose()
    assert xero.webhooks.flush() == []


def test_an_absent_receiver_costs_the_delivery_and_nothing_else(xero, receiver):
    receiver.server.server_close()
    xero.webhooks.register(receiver.url, KEY)
    customer(xero)
    assert xero.webhooks.flush() == [0]


def test_changes_are_told_at_once_when_so_registered(quickbooks, receiver):
    buyer = customer(quickbooks)
    bill = invoice(quickbooks, buyer, "10")
    control(quickbooks, "webhooks", url=receiver.url, key=KEY, automatic=True)
    control(quickbooks, "change", what="pay", id=bill.id)
    for _ in range(200):
        if receiver.deliveries:
            break
        threading.Event().wait(0.02)
    assert "qbo.payment.created.v1" in {event["type"] for event in receiver.payloads()[0]}


def test_pending_events_are_seen_and_fired_over_http(quickbooks, receiver):
    control(quickbooks, "webhooks", url=receiver.url, key=KEY)
    bill = invoice(quickbooks, customer(quickbooks), "10")
    assert {"company", "kind", "id", "operation"} == set(look(quickbooks, "webhooks/pending")[0])
    assert control(quickbooks, "webhooks/flush", times=2) == {"statuses": [200, 200]}
    assert look(quickbooks, "webhooks/pending") == []
    assert bill.id in {event["intuitentityid"] for event in receiver.payloads()[1]}

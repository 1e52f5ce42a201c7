"""Malformed payloads by the thousand: nothing crashes, and what is open afterwards has the amount its payload states.

`DUNNING_FUZZ_CASES` (2,000; `bench --fuzz`: 100,000) and `DUNNING_FUZZ_SEED` say how many and which; the seed is part
of every failure. A case that fails is printed with its payload.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from decimal import Decimal

import pytest
import requests
from cryptography.fernet import Fernet

from dunning_connectors.errors import BadRecord
from dunning_connectors.quickbooks import mapping as quickbooks
from dunning_connectors.quickbooks import webhooks as quickbooks_webhooks
from dunning_connectors.reading import loads
from dunning_connectors.records import OPEN, PAID, Record
from dunning_connectors.sandbox.webhooks import FORMATS
from dunning_connectors.xero import mapping as xero
from dunning_connectors.xero import webhooks as xero_webhooks
from tests.stage import inside, server

from . import malformed
from .contract.ledgers import LEDGERS

CASES = int(os.environ.get("DUNNING_FUZZ_CASES", "2000"))
SEED = int(os.environ.get("DUNNING_FUZZ_SEED", "20261121"))
HOME = "USD"
COMPANY = quickbooks.Company(HOME, frozenset())
ORGANISATION = xero.Organisation(HOME)
MAPPERS = {
    ("quickbooks", "customer"): lambda payload: [quickbooks.customer(payload, COMPANY)],
    ("quickbooks", "invoice"): lambda payload: [quickbooks.invoice(payload, COMPANY)],
    ("quickbooks", "credit"): lambda payload: [quickbooks.credit_memo(payload, COMPANY)],
    ("quickbooks", "payment"): lambda payload: [quickbooks.payment(payload, COMPANY)],
    ("quickbooks", "journal"): lambda payload: quickbooks.journal(payload, COMPANY, lambda *_: Decimal(0)),
    ("xero", "customer"): lambda payload: [xero.customer(payload, ORGANISATION)],
    ("xero", "invoice"): lambda payload: [xero.invoice(payload, ORGANISATION)],
    ("xero", "credit"): lambda payload: [xero.credit(payload, ORGANISATION)],
    ("xero", "payment"): lambda payload: [xero.payment(payload, ORGANISATION)],
}
WEBHOOKS = {"quickbooks": quickbooks_webhooks, "xero": xero_webhooks}


@pytest.fixture(scope="module")
def samples():
    return malformed.samples()


def mapped(sample, payload):
    """What comes of it on its way from the vendor's bytes to the wire."""
    return MAPPERS[sample.vendor, sample.entity](loads(malformed.dumps(payload)))


def check(sample, payload, record):
    """A record that counts states what its payload states; and it travels."""
    wire = json.loads(json.dumps(record.to_wire(), allow_nan=False))
    assert Record.from_wire(wire) == record
    if record.entity in ("customer", "tombstone") or record.status not in (OPEN, PAID):
        return
    assert len(record.currency) == 3 and record.customer_id and record.external_id
    if sample.entity == "journal":
        assert malformed.signed_open(record) == malformed.journal_worth(payload, record.customer_id)
    else:
        assert malformed.worth(sample, payload, HOME) == (malformed.signed_open(record), record.currency)
    if record.status == OPEN and record.entity == "invoice":
        assert 0 < record.open_amount <= record.total


def test_s15_s16_fuzz_what_is_mapped_has_the_amount_its_payload_states(samples):
    spoiler, ends, began = malformed.Spoiler(SEED, samples), Counter(), time.perf_counter()
    for number in range(CASES):
        sample, payload = spoiler.case()
        try:
            for record in mapped(sample, payload):
                kind = (
                    "left out"
                    if record is None
                    else "set aside"
                    if isinstance(record, BadRecord)
                    else "mapped"
                )
                ends[kind] += 1
                if kind == "mapped":
                    check(sample, loads(malformed.dumps(payload)), record)
        except Exception as error:
            raise AssertionError(
                f"seed {SEED}, case {number}: {type(error).__name__} of {sample.vendor} {sample.entity} "
                f"{malformed.dumps(payload)!r}"
            ) from error
    print(f"seed {SEED}: {CASES} payloads in {time.perf_counter() - began:.0f} s, {dict(ends)}")
    assert ends["mapped"] > CASES / 10 and ends["set aside"] > CASES / 10


@pytest.fixture(scope="module")
def deliveries():
    """(vendor, body) of webhooks as the sandbox ledgers send them, in each format."""
    found = []
    for vendor, ledger_class in LEDGERS.items():
        for form in FORMATS[vendor]:
            ledger = ledger_class()
            try:
                hooks = ledger.box.webhooks
                hooks.register("http://127.0.0.1:9/", key="the-key", format=form)
                ledger.pay(ledger.invoice(ledger.customer()))
                found += [(vendor, body) for body in hooks.bodies(hooks.pending())]
            finally:
                ledger.close()
    return found


def spoilt_body(spoiler, body):
    """The delivery with parts of its JSON spoilt, or its bytes cut, turned or nested beyond all reason."""
    draw = spoiler.random.random()
    if draw < 0.7:
        content = loads(body)
        return malformed.dumps(spoiler.spoilt({"": content}).get(""))
    if draw < 0.8:
        return body[: spoiler.random.randrange(len(body) + 1)]
    if draw < 0.9:
        at = spoiler.random.randrange(len(body))
        return body[:at] + bytes([spoiler.random.randrange(256)]) + body[at + 1 :]
    deep = spoiler.random.choice((b"[", b'{"a":', b'{"events":[', b'[{"eventNotifications":'))
    return spoiler.random.choice(
        (
            deep * spoiler.random.choice((50, 5000, 60_000)),
            b"\xff\xfe" + body,
            body.decode().encode("utf-16"),
            b"",
        )
    )


def test_s26_fuzz_what_a_webhook_brings_crashes_nothing_and_names_whole_records_only(deliveries):
    spoiler = malformed.Spoiler(SEED, [malformed.Sample("", "", {"": loads(body)}) for _, body in deliveries])
    named = 0
    for number in range(max(200, CASES // 5)):
        vendor, body = spoiler.random.choice(deliveries)
        body = spoilt_body(spoiler, body)
        try:
            for event in WEBHOOKS[vendor].events(body):
                named += 1
                assert all(isinstance(one, str) and one for one in (event.organisation, event.external_id))
                assert event.entity in ("customer", "invoice", "credit", "payment")
                f"{event.organisation}{event.external_id}".encode()
        except Exception as error:
            raise AssertionError(
                f"seed {SEED}, case {number}: {error!r} of {vendor} {body[:2000]!r}"
            ) from error
    print(f"seed {SEED}: {number + 1} deliveries, {named} events")
    assert named


@pytest.mark.odoo
def test_s15_fuzz_what_odoo_holds_open_has_the_amount_its_payload_states(odoo_database, monkeypatch):
    monkeypatch.setitem(os.environ, "ODOO_DUNNING_KEY", Fernet.generate_key().decode())

    ends = inside.call(
        odoo_database, "tests.connectors.fuzz_worker:take_in", seed=SEED, cases=max(400, CASES // 5)
    )

    print(f"seed {SEED}: taken in by Odoo: {ends}")
    assert ends["wrong"] == []
    assert ends["open"] and ends["set_aside"]


@pytest.mark.odoo
def test_s26_fuzz_the_webhook_controller_answers_every_body_with_a_plain_status(
    odoo_database, deliveries, monkeypatch
):
    monkeypatch.setitem(os.environ, "ODOO_DUNNING_KEY", Fernet.generate_key().decode())
    inside.call(odoo_database, "tests.connectors.fuzz_worker:listen", vendors=list(LEDGERS), key="the-key")
    spoiler = malformed.Spoiler(SEED, [malformed.Sample("", "", {"": loads(body)}) for _, body in deliveries])
    statuses = Counter()
    with server.running(odoo_database) as running, requests.Session() as session:
        for number in range(max(60, CASES // 50)):
            vendor, body = spoiler.random.choice(deliveries)
            body = spoilt_body(spoiler, body)
            is_signed = spoiler.random.random() < 0.8
            signature = malformed.signature(body, "the-key" if is_signed else "another")
            answer = session.post(
                f"{running.url}/dunning/webhook/{vendor}",
                data=body,
                headers={WEBHOOKS[vendor].SIGNATURE_HEADER: signature, "Content-Type": "application/json"},
                timeout=60,
            )
            assert answer.status_code == (200 if is_signed else 401), (
                f"seed {SEED}, case {number}: {body[:2000]!r}"
            )
            assert answer.content == b"" and "Set-Cookie" not in answer.headers
            statuses[answer.status_code] += 1
        assert "Traceback" not in running.log_text()
    print(f"seed {SEED}: answers of the controller {dict(statuses)}")

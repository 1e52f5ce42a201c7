"""The statements that Odoo itself has to keep for every ledger, through both of its gateways (S5, S13, S24 …)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import psycopg2
import pytest
import requests

from dunning_connectors.errors import Stop
from dunning_connectors.gateway.json2 import Json2Gateway, Odoo
from dunning_connectors.records import Customer, Invoice

from .conftest import Trial
from .ledgers import LEDGERS
from .odoo_receivers import OdooJson2Receiver, OdooReceiver

pytestmark = pytest.mark.odoo
AT_ONCE_ROUNDS = 5
KEY = "the-key"


@pytest.fixture(params=[OdooReceiver, OdooJson2Receiver], ids=["odoo_in_process", "odoo_json2"])
def odoo_class(request, odoo_installation):
    return request.param


@pytest.fixture
def odoo(ledger_class, odoo_class):
    trial = Trial(ledger_class, odoo_class)
    yield trial
    trial.close()


@pytest.fixture
def xero(odoo_class):
    trial = Trial(LEDGERS["xero"], odoo_class)
    yield trial
    trial.close()


def now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


# -- tokens ----------------------------------------------------------------------------------------------------
def test_s05_an_idle_consent_is_renewed_long_before_its_end_and_serves_the_next_pass(odoo):
    odoo.start()
    odoo.ledger.customer()
    refreshes = odoo.ledger.refreshes

    for idle_days, expected in ((3, 0), (8, 1)):
        with odoo.receiver.record() as ledger:
            ledger._secrets().refreshed_at = now() - timedelta(days=idle_days)
        with odoo.receiver.record() as ledger:
            ledger._secrets()._keep_alive()
        assert odoo.ledger.refreshes - refreshes == expected

    odoo.sync()


def test_s05_the_hard_end_of_a_consent_is_shown_and_warned_of_once_fourteen_days_ahead(odoo):
    odoo.start()
    for days_left, warnings in ((15, 0), (13, 1), (13, 1)):
        ends_at = now() + timedelta(days=days_left, hours=1)
        with odoo.receiver.record() as ledger:
            ledger._secrets().hard_end_at = ends_at
        with odoo.receiver.record() as ledger:
            assert ledger.hard_end_at == ends_at
            ledger._warn_of_hard_end()
            assert len(ledger.activity_ids) == warnings


# -- records ---------------------------------------------------------------------------------------------------
def test_s13_the_database_itself_refuses_a_record_twice(odoo):
    odoo.start()
    invoice = odoo.ledger.invoice(odoo.ledger.customer())
    odoo.sync()

    for table, columns in (
        ("dunning_ledger_record", "ledger_id, entity, external_id, updated_at, content_hash, state"),
        ("dunning_customer", "ledger_id, company_id, external_id, name, partner_id"),
        (
            "dunning_item",
            "ledger_id, entity, external_id, installment, account_id, company_id, origin, kind, currency_id,"
            " amount_total, amount_open, cycle, level_rank",
        ),
    ):
        key = invoice.customer_id if table == "dunning_customer" else invoice.id
        where = "WHERE ledger_id = %s AND external_id = %s"
        copied = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} {where}"
        with (
            pytest.raises(psycopg2.errors.UniqueViolation),
            odoo.receiver.installation.environment() as env,
        ):
            env.cr.execute(copied, [odoo.receiver.ledger_id, key], log_exceptions=False)


def test_s18_a_receivable_is_due_on_the_ledgers_own_day(odoo):
    """Around the turn of the year, the change to summer time in Europe and the United States, and a leap day."""
    odoo.start()
    customer = odoo.ledger.customer()
    days = ("2026-12-31", "2027-01-01", "2027-03-14", "2027-03-28", "2028-02-29")
    today = odoo.ledger.company.today()
    due = {}
    for day in days:
        invoice = odoo.ledger.invoice(customer, due_days=(datetime.fromisoformat(day).date() - today).days)
        due[invoice.id] = day

    odoo.sync()

    rows = odoo.receiver.installation.rows(
        "SELECT external_id, due_date::text AS day FROM dunning_item WHERE ledger_id = %s",
        odoo.receiver.ledger_id,
    )
    assert {row["external_id"]: row["day"] for row in rows} == due


def test_s24_data_that_is_too_old_or_a_broken_connection_pauses_dunning_and_says_why(odoo):
    odoo.start()
    invoice = odoo.ledger.invoice(odoo.ledger.customer(), due_days=-60)
    odoo.sync()
    assert not reasons(odoo, invoice) & {"source_stale"}

    with odoo.receiver.record() as ledger:
        ledger.last_good_sync_at = now() - timedelta(hours=ledger.stale_after_hours + 1)
    assert reasons(odoo, invoice) == {"source_stale"}
    odoo.sync()
    assert not reasons(odoo, invoice) & {"source_stale"}

    odoo.ledger.order("consent_withdrawn")
    assert odoo.run().result == "reconnect"
    with odoo.receiver.record() as ledger:
        assert (ledger.state, bool(ledger.state_reason)) == ("reconnect", True)
        assert len(ledger.activity_ids) == 1


def reasons(trial, invoice):
    """Why, or why not, the receivables of the invoice's customer would be dunned now."""
    from odoo.addons.odoo_dunning.bulk import recheck

    with trial.receiver.record() as ledger:
        items = ledger.env["dunning.item"].search(
            [("ledger_id", "=", ledger.id), ("external_id", "=", invoice.id)]
        )
        decision = recheck.decide_accounts(ledger.env, items.account_id)[items.account_id.id]
        return {answer.code for answer in decision.answers if answer.item_id in items.ids}


# -- webhooks --------------------------------------------------------------------------------------------------
def posted(trial, body, key=KEY, vendor=None):
    """Deliver to the controller as the vendor does; returns its answer."""
    vendor = vendor or trial.ledger.vendor
    return requests.post(
        f"{OdooReceiver.server_url}/dunning/webhook/{vendor}",
        data=body,
        headers={
            trial.ledger.webhooks.SIGNATURE_HEADER: trial.ledger.box.webhooks.signature(body, key),
            "Content-Type": "application/json",
        },
        timeout=30,
    )


def waiting(trial):
    rows = trial.receiver.installation.rows(
        "SELECT entity, external_id FROM dunning_ledger_event WHERE ledger_id = %s ORDER BY 1, 2",
        trial.receiver.ledger_id,
    )
    return {(row["entity"], row["external_id"]) for row in rows}


def listening(trial):
    """Take webhooks; returns the delivery that tells of a new invoice, and the invoice."""
    with trial.receiver.record() as ledger:
        ledger._secrets()._set_webhook_key(KEY)
    hooks = trial.ledger.box.webhooks
    hooks.register("http://127.0.0.1:9/", key=KEY)
    customer = trial.ledger.customer()
    trial.sync()
    hooks.lose()
    invoice = trial.ledger.invoice(customer, "80")
    (body,) = hooks.bodies(hooks.pending())
    return body, invoice


def test_s26_a_forged_notice_starts_nothing_and_a_good_one_is_queued_alone(odoo):
    odoo.start()
    body, invoice = listening(odoo)

    assert posted(odoo, body, "another").status_code == 401
    assert posted(odoo, body + b" ", KEY).status_code in (200, 401)
    assert posted(odoo, body[:-1], "another").status_code == 401
    assert posted(odoo, body).status_code == 200

    assert ("invoice", invoice.id) in waiting(odoo)
    assert odoo.receiver.live("invoice") == {}, "a notice brings no data"
    odoo.sync()
    odoo.check()
    assert not waiting(odoo)


def test_s26_replay_disorder_and_unknown_organisations_are_harmless(odoo):
    odoo.start()
    body, invoice = listening(odoo)
    odoo.ledger.pay(invoice, "30")
    hooks = odoo.ledger.box.webhooks
    (later,) = hooks.bodies(hooks.pending())
    stranger = later.replace(odoo.ledger.company.id.encode(), b"00000000-0000-4000-8000-00000000dead")

    answers = [posted(odoo, one) for one in (later, body, later, body, stranger)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 5
    assert {key for key in waiting(odoo) if key[0] == "invoice"} == {("invoice", invoice.id)}
    odoo.sync()
    odoo.check()


def test_s26_with_every_notice_lost_polling_ends_in_the_same_state(odoo):
    odoo.start()
    _body, invoice = listening(odoo)
    odoo.ledger.pay(invoice, "30")
    odoo.ledger.box.webhooks.lose()

    odoo.sync()

    odoo.check()
    assert odoo.receiver.live("invoice")[invoice.id]["open_amount"] == "50"


def test_x2_the_intent_to_receive_is_answered_empty_and_without_cookies(xero):
    xero.start()
    with xero.receiver.record() as ledger:
        ledger._secrets()._set_webhook_key(KEY)
    hooks = xero.ledger.box.webhooks
    hooks.register(f"{OdooReceiver.server_url}/dunning/webhook/xero", key=KEY)

    assert hooks.intent_to_receive(6)


def test_x7_a_tenant_taken_out_of_the_consent_pauses_its_connection_alone(xero):
    xero.start()
    other = xero.connect(xero.ledger.box.companies[1])
    xero.ledger.order("tenant_taken", count=1)

    assert xero.run().result == "reconnect"

    with xero.receiver.record() as ledger:
        assert ledger.state == "reconnect" and "no longer covers" in ledger.state_reason
    with other.record() as ledger:
        assert ledger.state == "connected"


# -- Odoo's side -----------------------------------------------------------------------------------------------
def test_o3_a_key_that_is_wrong_stops_the_worker_with_the_next_step(odoo):
    odoo.start()
    odoo_server = Odoo(
        OdooReceiver.server_url, odoo.receiver.installation.database, "0" * 40, sleep=pytest.fail
    )

    with pytest.raises(Stop, match=r"API key.*expired.*new one"):
        Json2Gateway(odoo_server, odoo.receiver.ledger_id).sync_lease("stranger", 60)


def test_o3_the_worker_may_sync_this_ledger_and_do_nothing_else(odoo):
    odoo.start()
    installation, ledger_id = odoo.receiver.installation, odoo.receiver.ledger_id
    worker = Odoo(OdooReceiver.server_url, installation.database, installation.api_key, sleep=pytest.fail)

    assert ledger_id in [row["id"] for row in worker.ledgers()]
    for model, method, arguments in (
        ("dunning.ledger", "write", {"ids": [ledger_id], "vals": {"name": "mine"}}),
        ("dunning.ledger", "action_disconnect", {"ids": [ledger_id]}),
        ("dunning.ledger", "search_read", {"domain": []}),
        ("dunning.item", "search_read", {"domain": []}),
        ("dunning.ledger.token", "search_read", {"domain": []}),
        ("account.move", "search_read", {"domain": []}),
        ("res.partner", "create", {"vals_list": {"name": "x"}}),
    ):
        with pytest.raises(Stop, match="lacks the right"):
            worker.call(model, method, **arguments)


def test_o3_the_end_of_a_workers_key_is_warned_of_fourteen_days_ahead(odoo):
    odoo.start()
    with odoo.receiver.record() as ledger:
        bot = ledger.env["res.users"].search([("login", "=", "contract_sync_bot")])
        keys = ledger.env["res.users.apikeys"].with_user(bot).sudo()
        ledger.env["res.users.apikeys"].sudo().search([("name", "like", "ends in")]).unlink()
        name = f"ends in 10 ({ledger.id})"
        keys._generate("rpc", name, now() + timedelta(days=10))
        keys._generate("rpc", f"ends in 30 ({ledger.id})", now() + timedelta(days=30))
        ledger.env["dunning.ledger"]._warn_of_worker_keys()
        told = ledger.env["mail.activity"].search([("summary", "like", f"({ledger.id})")])
        assert [name in summary for summary in told.mapped("summary")] == [True]
        told.unlink()


def test_o4_two_workers_on_one_invoice_at_once_end_in_one_row_with_the_newest_version(odoo):
    odoo.start()
    gateway = odoo.receiver.gateway
    lease = gateway.sync_lease("both", 300)["lease"]
    at = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
    gateway.sync_ingest(lease, [Customer("C1", at, "Acme").to_wire()])
    for number in range(AT_ONCE_ROUNDS):
        versions = [
            invoice(f"I{number}", at + timedelta(hours=hours), open_amount)
            for hours, open_amount in ((0, "100"), (1, "70"))
        ]
        start = threading.Barrier(2)
        workers = [
            threading.Thread(target=delivered, args=(gateway, lease, one, start))
            for one in (versions if number % 2 else reversed(versions))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)

    rows = odoo.receiver.installation.rows(
        "SELECT external_id, amount_open::text AS amount FROM dunning_item WHERE ledger_id = %s",
        odoo.receiver.ledger_id,
    )
    assert sorted((row["external_id"], Decimal(row["amount"])) for row in rows) == [
        (f"I{number}", Decimal(70)) for number in range(AT_ONCE_ROUNDS)
    ]


def delivered(gateway, lease, record, start):
    start.wait(30)
    gateway.sync_ingest(lease, [record.to_wire()])


def invoice(external_id, at, open_amount):
    return Invoice(
        external_id,
        at,
        "C1",
        number=external_id,
        reference="",
        issue_date=at.date(),
        due_date=at.date(),
        currency="USD",
        rate=None,
        total=Decimal(100),
        open_amount=Decimal(open_amount),
        status="open",
    )

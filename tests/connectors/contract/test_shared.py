"""The statements every ledger has to keep, through every gateway. Numbers: the contract's own (S1 …)."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from dunning_connectors.records import parse_instant
from dunning_connectors.sync import OVERLAP
from dunning_connectors.webhooks import is_signed

MINUTE = 60


class Killed(BaseException):
    """As SIGKILL: no handler of the engine may stand in its way."""


def now():
    return datetime.now(timezone.utc)


def kill_at(receiver, verb, number):
    """The process dies right after the `number`-th call of a verb was answered."""
    call, count = getattr(receiver.gateway, verb), [0]

    def dying(*arguments, **options):
        answer = call(*arguments, **options)
        count[0] += 1
        if count[0] == number:
            raise Killed
        return answer

    setattr(receiver.gateway, verb, dying)


def revive(receiver, verb):
    delattr(receiver.gateway, verb)
    receiver.runner_died()


# -- tokens --------------------------------------------------------------------------------------------------
def test_s01_two_workers_with_one_expired_token_refresh_once(trial):
    trial.start()
    lease = trial.receiver.gateway.sync_lease("one", 300)
    answers = []
    workers = [
        threading.Thread(
            target=lambda: answers.append(
                trial.receiver.gateway.sync_token(lease["lease"], lease["access_token"])
            )
        )
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert trial.ledger.refreshes == 1
    assert answers[0] == answers[1]


def test_s02_a_rotated_refresh_token_survives_the_death_of_the_pass(trial):
    trial.start()
    trial.ledger.customer()
    trial.ledger.order("tokens_expire")
    kill_at(trial.receiver, "sync_token", 1)
    with pytest.raises(Killed):
        trial.run()
    revive(trial.receiver, "sync_token")
    trial.ledger.order("tokens_expire")

    trial.sync()

    assert trial.ledger.refreshes == 2
    assert len(trial.receiver.live("customer")) == 1


def test_s03_withdrawn_consent_becomes_reconnect_once_and_stays_so(trial):
    trial.start()
    trial.ledger.order("consent_withdrawn")

    outcome = trial.run()
    calls = trial.ledger.calls
    again = trial.run()

    assert outcome.result == "reconnect"
    assert "Reconnect" in outcome.message
    assert again.result == "blocked"
    assert trial.ledger.calls == calls
    assert [report["outcome"] for report in trial.receiver.reports()] == ["reconnect"]


def test_s04_two_connections_interleaved_never_mix_their_tokens(trial):
    trial.start()
    other_company = trial.ledger.box.companies[2]
    other = trial.connect(other_company)
    ours, theirs = trial.ledger.customer("Ours"), trial.ledger.customer("Theirs", company=other_company)
    trial.ledger.order("tokens_expire", skip=3)

    workers = [threading.Thread(target=trial.run, args=(one,)) for one in (trial.receiver, other)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [report["outcome"] for one in (trial.receiver, other) for report in one.reports()] == ["done"] * 2
    assert {row["name"] for row in trial.receiver.live("customer").values()} == {ours.name}
    assert {row["name"] for row in other.live("customer").values()} == {theirs.name}
    assert not [row for row in trial.ledger.box.requests if row["status"] == 403]


# -- scanning ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("verb", ["sync_ingest", "sync_checkpoint"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_s06_a_kill_after_any_page_loses_nothing(trial, verb, number):
    trial.start()
    customers = [trial.ledger.customer() for _ in range(3)]
    for customer in customers:
        invoice = trial.ledger.invoice(customer)
        trial.ledger.pay(invoice, "30")
    trial.ledger.prepay(customers[0], "5")
    kill_at(trial.receiver, verb, number)
    with pytest.raises(Killed):
        trial.run()
    revive(trial.receiver, verb)

    trial.sync()

    trial.check()


def test_s06_the_cursor_waits_for_the_last_page(trial):
    trial.start(scale=0.1, page_rows=50)
    kill_at(trial.receiver, "sync_ingest", 3)  # in the middle of the invoices
    with pytest.raises(Killed):
        trial.run()

    streams = trial.receiver.cursors().get("streams", {})

    assert "customer" in streams
    assert "invoice" not in streams


@pytest.mark.parametrize("hours", [-1, 1])
def test_s07_a_clock_an_hour_wrong_here_loses_nothing(trial, hours):
    """The ledger's clock is an hour off ours, which is the same as ours being wrong."""
    trial.start()
    trial.ledger.days_pass(hours / 24)
    customer = trial.ledger.customer()
    trial.sync()
    trial.ledger.invoice(customer)

    trial.sync()

    trial.check()
    cursor = parse_instant(trial.receiver.cursors()["streams"]["invoice"])
    behind = trial.ledger.box.book.clock.peek() - cursor
    assert OVERLAP <= behind < OVERLAP + timedelta(minutes=2)


def test_s08_the_boundary_is_read_again_without_writing(trial):
    trial.start()
    trial.ledger.invoice(trial.ledger.customer())
    trial.sync()
    writes = trial.receiver.writes()

    outcome = trial.sync()

    assert outcome.counts["unchanged"] >= 2  # read again within the overlap
    assert trial.receiver.writes() == writes


@pytest.mark.parametrize("change", ["edit", "pay", "void", "new"])
def test_s09_a_change_in_mid_scan_hides_no_other_record(trial, change):
    trial.start(scale=0.1, page_rows=50)
    fault = trial.ledger.order("concurrent_change", "invoice", count=3, change=change)

    trial.sync()

    assert fault.struck == 3
    trial.check()
    assert set(trial.receiver.live("invoice")) == {
        one.id for one in trial.ledger.company.invoices.values() if not one.purchase
    } | {one for one in trial.receiver.live("invoice") if one.startswith("journal-")}


def test_s10_an_older_version_that_comes_late_changes_nothing(trial):
    trial.start()
    invoice = trial.ledger.invoice(trial.ledger.customer())
    trial.sync()
    lease = trial.receiver.gateway.sync_lease("webhook", 300)
    old = {**trial.receiver.live("invoice")[invoice.id]}
    trial.receiver.gateway.sync_report(lease["lease"], "done", {}, "", None)
    trial.ledger.days_pass(0.01)  # ledgers stamp whole seconds: within one, the state read last is the newer
    trial.ledger.pay(invoice, "40")
    trial.sync()

    lease = trial.receiver.gateway.sync_lease("webhook", 300)
    answer = trial.receiver.gateway.sync_ingest(lease["lease"], [old])

    assert (answer["stored"], answer["stale"]) == (0, 1)
    assert trial.receiver.live("invoice")[invoice.id]["open_amount"] == "60"


def test_s11_a_balance_that_moves_without_an_edit_is_taken(trial):
    trial.start()
    invoice = trial.ledger.invoice(trial.ledger.customer())
    trial.sync()
    version = invoice.version
    trial.ledger.pay(invoice, "99.99")

    trial.sync()

    assert invoice.version == version
    assert trial.receiver.live("invoice")[invoice.id]["open_amount"] == "0.01"


def test_s12_the_same_full_sync_twice_writes_nothing(trial):
    trial.start(scale=0.1)
    trial.sync()
    before, writes = trial.receiver.snapshot(), trial.receiver.writes()

    outcome = trial.sync(reconcile=True)

    assert outcome.counts["stored"] == 0
    assert trial.receiver.writes() == writes
    assert trial.receiver.snapshot() == before


def test_s13_the_same_ids_in_two_organisations_stay_apart(trial):
    trial.start()
    company = trial.ledger.box.companies[2]
    receiver = trial.connect(company)
    one, other = trial.ledger.customer("Here"), trial.ledger.customer("There", company=company)
    with trial.ledger.box.book.lock:  # as two sandboxes, or a sandbox and production, may have it
        company.customers[one.id] = company.customers.pop(other.id)
        other.id = one.id

    trial.sync()
    trial.run(receiver)

    assert trial.receiver.live("customer")[one.id]["name"] == "Here"
    assert receiver.live("customer")[one.id]["name"] == "There"


def test_s14_a_document_before_its_customer_ends_linked(trial):
    trial.start()
    trial.ledger.customer()
    late = []

    def watch(step, _records):
        if step == "customer" and not late:
            late.append(trial.ledger.invoice(trial.ledger.customer("Latecomer")))

    trial.sync(watch=watch)

    trial.check()
    assert late[0].id in trial.receiver.live("invoice")


SPOILS = (
    "malformed_record",
    "null_date",
    "missing_amount",
    "missing_customer",
    "missing_id",
    "duplicate_record",
    "vanished_record",
    "unknown_currency",
    "unknown_status",
    "unknown_enum",
    "unknown_field",
)


@pytest.mark.parametrize("spoil", SPOILS)
def test_s15_a_spoilt_record_costs_no_other(trial, spoil):
    trial.start()
    customer = trial.ledger.customer()
    invoices = [trial.ledger.invoice(customer, amount) for amount in ("10", "20", "30", "40")]
    trial.ledger.order(spoil, "invoice", record=1)

    outcome = trial.run()

    assert outcome.result == "done", outcome
    rows = trial.receiver.live("invoice")
    assert len(rows) + len(trial.receiver.quarantine()) >= 3
    for invoice in invoices:
        row = rows.get(invoice.id)
        if row and row["status"] == "open" and row["currency"] == invoice.currency:
            assert Decimal(row["open_amount"]) == invoice.open
    trial.sync(reconcile=True)
    trial.check()
    assert len(trial.receiver.live("invoice")) == 4


def test_s15_a_record_set_aside_names_itself_and_is_read_again(trial):
    trial.start()
    customer = trial.ledger.customer()
    invoice = trial.ledger.invoice(customer)
    trial.ledger.days_pass(0.02)  # past the overlap: only the retry reads it again
    fault = trial.ledger.order("malformed_record", "invoice", record=0, count=100)

    trial.sync()

    assert fault.struck
    (key, row), *_rest = trial.receiver.quarantine().items()
    assert key == ("invoice", invoice.id)
    assert "n/a" in row["cause"] or "object was expected" in row["cause"]
    trial.ledger.box.faults.clear()
    trial.sync()
    trial.check()
    assert not trial.receiver.quarantine()


def test_s16_amounts_keep_their_currencys_precision(trial):
    trial.start()
    expected = {"JPY": "15021", "KWD": "7.125", "EUR": "0.1"}
    for currency, amount in expected.items():
        trial.ledger.invoice(trial.ledger.customer(currency=currency), amount)

    trial.sync()

    rows = trial.receiver.live("invoice").values()
    assert {row["currency"]: row["open_amount"] for row in rows} == expected


def test_s17_one_foreign_invoice_is_worth_the_same_whatever_the_ledger(trial):
    """500.00 of a currency of which one home unit buys 1.25: worth 400.00 at home."""
    trial.start()
    home = trial.ledger.company.home_currency
    foreign = "GBP" if home == "USD" else "USD"
    invoice = trial.ledger.invoice(trial.ledger.customer(currency=foreign), "500", rate=Decimal("1.25"))

    trial.sync()

    row = trial.receiver.live("invoice")[invoice.id]
    assert Decimal(row["total"]) / Decimal(row["rate"]) == Decimal(400)


# -- limits --------------------------------------------------------------------------------------------------
def test_s19_every_call_has_timeouts(trial, monkeypatch):
    monkeypatch.setattr(trial._ledger_class.client, "TIMEOUT_S", (1, 0.2))
    trial.start()
    trial.ledger.order("slow", seconds=0.6, count=100)
    began_s = time.monotonic()

    outcome = trial.run()

    assert outcome.result == "later"
    assert time.monotonic() - began_s < 20
    assert max(trial.slept) <= MINUTE


@pytest.mark.parametrize(
    "kind", ["throttle_minute", "throttle_concurrent", "server_error", "unavailable_html", "not_json"]
)
def test_s19_a_short_trouble_is_waited_out(trial, kind):
    trial.start()
    trial.ledger.invoice(trial.ledger.customer())
    trial.ledger.order(kind, count=2, skip=1)

    trial.sync()

    trial.check()
    assert sum(trial.slept) > 0 and max(trial.slept) <= MINUTE


@pytest.mark.parametrize("kind", ["cut_before", "cut_midway", "cut_after"])
def test_s19_cut_connections_are_tried_again(trial, kind):
    trial.start()
    trial.ledger.invoice(trial.ledger.customer())
    trial.ledger.order(kind, count=2, skip=1)

    trial.sync()

    trial.check()


def test_s19_a_401_in_mid_scan_costs_one_refresh(trial):
    trial.start(scale=0.1, page_rows=50)
    trial.ledger.order("tokens_expire", "invoice", skip=1)

    trial.sync()

    assert trial.ledger.refreshes == 1
    trial.check()


def test_s20_a_daily_limit_ends_the_pass_and_says_when_to_resume(trial):
    trial.start()
    trial.ledger.invoice(trial.ledger.customer())
    trial.ledger.order("throttle_day", skip=2, count=100, retry_after_s=30_000)

    outcome = trial.run()
    calls = trial.ledger.calls

    assert outcome.result == "later"
    assert timedelta(seconds=29_000) < outcome.resume_at - now() <= timedelta(seconds=30_001)
    assert trial.receiver.reports()[-1]["resume_at"]
    assert sum(trial.slept) == 0
    assert trial.ledger.calls == calls


@pytest.mark.parametrize("hours", [-1, 1])
def test_s20_a_ledgers_clock_that_is_wrong_makes_no_wait_longer_or_shorter(trial, hours):
    """An hour behind, a wait of ten minutes would be over before it began; an hour ahead, it would last seven times."""
    trial.start()
    trial.ledger.box.book.clock.set(now() + timedelta(hours=hours))
    trial.ledger.order("throttle_day", skip=3, count=100, retry_after_s=600)

    outcome = trial.run()

    assert outcome.result == "later"
    assert timedelta(seconds=570) < outcome.resume_at - now() <= timedelta(seconds=601)
    assert parse_instant(trial.receiver.reports()[-1]["resume_at"]) == outcome.resume_at


# -- writing -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["cut_after", "server_error", "cut_before"])
def test_s21_a_note_stands_once_even_when_the_answer_was_lost(trial, kind):
    trial.start()
    invoice = trial.ledger.invoice(trial.ledger.customer())
    _lease, source = opened(trial)
    trial.ledger.box.faults.order(kind, match=rf"(PUT|POST) .*{trial.ledger.written}")

    source.note(invoice.id, "First reminder sent on 21 Nov 2026.", "notice-4711")
    source.note(invoice.id, "First reminder sent on 21 Nov 2026.", "notice-4711")

    assert trial.ledger.notes(invoice).count("First reminder") == 1


# -- what vanishes -------------------------------------------------------------------------------------------
def test_s22_voided_and_deleted_documents_are_no_longer_open(trial):
    trial.start()
    customer = trial.ledger.customer()
    voided, deleted, credited = (trial.ledger.invoice(customer, "100") for _ in range(3))
    trial.sync()
    trial.ledger.void(voided)
    trial.ledger.delete(deleted)
    trial.ledger.allocate(trial.ledger.credit(customer, "100"), credited, "100")

    trial.sync()

    rows = trial.receiver.live("invoice")
    assert {one for one, row in rows.items() if row["status"] == "open"} == set()
    trial.check()


def test_s22_a_change_only_the_sweep_can_notice_is_repaired(trial):
    trial.start()
    customer = trial.ledger.customer()
    hidden, other = trial.ledger.invoice(customer, "70"), trial.ledger.invoice(customer, "30")
    trial.sync()
    trial.ledger.behind_the_clock(hidden, status="void", total=Decimal("70"))
    trial.ledger.days_pass(1.01)

    trial.sync()

    assert trial.receiver.live("invoice")[hidden.id]["status"] == "void"
    assert trial.receiver.live("invoice")[other.id]["open_amount"] == "30"
    trial.check()


def test_s23_control_totals_uncover_what_the_scan_could_not(trial):
    """Nothing says that the first invoice changed, but its customer's balance no longer fits."""
    trial.start()
    customer = trial.ledger.customer()
    hidden = trial.ledger.invoice(customer, "70")
    trial.ledger.days_pass(0.1)  # past the overlap of the next scan
    trial.sync()
    trial.ledger.behind_the_clock(hidden, status="void")
    trial.ledger.invoice(customer, "30")

    outcome = trial.sync()

    assert outcome.counts["differences"] == 0
    assert trial.receiver.uncovered() >= 1
    trial.check()


def vanish(ledger, invoices):
    """Rows that are simply not there any more: no tombstone, no event."""
    with ledger.box.book.lock:
        for invoice in invoices:
            del ledger.company.invoices[invoice.id]
            ledger.company.documents_of[invoice.customer_id].remove(invoice)


def test_s23_a_reconcile_buries_what_vanished(trial):
    trial.start()
    customer = trial.ledger.customer()
    invoices = [trial.ledger.invoice(customer, "10") for _ in range(5)]
    trial.sync()
    vanish(trial.ledger, invoices[:2])

    outcome = trial.sync(reconcile=True)

    assert outcome.counts["removed"] == 2
    trial.check()


def test_s23_a_removal_of_too_much_stops_and_asks(trial):
    trial.start()
    customer = trial.ledger.customer()
    invoices = [trial.ledger.invoice(customer, "10") for _ in range(20)]
    trial.sync()
    vanish(trial.ledger, invoices[:8])

    outcome = trial.run(reconcile=True)

    assert outcome.result == "failed"
    assert outcome.counts["removal_open"] == 8 and outcome.counts["removal_of"] == 20
    assert "8 of 20 open invoice" in outcome.message
    assert len(trial.receiver.live("invoice")) == 20


def test_s23_a_removal_a_person_confirmed_goes_through(trial):
    trial.start()
    customer = trial.ledger.customer()
    invoices = [trial.ledger.invoice(customer, "10") for _ in range(20)]
    trial.sync()
    vanish(trial.ledger, invoices[:8])
    assert trial.run(reconcile=True).result == "failed"
    trial.receiver.confirm_removal()

    trial.sync(reconcile=True)

    trial.check()


@pytest.mark.parametrize("kind", ["forbidden", "wrong_scope", "company_suspended"])
def test_s25_a_refusal_is_an_error_never_an_empty_ledger(trial, kind):
    trial.start()
    trial.ledger.invoice(trial.ledger.customer())
    trial.sync()
    trial.ledger.order(kind, "invoice", count=100)

    outcome = trial.run()

    assert outcome.result in ("failed", "reconnect")
    assert len(trial.receiver.live("invoice")) == 1
    assert trial.ledger.company.id in outcome.message


def test_s25_a_ledger_that_is_suddenly_empty_stops_the_pass(trial):
    trial.start()
    invoices = [trial.ledger.invoice(trial.ledger.customer()) for _ in range(3)]
    trial.sync()
    vanish(trial.ledger, invoices)

    outcome = trial.run(reconcile=True)

    assert outcome.result == "failed"
    assert len(trial.receiver.live("invoice")) == 3


def test_s26_a_forged_notice_is_refused_and_a_good_one_names_its_record(trial):
    trial.start()
    hooks = trial.ledger.box.webhooks
    hooks.register("http://127.0.0.1:9/", key="the-key")
    invoice = trial.ledger.invoice(trial.ledger.customer())
    (body,) = hooks.bodies(hooks.pending())

    assert is_signed(body, hooks.signature(body), "the-key")
    assert not is_signed(body, hooks.signature(body, "another"), "the-key")
    assert not is_signed(body + b" ", hooks.signature(body), "the-key")
    assert not is_signed(body, "", "the-key") and not is_signed(body, "é", "the-key")
    events = trial.ledger.webhooks.events(body)
    assert ("invoice", invoice.id, trial.ledger.company.id) in {
        (event.entity, event.external_id, event.organisation) for event in events
    }


def test_s26_what_a_webhook_named_is_read_with_the_next_pass(trial):
    trial.start()
    customer = trial.ledger.customer()
    invoice = trial.ledger.invoice(customer, "80")
    trial.ledger.days_pass(0.1)  # past the overlap: only the hint leads there
    trial.sync()
    trial.ledger.behind_the_clock(invoice, lines=[], total=Decimal("50"))
    trial.receiver.hint("invoice", invoice.id)

    trial.sync()

    trial.check()


def test_s27_no_token_and_no_payload_reaches_a_log(trial, caplog):
    caplog.set_level(logging.DEBUG)
    trial.start()
    trial.ledger.customer("Verschwiegene GmbH", email="secret@private.example")
    trial.ledger.order("tokens_expire", skip=2)
    trial.ledger.order("malformed_record", "customer")
    secrets = trial.receiver.secrets()

    trial.sync()
    trial.ledger.order("consent_withdrawn")
    trial.run()

    secrets |= trial.receiver.secrets()
    written = caplog.text + str(trial.receiver.reports())
    assert not [secret for secret in secrets if secret and secret in written]
    assert "secret@private.example" not in written and "Verschwiegene" not in written


# -- cost ----------------------------------------------------------------------------------------------------
def test_budget_an_idle_pass_costs_a_constant_number_of_calls(trial):
    trial.start(scale=0.1)
    trial.sync()
    trial.ledger.days_pass(0.1)
    calls = trial.ledger.calls

    trial.sync()

    assert trial.ledger.calls - calls <= 10


def test_budget_a_full_pull_costs_a_page_per_thousand_records(trial):
    """⌈N / page⌉ plus a constant per entity; pages of 50 stand in for those of 1,000."""
    trial.start(scale=0.1, page_rows=50)

    trial.sync()

    records = sum(len(trial.receiver.live(entity)) for entity in ("customer", "invoice", "credit", "payment"))
    assert trial.ledger.calls <= -(-records // 50) + 25


def test_many_runners_share_a_connection_by_its_lease(trial):
    trial.start()
    lease = trial.receiver.gateway.sync_lease("first", 300)

    outcome = trial.run(runner="second")

    assert outcome.result == "busy"
    assert "first" in outcome.message
    trial.receiver.gateway.sync_report(lease["lease"], "done", {}, "", None)
    assert trial.run(runner="second").result == "done"


def test_a_lost_lease_ends_the_pass_quietly(trial):
    trial.start()
    trial.ledger.customer()

    def watch(step, _records):
        trial.receiver.runner_died()

    outcome = trial.run(watch=watch)

    assert outcome.result == "lost"
    assert trial.receiver.reports() == []


def test_a_lease_that_is_lost_before_the_report_ends_the_pass_quietly_too(trial):
    trial.start()
    trial.ledger.customer()
    trial.sync()
    report = trial.receiver.gateway.sync_report

    def too_late(*arguments):
        trial.receiver.runner_died()
        return report(*arguments)

    trial.receiver.gateway.sync_report = too_late
    outcome = trial.run()

    assert outcome.result == "lost"
    assert len(trial.receiver.reports()) == 1


def test_a_request_to_stop_ends_between_two_pages_and_the_next_pass_goes_on(trial):
    trial.start(scale=0.1)

    outcome = trial.run(should_stop=lambda: bool(trial.receiver.live("customer")))
    trial.sync()

    assert outcome.result == "later"
    trial.check()


def opened(trial):
    """(lease, source) as a pass would have them, for single documents."""
    from dunning_connectors.gateway import Lease
    from dunning_connectors.tokens import LeasedTokens

    lease = Lease.from_answer(trial.receiver.gateway.sync_lease("document", 300))
    source = trial.open_source(lease, LeasedTokens(trial.receiver.gateway, lease))
    source.open()
    return lease, source


def test_documents_pdf_and_link_are_fetched_by_id(trial):
    trial.start()
    invoice = trial.ledger.invoice(trial.ledger.customer())
    _lease, source = opened(trial)

    assert source.invoice_pdf(invoice.id).startswith(b"%PDF-")
    link, _ends_at = source.payment_link(invoice.id)
    assert invoice.id in link

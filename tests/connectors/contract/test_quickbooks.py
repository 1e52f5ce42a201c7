"""What only QuickBooks Online does. Numbers: the contract's own (Q1 …)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from dunning_connectors.budget import Budget, Limits
from dunning_connectors.sandbox.book import Tombstone
from dunning_connectors.sandbox.wire import Reply

from .ledgers import TODAY
from .test_shared import now


def requests_of(trial, *words):
    return [
        row
        for row in trial.ledger.box.requests
        if all(word in f"{row['path']} {row['body']}" for word in words)
    ]


def test_q1_every_customer_is_read_past_a_page_inactive_ones_and_odd_names_too(quickbooks):
    quickbooks.start()
    names = ["O'Brien & Sons", "back\\slash", 'quote"d']
    for name in names + [f"Bulk {number}" for number in range(998)]:
        quickbooks.ledger.customer(name)
    gone_quiet = quickbooks.ledger.customer("Inactive")
    quickbooks.ledger.company.archive_customer(gone_quiet)

    quickbooks.sync()

    rows = quickbooks.receiver.live("customer")
    assert len(rows) == 1002
    assert set(names) <= {row["name"] for row in rows.values()}
    assert rows[gone_quiet.id]["active"] is False


def test_q1_more_records_in_one_second_than_a_page_holds_are_all_read(quickbooks):
    quickbooks.start(page_rows=100)
    moment = quickbooks.ledger.box.book.clock.peek().replace(microsecond=0) - timedelta(hours=1)
    for number in range(230):
        quickbooks.ledger.customer(f"Import {number}").updated_at = moment

    quickbooks.sync()

    assert len(quickbooks.receiver.live("customer")) == 230


def test_q2_a_change_capture_at_its_cap_is_replaced_by_comparing_ids(quickbooks):
    quickbooks.start()
    customer = quickbooks.ledger.customer()
    invoices = [quickbooks.ledger.invoice(customer, "10") for _ in range(1003)]
    quickbooks.sync()
    quickbooks.ledger.delete(invoices[0])
    assert len(requests_of(quickbooks, "/cdc")) == 0

    quickbooks.sync()

    assert requests_of(quickbooks, "/cdc")
    assert invoices[0].id not in quickbooks.receiver.live("invoice")
    quickbooks.check()


def test_q2_after_a_month_without_a_pass_deletions_are_found_by_comparing_ids(quickbooks):
    quickbooks.start()
    customer = quickbooks.ledger.customer()
    invoices = [quickbooks.ledger.invoice(customer, "10") for _ in range(3)]
    quickbooks.sync()
    quickbooks.ledger.delete(invoices[0])
    quickbooks.ledger.days_pass(31)

    quickbooks.sync()

    assert not [row for row in requests_of(quickbooks, "/cdc") if row["status"] != 200]
    assert set(quickbooks.receiver.live("invoice")) == {one.id for one in invoices[1:]}
    quickbooks.check()


@pytest.mark.parametrize(
    "payload", [{}, {"CDCResponse": None}, {"CDCResponse": "busy"}, {"CDCResponse": [1]}], ids=str
)
def test_q2_an_answer_without_what_changed_is_not_taken_for_no_change(quickbooks, payload):
    quickbooks.start()
    invoice = quickbooks.ledger.invoice(quickbooks.ledger.customer(), "10")
    quickbooks.sync()
    quickbooks.ledger.delete(invoice)
    skin = quickbooks.ledger.box.skin
    skin.on_capture = lambda request, realm, environment="": Reply(payload)

    assert quickbooks.run().result == "later"
    del skin.on_capture
    quickbooks.sync()

    assert not quickbooks.receiver.live("invoice")


@pytest.mark.parametrize("payload", [{}, {"Preferences": [1]}], ids=str)
def test_preferences_that_cannot_be_read_are_asked_for_again(quickbooks, payload):
    quickbooks.start()
    skin = quickbooks.ledger.box.skin
    skin.on_preferences = lambda request, realm, environment="": Reply(payload)

    assert quickbooks.run().result == "later"


def test_q3_a_false_deletion_is_not_applied_and_a_true_one_is_never_a_payment(quickbooks):
    quickbooks.start()
    customer = quickbooks.ledger.customer()
    alive, gone = quickbooks.ledger.invoice(customer, "10"), quickbooks.ledger.invoice(customer, "20")
    quickbooks.sync()
    company = quickbooks.ledger.company
    company.tombstones.append(Tombstone("invoice", alive.id, quickbooks.ledger.box.book.clock.now()))
    quickbooks.ledger.delete(gone)

    quickbooks.sync()

    rows = quickbooks.receiver.live("invoice")
    assert rows[alive.id]["open_amount"] == "10"
    assert gone.id not in rows
    assert not [row for row in rows.values() if row["status"] == "paid"]


def test_q4_a_voided_invoice_is_void_not_paid(quickbooks):
    quickbooks.start()
    invoice = quickbooks.ledger.invoice(quickbooks.ledger.customer())
    quickbooks.ledger.void(invoice)

    quickbooks.sync()

    row = quickbooks.receiver.live("invoice")[invoice.id]
    assert (row["status"], row["open_amount"], row["total"]) == ("void", "0", "0")


def test_q5_a_job_billed_with_its_parent_names_it_and_is_counted_once(quickbooks):
    quickbooks.start()
    parent = quickbooks.ledger.customer("Parent")
    job = quickbooks.ledger.customer("Job", parent_id=parent.id, bills_with_parent=True)
    own = quickbooks.ledger.customer("Independent", parent_id=parent.id)
    quickbooks.ledger.invoice(parent, "100")
    quickbooks.ledger.invoice(job, "40")

    outcome = quickbooks.sync()

    rows = quickbooks.receiver.live("customer")
    assert (rows[job.id]["parent_id"], rows[job.id]["bill_with_parent"]) == (parent.id, True)
    assert (rows[own.id]["parent_id"], rows[own.id]["bill_with_parent"]) == (parent.id, False)
    assert rows[parent.id]["balances"] == [["USD", "100"]]
    assert outcome.counts["differences"] == 0
    quickbooks.check()


def test_q6_a_zero_payment_that_applies_a_credit_memo_lowers_the_invoice(quickbooks):
    quickbooks.start()
    customer = quickbooks.ledger.customer()
    invoice, memo = quickbooks.ledger.invoice(customer, "100"), quickbooks.ledger.credit(customer, "80")
    quickbooks.ledger.allocate(memo, invoice, "30")
    on_account = quickbooks.ledger.prepay(customer, "25")

    quickbooks.sync()

    assert quickbooks.receiver.live("invoice")[invoice.id]["open_amount"] == "70"
    assert quickbooks.receiver.live("credit")[memo.id]["open_amount"] == "50"
    payments = quickbooks.receiver.live("payment")
    assert payments[on_account.id]["unapplied_amount"] == "25"
    (carrier,) = [row for row in payments.values() if row["amount"] == "0"]
    assert carrier["allocations"] == [
        {
            "source_entity": "credit",
            "source_id": memo.id,
            "invoice_id": invoice.id,
            "amount": "30",
            "date": TODAY.isoformat(),
        }
    ]
    quickbooks.check()


def test_q6_open_receivables_of_journal_entries_count_and_payments_lower_them(quickbooks):
    quickbooks.start()
    customer = quickbooks.ledger.customer()
    ledger = quickbooks.ledger
    entry = ledger.company.add_journal(customer, Decimal("300"), TODAY, number="OPENING")
    ledger.company.add_journal(customer, Decimal("-40"), TODAY)
    quickbooks.sync()
    payment = ledger.pay(entry, "120")
    quickbooks.sync()
    quickbooks.check()
    key = f"journal-{entry.id}-{customer.id}"
    assert quickbooks.receiver.live("invoice")[key]["open_amount"] == "180"

    ledger.delete(payment)
    quickbooks.sync()

    assert quickbooks.receiver.live("invoice")[key]["open_amount"] == "300"
    quickbooks.check()


@pytest.mark.parametrize("reconcile", [False, True])
def test_q6_a_journal_credit_that_was_used_is_no_credit_any_more(quickbooks, reconcile):
    quickbooks.start()
    ledger, customer = quickbooks.ledger, quickbooks.ledger.customer()
    invoice = ledger.invoice(customer, "100")
    entry = ledger.company.add_journal(customer, Decimal("-80"), TODAY)
    quickbooks.sync()
    ledger.allocate(entry, invoice, "30")

    quickbooks.sync(reconcile=reconcile)

    key = f"journal-{entry.id}-{customer.id}"
    assert quickbooks.receiver.live("invoice")[invoice.id]["open_amount"] == "70"
    assert quickbooks.receiver.live("credit")[key]["open_amount"] == "50"
    (carrier,) = quickbooks.receiver.live("payment").values()
    assert [
        (row["source_entity"], row["source_id"], row["invoice_id"]) for row in carrier["allocations"]
    ] == [("credit", key, invoice.id)]
    quickbooks.check()

    ledger.deallocate(invoice.allocations[0])
    quickbooks.sync()

    assert quickbooks.receiver.live("credit")[key]["open_amount"] == "80"
    quickbooks.check()


def test_q6_a_journal_credit_that_was_deleted_goes(quickbooks):
    quickbooks.start()
    ledger, customer = quickbooks.ledger, quickbooks.ledger.customer()
    other = ledger.credit(customer, "10")
    entry = ledger.company.add_journal(customer, Decimal("-80"), TODAY)
    quickbooks.sync()
    ledger.delete(entry)

    quickbooks.sync()

    assert list(quickbooks.receiver.live("credit")) == [other.id]
    quickbooks.check()


def test_q6_a_journal_entry_turned_round_is_a_claim_no_more(quickbooks):
    quickbooks.start()
    ledger, customer = quickbooks.ledger, quickbooks.ledger.customer()
    ledger.invoice(customer, "500")
    entry = ledger.company.add_journal(customer, Decimal("80"), TODAY)
    quickbooks.sync()
    with ledger.box.book.lock:
        ledger.company.edit(entry, total=Decimal("-80"))

    quickbooks.sync()
    quickbooks.sync(reconcile=True)

    key = f"journal-{entry.id}-{customer.id}"
    assert quickbooks.receiver.live("credit")[key]["open_amount"] == "80"
    assert key not in quickbooks.receiver.live("invoice")
    quickbooks.check()


def test_q6_journal_entries_of_many_customers_cost_a_full_pull_no_call_each(quickbooks):
    quickbooks.start(page_rows=10)
    ledger = quickbooks.ledger

    def pull():
        calls = ledger.calls
        quickbooks.sync(reconcile=True)
        quickbooks.check()
        return ledger.calls - calls

    entries = [ledger.company.add_journal(ledger.customer(), Decimal("300"), TODAY) for _ in range(3)]
    few = pull()
    entries += [ledger.company.add_journal(ledger.customer(), Decimal("50"), TODAY) for _ in range(6)]
    for entry in entries:
        ledger.pay(entry, "20")

    assert pull() == few


FAULTS = [
    ({"code": "3001"}, "done"),
    ({"code": "003001", "lower_case": True}, "done"),
    ({"code": "10000"}, "done"),
    ({"code": "010000", "lower_case": True}, "done"),
    ({"code": "SYS-1"}, "failed"),
    ({"code": "6190"}, "failed"),
    ({"code": "3100"}, "failed"),
    ({"code": "3200"}, "done"),
    ({"code": "4000"}, "failed"),
]


@pytest.mark.parametrize(("params", "result"), FAULTS, ids=lambda value: str(value))
def test_q7_a_fault_in_a_good_answer_is_classed_by_its_code(quickbooks, params, result):
    quickbooks.start()
    quickbooks.ledger.order("fault_in_200", "invoice", **params)

    assert quickbooks.run().result == result


def test_q7_a_throttle_waits_a_minute(quickbooks):
    quickbooks.start()
    quickbooks.ledger.order("throttle_minute", "invoice")

    quickbooks.sync()

    assert quickbooks.slept == [60]


def test_q7_a_used_up_month_waits_for_the_next_one(quickbooks):
    quickbooks.start()
    quickbooks.ledger.order("throttle_month", "invoice", count=10)

    outcome = quickbooks.run()

    assert outcome.result == "later"
    ends_at = quickbooks.ledger.box.book.clock.peek() + (outcome.resume_at - now())
    assert (ends_at.year, ends_at.month, ends_at.day) == (2026, 12, 1)


def test_q8_both_webhook_formats_and_several_companies_in_one_delivery(quickbooks):
    quickbooks.start()
    hooks = quickbooks.ledger.box.webhooks
    one, other = quickbooks.ledger.company, quickbooks.ledger.box.companies[2]
    here, there = quickbooks.ledger.customer("Here"), quickbooks.ledger.customer("There", company=other)
    expected = {(one.id, "customer", here.id), (other.id, "customer", there.id)}

    for form in ("cloudevents", "legacy"):
        hooks.format = form
        told = [event for event in hooks.pending() if event.operation == "create"]
        (body,) = hooks.bodies(told[-2:])
        events = quickbooks.ledger.webhooks.events(body)
        assert {(event.organisation, event.entity, event.external_id) for event in events} == expected
        assert {event.operation for event in events} == {"create"}


def test_q9_a_sandbox_token_does_not_open_a_production_company(quickbooks):
    quickbooks.start()
    quickbooks.grant(urls={"api": quickbooks.ledger.box.urls["api_production"]})

    outcome = quickbooks.run()

    assert outcome.result == "failed"
    assert "sandbox and production" in outcome.message


def test_the_vendors_own_limits_are_kept_by_pacing():
    clock, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        clock[0] += seconds

    budget = Budget(Limits(per_minute=500), sleep=sleep, clock=lambda: clock[0])
    stamps = []
    for _ in range(1200):
        budget.run(lambda: stamps.append(clock[0]))
        clock[0] += 0.01

    busiest = max(sum(1 for other in stamps if 0 <= other - start < 60) for start in stamps)
    assert busiest <= 400
    assert max(slept) <= 60

"""What only Xero does. Numbers: the contract's own (X1 …)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import pytest

from dunning_connectors.errors import Stop
from dunning_connectors.webhooks import is_signed
from dunning_connectors.xero import oauth

from .test_shared import now, opened

LISTS = ("Contacts", "Invoices", "CreditNotes", "Overpayments", "Prepayments", "Payments")


def reads(trial):
    return [row for row in trial.ledger.box.requests if row["path"].rpartition("/")[2] in LISTS]


def test_x1_every_list_names_page_and_size_and_is_read_to_its_last_page(xero):
    xero.start(scale=1)

    xero.sync()

    for row in reads(xero):
        query = parse_qs(row["query"])
        assert query["pageSize"] == ["1000"] and query["page"], row
    pages = {parse_qs(row["query"])["page"][0] for row in reads(xero) if row["path"].endswith("/Invoices")}
    assert {"1", "2"} <= pages
    ours = [one for one in xero.ledger.company.invoices.values() if not one.purchase]
    assert len(xero.receiver.live("invoice")) == len(ours) > 1000


def test_x2_an_intent_to_receive_is_told_from_a_forgery(xero):
    xero.start()
    hooks = xero.ledger.box.webhooks
    (body,) = hooks.bodies([])

    assert is_signed(body, hooks.signature(body), hooks.key)
    assert not is_signed(body, hooks.signature(body, "wrong"), hooks.key)
    assert xero.ledger.webhooks.events(body) == []


def test_x3_a_minute_limit_waits_what_it_says_and_no_call_is_repeated_in_secret(xero):
    xero.start()
    fault = xero.ledger.order("throttle_minute", "invoice", retry_after_s=17)

    xero.sync()

    assert fault.struck == 1
    assert 17 <= xero.slept[0] < 19
    calls = sum(budget.calls for budget in xero.budgets)
    assert calls == xero.ledger.calls


def test_x3_a_day_limit_reschedules_after_one_call(xero):
    xero.start()
    fault = xero.ledger.order("throttle_day", "invoice", count=9, retry_after_s=40_000)

    outcome = xero.run()

    assert outcome.result == "later" and fault.struck == 1 and not xero.slept
    assert outcome.resume_at - now() > timedelta(seconds=39_970)


def test_x3_a_cut_write_is_sent_again_by_us_alone(xero):
    xero.start()
    invoice = xero.ledger.invoice(xero.ledger.customer())
    _lease, source = opened(xero)
    fault = xero.ledger.box.faults.order("cut_before", match="PUT .*/History", count=100)

    with pytest.raises(Exception, match="could not be reached"):
        source.note(invoice.id, "Reminder", "key-1")

    assert fault.struck == 5  # the tries of our own budget, not the SDK's hidden ones on top


def half_read(trial, times):
    """The first invoice of a page shows a payment that its amount due does not know yet."""

    def spoil(kind, record):
        record["AmountPaid"] = record["AmountPaid"] + Decimal(1)

    trial.ledger.box.skin.spoil = spoil
    return trial.ledger.box.faults.order("null_date", match="/Invoices", record=0, count=times)


def test_x4_an_invoice_read_in_the_middle_of_a_change_is_read_again(xero):
    xero.start()
    invoice = xero.ledger.invoice(xero.ledger.customer(), "100")
    half_read(xero, times=1)

    outcome = xero.sync()

    assert outcome.counts["quarantined"] == 0
    assert xero.receiver.live("invoice")[invoice.id]["open_amount"] == "100"


def test_x4_one_that_never_adds_up_is_set_aside(xero):
    xero.start()
    invoice = xero.ledger.invoice(xero.ledger.customer(), "100")
    half_read(xero, times=100)

    xero.sync()

    assert "do not add up" in xero.receiver.quarantine()["invoice", invoice.id]["cause"]
    assert not xero.receiver.live("invoice")


def test_x5_removing_an_allocation_or_a_payment_reopens_the_invoice_with_the_next_pass(xero):
    xero.start()
    ledger, customer = xero.ledger, xero.ledger.customer()
    credited, paid = ledger.invoice(customer, "100"), ledger.invoice(customer, "50")
    allocation = ledger.allocate(ledger.credit(customer, "100"), credited, "100")
    payment = ledger.pay(paid)
    xero.sync()
    assert {row["status"] for row in xero.receiver.live("invoice").values()} == {"paid"}
    ledger.deallocate(allocation)
    ledger.delete(payment)

    xero.sync()

    rows = xero.receiver.live("invoice")
    assert (rows[credited.id]["open_amount"], rows[paid.id]["open_amount"]) == ("100", "50")
    assert payment.id not in xero.receiver.live("payment")
    xero.check()


@pytest.mark.parametrize("kind", ["overpayment", "prepayment"])
def test_x5_over_and_prepayments_count_as_credit(xero, kind):
    xero.start()
    customer = xero.ledger.customer()
    invoice = xero.ledger.invoice(customer, "100")
    source = xero.ledger.company.receive(customer, Decimal("70"), xero.ledger.company.today(), kind=kind)
    xero.ledger.allocate(source, invoice, "20")

    xero.sync()

    row = xero.receiver.live("credit")[source.id]
    assert (row["kind"], row["open_amount"]) == (kind, "50")
    assert xero.receiver.live("invoice")[invoice.id]["open_amount"] == "80"
    xero.check()


def test_x6_archived_contacts_are_read_and_merged_ones_point_to_their_heir(xero):
    xero.start()
    ledger = xero.ledger
    quiet, loser, winner = ledger.customer("Quiet"), ledger.customer("Loser"), ledger.customer("Winner")
    ledger.company.archive_customer(quiet)
    ledger.invoice(loser, "60")
    xero.sync()
    ledger.days_pass(0.1)
    ledger.merge(loser, winner)

    outcome = xero.sync()

    rows = xero.receiver.live("customer")
    assert rows[quiet.id]["active"] is False
    assert rows[loser.id]["merged_into"] == winner.id
    assert outcome.counts["differences"] == 0
    xero.check()


def test_x7_bills_are_left_out(xero):
    xero.start()
    customer = xero.ledger.customer()
    xero.ledger.invoice(customer, "100", purchase=True)
    ours = xero.ledger.invoice(customer, "40")

    xero.sync()

    assert set(xero.receiver.live("invoice")) == {ours.id}


def test_x7_only_the_organisations_of_this_consent_are_offered(xero):
    xero.start()
    token = xero.ledger.token(xero.ledger.box.companies[1])["access_token"]

    found = oauth.organisations(token, xero.ledger.box.urls)

    assert [one.id for one in found] == [xero.ledger.box.companies[1].id]
    assert oauth.reachable(token, found[0].id, xero.ledger.box.urls)


def test_x7_an_organisation_taken_out_of_the_consent_pauses_the_connection(xero):
    xero.start()
    xero.ledger.invoice(xero.ledger.customer())
    xero.sync()
    xero.ledger.order("tenant_taken")

    outcome = xero.run()

    assert outcome.result == "reconnect"
    assert "no longer covers" in outcome.message


def test_x8_the_granular_read_scopes_are_enough(xero):
    xero.start(scopes=oauth.READ_SCOPES)
    xero.ledger.pay(xero.ledger.invoice(xero.ledger.customer()), "1")

    xero.sync()

    xero.check()


def test_x8_without_the_write_scope_the_note_says_so_and_reading_goes_on(xero):
    xero.start(scopes=oauth.READ_SCOPES)
    invoice = xero.ledger.invoice(xero.ledger.customer())
    _lease, source = opened(xero)

    with pytest.raises(Stop, match="permission"):
        source.note(invoice.id, "Reminder", "key-1")

    xero.run(runner="document")
    assert invoice.id in xero.receiver.live("invoice")


def test_the_demo_company_is_refused_as_production(xero):
    xero.start()
    xero.grant(environment="production")

    outcome = xero.run()

    assert outcome.result == "failed" and "demo company" in outcome.message

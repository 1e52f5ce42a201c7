"""What users of other dunning software complain about in public, as far as a decision can answer it.

Each test is named after its complaint; its docstring starts with the number of the complaint, 1 to 25, and where
people wrote it. Those that need books, a mail server or a job queue are in `odoo_dunning/tests/test_complaints.py`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from odoo_dunning.engine import explain
from odoo_dunning.engine.decide import decide
from odoo_dunning.engine.ration import Ration
from odoo_dunning.engine.simulate import Movement, Past, PastItem, simulate
from odoo_dunning.engine.snapshot import Reason

from .build import TODAY, UTC, account, answer, codes, contact, credit, invoice, level, policy, ruling, run

D = Decimal


def as_sent(items, decision):
    """The rows as they are after the messages of `decision` were sent."""
    reached = {row.item_id: row.level_rank for row in decision.answers if row.code == Reason.NOTIFY}
    return [
        item._replace(level_rank=reached[item.id], level_date=TODAY, contact_date=TODAY)
        if item.id in reached
        else item
        for item in items
    ]


def test_same_reminder_sent_22_times_in_a_day_because_the_scheduler_ran_every_quarter_hour():
    """1: invoiceninja #1693, #2649"""
    items, customer, messages = [invoice(overdue=45)], account(), []
    eager = policy(level(1, 5), level(2, 20), level(3, 40), gap_days=1)
    for quarter in range(96):
        now = datetime(2025, 6, 11, tzinfo=UTC) + timedelta(minutes=15 * quarter)
        decision = decide(customer, items, {1: eager}, ruling(TODAY, now))
        messages += decision.messages
        if decision.messages:
            items, customer = as_sent(items, decision), customer._replace(last_contact_date=TODAY)
    assert [message.level_rank for message in messages] == [1]


def test_reminder_quadrupled_to_every_customer_after_setting_a_date():
    """3: FOSSBilling #3726: a hold or a due date changed after the notice must not start it again"""
    sent = invoice(
        overdue=6, level_rank=1, level_date=TODAY - timedelta(days=8), contact_date=TODAY - timedelta(days=8)
    )
    changed = sent._replace(due_date=TODAY - timedelta(days=5), hold_until=TODAY - timedelta(days=1))
    assert codes(run(changed)) == {1: Reason.TOO_YOUNG}
    assert answer(run(changed)).level_rank == 2


def test_after_an_outage_reminders_go_on_but_not_all_at_once():
    """4: invoiceninja #11854; Xero "no catch-up": three weeks without a run"""
    items = [
        invoice(1, overdue=45),
        invoice(2, overdue=45, level_rank=1, level_date=TODAY - timedelta(days=40)),
        invoice(3, overdue=6),
    ]
    decision = run(*items)
    assert [row.level_rank for row in decision.answers] == [1, 2, 1]
    assert len(decision.messages) == 1
    ration = Ration(cap_per_day=2)
    customers = [run(invoice(overdue=45, account_id=n), of=account(id=n)) for n in range(1, 6)]
    assert [ration.admit(one).code for one in customers] == ["notify"] * 2 + ["volume_cap"] * 3


def test_due_date_off_by_one_and_reminder_lost_because_of_time_zones():
    """5: invoiceninja #792, #8665"""
    by = policy(level(1, 1))
    for zone in ("Pacific/Honolulu", "Europe/Berlin", "Pacific/Auckland", "Pacific/Kiritimati"):
        of = account(timezone=zone, country=None)
        for hour in range(24):
            on = ruling(TODAY, datetime(2025, 6, 11, hour, 30, tzinfo=UTC), country=None)
            assert codes(run(invoice(due_date=TODAY), of=of, by=by, on=on)) == {1: "too_young"}
            (message,) = run(invoice(due_date=TODAY - timedelta(days=1)), of=of, by=by, on=on).messages
            assert message.send_on >= TODAY
            assert 8 <= message.send_at.astimezone(ZoneInfo(zone)).hour < 20


def test_mail_carries_the_letters_of_other_customers():
    """6: OCA account-financial-tools #559, #565"""
    for customer_id in (1, 2):
        own = [invoice(customer_id * 10 + n, overdue=6, account_id=customer_id) for n in range(3)]
        (message,) = decide(account(id=customer_id), own, {1: policy()}, ruling()).messages
        assert set(message.item_ids) == {item.id for item in own}


def test_falls_back_to_letter_although_the_invoice_contact_has_an_email():
    """7: OCA credit-control #343, fix #353"""
    people = (contact(1, role="other", email=None, street_ok=True), contact(2, role="billing"))
    by = policy(level(1, 5, fallback_channels=("letter",)))
    (message,) = run(invoice(overdue=6), of=account(contacts=people), by=by).messages
    assert [(row.channel, row.contact_id) for row in message.deliveries] == [("email", 2)]


def test_cannot_send_the_follow_up_to_another_person_than_the_invoice_address():
    """8: odoo #62141, PR #7910"""
    people = (contact(1, role="other"), contact(2, role="decision"))
    by = policy(level(1, 5, recipient_roles=("decision",)))
    (message,) = run(invoice(overdue=6), of=account(contacts=people), by=by).messages
    assert message.contact_id == 2


def test_blacklisted_address_leaves_lines_queued_for_ever():
    """9: OCA credit-control #447, #11, #467"""
    blacklisted = account(contacts=(contact(blocked_channels=("email",)),))
    decision = run(invoice(overdue=6), of=blacklisted)
    assert (codes(decision), decision.messages) == ({1: "no_address"}, ())
    assert [task.kind for task in decision.tasks] == ["no_address"]
    assert answer(run(invoice(overdue=6), of=account())).level_rank == 1


def test_credit_notes_must_be_in_the_reminder_and_cancelled_ones_must_not():
    """11: OCA credit-control #211, #562, #568, #451"""
    cancelled = credit(3, "50.00", amount_open=D(0))
    (message,) = run(invoice(1, overdue=6), credit(2, "30.00"), cancelled).messages
    assert (message.principal, message.credits, message.net) == (D("100.00"), D("30.00"), D("70.00"))


def test_partly_paid_invoices_were_not_reminded():
    """12: OCA credit-control #330, PR #334"""
    (message,) = run(invoice(overdue=6, amount_total=D("100.00"), amount_open=D("0.01"))).messages
    assert message.net == D("0.01")


def test_invoices_with_several_due_dates_only_warned_after_the_last_one():
    """13: OCA credit-control #374"""
    first = invoice(1, number="INV/7", due_date=date(2025, 6, 1))
    second = invoice(2, number="INV/7", due_date=date(2025, 7, 1))
    assert codes(run(first, second)) == {1: "notify", 2: "too_young"}


def test_reminding_one_invoice_hides_all_other_reminders_of_the_customer():
    """14: OCA credit-control #460, #328: nothing is hidden, each item says what it waits for"""
    items = [invoice(1, overdue=6, level_rank=1, level_date=TODAY, contact_date=TODAY), invoice(2, overdue=6)]
    decision = run(*items, of=account(last_contact_date=TODAY))
    assert codes(decision) == {1: "too_young", 2: "contacted_recently"}
    assert answer(decision, 2).args == (TODAY, 7, TODAY + timedelta(days=7))


def test_invoices_younger_than_the_delay_are_included():
    """15: OCA credit-control PR #139"""
    decision = run(invoice(1, overdue=60), invoice(2, overdue=4))
    assert decision.messages[0].item_ids == (1,)


def test_second_company_cannot_run_on_the_same_date():
    """16: OCA account-financial-tools #691, #780; credit-control #187"""
    policies = {1: policy(), 2: policy(level(1, 30), id=2)}
    item = invoice(overdue=6)
    here = decide(account(), [item], policies, ruling())
    there = decide(account(id=2, policy_id=2), [item._replace(account_id=2)], policies, ruling())
    assert (codes(here), codes(there)) == ({1: "notify"}, {1: "too_young"})
    assert (answer(here).policy_id, answer(there).policy_id) == (1, 2)


def test_several_channels_at_one_level():
    """18: OCA credit-control #488, #520, #522"""
    by = policy(level(1, 5, channels=("email", "letter")))
    of = account(contacts=(contact(street_ok=True),))
    (message,) = run(invoice(overdue=6), of=of, by=by).messages
    assert message.channels == ("email", "letter")


def test_base_currency_value_under_a_foreign_symbol():
    """20: erpnext #56006, #56883, #42605, #46770, #41110: no sum ever crosses a currency"""
    items = (
        invoice(1, overdue=6, amount="100.00"),
        invoice(2, overdue=6, amount="15000", currency="JPY"),
        invoice(3, overdue=6, amount="1.500", currency="KWD"),
        invoice(4, overdue=6, amount="7.00"),
    )
    totals = {m.currency: (m.item_ids, m.net) for m in run(*items).messages}
    assert totals == {"EUR": ((1, 4), D("107.00")), "JPY": ((2,), D("15000")), "KWD": ((3,), D("1.500"))}


def test_norway_wants_a_new_due_date_of_fourteen_days_with_each_reminder():
    """22: invoiceninja #4020"""
    by = policy(level(1, 5, deadline_days=14, deadline_unit="calendar"))
    (message,) = run(invoice(overdue=6), of=account(country="NO"), by=by).messages
    assert message.deadline_date == date(2025, 6, 25)


def test_steps_are_skipped_after_a_part_payment():
    """23: killbill #2297: the schedule goes on where it was"""
    part = PastItem(invoice(due_date=date(2025, 1, 10)), (Movement(date(2025, 1, 20), D("-60.00")),))
    days = simulate([Past(account(), (part,))], {1: policy()}, ruling(), date(2025, 1, 1), date(2025, 6, 30))
    ranks = [
        (message.level_rank, message.net) for day in days for row in day.sent for message in row.messages
    ]
    assert ranks == [(1, D("100.00")), (2, D("40.00")), (3, D("40.00"))]


def test_race_of_a_payment_against_the_reminder():
    """23: killbill #472: paid between decision and sending"""
    item = invoice(overdue=6)
    assert run(item).messages
    paid = item._replace(amount_open=D(0))
    assert (codes(run(paid)), run(paid).messages) == ({1: "paid"}, ())


def test_credit_does_not_clear_the_overdue_state():
    """23: killbill #695"""
    assert codes(run(invoice(1, overdue=90), credit(2, "100.00"))) == {1: "netted", 2: "credit"}


def test_one_letter_per_customer_not_per_invoice():
    """24: metasfresh #5379, erpnext #12429"""
    decision = run(*[invoice(n, overdue=6 + n) for n in range(1, 41)])
    assert [len(message.item_ids) for message in decision.messages] == [40]


def test_not_on_weekends_and_holidays():
    """24: invoiceninja #9538, #2359"""
    for day in (date(2025, 6, 7), date(2025, 6, 8), date(2025, 6, 9)):  # Saturday, Sunday, Whit Monday
        (message,) = run(invoice(due_date=date(2025, 5, 20)), on=ruling(day)).messages
        assert message.send_on == date(2025, 6, 10)
        assert explain.sentence(
            "notify", answer(run(invoice(due_date=date(2025, 5, 20)), on=ruling(day))).args
        )


def test_customer_with_only_held_entries_gets_nothing_and_the_others_are_not_forgotten():
    """25: microsoft BCApps #324"""
    held = invoice(1, overdue=60, hold_until=date(2025, 12, 31), hold_reason="asked for details")
    only = run(held)
    assert (codes(only), only.messages, only.code) == ({1: "hold"}, (), "hold")
    assert run(held, invoice(2, overdue=6)).messages[0].item_ids == (2,)


def test_disputed_invoices_are_chased_by_default():
    """25: YayPay FAQ"""
    disputed = invoice(overdue=60, amount_disputed=D("100.00"))
    assert codes(run(disputed)) == {1: "disputed"}


def test_reminder_the_day_after_the_invoice_mail():
    """25: invoiceninja #9312: an invoice that reached the customer late"""
    mailed = invoice(overdue=6, contact_date=TODAY - timedelta(days=1))
    assert codes(run(mailed)) == {1: "contacted_recently"}
    assert codes(run(mailed._replace(contact_date=TODAY - timedelta(days=7)))) == {1: "notify"}


def test_reminder_without_a_due_date():
    """25: invoiceninja #7465"""
    assert codes(run(invoice(due_date=None))) == {1: "no_due_date"}

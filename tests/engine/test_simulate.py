"""The engine over a history: what it promises day by day must also hold over months."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo_dunning.engine.decide import decide
from odoo_dunning.engine.simulate import Movement, Past, PastItem, simulate
from odoo_dunning.engine.snapshot import Flag, Reason

from . import strategies as some
from .build import UTC, account, credit, invoice, level, policy, ruling

D = Decimal
JANUARY = date(2025, 1, 1)
JUNE = date(2025, 6, 30)


def sent(*items: PastItem, until: date = JUNE, on=None, by=None, of=None) -> list[tuple]:
    """(date, items, levels) of everything that would have left."""
    pasts = [Past(of or account(), items)]
    return [
        (
            day.date,
            {row.item_id: row.level_rank for row in decision.answers if row.code == Reason.NOTIFY},
        )
        for day in simulate(pasts, {1: by or policy()}, on or ruling(), JANUARY, until)
        for decision in day.sent
    ]


def past(item_id: int, due: date, *movements: tuple, **values) -> PastItem:
    return PastItem(
        invoice(item_id, due_date=due, **values), tuple(Movement(day, D(x)) for day, x in movements)
    )


def test_three_levels_on_their_days():
    # due Friday 10 January; +5 Wednesday, +20 Thursday, +40 Wednesday
    assert sent(past(1, date(2025, 1, 10))) == [
        (date(2025, 1, 15), {1: 1}),
        (date(2025, 1, 30), {1: 2}),
        (date(2025, 2, 19), {1: 3}),
    ]


def test_days_that_fall_on_a_weekend_leave_on_monday():
    # due Monday 6 January; +5 Saturday 11th, +20 Sunday 26th, +40 Saturday 15 February
    assert [day for day, _ in sent(past(1, date(2025, 1, 6)))] == [
        date(2025, 1, 13),
        date(2025, 1, 27),
        date(2025, 2, 17),
    ]


def test_a_payment_ends_it_and_a_part_payment_does_not():
    paid = past(1, date(2025, 1, 10), (date(2025, 1, 31), "-100.00"))
    part = past(1, date(2025, 1, 10), (date(2025, 1, 31), "-99.00"))
    assert [day for day, _ in sent(paid)] == [date(2025, 1, 15), date(2025, 1, 30)]
    assert len(sent(part)) == 3


def test_a_payment_of_the_same_day_is_known():
    assert sent(past(1, date(2025, 1, 10), (date(2025, 1, 15), "-100.00"))) == []


def test_the_day_after_a_promise_and_its_grace_is_not_missed():
    promised = past(1, date(2025, 1, 10), promised_until=date(2025, 1, 20))
    first, *_ = sent(promised, by=policy(promise_grace_days=1))
    assert first == (date(2025, 1, 22), {1: 1})


def test_a_courtesy_level_that_must_wait_does_not_delay_the_first_reminder():
    # the second courtesy level would wait thirty days; the reminder of day 2 follows after the gap
    by = policy(level(1, -3), level(2, -1, min_days_since_last=30), level(3, 2))
    assert sent(past(1, date(2025, 1, 10)), by=by) == [
        (date(2025, 1, 7), {1: 1}),
        (date(2025, 1, 14), {1: 3}),
    ]


def test_a_credit_counts_from_its_own_day():
    note = PastItem(credit(2, "100.00", issue_date=date(2025, 1, 20), reference="INV/1"))
    assert sent(past(1, date(2025, 1, 10)), note) == [(date(2025, 1, 15), {1: 1})]


def test_items_of_one_customer_share_contacts():
    # the second is due for level 1 on Friday 17 January, inside the gap after Wednesday 15: seven days later
    assert sent(past(1, date(2025, 1, 10)), past(2, date(2025, 1, 12)), until=date(2025, 1, 31)) == [
        (date(2025, 1, 15), {1: 1}),
        (date(2025, 1, 22), {2: 1}),
        (date(2025, 1, 30), {1: 2}),
    ]


def test_nothing_before_the_start_is_caught_up_at_once():
    # forty invoices, all long overdue: one message, one level
    items = [past(n, date(2024, 6, 1)) for n in range(1, 41)]
    assert sent(*items, until=date(2025, 1, 7)) == [(date(2025, 1, 2), dict.fromkeys(range(1, 41), 1))]


def test_volume_cap_spreads_customers_over_the_following_days():
    pasts = [Past(account(id=n), (past(n, date(2025, 1, 10), account_id=n),)) for n in (1, 2, 3)]
    days = list(simulate(pasts, {1: policy()}, ruling(cap_per_day=1), JANUARY, date(2025, 1, 20)))
    assert [(day.date, [d.account_id for d in day.sent], day.held_back) for day in days] == [
        (date(2025, 1, 15), [1], (2, 3)),
        (date(2025, 1, 16), [2], (3,)),
        (date(2025, 1, 17), [3], ()),
    ]


def test_volume_cap_lets_the_most_money_go_first():
    owed = {1: "50.00", 2: "100.00"}
    pasts = [Past(account(id=n), (past(n, date(2025, 1, 10), account_id=n, amount=owed[n]),)) for n in owed]
    days = simulate(pasts, {1: policy()}, ruling(cap_per_day=1), JANUARY, date(2025, 1, 20))
    assert [(day.date.day, day.sent[0].account_id) for day in days] == [(15, 2), (16, 1)]


def test_the_company_time_of_day_stays_the_same_over_the_clock_change():
    # the run is at 10:00 in Berlin: 9:00 UTC in winter, 8:00 UTC in summer
    winter, summer = past(1, date(2025, 3, 22)), past(2, date(2025, 3, 26))
    days = simulate([Past(account(), (winter, summer))], {1: policy()}, ruling(), JANUARY, date(2025, 4, 10))
    instants = [message.send_at for day in days for decision in day.sent for message in decision.messages]
    assert instants == [datetime(2025, 3, 27, 9, tzinfo=UTC), datetime(2025, 4, 3, 8, tzinfo=UTC)]


def test_what_is_decided_after_the_send_window_leaves_the_next_open_day():
    # decided on Wednesday 15 at 21:00 in Berlin, leaves on Thursday; on Thursday 30, on Friday 31; the third is
    # decided on Friday 21 February, 20 days after the second left, and leaves on Monday
    evening = ruling(now=datetime(2025, 1, 1, 20, 0, tzinfo=UTC))
    by = policy(level(1, 5), level(2, 20), level(3, 40, min_days_since_last=21))
    days = [day for day, _ in sent(past(1, date(2025, 1, 10)), on=evening, by=by)]
    assert days == [date(2025, 1, 16), date(2025, 1, 31), date(2025, 2, 24)]
    assert sent(past(1, date(2025, 1, 10)), on=evening, by=by, until=date(2025, 1, 15)) == []


def test_due_on_the_last_day_of_a_month_the_days_are_counted_not_the_months():
    # due Friday 31 January: +5 is Wednesday 5 February, +20 Thursday 20, +40 Wednesday 12 March
    assert [day for day, _ in sent(past(1, date(2025, 1, 31)))] == [
        date(2025, 2, 5),
        date(2025, 2, 20),
        date(2025, 3, 12),
    ]


def test_a_hold_over_the_last_days_of_a_month_ends_with_its_day():
    held = past(1, date(2025, 1, 10), hold_until=date(2025, 1, 31))
    # the hold ends on Friday; 1 February is a Saturday
    assert sent(held)[0] == (date(2025, 2, 3), {1: 1})
    whole = account(hold_until=date(2025, 2, 27), hold_reason="New owner")
    assert sent(past(1, date(2025, 1, 10)), of=whole)[0] == (date(2025, 2, 28), {1: 1})


def test_caps_of_a_day_hold_on_the_day_messages_leave():
    # three customers decided on the evening of Wednesday 15: one a day leaves from Thursday on
    evening = ruling(now=datetime(2025, 1, 1, 20, 0, tzinfo=UTC), cap_per_day=1)
    pasts = [Past(account(id=n), (past(n, date(2025, 1, 10), account_id=n),)) for n in (1, 2, 3)]
    days = list(simulate(pasts, {1: policy()}, evening, JANUARY, date(2025, 1, 24)))
    assert [(day.date, [d.account_id for d in day.sent]) for day in days if day.sent] == [
        (date(2025, 1, 16), [1]),
        (date(2025, 1, 17), [2]),
        (date(2025, 1, 20), [3]),
    ]


def test_the_version_a_cycle_started_with_is_kept():
    (first, *_) = simulate(
        [Past(account(), (past(1, date(2025, 1, 10)),))], {1: policy()}, ruling(), JANUARY, JUNE
    )
    assert first.sent[0].answers[0].policy_source == "default"
    later = list(
        simulate([Past(account(), (past(1, date(2025, 1, 10)),))], {1: policy()}, ruling(), JANUARY, JUNE)
    )
    assert [day.sent[0].answers[0].policy_source for day in later] == ["default", "bound", "bound"]


@st.composite
def histories(draw):
    """Some customers with items that are paid in parts over time."""
    pasts = []
    for account_id in range(1, draw(st.integers(1, 3)) + 1):
        items = []
        for item in draw(some.items(most=4)):
            movements = tuple(
                Movement(draw(some.days(60, 300)), -item.amount_total / parts)
                for parts in draw(st.sampled_from([(), (), (1,), (2, 2), (4,)]))
            )
            item = item._replace(
                id=account_id * 100 + item.id, account_id=account_id, level_rank=0, level_date=None
            )
            items.append(PastItem(item, movements))
        pasts.append(Past(draw(some.accounts())._replace(id=account_id), tuple(items)))
    return pasts


FIRST = some.START + timedelta(days=90)
LAST = some.START + timedelta(days=270)


@settings(max_examples=60)
@given(histories(), some.books(), some.rulings(), st.sampled_from([None, 1, 2]))
def test_over_any_history_levels_rise_gaps_hold_and_caps_are_kept(pasts, policies, on, cap_per_day):
    on = replace(on, cap_per_day=cap_per_day, bank_gate="off", unmatched_gate="off")
    levels, contacts, per_day = defaultdict(list), defaultdict(list), Counter()
    for day in simulate(pasts, policies, on, FIRST, LAST):
        for decision in day.sent:
            for message in decision.messages:
                per_day[message.send_at.astimezone(ZoneInfo(on.timezone)).date()] += 1
                contacts[decision.account_id].append((message.send_on, policies[message.policy_id].gap_days))
            for answer in decision.answers:
                if answer.code == Reason.NOTIFY:
                    levels[answer.item_id].append(answer.level_rank)
    assert all(ranks == sorted(set(ranks)) for ranks in levels.values())
    assert cap_per_day is None or all(count <= cap_per_day for count in per_day.values())
    for dates in contacts.values():
        for (before, _), (after, gap_days) in pairwise(dates):
            assert after == before or (after - before).days >= max(gap_days, 1)


@settings(max_examples=40)
@given(histories(), some.books(), some.rulings())
def test_looking_only_at_days_of_change_finds_what_a_daily_look_finds(pasts, policies, on):
    on = replace(on, timezone="UTC", country="DE")
    expected = [
        (decision.messages[0].send_on, decision.account_id, decision.messages)
        for each in pasts
        for decision in _daily(each, policies, on)
        if decision.messages[0].send_on <= LAST
    ]
    found = [
        (day.date, decision.account_id, decision.messages)
        for day in simulate(pasts, policies, on, FIRST, LAST)
        for decision in day.sent
    ]
    assert sorted(found) == sorted(expected)


def _daily(each: Past, policies, on):
    """The plain way: every day, every item, and the books kept by hand."""
    policies = {
        key: replace(p, calendar=replace(p.calendar, when_closed="wait")) for key, p in policies.items()
    }
    customer, items = each.account, {row.item.id: row for row in each.items}
    for count in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=count)
        todays = replace(on, today=day, now=datetime.combine(day, on.now.timetz()))
        rows = []
        for row in items.values():
            moved = row.item.amount_total + sum((m.amount for m in row.movements if m.date <= day), D(0))
            if moved and (row.item.issue_date is None or row.item.issue_date <= day):
                rows.append(row.item._replace(amount_open=moved))
        decision = decide(customer, rows, policies, todays)
        if not decision.messages:
            continue
        yield decision
        customer = customer._replace(last_contact_date=decision.messages[0].send_on)
        for answer in decision.answers:
            if answer.code == Reason.NOTIFY:
                row = items[answer.item_id]
                flags = row.item.flags
                if row.item.policy_id is None:
                    flags |= Flag.BOUND_POLICY
                item = row.item._replace(
                    level_rank=answer.level_rank,
                    level_date=customer.last_contact_date,
                    contact_date=customer.last_contact_date,
                    policy_id=answer.policy_id,
                    flags=flags,
                )
                items[item.id] = row._replace(item=item)

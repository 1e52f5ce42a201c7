"""Promises that must hold for every customer, policy and day, not only for the cases somebody thought of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.engine import calendar, explain
from odoo_dunning.engine.decide import _STOPPING, decide
from odoo_dunning.engine.ration import Ration, Wish, importance
from odoo_dunning.engine.snapshot import Reason

from . import strategies as some

cases = st.tuples(some.accounts(), some.items(), some.books(), some.rulings())


@given(cases, st.randoms(use_true_random=False))
def test_same_input_same_decision_whatever_the_order(case, random):
    account, items, policies, ruling = case
    expected = decide(account, items, policies, ruling)
    shuffled = list(items)
    random.shuffle(shuffled)
    again = replace(ruling)
    assert decide(account, shuffled, dict(policies), again) == expected
    assert decide(account, items, policies, ruling) == expected


@given(cases)
def test_exactly_one_answer_per_item_and_one_message_per_notified_item(case):
    account, items, policies, ruling = case
    decision = decide(account, items, policies, ruling)
    assert [answer.item_id for answer in decision.answers] == sorted(item.id for item in items)
    notified = sorted(answer.item_id for answer in decision.answers if answer.code == Reason.NOTIFY)
    assert sorted(item_id for message in decision.messages for item_id in message.item_ids) == notified
    currencies = [message.currency for message in decision.messages]
    assert currencies == sorted(set(currencies))
    assert len({message.send_at for message in decision.messages}) <= 1


@given(cases)
def test_a_message_asks_for_what_is_open_less_credits_less_dispute_in_one_currency(case):
    account, items, policies, ruling = case
    by_id = {item.id: item for item in items}
    decision = decide(account, items, policies, ruling)
    for message in decision.messages:
        rows = [by_id[item_id] for item_id in message.item_ids]
        assert {row.currency for row in rows} == {message.currency}
        assert message.principal == sum(row.amount_open for row in rows)
        assert message.net == message.principal - message.credits - message.disputed == sum(message.amounts)
        for row, amount in zip(rows, message.amounts, strict=True):
            assert 0 < amount <= row.amount_open - row.amount_disputed


@given(cases)
def test_nothing_for_held_disputed_promised_paid_marked_or_stale(case):
    account, items, policies, ruling = case
    today = ruling.today
    for answer in decide(account, items, policies, ruling).answers:
        item = next(row for row in items if row.id == answer.item_id)
        grace_days = getattr(policies.get(answer.policy_id), "promise_grace_days", 0)
        if (
            item.kind != "invoice"
            or item.amount_open <= item.amount_disputed
            or (item.flags | account.flags) & _STOPPING
            or (item.hold_until and today <= item.hold_until)
            or (account.hold_until and today <= account.hold_until)
            or (item.promised_until and today <= item.promised_until + timedelta(days=grace_days))
            or item.due_date is None
            or item.ledger_id in ruling.stale_ledgers
            or (ruling.unmatched_gate == "stop" and account.unmatched_receipts)
            or (ruling.bank_gate == "stop" and item.ledger_id is None and ruling.bank_last_date != today)
            or answer.policy_id not in policies
        ):
            assert answer.code != Reason.NOTIFY


@given(cases)
def test_no_contact_inside_the_gap(case):
    account, items, policies, ruling = case
    decision = decide(account, items, policies, ruling)
    notified = [answer for answer in decision.answers if answer.code == Reason.NOTIFY]
    contacts = {row.contact_date for row in items if row.id in {answer.item_id for answer in notified}}
    for answer in notified:
        gap = timedelta(days=policies[answer.policy_id].gap_days)
        assert all(day + gap <= ruling.today for day in {account.last_contact_date, *contacts} - {None})
    assert all(message.send_on >= ruling.today for message in decision.messages)


@given(cases)
def test_levels_only_rise_and_only_when_old_enough(case):
    account, items, policies, ruling = case
    for answer in decide(account, items, policies, ruling).answers:
        if answer.code == Reason.NOTIFY:
            item = next(row for row in items if row.id == answer.item_id)
            policy = policies[answer.policy_id]
            assert answer.level_rank > item.level_rank
            if policy.strategy == "own":
                level = next(row for row in policy.levels if row.rank == answer.level_rank)
                _must_be_near(item, level, policy, ruling)
                reached_on = item.due_date + timedelta(days=level.delay_days + level.grace_days)
                assert reached_on <= ruling.today
                assert level.delay_days >= 0 or ruling.today <= item.due_date


def _must_be_near(item, level, policy, ruling):
    """An item already dunned climbs as many levels as the policy lets it, each long enough after the last one."""
    if not item.level_rank:
        return
    left_out = [
        row
        for row in policy.levels
        if item.level_rank < row.rank < level.rank and (row.delay_days >= 0 or ruling.today <= item.due_date)
    ]
    assert len(left_out) < policy.level_cap
    waived = policy.broken_promise == "advance" and item.broken_promise_date
    waited = (ruling.today - item.level_date).days
    assert waited >= level.min_days_since_last or (waived and waived >= item.level_date)


@given(cases)
def test_messages_leave_inside_the_window_of_an_open_day_where_the_customer_is(case):
    account, items, policies, ruling = case
    for message in decide(account, items, policies, ruling).messages:
        local = message.send_at.astimezone(ZoneInfo(account.timezone or ruling.timezone))
        assert message.send_at >= ruling.now
        assert local.date() == message.send_on
        rules = {policy.calendar for policy in policies.values()}
        place = calendar.Place(account.country or ruling.country, None)
        assert any(
            rule.window_start <= local.time() < rule.window_end
            and not calendar.closed(rule, place, local.date())[0]
            for rule in rules
        )


@given(cases)
def test_every_answer_has_a_sentence_a_next_step_and_survives_storage(case):
    decision = decide(*case)
    for code, args in [(answer.code, answer.args) for answer in decision.answers] + [
        (decision.code, decision.args)
    ]:
        assert explain.sentence(code, args)
        assert explain.next_step(code)
        assert explain.from_json(code, explain.to_json(code, args)) == args
    for message in decision.messages:
        assert all(explain.sentence(code, args) for code, args in message.warnings)


@given(st.lists(cases, max_size=3), st.integers(0, 4), st.integers(0, 4))
def test_volume_caps_are_never_exceeded_and_nothing_is_lost(several, cap_per_day, cap_per_hour):
    ration = Ration(cap_per_day, cap_per_hour)
    for case in several:
        decision = decide(*case)
        admitted = ration.admit(decision)
        assert [row.item_id for row in admitted.answers] == [row.item_id for row in decision.answers]
        kept = {item_id for message in admitted.messages for item_id in message.item_ids}
        for before, after in zip(decision.answers, admitted.answers, strict=True):
            if before.code == Reason.NOTIFY:
                assert after.code == (Reason.NOTIFY if after.item_id in kept else Reason.VOLUME_CAP)
            else:
                assert after == before
        assert all(message.send_at < message.send_until for message in admitted.messages)
    assert all(count <= cap_per_day for count in ration.scheduled_by_date.values())
    assert all(count <= cap_per_hour for count in ration.scheduled_by_hour.values())


instants = st.builds(
    lambda day, hour, minute: datetime(2025, 3, day, hour, minute, tzinfo=timezone.utc),
    st.integers(28, 31), st.integers(0, 23), st.sampled_from([0, 15, 59]),
)  # fmt: skip
wishes = st.builds(lambda at, hours: Wish(at, at + timedelta(hours=hours)), instants, st.integers(1, 14))


@given(
    st.lists(st.lists(wishes, min_size=1, max_size=3), max_size=30),
    st.sampled_from([None, 0, 1, 2, 5]),
    st.sampled_from([None, 0, 1, 2, 5]),
    st.sampled_from(["Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu", "UTC"]),
    st.dictionaries(instants.map(lambda at: at.replace(minute=0)), st.integers(0, 3), max_size=5),
)
def test_no_day_and_no_hour_gets_more_than_its_cap_whatever_is_scheduled(
    customers, cap_per_day, cap_per_hour, zone, scheduled
):
    tz = ZoneInfo(zone)
    by_date = Counter()
    for hour, count in scheduled.items():
        by_date[hour.astimezone(tz).date()] += count
    ration = Ration(cap_per_day, cap_per_hour, by_date, scheduled, tz)
    placed = Counter(scheduled)
    for customer in customers:
        found = ration.place(customer)
        for wish, at in zip(customer, found, strict=False):
            assert wish.send_at <= at < wish.send_until
            placed[at.replace(minute=0)] += 1
        caps = [cap for cap in (cap_per_day, cap_per_hour) if cap is not None]
        assert len(found) in (0, len(customer)) or len(customer) > min(caps)
    for hour, count in placed.items():
        assert cap_per_hour is None or count <= max(cap_per_hour, scheduled.get(hour, 0))
    per_day = Counter()
    for hour, count in placed.items():
        per_day[hour.astimezone(tz).date()] += count
    assert per_day == +ration.scheduled_by_date
    for day, count in per_day.items():
        assert cap_per_day is None or count <= max(cap_per_day, by_date[day])


@given(st.lists(cases, max_size=4), st.integers(0, 3))
def test_nobody_is_capped_for_the_sake_of_a_less_important_one(several, cap_per_day):
    """Customers of one message each, all on the same day: those let through are the first ones by importance."""
    found = []
    for number, (account, items, policies, ruling) in enumerate(several, start=1):
        decision = decide(
            account, items, policies, replace(ruling, today=several[0][3].today, now=several[0][3].now)
        )
        if len(decision.messages) == 1:
            found.append(decision._replace(account_id=number))
    found.sort(key=importance)
    ration = Ration(cap_per_day)
    admitted = [bool(ration.admit(decision).messages) for decision in found]
    if len({message.send_at.date() for decision in found for message in decision.messages}) == 1:
        assert admitted == [True] * min(cap_per_day, len(found)) + [False] * max(0, len(found) - cap_per_day)
    ranks = [decision.messages[0].level_rank for decision in found]
    assert ranks == sorted(ranks, reverse=True)

"""Promises that must hold for every customer, policy and day, not only for the cases somebody thought of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.engine import calendar, explain
from odoo_dunning.engine.decide import _STOPPING, decide, recheck
from odoo_dunning.engine.ration import Ration
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
        if (
            item.kind != "invoice"
            or item.amount_open <= item.amount_disputed
            or (item.flags | account.flags) & _STOPPING
            or (item.hold_until and today <= item.hold_until)
            or (account.hold_until and today <= account.hold_until)
            or (item.promised_until and today <= item.promised_until)
            or item.due_date is None
            or item.ledger_id in ruling.stale_ledgers
            or answer.policy_id not in policies
        ):
            assert answer.code != Reason.NOTIFY


@given(cases)
def test_no_contact_inside_the_gap(case):
    account, items, policies, ruling = case
    decision = decide(account, items, policies, ruling)
    for message in decision.messages:
        gap = timedelta(days=policies[message.policy_id].gap_days)
        assert account.last_contact_date is None or account.last_contact_date + gap <= ruling.today
        assert message.send_on >= ruling.today


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
                reached_on = item.due_date + timedelta(days=level.delay_days + level.grace_days)
                assert reached_on <= ruling.today
                assert level.delay_days >= 0 or ruling.today <= item.due_date


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
    for task in decision.tasks:
        assert explain.TASKS[task.kind] % dict(zip(explain.TASK_ARGUMENTS[task.kind], task.args, strict=True))


@given(cases)
def test_recheck_of_an_unchanged_world_confirms_every_message(case):
    account, items, policies, ruling = case
    found = recheck(account, items, policies, ruling)
    assert set(found.stopped) | set(found.amounts) == {item.id for item in items}
    for message in decide(account, items, policies, ruling).messages:
        for item_id, amount in zip(message.item_ids, message.amounts, strict=True):
            assert found.amounts[item_id] == amount


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

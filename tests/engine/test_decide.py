"""The gates one by one: a wrong answer here is a customer reminded who should not be, or the reverse."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest

from odoo_dunning.engine.decide import decide, send_slot
from odoo_dunning.engine.ration import Ration, importance
from odoo_dunning.engine.snapshot import (
    FOREVER,
    Calendar,
    Flag,
    Item,
    PolicyError,
    Reason,
    Task,
)

from .build import (
    NOW,
    TODAY,
    UTC,
    account,
    answer,
    codes,
    contact,
    credit,
    invoice,
    level,
    policy,
    ruling,
    run,
)

D = Decimal

# -- levels


def test_first_level_on_the_very_day_and_not_one_before():
    assert codes(run(invoice(overdue=4))) == {1: Reason.TOO_YOUNG}
    assert codes(run(invoice(overdue=5))) == {1: Reason.NOTIFY}


def test_too_young_names_level_due_date_and_first_possible_day():
    found = answer(run(invoice(due_date=date(2025, 6, 9))))
    assert (found.code, found.level_rank, found.level_id) == (Reason.TOO_YOUNG, 1, 11)
    assert found.args == ("L1", date(2025, 6, 9), date(2025, 6, 14))


def test_grace_days_come_on_top_of_the_delay():
    by = policy(level(1, 5, grace_days=2))
    assert codes(run(invoice(1, overdue=6), invoice(2, overdue=7), by=by)) == {1: "too_young", 2: "notify"}


def test_old_item_starts_at_the_first_level():
    assert answer(run(invoice(overdue=90))).level_rank == 1


def test_old_item_starts_at_the_level_of_its_age_when_the_policy_says_so():
    by = policy(entry="by_age")
    decision = run(
        invoice(1, overdue=90), invoice(2, overdue=39), invoice(3, overdue=20), invoice(4, overdue=6), by=by
    )
    assert [row.level_rank for row in decision.answers] == [3, 2, 2, 1]
    assert decision.messages[0].level_rank == 3


def test_already_dunned_item_climbs_one_level_even_by_age():
    old = invoice(overdue=90, level_rank=1, level_date=date(2025, 4, 1))
    assert answer(run(old, by=policy(entry="by_age"))).level_rank == 2


def test_a_level_on_the_due_date_is_no_courtesy_level():
    assert codes(run(invoice(overdue=30), by=policy(level(1, 0)))) == {1: "notify"}


def test_level_cap_lets_a_dunned_item_climb_further_when_raised():
    old = invoice(overdue=90, level_rank=1, level_date=date(2025, 4, 1))
    assert answer(run(old, by=policy(level_cap=2))).level_rank == 3


def test_a_level_that_asks_for_more_days_since_the_last_is_not_jumped_to():
    # rank 2 on 1 May, 41 days ago: enough for the level of rank 3, not for that of rank 4
    by = policy(
        level(1, 5),
        level(2, 20),
        level(3, 40, min_days_since_last=41),
        level(4, 60, min_days_since_last=42),
        level_cap=2,
    )
    old = invoice(overdue=90, level_rank=2, level_date=date(2025, 5, 1))
    assert answer(run(old, by=by)).level_rank == 3
    earlier = old._replace(level_date=date(2025, 4, 30))
    assert answer(run(earlier, by=by)).level_rank == 4


def test_next_level_waits_for_its_minimum_days_since_the_last():
    waiting = invoice(1, overdue=30, level_rank=1, level_date=date(2025, 6, 2))
    ready = invoice(2, overdue=30, level_rank=1, level_date=date(2025, 6, 1))
    decision = run(waiting, ready)
    assert codes(decision) == {1: Reason.WAITING, 2: Reason.NOTIFY}
    assert answer(decision).args == ("L2", date(2025, 6, 2), date(2025, 6, 12))


def test_next_level_also_waits_for_its_own_delay():
    found = answer(run(invoice(overdue=19, level_rank=1, level_date=date(2025, 5, 1))))
    assert (found.code, found.args) == (Reason.TOO_YOUNG, ("L2", date(2025, 5, 23), date(2025, 6, 12)))


def test_day_a_level_is_possible_from_counts_the_wait_unless_a_broken_promise_waives_it():
    # due on 23 May: 20 days later is 12 June; the last level was on 8 June, ten days later is the 18th
    young = invoice(
        overdue=19, level_rank=1, level_date=date(2025, 6, 8), broken_promise_date=date(2025, 6, 10)
    )
    assert answer(run(young)).args == ("L2", date(2025, 5, 23), date(2025, 6, 18))
    advance = policy(broken_promise="advance")
    assert answer(run(young, by=advance)).args == ("L2", date(2025, 5, 23), date(2025, 6, 12))


def test_courtesy_level_before_the_due_date():
    by = policy(level(1, -3), level(2, 5))
    decision = run(invoice(1, overdue=-4), invoice(2, overdue=-3), invoice(3, overdue=0), by=by)
    assert codes(decision) == {1: "too_young", 2: "notify", 3: "notify"}
    assert {row.level_rank for row in decision.answers} == {1}


def test_courtesy_level_is_skipped_once_the_due_date_has_passed():
    by = policy(level(1, -3), level(2, 5))
    decision = run(invoice(1, overdue=2), invoice(2, overdue=60), by=by)
    assert codes(decision) == {1: "too_young", 2: "notify"}
    assert answer(decision, 2).level_rank == 2


def test_last_level_says_what_follows():
    done = invoice(overdue=90, level_rank=3, level_date=date(2025, 5, 28))
    found = answer(run(done))
    assert (found.code, found.args) == (Reason.LAST_LEVEL, ("L3", date(2025, 5, 28), "stay"))
    assert run(done).tasks == ()


@pytest.mark.parametrize(("after_last", "expected"), [("stay", 3), ("hand_over", 3), ("stop", 1)])
def test_after_the_last_level_a_customer_stays_there_but_where_it_stopped_a_new_item_begins_anew(
    after_last, expected
):
    done = invoice(1, overdue=90, level_rank=3, level_date=date(2025, 5, 1))
    by = policy(strategy="highest", after_last=after_last)
    assert answer(run(done, invoice(2, overdue=6), by=by), 2).level_rank == expected


@pytest.mark.parametrize(("reached", "expected"), [(date(2025, 5, 28), 1), (date(2025, 5, 29), 0)])
def test_hand_over_is_a_task_fourteen_days_after_the_last_level(reached, expected):
    done = invoice(overdue=90, level_rank=3, level_date=reached)
    tasks = run(done, by=policy(after_last="hand_over")).tasks
    assert tasks == (Task("hand_over", (1,), (reached,)),) * expected


def test_rank_between_the_ranks_of_a_policy_goes_on_with_the_next():
    by = policy(level(10, 5), level(30, 20))
    moved = invoice(overdue=60, level_rank=20, level_date=date(2025, 5, 1))
    assert answer(run(moved, by=by)).level_rank == 30


def test_highest_strategy_lifts_every_due_item_to_the_top_level():
    items = (
        invoice(1, overdue=60, level_rank=2, level_date=date(2025, 5, 1)),
        invoice(2, overdue=6),
        invoice(3, overdue=1),
    )
    own, highest = run(*items), run(*items, by=policy(strategy="highest"))
    assert [row.level_rank for row in own.answers] == [3, 1, 1]
    assert [row.level_rank for row in highest.answers] == [3, 3, 1]
    assert codes(highest)[3] == Reason.TOO_YOUNG
    assert highest.messages[0].item_ids == own.messages[0].item_ids == (1, 2)


def test_highest_strategy_does_not_fall_behind_the_level_the_customer_has_reached():
    waiting = invoice(1, overdue=30, level_rank=2, level_date=date(2025, 6, 3))
    decision = run(waiting, invoice(2, overdue=6), by=policy(strategy="highest"))
    assert codes(decision) == {1: Reason.TOO_YOUNG, 2: Reason.NOTIFY}
    assert answer(decision, 2).level_rank == 2


def test_highest_strategy_leaves_items_of_another_policy_at_their_own_level():
    mine, other = policy(strategy="highest"), policy(id=2)
    items = (
        invoice(1, overdue=6, policy_id=2),
        invoice(2, overdue=60, level_rank=2, level_date=date(2025, 5, 1)),
        invoice(3, overdue=6),
    )
    decision = decide(account(), items, {1: mine, 2: other}, ruling())
    assert [row.level_rank for row in decision.answers] == [1, 3, 3]


def test_the_highest_level_speaks_for_the_message_wherever_it_stands():
    dunned = {"level_rank": 1, "level_date": date(2025, 5, 1)}
    items = (invoice(1, overdue=6), invoice(2, overdue=6), invoice(3, overdue=30, **dunned))
    (message,) = run(*items).messages
    assert (message.level_rank, message.level_id) == (2, 12)


def test_at_the_same_level_the_customers_own_policy_speaks():
    other = policy(level(1, 5, id=21), id=2, min_amounts={"EUR": D("500")})
    items = (invoice(1, overdue=6, policy_id=2), invoice(2, overdue=6))
    (message,) = decide(account(), items, {1: policy(), 2: other}, ruling()).messages
    assert (message.policy_id, message.level_id, message.item_ids) == (1, 11, (1, 2))


# -- minimums


def test_minimum_per_item_looks_at_what_is_open_after_credits():
    by = policy(level(1, 5, min_item_amounts={"EUR": D("50.00")}))
    items = (
        invoice(1, overdue=6, amount="49.99"),
        invoice(2, overdue=6, amount="50.00"),
        invoice(3, overdue=6, amount="80.00"),
        credit(4, "30.01", reference="INV/3"),
        invoice(5, overdue=6, amount="1.00", currency="USD"),
    )
    decision = run(*items, by=by)
    assert codes(decision) == {
        1: "below_minimum_item",
        2: "notify",
        3: "below_minimum_item",
        4: "credit",
        5: "notify",
    }
    assert answer(decision, 3).args == (D("49.99"), D("50.00"), "EUR", "L1")


def test_minimum_percent_of_the_invoice():
    by = policy(level(1, 5, min_percent=D(10)))
    small = invoice(1, overdue=6, amount_total=D(1000), amount_open=D("99.99"))
    enough = invoice(2, overdue=6, amount_total=D(1000), amount_open=D("100.00"))
    decision = run(small, enough, by=by)
    assert codes(decision) == {1: Reason.BELOW_ITEM, 2: Reason.NOTIFY}
    assert answer(decision).args == (D("99.99"), D(100), "EUR", "L1")


@pytest.mark.parametrize(
    ("currency", "total", "least"),
    [("EUR", "100.00", "33.34"), ("JPY", "1000", "334"), ("KWD", "12.345", "4.115")],
)
def test_minimum_percent_is_said_at_the_precision_of_the_currency(currency, total, least):
    """33.333 % of it, rounded up: what is less is below, and the next amount there is goes."""
    by = policy(level(1, 5, min_percent=D("33.333")))
    unit = D(1).scaleb(D(least).as_tuple().exponent)
    items = [
        invoice(number, overdue=6, currency=currency, amount_total=D(total), amount_open=amount)
        for number, amount in enumerate((D(least) - unit, D(least)), start=1)
    ]
    decision = run(*items, by=by)
    assert codes(decision) == {1: Reason.BELOW_ITEM, 2: Reason.NOTIFY}
    assert [str(value) for value in answer(decision).args[:2]] == [str(D(least) - unit), least]


def test_minimum_per_account_is_per_currency_and_never_added_across():
    by = policy(min_amounts={"EUR": D("150"), "USD": D("200.00")})
    items = (
        invoice(1, overdue=6),
        invoice(2, overdue=6, currency="USD"),
        invoice(3, overdue=6, currency="USD"),
    )
    decision = run(*items, by=by)
    assert codes(decision) == {1: Reason.BELOW_ACCOUNT, 2: Reason.NOTIFY, 3: Reason.NOTIFY}
    assert answer(decision).args == (D("100.00"), D("150"), "EUR")
    assert [(m.currency, m.net) for m in decision.messages] == [("USD", D("200.00"))]


def test_yen_without_and_dinar_with_three_decimals_keep_their_precision():
    items = (
        invoice(1, overdue=6, amount="1000", currency="JPY"),
        credit(2, "1", currency="JPY"),
        invoice(3, overdue=6, amount="10.500", currency="KWD"),
        credit(4, "0.001", currency="KWD"),
    )
    nets = {message.currency: str(message.net) for message in run(*items).messages}
    assert nets == {"JPY": "999", "KWD": "10.499"}


# -- who is left alone


@pytest.mark.parametrize(
    ("flag", "code"),
    [
        (Flag.INSOLVENT, "insolvent"),
        (Flag.LEGAL, "legal"),
        (Flag.NO_FOLLOWUP, "no_followup"),
        (Flag.BLOCKED, "blocked"),
        (Flag.EXCLUDED, "excluded"),
        (Flag.IN_PLAN, "in_plan"),
        (Flag.IN_OTHER_RUN, "in_other_run"),
    ],
)
def test_a_mark_stops_the_item_alone_or_the_whole_customer(flag, code):
    items = (invoice(1, overdue=6, flags=flag), invoice(2, overdue=6))
    assert codes(run(*items)) == {1: code, 2: "notify"}
    assert codes(run(invoice(1, overdue=6), invoice(2, overdue=6), of=account(flags=flag))) == {
        1: code,
        2: code,
    }


def test_hold_lasts_through_its_day_and_carries_reason_and_author():
    held = invoice(1, overdue=6, hold_until=TODAY, hold_reason="moving", hold_author="Ada")
    free = invoice(2, overdue=6, hold_until=TODAY - timedelta(days=1))
    decision = run(held, free, invoice(3, overdue=6, hold_until=FOREVER))
    assert codes(decision) == {1: "hold", 2: "notify", 3: "hold"}
    assert answer(decision).args == (TODAY, "moving", "Ada")


def test_hold_on_the_customer_stops_all_items():
    of = account(hold_until=TODAY, hold_reason="merger", hold_author="Ada")
    decision = run(invoice(1, overdue=6), invoice(2, overdue=1), of=of)
    assert codes(decision) == {1: "hold_account", 2: "hold_account"}
    assert (decision.code, decision.args) == ("hold_account", (TODAY, "merger", "Ada"))
    released = run(invoice(1, overdue=6), of=account(hold_until=TODAY - timedelta(days=1)))
    assert codes(released) == {1: "notify"}


def test_promise_holds_until_its_day_plus_grace():
    by = policy(promise_grace_days=2)
    kept_waiting = invoice(1, overdue=6, promised_until=date(2025, 6, 9))
    broken = invoice(2, overdue=6, promised_until=date(2025, 6, 8))
    decision = run(kept_waiting, broken, by=by)
    assert codes(decision) == {1: "promised", 2: "notify"}
    assert answer(decision).args == (date(2025, 6, 9), 2)


def test_broken_promise_advances_only_where_the_policy_says_so():
    broken = invoice(
        overdue=30, level_rank=1, level_date=date(2025, 6, 3), broken_promise_date=date(2025, 6, 10)
    )
    assert codes(run(broken)) == {1: "waiting_since_last_level"}
    assert codes(run(broken, by=policy(broken_promise="advance"))) == {1: "notify"}
    same_day = broken._replace(broken_promise_date=date(2025, 6, 3))
    assert codes(run(same_day, by=policy(broken_promise="advance"))) == {1: "notify"}
    old_news = broken._replace(broken_promise_date=date(2025, 6, 2))
    assert codes(run(old_news, by=policy(broken_promise="advance"))) == {1: "waiting_since_last_level"}


def test_wholly_disputed_item_is_left_and_a_partly_disputed_one_goes_on_for_the_rest():
    whole = invoice(1, overdue=6, amount_disputed=D("100.00"), dispute_reason="damaged")
    part = invoice(2, overdue=6, amount_disputed=D("30.00"))
    decision = run(whole, part)
    assert codes(decision) == {1: "disputed", 2: "notify"}
    assert answer(decision).args == (D("100.00"), "EUR", "damaged")
    (message,) = decision.messages
    assert (message.principal, message.disputed, message.net) == (D("100.00"), D("30.00"), D("70.00"))
    assert message.amounts == (D("70.00"),)


def test_what_credits_leave_of_a_disputed_item_is_disputed_not_netted():
    part = invoice(1, overdue=6, amount_disputed=D("60.00"), dispute_reason="damaged")
    decision = run(part, credit(2, "90.00"))
    assert codes(decision) == {1: "disputed", 2: "credit"}
    assert answer(decision).args == (D("60.00"), "EUR", "damaged")
    assert answer(decision, 2).args == (D("40.00"), D("50.00"), "EUR")


def test_item_without_a_due_date_is_answered_and_becomes_a_task():
    decision = run(invoice(1, due_date=None), invoice(2, due_date=None))
    assert codes(decision) == {1: "no_due_date", 2: "no_due_date"}
    assert decision.tasks == (Task("no_due_date", (1, 2), ()),)


def test_items_of_a_stale_ledger_wait_and_others_go_on():
    synced_at = datetime(2025, 6, 8, 3, tzinfo=UTC)
    items = (invoice(1, overdue=6, ledger_id=7), invoice(2, overdue=6, ledger_id=8), invoice(3, overdue=6))
    decision = run(*items, on=ruling(stale_ledgers={7: synced_at}))
    assert codes(decision) == {1: "source_stale", 2: "notify", 3: "notify"}
    assert answer(decision).args == (synced_at,)


@pytest.mark.parametrize(
    ("last", "stale"), [(date(2025, 6, 8), False), (date(2025, 6, 7), True), (None, True)]
)
def test_old_bank_entries_stop_only_items_of_our_own_books(last, stale):
    items = (invoice(1, overdue=6), invoice(2, overdue=6, ledger_id=7))
    decision = run(*items, on=ruling(bank_gate="stop", bank_last_date=last, bank_max_age_days=3))
    assert codes(decision) == {1: "bank_stale" if stale else "notify", 2: "notify"}


def test_unmatched_receipts_stop_or_warn():
    of = account(unmatched_receipts=2)
    assert codes(run(invoice(overdue=6), of=of, on=ruling(unmatched_gate="stop"))) == {
        1: "unmatched_receipts"
    }
    warned = run(invoice(overdue=6), of=of, on=ruling(unmatched_gate="warn", bank_gate="warn"))
    assert warned.messages[0].warnings == (("unmatched_receipts", (2,)), ("bank_stale", (None,)))
    assert run(invoice(overdue=6), of=of).messages[0].warnings == ()
    foreign = run(invoice(overdue=6, ledger_id=7), on=ruling(bank_gate="warn"))
    assert foreign.messages[0].warnings == ()


def test_contact_gap_ends_on_the_seventh_day():
    contacted = account(last_contact_date=date(2025, 6, 5))
    decision = run(invoice(overdue=6), of=contacted)
    assert (answer(decision).code, answer(decision).args) == (
        "contacted_recently",
        (date(2025, 6, 5), 7, date(2025, 6, 12)),
    )
    assert codes(run(invoice(overdue=6), of=account(last_contact_date=date(2025, 6, 4)))) == {1: "notify"}


def test_the_strictest_gap_of_all_policies_counts():
    strict = policy(id=2, gap_days=14)
    items = (invoice(1, overdue=6), invoice(2, overdue=6, policy_id=2))
    of = account(last_contact_date=TODAY - timedelta(days=10))
    decision = decide(of, items, {1: policy(), 2: strict}, ruling())
    assert set(codes(decision).values()) == {"contacted_recently"}


def test_customers_of_one_run_each_have_their_own_holidays():
    # Thursday, 19 June 2025 is Corpus Christi in Bavaria and a working day in Berlin
    on = ruling(date(2025, 6, 19))
    days = [
        run(invoice(overdue=6), of=account(subdivision=land), on=on).messages[0].send_on
        for land in ("BE", "BY")
    ]
    assert days == [date(2025, 6, 19), date(2025, 6, 20)]


# -- policy


def test_policy_of_the_item_beats_its_version_beats_the_customer():
    policies = {n: policy(id=n, name=f"P{n}") for n in (1, 2, 3)}
    items = (
        invoice(1, overdue=6, policy_id=2),
        invoice(2, overdue=6, policy_id=3, flags=Flag.BOUND_POLICY),
        invoice(3, overdue=6),
    )
    decision = decide(account(policy_source="rule: Shops"), items, policies, ruling())
    chosen = [(row.policy_id, row.policy_source) for row in decision.answers]
    assert chosen == [(2, "item"), (3, "bound"), (1, "rule: Shops")]


def test_other_policies_under_the_same_circumstances_are_other_policies():
    on = ruling()
    assert codes(run(invoice(overdue=6), on=on)) == {1: "notify"}
    assert codes(run(invoice(overdue=6), by=policy(level(1, 50)), on=on)) == {1: "too_young"}


def test_without_a_policy_the_answer_says_so():
    assert codes(decide(account(policy_id=None), [invoice(overdue=6)], {}, ruling())) == {1: "no_policy"}
    gone = decide(account(), [invoice(overdue=6, policy_id=99)], {1: policy()}, ruling())
    assert (answer(gone).code, answer(gone).args) == ("no_policy", (99,))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: policy(level(1, 10), level(2, 5)), "'L2': comes due before 'L1'"),
        (lambda: policy(level(1, 5), level(1, 9)), "number 1 is also the number of"),
        (lambda: policy(level(0, 5)), "number is 0"),
        (lambda: policy(level(1, 5, channels=())), "no channel"),
        (lambda: policy(level(1, 5, grace_days=-1)), "must not be negative"),
        (lambda: policy(strategy="loud"), "strategy is 'loud'"),
        (lambda: policy(gap_days=-1), "gap_days is -1"),
        (lambda: Calendar(window_start=time(20), window_end=time(8)), "start must lie before the end"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_a_clear_message(make, words):
    with pytest.raises(PolicyError, match=words):
        make()


# -- messages


def test_one_message_carries_all_the_sender_needs():
    by = policy(level(1, 5, deadline_days=7), level(2, 20, min_days_since_last=10, deadline_days=10))
    items = (
        invoice(1, overdue=6, amount="40.00"),
        invoice(2, overdue=25, amount="60.00", level_rank=1, level_date=date(2025, 5, 20)),
        credit(3, "15.00"),
    )
    (message,) = run(*items, by=by).messages
    assert (message.currency, message.level_rank, message.level_id, message.policy_id) == ("EUR", 2, 12, 1)
    assert message.item_ids == (2, 1)
    assert message.amounts == (D("45.00"), D("40.00"))
    assert (message.principal, message.credits, message.net) == (D("100.00"), D("15.00"), D("85.00"))
    assert (message.channels, message.contact_id, message.language) == (("email",), 1, "en_US")
    assert (message.send_on, message.send_at, message.shift) == (TODAY, NOW, "")
    # ten working days after Wednesday 11 June: 12, 13, 16-20 and 23-25 June (no German holiday between)
    assert message.deadline_date == date(2025, 6, 25)


def test_two_currencies_go_on_the_same_day_as_two_messages():
    decision = run(invoice(1, overdue=6), invoice(2, overdue=6, currency="USD"))
    assert [(m.currency, m.item_ids, m.send_at) for m in decision.messages] == [
        ("EUR", (1,), NOW),
        ("USD", (2,), NOW),
    ]


def test_no_address_is_an_answer_and_a_task_never_a_reached_level():
    decision = run(invoice(overdue=6), of=account(contacts=(contact(email=None),)))
    assert decision.messages == ()
    assert (answer(decision).code, answer(decision).args) == ("no_address", ("L1", "email"))
    assert decision.tasks == (Task("no_address", (1,), ("L1", "email")),)


def test_an_archived_customer_is_left_to_a_person_whoever_could_be_reached():
    archived = account(flags=Flag.ARCHIVED)
    decision = run(invoice(overdue=6), of=archived)
    assert decision.messages == ()
    assert (answer(decision).code, answer(decision).args) == ("archived", ())
    assert decision.tasks == (Task("archived", (1,), ()),)
    assert answer(run(invoice(overdue=2), of=archived)).code == "too_young"


def test_a_channel_nobody_can_be_reached_by_is_not_passed_over_in_silence():
    by = policy(level(1, 5, channels=("email", "letter", "call")))
    (message,) = run(invoice(overdue=6), by=by).messages
    assert message.channels == ("email",)
    assert message.warnings == (("no_address", ("L1", "letter, call")),)


def test_a_saturday_moves_to_monday_and_the_answer_says_so():
    saturday = date(2025, 6, 14)
    decision = run(invoice(overdue=6), on=ruling(saturday))
    (message,) = decision.messages
    assert (message.send_on, message.shift, message.shift_detail) == (
        date(2025, 6, 16),
        "weekend",
        "Saturday",
    )
    assert message.send_at == datetime(2025, 6, 16, 6, 0, tzinfo=UTC)
    assert answer(decision).args == ("L1", date(2025, 6, 5), 11, date(2025, 6, 16), "weekend", "Saturday")


def test_a_calendar_that_waits_answers_instead():
    waiting = policy(calendar=Calendar(when_closed="wait"))
    decision = run(invoice(overdue=6), by=waiting, on=ruling(date(2025, 6, 14)))
    assert (answer(decision).code, answer(decision).args) == (
        "not_a_working_day",
        (date(2025, 6, 14), "weekend", "Saturday", date(2025, 6, 16)),
    )
    late = ruling(now=datetime(2025, 6, 11, 19, 0, tzinfo=UTC))
    (message,) = run(invoice(overdue=6), by=waiting, on=late).messages
    assert (message.send_on, message.shift) == (date(2025, 6, 12), "window")


def test_the_highest_level_of_all_currencies_says_whether_a_closed_day_waits():
    patient = policy(level(2, 5, id=22), id=2, calendar=Calendar(when_closed="wait"))
    items = (invoice(1, overdue=6), invoice(2, overdue=6, currency="USD", policy_id=2))
    decision = decide(account(), items, {1: policy(), 2: patient}, ruling(date(2025, 6, 14)))
    assert set(codes(decision).values()) == {"not_a_working_day"}


def test_a_calendar_closed_for_good_is_answered_not_raised():
    closed = frozenset(TODAY + timedelta(days=n) for n in range(90))
    decision = run(invoice(overdue=6), by=policy(calendar=Calendar(closed_dates=closed)))
    assert (answer(decision).code, answer(decision).args[3]) == ("not_a_working_day", None)


def test_an_item_of_another_customer_is_refused():
    with pytest.raises(ValueError, match="item 1 is of account 2"):
        run(invoice(overdue=6, account_id=2))


def test_the_account_reason_is_the_one_nearest_to_acting():
    decision = run(invoice(1, overdue=1), invoice(2, overdue=30, level_rank=1, level_date=date(2025, 6, 9)))
    assert (decision.code, decision.args) == (
        "waiting_since_last_level",
        ("L2", date(2025, 6, 9), date(2025, 6, 19)),
    )
    assert run().code == "nothing_open"
    waiting = {"overdue": 50, "level_date": date(2025, 6, 9)}
    higher = run(invoice(1, level_rank=1, **waiting), invoice(2, level_rank=2, **waiting))
    assert (higher.code, higher.args[0]) == ("waiting_since_last_level", "L3")


def test_paid_items_and_money_paid_back_are_not_reminded():
    paid = invoice(1, overdue=60, amount_open=D("0.00"))
    refund = invoice(2, overdue=60, kind="payment")
    assert codes(run(paid, refund)) == {1: "paid", 2: "refund"}


def test_rows_come_straight_from_a_cursor():
    row = (1, 1, "EUR", "invoice", "INV/1", None, None, TODAY - timedelta(days=6), D(5), D(5))
    assert codes(run(Item._make((*row, D(0), 0, None, 1, None, None, 0, *[None] * 7)))) == {1: "notify"}


def test_send_slot_tells_whether_it_may_leave_now():
    assert send_slot(account(), Calendar(), ruling()).send_at == NOW
    night = ruling(now=datetime(2025, 6, 11, 3, 0, tzinfo=UTC))
    assert send_slot(account(), Calendar(), night).send_at == datetime(2025, 6, 11, 6, 0, tzinfo=UTC)


# -- volume caps


def decisions(count: int, **values):
    return [run(invoice(overdue=6, account_id=n), of=account(id=n), **values) for n in range(1, count + 1)]


def test_day_cap_counts_what_is_already_scheduled():
    ration = Ration(cap_per_day=5, scheduled_by_date={TODAY: 3})
    admitted = [ration.admit(decision) for decision in decisions(4)]
    assert [decision.code for decision in admitted] == ["notify", "notify", "volume_cap", "volume_cap"]
    assert [len(decision.messages) for decision in admitted] == [1, 1, 0, 0]
    assert admitted[2].answers[0].args == ("L1", 5, None)
    assert ration.scheduled_by_date == {TODAY: 5}


def test_hour_cap_moves_to_later_hours_and_stops_at_the_end_of_the_window():
    by = policy(calendar=Calendar(window_end=time(12)))
    ration = Ration(cap_per_hour=2)
    admitted = [ration.admit(decision) for decision in decisions(5, by=by)]
    # 10:00 in Berlin: room at 10 and 11 o'clock, closed at 12
    assert [m.send_at.hour for decision in admitted for m in decision.messages] == [8, 8, 9, 9]
    assert [decision.answers[0].args[4] for decision in admitted[:4]] == ["", "", "hourly_cap", "hourly_cap"]
    assert admitted[4].code == "volume_cap"


def test_messages_of_one_customer_stay_together_unless_they_alone_exceed_the_cap():
    both = run(invoice(1, overdue=6), invoice(2, overdue=6, currency="USD"))
    assert Ration(cap_per_day=2, scheduled_by_date={TODAY: 1}).admit(both).messages == ()
    assert [m.currency for m in Ration(cap_per_day=1).admit(both).messages] == ["EUR"]
    dunned = {"level_rank": 1, "level_date": date(2025, 5, 1)}
    higher = run(invoice(1, overdue=6), invoice(2, overdue=30, currency="USD", **dunned))
    assert [m.currency for m in Ration(cap_per_day=1).admit(higher).messages] == ["USD"]


def test_the_highest_level_goes_first_then_the_most_money_then_the_oldest():
    """90 dollars at 1.20 a euro are 75 euro: less than 80."""
    by = policy(level(1, 5), level(2, 20), entry="by_age")
    cases = {
        "second level": run(invoice(overdue=30, amount="1.00", account_id=9), of=account(id=9), by=by),
        "80 euro": run(invoice(overdue=6, amount="80.00", account_id=8), of=account(id=8), by=by),
        "90 dollars": run(
            invoice(overdue=6, amount="90.00", currency="USD", account_id=1), of=account(id=1), by=by
        ),
        "older": run(invoice(overdue=9, amount="50.00", account_id=7), of=account(id=7), by=by),
        "younger": run(invoice(overdue=6, amount="50.00", account_id=2), of=account(id=2), by=by),
        "higher id": run(invoice(overdue=6, amount="50.00", account_id=3), of=account(id=3), by=by),
    }
    rates = {"EUR": D(1), "USD": D("1.20")}
    assert sorted(cases, key=lambda name: importance(cases[name], rates)) == list(cases)

"""Several processes on one database at once: no double work, no deadlock, a clear word for whoever comes second.

Promises: P2 no item twice for a level, P3 nothing for what is paid, P4 one message a customer.
"""

from __future__ import annotations

from itertools import chain

import pytest

from tests.parallel import scene
from tests.parallel.scene import sql
from tests.parallel.workers import Work

pytestmark = pytest.mark.odoo


def _must_end_well(outcomes, workers) -> None:
    assert [outcome.error for outcome in outcomes if outcome.status] == []
    _no_deadlock(workers)


def _no_deadlock(workers) -> None:
    assert "deadlock detected" not in workers.log.read_text()


def _each_message_once(workers, mailbox, run: int) -> None:
    """Every message of the run arrived once and nothing else did; the run is done."""
    states = scene.states(workers.database, run)
    assert len(states) >= 10
    assert set(states.values()) == {"sent"}
    assert scene.delivered(mailbox) == dict.fromkeys(states, 1)
    assert scene.run_state(workers.database, run) == "done"


def _items_in_messages(database: str) -> list[int]:
    return [
        item
        for (item,) in sql(
            database, "SELECT item_id FROM dunning_run_line WHERE claim IS NOT NULL ORDER BY item_id"
        )
    ]


def _new_run(workers) -> int:
    return workers.run("tests.parallel.test_parallel:draft")


def draft(env) -> int:
    """A run that nobody has proposed yet."""
    run = env["dunning.run"].create({"company_id": env.company.id})
    env.cr.commit()
    return run.id


def test_two_proposals_at_once_share_no_item_and_the_second_is_told(workers, meeting) -> None:
    runs = [_new_run(workers), _new_run(workers)]

    outcomes = workers.do(
        *(Work("tests.parallel.deeds:propose", {"run": run, **meeting(2)}) for run in runs), timeout=60
    )

    _no_deadlock(workers)
    items = _items_in_messages(workers.database)
    assert len(items) == len(set(items)) == _open_items(workers.database)
    if any(scene.run_state(workers.database, run) != "proposed" for run in runs):
        [told] = [outcome.result for outcome in outcomes if outcome.result]
        assert "is being worked out already" in told


def test_two_senders_at_once_deliver_every_message_once(workers, office_mailbox, meeting) -> None:
    run = workers.run("tests.parallel.scene:propose")
    workers.run("tests.parallel.deeds:approve", run=run, **meeting(1))

    workers.do(*(Work("tests.parallel.deeds:send", meeting(2)) for _ in range(2)), timeout=60)
    scene.let_time_pass(workers.database, 20)
    workers.run("tests.crash.deeds:work_schedule")

    _no_deadlock(workers)
    _each_message_once(workers, office_mailbox, run)


def test_two_senders_with_a_run_each_write_to_a_customer_once(workers, office_mailbox, meeting) -> None:
    runs = workers.run("tests.parallel.scene:propose_two", apart_by="items")

    outcomes = _send_side_by_side(workers, meeting, runs)
    workers.run("tests.parallel.deeds:deliver")

    _must_end_well(outcomes, workers)
    first, second = (scene.states(workers.database, run) for run in runs)
    assert len(first) == len(second) >= 10
    assert (set(first.values()), set(second.values())) == ({"sent"}, {"withdrawn"})
    assert scene.delivered(office_mailbox) == dict.fromkeys(first, 1)
    reasons = sql(
        workers.database,
        "SELECT DISTINCT reason_code FROM dunning_run_line WHERE run_id = %s AND is_edited IS NOT TRUE"
        " AND reason_code != 'in_other_run'",
        runs[1],
    )
    assert reasons == [("contacted_recently",)]


def test_two_senders_with_a_run_each_keep_the_cap_of_the_day(workers, office_mailbox, meeting) -> None:
    runs = workers.run("tests.parallel.scene:propose_two", apart_by="customers")
    going = [_going(workers.database, run) for run in runs]
    assert len(going[0]) == len(going[1]) >= 5
    # As if they had been tried before: they come first.
    sql(
        workers.database,
        "UPDATE dunning_notice SET send_at = send_at - interval '1 hour' WHERE run_id = %s",
        runs[1],
    )
    workers.run("tests.parallel.scene:limit_day", messages=len(going[0]))

    try:
        outcomes = _send_side_by_side(workers, meeting, runs)
        workers.run("tests.parallel.deeds:deliver")
    finally:
        workers.run("tests.parallel.scene:limit_day", messages=0)

    _must_end_well(outcomes, workers)
    first, second = (_going(workers.database, run) for run in runs)
    assert (set(first.values()), set(second.values())) == ({"sent"}, {"ready"})
    assert scene.delivered(office_mailbox) == dict.fromkeys(first, 1)


def _going(database: str, run: int) -> dict[int, str]:
    """Message id -> state, of those that were not withdrawn."""
    return {key: state for key, state in scene.states(database, run).items() if state != "withdrawn"}


def _send_side_by_side(workers, meeting, runs: list[int]):
    """One sender has the messages of the first run in hand while another one takes up those of the second."""
    return workers.do(
        Work("tests.parallel.deeds:send_first", meeting(2)),
        Work("tests.parallel.deeds:approve_and_send", {"run": runs[1], **meeting(2)}),
        timeout=60,
    )


def test_a_person_approves_while_the_scheduler_sends(workers, office_mailbox, meeting) -> None:
    run = workers.run("tests.parallel.scene:propose")

    outcomes = workers.do(
        Work("tests.parallel.deeds:approve", {"run": run, **meeting(2)}),
        Work("tests.parallel.deeds:send", meeting(2)),
        timeout=60,
    )
    workers.run("tests.crash.deeds:work_schedule")

    _must_end_well(outcomes, workers)
    _each_message_once(workers, office_mailbox, run)


def test_two_people_approve_at_once_and_nothing_doubles(workers, office_mailbox, meeting) -> None:
    run = workers.run("tests.parallel.scene:propose")

    outcomes = workers.do(
        *(Work("tests.parallel.deeds:approve", {"run": run, **meeting(2)}) for _ in range(2)), timeout=60
    )
    workers.run("tests.crash.deeds:work_schedule")

    [refused] = [outcome.error for outcome in outcomes if outcome.status]
    assert "is not a proposal" in refused
    _each_message_once(workers, office_mailbox, run)


def test_payments_during_sending_neither_fail_nor_wait_for_ever(workers, office_mailbox, meeting) -> None:
    run = workers.run("tests.parallel.scene:propose")
    workers.run("tests.parallel.deeds:approve", run=run, **meeting(1))
    paid = _invoices(workers.database, run, messages=2)

    outcomes = workers.do(
        Work("tests.parallel.deeds:pay_at_once", {"moves": [*chain(*paid.values())], **meeting(2)}),
        Work("tests.parallel.deeds:send", meeting(2)),
        timeout=90,
    )
    scene.let_time_pass(workers.database, 20)
    workers.run("tests.crash.deeds:work_schedule")

    _must_end_well(outcomes[:1], workers)
    states = scene.states(workers.database, run)
    assert {state for notice, state in states.items() if notice not in paid} == {"sent"}
    assert {states[notice] for notice in paid} <= {"sent", "withdrawn"}
    sent = [notice for notice, state in states.items() if state == "sent"]
    assert scene.delivered(office_mailbox) == dict.fromkeys(sent, 1)


def test_the_follower_gives_way_to_a_refresh_and_does_not_fail(workers, meeting) -> None:
    moves = [move for (move,) in sql(workers.database, "SELECT id FROM account_move LIMIT 3")]
    workers.run("tests.parallel.deeds:leave", moves=moves)

    outcomes = workers.do(
        Work("tests.parallel.deeds:refresh_first", meeting(2)),
        Work("tests.parallel.deeds:follow", meeting(2)),
        timeout=60,
    )

    _must_end_well(outcomes, workers)
    assert sql(workers.database, "SELECT count(*) FROM dunning_item_change") == [(0,)]


def test_a_payment_between_rendering_and_sending_keeps_the_message_home(
    workers, office_mailbox, meeting
) -> None:
    run = workers.run("tests.parallel.scene:propose")
    workers.run("tests.parallel.deeds:approve", run=run, **meeting(1))
    workers.run("tests.parallel.deeds:queue")
    [(paying, moves)] = _invoices(workers.database, run, messages=1).items()
    assert scene.states(workers.database, run)[paying] == "queued"

    workers.run("tests.parallel.deeds:pay", moves=moves)
    workers.run("tests.parallel.deeds:deliver")
    workers.run("tests.crash.deeds:work_schedule")

    states = scene.states(workers.database, run)
    assert states.pop(paying) == "withdrawn"
    assert set(states.values()) == {"sent"}
    assert scene.delivered(office_mailbox) == dict.fromkeys(states, 1)
    assert scene.run_state(workers.database, run) == "done"


def _open_items(database: str) -> int:
    [[count]] = sql(database, "SELECT COUNT(*) FROM dunning_item WHERE is_open")
    return count


def _invoices(database: str, run: int, messages: int) -> dict[int, list[int]]:
    """Message id -> its invoices, for the first messages of a run."""
    rows = sql(
        database,
        """SELECT notice.id, array_agg(journal.move_id)
             FROM dunning_notice notice JOIN dunning_run_line line ON line.notice_id = notice.id
             JOIN dunning_item item ON item.id = line.item_id
             JOIN account_move_line journal ON journal.id = item.move_line_id
            WHERE notice.run_id = %s GROUP BY notice.id ORDER BY notice.id LIMIT %s""",
        run,
        messages,
    )
    return dict(rows)

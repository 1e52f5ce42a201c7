"""All workers of a connection together stay below the vendor's limit, and passes leave some of it to urgent reads."""

from __future__ import annotations

import contextlib
import os
import time

import pytest
from cryptography.fernet import Fernet

from dunning_connectors.budget import GRANT_S, Budget, Limits
from dunning_connectors.errors import Retry
from tests.stage import inside, postgres

from .calls_worker import GATE

# Intuit allows 500 calls a minute for a company; of those all workers use 80 %, passes among them 65 %.
ALL_WORKERS, PASSES = 400, 325


class Counter:
    """Grants what a script says, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, wanted, day_left):
        self.asked.append((wanted, day_left))
        return self.answers.pop(0)


def granting(calls, wait_s=0, day_left=None):
    return {"calls": calls, "wait_s": wait_s, "day_left": day_left}


def test_calls_are_asked_for_by_the_tenth_of_a_minute_and_not_one_by_one():
    counter = Counter(*[granting(40)] * 3)
    budget = Budget(Limits(500), sleep=lambda _s: None)
    budget.ask(counter)

    for _ in range(100):
        budget.once(lambda: None)

    assert counter.asked == [(40, None)] * 3


def test_a_grant_is_dropped_when_its_time_is_over():
    now = [0.0]
    counter = Counter(granting(4), granting(4))
    budget = Budget(Limits(60), clock=lambda: now[0])
    budget.ask(counter)
    budget.once(lambda: None)

    now[0] = GRANT_S
    budget.once(lambda: None)

    assert len(counter.asked) == 2


def test_while_others_use_up_the_minute_it_waits_what_it_is_told_and_gives_up_in_the_end():
    slept = []
    budget = Budget(Limits(60), sleep=slept.append)
    budget.ask(Counter(granting(0, 17), granting(0, 90), granting(1), *[granting(0, 5)] * 5))

    budget.once(lambda: None)
    assert slept == [17, 60]
    with pytest.raises(Retry, match="Other work"):
        budget.once(lambda: None)


def test_what_the_vendor_told_one_worker_keeps_the_reserve_at_all():
    counter = Counter(granting(1), granting(1, day_left=150))
    budget = Budget(Limits(60, reserve_calls=200), sleep=lambda _s: None)
    budget.ask(counter)
    budget.once(lambda: budget.note_day_left("900"))

    with pytest.raises(Retry, match="150 calls are left"):
        budget.once(lambda: None)

    assert counter.asked == [(4, None), (4, 900)]
    assert budget.day_left == 150


@pytest.mark.odoo
def test_processes_at_once_are_granted_the_limit_and_not_a_call_more(odoo_database, monkeypatch):
    monkeypatch.setitem(os.environ, "ODOO_DUNNING_KEY", Fernet.generate_key().decode())
    ledger = inside.call(odoo_database, "tests.connectors.calls_worker:connected")
    workers = (("pass", 7), ("urgent", 1), ("urgent", 2))

    with all_at_once(odoo_database, len(workers)):
        running = [
            inside.start(
                odoo_database,
                "tests.connectors.calls_worker:use_up",
                ledger=ledger,
                kind=kind,
                at_once=at_once,
            )
            for kind, at_once in workers
        ]
    passes, *urgent = [sum(one.result(120)) for one in running]

    assert 0 < passes <= PASSES
    assert all(urgent)
    assert passes + sum(urgent) == ALL_WORKERS


@contextlib.contextmanager
def all_at_once(database, workers):
    """Hold the gate until that many workers stand before it."""
    with contextlib.closing(postgres.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [GATE])
        yield
        waiting = 0
        while waiting < workers:
            time.sleep(0.05)
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted",
                [GATE],
            )
            [(waiting,)] = cursor.fetchall()
        cursor.execute("SELECT pg_advisory_unlock(%s)", [GATE])

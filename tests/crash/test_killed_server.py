"""The whole Odoo server, with its own scheduler, is killed (SIGKILL) while it sends; a new process goes on."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.crash.conftest import CUSTOMERS
from tests.crash.judge import Judge
from tests.parallel import scene
from tests.stage import server

pytestmark = pytest.mark.odoo
TRIALS = 12 if os.environ.get("DUNNING_CRASH") == "all" else 2
PATIENCE_SECONDS = 90
LONGEST_DELAY_SECONDS = 0.1


def test_server_killed_while_it_sends(workers, crash_mailbox) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"\nseed {seed}, {TRIALS} servers killed")
    chance = random.Random(seed)
    for _ in range(TRIALS):
        arrived = chance.randrange(CUSTOMERS)
        delay_seconds = chance.uniform(0, LONGEST_DELAY_SECONDS)
        wrong = _trial(workers, crash_mailbox, arrived, delay_seconds)
        assert wrong == [], f"seed {seed}, killed {delay_seconds:.3f} s after message {arrived} arrived"


def _trial(workers, mailbox, arrived: int, delay_seconds: float) -> list[str]:
    """Kill the server a moment after so many messages have arrived; returns what is wrong in the end."""
    scene.reset(workers.database)
    mailbox.clear()
    run = workers.run("tests.parallel.scene:propose")
    workers.run("tests.crash.deeds:approve", run=run)
    odoo = server.start(workers.database, "--max-cron-threads=1")
    try:
        _wait_for(
            lambda: len(mailbox.files()) >= arrived and scene.run_state(workers.database, run) != "approved"
        )
        time.sleep(delay_seconds)
    finally:
        odoo.process.kill()
        odoo.process.wait()
    judge = Judge(workers, mailbox, run)
    judge.resume()
    wrong = judge.complaints(kills=1)
    if judge.uncertain():
        judge.answer_as_a_person()
    return wrong + judge.final_complaints()


def _wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the server's scheduler sent nothing"
        time.sleep(0.01)

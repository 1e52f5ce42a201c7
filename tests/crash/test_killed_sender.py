"""A worker is killed (SIGKILL) between “approve” and “done”; a new one goes on. See `judge` for what must hold."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.judge import moments_of, try_kill

pytestmark = pytest.mark.odoo

#: 0 for the short set of `make test`; `tests.bench --crash` sets it to go through every moment.
EVERY_MOMENT = os.environ.get("DUNNING_CRASH") == "all"
RANDOM_MOMENTS = 8


@pytest.fixture(scope="module")
def passed(workers, crash_mailbox) -> list[str]:
    """The moments of an undisturbed run, in order."""
    return moments_of(workers, crash_mailbox)


def _trial(workers, mailbox, passed, number) -> str:
    """One kill; what went wrong, with the moment it went wrong at."""
    wrong = try_kill(workers, mailbox, kill_at=number)
    return f"killed at moment {number} ({passed[number]}): {'; '.join(wrong)}" if wrong else ""


def test_killed_around_each_commit_and_each_answer_of_the_mail_server(workers, crash_mailbox, passed) -> None:
    telling = [
        number for number, name in enumerate(passed) if "commit" in name or name.startswith("mail server")
    ]
    first_message = [number for number in telling if number <= _end_of_first_message(passed)]
    assert len([n for n in first_message if passed[n].startswith("mail server")]) >= 8
    assert len([n for n in first_message if "commit" in passed[n]]) >= 8
    wrong = [_trial(workers, crash_mailbox, passed, number) for number in first_message]
    print(f"\n{len(first_message)} kill points")
    assert not any(wrong), "\n".join(filter(None, wrong))


def _end_of_first_message(passed: list[str]) -> int:
    """The commit of the first message's outcome, and the one after it."""
    accepted = [number for number, name in enumerate(passed) if name == "mail server: answered 250"]
    data = next(number for number, name in enumerate(passed) if name == "mail server: answered 354")
    after_data = next(number for number in accepted if number > data)
    return [number for number, name in enumerate(passed) if number > after_data and name == "after commit"][1]


@pytest.mark.skipif(EVERY_MOMENT, reason="every moment is tried instead")
def test_killed_at_random_moments(workers, crash_mailbox, passed) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"\nseed {seed}")
    numbers = random.Random(seed).sample(range(len(passed)), RANDOM_MOMENTS)
    wrong = [_trial(workers, crash_mailbox, passed, number) for number in sorted(numbers)]
    assert not any(wrong), f"seed {seed}\n" + "\n".join(filter(None, wrong))


@pytest.mark.skipif(not EVERY_MOMENT, reason="takes many minutes: python3 -m tests.stage bench --crash")
def test_killed_at_every_moment(workers, crash_mailbox, passed) -> None:
    print(f"\n{len(passed)} kill points")
    wrong = []
    for number in range(len(passed)):
        wrong.append(_trial(workers, crash_mailbox, passed, number))
        if number % 25 == 0:
            print(f"{number} …", flush=True)
    assert not any(wrong), "\n".join(filter(None, wrong))

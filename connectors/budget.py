"""How often a connection may call: paced below the vendor's limits, a reserve kept back, long waits handed upwards.

A lease gives one background worker per connection, so pacing here is pacing for the connection; `share` leaves room
for a person's own clicks (a PDF, a payment link) beside it.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import Retry

T = TypeVar("T")
LONGEST_SLEEP_S = 60
SLEEP_PER_CALL_MAX_S = 130
TRIES_MAX = 5
GIVE_UP_FOR_S = 300


@dataclass(frozen=True)
class Limits:
    """`per_minute` is the vendor's own; `reserve_calls` of the day's are never spent in the background."""

    per_minute: int
    reserve_calls: int = 0
    share: float = 0.8


class Budget:
    """Paces, retries and counts the calls of one connection.

    `sleep` and `clock` (seconds, monotonic) are arguments so that tests need not wait.
    """

    def __init__(
        self,
        limits: Limits,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.limits = limits
        self.calls = 0
        self.slept_s = 0.0
        self.day_left: int | None = None
        self._sleep = sleep
        self._clock = clock
        self._recent: deque[float] = deque()

    def run(self, request: Callable[[], T]) -> T:
        """`request()` with pacing; a `Retry` is tried again here when its wait is a minute at most.

        :raise Retry: the wait is longer, the day's calls are used up but for the reserve, or all tries failed.
        """
        return self.retried(lambda: self.once(request))

    def once(self, request: Callable[[], T]) -> T:
        """`request()`, paced and counted, and not tried again: for writes, whose answer may be all that was lost."""
        self._keep_reserve()
        self._pace()
        self.calls += 1
        return request()

    def retried(self, work: Callable[[], T]) -> T:
        """`work()`, again after each short `Retry`; its own calls go through `run` or `once`. Raises as `run` does."""
        attempt, waited_s = 0, 0.0
        while True:
            attempt += 1
            try:
                return work()
            except Retry as retry:
                wait_s = min(LONGEST_SLEEP_S, retry.after_seconds * _growth(attempt))
                if retry.after_seconds > LONGEST_SLEEP_S:
                    raise
                if attempt == TRIES_MAX or waited_s + wait_s > SLEEP_PER_CALL_MAX_S:
                    raise Retry(retry.message, max(retry.after_seconds, GIVE_UP_FOR_S)) from None
                self._wait(wait_s)
                waited_s += wait_s

    def note_day_left(self, calls: object) -> None:
        """What the vendor says is left for today; anything unreadable is ignored."""
        try:
            self.day_left = int(calls)
        except (TypeError, ValueError):
            return

    def _keep_reserve(self) -> None:
        if self.day_left is not None and self.day_left <= self.limits.reserve_calls:
            raise Retry(
                f"Only {self.day_left} calls are left for today; they are kept for urgent reads.", 3600
            )

    def _pace(self) -> None:
        now = self._clock()
        while self._recent and now - self._recent[0] >= 60:
            self._recent.popleft()
        if len(self._recent) >= self.limits.per_minute * self.limits.share:
            self._wait(60 - (now - self._recent[0]))
            self._recent.popleft()
        self._recent.append(self._clock())

    def _wait(self, seconds: float) -> None:
        self.slept_s += seconds
        self._sleep(seconds)


def _growth(attempt: int) -> float:
    """Doubling with a little jitter, so that several runners do not come back together."""
    return 2 ** (attempt - 1) * random.uniform(1.0, 1.1)

"""How often a connection may call: paced below the vendor's limits, a reserve kept back, long waits handed upwards.

The workers of a connection (a pass here or on another host, write-back, a person's click on a PDF) share what the
vendor allows: each is granted a few calls at a time by whoever counts for them all (`Budget.ask`), so that counting
costs no message per call. A budget nobody counts for paces itself.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

from .errors import Retry

T = TypeVar("T")
LONGEST_SLEEP_S = 60
SLEEP_PER_CALL_MAX_S = 130
TRIES_MAX = 5
GIVE_UP_FOR_S = 300
# A grant is used within this time or dropped: whoever grants counts it for a minute and this.
GRANT_S = 10
GRANTS_A_MINUTE = 10
CALLS_AT_ONCE_MAX = 100
ASKS_MAX = 5

# (calls wanted, what the vendor said is left for the day or None) → see `gateway.Gateway.sync_calls`.
Ask = Callable[[int, "int | None"], dict]


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
        self.day_left: int | None = None
        self._sleep = sleep
        self._clock = clock
        self._recent: deque[float] = deque()
        self._ask: Ask | None = None
        at_once = int(limits.per_minute * limits.share) // GRANTS_A_MINUTE
        self._wanted = min(max(1, at_once), CALLS_AT_ONCE_MAX)
        self._granted = 0
        self._granted_until = 0.0
        self._news: int | None = None

    def ask(self, counter: Ask, at_once: int = 0) -> None:
        """From now on calls are granted by `counter`, which counts those of every worker of the connection.

        `at_once`: how many to ask for, a tenth of a minute's calls unless given.
        """
        self._ask = counter
        self._wanted = at_once or self._wanted

    def run(self, request: Callable[[], T]) -> T:
        """`request()` with pacing; a `Retry` is tried again here when its wait is a minute at most.

        :raise Retry: the wait is longer, the day's calls are used up but for the reserve, or all tries failed.
        """
        return self.retried(lambda: self.once(request))

    def once(self, request: Callable[[], T]) -> T:
        """`request()`, paced and counted, and not tried again: for writes, whose answer may be all that was lost."""
        if self._ask:
            self._use_grant()
        else:
            self._pace()
        self._keep_reserve()
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
                self._sleep(wait_s)
                waited_s += wait_s

    def note_day_left(self, calls: object) -> None:
        """What the vendor says is left for today; anything unreadable is ignored."""
        try:
            self.day_left = self._news = int(calls)
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
            self._sleep(60 - (now - self._recent[0]))
            self._recent.popleft()
        self._recent.append(self._clock())

    def _use_grant(self) -> None:
        """One of the calls granted, or ask for more; nothing is granted while others have used up the minute."""
        for _ask in range(ASKS_MAX):
            if self._granted and self._clock() < self._granted_until:
                self._granted -= 1
                return
            asked_at, news, self._news = self._clock(), self._news, None
            answer = self._ask(self._wanted, news)
            if answer.get("day_left") is not None:
                self.day_left = answer["day_left"]
            self._granted, self._granted_until = answer["calls"], asked_at + GRANT_S
            if not self._granted:
                self._sleep(min(LONGEST_SLEEP_S, answer["wait_s"]))
        raise Retry("Other work on this connection uses up its calls just now.", LONGEST_SLEEP_S)


def retry_after_s(headers: Mapping[str, str], default: float) -> float:
    """The pause an answer asks for, a second at least: in seconds, or until a moment by that server's own clock
    (RFC 9110, 10.2.3), as proxies have it. `default` where it asks for none that can be read.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return max(1.0, float(text))
    try:
        span = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return default
    return max(1.0, span.total_seconds())


def _growth(attempt: int) -> float:
    """Doubling with a little jitter, so that several runners do not come back together."""
    return 2 ** (attempt - 1) * random.uniform(1.0, 1.1)

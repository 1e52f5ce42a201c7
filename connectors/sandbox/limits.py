"""Rate limits, counted per company and for the whole app, in fixed windows of the wall clock."""

import contextlib
import threading
from collections import Counter
from dataclasses import dataclass

MINUTE_S = 60
DAY_S = 86_400


@dataclass(frozen=True)
class Limits:
    """What a company's calls may amount to. The defaults never bite; `Limits.of(vendor)` are the documented ones."""

    per_minute: int = 100_000
    per_day: int = 10_000_000
    app_per_minute: int = 1_000_000
    concurrent: int = 1_000

    @classmethod
    def of(cls, vendor):
        if vendor == "xero":
            return cls(per_minute=60, per_day=5_000, app_per_minute=10_000, concurrent=5)
        return cls(per_minute=500, concurrent=10)


@dataclass(frozen=True)
class Problem:
    """A limit that was hit: its name and the seconds until its window ends."""

    name: str
    retry_after_s: int


class Meter:
    """Counts calls. Windows are fixed, not sliding, as Xero's are."""

    def __init__(self, limits, wall):
        self.limits = limits
        self._wall = wall
        self._spent = Counter()
        self._running = Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def running(self, company_id):
        """Counts a call as being under way."""
        with self._lock:
            self._running[company_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[company_id] -= 1

    def under_way(self, company_id):
        """How many calls of a company are under way."""
        return self._running[company_id]

    def spend(self, company_id):
        """Count one call; the Problem when it is one too many. Calls for no company count for the app alone."""
        now_s = int(self._wall.peek().timestamp())
        with self._lock:
            problem = self._problem(company_id, now_s)
            if problem is None:
                self._spent[("app", now_s // MINUTE_S)] += 1
                if company_id:
                    self._spent[(company_id, "minute", now_s // MINUTE_S)] += 1
                    self._spent[(company_id, "day", now_s // DAY_S)] += 1
            return problem

    def _problem(self, company_id, now_s):
        if company_id and self._running[company_id] > self.limits.concurrent:
            return Problem("concurrent", 1)
        if company_id and self._left(company_id, "day", now_s, DAY_S, self.limits.per_day) <= 0:
            return Problem("day", DAY_S - now_s % DAY_S)
        if company_id and self._left(company_id, "minute", now_s, MINUTE_S, self.limits.per_minute) <= 0:
            return Problem("minute", MINUTE_S - now_s % MINUTE_S)
        if self._spent[("app", now_s // MINUTE_S)] >= self.limits.app_per_minute:
            return Problem("appminute", MINUTE_S - now_s % MINUTE_S)
        return None

    def _left(self, company_id, window, now_s, length_s, limit):
        return limit - self._spent[(company_id, window, now_s // length_s)]

    def remaining(self, company_id):
        """Calls left: {"minute", "day", "app_minute"}."""
        now_s = int(self._wall.peek().timestamp())
        with self._lock:
            return {
                "minute": max(0, self._left(company_id, "minute", now_s, MINUTE_S, self.limits.per_minute)),
                "day": max(0, self._left(company_id, "day", now_s, DAY_S, self.limits.per_day)),
                "app_minute": max(0, self.limits.app_per_minute - self._spent[("app", now_s // MINUTE_S)]),
            }

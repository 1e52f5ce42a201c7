"""The sandbox's own sense of time.

Two clocks run in a sandbox: the *book clock* stamps documents and answers "what day is it" (it can be moved a day on,
or skewed against the caller's clock), the *wall clock* ages tokens and rate-limit windows. Moving the books a day on
must not expire a token whose holder has waited a second, hence two of them.
"""

import contextlib
import threading
import time
from datetime import datetime, timedelta, timezone

TICK = timedelta(milliseconds=1)


class Clock:
    """A UTC clock that follows real time from a chosen start; strictly increasing, millisecond steps."""

    def __init__(self, start=None):
        self._lock = threading.Lock()
        self.set(start or datetime.now(timezone.utc))

    def set(self, moment):
        """Make it `moment` (aware datetime) now, and run on from there."""
        with self._lock:
            self._start = moment
            self._began_s = time.monotonic()
            self._last = None
            self._held = None

    def move(self, delta):
        """Shift the clock by a timedelta, forwards or backwards."""
        self.set(self.peek() + delta)

    def move_s(self, seconds):
        """Shift the clock by seconds."""
        self.move(timedelta(seconds=seconds))

    def peek(self):
        """The present moment, without consuming a tick."""
        if self._held is not None:
            return self._held
        return self._start + timedelta(seconds=time.monotonic() - self._began_s)

    def now(self):
        """The present moment in whole milliseconds, later than any moment returned before."""
        with self._lock:
            moment = self.peek()
            moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
            if self._last is not None and moment <= self._last:
                moment = self._last + TICK
            self._last = moment
            return moment

    @contextlib.contextmanager
    def held_at(self, moment):
        """Inside the block time stands at `moment`, but for the ticks; used to write history."""
        before = self.peek()
        held_from_s = time.monotonic()
        self.hold(moment)
        try:
            yield self
        finally:
            self.set(before + timedelta(seconds=time.monotonic() - held_from_s))

    def hold(self, moment):
        """Stop the clock at `moment`; the next `set` or `move` lets it run again."""
        with self._lock:
            self._held = moment
            self._last = None

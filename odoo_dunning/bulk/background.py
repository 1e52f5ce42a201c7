"""Work beside the main one: the database reads the next rows and takes finished ones in while others are being decided.

The two wait for each other otherwise, each half of the time.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

# What waits keeps its rows in memory.
MOST_WAITING = 3


class Background:
    """For `with`. What is started is done one after the other, in order. It may use the database connection; nobody
    else may until `wait` has returned."""

    def __init__(self):
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._started = deque()

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        try:
            if error is None:
                self.wait()
        finally:
            self._thread.shutdown(cancel_futures=True)

    def start(self, work, *arguments):
        """Have `work(*arguments)` done next; waits while too much is waiting. Raises what earlier work raised.

        Returns the Future of what it gives back.
        """
        while len(self._started) >= MOST_WAITING:
            self._started.popleft().result()
        future = self._thread.submit(work, *arguments)
        self._started.append(future)
        return future

    def wait(self):
        """Return when nothing is at work any more. Raises what the work raised."""
        while self._started:
            self._started.popleft().result()

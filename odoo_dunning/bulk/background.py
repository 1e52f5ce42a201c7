"""One piece of work at a time beside the main one: the database takes rows in while the next are being decided.

The two wait for each other otherwise, each half of the time.
"""

from concurrent.futures import ThreadPoolExecutor


class Background:
    """For `with`. What is started may use the database connection; nobody else may until `wait` has returned."""

    def __init__(self):
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._current = None

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        try:
            if error is None:
                self.wait()
        finally:
            self._thread.shutdown()

    def start(self, work, *arguments):
        """Begin `work(*arguments)` when what was started before is over."""
        self.wait()
        self._current = self._thread.submit(work, *arguments)

    def wait(self):
        """Return when nothing is at work any more. Raises what the work raised."""
        current, self._current = self._current, None
        if current:
            current.result()

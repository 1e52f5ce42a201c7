"""An end for test processes that hang: their stacks go to the log, then they are stopped."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator

#: Far above what a suite takes on two busy cores, and two of them still end within the time a CI run may take.
SUITE_SECONDS = 35 * 60
STACKS_SECONDS = 3


@contextlib.contextmanager
def deadline(process: subprocess.Popen, seconds: float = SUITE_SECONDS) -> Iterator[threading.Event]:
    """Stop `process` when the block lasts longer than `seconds`; the yielded event tells whether that happened.

    SIGQUIT comes first: Odoo answers it with the stacks of its threads.
    """
    over = threading.Event()

    def stop() -> None:
        over.set()
        process.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STACKS_SECONDS)
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()

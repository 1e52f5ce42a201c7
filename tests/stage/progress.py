"""Progress for long steps, with the standard library only: a live line on a terminal, sparse lines in a log."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

LOG_EVERY_SECONDS = 15
BAR_WIDTH = 24


def note(text: str) -> None:
    """One line for the person watching."""
    print(f"  {text}", file=sys.stderr, flush=True)


class Step:
    """A running step; the worker sets `done` (in the unit of `total`) and `detail`, the display follows."""

    def __init__(self, title: str, total: float = 0) -> None:
        self.title = title
        self.total = total
        self.done = 0.0
        self.detail = ""
        self.started = time.monotonic()

    def line(self) -> str:
        elapsed = f"{time.monotonic() - self.started:4.0f} s"
        if not self.total:
            return f"{self.title} … {elapsed}  {self.detail}"
        share = min(self.done / self.total, 1.0)
        filled = int(share * BAR_WIDTH)
        return (
            f"{self.title} [{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {share:4.0%} {elapsed}  {self.detail}"
        )


@contextlib.contextmanager
def step(title: str, total: float = 0) -> Iterator[Step]:
    """Show `title` with a bar (when `total` is known) and the time it takes, until the block ends."""
    current = Step(title, total)
    over = threading.Event()
    display = threading.Thread(target=_display, args=(current, over), daemon=True)
    display.start()
    outcome = "failed"
    try:
        yield current
        outcome = "done"
    finally:
        over.set()
        display.join()
        _write(f"  {title}: {outcome} in {time.monotonic() - current.started:.1f} s", last=True)


def _display(current: Step, over: threading.Event) -> None:
    live = sys.stderr.isatty()
    if not live:
        _write(f"  {current.title} …", last=True)
    while not over.wait(0.2 if live else LOG_EVERY_SECONDS):
        _write("  " + current.line(), last=not live)


def _write(text: str, last: bool) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + text[:118] + ("\n" if last else ""))
    else:
        sys.stderr.write(text.rstrip() + "\n")
    sys.stderr.flush()

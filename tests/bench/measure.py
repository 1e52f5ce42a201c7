"""Time, processor time, queries and memory of a piece of work inside Odoo."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

MB = 1e6


@dataclass
class Measured:
    """`seconds` by the clock, `cpu_seconds` of this process and of its database backend together (other work on the
    machine does not count), `queries` sent, `peak_mb` of this process above what it had when idle."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    queries: int = 0
    peak_mb: float = 0.0

    def as_dict(self) -> dict:
        return asdict(self)


@contextlib.contextmanager
def measured(env) -> Iterator[Measured]:
    """Measure what happens inside the block, commits included."""
    result = Measured()
    backend = env.cr.connection.get_backend_pid()
    gc.collect()
    _forget_peak()
    idle = _status_mb("VmRSS")
    queries = env.cr.sql_log_count
    before = cpu_seconds(backend)
    started = time.perf_counter()
    yield result
    result.seconds = time.perf_counter() - started
    result.cpu_seconds = cpu_seconds(backend) - before
    result.queries = env.cr.sql_log_count - queries
    result.peak_mb = _status_mb("VmHWM") - idle


def cpu_seconds(backend: int) -> float:
    """Of this process and of the database's. The kernel's own account: that of `times` counts in hundredths."""
    nanoseconds = int(Path(f"/proc/{backend}/schedstat").read_text().split()[0])
    return time.process_time() + nanoseconds / 1e9


def _forget_peak() -> None:
    """Start the kernel's high-water mark anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024 / MB
    raise LookupError(name)

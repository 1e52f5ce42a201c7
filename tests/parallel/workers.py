"""Real processes working on one Odoo database at the same time, any of which can be killed at any moment.

A mother process loads Odoo's registry once; each worker is forked from it, as Odoo's own prefork server does, and opens
its own database connections. What a worker is to do is a function `deed(env, **arguments)` named "module:function".
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.stage import checkout, odoo
from tests.stage.errors import StageError

KILLED = -9
START_SECONDS = 300


@dataclass
class Work:
    """A deed for one worker. It is killed with SIGKILL at its `kill_at`-th moment (see `moments`), or
    `kill_after_seconds` after its start, or not at all. With `meet` it waits at that point until all workers of the
    order that meet there have come (see `meeting`)."""

    deed: str
    arguments: dict = field(default_factory=dict)
    kill_at: int | None = None
    kill_after_seconds: float | None = None


@dataclass
class Outcome:
    """How a worker ended: exit `status` (-9: killed), what the deed returned, its error, and, when the deed ran to its
    end, the names of all moments it passed."""

    status: int
    result: object = None
    error: str = ""
    moments: list[str] = field(default_factory=list)

    @property
    def was_killed(self) -> bool:
        return self.status == KILLED


class Workers:
    """The mother process, for `with`. One order at a time."""

    def __init__(self, database: str, log: Path, addons: Sequence[Path] = ()) -> None:
        self.database = database
        self.log = log
        self.addons = ",".join(map(str, [*odoo.addons_path(), *addons]))

    def __enter__(self) -> Workers:
        self._log = self.log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.parallel.mother", self.database, self.addons],
            cwd=checkout.ROOT,
            env=odoo.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._read(START_SECONDS)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def do(self, *work: Work, timeout: float = 120) -> list[Outcome]:
        """Let one worker per piece of work run at the same time; returns when all have ended.

        A worker that has not ended after `timeout` seconds is killed and the error says so: nothing may wait for ever.
        """
        order = {"timeout": timeout, "work": [asdict(one) for one in work]}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return [Outcome(**one) for one in self._read(timeout + 60)]

    def run(self, deed: str, **arguments):
        """One worker, to its end; returns what the deed returned."""
        [outcome] = self.do(Work(deed, arguments))
        if outcome.status:
            raise StageError(f"{deed} ended with status {outcome.status}: {outcome.error}")
        return outcome.result

    def _read(self, timeout: float):
        """The next answer of the mother."""
        watch = threading.Timer(timeout, self._process.kill)
        watch.start()
        try:
            for line in self._process.stdout:
                if line.startswith("{"):
                    return json.loads(line)["outcomes"]
        finally:
            watch.cancel()
        raise StageError(f"The mother of the workers on {self.database} is gone; see {self.log}.")

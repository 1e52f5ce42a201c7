"""The addon's own tests, run by Odoo's runner on a fresh copy of the template."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.stage import cache, odoo, ports, postgres, progress

#: `… odoo.tests.result: 1 failed, 0 error(s) of 12 tests when loading database 'x'`
TOTALS = re.compile(r"odoo\.tests\.result: (\d+) failed, (\d+) error\(s\) of (\d+) tests")
SKIPPED = re.compile(r"odoo\.addons\.\S+: skipped |: skipped '|\bskip: ")
STARTED = re.compile(r"INFO \S+ odoo\.addons\.\S+: Starting (\S+?)\.(\S+) \.\.\.")
TROUBLE = re.compile(r"^\S+ \S+ \d+ (WARNING|ERROR|CRITICAL) \S+ (odoo\.\S+): (.*)")
OURS = "odoo_dunning"


@dataclass
class Outcome:
    """What one suite came to; `troubles` are failures no counted test stands for."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    troubles: list[str] = field(default_factory=list)


def read_log(lines: Iterable[str], exit_status: int) -> Outcome:
    """Read the result off Odoo's log: its totals, and warnings and errors that are ours.

    Without a line of totals nothing ran to its end, which is a failure.
    """
    outcome = Outcome()
    totals = None
    for line in lines:
        found = TOTALS.search(line)
        if found:
            totals = tuple(map(int, found.groups()))
        if SKIPPED.search(line):
            outcome.skipped += 1
        trouble = TROUBLE.match(line)
        if trouble and OURS in line and not found:
            level, logger, text = trouble.groups()
            if not text.startswith(("FAIL: ", "ERROR: ")):
                outcome.troubles.append(f"{level} {logger}: {text[:200]}")
    if totals is None:
        outcome.troubles.append("Odoo's tests did not run to their end")
        return outcome
    failures, errors, count = totals
    outcome.failed = failures + errors
    outcome.passed = max(count - outcome.failed - outcome.skipped, 0)
    if count == 0:
        outcome.troubles.append("Odoo ran no test")
    if exit_status and not outcome.failed and not outcome.troubles:
        outcome.troubles.append(f"Odoo exited with status {exit_status}")
    return outcome


def run(database: str, tags: str, log: Path, mode: str = "-i") -> Outcome:
    """Install (`-i`) or update (`-u`) the addon on `database` and run the tests that `tags` select.

    The log goes to `log`.
    """
    arguments = ["-d", database, mode, OURS, "--test-tags", tags, "--stop-after-init"]
    arguments += [f"--http-port={ports.free_port()}", f"--http-interface={ports.LOOPBACK}"]
    environment = odoo.environment()
    log.parent.mkdir(parents=True, exist_ok=True)
    with progress.step(f"Odoo tests {tags}") as current, log.open("w") as out:
        process = subprocess.Popen(
            odoo.command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        ran = 0
        for line in process.stdout:
            out.write(line)
            started = STARTED.search(line)
            if started:
                ran += 1
                current.detail = f"{ran} {started.group(2)}"[:60]
        status = process.wait()
    with log.open() as written:
        return read_log(written, status)


def main(database: str, tags: str, keep: bool) -> int:
    """`test-odoo`: run, show what went wrong, leave the database for a look at it.

    With `keep` an existing database is updated, which is quicker than a fresh installation.
    """
    log = cache.root() / "log" / f"{database}.test.log"
    mode = "-u" if keep and postgres.exists(database) else "-i"
    if mode == "-i":
        odoo.create_database(database)
    outcome = run(database, tags, log, mode)
    show_failures(log)
    for trouble in outcome.troubles:
        print(f"  {trouble}")
    print(f"Log: {log}   Database: {database}")
    print(f"{outcome.passed} passed, {outcome.failed + len(outcome.troubles)} failed, {outcome.skipped} skipped")
    return 1 if outcome.failed or outcome.troubles else 0


def show_failures(log: Path) -> None:
    """Print every error of the log with its traceback."""
    showing = False
    with log.open() as lines:
        for line in lines:
            if re.match(r"^\d{4}-\d\d-\d\d \S+ \d+ ", line):
                showing = bool(re.match(r"^\S+ \S+ \d+ (ERROR|CRITICAL) ", line))
            if showing:
                sys.stdout.write(line)

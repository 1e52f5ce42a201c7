"""The addon's own tests, run by Odoo's runner, and what its log says about them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.stage import cache, odoo, ports, postgres, progress
from tests.stage.deadline import SUITE_SECONDS, deadline
from tests.stage.outcome import Outcome

OURS = "odoo_dunning"
RECORD = re.compile(r"^\d{4}-\d\d-\d\d \S+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>\S+): (?P<text>.*)")
TOTALS = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests when loading database")
STARTED = re.compile(r"Starting (\S+) \.\.\.")
SKIPPED = re.compile(r"skipped (\S+) : ")
FAILED = re.compile(r"(?:FAIL|ERROR): (?:Subtest )?(\S+)")
#: Errors of the surroundings: the embedded PostgreSQL carries no pg_trgm and Debian's package of Odoo no
#: selfie_segmentation.js; Odoo does without both.
NOT_OURS = re.compile(r"pg_trgm|gin_trgm_ops|selfie_segmentation")


def read_log(lines: Iterable[str], exit_status: int) -> Outcome:
    """Read the result off Odoo's log.

    Besides failed tests, every logged error counts as a failure, and so does every warning that speaks of the
    addon; tests that provoke one on purpose catch it (assertLogs, mute_logger). Without a line of totals nothing
    ran to its end, which is a failure too.
    """
    outcome = Outcome()
    started, failed, skipped = set(), set(), set()
    totals = None
    for line in lines:
        record = RECORD.match(line)
        if not record:
            continue
        level, logger, text = record.group("level", "logger", "text")
        where = logger + " "
        if found := TOTALS.match(text):
            totals = [int(number) for number in found.groups()]
        elif found := STARTED.match(text):
            started.add(where + found.group(1))
        elif found := SKIPPED.match(text):
            skipped.add(where + found.group(1))
        elif level == "ERROR" and (found := FAILED.match(text)):
            failed.add(where + found.group(1))
        elif _is_trouble(level, logger, text):
            outcome.troubles.append(f"{level} {logger}: {text[:300]}")
    if totals is None:
        outcome.troubles.append("Odoo's tests did not run to their end")
        return outcome
    outcome.failed = max(totals[0] + totals[1], len(failed))
    outcome.skipped = len(skipped)
    outcome.passed = len(started - failed - skipped)
    if not started:
        outcome.troubles.append("Odoo ran no test")
    if exit_status and not outcome.failed and not outcome.troubles:
        outcome.troubles.append(f"Odoo exited with status {exit_status}")
    return outcome


def _is_trouble(level: str, logger: str, text: str) -> bool:
    if level in ("ERROR", "CRITICAL"):
        return not NOT_OURS.search(text)
    return level == "WARNING" and ("dunning" in logger or "dunning" in text)


def run(database: str, tags: str, log: Path, mode: str, on_test: Callable[[int, str], None]) -> Outcome:
    """Install (mode `-i`) or update (`-u`) the addon on `database` and run the tests that `tags` select.

    Odoo's log goes to `log`; `on_test(number, name)` is called as each test starts.
    """
    arguments = ["-d", database, mode, OURS, "--test-tags", tags, "--stop-after-init"]
    arguments += [f"--http-port={ports.free_port()}", f"--http-interface={ports.LOOPBACK}"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        process = subprocess.Popen(
            odoo.command(*arguments),
            env=odoo.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        number, name = 0, "the installation"
        with deadline(process) as over:
            for line in process.stdout:
                out.write(line)
                if found := STARTED.search(line):
                    number, name = number + 1, found.group(1)
                    on_test(number, name)
            status = process.wait()
    with log.open() as written:
        outcome = read_log(written, status)
    if over.is_set():
        outcome.troubles.append(
            f"stopped after {SUITE_SECONDS} s in {name}; its stacks are at the end of {log}"
        )
    return outcome


def main(database: str, tags: str, keep: bool) -> int:
    """`test-odoo`: run, show what went wrong, leave the database for a look at it.

    With `keep` an existing database is updated, which is quicker than a fresh installation.
    """
    log = cache.root() / "log" / f"{database}.test.log"
    mode = "-u" if keep and postgres.exists(database) else "-i"
    if mode == "-i":
        odoo.create_database(database)
    with progress.step(f"Odoo tests {tags}") as current:

        def show(number: int, name: str) -> None:
            current.detail = f"{number} {name}"[:60]

        outcome = run(database, tags, log, mode, show)
    show_errors(log)
    for trouble in outcome.troubles:
        print(f"  {trouble}")
    print(f"Log: {log}   Database: {database}")
    print(outcome.closing_line())
    return 0 if outcome.is_good() else 1


def show_errors(log: Path) -> None:
    """Print every error of the log with its traceback."""
    showing = False
    with log.open() as lines:
        for line in lines:
            if record := RECORD.match(line):
                level, text = record.group("level", "text")
                showing = level in ("ERROR", "CRITICAL") and not NOT_OURS.search(text)
            if showing:
                sys.stdout.write(line)

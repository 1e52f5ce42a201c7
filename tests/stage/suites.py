"""`make test`: every suite of the repository, and one closing line that adds them up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2

from tests.stage import cache, checkout, odoo, odoo_tests, progress
from tests.stage.deadline import SUITE_SECONDS, deadline
from tests.stage.outcome import Outcome

BROWSER = "tests/browser"
PERCENT = re.compile(r"\[ *(\d+)%]$")


def main() -> int:
    """Run the suites, print what failed, close with `N passed, N failed`; 0 only when all is well."""
    database = f"dunning_suite_{os.getpid()}"
    logs = cache.root() / "log"
    logs.mkdir(parents=True, exist_ok=True)
    odoo.create_database(database)
    try:
        with (
            progress.step("pytest and Odoo's runner, side by side") as current,
            ThreadPoolExecutor() as threads,
        ):
            state = {"pytest": "starting", "Odoo": "installing"}

            def show(suite: str, text: str) -> None:
                state[suite] = text
                current.detail = " · ".join(f"{name}: {at}" for name, at in state.items())

            pure = threads.submit(
                run_pytest,
                logs / "suite.pytest",
                ["tests", f"--ignore={BROWSER}"],
                lambda at: show("pytest", at),
            )
            inside = threads.submit(
                odoo_tests.run,
                database,
                "/odoo_dunning",
                logs / "suite.odoo.log",
                "-i",
                lambda number, name: show("Odoo", f"test {number}"),
            )
            outcomes = {"pytest": pure.result(), "Odoo": inside.result()}
        with progress.step("Browser tests") as current:
            outcomes["browser"] = run_pytest(
                logs / "suite.browser", [BROWSER], lambda at: setattr(current, "detail", at)
            )
    finally:
        clear_up(database)
    return _report(outcomes, logs)


def clear_up(database: str) -> None:
    """Drop `database`; where that fails, say so: what the tests found is not lost over it."""
    try:
        odoo.drop_database(database)
    except psycopg2.Error as error:
        reason = str(error).strip().partition("\n")[0]
        progress.note(
            f"{database} stays behind ({reason}); `python3 -m tests.stage dropdb --db {database}` removes it"
        )


def run_pytest(report: Path, arguments: list[str], on_progress) -> Outcome:
    """Run pytest on `arguments`; `report`.log keeps its output. A run without a test is a trouble."""
    junit = report.with_suffix(report.suffix + ".xml")
    junit.unlink(missing_ok=True)
    with report.with_suffix(report.suffix + ".log").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-v", "--color=no", f"--junitxml={junit}", *arguments],
            cwd=checkout.ROOT,
            env=odoo.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with deadline(process) as over:
            for line in process.stdout:
                out.write(line)
                if found := PERCENT.search(line.rstrip()):
                    on_progress(f"{found.group(1)}%")
            status = process.wait()
    outcome = read_junit(junit, status)
    if over.is_set():
        outcome.troubles.append(
            f"stopped after {SUITE_SECONDS} s; the last line of {report}.log names the test"
        )
    return outcome


def read_junit(junit: Path, exit_status: int) -> Outcome:
    """Read pytest's result; trust the exit status where it knows more than the counts."""
    if not junit.is_file():
        return Outcome(troubles=[f"pytest stopped before its first test (status {exit_status})"])
    total = Outcome()
    for suite in ElementTree.parse(junit).getroot().iter("testsuite"):
        counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
        failed = counts["failures"] + counts["errors"]
        total += Outcome(counts["tests"] - failed - counts["skipped"], failed, counts["skipped"])
    if not total.passed + total.failed + total.skipped:
        total.troubles.append("pytest ran no test")
    elif exit_status and not total.failed:
        total.troubles.append(f"pytest exited with status {exit_status}")
    return total


def _report(outcomes: dict[str, Outcome], logs: Path) -> int:
    everything = Outcome()
    for suite, outcome in outcomes.items():
        everything += outcome
        if not outcome.is_good():
            _show_failures(suite, logs)
        for trouble in outcome.troubles:
            print(f"  {suite}: {trouble}")
        print(f"{suite}: {outcome.passed} / {outcome.failed + len(outcome.troubles)} / {outcome.skipped}")
    print(f"passed / failed / skipped; logs: {logs}/suite.*")
    print(everything.closing_line(), flush=True)
    return 0 if everything.is_good() else 1


def _show_failures(suite: str, logs: Path) -> None:
    if suite == "Odoo":
        odoo_tests.show_errors(logs / "suite.odoo.log")
        return
    text = (logs / f"suite.{suite}.log").read_text()
    start = min((at for at in (text.find("= FAILURES ="), text.find("= ERRORS =")) if at >= 0), default=-6000)
    print(text[start:][-20000:])

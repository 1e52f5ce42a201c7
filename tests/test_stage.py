"""The stage's own risks: interrupted downloads, taken ports, full disks, misread test results, a silent mailbox,
a database somebody is still at."""

from __future__ import annotations

import errno
import os
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.stage import apt, cache, checkout, odoo, odoo_tests, ports, postgres, suites
from tests.stage.deadline import deadline
from tests.stage.errors import StageError
from tests.stage.outcome import Outcome

# --- The cache ----------------------------------------------------------------------------------------------------


def _write_program(folder: Path) -> dict:
    (folder / "program").write_text("whole")
    return {"version": "1"}


def test_interrupted_build_is_noticed_and_redone(tmp_path: Path) -> None:
    folder = tmp_path / "part"

    def interrupted(place: Path) -> dict:
        (place / "program").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.ensure(folder, ("program",), interrupted)
    assert not cache.is_complete(folder, ("program",))
    cache.ensure(folder, ("program",), _write_program)
    assert (folder / "program").read_text() == "whole"


def test_complete_part_is_not_built_again(tmp_path: Path) -> None:
    cache.ensure(tmp_path / "part", ("program",), _write_program)
    (tmp_path / "part" / "program").write_text("in use")
    cache.ensure(tmp_path / "part", ("program",), _write_program)
    assert (tmp_path / "part" / "program").read_text() == "in use"


def test_part_that_lost_a_file_is_built_again(tmp_path: Path) -> None:
    cache.ensure(tmp_path / "part", ("program",), _write_program)
    (tmp_path / "part" / "program").unlink()
    cache.ensure(tmp_path / "part", ("program",), _write_program)
    assert (tmp_path / "part" / "program").read_text() == "whole"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_disk_trouble_names_the_way_out(tmp_path: Path, code: int) -> None:
    def failing(place: Path) -> dict:
        raise OSError(code, "trouble")

    with pytest.raises(StageError, match="ODOO_DUNNING_CACHE"):
        cache.ensure(tmp_path / "part", (), failing)


def test_two_provisions_at_once_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process enters only after the first has left, so the journal never nests."""
    monkeypatch.setenv("ODOO_DUNNING_CACHE", str(tmp_path))
    journal = tmp_path / "journal"
    script = (
        "import sys, time; from pathlib import Path; from tests.stage import cache\n"
        f"with cache.locked('provision'), Path({str(journal)!r}).open('a', buffering=1) as out:\n"
        "    out.write('in\\n'); time.sleep(0.3); out.write('out\\n')\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script], cwd=checkout.ROOT) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert journal.read_text().split() == ["in", "out", "in", "out"]


# --- Databases ----------------------------------------------------------------------------------------------------


@pytest.fixture
def busy_autovacuum() -> Iterator[Callable[[str], bool]]:
    """Autovacuum looks at every database each second, not each ten minutes; yields whether it is at work in one.

    Asked as the cluster's superuser: to others PostgreSQL does not say what a process of its own is.
    """
    with postgres.running():
        if not postgres.is_private():
            pytest.skip("a server named by PGHOST is not ours to configure")
        with closing(psycopg2.connect(dbname="postgres", user="postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
                cursor.execute("SELECT pg_reload_conf()")

                def is_at(database: str) -> bool:
                    cursor.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND backend_type = 'autovacuum worker'",
                        [database],
                    )
                    return cursor.fetchone() is not None

                try:
                    yield is_at
                finally:
                    cursor.execute("ALTER SYSTEM RESET autovacuum_naptime")
                    cursor.execute("SELECT pg_reload_conf()")


@pytest.fixture
def empty_database() -> Iterator[str]:
    name = f"dunning_stage_{os.getpid()}"
    with postgres.running():
        postgres.create(name)
        yield name
        postgres.drop(name)


def test_database_is_dropped_while_autovacuum_and_a_client_are_at_it(empty_database, busy_autovacuum) -> None:
    """PostgreSQL refuses `DROP DATABASE … WITH (FORCE)` then, and a good run of the suite ended in a traceback."""
    with closing(postgres.connect(empty_database)) as client, client.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE worn (n int) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, "
            "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
        )
        cursor.execute("INSERT INTO worn SELECT generate_series(1, 50000)")
        cursor.execute("UPDATE worn SET n = n + 1")
        cursor.execute("SELECT pg_stat_force_next_flush()")  # else autovacuum hears of it ten seconds later
        until = time.monotonic() + 60
        while not busy_autovacuum(empty_database):
            assert time.monotonic() < until, "autovacuum never came"
            time.sleep(0.1)

        postgres.drop(empty_database)

        assert not postgres.exists(empty_database)
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")


# --- apt ----------------------------------------------------------------------------------------------------------


def test_unreachable_archive_is_one_sentence_with_a_next_step(tmp_path: Path) -> None:
    if not Path(apt.KEYRING).exists():
        pytest.skip("this machine has no Debian keyring")
    nowhere = f"http://{ports.LOOPBACK}:{ports.free_port()}/debian"
    source = {"URIs": nowhere, "Suites": "sid", "Components": "main", "Signed-By": apt.KEYRING}
    with pytest.raises(StageError, match="check the network and run again, or set ODOO_HOME"):
        apt.Apt(tmp_path, [source]).update()


def test_both_notations_of_apt_sources_are_read() -> None:
    one_line = "# comment\ndeb [arch=amd64 signed-by=/k.gpg] http://a.example/debian trixie main contrib\n"
    deb822 = (
        "Types: deb\n# note\nURIs: http://a.example/debian\nSuites: trixie\n"
        "Components: main contrib\nSigned-By: /k.gpg\n"
    )
    expected = {
        "URIs": "http://a.example/debian",
        "Suites": "trixie",
        "Components": "main contrib",
        "Signed-By": "/k.gpg",
    }
    assert apt.read_one_line(one_line) == [expected]
    assert apt.read_deb822(deb822) == [expected]


def test_switched_off_source_is_not_used() -> None:
    assert apt.read_deb822("Types: deb\nURIs: http://a.example/debian\nSuites: sid\nEnabled: no\n") == []


# --- Ports and mail -----------------------------------------------------------------------------------------------


def test_taken_port_is_one_sentence_that_names_it() -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StageError, match=f"Port {port}, wanted for Odoo, is taken"):
            ports.require_free(port, "Odoo")


def test_mailbox_keeps_each_message_with_its_envelope(smtp_server) -> None:
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.sendmail(
            "us@example.com", ["a@example.com", "b@example.com"], "Subject: Reminder\r\n\r\nPlease pay.\r\n"
        )
    (message,) = smtp_server.messages()
    assert message["Subject"] == "Reminder"
    assert message["X-Envelope-To"] == "a@example.com, b@example.com"
    assert message.get_content().strip() == "Please pay."


def test_mailbox_refuses_when_told_to(smtp_server) -> None:
    smtp_server.fail_with = lambda recipient: (
        "550 5.1.1 no such user" if recipient.startswith("gone") else None
    )
    with (
        smtplib.SMTP(smtp_server.host, smtp_server.port) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused),
    ):
        client.sendmail("us@example.com", ["gone@example.com"], "Subject: x\r\n\r\nx")
    assert smtp_server.messages() == []


# --- Test runs ----------------------------------------------------------------------------------------------------


def test_hanging_process_is_stopped() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with deadline(process, seconds=0.1) as over:
        process.wait(timeout=60)
    assert over.is_set()


def test_process_in_time_is_left_alone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    with deadline(process, seconds=60) as over:
        assert process.wait() == 0
    assert not over.is_set()


# --- Reading results ----------------------------------------------------------------------------------------------

HEAD = "2026-11-21 19:02:55,426 12216"
START = f"{HEAD} INFO db odoo.addons.odoo_dunning.tests.test_item: Starting TestItem.test_a ...\n"
SECOND = f"{HEAD} INFO db odoo.addons.odoo_dunning.tests.test_item: Starting TestItem.test_b ...\n"
SKIP = f"{HEAD} INFO db odoo.addons.odoo_dunning.tests.test_item: skipped TestItem.test_b : no browser\n"
FAIL = f"{HEAD} ERROR db odoo.addons.odoo_dunning.tests.test_item: FAIL: TestItem.test_b\n"
GOOD = f"{HEAD} INFO db odoo.tests.result: 0 failed, 0 error(s) of 2 tests when loading database 'db'\n"
BAD = f"{HEAD} ERROR db odoo.tests.result: 1 failed, 0 error(s) of 2 tests when loading database 'db'\n"
NOTHING = f"{HEAD} WARNING db odoo.tests.result: 0 failed, 0 error(s) of 0 tests when loading database 'db'\n"


def test_good_run_is_counted() -> None:
    assert odoo_tests.read_log([START, SECOND, GOOD], 0) == Outcome(passed=2)


def test_skipped_test_is_not_passed() -> None:
    assert odoo_tests.read_log([START, SECOND, SKIP, GOOD], 0) == Outcome(passed=1, skipped=1)


def test_failed_test_is_not_passed() -> None:
    assert odoo_tests.read_log([START, SECOND, FAIL, BAD], 1) == Outcome(passed=1, failed=1)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([START], id="stopped half way"),
        pytest.param([NOTHING], id="ran nothing"),
        pytest.param(
            [START, f"{HEAD} WARNING db odoo.addons.odoo_dunning.models.dunning_run: slow\n", GOOD],
            id="our warning",
        ),
        pytest.param(
            [START, f"{HEAD} ERROR db odoo.http: Exception during request handling.\n", GOOD], id="any error"
        ),
        pytest.param(
            [
                START,
                f"{HEAD} WARNING db odoo.modules.loading: Models ['dunning.x'] have no access rules\n",
                GOOD,
            ],
            id="warning about us",
        ),
    ],
)
def test_run_that_only_looks_good_is_not(lines: list[str]) -> None:
    assert not odoo_tests.read_log(lines, 0).is_good()


def test_unhappy_exit_without_a_failed_test_is_a_failure() -> None:
    assert not odoo_tests.read_log([START, SECOND, GOOD], 1).is_good()


def test_pytest_that_never_started_is_a_failure(tmp_path: Path) -> None:
    assert not suites.read_junit(tmp_path / "missing.xml", 2).is_good()


def test_pytest_that_ran_nothing_is_a_failure(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="0" failures="0" errors="0" skipped="0"/></testsuites>')
    assert not suites.read_junit(report, 5).is_good()


def test_database_that_cannot_be_dropped_costs_a_note_not_the_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def refused(name: str) -> None:
        raise psycopg2.errors.ObjectInUse(f'database "{name}" is being accessed by other users\nDETAIL: …')

    monkeypatch.setattr(odoo, "drop_database", refused)
    suites.clear_up("dunning_suite_7")
    assert "dropdb --db dunning_suite_7" in "".join(capsys.readouterr())


def test_closing_line_adds_up_and_counts_troubles_as_failures() -> None:
    total = Outcome(3, 1, 2) + Outcome(4, 0, 0, ["Odoo ran no test"])
    assert total.closing_line() == "7 passed, 2 failed, 2 skipped"
    assert Outcome(7).closing_line() == "7 passed, 0 failed"

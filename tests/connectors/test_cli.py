"""`dunning-sync` as its users run it: a process of its own, killed and stopped, against an Odoo-shaped server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .contract.ledgers import LEDGERS
from .contract.receivers import API_KEY, HttpReceiver, error

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH = "import sys, tests.conftest; from dunning_connectors.cli import sync_main; sys.exit(sync_main())"


@pytest.fixture(params=LEDGERS.values(), ids=LEDGERS)
def server(request):
    ledger = request.param(scale=0.3)
    receiver = HttpReceiver(ledger)
    yield ledger, receiver
    receiver.close()
    ledger.close()


def start(receiver, *arguments, key=API_KEY):
    env = {**os.environ, "ODOO_URL": receiver.url, "ODOO_DB": "books", "ODOO_API_KEY": key}
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCH, *arguments],
        cwd=REPOSITORY,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, timeout_s=60):
    """(exit status, JSON lines of stdout, stderr)"""
    out, err = process.communicate(timeout=timeout_s)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def test_once_syncs_every_ledger_and_says_so_in_json(server):
    ledger, receiver = server

    status, lines, err = finish(start(receiver, "once"))

    assert (status, err) == (0, "")
    assert lines[0]["state"] == "done" and lines[0]["ledger"] == 7 and lines[0]["stored"] > 100
    assert receiver.balances() == ledger.truth()


def test_s06_a_killed_process_loses_nothing(server):
    ledger, receiver = server
    for ingests in (1, 2, 3):
        process = start(receiver, "once")
        wait_for(lambda count=ingests: receiver.requests.count("sync_ingest") >= count, process)
        process.kill()
        process.communicate()
        receiver.runner_died()

    status, _lines, _err = finish(start(receiver, "once"))

    assert status == 0
    assert receiver.balances() == ledger.truth()


def test_a_running_worker_stops_gracefully_on_sigterm(server):
    _ledger, receiver = server
    process = start(receiver, "run", "--interval", "600")
    wait_for(lambda: "sync_report" in receiver.requests, process)

    process.send_signal(signal.SIGTERM)
    status, lines, _err = finish(process, timeout_s=20)

    assert status == 0
    assert [line["state"] for line in lines] == ["done"]


def test_exit_statuses_tell_what_is_wrong(server):
    ledger, receiver = server
    assert finish(start(receiver, "status"))[0] == 0
    assert finish(start(receiver, "once", "--ledger", "8"))[0] == 3
    status, lines, err = finish(start(receiver, "once", key="a-wrong-key"))
    assert status == 3 and "API key" in lines[0]["message"]
    assert "a-wrong-key" not in err + str(lines)
    assert finish(start(receiver, "once", key=""))[0] == 64
    ledger.order("consent_withdrawn")
    assert finish(start(receiver, "once"))[0] == 3
    receiver.close()
    receiver.close = lambda: None
    assert finish(start(receiver, "status"))[0] == 69


def test_a_worker_that_waits_for_the_vendor_stops_at_once(server):
    ledger, receiver = server
    ledger.order("throttle_minute", count=99, retry_after_s=50)
    process = start(receiver, "run", "--interval", "600")
    wait_for(lambda: ledger.calls, process)
    time.sleep(1)

    process.send_signal(signal.SIGTERM)
    status, _lines, _err = finish(process, timeout_s=10)

    assert status == 0
    assert "sync_report" in receiver.requests, "the lease was given back"


def test_one_ledger_that_odoo_refuses_does_not_end_the_daemon(server):
    _ledger, receiver = server
    refusals = []

    def refuse_once(verb):
        if verb == "sync_lease" and not refusals:
            refusals.append(verb)
            return error(422, "odoo.exceptions.UserError", "The server has no key for its secrets.")
        return None

    receiver.faults.append(refuse_once)
    process = start(receiver, "run", "--interval", "1")
    wait_for(lambda: "sync_report" in receiver.requests, process)
    process.send_signal(signal.SIGTERM)
    status, lines, _err = finish(process, timeout_s=20)

    assert status == 0
    assert "no key for its secrets" in lines[0]["message"]
    assert lines[1]["state"] == "done"


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("walk",), "'walk'"),
        (("run", "--interval", "nan"), "'nan' must be a number of seconds"),
        (("run", "--interval", "0"), "'0' must be a number of seconds"),
        (("run", "--interval", "5min"), "'5min' must be a number of seconds"),
        ((), "command"),
    ],
    ids=str,
)
def test_a_wrong_command_line_has_the_exit_status_it_is_said_to_have(arguments, cause):
    process = subprocess.run(
        [sys.executable, "-c", LAUNCH, *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=30
    )

    assert process.returncode == 64
    assert "usage" in process.stderr and cause in process.stderr


def test_the_help_names_every_command():
    process = subprocess.run(
        [sys.executable, "-c", LAUNCH, "--help"], cwd=REPOSITORY, capture_output=True, text=True, timeout=30
    )

    assert process.returncode == 0
    for word in ("run", "once", "status", "reconcile", "exit status", "systemd", "Kubernetes"):
        assert word in process.stdout


def wait_for(condition, process, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)

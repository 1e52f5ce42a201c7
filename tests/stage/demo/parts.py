"""The moving parts of the demo: two sandbox ledgers, a mailbox, a running Odoo. Each ends with the block."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.stage import cache, odoo, ports, server
from tests.stage.errors import StageError

ODOO_PORT = 8069
START_S = 30


class Ledger:
    """A sandbox ledger in a process of its own; `control` is its back door."""

    def __init__(self, vendor: str, port: int) -> None:
        self.vendor = vendor
        self.url = f"http://{ports.LOOPBACK}:{port}"

    def control(self, verb: str, **asked: object) -> dict:
        """GET a verb of the control API, or POST it when something is asked."""
        data = json.dumps(asked).encode() if asked else None
        with urllib.request.urlopen(f"{self.url}/_sandbox/{verb}", data=data, timeout=60) as reply:
            return json.load(reply)


@contextlib.contextmanager
def ledger(vendor: str) -> Iterator[Ledger]:
    """Run a sandbox ledger with its seeded portfolio."""
    port = ports.free_port()
    words = ["-m", "dunning_connectors.sandbox", vendor, "--port", str(port), "--consent", "auto"]
    log = folder() / f"{vendor}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *words], env=odoo.environment(), stdout=out, stderr=subprocess.STDOUT
        )
    try:
        one = Ledger(vendor, port)
        _wait_until_it_answers(one, process, log)
        yield one
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(one: Ledger, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            one.control("state")
            return
        time.sleep(0.1)
    raise StageError(f"The {one.vendor} sandbox did not start; see {log}.")


@contextlib.contextmanager
def running_odoo(database: str, smtp_port: int, key: str) -> Iterator[server.OdooServer]:
    """Run Odoo with its scheduled actions, mailing through `smtp_port`, on the usual port if that is free."""
    try:
        port = ports.require_free(ODOO_PORT, "Odoo")
    except StageError:
        port = ports.free_port()
    with server.running(
        database,
        "--max-cron-threads=2",
        f"--smtp={ports.LOOPBACK}",
        f"--smtp-port={smtp_port}",
        port=port,
        log=folder() / "odoo.log",
        variables={"ODOO_DUNNING_KEY": key},
    ) as running:
        yield running


def folder() -> Path:
    """Where the demo keeps its mails and logs."""
    path = cache.root() / "demo"
    path.mkdir(parents=True, exist_ok=True)
    return path

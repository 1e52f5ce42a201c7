"""An Odoo server process for demo, browser and end-to-end tests."""

from __future__ import annotations

import contextlib
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.stage import cache, odoo, ports
from tests.stage.errors import StageError

START_SECONDS = 120


@dataclass(frozen=True)
class OdooServer:
    """A server that answers: its address, its database and the file its log goes to."""

    url: str
    port: int
    database: str
    log: Path
    process: subprocess.Popen

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def running(
    database: str,
    *arguments: str,
    port: int | None = None,
    log: Path | None = None,
    variables: dict[str, str] | None = None,
) -> Iterator[OdooServer]:
    """Run Odoo on `database` inside the block, on a free port unless `port` is given.

    Scheduled actions stay off unless `--max-cron-threads=N` is among `arguments`. `variables` go into its environment.
    """
    server = start(database, *arguments, port=port, log=log, variables=variables)
    try:
        yield server
    finally:
        stop(server)


def start(
    database: str,
    *arguments: str,
    port: int | None = None,
    log: Path | None = None,
    variables: dict[str, str] | None = None,
) -> OdooServer:
    """Start Odoo and return once it answers."""
    port = ports.require_free(port, "Odoo") if port else ports.free_port()
    log = log or cache.root() / "log" / f"{database}.server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    cron = (
        [] if any(word.startswith("--max-cron-threads") for word in arguments) else ["--max-cron-threads=0"]
    )
    options = [
        f"--http-port={port}",
        f"--http-interface={ports.LOOPBACK}",
        f"--db-filter=^{database}$",
        *cron,
    ]
    with log.open("w") as out:
        process = subprocess.Popen(
            odoo.command("-d", database, *options, *arguments),
            env={**odoo.environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    server = OdooServer(f"http://{ports.LOOPBACK}:{port}", port, database, log, process)
    try:
        _wait_until_it_answers(server)
    except BaseException:
        stop(server)
        raise
    return server


def _wait_until_it_answers(server: OdooServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise StageError(f"Odoo stopped while starting; see {server.log}.")
        try:
            with urllib.request.urlopen(f"{server.url}/web/health", timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise StageError(f"Odoo did not answer within {START_SECONDS} s; see {server.log}.")


def stop(server: OdooServer) -> None:
    """End the process, politely first."""
    if server.process.poll() is not None:
        return
    server.process.terminate()
    try:
        server.process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()

"""`dunning-sync` and `dunning-sandbox`.

`dunning-sync` syncs the ledgers of an Odoo from another host. Any number of them may run: each ledger's lease lets one
in at a time. It knows Odoo by ODOO_URL, ODOO_DB and ODOO_API_KEY (or ODOO_API_KEY_FILE); the key is that of a user
with the ledger sync role and nothing else.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .errors import ConnectorError, Retry, Stop
from .gateway.json2 import Json2Gateway, Odoo
from .ledgers import open_source
from .records import instant_text
from .redact import logger, redacted
from .sync import Outcome, run_pass

_log = logger(__name__)

FINE, FAILED, NEEDS_PERSON, UNREACHABLE, MISUSED = 0, 1, 3, 69, 64
EXIT_STATUSES = """exit status:
  0   every ledger is in order (also: at work elsewhere, or waiting for a vendor's limit)
  1   the pass over a ledger failed
  3   a ledger has to be connected again, or the API key was refused
  64  the command line or the environment is incomplete
  69  Odoo cannot be reached

systemd:     ExecStart=/usr/bin/dunning-sync run   (SIGTERM ends it between two pages)
cron:        */15 * * * * dunning-sync once
Kubernetes:  one Deployment of `dunning-sync run`; liveness probe: `dunning-sync status`"""
LONGEST_SLEEP_S = 60
LONGEST_INTERVAL_S = 7 * 86400


def sync_main(arguments: list[str] | None = None) -> int:
    """Entry point of `dunning-sync`; the exit status says how the ledgers are."""
    chosen = _parser().parse_args(arguments)
    show = _display(chosen)
    try:
        odoo = _odoo(chosen)
    except ConnectorError as error:
        show.line("misused", error.message)
        return MISUSED
    runner = Runner(odoo, chosen.ledger, show)
    signal.signal(signal.SIGTERM, lambda *_: runner.stop())
    signal.signal(signal.SIGINT, lambda *_: runner.stop())
    try:
        return getattr(runner, chosen.command)(chosen)
    except Retry as error:
        show.line("unreachable", error.message)
        return UNREACHABLE
    except ConnectorError as error:
        show.line("refused", error.message)
        return NEEDS_PERSON


def sandbox_main(arguments: list[str] | None = None) -> int:
    """Entry point of `dunning-sandbox`."""
    from .sandbox.__main__ import main

    main(arguments)
    return 0


class Runner:
    """The commands. Each returns an exit status."""

    def __init__(self, odoo: Odoo, only: list[int], show: Display):
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._odoo = odoo
        self._only = set(only or ())
        self._show = show
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()

    def once(self, chosen: argparse.Namespace) -> int:
        return self._worst([self._pass_apart(ledger, reconcile=False) for ledger in self._ledgers()])

    def reconcile(self, chosen: argparse.Namespace) -> int:
        return self._worst([self._pass_apart(ledger, reconcile=True) for ledger in self._ledgers()])

    def status(self, chosen: argparse.Namespace) -> int:
        ledgers = self._ledgers()
        for ledger in ledgers:
            self._show.line(
                ledger["state"], f"{ledger['name']} ({ledger['vendor']}, {ledger['environment']})"
            )
        broken = [ledger for ledger in ledgers if ledger["state"] == "reconnect"]
        return NEEDS_PERSON if broken else FINE

    def run(self, chosen: argparse.Namespace) -> int:
        """Pass after pass until told to stop. Odoo out of reach is waited out."""
        due: dict[int, datetime] = {}
        while not self._ended.is_set():
            try:
                for ledger in self._ledgers():
                    if due.get(ledger["id"], _now()) <= _now() and not self._ended.is_set():
                        outcome = self._pass_apart(ledger, reconcile=False)
                        due[ledger["id"]] = self._next(outcome, chosen.interval)
            except Retry as error:
                self._show.line("unreachable", error.message)
            self._ended.wait(min(LONGEST_SLEEP_S, chosen.interval))
        return FINE

    def _ledgers(self) -> list[dict]:
        ledgers = self._odoo.ledgers()
        missing = self._only - {ledger["id"] for ledger in ledgers}
        if missing:
            raise Stop(f"This API key may not sync ledger {', '.join(map(str, sorted(missing)))}.")
        return [ledger for ledger in ledgers if not self._only or ledger["id"] in self._only]

    def _pass_apart(self, ledger: dict, reconcile: bool) -> Outcome:
        """A pass; what Odoo refuses of one ledger keeps no other from its own. Odoo out of reach is another matter."""
        try:
            return self._pass(ledger, reconcile)
        except Retry:
            raise
        except ConnectorError as error:
            self._show.line("refused", f"{ledger['name']}: {error.message}", ledger=ledger["id"])
            return Outcome("blocked", error.message)

    def _sleep(self, seconds: float) -> None:
        """A pause that a request to stop ends, and the pass with it."""
        if self._ended.wait(seconds):
            raise Retry("Stopped on request; the next pass goes on.", 0)

    def _pass(self, ledger: dict, reconcile: bool) -> Outcome:
        outcome = run_pass(
            Json2Gateway(self._odoo, ledger["id"]),
            self.name,
            lambda lease, tokens: open_source(lease, tokens, self._sleep),
            reconcile,
            watch=lambda step, records: self._show.progress(ledger["name"], step, records),
            should_stop=self._ended.is_set,
        )
        self._show.line(
            outcome.result, f"{ledger['name']}: {outcome.message}", ledger=ledger["id"], **outcome.counts
        )
        return outcome

    @staticmethod
    def _next(outcome: Outcome, interval_s: float) -> datetime:
        pause = _now() + timedelta(seconds=interval_s)
        return max(pause, outcome.resume_at) if outcome.resume_at else pause

    @staticmethod
    def _worst(outcomes: list[Outcome]) -> int:
        results = {outcome.result for outcome in outcomes}
        if results & {"reconnect", "blocked"}:
            return NEEDS_PERSON
        return FAILED if results & {"failed", "lost"} else FINE


class Display:
    """What a person at a terminal sees: a moving line while it reads, a line per pass."""

    def __init__(self):
        self._records: dict[str, int] = {}

    def progress(self, name: str, step: str, records: int) -> None:
        self._records[name] = self._records.get(name, 0) + records
        sys.stderr.write(f"\r\x1b[K{name}: {step} … {self._records[name]:,} records")
        sys.stderr.flush()

    def line(self, state: str, message: str, **figures: object) -> None:
        self._records.clear()
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
        print(f"{state:<11} {redacted(message)}", flush=True)


class JsonLines(Display):
    """For a log collector: one JSON object per pass, nothing in between."""

    def progress(self, name: str, step: str, records: int) -> None:
        """A log needs no moving line."""

    def line(self, state: str, message: str, **figures: object) -> None:
        row = {"at": instant_text(_now()), "state": state, "message": redacted(message), **figures}
        print(json.dumps(row, default=str, ensure_ascii=False), flush=True)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        row = {
            "at": instant_text(_now()),
            "state": record.levelname.lower(),
            "message": redacted(record.getMessage()),
        }
        return json.dumps(row, ensure_ascii=False)


class Parser(argparse.ArgumentParser):
    """Its own status for a wrong command line is 2, which says nothing to whoever watches services."""

    def error(self, message: str) -> None:
        self.print_usage(sys.stderr)
        self.exit(MISUSED, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="dunning-sync",
        description="Bring receivables from QuickBooks Online and Xero into Odoo's collections.",
        epilog=EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", default=os.environ.get("ODOO_URL", ""), help="address of Odoo (ODOO_URL)")
    common.add_argument("--db", default=os.environ.get("ODOO_DB", ""), help="database (ODOO_DB)")
    common.add_argument(
        "--api-key-file",
        default=os.environ.get("ODOO_API_KEY_FILE", ""),
        help="file with the API key (ODOO_API_KEY_FILE; or the key itself in ODOO_API_KEY)",
    )
    common.add_argument(
        "--ledger", type=int, action="append", metavar="ID", help="only this ledger; may be repeated"
    )
    common.add_argument("--json", action="store_true", help="JSON lines, as without a terminal")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", parents=[common], help="keep the ledgers in sync until stopped")
    run.add_argument(
        "--interval", type=_interval_s, default=300, metavar="SECONDS", help="pause between passes (300)"
    )
    commands.add_parser("once", parents=[common], help="one pass over each ledger")
    commands.add_parser("reconcile", parents=[common], help="read everything and compare, ledger by ledger")
    commands.add_parser("status", parents=[common], help="how the connections are, without a pass")
    return parser


def _interval_s(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= LONGEST_INTERVAL_S:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a number of seconds, more than 0 and at most {LONGEST_INTERVAL_S}"
        )
    return value


def _display(chosen: argparse.Namespace) -> Display:
    is_terminal = sys.stdout.isatty() and not chosen.json
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s") if is_terminal else JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    return Display() if is_terminal else JsonLines()


def _odoo(chosen: argparse.Namespace) -> Odoo:
    if not chosen.url:
        raise Stop("Where is Odoo? Set ODOO_URL or --url, such as https://erp.example.com.")
    return Odoo(chosen.url, chosen.db, _api_key(chosen.api_key_file))


def _api_key(path: str) -> str:
    key = os.environ.get("ODOO_API_KEY", "")
    if not key and path:
        try:
            key = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Stop(f"The API key file {path} cannot be read ({type(error).__name__}).") from None
    if not key:
        raise Stop("Which API key? Set ODOO_API_KEY, or ODOO_API_KEY_FILE to a file that holds it.")
    return key


def _now() -> datetime:
    return datetime.now(timezone.utc)


if __name__ == "__main__":
    sys.exit(sync_main())

"""`make demo` and `make demo-check`: the whole product at work on real parts, on embedded defaults."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
import time
from datetime import date
from decimal import Decimal

from cryptography.fernet import Fernet

from tests.stage.demo import check as checks
from tests.stage.demo import parts, prepared, story, summary
from tests.stage.demo.office import Office
from tests.stage.progress import note
from tests.stage.smtp import Mailbox


def main(check: bool) -> int:
    """Run the demo. With `check`, verify the outcome, print one JSON line and end; else stay up until Ctrl-C."""
    started = time.monotonic()
    # A shell's background job ignores Ctrl-C, and nobody but us ends the servers when we are told to go.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    with contextlib.ExitStack() as stage:
        world = _World(stage)
        run_id = world.work()
        figures = summary.of_run(world.office, run_id)
        summary.show(figures)
        if check:
            return _closing_check(world, figures, time.monotonic() - started)
        mails = len(world.mailbox.files())
        story.leave_a_proposal(world.office, date.today())
        _tell_where(world, mails, time.monotonic() - started)
        _stay()
    return 0


class _World:
    """Everything that runs during the demo."""

    def __init__(self, stage: contextlib.ExitStack) -> None:
        shutil.rmtree(parts.folder() / "mail", ignore_errors=True)
        self.mailbox = stage.enter_context(Mailbox(parts.folder() / "mail"))
        self.prepared = prepared.fresh(date.today())
        ledgers = [stage.enter_context(parts.ledger(vendor)) for vendor in ("quickbooks", "xero")]
        key = Fernet.generate_key().decode()
        database = self.prepared.database
        self.odoo = stage.enter_context(parts.running_odoo(database, self.mailbox.port, key))
        self.office = Office(self.odoo.url, database, "admin", "admin")
        self.office.call("ir.config_parameter", "set_param", "web.base.url", self.odoo.url)
        self.ledgers = {story.connect(self.office, ledger): ledger for ledger in ledgers}

    def work(self) -> int:
        """Sync both ledgers, propose, approve, send; returns the run."""
        quickbooks, xero = self.ledgers
        story.press_sync(self.office, quickbooks)
        story.sync_by_worker(self.office, xero, self.prepared.worker_key, self.prepared.database)
        story.wait_for_schedule(self.office, quickbooks)
        run_id = story.propose(self.office)
        story.approve_and_send(self.office, run_id)
        return run_id


def _closing_check(world: _World, figures: summary.Figures, seconds: float) -> int:
    found = checks.problems(world.office, world.ledgers, world.mailbox, world.odoo.log)
    mails = len(world.mailbox.files())
    second = story.propose(world.office)
    story.approve_and_send(world.office, second)
    sent_again = len(world.mailbox.files()) - mails
    if sent_again:
        found.append(f"A second run on the same day sent {sent_again} mails.")
    for problem in found:
        note(problem)
    line = {
        "ok": not found,
        "seconds_to_summary": round(seconds, 1),
        "items_in_messages": sum(cell[0] for cell in figures.in_messages.values()),
        "items_left_out": sum(figures.left_out.values()),
        "reasons": figures.left_out,
        "mails": mails,
        "mails_of_second_run": sent_again,
        "open": {
            ledger.vendor: _text(checks.totals_by_currency(world.office, ledger_id))
            for ledger_id, ledger in world.ledgers.items()
        },
        "problems": found,
    }
    print(json.dumps(line, ensure_ascii=False))
    return 1 if found else 0


def _text(totals: dict[str, Decimal]) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in sorted(totals.items())}


def _tell_where(world: _World, mails: int, seconds: float) -> None:
    print(f"\n{mails} mails lie in {world.mailbox.folder}; letters wait for a person, as activities in Odoo")
    print(f"Odoo runs on {world.odoo.url}  (log: {world.odoo.log})")
    print("  accountant / accountant   works the list of customers")
    print("  admin / admin             also sets up policies, texts and ledgers")
    print("A second proposal waits in Collections ▸ Runs: review, change and approve it yourself")
    print(f"Ready after {seconds:.0f} s. Ctrl-C stops everything.", flush=True)


def _stay() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("\nStopping.", file=sys.stderr)

"""The main job, step by step, as people and schedulers do it: connect, sync, propose, approve, send."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

from tests.stage import odoo
from tests.stage.demo.office import Office
from tests.stage.demo.parts import Ledger
from tests.stage.errors import StageError
from tests.stage.progress import step

NAMES = {"quickbooks": "Brightwater US (QuickBooks)", "xero": "Brightwater UK (Xero)"}
#: Customers who turn up after the run: name, country, language, and amount and days overdue of each invoice.
LATE_ARRIVALS = (
    ("Elbufer Catering GmbH", "DE", "de_DE", ((1240.00, 9), (318.50, 30))),
    ("Harbour Lights Ltd", "GB", "en_US", ((2875.00, 24),)),
    ("Cyclerie du Port SARL", "FR", "fr_FR", ((640.00, 12), (95.90, 2))),
)
APP = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}


def connect(office: Office, ledger: Ledger) -> int:
    """Create the connection and give consent in the browser; returns its id."""
    with step(f"Connecting {NAMES[ledger.vendor]}"):
        [ledger_id] = office.call(
            "dunning.ledger",
            "create",
            [
                {
                    "name": NAMES[ledger.vendor],
                    "vendor": ledger.vendor,
                    "environment": "sandbox",
                    "endpoint_url": ledger.url,
                    **APP,
                }
            ],
        )
        way = office.call("dunning.ledger", "action_connect", [ledger_id])
        page = office.visit(way["url"])
        [row] = office.read("dunning.ledger", [("id", "=", ledger_id)], ["state", "state_reason"])
        if row["state"] != "connected":
            raise StageError(f"{NAMES[ledger.vendor]} did not connect (HTTP {page.status_code}): {row}")
    return ledger_id


def press_sync(office: Office, ledger_id: int) -> None:
    """Press "Sync now": Odoo's scheduler begins the pass."""
    office.call("dunning.ledger", "action_sync_now", [ledger_id])


def wait_for_schedule(office: Office, ledger_id: int) -> None:
    """Until Odoo's scheduler has ended the pass that was asked for."""
    with step("Syncing QuickBooks in Odoo's scheduler"):
        office.wait_for("the pass over QuickBooks", lambda: _ended_pass(office, ledger_id))
        _require_good(office, ledger_id)


def sync_by_worker(office: Office, ledger_id: int, worker_key: str, database: str) -> None:
    """Run `dunning-sync once` as a worker on another host would: over JSON-2, with its own API key."""
    with step("Syncing Xero with dunning-sync over JSON-2"):
        program = "import sys; from dunning_connectors.cli import sync_main; sys.exit(sync_main())"
        done = subprocess.run(
            [sys.executable, "-c", program, "once", "--ledger", str(ledger_id), "--json"],
            env={
                **odoo.environment(),
                "ODOO_URL": office.url,
                "ODOO_DB": database,
                "ODOO_API_KEY": worker_key,
            },
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise StageError(f"dunning-sync ended with {done.returncode}: {done.stdout}{done.stderr}".strip())
        _require_good(office, ledger_id)


def _ended_pass(office: Office, ledger_id: int) -> bool:
    domain = [("ledger_id", "=", ledger_id), ("outcome", "!=", "running")]
    return bool(office.read("dunning.ledger.sync", domain, ["outcome"]))


def _require_good(office: Office, ledger_id: int) -> None:
    rows = office.read(
        "dunning.ledger.sync",
        [("ledger_id", "=", ledger_id)],
        ["outcome", "message"],
        limit=1,
        order="id desc",
    )
    if not rows or rows[0]["outcome"] != "done":
        raise StageError(f"The pass did not end well: {rows}")


def propose(office: Office) -> int:
    """Make a run and let the scheduler work the proposal out; returns the run's id."""
    _live_by_our_clock(office)
    with step("Proposing a run", total=100) as shown:
        [run_id] = office.call("dunning.run", "create", [{}])
        office.call("dunning.run", "action_propose", [run_id])

        def proposed() -> bool:
            run = _run(office, run_id)
            shown.done = run["progress_pct"]
            if run["error"]:
                raise StageError(f"The proposal stopped: {run['error']}")
            return run["state"] == "proposed"

        office.wait_for("the proposal", proposed)
    return run_id


def _live_by_our_clock(office: Office) -> None:
    """A ledger's customers live by their countries' clocks: where it is yesterday, a message waits until today."""
    customers = office.call("res.partner", "search", [("tz", "=", False)])
    office.call("res.partner", "write", customers, {"tz": "Europe/Berlin"})


def approve_and_send(office: Office, run_id: int) -> None:
    with step("Approving and sending", total=1) as shown:
        office.call("dunning.run", "action_approve", [run_id])
        shown.total = max(_run(office, run_id)["notice_count"], 1)

        def sent() -> bool:
            run = _run(office, run_id)
            shown.done = run["notice_count"] - run["waiting_count"]
            return run["state"] == "done"

        office.wait_for("the last message to leave", sent, limit_s=300)


def leave_a_proposal(office: Office, today: date) -> None:
    """Invoice a few customers more and propose a run over them, for whoever looks at the screens to work on."""
    for name, country, language, invoices in LATE_ARRIVALS:
        [country_id] = office.call("res.country", "search", [("code", "=", country)])
        address = f"{name.split()[0].lower()}@customer.example"
        partner = {
            "name": name,
            "is_company": True,
            "email": address,
            "country_id": country_id,
            "lang": language,
        }
        [partner_id] = office.call("res.partner", "create", [partner])
        moves = [_invoice(partner_id, amount, today - timedelta(days=days)) for amount, days in invoices]
        office.call("account.move", "action_post", office.call("account.move", "create", moves))
    propose(office)


def _invoice(partner_id: int, amount: float, due_date: date) -> dict:
    line = {"name": "Goods delivered", "quantity": 1, "price_unit": amount, "tax_ids": []}
    return {
        "move_type": "out_invoice",
        "partner_id": partner_id,
        "invoice_date": (due_date - timedelta(days=30)).isoformat(),
        "invoice_payment_term_id": False,
        "invoice_date_due": due_date.isoformat(),
        "invoice_line_ids": [(0, 0, line)],
    }


def _run(office: Office, run_id: int) -> dict:
    fields = ["state", "error", "progress_pct", "notice_count", "waiting_count"]
    [run] = office.read("dunning.run", [("id", "=", run_id)], fields)
    return run

"""Taking in a foreign ledger: Odoo's own invoices as the yardstick, ours in this process and over JSON-2.

The foreign books: of twelve records two are customers, seven invoices, two payments (each set against two invoices)
and one a credit note. All of them count as documents, as an allocation does not. The vendors' calls are counted at
sandbox ledgers.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import psutil
from odoo.tools import SQL

from tests.bench import measure
from tests.bench.report import Row
from tests.stage import inside, postgres, server

DELIVERY = 500
AT = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
PATTERN = ("customer",) * 2 + ("invoice",) * 7 + ("payment",) * 2 + ("credit",)
TABLES = (
    "dunning_item",
    "dunning_ledger_record",
    "dunning_customer",
    "dunning_allocation",
    "dunning_account",
    "dunning_quarantine",
    "res_partner",
)


def deliveries(documents: int, name: str) -> Iterator[list[dict]]:
    """The foreign books as wire records, customers first, as a first pass brings them. `name` tells books apart."""
    for entity in ("customer", "invoice", "credit", "payment"):
        batch = []
        for number in range(documents):
            if PATTERN[number % len(PATTERN)] == entity:
                batch.append(_MAKERS[entity](number, name).to_wire())
            if len(batch) == DELIVERY:
                yield batch
                batch = []
        if batch:
            yield batch


def _customer(number: int, name: str):
    from dunning_connectors import records

    return records.Customer(
        external_id=f"C{number}",
        updated_at=AT,
        name=f"{name} Customer {number}",
        email=f"billing.{number}@{name.lower()}.example.com",
        phone=f"+1 555 {number:07d}",
        street=f"{number} Market Street",
        city="San Francisco",
        zip="94103",
        state="CA",
        country="US",
        currency="USD",
        balances=(("USD", Decimal(number)),),
    )


def _invoice(number: int, name: str):
    from dunning_connectors import records

    total = Decimal(20_00 + number * 7 % 4_979_00) / 100
    issued = date(2026, 11, 1) - timedelta(days=number % 180)
    is_partly_paid = number % len(PATTERN) in (2, 3, 4, 5)
    return records.Invoice(
        external_id=f"I{number}",
        updated_at=AT,
        customer_id=_customer_of(number),
        number=f"{name}-{number:07d}",
        reference=f"Order {number}",
        issue_date=issued,
        due_date=issued + timedelta(days=30),
        currency="USD",
        rate=None,
        total=total,
        open_amount=total - 2 if is_partly_paid else total,
        status="open",
        link=f"https://pay.example.com/{number}",
    )


def _payment(number: int, name: str):
    from dunning_connectors import records

    day, place = date(2026, 11, 10), number % len(PATTERN)
    first = number - place + (2 if place == 9 else 4)
    return records.Payment(
        external_id=f"P{number}",
        updated_at=AT,
        customer_id=_customer_of(number),
        date=day,
        currency="USD",
        rate=None,
        amount=Decimal(5),
        unapplied_amount=Decimal(1),
        status="open",
        reference=f"{name} transfer {number}",
        allocations=tuple(
            records.Allocation("payment", f"P{number}", f"I{invoice}", Decimal(2), day)
            for invoice in (first, first + 1)
        ),
    )


def _credit(number: int, name: str):
    from dunning_connectors import records

    return records.Credit(
        external_id=f"N{number}",
        updated_at=AT,
        customer_id=_customer_of(number),
        number=f"{name}-CN-{number}",
        reference="",
        issue_date=date(2026, 11, 5),
        currency="USD",
        rate=None,
        total=Decimal(30),
        open_amount=Decimal(30),
        status="open",
    )


_MAKERS = {"customer": _customer, "invoice": _invoice, "payment": _payment, "credit": _credit}


def _customer_of(number: int) -> str:
    return f"C{number - number % len(PATTERN) + number % 2}"


# --- Inside Odoo ------------------------------------------------------------------------------------------------------


def odoo_invoices(env, count: int) -> dict:
    """The yardstick: as many invoices of one line made and posted by Odoo, in one batch."""
    partners = env["res.partner"].search([("name", "like", "Customer ")], limit=200)
    line = {"name": "Goods", "quantity": 1, "price_unit": 100.0, "tax_ids": False}
    vals = [
        {
            "move_type": "out_invoice",
            "partner_id": partners[number % len(partners)].id,
            "invoice_date": "2026-10-01",
            "invoice_line_ids": [(0, 0, line)],
        }
        for number in range(count)
    ]
    with measure.measured(env) as result:
        moves = env["account.move"].create(vals)
        moves.action_post()
        env.cr.commit()
    return {**result.as_dict(), "invoices": count}


def connected(env, name: str) -> dict:
    """A fresh connection that needs no vendor, and the key of a worker that may use it. Its token is never used."""
    from dunning_connectors.oauth import TokenSet

    ledger = env["dunning.ledger"].create(
        {
            "name": name,
            "vendor": "quickbooks",
            "environment": "sandbox",
            "client_id": "bench",
            "client_secret": "bench",
        }
    )
    now = datetime.now(timezone.utc)
    ledger._secrets()._begin(TokenSet("bench", "bench", now + timedelta(hours=8)))
    ledger._connected(f"bench-{ledger.id}", f"{name} Inc.")
    groups = [env.ref("base.group_user").id, env.ref("odoo_dunning.group_sync_bot").id]
    login = f"bench_{ledger.id}"
    user = env["res.users"].create({"name": login, "login": login, "group_ids": [(6, 0, groups)]})
    keys = env["res.users.apikeys"].with_user(user).sudo()
    key = keys._generate("rpc", "bench", datetime.now() + timedelta(days=1))
    env.cr.commit()
    return {"ledger": ledger.id, "key": key}


def in_process(env, name: str, documents: int) -> dict:
    """A first pass of `documents` and its replay, through the in-process gateway with its commit after each verb."""
    from odoo.addons.odoo_dunning.models.dunning_ledger_pass import VerbCalls

    from dunning_connectors.gateway.inprocess import InProcessGateway

    ledger = env["dunning.ledger"].browse(connected(env, name)["ledger"])
    gateway = InProcessGateway(VerbCalls(ledger))
    processes = [psutil.Process(), psutil.Process(env.cr.connection.get_backend_pid())]
    with measure.measured(env) as whole:
        first = delivered(gateway, name, documents, lambda: processes)
    xid = _current_xid(env)
    again = delivered(gateway, name, documents, lambda: processes)
    return {
        "first": first,
        "again": again,
        "peak_mb": whole.peak_mb,
        "queries": whole.queries,
        "rows_written_again": _rows_written_since(env, xid),
    }


def _current_xid(env) -> int:
    [(xid,)] = env.execute_query(SQL("SELECT pg_current_xact_id()::text::bigint"))
    env.cr.commit()
    return xid


def _rows_written_since(env, xid: int) -> int:
    """Rows of what a ledger brings that a later transaction made or changed; the pass's own log is not counted."""
    return sum(
        env.execute_query(
            SQL("SELECT count(*) FROM %s WHERE xmin::text::bigint > %s", SQL.identifier(table), xid)
        )[0][0]
        for table in TABLES
    )


# --- On either side of the gateway ------------------------------------------------------------------------------------


def delivered(gateway, name: str, documents: int, workers: Callable[[], list[psutil.Process]]) -> dict:
    """Deliver the books once. Times are the gateway's alone: making the records is the connectors' work.

    `workers()` are the processes whose processor time counts.
    """
    totals = dict.fromkeys(("seconds", "cpu_seconds", "stored", "unchanged", "set_aside", "documents"), 0)
    lease = gateway.sync_lease("bench", 3600)["lease"]
    for batch in deliveries(documents, name):
        before, started = _cpu_seconds(workers()), time.perf_counter()
        answer = gateway.sync_ingest(lease, batch)
        totals["seconds"] += time.perf_counter() - started
        totals["cpu_seconds"] += _spent(before, _cpu_seconds(workers()))
        totals["documents"] += len(batch)
        totals["stored"] += answer["stored"]
        totals["unchanged"] += answer["unchanged"]
        totals["set_aside"] += len(answer["quarantined"]) + len(answer["parked"])
    gateway.sync_report(lease, "done", {}, "", None)
    return totals


def _cpu_seconds(processes: list[psutil.Process]) -> dict[int, float]:
    spent = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent[process.pid] = times.user + times.system
    return spent


def _spent(before: dict[int, float], after: dict[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


# --- Outside Odoo -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def key() -> Iterator[None]:
    """A key for the secrets of the connections made here."""
    from cryptography.fernet import Fernet

    before = os.environ.get("ODOO_DUNNING_KEY")
    os.environ["ODOO_DUNNING_KEY"] = Fernet.generate_key().decode()
    try:
        yield
    finally:
        del os.environ["ODOO_DUNNING_KEY"]
        if before is not None:
            os.environ["ODOO_DUNNING_KEY"] = before


def over_json2(database: str, documents: int) -> dict:
    """A first pass through a real server of one process; processor time is that of server, database and runner."""
    from dunning_connectors.gateway.json2 import Json2Gateway, Odoo

    connection = inside.call(database, "tests.bench.ingest:connected", name="Remote")
    with server.running(database) as running, contextlib.closing(postgres.connect(database)) as watcher:
        own = [psutil.Process(), psutil.Process(running.process.pid)]

        def workers() -> list[psutil.Process]:
            with watcher.cursor() as cursor:
                cursor.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                    [database],
                )
                pids = [pid for (pid,) in cursor.fetchall()]
            return own + [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]

        gateway = Json2Gateway(Odoo(running.url, database, connection["key"]), connection["ledger"])
        return {"first": delivered(gateway, "Remote", documents, workers)}


def rows(theirs: dict, small: dict, ours: dict, remote: dict) -> list[Row]:
    """The figures of taking in, beside their targets."""
    first, again, far = ours["first"], ours["again"], remote["first"]
    yardstick = {kind: theirs["invoices"] / theirs[kind] for kind in ("seconds", "cpu_seconds")}
    rate = {
        kind: [one["documents"] / one[kind] for one in (first, far, again)]
        for kind in ("seconds", "cpu_seconds")
    }
    found = []
    for kind, words in (("seconds", ""), ("cpu_seconds", "… in processor seconds: ")):
        here, there, replay = rate[kind]
        found += [
            Row(
                words
                + f"take in {first['documents']:,} documents: Odoo create + post of {theirs['invoices']:,}",
                f"{yardstick[kind]:.1f}/s",
                f"{here:,.0f}/s ({first['stored']:,} stored, {first['set_aside']} set aside)",
                here / yardstick[kind],
                "≥",
                40,
            ),
            Row(words + "… over JSON-2", f"{here:,.0f}/s", f"{there:,.0f}/s", there / here, "≥", 0.5),
            Row(words + "… the same again", f"{here:,.0f}/s", f"{replay:,.0f}/s", replay / here),
        ]
    found += [
        Row(
            "… rows the second time wrote",
            "",
            f"{ours['rows_written_again']} ({again['unchanged']:,} unchanged)",
            ours["rows_written_again"],
            "≤",
            0,
            "",
        ),
        Row(
            "… memory above idle, beside a fifth of the documents",
            f"+{small['peak_mb']:.0f} MB",
            f"+{ours['peak_mb']:.0f} MB",
            ours["peak_mb"] - small["peak_mb"],
            "≤",
            10,
            "MB",
        ),
    ]
    return found


def call_rows(scales: tuple[float, float]) -> list[Row]:
    """Calls at the vendors: as many pages as the records need and a constant; idle, a constant."""
    from tests.connectors.contract.ledgers import LEDGERS

    found = []
    for vendor, ledger_class in LEDGERS.items():
        small, large = (_calls(ledger_class, scale) for scale in scales)
        found += [
            Row(
                f"{vendor}: calls beyond its pages of a full pull of {large['records']:,}, of {small['records']:,}",
                f"{small['full']} calls for {small['pages']} pages",
                f"{large['full']} calls for {large['pages']} pages",
                (large["full"] - large["pages"]) - (small["full"] - small["pages"]),
                "≤",
                0,
                "more",
            ),
            Row(
                f"{vendor}: calls of an idle pass",
                f"{small['idle']} calls",
                f"{large['idle']} calls",
                large["idle"] - small["idle"],
                "≤",
                0,
                "more",
            ),
        ]
    return found


def _calls(ledger_class, scale: float) -> dict:
    """Run a first pass and an idle one over a sandbox ledger; count what it was asked."""
    from dunning_connectors.budget import Budget, Limits
    from dunning_connectors.sync import run_pass
    from tests.connectors.contract.receivers import MemoryReceiver

    ledger = ledger_class(scale=scale)
    try:
        receiver = MemoryReceiver(ledger)

        def passed() -> int:
            before = ledger.calls
            outcome = run_pass(
                receiver.gateway, "bench", lambda *leased: ledger.source(*leased, Budget(Limits(1_000_000)))
            )
            if outcome.result != "done":
                raise RuntimeError(outcome.message)
            return ledger.calls - before

        full = passed()
        ledger.days_pass(0.1)
        counts = [len(receiver.live(entity)) for entity in ("customer", "invoice", "credit", "payment")]
        pages = sum(-(-count // 1000) for count in counts)
        return {"full": full, "pages": pages, "records": sum(counts), "idle": passed()}
    finally:
        ledger.close()

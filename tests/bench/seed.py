"""Books of any size in a minute: real invoices, posted by Odoo once, multiplied in SQL.

A few sample documents are made and posted by Odoo itself; every further one is a copy of a sample's rows with its own
number, customer, dates and amounts. So every column is as Odoo wrote it, and Odoo's lists, its payments and the OCA's
credit control work on the result.

The books: one in five accounts an item, due from 180 days ago to 19 days ahead, amounts from 20 to 4,999; one document
in ten is in a foreign currency, one in twenty-five a credit note. The same numbers give the same books every time.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

from tests.stage import cache, inside, oca, odoo, postgres, progress
from tests.stage.errors import StageError

ITEMS_PER_ACCOUNT = 5
FOREIGN = "EUR"
OWN_MODULES = ("odoo_dunning",)
YARDSTICK_MODULES = ("account_credit_control",)


def books(items: int) -> str:
    """The name of a database with `items` open receivables and no addon of ours; built once a month, then kept."""
    recipe = f"{odoo.template()} {Path(__file__).read_text()} {date.today():%Y-%m}"
    name = f"bench_books_{items}_{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"
    if postgres.exists(name):
        return name
    with cache.locked("bench-books"):
        if not postgres.exists(name):
            building = f"{name}_building"
            odoo.create_database(building)
            with progress.step(f"Making books of {items:,} open items"):
                inside.call(building, "tests.bench.seed:fill", items=items)
            postgres.rename(building, name)
    return name


def with_modules(source: str, name: str, modules: tuple[str, ...]) -> str:
    """A fresh copy `name` of the database `source` with these modules installed."""
    odoo.copy_database(source, name)
    log = cache.root() / "log" / f"{name}.install.log"
    with progress.step(f"Installing {', '.join(modules)} on {name}"):
        status = odoo.run(
            "-d", name, "-i", ",".join(modules), "--stop-after-init", "--no-http",
            log=log, addons=[*odoo.addons_path(), oca.addons()], variables=oca.variables(),
        )  # fmt: skip
    if status:
        raise StageError(f"Odoo could not install {', '.join(modules)}; see {log}.")
    return name


# --- Inside Odoo ------------------------------------------------------------------------------------------------------


def fill(env, items: int) -> dict:
    """Multiply the samples until there are `items` open receivables; returns how many of what."""
    accounts = items // ITEMS_PER_ACCOUNT
    _prepare_company(env)
    partner = _sample_partner(env)
    samples = _sample_documents(env, partner)
    env.flush_all()
    first_partner = _clone_partners(env.cr, partner.id, accounts)
    _clone_documents(env.cr, samples, first_partner, accounts, items)
    samples.filtered(lambda move: move.state == "posted").button_draft()
    samples.with_context(force_delete=True).unlink()
    partner.active = False
    env.cr.commit()
    env.cr.connection.autocommit = True
    env.cr.execute("VACUUM ANALYZE")
    return {"accounts": accounts, "items": items}


def _prepare_company(env) -> None:
    """A rate under which foreign amounts stay whole cents, and an address to send from."""
    company = env.company
    company.write({"email": "office@seller.example", "street": "Main Street 1", "city": "Town"})
    currency = env.ref(f"base.{FOREIGN}")
    currency.active = True
    env["res.currency.rate"].create(
        {"currency_id": currency.id, "company_id": company.id, "rate": 0.8, "name": "2020-01-01"}
    )


def _sample_partner(env):
    return env["res.partner"].create(
        {
            "name": "Customer",
            "is_company": True,
            "email": "customer@customer.example",
            "street": "Side Street 2",
            "city": "Town",
            "country_id": env.ref("base.de").id,
            "lang": "en_US",
        }
    )


def _sample_documents(env, partner):
    """One of 100.00 each, posted: an invoice, an invoice in foreign currency, a credit note."""
    foreign = env.ref(f"base.{FOREIGN}")
    account = env["account.account"].search([("account_type", "=", "income")], limit=1)
    line = {"name": "Goods", "quantity": 1, "price_unit": 100.0, "tax_ids": False, "account_id": account.id}
    common = {"partner_id": partner.id, "invoice_date": "2025-01-01", "invoice_line_ids": [(0, 0, line)]}
    moves = env["account.move"].create(
        [
            {**common, "move_type": "out_invoice"},
            {**common, "move_type": "out_invoice", "currency_id": foreign.id},
            {**common, "move_type": "out_refund"},
        ]
    )
    moves.action_post()
    return moves


def _clone_partners(cr, sample: int, count: int) -> int:
    """Customers 1 … count; returns the id before the first."""
    [[last]] = _rows(cr, "SELECT MAX(id) FROM res_partner")
    name = "'Customer ' || g"
    email = "'customer' || g || '@customer.example'"
    changed = {
        "id": f"{last} + g",
        "commercial_partner_id": f"{last} + g",
        "name": name,
        "complete_name": name,
        "commercial_company_name": name,
        "email": email,
        "email_normalized": email,
    }
    cr.execute(
        f"INSERT INTO res_partner ({_columns(cr, 'res_partner')})"
        f" SELECT {_columns(cr, 'res_partner', changed)} FROM res_partner sample, generate_series(1, {count}) g"
        f" WHERE sample.id = {sample}"
    )
    _advance(cr, "res_partner")
    return last


def _clone_documents(cr, samples, first_partner: int, accounts: int, count: int) -> None:
    """Documents 1 … count and their journal items, each a multiple of its sample."""
    invoice, foreign, refund = samples.ids
    [[last]] = _rows(cr, "SELECT MAX(id) FROM account_move")
    cr.execute(
        f"""CREATE TEMP TABLE seed ON COMMIT DROP AS
            SELECT g, {last} + g AS move_id, {first_partner} + 1 + g % {accounts} AS partner_id,
                   CASE WHEN g % 25 = 7 THEN {refund} WHEN g % 10 = 3 THEN {foreign} ELSE {invoice} END AS sample_id,
                   (20 + abs(hashint4(g)::bigint) % 4980) / 100.0 AS factor,
                   current_date + 19 - (abs(hashint4(g + 77)::bigint) % 200)::int AS due_date
              FROM generate_series(1, {count}) g"""
    )
    cr.execute("ANALYZE seed")
    name = "split_part(sample.name, '/', 1) || '/SEED/' || lpad(seed.g::text, 8, '0')"
    changed = {
        "id": "seed.move_id",
        "partner_id": "seed.partner_id",
        "commercial_partner_id": "seed.partner_id",
        "partner_shipping_id": "seed.partner_id",
        "invoice_partner_display_name": f"'Customer ' || seed.partner_id - {first_partner}",
        "name": name,
        "payment_reference": name,
        "sequence_prefix": "split_part(sample.name, '/', 1) || '/SEED/'",
        "sequence_number": "seed.g",
        "date": "seed.due_date - 30",
        "invoice_date": "seed.due_date - 30",
        "invoice_date_due": "seed.due_date",
        "access_token": "NULL",
    }
    _clone(cr, "account_move", changed, "sample.id = seed.sample_id")
    changed = {
        "id": "nextval('account_move_line_id_seq')",
        "move_id": "seed.move_id",
        "move_name": name.replace("sample.name", "sample.move_name"),
        "partner_id": "seed.partner_id",
        "date": "seed.due_date - 30",
        "invoice_date": "seed.due_date - 30",
        "date_maturity": "CASE WHEN sample.date_maturity IS NULL THEN NULL ELSE seed.due_date END",
    }
    _clone(cr, "account_move_line", changed, "sample.move_id = seed.sample_id")
    _advance(cr, "account_move")


def _clone(cr, table: str, changed: dict[str, str], condition: str) -> None:
    """Copy the sample rows of a table for every row of `seed`; amounts are multiplied."""
    amounts = {name: f"round(sample.{name} * seed.factor, 2)" for name in _amounts(cr, table)}
    cr.execute(
        f"INSERT INTO {table} ({_columns(cr, table)})"
        f" SELECT {_columns(cr, table, {**amounts, **changed})} FROM seed JOIN {table} sample ON {condition}"
        f" ORDER BY seed.g"
    )


def _columns(cr, table: str, changed: dict[str, str] | None = None) -> str:
    """The columns of a table, or what to select for each of them when some are `changed`."""
    names = [
        name
        for (name,) in _rows(
            cr,
            f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0"
            f" AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        )
    ]
    if changed is None:
        return ", ".join(f'"{name}"' for name in names)
    return ", ".join(changed.get(name, f'sample."{name}"') for name in names)


def _amounts(cr, table: str) -> list[str]:
    """Columns of money: what scales with the size of a document."""
    money = ("amount_%", "balance", "debit", "credit", "price_unit", "price_subtotal", "price_total")
    patterns = " OR ".join(f"column_name LIKE '{pattern}'" for pattern in money)
    rows = _rows(
        cr,
        f"SELECT column_name FROM information_schema.columns"
        f" WHERE table_name = '{table}' AND data_type = 'numeric' AND ({patterns})",
    )
    return [name for (name,) in rows]


def _advance(cr, table: str) -> None:
    cr.execute(f"SELECT setval('{table}_id_seq', (SELECT MAX(id) FROM {table}))")


def _rows(cr, statement: str) -> list[tuple]:
    cr.execute(statement)
    return cr.fetchall()

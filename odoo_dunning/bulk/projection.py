"""Odoo's own receivables as items: one upsert per company, or per set of journal items.

Raw SQL because the residual of a journal item is changed by every payment: following it record by record would slow
down posting and paying. The statement compares and writes only what differs, so that a refresh which finds nothing
writes nothing, and it heals whatever bypassed the ORM.
"""

from odoo.tools import SQL

from . import moved

# Columns an Odoo item follows, with what they are at the source. Order matters to nobody, the names do.
FOLLOWED = {
    "account_id": "account.id",
    # Receivable lines carry the commercial partner; the invoice says which contact it went to.
    "partner_id": "COALESCE(move.partner_id, line.partner_id)",
    "company_id": "line.company_id",
    "kind": """CASE
        WHEN move.origin_payment_id IS NOT NULL OR move.statement_line_id IS NOT NULL THEN 'payment'
        WHEN move.move_type = 'out_refund' THEN 'credit'
        WHEN move.move_type IN ('out_invoice', 'out_receipt') OR line.amount_currency > 0 THEN 'invoice'
        ELSE 'credit' END""",
    "entity": "move.move_type",
    "number": "move.name",
    # A credit note names the invoice it reverses: that is where the engine nets it first.
    "reference": "COALESCE(reversed.name, NULLIF(move.ref, ''), move.payment_reference)",
    "issue_date": "COALESCE(move.invoice_date, line.date)",
    "due_date": "line.date_maturity",
    "currency_id": "line.currency_id",
    "amount_total": "line.amount_currency",
    "amount_open": "line.amount_residual_currency",
    "no_followup": "COALESCE(line.no_followup, FALSE)",
    "is_blocked": "COALESCE(move.payment_state = 'blocked', FALSE)",
    "mailed_date": "move.dunning_mailed_date",
    "source_state": "move.payment_state",
}

SOURCE = """
      FROM account_move_line line
      JOIN account_move move ON move.id = line.move_id
      JOIN res_partner partner ON partner.id = line.partner_id
      LEFT JOIN account_move reversed ON reversed.id = move.reversed_entry_id
"""

# What charges were booked with is no receivable to dun: no charge bears a charge. Asked as a CASE because the planner
# takes `IS NULL` on a column without statistics, as it is after installing, for true of hardly any row, and plans for
# that. The receivable accounts come as a list for the same reason: it knows how many lines each has, but not that four
# accounts in fifty have half of them.
_OPEN = """line.reconciled IS NOT TRUE AND line.parent_state = 'posted' AND line.amount_residual_currency != 0
      AND line.account_id = ANY(%s)
      AND CASE WHEN move.dunning_charge_key IS NULL THEN TRUE ELSE FALSE END"""


def refresh(env, company_ids):
    """Bring the Odoo items of these companies up to date. Returns the ids of the accounts whose items changed."""
    companies = list(company_ids)
    line_ids, has_orphans = _differences(env, companies)
    if not line_ids and not has_orphans:
        return set()
    orphans = SQL("item.company_id = ANY(%s)", companies) if has_orphans else SQL("FALSE")
    return _refresh(env, SQL("line.id = ANY(%s)", line_ids), orphans)


def refresh_lines(env, line_ids):
    """The same for the items of these journal items."""
    ids = list(line_ids)
    return _refresh(env, SQL("line.id = ANY(%s)", ids), SQL("item.move_line_id = ANY(%s)", ids))


def refresh_partners(env, company, partner_ids):
    """The same for what these customers (commercial partners) and their contacts owe a company."""
    ids = list(partner_ids)
    lines = SQL(
        "line.company_id = %s"
        " AND line.partner_id IN (SELECT id FROM res_partner WHERE commercial_partner_id = ANY(%s))",
        company.id,
        ids,
    )
    items = SQL(
        "item.account_id IN (SELECT id FROM dunning_account WHERE company_id = %s AND partner_id = ANY(%s))",
        company.id,
        ids,
    )
    return _refresh(env, lines, items)


def _differences(env, companies):
    """Ids of journal items whose item is missing or not like them, and whether there are open Odoo items without one.

    Two statements that only read, because most of the time they find little or nothing in all the books. The first
    gives one row, so that the database uses all its processors down to the comparison; the second only counts: as many
    items as were found beside a journal item are all there are, unless some have lost theirs.
    """
    flush(env)
    kept = SQL("item.is_open AND item.origin = 'odoo' AND item.company_id = ANY(%s)", companies)
    [[line_ids, found]] = env.execute_query(
        SQL(
            """SELECT ARRAY_AGG(source.move_line_id)
                        FILTER (WHERE item.id IS NULL OR (%(stored)s) IS DISTINCT FROM (%(fresh)s)),
                      COUNT(item.id)
                 FROM (SELECT line.id AS move_line_id, %(expressions)s
                       %(source)s
                         LEFT JOIN dunning_account account
                           ON account.company_id = line.company_id
                          AND account.partner_id = partner.commercial_partner_id
                        WHERE %(open)s AND line.company_id = ANY(%(companies)s)
                      ) source
                 LEFT JOIN (SELECT * FROM dunning_item item WHERE %(kept)s) item
                   ON item.move_line_id = source.move_line_id""",
            source=SQL(SOURCE),
            open=_open(env),
            companies=companies,
            kept=kept,
            **_compared(),
        )
    )
    [[count]] = env.execute_query(SQL("SELECT COUNT(*) FROM dunning_item item WHERE %s", kept))
    return line_ids or [], count != found


def _compared():
    """The columns an item follows: their `expressions` at the source, `stored` and `fresh` to compare."""
    names = [SQL.identifier(name) for name in FOLLOWED]
    return {
        "expressions": SQL(", ").join(
            SQL("%s AS %s", SQL(expression), SQL.identifier(name)) for name, expression in FOLLOWED.items()
        ),
        "stored": SQL(", ").join(SQL("item.%s", name) for name in names),
        "fresh": SQL(", ").join(SQL("source.%s", name) for name in names),
    }


def _open(env):
    """The condition under which a journal item is a receivable to look after."""
    return SQL(_OPEN, receivable_accounts(env))


def receivable_accounts(env):
    """Ids of the accounts whose journal items are receivables."""
    rows = env.execute_query(SQL("SELECT id FROM account_account WHERE account_type = 'asset_receivable'"))
    return [account_id for (account_id,) in rows]


def flush(env):
    for model in (
        "account.account",
        "account.move.line",
        "account.move",
        "res.partner",
        "dunning.account",
        "dunning.item",
    ):
        env[model].flush_model()


def _refresh(env, lines, items):
    """`lines` restricts the journal items looked at, `items` the dunning items that may have to be closed."""
    flush(env)
    _open_accounts(env, lines)
    written = _upsert(env, lines)
    moved.follow(env, written)
    changed = written | _close(env, items)
    if changed:
        env["dunning.item"].invalidate_model()
    return changed


def _open_accounts(env, scope):
    """An account for every customer who has an open receivable and none yet."""
    env.execute_query(
        SQL(
            """INSERT INTO dunning_account (company_id, partner_id, debtor_type,
                                            create_uid, create_date, write_uid, write_date)
               SELECT DISTINCT line.company_id, payer.id,
                      CASE WHEN payer.is_company THEN 'business' ELSE 'consumer' END,
                      %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC'
               %(source)s
                 JOIN res_partner payer ON payer.id = partner.commercial_partner_id
                 LEFT JOIN dunning_account account
                   ON account.company_id = line.company_id AND account.partner_id = payer.id
                WHERE %(open)s AND %(scope)s AND account.id IS NULL
               ON CONFLICT (company_id, partner_id) DO NOTHING
               RETURNING id""",
            uid=env.uid,
            source=SQL(SOURCE),
            open=_open(env),
            scope=scope,
        )
    )


def _upsert(env, scope):
    """Insert and update in one statement. The comparison happens in a join before it: `ON CONFLICT … WHERE` alone would
    lock, and so write, every unchanged row."""
    names = [SQL.identifier(name) for name in FOLLOWED]
    rows = env.execute_query(
        SQL(
            """WITH source AS (
                 SELECT line.id AS move_line_id, %(expressions)s
                 %(source)s
                   JOIN dunning_account account
                     ON account.company_id = line.company_id AND account.partner_id = partner.commercial_partner_id
                  WHERE %(open)s AND %(scope)s
               ), changed AS (
                 SELECT source.* FROM source
                   LEFT JOIN dunning_item item ON item.move_line_id = source.move_line_id
                  WHERE item.id IS NULL OR NOT item.is_open
                     OR (%(stored)s) IS DISTINCT FROM (%(fresh)s)
               )
               INSERT INTO dunning_item (origin, move_line_id, installment, cycle, level_rank, is_excluded, is_open,
                                         create_uid, create_date, write_uid, write_date, %(names)s)
               SELECT 'odoo', move_line_id, 0, 1, 0, FALSE, TRUE,
                      %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC', %(names)s
                 FROM changed
               ON CONFLICT (move_line_id) WHERE move_line_id IS NOT NULL DO UPDATE
                  SET is_open = TRUE, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date, %(updates)s
               RETURNING account_id""",
            source=SQL(SOURCE),
            open=_open(env),
            scope=scope,
            **_compared(),
            names=SQL(", ").join(names),
            updates=SQL(", ").join(SQL("%s = EXCLUDED.%s", name, name) for name in names),
            uid=env.uid,
        )
    )
    return {account_id for (account_id,) in rows}


def _close(env, scope):
    """Close items whose journal item is paid, no longer posted, no longer a receivable, or gone."""
    rows = env.execute_query(
        SQL(
            """UPDATE dunning_item item
                  SET is_open = FALSE, amount_open = 0, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC',
                      source_state = state.name
                 FROM (SELECT item.id, COALESCE(move.payment_state, 'gone') AS name
                         FROM dunning_item item
                         LEFT JOIN account_move_line line ON line.id = item.move_line_id
                         LEFT JOIN account_move move ON move.id = line.move_id
                        WHERE item.is_open AND item.origin = 'odoo' AND %(scope)s
                          AND (line.id IS NULL OR NOT (%(open)s) OR line.partner_id IS NULL)
                      ) state
                WHERE item.id = state.id
               RETURNING item.account_id""",
            uid=env.uid,
            scope=scope,
            open=_open(env),
        )
    )
    return {account_id for (account_id,) in rows}

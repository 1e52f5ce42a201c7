"""Items of external ledgers, written by the page: one statement per call, no row touched that did not change.

Raw SQL because a page of a ledger is up to a thousand documents and most of them are already here: creating or
comparing them record by record takes minutes for a first sync.
"""

import json
from decimal import Decimal

from odoo.tools import SQL

from . import moved

# Column -> type in the JSON record set.
COLUMNS = {
    "account_id": "int4",
    "partner_id": "int4",
    "company_id": "int4",
    "origin": "varchar",
    "ledger_id": "int4",
    "entity": "varchar",
    "external_id": "varchar",
    "installment": "int4",
    "kind": "varchar",
    "number": "varchar",
    "reference": "varchar",
    "issue_date": "date",
    "due_date": "date",
    "currency_id": "int4",
    "amount_total": "numeric",
    "amount_open": "numeric",
    "is_open": "bool",
    "no_followup": "bool",
    "source_state": "varchar",
    "link_url": "varchar",
    "updated_at": "timestamp",
    "content_hash": "varchar",
}
KEY = ("ledger_id", "entity", "external_id", "installment")
REQUIRED = (
    "account_id",
    "company_id",
    "origin",
    *KEY,
    "kind",
    "currency_id",
    "amount_total",
    "amount_open",
    "content_hash",
)


def upsert(env, vals_list):
    """Store `vals_list` (dicts of COLUMNS; amounts `Decimal` or text, never float) and count what happened.

    A row is written when its content hash differs and its `updated_at` is not older than the stored one, so that a
    replay writes nothing and the order of arrival does not matter. Of two rows with one key the newer counts.

    Returns {"inserted", "updated", "unchanged", "stale"}. Raises ValueError naming the row and the field.
    """
    counts = dict.fromkeys(("inserted", "updated", "unchanged", "stale"), 0)
    if not vals_list:
        return counts
    env["dunning.item"].flush_model()
    rows = json.dumps(_newest([_checked(vals) for vals in vals_list]), default=str)
    for (outcome,) in env.execute_query(_statement(env, rows)):
        counts[outcome] += 1
    counts["unchanged"] += len(vals_list) - sum(counts.values())
    if counts["inserted"] or counts["updated"]:
        env["dunning.item"].invalidate_model()
    if counts["updated"]:
        moved.follow(env, {vals["account_id"] for vals in vals_list})
    return counts


def _checked(vals):
    where = f"{vals.get('entity')} {vals.get('external_id')} of ledger {vals.get('ledger_id')}"
    for name in REQUIRED:
        if vals.get(name) is None:
            raise ValueError(f"{where}: “{name}” is missing.")
    for name in ("amount_total", "amount_open"):
        if isinstance(vals[name], float):
            raise ValueError(f"{where}: “{name}” is a float. Pass a Decimal or text.")
    unknown = vals.keys() - COLUMNS.keys()
    if unknown:
        raise ValueError(f"{where}: unknown field “{min(unknown)}”.")
    defaults = {"is_open": Decimal(vals["amount_open"]) != 0, "no_followup": False}
    return {**defaults, **{name: _or_null(name, value) for name, value in vals.items()}}


def _or_null(name, value):
    """The ORM says False where the database says nothing."""
    return None if value is False and COLUMNS[name] != "bool" else value


def _newest(rows):
    by_key = {}
    for row in rows:
        key = tuple(row[name] for name in KEY)
        known = by_key.get(key)
        if known is None or str(row.get("updated_at") or "") >= str(known.get("updated_at") or ""):
            by_key[key] = row
    return list(by_key.values())


def _statement(env, rows):
    names = [SQL.identifier(name) for name in COLUMNS]
    return SQL(
        """WITH incoming AS (
             SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(%(typed)s)
           ), compared AS (
             SELECT incoming.*, item.id AS known_id,
                    item.content_hash IS DISTINCT FROM incoming.content_hash AS differs,
                    COALESCE(incoming.updated_at < item.updated_at, FALSE) AS is_older
               FROM incoming
               LEFT JOIN dunning_item item
                 ON item.ledger_id = incoming.ledger_id AND item.entity = incoming.entity
                AND item.external_id = incoming.external_id AND item.installment = incoming.installment
           ), written AS (
             INSERT INTO dunning_item (cycle, level_rank, is_excluded, is_blocked,
                                       create_uid, create_date, write_uid, write_date, %(names)s)
             SELECT 1, 0, FALSE, FALSE, %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC', %(names)s
               FROM compared WHERE known_id IS NULL OR (differs AND NOT is_older)
             ON CONFLICT (ledger_id, entity, external_id, installment) WHERE ledger_id IS NOT NULL DO UPDATE
                SET write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date, %(updates)s
              WHERE dunning_item.content_hash IS DISTINCT FROM EXCLUDED.content_hash
                AND NOT COALESCE(EXCLUDED.updated_at < dunning_item.updated_at, FALSE)
             RETURNING xmax = 0 AS is_new
           )
           SELECT CASE WHEN is_new THEN 'inserted' ELSE 'updated' END FROM written
           UNION ALL
           SELECT CASE WHEN differs THEN 'stale' ELSE 'unchanged' END FROM compared
            WHERE known_id IS NOT NULL AND NOT (differs AND NOT is_older)""",
        rows=rows,
        typed=SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in COLUMNS.items()),
        names=SQL(", ").join(names),
        updates=SQL(", ").join(SQL("%s = EXCLUDED.%s", name, name) for name in names),
        uid=env.uid,
    )

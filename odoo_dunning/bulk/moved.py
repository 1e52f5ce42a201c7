"""What a person recorded about a receivable goes with it to another account: an invoice posted again for somebody else,
a contact that got a company, a customer that is billed with its parent from now on.

Raw SQL because receivables move by the page, and the accounts of these records are looked up by: one left behind would
be in force where nothing is left to stop.
"""

from odoo.tools import SQL

_BY_ITEM = ("dunning.hold", "dunning.dispute")


def follow(env, account_ids):
    """Holds, disputes and promises of the receivables these accounts have now, brought to them. A promise about several
    moves when all of them have; until then it stays with who gave it, and all of them are left alone."""
    account_ids = list(account_ids)
    if not account_ids:
        return
    for name in (*_BY_ITEM, "dunning.promise"):
        env[name].flush_model(["account_id"])
    moved = [
        env.execute_query(
            SQL(
                """UPDATE %(table)s record SET account_id = item.account_id FROM dunning_item item
                    WHERE item.id = record.item_id AND item.account_id = ANY(%(accounts)s)
                      AND record.account_id != item.account_id
                   RETURNING record.id""",
                table=SQL.identifier(env[name]._table),
                accounts=account_ids,
            )
        )
        for name in _BY_ITEM
    ]
    moved.append(
        env.execute_query(
            SQL(
                """UPDATE dunning_promise promise SET account_id = about.account_id
                     FROM (SELECT rel.dunning_promise_id AS id, MIN(item.account_id) AS account_id
                             FROM dunning_item_dunning_promise_rel rel
                             JOIN dunning_item item ON item.id = rel.dunning_item_id
                            GROUP BY 1 HAVING MIN(item.account_id) = MAX(item.account_id)) about
                    WHERE about.id = promise.id AND about.account_id = ANY(%s)
                      AND promise.account_id != about.account_id
                   RETURNING promise.id""",
                account_ids,
            )
        )
    )
    for name, rows in zip((*_BY_ITEM, "dunning.promise"), moved, strict=True):
        if rows:
            env[name].invalidate_model(["account_id"])
            env["dunning.account"].invalidate_model()

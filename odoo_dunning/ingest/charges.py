"""Invoices of charges that were made in a ledger from here and come back with a pass: they count with the charges.

Raw SQL: asked with every delivery, and nearly always nothing is to be done.
"""

from odoo.tools import SQL


def close(ledger, external_ids=None):
    """Close the receivables of such invoices among these ids, or among all: they are never dunned, whatever they say.

    One whose making is not known to have ended is known by its number or reference, and left out meanwhile.
    """
    env = ledger.env
    scope = SQL("TRUE") if external_ids is None else SQL("i.external_id = ANY(%s)", external_ids)
    env["dunning.item"].flush_model()
    env["dunning.ledger.match"].flush_model()
    env["dunning.ledger.write"].flush_model()
    closed = env.execute_query(
        SQL(
            """
            UPDATE dunning_item i SET is_open = FALSE
              FROM dunning_ledger_match m
             WHERE m.ledger_id = %s AND m.state = 'charge' AND i.ledger_id = m.ledger_id AND i.entity = m.entity
               AND i.external_id = m.external_id AND i.is_open AND %s
         RETURNING i.id
            """,
            ledger.id,
            scope,
        )
    )
    held = env.execute_query(
        SQL(
            """
            UPDATE dunning_item i SET no_followup = TRUE
              FROM dunning_ledger_write w
             WHERE w.ledger_id = %s AND w.kind = 'charge_invoice' AND w.state IN ('waiting', 'failed')
               AND i.ledger_id = w.ledger_id AND i.entity = 'invoice' AND i.is_open AND NOT i.no_followup
               AND w.payload ->> 'reference' IN (i.number, split_part(i.reference, ' [', 1)) AND %s
         RETURNING i.id
            """,
            ledger.id,
            scope,
        )
    )
    if closed or held:
        env["dunning.item"].invalidate_model(["is_open", "no_followup"])

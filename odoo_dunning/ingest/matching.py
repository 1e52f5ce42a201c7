"""Invoices of Odoo's own that a ledger knows too: found by number, customer and amount, and counted once.

Somebody else pushes Odoo's invoices into the ledger; reading them back must not claim the money twice. Raw SQL: each
delivery is compared with all of Odoo's posted invoices, by the indexes `account.move` has for it.
"""

from collections import defaultdict

from odoo.fields import Command
from odoo.tools import SQL

# Letters and digits only: "INV/2026/00042" here is "INV-2026-00042" there.
_PLAIN = "regexp_replace(upper(%s), '[^A-Z0-9]', '', 'g')"


class Matching:
    """Compares a ledger's receivables with Odoo's invoices and keeps `dunning.ledger.match` accordingly."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.env = ledger.env

    def states(self, keys):
        """Return `{(entity, external id): state}` of those that are, or may be, an invoice of Odoo's."""
        if self.ledger.odoo_match == "off" or not keys:
            return {}
        entities, ids = zip(*keys, strict=True)
        rows = self.env.execute_query(
            SQL(
                """
                SELECT m.entity, m.external_id, m.state
                  FROM unnest(%s, %s) AS k (entity, external_id)
                  JOIN dunning_ledger_match m
                    ON m.ledger_id = %s AND m.entity = k.entity AND m.external_id = k.external_id
                 WHERE m.state <> 'rejected'
                """,
                list(entities),
                list(ids),
                self.ledger.id,
            )
        )
        return {(entity, external_id): state for entity, external_id, state in rows}

    def look(self, external_ids=None):
        """Look for Odoo's invoices among the receivables of these ids, or among all open ones of the ledger.

        One invoice with the same number, customer, currency and total is the same; anything less sure is listed for a
        person, while it is open, and left out of dunning until then. What a person decided is not asked again.
        """
        if self.ledger.odoo_match == "off" or external_ids == []:
            return
        found = defaultdict(list)
        open_keys = set()
        for entity, external_id, move_id, is_open, is_sure in self._candidates(external_ids):
            found[entity, external_id].append((move_id, is_sure))
            if is_open:
                open_keys.add((entity, external_id))
        values = [self._values(key, candidates) for key, candidates in found.items()]
        matches = self.env["dunning.ledger.match"].create(
            [
                one
                for one in values
                if one["state"] == "proposed" or (one["entity"], one["external_id"]) in open_keys
            ]
        )
        if self.ledger.odoo_match == "auto":
            matches.filtered(lambda match: match.state == "proposed")._confirm()
        matches._apply()

    def _candidates(self, external_ids):
        scope = SQL("i.is_open") if external_ids is None else SQL("i.external_id = ANY(%s)", external_ids)
        self.env["account.move"].flush_model()
        return self.env.execute_query(
            SQL(
                """
                WITH unmatched AS MATERIALIZED (
                    SELECT i.entity, i.external_id, i.company_id, i.currency_id, account.partner_id AS payer_id,
                           debtor.commercial_partner_id AS debtor_id, i.is_open, i.amount_total,
                           %(external_number)s AS plain_number
                      FROM dunning_item i
                      JOIN dunning_account account ON account.id = i.account_id
                      JOIN res_partner debtor ON debtor.id = i.partner_id
                 LEFT JOIN dunning_ledger_match m
                        ON m.ledger_id = i.ledger_id AND m.entity = i.entity AND m.external_id = i.external_id
                     WHERE i.ledger_id = %(ledger)s AND i.entity = 'invoice' AND m.id IS NULL
                       AND length(%(external_number)s) > 2 AND %(scope)s
                ), numbers AS (
                    SELECT DISTINCT plain_number FROM unmatched
                ), named AS (
                    SELECT plain_number, move.id
                      FROM numbers JOIN account_move move ON %(name)s = plain_number
                     WHERE move.state = 'posted' AND move.move_type = 'out_invoice'
                     UNION
                    SELECT plain_number, move.id
                      FROM numbers JOIN account_move move ON %(reference)s = plain_number
                     WHERE move.state = 'posted' AND move.move_type = 'out_invoice'
                )
                SELECT i.entity, i.external_id, move.id, bool_or(i.is_open),
                       bool_or(partner.commercial_partner_id IN (i.payer_id, i.debtor_id))
                       AND sum(i.amount_total) = max(move.amount_total)
                  FROM unmatched i
                  JOIN named USING (plain_number)
                  JOIN account_move move
                    ON move.id = named.id AND move.company_id = i.company_id AND move.currency_id = i.currency_id
                  JOIN res_partner partner ON partner.id = move.partner_id
              GROUP BY i.entity, i.external_id, move.id
                """,
                ledger=self.ledger.id,
                scope=scope,
                external_number=SQL(_PLAIN % "i.number"),
                name=SQL(_PLAIN % "move.name"),
                reference=SQL(_PLAIN % "move.payment_reference"),
            )
        )

    def _values(self, key, candidates):
        entity, external_id = key
        sure = [move_id for move_id, is_sure in candidates if is_sure]
        chosen = sure or [move_id for move_id, _is_sure in candidates]
        return {
            "ledger_id": self.ledger.id,
            "entity": entity,
            "external_id": external_id,
            "state": "proposed" if len(sure) == 1 else "ambiguous",
            "move_id": chosen[0] if len(chosen) == 1 else False,
            "candidate_ids": [Command.set([move_id for move_id, _is_sure in candidates])],
        }

from collections import defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class DunningLedgerDifference(models.Model):
    """A customer whose open total here is not the one the ledger reports. Emptied and filled by each pass."""

    _name = "dunning.ledger.difference"
    _description = "Difference to a ledger's own total"
    _order = "ledger_id, id"
    _rec_name = "customer_id"

    ledger_id = fields.Many2one(
        "dunning.ledger", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    customer_ref = fields.Char(string="Customer id at the source", required=True, readonly=True)
    customer_id = fields.Many2one(
        "dunning.customer", readonly=True, ondelete="cascade", index="btree_not_null"
    )
    currency_id = fields.Many2one("res.currency", readonly=True, ondelete="cascade")
    amount_reported = fields.Monetary(string="Reported by the ledger", readonly=True)
    amount_stored = fields.Monetary(string="Sum of the receivables here", readonly=True)
    amount_difference = fields.Monetary(string="Difference", compute="_compute_amount_difference", store=True)
    explanation = fields.Text(readonly=True)
    found_at = fields.Datetime(readonly=True, default=fields.Datetime.now, string="Found on")
    item_ids = fields.Many2many("dunning.item", string="Receivables", compute="_compute_item_ids")

    @api.depends("amount_reported", "amount_stored")
    def _compute_amount_difference(self):
        for difference in self:
            difference.amount_difference = difference.amount_reported - difference.amount_stored

    @api.depends("customer_id")
    def _compute_item_ids(self):
        for difference in self:
            domain = Domain("ledger_id", "=", difference.ledger_id.id) & Domain("is_open", "=", True)
            domain &= Domain("partner_id", "=", difference.customer_id.debtor_partner_id.id)
            if difference.currency_id:
                domain &= Domain("currency_id", "=", difference.currency_id.id)
            difference.item_ids = self.env["dunning.item"].search(domain)

    # === COMPARE === #

    @api.model
    def _compare(self, ledger, totals):
        """Compare reported open totals with the receivables here, and keep what differs.

        :param totals: `[{customer_id, currency, amount}]`; currency None: one sum over all currencies
        :return: `[{customer_id, currency, reported, stored, items}]`, differences only
        """
        refs = list({total["customer_id"] for total in totals})
        stored = self._stored(ledger, refs)
        self.search([("ledger_id", "=", ledger.id), ("customer_ref", "in", refs)]).unlink()
        found, rows = [], []
        for total in totals:
            ref, currency = total["customer_id"], total["currency"]
            parts = [
                part
                for code, currency_parts in stored[ref].items()
                if currency in (None, code)
                for part in currency_parts
            ]
            here, reported = sum((part[1] for part in parts), Decimal(0)), Decimal(total["amount"])
            if here == reported:
                continue
            found.append(
                {
                    "customer_id": ref,
                    "currency": currency,
                    "reported": str(reported),
                    "stored": str(here),
                    "items": sorted(part[0] for part in parts),
                }
            )
            rows.append(self._row(ledger, ref, currency, reported, here, parts))
        self.create(rows)
        return found

    @api.model
    def _stored(self, ledger, refs):
        """Return `{customer: {currency: [(external id, open amount), …]}}` of what counts here.

        The receivables are added up, not the versions of the records: a receivable that went wrong must show. One
        that stands for an invoice of Odoo's is counted there, so here with what the ledger says of it.
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT r.customer_ref, c.name, r.external_id,
                       (CASE WHEN bool_or(i.source_state = 'matched') THEN r.amount_open
                             ELSE COALESCE(sum(i.amount_open), 0) END)::text
                  FROM dunning_ledger_record r
                  JOIN res_currency c ON c.id = r.currency_id
             LEFT JOIN dunning_item i
                    ON i.ledger_id = r.ledger_id AND i.entity = r.entity AND i.external_id = r.external_id
                 WHERE r.ledger_id = %s AND r.customer_ref = ANY(%s) AND r.state = 'live'
              GROUP BY r.id, c.name
                """,
                ledger.id,
                refs,
            )
        )
        stored = defaultdict(lambda: defaultdict(list))
        for ref, currency, external_id, amount in rows:
            if Decimal(amount):
                stored[ref][currency].append((external_id, Decimal(amount)))
        return stored

    def _row(self, ledger, ref, currency, reported, here, parts):
        customer = self.env["dunning.customer"].search(
            [("ledger_id", "=", ledger.id), ("external_id", "=", ref)], limit=1
        )
        return {
            "ledger_id": ledger.id,
            "customer_ref": ref,
            "customer_id": customer.id,
            "currency_id": self.env["res.currency"]
            .with_context(active_test=False)
            .search([("name", "=", currency)], limit=1)
            .id,
            "amount_reported": reported,
            "amount_stored": here,
            "explanation": self._explain(ledger, ref, reported - here, parts),
        }

    def _explain(self, ledger, ref, difference, parts):
        """The likely reasons, in the order in which a person would look for them."""
        reasons = []
        aside = self.env["dunning.quarantine"].search(
            [("ledger_id", "=", ledger.id), "|", ("waits_for_ref", "=", ref), ("state", "=", "open")], limit=5
        )
        if aside:
            reasons.append(
                self.env._(
                    "Set aside, maybe of this customer: %(records)s.",
                    records=", ".join(aside.mapped("display_name")),
                )
            )
        same = [external_id for external_id, amount in parts if amount == -difference]
        if same:
            reasons.append(
                self.env._("Open here with this very amount: %(records)s.", records=", ".join(same[:5]))
            )
        if not reasons:
            reasons.append(
                self.env._("Changed at the source during the pass, or a kind of document that is not read.")
            )
        return "\n".join(reasons)

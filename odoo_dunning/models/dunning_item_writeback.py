from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError


class DunningItem(models.Model):
    """Payments of receivables whose books are elsewhere are recorded there."""

    _inherit = "dunning.item"

    can_record_payment = fields.Boolean(
        compute="_compute_can_record_payment", string="Payment can be recorded"
    )
    ledger_write_ids = fields.One2many(
        "dunning.ledger.write", "item_id", string="Written to the ledger", readonly=True
    )

    @api.depends("ledger_id.write_payments", "is_open", "kind", "external_id")
    def _compute_can_record_payment(self):
        for item in self:
            item.can_record_payment = (
                item.is_open and item._takes_payments() and item.ledger_id.sudo().write_payments
            )

    def _takes_payments(self):
        """Journal entries of QuickBooks are receivables too, but nothing is paid against them from here."""
        is_invoice = self.kind == "invoice" and self.entity == "invoice"
        return bool(self.ledger_id) and is_invoice and not (self.external_id or "").startswith("journal-")

    def _amount_on_the_way(self):
        """What was recorded as paid and has not come back with a pass yet: it is still in the open amount."""
        self.ensure_one()
        ledger = self.ledger_id.sudo()
        payments = (
            self.env["dunning.ledger.write"]
            .sudo()
            .search(
                [("item_id", "=", self.id), ("kind", "=", "payment"), ("state", "in", ("waiting", "done"))]
            )
        )
        unseen = payments.filtered(
            lambda row: (
                not row.done_at or not ledger.last_good_sync_at or row.done_at >= ledger.last_good_sync_at
            )
        )
        return float(sum(Decimal(row.payload["amount"]) for row in unseen))

    def action_record_payment(self):
        """Open the form for a payment received."""
        self.ensure_one()
        self._check_may_record_payment()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Record payment in %(ledger)s", ledger=self.ledger_id.name),
            "res_model": "dunning.ledger.receipt",
            "view_mode": "form",
            "target": "new",
            "context": {"default_item_id": self.id},
        }

    def _check_may_record_payment(self):
        """:raise UserError: saying why not, and what to do."""
        self.ensure_one()
        self.check_access("write")
        ledger = self.ledger_id.sudo()
        if not self.is_open or not self._takes_payments():
            raise UserError(
                self.env._(
                    "%(number)s is not an open invoice of QuickBooks or Xero: there is no payment to record there.",
                    number=self.display_name,
                )
            )
        if not ledger.write_payments:
            raise UserError(
                self.env._(
                    "%(ledger)s: recording payments is switched off. A manager can switch it on on the connection, "
                    "under “Writing”.",
                    ledger=ledger.name,
                )
            )
        missing = ledger._missing_permission("payment")
        if missing:
            raise UserError(
                self.env._(
                    "%(ledger)s: the permission %(missing)s was not granted. A manager has to connect again and "
                    "grant it.",
                    ledger=ledger.name,
                    missing=missing,
                )
            )

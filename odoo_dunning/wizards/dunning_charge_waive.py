from odoo import api, fields, models


class DunningChargeWaive(models.TransientModel):
    """Asks how much of a charge is given up, and why."""

    _name = "dunning.charge.waive"
    _description = "Waive charges"

    charge_ids = fields.Many2many("dunning.charge", string="Charges")
    is_one = fields.Boolean(compute="_compute_is_one", string="One charge")
    currency_id = fields.Many2one("res.currency", compute="_compute_is_one")
    amount = fields.Monetary(
        compute="_compute_amount", store=True, readonly=False, help="What the customer need not pay."
    )
    reason = fields.Char(required=True)

    @api.depends("charge_ids")
    def _compute_is_one(self):
        for wizard in self:
            wizard.is_one = len(wizard.charge_ids) == 1
            wizard.currency_id = wizard.charge_ids[:1].currency_id

    @api.depends("charge_ids")
    def _compute_amount(self):
        for wizard in self:
            # In a dialog not stored yet they are copies without their siblings on the same document.
            charges = wizard.charge_ids._origin
            wizard.amount = charges._left() if len(charges) == 1 else 0.0

    def action_confirm(self):
        """Waive."""
        self.ensure_one()
        self.charge_ids.action_waive(amount=self.amount if self.is_one else None, reason=self.reason)
        return {"type": "ir.actions.act_window_close"}

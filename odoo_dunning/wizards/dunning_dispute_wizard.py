from odoo import fields, models
from odoo.exceptions import UserError


class DunningDisputeWizard(models.TransientModel):
    """Asks which receivables a customer contests, and why."""

    _name = "dunning.dispute.wizard"
    _description = "Dispute"

    account_id = fields.Many2one("dunning.account", string="Customer", required=True, readonly=True)
    item_ids = fields.Many2many(
        "dunning.item",
        string="Receivables",
        domain="[('account_id', '=', account_id), ('is_open', '=', True), ('kind', '=', 'invoice')]",
    )
    scope = fields.Selection(
        [("whole", "The whole amount"), ("part", "A part of it")],
        string="Contested",
        required=True,
        default="whole",
    )
    currency_id = fields.Many2one(related="item_ids.currency_id")
    amount = fields.Monetary(string="Contested part")
    reason = fields.Selection(
        selection=lambda self: self.env["dunning.dispute"]._fields["reason"]._description_selection(self.env),
        required=True,
    )
    note = fields.Text(string="What the customer says")

    def action_confirm(self):
        """Open a dispute for each; reminders go on for the rest."""
        self.ensure_one()
        if not self.item_ids:
            raise UserError(
                self.env._("Choose what %(customer)s contests.", customer=self.account_id.display_name)
            )
        if self.scope == "part" and len(self.item_ids) > 1:
            raise UserError(self.env._("A contested part is of one receivable. Choose just that one."))
        disputes = self.env["dunning.dispute"].create(
            [
                {
                    "item_id": item.id,
                    "scope": self.scope,
                    "amount": self.amount if self.scope == "part" else 0,
                    "reason": self.reason,
                    "note": self.note,
                }
                for item in self.item_ids
            ]
        )
        self.account_id.message_post(
            body=self.env._(
                "Contested: %(items)s. %(note)s",
                items=", ".join(disputes.item_id.mapped("display_name")),
                note=self.note or "",
            )
        )
        return {"type": "ir.actions.act_window_close"}

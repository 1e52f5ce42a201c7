from odoo import models
from odoo.exceptions import UserError


class DunningItemScreen(models.Model):
    """Dialogs over receivables."""

    _inherit = "dunning.item"

    def action_ask_hold(self):
        """Ask until when, and why."""
        return self._dialog("dunning.hold.wizard", self.env._("Put on hold"), {"default_item_ids": self.ids})

    def action_ask_dispute(self):
        """Ask what is contested, and why. For receivables of one customer."""
        if len(self.account_id) > 1:
            raise UserError(self.env._("Choose receivables of one customer: a dispute is with one customer."))
        context = {"default_account_id": self.account_id.id, "default_item_ids": self.ids}
        return self._dialog("dunning.dispute.wizard", self.env._("Dispute"), context)

    def _dialog(self, model, title, context):
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": context,
        }

from odoo import fields, models


class DunningDismissWizard(models.TransientModel):
    """Asks why records of a ledger that could not be read are left out for good."""

    _name = "dunning.dismiss.wizard"
    _description = "Leave out for good"

    quarantine_ids = fields.Many2many("dunning.quarantine", required=True, string="Records set aside")
    reason = fields.Char(required=True)

    def action_confirm(self):
        """Leave them out."""
        self.ensure_one()
        self.quarantine_ids.write({"dismiss_reason": self.reason})
        self.quarantine_ids.action_dismiss()
        return {"type": "ir.actions.act_window_close"}

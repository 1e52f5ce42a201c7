from odoo import fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    dunning_account_ids = fields.One2many("dunning.account", "partner_id", string="Collections accounts")
    dunning_role = fields.Selection(
        [("billing", "Billing"), ("ap", "Accounts payable"), ("decision", "Decision maker")],
        string="Role for reminders",
        help="Which reminders this contact gets. An invoice address counts as billing.",
    )
    dunning_bounced_at = fields.Datetime(
        readonly=True, copy=False, help="A reminder to this address came back (UTC). Empty after the address was changed."
    )

    def write(self, vals):
        """Override to give a changed address a fresh start."""
        if "email" in vals and "dunning_bounced_at" not in vals:
            changed = self.filtered(lambda one: one.dunning_bounced_at and one.email != vals["email"])
            changed.dunning_bounced_at = False
        return super().write(vals)

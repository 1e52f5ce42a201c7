from odoo import api, models
from odoo.exceptions import UserError


class DunningItem(models.Model):
    """Receivables in Odoo's books that belong to nobody: there is no one to write to, so they are no items. They are
    counted where people work, and listed to be given their customer."""

    _inherit = "dunning.item"

    @api.model
    def _ownerless_domain(self, company):
        """Open receivable journal items without a customer."""
        return [
            ("company_id", "=", company.id),
            ("account_id.account_type", "=", "asset_receivable"),
            ("partner_id", "=", False),
            ("reconciled", "=", False),
            ("parent_state", "=", "posted"),
            ("amount_residual_currency", "!=", 0),
        ]

    @api.model
    def _ownerless_count(self, company):
        """How many; people of Collections are told even where they may not read the books."""
        return self.env["account.move.line"].sudo().search_count(self._ownerless_domain(company))

    @api.model
    def action_ownerless(self, company_id=False):
        """The list of them, for those who may read the books; of the current company unless another is named."""
        lines = self.env["account.move.line"]
        if not lines.has_access("read"):
            raise UserError(
                self.env._(
                    "Receivables without a customer are in the accounting, which you may not read. Ask an accountant "
                    "to set the customer on them."
                )
            )
        company = self.env["res.company"].browse(company_id) if company_id else self.env.company
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Receivables without a customer"),
            "res_model": lines._name,
            "view_mode": "list,form",
            "views": [(False, "list"), (False, "form")],
            "domain": self._ownerless_domain(company),
            "help": self.env._("Every receivable has a customer."),
        }

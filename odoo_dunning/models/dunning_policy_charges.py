from odoo import api, fields, models


class DunningPolicy(models.Model):
    """Whose law the charges of a policy follow, and what its contracts say."""

    _inherit = "dunning.policy"

    charge_law = fields.Selection(
        selection=lambda self: self.env["dunning.law.row"]._selection_jurisdiction(),
        string="Law",
        help="Empty: by the countries of seller and customer.",
    )
    has_fee_clause = fields.Boolean(string="Fees agreed in the contract", help="Accepted terms name the fee.")
    is_regular_supply = fields.Boolean(
        string="Regular supply", help="Contracts with deliveries at regular intervals."
    )

    @api.constrains("charge_law", "has_fee_clause", "is_regular_supply")
    def _check_level_fees(self):
        """Another law may allow the levels less than they ask for."""
        self.level_ids._check_charge_fee()

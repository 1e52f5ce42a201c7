from odoo import api, fields, models


class DunningPolicyMinimum(models.Model):
    """Least amount, in one currency, below which nobody is contacted."""

    _name = "dunning.policy.minimum"
    _description = "Minimum amount of a dunning policy"
    _order = "policy_id, scope, currency_id"

    policy_id = fields.Many2one("dunning.policy", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True)
    scope = fields.Selection(
        [("item", "Per item"), ("account", "Per customer")], required=True, default="account"
    )
    currency_id = fields.Many2one("res.currency", required=True)
    amount = fields.Monetary(required=True)

    _scope_currency_uniq = models.Constraint(
        "unique(policy_id, scope, currency_id)", "A minimum for this currency exists already."
    )
    _amount_positive = models.Constraint("check(amount >= 0)", "A minimum amount cannot be negative.")

    @api.model_create_multi
    def create(self, vals_list):
        self.env["dunning.policy"].browse(
            [vals["policy_id"] for vals in vals_list if vals.get("policy_id")]
        )._keep_version()
        return super().create(vals_list)

    def write(self, vals):
        self.policy_id._keep_version()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _keep_for_items(self):
        self.policy_id._keep_version()

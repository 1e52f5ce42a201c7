from odoo import fields, models


class DunningPolicyRule(models.Model):
    """Which policy a customer gets when none is set on the invoice or the account: first match wins."""

    _name = "dunning.policy.rule"
    _description = "Rule choosing a dunning policy"
    _order = "sequence, id"

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, index=True)
    policy_id = fields.Many2one("dunning.policy", required=True, ondelete="cascade", check_company=True)
    account_domain = fields.Char(
        string="Customers",
        default="[]",
        required=True,
        help="Filter on accounts, e.g. [('partner_id.country_id.code', '=', 'DE')].",
    )

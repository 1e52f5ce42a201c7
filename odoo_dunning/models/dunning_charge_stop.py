from odoo import fields, models


class DunningChargeStop(models.Model):
    """Days on which no interest accrues for a customer: insolvency, moratorium, breathing space, our default."""

    _name = "dunning.charge.stop"
    _description = "Days without interest"
    _order = "first_date desc"
    _rec_name = "reason"

    account_id = fields.Many2one(
        "dunning.account", required=True, ondelete="cascade", index=True, string="Customer"
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    first_date = fields.Date(
        required=True,
        default=fields.Date.context_today,
        help="First day without interest.",
        string="First day",
    )
    last_date = fields.Date(help="Last day without interest; empty: until further notice.", string="Last day")
    reason = fields.Char(required=True)
    is_insolvency = fields.Boolean(
        readonly=True, help="Came with the mark on the customer.", string="From the insolvency mark"
    )

    _dates_ordered = models.Constraint(
        "CHECK (last_date IS NULL OR last_date >= first_date)",
        "Days without interest end on or after their first day.",
    )

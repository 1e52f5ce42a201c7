from odoo import fields, models


class DunningPromise(models.Model):
    """The customer said when they will pay. Judged by itself from what was paid."""

    _name = "dunning.promise"
    _description = "Promise to pay"
    _inherit = ["mail.thread"]
    _order = "promised_date desc, id desc"
    _rec_name = "account_id"

    account_id = fields.Many2one("dunning.account", required=True, ondelete="cascade", index=True, check_company=True)
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    item_ids = fields.Many2many(
        "dunning.item", string="Items", domain="[('account_id', '=', account_id), ('is_open', '=', True)]"
    )
    currency_id = fields.Many2one("res.currency", required=True, default=lambda self: self.env.company.currency_id)
    amount = fields.Monetary(required=True)
    amount_baseline = fields.Monetary(readonly=True, help="Open amount of the items when the promise was made.")
    amount_paid = fields.Monetary(readonly=True)
    promised_date = fields.Date(required=True)
    made_date = fields.Date(required=True, default=fields.Date.context_today)
    note = fields.Char()
    user_id = fields.Many2one("res.users", string="Recorded by", default=lambda self: self.env.user, readonly=True)
    state = fields.Selection(
        [
            ("open", "Open"),
            ("kept", "Kept"),
            ("partly", "Partly kept"),
            ("late", "Kept late"),
            ("broken", "Broken"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="open",
        readonly=True,
        tracking=True,
    )
    judged_date = fields.Date(readonly=True)

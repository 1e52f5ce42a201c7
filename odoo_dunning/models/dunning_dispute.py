from odoo import fields, models


class DunningDispute(models.Model):
    """The customer contests an item, in whole or in part. The undisputed rest goes on."""

    _name = "dunning.dispute"
    _description = "Dispute"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "item_id"

    item_id = fields.Many2one("dunning.item", required=True, ondelete="cascade", index=True)
    account_id = fields.Many2one(related="item_id.account_id", store=True, index=True)
    company_id = fields.Many2one(related="item_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="item_id.currency_id")
    scope = fields.Selection([("whole", "Whole item"), ("part", "A part")], required=True, default="whole")
    amount = fields.Monetary(help="Disputed part, in the currency of the item.")
    reason = fields.Selection(
        [
            ("price", "Price or discount"),
            ("quantity", "Quantity or delivery"),
            ("quality", "Quality"),
            ("not_received", "Invoice not received"),
            ("not_ordered", "Not ordered"),
            ("paid", "Says it is paid"),
            ("wrong_customer", "Wrong customer"),
            ("other", "Other"),
        ],
        required=True,
        default="other",
    )
    note = fields.Text()
    user_id = fields.Many2one("res.users", string="Owner", default=lambda self: self.env.user)
    state = fields.Selection(
        [("open", "Open"), ("accepted", "Accepted"), ("rejected", "Rejected")],
        required=True,
        default="open",
        tracking=True,
    )
    closed_at = fields.Datetime(readonly=True)

from odoo import fields, models


class DunningHold(models.Model):
    """Nobody is contacted about this account, or this item, until a day."""

    _name = "dunning.hold"
    _description = "Dunning hold"
    _order = "id desc"

    account_id = fields.Many2one("dunning.account", required=True, ondelete="cascade", index=True, check_company=True)
    item_id = fields.Many2one(
        "dunning.item", ondelete="cascade", index="btree_not_null", domain="[('account_id', '=', account_id)]",
        help="Empty: the whole account.",
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    until_date = fields.Date(help="Last day of the hold. Empty: until it is lifted.")
    reason = fields.Char(required=True)
    user_id = fields.Many2one("res.users", string="By", default=lambda self: self.env.user, readonly=True)
    active = fields.Boolean(default=True, help="Unticked: lifted.")

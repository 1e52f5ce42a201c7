from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain


class DunningHold(models.Model):
    """Nobody is contacted about this account, or this item, until a day."""

    _name = "dunning.hold"
    _description = "Dunning hold"
    _inherit = ["dunning.kept.fields"]
    _order = "id desc"

    # Whom it is about, and who answers for it.
    _kept = {"account_id", "item_id", "company_id", "user_id", "match_id"}
    _said_once = {"account_id", "item_id"}

    account_id = fields.Many2one(
        "dunning.account",
        string="Customer",
        required=True,
        ondelete="cascade",
        index=True,
        check_company=True,
    )
    item_id = fields.Many2one(
        "dunning.item",
        ondelete="cascade",
        index="btree_not_null",
        domain="[('account_id', '=', account_id)]",
        help="Empty: the whole account.",
        string="Receivable",
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    until_date = fields.Date(help="Last day of the hold. Empty: until it is lifted.", string="Last day")
    reason = fields.Char(required=True)
    user_id = fields.Many2one("res.users", string="By", default=lambda self: self.env.user, readonly=True)
    active = fields.Boolean(default=True, help="Unticked: lifted.", string="In force")

    def write(self, vals):
        """Who changes the day or the reason answers for the hold from then on."""
        if not self.env.su and vals.keys() & {"until_date", "reason"}:
            self.sudo().user_id = self.env.user
        return super().write(vals)

    def _why_kept(self, label):
        return self.env._(
            "“%(field)s” of a hold is not written by hand. Lift it and make another one.", field=label
        )

    @api.depends("account_id", "item_id")
    def _compute_display_name(self):
        for hold in self:
            hold.display_name = (hold.item_id or hold.account_id).display_name

    @api.constrains("item_id", "account_id")
    def _check_item(self):
        for hold in self.filtered("item_id"):
            if hold.item_id.account_id != hold.account_id:
                raise ValidationError(
                    self.env._(
                        "Hold on %(item)s: it belongs to %(owner)s, not to %(account)s. Choose a receivable of theirs.",
                        item=hold.item_id.display_name,
                        owner=hold.item_id.account_id.display_name,
                        account=hold.account_id.display_name,
                    )
                )

    @api.model
    def _in_force_domain(self):
        today = fields.Date.context_today(self)
        return Domain("until_date", "=", False) | Domain("until_date", ">=", today)

    def _is_in_force(self):
        self.ensure_one()
        return self.active and (not self.until_date or self.until_date >= self.company_id._dunning_today())

    def action_lift(self):
        self.active = False
        return True

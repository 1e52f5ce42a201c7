from odoo import api, fields, models
from odoo.exceptions import ValidationError


class DunningDispute(models.Model):
    """The customer contests an item, in whole or in part. The undisputed rest goes on."""

    _name = "dunning.dispute"
    _description = "Dispute"
    _inherit = ["mail.thread", "mail.activity.mixin", "dunning.kept.fields"]
    _order = "id desc"
    _rec_name = "item_id"

    # What it is about; how and when it was closed.
    _kept = {"item_id", "account_id", "company_id", "state", "closed_at"}
    _said_once = {"item_id", "state"}

    item_id = fields.Many2one(
        "dunning.item", required=True, ondelete="cascade", index=True, string="Receivable"
    )
    account_id = fields.Many2one(related="item_id.account_id", string="Customer", store=True, index=True)
    company_id = fields.Many2one(related="item_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="item_id.currency_id")
    scope = fields.Selection(
        [("whole", "Whole item"), ("part", "A part")], required=True, default="whole", string="Contested"
    )
    amount = fields.Monetary(help="Disputed part, in the currency of the item.", string="Contested part")
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
    note = fields.Text(string="What the customer says")
    user_id = fields.Many2one("res.users", string="Owner", default=lambda self: self.env.user)
    state = fields.Selection(
        [
            ("open", "Open"),
            ("accepted", "Accepted, to be credited"),
            ("rejected", "Rejected"),
            ("credited", "Credited"),
        ],
        required=True,
        default="open",
        tracking=True,
    )
    closed_at = fields.Datetime(readonly=True, string="Closed on")

    def _why_kept(self, label):
        return self.env._(
            "“%(field)s” of a dispute is not written by hand. Accept or reject it.", field=label
        )

    @api.constrains("scope", "amount", "item_id")
    def _check_amount(self):
        for dispute in self.filtered(lambda one: one.scope == "part"):
            if dispute.amount <= 0 or dispute.amount > abs(dispute.item_id.amount_total):
                raise ValidationError(
                    self.env._(
                        "Dispute on %(item)s: the disputed part must be more than 0 and at most %(total)s.",
                        item=dispute.item_id.display_name,
                        total=dispute.currency_id.format(abs(dispute.item_id.amount_total)),
                    )
                )

    def action_accept(self):
        """The customer is right: the part is still open until it is credited, and a person sees to that."""
        return self._close("accepted")

    def action_credited(self):
        """The credit note was made: nothing is disputed any more."""
        return self._close("credited")

    def action_reject(self):
        """The customer is wrong: dunning goes on."""
        return self._close("rejected")

    def _close(self, state):
        self.check_access("write")
        self.sudo().write({"state": state, "closed_at": fields.Datetime.now()})
        return True

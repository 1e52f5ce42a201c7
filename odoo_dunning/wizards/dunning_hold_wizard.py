from odoo import api, fields, models
from odoo.exceptions import UserError


class DunningHoldWizard(models.TransientModel):
    """Asks until when, and why, customers or receivables are left in peace."""

    _name = "dunning.hold.wizard"
    _description = "Put on hold"

    account_ids = fields.Many2many("dunning.account", string="Customers")
    item_ids = fields.Many2many("dunning.item", string="Receivables")
    line_ids = fields.Many2many("dunning.run.line", string="Lines of a proposal")
    span = fields.Selection(
        [
            ("7", "One week"),
            ("14", "Two weeks"),
            ("30", "30 days"),
            ("date", "Until a day"),
            ("open", "Until lifted"),
        ],
        string="For",
        required=True,
        default="14",
    )
    until_date = fields.Date(string="Last day", compute="_compute_until_date", store=True, readonly=False)
    reason = fields.Char(required=True)
    summary = fields.Char(compute="_compute_summary")

    @api.depends("span")
    def _compute_until_date(self):
        for wizard in self:
            if wizard.span == "open":
                wizard.until_date = False
            elif wizard.span != "date":
                wizard.until_date = fields.Date.add(fields.Date.context_today(wizard), days=int(wizard.span))

    @api.depends("account_ids", "item_ids", "line_ids")
    def _compute_summary(self):
        for wizard in self:
            wizard.summary = wizard._about()

    def _about(self):
        items = self.item_ids | self.line_ids.item_id
        names = (items or self.account_ids).mapped("display_name")
        if len(names) > 5:
            names = [*names[:5], self.env._("and %(count)s more", count=len(names) - 5)]
        return ", ".join(names)

    def action_confirm(self):
        """Put them on hold."""
        self.ensure_one()
        if self.span == "date" and not self.until_date:
            raise UserError(self.env._("Enter the last day of the hold, or choose “Until lifted”."))
        if self.line_ids:
            self.line_ids.action_hold(self.until_date, self.reason)
        else:
            self.env["dunning.hold"].create(self._values())
        return {"type": "ir.actions.act_window_close"}

    def _values(self):
        what = [(item.account_id, item) for item in self.item_ids] or [
            (account, self.item_ids) for account in self.account_ids
        ]
        return [
            {
                "account_id": account.id,
                "item_id": item.id,
                "until_date": self.until_date,
                "reason": self.reason,
            }
            for account, item in what
        ]

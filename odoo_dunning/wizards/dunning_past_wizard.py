from datetime import timedelta

from odoo import fields, models
from odoo.tools import format_date

USUAL_DAYS = 90


class DunningPastWizard(models.TransientModel):
    """Asks over which days a policy is tried out."""

    _name = "dunning.past.wizard"
    _description = "Try a policy on the past"

    policy_id = fields.Many2one("dunning.policy", required=True)
    start_date = fields.Date(
        string="First day",
        required=True,
        default=lambda self: self.env.company._dunning_today() - timedelta(days=USUAL_DAYS),
    )
    end_date = fields.Date(
        string="Last day", required=True, default=lambda self: self.env.company._dunning_today()
    )

    def action_show(self):
        """The messages it would have sent, day by day."""
        self.ensure_one()
        days = self.policy_id.what_would_have_gone_out(self.start_date, self.end_date)
        currencies = self.env["res.currency"].with_context(active_test=False).search([]).grouped("name")
        self.env["dunning.past.message"].create(
            [
                {
                    "wizard_id": self.id,
                    "date": day["date"],
                    "partner_id": one["customer_id"],
                    "level": one["level"],
                    "currency_id": currencies[one["currency"]].id,
                    "amount": float(one["amount"]),
                    "receivables": ", ".join(one["receivables"]),
                }
                for day in days
                for one in day["messages"]
            ]
        )
        action = self.env["ir.actions.act_window"]._for_xml_id("odoo_dunning.dunning_past_message_action")
        name = self.env._(
            "%(policy)s from %(start)s to %(end)s",
            policy=self.policy_id.display_name,
            start=format_date(self.env, self.start_date),
            end=format_date(self.env, self.end_date),
        )
        return {**action, "name": name, "display_name": name, "domain": [("wizard_id", "=", self.id)]}


class DunningPastMessage(models.TransientModel):
    """A message that a policy would have sent."""

    _name = "dunning.past.message"
    _description = "Message of a tried-out policy"
    _order = "date, id"

    wizard_id = fields.Many2one("dunning.past.wizard", required=True, ondelete="cascade", string="Trial")
    date = fields.Date(readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    level = fields.Char(readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amount = fields.Monetary(readonly=True)
    receivables = fields.Char(readonly=True)

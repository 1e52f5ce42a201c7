from odoo import fields, models


class DunningLevel(models.Model):
    """One step of a policy: when it is due, how it is sent and in what words."""

    _name = "dunning.level"
    _description = "Dunning level"
    _order = "policy_id, rank, id"

    policy_id = fields.Many2one("dunning.policy", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True)
    rank = fields.Integer(required=True, default=1, help="Order within the policy, from 1.")
    key = fields.Selection(
        [("courtesy", "Courtesy note"), ("friendly", "Friendly reminder"), ("firm", "Firm reminder"), ("final", "Final notice")],
        string="Tone",
        required=True,
        default="friendly",
    )
    name = fields.Char(required=True, translate=True)
    delay_days = fields.Integer(
        string="Days from due date", default=7, help="Days after the due date; negative for a note before it."
    )
    min_days_since_last = fields.Integer(
        string="Days since last level", default=10, help="Least number of days after the message of the level before."
    )
    grace_days = fields.Integer(help="Days of tolerance on top, not mentioned to the customer.")
    min_percent = fields.Float(
        string="Least open share (%)", digits=(5, 2), help="Least open share of the invoice; 0 for none."
    )
    by_email = fields.Boolean(string="E-mail", default=True)
    by_letter = fields.Boolean(string="Letter")
    by_sms = fields.Boolean(string="SMS")
    by_call = fields.Boolean(string="Call")
    recipient_role = fields.Selection(
        [("billing", "Billing contact"), ("ap", "Accounts payable"), ("decision", "Decision maker")],
        default="billing",
        required=True,
        help="Whom the message goes to first; the others are fallbacks in this order.",
    )
    deadline_days = fields.Integer(
        string="New deadline", default=7, help="Days the message gives for paying, from the day it is sent; 0 for none."
    )
    deadline_unit = fields.Selection(
        [("working", "Working days"), ("calendar", "Calendar days")], default="working", required=True
    )
    template_key = fields.Selection(selection="_selection_template_key", string="Text")

    _policy_rank_uniq = models.Constraint("unique(policy_id, rank)", "Two levels of a policy cannot have the same rank.")

    def _selection_template_key(self):
        keys = self.env["dunning.template"].sudo()._read_group([], ["key"])
        return [(key, key.replace("_", " ").capitalize()) for (key,) in keys]

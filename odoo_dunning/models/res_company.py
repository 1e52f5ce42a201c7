from odoo import fields, models


class ResCompany(models.Model):
    """Company-wide limits of dunning: how much, when, checked by whom."""

    _inherit = "res.company"

    dunning_policy_id = fields.Many2one(
        "dunning.policy",
        string="Default dunning policy",
        domain="[('head_id', '=', False), ('company_id', 'in', (False, id))]",
        default=lambda self: self.env.ref("odoo_dunning.policy_default", raise_if_not_found=False),
    )
    dunning_gap_days = fields.Integer(
        string="Least days between contacts", default=0, help="Over all policies; the longer gap of the two counts."
    )
    dunning_min_amount = fields.Monetary(
        string="Least amount per customer",
        default=0.0,
        currency_field="currency_id",
        help="In company currency; converted for customers in another one unless the policy names an amount.",
    )
    dunning_cap_per_day = fields.Integer(string="Most messages per day", default=2000, help="0: no limit.")
    dunning_cap_per_hour = fields.Integer(string="Most messages per hour", default=500, help="0: no limit.")
    dunning_bank_gate = fields.Selection(
        [("off", "Do not check"), ("warn", "Warn in the proposal"), ("stop", "Send nothing")],
        string="Old bank entries",
        default="warn",
        required=True,
    )
    dunning_bank_max_age_days = fields.Integer(string="Bank entries are fresh for (days)", default=5)
    dunning_unmatched_gate = fields.Selection(
        [("off", "Do not check"), ("warn", "Warn in the proposal"), ("stop", "Leave the customer alone")],
        string="Receipts not yet matched",
        default="warn",
        required=True,
    )
    dunning_ledger_max_age_hours = fields.Integer(
        string="Ledgers are fresh for (hours)", default=36, help="Items of a ledger without a good sync since are left alone."
    )
    dunning_is_automatic = fields.Boolean(
        string="Propose every day", help="The scheduled action proposes a run each working day."
    )
    dunning_four_eyes = fields.Boolean(string="Four eyes", help="Someone other than the proposer approves.")
    dunning_four_eyes_amount = fields.Monetary(
        string="Four eyes from", currency_field="currency_id", help="Total of the messages from which it is needed; 0: always."
    )
    dunning_window_start_hour = fields.Float(string="Send from", default=8.0, help="Hour in the customer's time zone.")
    dunning_window_end_hour = fields.Float(string="Send until", default=18.0, help="Hour in the customer's time zone.")
    dunning_working_days_only = fields.Boolean(string="Working days only", default=True)
    dunning_public_holidays = fields.Boolean(string="Respect public holidays", default=True)
    dunning_sender_email = fields.Char(string="Sender of reminders", help="Empty: the company's e-mail address.")

    _dunning_window = models.Constraint(
        "CHECK(dunning_window_start_hour >= 0 AND dunning_window_end_hour <= 24"
        " AND dunning_window_start_hour < dunning_window_end_hour)",
        "The send window of reminders must start before it ends, between 0:00 and 24:00.",
    )
    _dunning_limits = models.Constraint(
        "CHECK(dunning_cap_per_day >= 0 AND dunning_cap_per_hour >= 0 AND dunning_gap_days >= 0"
        " AND dunning_min_amount >= 0 AND dunning_bank_max_age_days >= 0 AND dunning_ledger_max_age_hours >= 0)",
        "Limits of dunning (messages, days, hours, amounts) cannot be negative.",
    )


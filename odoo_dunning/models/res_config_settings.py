from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    dunning_policy_id = fields.Many2one(related="company_id.dunning_policy_id", readonly=False)
    dunning_gap_days = fields.Integer(related="company_id.dunning_gap_days", readonly=False)
    dunning_min_amount = fields.Monetary(
        related="company_id.dunning_min_amount", readonly=False, currency_field="currency_id"
    )
    dunning_cap_per_day = fields.Integer(related="company_id.dunning_cap_per_day", readonly=False)
    dunning_cap_per_hour = fields.Integer(related="company_id.dunning_cap_per_hour", readonly=False)
    dunning_bank_gate = fields.Selection(related="company_id.dunning_bank_gate", readonly=False)
    dunning_bank_max_age_days = fields.Integer(related="company_id.dunning_bank_max_age_days", readonly=False)
    dunning_unmatched_gate = fields.Selection(related="company_id.dunning_unmatched_gate", readonly=False)
    dunning_is_automatic = fields.Boolean(related="company_id.dunning_is_automatic", readonly=False)
    dunning_four_eyes = fields.Boolean(related="company_id.dunning_four_eyes", readonly=False)
    dunning_four_eyes_amount = fields.Monetary(
        related="company_id.dunning_four_eyes_amount", readonly=False, currency_field="currency_id"
    )
    dunning_window_start_hour = fields.Float(related="company_id.dunning_window_start_hour", readonly=False)
    dunning_window_end_hour = fields.Float(related="company_id.dunning_window_end_hour", readonly=False)
    dunning_working_days_only = fields.Boolean(related="company_id.dunning_working_days_only", readonly=False)
    dunning_public_holidays = fields.Boolean(related="company_id.dunning_public_holidays", readonly=False)
    dunning_sender_email = fields.Char(related="company_id.dunning_sender_email", readonly=False)

from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    dunning_charge_booking = fields.Selection(related="company_id.dunning_charge_booking", readonly=False)
    dunning_charge_when_paid = fields.Selection(related="company_id.dunning_charge_when_paid", readonly=False)
    dunning_charge_journal_id = fields.Many2one(
        related="company_id.dunning_charge_journal_id", readonly=False
    )
    dunning_interest_account_id = fields.Many2one(
        related="company_id.dunning_interest_account_id", readonly=False
    )
    dunning_interest_tax_id = fields.Many2one(related="company_id.dunning_interest_tax_id", readonly=False)
    dunning_recovery_account_id = fields.Many2one(
        related="company_id.dunning_recovery_account_id", readonly=False
    )
    dunning_recovery_tax_id = fields.Many2one(related="company_id.dunning_recovery_tax_id", readonly=False)
    dunning_fee_account_id = fields.Many2one(related="company_id.dunning_fee_account_id", readonly=False)
    dunning_fee_tax_id = fields.Many2one(related="company_id.dunning_fee_tax_id", readonly=False)
    dunning_discount_account_id = fields.Many2one(
        related="company_id.dunning_discount_account_id", readonly=False
    )
    dunning_discount_journal_id = fields.Many2one(
        related="company_id.dunning_discount_journal_id", readonly=False
    )
    dunning_is_msme = fields.Boolean(related="company_id.dunning_is_msme", readonly=False)

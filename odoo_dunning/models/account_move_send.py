from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    """An invoice that is mailed is a contact: nobody is reminded of it the day after."""

    _inherit = "account.move.send"

    @api.model
    def _send_mail(self, move, mail_template, **kwargs):
        res = super()._send_mail(move, mail_template, **kwargs)
        move.sudo().dunning_mailed_date = move.company_id._dunning_today()
        return res

from odoo import models


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    def _routing_handle_bounce(self, email_message, message_dict):
        """Override of `mail` to count a bounced reminder as failed."""
        res = super()._routing_handle_bounce(email_message, message_dict)
        bounced = message_dict.get("bounced_message")
        if bounced:
            notices = self.env["dunning.notice"].sudo().search([("mail_message_id", "in", bounced.ids)])
            address = message_dict.get("bounced_email") or ""
            notices._mark_bounced(self.env._("The mail to %(address)s came back.", address=address))
        return res

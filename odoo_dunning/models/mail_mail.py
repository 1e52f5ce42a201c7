import smtplib

from odoo import fields, models


class MailMail(models.Model):
    """The mail queue tells the outbox what left and what did not."""

    _inherit = "mail.mail"

    dunning_notice_id = fields.Many2one("dunning.notice", readonly=True, copy=False, ondelete="restrict")

    _dunning_notice_uniq = models.UniqueIndex("(dunning_notice_id) WHERE dunning_notice_id IS NOT NULL")

    def _send(self, auto_commit=False, **kwargs):
        """Override of `mail`: reminders are taken up one by one, each marked as being sent, and that mark committed,
        before the server is spoken to. A crash after that leaves a mark, not a second mail."""
        ours = self.filtered("dunning_notice_id")
        res = super(MailMail, self - ours)._send(auto_commit=auto_commit, **kwargs) if self - ours else True
        for mail in ours:
            if mail.dunning_notice_id._take_up():
                if auto_commit:
                    self.env["ir.cron"]._commit_progress()
                mail._send_taken_up(auto_commit=auto_commit, **kwargs)
            elif auto_commit:
                self.env["ir.cron"]._commit_progress()
        return res

    def _send_taken_up(self, **kwargs):
        try:
            super()._send(**kwargs)
        except smtplib.SMTPServerDisconnected:
            # The server hung up: whether it had taken the mail cannot be known.
            self.dunning_notice_id._mark_uncertain()
            raise

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        """Override of `mail` to write the outcome on the outbox."""
        ours = self.filtered("dunning_notice_id")
        sent = ours.filtered(lambda mail: mail.state == "sent")
        sent.dunning_notice_id._mark_sent()
        for mail in ours - sent:
            reason = failure_reason or mail.failure_reason or failure_type
            mail.dunning_notice_id._fail(reason, final=failure_type in ("mail_email_invalid", "mail_email_missing"))
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        """Override of `mail`: reminders bring their own plain text, in the customer's language."""
        email_list = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        text = self.dunning_notice_id.body_text
        if text:
            for email in email_list:
                email["body_alternative"] = text
        return email_list

import logging
import smtplib

from odoo import fields, models

from .conflicts import CONFLICTS

_logger = logging.getLogger(__name__)


class MailMail(models.Model):
    """The mail queue tells the outbox what left and what did not."""

    _inherit = "mail.mail"

    dunning_notice_id = fields.Many2one(
        "dunning.notice", readonly=True, copy=False, ondelete="restrict", string="Message of Collections"
    )

    _dunning_notice_uniq = models.UniqueIndex("(dunning_notice_id) WHERE dunning_notice_id IS NOT NULL")

    def _send(self, auto_commit=False, **kwargs):
        """Override of `mail`: reminders go one by one. Each is marked as being sent, and the mark committed, before the
        server is spoken to: a crash after that leaves a mark, not a second mail. What follows from the outcome is
        written in a transaction of its own, after the outcome is committed: nothing in it can undo that the
        mail left."""
        ours = self.filtered("dunning_notice_id")
        res = super(MailMail, self - ours)._send(auto_commit=auto_commit, **kwargs) if self - ours else True
        step = self.env["ir.cron"]._commit_progress if auto_commit else self.env.flush_all
        for mail_id in ours.ids:
            # On its own: each outcome invalidates what is known of messages, and a mail that brought the others along
            # would read all their texts again.
            mail = self.browse(mail_id)
            if mail._take_up(step):
                mail._send_taken_up(auto_commit=auto_commit, **kwargs)
                mail._tell_outcome(step)
        return res

    def _take_up(self, step):
        """Mark the reminder as being sent; False where somebody else has it or it must not leave now."""
        try:
            may_leave = self.dunning_notice_id._take_up()
            step()
        except CONFLICTS as error:
            _logger.info("Reminder of mail %s waits: %s", self.id, error)
            self.env.cr.rollback()
            return False
        return may_leave

    def _send_taken_up(self, **kwargs):
        try:
            return super()._send(**kwargs)
        except smtplib.SMTPServerDisconnected:
            # The server hung up: whether it had taken the mail cannot be known.
            self.dunning_notice_id._mark_uncertain()
            raise

    def _tell_outcome(self, step):
        """Write on the outbox what became of the mail. What cannot be written now, the next scheduled action writes:
        the mail's own state says it."""
        try:
            self._write_outcome()
            step()
        except CONFLICTS as error:
            _logger.info("Outcome of mail %s is written later: %s", self.id, error)
            self.env.cr.rollback()

    def _write_outcome(self):
        notice = self.dunning_notice_id
        if self.state == "sent":
            notice._mark_sent()
        elif self.state == "exception":
            is_final = self.failure_type in ("mail_email_invalid", "mail_email_missing")
            notice._fail(self.failure_reason or self.failure_type, final=is_final)
        elif self.state == "outgoing" and notice.state == "sending":
            notice.sudo().state = "queued"

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Override of `mail` for reminders that never came to be sent: no server could be reached."""
        for mail in self.filtered(lambda one: one.dunning_notice_id.state == "queued"):
            mail.dunning_notice_id._fail(mail.failure_reason or failure_type)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        """Override of `mail`: reminders bring their own plain text, in the customer's language."""
        email_list = super()._prepare_outgoing_list(
            mail_server=mail_server, doc_to_followers=doc_to_followers
        )
        text = self.dunning_notice_id.body_text
        if text:
            for email in email_list:
                email["body_alternative"] = text
        return email_list

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..bulk import outbox

# Waits after a failed attempt; after the last one it is a person's turn.
RETRY_AFTER = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))
# Longest time between taking a message up for SMTP and its outcome. Odoo's SMTP timeout is one minute.
SENDING_TIMEOUT = timedelta(minutes=15)
# A mail that waited longer than this in the queue is looked at again before it leaves.
FRESH_FOR = timedelta(minutes=30)


class DunningNotice(models.Model):
    """What became of a message: taken up by the mail server, sent, failed and tried again, bounced, or unknown."""

    _inherit = "dunning.notice"

    # === THE SERVER === #

    def _take_up(self):
        """Mark the message as being sent, and return whether it may be. The caller commits before it speaks to the
        server. What changed or waited too long since it was queued, or past its send window, goes back to be looked at
        again."""
        self.ensure_one()
        if self.state != "queued":
            if self.state in ("withdrawn", "undone", "sent"):
                self.mail_mail_id.sudo().write({"state": "cancel"})
            return False
        now = fields.Datetime.now()
        is_late = self.queued_at < now - FRESH_FOR or (self.send_until and now >= self.send_until)
        if is_late or self._has_changed():
            self._requeue()
            return False
        self.sudo().write({"state": "sending", "attempt_at": fields.Datetime.now()})
        return True

    def _requeue(self):
        """Back to be looked at again: the mail is dropped and made anew if the message is still right."""
        self.mail_mail_id.sudo().write({"state": "cancel", "dunning_notice_id": False})
        self.sudo().write({"state": "ready", "mail_mail_id": False})
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()

    def _has_changed(self):
        """Whether anything about its items or its account is no longer as it was when it was queued."""
        self.env.flush_all()
        return outbox.fingerprints(self.env, self.ids).get(self.id) != self.fingerprint

    # === WHAT BECAME OF IT === #

    def _mark_sent(self):
        """They left: levels and last contacts are written, exactly once."""
        for company, notices in self.grouped("company_id").items():
            outbox.mark_sent(self.env, notices.ids, fields.Datetime.now(), company._dunning_today())
        self.run_id._settle()

    def _fail(self, error, final=False):
        """It did not leave. The level stays; it is tried again later, then surfaces for good."""
        for notice in self:
            attempts = max(notice.attempts, 1)
            is_final = final or attempts > len(RETRY_AFTER)
            next_try_at = False if is_final else fields.Datetime.now() + RETRY_AFTER[attempts - 1]
            notice.sudo().write(
                {"state": "failed", "error": error, "attempts": attempts, "next_try_at": next_try_at}
            )
            if is_final:
                notice._let_go()
        self.account_id.sudo().write({"attention": "failed"})
        self.run_id._settle()

    def action_retry(self):
        """Try failed messages again now."""
        self.filtered(lambda one: one.state == "failed")._retake()
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()
        return True

    def _retake(self):
        """Back into the outbox, with their items. Items another run has taken meanwhile stay there."""
        for notice in self:
            if notice._reclaim():
                notice.sudo().write({"state": "ready", "next_try_at": False})
                # It holds its items again: the run is open until it knows what became of it.
                notice.run_id.filtered(lambda run: run.state == "done").sudo().state = "sending"
            else:
                notice._withdraw(self.env._("Its items are in another message by now"))

    def _reclaim(self):
        """Whether the message holds its items, taking back those that are free. A correction needs to hold none."""
        if self.corrects_id:
            return True
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """UPDATE dunning_run_line line SET claim = 'open'
                    WHERE line.notice_id = %s AND line.claim IS NULL
                      AND NOT EXISTS (SELECT 1 FROM dunning_run_line other
                                       WHERE other.item_id = line.item_id AND other.id != line.id
                                         AND (other.claim IN ('open', 'queued') OR (other.claim = 'spent'
                                              AND other.cycle = line.cycle AND other.level_rank = line.level_rank)))
                   RETURNING line.id""",
                (self.main_id or self).id,
            )
        )
        self.env["dunning.run.line"].invalidate_model(["claim"])
        return bool(rows) or any((self.main_id or self).line_ids.mapped("claim"))

    @api.model
    def _wake_failed(self):
        due = self.search(
            [("state", "=", "failed"), ("next_try_at", "<=", fields.Datetime.now())], limit=1000
        )
        due.try_lock_for_update()._retake()

    @api.model
    def _recover(self):
        """After a crash, or after somebody worked in the mail queue. Where the mail's own state says what became of it,
        that is written now; a message whose mail was deleted is made anew. A message that was being sent and has no
        outcome may or may not have left: it is not sent again by itself; a person looks at the mailbox and says
        which."""
        known = self.search([("state", "=", "sending"), ("mail_mail_id.state", "in", ("sent", "exception"))])
        for notice in known.try_lock_for_update():
            notice.mail_mail_id.sudo()._write_outcome()
        queued = [("state", "=", "queued"), ("channel", "=", "email")]
        deleted = self.search([*queued, ("mail_mail_id", "=", False)]).try_lock_for_update()
        if deleted:
            deleted._requeue()
        cancelled = self.search([*queued, ("mail_mail_id.state", "=", "cancel")]).try_lock_for_update()
        if cancelled:
            cancelled._withdraw(self.env._("Its mail was cancelled in the mail queue"))
        limit = fields.Datetime.now() - SENDING_TIMEOUT
        stuck = self.search([("state", "=", "sending"), ("attempt_at", "<", limit)]).try_lock_for_update()
        if stuck:
            stuck._mark_uncertain()

    def _mark_uncertain(self):
        self.sudo().write(
            {
                "state": "uncertain",
                "error": self.env._("The connection ended before the server's answer was seen."),
            }
        )
        self.mail_mail_id.sudo().write({"state": "cancel"})
        self.account_id.sudo().write({"attention": "uncertain"})

    def action_was_sent(self):
        """An uncertain message did leave."""
        self.filtered(lambda one: one.state == "uncertain")._mark_sent()
        return True

    def action_send_again(self):
        """An uncertain message did not leave."""
        self.filtered(lambda one: one.state == "uncertain").sudo().write({"state": "ready"})
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()
        return True

    def _mark_bounced(self, error):
        """The address does not work: as if it had not been sent, unless it went by another channel as well; and nobody
        writes to that address again."""
        notices = self.filtered(lambda one: one.state == "sent")
        if not notices:
            return
        notices.sudo().write({"state": "failed", "error": error, "next_try_at": False})
        lost = notices - notices._sent_otherwise()
        outbox.lower_levels(self.env, (lost | lost.main_id).ids)
        own = notices.filtered(lambda one: one.email_to == one.partner_id.email)
        own.partner_id.sudo().write({"dunning_bounced_at": fields.Datetime.now()})
        notices.account_id.sudo().write({"attention": "bounced"})

    def _sent_otherwise(self):
        """Those of these messages that left by another channel."""
        left = (self | self.main_id)._all_channels().filtered(lambda one: one.state == "sent")
        return self.filtered(lambda one: (left - one).filtered(lambda twin: one in twin._whole()))

    def _whole(self):
        """This message by all its channels."""
        return (self.main_id or self)._all_channels()

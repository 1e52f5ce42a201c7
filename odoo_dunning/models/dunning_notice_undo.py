from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..bulk import outbox
from .dunning_notice import NOT_WRITTEN


class DunningNotice(models.Model):
    """Sent messages taken back: levels return, the history stays, the customer may get a correction."""

    _inherit = "dunning.notice"

    def action_undo(self, reason=False, send_correction=False):
        """Take sent messages back: levels and last contacts return to what they were. History stays.

        :param reason: shown in the history and in the correction
        :param send_correction: whether the customer gets a message that takes the first one back
        """
        if not self.env.su:
            self.env.user._dunning_require_manager()
        sent = self._undoable()
        if not sent:
            raise UserError(self.env._("Only sent messages can be undone."))
        sent._check_undoable()
        note = reason or self.env._("Undone by %(user)s", user=self.env.user.name)
        sent.sudo().write({"state": "undone", "note": note})
        outbox.lower_levels(self.env, (sent | sent.main_id).ids)
        (sent | sent.main_id)._all_channels().filtered(
            lambda one: one.state in ("ready", "queued", "failed")
        )._withdraw(note)
        if send_correction:
            sent._correct()
        for account, notices in sent.grouped("account_id").items():
            account.message_post(
                body=self.env._("Undone: %(messages)s", messages=", ".join(notices.mapped("display_name")))
            )
        return True

    def _undoable(self):
        """The sent ones of these messages, by all channels they went by: whoever takes one back takes back all."""
        return (
            (self | self.main_id)
            ._all_channels()
            .filtered(lambda one: one.state == "sent" and not one.corrects_id)
        )

    def _check_undoable(self):
        """A later level of the same item must be undone first. The lines are those of the main message."""
        ids = (self | self.main_id).ids
        rows = self.env.execute_query(
            SQL(
                """SELECT later.notice_id FROM dunning_run_line line
                     JOIN dunning_run_line later ON later.item_id = line.item_id AND later.claim = 'spent'
                      AND later.cycle = line.cycle AND later.level_rank > line.level_rank
                    WHERE line.notice_id = ANY(%s) AND later.notice_id != ALL(%s) LIMIT 1""",
                ids,
                ids,
            )
        )
        if rows:
            later = self.browse(rows[0][0])
            raise UserError(
                self.env._(
                    "%(message)s went out later for the same items. Undo it first.",
                    message=later.display_name,
                )
            )

    def _correct(self):
        """A message that takes each of these back, by the first channel it went by."""
        for notice in self.filtered(lambda one: one.main_id not in self):
            notice.sudo().copy(
                {
                    "state": "ready",
                    "corrects_id": notice.id,
                    "main_id": False,
                    "send_at": fields.Datetime.now(),
                    **NOT_WRITTEN,
                }
            )
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()

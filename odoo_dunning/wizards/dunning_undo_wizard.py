from odoo import api, fields, models


class DunningUndoWizard(models.TransientModel):
    """Asks why a run or single messages are taken back, and whether the customers are told."""

    _name = "dunning.undo.wizard"
    _description = "Undo"

    run_id = fields.Many2one("dunning.run")
    notice_ids = fields.Many2many("dunning.notice", string="Messages")
    sent_count = fields.Integer(compute="_compute_counts", string="Sent already")
    waiting_count = fields.Integer(compute="_compute_counts", string="Not sent yet")
    reason = fields.Char(required=True, help="Stands in the history, and in the correction if one is sent.")
    send_correction = fields.Boolean(
        string="Tell the customers", help="Each customer gets a message that takes the first one back."
    )

    @api.depends("run_id", "notice_ids")
    def _compute_counts(self):
        for wizard in self:
            notices = wizard.run_id.notice_ids or wizard.notice_ids
            wizard.sent_count = len(notices.filtered(lambda one: one.state == "sent" and not one.corrects_id))
            wizard.waiting_count = len(
                notices.filtered(
                    lambda one: one.state in ("proposed", "ready", "queued", "sending", "failed")
                )
            )

    def action_confirm(self):
        """Take them back."""
        self.ensure_one()
        target = self.run_id or self.notice_ids
        target.action_undo(reason=self.reason, send_correction=self.send_correction)
        return {"type": "ir.actions.act_window_close"}

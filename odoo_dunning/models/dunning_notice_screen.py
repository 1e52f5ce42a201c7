from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import reasons, rendering
from .dunning_notice import NOT_WRITTEN

# Odoo closes a dialog when one of its buttons answers with nothing else to do.
STAY = {"type": "ir.actions.client", "tag": "dunning_stay"}


class DunningNoticeScreen(models.Model):
    """Preview and dialogs of a message."""

    _inherit = "dunning.notice"

    preview_subject = fields.Char(compute="_compute_preview", string="Subject as sent")
    preview_html = fields.Text(compute="_compute_preview", string="Preview")
    preview_text = fields.Text(compute="_compute_preview", string="Plain text")
    preview_error = fields.Char(compute="_compute_preview", string="Cannot be shown because")
    warning = fields.Char(compute="_compute_warning")
    is_writable = fields.Boolean(compute="_compute_is_writable", string="Being written by hand")
    language_name = fields.Char(compute="_compute_language_name", string="In language")

    @api.depends("warnings")
    def _compute_warning(self):
        for notice in self:
            said = [reasons.sentence(self.env, code, args) for code, args in notice.warnings or ()]
            notice.warning = " ".join(said)

    @api.depends("is_edited", "state")
    def _compute_is_writable(self):
        for notice in self:
            notice.is_writable = notice.is_edited and notice.state in ("proposed", "ready", "failed")

    @api.depends("lang")
    def _compute_language_name(self):
        names = dict(self.env["res.lang"].with_context(active_test=False).get_installed())
        for notice in self:
            notice.language_name = names.get(notice.lang) or notice.lang

    @api.depends("subject", "body_html", "body_text", "is_edited", "level_id", "partner_id", "state")
    def _compute_preview(self):
        for notice in self:
            notice.preview_subject = notice.preview_html = notice.preview_text = notice.preview_error = False
            if not notice._origin or (notice.state == "withdrawn" and not notice.body_html):
                continue
            try:
                message = notice._previewed()
            except UserError as error:
                notice.preview_error = str(error)
            else:
                notice.preview_subject, notice.preview_html, notice.preview_text = message

    def _previewed(self):
        """(subject, html, text): what was sent, what a person is writing, or what would leave now."""
        if self.is_edited or self.state == "withdrawn":
            return self.subject or "", self.body_html or "", self.body_text or ""
        message = self._origin.action_preview()
        return message.subject, message.html, message.text

    def preview(self):
        """`{subject, html, text, error}` for the pane beside a list of messages."""
        self.ensure_one()
        return {
            "subject": self.preview_subject or "",
            "html": self.preview_html or "",
            "text": self.preview_text or "",
            "error": self.preview_error or "",
            "note": self.note or "",
        }

    def write(self, vals):
        """What is written into a message is written into its plain text, too, unless that is given as well."""
        if not vals.get("body_html") or "body_text" in vals:
            return super().write(vals)
        before = {notice: notice.body_html or "" for notice in self.filtered("is_edited")}
        res = super().write(vals)
        for notice, html in before.items():
            notice.body_text = rendering.following_text(notice.body_text or "", html, vals["body_html"])
        return res

    def action_edit_text(self):
        """Override: the dialog stays open for the writing."""
        super().action_edit_text()
        return STAY

    def action_use_text_of_template(self):
        """Forget what was written by hand: the message takes its text from the template again."""
        self.filtered("is_edited").write(NOT_WRITTEN)
        return STAY

    def action_ask_undo(self):
        """Ask why, and whether the customer is told."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Undo"),
            "res_model": "dunning.undo.wizard",
            "view_mode": "form",
            "target": "new",
            "context": {"default_notice_ids": self.ids},
        }

from odoo import fields, models
from odoo.tools import format_date


class DunningNotice(models.Model):
    """Reminders leave a note on the invoices they are about, where the connection says so."""

    _inherit = "dunning.notice"

    ledger_write_ids = fields.One2many(
        "dunning.ledger.write", "notice_id", string="Notes at the source", readonly=True
    )

    def _mark_sent(self):
        """Override to ask for a note on each invoice of a ledger."""
        before = self.filtered(lambda one: one.state == "sent")
        res = super()._mark_sent()
        (self - before).filtered(lambda one: one.state == "sent")._ask_for_notes("sent")
        return res

    def action_undo(self, reason=False, send_correction=False):
        """Override to note that the reminder was taken back."""
        sent = self._undoable()
        res = super().action_undo(reason=reason, send_correction=send_correction)
        written = (
            self.env["dunning.ledger.write"]
            .sudo()
            .search([("notice_id", "in", sent.ids), ("kind", "=", "note"), ("state", "=", "done")])
        )
        written.notice_id._ask_for_notes("undone")
        return res

    def _ask_for_notes(self, event):
        """Queue a note for each invoice of these messages.

        :param event: "sent" or "undone"
        """
        noting = self.env["dunning.ledger"].sudo().search([("write_notes", "=", True)])
        if not noting:
            return
        asked = []
        for notice in self.filtered(lambda one: not one.corrects_id):
            for item in (notice.main_id or notice).sudo().line_ids.item_id:
                if item.ledger_id in noting and item.kind == "invoice":
                    asked.append(
                        {
                            "ledger_id": item.ledger_id.id,
                            "kind": "note",
                            "key": f"note-{event}-{notice.id}-{item.entity}-{item.external_id}",
                            "external_id": item.external_id,
                            "item_id": item.id,
                            "notice_id": notice.id,
                            "payload": {"text": notice._note_text(event), "after_undo": event == "undone"},
                        }
                    )
        self.env["dunning.ledger.write"].sudo()._ask(asked)

    def _note_text(self, event):
        """What stands on the invoice, in the language of the company's own books."""
        notice = self.with_context(lang=self.company_id.partner_id.lang or self.env.lang)
        facts = {
            "number": notice._number(),
            "level": notice.level_id.name or "",
            "channel": dict(notice._fields["channel"]._description_selection(notice.env))[notice.channel],
            "day": format_date(notice.env, notice.company_id._dunning_today()),
        }
        if event == "undone":
            return notice.env._("Reminder %(number)s was taken back on %(day)s (Odoo).", **facts)
        return notice.env._("Reminder %(number)s, %(level)s, by %(channel)s, %(day)s (Odoo).", **facts)

from markupsafe import Markup
from odoo import models
from odoo.tools import html_sanitize

REPORT = "odoo_dunning.report_letter"


class DunningNotice(models.Model):
    """The message on paper, under the address of who gets it, for whoever posts the letter."""

    _inherit = "dunning.notice"

    def action_print_letter(self):
        """The messages as one PDF; of one that has not left, as it would leave today."""
        return self.env.ref(REPORT).report_action(self, config=False)

    def _note_by_hand(self, note):
        """Override: whoever posts it gets the PDF as well."""
        note = super()._note_by_hand(note)
        if self.channel != "letter":
            return note
        href = f"/report/pdf/{self.env.ref(REPORT).sudo().report_name}/{self.id}"
        link = Markup('<a href="%s" target="_blank">%s</a>') % (href, self.env._("Print the letter"))
        return Markup("%s<br/>%s") % (note, link)

    def _address_lines(self, partner):
        """Who and where, for a window envelope."""
        names = dict.fromkeys((partner.commercial_company_name or "", partner.name or ""))
        where = partner._display_address(without_company=True).splitlines()
        return [line.strip() for line in (*names, *where) if line.strip()]

    def _letter(self):
        """What the printer gets of the document: nothing in it may run or be fetched but pictures."""
        self.ensure_one()
        return Markup(html_sanitize(self.action_preview().html, sanitize_style=False, strip_classes=False))

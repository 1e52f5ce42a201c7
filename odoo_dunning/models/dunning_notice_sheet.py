from odoo import models
from odoo.exceptions import UserError

from ..bulk import charge_sheets, charging

REPORT = "odoo_dunning.report_charge_sheet"


class DunningNotice(models.Model):
    """The calculation sheet: how every charge of a message was worked out, as a page for the customer."""

    _inherit = "dunning.notice"

    def _sheet(self):
        """What the page shows."""
        return charge_sheets.sheet_of(self)

    def action_print_sheet(self):
        """The sheet as a PDF; of a message that has not left, as it would be today."""
        waiting = self.filtered(lambda one: one.state in ("proposed", "ready") and not one.main_id)
        for company, notices in waiting.grouped("company_id").items():
            charging.reckon(notices, notices._look_again(), company._dunning_today())
        return self.env.ref(REPORT).report_action(self)

    def _attach_sheets(self):
        """One PDF per message that charges something, on the mail and in the chatter. A page that cannot be made does
        not keep the message: it says so."""
        for notice in self:
            charges = (notice.main_id or notice).charge_ids
            if not charges.filtered(lambda one: one.stage == "claimed" and one.amount):
                continue
            try:
                pdf, _kind = self.env["ir.actions.report"].sudo()._render_qweb_pdf(REPORT, notice.ids)
            except UserError as error:
                notice.note = self.env._("The calculation sheet could not be made: %(error)s", error=error)
                continue
            number = notice._number().replace("/", "-")
            attachment = (
                self.env["ir.attachment"]
                .sudo()
                .create(
                    {
                        "name": f"{number}.pdf",
                        "raw": pdf,
                        "mimetype": "application/pdf",
                        "res_model": "dunning.account",
                        "res_id": notice.account_id.id,
                    }
                )
            )
            notice.mail_message_id.sudo().attachment_ids = attachment

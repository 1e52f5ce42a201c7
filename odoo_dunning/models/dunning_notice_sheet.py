from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..bulk import charge_sheets, charging, sheet_files


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
        return self.env.ref(sheet_files.REPORT).report_action(self, config=False)

    def _attach_sheets(self):
        """One PDF per message that charges something, on the mail and in the chatter. A page that cannot be made does
        not keep the message: it says so."""
        charging_ones = self.filtered(
            lambda one: (one.main_id or one).charge_ids.filtered(
                lambda charge: charge.stage == "claimed" and charge.amount
            )
        )
        try:
            charging_ones._keep_sheets(list(sheet_files.pdfs(charging_ones)))
        except UserError:
            for notice in charging_ones:
                try:
                    notice._keep_sheets(list(sheet_files.pdfs(notice)))
                except UserError as error:
                    notice.sudo().note = self.env._(
                        "The calculation sheet could not be made: %(error)s", error=error
                    )

    @api.model
    def _keep_sheets(self, files):
        """:param files: [(message, PDF), …]"""
        attachments = (
            self.env["ir.attachment"]
            .sudo()
            .create(
                [
                    {
                        "name": f"{notice._number().replace('/', '-')}.pdf",
                        "raw": pdf,
                        "mimetype": "application/pdf",
                        "res_model": "dunning.account",
                        "res_id": notice.account_id.id,
                    }
                    for notice, pdf in files
                ]
            )
        )
        for (notice, _pdf), attachment in zip(files, attachments, strict=True):
            notice.mail_message_id.sudo().attachment_ids = [Command.link(attachment.id)]

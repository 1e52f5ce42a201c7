"""Charges in the proposal and in the message: what is claimed, from whom, and what is said when nothing can be."""

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .charge_common import INTEREST, LATE_DAYS, ChargeCase


@tagged("post_install", "-at_install")
class TestChargeClaim(ChargeCase):
    def test_interest_over_a_half_year_change_and_recovery_sum(self):
        self.make_late()
        run = self.propose()

        self.assertRecordValues(
            self.charges(run).sorted("kind"),
            [
                {"kind": "interest", "amount": INTEREST, "stage": "claimed", "law": "DE", "law_reason": "seller_law"},
                {"kind": "recovery_sum", "amount": 40.0, "stage": "claimed", "law": "DE", "law_reason": "seller_law"},
            ],
        )
        self.assertEqual(run.notice_ids.amount_with_charges, 1000.0 + INTEREST + 40.0)

    def test_message_shows_charges_sheet_growth_and_basis(self):
        self.make_late()
        run = self.sent_run()
        text = run.notice_ids.body_text

        for expected in ("€1,083.45", "€43.45", "€40.00", "10.27%", "10.52%", "€2.81", "€40.64", "€0.29", "§ 288 (2) BGB"):
            self.assertIn(expected, text)
        self.assertEqual(set(self.charges(run).mapped("stage")), {"announced"})
        sheet = self.charges(run, "interest").sheet
        self.assertEqual([(line["days"], line["amount"]) for line in sheet["lines"]], [(10, "2.81"), (141, "40.64")])
        self.assertIn("DE_BASE.2026H2", sheet["row_ids"])

    def test_consumer_is_not_charged(self):
        self.make_late(self.consumer())
        run = self.sent_run()

        self.assertTrue(run.notice_ids)
        self.assertFalse(self.charges(run))
        self.assertNotIn("43.45", run.notice_ids.body_text)

    def test_sheet_travels_as_pdf(self):
        self.make_late()
        self.final.charge_sheet = "attached"
        run = self.propose()
        run.action_approve()
        notice = run.notice_ids.with_context(force_report_rendering=True)
        notice.try_lock_for_update()._hand_over()

        self.assertNotIn("10.52%", notice.body_text)
        [attachment] = notice.mail_message_id.attachment_ids
        self.assertEqual(attachment.mimetype, "application/pdf")
        self.assertTrue(attachment.raw.startswith(b"%PDF"))

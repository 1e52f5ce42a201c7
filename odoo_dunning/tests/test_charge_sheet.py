"""Calculation sheets: one customer's figures in another one's letter, and a formula that is not what was reckoned."""

import io
from datetime import date
from decimal import Decimal
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools.pdf import PdfReader, PdfWriter

from ..bulk import sheet_files
from .charge_common import ChargeCase
from .common import TODAY


def text_of(pdf):
    """Without its spaces: how words are set apart is up to the font."""
    return "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages)


@tagged("post_install", "-at_install")
class TestChargeSheetFiles(ChargeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.final.charge_sheet = "attached"

    def queued(self, customers=3, invoices=1):
        """Messages to some customers with differing numbers of invoices, handed to the mail queue with their sheets."""
        for number in range(customers):
            partner = self.make_customer(f"Debtor {number}")
            for _each in range(invoices + 12 * (number % 2)):
                self.make_late(partner=partner, amount=1000.0 + number)
        run = self.propose()
        run.action_approve()
        notices = run.notice_ids.with_context(force_report_rendering=True)
        with patch.object(sheet_files, "_print", side_effect=sheet_files._print) as self.printed:
            notices.try_lock_for_update()._hand_over()
        return notices

    def sheets(self, notices):
        return {notice: notice.mail_message_id.attachment_ids.raw for notice in notices}

    def test_each_customer_gets_only_its_own_sheet_from_one_call_of_the_printer(self):
        """Every other customer has so many invoices that its sheet takes several pages."""
        notices = self.queued(customers=4)

        self.assertEqual(self.printed.call_count, 1)
        pages = []
        for notice, pdf in self.sheets(notices).items():
            text = text_of(pdf)
            for other in notices:
                items = other.line_ids.item_id
                shown = [other._number(), other.account_id.partner_id.name, *items.mapped("number")]
                for word in ("".join(one.split()) for one in shown):
                    self.assertEqual(
                        word in text, other == notice, f"{word} in the sheet of {notice.display_name}"
                    )
            pages.append(len(PdfReader(io.BytesIO(pdf)).pages))
        self.assertEqual(pages.count(1), 2)
        self.assertGreater(max(pages), 1)

    def test_more_than_one_call_when_there_are_many(self):
        with patch.object(sheet_files, "SHEETS_PER_CALL", 2):
            notices = self.queued(customers=3)
        self.assertEqual(self.printed.call_count, 2)
        for notice, pdf in self.sheets(notices).items():
            self.assertIn(notice._number(), text_of(pdf))

    def test_where_a_page_leaves_a_doubt_each_sheet_is_made_alone(self):
        with patch.object(sheet_files, "cut", return_value=None):
            notices = self.queued(customers=2)
        self.assertEqual(self.printed.call_count, 3)
        for notice, pdf in self.sheets(notices).items():
            numbers = [other._number() for other in notices if other._number() in text_of(pdf)]
            self.assertEqual(numbers, [notice._number()])

    def test_pages_that_do_not_say_plainly_whose_they_are_are_not_cut(self):
        [first, second] = self.queued(customers=2)
        one, two = (self.sheets(notice)[notice] for notice in (first, second))
        numbers = [first._number(), second._number()]

        self.assertEqual(len(sheet_files.cut(self.glued(one, two), numbers)), 2)
        self.assertIsNone(sheet_files.cut(self.glued(two, one), numbers))
        self.assertIsNone(sheet_files.cut(self.glued(one, two, one), numbers))
        self.assertIsNone(sheet_files.cut(self.glued(one), numbers))
        self.assertIsNone(sheet_files.cut(self.glued(one, two), [*numbers, "DN/2026/99999"]))
        self.assertIsNone(sheet_files.cut(self.glued(one, two), [numbers[0], numbers[1][:-1]]))

    def glued(self, *files):
        writer, stream = PdfWriter(), io.BytesIO()
        for pdf in files:
            for page in PdfReader(io.BytesIO(pdf)).pages:
                writer.add_page(page)
        writer.write(stream)
        return stream.getvalue()

    def test_one_sheet_that_cannot_be_made_keeps_neither_the_others_nor_its_message(self):
        make = type(self.env["dunning.notice"])._sheet

        def fail_for_one(notice):
            if notice.account_id.partner_id.name == "Debtor 1":
                raise UserError(self.env._("No ink"))
            return make(notice)

        with patch.object(type(self.env["dunning.notice"]), "_sheet", fail_for_one):
            notices = self.queued(customers=3)

        self.assertEqual(set(notices.mapped("state")), {"queued"})
        failed = notices.filtered(lambda one: one.account_id.partner_id.name == "Debtor 1")
        self.assertIn("No ink", failed.note)
        self.assertFalse(failed.mail_message_id.attachment_ids)
        for notice, pdf in self.sheets(notices - failed).items():
            self.assertIn(notice._number(), text_of(pdf))


@tagged("post_install", "-at_install")
class TestChargeSheetWords(ChargeCase):
    def sheet(self, **vals):
        self.make_late(**vals)
        run = self.sent_run()
        return run.notice_ids._sheet(), self.charges(run, "interest")

    def test_simple_interest_says_nothing_of_compounding(self):
        sheet, _charge = self.sheet()
        formula = next(one.formula for one in sheet.charges if one.formula)
        self.assertIn("÷ 365. It is rounded once", formula)
        self.assertNotIn("joins the amount", formula)

    def test_compounding_terms_are_said_and_the_figures_follow_them(self):
        """The Netherlands, BW 6:119 (2): due on 20 June 2025, the interest of the first year bears interest since."""
        days = (TODAY - date(2025, 6, 20)).days
        invoice = self.make_invoice(amount=1000.0, due_days=days, currency_id=self.eur.id)
        self.item_of(invoice).account_id.charge_law = "NL"
        run = self.sent_run()
        made = self.charges(run, "interest").sheet

        formula = next(one.formula for one in run.notice_ids._sheet().charges if one.formula)
        self.assertIn("At the end of each full year after the due date, the interest owed joins", formula)
        first_year = [line for line in made["lines"] if line["to"] <= "2026-06-20"]
        self.assertEqual({line["base"] for line in first_year}, {"1000.00"})
        owed = sum(Decimal(line["amount"]) for line in first_year)
        later = {Decimal(line["base"]) for line in made["lines"] if line["to"] > "2026-06-20"}
        self.assertEqual(later, {1000 + owed})

    def test_what_a_payment_is_counted_against_is_said_where_the_law_says_so(self):
        """§ 367 BGB."""
        sheet, _charge = self.sheet()
        self.assertEqual(
            sheet.paid_first, "A payment is counted against costs first, then interest, then the principal."
        )

    def test_what_a_payment_is_counted_against_is_not_said_from_a_draft(self):
        invoice = self.make_late()
        self.item_of(invoice).account_id.charge_law = "FR"
        notice = self.sent_run().notice_ids
        self.assertEqual(notice._sheet().paid_first, "")
        self.env["dunning.law.row"].search([("key", "=", "FR.any.allocation_order")]).action_activate("Read")
        self.assertIn("counted against costs first", notice._sheet().paid_first)

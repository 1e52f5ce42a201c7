"""A dialog that fails as it opens, so that what it asks for cannot be done on any screen."""

from odoo.exceptions import UserError
from odoo.tests import Form, tagged
from odoo.tools import html2plaintext

from .charge_common import INTEREST
from .common import collections_user
from .test_charge_booking import BookingCase


def opened(env, action):
    """The form of a dialog as the web client opens it: nothing is stored before somebody confirms."""
    return Form(env[action["res_model"]].with_context(**action["context"]))


@tagged("post_install", "-at_install")
class TestDialogs(BookingCase):
    def test_an_accountant_waives_one_charge_in_part(self):
        run = self.booked_run()
        clerk = collections_user(self.env, "clerk")
        interest = self.charges(run, "interest").with_user(clerk)
        form = opened(interest.env, interest.action_ask_waive())
        self.assertEqual(form.amount, INTEREST)
        form.amount = 13.45
        form.reason = "Goodwill"
        form.save().action_confirm()

        self.assertEqual((interest.state, interest.amount_due), ("booked", 30.0))

    def test_an_accountant_waives_several_charges(self):
        charges = self.charges(self.booked_run())
        self.assertEqual(len(charges), 2)
        form = opened(self.env, charges.action_ask_waive())
        form.reason = "Goodwill"
        form.save().action_confirm()

        self.assertEqual(set(charges.mapped("state")), {"waived"})

    def test_a_draft_of_law_is_activated_with_a_note(self):
        row = self.env["dunning.law.row"].search([("key", "=", "DE.b2c.reminder_fee")])
        self.assertFalse(row.is_in_use)
        form = opened(self.env, row.action_ask_activate())
        form.note = "Our own postage"
        form.save().action_confirm()

        self.assertTrue(row.is_in_use)
        self.assertEqual(row.activation_note, "Our own postage")

    def test_rows_that_apply_already_are_not_activated(self):
        row = self.env["dunning.law.row"].search([("status", "=", "verified")], limit=1)
        with self.assertRaisesRegex(UserError, "Choose drafts"):
            row.action_ask_activate()

    def test_the_calculation_on_the_screen_reads_like_a_document(self):
        """10 days at 1.27 + 9 % and 141 at 1.52 + 9 %, on 1,000.00."""
        interest = self.charges(self.booked_run(), "interest")
        shown = html2plaintext(interest.sheet_html)
        for part in ("Jul 1, 2026", "€1,000.00", "10.52%", "€43.45", "÷ 365"):
            self.assertIn(part, shown)
        self.assertNotIn("2026-07-01", shown)
        self.assertNotIn("act/365", shown)


@tagged("post_install", "-at_install")
class TestChargeDocument(BookingCase):
    def test_lines_speak_the_customer_s_language(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.env["ir.module.module"].search([("name", "=", "odoo_dunning")])._update_translations(["de_DE"])
        self.customer.lang = "de_DE"
        run = self.booked_run()

        names = self.charges(run).move_id.invoice_line_ids.mapped("name")
        self.assertEqual(len(names), 2)
        self.assertTrue(any("18.11.2026" in name for name in names), names)
        self.assertFalse(any("up to" in name for name in names), names)

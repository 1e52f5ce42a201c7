"""Customers whom the channels of a level do not reach: left out without a word, or asked by e-mail that is none."""

from odoo.addons.mail.tests.common import MailCase
from odoo.tests import Form, tagged

from .common import DunningCase

STREET = {"street": "Main Street 1", "city": "Berlin", "zip": "10115"}


@tagged("post_install", "-at_install")
class TestFallback(DunningCase, MailCase):
    def proposed_to(self, **vals):
        """The invoice of a customer without e-mail, and its line in a proposal."""
        self.partner = self.make_customer("Unplugged", **{"email": False, **vals})
        invoice = self.make_invoice(partner=self.partner, due_days=10)
        return self.line_of(self.propose(), invoice)

    def test_letter_before_call_and_a_person_is_asked(self):
        line = self.proposed_to(phone="+49 30 1", **STREET)
        notice = line.notice_id
        self.assertEqual(
            (line.decision, notice.channel, notice.partner_id), ("notify", "letter", self.partner)
        )
        self.assertEqual(line.item_id.level_rank, 0)

        self.send_out(line.run_id)
        self.assertEqual(notice.state, "sent")
        self.assertEqual(line.item_id.level_id, self.friendly)
        self.assertEqual(line.account_id.activity_ids.mapped("summary"), ["Post the letter"])

    def test_call_where_there_is_no_street(self):
        line = self.proposed_to(phone="+49 30 1")
        self.assertEqual(line.notice_id.channel, "call")
        self.send_out(line.run_id)
        self.assertEqual(line.account_id.activity_ids.mapped("summary"), ["Call the customer"])

    def test_nobody_anywhere_is_answered_and_surfaces(self):
        line = self.proposed_to()
        self.assertEqual(line.reason_code, "no_address")
        self.assertEqual(line.reason_args, [self.friendly.name, "email, letter, call"])
        self.assertEqual(line.account_id.attention, "no_address")

    def test_no_address_is_more_pressing_than_a_claim_to_hand_over(self):
        line = self.proposed_to()
        account, run = line.account_id, line.run_id
        old = self.item_of(self.make_invoice(partner=self.partner, due_days=90))
        reached = {"level_id": self.final.id, "level_rank": self.final.rank, "level_date": "2026-10-01"}
        old.sudo().write(reached)
        run.action_propose_now()
        self.assertEqual(account.attention, "no_address")

        self.partner.email = "found@customer.example"
        run.action_propose_now()
        self.assertEqual(account.attention, "hand_over")

    def test_nobody_writes_to_an_archived_customer(self):
        run = self.proposed_to(email="gone@customer.example").run_id
        self.partner.active = False
        run.action_propose_now()
        self.assertEqual(run.line_ids.reason_code, "archived")

    def test_no_fallback_asks_for_an_address(self):
        self.friendly.fallback = "none"
        line = self.proposed_to(phone="+49 30 1", **STREET)
        self.assertEqual(line.reason_code, "no_address")

    def test_who_has_an_e_mail_address_gets_no_letter(self):
        line = self.proposed_to(email="plugged@customer.example", phone="+49 30 1", **STREET)
        self.assertEqual(line.run_id.notice_ids.mapped("channel"), ["email"])

    def test_bounced_address_falls_back(self):
        self.customer.write({**STREET, "dunning_bounced_at": "2026-11-01 00:00:00"})
        invoice = self.make_invoice(due_days=10)
        self.assertEqual(self.line_of(self.propose(), invoice).notice_id.channel, "letter")

    def test_what_a_level_falls_back_on(self):
        """A channel in use is none to fall back on, and a letter needs a text. The courtesy note is not worth one."""
        self.assertEqual(self.courtesy._to_engine().fallback_channels, ())
        self.assertEqual(self.firm._to_engine().fallback_channels, ("letter", "call"))
        self.firm.write({"by_letter": True})
        self.assertEqual(self.firm._to_engine().fallback_channels, ("call",))
        self.firm.write({"by_letter": False, "by_email": False, "by_sms": False, "by_call": True})
        self.firm.template_key = False
        self.assertEqual(self.firm._to_engine().fallback_channels, ())

    def test_it_is_on_the_form_of_the_level(self):
        with Form(self.final) as form:
            self.assertEqual(form.fallback, "letter_call")
            form.fallback = "call"
        self.assertEqual(self.final._to_engine().fallback_channels, ("call",))

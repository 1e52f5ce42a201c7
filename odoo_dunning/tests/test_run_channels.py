"""One message by several channels: one level, one undo, and nothing that a failed channel unsays."""

from datetime import date

import lxml.html
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged

from .charge_common import ChargeCase
from .common import TODAY, LifeCase


@tagged("post_install", "-at_install")
class TestChannelsOfOneMessage(LifeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.friendly.by_letter = True
        cls.customer.write({"street": "Hauptstr. 1", "city": "Berlin"})

    def both(self, run):
        letter = run.notice_ids.filtered("main_id")
        return letter.main_id, letter

    def test_letter_that_follows_a_sent_mail_leaves_the_level_alone(self):
        run = self.propose()
        mail, letter = self.both(run)
        run.action_approve()
        mail._hand_over()
        with self.mock_mail_gateway():
            mail.mail_mail_id.send()
        self.assertEqual(mail.state, "sent")

        letter._hand_over()

        self.assertEqual(letter.state, "sent")
        self.assertEqual(run.line_ids.claim, "spent")
        self.assertEqual(self.levels(self.invoice), [2])

    def test_letter_that_follows_a_sent_mail_stays_home_when_all_was_paid(self):
        run = self.propose()
        mail, letter = self.both(run)
        run.action_approve()
        mail._hand_over()
        with self.mock_mail_gateway():
            mail.mail_mail_id.send()
        self.pay(self.invoice)

        letter._hand_over()

        self.assertEqual(letter.state, "withdrawn")
        self.assertEqual((run.line_ids.claim, run.line_ids.decision), ("spent", "notify"))

    def test_another_level_goes_by_its_own_channels(self):
        self.final.write({"by_letter": True})
        run = self.propose()
        mail, letter = self.both(run)

        run.line_ids.set_level(self.firm)
        self.assertFalse(letter.exists(), "the firm level writes by e-mail alone")
        self.assertEqual((run.notice_ids, mail.level_id), (mail, self.firm))

        run.line_ids.set_level(self.final)
        again = run.notice_ids - mail
        self.assertEqual((again.channel, again.main_id, again.level_id), ("letter", mail, self.final))
        self.assertEqual((again.amount_total, again.item_count), (mail.amount_total, mail.item_count))

        self.friendly.write({"by_email": False})
        run.line_ids.set_level(self.friendly)
        self.assertEqual((run.notice_ids.channel, run.notice_ids.line_ids), ("letter", run.line_ids))

    def test_who_posts_the_letter_gets_to_it_and_prints_it_in_one_click(self):
        self.friendly.by_email = False
        run = self.propose()
        letter = run.notice_ids
        run.action_approve()
        letter._hand_over()

        [activity] = letter.account_id.activity_ids
        links = lxml.html.fromstring(f"<div>{activity.note}</div>").findall(".//a")
        self.assertEqual(
            [(link.get("data-oe-model"), link.get("data-oe-id")) for link in links[:1]],
            [("dunning.notice", str(letter.id))],
        )
        self.assertEqual(links[1].get("href"), f"/report/pdf/odoo_dunning.letter/{letter.id}")
        self.assertEqual(
            [link.text for link in links], [f"Friendly reminder in run {run.name}", "Print the letter"]
        )

    def test_each_letter_is_put_to_a_person_though_another_still_lies_there(self):
        self.friendly.by_email = False
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.make_invoice(due_days=9, amount=5000, currency_id=yen.id)
        run = self.propose()
        run.action_approve()
        run.notice_ids._hand_over()

        activities = run.notice_ids.account_id.activity_ids
        self.assertEqual(activities.mapped("summary"), ["Post the letter"] * 2)
        self.assertEqual(len(set(activities.mapped("note"))), 2)

    def test_letter_beside_a_mail_is_about_the_same_invoices(self):
        _mail, letter = self.both(self.propose())

        self.assertIn(self.invoice.name, letter.action_preview().text)

    def test_letter_handed_to_a_person_has_its_text(self):
        run = self.propose()
        self.send_out(run)
        _mail, letter = self.both(run)

        self.assertEqual(letter.state, "sent")
        self.assertIn(self.invoice.name, letter.body_text)
        self.assertIn(self.invoice.name, letter.action_preview().html)

    def test_undo_of_a_message_undoes_it_by_all_channels(self):
        run = self.propose()
        self.send_out(run)
        mail, letter = self.both(run)
        self.assertEqual((mail.state, letter.state), ("sent", "sent"))

        letter.action_undo()

        self.assertEqual((mail.state, letter.state), ("undone", "undone"))
        self.assertEqual(self.levels(self.invoice), [0])
        self.assertFalse(mail.account_id.last_contact_date)

    def test_failed_correction_is_tried_again(self):
        run = self.propose()
        self.send_out(run)
        run.action_undo(send_correction=True)
        correction = self.env["dunning.notice"].search([("corrects_id.run_id", "=", run.id)])
        correction._fail("451 try again later")
        self.assertTrue(correction.next_try_at)

        correction._retake()

        self.assertEqual(correction.state, "ready")

    def test_bounced_mail_beside_a_posted_letter_keeps_the_level(self):
        run = self.propose()
        self.send_out(run)
        mail, letter = self.both(run)

        mail._mark_bounced("550 no such user")

        self.assertEqual((mail.state, letter.state), ("failed", "sent"))
        self.assertEqual(self.levels(self.invoice), [2])
        self.assertEqual(mail.account_id.last_contact_date, TODAY)
        self.assertEqual(mail.account_id.attention, "bounced")
        letter.action_undo()
        self.assertEqual(self.levels(self.invoice), [0])

    def failed_beside_a_letter(self):
        """A run whose letter was posted, and whose mail the server refused for good."""
        run = self.propose()
        run.action_approve()
        self.hand_over()
        mail, letter = self.both(run)
        mail._take_up()
        mail._fail("550 no such user", final=True)
        return run, mail, letter

    def test_mail_that_failed_beside_a_posted_letter_leaves_the_level_it_reached(self):
        run, mail, letter = self.failed_beside_a_letter()

        self.assertEqual((mail.state, letter.state, run.state), ("failed", "sent", "done"))
        self.assertEqual(self.levels(self.invoice), [2])
        self.assertEqual((mail.account_id.last_contact_date, mail.account_id.attention), (TODAY, "failed"))
        with freeze_time("2026-11-30 12:00:00"):
            again = self.propose(date=date(2026, 11, 30))
        self.assertEqual(self.line_of(again, self.invoice).level_rank, 3, "the next letter is the next level")

    def test_no_address_for_the_mail_beside_a_letter_leaves_the_level_it_reached(self):
        run = self.propose()
        run.action_approve()
        self.customer.email = False
        run.notice_ids.email_to = False
        self.hand_over()
        mail, letter = self.both(run)

        self.assertEqual((mail.state, letter.state, run.line_ids.claim), ("failed", "sent", "spent"))
        self.assertEqual(self.levels(self.invoice), [2])
        self.assertEqual(mail.account_id.attention, "failed")

    def test_mail_tried_again_after_its_letter_leaves_once_and_clears_the_worklist(self):
        _run, mail, letter = self.failed_beside_a_letter()

        mail.action_retry()
        self.hand_over()
        with self.mock_mail_gateway():
            mail.mail_mail_id.send()

        self.assertEqual((mail.state, letter.state), ("sent", "sent"))
        self.assertEqual(self.levels(self.invoice), [2])
        self.assertFalse(mail.account_id.attention)
        letter.action_undo()
        self.assertEqual((mail.state, letter.state), ("undone", "undone"))
        self.assertEqual(self.levels(self.invoice), [0])

    def test_mail_tried_again_after_its_letter_waits_for_the_send_window(self):
        run = self.propose()
        run.action_approve()
        self.hand_over()
        mail, letter = self.both(run)
        mail._fail("451 try again later")
        self.assertEqual(letter.state, "sent")

        with freeze_time("2026-11-18 22:30:00"):
            mail.action_retry()
            self.hand_over()

        self.assertEqual((mail.state, str(mail.send_at)), ("ready", "2026-11-19 07:00:00"))

    def test_mail_tried_again_after_its_letter_asks_for_what_is_still_asked_for(self):
        other = self.make_invoice(amount=40.0)
        run = self.propose()
        run.action_approve()
        self.hand_over()
        mail, letter = self.both(run)
        mail._fail("451 try again later")
        self.env["dunning.hold"].create(
            {"account_id": mail.account_id.id, "item_id": self.item_of(other).id, "reason": "Looks into it"}
        )

        mail._retake()
        self.hand_over()

        self.assertEqual((mail.state, mail.amount_total, letter.amount_total), ("queued", 100.0, 140.0))
        self.assertNotIn(other.name, mail.body_text)
        self.assertIn(self.invoice.name, mail.body_text)

    def test_slice_in_which_nobody_has_an_address_stops_no_other(self):
        """The scheduled action would fail on it every time, and nothing else would leave."""
        self.friendly.by_letter = False
        run = self.propose()
        run.action_approve()
        self.customer.email = False
        run.notice_ids.email_to = False

        self.hand_over()

        self.assertEqual((run.notice_ids.state, run.state), ("failed", "done"))
        self.assertIn("no email address", run.notice_ids.error)

    def test_posted_letter_is_not_undone_before_a_later_level_though_its_mail_failed(self):
        _run, _mail, letter = self.failed_beside_a_letter()
        with freeze_time("2026-11-30 12:00:00"):
            self.send_out(self.propose(date=date(2026, 11, 30)))
            self.assertEqual(self.levels(self.invoice), [3])

            with self.assertRaisesRegex(UserError, "Undo it first"):
                letter.action_undo()

    def test_offer_of_a_posted_letter_stands_though_its_mail_failed(self):
        self.friendly.write({"offer_discount_pct": 10.0, "offer_days": 5})
        _run, mail, letter = self.failed_beside_a_letter()
        offer = self.env["dunning.offer"].search([("notice_id", "=", mail.id)])
        self.assertEqual((offer.state, offer.pay_amount), ("open", 90.0))

        with freeze_time("2026-11-19 12:00:00"):
            mail.action_retry()
            self.hand_over()

        self.assertEqual((mail.state, offer.state, offer.pay_by_date), ("queued", "open", date(2026, 11, 24)))
        letter.action_undo()
        self.assertEqual((mail.state, offer.state), ("withdrawn", "cancelled"))

    def test_bounced_mail_that_is_sent_again_makes_its_offer_again(self):
        self.friendly.write({"by_letter": False, "offer_discount_pct": 10.0, "offer_days": 5})
        run = self.propose()
        self.send_out(run)
        mail = run.notice_ids
        mail._mark_bounced("550 no such user")
        offer = self.env["dunning.offer"].search([("notice_id", "=", mail.id)])
        self.assertEqual(offer.state, "cancelled")
        self.customer.email = "new@acme.example"

        mail.action_retry()
        self.hand_over()
        with self.mock_mail_gateway():
            mail.mail_mail_id.send()

        self.assertEqual((mail.state, mail.email_to, offer.state), ("sent", "new@acme.example", "open"))
        self.assertEqual(self.levels(self.invoice), [2])

    def test_withdrawn_mail_does_not_unsay_its_posted_letter(self):
        _run, mail, letter = self.failed_beside_a_letter()

        mail.action_withdraw()

        self.assertEqual((mail.state, letter.state), ("withdrawn", "sent"))
        self.assertEqual(self.levels(self.invoice), [2])
        letter.action_undo()
        self.assertEqual(self.levels(self.invoice), [0])

    def test_mail_that_waits_to_be_tried_again_is_withdrawn_with_its_undone_letter(self):
        run = self.propose()
        run.action_approve()
        self.hand_over()
        mail, letter = self.both(run)
        mail._fail("451 try again later")

        letter.action_undo(send_correction=True)

        self.assertEqual((mail.state, letter.state), ("withdrawn", "undone"))
        self.assertEqual((self.levels(self.invoice), run.line_ids.claim), ([0], False))
        self.hand_over()
        correction = self.env["dunning.notice"].search([("corrects_id", "=", letter.id)])
        self.assertEqual(
            (correction.channel, correction.state, correction.main_id.id), ("letter", "sent", False)
        )

    def test_items_of_a_message_failed_by_all_channels_are_free(self):
        run = self.propose()
        run.action_approve()
        mail, letter = self.both(run)
        mail._fail("No address", final=True)
        self.assertEqual(run.line_ids.claim, "open", "the letter has still to go")

        letter._fail("No text", final=True)

        self.assertFalse(run.line_ids.claim)
        self.assertEqual((run.state, self.levels(self.invoice)), ("done", [0]))

    def test_message_by_letter_alone_is_taken_back_by_letter(self):
        self.friendly.by_email = False
        run = self.propose()
        self.send_out(run)
        account = run.notice_ids.account_id
        account.activity_ids.unlink()

        run.action_undo(reason="Wrong bank account", send_correction=True)
        self.hand_over()

        correction = self.env["dunning.notice"].search([("corrects_id.run_id", "=", run.id)])
        self.assertEqual((correction.channel, correction.state), ("letter", "sent"))
        self.assertEqual(len(account.activity_ids), 1)
        self.assertIn("Wrong bank account", account.activity_ids.note)
        self.assertIn(correction.corrects_id._number(), correction.action_preview().text)


@tagged("post_install", "-at_install")
class TestChargesOfChannels(ChargeCase):
    def test_withdrawn_letter_leaves_the_charges_with_the_mail(self):
        self.final.by_letter = True
        self.customer.write({"street": "Hauptstr. 1", "city": "Berlin"})
        self.make_late()
        run = self.propose()
        letter = run.notice_ids.filtered("main_id")
        charges = letter.main_id.charge_ids
        self.assertTrue(charges)

        letter.action_withdraw()

        self.assertEqual(set(charges.mapped("stage")), {"claimed"})
        letter.main_id.action_withdraw()
        self.assertEqual(set(charges.mapped("stage")), {"withdrawn"})

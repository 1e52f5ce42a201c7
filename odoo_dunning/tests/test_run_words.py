"""What a person typed into a proposal, overtaken by the world or not."""

from datetime import date, timedelta

from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged

from .common import TODAY, LifeCase


@tagged("post_install", "-at_install")
class TestWordsOfAPerson(LifeCase):
    """What a clerk typed stands; where the world overtook it, nothing wrong leaves."""

    def test_typed_address_is_where_it_goes(self):
        run = self.propose()
        run.notice_ids.email_to = "boss@acme.example"

        self.send_out(run)

        self.assertEqual(run.notice_ids.mail_mail_id.email_to, "boss@acme.example")

    def test_changed_recipient_follows_their_new_address(self):
        run = self.propose()
        office = self.make_customer("Office", email="old@acme.example")
        run.notice_ids.partner_id = office
        office.email = "new@acme.example"

        self.send_out(run)

        self.assertEqual(run.notice_ids.mail_mail_id.email_to, "new@acme.example")

    def test_text_written_by_hand_does_not_ask_for_what_was_paid_meanwhile(self):
        second = self.make_invoice(due_days=12, amount=70.0)
        run = self.propose()
        notice = run.notice_ids
        notice.action_edit_text()
        self.assertIn(second.name, notice.body_text)
        run.action_approve()
        self.pay(second)

        self.hand_over()

        self.assertEqual(notice.state, "failed")
        self.assertIn("written by hand", notice.error)
        self.assertFalse(notice.mail_mail_id)
        self.assertEqual(notice.account_id.attention, "failed")

        notice.action_use_text_of_template()
        notice.action_retry()
        self.hand_over()
        self.assertEqual(notice.state, "queued")
        self.assertNotIn(second.name, notice.body_text)

    def test_text_written_by_hand_does_not_ask_for_more_than_a_part_payment_left(self):
        run = self.propose()
        run.notice_ids.action_edit_text()
        run.action_approve()
        self.pay(self.invoice, 60.0)

        self.hand_over()

        self.assertEqual(run.notice_ids.state, "failed")

    def test_text_written_by_hand_again_after_a_change_leaves(self):
        second = self.make_invoice(due_days=12, amount=70.0)
        run = self.propose()
        notice = run.notice_ids
        notice.action_edit_text()
        self.line_of(run, second).action_exclude()
        notice.write({"body_text": "Only the first one"})

        self.queue(run)

        self.assertEqual((notice.state, notice.body_text), ("queued", "Only the first one"))

    def test_amount_after_an_exclusion_is_net_of_credits(self):
        second = self.make_invoice(due_days=8, amount=70.0)
        self.make_invoice(due_days=5, amount=30.0, move_type="out_refund")
        run = self.propose()
        self.assertEqual(run.notice_ids.amount_total, 140.0)

        self.line_of(run, second).action_exclude()

        self.assertEqual(run.notice_ids.amount_total, 70.0)
        self.assertEqual(run._amount_in_company_currency(run), 70.0)

    def test_amount_of_a_sent_message_is_what_it_asked_for(self):
        run = self.propose()
        run.action_approve()
        self.pay(self.invoice, 60.0)
        self.hand_over()

        self.assertEqual(run.notice_ids.amount_total, 40.0)

    def test_message_at_a_level_chosen_by_hand_waits_for_the_send_window(self):
        run = self.propose()
        run.line_ids.set_level(self.final)
        run.action_approve()
        with freeze_time("2026-11-18 22:30:00"):
            self.hand_over()

        self.assertEqual(run.notice_ids.state, "ready")
        self.assertEqual(str(run.notice_ids.send_at), "2026-11-19 07:00:00")

    def test_level_below_the_one_reached_is_refused(self):
        self.policy.entry = "by_age"
        old = self.make_invoice(partner=self.make_customer("Old"), due_days=22)
        self.send_out(self.propose())
        self.assertEqual(self.levels(old), [3])
        with freeze_time("2026-12-02 12:00:00"):
            run = self.propose(date=TODAY + timedelta(days=14))
            line = self.line_of(run, old)
            self.assertEqual(line.level_rank, 4)

            with self.assertRaisesRegex(UserError, "Choose a higher one"):
                line.set_level(self.friendly)


@tagged("post_install", "-at_install")
class TestDeadline(LifeCase):
    """The time to pay counts from the day the message leaves, whenever it was approved."""

    def test_deadline_counts_from_the_day_it_leaves(self):
        self.friendly.write({"deadline_days": 5, "deadline_unit": "working"})
        run = self.propose()
        self.assertEqual(run.notice_ids.deadline_date, date(2026, 11, 25))
        with freeze_time("2026-11-26 12:00:00"):
            self.send_out(run)

        self.assertEqual(run.notice_ids.deadline_date, date(2026, 12, 3))
        self.assertIn("by December 3, 2026", run.notice_ids.body_text)

    def test_deadline_typed_by_a_person_stands_while_it_lies_ahead(self):
        run = self.propose()
        run.notice_ids.deadline_date = date(2026, 12, 24)
        with freeze_time("2026-11-26 12:00:00"):
            self.send_out(run)

        self.assertEqual(run.notice_ids.deadline_date, date(2026, 12, 24))

    def test_text_written_by_hand_with_a_last_day_that_is_over_stays_home(self):
        run = self.propose()
        notice = run.notice_ids
        notice.action_edit_text()
        run.action_approve()
        with freeze_time("2026-12-16 12:00:00"):
            self.hand_over()

        self.assertEqual(notice.state, "failed")
        self.assertIn("is over", notice.error)

    def test_deadline_of_another_level_comes_with_it(self):
        self.friendly.deadline_days = 5
        self.final.write({"deadline_days": 10, "deadline_unit": "calendar"})
        run = self.propose()

        run.line_ids.set_level(self.final)

        self.assertEqual(run.notice_ids.deadline_date, date(2026, 11, 30))

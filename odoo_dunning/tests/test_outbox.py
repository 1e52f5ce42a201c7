"""The outbox: nothing twice, nothing lost, nothing that should stay home."""

import contextlib
import smtplib
from datetime import timedelta
from unittest.mock import patch

from odoo import SUPERUSER_ID, fields
from odoo.addons.base.models.ir_mail_server import IrMail_Server
from odoo.addons.mail.tests.common import MailCase
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from .common import TODAY, DunningCase

MAIL_LOG = "odoo.addons.mail.models.mail_mail"


class OutboxCase(DunningCase, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.make_invoice(due_days=10)
        cls.run_ = cls.propose()
        cls.notice = cls.run_.notice_ids

    def approve_and_queue(self):
        self.run_.action_approve()
        self.hand_over()

    def smtp_answers(self, error):
        """The mail server, with `error` for an answer to every mail."""
        return patch.object(IrMail_Server, "send_email", side_effect=error)


@tagged("post_install", "-at_install")
class TestOutboxRecheck(OutboxCase):
    def withdrawn_because(self, code):
        self.hand_over()
        self.assertEqual(self.notice.state, "withdrawn")
        self.assertFalse(self.notice.mail_mail_id)
        self.assertTrue(self.notice.note)
        self.assertEqual(self.line_of(self.run_, self.invoice).reason_code, code)
        self.assertFalse(self.line_of(self.run_, self.invoice).claim)
        self.assertEqual(self.run_.state, "done")
        self.assertEqual(self.levels(self.invoice), [0])

    def test_paid_meanwhile(self):
        self.run_.action_approve()
        self.pay(self.invoice)
        self.withdrawn_because("paid")

    def receipt(self):
        """Money of the customer on the bank statement that nobody has matched yet."""
        self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "date": TODAY,
                "payment_ref": "Thank you",
                "partner_id": self.customer.id,
                "amount": 100.0,
            }
        )

    def test_receipt_that_nobody_has_matched_yet_keeps_it_home_where_the_company_says_so(self):
        self.run_.action_cancel()
        self.receipt()
        self.assertEqual(
            self.propose().notice_ids.warning, "One receipt of this customer is not matched yet."
        )
        self.env["dunning.run"].search([("state", "=", "proposed")]).action_cancel()
        self.company.dunning_unmatched_gate = "stop"
        self.assertEqual(self.line_of(self.propose(), self.invoice).reason_code, "unmatched_receipts")

    def test_receipt_meanwhile(self):
        self.company.dunning_unmatched_gate = "stop"
        self.run_.action_approve()
        self.receipt()
        self.withdrawn_because("unmatched_receipts")

    def test_bank_statement_too_old_meanwhile(self):
        self.run_.action_approve()
        self.company.dunning_bank_gate = "stop"
        self.withdrawn_because("bank_stale")

    def test_disputed_meanwhile(self):
        self.run_.action_approve()
        self.env["dunning.dispute"].create({"item_id": self.item_of(self.invoice).id, "scope": "whole"})
        self.withdrawn_because("disputed")

    def test_promised_meanwhile(self):
        self.run_.action_approve()
        self.env["dunning.promise"].create(
            {
                "account_id": self.notice.account_id.id,
                "amount": 100.0,
                "promised_date": TODAY + timedelta(days=3),
            }
        )
        self.withdrawn_because("promised")

    def test_held_meanwhile(self):
        self.run_.action_approve()
        self.env["dunning.hold"].create({"account_id": self.notice.account_id.id, "reason": "New order"})
        self.withdrawn_because("hold_account")

    def test_blocked_meanwhile(self):
        self.run_.action_approve()
        self.invoice.action_toggle_block_payment()
        self.withdrawn_because("blocked")

    def test_insolvent_meanwhile(self):
        self.run_.action_approve()
        self.notice.account_id.is_insolvent = True
        self.withdrawn_because("insolvent")

    def test_address_lost_meanwhile(self):
        self.run_.action_approve()
        self.customer.email = False
        self.withdrawn_because("no_address")

    def test_new_address_is_used(self):
        self.run_.action_approve()
        self.customer.email = "new@acme.example"
        self.hand_over()

        self.assertEqual(self.notice.mail_mail_id.email_to, "new@acme.example")

    def test_part_payment_is_in_the_text(self):
        self.run_.action_approve()
        self.pay(self.invoice, 60.0)
        self.hand_over()

        self.assertIn("40.00", self.notice.body_text)

    def test_one_of_two_items_paid_shortens_the_message(self):
        second = self.make_invoice(due_days=12, amount=70.0)
        self.run_.action_cancel()
        run = self.propose()
        run.action_approve()
        self.pay(second)
        self.hand_over()

        self.assertRecordValues(run.notice_ids, [{"state": "queued", "item_count": 1}])
        self.assertNotIn(second.name, run.notice_ids.body_text)
        self.assertIn(second.name, run.notice_ids.note)

    def test_item_sent_at_its_level_before_stays_home_whatever_the_item_says(self):
        self.send_out(self.run_)
        item = self.item_of(self.invoice)
        item.sudo().write({"level_id": False, "level_rank": 0, "level_date": False})
        item.account_id.sudo().last_contact_date = TODAY - timedelta(days=30)
        again = self.propose()
        self.assertEqual(again.notice_ids.level_id, self.friendly)

        again.action_approve()
        self.hand_over()

        self.assertEqual((again.notice_ids.state, again.state), ("withdrawn", "done"))
        self.assertIn("already sent at this level", again.notice_ids.note)
        self.assertFalse(again.notice_ids.mail_mail_id)

    def test_blacklisted_meanwhile(self):
        """9: OCA credit-control #447: an address nobody may write to"""
        self.run_.action_approve()
        self.env["mail.blacklist"]._add(self.customer.email)
        self.withdrawn_because("no_address")

    def test_recipient_chosen_by_hand_who_was_blacklisted_meanwhile(self):
        office = self.make_customer("Office", parent_id=self.customer.id, type="invoice", is_company=False)
        self.run_.action_propose_now()
        notice = self.run_.notice_ids
        notice.partner_id = office
        self.run_.action_approve()
        self.env["mail.blacklist"]._add(office.email)
        self.hand_over()

        self.assertEqual(notice.state, "failed")
        self.assertIn("no email address", notice.error)

    def test_what_is_asked_for_when_it_leaves_is_less_what_was_contested_meanwhile(self):
        self.run_.action_approve()
        self.env["dunning.dispute"].create(
            {"item_id": self.item_of(self.invoice).id, "scope": "part", "amount": 30.0}
        )
        self.hand_over()

        self.assertEqual((self.notice.state, self.notice.amount_total), ("queued", 70.0))
        self.assertIn("70.00", self.notice.body_text)

    def test_outside_the_send_window_it_waits(self):
        self.run_.action_approve()
        with freeze_time("2026-11-18 21:30:00"):
            self.hand_over()

        self.assertEqual(self.notice.state, "ready")
        self.assertEqual(self.notice.send_at, fields.Datetime.to_datetime("2026-11-19 07:00:00"))

    def test_window_over_the_change_of_clocks_year_end_and_leap_day(self):
        """Instants in UTC by hand: New York leaves winter time on 14 March 2027; Christmas 2026 is a Friday; without a
        time zone of its own, the customer lives by the company's clock."""
        self.company.dunning_public_holidays = True
        self.run_.action_approve()
        for tz, now, leaves in (
            ("America/New_York", "2027-03-12 23:30:00", "2027-03-15 12:00:00"),
            ("America/New_York", "2026-11-27 23:30:00", "2026-11-30 13:00:00"),
            (False, "2026-12-24 18:30:00", "2026-12-28 07:00:00"),
            (False, "2026-12-31 17:30:00", "2027-01-04 07:00:00"),
            (False, "2028-02-28 17:30:00", "2028-02-29 07:00:00"),
            (False, "2028-02-29 17:30:00", "2028-03-01 07:00:00"),
        ):
            with self.subTest(tz=tz, now=now), freeze_time(now):
                self.customer.tz = tz
                self.notice.sudo().send_at = now
                self.hand_over()
                self.assertEqual((self.notice.state, str(self.notice.send_at)), ("ready", leaves))

    def test_customer_abroad_whose_time_zone_nobody_entered_lives_by_their_country_s_clock(self):
        """Noon in Berlin is four in the morning in Mexico City and eight in the evening in Tokyo."""
        self.run_.action_approve()
        for code, now, state, leaves in (
            ("MX", "2026-11-18 11:00:00", "ready", "2026-11-18 14:00:00"),
            ("JP", "2026-11-18 11:00:00", "ready", "2026-11-18 23:00:00"),
            ("GB", "2026-11-18 07:30:00", "ready", "2026-11-18 08:00:00"),
            ("DE", "2026-11-18 07:30:00", "queued", "2026-11-18 07:30:00"),
        ):
            with self.subTest(country=code), freeze_time(now):
                self.customer.country_id = self.env.ref(f"base.{'uk' if code == 'GB' else code.lower()}")
                self.customer.tz = False
                self.notice.sudo().send_at = now
                self.hand_over()
                self.assertEqual((self.notice.state, str(self.notice.send_at)), (state, leaves))

    def test_chosen_by_a_person_it_waits_for_the_send_window_whatever_the_engine_says(self):
        self.run_.line_ids.set_level(self.final)
        self.company.dunning_min_amount = 1000.0
        self.run_.action_approve()
        with freeze_time("2026-11-18 21:30:00"):
            self.hand_over()

        self.assertRecordValues(
            self.notice, [{"state": "ready", "send_at": fields.Datetime.to_datetime("2026-11-19 07:00:00")}]
        )
        with freeze_time("2026-11-19 07:00:00"):
            self.hand_over()
        self.assertEqual((self.notice.state, self.notice.level_id), ("queued", self.final))

    def test_window_that_closes_while_it_is_in_the_mail_queue(self):
        """17:55 in Berlin when it is queued, 18:10 when the server could have it."""
        self.run_.action_approve()
        with freeze_time("2026-11-18 16:55:00"):
            self.hand_over()
            self.assertEqual(self.notice.state, "queued")
        with freeze_time("2026-11-18 17:10:00"), self.mock_mail_gateway():
            self.notice.mail_mail_id.send()
            self.assertFalse(self._mails)
            self.hand_over()
        self.assertRecordValues(
            self.notice, [{"state": "ready", "send_at": fields.Datetime.to_datetime("2026-11-19 07:00:00")}]
        )

        with freeze_time("2026-11-19 07:05:00"), self.mock_mail_gateway():
            self.hand_over()
            self.notice.mail_mail_id.send()
            self.assertEqual(len(self._mails), 1)
        self.assertEqual(self.notice.state, "sent")

    def taken_back_from_the_queue_because(self, code):
        with self.mock_mail_gateway():
            self.notice.mail_mail_id.send()
            self.assertFalse(self._mails)
        self.assertEqual(self.notice.state, "ready")
        self.withdrawn_because(code)

    def test_paid_between_queue_and_server(self):
        self.approve_and_queue()
        self.pay(self.invoice)
        self.taken_back_from_the_queue_because("paid")

    def test_receipt_between_queue_and_server(self):
        self.company.dunning_unmatched_gate = "stop"
        self.approve_and_queue()
        self.receipt()
        self.taken_back_from_the_queue_because("unmatched_receipts")

    def test_receipt_between_queue_and_server_of_a_company_that_is_only_warned(self):
        self.approve_and_queue()
        self.receipt()
        with self.mock_mail_gateway():
            self.notice.mail_mail_id.send()
            self.assertEqual(len(self._mails), 1)

    def test_queued_too_long_ago_is_looked_at_again(self):
        self.approve_and_queue()
        mail = self.notice.mail_mail_id
        with freeze_time("2026-11-18 14:00:00"), self.mock_mail_gateway():
            mail.send()
            self.assertFalse(self._mails)
            self.assertEqual((self.notice.state, mail.state), ("ready", "cancel"))
            self.hand_over()
            self.notice.mail_mail_id.send()
            self.assertEqual(len(self._mails), 1)


@tagged("post_install", "-at_install")
class TestOutboxDelivery(OutboxCase):
    def test_mail_carries_sender_key_plain_text_and_message_id(self):
        self.approve_and_queue()
        mail = self.notice.mail_mail_id
        self.assertEqual(self.notice.state, "queued")
        self.assertEqual(mail.dunning_notice_id, self.notice)
        self.assertIn(f"dunning-notice-{self.notice.id}-", mail.message_id)
        self.assertIn(self.notice.mail_message_id, self.notice.account_id.message_ids)

        with self.mock_mail_gateway():
            mail.send()
            [sent] = self._mails

        self.assertEqual(sent["email_to"], ["acme@customer.example"])
        self.assertEqual(sent["body_alternative"], self.notice.body_text)
        self.assertIn(self.invoice.name, sent["body"])

    def test_second_currency_of_a_run_leaves_after_the_first(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.make_invoice(due_days=9, amount=5000, currency_id=yen.id)
        self.run_.action_cancel()
        first, second = self.propose().notice_ids
        first.run_id.action_approve()
        for notice in (first, second):
            notice._hand_over()
            with self.mock_mail_gateway():
                notice.mail_mail_id.send()

        self.assertEqual((first.state, second.state), ("sent", "sent"))

    def test_second_sender_finds_nothing_to_do(self):
        self.approve_and_queue()

        self.assertFalse(self.hand_over())
        with self.mock_mail_gateway():
            self.notice.mail_mail_id.send()
            self.notice.mail_mail_id.send()
            self.assertEqual(len(self._mails), 1)

    def test_level_stays_until_the_mail_left(self):
        self.approve_and_queue()

        self.assertEqual(self.levels(self.invoice), [0])
        self.assertFalse(self.notice.account_id.last_contact_date)

    @mute_logger(MAIL_LOG)
    def test_failed_mail_raises_no_level_and_is_tried_again(self):
        self.approve_and_queue()
        with self.mock_mail_gateway(), self.smtp_answers(smtplib.SMTPRecipientsRefused({})):
            self.notice.mail_mail_id.send()

        self.assertEqual(self.notice.state, "failed")
        self.assertEqual(self.notice.next_try_at, fields.Datetime.now() + timedelta(minutes=15))
        self.assertEqual(self.levels(self.invoice), [0])
        self.assertEqual(self.notice.account_id.attention, "failed")
        self.assertEqual(self.propose().line_ids.reason_code, "in_other_run")

        with freeze_time("2026-11-18 12:16:00"):
            self.env["dunning.notice"]._wake_failed()
            self.hand_over()
            with self.mock_mail_gateway():
                self.notice.mail_mail_id.send()

        self.assertEqual((self.notice.state, self.notice.attempts), ("sent", 2))
        self.assertEqual(self.levels(self.invoice), [2])
        self.assertFalse(self.notice.account_id.attention)

    def test_waits_grow_up_to_the_fourth_attempt_and_the_fifth_is_the_last(self):
        self.approve_and_queue()
        waits = []
        for attempt in range(1, 6):
            self.notice.sudo().attempts = attempt
            self.notice._fail("451 try again later")
            waits.append(self.notice.next_try_at and self.notice.next_try_at - fields.Datetime.now())

        minutes, hours = timedelta(minutes=15), timedelta(hours=1)
        self.assertEqual(waits, [minutes, hours, 4 * hours, 24 * hours, False])

    @mute_logger(MAIL_LOG)
    def test_after_the_last_attempt_it_stays_failed_and_frees_its_items(self):
        self.approve_and_queue()
        self.notice.sudo().attempts = 5
        with self.mock_mail_gateway(), self.smtp_answers(smtplib.SMTPRecipientsRefused({})):
            self.notice.mail_mail_id.send()

        self.assertRecordValues(self.notice, [{"state": "failed", "next_try_at": False}])
        self.assertEqual(self.run_.state, "done")
        self.assertEqual(self.propose().line_ids.reason_code, "notify")

    @mute_logger(MAIL_LOG)
    def test_server_that_hangs_up_leaves_the_question_to_a_person(self):
        self.approve_and_queue()
        hangs_up = smtplib.SMTPServerDisconnected
        with self.mock_mail_gateway(), self.smtp_answers(hangs_up("gone")), contextlib.suppress(hangs_up):
            self.notice.mail_mail_id.send()

        self.assertEqual(self.notice.state, "uncertain")
        self.assertEqual(self.notice.account_id.attention, "uncertain")
        self.env["dunning.notice"]._wake_failed()
        self.assertFalse(self.hand_over())

        self.notice.action_was_sent()
        self.assertEqual((self.notice.state, self.levels(self.invoice)), ("sent", [2]))

    def test_crash_while_sending_is_never_sent_again_by_itself(self):
        self.approve_and_queue()
        self.assertTrue(self.notice._take_up())

        with freeze_time("2026-11-18 12:20:00"), self.mock_mail_gateway():
            self.notice.mail_mail_id.send()
            self.env["dunning.notice"]._recover()
            self.hand_over()
            self.assertFalse(self._mails)

        self.assertEqual(self.notice.state, "uncertain")
        self.assertEqual(self.run_.state, "sending")

    def test_uncertain_message_can_be_sent_again(self):
        self.approve_and_queue()
        self.notice._take_up()
        self.notice._mark_uncertain()

        self.notice.action_send_again()
        self.hand_over()
        with self.mock_mail_gateway():
            self.notice.mail_mail_id.send()

        self.assertEqual(self.notice.state, "sent")

    def test_text_that_cannot_be_rendered_fails_by_its_line_and_stops_nothing_else(self):
        other = self.make_invoice(partner=self.make_customer("Fine", lang="fr_FR"), due_days=10)
        self.run_.action_cancel()
        run = self.propose()
        template = self.env["dunning.template"]._find("friendly", "en_US", self.company)
        self.env.cr.execute(
            "UPDATE dunning_template SET body_text = E'fine\\n{{ customer.nonsense }}' WHERE id = %s",
            [template.id],
        )
        template.invalidate_recordset()
        run.action_approve()
        self.hand_over()

        broken = run.notice_ids.filtered(lambda notice: notice.account_id.partner_id == self.customer)
        self.assertEqual(broken.state, "failed")
        self.assertIn("line 2", broken.error)
        fine = run.notice_ids - broken
        self.assertEqual((fine.lang, fine.state), ("fr_FR", "queued"))
        self.assertIn(other.name, fine.body_text)

    def test_withdrawn_by_hand_after_queueing_does_not_leave(self):
        self.approve_and_queue()
        self.notice.action_withdraw()
        with self.mock_mail_gateway():
            self.env["mail.mail"].browse(self.notice.mail_mail_id.id).send()
            self.assertFalse(self._mails)

        self.assertEqual(self.notice.state, "withdrawn")


@tagged("post_install", "-at_install")
class TestUndo(OutboxCase):
    def test_undo_of_a_run_restores_levels_and_contact(self):
        self.send_out(self.run_)
        item = self.item_of(self.invoice)

        self.run_.action_undo(reason="Wrong bank account in the text")

        self.assertRecordValues(
            item, [{"level_id": False, "level_rank": 0, "level_date": False, "bound_policy_id": False}]
        )
        self.assertFalse(item.account_id.last_contact_date)
        self.assertEqual(self.notice.state, "undone")
        self.assertEqual(self.notice.note, "Wrong bank account in the text")
        self.assertEqual(self.run_.state, "undone")
        self.assertEqual(self.propose().line_ids.reason_code, "notify")

    def test_undo_returns_to_the_level_before_not_to_zero(self):
        self.send_out(self.run_)
        item = self.item_of(self.invoice)
        with freeze_time("2026-12-02 12:00:00"):
            second = self.propose(date=TODAY + timedelta(days=14))
            self.send_out(second)
            self.assertEqual(item.level_rank, 3)

            second.notice_ids.action_undo()

        self.assertRecordValues(item, [{"level_id": self.friendly.id, "level_rank": 2, "level_date": TODAY}])
        self.assertEqual(item.account_id.last_contact_date, TODAY)

    def test_contact_day_after_an_undo_is_the_company_s_not_that_of_utc(self):
        self.company.write({"dunning_window_start_hour": 0, "dunning_window_end_hour": 24})
        with freeze_time("2026-11-18 23:30:00"):  # half past midnight on the 19th in Berlin
            self.send_out(self.run_)
        with freeze_time("2026-12-03 12:00:00"):
            second = self.propose(date=TODAY + timedelta(days=15))
            self.send_out(second)

            second.notice_ids.action_undo()

        self.assertEqual(self.notice.account_id.last_contact_date, TODAY + timedelta(days=1))

    def test_earlier_message_cannot_be_undone_before_the_later(self):
        self.send_out(self.run_)
        with freeze_time("2026-12-02 12:00:00"):
            self.send_out(self.propose(date=TODAY + timedelta(days=14)))

            with self.assertRaisesRegex(UserError, "Undo it first"):
                self.notice.action_undo()

    def test_correction_goes_to_the_same_customer(self):
        self.send_out(self.run_)

        self.run_.action_undo(reason="Sent by mistake", send_correction=True)
        self.hand_over()
        correction = self.env["dunning.notice"].search([("corrects_id", "=", self.notice.id)])
        with self.mock_mail_gateway():
            correction.mail_mail_id.send()
            self.assertEqual(len(self._mails), 1)

        self.assertEqual((correction.state, correction.email_to), ("sent", self.notice.email_to))
        self.assertEqual(self.levels(self.invoice), [0])

    def test_correction_waits_for_the_send_window(self):
        self.send_out(self.run_)
        with freeze_time("2026-11-20 21:00:00"):
            self.run_.action_undo(reason="Sent by mistake", send_correction=True)
            self.hand_over()
        correction = self.env["dunning.notice"].search([("corrects_id", "=", self.notice.id)])

        self.assertRecordValues(
            correction, [{"state": "ready", "send_at": fields.Datetime.to_datetime("2026-11-23 07:00:00")}]
        )

    def test_what_was_never_sent_cannot_be_undone(self):
        with self.assertRaisesRegex(UserError, "Only sent messages"):
            self.notice.action_undo()
        with self.assertRaisesRegex(UserError, "Cancel it instead"):
            self.run_.action_undo()


@tagged("post_install", "-at_install")
class TestIncomingMail(OutboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._init_mail_gateway()
        cls.company.alias_domain_id = cls.mail_alias_domain
        # Mail is fetched by the system's own user: other addons look into what only it may see.
        cls.gateway = cls.env["mail.thread"].with_user(SUPERUSER_ID)

    def test_reply_lands_in_the_account_and_asks_for_attention(self):
        [notice] = self.send_out(self.run_)
        account = notice.account_id
        self.assertIn(self.mail_alias_domain.catchall_email, notice.mail_mail_id.reply_to)

        with self.mock_mail_gateway(), mute_logger("odoo.addons.mail.models.mail_thread"):
            self.gateway.message_process(
                False,
                f"From: acme@customer.example\nTo: {self.mail_alias_domain.catchall_email}\n"
                f"Subject: Re: reminder\nMessage-Id: <answer-1@customer.example>\n"
                f"In-Reply-To: {notice.mail_mail_id.message_id}\n\nWe pay on Friday.\n",
            )

        self.assertIn("We pay on Friday", account.message_ids[0].body)
        self.assertEqual(account.attention, "replied")
        self.assertTrue(account.activity_ids)

    def test_bounce_counts_as_failed_and_takes_the_level_back(self):
        [notice] = self.send_out(self.run_)
        self.assertEqual(self.levels(self.invoice), [2])

        with self.mock_mail_gateway(), mute_logger("odoo.addons.mail.models.mail_thread"):
            self.gateway.message_process(False, self._bounce_of(notice))

        self.assertEqual(notice.state, "failed")
        self.assertIn("came back", notice.error)
        self.assertEqual(self.levels(self.invoice), [0])
        self.assertEqual(notice.account_id.attention, "bounced")
        self.assertEqual(self.propose().line_ids.reason_code, "no_address")

        self.customer.email = "right@customer.example"
        self.assertEqual(self.propose().line_ids.reason_code, "notify")

    def _bounce_of(self, notice):
        return (
            f"Return-Path: <>\nFrom: MAILER-DAEMON@customer.example\nTo: {self.mail_alias_domain.bounce_email}\n"
            "Subject: Undelivered Mail Returned to Sender\nMessage-Id: <bounce-1@customer.example>\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\nMIME-Version: 1.0\n\n'
            "--b\nContent-Type: text/plain\n\nUser unknown\n\n"
            "--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; acme@customer.example\n"
            "Action: failed\n"
            "Status: 5.1.1\n\n"
            f"--b\nContent-Type: text/rfc822-headers\n\nMessage-Id: {notice.mail_mail_id.message_id}\n"
            "To: acme@customer.example\n\n--b--\n"
        )


@tagged("post_install", "-at_install")
class TestOutboxScale(DunningCase):
    """The number of queries does not grow with the number of customers."""

    def test_proposal(self):
        self.make_invoice(due_days=10)
        self.propose().action_cancel()
        few = self.queries_of_a_proposal()
        for number in range(8):
            self.make_invoice(partner=self.make_customer(f"Scale {number}"), due_days=10)
        self.refresh()

        self.assertLessEqual(self.queries_of_a_proposal(), few)

    def queries_of_a_proposal(self):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        run = self.propose()
        count = self.env.cr.sql_log_count - before
        run.action_cancel()
        return count

    def test_a_slice_of_messages_on_its_way_to_the_mail_queue(self):
        few = self.queries_of_a_slice(2)
        many = self.queries_of_a_slice(12)

        self.assertLessEqual(many, few + 3)

    def queries_of_a_slice(self, count):
        for number in range(count):
            self.make_invoice(partner=self.make_customer(f"Of {count}: {number}"), due_days=10)
        self.propose().action_approve()
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self.assertEqual(len(self.hand_over()), count)
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

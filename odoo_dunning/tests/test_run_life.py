"""What a run goes through that nobody plans: cancelled half-way, its policy edited, a person's words overtaken."""

from datetime import date, timedelta
from unittest.mock import patch

from odoo.addons.mail.tests.common import MailCase
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .charge_common import ChargeCase
from .common import TODAY, DunningCase
from .test_run import collections_user


class LifeCase(DunningCase, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.make_invoice(due_days=10)

    def queue(self, run):
        run.action_approve()
        self.hand_over()
        return run.notice_ids

    def uncertain(self, run):
        notice = self.queue(run)
        notice._take_up()
        notice._mark_uncertain()
        return notice


@tagged("post_install", "-at_install")
class TestStartAgain(LifeCase):
    def test_a_receivable_started_again_gets_the_first_level_once_more(self):
        item = self.item_of(self.invoice)
        run = self.propose()
        with self.assertRaisesRegex(UserError, "is in run"):
            item.action_start_again()
        notice = self.queue(run)
        with self.mock_mail_gateway():
            notice.mail_mail_id.send()
        self.assertEqual((notice.level_id, self.levels(self.invoice)), (self.friendly, [2]))

        item.action_start_again()

        self.assertEqual((self.levels(self.invoice), item.cycle), ([0], 2))
        self.assertFalse(item.account_id.level_id)
        self.assertIn("starts again", item.account_id.message_ids[0].body)
        item.account_id.sudo().last_contact_date = TODAY - timedelta(days=30)
        again = self.propose()
        self.assertEqual(again.notice_ids.level_id, self.friendly)

    def test_only_a_manager_starts_receivables_again(self):
        item = self.item_of(self.invoice)
        with self.assertRaises(AccessError):
            item.with_user(collections_user(self.env, "starter")).action_start_again()


@tagged("post_install", "-at_install")
class TestCancelledHalfway(LifeCase):
    def test_proposal_cancelled_while_it_is_worked_out_stays_cancelled(self):
        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": TODAY})
        run._start_proposing()
        steps = run._propose_slices()
        next(steps)
        run.action_cancel()

        for _step in steps:
            pass

        self.assertEqual(run.state, "cancelled")
        self.assertFalse(run.line_ids)
        self.assertEqual(self.propose().line_ids.reason_code, "notify")

    def test_proposal_cancelled_before_its_turn_is_not_begun_and_hands_out_no_jobs(self):
        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": TODAY})
        run._start_proposing()
        run.action_cancel()

        with (
            patch.object(type(run), "_has_job_queue", return_value=True),
            patch.object(type(run), "_hand_out_slices", side_effect=AssertionError("handed out")),
        ):
            run._propose_committing(lambda *_done, **_left: True)
        run._propose_committing(lambda *_done, **_left: True)

        self.assertEqual((run.state, run.account_count), ("cancelled", 0))

    def test_proposal_started_anew_while_it_is_worked_out_is_whole(self):
        self.make_invoice(partner=self.make_customer("Second"))
        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": TODAY})
        run._start_proposing()
        steps = run._propose_slices()
        next(steps)
        next(steps)
        run._start_proposing()

        for _step in steps:
            pass

        self.assertEqual(run.state, "proposed")
        self.assertEqual(run.line_count, 2)

    def test_uncertain_message_of_a_cancelled_run_does_not_stop_later_runs(self):
        run = self.propose()
        notice = self.uncertain(run)
        other = self.make_invoice(partner=self.make_customer("Second"))

        run.action_cancel()

        self.assertEqual(run.state, "sending")
        later = self.propose()
        self.assertEqual(self.line_of(later, self.invoice).reason_code, "in_other_run")
        self.assertEqual(self.line_of(later, other).reason_code, "notify")
        notice.action_was_sent()
        self.assertEqual((notice.state, run.state), ("sent", "done"))

    def test_run_with_an_uncertain_message_is_not_undone_before_somebody_says_what_became_of_it(self):
        run = self.propose()
        self.uncertain(run)

        with self.assertRaisesRegex(UserError, "Say first whether"):
            run.action_undo()

    def test_uncertain_message_is_not_withdrawn_before_somebody_says_what_became_of_it(self):
        run = self.propose()
        notice = self.uncertain(run)

        with self.assertRaisesRegex(UserError, "Say first whether"):
            notice.action_withdraw()

        self.assertEqual(run.line_ids.claim, "queued")

    def test_cancelled_run_can_be_deleted_by_who_may_make_one(self):
        run = self.propose()
        run.action_cancel()

        run.with_user(collections_user(self.env, "clerk")).unlink()

        self.assertFalse(run.exists())


@tagged("post_install", "-at_install")
class TestFiguresOfTheAccount(LifeCase):
    def test_highest_level_is_that_of_what_is_open_not_of_what_was_paid_meanwhile(self):
        self.policy.write({"entry": "by_age", "strategy": "own"})
        old = self.make_invoice(due_days=22)
        self.send_out(self.propose())
        account = self.item_of(old).account_id
        self.assertEqual((self.levels(self.invoice, old), account.level_rank), ([2, 3], 3))
        with freeze_time("2026-12-02 12:00:00"):
            self.make_invoice(due_days=-4)
            for item in self.item_of(self.invoice) | self.item_of(old):
                self.env["dunning.hold"].create(
                    {"account_id": account.id, "item_id": item.id, "reason": "Looks into it"}
                )
            run = self.propose(date=date(2026, 12, 2))
            self.assertEqual(run.notice_ids.level_rank, 2)
            run.action_approve()
            self.pay(old, day=date(2026, 12, 2))
            self.hand_over()
            with self.mock_mail_gateway():
                run.notice_ids.mail_mail_id.send()

        self.assertEqual(
            (run.notice_ids.state, account.level_rank, account.level_id), ("sent", 2, self.friendly)
        )


@tagged("post_install", "-at_install")
class TestPolicyEditedUnderway(LifeCase):
    def edit_policy(self):
        self.policy.level_ids = [Command.update(self.final.id, {"delay_days": 60})]

    def test_undo_takes_the_level_back_though_the_policy_was_edited_since(self):
        run = self.propose()
        [notice] = self.send_out(run)
        self.edit_policy()

        notice.action_undo()

        item = self.item_of(self.invoice)
        self.assertRecordValues(item, [{"level_rank": 0, "level_id": False, "level_date": False}])
        self.assertFalse(item.bound_policy_id)

    def test_undo_of_the_second_level_returns_to_the_first_of_the_kept_version(self):
        self.send_out(self.propose())
        with freeze_time("2026-12-02 12:00:00"):
            second = self.propose(date=TODAY + timedelta(days=14))
            self.send_out(second)
            self.edit_policy()
            item = self.item_of(self.invoice)
            kept = item.bound_policy_id
            self.assertEqual(kept.head_id, self.policy)

            second.notice_ids.action_undo()

        self.assertEqual((item.level_rank, item.level_date, item.bound_policy_id), (2, TODAY, kept))
        self.assertEqual(item.level_id.policy_id, kept)

    def test_undo_takes_the_level_back_after_items_were_moved_and_the_policy_edited_again(self):
        [notice] = self.send_out(self.propose())
        self.edit_policy()
        self.policy.action_move_items()
        self.policy.level_ids = [Command.update(self.final.id, {"delay_days": 70})]
        item = self.item_of(self.invoice)
        self.assertEqual((item.level_rank, item.level_id.policy_id), (2, item.bound_policy_id))

        notice.action_undo()

        self.assertRecordValues(item, [{"level_rank": 0, "level_id": False, "level_date": False}])
        self.assertFalse(item.bound_policy_id)

    def sent_twice(self):
        """The message of the second level; its item."""
        self.send_out(self.propose())
        with freeze_time("2026-12-02 12:00:00"):
            [second] = self.send_out(self.propose(date=TODAY + timedelta(days=14)))
        item = self.item_of(self.invoice)
        self.assertEqual(item.level_rank, 3)
        return second, item

    def test_undo_leaves_an_item_on_the_version_it_was_moved_to(self):
        second, item = self.sent_twice()
        self.edit_policy()
        self.policy.action_move_items()

        second.action_undo()

        self.assertEqual((item.level_rank, item.bound_policy_id), (2, self.policy))

    def test_undo_leaves_an_item_the_policy_a_person_chose_for_it(self):
        second, item = self.sent_twice()
        item.policy_id = self.policy.copy({"name": "Slow"})

        second.action_undo()

        self.assertEqual((item.level_rank, item.bound_policy_id.ids), (2, []))

    def test_level_taken_away_by_itself_stays_for_items_in_a_cycle(self):
        self.send_out(self.propose())
        self.final.unlink()
        item = self.item_of(self.invoice)

        self.assertEqual((len(self.policy.level_ids), self.policy.version), (3, 2))
        self.assertEqual(item.bound_policy_id.head_id, self.policy)
        self.assertEqual(item.bound_policy_id.level_ids.mapped("rank"), [1, 2, 3, 4])

    def test_minimum_written_by_itself_leaves_items_in_a_cycle_alone(self):
        self.send_out(self.propose())
        minimum = self.env["dunning.policy.minimum"].create(
            {"policy_id": self.policy.id, "currency_id": self.company.currency_id.id, "amount": 500.0}
        )
        kept = self.item_of(self.invoice).bound_policy_id
        self.assertEqual((kept.head_id, len(kept.minimum_ids)), (self.policy, 0))

        self.send_out(self.propose())
        self.assertEqual(minimum.policy_id, self.policy)

    def test_items_moved_to_levels_that_were_numbered_anew_keep_their_place(self):
        """The courtesy note is taken out and the rest move up: who got the friendly reminder gets the firm one next."""
        [notice] = self.send_out(self.propose())
        self.take_out_courtesy()
        self.policy.action_move_items()
        item = self.item_of(self.invoice)
        self.assertEqual((item.level_rank, item.level_id), (1, self.friendly))

        with freeze_time("2026-12-02 12:00:00"):
            [second] = self.send_out(self.propose(date=TODAY + timedelta(days=14)))
        self.assertEqual((second.state, second.level_id, item.level_rank), ("sent", self.firm, 2))

        second.action_undo()
        self.assertEqual(
            (item.level_rank, item.level_id, item.bound_policy_id), (1, self.friendly, self.policy)
        )
        notice.action_undo()
        self.assertEqual((item.level_rank, item.level_id.ids, item.bound_policy_id.ids), (0, [], []))

    def take_out_courtesy(self):
        self.policy.level_ids = [
            Command.delete(self.courtesy.id),
            Command.update(self.friendly.id, {"rank": 1}),
            Command.update(self.firm.id, {"rank": 2}),
            Command.update(self.final.id, {"rank": 3}),
        ]

    def test_levels_numbered_anew_while_a_proposal_waits(self):
        """Who is in it for the first time starts with the new numbers, who is in a cycle goes on with the old ones."""
        self.send_out(self.propose())
        item = self.item_of(self.invoice)
        with freeze_time("2026-12-02 12:00:00"):
            fresh = self.item_of(self.make_invoice(partner=self.make_customer("Fresh"), due_days=-4))
            run = self.propose(date=TODAY + timedelta(days=14))
            self.take_out_courtesy()
            self.send_out(run)

        self.assertEqual(
            (item.level_id, item.level_rank, item.bound_policy_id.head_id), (self.firm, 3, self.policy)
        )
        self.assertEqual(
            (fresh.level_id, fresh.level_rank, fresh.bound_policy_id), (self.friendly, 1, self.policy)
        )
        with freeze_time("2026-12-16 12:00:00"):
            later = self.propose(date=TODAY + timedelta(days=28))
        levels = {line.item_id: line.level_id.name for line in later.line_ids}
        self.assertEqual((levels[item], levels[fresh]), (self.final.name, self.firm.name))

    def test_level_put_in_between_moves_the_others_down(self):
        [notice] = self.send_out(self.propose())
        self.policy.level_ids = [
            Command.update(self.firm.id, {"rank": 4}),
            Command.update(self.final.id, {"rank": 5}),
            Command.create({"name": "Second", "rank": 3, "delay_days": 14, "template_key": "friendly"}),
        ]
        item = self.item_of(self.invoice)
        self.assertEqual(
            [level.name for level in self.policy.level_ids.sorted("rank")][2:4], ["Second", self.firm.name]
        )
        self.policy.action_move_items()
        self.assertEqual((item.level_rank, item.level_id, notice.level_id), (2, self.friendly, self.friendly))

    def test_items_of_an_open_run_are_moved_when_it_is_over(self):
        self.send_out(self.propose())
        self.edit_policy()
        kept = self.item_of(self.invoice).bound_policy_id
        with freeze_time("2026-12-02 12:00:00"):
            run = self.propose(date=TODAY + timedelta(days=14))
            self.policy.action_move_items()
            self.assertEqual(self.item_of(self.invoice).bound_policy_id, kept)
            self.assertIn("1 receivables in open runs", self.policy.message_ids[0].body)

            run.action_cancel()
            self.policy.action_move_items()
        self.assertEqual(self.item_of(self.invoice).bound_policy_id, self.policy)

    def test_policy_no_longer_automatic_sends_nothing_by_itself_for_items_in_a_cycle(self):
        self.policy.is_automatic = True
        self.send_out(self.propose())
        self.edit_policy()
        self.policy.is_automatic = False

        with freeze_time("2026-12-02 12:00:00"):
            run = self.propose(date=TODAY + timedelta(days=14))
            run.sudo().is_automatic = True
            self.assertTrue(run.notice_ids.policy_id.head_id)
            run._approve_automatic()

        self.assertEqual(run.state, "proposed")

    def test_policy_chosen_for_an_invoice_in_a_cycle_counts_from_then_on(self):
        self.send_out(self.propose())
        item = self.item_of(self.invoice)
        slow = self.policy.copy({"name": "Slow"})
        slow.level_ids.filtered(lambda level: level.rank > 2).write({"delay_days": 90})

        item.policy_id = slow

        line = self.propose(date=TODAY + timedelta(days=14)).line_ids
        self.assertEqual((line.reason_code, line.policy_source), ("too_young", "item"))


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
        self.assertEqual(run._amount_in_company_currency(), 70.0)

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
class TestWhoMayWriteWhat(LifeCase):
    """The screens show these as read-only; a call from outside must find them so as well."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_four_eyes = True
        cls.clerk = collections_user(cls.env, "clerk")
        cls.run_ = (
            cls.env["dunning.run"].with_user(cls.clerk).create({"company_id": cls.company.id, "date": TODAY})
        )
        cls.run_.action_propose_now()
        cls.notice = cls.run_.notice_ids

    def test_four_eyes_cannot_be_written_around(self):
        for vals in (
            {"proposed_by_id": self.env.ref("base.user_admin").id},
            {"state": "approved"},
            {"is_automatic": True},
        ):
            with self.subTest(run=vals), self.assertRaises(AccessError):
                self.run_.write(vals)
        for vals in ({"state": "ready"}, {"amount_total": 1.0}, {"sent_date": TODAY}):
            with self.subTest(notice=vals), self.assertRaises(AccessError):
                self.notice.write(vals)
        for vals in ({"claim": False}, {"level_rank": 1}, {"decision": "leave"}):
            with self.subTest(line=vals), self.assertRaises(AccessError):
                self.run_.line_ids.write(vals)
        item = self.run_.line_ids.item_id
        for vals in ({"level_rank": 0}, {"amount_open": 1.0}, {"cycle": 2}, {"bound_policy_id": False}):
            with self.subTest(item=vals), self.assertRaises(AccessError):
                item.write(vals)
        item.write({"is_excluded": True, "policy_id": self.policy.id})
        with self.assertRaises(AccessError):
            self.env["dunning.run"].with_user(self.clerk).create({"state": "approved"})

    def test_with_four_eyes_a_message_stays_as_it_was_approved(self):
        self.notice.email_to = "before@customer.example"
        self.run_.with_user(collections_user(self.env, "approver")).action_approve()

        for vals in ({"email_to": "else@customer.example"}, {"deadline_date": TODAY + timedelta(days=90)}):
            with (
                self.subTest(vals=vals),
                self.assertRaisesRegex(UserError, r"stays as approver .* approved it"),
            ):
                self.notice.write(vals)
        with self.assertRaisesRegex(UserError, r"stays as approver .* approved it"):
            self.notice.action_edit_text()

        self.notice.sudo().state = "failed"
        self.notice.email_to = "mended@customer.example"
        with self.assertRaisesRegex(UserError, r"stays as approver .* approved it"):
            self.notice.deadline_date = TODAY + timedelta(days=90)

    def test_what_the_books_and_the_judgement_say_is_not_written_by_hand(self):
        item = self.run_.line_ids.item_id
        account = item.account_id
        self.pay(self.make_invoice(amount=10.0))
        of_account = {"account_id": account.id}
        hold = self.env["dunning.hold"].with_user(self.clerk).create({**of_account, "reason": "Wait"})
        promise = (
            self.env["dunning.promise"]
            .with_user(self.clerk)
            .create({**of_account, "amount": 50.0, "promised_date": TODAY + timedelta(days=7)})
        )
        dispute = self.env["dunning.dispute"].with_user(self.clerk).create({"item_id": item.id})
        admin, sister = self.env.ref("base.user_admin").id, self.env["res.company"].create({"name": "Sister"})
        for record, vals_list in (
            (
                account,
                (
                    {"last_contact_date": False}, {"amount_overdue": 0.0}, {"level_rank": 0}, {"attention": False},
                    {"unmatched_receipts": 0}, {"rule_id": False}, {"partner_id": self.company.partner_id.id},
                ),
            ),
            (
                item,
                (
                    {"is_open": False}, {"no_followup": True}, {"is_blocked": True}, {"number": "X"},
                    {"pay_link": "https://pay.example"}, {"link_url": "https://pay.example"}, {"content_hash": ""},
                ),
            ),
            (hold, ({"user_id": admin}, {"account_id": account.id}, {"company_id": sister.id})),
            (
                promise,
                (
                    {"state": "kept"}, {"amount_paid": 50.0}, {"amount_baseline": 1.0}, {"judged_date": TODAY},
                    {"user_id": admin}, {"company_id": sister.id}, {"item_ids": [Command.clear()]},
                ),
            ),
            (dispute, ({"closed_at": TODAY}, {"state": "credited"}, {"company_id": sister.id})),
            (self.notice, ({"error": "None"}, {"next_try_at": TODAY}, {"send_until": TODAY}, {"warnings": False})),
            (self.run_, ({"last_account_id": 9}, {"error": False}, {"job_key": "x"}, {"name": "Mine"})),
        ):  # fmt: skip
            for vals in vals_list:
                with self.subTest(model=record._name, vals=vals), self.assertRaises(AccessError):
                    record.with_user(self.clerk).write(vals)
        for model, vals in (
            (
                "dunning.account",
                {"company_id": self.company.id, "partner_id": self.customer.id, "level_rank": 3},
            ),
            ("dunning.hold", {**of_account, "reason": "Not me", "user_id": admin}),
            ("dunning.promise", {**of_account, "amount": 1.0, "promised_date": TODAY, "state": "kept"}),
            ("dunning.dispute", {"item_id": item.id, "closed_at": TODAY}),
        ):
            with self.subTest(create=model), self.assertRaises(AccessError):
                self.env[model].with_user(self.clerk).create(vals)

    def test_what_screens_let_a_clerk_write_stays_open_to_them(self):
        item = self.run_.line_ids.item_id
        account = item.account_id.with_user(self.clerk)
        hold = self.env["dunning.hold"].create({"account_id": account.id, "reason": "Wait"})
        promise = self.env["dunning.promise"].create(
            {"account_id": account.id, "amount": 50.0, "promised_date": TODAY}
        )
        dispute = self.env["dunning.dispute"].create({"item_id": item.id})
        account.sudo().attention = "replied"

        account.write({"contact_note": "Ask for Eve", "is_legal": True, "policy_id": self.policy.id})
        account.action_clear_attention()
        hold.with_user(self.clerk).write({"until_date": TODAY, "reason": "A week more"})
        promise.with_user(self.clerk).write({"promised_date": TODAY + timedelta(days=1), "amount": 60.0})
        promise.with_user(self.clerk).action_cancel()
        dispute.with_user(self.clerk).action_accept()

        self.assertFalse(account.attention)
        self.assertEqual(hold.user_id, self.clerk, "who prolongs a hold answers for it")
        self.assertEqual((promise.state, dispute.state), ("cancelled", "accepted"))
        with self.assertRaisesRegex(UserError, "judged"):
            promise.with_user(self.clerk).write({"promised_date": TODAY + timedelta(days=30)})
        with self.assertRaisesRegex(UserError, "only a draft"):
            self.run_.with_user(self.clerk).write({"date": TODAY - timedelta(days=1)})

    def test_what_a_clerk_edits_in_a_proposal_stays_open_to_them(self):
        self.run_.note = "Looked at by two"
        self.run_.line_ids.note = "Called on Monday"
        self.notice.write({"email_to": "boss@acme.example", "deadline_date": TODAY + timedelta(days=9)})
        self.notice.action_edit_text()
        self.notice.body_text = "Dear friend"
        self.run_.line_ids.set_level(self.final)
        self.run_.line_ids.action_exclude()
        self.assertEqual(self.notice.state, "withdrawn")
        self.run_.action_cancel()

    def test_message_that_left_is_not_rewritten(self):
        self.send_out(self.run_.with_user(self.env.user))

        for vals in ({"body_text": "Something else"}, {"email_to": "a@b.example"}, {"deadline_date": TODAY}):
            with self.subTest(vals=vals), self.assertRaisesRegex(UserError, "can no longer be edited"):
                self.notice.write(vals)


@tagged("post_install", "-at_install")
class TestOutOfTheQueue(LifeCase):
    """A mail that somebody deleted or cancelled, a message tried again late: nothing is stuck for ever."""

    def test_message_tried_again_after_its_run_was_done_does_not_stop_other_proposals(self):
        run = self.propose()
        notice = self.queue(run)
        notice._fail("550 no such user", final=True)
        self.assertEqual(run.state, "done")
        other = self.make_invoice(partner=self.make_customer("Second"))

        notice.action_retry()

        self.assertEqual((notice.state, run.state), ("ready", "sending"))
        later = self.propose()
        self.assertEqual(self.line_of(later, self.invoice).reason_code, "in_other_run")
        self.assertEqual(self.line_of(later, other).reason_code, "notify")
        later.action_cancel()
        self.hand_over()
        with self.mock_mail_gateway():
            notice.mail_mail_id.send()
        self.assertEqual((notice.state, run.state), ("sent", "done"))

    def test_message_whose_mail_was_deleted_is_made_anew(self):
        run = self.propose()
        notice = self.queue(run)
        notice.mail_mail_id.unlink()

        self.env["dunning.notice"]._recover()
        self.assertEqual(notice.state, "ready")
        self.hand_over()

        self.assertEqual(notice.state, "queued")
        self.assertTrue(notice.mail_mail_id)

    def test_message_whose_mail_was_cancelled_stays_home_and_says_so(self):
        run = self.propose()
        notice = self.queue(run)
        notice.mail_mail_id.cancel()

        self.env["dunning.notice"]._recover()

        self.assertEqual((notice.state, run.state), ("withdrawn", "done"))
        self.assertIn("mail queue", notice.note)
        self.assertFalse(run.line_ids.claim)

    def test_credit_that_arrives_while_the_mail_waits_keeps_it_home(self):
        run = self.propose()
        notice = self.queue(run)
        self.make_invoice(due_days=0, amount=100.0, move_type="out_refund")
        self.refresh()

        with self.mock_mail_gateway():
            notice.mail_mail_id.send()
            self.assertFalse(self._mails)

        self.hand_over()
        self.assertEqual((notice.state, run.line_ids.reason_code), ("withdrawn", "netted"))


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

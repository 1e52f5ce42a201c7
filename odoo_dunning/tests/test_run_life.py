"""What a run goes through that nobody plans: cancelled half-way, its mails deleted, receivables started again."""

from datetime import date, timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import freeze_time, tagged

from .common import TODAY, LifeCase, collections_user


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

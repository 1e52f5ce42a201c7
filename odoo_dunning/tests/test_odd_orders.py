"""Runs that overlap, are undone in odd orders, or meet books that were changed behind their back."""

from datetime import date, timedelta

from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged

from .common import TODAY, LifeCase


@tagged("post_install", "-at_install")
class TestRunsSideBySide(LifeCase):
    """Two open runs with different invoices of one customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.propose()
        cls.other = cls.make_invoice(amount=40.0)

    def test_customer_with_an_approved_message_is_not_proposed_a_second(self):
        second = self.propose()
        self.assertEqual(self.line_of(second, self.other).reason_code, "notify")
        second.action_cancel()
        self.first.action_approve()

        second = self.propose()

        line = self.line_of(second, self.other)
        self.assertEqual(line.reason_code, "contacted_recently")
        self.assertEqual(line.reason_args[:2], ["2026-11-18", 7])
        self.assertEqual(self.line_of(second, self.invoice).reason_code, "in_other_run")

    def test_two_approved_runs_contact_a_customer_once(self):
        second = self.propose()
        self.first.action_approve()
        second.action_approve()

        self.hand_over()

        self.assertEqual((self.first.notice_ids.state, second.notice_ids.state), ("queued", "withdrawn"))
        self.assertEqual(self.line_of(second, self.other).reason_code, "contacted_recently")
        with self.mock_mail_gateway():
            self.first.notice_ids.mail_mail_id.send()
        self.assertEqual(self.levels(self.invoice, self.other), [2, 0])

    def test_message_put_off_over_the_weekend_counts_on_the_day_it_leaves(self):
        with freeze_time("2026-11-20 21:00:00"):
            friday = self.propose(date="2026-11-20")
            self.first.action_cancel()
            friday.action_propose_now()
            friday.action_approve()
        with freeze_time("2026-11-22 12:00:00"):
            late = self.make_invoice(amount=30.0)
            sunday = self.propose(date="2026-11-22")

        self.assertEqual(self.line_of(sunday, late).reason_args[:3], ["2026-11-23", 7, "2026-11-30"])

    def test_customer_of_a_cancelled_run_is_free(self):
        self.first.action_approve()
        self.first.action_cancel()

        self.assertEqual(self.line_of(self.propose(), self.other).reason_code, "notify")


@tagged("post_install", "-at_install")
class TestUndoInOddOrders(LifeCase):
    def run_on(self, day):
        with freeze_time(f"{day} 12:00:00"):
            run = self.propose(date=day)
            self.send_out(run)
        return run

    def test_later_run_for_the_same_items_is_undone_first(self):
        first, second = self.run_on("2026-11-18"), self.run_on("2026-11-30")
        self.assertEqual(self.levels(self.invoice), [3])

        with self.assertRaisesRegex(UserError, "Undo it first"):
            first.action_undo()
        second.action_undo()
        self.assertEqual(
            (self.levels(self.invoice), self.account_of(self.customer).last_contact_date), ([2], TODAY)
        )
        first.action_undo()
        self.assertEqual(
            (self.levels(self.invoice), self.account_of(self.customer).last_contact_date), ([0], False)
        )
        third = self.run_on("2026-12-01")
        self.assertEqual((third.notice_ids.state, self.levels(self.invoice)), ("sent", [2]))

    def test_undo_of_the_cycle_before_leaves_the_new_cycle_alone(self):
        first = self.run_on("2026-11-18")
        self.item_of(self.invoice).action_start_again()
        second = self.run_on("2026-11-30")
        item = self.item_of(self.invoice)
        self.assertEqual((item.level_rank, item.cycle, second.notice_ids.state), (2, 2, "sent"))

        first.action_undo()

        self.assertEqual((item.level_rank, item.level_date), (2, date(2026, 11, 30)))

    def test_undone_run_with_new_items_since_leaves_their_contact(self):
        first = self.run_on("2026-11-18")
        other = self.make_invoice(amount=30.0)
        second = self.run_on("2026-11-26")
        self.assertEqual(self.levels(self.invoice, other), [2, 2])
        self.assertEqual(self.line_of(second, other).decision, "notify")

        first.action_undo()

        self.assertEqual(self.levels(self.invoice, other), [0, 2])
        self.assertEqual(self.account_of(self.customer).last_contact_date, date(2026, 11, 26))

    def test_run_approved_twice_or_after_its_undo_is_refused(self):
        run = self.propose()
        self.send_out(run)
        for _state in ("done", "undone"):
            with self.assertRaisesRegex(UserError, "not a proposal"):
                run.action_approve()
            with self.assertRaisesRegex(UserError, "approved already"):
                run.action_propose_now()
            if run.state == "done":
                run.action_undo()

    def test_run_cancelled_half_way_counts_for_the_caps_of_the_hour(self):
        self.company.dunning_cap_per_hour = 1
        with freeze_time("2026-11-18 12:05:00"):
            run = self.propose()
            self.send_out(run)
            self.make_invoice(partner=self.make_customer("Second"))
            second = self.propose()
            self.company.dunning_cap_per_hour = 0
            waiting = self.propose()
            second.action_cancel()
            waiting.action_propose_now()
            waiting.action_approve()
            self.assertEqual(len(waiting.notice_ids), 1)
        run.sudo().write({"state": "sending", "done_at": False})
        run.action_cancel()
        self.assertEqual(run.state, "done")
        self.company.dunning_cap_per_hour = 1
        self.env.flush_all()

        with freeze_time("2026-11-18 12:20:00"):
            self.assertFalse(self.env["dunning.notice"]._take(self.company))
        with freeze_time("2026-11-18 13:00:00"):
            self.assertEqual(self.env["dunning.notice"]._take(self.company), waiting.notice_ids)


@tagged("post_install", "-at_install")
class TestBooksChangedBehindItsBack(LifeCase):
    def test_invoice_set_back_to_draft_and_posted_again_keeps_its_level_and_dispute(self):
        self.send_out(self.propose())
        item = self.item_of(self.invoice)
        dispute = self.env["dunning.dispute"].create({"item_id": item.id})
        line = item.move_line_id

        self.invoice.button_draft()
        self.follow()
        self.assertFalse(item.is_open)
        self.invoice.action_post()
        self.follow()

        self.assertEqual((self.item_of(self.invoice), item.move_line_id, item.is_open), (item, line, True))
        self.assertEqual((item.level_rank, dispute.item_id), (2, item))

    def test_invoice_posted_again_with_another_due_date_keeps_its_level_and_dispute(self):
        self.send_out(self.propose())
        item = self.item_of(self.invoice)
        self.env["dunning.dispute"].create({"item_id": item.id})

        self.invoice.button_draft()
        self.follow()
        self.invoice.invoice_date_due = TODAY - timedelta(days=12)
        self.invoice.action_post()
        self.follow()

        again = self.env["dunning.item"].search(
            [("move_line_id.move_id", "=", self.invoice.id), ("is_open", "=", True)]
        )
        self.assertEqual((again.level_rank, again.amount_disputed), (2, 100.0))

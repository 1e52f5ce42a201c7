"""The volume caps over a whole proposal: a burst, or the small customers before the large ones."""

from datetime import date, datetime
from unittest.mock import patch

from odoo.addons.mail.tests.common import MailCase
from odoo.tests import freeze_time, tagged

from ..bulk import snapshot
from ..bulk.proposal import Proposal
from .charge_common import ChargeCase
from .common import TODAY, DunningCase


@tagged("post_install", "-at_install")
class TestRationing(DunningCase, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.entry = "by_age"
        eur = cls.env.ref("base.EUR")
        eur.active = True
        eur.rate_ids.unlink()
        cls.env["res.currency.rate"].create({"currency_id": eur.id, "rate": 0.5, "name": "2020-01-01"})
        # Made in the opposite order of their importance; 60 euro are 120 dollars.
        cls.small = cls.owing("Small", amount=50.0, due_days=10)
        cls.older = cls.owing("Older", amount=50.0, due_days=12)
        cls.large = cls.owing("Large", amount=100.0, due_days=10)
        cls.foreign = cls.owing("Foreign", amount=60.0, due_days=10, currency_id=eur.id)
        cls.late = cls.owing("Late", amount=1.0, due_days=60)

    @classmethod
    def owing(cls, name, **vals):
        return cls.make_invoice(partner=cls.make_customer(name), **vals)

    def capped_run(self, per_day=0, per_hour=0):
        self.company.write({"dunning_cap_per_day": per_day, "dunning_cap_per_hour": per_hour})
        return self.propose()

    def written_to(self, run):
        return set(run.notice_ids.account_id.mapped("partner_id.name"))

    def test_highest_level_first_then_most_money_in_one_currency_then_oldest(self):
        order = ["Late", "Foreign", "Large", "Older", "Small"]
        for cap in range(1, 6):
            with self.subTest(cap=cap):
                run = self.capped_run(per_day=cap)
                self.assertEqual(self.written_to(run), set(order[:cap]))
                run.action_cancel()

    def test_the_rest_is_answered_and_the_run_says_so(self):
        run = self.capped_run(per_day=2, per_hour=7)

        line = self.line_of(run, self.small)
        self.assertRecordValues(
            line,
            [{"decision": "leave", "reason_code": "volume_cap", "notice_id": False, "claim": False}],
        )
        self.assertEqual(line.reason_args, [self.friendly.name, 2, 7])
        self.assertTrue(line.reason)
        self.assertEqual((run.line_count, run.notify_count, run.notice_count), (5, 2, 2))
        [left] = run.summary["left"]
        self.assertEqual((left["code"], left["count"]), ("volume_cap", 3))

        self.send_out(run)
        self.assertEqual(self.levels(self.late, self.small), [self.final.rank, 0])

    def test_what_went_out_today_counts_and_the_rest_goes_when_there_is_room(self):
        self.send_out(self.capped_run(per_day=3))
        again = self.capped_run(per_day=4)
        self.assertEqual(self.written_to(again), {"Older"})

        again.action_cancel()
        self.assertEqual(self.written_to(self.capped_run()), {"Older", "Small"})

    def test_proposing_again_does_not_count_its_own_messages(self):
        run = self.capped_run(per_day=2)
        run.action_propose_now()
        self.assertEqual(self.written_to(run), {"Late", "Foreign"})

    def test_later_hours_are_used_and_the_line_says_why(self):
        """From 12:00 UTC on two an hour, the window open until 15:00 UTC: six places for five."""
        self.company.dunning_window_end_hour = 16
        run = self.capped_run(per_hour=2)

        hours = {notice.account_id.partner_id.name: notice.send_at.hour for notice in run.notice_ids}
        self.assertEqual(hours, {"Late": 12, "Foreign": 12, "Large": 13, "Older": 13, "Small": 14})
        self.assertEqual(run.notice_ids.mapped("send_until"), [datetime(2026, 11, 18, 15)] * 5)
        self.assertEqual(self.line_of(run, self.late).reason_args[4], "")
        self.assertEqual(self.line_of(run, self.small).reason_args[4], "hourly_cap")

        run.action_cancel()
        self.assertEqual(self.written_to(self.capped_run(per_hour=1)), {"Late", "Foreign", "Large"})

    def test_a_letter_moves_to_the_hour_of_its_mail(self):
        self.friendly.by_letter = True
        self.small.partner_id.write({"street": "Main Street 1", "city": "Berlin", "zip": "10115"})
        run = self.capped_run(per_hour=2)

        of_small = run.notice_ids.filtered(lambda one: one.account_id.partner_id == self.small.partner_id)
        self.assertEqual(sorted(of_small.mapped("channel")), ["email", "letter"])
        self.assertEqual({one.send_at.hour for one in of_small}, {14})

    def test_messages_of_a_customer_go_together_by_all_channels(self):
        """Two currencies are two messages; e-mail and letter of one message are one."""
        self.friendly.by_letter = True
        partner = self.foreign.partner_id
        partner.write({"street": "Main Street 1", "city": "Berlin", "zip": "10115"})
        self.make_invoice(partner=partner, amount=200.0, due_days=10)

        run = self.capped_run(per_day=2)
        self.assertEqual(self.written_to(run), {"Late", "Large"})
        run.action_cancel()

        run = self.capped_run(per_day=3)
        self.assertEqual(self.written_to(run), {"Late", "Foreign"})
        self.assertEqual(
            sorted(run.notice_ids.mapped("channel")), ["email", "email", "email", "letter", "letter"]
        )

    def test_slices_decided_in_any_order_give_the_same(self):
        whole = self.capped_run(per_day=3, per_hour=2)
        expected = {line.item_id: (line.reason_code, line.reason_args) for line in whole.line_ids}
        whole.action_cancel()

        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": TODAY})
        run._prepare_proposal()
        with patch.object(snapshot, "JOB_ACCOUNTS", 2):
            cuts = snapshot.slices(self.env, self.company)
        for after, last in reversed(cuts):
            Proposal(run.sudo()).decide_slice(after, last)
        run._finish_proposal()

        self.assertGreater(len(cuts), 2)
        found = {line.item_id: (line.reason_code, line.reason_args) for line in run.line_ids}
        self.assertEqual(found, expected)

    def test_runs_approved_on_one_day_together_keep_the_cap_of_that_day(self):
        first = self.capped_run(per_day=2)
        with freeze_time("2026-11-19 12:00:00"):
            second = self.propose(date=date(2026, 11, 19))
            self.assertEqual(len(second.notice_ids), 2)
        with freeze_time("2026-11-20 12:00:00"):
            first.action_approve()
            second.action_approve()
            self.assertEqual(len(self.hand_over()), 2)
            self.assertFalse(self.hand_over())
            waiting = (first.notice_ids | second.notice_ids).filtered(lambda one: one.state == "ready")
            self.assertEqual(len(waiting), 2)
        with freeze_time("2026-11-23 12:00:00"):
            self.assertEqual(self.hand_over(), waiting)

    def test_after_an_outage_the_hour_is_kept(self):
        run = self.capped_run(per_hour=2)
        run.action_approve()
        with freeze_time("2026-11-19 09:10:00"):
            self.assertEqual([len(self.hand_over()), len(self.hand_over())], [2, 0])
        with freeze_time("2026-11-19 10:10:00"):
            self.assertEqual([len(self.hand_over()), len(self.hand_over())], [2, 0])

    def test_what_left_by_two_channels_counts_once_for_the_day(self):
        self.friendly.by_letter = True
        self.small.partner_id.write({"street": "Main Street 1", "city": "Berlin", "zip": "10115"})
        run = self.capped_run()
        run.line_ids.filtered(
            lambda line: line.item_id.move_id not in (self.small, self.older)
        ).action_exclude()
        run.action_approve()
        self.company.dunning_cap_per_day = 1
        self.assertEqual(sorted(self.hand_over().mapped("channel")), ["email", "letter"])
        self.company.dunning_cap_per_day = 2
        self.assertEqual(self.hand_over().account_id.partner_id, self.older.partner_id)

        self.company.dunning_cap_per_day = 3
        self.assertEqual(self.written_to(self.propose()), {"Late"}, "two messages are gone by three channels")

    def test_letter_beside_a_mail_takes_no_room(self):
        self.friendly.by_letter = True
        self.small.partner_id.write({"street": "Main Street 1", "city": "Berlin", "zip": "10115"})
        run = self.propose()
        run.line_ids.filtered(lambda line: line.item_id.move_id != self.small).action_exclude()
        self.company.dunning_cap_per_day = 1
        run.action_approve()

        self.assertEqual(sorted(self.hand_over().mapped("channel")), ["email", "letter"])


@tagged("post_install", "-at_install")
class TestRationingOfCharges(ChargeCase):
    def test_a_capped_message_claims_nothing(self):
        """1,000.00 at the last level goes; the same customer's claims stay, the other's go with its message."""
        self.make_late()
        self.make_late(partner=self.make_customer("Other"), amount=900.0)
        self.company.dunning_cap_per_day = 1
        run = self.propose()

        self.assertEqual(run.notice_ids.account_id.partner_id, self.customer)
        charges = self.env["dunning.charge"].search([("run_id", "=", run.id)])
        self.assertEqual(charges.account_id.partner_id, self.customer)
        self.assertEqual(len(charges), 2)

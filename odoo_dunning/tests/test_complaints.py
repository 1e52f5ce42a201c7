"""What users of other dunning software complain about in public, as far as it takes books, mails or a job queue.

Each test is named after its complaint; its docstring starts with the number of the complaint, 1 to 25, and where
people wrote it. The others are in `tests/engine/test_complaints.py`.
"""

import itertools
from unittest.mock import patch

from odoo.tests import freeze_time, tagged

from ..bulk import snapshot
from ..bulk.proposal import Proposal
from ..models import dunning_notice_sending
from .charge_common import INTEREST
from .common import TODAY, DunningCase
from .test_charge_booking import CHARGED, BookingCase


@tagged("post_install", "-at_install")
class TestComplaintsAboutCharges(BookingCase):
    def fee_of_twelve(self):
        """Finnish law: 12.00 per reminder between businesses."""
        self.policy.charge_law = "FI"
        self.final.write(
            {"charge_fee_kind": "reminder_fee", "charge_interest": False, "charge_recovery_sum": False}
        )

    def test_late_fee_added_again_every_hour(self):
        """2: invoiceninja #2330"""
        self.fee_of_twelve()
        self.set_up_booking()
        self.make_late()
        for hour in range(8, 18):
            with freeze_time(f"2026-11-18 {hour:02}:30:00"):
                self.sent_run()
                self.cron()

        charges = self.account_of(self.customer).charge_ids
        self.assertRecordValues(charges, [{"kind": "reminder_fee", "amount": 12.0, "state": "booked"}])
        self.assertEqual(charges.move_id.amount_total, 12.0)
        self.assertEqual(self.balance(), 1250.0 + 15.0)

    def test_interest_and_fee_forgotten_once_the_principal_is_paid_claimed(self):
        """19: erpnext #58220, PR #58227: the company says they stay claimed, and they do"""
        self.company.dunning_charge_when_paid = "claim"
        run = self.booked_run("never")
        self.pay(self.invoice)
        self.refresh()
        self.cron()

        self.assertEqual(set(self.charges(run).mapped("state")), {"announced"})
        self.assertEqual(sum(self.charges(run).mapped("amount_due")), CHARGED)
        self.assertEqual(self.account_of(self.customer).amount_charges, 104.31)
        self.assertEqual(set(self.charges(run).mapped("principal_paid_date")), {TODAY})

    def test_interest_and_fee_forgotten_once_the_principal_is_paid_dropped(self):
        """19: erpnext #58220, PR #58227: the company says they are dropped, and the customer's page says why"""
        self.company.dunning_charge_when_paid = "drop"
        run = self.booked_run("never")
        self.pay(self.invoice)
        self.refresh()
        self.cron()

        self.assertEqual(set(self.charges(run).mapped("state")), {"waived"})
        self.assertEqual(self.account_of(self.customer).amount_charges, 0.0)
        said = "".join(self.account_of(self.customer).message_ids.mapped("body"))
        self.assertIn("The invoice was paid", said)

    def test_interest_must_follow_the_balance_between_payments(self):
        """21: erpnext #49621

        300.00 on 30 June and 500.00 on 30 September, each still owed on its day: 10 days at 10.27 % on 1,000.00, 92 at
        10.52 % on 700.00 and 49 on 200.00: 2.8137 + 18.5613 + 2.8245 = 24.20.
        """
        invoice = self.make_late()
        for day, amount in (("2026-06-30", 300.0), ("2026-09-30", 500.0)):
            self.pay(invoice, amount, day)
        run = self.sent_run()

        charge = self.charges(run, "interest")
        self.assertEqual(charge.amount, 24.2)
        self.assertEqual(
            [(line["base"], line["days"]) for line in charge.sheet["lines"]],
            [("1000.00", 10), ("700.00", 92), ("200.00", 49)],
        )

    def test_fee_not_refreshed_when_the_type_changes(self):
        """21: erpnext #37397: level, law or fee changed after proposing: charged is what holds when it leaves"""
        self.make_late()
        run = self.propose()
        self.assertEqual(sorted(self.charges(run).mapped("amount")), [40.0, INTEREST])

        self.policy.charge_law = "FI"
        self.firm.write(
            {
                "charge_fee_kind": "reminder_fee",
                "charge_fee_source": "own",
                "charge_fee_amount": 5.0,
                "charge_currency_id": self.eur.id,
            }
        )
        run.line_ids.set_level(self.firm)
        self.assertEqual([(one.kind, one.amount) for one in self.charges(run)], [("reminder_fee", 5.0)])

        self.firm.charge_fee_amount = 4.0
        self.send_out(run)
        self.assertEqual([(one.kind, one.amount) for one in self.charges(run)], [("reminder_fee", 4.0)])
        self.assertIn("€1,004.00", run.notice_ids.body_text)


@tagged("post_install", "-at_install")
class TestComplaintsAboutTheOutbox(BookingCase):
    def test_reminder_the_day_after_the_invoice_mail(self):
        """25: invoiceninja #9312: an invoice that reached the customer late; ten days lie between contacts"""
        self.policy.entry = "first"
        invoice = self.make_invoice(due_days=10)
        with freeze_time("2026-11-17 12:00:00"), self.mock_mail_gateway():
            self.env["account.move.send"]._generate_and_send_invoices(invoice, sending_methods=["email"])
            self.assertEqual(len(self._new_mails), 1)

        run = self.propose()
        line = self.line_of(run, invoice)
        self.assertEqual((line.reason_code, line.reason_args[0]), ("contacted_recently", "2026-11-17"))
        run.action_cancel()
        with freeze_time("2026-11-27 12:00:00"):
            again = self.propose(date="2026-11-27")
        self.assertEqual(self.line_of(again, invoice).reason_code, "notify")

    def test_falls_back_to_letter_although_the_invoice_contact_has_an_email(self):
        """7: OCA credit-control #343, fix #353: the invoice went to somebody at the company, who has an email; the
        company itself has a street only"""
        self.policy.entry = "first"
        company = self.make_customer(
            "Globex", email=False, street="Main Street 1", city="Berlin", zip="10115"
        )
        jane = self.make_customer("Jane", is_company=False, parent_id=company.id, email="jane@globex.example")
        silent = self.make_customer("Joe", is_company=False, parent_id=company.id, email="joe@globex.example")
        self.make_invoice(partner=jane, due_days=10)

        notice = self.propose().notice_ids
        self.assertRecordValues(
            notice, [{"channel": "email", "partner_id": jane.id, "email_to": "jane@globex.example"}]
        )
        notice.run_id.action_cancel()

        # The company's own address comes first, and who was sent no invoice is told of none.
        company.email = "office@globex.example"
        self.assertEqual(self.propose().notice_ids.email_to, "office@globex.example")
        self.assertNotIn(silent, notice.account_id.notice_ids.partner_id)

    def test_history_lost_when_mailed_and_printed_and_status_never_sent(self):
        """10: OCA credit-control #116"""
        address = {"street": "Main Street 1", "city": "Berlin", "zip": "10115"}
        self.customer.write(address)
        self.friendly.write({"by_email": True, "by_letter": True})
        invoice = self.make_invoice(due_days=10)
        self.policy.entry = "first"
        run = self.propose()
        notices = self.send_out(run)

        self.assertEqual(sorted(notices.mapped("channel")), ["email", "letter"])
        self.assertEqual(set(notices.mapped("state")), {"sent"})
        self.assertTrue(all(notices.mapped("sent_at")))
        self.assertEqual(run.state, "done")
        account = self.account_of(self.customer)
        self.assertEqual(account.notice_ids, notices)
        mailed = notices.filtered(lambda one: one.channel == "email")
        self.assertIn(mailed.mail_message_id, account.message_ids)
        self.assertEqual(account.activity_ids.mapped("summary"), ["Post the letter"])
        self.assertEqual(self.levels(invoice), [self.friendly.rank])
        self.assertEqual(self.line_of(run, invoice).notice_id.subject, mailed.subject)

        # A day later the history still says both, and nothing goes out again.
        with freeze_time("2026-11-19 12:00:00"):
            later = self.env["dunning.run"].create({"company_id": self.company.id, "date": "2026-11-19"})
            later.action_propose_now()
        self.assertFalse(later.notice_ids)
        self.assertEqual(set(account.notice_ids.mapped("state")), {"sent"})


@tagged("post_install", "-at_install")
class TestComplaintsAboutVolume(DunningCase):
    def test_volume_needs_jobs_for_generating_lines(self):
        """17: OCA credit-control #32, #34, #45; metasfresh webui #799

        The work is cut into slices of customers, which several processes may share: together they are everything, once,
        and a slice costs the same number of queries however many customers are in it.
        """
        self.many(3)
        few = self.queries_of_a_slice(3)
        self.many(9)
        self.assertLessEqual(self.queries_of_a_slice(12), few)

        accounts = self.env["dunning.account"].search([("company_id", "=", self.company.id)])
        with patch.object(snapshot, "JOB_ACCOUNTS", 5):
            cuts = snapshot.slices(self.env, self.company)
        ids = sorted(accounts.filtered("item_count").ids)
        shares = [[one for one in ids if after < one <= last] for after, last in cuts]
        self.assertEqual([len(share) for share in shares], [5, 5, 2])
        self.assertEqual(list(itertools.chain(*shares)), ids)

        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": TODAY})
        for after, last in reversed(cuts):
            Proposal(run.sudo()).decide_slice(after, last)
        run._finish_proposal()
        self.assertEqual(len(run.line_ids), 12)
        self.assertEqual(run.line_ids.account_id, accounts)

    def test_volume_needs_jobs_for_mass_mail(self):
        """17: OCA credit-control #430: messages go to the mail queue slice by slice, committing after each"""
        self.many(7)
        self.propose().action_approve()
        sizes = []

        def commit(processed=0, **_kwargs):
            sizes.append(processed)
            return 1.0

        with patch.object(dunning_notice_sending, "SLICE_NOTICES", 3):
            self.assertTrue(self.env["dunning.notice"]._send_company(self.company, commit))

        self.assertEqual([size for size in sizes if size], [3, 3, 1])

    def many(self, count):
        for number in range(count):
            self.make_invoice(partner=self.make_customer(f"One of {count}: {number}"), due_days=10)
        self.refresh()

    def queries_of_a_slice(self, accounts):
        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": TODAY})
        proposal = Proposal(run.sudo())
        self.env.flush_all()
        before = self.env.cr.sql_log_count
        self.assertEqual(proposal.decide_slice(0)[1], accounts)
        count = self.env.cr.sql_log_count - before
        run._forget_proposal()
        return count

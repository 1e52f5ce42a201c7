"""What users of other dunning software complain about in public, as far as it takes books, mails or a job queue.

Each test is named after its complaint; its docstring starts with the number of the complaint, 1 to 25, and where
people wrote it. What the decision alone answers is in
`tests/engine/test_complaints.py`.
"""

import itertools
import re
from datetime import date, timedelta
from unittest.mock import patch

from odoo.addons.mail.tests.common import MailCase
from odoo.fields import Command
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


class SendingCase(DunningCase, MailCase):
    def mails_of(self, run):
        """A run on its way through outbox and mail queue: address -> what the mail server got for it."""
        run.action_approve()
        self.env["dunning.notice"]._gather_documents(self.company, lambda *_args: 1.0)
        self.hand_over()
        with self.mock_mail_gateway():
            run.notice_ids.mail_mail_id.send()
            mails = [(address, mail) for mail in self._mails for address in mail["email_to"]]
        self.assertEqual(len(dict(mails)), len(mails))
        return dict(mails)

    def codes(self, run, *moves):
        return [self.line_of(run, move).reason_code for move in moves]

    def move_due_date(self, invoice, day):
        invoice.line_ids.filtered("date_maturity").date_maturity = day


@tagged("post_install", "-at_install")
class TestComplaintsAboutAddressees(SendingCase):
    def test_mail_carries_the_letters_of_other_customers(self):
        """6: OCA account-financial-tools #559, #565: each mail with its links and PDFs, and its history, are about
        the customer's own invoices and nobody else's"""
        self.friendly.write({"by_letter": True, "attach_invoices": True})
        address = {"street": "Main Street 1", "city": "Berlin", "zip": "10115"}
        own = {}
        for count, lang in ((1, "en_US"), (2, False), (3, "en_US"), (4, False)):
            partner = self.make_customer(f"Customer {count}", lang=lang, **address)
            own[partner] = [
                self.make_invoice(partner, due_days=20 - count - 3 * number) for number in range(count)
            ]
        for invoice in itertools.chain(*own.values()):
            self.store_pdf(invoice)
        run = self.propose()
        mails = self.mails_of(run)

        self.assertEqual(set(mails), {partner.email for partner in own})
        for partner, invoices in own.items():
            mail, account = mails[partner.email], self.account_of(partner)
            numbers = {invoice.name for invoice in invoices}
            pages = {(str(invoice.id), invoice.access_token) for invoice in invoices}
            texts = [mail["body"], mail["body_alternative"]]
            texts += account.notice_ids.mapped("body_html") + account.notice_ids.mapped("body_text")
            self.assertEqual(set(account.notice_ids.mapped("channel")), {"email", "letter"})
            for text in [*texts, *filter(None, account.message_ids.mapped("body"))]:
                self.assertEqual(set(re.findall(r"INV/\d+/\d+", text)), numbers)
                self.assertEqual(set(re.findall(r"invoices/(\d+)\?access_token=([\w-]+)", text)), pages)
                self.assertFalse([one.name for one in own if one != partner and one.name in text])
            self.assertEqual(
                {content for _name, content, _type in mail["attachments"]},
                {invoice.name.encode() for invoice in invoices},
            )

    def store_pdf(self, invoice):
        self.env["ir.attachment"].create(
            {
                "name": f"{invoice.id}.pdf",
                "raw": invoice.name.encode(),
                "res_model": "account.move",
                "res_id": invoice.id,
                "res_field": "invoice_pdf_report_file",
            }
        )
        invoice.invalidate_recordset(["invoice_pdf_report_id", "invoice_pdf_report_file"])

    def test_cannot_send_the_follow_up_to_another_person_than_the_invoice_address(self):
        """8: odoo #62141, PR #7910: the person with the role the level names, or whom somebody enters on the
        message; the debt stays the customer's"""
        self.policy.entry = "by_age"
        invoice_address, boss, lawyer = (
            self.make_customer(name, is_company=False, parent_id=self.customer.id, **vals)
            for name, vals in (
                ("Jane", {"type": "invoice"}),
                ("Bob", {"dunning_role": "decision"}),
                ("Lara", {}),
            )
        )
        first = self.make_invoice(partner=invoice_address, due_days=40)
        [(address, mail)] = self.mails_of(self.propose()).items()

        self.assertEqual(address, boss.email)
        self.assertIn("Bob", mail["body_alternative"])
        self.assertIn(first.name, mail["body_alternative"])
        self.assertEqual(self.item_of(first).account_id, self.account_of(self.customer))
        self.assertEqual(self.levels(first), [self.final.rank])

        other = self.make_customer("Globex")
        second = self.make_invoice(partner=other, due_days=10)
        run = self.propose()
        run.notice_ids.partner_id = lawyer
        self.assertEqual(list(self.mails_of(run)), [lawyer.email])
        self.assertEqual(self.item_of(second).account_id, self.account_of(other))
        self.assertEqual(self.account_of(other).last_contact_date, TODAY)


@tagged("post_install", "-at_install")
class TestComplaintsAboutDates(SendingCase):
    def test_reminder_quadrupled_to_every_customer_after_setting_a_date(self):
        """3: FOSSBilling #3726: due dates changed and holds entered after the reminder, runs four times a day: the next
        mail is that of the next level, once, on the day counted from the date as it is then"""
        customers = self.customer | self.make_customer("Globex") | self.make_customer("Initech")
        invoices = [self.make_invoice(partner=partner, due_days=10) for partner in customers]
        self.assertEqual(self.mailed_in_four_runs("2026-11-18"), sorted(customers.mapped("email")))
        for day, due in (
            ("2026-11-19", "2026-11-10"),
            ("2026-11-26", "2026-11-12"),
            ("2026-12-04", "2026-11-16"),
        ):
            for invoice in invoices:
                self.move_due_date(invoice, due)
                account = self.account_of(invoice.partner_id)
                ended = date.fromisoformat(day) - timedelta(days=1)
                self.env["dunning.hold"].create(
                    {"account_id": account.id, "until_date": ended, "reason": "Holidays"}
                )
            self.follow()
            self.assertEqual(self.mailed_in_four_runs(day), [], day)
        self.assertEqual(self.levels(*invoices), [self.friendly.rank] * 3)

        self.assertEqual(self.mailed_in_four_runs("2026-12-07"), sorted(customers.mapped("email")))
        self.assertEqual(self.levels(*invoices), [self.firm.rank] * 3)

    def mailed_in_four_runs(self, day):
        """Addresses of all mails of four runs in a row."""
        with freeze_time(f"{day} 12:00:00"):
            return sorted(itertools.chain(*[self.mails_of(self.propose(date=day)) for _time in range(4)]))

    def test_due_date_off_by_one_and_reminder_lost_because_of_time_zones(self):
        """5: invoiceninja #792, #8665: 18 November by the company's clock, whatever day UTC has and wherever the clerk
        sits: seven days after the due date, not six; all dates kept and written are those of that clock"""
        for zone, clerk, now in (
            ("Pacific/Kiritimati", False, "2026-11-17 19:00:00"),
            ("Pacific/Auckland", "America/New_York", "2026-11-17 20:00:00"),
            ("Europe/Berlin", "Pacific/Auckland", "2026-11-18 16:30:00"),
            ("Pacific/Honolulu", "Europe/Berlin", "2026-11-19 02:00:00"),
        ):
            self.company.partner_id.tz, self.env.user.tz = zone, clerk
            customer = self.make_customer(zone.replace("/", " "))
            invoice, younger = (self.make_invoice(customer, due_days=days) for days in (7, 6))
            with self.subTest(company=zone, clerk=clerk), freeze_time(now):
                run = self.env["dunning.run"].create({"company_id": self.company.id})
                run.action_propose_now()
                self.assertEqual(self.codes(run, invoice, younger), ["notify", "too_young"])
                [mail] = self.mails_of(run).values()

                self.assertIn("Due date: Nov 11, 2026 (7 days overdue)", mail["body_alternative"])
                self.assertIn("Please pay $100.00 by November 27, 2026", mail["body_alternative"])
                self.assertEqual((run.date, run.notice_ids.sent_date), (TODAY, TODAY))
                self.assertEqual(self.item_of(invoice).level_date, TODAY)
                self.assertEqual(self.account_of(customer).last_contact_date, TODAY)
            (invoice + younger).button_draft()

    def test_invoices_with_several_due_dates_only_warned_after_the_last_one(self):
        """13: OCA credit-control #374: each instalment of an Odoo payment term is reminded of on its own day, for
        its own amount; the one reminded of already is not asked for anew"""
        terms = self.env["account.payment.term"].create(
            {
                "name": "30 % in ten days, the rest in thirty",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 30, "nb_days": 10}),
                    Command.create({"value": "percent", "value_amount": 70, "nb_days": 30}),
                ],
            }
        )
        invoice = self.make_invoice(
            amount=200.0,
            invoice_payment_term_id=terms.id,
            invoice_date="2026-10-31",
            invoice_date_due=False,
        )
        first, second = self.item_of(invoice).sorted("due_date")
        run = self.propose()
        [mail] = self.mails_of(run).values()

        self.assertEqual([str(one.due_date) for one in (first, second)], ["2026-11-10", "2026-11-30"])
        self.assertEqual(run.notice_ids.line_ids.item_id, first)
        self.assertIn("Total to pay: $60.00", mail["body_alternative"])
        self.assertNotIn("140.00", mail["body_alternative"])
        self.assertEqual([first.level_rank, second.level_rank], [self.friendly.rank, 0])

        self.pay(invoice, 60.0)
        with freeze_time("2026-12-07 12:00:00"):
            [mail] = self.mails_of(self.propose(date="2026-12-07")).values()
        self.assertIn("Total to pay: $140.00", mail["body_alternative"])
        self.assertEqual([first.is_open, second.level_rank], [False, self.friendly.rank])

    def test_reminding_one_invoice_hides_all_other_reminders_of_the_customer(self):
        """14: OCA credit-control #460, #328: the other invoice has its line and says until when it waits; the
        customer's page says what the run says; on that day it goes"""
        reminded, other = self.make_invoice(due_days=10), self.make_invoice(due_days=5, amount=70.0)
        self.mails_of(self.propose())
        account = self.account_of(self.customer)
        with freeze_time("2026-11-20 12:00:00"):
            run = self.propose(date="2026-11-20")
            self.assertEqual(self.codes(run, reminded, other), ["too_young", "contacted_recently"])
            self.assertEqual(self.line_of(run, other).reason_args, ["2026-11-18", 7, "2026-11-25"])
            account.invalidate_recordset()
            self.assertEqual(account.next_action_date, date(2026, 11, 25))
            self.assertEqual(account.next_action, self.line_of(run, other).reason)
            run.action_cancel()
        with freeze_time("2026-11-25 12:00:00"):
            run = self.propose(date="2026-11-25")
            self.assertEqual(self.codes(run, reminded, other), ["too_young", "notify"])
            [mail] = self.mails_of(run).values()
        self.assertIn("Total to pay: $70.00", mail["body_alternative"])
        self.assertNotIn(reminded.name, mail["body_alternative"])
        self.assertEqual(self.levels(reminded, other), [self.friendly.rank] * 2)
        self.assertEqual(self.item_of(reminded).level_date, TODAY)

    def test_invoices_younger_than_the_delay_are_included(self):
        """15: OCA credit-control PR #139: not beside a much older one, not a day early, not when it comes in between
        approval and sending"""
        old, ripe, young, fresh = (self.make_invoice(due_days=days) for days in (60, 7, 6, -20))
        run = self.propose()
        self.assertEqual(
            self.codes(run, old, ripe, young, fresh), ["notify", "notify", "too_young", "too_young"]
        )
        run.action_approve()
        late_comer = self.make_invoice(due_days=6)
        self.hand_over()
        with self.mock_mail_gateway():
            run.notice_ids.mail_mail_id.send()
            [mail] = self._mails

        self.assertEqual(set(re.findall(r"INV/\d+/\d+", mail["body_alternative"])), {old.name, ripe.name})
        self.assertIn("Total to pay: $200.00", mail["body_alternative"])
        self.assertEqual(self.levels(young, fresh, late_comer), [0, 0, 0])


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
        run.unlink()  # else it is another open run to the next one
        return count

"""Holds, disputes and promises: who is left alone, for how long, and what ends it."""

from datetime import timedelta

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged
from odoo.tools import SQL

from .common import TODAY, DunningCase


@tagged("post_install", "-at_install")
class TestLeftAlone(DunningCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.make_invoice(due_days=10, amount=100.0)
        cls.item = cls.item_of(cls.invoice)
        cls.account = cls.item.account_id

    def answer(self, today=TODAY):
        run = self.propose(date=today)
        line = self.line_of(run, self.invoice)
        run.action_cancel()
        return line.reason_code

    def test_hold_ends_with_its_day(self):
        hold = self.env["dunning.hold"].create(
            {
                "account_id": self.account.id,
                "item_id": self.item.id,
                "until_date": TODAY,
                "reason": "Goods in transit",
            }
        )

        self.assertEqual(self.answer(), "hold")
        self.assertEqual(self.answer(TODAY + timedelta(days=1)), "notify")
        hold.action_lift()
        self.assertEqual(self.answer(), "notify")

    def test_hold_without_end_holds_until_lifted(self):
        hold = self.env["dunning.hold"].create({"account_id": self.account.id, "reason": "Ask first"})

        self.assertTrue(self.account.is_on_hold)
        self.assertIn(self.account, self.env["dunning.account"].search([("is_on_hold", "=", True)]))
        self.assertEqual(self.answer(TODAY + timedelta(days=400)), "hold_account")
        hold.action_lift()
        self.assertFalse(self.account.is_on_hold)

    def test_hold_on_the_item_of_another_customer_is_refused(self):
        stranger = self.item_of(self.make_invoice(partner=self.make_customer("Stranger")))

        with self.assertRaisesRegex(ValidationError, "belongs to Stranger"):
            self.env["dunning.hold"].create(
                {"account_id": self.account.id, "item_id": stranger.id, "reason": "Mistake"}
            )

    def test_whole_dispute_stops_the_item_until_it_is_rejected(self):
        dispute = self.env["dunning.dispute"].create({"item_id": self.item.id, "reason": "quality"})
        self.assertEqual(self.item.amount_disputed, 100.0)
        self.assertEqual(self.answer(), "disputed")

        dispute.action_reject()

        self.assertEqual(self.answer(), "notify")

    def test_part_dispute_lets_the_rest_go_on(self):
        self.env["dunning.dispute"].create({"item_id": self.item.id, "scope": "part", "amount": 30.0})

        run = self.propose()

        self.assertEqual(run.notice_ids.amount_total, 70.0)
        self.assertIn("70.00", run.notice_ids.action_preview().text)

    def test_accepted_dispute_stays_out_until_it_is_credited(self):
        dispute = self.env["dunning.dispute"].create({"item_id": self.item.id})
        dispute.action_accept()
        self.assertEqual(self.answer(), "disputed")

        dispute.action_credited()

        self.assertEqual(self.answer(), "notify")

    def asked(self):
        """What a message would ask for of the invoice; contested of it."""
        notice = self.propose().notice_ids
        self.assertEqual(notice.amount_total, notice.amount_with_charges)
        self.item.invalidate_recordset(["amount_disputed"])
        notice.run_id.action_cancel()
        return notice.amount_total, self.item.amount_disputed

    def credit_note(self, amount, **vals):
        return self.make_invoice(
            amount=amount, due_days=0, move_type="out_refund", **{"ref": self.invoice.name, **vals}
        )

    def reconcile(self, *moves):
        lines = self.env["account.move"].union(*moves).line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable").reconcile()

    def test_credit_note_for_the_contested_part_is_taken_off_once(self):
        """100.00, of which 30.00 are contested and then credited: 70.00 are owed, before and after they are matched."""
        self.env["dunning.dispute"].create({"item_id": self.item.id, "scope": "part", "amount": 30.0})
        self.assertEqual(self.asked(), (70.0, 30.0))

        note = self.credit_note(30.0)
        self.assertEqual(self.asked(), (70.0, 0.0))
        self.reconcile(self.invoice, note)
        self.assertEqual(self.asked(), (70.0, 0.0))

    def test_credit_note_over_less_than_the_contested_part_leaves_the_rest_contested(self):
        self.env["dunning.dispute"].create({"item_id": self.item.id, "scope": "part", "amount": 30.0})
        note = self.credit_note(10.0)
        self.assertEqual(self.asked(), (70.0, 20.0))
        self.reconcile(self.invoice, note)
        self.assertEqual(self.asked(), (70.0, 20.0))

    def test_money_and_credits_of_other_invoices_settle_no_dispute(self):
        self.env["dunning.dispute"].create({"item_id": self.item.id, "scope": "part", "amount": 30.0})
        note = self.credit_note(25.0, ref="Goodwill")
        self.assertEqual(self.asked(), (45.0, 30.0))
        note.button_draft()
        self.pay(self.invoice, 20.0)
        self.assertEqual(self.asked(), (50.0, 30.0))

    def test_credit_note_from_before_the_dispute_settles_nothing_of_it(self):
        note = self.item_of(self.credit_note(10.0))
        self.env.cr.execute(
            "UPDATE dunning_item SET create_date = create_date - interval '1 hour' WHERE id = %s", [note.id]
        )
        self.env["dunning.dispute"].create({"item_id": self.item.id, "scope": "part", "amount": 30.0})
        self.assertEqual(self.asked(), (60.0, 30.0))

    def test_where_credits_are_not_netted_an_open_credit_note_settles_nothing(self):
        self.policy.netting = "none"
        self.env["dunning.dispute"].create({"item_id": self.item.id, "scope": "part", "amount": 30.0})
        note = self.credit_note(30.0)
        self.assertEqual(self.asked(), (70.0, 30.0))
        self.reconcile(self.invoice, note)
        self.assertEqual(self.asked(), (70.0, 0.0))

    def test_dispute_over_more_than_the_invoice_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "more than 0 and at most"):
            self.env["dunning.dispute"].create({"item_id": self.item.id, "scope": "part", "amount": 100.01})

    def test_item_excluded_at_the_source_and_unusual_accounts_are_answered(self):
        self.account.is_legal = True
        self.assertEqual(self.answer(), "legal")
        self.account.write({"is_legal": False, "is_excluded": True})
        self.assertEqual(self.answer(), "excluded")

    def test_customer_with_receivables_cannot_be_hidden_from_the_worklist(self):
        """An archived row would be dunned where nobody sees it; “Never contact” is what stops messages."""
        self.assertNotIn("active", self.account._fields)


@tagged("post_install", "-at_install")
class TestPromise(DunningCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.make_invoice(due_days=10, amount=100.0)
        cls.account = cls.item_of(cls.invoice).account_id
        cls.policy.promise_grace_days = 2
        cls.promise = cls.env["dunning.promise"].create(
            {"account_id": cls.account.id, "amount": 80.0, "promised_date": TODAY + timedelta(days=5)}
        )

    def judge(self, day=0):
        with freeze_time(f"{TODAY + timedelta(days=day)} 12:00:00"):
            self.refresh()
            self.env["dunning.promise"]._judge(self.company)
        return self.promise.state

    def test_promise_without_items_is_about_all_open_ones(self):
        self.assertEqual(self.promise.item_ids, self.item_of(self.invoice))
        self.assertEqual(self.promise.amount_baseline, 100.0)

    def test_item_is_left_alone_until_the_day_plus_grace(self):
        self.assertEqual(self.propose().line_ids.reason_code, "promised")
        self.assertEqual(self.judge(7), "open")
        self.assertEqual(self.judge(8), "broken")
        self.assertEqual(self.account.attention, "broken")
        self.assertEqual(self.propose(date=TODAY + timedelta(days=8)).line_ids.reason_code, "notify")

    def test_kept_when_the_promised_amount_arrives_in_time(self):
        self.pay(self.invoice, 80.0)

        self.assertEqual(self.judge(3), "kept")
        self.assertEqual(self.promise.amount_paid, 80.0)

    def test_kept_when_it_arrived_in_time_but_is_judged_days_later(self):
        self.pay(self.invoice, 80.0)

        self.assertEqual(self.judge(20), "kept")

    def loose(self, amount, day=0):
        """Money of the customer on the bank that nobody has set against an invoice yet."""
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.customer.id,
                "amount": amount,
                "date": TODAY + timedelta(days=day),
            }
        )
        payment.action_post()
        return payment

    def test_kept_by_a_part_payment_and_a_credit_note(self):
        self.pay(self.invoice, 50.0, TODAY + timedelta(days=3))
        self.assertEqual(self.judge(4), "open")
        credit = self.make_invoice(amount=30.0, due_days=0, move_type="out_refund")
        (self.invoice + credit).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        ).reconcile()
        self.assertEqual(self.judge(5), "kept")

    def test_kept_by_money_that_nobody_has_allocated_yet(self):
        self.loose(80.0, day=4)
        self.assertEqual(self.judge(20), "kept")
        self.assertEqual(self.promise.amount_paid, 80.0)

    def test_money_that_was_there_before_is_no_payment_of_the_promise(self):
        self.loose(80.0, day=-1)
        self.assertEqual(self.judge(20), "broken")

    def test_money_not_allocated_yet_keeps_one_of_two_promises(self):
        other = self.make_invoice(due_days=10, amount=60.0)
        second = self.env["dunning.promise"].create(
            {
                "account_id": self.account.id,
                "amount": 60.0,
                "promised_date": TODAY + timedelta(days=6),
                "item_ids": self.item_of(other).ids,
            }
        )
        self.loose(100.0, day=4)
        self.assertEqual(self.judge(20), "kept")
        self.assertEqual((second.state, second.amount_paid), ("partly", 20.0))

    def test_money_allocated_elsewhere_afterwards_breaks_the_promise(self):
        payment = self.loose(80.0, day=4)
        self.assertEqual(self.judge(5), "kept")
        other = self.make_invoice(due_days=10, amount=80.0)
        (payment.move_id + other).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        ).reconcile()
        self.assertEqual(self.judge(20), "broken")

    def test_partly_kept_then_late(self):
        self.pay(self.invoice, 10.0)
        self.assertEqual(self.judge(8), "partly")

        with freeze_time(f"{TODAY + timedelta(days=9)} 12:00:00"):
            self.pay(self.invoice, 90.0, TODAY + timedelta(days=9))

        self.assertEqual(self.judge(9), "late")

    def test_kept_when_it_arrived_in_time_but_was_booked_after_it_counted_as_broken(self):
        self.assertEqual(self.judge(8), "broken")

        with freeze_time(f"{TODAY + timedelta(days=9)} 12:00:00"):
            self.pay(self.invoice, 80.0, TODAY + timedelta(days=4))

        self.assertEqual(self.judge(9), "kept")

    def test_payment_taken_back_breaks_what_was_kept(self):
        payment = self.pay(self.invoice, 80.0)
        self.assertEqual(self.judge(1), "kept")

        self.invoice.line_ids.remove_move_reconcile()
        payment.action_draft()

        self.assertEqual(self.judge(2), "open")
        self.assertEqual(self.line_of(self.propose(), self.invoice).reason_code, "promised")
        self.assertEqual(self.judge(8), "broken")
        self.assertEqual(self.promise.amount_paid, 0.0)
        self.assertEqual(self.account.attention, "broken")

    def test_kept_where_the_day_begins_half_a_day_before_that_of_utc(self):
        """Said on the 19th in Auckland, paid and booked an hour later: still the 18th in UTC."""
        self.company.partner_id.tz = "Pacific/Auckland"
        self.promise.made_date = TODAY + timedelta(days=1)
        self.pay(self.invoice, 80.0)
        self.env.flush_all()
        for table, instant in (("dunning_promise", "18:30"), ("account_partial_reconcile", "19:30")):
            self.env.execute_query(
                SQL(
                    "UPDATE %s SET create_date = %s RETURNING id",
                    SQL.identifier(table),
                    f"2026-11-18 {instant}:00",
                )
            )

        self.assertEqual(self.judge(20), "kept")

    def test_promise_about_another_customers_item_is_refused(self):
        stranger = self.item_of(self.make_invoice(partner=self.make_customer("Stranger")))

        with self.assertRaisesRegex(ValidationError, "is of another customer"):
            self.promise.sudo().item_ids = stranger

    def test_promise_of_nothing_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "enter the promised amount"):
            self.promise.amount = 0


@tagged("post_install", "-at_install")
class TestOddPrecision(DunningCase):
    """A yen has no parts, a dinar a thousand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.yen, cls.dinar = cls.env.ref("base.JPY"), cls.env.ref("base.KWD")
        (cls.yen | cls.dinar).active = True
        cls.env["res.currency.rate"].create(
            [
                {"currency_id": currency.id, "rate": rate, "name": "2020-01-01", "company_id": cls.company.id}
                for currency, rate in ((cls.yen, 150.0), (cls.dinar, 0.3))
            ]
        )

    def proposed(self, move):
        run = self.propose()
        line = self.line_of(run, move)
        return run, line

    def test_contested_part_promise_and_credit_in_dinars(self):
        """100.005 less 0.005 contested and 0.001 credited: 99.999."""
        invoice = self.make_invoice(amount=100.005, currency_id=self.dinar.id)
        item = self.item_of(invoice)
        self.env["dunning.dispute"].create({"item_id": item.id, "scope": "part", "amount": 0.005})
        self.make_invoice(amount=0.001, currency_id=self.dinar.id, move_type="out_refund", due_days=0)
        run, line = self.proposed(invoice)
        self.assertEqual((run.notice_ids.amount_total, run.notice_ids.amount_with_charges), (99.999, 99.999))
        self.assertIn("KWD\N{NO-BREAK SPACE}99.999", run.notice_ids.action_preview().text)
        run.action_cancel()
        self.assertEqual(line.amount_open, 100.005)

    def test_promise_in_dinars_is_judged_to_the_last_part(self):
        invoice = self.make_invoice(amount=100.005, currency_id=self.dinar.id)
        promise = self.env["dunning.promise"].create(
            {
                "account_id": self.item_of(invoice).account_id.id,
                "amount": 99.999,
                "currency_id": self.dinar.id,
                "promised_date": TODAY,
            }
        )
        for amount, state in ((33.333, "open"), (33.333, "open"), (33.332, "open"), (0.001, "kept")):
            self.pay(invoice, amount)
            self.refresh()
            self.env["dunning.promise"]._judge(self.company)
            self.assertEqual(promise.state, state)

    def test_company_minimum_where_nobody_knows_what_foreign_money_is_worth(self):
        """Without a rate Odoo takes a dinar for a dollar: 20 dinars would be too little, though they are 66 dollars."""
        self.env["res.currency.rate"].search([("currency_id", "=", self.dinar.id)]).unlink()
        self.company.dunning_min_amount = 50.0
        run, line = self.proposed(self.make_invoice(amount=20.0, currency_id=self.dinar.id))

        self.assertEqual(line.reason_code, "notify")
        self.assertRegex(run.minimum_note, "no exchange rate of KWD: .* least amount .* Enter a rate")

    def test_minimum_a_policy_names_in_a_currency_without_a_rate(self):
        self.env["res.currency.rate"].search([("currency_id", "=", self.dinar.id)]).unlink()
        self.company.dunning_min_amount = 50.0
        self.policy.minimum_ids = [
            Command.create({"scope": "account", "currency_id": self.dinar.id, "amount": 25.0})
        ]
        run, line = self.proposed(self.make_invoice(amount=20.0, currency_id=self.dinar.id))

        self.assertEqual(line.reason_code, "below_minimum_account")
        self.assertFalse(run.minimum_note)

    def test_minimums_in_yen_and_dinars(self):
        """50.00 in all are 7,500 yen and 15.000 dinars."""
        self.company.dunning_min_amount = 50.0
        for currency, below, enough in ((self.yen, 7499, 7500), (self.dinar, 14.999, 15.0)):
            first = self.make_invoice(
                self.make_customer(f"{currency.name} 1"), below, currency_id=currency.id
            )
            other = self.make_invoice(
                self.make_customer(f"{currency.name} 2"), enough, currency_id=currency.id
            )
            run, line = self.proposed(first)
            self.assertEqual(self.line_of(run, other).reason_code, "notify")
            shown = {"JPY": ("7,499", "7,500"), "KWD": ("14.999", "15.000")}[currency.name]
            self.assertEqual(
                line.reason,
                "Too little in all: {0} {2} due, at least {1} {2} needed.".format(*shown, currency.name),
            )
            run.action_cancel()

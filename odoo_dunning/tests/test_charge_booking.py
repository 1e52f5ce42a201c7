"""Charges in the ledger: accounts, tax, residuals and the customer's balance, for each moment of booking."""

from odoo.exceptions import UserError, ValidationError
from odoo.tests import freeze_time, tagged

from .charge_common import INTEREST, ChargeCase
from .common import TODAY

CHARGED = INTEREST + 40.0


class BookingCase(ChargeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # 0.80 euro to the company's dollar, on every day of these tests.
        cls.eur.rate_ids.unlink()
        cls.env["res.currency.rate"].create(
            {"currency_id": cls.eur.id, "rate": 0.8, "name": "2020-01-01", "company_id": cls.company.id}
        )

    def cron(self):
        """What the scheduled action does, without its commits."""
        charges = self.env["dunning.charge"]
        charges._see_paid(self.company)
        self.env["dunning.offer"]._settle_open(self.company)
        for of_notice in charges._due_for_booking(self.company).grouped("notice_id").values():
            of_notice._book()

    def booked_run(self, moment="issue", **vals):
        self.set_up_booking(moment)
        self.invoice = self.make_late(**vals)
        run = self.sent_run()
        self.cron()
        return run

    def documents(self, *move_types):
        return self.env["account.move"].search(
            [
                ("partner_id", "=", self.customer.id),
                ("move_type", "in", move_types),
                ("id", "!=", self.invoice.id),
            ]
        )


@tagged("post_install", "-at_install")
class TestChargeBooking(BookingCase):
    def test_at_issue_in_a_foreign_currency(self):
        """Euro claims in a dollar company: 43.45 / 0.8 = 54.31 and 40.00 / 0.8 = 50.00."""
        run = self.booked_run()
        document = self.charges(run).move_id

        self.assertRecordValues(
            document,
            [
                {
                    "move_type": "out_invoice",
                    "state": "posted",
                    "amount_total": CHARGED,
                    "currency_id": self.eur.id,
                    "invoice_date": TODAY,
                    "invoice_date_due": run.notice_ids.deadline_date,
                    "ref": run.notice_ids._number(),
                }
            ],
        )
        income = document.line_ids.filtered(lambda line: line.account_id.account_type == "income_other")
        self.assertRecordValues(
            income.sorted("amount_currency"),
            [
                {
                    "account_id": self.interest_account.id,
                    "amount_currency": -INTEREST,
                    "balance": -54.31,
                    "tax_ids": [],
                },
                {
                    "account_id": self.recovery_account.id,
                    "amount_currency": -40.0,
                    "balance": -50.0,
                    "tax_ids": [],
                },
            ],
        )
        self.assertEqual(self.charges(run).mapped("state"), ["booked", "booked"])
        self.assertAlmostEqual(self.balance(), 1250.0 + 104.31)

    def test_at_issue_in_company_currency(self):
        """A dollar claim: the German 40 euro are 50.00 dollars, the interest is the same figure."""
        run = self.booked_run(currency_id=self.company.currency_id.id)

        self.assertEqual(self.charges(run, "recovery_sum").amount, 50.0)
        self.assertEqual(self.charges(run).move_id.amount_residual, INTEREST + 50.0)
        self.assertAlmostEqual(self.balance(), 1000.0 + INTEREST + 50.0)

    def test_dinars_have_a_thousand_parts(self):
        """1,000.500 dinars: 2.815 + 40.659 of interest; 40 euro at 0.30711 / 0.8 are 15.3555, rounded down: never more
        than the law allows."""
        self.assert_charged("KWD", 0.30711, 1000.5, ("2.815", "40.659"), (43.474, 15.355), (141.56, 50.0))

    def test_yen_have_no_parts(self):
        """100,050 yen: 281.51 + 4,065.92 = 4,347.43 of interest; 40 euro at 150.37 / 0.8 are 7,518.5, rounded down."""
        self.assert_charged("JPY", 150.37, 100050.0, ("282", "4,065"), (4347.0, 7518.0), (28.91, 50.0))

    def assert_charged(self, code, rate, amount, spans, charged, in_dollars):
        """Claimed, asked for in the text with its calculation, and booked, to the last part of the currency."""
        currency = self.env.ref(f"base.{code}")
        currency.active = True
        currency.rate_ids.unlink()
        self.env["res.currency.rate"].create(
            {"currency_id": currency.id, "rate": rate, "name": "2020-01-01", "company_id": self.company.id}
        )
        run = self.booked_run(amount=amount, currency_id=currency.id)
        charges = self.charges(run).sorted("kind")
        document = charges.move_id

        self.assertEqual(charges.mapped("kind"), ["interest", "recovery_sum"])
        self.assertEqual(tuple(charges.mapped("amount")), charged)
        self.assertEqual(run.notice_ids.amount_with_charges, currency.round(amount + sum(charged)))
        for part in (*spans, f"{amount + sum(charged):,.{currency.decimal_places}f}"):
            self.assertIn(part, run.notice_ids.body_text)
        self.assertEqual(
            (document.currency_id, document.amount_total), (currency, currency.round(sum(charged)))
        )
        income = document.line_ids.filtered(lambda line: line.account_id.account_type == "income_other")
        self.assertEqual(
            {line.account_id: (line.amount_currency, line.balance) for line in income},
            {
                self.interest_account: (-charged[0], -in_dollars[0]),
                self.recovery_account: (-charged[1], -in_dollars[1]),
            },
        )

    def test_document_is_never_dunned(self):
        run = self.booked_run()

        self.assertFalse(self.item_of(self.charges(run).move_id))
        self.assertEqual(self.account_of(self.customer).amount_charges, 104.31)

    def test_booking_again_books_nothing(self):
        run = self.booked_run()
        before = self.balance()
        self.cron()
        self.charges(run)._book_together()

        self.assertEqual(len(self.documents("out_invoice")), 1)
        self.assertEqual(self.balance(), before)

    def test_never_books_nothing_but_shows_the_open_charges(self):
        run = self.booked_run("never")

        self.assertEqual(set(self.charges(run).mapped("state")), {"announced"})
        self.assertFalse(self.documents("out_invoice"))
        self.assertEqual(sum(self.charges(run).mapped("amount_due")), CHARGED)

    def test_payment_of_the_document_pays_the_charges(self):
        run = self.booked_run()
        document = self.charges(run).move_id
        self.pay(document, 50.0)
        # Costs before interest: 40.00 of the sum, 10.00 of the interest.
        self.assertEqual(self.charges(run, "recovery_sum").amount_due, 0.0)
        self.assertEqual(self.charges(run, "interest").amount_due, 33.45)

        self.pay(document)
        self.follow()
        self.assertEqual(set(self.charges(run).mapped("state")), {"paid"})
        self.assertFalse(any(self.charges(run).mapped("amount_due")))

        document.line_ids.remove_move_reconcile()
        self.refresh()
        self.assertEqual(set(self.charges(run).mapped("state")), {"booked"})

    def test_tax_included_leaves_the_announced_amount(self):
        tax = self.env["account.tax"].create(
            {
                "name": "19 % included",
                "amount": 19.0,
                "type_tax_use": "sale",
                "price_include_override": "tax_included",
                "country_id": self.company.account_fiscal_country_id.id,
            }
        )
        self.company.dunning_recovery_tax_id = tax
        run = self.booked_run()
        document = self.charges(run).move_id

        # 40.00 / 1.19 = 33.61 and 6.39 of tax.
        self.assertEqual((document.amount_total, document.amount_tax), (CHARGED, 6.39))
        recovery = document.line_ids.filtered(
            lambda line: line.account_id == self.recovery_account and not line.tax_line_id
        )
        self.assertEqual((recovery.amount_currency, recovery.tax_ids), (-33.61, tax))

    def test_tax_on_top_is_refused(self):
        tax = self.env["account.tax"].create(
            {"name": "19 % on top", "amount": 19.0, "type_tax_use": "sale", "price_include_override": "tax_excluded",
             "country_id": self.company.account_fiscal_country_id.id}
        )  # fmt: skip
        with self.assertRaisesRegex(ValidationError, "comes on top of the price"):
            self.company.dunning_fee_tax_id = tax

    def test_missing_account_names_the_field_and_the_message_went_out(self):
        self.set_up_booking()
        self.company.dunning_interest_account_id = False
        self.invoice = self.make_late()
        run = self.sent_run()
        self.cron()

        self.assertEqual(run.notice_ids.state, "sent")
        self.assertEqual(set(self.charges(run).mapped("stage")), {"announced"})
        self.assertIn("Income account for interest", self.charges(run)[0].booking_error)
        self.assertFalse(self.documents("out_invoice"))

        self.company.dunning_interest_account_id = self.interest_account
        self.cron()
        self.assertEqual(set(self.charges(run).mapped("stage")), {"booked"})
        self.assertFalse(self.charges(run)[0].booking_error)

    def test_locked_period_names_the_lock(self):
        self.set_up_booking()
        self.invoice = self.make_late()
        run = self.sent_run()
        self.company.sale_lock_date = TODAY
        self.cron()

        self.assertEqual(set(self.charges(run).mapped("stage")), {"announced"})
        self.assertIn("2026-11-18 is locked", self.charges(run)[0].booking_error)


@tagged("post_install", "-at_install")
class TestChargeOfOtherLedger(BookingCase):
    """Charges on an invoice of Xero: in Odoo's books, or nowhere, as its connection says."""

    def announced(self, charge_booking):
        self.set_up_booking()
        ledger = self.env["dunning.ledger"].create(
            {
                "name": "Xero",
                "vendor": "xero",
                "company_id": self.company.id,
                "charge_booking": charge_booking,
            }
        )
        account = self.env["dunning.account"].create(
            {"company_id": self.company.id, "partner_id": self.customer.id}
        )
        item = (
            self.env["dunning.item"]
            .sudo()
            .create(
                {
                    "account_id": account.id,
                    "company_id": self.company.id,
                    "origin": "xero",
                    "ledger_id": ledger.id,
                    "entity": "invoice",
                    "external_id": "x1",
                    "kind": "invoice",
                    "number": "X-1",
                    "currency_id": self.eur.id,
                    "amount_total": 1000.0,
                    "amount_open": 1000.0,
                    "is_open": True,
                }
            )
        )
        self.make_late(amount=1.0)
        run = self.sent_run()
        charges = self.charges(run)
        charges.sudo().write({"item_id": item.id})
        self.cron()
        return charges

    def test_booked_in_odoo(self):
        charges = self.announced("odoo")
        self.assertEqual(set(charges.mapped("state")), {"booked"})
        self.assertEqual(charges.move_id.partner_id, self.customer)

    def test_not_booked_where_the_connection_says_so(self):
        charges = self.announced("none")
        self.assertEqual(set(charges.mapped("state")), {"announced"})
        self.assertFalse(charges.move_id)


@tagged("post_install", "-at_install")
class TestChargeWhenPaid(BookingCase):
    def test_booked_when_the_invoice_is_paid(self):
        run = self.booked_run("paid")
        self.assertFalse(self.documents("out_invoice"))

        self.pay(self.invoice)
        self.refresh()
        self.cron()
        self.assertEqual(set(self.charges(run).mapped("state")), {"booked"})
        self.assertAlmostEqual(self.balance(), 104.31)

    def test_dropped_when_the_invoice_is_paid(self):
        self.company.dunning_charge_when_paid = "drop"
        run = self.booked_run("paid")
        self.pay(self.invoice)
        self.refresh()
        self.cron()

        self.assertEqual(set(self.charges(run).mapped("state")), {"waived"})
        self.assertFalse(self.documents("out_invoice"))
        self.assertAlmostEqual(self.balance(), 0.0)

    def test_booked_at_issue_and_dropped_later_is_credited(self):
        self.company.dunning_charge_when_paid = "drop"
        run = self.booked_run()
        self.pay(self.invoice)
        self.refresh()
        self.cron()

        self.assertEqual(set(self.charges(run).mapped("state")), {"waived"})
        self.assertAlmostEqual(self.balance(), 0.0)
        self.assertTrue(
            all(
                self.charges(run)
                .move_id.line_ids.filtered(lambda line: line.account_id.reconcile)
                .mapped("reconciled")
            )
        )

    def test_charges_of_a_credited_invoice_have_no_ground(self):
        run = self.booked_run()
        self.invoice._reverse_moves([{"invoice_date": TODAY}], cancel=True)
        self.refresh()
        self.cron()

        self.assertEqual(set(self.charges(run).mapped("state")), {"reversed"})
        self.assertAlmostEqual(self.balance(), 0.0)


@tagged("post_install", "-at_install")
class TestChargeReversal(BookingCase):
    def test_undo_restores_the_balance_by_entry(self):
        run = self.booked_run()
        run.action_undo(reason="Wrong customer")

        self.assertEqual(set(self.charges(run).mapped("state")), {"reversed"})
        [credit] = self.documents("out_refund")
        self.assertEqual(
            (credit.amount_total, credit.reversed_entry_id), (CHARGED, self.charges(run).move_id)
        )
        self.assertEqual(
            credit.line_ids.filtered(lambda line: line.account_id == self.interest_account).amount_currency,
            INTEREST,
        )
        self.assertAlmostEqual(self.balance(), 1250.0)
        self.assertEqual(self.charges(run).move_id.amount_residual, 0.0)

    def test_undo_after_part_payment_leaves_the_money_to_the_customer(self):
        run = self.booked_run()
        self.pay(self.charges(run).move_id, 60.0)
        before = self.balance()
        run.action_undo(reason="Wrong customer")

        self.assertAlmostEqual(self.balance(), before - 104.31)
        self.assertEqual(self.documents("out_refund").amount_residual, 60.0)

    def test_undone_interest_is_claimed_again_by_the_next_run(self):
        run = self.booked_run()
        run.action_undo(reason="Too early")
        again = self.propose()

        self.assertEqual(sorted(self.charges(again).mapped("amount")), [40.0, INTEREST])

    def test_waive_in_part_and_in_full(self):
        run = self.booked_run()
        interest = self.charges(run, "interest")
        interest.action_waive(13.45, "Goodwill")

        self.assertEqual((interest.state, interest.amount_due), ("booked", 30.0))
        self.assertEqual(interest.move_id.amount_residual, 70.0)

        interest.action_waive(reason="More goodwill")
        self.assertEqual((interest.state, interest.amount_due), ("waived", 0.0))
        self.assertEqual(interest.move_id.amount_residual, 40.0)
        self.assertAlmostEqual(self.balance(), 1250.0 + 50.0, places=1)

    def test_waive_wants_a_reason_and_no_more_than_is_open(self):
        run = self.booked_run()
        with self.assertRaisesRegex(UserError, "with a reason"):
            self.charges(run).action_waive()
        with self.assertRaisesRegex(UserError, "at most the open"):
            self.charges(run, "interest").action_waive(100.0, "Typing error")

    def test_bounced_message_charges_nothing(self):
        run = self.booked_run()
        run.notice_ids._mark_bounced("User unknown")

        self.assertEqual(set(self.charges(run).mapped("state")), {"reversed"})
        self.assertAlmostEqual(self.balance(), 1250.0)


class OfferCase(BookingCase):
    """10 % off an invoice of 1,000.00 with 83.45 of charges, open for five days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.final.write({"offer_discount_pct": 10.0, "offer_days": 5})
        cls.company.write(
            {
                "dunning_discount_account_id": cls.company_data["default_account_expense"].id,
                "dunning_discount_journal_id": cls.company_data["default_journal_misc"].id,
            }
        )

    def offer(self, run):
        return self.env["dunning.offer"].search([("notice_id", "=", run.notice_ids.id)])

    def paid(self, invoice, amount, day=TODAY):
        self.pay(invoice, amount, day)
        self.refresh()

    def loose(self, amount, day=TODAY):
        payment = self.env["account.payment"].create(
            {
                "partner_id": self.customer.id,
                "payment_type": "inbound",
                "amount": amount,
                "currency_id": self.eur.id,
                "date": day,
                "journal_id": self.company_data["default_journal_bank"].id,
            }
        )
        payment.action_post()
        self.refresh()

    def on(self, day):
        with freeze_time(f"{day} 12:00:00"):
            self.refresh()
            self.cron()

    def still_asked(self):
        return self.account_of(self.customer).charge_ids.filtered("amount_due")


@tagged("post_install", "-at_install")
class TestEarlySettlement(OfferCase):
    def offered(self):
        run = self.booked_run()
        return self.env["dunning.offer"].search([("notice_id", "=", run.notice_ids.id)])

    def test_offer_stands_in_the_message(self):
        """1,000.00 and 83.45 of charges, less 10 % of the invoice."""
        offer = self.offered()

        self.assertRecordValues(
            offer, [{"state": "open", "total_due": 1083.45, "discount": 100.0, "pay_amount": 983.45}]
        )
        self.assertIn("€983.45", offer.notice_id.body_text)

    def test_paid_in_time_is_written_off(self):
        offer = self.offered()
        document = offer.notice_id.charge_ids.move_id
        self.pay(self.invoice, 900.0)
        self.pay(document)
        self.refresh()
        self.cron()

        self.assertEqual(offer.state, "honoured")
        self.assertEqual(self.invoice.amount_residual, 0.0)
        self.assertAlmostEqual(self.balance(), 0.0)
        expense = offer.move_id.line_ids.filtered(lambda line: line.account_id.account_type == "expense")
        self.assertEqual((expense.amount_currency, expense.balance), (100.0, 125.0))

    def test_money_not_matched_yet_counts_and_is_matched(self):
        offer = self.offered()
        payment = self.env["account.payment"].create(
            {
                "partner_id": self.customer.id,
                "payment_type": "inbound",
                "amount": 983.45,
                "currency_id": self.eur.id,
                "date": TODAY,
                "journal_id": self.company_data["default_journal_bank"].id,
            }
        )
        payment.action_post()
        self.refresh()
        self.cron()

        self.assertEqual(offer.state, "honoured")
        self.assertAlmostEqual(self.balance(), 0.0)

    def test_too_little_or_too_late_expires(self):
        offer = self.offered()
        self.pay(self.invoice, 500.0)
        self.refresh()
        self.cron()
        self.assertEqual(offer.state, "open")

        offer.sudo()._settle(TODAY.replace(day=24))
        self.assertEqual(offer.state, "short")
        self.assertFalse(offer.move_id)

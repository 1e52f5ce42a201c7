"""The life of a charge and of an offer where the books do not keep to the order of the screens: money of the same day,
statements read late, invoices open again, locked periods."""

import base64
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

from odoo.exceptions import UserError, ValidationError
from odoo.tests import freeze_time, tagged

from ..bulk import charge_facts
from .charge_common import INTEREST, ChargeCase
from .common import TODAY
from .test_charge_booking import BookingCase, OfferCase
from .test_law_rows import HEADER


@tagged("post_install", "-at_install")
class TestOfferLife(OfferCase):
    def test_money_of_the_same_day_that_the_offer_knew_does_not_take_it_up(self):
        """500.00 paid in the morning; the offer of noon asks for the rest, 450.00 and the charges."""
        self.set_up_booking()
        self.invoice = self.make_late()
        self.paid(self.invoice, 500.0)
        offer = self.offer(self.sent_run())
        self.cron()

        self.assertEqual((offer.state, offer.amount_paid), ("open", 0.0))
        self.assertFalse(offer.move_id)

    def test_loose_money_of_the_same_day_that_the_offer_knew_does_not_take_it_up(self):
        self.set_up_booking()
        self.invoice = self.make_late()
        self.loose(600.0)
        offer = self.offer(self.sent_run())
        self.cron()

        self.assertEqual((offer.state, offer.amount_paid), ("open", 0.0))

    def test_paid_on_the_last_day_in_two_parts_and_read_from_the_bank_days_later(self):
        self.booked_run()
        offer = self.env["dunning.offer"].search([])
        self.assertEqual(offer.pay_by_date, date(2026, 11, 23))
        self.on("2026-11-24")
        self.assertEqual(offer.state, "expired")

        self.paid(self.invoice, 600.0, "2026-11-20")
        self.paid(self.invoice, 300.0, "2026-11-23")
        self.paid(offer.notice_id.charge_ids.move_id, 83.45, "2026-11-23")
        self.on("2026-11-26")
        self.assertEqual(offer.state, "honoured")
        self.assertEqual(self.invoice.amount_residual, 0.0)

    def test_a_day_late_is_too_late(self):
        self.booked_run()
        offer = self.env["dunning.offer"].search([])
        self.paid(self.invoice, 900.0, "2026-11-23")
        self.paid(offer.notice_id.charge_ids.move_id, 83.45, "2026-11-24")
        self.on("2026-11-26")

        self.assertEqual(offer.state, "short")
        self.assertFalse(offer.move_id)

    def test_taken_up_where_charges_are_not_booked_nothing_is_asked_any_more(self):
        """983.45 settles all; 900.00 of it was set against the invoice, 83.45 are the charges."""
        self.booked_run("never")
        offer = self.env["dunning.offer"].search([])
        self.loose(983.45)
        self.cron()

        self.assertEqual(offer.state, "honoured")
        self.assertFalse(self.env["mail.activity"].search([("summary", "like", "Write off%")]))

    def test_the_discount_is_let_off_the_charges_where_the_invoice_took_all_the_money(self):
        """1,000.00 came where 983.45 were asked: of the discount of 100.00, 83.45 are left for the charges."""
        self.booked_run("never")
        offer = self.env["dunning.offer"].search([])
        self.paid(self.invoice, 1000.0)
        self.cron()

        self.assertEqual(offer.state, "honoured")
        self.assertFalse(self.still_asked())
        self.assertFalse(self.env["mail.activity"].search([("summary", "like", "Write off%")]))

    def test_one_payment_takes_up_one_of_two_offers_on_an_invoice(self):
        self.set_up_booking()
        (self.friendly | self.firm).write(
            {"offer_discount_pct": 10.0, "offer_days": 30, "min_days_since_last": 1}
        )
        self.policy.write({"entry": "first", "gap_days": 0})
        self.invoice = self.make_late()
        for day in ("2026-11-18", "2026-11-20"):
            with freeze_time(f"{day} 12:00:00"):
                run = self.env["dunning.run"].create({"company_id": self.company.id, "date": day})
                run.action_propose_now()
                self.send_out(run)
        offers = self.env["dunning.offer"].search([], order="id")
        self.assertEqual(offers.mapped("state"), ["open", "open"])

        self.paid(self.invoice, 900.0, "2026-11-23")
        self.on("2026-11-23")
        self.assertEqual(sorted(offers.mapped("state")), ["cancelled", "honoured"])
        self.assertEqual(self.invoice.amount_residual, 0.0)
        self.assertFalse(self.env["mail.activity"].search([("summary", "like", "Write off%")]))


@tagged("post_install", "-at_install")
class TestChargeLife(BookingCase):
    def test_waived_in_part_in_the_proposal_the_message_asks_for_the_rest(self):
        self.make_late()
        run = self.propose()
        self.charges(run, "recovery_sum").action_waive(amount=15.0, reason="Old customer")
        self.send_out(run)

        self.assertIn("€25.00", run.notice_ids.body_text)
        self.assertNotIn("€40.00\n", run.notice_ids.body_text)
        self.assertIn("€1,068.45", run.notice_ids.body_text)
        asked = self.charges(run, "recovery_sum").filtered(lambda one: one.stage == "announced")
        self.assertEqual(sum(asked.mapped("amount_due")), 25.0)
        self.assertEqual(run.notice_ids.amount_charges, INTEREST + 25.0)

    def figures(self, notice):
        return (
            notice.amount_total,
            notice.amount_charges,
            notice.amount_earlier_charges,
            notice.amount_not_due,
            notice.amount_with_charges,
        )

    def test_every_figure_of_a_message_is_that_of_its_text(self):
        """Interest to 9 December 2026 is 2.8137 and 46.6915 (162 days at 10.52 %): 49.51, 6.06 more than the 43.45
        asked for before with the 40.00. An invoice of 70.00 due in three days is mentioned, not asked for, less the
        20.00 credited of it."""
        self.final.copy({"rank": 9, "name": "Once more", "delay_days": 160, "min_days_since_last": 1})
        self.make_late()
        first = self.sent_run()
        self.assertEqual(self.figures(first.notice_ids), (1000.0, 83.45, 0.0, 0.0, 1083.45))
        soon = self.make_invoice(amount=70.0, due_days=-24, currency_id=self.eur.id)
        self.make_invoice(
            amount=20.0, due_days=0, currency_id=self.eur.id, move_type="out_refund", ref=soon.name
        )

        with freeze_time("2026-12-09 12:00:00"):
            run = self.propose(date="2026-12-09")
            notice = run.notice_ids
            self.assertEqual(notice.item_count, 2)
            proposed = self.figures(notice)
            self.assertEqual(proposed, (1050.0, 6.06, 83.45, 50.0, 1089.51))
            self.assertIn("Total to pay: €1,089.51", notice.action_preview().text)
            self.send_out(run)

        self.assertEqual(self.figures(notice), proposed)
        self.assertIn("Total to pay: €1,089.51", notice.body_text)
        self.assertIn("not yet due: €50.00", notice.body_text)
        first.notice_ids.charge_ids.action_waive(reason="Old customer")
        self.assertEqual(self.figures(notice), proposed, "what it asked for is history")
        self.assertEqual(self.figures(first.notice_ids), (1000.0, 83.45, 0.0, 0.0, 1083.45))

    def test_waived_in_part_in_the_proposal_is_not_claimed_by_the_next_message(self):
        self.invoice = self.make_late()
        run = self.propose()
        self.charges(run, "interest").action_waive(amount=20.0, reason="Old customer")
        self.send_out(run)
        item = self.item_of(self.invoice)
        earlier = charge_facts.item_facts(self.env, [SimpleNamespace(id=item.id, ledger_id=None)])[
            item.id
        ].earlier
        self.assertEqual(sum(one.amount for one in earlier if one.kind == "interest"), Decimal("43.45"))
        self.assertEqual(sum(one.waived for one in earlier), Decimal("20.00"))

    def test_what_was_waived_in_the_proposal_is_not_on_the_sheet(self):
        self.make_late()
        run = self.propose()
        self.charges(run, "recovery_sum").action_waive(reason="Old customer")
        self.charges(run, "interest").action_waive(amount=3.45, reason="Old customer")
        self.send_out(run)
        sheet = run.notice_ids._sheet()
        self.assertEqual((sheet.total, [one.amount for one in sheet.charges]), ("€40.00", ["€40.00"]))

    def test_open_again_the_invoice_does_not_count_as_paid(self):
        self.booked_run("paid")
        payment = self.pay(self.invoice)
        self.refresh()
        self.env["dunning.charge"]._see_paid(self.company)
        payment.move_id.line_ids.remove_move_reconcile()
        self.refresh()
        self.cron()

        charges = self.env["dunning.charge"].search([("stage", "=", "announced")])
        self.assertEqual(len(charges), 2)
        self.assertFalse(any(charges.mapped("principal_paid_date")))

    def test_paid_bounced_and_credited_its_charges_have_no_ground(self):
        run = self.booked_run()
        payment = self.pay(self.invoice)
        self.refresh()
        self.cron()
        payment.move_id.line_ids.remove_move_reconcile()
        self.refresh()
        self.cron()
        self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        ).create({"journal_id": self.invoice.journal_id.id, "date": TODAY}).refund_moves()
        credit = self.invoice.reversal_move_ids
        credit.action_post() if credit.state == "draft" else None
        (self.invoice | credit).line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        ).reconcile()
        self.refresh()
        self.cron()

        self.assertEqual(set(self.charges(run).mapped("stage")), {"reversed"})

    def test_a_locked_period_stops_one_credit_not_the_schedule(self):
        self.company.dunning_charge_when_paid = "drop"
        run = self.booked_run()
        self.pay(self.invoice)
        self.refresh()
        self.company.sale_lock_date = TODAY
        self.cron()
        self.assertIn("locked", self.charges(run)[0].booking_error)
        self.assertEqual(set(self.charges(run).mapped("stage")), {"booked"})

        self.company.sale_lock_date = False
        self.cron()
        self.assertEqual(set(self.charges(run).mapped("stage")), {"waived"})
        self.assertFalse(any(self.charges(run).mapped("booking_error")))

    def test_undo_in_a_locked_period_names_the_lock(self):
        run = self.booked_run()
        self.company.sale_lock_date = TODAY
        with self.assertRaisesRegex(UserError, "locked"):
            run.notice_ids.action_undo(reason="Wrong")

    def test_insolvent_interest_stops_on_the_day(self):
        """Ten days at 10.27 % and 141 at 10.52 %; nothing after, though the mark is taken away later."""
        invoice = self.make_late()
        account = self.item_of(invoice).account_id
        account.is_insolvent = True
        self.assertEqual(account.charge_stop_ids.first_date, TODAY)
        account.is_insolvent = True
        self.assertEqual(len(account.charge_stop_ids), 1)
        with freeze_time("2026-12-20 12:00:00"):
            account.is_insolvent = False
        self.assertEqual(account.charge_stop_ids.last_date, date(2026, 12, 20))

    def test_a_raised_interest_is_refused_with_its_rows(self):
        self.make_late()
        charge = self.charges(self.propose(), "interest")
        with self.assertRaisesRegex(UserError, r"DE\.b2b\.interest_rate"):
            charge.amount = 100.0

    def test_sums_of_two_sizes_are_both_named(self):
        gbp = self.env.ref("base.GBP")
        gbp.active = True
        for amount in (500.0, 1000.0):
            invoice = self.make_late(amount=amount, currency_id=gbp.id)
        self.item_of(invoice).account_id.charge_law = "GB"
        text = self.sent_run().notice_ids.body_text
        self.assertIn("£40.00", text)
        self.assertIn("recovery costs: £40.00, £70.00.", text)


@tagged("post_install", "-at_install")
class TestConsumerLetters(ChargeCase):
    """A Dutch consumer with two invoices in one letter."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nl, cls.be = cls.env.ref("base.nl"), cls.env.ref("base.be")
        cls.company.country_id = cls.nl
        cls.final.write({"charge_interest": False, "charge_recovery_sum": False})
        levels = cls.friendly | cls.firm | cls.final
        levels.write(
            {"charge_fee_kind": "collection_cost", "charge_consumers": True, "min_days_since_last": 1}
        )
        cls.policy.write({"entry": "first", "gap_days": 0})
        cls.buyer = cls.consumer(country_id=cls.nl.id)

    def test_the_cost_of_a_letter_is_known_to_all_its_invoices(self):
        """Charged on 400.00 and 1,000.00 together; the first is paid: the second is not charged a second time."""
        first = self.make_late(self.buyer, amount=400.0)
        self.make_late(self.buyer, amount=1000.0)
        self.run_on("2026-11-18")
        second = self.run_on("2026-12-03")
        self.assertEqual([one.amount for one in self.charges(second)], [210.0])
        lead = self.charges(second).item_id.move_line_id.move_id
        self.pay(lead)
        self.refresh()
        self.assertIn(first, lead | first)
        third = self.run_on("2026-12-20")
        self.assertTrue(third.notice_ids)
        self.assertFalse(self.charges(third).filtered("amount"))

    def test_the_belgian_letter_gives_fourteen_days_whatever_the_level_gives(self):
        """By e-mail on 18 November: 19 November to 2 December."""
        self.company.country_id = self.be
        self.buyer.country_id = self.be
        self.friendly.deadline_days = 7
        self.make_late(self.buyer, amount=80.0)
        text = self.run_on("2026-11-18").notice_ids.body_text
        said = next(line for line in text.splitlines() if "14 calendar days" in line)
        self.assertRegex(said, r"December 2|Dec 2|12/2/|2 Dec")


@tagged("post_install", "-at_install")
class TestLawImport(ChargeCase):
    def imported(self, *lines, encoding="utf-8"):
        text = "\n".join((HEADER, *lines))
        wizard = self.env["dunning.law.import"].create(
            {"file": base64.b64encode(text.encode(encoding)), "file_name": "law.csv"}
        )
        wizard.action_compare()
        return wizard

    def row(self, key):
        return self.env["dunning.law.row"].search([("key", "=", key)])

    def test_a_key_that_stands_twice_is_named_and_neither_is_taken(self):
        line = "CH.b2b.{0},CH,b2b,recovery_sum,{1},amount,CHF,,,,,,,,,2020-01-01,,due_date,law.ch,2026-11-22,verified,"
        wizard = self.imported(line.format("test", 5), line.format("test", 6))
        self.assertIn("CH.b2b.test", wizard.problems)
        self.assertFalse(wizard.line_ids.filtered(lambda one: one.change == "added"))
        wizard.action_apply()
        self.assertFalse(self.row("CH.b2b.test"))

    def test_a_boundary_moves_between_two_rows_in_one_file(self):
        names = HEADER.split(",")
        lines = []
        for key, start, end in (
            ("DE_BASE.2026H1", "2026-01-01", "2026-07-14"), ("DE_BASE.2026H2", "2026-07-15", "2026-12-31")
        ):  # fmt: skip
            cells = {**self.row(key)._cells(), "valid_from": start, "valid_to": end}
            lines.append(",".join(f'"{cells[name]}"' for name in names))
        self.imported(*lines).action_apply()
        self.assertEqual(str(self.row("DE_BASE.2026H1").valid_to), "2026-07-14")

    def test_semicolons_and_decimal_commas_are_named(self):
        wizard = self.imported(
            'CH.b2b.test,CH,b2b,recovery_sum,"7,5",amount,CHF,,,,,,,,,2020-01-01,,due_date,,,draft,'
        )
        self.assertIn("'7,5' is not a number. Enter digits with a dot", wizard.problems)
        text = HEADER.replace(",", ";")
        wizard = self.env["dunning.law.import"].create(
            {"file": base64.b64encode(text.encode()), "file_name": "law.csv"}
        )
        wizard.action_compare()
        self.assertIn("comma", wizard.problems)

    def test_an_update_leaves_a_row_made_here_in_force(self):
        """A new half-year entered by hand, and later shipped: the one made here goes on, the update does not fail."""
        shipped = self.row("DE_BASE.2026H2")
        cells = {**shipped._cells(), "id": "OWN.2026H2", "value": "1.53"}
        shipped.unlink()
        rows = self.env["dunning.law.row"]
        rows.create(rows._values(cells))
        for _update in range(2):
            rows._load_shipped()
        self.assertFalse(self.row("DE_BASE.2026H2").is_in_use)
        self.assertTrue(self.row("OWN.2026H2").is_in_use)

    def test_an_update_that_changes_a_draft_takes_its_activation_back(self):
        row = self.row("DE.b2c.reminder_fee")
        row.action_activate("Our postage")
        row.with_context(tracking_disable=True).write({"value": "0.85", "is_edited": False})
        self.env["dunning.law.row"]._load_shipped()
        self.assertEqual((row.value, row.is_activated), ("0.76", False))


@tagged("post_install", "-at_install")
class TestChargeBooks(OfferCase):
    def test_a_credit_goes_where_its_invoice_went(self):
        """The income account was changed since: undo takes back what stands on the old one."""
        run = self.booked_run()
        document = self.charges(run).move_id
        self.company.write(
            {
                "dunning_interest_account_id": self._income_account("New interest", "467011").id,
                "dunning_recovery_account_id": self._income_account("New recovery", "467012").id,
            }
        )
        run.notice_ids.action_undo(reason="Wrong")
        credit = document.reversal_move_ids
        self.assertEqual(credit.invoice_line_ids.account_id, document.invoice_line_ids.account_id)

    def test_a_write_off_over_two_foreign_receivables_balances(self):
        """10.01 euro are 12.51 dollars twice, 20.02 are 25.03."""
        self.booked_run()
        offer = self.env["dunning.offer"].search([])
        lines = self.env["account.move.line"]
        for _number in range(2):
            move = self.make_late(amount=10.01)
            lines |= move.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        self.assertEqual(offer.sudo()._write_off(lines, Decimal("20.02")), Decimal("20.02"))
        self.assertEqual(lines.mapped("amount_residual"), [0.0, 0.0])
        self.assertEqual(sum(offer.move_id.line_ids.mapped("balance")), 0.0)

    def test_a_bounce_in_a_locked_period_is_taken_back_once_it_is_open(self):
        run = self.booked_run()
        self.company.sale_lock_date = TODAY
        run.notice_ids._mark_bounced("550 5.1.1 no such user")
        self.assertEqual(run.notice_ids.state, "failed")
        self.assertIn("locked", self.charges(run)[0].booking_error)

        self.company.sale_lock_date = False
        self.cron()
        self.assertEqual(set(self.charges(run).mapped("stage")), {"reversed"})

    def test_another_law_of_the_policy_judges_the_fees_of_its_levels(self):
        self.final.write(
            {
                "charge_fee_kind": "reminder_fee",
                "charge_fee_source": "own",
                "charge_fee_amount": 13.0,
                "charge_currency_id": self.eur.id,
            }
        )
        with self.assertRaisesRegex(ValidationError, r"12.*FI\.b2b\.reminder_fee"):
            self.policy.charge_law = "FI"

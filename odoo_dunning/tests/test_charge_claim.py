"""Charges in the proposal and in the message: what is claimed, from whom, and what is said when nothing can be."""

from datetime import date
from decimal import Decimal

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import freeze_time, tagged

from ..bulk import charge_facts, snapshot
from .charge_common import INTEREST, ChargeCase
from .common import TODAY, collections_user


@tagged("post_install", "-at_install")
class TestChargeClaim(ChargeCase):
    def test_interest_over_a_half_year_change_and_recovery_sum(self):
        self.make_late()
        run = self.propose()

        self.assertRecordValues(
            self.charges(run).sorted("kind"),
            [
                {
                    "kind": "interest",
                    "amount": INTEREST,
                    "stage": "claimed",
                    "law": "DE",
                    "law_reason": "seller_law",
                },
                {
                    "kind": "recovery_sum",
                    "amount": 40.0,
                    "stage": "claimed",
                    "law": "DE",
                    "law_reason": "seller_law",
                },
            ],
        )
        self.assertEqual(run.notice_ids.amount_with_charges, 1000.0 + INTEREST + 40.0)

    def test_four_eyes_count_what_is_charged_on_top(self):
        """1,000.00 and 83.45 on top, in euro; the limit stands between the two."""
        self.company.write({"dunning_four_eyes": True, "dunning_four_eyes_amount": 1083.0})
        self.company.currency_id = self.eur
        self.make_late()
        run = self.propose()

        self.assertTrue(run._needs_second_person())
        self.charges(run, "interest").action_waive(reason="Agreed")
        self.assertFalse(run._needs_second_person())

    def test_four_eyes_of_who_changed_a_charge_are_two(self):
        self.company.dunning_four_eyes = True
        self.make_late()
        for name, change in (
            ("waived", lambda charge: charge.action_waive(5.0, "Goodwill")),
            ("lowered", lambda charge: charge.write({"amount": 30.0})),
        ):
            with self.subTest(name):
                run, clerk = self.propose(), collections_user(self.env, name)
                change(self.charges(run, "interest").with_user(clerk))

                with self.assertRaisesRegex(UserError, "You changed its messages"):
                    run.with_user(clerk).action_approve()
                run.action_cancel()

    def test_message_shows_charges_sheet_growth_and_basis(self):
        self.make_late()
        run = self.sent_run()
        text = run.notice_ids.body_text

        for expected in (
            "€1,083.45",
            "€43.45",
            "€40.00",
            "10.27%",
            "10.52%",
            "€2.81",
            "€40.64",
            "€0.29",
            "§ 288 (2) BGB",
        ):
            self.assertIn(expected, text)
        self.assertEqual(set(self.charges(run).mapped("stage")), {"announced"})
        sheet = self.charges(run, "interest").sheet
        self.assertEqual(
            [(line["days"], line["amount"]) for line in sheet["lines"]], [(10, "2.81"), (141, "40.64")]
        )
        self.assertIn("DE_BASE.2026H2", sheet["row_ids"])

    def test_consumer_is_not_charged(self):
        self.make_late(self.consumer())
        run = self.sent_run()

        self.assertTrue(run.notice_ids)
        self.assertFalse(self.charges(run))
        self.assertNotIn("43.45", run.notice_ids.body_text)

    def test_sheet_travels_as_pdf(self):
        self.make_late()
        self.final.charge_sheet = "attached"
        run = self.propose()
        run.action_approve()
        notice = run.notice_ids.with_context(force_report_rendering=True)
        notice.try_lock_for_update()._hand_over()

        self.assertNotIn("10.52%", notice.body_text)
        [attachment] = notice.mail_message_id.attachment_ids
        self.assertEqual(attachment.mimetype, "application/pdf")
        self.assertTrue(attachment.raw.startswith(b"%PDF"))


@tagged("post_install", "-at_install")
class TestChargeEdit(ChargeCase):
    def test_lowered_in_the_proposal_stays_lowered_in_the_message(self):
        self.make_late()
        run = self.propose()
        self.charges(run, "interest").amount = 20.0
        notices = self.send_out(run)

        self.assertEqual(self.charges(run, "interest").amount, 20.0)
        self.assertIn("€1,060.00", notices.body_text)
        self.assertIn("Less what we do not claim", notices.body_text)
        self.assertIn("-€23.45", notices.body_text)

    def test_raised_above_the_law_is_refused_with_the_row(self):
        self.make_late()
        run = self.propose()
        with self.assertRaisesRegex(
            ValidationError, r"above the 40\.00.*DE\.b2b\.recovery_sum.*field amount"
        ):
            self.charges(run, "recovery_sum").amount = 41.0

    def test_announced_charge_is_not_edited(self):
        self.make_late()
        run = self.sent_run()
        with self.assertRaisesRegex(UserError, "Waive it instead"):
            self.charges(run, "interest").amount = 1.0

    def test_waived_in_the_proposal_is_neither_sent_nor_claimed_again(self):
        self.make_late()
        run = self.propose()
        self.charges(run, "recovery_sum").action_waive(reason="Good customer")
        notices = self.send_out(run)

        self.assertNotIn("€40.00", notices.body_text)
        self.assertIn("€1,043.45", notices.body_text)
        self.assertIn("Good customer", "".join(notices.account_id.message_ids.mapped("body")))

    def test_excluded_item_takes_its_charges_along(self):
        first, second = self.make_late(), self.make_late(amount=500.0)
        run = self.propose()
        self.line_of(run, second).action_exclude()

        notice = run.notice_ids
        self.assertEqual(notice.standing_charge_ids.item_id, self.line_of(run, first).item_id)
        self.assertEqual(notice.amount_charges, INTEREST + 40.0)
        self.assertEqual(
            self.charges(run).filtered(lambda one: one.stage == "claimed").item_id,
            self.line_of(run, first).item_id,
        )

    def test_another_level_charges_what_that_level_charges(self):
        self.make_late()
        run = self.propose()
        run.line_ids.set_level(self.firm)
        self.assertFalse(self.charges(run))

        run.line_ids.set_level(self.final)
        self.assertEqual(sorted(self.charges(run).mapped("amount")), [40.0, INTEREST])

    def test_withdrawn_with_its_message(self):
        self.make_late()
        run = self.propose()
        run.notice_ids.action_withdraw()
        self.assertEqual(set(self.charges(run).mapped("stage")), {"withdrawn"})

    def test_cancelled_run_and_proposing_again_leave_no_double(self):
        self.make_late()
        run = self.propose()
        run.action_propose_now()
        self.assertEqual(len(self.charges(run)), 2)

        run.action_cancel()
        self.assertEqual(set(self.charges(run).mapped("state")), {"withdrawn"})


@tagged("post_install", "-at_install")
class TestChargeSegments(ChargeCase):
    def test_part_payment_splits_the_period(self):
        """600.00 on 30 September: 10 days at 10.27 and 92 at 10.52 on 1,000, 49 at 10.52 on 400:
        2.8137 + 26.5162 + 5.6491 = 34.98."""
        invoice = self.make_late()
        self.pay(invoice, 600.0, "2026-09-30")
        run = self.propose()

        self.assertEqual(self.charges(run, "interest").amount, 34.98)

    def test_disputed_part_bears_no_interest(self):
        """400.00 in dispute: 0.6 × 43.4526 = 26.07."""
        invoice = self.make_late()
        self.env["dunning.dispute"].create(
            {"item_id": self.item_of(invoice).id, "scope": "part", "amount": 400.0}
        )

        self.assertEqual(self.charges(self.propose(), "interest").amount, 26.07)

    def test_days_without_interest(self):
        """Nothing from 1 July on: 10 days at 10.27."""
        invoice = self.make_late()
        account = self.item_of(invoice).account_id
        account.charge_stop_ids = [(0, 0, {"first_date": "2026-07-01", "reason": "Moratorium"})]

        self.assertEqual(self.charges(self.propose(), "interest").amount, 2.81)

    def test_later_message_claims_only_what_was_added(self):
        """Ten days more at 10.52 on 1,000: 46.33 in all, 43.45 of it already charged, and the sum only once."""
        self.policy.level_ids.filtered(lambda level: level.rank == 3).write(
            {"charge_interest": True, "charge_recovery_sum": True}
        )
        self.policy.write({"entry": "first"})
        self.policy.level_ids[:2].write({"charge_interest": False})
        invoice = self.make_late()
        item = self.item_of(invoice)
        item.sudo().write({"level_id": self.friendly.id, "level_rank": 2, "level_date": "2026-11-01"})
        first = self.sent_run()
        self.assertEqual(self.charges(first, "interest").amount, INTEREST)

        with freeze_time("2026-11-30 12:00:00"):
            run = self.env["dunning.run"].create({"company_id": self.company.id, "date": "2026-11-30"})
            run.action_propose_now()
            self.assertEqual([(one.kind, one.amount) for one in self.charges(run)], [("interest", 3.46)])
            self.send_out(run)

        # Both charges stand in the second message, the second sheet says what the first one took.
        text = run.notice_ids.body_text
        self.assertIn("€1,086.91", text)
        self.assertIn("-€43.45", text)

    def test_external_item_takes_its_segments_from_allocations(self):
        ledger = self.env["dunning.ledger"].create(
            {"name": "Xero", "vendor": "xero", "company_id": self.company.id}
        )
        account = self.env["dunning.account"].create(
            {"company_id": self.company.id, "partner_id": self.customer.id}
        )
        values = {
            "ledger_id": ledger.id,
            "account_id": account.id,
            "partner_id": self.customer.id,
            "company_id": self.company.id,
            "entity": "invoice",
            "external_id": "x1",
            "installment": 0,
            "kind": "invoice",
            "number": "X-1",
            "issue_date": "2026-05-21",
            "due_date": "2026-06-20",
            "currency_id": self.eur.id,
            "amount_total": "1000.00",
            "amount_open": "400.00",
            "is_open": True,
            "origin": "xero",
            "content_hash": "1",
            "updated_at": "2026-11-01 00:00:00",
        }
        self.env["dunning.item"]._upsert_external([values])
        item = self.env["dunning.item"].search([("external_id", "=", "x1")])
        self.env["dunning.allocation"].sudo().create(
            {
                "ledger_id": ledger.id,
                "company_id": self.company.id,
                "item_id": item.id,
                "carrier_entity": "payment",
                "carrier_ref": "p1",
                "kind": "payment",
                "source_ref": "p1",
                "invoice_ref": "x1",
                "date": "2026-09-30",
                "currency_id": self.eur.id,
                "amount": 600.0,
            }
        )
        [[_account, items]] = snapshot.Reading(self.env, self.company, account.ids, TODAY).cases()
        facts = charge_facts.item_facts(self.env, items)
        self.assertEqual(facts[item.id].events, ((date(2026, 9, 30), Decimal("600.00")),))


@tagged("post_install", "-at_install")
class TestChargeLaw(ChargeCase):
    def test_missing_rate_lets_the_message_go(self):
        """The series ends in 2025: the reminder leaves with the recovery sum, and says why there is no interest."""
        self.make_late()
        self.env["dunning.law.row"].search(
            [("reference", "=", "DE_BASE"), ("valid_from", ">=", "2026-01-01")]
        ).unlink()
        run = self.sent_run()

        self.assertEqual(run.notice_ids.state, "sent")
        self.assertIn("No rate of DE b2b interest for 2026-06-21", run.notice_ids.charge_note)
        self.assertRecordValues(
            self.charges(run).sorted("kind"),
            [
                {"kind": "interest", "stage": "refused", "amount": 0.0},
                {"kind": "recovery_sum", "stage": "announced", "amount": 40.0},
            ],
        )

    def test_unknown_law_lets_the_message_go(self):
        self.company.country_id = self.env.ref("base.jp")
        self.make_late()
        run = self.sent_run()

        self.assertEqual(run.notice_ids.state, "sent")
        self.assertIn("No late-payment rows exist for jurisdiction JP", run.notice_ids.charge_note)

    def test_consumer_pays_only_what_a_row_of_his_law_allows(self):
        """Germany: base + 5 against consumers, no recovery sum: 10 × 6.27 and 141 × 6.52 on 1,000 = 26.90."""
        self.final.charge_consumers = True
        self.make_late(self.consumer())
        run = self.propose()

        claimed = self.charges(run).filtered(lambda one: one.stage == "claimed")
        self.assertEqual([(one.kind, one.amount) for one in claimed], [("interest", 26.9)])
        self.assertIn("recovery_sum", self.charges(run).filtered("message").message)

    def test_british_law_keeps_the_rate_of_the_start(self):
        """Chosen on the customer: 3.75 + 8, fixed: 1,000 × 11.75 % × 151 / 365 = 48.61; £70 from £1,000."""
        gbp = self.env.ref("base.GBP")
        gbp.active = True
        invoice = self.make_late(currency_id=gbp.id)
        self.item_of(invoice).account_id.charge_law = "GB"
        run = self.propose()

        self.assertEqual(sorted(self.charges(run).mapped("amount")), [48.61, 70.0])
        self.assertEqual(run.notice_ids.law_reason, "set on the customer")

    def test_agreed_rate_replaces_the_statutory_one(self):
        """8 % agreed: 1,000 × 8 % × 151 / 365 = 33.10."""
        invoice = self.make_late()
        account = self.item_of(invoice).account_id
        account.write({"agreed_rate_unit": "pct", "agreed_rate_value": 8.0})
        run = self.sent_run()

        self.assertEqual(self.charges(run, "interest").amount, 33.1)
        self.assertIn("agreed in the contract: 8", run.notice_ids.body_text)

    def test_agreed_rate_under_the_floor_is_refused_with_the_row(self):
        """France: at least three times the legal rate."""
        account = self.item_of(self.make_late()).account_id
        account.charge_law = "FR"
        self.env["dunning.law.row"].search(
            [("reference", "=", "FR_LEGAL"), ("status", "=", "draft")]
        ).action_activate("Checked")
        with self.assertRaisesRegex(ValidationError, r"(below the floor|No rate).*FR"):
            account.write({"agreed_rate_unit": "pct", "agreed_rate_value": 0.5})

    def test_agreed_rate_over_a_hundred_is_refused(self):
        account = self.item_of(self.make_late()).account_id
        with self.assertRaisesRegex(ValidationError, "outside 0 to 100"):
            account.write({"agreed_rate_unit": "pct", "agreed_rate_value": 850.0})

    def test_fee_above_the_cap_is_refused_when_saved(self):
        """Finland: 12 euro between businesses."""
        self.policy.charge_law = "FI"
        with self.assertRaisesRegex(ValidationError, r"12.*FI\.b2b\.reminder_fee"):
            self.final.write(
                {
                    "charge_fee_kind": "reminder_fee",
                    "charge_fee_source": "own",
                    "charge_fee_amount": 13.0,
                    "charge_currency_id": self.eur.id,
                }
            )

    def test_fee_above_the_cap_is_refused_when_claimed(self):
        """Allowed where no cap is on record, not for the customer whose law has one."""
        self.final.write(
            {
                "charge_fee_kind": "reminder_fee",
                "charge_fee_source": "own",
                "charge_fee_amount": 13.0,
                "charge_currency_id": self.eur.id,
            }
        )
        free, capped = self.make_customer("Free"), self.make_customer("Capped")
        self.make_late(free)
        invoice = self.make_late(capped)
        self.item_of(invoice).account_id.charge_law = "FI"
        for move in (invoice, *free.invoice_ids):
            self.item_of(move).sudo().write(
                {"level_id": self.firm.id, "level_rank": 3, "level_date": "2026-11-01"}
            )
        run = self.propose()
        fees = {one.account_id.partner_id: one for one in self.charges(run, "reminder_fee")}

        self.assertEqual(fees[capped].stage, "refused")
        self.assertIn("FI.b2b.reminder_fee", fees[capped].message)

    def test_one_fee_for_a_message_of_three_invoices(self):
        self.policy.charge_law = "FI"
        self.final.write(
            {"charge_fee_kind": "reminder_fee", "charge_interest": False, "charge_recovery_sum": False}
        )
        for _number in range(3):
            self.make_late()
        run = self.propose()

        self.assertEqual([(one.kind, one.amount) for one in self.charges(run)], [("reminder_fee", 12.0)])


@tagged("post_install", "-at_install")
class TestChargeConsumer(ChargeCase):
    """A Belgian consumer: the first reminder is free and says five things; a fee only after fourteen days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.country_id = cls.env.ref("base.be")
        cls.final.write({"charge_interest": False, "charge_recovery_sum": False})
        fee = {"charge_fee_kind": "reminder_fee", "charge_consumers": True}
        (cls.friendly | cls.firm).write(fee)
        cls.policy.write({"entry": "first", "gap_days": 0})
        cls.buyer = cls.consumer(country_id=cls.env.ref("base.be").id)

    def test_first_is_free_and_says_what_it_must_the_next_costs_what_the_law_allows(self):
        self.make_late(self.buyer, amount=80.0)
        first = self.run_on("2026-11-18")

        self.assertEqual(first.notice_ids.level_id, self.friendly)
        self.assertFalse(self.charges(first).filtered("amount"))
        text = first.notice_ids.body_text
        for said in (
            "Balance still due: €80.00",
            "Creditor:",
            "within 14 calendar days",
            "Penalty",
            "was due on",
        ):
            self.assertIn(said, text)

        second = self.run_on("2026-12-04")
        self.assertEqual([(one.kind, one.amount) for one in self.charges(second)], [("reminder_fee", 7.5)])

    def test_fee_is_not_asked_within_the_fourteen_days(self):
        self.make_late(self.buyer, amount=80.0)
        self.firm.min_days_since_last = 5
        self.run_on("2026-11-18")
        second = self.run_on("2026-11-30")

        self.assertEqual(second.notice_ids.level_id, self.firm)
        self.assertFalse(self.charges(second).filtered("amount"))


@tagged("post_install", "-at_install")
class TestDutchConsumer(ChargeCase):
    """Collection costs only after a free letter that names them, and fourteen days from the day after its arrival."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.country_id = cls.env.ref("base.nl")
        cls.final.write({"charge_interest": False, "charge_recovery_sum": False})
        (cls.friendly | cls.firm).write({"charge_fee_kind": "collection_cost", "charge_consumers": True})
        cls.firm.min_days_since_last = 1
        cls.policy.write({"entry": "first", "gap_days": 0})
        cls.buyer = cls.consumer(country_id=cls.env.ref("base.nl").id)

    def run_at(self, instant):
        with freeze_time(instant):
            run = self.env["dunning.run"].create({"company_id": self.company.id, "date": instant[:10]})
            run.action_propose_now()
            self.send_out(run)
        return run

    def test_the_letter_of_18_november_opens_the_costs_on_3_december(self):
        """19 November to 2 December are fourteen days. 15 % of 80.00 is less than the least of 40.00."""
        self.make_late(self.buyer, amount=80.0)
        first = self.run_at("2026-11-18 12:00:00")
        self.assertFalse(self.charges(first).filtered("amount"))
        self.assertIn("counted from the day after you receive this letter", first.notice_ids.body_text)
        self.assertIn("€40.00 in collection costs", first.notice_ids.body_text)

        early = self.run_at("2026-12-02 12:00:00")
        self.assertEqual(early.notice_ids.level_id, self.firm)
        self.assertFalse(self.charges(early).filtered("amount"))

    def test_from_3_december_on_they_are_claimed(self):
        self.make_late(self.buyer, amount=80.0)
        self.run_at("2026-11-18 12:00:00")
        second = self.run_at("2026-12-03 12:00:00")
        self.assertEqual(
            [(one.kind, one.amount) for one in self.charges(second)], [("collection_cost", 40.0)]
        )

    def test_a_letter_at_night_counts_from_its_day_by_the_company_s_clock(self):
        """23:30 UTC on the 17th is half past midnight on the 18th in Amsterdam."""
        self.company.write({"dunning_window_start_hour": 0, "dunning_window_end_hour": 24})
        self.company.partner_id.tz = self.buyer.tz = "Europe/Amsterdam"
        self.make_late(self.buyer, amount=80.0)
        with freeze_time("2026-11-17 23:30:00"):
            first = self.env["dunning.run"].create({"company_id": self.company.id, "date": "2026-11-18"})
            first.action_propose_now()
            self.send_out(first)
        self.assertEqual((first.notice_ids.state, str(first.notice_ids.sent_date)), ("sent", "2026-11-18"))

        self.assertFalse(self.charges(self.run_at("2026-12-02 12:00:00")).filtered("amount"))


@tagged("post_install", "-at_install")
class TestChargeRights(ChargeCase):
    def test_a_clerk_changes_the_amount_and_nothing_else(self):
        self.make_late()
        run = self.propose()
        clerk = collections_user(self.env, "clerk")
        charge = self.charges(run, "interest").with_user(clerk)
        charge.amount = 30.0
        self.assertTrue(charge.is_edited)
        for vals in (
            {"stage": "waived"},
            {"amount_cap": 900.0},
            {"currency_id": 1},
            {"amount": 1.0, "has_cap": False},
        ):
            with self.subTest(vals), self.assertRaises(AccessError):
                charge.write(vals)

    def test_a_clerk_waives_and_does_not_book(self):
        self.make_late()
        run = self.sent_run()
        clerk = collections_user(self.env, "clerk")
        with self.assertRaises(AccessError):
            self.charges(run).with_user(clerk).action_book()
        self.charges(run, "interest").with_user(clerk).action_waive(5.0, "Goodwill")
        self.assertEqual(self.charges(run, "interest").amount_due, INTEREST - 5.0)

    def test_charges_stay_in_their_company(self):
        self.make_late()
        run = self.propose()
        other = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = collections_user(self.env, "stranger", company=other)

        self.assertFalse(self.env["dunning.charge"].with_user(stranger).search([("run_id", "=", run.id)]))

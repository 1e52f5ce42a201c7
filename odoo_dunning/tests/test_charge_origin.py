"""The risk: charges claimed twice, at the ledger and here, or standing at the ledger after they were taken back."""

from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from .. import lib
from .charge_common import LATE_DAYS, ChargeCase
from .common import TODAY
from .origin_common import OriginCase

CHARGED = Decimal("83.45")
INVOICE = {"quickbooks": r"POST .*/invoice\?", "xero": "PUT .*/Invoices"}


class OriginChargeCase(OriginCase, ChargeCase):
    """A German business owes 1,000 euro in a ledger since 20 June: 43.45 of interest and 40.00 of recovery costs."""

    def setUp(self):
        super().setUp()
        self.set_up_booking()

    def late(self, vendor, chosen=True, **values):
        """Connected ledger whose charges are booked there; its late invoice taken in."""
        sandbox, ledger = self.connected(vendor, **{"charge_booking": "origin", **values})
        with sandbox.book.lock:
            customer = sandbox.company.add_customer(
                name="Nordlicht", email="pay@nordlicht.example", currency="EUR", country="DE"
            )
        invoice = self.there(sandbox, "1000.00", LATE_DAYS, customer=customer, currency="EUR")
        self.take_in(ledger)
        self.item(ledger, invoice).account_id.debtor_type = "business"
        if chosen:
            ledger.action_read_incomes()
            names = {
                "quickbooks": ("Late fees", "Late interest"),
                "xero": ("260 Other Revenue", "270 Interest Income"),
            }
            fees, interest = (
                ledger.income_ids.filtered(lambda one, name=name: one.name == name) for name in names[vendor]
            )
            ledger.write({"charge_income_id": fees.id, "charge_interest_income_id": interest.id})
        return sandbox, ledger, invoice

    def charged(self, vendor, **options):
        """(sandbox, ledger, invoice, charges) after the reminder went out and its charges were booked."""
        sandbox, ledger, invoice = self.late(vendor, **options)
        notice = self.remind()
        self.assertEqual(notice.state, "sent", notice.error)
        self.book()
        return sandbox, ledger, invoice, notice.charge_ids

    def book(self):
        self.as_scheduled("dunning.charge", "_cron_charges")

    def write_out(self):
        with patch("odoo.addons.odoo_dunning.models.dunning_ledger_write.time.sleep"):
            return super().write_out()

    def of_charges(self, sandbox, invoice):
        """What the ledger's books hold for the customer beside the late invoice."""
        company = sandbox.company
        return [
            one
            for one in company.invoices.values()
            if one.customer_id == invoice.customer_id and one is not invoice
        ]

    def credits(self, sandbox):
        return sandbox.company.credits()

    def asked_for(self, ledger):
        """What customers are asked for: open receivables that may be dunned, and charges on top."""
        items = self.env["dunning.item"].search([("ledger_id", "=", ledger.id), ("is_open", "=", True)])
        charges = self.env["dunning.charge"].search([("account_id", "in", items.account_id.ids)])
        dunned = items.filtered(lambda one: not one.no_followup)
        return round(sum(dunned.mapped("amount_open")) + sum(charges.mapped("amount_due")), 2)


class BothLedgers:
    """What holds at either ledger."""

    def test_one_invoice_there_that_counts_once_here_and_is_paid_there(self):
        sandbox, ledger, invoice, charges = self.charged(self.vendor)
        self.assertEqual(set(charges.mapped("stage")), {"announced"})
        self.book()
        self.write_out()
        self.write_out()
        [there] = self.of_charges(sandbox, invoice)
        self.assertEqual((there.total, there.currency, there.tax_total), (CHARGED, "EUR", 0))
        self.assertEqual(
            {(line.amount, line.income) for line in there.lines},
            {(Decimal("40.00"), ledger.charge_income_id.external_id),
             (Decimal("43.45"), ledger.charge_interest_income_id.external_id)},
        )  # fmt: skip
        self.assertEqual(there.due_date, charges.notice_id.deadline_date)
        self.assertEqual(set(charges.mapped("state")), {"booked"})
        self.assertEqual(charges.origin_write_id.remote_ref, there.id)
        self.assertFalse(charges.move_id)
        self.assertEqual(self.asked_for(ledger), 1083.45)

        self.take_in(ledger)
        back = self.item(ledger, there)
        self.assertEqual((back.is_open, charges.origin_item_id), (False, back))
        self.assertEqual(self.asked_for(ledger), 1083.45)
        self.assertFalse(ledger.difference_count)

        with sandbox.book.lock:
            customer = sandbox.company.customer(there.customer_id)
            sandbox.company.receive(customer, Decimal("50.00"), TODAY, [(there, Decimal("50.00"))])
        self.take_in(ledger)
        # Costs before interest: 40.00 of the sum, 10.00 of the interest.
        by_kind = {one.kind: one for one in charges}
        self.assertEqual((by_kind["recovery_sum"].amount_due, by_kind["interest"].amount_due), (0.0, 33.45))
        with sandbox.book.lock:
            payment = sandbox.company.receive(customer, Decimal("33.45"), TODAY, [(there, Decimal("33.45"))])
        self.take_in(ledger)
        self.assertEqual(set(charges.mapped("state")), {"paid"})
        self.assertEqual(self.asked_for(ledger), 1000.0)
        with sandbox.book.lock:
            sandbox.company.delete(payment)
        self.take_in(ledger)
        self.assertEqual(set(charges.mapped("state")), {"booked"})
        self.assertEqual(self.asked_for(ledger), 1033.45)

    def test_s21_a_lost_answer_and_a_dead_process_leave_one_invoice(self):
        sandbox, ledger, invoice, charges = self.charged(self.vendor)
        sandbox.faults.order("cut_after", match=INVOICE[self.vendor])
        # It stands there, but the process dies before that is stored here; the vendor forgets the key.
        row = charges.origin_write_id
        row._write_charge_invoice(
            ledger._open_client(sleep=lambda seconds: None), lib.part(f"{self.vendor}.writes")
        )
        sandbox.skin._replays.clear()
        # A pass brings it before it is known to be ours: it is left alone.
        self.take_in(ledger)
        self.assertEqual(self.asked_for(ledger), 1083.45)
        self.write_out()
        self.assertEqual(len(self.of_charges(sandbox, invoice)), 1)
        self.assertEqual((row.state, set(charges.mapped("state"))), ("done", {"booked"}))
        self.take_in(ledger)
        self.assertEqual(self.asked_for(ledger), 1083.45)

    def test_undo_voids_it_there(self):
        sandbox, ledger, invoice, charges = self.charged(self.vendor)
        self.write_out()
        self.take_in(ledger)
        charges.run_id.action_undo(reason="Wrong customer")
        self.assertEqual(set(charges.mapped("state")), {"reversed"})
        self.write_out()
        [there] = self.of_charges(sandbox, invoice)
        self.assertEqual((there.status, self.credits(sandbox)), ("void", []))
        self.take_in(ledger)
        self.assertEqual(self.asked_for(ledger), 1000.0)
        self.assertEqual(set(self.writes(ledger).mapped("state")), {"done"})

    def test_undone_while_its_answer_was_lost_it_is_found_and_voided(self):
        sandbox, ledger, invoice, charges = self.charged(self.vendor)
        charges.origin_write_id._write_charge_invoice(
            ledger._open_client(sleep=lambda seconds: None), lib.part(f"{self.vendor}.writes")
        )
        charges.run_id.action_undo(reason="Wrong customer")
        self.write_out()
        [there] = self.of_charges(sandbox, invoice)
        self.assertEqual(there.status, "void")
        self.assertEqual(self.writes(ledger).mapped("state"), ["done", "done"])
        self.assertEqual(set(charges.mapped("state")), {"reversed"})

    def test_cancelled_there_the_charges_fall(self):
        sandbox, ledger, invoice, charges = self.charged(self.vendor)
        self.write_out()
        self.take_in(ledger)
        with sandbox.book.lock:
            sandbox.company.void(self.of_charges(sandbox, invoice)[0])
        self.take_in(ledger)
        self.assertEqual(set(charges.mapped("state")), {"reversed"})
        self.assertIn("cancelled in Sandbox", charges[0].reason)
        self.assertEqual(self.asked_for(ledger), 1000.0)


@tagged("post_install", "-at_install")
class TestChargesInQuickBooks(BothLedgers, OriginChargeCase):
    allow_inherited_tests_method = True
    vendor = "quickbooks"


@tagged("post_install", "-at_install")
class TestChargesInXero(BothLedgers, OriginChargeCase):
    allow_inherited_tests_method = True
    vendor = "xero"


@tagged("post_install", "-at_install")
class TestChargesAtTheOrigin(OriginChargeCase):
    def test_no_charge_bears_a_charge(self):
        sandbox, ledger, invoice, _charges = self.charged("xero")
        self.write_out()
        self.take_in(ledger)
        with sandbox.book.lock:
            [there] = self.of_charges(sandbox, invoice)
            sandbox.company.edit(there, due_date=TODAY - timedelta(days=LATE_DAYS))
        self.take_in(ledger)
        run = self.propose()
        self.assertNotIn(self.item(ledger, there), run.line_ids.item_id)
        self.assertNotIn(self.item(ledger, there), run.notice_ids.charge_ids.item_id)

    def test_undo_after_part_payment_leaves_the_money_to_the_customer(self):
        sandbox, ledger, invoice, charges = self.charged("quickbooks")
        self.write_out()
        [there] = self.of_charges(sandbox, invoice)
        with sandbox.book.lock:
            customer = sandbox.company.customer(there.customer_id)
            sandbox.company.receive(customer, Decimal("60.00"), TODAY, [(there, Decimal("60.00"))])
        self.take_in(ledger)
        charges.run_id.action_undo(reason="Wrong customer")
        self.write_out()
        self.take_in(ledger)
        [credit] = self.credits(sandbox)
        self.assertEqual((there.open, credit.remaining), (0, 60))
        self.assertEqual(self.asked_for(ledger), 940.0)

    def test_a_message_about_many_invoices_makes_one(self):
        sandbox, ledger, invoice = self.late("xero")
        customer = sandbox.company.customer(invoice.customer_id)
        self.there(sandbox, "1000.00", LATE_DAYS, customer=customer, currency="EUR")
        self.take_in(ledger)
        charges = self.remind().charge_ids
        self.book()
        self.write_out()
        [there] = [one for one in sandbox.company.invoices.values() if not one.number.startswith("T-")]
        self.assertEqual((there.total, len(there.lines)), (2 * CHARGED, 4))
        self.assertEqual(set(charges.mapped("state")), {"booked"})

    def test_customers_billed_with_their_parent_are_charged_by_it(self):
        sandbox, ledger = self.connected("quickbooks", charge_booking="origin")
        with sandbox.book.lock:
            parent = sandbox.company.add_customer(name="Group", email="pay@group.example", currency="EUR")
            jobs = [
                sandbox.company.add_customer(
                    name=name, currency="EUR", parent_id=parent.id, bills_with_parent=True
                )
                for name in ("North", "South")
            ]
        for job in jobs:
            self.there(sandbox, "1000.00", LATE_DAYS, customer=job, currency="EUR")
        self.take_in(ledger)
        ledger.action_read_incomes()
        ledger.charge_income_id = ledger.income_ids[:1]
        account = self.env["dunning.item"].search([("ledger_id", "=", ledger.id)]).account_id
        account.debtor_type = "business"
        self.remind()
        self.book()
        self.write_out()
        [there] = [one for one in sandbox.company.invoices.values() if not one.number.startswith("T-")]
        self.assertEqual((there.customer_id, there.total), (parent.id, 2 * CHARGED))

    def test_undone_before_it_was_written_nothing_is_made(self):
        sandbox, ledger, invoice, charges = self.charged("xero")
        charges.run_id.action_undo(reason="Wrong customer")
        self.write_out()
        self.assertFalse(self.of_charges(sandbox, invoice))
        self.assertEqual(self.writes(ledger).mapped("state"), ["skipped", "skipped"])
        self.assertFalse(ledger.activity_ids)

    def test_waived_in_part_and_in_full_is_credited_there(self):
        sandbox, ledger, invoice, charges = self.charged("xero")
        self.write_out()
        self.take_in(ledger)
        [there] = self.of_charges(sandbox, invoice)
        interest = charges.filtered(lambda one: one.kind == "interest")
        interest.action_waive(13.45, "Goodwill")
        self.write_out()
        self.take_in(ledger)
        self.assertEqual((interest.state, interest.amount_due, there.open), ("booked", 30.0, 70))
        interest.action_waive(reason="More goodwill")
        self.write_out()
        self.take_in(ledger)
        self.assertEqual((interest.state, interest.amount_due, there.open), ("waived", 0.0, 40))
        self.assertEqual([credit.remaining for credit in self.credits(sandbox)], [0, 0])
        self.assertEqual(self.asked_for(ledger), 1040.0)

    def test_waived_in_full_while_it_waits_is_never_made(self):
        sandbox, _ledger, invoice, charges = self.charged("quickbooks")
        charges.action_waive(reason="Goodwill")
        self.write_out()
        self.assertFalse(self.of_charges(sandbox, invoice))

    def test_waived_in_part_while_it_waits_is_credited_after(self):
        sandbox, ledger, invoice, charges = self.charged("quickbooks")
        charges.filtered(lambda one: one.kind == "interest").action_waive(reason="Goodwill")
        self.write_out()
        self.take_in(ledger)
        [there] = self.of_charges(sandbox, invoice)
        self.assertEqual(there.open, 40)
        self.assertEqual(self.asked_for(ledger), 1040.0)

    def test_switched_off_before_it_was_written_odoo_books_them(self):
        sandbox, ledger, invoice, charges = self.charged("xero")
        ledger.charge_booking = "odoo"
        self.write_out()
        self.assertEqual(self.writes(ledger).state, "skipped")
        self.assertFalse(self.of_charges(sandbox, invoice))
        self.book()
        self.assertEqual(charges.move_id.amount_total, float(CHARGED))
        self.assertFalse(charges.origin_write_id)

    def test_switched_off_and_on_again_it_is_made(self):
        sandbox, ledger, invoice, charges = self.charged("xero")
        ledger.charge_booking = "none"
        self.write_out()
        ledger.charge_booking = "origin"
        self.book()
        self.write_out()
        self.assertEqual(len(self.of_charges(sandbox, invoice)), 1)
        self.assertEqual(set(charges.mapped("state")), {"booked"})

    def test_switched_off_after_it_was_written_it_is_still_taken_back_there(self):
        sandbox, ledger, invoice, charges = self.charged("xero")
        self.write_out()
        ledger.charge_booking = "none"
        charges.run_id.action_undo(reason="Wrong customer")
        self.write_out()
        self.assertEqual(self.of_charges(sandbox, invoice)[0].status, "void")

    def test_without_an_item_or_account_the_charge_says_so_and_waits(self):
        sandbox, ledger, invoice, charges = self.charged("quickbooks", chosen=False)
        self.assertFalse(self.writes(ledger))
        self.assertIn("“Charges are booked on” is empty", charges[0].booking_error)
        with self.assertRaisesRegex(UserError, "under “Writing”"):
            charges.action_book()
        ledger.action_read_incomes()
        ledger.charge_income_id = ledger.income_ids.filtered(lambda one: one.name == "Late fees")
        self.book()
        self.write_out()
        self.assertEqual(len(self.of_charges(sandbox, invoice)), 1)
        self.assertFalse(charges[0].booking_error)

    def test_a_refusal_is_on_the_charge_and_told(self):
        sandbox, ledger, invoice, charges = self.charged("xero")
        with sandbox.book.lock:
            sandbox.company.archive_customer(sandbox.company.customer(invoice.customer_id))
        self.write_out()
        self.assertEqual(self.writes(ledger).state, "failed")
        self.assertIn("archived", charges[0].booking_error)
        self.assertIn("not everything could be written", ledger.activity_ids.mapped("summary")[0])
        with sandbox.book.lock:
            sandbox.company.edit(sandbox.company.customer(invoice.customer_id), active=True)
        self.writes(ledger).action_retry()
        self.write_out()
        self.assertEqual(set(charges.mapped("state")), {"booked"})

    def test_a_reversal_the_books_refuse_is_a_persons_business(self):
        sandbox, ledger, invoice, charges = self.charged("xero")
        self.write_out()
        charges.run_id.action_undo(reason="Wrong customer")
        with sandbox.book.lock:
            [there] = self.of_charges(sandbox, invoice)
            customer = sandbox.company.customer(there.customer_id)
            sandbox.company.receive(customer, Decimal("1.00"), TODAY, [(there, Decimal("1.00"))])
            sandbox.company.archive_customer(customer)
        self.write_out()
        self.assertEqual(self.writes(ledger)[-1:].state, "failed")
        self.assertIn("Charges not taken back in Xero", charges.account_id.activity_ids.mapped("summary"))

    def test_without_the_permission_it_is_asked_for_and_nothing_is_written(self):
        scopes = lib.part("xero.oauth").READ_SCOPES
        sandbox, ledger, invoice = self.late("xero", scopes=scopes)
        self.assertEqual(ledger.write_permission_missing, "accounting.invoices")
        self.assertIn("accounting.invoices+", ledger._consent_url("s", "c").replace("%20", "+") + "+")
        charges = self.remind().charge_ids
        self.book()
        self.write_out()
        self.assertEqual(self.writes(ledger).state, "skipped")
        self.assertIn("accounting.invoices", charges[0].booking_error)
        self.assertFalse(self.of_charges(sandbox, invoice))

        ledger.charge_booking = "odoo"
        self.write_out()
        self.book()
        self.assertEqual(charges.move_id.amount_total, float(CHARGED))

    def test_booked_when_the_invoice_is_paid(self):
        self.company.dunning_charge_booking = "paid"
        sandbox, ledger, invoice, _charges = self.charged("xero")
        self.assertFalse(self.writes(ledger))
        with sandbox.book.lock:
            customer = sandbox.company.customer(invoice.customer_id)
            sandbox.company.receive(customer, Decimal("1000.00"), TODAY, [(invoice, Decimal("1000.00"))])
        self.take_in(ledger)
        self.book()
        self.write_out()
        self.assertEqual(self.of_charges(sandbox, invoice)[0].total, CHARGED)

    def test_choices_follow_the_ledger(self):
        _sandbox, ledger, _invoice = self.late("quickbooks")
        self.assertEqual(set(ledger.income_ids.mapped("name")), {"Services", "Late fees", "Late interest"})
        first = ledger.income_ids
        ledger.action_read_incomes()
        self.assertEqual(ledger.income_ids, first)
        ledger.sudo()._keep_incomes([])
        self.assertFalse(ledger.income_ids | ledger.charge_income_id | ledger.charge_interest_income_id)

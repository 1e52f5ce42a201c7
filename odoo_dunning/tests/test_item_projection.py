"""Odoo's receivables and their items must say the same, whatever happens to them and however."""

from datetime import timedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import TODAY, DunningCase


@tagged("post_install", "-at_install")
class TestItemProjection(DunningCase):
    def test_posted_invoice_becomes_one_item_of_its_customer(self):
        invoice = self.make_invoice(amount=250.0, due_days=12)

        item = self.item_of(invoice)

        self.assertRecordValues(
            item,
            [
                {
                    "kind": "invoice",
                    "origin": "odoo",
                    "number": invoice.name,
                    "amount_total": 250.0,
                    "amount_open": 250.0,
                    "due_date": TODAY - timedelta(days=12),
                    "is_open": True,
                    "level_rank": 0,
                    "cycle": 1,
                    "currency_id": self.company.currency_id.id,
                }
            ],
        )
        self.assertEqual(item.account_id.partner_id, self.customer)
        self.assertEqual(item.days_overdue, 12)

    def test_draft_invoice_is_no_item(self):
        self.assertFalse(self.item_of(self.make_invoice(post=False)))

    def test_contact_of_a_company_owes_with_the_company(self):
        contact = self.env["res.partner"].create(
            {"name": "Branch", "parent_id": self.customer.id, "type": "invoice"}
        )

        item = self.item_of(self.make_invoice(partner=contact))

        self.assertEqual(item.account_id.partner_id, self.customer)
        self.assertEqual(item.partner_id, contact)

    def test_part_payment_lowers_the_open_amount_and_full_payment_closes(self):
        invoice = self.make_invoice(amount=100.0)
        item = self.item_of(invoice)

        self.pay(invoice, 30.0)
        self.refresh()
        self.assertEqual(item.amount_open, 70.0)

        self.pay(invoice)
        self.refresh()
        self.assertRecordValues(item, [{"amount_open": 0.0, "is_open": False}])

    def test_returned_payment_opens_the_same_item_again(self):
        invoice = self.make_invoice(amount=100.0)
        item = self.item_of(invoice)
        self.pay(invoice)
        self.refresh()

        invoice.line_ids.remove_move_reconcile()
        self.refresh()

        self.assertRecordValues(item, [{"amount_open": 100.0, "is_open": True}])

    def test_credit_note_is_a_negative_item_that_names_its_invoice(self):
        invoice = self.make_invoice(amount=100.0)
        credit = invoice._reverse_moves([{"invoice_date": TODAY}])
        credit.action_post()
        credit.line_ids.remove_move_reconcile()

        item = self.item_of(credit)

        self.assertRecordValues(item, [{"kind": "credit", "amount_open": -100.0, "reference": invoice.name}])

    def test_unallocated_payment_is_a_negative_item(self):
        payment = self.env["account.payment"].create(
            {
                "partner_id": self.customer.id,
                "amount": 40.0,
                "payment_type": "inbound",
                "partner_type": "customer",
            }
        )
        payment.action_post()

        item = self.item_of(payment.move_id)

        self.assertRecordValues(item, [{"kind": "payment", "amount_open": -40.0}])

    def test_each_instalment_has_its_own_due_date(self):
        terms = self.env["account.payment.term"].create(
            {
                "name": "Half now, half in 30 days",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 50, "nb_days": 0}),
                    Command.create({"value": "percent", "value_amount": 50, "nb_days": 30}),
                ],
            }
        )
        invoice = self.make_invoice(
            amount=200.0,
            invoice_payment_term_id=terms.id,
            invoice_date=TODAY - timedelta(days=20),
            invoice_date_due=False,
        )

        items = self.item_of(invoice).sorted("due_date")

        self.assertRecordValues(
            items,
            [
                {"amount_open": 100.0, "due_date": TODAY - timedelta(days=20)},
                {"amount_open": 100.0, "due_date": TODAY + timedelta(days=10)},
            ],
        )

    def test_cancelled_and_deleted_invoices_close_their_items(self):
        cancelled, deleted = self.make_invoice(), self.make_invoice()
        items = self.item_of(cancelled) | self.item_of(deleted)

        cancelled.button_draft()
        deleted.button_draft()
        deleted.name = False
        deleted.with_context(force_delete=True).unlink()
        self.refresh()

        self.assertEqual(items.mapped("is_open"), [False, False])
        self.assertEqual(items.mapped("amount_open"), [0.0, 0.0])

    def test_marks_of_the_books_reach_the_item(self):
        blocked, no_followup = self.make_invoice(), self.make_invoice()
        blocked.action_toggle_block_payment()
        no_followup.no_followup = True

        self.assertTrue(self.item_of(blocked).is_blocked)
        self.assertTrue(self.item_of(no_followup).no_followup)

    def test_foreign_currency_is_kept_in_its_own_currency(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.env["res.currency.rate"].create({"currency_id": yen.id, "rate": 150.0, "name": "2020-01-01"})

        item = self.item_of(self.make_invoice(amount=15000, currency_id=yen.id))

        self.assertRecordValues(item, [{"currency_id": yen.id, "amount_open": 15000.0}])
        self.assertEqual(item.account_id.amount_open, 100.0)

    def test_account_figures_are_in_company_currency_and_split_by_due_date(self):
        self.make_invoice(amount=100.0, due_days=5)
        self.make_invoice(amount=50.0, due_days=-5)
        self.refresh()

        self.assertRecordValues(
            self.account_of(self.customer),
            [
                {
                    "item_count": 2,
                    "amount_open": 150.0,
                    "amount_overdue": 100.0,
                    "oldest_due_date": TODAY - timedelta(days=5),
                }
            ],
        )


@tagged("post_install", "-at_install")
class TestItemHealing(DunningCase):
    def pay_behind_the_orm(self, invoice):
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                "UPDATE account_move_line SET reconciled = TRUE, amount_residual_currency = 0 WHERE move_id = %s",
                invoice.id,
            )
        )

    def test_refresh_heals_what_bypassed_the_orm(self):
        paid, changed = self.make_invoice(), self.make_invoice()
        paid_item, changed_item = self.item_of(paid), self.item_of(changed)
        self.pay_behind_the_orm(paid)
        self.env.cr.execute(
            SQL("UPDATE account_move_line SET date_maturity = '2026-12-01' WHERE move_id = %s", changed.id)
        )
        self.env.invalidate_all()

        self.refresh()

        self.assertFalse(paid_item.is_open)
        self.assertEqual(changed_item.due_date, fields.Date.to_date("2026-12-01"))

    def test_one_item_too_many_and_one_too_few_are_both_healed(self):
        paid, lost = self.make_invoice(), self.make_invoice()
        paid_item, lost_item = self.item_of(paid), self.item_of(lost)
        self.pay_behind_the_orm(paid)
        self.env.cr.execute(SQL("DELETE FROM dunning_item WHERE id = %s", lost_item.id))
        self.env.invalidate_all()

        self.refresh()

        self.assertFalse(paid_item.is_open)
        self.assertTrue(self.item_of(lost).is_open)

    def test_refresh_without_changes_writes_no_row(self):
        for _count in range(5):
            self.make_invoice()
        self.refresh()
        before = self.writes_of("dunning_item"), self.writes_of("dunning_account")

        self.refresh()

        self.assertEqual((self.writes_of("dunning_item"), self.writes_of("dunning_account")), before)

    def test_refresh_takes_the_same_number_of_queries_for_any_number_of_items(self):
        self.make_invoice()
        self.refresh()
        self.make_invoice(partner=self.make_customer("One more"))
        queries = self._queries_of_refresh()
        for number in range(10):
            self.make_invoice(partner=self.make_customer(f"Many {number}"))

        self.assertEqual(self._queries_of_refresh(), queries)

    def _queries_of_refresh(self):
        self.env.flush_all()
        before = self.env.cr.sql_log_count
        self.refresh()
        return self.env.cr.sql_log_count - before

    def test_posting_and_paying_are_followed(self):
        invoice = self.make_invoice()
        [receivable] = invoice.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        self.follow()
        item = self.env["dunning.item"].search([("move_line_id", "=", receivable.id)])
        self.assertEqual(item.amount_open, 100.0)

        self.pay(invoice, 30.0)
        self.follow()
        self.assertEqual(item.amount_open, 70.0)

        invoice.button_draft()
        self.follow()
        self.assertFalse(item.is_open)

    def test_drafts_leave_nothing_to_follow(self):
        self.make_invoice(post=False)
        self.env.cr.flush()

        self.assertFalse(self.env["dunning.item.change"]._take_all())

"""The risk: an invoice made in Odoo and pushed into the ledger is claimed twice."""

from datetime import timedelta

from odoo import fields
from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.tests import tagged

from .ledger_common import NOW, LedgerFixtures

HOUR = timedelta(hours=1)


@tagged("post_install", "-at_install")
class TestLedgerMatch(LedgerFixtures, AccountTestInvoicingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Acme", "email": "acme@example.com"})
        cls.move = cls.odoo_invoice("INV/2026/00042", 100)

    @classmethod
    def get_default_groups(cls):
        return super().get_default_groups() | cls.quick_ref("odoo_dunning.group_manager")

    def setUp(self):
        super().setUp()
        self.registry_enter_test_mode()
        self.code = self.company.currency_id.name
        self.ingest(self.customer(email="acme@example.com"), self.customer("C2", name="Beta"))

    @classmethod
    def odoo_invoice(cls, number, amount, partner=None):
        move = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or cls.partner).id,
                "invoice_date": fields.Date.from_string("2026-10-01"),
                "name": number,
                "invoice_line_ids": [
                    fields.Command.create(
                        {"name": "Goods", "quantity": 1, "price_unit": amount, "tax_ids": []}
                    )
                ],
            }
        )
        move.action_post()
        cls.env["dunning.item"]._refresh(move.company_id)
        return move

    def external(self, ref="I1", number="INV-2026-00042", **values):
        return self.invoice(ref, number=number, currency=self.code, **values)

    def match(self, ref="I1"):
        return self.env["dunning.ledger.match"].search(
            [("ledger_id", "=", self.ledger.id), ("external_id", "=", ref)]
        )

    def claimed(self):
        """What the customers are asked for, over all their receivables that may be dunned."""
        items = self.env["dunning.item"].search(
            [("company_id", "=", self.company.id), ("is_open", "=", True)]
        )
        return sum(items.filtered(lambda item: not item.no_followup).mapped("amount_open"))

    def test_the_same_number_customer_and_total_are_one_invoice(self):
        self.ingest(self.external())
        self.assertRecordValues(self.match(), [{"state": "matched", "move_id": self.move.id}])
        self.assertEqual(self.claimed(), 100)
        total = [{"customer_id": "C1", "currency": self.code, "amount": "100"}]
        self.assertEqual(self.ledger.sync_control(lease=self.ledger.sudo().lease_key, totals=total), [])
        self.ingest(self.external(at=NOW + HOUR, open="40"))
        self.assertEqual(self.claimed(), 100, "Odoo's books count, whatever the ledger says meanwhile")

    def test_another_customer_total_or_currency_waits_for_a_person(self):
        self.ingest(self.external("I1", total="90", open="90"), self.external("I2", customer="C2"))
        self.ingest(
            self.invoice("I3", number="INV-2026-00042", currency="JPY"), self.external("I4", number="INV-1")
        )
        self.assertEqual([self.match(ref).state for ref in ("I1", "I2")], ["ambiguous", "ambiguous"])
        self.assertFalse(self.match("I3") | self.match("I4"))
        self.assertEqual(self.claimed(), 100 + 100 + 100, "I1 and I2 are not dunned until someone decides")
        self.match("I2").action_reject()
        self.assertEqual(self.claimed(), 400)
        self.match("I1").action_confirm()
        self.assertEqual(self.claimed(), 400)
        self.ingest(
            self.external("I1", at=NOW + HOUR, total="90", open="80"),
            self.external("I2", at=NOW + HOUR, customer="C2", open="70"),
        )
        self.assertEqual(self.claimed(), 370, "what was decided stays decided")

    def test_two_invoices_that_fit_are_listed_with_both(self):
        twin = self.odoo_invoice("INV/202600042", 100)
        self.ingest(self.external())
        self.assertEqual(self.match().state, "ambiguous")
        self.assertEqual(self.match().candidate_ids, self.move | twin)

    def test_matches_are_proposed_first_where_the_connection_says_so(self):
        self.ledger.odoo_match = "preview"
        self.ingest(self.external())
        self.assertEqual((self.match().state, self.claimed()), ("proposed", 100))
        self.match().action_confirm()
        self.assertEqual((self.match().state, self.claimed()), ("matched", 100))

    def test_without_the_option_both_count(self):
        self.ledger.odoo_match = "off"
        self.ingest(self.external())
        self.assertFalse(self.match())
        self.assertEqual(self.claimed(), 200)

    def test_an_invoice_posted_in_odoo_after_the_ledger_had_it_is_found_with_the_pass(self):
        self.ingest(self.external("I5", number="INV-2026-00077", total="55", open="55"))
        self.assertFalse(self.match("I5"))
        later = self.odoo_invoice("INV/2026/00077", 55)
        self.ledger.sync_report(self.ledger.sudo().lease_key, "done", {}, "", None)
        self.assertEqual(self.match("I5").move_id, later)

    # === PAYMENTS === #

    def paid_in_odoo(self):
        self.env.invalidate_all()
        return 100 - self.move.amount_residual

    def with_journal(self):
        self.inbound_payment_method_line.payment_account_id = (
            self.inbound_payment_method_line.payment_account_id
            or (self.company_data["default_account_assets"])
        )
        self.ledger.payment_journal_id = self.company_data["default_journal_bank"]

    def end_pass(self):
        self.ledger.sync_report(self.ledger.sudo().lease_key, "done", {}, "", None)

    def test_a_payment_in_the_ledger_pays_the_invoice_in_odoo_once_and_is_undone_with_it(self):
        self.with_journal()
        self.ingest(self.external(open="60"), self.payment(against=[("I1", "40")], currency=self.code))
        self.end_pass()
        self.assertEqual(self.paid_in_odoo(), 40)
        self.ingest(self.payment(against=[("I1", "40")], currency=self.code))
        self.end_pass()
        self.assertEqual(self.paid_in_odoo(), 40)
        self.ingest(self.payment(at=NOW + HOUR, against=[("I1", "25")], currency=self.code))
        self.end_pass()
        self.assertEqual(self.paid_in_odoo(), 25)
        self.ingest(
            self.payment(at=NOW + 2 * HOUR, against=[("I1", "25")], currency=self.code, status="void")
        )
        self.end_pass()
        self.assertEqual(self.paid_in_odoo(), 0)
        self.assertFalse(self.env["dunning.ledger.payment"].search([]))

    def test_an_invoice_the_ledger_has_as_paid_is_paid_in_odoo(self):
        self.with_journal()
        self.ingest(
            self.external(open="0", status="paid"),
            self.payment(amount="100", against=[("I1", "100")], currency=self.code),
        )
        self.end_pass()
        self.assertEqual(self.match().state, "matched")
        self.assertEqual(self.paid_in_odoo(), 100)

    def test_a_payment_above_what_is_open_in_odoo_is_noted_and_left_to_a_person(self):
        self.with_journal()
        self.ingest(self.external(open="0", status="paid"))
        self.ingest(self.payment(amount="140", against=[("I1", "140")], currency=self.code))
        self.end_pass()
        self.assertEqual(self.paid_in_odoo(), 0)
        self.assertIn("140", self.ledger.sync_ids[:1].note)

    def test_without_a_journal_payments_are_left_to_the_bank_statement(self):
        self.ingest(self.external(open="60"), self.payment(against=[("I1", "40")], currency=self.code))
        self.end_pass()
        self.assertEqual(self.paid_in_odoo(), 0)

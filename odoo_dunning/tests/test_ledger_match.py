"""The risk: an invoice made in Odoo and pushed into the ledger is claimed twice."""

from datetime import timedelta
from decimal import Decimal

from odoo import fields
from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.exceptions import UserError
from odoo.tests import tagged

from .ledger_common import NOW, LedgerFixtures, records

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
        self.assertEqual(
            self.ledger.sudo().sync_control(lease=self.ledger.sudo().lease_key, totals=total), []
        )
        self.ingest(self.external(at=NOW + HOUR, open="40"))
        self.end_pass()
        self.assertEqual(self.item_here().amount_open, 100, "Odoo's books count, whatever the ledger says")
        self.assertEqual(self.claimed(), 40, "but nobody is asked for more than the ledger leaves open")

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
        self.assertEqual(self.claimed(), 390, "the ledger has 10 less")
        self.ingest(
            self.external("I1", at=NOW + HOUR, total="90", open="80"),
            self.external("I2", at=NOW + HOUR, customer="C2", open="70"),
        )
        self.end_pass()
        self.assertEqual(self.claimed(), 350, "what was decided stays decided")

    def test_two_invoices_that_fit_are_listed_with_both(self):
        twin = self.odoo_invoice("INV/202600042", 100)
        self.ingest(self.external())
        self.assertEqual(self.match().state, "ambiguous")
        self.assertEqual(self.match().candidate_ids, self.move | twin)

    def test_an_invoice_that_is_cancelled_in_odoo_only_waits_for_a_person_and_is_not_lost(self):
        self.ingest(self.external())
        self.move.button_draft()
        self.move.button_cancel()
        self.env["dunning.item"]._refresh(self.company)
        self.assertRecordValues(self.match(), [{"state": "ambiguous", "move_id": self.move.id}])
        self.assertRecordValues(self.items("I1"), [{"is_open": True, "no_followup": True}])
        self.assertEqual(self.claimed(), 0, "not before a person has looked")
        self.match().action_reject()
        self.assertEqual(self.claimed(), 100)

    def test_an_invoice_that_is_deleted_in_odoo_waits_for_a_person_and_is_not_lost(self):
        self.ingest(self.external())
        self.move.button_draft()
        self.move.name = False
        self.move.with_context(force_delete=True).unlink()
        self.end_pass()
        self.assertRecordValues(self.match(), [{"state": "ambiguous", "move_id": False}])
        self.assertRecordValues(self.items("I1"), [{"is_open": True, "no_followup": True}])

    def test_what_a_person_says_of_a_match_does_not_make_an_unknown_status_a_claim(self):
        self.ingest(self.external(total="90", open="90", status="from the future"))
        self.assertEqual(self.match().state, "ambiguous")
        self.match().action_reject()
        self.assertRecordValues(self.items("I1"), [{"is_open": True, "no_followup": True}])

    def test_an_invoice_of_another_company_is_never_the_one(self):
        self.ingest(self.external(total="90", open="90"))
        elsewhere = self.setup_other_company()["company"]
        foreign = self.env["account.move"].create(
            {"move_type": "out_invoice", "company_id": elsewhere.id, "partner_id": self.partner.id}
        )
        with self.assertRaises(UserError):
            self.match().move_id = foreign

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
        self.ledger.sudo().sync_report(self.ledger.sudo().lease_key, "done", {}, "", None)
        self.assertEqual(self.match("I5").move_id, later)

    # === LESS OPEN THERE === #

    def item_here(self):
        return self.env["dunning.item"].search([("move_line_id.move_id", "=", self.move.id)])

    def credited(self, total="60", left="0", at=NOW + HOUR):
        """The ledger credited 60 of the invoice."""
        allocation = records.Allocation("credit", "N1", "I1", Decimal(total), NOW.date())
        self.ingest(
            self.external(at=at, open=str(100 - int(total))),
            self.credit(
                total=total, open=left, at=at, currency=self.code, status="paid", allocations=(allocation,)
            ),
        )

    def proposed(self):
        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": fields.Date.today()})
        run.action_propose_now()
        return run

    def test_a_credit_there_is_netted_here_listed_and_never_booked(self):
        self.with_journal()
        self.ingest(self.external())
        self.credited()
        self.end_pass()
        self.assertRecordValues(
            self.match(), [{"amount_open": 40, "amount_odoo_open": 100, "amount_difference": 60}]
        )
        self.assertIn("Credit of", self.match().difference_note)
        self.assertEqual((self.move.amount_residual, self.paid_in_odoo()), (100, 0))
        self.assertEqual(self.ledger.match_difference_count, 1)
        credit = self.env["dunning.item"].search([("entity", "=", "match")])
        self.assertRecordValues(
            credit,
            [{"kind": "credit", "amount_open": -60, "is_open": True, "reference": self.move.name,
              "account_id": self.item_here().account_id.id}],
        )  # fmt: skip
        [message] = self.proposed().notice_ids
        self.assertEqual(message.amount_total, 40)
        total = [{"customer_id": "C1", "currency": self.code, "amount": "40"}]
        self.assertEqual(self.ledger.sudo().sync_control(lease=self.lease(), totals=total), [])

    def test_it_goes_when_both_agree(self):
        self.ingest(self.external())
        self.credited()
        self.end_pass()
        self.move._reverse_moves([{"invoice_date": self.move.invoice_date}], cancel=False)
        refund = self.move.reversal_move_ids
        refund.invoice_line_ids.price_unit = 60
        refund.action_post()
        (self.move | refund).line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        ).reconcile()
        self.env["dunning.item"]._refresh(self.company)
        self.assertEqual(self.claimed(), 40)
        self.assertFalse(self.match().amount_difference)
        self.assertFalse(self.env["dunning.item"].search([("entity", "=", "match"), ("is_open", "=", True)]))

    def test_it_goes_when_the_ledger_takes_the_credit_back(self):
        self.ingest(self.external())
        self.credited()
        self.end_pass()
        self.ingest(self.external(at=NOW + 2 * HOUR, open="100"))
        self.end_pass()
        self.assertEqual((self.claimed(), self.ledger.match_difference_count), (100, 0))

    def test_a_payment_registered_in_odoo_is_no_difference(self):
        self.with_journal()
        self.ingest(self.external(open="60"), self.payment(against=[("I1", "40")], currency=self.code))
        self.end_pass()
        self.env["dunning.item"]._refresh(self.company)
        self.assertEqual((self.claimed(), self.ledger.match_difference_count), (60, 0))

    def test_where_the_policy_does_not_net_the_invoice_waits(self):
        self.ingest(self.external())
        self.item_here().account_id.effective_policy_id.netting = "none"
        self.credited()
        self.end_pass()
        self.assertFalse(self.proposed().notice_ids)
        [hold] = self.env["dunning.hold"].search([("item_id", "=", self.item_here().id)])
        self.assertIn("leaves less open", hold.reason)
        self.ingest(self.external(at=NOW + 2 * HOUR, open="100"))
        self.end_pass()
        self.assertFalse(hold.exists())

    def test_void_there_nobody_is_asked(self):
        self.ingest(self.external())
        self.ingest(self.external(at=NOW + HOUR, open="0", status="void"))
        self.end_pass()
        self.assertEqual((self.claimed(), self.match().amount_difference), (0, 100))

    def test_rejected_later_the_credit_goes(self):
        self.ingest(self.external())
        self.credited()
        self.end_pass()
        self.match().action_reject()
        self.assertEqual(self.claimed(), 140)

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
        self.ledger.sudo().sync_report(self.ledger.sudo().lease_key, "done", {}, "", None)

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

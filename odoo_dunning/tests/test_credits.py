"""Credits set against receivables: what a proposal says of them, and the same for good in the books."""

from odoo.exceptions import UserError
from odoo.tests import tagged

from .. import reasons
from .common import DunningCase, collections_user


@tagged("post_install", "-at_install")
class TestCredits(DunningCase):
    def credit_note(self, amount, **vals):
        return self.make_invoice(amount=amount, due_days=0, move_type="out_refund", ref="Goodwill", **vals)

    def left_of(self, *moves):
        return [move.amount_residual for move in moves]

    def test_amounts_of_a_reason_have_all_the_digits_of_their_currency(self):
        """A line keeps 472.50 as 472.5, and 15000 yen as 15000.0."""
        said = [
            reasons.sentence(self.env, "netted", ["CN/1", amount, currency])
            for amount, currency in (("472.5", "EUR"), ("15000.0", "JPY"), ("1.5", "KWD"), ("1320", "USD"))
        ]

        self.assertEqual(
            said,
            [
                "Covered by credit CN/1 (472.50 EUR).",
                "Covered by credit CN/1 (15,000 JPY).",
                "Covered by credit CN/1 (1.500 KWD).",
                "Covered by credit CN/1 (1,320.00 USD).",
            ],
        )

    def test_reconciled_is_what_was_netted_whatever_was_invoiced_first(self):
        """100.00 of credit cover the older debt of 80.00, and 20.00 of the other, though that one was entered first."""
        later = self.make_invoice(due_days=10, amount=80.0)
        older = self.make_invoice(due_days=40, amount=80.0)
        note = self.credit_note(100.0)
        run = self.propose()
        self.assertEqual(run.notice_ids.amount_total, 60.0)

        self.account_of(self.customer).action_net_credits()

        self.assertEqual(self.left_of(later, older, note), [60.0, 0.0, 0.0])

    def test_reconciling_leaves_what_is_contested_alone(self):
        """Of two debts of 100.00, 60.00 of the older are contested: 80.00 of credit cover 40.00 of each. Odoo would set
        all 80.00 off against the older one: that is left to a person, who is told."""
        older = self.make_invoice(due_days=40, amount=100.0)
        self.env["dunning.dispute"].create(
            {"item_id": self.item_of(older).id, "scope": "part", "amount": 60.0}
        )
        later = self.make_invoice(due_days=10, amount=100.0)
        note = self.credit_note(80.0)
        self.assertEqual(self.propose().notice_ids.amount_total, 60.0)

        with self.assertRaisesRegex(UserError, "by hand"):
            self.account_of(self.customer).action_net_credits()

        self.assertEqual(self.left_of(older, later, note), [100.0, 100.0, 80.0])

    def test_credit_on_another_receivable_account_stops_no_other(self):
        other_account = self.company_data["default_account_receivable"].copy()
        elsewhere = self.make_invoice(due_days=40, amount=50.0)
        elsewhere.button_draft()
        line = elsewhere.line_ids.filtered(lambda one: one.account_type == "asset_receivable")
        line.account_id = other_account
        elsewhere.action_post()
        here = self.make_invoice(due_days=10, amount=30.0)
        note = self.credit_note(80.0)

        self.account_of_refreshed().action_net_credits()

        self.assertEqual(self.left_of(elsewhere, here, note), [50.0, 0.0, 50.0])

    def account_of_refreshed(self):
        self.refresh()
        return self.account_of(self.customer)

    def test_proposal_reconciles_what_it_netted_in_one_click(self):
        """From the line that says “covered by a credit”, by whoever works the list."""
        invoice = self.make_invoice(due_days=10, amount=80.0)
        note = self.credit_note(80.0)
        run = self.propose()
        line = self.line_of(run, invoice)
        self.assertEqual((line.reason_code, line.can_reconcile), ("netted", True))
        self.assertTrue(self.line_of(run, note).can_reconcile)

        clerk = collections_user(self.env, "clerk", company=self.company)
        clerk.group_ids += self.env.ref("account.group_account_invoice")
        told = line.with_user(clerk).action_net_credits()

        self.assertEqual(self.left_of(invoice, note), [0.0, 0.0])
        self.assertEqual(told["tag"], "display_notification")
        self.assertFalse(self.propose().line_ids)

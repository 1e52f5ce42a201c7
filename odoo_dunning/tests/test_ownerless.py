"""Receivables without a customer: nobody to write to, and nothing that says so."""

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import DunningCase, collections_user


@tagged("post_install", "-at_install")
class TestOwnerless(DunningCase):
    def entry(self, partner=False, company=None):
        """A posted entry that leaves 100.00 on the receivable account."""
        data = self.company_data
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": data["default_account_receivable"].id,
                            "debit": 100.0,
                            "partner_id": partner and partner.id,
                        }
                    ),
                    Command.create({"account_id": data["default_account_revenue"].id, "credit": 100.0}),
                ],
            }
        )
        entry.action_post()
        return entry.line_ids.filtered("debit")

    def figure(self):
        figures = self.env["dunning.account"].worklist_figures()
        return next((one for one in figures if one["filter"] == "ownerless"), None)

    def test_they_are_counted_on_the_run_and_the_worklist_and_listed(self):
        self.assertIsNone(self.figure())
        self.make_invoice(due_days=10)
        lines = self.entry() | self.entry()
        run = self.propose()

        self.assertEqual((run.line_count, run.ownerless_count), (1, 2))
        self.assertEqual(self.figure()["count"], 2)
        for action in (run.action_ownerless(), getattr(self.env["dunning.item"], self.figure()["method"])()):
            self.assertEqual(self.env[action["res_model"]].search(action["domain"]), lines)

    def test_given_a_customer_they_are_answered(self):
        line = self.entry()
        line.partner_id = self.customer
        run = self.propose()

        self.assertEqual(run.ownerless_count, 0)
        self.assertEqual(run.line_ids.item_id.move_line_id, line)

    def test_settled_drafted_or_foreign_ones_do_not_count(self):
        settled = self.entry()
        credit = settled.move_id._reverse_moves(cancel=True)
        self.assertTrue(credit)
        draft = self.entry()
        draft.move_id.button_draft()
        other = self.env["res.company"].create({"name": "Elsewhere"})

        self.assertEqual(self.env["dunning.item"]._ownerless_count(self.company), 0)
        self.entry()
        self.assertEqual(self.env["dunning.item"]._ownerless_count(other), 0)

    def test_who_may_not_read_the_books_is_told_whom_to_ask(self):
        self.entry()
        clerk = collections_user(self.env, "clerk")
        figures = self.env["dunning.account"].with_user(clerk).worklist_figures()
        self.assertIn("ownerless", [one["filter"] for one in figures])
        with self.assertRaisesRegex(UserError, "Ask an accountant"):
            self.env["dunning.item"].with_user(clerk).action_ownerless()

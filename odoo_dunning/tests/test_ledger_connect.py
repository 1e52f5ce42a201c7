"""The risk: a consent taken by the wrong person, for the wrong books, or lost on the way."""

from odoo.tests import tagged

from .ledger_common import LedgerHttpCase


@tagged("post_install", "-at_install")
class TestLedgerConnect(LedgerHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.quickbooks = cls.sandbox("quickbooks")
        cls.xero = cls.sandbox("xero")

    def test_a_consent_connects_and_the_first_pass_equals_the_books(self):
        for sandbox in (self.quickbooks, self.xero):
            with self.subTest(vendor=sandbox.vendor):
                ledger = self.unconnected_ledger(sandbox)
                page = self.consent(ledger)
                self.assertEqual(
                    (ledger.state, ledger.organisation_ref), ("connected", sandbox.company.id), page.text[-900:]
                )
                outcome = self.run_pass(ledger)
                self.assertEqual(outcome.result, "done", outcome.message)
                truth = {
                    customer: {currency: total["balance"] for currency, total in totals.items() if total["balance"]}
                    for customer, totals in sandbox.truth().items()
                }
                self.assertEqual(self.open_totals(ledger), {ref: sums for ref, sums in truth.items() if sums})
                self.assertFalse(ledger.difference_ids)
                self.assertFalse(ledger.quarantine_ids.filtered(lambda row: row.state == "open"))

"""What the tests of write-back and documents share: one invoice in a sandbox ledger, read into Odoo, and its ledger."""

from datetime import timedelta
from decimal import Decimal

from odoo import fields
from odoo.addons.mail.tests.common import MailCase

from .. import lib
from .common import TODAY, DunningCase
from .ledger_common import LedgerFixtures


class OriginCase(LedgerFixtures, DunningCase, MailCase):
    """A sandbox per vendor with one customer; their invoice is 10 days overdue. No test mocks the ledger."""

    def setUp(self):
        super().setUp()
        self.registry_enter_test_mode()

    def connected(self, vendor, scopes=None, **values):
        """Return (sandbox, connected ledger) with books that are empty yet."""
        sandbox = lib.part("sandbox.server").Sandbox(vendor, seed=7, today=TODAY, scale=0).start()
        self.addCleanup(sandbox.stop)
        grant = sandbox.grant(scopes=scopes)
        ledger = self.env["dunning.ledger"].create(
            {
                "name": f"Sandbox {vendor}",
                "vendor": vendor,
                "environment": "sandbox",
                "endpoint_url": sandbox.base_url,
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                **values,
            }
        )
        self.give_token(ledger, grant["access_token"], grant["refresh_token"])
        ledger._connected(sandbox.company.id, sandbox.company.name)
        ledger.sudo().scopes_granted = grant.get("scope") or "com.intuit.quickbooks.accounting"
        self.env.flush_all()
        return sandbox, ledger

    def there(self, sandbox, amount="100.00", due_days=10, customer=None, **fields):
        """An invoice in the sandbox, overdue by `due_days`."""
        book = lib.part("sandbox.book")
        company = sandbox.company
        with sandbox.book.lock:
            customer = customer or company.add_customer(
                name=f"Customer {len(company.customers) + 1} of {sandbox.vendor}",
                email=f"pay@{sandbox.vendor}.example",
                currency=company.home_currency,
            )
            due = TODAY - timedelta(days=due_days)
            line = book.Line("Goods", Decimal(1), Decimal(amount), Decimal(amount))
            number = fields.pop("number", f"T-{len(company.invoices) + 1}")
            return company.issue_invoice(
                customer, [line], due - timedelta(days=30), due, number=number, **fields
            )

    def take_in(self, ledger):
        outcome = self.run_pass(ledger)
        self.assertEqual(outcome.result, "done", outcome.message)

    def item(self, ledger, invoice):
        return self.env["dunning.item"].search(
            [("ledger_id", "=", ledger.id), ("external_id", "=", invoice.id)]
        )

    def as_scheduled(self, model, method):
        """Run a scheduled method with its commits."""
        self.env.flush_all()
        with self.registry.cursor() as cr:
            getattr(self.env(cr=cr, su=True)[model], method)()
        self.env.invalidate_all()

    def write_out(self):
        self.as_scheduled("dunning.ledger.write", "_cron_write")

    def remind(self, **run_vals):
        """A run over everything, approved and sent; returns its messages."""
        run = self.propose(**run_vals)
        run.action_approve()
        return self.send(run)

    def send(self, run):
        for _turn in range(5):
            self.as_scheduled("dunning.notice", "_cron_send")
            run.notice_ids.filtered(lambda one: one.state == "ready").sudo().send_at = fields.Datetime.now()
        with self.mock_mail_gateway():
            run.notice_ids.mail_mail_id.send()
            self.mails = list(self._mails)
        self.env.invalidate_all()
        return run.notice_ids

    def notes(self, sandbox, invoice):
        if sandbox.vendor == "xero":
            return [text for _at, text in invoice.history]
        return invoice.note.split("\n") if invoice.note else []

    def writes(self, ledger):
        return self.env["dunning.ledger.write"].search([("ledger_id", "=", ledger.id)], order="id")

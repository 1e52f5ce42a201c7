"""What a ledger has to bring to take the contract: a sandbox that can be kept and ordered to misbehave.

A third ledger adds a class like those below to `LEDGERS`; no test changes.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from dunning_connectors.budget import Budget
from dunning_connectors.quickbooks import QuickBooksSource
from dunning_connectors.quickbooks import client as quickbooks_client
from dunning_connectors.quickbooks import oauth as quickbooks_oauth
from dunning_connectors.quickbooks import webhooks as quickbooks_webhooks
from dunning_connectors.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from dunning_connectors.sandbox.book import Line
from dunning_connectors.xero import XeroSource
from dunning_connectors.xero import client as xero_client
from dunning_connectors.xero import oauth as xero_oauth
from dunning_connectors.xero import webhooks as xero_webhooks

TODAY = date(2026, 11, 21)


class LedgerUnderTest:
    """A sandbox ledger with verbs every bookkeeping knows. `match` gives the pattern of a stream's requests.

    `page_rows`: set it low, and a small portfolio spans many pages.
    """

    vendor: str
    oauth = None
    webhooks = None
    client = None

    def __init__(self, scale=0, seed=7, limits=None):
        self.box = Sandbox(self.vendor, seed=seed, today=TODAY, scale=scale, limits=limits).start()
        self.company = self.box.company
        self.page_rows = 1000
        self._numbers = 0

    def close(self):
        self.box.stop()

    # -- connection ------------------------------------------------------------------------------------------
    def token(self, company=None, scopes=None):
        """A fresh consent: `{"access_token", "refresh_token"}`."""
        return self.box.grant(company, scopes)

    def refresh(self, refresh_token):
        return self.oauth.refresh(CLIENT_ID, CLIENT_SECRET, refresh_token, urls=self.box.urls)

    @property
    def refreshes(self):
        return self.box.oauth.refresh_count

    @property
    def calls(self):
        """Requests to the API so far; token requests are not counted."""
        return sum(
            "/connect/" not in row["path"] and "/oauth2/" not in row["path"] for row in self.box.requests
        )

    def order(self, kind, stream="", **options):
        """A fault on the reads of a stream (or on any API call)."""
        return self.box.faults.order(kind, match=self.match(stream), **options)

    # -- bookkeeping -----------------------------------------------------------------------------------------
    def customer(self, name=None, company=None, **fields):
        self._numbers += 1
        with self.box.book.lock:
            return (company or self.company).add_customer(name=name or f"Customer {self._numbers}", **fields)

    def invoice(self, customer, amount="100.00", due_days=30, company=None, **fields):
        self._numbers += 1
        company = company or self.company
        with self.box.book.lock:
            today = company.today()
            line = Line("Goods", Decimal(1), Decimal(amount), Decimal(amount))
            due = today + timedelta(days=due_days)
            number = f"T-{self._numbers}"
            return company.issue_invoice(customer, [line], today, due, number=number, **fields)

    def credit(self, customer, amount):
        self._numbers += 1
        with self.box.book.lock:
            line = Line("Return", Decimal(1), Decimal(amount), Decimal(amount))
            return self.company.give_credit(
                customer, [line], self.company.today(), number=f"C-{self._numbers}"
            )

    def pay(self, invoice, amount=None, company=None):
        company = company or self.company
        with self.box.book.lock:
            part = Decimal(amount) if amount else invoice.open
            customer = company.customer(invoice.customer_id)
            return company.receive(customer, part, company.today(), [(invoice, part)])

    def prepay(self, customer, amount):
        """Money on account that settles nothing yet."""
        kind = "payment" if self.vendor == "quickbooks" else "prepayment"
        with self.box.book.lock:
            return self.company.receive(customer, Decimal(amount), self.company.today(), kind=kind)

    def allocate(self, source, invoice, amount):
        with self.box.book.lock:
            return self.company.allocate(source, invoice, Decimal(amount), self.company.today())

    def deallocate(self, allocation):
        with self.box.book.lock:
            self.company.deallocate(allocation)

    def void(self, document):
        with self.box.book.lock:
            self.company.void(document)

    def delete(self, document):
        with self.box.book.lock:
            self.company.delete(document)

    def merge(self, loser, winner):
        with self.box.book.lock:
            self.company.merge_customers(loser, winner)

    def behind_the_clock(self, document, **changes):
        """A change the ledger does not tell: no new time of change, no event. What only a sweep can notice."""
        with self.box.book.lock:
            for name, value in changes.items():
                setattr(document, name, value)

    def days_pass(self, days):
        with self.box.book.lock:
            self.box.book.clock.move(timedelta(days=days))

    def truth(self, company=None):
        """The ledger's own books: (customer, currency) → net balance, zeros left out."""
        return {
            (customer_id, currency): total["balance"]
            for customer_id, totals in self.box.truth(company).items()
            for currency, total in totals.items()
            if total["balance"]
        }


class QuickBooksUnderTest(LedgerUnderTest):
    vendor = "quickbooks"
    oauth = quickbooks_oauth
    webhooks = quickbooks_webhooks
    client = quickbooks_client
    NAMES = {"customer": "Customer", "invoice": "Invoice", "credit": "CreditMemo", "payment": "Payment"}

    def source(self, lease, tokens, budget: Budget):
        client = quickbooks_client.Client(lease.urls["api"], lease.organisation, tokens, budget)
        client.page_rows = self.page_rows
        return QuickBooksSource(client, lease)

    def match(self, stream):
        return rf"(?s)/query.*FROM {self.NAMES[stream]}\b" if stream else "/company/"

    written = "/invoice"

    def notes(self, invoice):
        return invoice.note


class XeroUnderTest(LedgerUnderTest):
    vendor = "xero"
    oauth = xero_oauth
    webhooks = xero_webhooks
    client = xero_client
    NAMES = {"customer": "Contacts", "invoice": "Invoices", "credit": "CreditNotes", "payment": "Payments"}

    def source(self, lease, tokens, budget: Budget):
        client = xero_client.Client(lease.urls["api"], lease.organisation, tokens, budget)
        client.page_rows = self.page_rows
        return XeroSource(client, lease)

    def match(self, stream):
        return rf"GET /api.xro/2.0/{self.NAMES[stream]}\?" if stream else "/api.xro/"

    written = "/History"

    def notes(self, invoice):
        return "\n".join(str(note) for note in invoice.history)


LEDGERS = {"quickbooks": QuickBooksUnderTest, "xero": XeroUnderTest}

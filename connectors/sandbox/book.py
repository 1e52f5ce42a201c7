"""The books behind a sandbox ledger, in no vendor's words.

A `Book` holds companies; a `Company` holds customers, the documents that make them owe (invoices, journals) and the
money or credit that settles those (`Source`: payment, credit, overpayment, prepayment), joined by `Allocation`s.
All amounts are `Decimal` in the document's currency. Every change goes through a verb of `Company`, which checks it,
stamps it with the book's clock and records an `Event`; a refused change raises `BookError` and leaves no trace.

`updated_at` moves with every change a vendor reports, `version` only with a person's own edit of the record: a payment
touches the invoice it settles without a new version, as QuickBooks' SyncToken does.
"""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from . import currencies
from .clock import Clock

ZERO = Decimal(0)


class BookError(Exception):
    """A change the books refuse; the message is fit for a validation error."""


@dataclass(frozen=True)
class Habits:
    """What differs in the bookkeeping of two vendors."""

    new_id: object  # callable(kind) -> str
    balance_touches_customer: bool  # a new invoice moves the customer's updated_at
    credits_carried_by_payment: bool  # applying a credit makes a zero payment that links both
    deletes_rows: bool  # a deleted document vanishes and leaves a tombstone


@dataclass(eq=False)
class Record:
    kind: str
    id: str
    created_at: datetime
    updated_at: datetime
    version: int = 0
    history: list = field(default_factory=list)  # notes: (when, text)


@dataclass(eq=False)
class Customer(Record):
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    copy_emails: tuple = ()
    phone: str = ""
    street: str = ""
    city: str = ""
    zip: str = ""
    region: str = ""
    country: str = ""
    language: str = "en"
    currency: str = ""
    tax_number: str = ""
    terms_days: int = 30
    parent_id: str = ""
    bills_with_parent: bool = False
    active: bool = True
    merged_into_id: str = ""
    note: str = ""


@dataclass
class Line:
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax: Decimal = ZERO
    income: str = ""  # item or account it is booked on; empty: the usual one


@dataclass(eq=False)
class Document(Record):
    """Anything with an amount. `rate` is units of `currency` per unit of the company's home currency."""

    customer_id: str = ""
    number: str = ""
    reference: str = ""
    issue_date: date = None
    currency: str = ""
    rate: Decimal = Decimal(1)
    total: Decimal = ZERO
    status: str = "open"  # draft, submitted, open, void, deleted
    lines: list = field(default_factory=list)
    note: str = ""
    allocations: list = field(default_factory=list)

    @property
    def live(self):
        return self.status == "open"

    @property
    def tax_total(self):
        return sum((line.tax for line in self.lines), ZERO)


@dataclass(eq=False)
class Debt(Document):
    """A document a customer owes on: `total = open + paid + credited`."""

    @property
    def paid(self):
        return sum((part.amount for part in self.allocations if part.source.kind == "payment"), ZERO)

    @property
    def credited(self):
        return sum((part.amount for part in self.allocations if part.source.kind != "payment"), ZERO)

    @property
    def open(self):
        if not self.live:
            return ZERO
        return self.total - sum((part.amount for part in self.allocations), ZERO)


@dataclass(eq=False)
class Invoice(Debt):
    due_date: date = None
    purchase: bool = False
    bill_email: str = ""
    email_status: str = "NotSet"
    sent_at: datetime = None
    expected_payment_date: date = None
    paid_on: date = None


@dataclass(eq=False)
class Journal(Debt):
    """A journal entry with one receivable line: `total` > 0 debits the customer, < 0 credits them.

    The allocations of one that credits are what it was used for.
    """

    @property
    def open(self):
        used = super().open - self.total if self.live else ZERO
        return self.total + (used if self.total > 0 else -used) if self.live else ZERO

    @property
    def remaining(self):
        return max(-self.open, ZERO)


@dataclass(eq=False)
class Source(Document):
    """Money received or credit given. What is neither allocated nor refunded is the customer's to use."""

    refunds: list = field(default_factory=list)
    carries: list = field(default_factory=list)  # allocations of credits this (zero) payment links
    batch_id: str = ""
    account_id: str = ""  # where the money went; empty: the usual account
    reconciled: bool = False
    former_target: Debt = None  # what a removed payment had paid

    @property
    def allocated(self):
        return sum((part.amount for part in self.allocations), ZERO)

    @property
    def remaining(self):
        if not self.live:
            return ZERO
        return self.total - self.allocated - sum((part.total for part in self.refunds if part.live), ZERO)


@dataclass(eq=False)
class Refund(Document):
    """Money paid back out of a source."""

    source: Source = None


@dataclass(eq=False)
class Batch(Record):
    """Payments received as one bank amount."""

    issue_date: date = None
    reference: str = ""
    status: str = "open"
    payments: list = field(default_factory=list)


@dataclass(eq=False)
class Allocation:
    id: str
    source: Source
    target: Debt
    amount: Decimal
    on_date: date
    carrier: Source = None


@dataclass(frozen=True)
class Tombstone:
    kind: str
    id: str
    deleted_at: datetime


@dataclass(frozen=True)
class Event:
    """One change as a webhook tells it; `operation` is create, update, delete, void, merge or emailed."""

    company_id: str
    kind: str
    id: str
    operation: str
    at: datetime
    derived: bool = False


class Company:
    """One set of books: a QuickBooks company (realm) or a Xero organisation (tenant)."""

    def __init__(self, book, company_id, name, home_currency, country, timezone_name, demo):
        self.book = book
        self.id = company_id
        self.name = name
        self.home_currency = home_currency
        self.has_currencies = True  # QuickBooks: off until somebody switches "multicurrency" on
        self.country = country
        self.timezone = ZoneInfo(timezone_name)
        self.demo = demo
        self.created_at = book.clock.now()
        self.customers = {}
        self.invoices = {}
        self.sources = {}
        self.refunds = {}
        self.journals = {}
        self.batches = {}
        self.tombstones = []
        self.documents_of = defaultdict(list)
        self.children_of = defaultdict(list)
        self.sends_reminders = False
        self._names = set()

    # -- reading ----------------------------------------------------------------------------------------------

    def today(self):
        """The calendar day at the company's seat."""
        return self.book.clock.peek().astimezone(self.timezone).date()

    def customer(self, customer_id):
        return self._found(self.customers, customer_id, "customer")

    def invoice(self, invoice_id):
        return self._found(self.invoices, invoice_id, "invoice")

    def source(self, source_id):
        return self._found(self.sources, source_id, "payment or credit")

    def payments(self):
        return [source for source in self.sources.values() if source.kind == "payment"]

    def credits(self, kind="credit"):
        return [source for source in self.sources.values() if source.kind == kind]

    def open_invoices(self):
        return [invoice for invoice in self.invoices.values() if invoice.open and not invoice.purchase]

    def balances(self, customer_id):
        """What the customer owes, net of credit on account: {currency: {"open", "credit", "balance", "overdue"}}."""
        today, totals = self.today(), {}
        for document in self.documents_of[customer_id]:
            owed, credit, overdue = self._position(document, today)
            if owed or credit:
                total = totals.setdefault(
                    document.currency, {"open": ZERO, "credit": ZERO, "balance": ZERO, "overdue": ZERO}
                )
                total["open"] += owed
                total["credit"] += credit
                total["balance"] += owed - credit
                total["overdue"] += overdue
        return totals

    @staticmethod
    def _position(document, today):
        if isinstance(document, Source):
            return ZERO, document.remaining, ZERO
        if isinstance(document, Journal):
            return max(document.open, ZERO), max(-document.open, ZERO), ZERO
        if isinstance(document, Invoice) and not document.purchase:
            overdue = document.open if document.due_date and document.due_date < today else ZERO
            return document.open, ZERO, overdue
        return ZERO, ZERO, ZERO

    @staticmethod
    def _found(table, record_id, label):
        if record_id not in table:
            raise BookError(f"There is no {label} {record_id}.")
        return table[record_id]

    # -- customers --------------------------------------------------------------------------------------------

    def add_customer(self, **fields):
        self._take_name(fields["name"])
        customer = self._make(Customer, "customer", **{"currency": self.home_currency, **fields})
        self.customers[customer.id] = customer
        if customer.parent_id:
            self.children_of[customer.parent_id].append(customer)
        self._event(customer, "create")
        return customer

    def has_customer_named(self, name):
        return name in self._names

    def _take_name(self, name):
        if name in self._names:
            raise BookError(f"The name {name!r} is in use already.")
        self._names.add(name)

    def archive_customer(self, customer):
        self.edit(customer, active=False)

    def merge_customers(self, loser, winner):
        """Fold `loser` into `winner`: its documents move, it stays archived with a pointer.

        The moved documents keep their `updated_at`: whoever reads only changed documents must follow the pointer.
        """
        if loser is winner or loser.merged_into_id:
            raise BookError(f"{loser.name} cannot be merged into {winner.name}.")
        for document in self.documents_of.pop(loser.id, []):
            document.customer_id = winner.id
            self.documents_of[winner.id].append(document)
        self.edit(loser, active=False, merged_into_id=winner.id)
        self._event(winner, "merge")

    # -- documents --------------------------------------------------------------------------------------------

    def issue_invoice(self, customer, lines, issue_date, due_date, number="", **fields):
        """A sales invoice (or, with purchase=True, a bill) over the sum of its lines and their tax."""
        fields.setdefault("bill_email", customer.email)
        invoice = self._document(
            Invoice, "invoice", customer, issue_date, lines=lines, number=number, **fields
        )
        invoice.due_date = due_date
        invoice.total = self._sum(lines, invoice.currency)
        self.invoices[invoice.id] = invoice
        self._booked(invoice)
        return invoice

    def add_journal(self, customer, amount, issue_date, number="", **fields):
        """A journal entry that debits (amount > 0) or credits a customer's receivable account."""
        journal = self._document(Journal, "journal", customer, issue_date, number=number, **fields)
        journal.total = currencies.rounded(amount, journal.currency)
        self.journals[journal.id] = journal
        self._booked(journal)
        return journal

    def give_credit(self, customer, lines, issue_date, number="", **fields):
        """A credit note (QuickBooks: credit memo)."""
        credit = self._document(Source, "credit", customer, issue_date, lines=lines, number=number, **fields)
        credit.total = self._sum(lines, credit.currency)
        self.sources[credit.id] = credit
        self._booked(credit)
        return credit

    def receive(self, customer, amount, on_date, against=(), kind="payment", **fields):
        """Money in. `against` is [(invoice or journal, amount)]; the rest stays on account.

        kind: payment, overpayment or prepayment.
        """
        against = list(against)
        currency = fields.get("currency") or (against[0][0].currency if against else customer.currency)
        against = [(target, currencies.rounded(part, currency)) for target, part in against]
        amount = currencies.rounded(amount, currency)
        if sum((part for _, part in against), ZERO) > amount:
            raise BookError("The amounts allocated are more than the amount received.")
        for target, part in against:
            self._check_allocation(target, part, currency)
        fields["currency"] = currency
        source = self._document(Source, kind, customer, on_date, **fields)
        source.total = amount
        self.sources[source.id] = source
        for target, part in against:
            self._join(source, target, part, on_date)
        self._touch(source, derived=False)
        self._booked(source)
        return source

    def refund(self, source, amount, on_date):
        """Pay back part of a credit, overpayment or prepayment."""
        amount = currencies.rounded(amount, source.currency)
        if not ZERO < amount <= source.remaining:
            raise BookError(
                f"Only {source.remaining} {source.currency} of {source.number or source.id} can be refunded."
            )
        customer = self.customer(source.customer_id)
        refund = self._document(Refund, "refund", customer, on_date, currency=source.currency, source=source)
        refund.total = amount
        source.refunds.append(refund)
        self.refunds[refund.id] = refund
        self._touch(source)
        self._touch(refund, derived=False)
        self._booked(refund)
        return refund

    def sell_back(self, customer, lines, on_date, **fields):
        """Take goods back for cash at once (QuickBooks: refund receipt); nobody owes anything for it."""
        receipt = self._document(Refund, "refund", customer, on_date, lines=lines, **fields)
        receipt.total = self._sum(lines, receipt.currency)
        self.refunds[receipt.id] = receipt
        self._booked(receipt)
        return receipt

    def batch_payments(self, payments, on_date, reference=""):
        """Mark payments as received in one bank amount; they can then only be removed together."""
        batch = self._make(Batch, "batch", issue_date=on_date, reference=reference, payments=list(payments))
        for payment in payments:
            payment.batch_id = batch.id
            self._touch(payment)
        self.batches[batch.id] = batch
        return batch

    # -- settling ---------------------------------------------------------------------------------------------

    def allocate(self, source, target, amount, on_date):
        """Use part of a source for a debt."""
        amount = currencies.rounded(amount, source.currency)
        self._check_allocation(target, amount, source.currency)
        if amount > source.remaining:
            raise BookError(
                f"Only {source.remaining} {source.currency} is left of {source.number or source.id}, not {amount}."
            )
        carrier = None
        if source.kind in ("credit", "journal") and self.book.habits.credits_carried_by_payment:
            carrier = self._document(
                Source, "payment", self.customer(source.customer_id), on_date, currency=source.currency
            )
            self.sources[carrier.id] = carrier
            self.documents_of[source.customer_id].append(carrier)
        allocation = self._join(source, target, amount, on_date, carrier)
        self._touch(source)
        if carrier:
            self._touch(carrier, derived=False)
            self._event(carrier, "create")
        return allocation

    def deallocate(self, allocation):
        """Take an allocation back: the debt is open again, the source has more to give. No tombstone is left,
        but for the zero payment that carried it, where there is one."""
        carrier = allocation.carrier
        self._part(allocation)
        if carrier and carrier.live and not carrier.carries:
            self.delete(carrier)

    def _part(self, allocation):
        allocation.source.allocations.remove(allocation)
        allocation.source.former_target = allocation.target
        allocation.target.allocations.remove(allocation)
        if allocation.carrier:
            allocation.carrier.carries.remove(allocation)
        if isinstance(allocation.target, Invoice):
            allocation.target.paid_on = None
        self._touch(allocation.target)
        self._touch(allocation.source)
        self._balance_changed(allocation.source.customer_id)

    def _check_allocation(self, target, amount, currency):
        if target.currency != currency:
            raise BookError(f"{target.number or target.id} is in {target.currency}, not {currency}.")
        if not ZERO < amount <= target.open:
            raise BookError(
                f"{target.number or target.id} has {target.open} {target.currency} open, less than {amount}."
            )

    def _join(self, source, target, amount, on_date, carrier=None):
        allocation = Allocation(
            self.book.habits.new_id("allocation"), source, target, amount, on_date, carrier
        )
        source.allocations.append(allocation)
        target.allocations.append(allocation)
        if carrier:
            carrier.carries.append(allocation)
        if isinstance(target, Invoice) and not target.open:
            target.paid_on = on_date
        self._touch(target)
        return allocation

    # -- changing and undoing ---------------------------------------------------------------------------------

    def edit(self, record, **changes):
        """A person's own edit: sets the fields, moves `updated_at` and `version`."""
        if isinstance(record, Customer) and changes.get("name", record.name) != record.name:
            self._take_name(changes["name"])
            self._names.remove(record.name)
        for name, value in changes.items():
            setattr(record, name, value)
        if "lines" in changes:
            record.total = self._sum(record.lines, record.currency)
        record.version += 1
        self._touch(record, derived=False)
        self._event(record, "update")
        if isinstance(record, Document):
            self._balance_changed(record.customer_id)

    def reprice(self, invoice, lines):
        """Edit the lines of an invoice; refused if less than what is settled already would be left."""
        settled = invoice.paid + invoice.credited
        if self._sum(lines, invoice.currency) < settled:
            raise BookError(
                f"{invoice.number or invoice.id} has {settled} {invoice.currency} settled already."
            )
        self.edit(invoice, lines=lines)

    def void(self, document):
        """Cancel a document but keep its row. What it settled is open again; what settled it is free again."""
        self._release(document)
        document.status = "void"
        document.version += 1
        self._touch(document, derived=False)
        self._event(document, "void")
        self._balance_changed(document.customer_id)

    def delete(self, document):
        """Remove a document; where rows are deleted only a tombstone is left."""
        if getattr(document, "batch_id", ""):
            raise BookError("A payment that belongs to a batch can only be deleted with its batch.")
        self._release(document)
        document.status = "deleted"
        document.version += 1
        self._touch(document, derived=False)
        if self.book.habits.deletes_rows:
            table = self._table(document)
            del table[document.id]
            self.documents_of[document.customer_id].remove(document)
            self.tombstones.append(Tombstone(document.kind, document.id, document.updated_at))
        self._event(document, "delete")
        self._balance_changed(document.customer_id)

    def delete_batch(self, batch):
        """Remove a batch and all its payments."""
        batch.status = "deleted"
        for payment in batch.payments:
            payment.batch_id = ""
            self.delete(payment)
        self._touch(batch, derived=False)

    def _release(self, document):
        if document.status in ("void", "deleted"):
            raise BookError(f"{document.number or document.id} is {document.status} already.")
        if isinstance(document, Refund) and document.source:
            self._touch(document.source)
        for allocation in list(getattr(document, "carries", ())):
            self._part(allocation)
        for allocation in list(document.allocations):
            self.deallocate(allocation)

    # -- bookkeeping ------------------------------------------------------------------------------------------

    def _make(self, factory, kind, **fields):
        now = self.book.clock.now()
        return factory(kind=kind, id=self.book.habits.new_id(kind), created_at=now, updated_at=now, **fields)

    def _document(self, factory, kind, customer, issue_date, **fields):
        currency = fields.pop("currency", None) or customer.currency
        rate = fields.pop("rate", None) or currencies.units_per_home(currency, self.home_currency, issue_date)
        return self._make(
            factory,
            kind,
            customer_id=customer.id,
            issue_date=issue_date,
            currency=currency,
            rate=rate,
            **fields,
        )

    def _booked(self, document):
        self.documents_of[document.customer_id].append(document)
        self._event(document, "create")
        self._balance_changed(document.customer_id)

    def _table(self, document):
        if isinstance(document, Invoice):
            return self.invoices
        if isinstance(document, Journal):
            return self.journals
        if isinstance(document, Refund):
            return self.refunds
        return self.sources

    def _touch(self, record, derived=True):
        record.updated_at = self.book.clock.now()
        if derived:
            self._event(record, "update", derived=True)

    def _balance_changed(self, customer_id):
        if self.book.habits.balance_touches_customer:
            customer = self.customers[customer_id]
            customer.updated_at = self.book.clock.now()

    def _event(self, record, operation, derived=False):
        event = Event(self.id, record.kind, record.id, operation, record.updated_at, derived)
        self.book.events.append(event)

    @staticmethod
    def _sum(lines, currency):
        return currencies.rounded(sum((line.amount + line.tax for line in lines), ZERO), currency)


class Book:
    """All companies of one sandbox, under one lock and one clock."""

    def __init__(self, habits, clock=None):
        self.habits = habits
        self.clock = clock or Clock(datetime.now(timezone.utc))
        self.lock = threading.RLock()
        self.companies = {}
        self.events = []

    def add_company(self, company_id, name, home_currency, country, timezone_name, demo):
        company = Company(self, company_id, name, home_currency, country, timezone_name, demo)
        self.companies[company_id] = company
        return company

"""A portfolio that looks like life, and goes on living.

`Life` founds the companies of a sandbox, gives them customers with habits of paying, and lives through three years of
invoices, payments, credits, mistakes and corrections up to the day before the given one; `next_day` lives one more. The
same vendor, seed, scale and day give the same books.
"""

import heapq
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import count
from random import Random
from zoneinfo import ZoneInfo

from . import currencies
from .book import Invoice, Line
from .names import GOODS, SHARES

HISTORY_DAYS = 3 * 365
MAIN_CUSTOMERS = 176
SIDE_CUSTOMERS = 12
EVENT_GAP = timedelta(seconds=97)
OPENING = time(8, 30)
# What one US dollar's worth of goods costs, roughly, for amounts that look right.
PRICE_LEVEL = {"JPY": Decimal(150), "KWD": Decimal("0.3")}
TAX_PCT = {"GB": Decimal(20), "US": Decimal("8.875")}


@dataclass(frozen=True)
class Founding:
    """A company of the sandbox. The first of each vendor holds the portfolio."""

    id: str
    name: str
    currency: str
    country: str
    timezone: str
    demo: bool


FOUNDINGS = {
    "quickbooks": (
        Founding("9341450000000001", "Harbour & Finch Supplies", "USD", "US", "America/Los_Angeles", True),
        Founding(
            "9341450000000002", "Harbour & Finch Supplies (live)", "USD", "US", "America/Los_Angeles", False
        ),
        Founding("9341450000000003", "Finch Kiosk Test Company", "USD", "US", "America/New_York", True),
    ),
    "xero": (
        Founding(
            "5a0d1c00-0001-4000-8000-000000000001",
            "Tidewater Trading (Demo)",
            "GBP",
            "GB",
            "Europe/London",
            True,
        ),
        Founding(
            "5a0d1c00-0002-4000-8000-000000000002",
            "Tidewater Trading Ltd",
            "GBP",
            "GB",
            "Europe/London",
            False,
        ),
        Founding(
            "5a0d1c00-0003-4000-8000-000000000003",
            "Tidewater Crafts (Demo)",
            "GBP",
            "GB",
            "Europe/London",
            True,
        ),
    ),
}


@dataclass(frozen=True)
class Manner:
    """How a customer pays: days after the due date, the chance of paying only a part, and of never paying."""

    name: str
    earliest_days: int
    latest_days: int
    part_pct: int
    never_pct: int


MANNERS = (
    (Manner("prompt", -6, 2, 2, 0), 34),
    (Manner("usual", 0, 14, 6, 0), 30),
    (Manner("slow", 8, 45, 15, 2), 20),
    (Manner("chronic", 35, 140, 30, 14), 12),
    (Manner("gone", 60, 200, 20, 70), 4),
)


@dataclass(eq=False)
class Person:
    """A customer of the book with what only life knows about them."""

    customer: object
    country: object
    manner: Manner
    interval_days: int
    price: Decimal  # of a usual line, in US dollars


class Life:
    """Founds, fills and moves the companies of one book."""

    def __init__(self, book, vendor, seed, scale=1):
        self.book = book
        self.vendor = vendor
        self.scale = scale
        self.random = Random(f"life/{vendor}/{seed}")
        self.today = None
        self._agenda = []
        self._order = count()
        self._numbers = Counter()
        self._happened = Counter()
        self._at = None  # while history is written: the moment of the next event

    # -- time -------------------------------------------------------------------------------------------------

    def build(self):
        """Live from three years before the book's day up to the evening before it."""
        clock, now = self.book.clock, self.book.clock.peek()
        first_day = now.astimezone(ZoneInfo(FOUNDINGS[self.vendor][0].timezone)).date()
        self.today = first_day - timedelta(days=HISTORY_DAYS)
        self._open_day()
        self._found()
        while self.today < first_day - timedelta(days=1):
            self._live_day()
            self.today += timedelta(days=1)
        self._live_day()
        self.today = first_day
        self._at = None
        clock.set(now)

    def next_day(self):
        """Move the book's clock a day on and live that day. Returns a Counter of what happened."""
        self.book.clock.move(timedelta(days=1))
        self.today += timedelta(days=1)
        self._happened = Counter()
        self._run_due()
        for company in self.book.companies.values():
            self._stir(company)
        return self._happened

    def _stir(self, company):
        """Corrections that come more often than in real life, so that a few days show them all."""
        untouched = [one for one in company.open_invoices() if not one.allocations]
        if untouched and self._chance(60):
            self._postpone(company, self.random.choice(untouched))
        if untouched and self._chance(35):
            self._void(company, self.random.choice(untouched[-20:]))
        used = [one for one in company.sources.values() if one.kind != "payment" and one.allocations]
        if used and self._chance(15):
            self._take_back(company, self.random.choice(used).allocations[-1])

    def _open_day(self):
        self._at = datetime.combine(self.today, OPENING, timezone.utc)
        self.book.clock.hold(self._at)

    def _live_day(self):
        self._open_day()
        self._run_due()

    def _run_due(self):
        while self._agenda and self._agenda[0][0] <= self.today:
            _, _, act, arguments = heapq.heappop(self._agenda)
            if self._at is not None:
                self._at += EVENT_GAP / max(1, self.scale)
                self.book.clock.hold(self._at)
            act(*arguments)

    def _plan(self, in_days, act, *arguments):
        day = self.today + timedelta(days=max(1, in_days))
        heapq.heappush(self._agenda, (day, next(self._order), act, arguments))

    def _chance(self, pct):
        return self.random.random() * 100 < pct

    # -- founding ---------------------------------------------------------------------------------------------

    def _found(self):
        for rank, founding in enumerate(FOUNDINGS[self.vendor]):
            company = self.book.add_company(
                founding.id,
                founding.name,
                founding.currency,
                founding.country,
                founding.timezone,
                founding.demo,
            )
            size = (MAIN_CUSTOMERS if rank == 0 else SIDE_CUSTOMERS) * self.scale
            self._populate(company, int(size))

    def _populate(self, company, size):
        countries = [country for country, share in SHARES[company.country] for _ in range(share)]
        pools = {}
        made = 0
        while made < size:
            country = self.random.choice(countries)
            pool = pools.setdefault(country.code, self._names(country))
            name, domain = next(pool)
            person = self._settle(company, country, name, domain, made)
            made += 1
            if self.vendor == "quickbooks" and made % 14 == 5 and made + 2 <= size:
                made += self._open_branches(company, person, domain)
            if self.vendor == "xero" and made % 40 == 7 and made < size:
                made += self._make_twin(company, person)

    def _names(self, country):
        """Endless distinct (name, domain stem) of a country, in a seeded order."""
        names = country.businesses()
        self.random.shuffle(names)
        for lap in count(1):
            for name, domain in names:
                yield (name, domain) if lap == 1 else (f"{name} {lap}", f"{domain}{lap}")

    def _settle(self, company, country, name, domain, rank):
        given, family = self.random.choice(country.people)
        top = self.random.choice(("example.com", "example.org", "example.net"))
        address = f"accounts@{domain}.{top}"
        customer = company.add_customer(
            name=name,
            given_name=given,
            family_name=family,
            email="" if rank % 11 == 3 else address,
            copy_emails=(f"cfo@{domain}.{top}",) if rank % 23 == 9 else (),
            phone=f"{country.dialling} {self.random.randrange(100, 1000)}",
            country=country.code,
            language=country.language,
            currency=country.currency,
            tax_number=f"{country.code}{self.random.randrange(10**8, 10**9)}" if rank % 2 else "",
            terms_days=self.random.choice((0, 10, 14, 30, 30, 30, 45, 60)),
            **self._address(country),
        )
        person = self._character(customer, country)
        self._plan(self.random.randrange(1, 640), self._invoice, company, person)
        self._plan_oddities(company, person, rank)
        return person

    def _character(self, customer, country):
        manner = self.random.choices([manner for manner, _ in MANNERS], [weight for _, weight in MANNERS])[0]
        interval_days = self.random.choices((45, 60, 90, 120, 180, 270), (1, 2, 3, 3, 2, 1))[0]
        price = Decimal(self.random.choice((18, 45, 90, 120, 250, 480, 950, 2400)))
        return Person(customer, country, manner, interval_days, price)

    def _address(self, country):
        city, code, region = self.random.choice(country.places)
        street = self.random.choice(country.streets)
        number = self.random.randrange(1, 180)
        return {
            "street": country.street_pattern.format(street=street, number=number),
            "city": city,
            "zip": code,
            "region": region,
        }

    def _plan_oddities(self, company, person, rank):
        """What happens to few, but always to some."""
        if rank % 17 == 5:
            self._plan(self.random.randrange(700, HISTORY_DAYS), self._archive, company, person)
        if rank % 9 == 4:
            self._plan(self.random.randrange(200, HISTORY_DAYS), self._pay_ahead, company, person)
        if self.vendor == "quickbooks" and rank % 29 == 2:
            self._plan(self.random.randrange(30, HISTORY_DAYS), self._carry_over, company, person)
        if self.vendor == "quickbooks" and rank % 31 == 6:
            self._plan(self.random.randrange(100, HISTORY_DAYS), self._sell_back, company, person)
        if self.vendor == "xero" and rank % 13 == 8:
            self._plan(self.random.randrange(100, HISTORY_DAYS), self._receive_bill, company, person)
        if rank % 19 == 11:
            self._plan(self.random.randrange(300, HISTORY_DAYS), self._move_house, company, person)

    def _open_branches(self, company, person, domain):
        """Two sub-customers: one whose invoices the parent pays, one that pays its own."""
        parent = person.customer
        for number, billed in ((1, True), (2, False)):
            child = company.add_customer(
                name=f"{parent.name} {person.country.branch} {number}",
                email="" if billed else f"branch{number}@{domain}.example.com",
                country=parent.country,
                language=parent.language,
                currency=parent.currency,
                terms_days=parent.terms_days,
                parent_id=parent.id,
                bills_with_parent=billed,
                **self._address(person.country),
            )
            self._plan(
                self.random.randrange(1, 640), self._invoice, company, self._character(child, person.country)
            )
        return 2

    def _make_twin(self, company, person):
        """The same business entered twice; one day somebody merges the two."""
        original = person.customer
        twin = company.add_customer(
            name=f"{original.name} (old)",
            email=original.email,
            country=original.country,
            language=original.language,
            currency=original.currency,
            terms_days=original.terms_days,
            **self._address(person.country),
        )
        other = Person(twin, person.country, person.manner, person.interval_days, person.price)
        self._plan(self.random.randrange(1, 300), self._invoice, company, other)
        self._plan(self.random.randrange(700, HISTORY_DAYS - 5), self._merge, company, other, person)
        return 1

    # -- selling ----------------------------------------------------------------------------------------------

    def _invoice(self, company, person):
        customer = person.customer
        if not customer.active:
            return
        pause_days = int(person.interval_days * self.random.uniform(0.7, 1.3))
        self._plan(pause_days, self._invoice, company, person)
        currency = self._currency_of(person)
        if self._chance(4):
            self._sell_in_instalments(company, person, currency)
            return
        lines = self._lines(company, person, currency)
        invoice = company.issue_invoice(
            customer,
            lines,
            self.today,
            self.today + timedelta(days=customer.terms_days),
            number=self._number(company, "invoice"),
            reference=f"PO {self.random.randrange(1000, 99999)}" if self._chance(40) else "",
            currency=currency,
        )
        self._happened["invoices"] += 1
        self._send_out(invoice)
        self._plan_future_of(company, person, invoice)

    def _sell_in_instalments(self, company, person, currency):
        """One order, three invoices with their own due dates: neither ledger knows instalments on one invoice."""
        number = self._number(company, "invoice")
        for part in (1, 2, 3):
            invoice = company.issue_invoice(
                person.customer,
                self._lines(company, person, currency)[:1],
                self.today,
                self.today + timedelta(days=30 * part),
                number=f"{number}/{part}",
                reference=f"{number}: instalment {part} of 3",
                currency=currency,
            )
            self._happened["invoices"] += 1
            self._send_out(invoice)
            self._plan_payment(company, person, invoice)

    def _currency_of(self, person):
        """A Xero contact may be invoiced in several currencies; a QuickBooks customer never is."""
        if self.vendor == "xero" and self._chance(4):
            return "EUR" if person.customer.currency != "EUR" else "USD"
        return person.customer.currency

    def _lines(self, company, person, currency):
        taxed = company.country == person.country.code
        pct = TAX_PCT.get(company.country, Decimal(0)) if taxed else Decimal(0)
        goods = GOODS.get(person.customer.language, GOODS["en"])
        lines = []
        for _ in range(self.random.choice((1, 1, 2, 2, 3, 4))):
            factor = Decimal(self.random.randrange(60, 180)) / 100
            price = currencies.rounded(
                person.price * PRICE_LEVEL.get(currency, Decimal(1)) * factor, currency
            )
            quantity = Decimal(self.random.choice((1, 1, 2, 3, 5, 12)))
            amount = currencies.rounded(price * quantity, currency)
            tax = currencies.rounded(amount * pct / 100, currency)
            lines.append(Line(self.random.choice(goods), quantity, price, amount, tax))
        return lines

    def _number(self, company, kind):
        self._numbers[company.id, kind] += 1
        serial = self._numbers[company.id, kind]
        prefix = {"invoice": "INV-" if self.vendor == "xero" else "", "credit": "CN-", "bill": "B-"}[kind]
        return f"{prefix}{1000 + serial}"

    def _send_out(self, invoice):
        if invoice.bill_email:
            invoice.email_status = "EmailSent"
            invoice.sent_at = invoice.created_at

    def _plan_future_of(self, company, person, invoice):
        """What becomes of an invoice: usually it is paid; now and then it is corrected, credited or cancelled."""
        fate = self.random.random() * 100
        if fate < 1.5:
            self._plan(self.random.randrange(1, 12), self._void, company, invoice)
            return
        if fate < 2.3:
            self._plan(self.random.randrange(1, 12), self._delete, company, invoice)
            return
        if fate < 5.5:
            self._plan(self.random.randrange(1, 20), self._correct, company, person, invoice)
        elif fate < 10:
            self._plan(self.random.randrange(5, 60), self._credit, company, person, invoice)
        elif fate < 11.5 and self.vendor == "xero":
            invoice.status = "draft"
            self._plan(self.random.randrange(1, 6), self._approve, company, invoice)
        self._plan_payment(company, person, invoice)

    # -- paying -----------------------------------------------------------------------------------------------

    def _plan_payment(self, company, person, invoice):
        manner = person.manner
        if self._chance(manner.never_pct):
            return
        lag_days = self.random.randrange(manner.earliest_days, manner.latest_days + 1)
        in_days = (invoice.due_date - self.today).days + lag_days
        self._plan(in_days, self._pay, company, person, invoice)

    def _pay(self, company, person, invoice):
        if not invoice.open:
            return
        if self._chance(person.manner.part_pct):
            self._pay_part(company, person, invoice)
        elif self._chance(3):
            self._pay_too_much(company, person, invoice)
        elif self._chance(8):
            self._pay_everything(company, person, invoice)
        else:
            payment = self._receive(company, person, invoice, invoice.open)
            if self._chance(1.2):
                self._plan(self.random.randrange(2, 8), self._bounce, company, person, payment, invoice)

    def _pay_part(self, company, person, invoice):
        share = Decimal(self.random.randrange(25, 80)) / 100
        amount = currencies.rounded(invoice.open * share, invoice.currency)
        if amount:
            self._receive(company, person, invoice, amount)
        if not self._chance(person.manner.never_pct):
            self._plan(self.random.randrange(15, 70), self._pay, company, person, invoice)

    def _pay_too_much(self, company, person, invoice):
        """A round sum. QuickBooks keeps the rest on the payment, Xero makes an overpayment of it."""
        extra = currencies.rounded(
            invoice.open * Decimal(self.random.randrange(5, 30)) / 100, invoice.currency
        )
        if self.vendor == "quickbooks" or not extra:
            self._receive(company, person, invoice, invoice.open + extra)
        else:
            self._receive(company, person, invoice, invoice.open)
            customer = company.customer(invoice.customer_id)
            company.receive(customer, extra, self.today, kind="overpayment", currency=invoice.currency)
            self._happened["overpayments"] += 1

    def _pay_everything(self, company, person, invoice):
        """All that is open in this currency at once: one payment in QuickBooks, a batch in Xero."""
        debts = [
            document
            for document in company.documents_of[invoice.customer_id]
            if isinstance(document, Invoice)
            and not document.purchase
            and document.currency == invoice.currency
            and document.open
        ]
        if self.vendor == "quickbooks":
            against = [(debt, debt.open) for debt in debts]
            company.receive(
                company.customer(invoice.customer_id), sum(part for _, part in against), self.today, against
            )
            self._happened["payments"] += 1
            return
        payments = [self._receive(company, person, debt, debt.open) for debt in debts]
        if len(payments) > 1:
            company.batch_payments(payments, self.today, f"Batch {self.today:%d %b}")
            self._happened["batches"] += 1

    def _receive(self, company, person, invoice, amount):
        customer = company.customer(invoice.customer_id)
        part = min(amount, invoice.open)
        reference = f"RF{self.random.randrange(10**6, 10**7)}"
        payment = company.receive(customer, amount, self.today, [(invoice, part)], reference=reference)
        payment.reconciled = self.vendor == "xero" and self._chance(70)
        self._happened["payments"] += 1
        return payment

    def _bounce(self, company, person, payment, invoice):
        if payment.live and not payment.batch_id:
            if self.vendor == "quickbooks" and self._chance(50):
                company.void(payment)
            else:
                company.delete(payment)
            self._happened["bounced"] += 1
            self._plan(self.random.randrange(10, 60), self._pay, company, person, invoice)

    def _pay_ahead(self, company, person):
        """Money before any invoice: on account in QuickBooks, a prepayment in Xero; half of it is used later."""
        customer = person.customer
        if not customer.active:
            return
        amount = currencies.rounded(
            person.price * PRICE_LEVEL.get(customer.currency, Decimal(1)), customer.currency
        )
        kind = "payment" if self.vendor == "quickbooks" else "prepayment"
        source = company.receive(customer, amount, self.today, kind=kind, reference="Deposit")
        self._happened["prepayments"] += 1
        self._plan(self.random.randrange(5, 90), self._use_up, company, source)

    def _use_up(self, company, source):
        """Apply what a customer has in credit to their oldest open invoice."""
        debts = (
            document
            for document in company.documents_of[source.customer_id]
            if isinstance(document, Invoice)
            and not document.purchase
            and document.open
            and document.currency == source.currency
        )
        oldest = min(debts, key=lambda debt: (debt.due_date, debt.number), default=None)
        if oldest is not None and source.remaining and self._chance(60):
            allocation = company.allocate(source, oldest, min(source.remaining, oldest.open), self.today)
            self._happened["allocations"] += 1
            if self._chance(5):
                self._plan(self.random.randrange(3, 30), self._take_back, company, allocation)

    def _take_back(self, company, allocation):
        if allocation in allocation.source.allocations:
            company.deallocate(allocation)
            self._happened["deallocations"] += 1

    # -- correcting -------------------------------------------------------------------------------------------

    def _correct(self, company, person, invoice):
        if not invoice.live or invoice.allocations:
            return
        if self._chance(50):
            self._postpone(company, invoice)
        else:
            company.reprice(invoice, self._lines(company, person, invoice.currency))
            self._happened["edits"] += 1

    def _postpone(self, company, invoice):
        later = invoice.due_date + timedelta(days=7)
        company.edit(invoice, due_date=later, note="Due date moved as agreed")
        self._happened["edits"] += 1

    def _credit(self, company, person, invoice):
        if not invoice.live:
            return
        share = Decimal(self.random.choice((10, 25, 50, 100))) / 100
        amount = currencies.rounded(invoice.total * share, invoice.currency)
        if not amount:
            return
        line = Line("Credit", Decimal(1), amount, amount)
        credit = company.give_credit(
            company.customer(invoice.customer_id),
            [line],
            self.today,
            number=self._number(company, "credit"),
            currency=invoice.currency,
            reference=invoice.number,
        )
        self._happened["credits"] += 1
        usable = min(credit.remaining, invoice.open)
        if usable and self._chance(75):
            company.allocate(credit, invoice, usable, self.today)
        else:
            self._plan(self.random.randrange(20, 120), self._settle_credit, company, credit)

    def _settle_credit(self, company, credit):
        if self.vendor == "xero" and credit.remaining and self._chance(35):
            company.refund(credit, credit.remaining, self.today)
            self._happened["refunds"] += 1
        else:
            self._use_up(company, credit)

    def _approve(self, company, invoice):
        if invoice.status == "draft":
            company.edit(invoice, status="open")
            self._happened["approvals"] += 1

    def _void(self, company, invoice):
        if invoice.live and not invoice.allocations:
            company.void(invoice)
            self._happened["voids"] += 1

    def _delete(self, company, invoice):
        if invoice.live and not invoice.allocations:
            if self.vendor == "xero":
                invoice.status = "draft"
            company.delete(invoice)
            self._happened["deletions"] += 1

    def _archive(self, company, person):
        if person.customer.active:
            company.archive_customer(person.customer)
            self._happened["archived"] += 1

    def _merge(self, company, twin, original):
        if original.customer.active and not twin.customer.merged_into_id:
            company.merge_customers(twin.customer, original.customer)
            self._happened["merged"] += 1

    def _move_house(self, company, person):
        company.edit(person.customer, **self._address(person.country))
        self._happened["customer edits"] += 1

    def _carry_over(self, company, person):
        """An opening balance booked as a journal on the receivable account."""
        currency = person.customer.currency
        amount = currencies.rounded(person.price * PRICE_LEVEL.get(currency, Decimal(1)) * 2, currency)
        number = f"JE-{person.customer.id}"
        journal = company.add_journal(
            person.customer, amount, self.today, number=number, note="Opening balance"
        )
        self._happened["journals"] += 1
        if self._chance(60):
            self._plan(self.random.randrange(20, 120), self._pay_journal, company, person, journal)

    def _pay_journal(self, company, person, journal):
        if journal.open:
            company.receive(person.customer, journal.open, self.today, [(journal, journal.open)])
            self._happened["payments"] += 1

    def _sell_back(self, company, person):
        company.sell_back(
            person.customer, self._lines(company, person, person.customer.currency)[:1], self.today
        )
        self._happened["refund receipts"] += 1

    def _receive_bill(self, company, person):
        """A purchase from somebody who is a customer too: nothing of it is ours to collect."""
        lines = self._lines(company, person, person.customer.currency)
        due = self.today + timedelta(days=30)
        number = self._number(company, "bill")
        company.issue_invoice(person.customer, lines, self.today, due, number=number, purchase=True)
        self._happened["bills"] += 1

    # -- interference -----------------------------------------------------------------------------------------

    def disturb(self, company, record_ids, change):
        """Change one of the given records at once: edit, pay or void the first that allows it; or add a new invoice."""
        if change == "new":
            customer = next(customer for customer in company.customers.values() if customer.active)
            lines = [Line("Ordered just now", Decimal(1), Decimal(100), Decimal(100))]
            number = self._number(company, "invoice")
            company.issue_invoice(customer, lines, company.today(), company.today(), number=number)
            return
        for record_id in record_ids:
            if self._disturbed(company, record_id, change):
                return

    @staticmethod
    def _disturbed(company, record_id, change):
        invoice = company.invoices.get(record_id)
        if change == "edit":
            record = invoice or company.customers.get(record_id) or company.sources.get(record_id)
            if record is not None:
                company.edit(record, note="Changed while you were reading")
            return record is not None
        if invoice is None or not invoice.open or invoice.purchase:
            return False
        if change == "pay":
            customer = company.customer(invoice.customer_id)
            company.receive(customer, invoice.open, company.today(), [(invoice, invoice.open)])
        else:
            company.void(invoice)
        return True

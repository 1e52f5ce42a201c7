"""The books balance whatever happens to them, and a refused change leaves no trace."""

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dunning_connectors.sandbox import Sandbox
from dunning_connectors.sandbox.book import BookError, Line

from .conftest import TODAY

ZERO = Decimal(0)
CENTS = st.integers(1, 50_000).map(lambda number: Decimal(number) / 100)


def _line(amount):
    return [Line("Goods", Decimal(1), amount, amount)]


class Bookkeeping(RuleBasedStateMachine):
    """Random verbs on a company of either vendor; refusals are part of the game."""

    vendor = "quickbooks"

    def __init__(self):
        super().__init__()
        self.company = Sandbox(self.vendor, seed=1, today=TODAY, scale=0).company
        self.buyers = [self.company.add_customer(name=name) for name in "AB"]
        self.day = self.company.today()

    def _pick(self, table, number):
        records = list(table.values())
        return records[number % len(records)] if records else None

    def _try(self, verb, *arguments):
        before = self._totals()
        try:
            verb(*arguments)
        except BookError:
            assert self._totals() == before

    def _totals(self):
        return [self.company.balances(buyer.id) for buyer in self.buyers]

    @rule(who=st.integers(0, 1), amount=CENTS)
    def sell(self, who, amount):
        self.company.issue_invoice(self.buyers[who], _line(amount), self.day, self.day)

    @rule(who=st.integers(0, 1), amount=CENTS)
    def give_credit(self, who, amount):
        self.company.give_credit(self.buyers[who], _line(amount), self.day)

    @rule(number=st.integers(0, 99), paid=CENTS, used=CENTS, kind=st.sampled_from(["payment", "overpayment"]))
    def receive(self, number, paid, used, kind):
        invoice = self._pick(self.company.invoices, number)
        if invoice:
            buyer = self.company.customer(invoice.customer_id)
            self._try(self.company.receive, buyer, paid, self.day, [(invoice, used)], kind)

    @rule(giver=st.integers(0, 99), taker=st.integers(0, 99), amount=CENTS)
    def allocate(self, giver, taker, amount):
        money, debt = self._pick(self.company.sources, giver), self._pick(self.company.invoices, taker)
        if money and debt:
            self._try(self.company.allocate, money, debt, amount, self.day)

    @rule(number=st.integers(0, 99))
    def deallocate(self, number):
        invoice = self._pick(self.company.invoices, number)
        if invoice and invoice.allocations:
            self.company.deallocate(invoice.allocations[0])

    @rule(number=st.integers(0, 99), amount=CENTS)
    def refund(self, number, amount):
        source = self._pick(self.company.sources, number)
        if source:
            self._try(self.company.refund, source, amount, self.day)

    @rule(number=st.integers(0, 99), amount=CENTS)
    def reprice(self, number, amount):
        invoice = self._pick(self.company.invoices, number)
        if invoice and invoice.live:
            self._try(self.company.reprice, invoice, _line(amount))

    @rule(number=st.integers(0, 99), of_source=st.booleans(), how=st.sampled_from(["void", "delete"]))
    def end(self, number, of_source, how):
        document = self._pick(self.company.sources if of_source else self.company.invoices, number)
        if document:
            self._try(getattr(self.company, how), document)

    @invariant()
    def every_debt_is_open_paid_or_credited(self):
        for invoice in self.company.invoices.values():
            if invoice.live:
                assert invoice.total == invoice.open + invoice.paid + invoice.credited
                assert invoice.open >= 0
            else:
                assert not invoice.allocations

    @invariant()
    def no_source_gives_more_than_it_has(self):
        for source in self.company.sources.values():
            assert source.remaining >= 0
            assert all(part.target.live for part in source.allocations)

    @invariant()
    def balances_are_debts_less_credit(self):
        owed = sum((invoice.open for invoice in self.company.invoices.values()), ZERO)
        credit = sum((source.remaining for source in self.company.sources.values()), ZERO)
        shown = [total for by_currency in self._totals() for total in by_currency.values()]
        assert sum((total["open"] for total in shown), ZERO) == owed
        assert sum((total["credit"] for total in shown), ZERO) == credit
        assert all(total["balance"] == total["open"] - total["credit"] for total in shown)


class XeroBookkeeping(Bookkeeping):
    vendor = "xero"


_SETTINGS = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestQuickBooksBook = Bookkeeping.TestCase
TestQuickBooksBook.settings = _SETTINGS
TestXeroBook = XeroBookkeeping.TestCase
TestXeroBook.settings = _SETTINGS


@pytest.fixture
def company():
    return Sandbox("xero", seed=1, today=TODAY, scale=0).company


def test_overallocation_is_refused_with_the_document_and_the_amounts(company):
    buyer = company.add_customer(name="A")
    invoice = company.issue_invoice(
        buyer, _line(Decimal(10)), company.today(), company.today(), number="INV-1"
    )
    with pytest.raises(BookError, match=r"INV-1 has 10\.00 GBP open, less than 11\.00"):
        company.receive(buyer, Decimal(11), company.today(), [(invoice, Decimal(11))])


def test_a_name_is_used_once_and_free_again_after_a_change(company):
    buyer = company.add_customer(name="A")
    with pytest.raises(BookError, match="'A' is in use already"):
        company.add_customer(name="A")
    company.edit(buyer, name="B")
    other = company.add_customer(name="A")
    with pytest.raises(BookError):
        company.edit(other, name="B")
    assert (other.name, other.version) == ("A", 0)


def test_the_clock_never_gives_the_same_moment_twice_even_when_set_back(company):
    clock = company.book.clock
    moments = [clock.now() for _ in range(50)]
    assert sorted(set(moments)) == moments
    clock.move_s(-60)
    assert clock.now() < moments[0]


def test_history_is_written_at_the_time_it_is_said_to_happen(company):
    clock, before = company.book.clock, company.book.clock.peek()
    with clock.held_at(before.replace(year=2024)):
        buyer = company.add_customer(name="Old")
    assert buyer.created_at.year == 2024
    assert clock.peek() >= before

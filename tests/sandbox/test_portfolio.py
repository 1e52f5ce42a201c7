"""The seeded portfolio: big enough, varied enough, the same for a seed, and alive from day to day."""

import re
import unicodedata
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from dunning_connectors.sandbox import Sandbox
from dunning_connectors.sandbox.currencies import digits

from .conftest import TODAY

SEEDS = (1, 7, 2026)


def _both(full_quickbooks, full_xero):
    return full_quickbooks.company, full_xero.company


def _sales(company):
    return [invoice for invoice in company.invoices.values() if not invoice.purchase]


def _fingerprint(ledger):
    return [
        (one.id, one.number, one.total, one.open, one.status, one.updated_at, one.customer_id)
        for company in ledger.companies
        for one in company.invoices.values()
    ]


def test_there_are_enough_customers_and_invoices(full_quickbooks, full_xero):
    companies = _both(full_quickbooks, full_xero)
    assert sum(len(company.customers) for company in companies) >= 300
    assert sum(len(_sales(company)) for company in companies) >= 2000


@pytest.mark.parametrize("vendor", ["quickbooks", "xero"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_oddity_of_life_occurs_whatever_the_seed(vendor, seed):
    company = Sandbox(vendor, seed=seed, today=TODAY).company
    customers, sales = company.customers.values(), _sales(company)
    open_items = company.open_invoices()
    assert {one.currency for one in open_items} == {"EUR", "USD", "GBP", "JPY", "KWD"}
    assert any(not one.email for one in customers)
    assert any(one.copy_emails for one in customers)
    assert any(not one.active for one in customers)
    assert {"en", "de", "fr", "es", "nl"} == {one.language for one in customers}
    assert any("instalment 2 of 3" in one.reference for one in sales)
    assert any(0 < one.open < one.total for one in open_items)
    assert any(one.status == "void" for one in sales)
    assert any(part.source.kind == "credit" for one in sales for part in one.allocations)
    assert any(source.kind == "credit" and source.remaining for source in company.sources.values())
    assert any(one.version for one in sales)
    if vendor == "quickbooks":
        assert {one.bills_with_parent for one in customers if one.parent_id} == {True, False}
        assert any(payment.remaining for payment in company.payments())
        assert any(journal.open for journal in company.journals.values())
        assert any(stone.kind == "invoice" for stone in company.tombstones)
        assert any(not refund.source for refund in company.refunds.values())
    else:
        assert any(one.merged_into_id for one in customers)
        assert any(company.credits("overpayment"))
        assert any(source.remaining for source in company.credits("prepayment"))
        assert any(one.status == "deleted" for one in sales)
        assert any(one.purchase for one in company.invoices.values())
        assert company.batches
        assert any(payment.status == "deleted" for payment in company.payments())


def test_names_come_in_many_scripts(full_quickbooks, full_xero):
    names = "".join(
        one.name for company in _both(full_quickbooks, full_xero) for one in company.customers.values()
    )
    scripts = {unicodedata.name(character, "?").split()[0] for character in names if character.isalpha()}
    assert {"LATIN", "GREEK", "CYRILLIC", "CJK", "ARABIC", "HEBREW"} <= scripts
    assert any(not character.isascii() for character in names if "LATIN" in unicodedata.name(character, ""))


def test_every_address_is_in_an_example_domain(full_quickbooks, full_xero):
    for company in _both(full_quickbooks, full_xero):
        for one in company.customers.values():
            for address in filter(None, (one.email, *one.copy_emails)):
                assert re.fullmatch(r"[a-z0-9-]+@[a-z0-9.-]+\.example\.(com|org|net)", address), address


def test_there_are_good_payers_and_chronic_late_ones(full_quickbooks):
    late_days = {}
    for one in _sales(full_quickbooks.company):
        if one.paid_on:
            late_days.setdefault(one.customer_id, []).append((one.paid_on - one.due_date).days)
    averages = [sum(days) / len(days) for days in late_days.values() if len(days) >= 3]
    assert sum(average <= 3 for average in averages) > 20
    assert sum(average >= 30 for average in averages) > 10


def test_most_is_paid_and_some_is_long_overdue(full_quickbooks, full_xero):
    for company in _both(full_quickbooks, full_xero):
        sales, open_items = _sales(company), company.open_invoices()
        assert 0.03 < len(open_items) / len(sales) < 0.3
        ages = Counter((TODAY - one.due_date).days // 30 for one in open_items)
        assert sum(number for age, number in ages.items() if age >= 3) >= 10
        assert sum(number for age, number in ages.items() if age < 0) >= 10


def test_history_spans_three_years_and_ends_yesterday(full_quickbooks, full_xero):
    for company in _both(full_quickbooks, full_xero):
        days = [one.issue_date for one in company.invoices.values()]
        assert min(days) < TODAY - timedelta(days=1000)
        assert max(days) < TODAY
        assert all(one.updated_at < company.book.clock.peek() for one in company.invoices.values())


def test_amounts_keep_the_precision_of_their_currency(full_quickbooks, full_xero):
    for company in _both(full_quickbooks, full_xero):
        for one in company.invoices.values():
            step = Decimal(1).scaleb(-digits(one.currency))
            amounts = [
                one.total,
                one.open,
                *(line.amount for line in one.lines),
                *(line.tax for line in one.lines),
            ]
            assert all(amount % step == 0 for amount in amounts)


def test_a_quickbooks_customer_has_one_currency_and_a_xero_contact_may_have_more(full_quickbooks, full_xero):
    def currencies_of(company):
        found = {}
        for one in _sales(company):
            found.setdefault(one.customer_id, set()).add(one.currency)
        return found.values()

    assert max(map(len, currencies_of(full_quickbooks.company))) == 1
    assert max(map(len, currencies_of(full_xero.company))) == 2


@pytest.mark.parametrize("vendor", ["quickbooks", "xero"])
def test_the_same_seed_gives_the_same_books_today_and_tomorrow(vendor):
    one, two, other = (Sandbox(vendor, seed=seed, today=TODAY) for seed in (5, 5, 6))
    assert _fingerprint(one) == _fingerprint(two)
    assert _fingerprint(one) != _fingerprint(other)
    assert one.advance_day(3) == two.advance_day(3)
    assert [row[:5] for row in _fingerprint(one)] == [row[:5] for row in _fingerprint(two)]


@pytest.mark.parametrize("vendor", ["quickbooks", "xero"])
def test_days_bring_invoices_payments_edits_and_voids(vendor):
    ledger = Sandbox(vendor, seed=5, today=TODAY)
    before = ledger.book.clock.peek()
    day = ledger.company.today()
    happened = ledger.advance_day(40)
    assert ledger.company.today() == day + timedelta(days=40)
    assert {"invoices", "payments", "edits", "voids", "credits"} <= set(happened)
    changed = [one for one in ledger.company.invoices.values() if one.updated_at > before]
    assert len(changed) >= happened["invoices"] * 0.8


def test_scale_multiplies_the_portfolio():
    small, large = (Sandbox("xero", today=TODAY, scale=scale).company for scale in (0.25, 3))
    assert (len(small.customers), len(large.customers)) == (44, 528)
    assert len({one.name for one in large.customers.values()}) == 528

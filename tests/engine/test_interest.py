"""Interest that is off by a day, by a rate period or by a cent is a claim a debtor can refuse."""

from datetime import date, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from odoo_dunning.engine.interest import (
    RatePiece,
    build_terms,
    calculation_sheet,
    daily_interest,
    interest_amount,
    interest_exact,
    rate_on,
)
from odoo_dunning.engine.law import AgreedRate
from odoo_dunning.engine.law_errors import AbsurdRate, RateUnknown, SeriesGap
from odoo_dunning.engine.money import EXACT

from . import strategies_law as some
from .law_data import book, dates

D = Decimal
# Compounded interest is carried on at sixty digits; comparisons of it stop well before the last.
LAST_DIGIT = D("1e-40")


def terms_at(rate, **options):
    pieces = [RatePiece(date(2000, 1, 1), date(2099, 12, 31), D(rate), ("row",))]
    return build_terms(pieces=pieces, label="test", jurisdiction="XX", debtor_type="b2b", **options)


def after(start: date, days: int) -> date:
    return start + timedelta(days=days)


# Published worked examples. Each names its source; "own" are computed by hand from the cited rates.


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        pytest.param("daily", "11.50", id="gov.uk: 0.23 a day for 50 days"),
        pytest.param("once", "11.64", id="own: 1000 x 8.5 % x 50 / 365 = 11.6438"),
    ],
)
def test_t1_british_invoice_fifty_days_late(rounding, expected):
    terms = terms_at("8.5", rounding=rounding)
    due = date(2016, 9, 1)
    assert interest_amount(terms, D(1000), due, (), after(due, 50)) == D(expected)
    assert daily_interest(terms, D(1000), due, after(due, 1)) == D("0.23")
    assert interest_amount(terms_at("8.5"), D(1000), due, (), after(due, 365)) == D("85.00")


@pytest.mark.parametrize(
    ("interest_starts", "expected"),
    [
        pytest.param(date(2023, 6, 30), "11.50", id="payontime.co.uk: last day of the half-year"),
        pytest.param(date(2023, 7, 1), "13.00", id="payontime.co.uk: first day of the next"),
    ],
)
def test_t3_british_rate_is_fixed_on_the_day_interest_starts(interest_starts, expected):
    due = after(interest_starts, -1)
    terms = book().interest_terms("GB", "b2b", dates(due))
    for day in (interest_starts, date(2024, 1, 1), date(2026, 12, 31), date(2031, 5, 5)):
        assert rate_on(terms, due, day)[0] == D(expected)
    expected_year = D(10000) * D(expected) / 100
    assert interest_amount(terms, D(10000), due, (), after(due, 365)) == expected_year


@pytest.mark.parametrize(
    ("debtor", "last_day", "expected"),
    [
        # Bundesbank data via ameax/bgb-interest: 181 days at 1.62 + 5 and 1.62 + 9 from 31 Dec 2022.
        pytest.param("b2c", date(2023, 6, 30), "328.28", id="bgb-interest b2c"),
        pytest.param("b2b", date(2023, 6, 30), "526.64", id="bgb-interest b2b"),
    ],
)
def test_t4_german_half_year_at_one_rate(debtor, last_day, expected):
    due = date(2022, 12, 31)
    terms = book().interest_terms("DE", debtor, dates(due))
    assert interest_amount(terms, D(10000), due, (), last_day) == D(expected)


@pytest.mark.parametrize(("debtor", "expected"), [("b2c", "328.69"), ("b2b", "527.05")])
def test_t4_the_first_of_july_bears_the_new_rate(debtor, expected):
    # Own: 180 days at the old rate, 1 July 2023 at the new one; pricing it at the old one is off by a day.
    due = date(2023, 1, 1)
    terms = book().interest_terms("DE", debtor, dates(due))
    assert interest_amount(terms, D(10000), due, (), date(2023, 7, 1)) == D(expected)


def test_t5_german_calculator_example():
    # anleiter.de: 1,000 at 5.12 % for 25 days.
    due = date(2010, 3, 1)
    assert interest_amount(terms_at("5.12"), D(1000), due, (), after(due, 25)) == D("3.51")


@pytest.mark.parametrize(
    ("due", "rate", "year"),
    [
        pytest.param(date(2020, 12, 31), "8.58", "8580.00", id="solidbau.at: -0.62 + 9.2 through 2021"),
        pytest.param(date(2023, 5, 31), "11.08", "11080.00", id="solidbau.at: 1.88 + 9.2 in 2023H1"),
        pytest.param(date(2024, 6, 30), "13.08", "13080.00", id="wko.at: 13.08 in 2024H2"),
    ],
)
def test_t6_austrian_business_rates(due, rate, year):
    terms = book().interest_terms("AT", "b2b", dates(due))
    assert rate_on(terms, due, after(due, 1))[0] == D(rate)
    assert interest_amount(terms_at(rate), D(100000), due, (), after(due, 365)) == D(year)
    last = date(due.year + 1, 12, 31) if due.month == 12 else None
    if last:
        assert interest_amount(terms, D(100000), due, (), last) == D(year)


def test_t7_french_default_and_floor_over_three_months():
    # lexing.law 2014: 10,000 for a quarter of a year at 10.25 % is 256.25, at 0.12 % is 3.00 (30/360 months).
    due = date(2014, 1, 30)
    terms = terms_at("10.25", day_count="30/360")
    assert interest_amount(terms, D(10000), due, (), date(2014, 4, 30)) == D("256.25")
    floor = terms_at("0.12", day_count="30/360")
    assert interest_amount(floor, D(10000), due, (), date(2014, 4, 30)) == D("3.00")


def test_french_default_rate_of_the_second_half_of_2024():
    # agenceobjectifpaiement.com: 14.25.
    due = date(2024, 7, 31)
    terms = book().interest_terms("FR", "b2b", dates(due))
    assert rate_on(terms, due, date(2024, 8, 1))[0] == D("14.25")


@pytest.mark.parametrize(
    ("principal", "days", "expected"),
    [
        pytest.param(100, 5, "0.17", id="kobana: 0.1667 (the page truncates to 0.16)"),
        pytest.param(3000, 10, "10.00", id="vivaprev: 1 % a month, ten days"),
    ],
)
def test_t13_brazilian_one_percent_a_month_by_the_day(principal, days, expected):
    due = date(2026, 3, 10)
    terms = book().agreed_terms("BR", "b2c", dates(due), AgreedRate(D(12)))
    assert interest_amount(terms, D(principal), due, (), after(due, days)) == D(expected)


@pytest.mark.parametrize(
    ("due", "year_rate"),
    [
        # rechtnet.nl 2016, metaalunie.nl 2024
        (date(2016, 1, 31), "8.05"),
        (date(2024, 1, 31), "12.50"),
        (date(2024, 7, 31), "12.25"),
    ],
)
def test_dutch_trade_rates_as_published(due, year_rate):
    terms = book().interest_terms("NL", "b2b", dates(due))
    assert rate_on(terms, due, after(due, 1))[0] == D(year_rate)


# Boundaries


def test_a_half_year_change_splits_the_period_at_midnight_of_the_first_of_july():
    due = date(2023, 6, 29)
    terms = book().interest_terms("DE", "b2b", dates(due))
    sheet = calculation_sheet(terms, D(36500), due, (), date(2023, 7, 2))
    lines = [
        (line.first_day, line.last_day, line.days, line.rate_pct, line.row_ids[-1]) for line in sheet.segments
    ]
    assert lines == [
        (date(2023, 6, 30), date(2023, 6, 30), 1, D("10.62"), "DE_BASE.2023H1"),
        (date(2023, 7, 1), date(2023, 7, 2), 2, D("12.12"), "DE_BASE.2023H2"),
    ]
    assert [line.amount for line in sheet.segments] == [D("10.62"), D("24.24")]
    assert sheet.row_ids[0] == "DE.b2b.interest_rate"


@pytest.mark.parametrize("days", [0, -1, -400])
def test_paid_on_or_before_the_due_day_costs_nothing(days):
    due = date(2024, 2, 29)
    assert interest_amount(terms_at("10"), D(1000), due, (), after(due, days)) == 0


def test_paying_before_the_due_day_lowers_the_opening_balance():
    due = date(2025, 1, 31)
    events = [(date(2025, 1, 10), D(400)), (due, D(100))]
    assert interest_amount(terms_at("7.3"), D(1500), due, events, after(due, 100)) == D("20.00")


def test_several_payments_on_one_day_count_as_one_and_the_day_itself_is_charged_in_full():
    due, paid = date(2025, 1, 31), date(2025, 3, 2)
    events = [(paid, D(300)), (paid, D(200))]
    sheet = calculation_sheet(terms_at("7.3"), D(1000), due, events, after(due, 60))
    assert [(line.base, line.days, line.amount) for line in sheet.segments] == [
        (D(1000), 30, D("6.00")),
        (D(500), 30, D("3.00")),
    ]


@pytest.mark.parametrize(
    ("day_count", "expected"),
    [
        ("act/365f", "100.27"),  # 366 days of 365
        ("act/act", "100.00"),
        ("30/360", "100.00"),
        ("act/360", "101.67"),
    ],
)
def test_a_leap_year_is_as_long_as_the_day_count_says(day_count, expected):
    terms = terms_at("10", day_count=day_count)
    assert interest_amount(terms, D(1000), date(2023, 12, 31), (), date(2024, 12, 31)) == D(expected)


def test_thirty_360_counts_every_month_as_thirty_days():
    terms = terms_at("36", day_count="30/360")
    cases = [
        (date(2025, 1, 31), date(2025, 2, 28), D("28")),
        (date(2025, 2, 28), date(2025, 3, 31), D("32")),
        (date(2025, 3, 30), date(2025, 3, 31), D("0")),
    ]
    for due, until, expected in cases:
        assert interest_amount(terms, D(1000), due, (), until) == expected


def test_dutch_interest_bears_interest_after_a_full_year_only():
    # 10 % on 1,000: 100 after a year; half of the second year (183 of 366 days act/act) on 1,100.
    terms = terms_at("10", compounding="yearly", day_count="act/act")
    due = date(2022, 12, 31)
    assert interest_amount(terms, D(1000), due, (), date(2023, 12, 31)) == D("100.00")
    sheet = calculation_sheet(terms, D(1000), due, (), date(2024, 7, 1))
    assert [(line.base, line.amount) for line in sheet.segments] == [
        (D(1000), D("100.00")),
        (D(1100), D("55.00")),
    ]


def test_indian_monthly_rests():
    # 12 % on 1,000 in 30/360 months: 1.01 ** 3 = 1.030301.
    terms = terms_at("12", compounding="monthly", day_count="30/360")
    assert interest_amount(terms, D(1000), date(2025, 1, 15), (), date(2025, 4, 15)) == D("30.30")


def test_a_month_end_due_date_keeps_its_monthly_rests_at_month_ends():
    terms = terms_at("12", compounding="monthly", day_count="30/360")
    sheet = calculation_sheet(terms, D(1000), date(2024, 1, 31), (), date(2024, 4, 30))
    assert [line.last_day for line in sheet.segments] == [
        date(2024, 2, 29),
        date(2024, 3, 31),
        date(2024, 4, 30),
    ]


def test_nothing_accrues_while_a_stop_lasts():
    due = date(2025, 1, 31)
    stops = [(date(2025, 2, 11), date(2025, 2, 20)), (date(2025, 3, 3), None)]
    # 28 days of February less 10, plus 1 and 2 March: 20 days at 0.20.
    sheet = calculation_sheet(terms_at("7.3"), D(1000), due, (), date(2025, 12, 31), stops=stops)
    assert (
        sheet.total
        == D("4.00")
        == interest_amount(terms_at("7.3"), D(1000), due, (), date(2025, 12, 31), stops=stops)
    )
    assert sum(line.days for line in sheet.segments) == 20


def test_a_bounced_payment_raises_the_balance_again():
    due = date(2025, 1, 31)
    events = [(date(2025, 2, 10), D(1000)), (date(2025, 2, 20), D(-1000))]
    assert interest_amount(terms_at("7.3"), D(1000), due, events, date(2025, 3, 2)) == D("4.00")


def test_payments_given_out_of_order_change_nothing():
    due = date(2025, 1, 31)
    events = [(date(2025, 5, 1), D(100)), (date(2025, 2, 10), D(300)), (date(2025, 3, 10), D(200))]
    until = date(2025, 4, 1)
    assert interest_amount(terms_at("7.3"), D(1000), due, events, until) == interest_amount(
        terms_at("7.3"), D(1000), due, sorted(events), until
    )


def test_yen_are_rounded_to_whole_units():
    due = date(2025, 1, 31)
    assert interest_amount(terms_at("3"), D(100000), due, (), after(due, 10), digits=0) == D(82)


# Refusals


def test_t20_a_day_without_a_rate_is_an_error_that_names_the_day_and_the_last_row():
    due = date(2027, 2, 1)
    terms = book().interest_terms("DE", "b2b", dates(due))
    with pytest.raises(RateUnknown, match=r"DE b2b interest for 2027-02-02.*DE_BASE\.2026H2.*[Aa]dd the row"):
        interest_amount(terms, D(100), due, (), after(due, 10))


def test_a_missing_half_year_inside_a_series_is_a_gap_not_a_guess():
    due = date(2024, 6, 20)
    terms = book().interest_terms("NO", "b2b", dates(due))
    with pytest.raises(SeriesGap, match=r"2024-07-01.*NO_TOTAL\.2024H1.*NO_TOTAL\.2025H1"):
        interest_amount(terms, D(100), due, (), date(2025, 3, 1))
    assert interest_amount(terms, D(100), due, (), date(2024, 6, 30)) == D("0.34")


@pytest.mark.parametrize(
    ("place", "due", "expected"),
    # Own: ten days of 10,000 at 12.5, 8.5 and 8.17 %.
    [
        ("NO", date(2024, 12, 31), "34.25"),
        ("BE", date(2014, 12, 31), "23.29"),
        ("DE", date(2014, 12, 31), "22.38"),
    ],
)
def test_the_first_charged_day_needs_a_rate_the_due_day_does_not(place, due, expected):
    terms = book().interest_terms(place, "b2b", dates(due))
    assert interest_amount(terms, D(10000), due, (), after(due, 10)) == D(expected)


def test_a_gap_behind_a_paid_balance_is_no_reason_to_refuse():
    due = date(2024, 6, 20)
    terms = book().interest_terms("NO", "b2b", dates(due))
    assert interest_amount(terms, D(100), due, [(date(2024, 6, 30), D(100))], date(2025, 3, 1)) == D("0.34")


@pytest.mark.parametrize("rate", ["-0.01", "100.01", "NaN"])
def test_absurd_rates_are_refused(rate):
    with pytest.raises(AbsurdRate, match="outside 0 to 100"):
        terms_at(rate)


# Properties


@given(some.terms(), some.claims())
def test_the_sheet_always_agrees_with_the_fast_answer(terms, claim):
    principal, due, events, until, stops = claim
    sheet = calculation_sheet(terms, principal, due, events, until, 2, stops)
    assert sheet.total == interest_amount(terms, principal, due, events, until, 2, stops)
    assert sum(line.amount for line in sheet.segments) == sheet.total
    if terms.rounding == "once":
        exact = interest_exact(terms, principal, due, events, until, stops)
        with localcontext(EXACT):
            difference = sum(line.exact for line in sheet.segments) - exact
        assert abs(difference) < D("1e-20")
    assert all(line.first_day > due and line.last_day <= until for line in sheet.segments)


@given(some.simple_terms(), some.claims())
def test_interest_over_two_adjoining_spans_adds_up_before_rounding(terms, claim):
    principal, due, _events, until, _stops = claim
    assume(until > due)
    middle = after(due, (until - due).days // 2)
    whole = interest_exact(terms, principal, due, (), until)
    first = interest_exact(terms, principal, due, (), middle)
    second = interest_exact(terms, principal, middle, (), until)
    assert EXACT.abs(EXACT.subtract(whole, EXACT.add(first, second))) < LAST_DIGIT


@given(some.simple_terms(), some.claims(), st.integers(1, 400))
def test_more_days_never_cost_less(terms, claim, days):
    principal, due, events, until, stops = claim
    until = min(until, date(2090, 1, 1))
    less = interest_exact(terms, principal, due, events, until, stops)
    assert less <= interest_exact(terms, principal, due, events, after(until, days), stops)


@given(some.any_terms(), some.claims(), st.decimals(0, 10**6, places=2))
def test_a_larger_principal_never_costs_less(terms, claim, extra):
    principal, due, events, until, stops = claim
    less = interest_exact(terms, principal, due, events, until, stops)
    more = interest_exact(terms, principal + extra, due, events, until, stops)
    assert EXACT.subtract(less, more) < LAST_DIGIT


@given(
    some.claims(),
    st.decimals(0, 49, places=2),
    st.decimals(0, 49, places=2),
    st.sampled_from(some.DAY_COUNTS),
)
def test_a_higher_rate_never_costs_less(claim, rate, extra, day_count):
    principal, due, events, until, stops = claim
    low, high = terms_at(rate, day_count=day_count), terms_at(rate + extra, day_count=day_count)
    assert interest_exact(low, principal, due, events, until, stops) <= interest_exact(
        high, principal, due, events, until, stops
    )


@given(some.any_terms(), some.claims(), st.integers(-30, 900), st.decimals(0, 10**6, places=2))
def test_a_part_payment_never_raises_the_total(terms, claim, days, paid):
    principal, due, events, until, stops = claim
    more = sorted([*events, (after(due, days), paid)], key=lambda event: event[0])
    without = interest_exact(terms, principal, due, events, until, stops)
    assert EXACT.subtract(interest_exact(terms, principal, due, more, until, stops), without) < LAST_DIGIT


@given(some.any_terms(), some.claims(), st.integers(0, 2000))
def test_no_interest_up_to_the_due_day(terms, claim, days):
    principal, due, events, _until, stops = claim
    assert interest_exact(terms, principal, due, events, after(due, -days), stops) == 0


@given(st.dates(date(2015, 1, 1), date(2026, 12, 30)), st.integers(1, 3000))
def test_a_fixed_rate_stays_the_rate_of_the_first_day(due, days):
    terms = book().interest_terms("GB", "b2b", dates(due))
    first = book().reference_rate("GB_BANK", after(due, 1)).value + 8
    expected = D(100000) * first * days / 36500
    assert abs(interest_exact(terms, D(100000), due, (), after(due, days)) - expected) < D("1e-15")


@given(some.claims())
def test_the_sum_of_the_days_is_the_sum_of_the_periods(claim):
    """An independent, day-by-day reckoning of floating interest gives the same exact amount."""
    principal, _due, _events, _until, _stops = claim
    due, until = date(2022, 5, 20), date(2024, 3, 3)
    terms = book().interest_terms("DE", "b2b", dates(due))
    events = ((date(2022, 12, 31), principal / 2), (date(2023, 7, 1), principal / 4))
    total, balance, day = D(0), principal, due
    while day < until:
        day = after(day, 1)
        base = book().reference_rate("DE_BASE", day).value
        total += balance * (base + 9)
        balance -= sum(amount for event_day, amount in events if event_day == day)
    assert abs(interest_exact(terms, principal, due, events, until) - total / 36500) < D("1e-12")

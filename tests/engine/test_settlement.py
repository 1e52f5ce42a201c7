"""An early-settlement offer must cost exactly what it says, and only when the money came in time."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.engine.law_errors import AbsurdAmount
from odoo_dunning.engine.settlement import (
    ALLOCATION_ORDERS,
    SettlementTerms,
    allocate_payment,
    make_offer,
    settle,
)

D = Decimal
OFFERED, BY = date(2026, 11, 21), date(2026, 12, 1)
CHARGES = {"interest": D("12.34"), "recovery_sum": D("40.00")}


def offer(**options):
    terms = SettlementTerms(D(5), 10, **options)
    return make_offer(
        terms, currency="EUR", digits=2, principal=D("999.99"), charges=CHARGES, offered_on=OFFERED
    )


@pytest.mark.parametrize(
    ("options", "discount", "pay"),
    [
        ({}, "50.00", "1002.33"),  # 5 % of 999.99 = 49.9995
        ({"base": "total"}, "52.62", "999.71"),  # 5 % of 1,052.33 = 52.6165
        ({"waived_kinds": frozenset({"recovery_sum"})}, "90.00", "962.33"),
        ({"base": "total", "waived_kinds": frozenset(CHARGES)}, "102.34", "949.99"),
    ],
)
def test_discount_by_base_and_waived_charges(options, discount, pay):
    made = offer(**options)
    assert (made.discount, made.pay_amount, made.pay_by_date) == (D(discount), D(pay), BY)
    assert made.discount + made.pay_amount == made.total_due == D("1052.33")


def test_paid_on_the_last_day_is_in_time():
    outcome = settle(offer(), [(BY, D("1002.33"))], date(2027, 1, 1))
    assert outcome == ("honoured", D("50.00"), 0, 0)


def test_paid_a_day_late_is_expired():
    outcome = settle(offer(), [(date(2026, 12, 2), D("1002.33"))], date(2026, 12, 2))
    assert outcome == ("expired", 0, D("1002.33"), 0)


def test_a_cent_short_is_not_honoured():
    assert settle(offer(), [(BY, D("1002.32"))], BY) is None
    assert settle(offer(), [(BY, D("1002.32"))], date(2026, 12, 2)) == ("short", 0, D("0.01"), 0)


def test_parts_paid_in_time_add_up_and_older_money_does_not_count():
    parts = [(date(2026, 11, 20), D(500)), (OFFERED, D(500)), (BY, D("502.33"))]
    assert settle(offer(), parts, BY).outcome == "honoured"
    assert settle(offer(), parts[:2], BY) is None


def test_money_beyond_the_offer_shrinks_the_write_off():
    assert settle(offer(), [(BY, D("1012.33"))], BY) == ("honoured", D("40.00"), 0, D("10.00"))


@pytest.mark.parametrize(
    "options", [{"discount_pct": D(101)}, {"discount_pct": D(-1)}, {"pay_within_days": -1}, {"base": "tax"}]
)
def test_impossible_terms_are_refused_by_field(options):
    with pytest.raises(AbsurdAmount) as refusal:
        SettlementTerms(**{"discount_pct": D(5), "pay_within_days": 10, **options})
    assert refusal.value.field in options


@given(
    st.decimals(0, 10**6, places=2),
    st.dictionaries(st.sampled_from(["costs", "interest", "principal"]), st.decimals(0, 10**6, places=2)),
    st.sampled_from(sorted(ALLOCATION_ORDERS)),
)
def test_an_allocation_loses_nothing_and_overpays_nothing(amount, parts, order):
    split = allocate_payment(amount, parts, order)
    assert sum(split.values()) == amount
    assert all(0 <= split[part] <= parts.get(part, 0) for part in ALLOCATION_ORDERS[order])
    assert split["unallocated"] == max(amount - sum(parts.values()), 0)


def test_costs_come_before_interest_before_principal():
    parts = {"costs": D(10), "interest": D(20), "principal": D(100)}
    assert allocate_payment(D(50), parts, "costs_interest_principal") == {
        "costs": D(10), "interest": D(20), "principal": D(20), "unallocated": D(0),
    }  # fmt: skip


def test_money_the_offer_knew_of_is_not_money_for_the_offer():
    made = offer()
    payments = [(made.offered_on, made.pay_amount)]
    assert settle(made, payments, made.offered_on, known=made.pay_amount) is None
    assert settle(made, payments, made.offered_on).outcome == "honoured"

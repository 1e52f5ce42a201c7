"""Cents go missing in rounding."""

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.engine.money import (
    currency_digits,
    percent_of,
    quantize,
    split_rounded,
)

amounts = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=6)


@pytest.mark.parametrize(
    ("amount", "digits", "expected"),
    [
        ("2.345", 2, "2.35"),
        ("2.335", 2, "2.34"),
        ("-2.345", 2, "-2.35"),
        ("0.5", 0, "1"),
        ("1.0005", 3, "1.001"),
        ("0.00499999999999999999999999999999", 2, "0.00"),
    ],
)
def test_half_a_unit_rounds_away_from_zero(amount, digits, expected):
    assert quantize(Decimal(amount), digits) == Decimal(expected)


def test_rounding_ignores_the_callers_decimal_settings():
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_DOWN
        assert quantize(Decimal("123456.785"), 2) == Decimal("123456.79")
        assert percent_of(Decimal("123456.78"), Decimal("12.5")) == Decimal("15432.0975")


@pytest.mark.parametrize(("code", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("CHF", 2)])
def test_currency_precision_follows_iso_4217(code, digits):
    assert currency_digits(code) == digits


@given(st.lists(amounts, max_size=20), st.integers(0, 4))
def test_rounded_parts_add_up_to_the_rounded_total(exact, digits):
    parts = split_rounded(exact, digits)
    assert sum(parts) == quantize(sum(exact, Decimal(0)), digits)
    unit = Decimal(1).scaleb(-digits)
    assert all(abs(part - value) <= unit for part, value in zip(parts, exact, strict=True))

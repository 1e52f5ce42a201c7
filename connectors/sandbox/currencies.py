"""Currencies of the sandbox: decimals, names, and rates that move a little from month to month.

Rates are made up, near the order of magnitude of the real ones, and a pure function of the day, so that two runs and
two processes agree.
"""

import math
from decimal import ROUND_HALF_UP, Decimal

DIGITS = {"JPY": 0, "KWD": 3}
NAMES = {
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "JPY": "Japanese Yen",
    "KWD": "Kuwaiti Dinar",
    "USD": "United States Dollar",
}
# What one US dollar buys.
_PER_DOLLAR = {
    "EUR": Decimal("0.92"),
    "GBP": Decimal("0.79"),
    "JPY": Decimal("148.5"),
    "KWD": Decimal("0.3075"),
    "USD": Decimal("1"),
}
_RATE_STEP = Decimal("0.000001")


def digits(currency):
    """Number of decimals of a currency (ISO 4217)."""
    return DIGITS.get(currency, 2)


def rounded(amount, currency):
    """The amount at the currency's own precision, half up."""
    return Decimal(amount).quantize(Decimal(1).scaleb(-digits(currency)), ROUND_HALF_UP)


def units_per_home(currency, home, day):
    """Units of `currency` that one unit of `home` buys on `day`, six decimals (Xero's direction)."""
    if currency == home:
        return Decimal(1)
    return (_per_dollar(currency, day) / _per_dollar(home, day)).quantize(_RATE_STEP)


def _per_dollar(currency, day):
    base = _PER_DOLLAR[currency]
    if currency == "USD":
        return base
    phase = (day.year * 12 + day.month) / 7 + len(currency) * ord(currency[0])
    swing = Decimal(round(math.sin(phase) * 400)) / 10_000
    return base * (1 + swing)

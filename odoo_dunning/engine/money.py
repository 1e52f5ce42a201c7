"""Money arithmetic: `Decimal` only, rounded HALF_UP at the currency's own precision, never added across
currencies.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal

# Own context: wide enough that products of amounts, rates and day counts stay exact, untouched by callers'
# settings.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)

ZERO = Decimal(0)

# ISO 4217 minor units where they differ from two. Inside Odoo the currency record's own precision is passed
# instead.
_DIGITS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

_QUANTA = tuple(Decimal(1).scaleb(-digits) for digits in range(10))


def currency_digits(currency: str) -> int:
    """Decimal places of an ISO 4217 code (two unless listed)."""
    return _DIGITS.get(currency, 2)


def quantize(amount: Decimal, digits: int) -> Decimal:
    """`amount` rounded HALF_UP to `digits` decimal places; negative amounts round away from zero."""
    return amount.quantize(_QUANTA[digits], ROUND_HALF_UP, EXACT)


def percent_of(amount: Decimal, rate_pct: Decimal) -> Decimal:
    """`rate_pct` percent of `amount`, unrounded."""
    return EXACT.multiply(amount, rate_pct).scaleb(-2, EXACT)


def split_rounded(exact_amounts: Iterable[Decimal], digits: int) -> tuple[Decimal, ...]:
    """Rounded parts whose sum is the rounded total, each within one unit of its exact value."""
    parts, running, shown = [], ZERO, ZERO
    for amount in exact_amounts:
        running = EXACT.add(running, amount)
        rounded = quantize(running, digits)
        parts.append(rounded - shown)
        shown = rounded
    return tuple(parts)

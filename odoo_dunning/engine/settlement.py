"""Early-settlement offers: a discount for payment by a date, honoured in time and expired after it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from .law_errors import AbsurdAmount
from .money import ZERO, percent_of, quantize

DISCOUNT_BASES = ("principal", "total")


@dataclass(frozen=True, slots=True)
class SettlementTerms:
    """`discount_pct` off the `base` ("principal": charges stay due in full, "total": off everything) if paid
    within `pay_within_days`. Charges in `waived_kinds` are dropped as part of the offer.
    """

    discount_pct: Decimal
    pay_within_days: int
    base: str = "principal"
    waived_kinds: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not ZERO <= self.discount_pct <= 100:
            raise AbsurdAmount(
                f"Early settlement: a discount of {self.discount_pct} % is outside 0 to 100 (field "
                f"discount_pct). Correct it.",
                field="discount_pct",
            )
        if self.pay_within_days < 0:
            raise AbsurdAmount(
                "Early settlement: the days to pay are negative (field pay_within_days). Enter zero or more.",
                field="pay_within_days",
            )
        if self.base not in DISCOUNT_BASES:
            raise AbsurdAmount(
                f"Early settlement: {self.base!r} is not principal or total (field base). Choose one.",
                field="base",
            )


class Offer(NamedTuple):
    """What the message promises: `pay_amount` by `pay_by_date` settles `total_due`; `discount` is the
    difference.
    """

    currency: str
    total_due: Decimal
    discount: Decimal
    pay_amount: Decimal
    offered_on: date
    pay_by_date: date


class Settlement(NamedTuple):
    """`outcome`: "honoured" (write off `write_off`), "short" (paid in time, `missing` too little) or
    "expired".

    `overpaid` is what arrived beyond the offer. Nothing is written off unless honoured.
    """

    outcome: str
    write_off: Decimal
    missing: Decimal
    overpaid: Decimal


def make_offer(
    terms: SettlementTerms,
    *,
    currency: str,
    digits: int,
    principal: Decimal,
    charges: dict[str, Decimal],
    offered_on: date,
) -> Offer:
    """The offer for one message in one currency. `charges` are open amounts by kind ("interest",
    "recovery_sum", …).
    """
    waived = sum((amount for kind, amount in charges.items() if kind in terms.waived_kinds), ZERO)
    total = principal + sum(charges.values(), ZERO)
    base = principal if terms.base == "principal" else total - waived
    discount = waived + quantize(percent_of(max(base, ZERO), terms.discount_pct), digits)
    pay_by_date = date.fromordinal(offered_on.toordinal() + terms.pay_within_days)
    return Offer(currency, total, discount, total - discount, offered_on, pay_by_date)


def settle(
    offer: Offer, payments: list[tuple[date, Decimal]], today: date, known: Decimal = ZERO
) -> Settlement | None:
    """How the offer ended, or None while it is open and unpaid. Only payments between offer and pay-by date
    count, less what was `known` when the offer was made: it asks for the rest.
    """
    in_time = sum((amount for day, amount in payments if offer.offered_on <= day <= offer.pay_by_date), ZERO)
    in_time = max(in_time - known, ZERO)
    if in_time >= offer.pay_amount:
        overpaid = in_time - offer.pay_amount
        return Settlement("honoured", max(offer.discount - overpaid, ZERO), ZERO, overpaid)
    if today <= offer.pay_by_date:
        return None
    missing = offer.pay_amount - in_time
    return Settlement("short" if in_time > 0 else "expired", ZERO, missing, ZERO)


# Which open part a payment meets first. The law or the contract says which; it is a setting, never assumed.
ALLOCATION_ORDERS = {
    "costs_interest_principal": ("costs", "interest", "principal"),
    "principal_first": ("principal", "interest", "costs"),
}


def allocate_payment(amount: Decimal, open_parts: dict[str, Decimal], order: str) -> dict[str, Decimal]:
    """What of `amount` goes to "costs", "interest" and "principal"; the rest comes back as "unallocated"."""
    allocated, left = {}, amount
    for part in ALLOCATION_ORDERS[order]:
        allocated[part] = min(left, max(open_parts.get(part, ZERO), ZERO))
        left -= allocated[part]
    return {**allocated, "unallocated": left}

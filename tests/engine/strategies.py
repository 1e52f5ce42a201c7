"""Hypothesis strategies for whole cases: customers, their items, policies and circumstances."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_DOWN, Decimal
from itertools import product

from hypothesis import strategies as st

from odoo_dunning.engine.snapshot import (
    FOREVER,
    Account,
    Calendar,
    Contact,
    Flag,
    Item,
    Level,
    Policy,
    Ruling,
)

START = date(2024, 2, 1)
"""Days lie in the year from here: a leap day, four month ends and two clock changes are within."""

DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
ZONES = ["Europe/Berlin", "America/New_York", "Pacific/Auckland", "Pacific/Honolulu", None]
CURRENCIES = st.sampled_from(sorted(DIGITS))
KINDS = ("invoice",) * 6 + ("credit", "payment")
ITEM_TROUBLES = ("",) * 12 + (
    "flags",
    "hold",
    "forever",
    "promise",
    "dispute",
    "ledger",
    "contact",
    "due",
    "paid",
    "policy",
)
ACCOUNT_TROUBLES = ("",) * 8 + ("flags", "hold", "contact", "receipts", "policy")


def days(first: int = 0, last: int = 365):
    return st.integers(first, last).map(lambda count: START + timedelta(days=count))


@st.composite
def amounts(draw, currency: str, least: int = 1):
    units = draw(st.integers(least, 20_000))
    return Decimal(units).scaleb(-DIGITS[currency])


@st.composite
def _items(draw, item_id: int, kinds=KINDS):
    """At most one trouble per item, so that many get as far as a message."""
    currency = draw(CURRENCIES)
    kind = draw(st.sampled_from(kinds))
    trouble = draw(st.sampled_from(ITEM_TROUBLES))
    total = draw(amounts(currency))
    rest = total if draw(st.booleans()) else min(total, draw(amounts(currency)))
    due = draw(days(0, 200))
    rank = draw(st.sampled_from([0, 0, 1, 2, 3]))
    sign = 1 if kind == "invoice" else -1
    values = {
        "level_rank": rank if kind == "invoice" else 0,
        "level_date": due + timedelta(days=draw(st.integers(-5, 40))) if rank else None,
        "amount_open": sign * rest,
        **(_trouble(draw, trouble, rest) if trouble else {}),
    }
    row = {
        "id": item_id,
        "account_id": 1,
        "currency": currency,
        "kind": kind,
        "number": f"{kind[:3].upper()}/{item_id}",
        "reference": draw(st.sampled_from([None, None, "for INV/1", "PO 7", "inv/2, PO 7"])),
        "issue_date": due - timedelta(days=30),
        "due_date": due,
        "amount_total": sign * total,
    }
    return Item(**{**row, **values})


def _trouble(draw, trouble: str, rest: Decimal) -> dict:
    flags = [Flag.EXCLUDED, Flag.LEGAL, Flag.BLOCKED, Flag.IN_OTHER_RUN, Flag.IN_PLAN]
    half = (rest / 2).quantize(rest, rounding=ROUND_DOWN)
    return {
        "flags": lambda: {"flags": draw(st.sampled_from(flags))},
        "hold": lambda: {"hold_until": draw(days(80, 280))},
        "forever": lambda: {"hold_until": FOREVER},
        "promise": lambda: {
            "promised_until": draw(days(80, 280)),
            "broken_promise_date": draw(days(80, 280)),
        },
        "dispute": lambda: {"amount_disputed": draw(st.sampled_from([half, rest]))},
        "ledger": lambda: {"ledger_id": draw(st.sampled_from([7, 8]))},
        "contact": lambda: {"contact_date": draw(days(80, 280))},
        "due": lambda: {"due_date": None, "issue_date": None},
        "paid": lambda: {"amount_open": Decimal(0)},
        "policy": lambda: {
            "policy_id": draw(st.sampled_from([1, 2, 99])),
            "flags": draw(st.sampled_from([0, 256])),
        },
    }[trouble]()


@st.composite
def items(draw, most: int = 6):
    """Open items of account 1 with ids from 1."""
    return [draw(_items(item_id)) for item_id in range(1, draw(st.integers(0, most)) + 1)]


@st.composite
def receivables(draw):
    """Invoices with ids from 1, something open on each."""
    rows = [draw(_items(item_id, kinds=("invoice",))) for item_id in range(1, draw(st.integers(0, 6)) + 1)]
    return [row for row in rows if row.amount_open > 0]


@st.composite
def credits(draw):
    """Credits and payments with ids from 101, something left on each."""
    rows = [
        draw(_items(100 + item_id, kinds=("credit", "payment")))
        for item_id in range(1, draw(st.integers(0, 4)) + 1)
    ]
    return [row for row in rows if row.amount_open < 0]


LEVEL_KINDS = list(
    product(
        ({}, {"EUR": Decimal(5)}),
        (Decimal(0), Decimal(10)),
        ((("email",), ()), (("email", "letter"), ()), (("sms",), ("letter",))),
        ("working", "calendar"),
    )
)
POLICY_KINDS = list(
    product(
        ("own", "highest"),
        ("first", "by_age"),
        (1, 2),
        ("oldest", "highest", "none"),
        ({}, {"EUR": Decimal(20)}),
        ("resume", "advance"),
        ("stay", "hand_over"),
    )
)
CALENDARS = [
    Calendar(working, holidays, time(start, 30), time(end), when_closed=when)
    for working, holidays, start, end, when in product(
        (True, False), (True, False), (0, 9), (12, 22), ("move", "wait")
    )
]


@st.composite
def _levels(draw, policy_id: int, rank: int, delay_days: int):
    amounts, percent, (channels, fallbacks), unit = draw(st.sampled_from(LEVEL_KINDS))
    days = draw(st.integers(0, 20))
    return Level(
        id=policy_id * 10 + rank,
        rank=rank,
        name=f"L{rank}",
        delay_days=delay_days,
        min_days_since_last=days,
        min_item_amounts=amounts,
        min_percent=percent,
        channels=channels,
        fallback_channels=fallbacks,
        deadline_days=days,
        deadline_unit=unit,
    )


@st.composite
def policies(draw, policy_id: int = 1):
    delays = sorted(draw(st.lists(st.integers(-10, 60), min_size=1, max_size=4)))
    strategy, entry, cap, netting, minimum, broken, after = draw(st.sampled_from(POLICY_KINDS))
    return Policy(
        id=policy_id,
        name=f"P{policy_id}",
        levels=tuple(draw(_levels(policy_id, rank, delay)) for rank, delay in enumerate(delays, start=1)),
        strategy=strategy,
        entry=entry,
        level_cap=cap,
        netting=netting,
        gap_days=draw(st.integers(0, 14)),
        min_amounts=minimum,
        promise_grace_days=draw(st.integers(0, 3)),
        broken_promise=broken,
        calendar=draw(st.sampled_from(CALENDARS)),
        after_last=after,
    )


@st.composite
def books(draw):
    """Two policies by id."""
    return {policy_id: draw(policies(policy_id)) for policy_id in (1, 2)}


CONTACT_KINDS = list(
    product(
        ("x@example.com", "y@example.com", None),
        (None, "+49 30 1"),
        (True, False),
        ("billing", "ap", "decision", "other"),
    )
)


@st.composite
def accounts(draw):
    count = draw(st.integers(1, 2))
    contacts = tuple(Contact(n, "", *draw(st.sampled_from(CONTACT_KINDS))) for n in range(1, count + 1))
    trouble = draw(st.sampled_from(ACCOUNT_TROUBLES))
    values = {
        "": dict,
        "flags": lambda: {"flags": draw(st.sampled_from([Flag.INSOLVENT, Flag.NO_FOLLOWUP]))},
        "hold": lambda: {"hold_until": draw(days(80, 280))},
        "contact": lambda: {"last_contact_date": draw(days(80, 280))},
        "receipts": lambda: {"unmatched_receipts": 2},
        "policy": lambda: {"policy_id": None},
    }[trouble]()
    row = {
        "id": 1,
        "policy_id": draw(st.sampled_from([1, 1, 2])),
        "country": draw(st.sampled_from(["DE", "US", "IL", None, "XX"])),
        "timezone": draw(st.sampled_from(ZONES)),
        "contacts": contacts,
    }
    return Account(**{**row, **values})


@st.composite
def rulings(draw):
    today = draw(days(100, 265))
    return Ruling(
        today=today,
        now=datetime.combine(today, time(draw(st.integers(0, 23)), 15), tzinfo=timezone.utc),
        country="DE",
        timezone="Europe/Berlin",
        stale_ledgers=draw(st.sampled_from([{}, {}, {7: None}])),
        bank_gate=draw(st.sampled_from(["off", "off", "warn", "stop"])),
        bank_last_date=draw(st.sampled_from([None, today, today - timedelta(days=9)])),
        unmatched_gate=draw(st.sampled_from(["off", "warn", "stop"])),
    )

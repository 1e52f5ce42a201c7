"""Hypothesis strategies for whole cases: customers, their items, policies and circumstances."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

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
FLAGS = st.sampled_from(
    [0, 0, 0, 0, 0, Flag.EXCLUDED, Flag.LEGAL, Flag.BLOCKED, Flag.IN_OTHER_RUN, Flag.BOUND_POLICY]
)


def days(first: int = 0, last: int = 365):
    return st.integers(first, last).map(lambda count: START + timedelta(days=count))


def rarely(strategy):
    """None three times out of four."""
    return st.one_of(st.none(), st.none(), st.none(), strategy)


@st.composite
def amounts(draw, currency: str, least: int = 1):
    units = draw(st.integers(least, 20_000))
    return Decimal(units).scaleb(-DIGITS[currency])


@st.composite
def _items(draw, item_id: int, kinds=("invoice", "invoice", "invoice", "credit", "payment")):
    currency = draw(CURRENCIES)
    kind = draw(st.sampled_from(kinds))
    total = draw(amounts(currency))
    rest = min(total, draw(st.one_of(st.just(total), amounts(currency, least=0))))
    if kind != "invoice":
        total, rest = -total, -rest
    rank = draw(st.sampled_from([0, 0, 1, 2, 3])) if kind == "invoice" else 0
    due = draw(rarely(st.none()) if draw(st.integers(0, 9)) == 0 else days())
    disputed = draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(0), rest / 2, rest]))
    return Item(
        id=item_id,
        account_id=1,
        currency=currency,
        kind=kind,
        number=f"{kind[:3].upper()}/{item_id}",
        reference=draw(rarely(st.integers(1, 8).map(lambda number: f"for INV/{number}"))),
        issue_date=due - timedelta(days=30) if due else None,
        due_date=due,
        amount_total=total,
        amount_open=rest,
        amount_disputed=max(Decimal(0), disputed.quantize(Decimal(1).scaleb(-DIGITS[currency]))),
        level_rank=rank,
        level_date=draw(st.one_of(st.none(), days())) if rank else None,
        policy_id=draw(rarely(st.sampled_from([1, 2, 99]))),
        ledger_id=draw(st.sampled_from([None, None, 7, 8])),
        flags=draw(FLAGS),
        hold_until=draw(rarely(st.one_of(days(), st.just(FOREVER)))),
        promised_until=draw(rarely(days())),
        contact_date=draw(rarely(days())),
        broken_promise_date=draw(rarely(days())),
    )


@st.composite
def items(draw, most: int = 8):
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


@st.composite
def policies(draw, policy_id: int = 1):
    delays = sorted(draw(st.lists(st.integers(-10, 60), min_size=1, max_size=4)))
    levels = tuple(
        Level(
            id=policy_id * 10 + rank,
            rank=rank,
            name=f"L{rank}",
            delay_days=delay,
            min_days_since_last=draw(st.integers(0, 20)),
            min_item_amounts={"EUR": Decimal(5)} if draw(st.booleans()) else {},
            min_percent=draw(st.sampled_from([Decimal(0), Decimal(10)])),
            channels=draw(st.sampled_from([("email",), ("email", "letter"), ("sms",)])),
            fallback_channels=draw(st.sampled_from([(), ("letter",)])),
            deadline_days=draw(st.integers(0, 14)),
            deadline_unit=draw(st.sampled_from(["working", "calendar"])),
        )
        for rank, delay in enumerate(delays, start=1)
    )
    return Policy(
        id=policy_id,
        name=f"P{policy_id}",
        levels=levels,
        strategy=draw(st.sampled_from(["own", "highest"])),
        entry=draw(st.sampled_from(["first", "by_age"])),
        level_cap=draw(st.integers(1, 2)),
        netting=draw(st.sampled_from(["oldest", "highest", "none"])),
        gap_days=draw(st.integers(0, 14)),
        min_amounts={"EUR": Decimal(20)} if draw(st.booleans()) else {},
        promise_grace_days=draw(st.integers(0, 3)),
        broken_promise=draw(st.sampled_from(["resume", "advance"])),
        calendar=Calendar(
            working_days_only=draw(st.booleans()),
            public_holidays=draw(st.booleans()),
            window_start=time(draw(st.integers(0, 11)), 30),
            window_end=time(draw(st.integers(12, 23))),
            when_closed=draw(st.sampled_from(["move", "wait"])),
        ),
        after_last=draw(st.sampled_from(["stay", "hand_over", "stop"])),
    )


@st.composite
def books(draw):
    """Two policies by id."""
    return {policy_id: draw(policies(policy_id)) for policy_id in (1, 2)}


@st.composite
def accounts(draw):
    contacts = tuple(
        Contact(
            contact_id,
            email=draw(st.sampled_from([None, "x@example.com"])),
            phone=draw(st.sampled_from([None, "+49 30 1"])),
            street_ok=draw(st.booleans()),
            role=draw(st.sampled_from(["billing", "ap", "decision", "other"])),
            of_parent=draw(st.booleans()),
        )
        for contact_id in range(1, draw(st.integers(1, 3)) + 1)
    )
    return Account(
        id=1,
        policy_id=draw(st.sampled_from([1, 1, 1, 2, None])),
        country=draw(st.sampled_from(["DE", "US", "IL", None, "XX"])),
        timezone=draw(
            st.sampled_from(
                ["Europe/Berlin", "America/New_York", "Pacific/Auckland", "Pacific/Honolulu", None]
            )
        ),
        hold_until=draw(rarely(days())),
        flags=draw(st.sampled_from([0, 0, 0, 0, 0, 0, Flag.INSOLVENT])),
        last_contact_date=draw(rarely(days())),
        unmatched_receipts=draw(st.sampled_from([0, 0, 2])),
        contacts=contacts,
        bill_with_parent=draw(st.booleans()),
    )


@st.composite
def rulings(draw):
    today = draw(days())
    return Ruling(
        today=today,
        now=datetime.combine(today, time(draw(st.integers(0, 23)), 15), tzinfo=timezone.utc),
        country="DE",
        timezone="Europe/Berlin",
        stale_ledgers=draw(st.sampled_from([{}, {}, {7: None}])),
        bank_gate=draw(st.sampled_from(["off", "warn", "stop"])),
        bank_last_date=draw(st.one_of(st.none(), days())),
        unmatched_gate=draw(st.sampled_from(["off", "warn", "stop"])),
    )

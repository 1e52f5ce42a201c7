"""Short ways to build the rows of a case. The usual day is Wednesday, 11 June 2025, 10:00 in Berlin."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from odoo_dunning.engine.decide import decide
from odoo_dunning.engine.snapshot import (
    Account,
    AccountDecision,
    Answer,
    Contact,
    Item,
    Level,
    Policy,
    Ruling,
)

TODAY = date(2025, 6, 11)
NOW = datetime(2025, 6, 11, 8, 0, tzinfo=timezone.utc)
UTC = timezone.utc


def invoice(item_id: int = 1, *, overdue: int | None = None, amount: str = "100.00", **values) -> Item:
    """An open EUR invoice of account 1; `overdue` counts the days since it was due on the usual day."""
    if overdue is not None:
        values["due_date"] = TODAY - timedelta(days=overdue)
    row = {
        "id": item_id,
        "account_id": 1,
        "currency": "EUR",
        "kind": "invoice",
        "number": f"INV/{item_id}",
        "reference": None,
        "issue_date": date(2025, 1, 2),
        "due_date": TODAY,
        "amount_total": Decimal(amount),
        "amount_open": Decimal(amount),
    }
    return Item(**{**row, **values})


def credit(item_id: int, amount: str, **values) -> Item:
    """A credit note over `amount` (positive) that is still unused."""
    row = {"kind": "credit", "number": f"CN/{item_id}", "due_date": date(2025, 6, 1)}
    return invoice(item_id, amount="-" + amount, **{**row, **values})


def level(rank: int, delay_days: int, **values) -> Level:
    return Level(**{"id": 10 + rank, "rank": rank, "name": f"L{rank}", "delay_days": delay_days, **values})


def policy(*levels: Level, **values) -> Policy:
    """Levels at 5, 20 and 40 days unless others are given, ten days apart; seven days between contacts."""
    levels = levels or (
        level(1, 5),
        level(2, 20, min_days_since_last=10),
        level(3, 40, min_days_since_last=10),
    )
    return Policy(**{"id": 1, "name": "Standard", "levels": levels, **values})


def contact(contact_id: int = 1, **values) -> Contact:
    row = {"name": f"Contact {contact_id}", "email": f"c{contact_id}@example.com", "role": "billing"}
    return Contact(contact_id, **{**row, **values})


def account(**values) -> Account:
    row = {"id": 1, "policy_id": 1, "country": "DE", "timezone": "Europe/Berlin", "contacts": (contact(),)}
    return Account(**{**row, **values})


def ruling(today: date = TODAY, now: datetime | None = None, **values) -> Ruling:
    now = now or datetime(today.year, today.month, today.day, 8, 0, tzinfo=UTC)
    return Ruling(today, now, **{"country": "DE", "timezone": "Europe/Berlin", **values})


def run(
    *items: Item, of: Account | None = None, by: Policy | None = None, on: Ruling | None = None
) -> AccountDecision:
    """One decision with one policy."""
    chosen = by or policy()
    return decide(of or account(), items, {chosen.id: chosen}, on or ruling())


def answer(decision: AccountDecision, item_id: int = 1) -> Answer:
    (found,) = (row for row in decision.answers if row.item_id == item_id)
    return found


def codes(decision: AccountDecision) -> dict[int, str]:
    return {row.item_id: row.code for row in decision.answers}

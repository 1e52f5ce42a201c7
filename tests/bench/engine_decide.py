"""Microseconds per item of `decide()` on the common paths. Run: python tests/bench/engine_decide.py
[--profile]

100,000 items of 20,000 accounts (5 each); prints one line per path. The addon package is stubbed, no Odoo
needed.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
import types
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
addon = types.ModuleType("odoo_dunning")
addon.__path__ = [str(ROOT / "odoo_dunning")]
sys.modules.setdefault("odoo_dunning", addon)

from odoo_dunning.engine.decide import decide  # noqa: E402
from odoo_dunning.engine.snapshot import Account, Contact, Item, Level, Policy, Ruling  # noqa: E402

ACCOUNTS = 20_000
ITEMS_EACH = 5
PATHS = ("too_young", "waiting", "notify", "netted", "mix")
TODAY = date(2025, 6, 11)
POLICY = Policy(
    id=1,
    name="Standard",
    levels=(
        Level(id=1, rank=1, name="Friendly", delay_days=5, deadline_days=7),
        Level(id=2, rank=2, name="Firm", delay_days=20, min_days_since_last=10, deadline_days=7),
        Level(id=3, rank=3, name="Final", delay_days=40, min_days_since_last=10, deadline_days=7),
    ),
)


def book(path: str) -> list[tuple[Account, list[Item]]]:
    """Accounts whose items all take one path: "too_young", "waiting", "notify", "netted" or a "mix" of
    ages."""
    accounts = []
    for account_id in range(1, ACCOUNTS + 1):
        contact = Contact(account_id, "Billing", "billing@example.com", role="billing")
        account = Account(
            account_id, 1, "default", country="DE", timezone="Europe/Berlin", contacts=(contact,)
        )
        items = [_item(path, account_id, number) for number in range(ITEMS_EACH)]
        accounts.append((account, items))
    return accounts


def _item(path: str, account_id: int, number: int) -> Item:
    days = {"too_young": -3, "waiting": 15, "notify": 6, "netted": 6}.get(
        path, (account_id * 7 + number * 13) % 90 - 30
    )
    due = TODAY - timedelta(days=days + number % 3)
    amount = Decimal("100.00") + number
    rank = 1 if path == "waiting" else 0
    kind = "invoice"
    if path == "netted" and number == 0:
        kind, amount = "credit", Decimal("-150.00")
    return Item(
        id=account_id * 10 + number,
        account_id=account_id,
        currency="EUR",
        kind=kind,
        number=f"INV/{account_id}/{number}",
        reference=None,
        issue_date=due - timedelta(days=30),
        due_date=due,
        amount_total=amount,
        amount_open=amount,
        level_rank=rank,
        level_date=TODAY - timedelta(days=3) if rank else None,
    )


def measure(path: str) -> float:
    """Seconds for one pass over the whole book."""
    accounts = book(path)
    ruling = Ruling(
        TODAY, datetime(2025, 6, 11, 8, tzinfo=timezone.utc), country="DE", timezone="Europe/Berlin"
    )
    policies = {1: POLICY}
    start = time.perf_counter()
    for account, items in accounts:
        decide(account, items, policies, ruling)
    return time.perf_counter() - start


def main() -> None:
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(measure, "mix")
        pstats.Stats(profile).sort_stats("tottime").print_stats(18)
        return
    for path in PATHS:
        seconds = min(measure(path) for _ in range(3))
        each = seconds * 1e6 / ACCOUNTS / ITEMS_EACH
        print(f"{path:10} {seconds:6.3f} s for {ACCOUNTS * ITEMS_EACH:,} items: {each:5.2f} µs per item")


if __name__ == "__main__":
    main()

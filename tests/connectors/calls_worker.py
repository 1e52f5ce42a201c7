"""What one worker does when several share the calls of a connection; runs inside an Odoo process of its own."""

from __future__ import annotations

# The advisory lock on which the workers wait until all of them are there.
GATE = 20261121


def connected(env) -> int:
    """A QuickBooks connection with the vendor's own limits; nothing is ever sent to it."""
    from datetime import datetime, timedelta, timezone

    from dunning_connectors.oauth import TokenSet

    ledger = env["dunning.ledger"].create(
        {"name": "Shared", "vendor": "quickbooks", "environment": "sandbox", "client_id": "shared"}
    )
    ends_at = datetime.now(timezone.utc) + timedelta(hours=1)
    ledger._secrets()._begin(TokenSet("access", "refresh", ends_at))
    ledger._connected("realm-shared", "Shared Inc.")
    env.cr.commit()
    return ledger.id


def use_up(env, ledger: int, kind: str, at_once: int) -> list[int]:
    """Ask until nothing is granted; returns what was. `kind`: "pass" over a lease, or "urgent"."""
    ledger = env["dunning.ledger"].browse(ledger)
    if kind == "pass":
        lease = ledger.sync_lease("worker", 300)["lease"]
        env.cr.commit()
    env.cr.execute("SELECT pg_advisory_lock_shared(%s)", [GATE])
    env.cr.commit()

    def ask() -> int:
        if kind == "pass":
            return ledger.sync_calls(lease, at_once, None)["calls"]
        return ledger._grant_urgent_calls(at_once, None)["calls"]

    granted = []
    while calls := ask():
        granted.append(calls)
    env.cr.rollback()  # a grant counts all the same
    return granted

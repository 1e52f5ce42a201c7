"""Malformed records taken in by a real Odoo; runs inside an Odoo process of its own."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

from odoo.tools import SQL

DELIVERY = 200
HOME = "USD"


def take_in(env, seed: int, cases: int) -> dict:
    """Half of the cases are payloads spoilt before the mapping, half are wires spoilt after it, as by a broken runner.

    Returns how many ended how, and those `wrong`: open with another amount than their payload or wire states.
    """
    from tests.connectors import malformed

    found = [one for one in malformed.samples() if (malformed.worth(one, one.payload, HOME) or [0])[0]]
    spoiler = malformed.Spoiler(seed, found)
    ledgers = {vendor: connected(env, vendor) for vendor in ("quickbooks", "xero")}
    leases = {vendor: ledger.sync_lease("fuzz", 3600)["lease"] for vendor, ledger in ledgers.items()}
    for vendor, ledger in ledgers.items():
        ledger.sync_ingest(leases[vendor], [_customer(one) for one in _customers(found, vendor)])
    ends, wrong, number = Counter(), [], 0
    while number < cases:
        stated, told, wires = {}, {}, {vendor: [] for vendor in ledgers}
        for _ in range(DELIVERY):
            number += 1
            sample, wire, amount = _case(spoiler, number)
            if wire is None:
                ends["set_aside"] += 1
                continue
            stated[f"F{number}"], told[f"F{number}"] = amount, json.dumps(wire)
            wires[sample.vendor].append(wire)
        for vendor, ledger in ledgers.items():
            answer = ledger.sync_ingest(leases[vendor], wires[vendor])
            ends["set_aside"] += len(answer["quarantined"])
            ends["parked"] += len(answer["parked"])
            env.cr.commit()
            env.invalidate_all()
        for external_id, amount, currency in _open(env, stated):
            ends["open"] += 1
            if stated[external_id] != (amount, currency):
                wrong.append(f"{amount} {currency} instead of {stated[external_id]}: {told[external_id]}")
    return {**ends, "wrong": wrong}


def listen(env, vendors: list[str], key: str) -> None:
    """A connection per vendor that takes webhooks signed with `key`."""
    for vendor in vendors:
        connected(env, vendor)._secrets()._set_webhook_key(key)
    env.cr.commit()


def connected(env, vendor: str):
    """A fresh connection that nothing is ever asked of."""
    from datetime import datetime, timedelta, timezone

    from dunning_connectors.oauth import TokenSet

    ledger = env["dunning.ledger"].create(
        {"name": f"Fuzz {vendor}", "vendor": vendor, "environment": "sandbox", "client_id": "fuzz"}
    )
    ends_at = datetime.now(timezone.utc) + timedelta(hours=8)
    ledger._secrets()._begin(TokenSet("access", "refresh", ends_at))
    ledger._connected(f"fuzz-{ledger.id}", "Fuzz Inc.")
    env.cr.commit()
    return ledger


def _case(spoiler, number: int) -> tuple:
    """(sample, wire or None when it was set aside, what may be open of it)."""
    from dunning_connectors.reading import loads
    from dunning_connectors.records import content_hash
    from tests.connectors import malformed
    from tests.connectors.test_fuzz import mapped

    sample, payload = spoiler.case()
    is_payload = number % 2
    if not is_payload:
        payload = sample.payload
    (record,) = mapped(sample, payload)
    if record is None or not hasattr(record, "to_wire") or record.entity == "tombstone":
        return sample, None, None
    wire = record.to_wire()
    if is_payload:
        amount = malformed.worth(sample, loads(malformed.dumps(payload)), HOME)
    else:
        wire = json.loads(malformed.dumps(spoiler.spoilt(wire)), parse_float=str)
        wire["entity"] = record.entity
        amount = _wire_worth(wire)
    wire = {**wire, "entity": record.entity, "external_id": f"F{number}"}
    return sample, {**wire, "hash": content_hash(wire)}, amount


def _wire_worth(wire: dict) -> tuple[Decimal, str] | None:
    """What a wire record states: only `open` and `paid` ones state anything, in amounts written as text."""
    try:
        name = "unapplied_amount" if wire["entity"] == "payment" else "open_amount"
        amount = Decimal(wire[name])
        return (amount if wire["entity"] == "invoice" else -amount), wire["currency"]
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _customers(found: list, vendor: str) -> set[str]:
    ids = set()
    for one in found:
        if one.vendor == vendor:
            holder = one.payload.get("CustomerRef") or one.payload.get("Contact")
            holder = holder or (one.payload.get("Invoice") or {}).get("Contact") or {}
            ids |= {holder.get("value") or holder.get("ContactID")}
    return ids - {None}


def _customer(external_id: str) -> dict:
    from datetime import datetime, timezone

    from dunning_connectors.records import Customer

    return Customer(
        external_id, datetime(2026, 1, 1, tzinfo=timezone.utc), f"Customer {external_id}"
    ).to_wire()


def _open(env, stated: dict) -> list[tuple]:
    """(external id, signed open amount, currency) of these that are open and may be dunned or set off."""
    rows = env.execute_query(
        SQL(
            """
            SELECT i.external_id, sum(i.amount_open)::text, c.name
              FROM dunning_item i JOIN res_currency c ON c.id = i.currency_id
             WHERE i.external_id = ANY(%s) AND i.is_open AND NOT i.no_followup
          GROUP BY i.external_id, c.name
            """,
            list(stated),
        )
    )
    return [(external_id, Decimal(amount), currency) for external_id, amount, currency in rows]

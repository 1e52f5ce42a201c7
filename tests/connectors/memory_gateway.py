"""A receiving side in memory, with the rules the real one has to keep: leases, tokens, versions, parking, quarantine.

It is a small store, not a stub: the fast tests and the contract suite run the whole sync against it.
"""

from __future__ import annotations

import copy
import itertools
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from dunning_connectors.errors import LeaseLost
from dunning_connectors.records import STATUSES, instant_text, parse_instant, version_verdict

PARENTS = {"invoice": "customer_id", "credit": "customer_id", "payment": "customer_id"}


class MemoryLedger:
    """One connection. `refresh(rejected) -> {"access_token", "token_expires_at"}` is asked for a new token."""

    def __init__(
        self,
        vendor: str,
        organisation: str,
        urls: dict | None = None,
        access_token: str = "",
        refresh: Callable[[], dict] | None = None,
        environment: str = "sandbox",
        options: dict | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ):
        self.vendor, self.organisation, self.environment = vendor, organisation, environment
        self.urls, self.options = urls or {}, options or {}
        self.token = {"access_token": access_token, "token_expires_at": None}
        self._refresh = refresh
        self._clock = clock
        self._lock = threading.RLock()
        self._serial = itertools.count(1)
        self.rows: dict[tuple[str, str], dict] = {}
        self.parked: dict[tuple[str, str], dict] = {}
        self.quarantine: dict[tuple[str, str], dict] = {}
        self.cursors: dict = {}
        self.reports: list[dict] = []
        self.differences: list[dict] = []
        self.blocked = ""
        self.writes = 0
        self.ingests = 0
        self._lease: tuple[str, str, datetime] | None = None
        self._closed = ""

    # -- verbs -----------------------------------------------------------------------------------------------
    def sync_lease(self, runner, seconds):
        with self._lock:
            now = self._clock()
            if self.blocked:
                return {"blocked": self.blocked}
            if self._lease and self._lease[2] > now and self._lease[1] != runner:
                return {"busy": True, "until": instant_text(self._lease[2]), "runner": self._lease[1]}
            self._lease = (f"lease-{next(self._serial)}", runner, now + timedelta(seconds=seconds))
            return _plain(
                {
                    "lease": self._lease[0],
                    "until": instant_text(self._lease[2]),
                    "vendor": self.vendor,
                    "environment": self.environment,
                    "organisation": self.organisation,
                    "urls": self.urls,
                    **self.token,
                    "cursors": self.cursors,
                    "options": self.options,
                }
            )

    def sync_token(self, lease, rejected):
        with self._lock:
            self._check(lease)
            if self.token["access_token"] == rejected:
                self.token = self._refresh()
            return dict(self.token)

    def sync_calls(self, lease, wanted, day_left):
        with self._lock:
            self._check(lease)
            return {"calls": wanted, "wait_s": 0, "day_left": day_left}

    def sync_ingest(self, lease, records):
        with self._lock:
            self._check(lease)
            self.ingests += 1
            counts = {"stored": 0, "unchanged": 0, "stale": 0, "parked": [], "quarantined": []}
            for wire in _plain(records):
                self._take(wire, counts)
            self._unpark(counts)
            return counts

    def sync_quarantine(self, lease, bad):
        with self._lock:
            self._check(lease)
            for row in _plain(bad):
                self._set_aside(row)
            return True

    def sync_checkpoint(self, lease, cursors):
        with self._lock:
            self._check(lease)
            self.cursors = _plain(cursors)
            return True

    def sync_known(self, lease, entity, after, limit):
        with self._lock:
            self._check(lease)
            ids = sorted(
                external_id
                for (kind, external_id), row in (self.rows | self.parked).items()
                if kind == entity and not row.get("is_deleted") and (after is None or external_id > after)
            )[: limit + 1]
            rows = [
                {
                    "external_id": external_id,
                    "updated_at": row["updated_at"],
                    "open_amount": row.get("open_amount", row.get("unapplied_amount")),
                    "currency": row.get("currency") or None,
                }
                for external_id in ids[:limit]
                for row in [self.rows.get((entity, external_id)) or self.parked[entity, external_id]]
            ]
            return {"rows": rows, "next": ids[limit - 1] if len(ids) > limit else None}

    def sync_control(self, lease, totals):
        with self._lock:
            self._check(lease)
            found = []
            for total in _plain(totals):
                stored, items = self._open_total(total["customer_id"], total["currency"])
                if stored != Decimal(total["amount"]):
                    found.append(
                        {
                            "customer_id": total["customer_id"],
                            "currency": total["currency"],
                            "reported": total["amount"],
                            "stored": str(stored),
                            "items": items,
                        }
                    )
            self.differences += found
            return found

    def sync_report(self, lease, outcome, counts, message, resume_at):
        with self._lock:
            if lease == self._closed:
                return True
            self._check(lease)
            self.reports.append(
                _plain({"outcome": outcome, "counts": counts, "message": message, "resume_at": resume_at})
            )
            if outcome == "reconnect":
                self.blocked = message
            if outcome == "done":
                self.options.pop("refetch", None)  # what webhooks had named was read
            self._closed, self._lease = lease, None
            return True

    # -- what tests look at ----------------------------------------------------------------------------------
    def live(self, entity: str) -> dict[str, dict]:
        return {
            external_id: row
            for (kind, external_id), row in self.rows.items()
            if kind == entity and not row.get("is_deleted")
        }

    def open_by_customer(self) -> dict[tuple[str, str], Decimal]:
        """(customer, currency) → open claims less credits and unapplied money; zero sums are left out."""
        sums: dict[tuple[str, str], Decimal] = {}
        for (kind, _external_id), row in self.rows.items():
            if kind == "customer" or row.get("is_deleted"):
                continue
            key = (self._heir(row["customer_id"]), row["currency"])
            sums[key] = sums.get(key, Decimal(0)) + _signed_open(kind, row)
        return {key: amount for key, amount in sums.items() if amount}

    def end_lease(self) -> None:
        """As after a crash of the runner, once its time is up."""
        self._lease = None

    def snapshot(self) -> dict:
        return copy.deepcopy(self.rows)

    # -- inside ----------------------------------------------------------------------------------------------
    def _check(self, lease):
        if not self._lease or self._lease[0] != lease:
            raise LeaseLost(f"{self.vendor} {self.organisation}: another runner holds the lease")

    def _set_aside(self, row):
        key = (row["entity"], row["external_id"])
        tries = self.quarantine.get(key, {}).get("tries", 0)
        self.quarantine[key] = {**row, "tries": tries + 1}

    def _take(self, wire, counts):
        if wire["entity"] == "tombstone":
            return self._bury(wire, counts)
        cause = _defect(wire)
        if cause:
            bad = {"entity": wire["entity"], "external_id": wire["external_id"], "cause": cause}
            self._set_aside(bad)
            counts["quarantined"].append(bad)
            return None
        key = (wire["entity"], wire["external_id"])
        held = self.rows.get(key) or self.parked.get(key)
        verdict = "store"
        if held:
            verdict = version_verdict(
                parse_instant(held["updated_at"]),
                held["hash"],
                parse_instant(wire["updated_at"]),
                wire["hash"],
            )
        if verdict == "store":
            self._store(key, wire, counts)
        elif verdict == "touched":
            held["updated_at"] = wire["updated_at"]
            counts["unchanged"] += 1
        else:
            counts[verdict] += 1
        self.quarantine.pop(key, None)
        return None

    def _store(self, key, wire, counts):
        self.parked.pop(key, None)
        parent = wire.get(PARENTS.get(wire["entity"], ""))
        if parent and ("customer", parent) not in self.rows:
            self.parked[key] = wire
            counts["parked"].append(wire["external_id"])
            return
        self.rows[key] = wire
        self.writes += 1
        counts["stored"] += 1

    def _bury(self, wire, counts):
        key = (wire["target"], wire["external_id"])
        self.parked.pop(key, None)
        self.quarantine.pop(key, None)
        held = self.rows.get(key)
        if held is None or held.get("is_deleted"):
            counts["unchanged"] += 1
        elif parse_instant(wire["updated_at"]) < parse_instant(held["updated_at"]):
            counts["stale"] += 1
        else:
            held.update(is_deleted=True, updated_at=wire["updated_at"], hash=wire["hash"])
            self.writes += 1
            counts["stored"] += 1

    def _unpark(self, counts):
        for key, wire in list(self.parked.items()):
            if ("customer", wire["customer_id"]) in self.rows:
                self._store(key, wire, counts)
                if wire["external_id"] in counts["parked"]:
                    counts["parked"].remove(wire["external_id"])

    def _heir(self, customer_id):
        """Who answers for a customer: the one it was merged into, and so on."""
        seen = set()
        while customer_id not in seen:
            seen.add(customer_id)
            merged_into = self.rows.get(("customer", customer_id), {}).get("merged_into")
            customer_id = merged_into or customer_id
        return customer_id

    def _open_total(self, customer_id, currency):
        total, items = Decimal(0), []
        for (kind, external_id), row in self.rows.items():
            if kind == "customer" or row.get("is_deleted") or self._heir(row["customer_id"]) != customer_id:
                continue
            amount = _signed_open(kind, row)
            if amount and currency in (None, row["currency"]):
                total += amount
                items.append(external_id)
        return total, sorted(items)


def _plain(value):
    """Through JSON, as on the wire: refuses what could not travel."""
    return json.loads(json.dumps(value, allow_nan=False))


def _defect(wire) -> str:
    if wire.get("status", "open") not in STATUSES:
        return f"unknown status {wire['status']!r}"
    if wire["entity"] != "customer" and len(wire["currency"]) != 3:
        return f"currency {wire['currency']!r} is not an ISO code"
    return ""


def _signed_open(kind: str, row: dict) -> Decimal:
    if row["status"] not in ("open", "paid"):
        return Decimal(0)
    if kind == "invoice":
        return Decimal(row["open_amount"])
    return -Decimal(row["open_amount"] if kind == "credit" else row["unapplied_amount"])

"""The few verbs by which a sync talks to Odoo. Two carriers: `inprocess` (scheduled action) and `json2` (remote).

Every value is a plain JSON type on both paths. Every verb may be repeated: a call whose answer was lost is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ..records import parse_instant

VERBS = (
    "sync_lease",
    "sync_token",
    "sync_calls",
    "sync_ingest",
    "sync_quarantine",
    "sync_checkpoint",
    "sync_known",
    "sync_control",
    "sync_report",
)


class Gateway(Protocol):
    """What `sync` needs of the receiving side. Shapes of the answers:

    - `sync_lease` → `{"lease", "until", "vendor", "environment", "organisation", "urls", "access_token",
      "token_expires_at", "cursors", "options"}` or `{"busy": true, "until", "runner"}` or `{"blocked": why}`.
    - `sync_token` → `{"access_token", "token_expires_at"}`, refreshed at the vendor when the stored one is `rejected`.
    - `sync_calls` → `{"calls", "wait_s", "day_left"}`: calls at the vendor that may be made within
      `budget.GRANT_S` seconds, counted over all workers of the connection; where there are none, ask again after
      `wait_s` seconds. `day_left` (in: the vendor's last word or None) is the freshest any worker has heard, or None.
    - `sync_ingest` → `{"stored", "unchanged", "stale", "parked": [ids],
      "quarantined": [{"entity", "external_id", "cause"}]}`.
    - `sync_known` → `{"rows": [{"external_id", "updated_at", "open_amount", "currency"}, …], "next": id or null}`:
      live (not deleted) records of one entity in order of id, after `after`; amounts null where there is none.
    - `sync_control` → `[{"customer_id", "currency", "reported", "stored", "items": [external ids]}]`: differences only.
    A lost lease (another runner took over) is an `errors.LeaseLost`.
    """

    def sync_lease(self, runner: str, seconds: int) -> dict: ...
    def sync_token(self, lease: str, rejected: str) -> dict: ...
    def sync_calls(self, lease: str, wanted: int, day_left: int | None) -> dict: ...
    def sync_ingest(self, lease: str, records: list[dict]) -> dict: ...
    def sync_quarantine(self, lease: str, bad: list[dict]) -> Any: ...
    def sync_checkpoint(self, lease: str, cursors: dict) -> Any: ...
    def sync_known(self, lease: str, entity: str, after: str | None, limit: int) -> dict: ...
    def sync_control(self, lease: str, totals: list[dict]) -> list[dict]: ...
    def sync_report(
        self, lease: str, outcome: str, counts: dict, message: str, resume_at: str | None
    ) -> Any: ...


class Carrier:
    """The verbs as calls by name: a carrier says in `_call` how one travels."""

    def _call(self, verb: str, **arguments: Any) -> Any:
        raise NotImplementedError

    def sync_lease(self, runner, seconds):
        return self._call("sync_lease", runner=runner, seconds=seconds)

    def sync_token(self, lease, rejected):
        return self._call("sync_token", lease=lease, rejected=rejected)

    def sync_calls(self, lease, wanted, day_left):
        return self._call("sync_calls", lease=lease, wanted=wanted, day_left=day_left)

    def sync_ingest(self, lease, records):
        return self._call("sync_ingest", lease=lease, records=records)

    def sync_quarantine(self, lease, bad):
        return self._call("sync_quarantine", lease=lease, bad=bad)

    def sync_checkpoint(self, lease, cursors):
        return self._call("sync_checkpoint", lease=lease, cursors=cursors)

    def sync_known(self, lease, entity, after, limit):
        return self._call("sync_known", lease=lease, entity=entity, after=after, limit=limit)

    def sync_control(self, lease, totals):
        return self._call("sync_control", lease=lease, totals=totals)

    def sync_report(self, lease, outcome, counts, message, resume_at):
        return self._call(
            "sync_report", lease=lease, outcome=outcome, counts=counts, message=message, resume_at=resume_at
        )


@dataclass(frozen=True)
class Lease:
    """A granted lease: the right to sync one connection until `until`, with a short-lived access token."""

    key: str
    until: datetime
    vendor: str
    environment: str
    organisation: str
    access_token: str = field(repr=False)
    urls: dict = field(default_factory=dict)
    cursors: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)

    @classmethod
    def from_answer(cls, answer: dict) -> Lease:
        return cls(
            key=answer["lease"],
            until=parse_instant(answer["until"]),
            vendor=answer["vendor"],
            environment=answer["environment"],
            organisation=answer["organisation"],
            access_token=answer["access_token"],
            urls=answer.get("urls") or {},
            cursors=answer.get("cursors") or {},
            options=answer.get("options") or {},
        )

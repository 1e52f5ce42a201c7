"""One pass over one connection: scan → deliver → checkpoint, then what vanished, then the control totals.

Knows no vendor and no Odoo. Promises:
- A stream's cursor moves only after every page of its scan has been stored, and it is the server's clock at the
  start of the scan less `OVERLAP`; this machine's clock plays no part in what is read, only in when a wait is over.
- Records are delivered parents first, in batches of `BATCH`; memory does not grow with the ledger.
- One unreadable record is set aside with its cause; the others of its page are stored; it is read again next time.
- A full pass (the first one, a reconcile, or when the source cannot tell what was deleted) compares ids: what is gone
  is confirmed at the source one by one before it is buried, and too much of it stops the pass for a person.
- A wait of over a minute ends the pass as "later" with the time to resume.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from .budget import Budget
from .errors import (
    BadRecord,
    ConnectorError,
    Incomplete,
    LeaseLost,
    Reconnect,
    Retry,
    Stop,
)
from .gateway import Gateway, Lease
from .records import Record, Tombstone, decimal_text, instant_text, parse_instant
from .redact import logger, redacted
from .tokens import LeasedTokens, TokenSource

T = TypeVar("T")
_log = logger(__name__)

BATCH = 500
OVERLAP = timedelta(minutes=5)
LEASE_SECONDS = 300
RECONCILE_EVERY = timedelta(days=1)
SUSPICION_EVERY = timedelta(hours=6)
REMOVAL_SHARE_PCT = 10
REMOVAL_ALWAYS_FINE = 5
RETRY_TRIES_MAX = 10
RETRY_IDS_MAX = 200
CUSTOMERS_CHECKED_MAX = 2000
CONTROL_ROUNDS = 2


@dataclass(frozen=True)
class Page:
    """What one answer of the source held: records in any order, and those that could not be read."""

    records: list[Record]
    bad: list[BadRecord]

    @classmethod
    def of(cls, answers: Iterable[Record | BadRecord | None]) -> Page:
        page = cls([], [])
        for answer in answers:
            if isinstance(answer, BadRecord):
                page.bad.append(answer)
            elif answer is not None:
                page.records.append(answer)
        return page


@dataclass(frozen=True)
class Total:
    """What the ledger itself says a customer owes, net of credit. `currency` None: one raw sum over all of them."""

    customer_id: str
    currency: str | None
    amount: Decimal


class Source(Protocol):
    """A ledger. `label` names the connection in messages; `server_time` is its clock at the last answer.

    `streams` are scanned in this order, parents first; each feeds one or more of `entities`.
    """

    label: str
    streams: tuple[str, ...]
    entities: tuple[str, ...]
    budget: Budget

    @property
    def server_time(self) -> datetime | None: ...

    def open(self) -> None:
        """Check that the organisation answers; read what mapping needs. A constant number of calls."""

    def scan(self, stream: str, since: datetime | None) -> Iterator[Page]:
        """Every record changed at or after `since` (None: every record there is), oldest or newest first."""

    def count(self, stream: str) -> int | None:
        """How many records a full scan of the stream reads; None when the scan has checked that itself."""

    def removed(self, since: datetime) -> Iterator[Page]:
        """What vanished since then: tombstones, confirmed. :raise Incomplete: it cannot tell."""

    def fetch(self, entity: str, ids: Iterable[str]) -> Iterator[Page]:
        """These records as they are now; a tombstone for each that the source denies."""

    def totals(self, customer_ids: Iterable[str] | None) -> Iterator[list[Total]]:
        """Control totals of these customers, or of all."""


@dataclass
class Outcome:
    """How a pass ended: done | later | failed | reconnect | busy | blocked | lost."""

    result: str
    message: str = ""
    counts: dict = field(default_factory=dict)
    resume_at: datetime | None = None


def run_pass(
    gateway: Gateway,
    runner: str,
    open_source: Callable[[Lease, TokenSource], Source],
    reconcile: bool = False,
    watch: Callable[[str, int], Any] = lambda step, done: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """One pass over the connection behind `gateway`, from lease to report.

    `watch(step, records)` is told of progress. `should_stop()` is asked between pages; the pass then ends as "later".
    Raises only what the gateway raises at lease and report; whatever else ends the pass is its outcome.
    """
    answer = gateway.sync_lease(runner, LEASE_SECONDS)
    if answer.get("busy"):
        return Outcome(
            "busy", f"{answer.get('runner') or 'another runner'} is at work until {answer.get('until')}."
        )
    if answer.get("blocked"):
        return Outcome("blocked", str(answer["blocked"]))
    lease = Lease.from_answer(answer)
    work = Pass(gateway, lease, watch, should_stop)
    outcome = _judged(work, open_source, reconcile)
    if outcome.result != "lost":
        resume_at = instant_text(outcome.resume_at) if outcome.resume_at else None
        try:
            gateway.sync_report(lease.key, outcome.result, outcome.counts, outcome.message, resume_at)
        except LeaseLost as error:
            return Outcome("lost", error.message, outcome.counts)
    return outcome


def _judged(work: Pass, open_source: Callable[[Lease, TokenSource], Source], reconcile: bool) -> Outcome:
    """Run it and turn every way it can end into an Outcome."""
    try:
        work.run(open_source(work.lease, LeasedTokens(work.gateway, work.lease)), reconcile)
        return Outcome("done", work.summary(), work.figures())
    except LeaseLost as error:
        return Outcome("lost", error.message, work.figures())
    except Retry as error:
        # By the clock here, which whoever waits goes by too: the ledger's may be an hour off.
        resume_at = datetime.now(timezone.utc) + timedelta(seconds=error.after_seconds)
        return Outcome("later", error.message, work.figures(), resume_at)
    except Reconnect as error:
        return Outcome("reconnect", error.message, work.figures())
    except Stop as error:
        return Outcome("failed", error.message, work.figures() | error.figures)
    except ConnectorError as error:
        return Outcome("failed", error.message, work.figures())
    except Exception as error:
        _log.exception("A pass over %s %s broke off", work.lease.vendor, work.lease.organisation)
        words = redacted(f"{type(error).__name__}: {error}")[:300]
        return Outcome(
            "failed", f"{work.lease.vendor} {work.lease.organisation}: unexpected fault ({words}).", {}
        )


class Pass:
    """The steps of one pass. `counts` tells what it did."""

    def __init__(self, gateway: Gateway, lease: Lease, watch: Callable, should_stop: Callable):
        self.gateway = gateway
        self.lease = lease
        self.counts: Counter = Counter()
        self.source: Source = None
        self._cursors = {"streams": {}, "retry": {}, **lease.cursors}
        self._watch = watch
        self._should_stop = should_stop
        self._touched: set[str] | None = set()
        self._ids: IdStore | None = None

    def run(self, source: Source, reconcile: bool) -> None:
        self.source = source
        source.budget.ask(lambda wanted, day_left: self.gateway.sync_calls(self.lease.key, wanted, day_left))
        source.open()
        whole = reconcile or self._is_due()
        if not whole:
            try:
                self._pull()
                self._bury()
            except Incomplete as reason:
                _log.info("%s Comparing everything instead.", reason.message)
                whole = True
        if whole:
            self._reconcile()
        self._check_totals(whole)

    def now(self) -> datetime:
        """The ledger's clock, this machine's only while the ledger has not spoken."""
        return (self.source and self.source.server_time) or datetime.now(timezone.utc)

    def figures(self) -> dict:
        """Counts of the pass; `calls` it made at the ledger, and the `quota` the ledger says is left."""
        figures = dict(self.counts)
        if self.source:
            figures["calls"] = self.source.budget.calls
            if self.source.budget.day_left is not None:
                figures["quota"] = {"day_left": self.source.budget.day_left}
        return figures

    def summary(self) -> str:
        parts = [f"{self.counts['stored']} stored", f"{self.counts['unchanged']} unchanged"]
        for key, words in (
            ("quarantined", "set aside"),
            ("removed", "removed"),
            ("differences", "differences"),
        ):
            if self.counts[key]:
                parts.append(f"{self.counts[key]} {words}")
        return f"{self.source.label}: {', '.join(parts)}."

    # -- scan ------------------------------------------------------------------------------------------------
    def _is_due(self) -> bool:
        last = self._cursors.get("reconciled_at")
        every = timedelta(hours=self._option("reconcile_hours", RECONCILE_EVERY.total_seconds() / 3600))
        return not last or self.now() - parse_instant(last) >= every

    def _pull(self) -> None:
        """What changed since the last pass, and what could not be read then."""
        for stream in self.source.streams:
            self._scan(stream, self._since(stream))
        for entity, ids in self._wanted_again().items():
            for page in self.source.fetch(entity, sorted(ids)):
                self._deliver(page, "again")

    def _wanted_again(self) -> dict[str, set[str]]:
        """Records refused before, and those the gateway asks for (set aside there, or named by a webhook)."""
        wanted = {entity: set(tries) for entity, tries in self._cursors["retry"].items() if tries}
        for row in self.lease.options.get("refetch") or ():
            if row["entity"] in self.source.entities:
                wanted.setdefault(row["entity"], set()).add(row["external_id"])
        return wanted

    def _since(self, stream: str) -> datetime | None:
        cursor = self._cursors["streams"].get(stream)
        return parse_instant(cursor) if cursor else None

    def _scan(self, stream: str, since: datetime | None) -> int:
        began_at, read = None, 0
        for page in self.source.scan(stream, since):
            began_at = began_at or self.source.server_time
            self._deliver(page, stream)
            read += len(page.records) + len(page.bad)
        began_at = began_at or self.source.server_time
        if began_at is not None:
            self._cursors["streams"][stream] = instant_text(began_at - OVERLAP)
        self._checkpoint()
        return read

    # -- deliver ---------------------------------------------------------------------------------------------
    def _deliver(self, page: Page, step: str) -> None:
        if self._should_stop():
            raise Retry("Stopped on request; the next pass goes on.", 0)
        if page.bad:
            self._set_aside(page.bad)
        for batch in chunks(page.records, BATCH):
            answer = self.gateway.sync_ingest(self.lease.key, [record.to_wire() for record in batch])
            for key in ("stored", "unchanged", "stale"):
                self.counts[key] += answer.get(key, 0)
            parked = set(answer.get("parked", ()))
            self.counts["parked"] += len(parked)
            refused = {(row["entity"], row["external_id"]) for row in answer.get("quarantined", ())}
            self.counts["quarantined"] += len(refused)
            self._settle_retries(batch, refused)
            if answer.get("stored"):
                self._touch(batch)
            if self._ids:
                self._ids.add(batch)
            if parked:
                self._fetch_parents({record.customer_id for record in batch if record.external_id in parked})
        self._watch(step, len(page.records))

    def _fetch_parents(self, customer_ids: set[str]) -> None:
        """Documents wait for their customer at the gateway; it is asked for now and sets them free."""
        for page in self.source.fetch("customer", sorted(customer_ids)):
            self._deliver(page, "customer")

    def _set_aside(self, bad: list[BadRecord]) -> None:
        rows = [
            {
                "entity": one.entity,
                "external_id": one.external_id,
                "cause": one.cause,
                "payload": _plain(one.payload),
            }
            for one in bad
        ]
        self.gateway.sync_quarantine(self.lease.key, rows)
        self.counts["quarantined"] += len(bad)
        for one in bad:
            self._again(one.entity, one.external_id)
            if self._ids:
                self._ids.add_id(one.entity, one.external_id)

    def _settle_retries(self, batch: list[Record], refused: set[tuple[str, str]]) -> None:
        for record in batch:
            entity = record.target if isinstance(record, Tombstone) else record.entity
            if (record.entity, record.external_id) in refused:
                self._again(record.entity, record.external_id)
            elif record.external_id in self._cursors["retry"].get(entity, ()):
                del self._cursors["retry"][entity][record.external_id]

    def _again(self, entity: str, external_id: str) -> None:
        """Remember a record that must be read again although it will not change at the source."""
        tries = self._cursors["retry"].setdefault(entity, {})
        tries[external_id] = tries.get(external_id, 0) + 1
        if not external_id or tries[external_id] > RETRY_TRIES_MAX or len(tries) > RETRY_IDS_MAX:
            del tries[external_id]  # the reconcile still reads it

    def _touch(self, batch: list[Record]) -> None:
        """Customers whose totals are worth checking after this pass; None stands for all of them."""
        if self._touched is None:
            return
        self._touched.update(
            customer_id
            for record in batch
            if (customer_id := getattr(record, "customer_id", None) or _own_id(record))
        )
        if len(self._touched) > CUSTOMERS_CHECKED_MAX or any(
            isinstance(record, Tombstone) for record in batch
        ):
            self._touched = None

    def _checkpoint(self) -> None:
        self.gateway.sync_checkpoint(self.lease.key, self._cursors)

    # -- what vanished ---------------------------------------------------------------------------------------
    def _bury(self) -> None:
        since = self._cursors.get("removed")
        if since is None:
            raise Incomplete(f"{self.source.label}: deletions were never looked at.")
        began_at = self.now()
        self._deliver_removals(self.source.removed(parse_instant(since)))
        self._cursors["removed"] = instant_text(began_at - OVERLAP)
        self._checkpoint()

    def _reconcile(self) -> None:
        """Read everything, then compare ids."""
        began_at = self.now()
        with IdStore() as self._ids:
            for stream in self.source.streams:
                read = self._scan(stream, None)
                self._check_count(stream, read)
            for entity in self.source.entities:
                self._remove_gone(entity)
        self._ids = None
        self._cursors["removed"] = instant_text(began_at - OVERLAP)
        self._cursors["reconciled_at"] = instant_text(began_at)
        self._touched = None
        self._checkpoint()

    def _check_count(self, stream: str, read: int) -> None:
        """A scan that read fewer records than the source counts has lost some: read it once more, then give up."""
        counted = self.source.count(stream)
        if counted is None or read >= counted:
            return
        read = self._scan(stream, None)
        counted = self.source.count(stream)
        if counted is not None and read < counted:
            raise Retry(
                f"{self.source.label}: {counted} {stream} records are there, {read} could be read.", 600
            )

    def _remove_gone(self, entity: str) -> None:
        known = known_open = 0
        gone_open = 0
        with IdStore() as gone:
            for row in self._known(entity):
                known += 1
                is_open = Decimal(row.get("open_amount") or 0) != 0
                known_open += is_open
                if not self._ids.has(entity, row["external_id"]):
                    gone.add_id(entity, row["external_id"])
                    gone_open += is_open
            self._ask_before_removal(entity, known_open, gone_open, self._ids.count(entity))
            for ids in gone.batches(entity):
                self._deliver_removals(self.source.fetch(entity, ids))

    def _deliver_removals(self, pages: Iterable[Page]) -> None:
        for page in pages:
            self.counts["removed"] += sum(isinstance(record, Tombstone) for record in page.records)
            self._deliver(page, "removed")

    def _known(self, entity: str) -> Iterator[dict]:
        after = None
        while True:
            answer = self.gateway.sync_known(self.lease.key, entity, after, BATCH)
            yield from answer["rows"]
            after = answer.get("next")
            if not after:
                return

    def _ask_before_removal(self, entity: str, known_open: int, gone_open: int, seen: int) -> None:
        allowed_pct = self._option("removal_share_pct", REMOVAL_SHARE_PCT)
        confirmed = self._option("removal_confirmed", 0)
        too_many = gone_open > REMOVAL_ALWAYS_FINE and gone_open * 100 > known_open * allowed_pct
        emptied = known_open and not seen
        if (too_many or emptied) and gone_open > confirmed:
            raise Stop(
                f"{self.source.label}: {gone_open} of {known_open} open {entity} records are no longer there. "
                "Nothing was removed. Check the ledger, then confirm the removal on the connection's page.",
                {"removal_entity": entity, "removal_open": gone_open, "removal_of": known_open},
            )

    # -- control totals --------------------------------------------------------------------------------------
    def _check_totals(self, reconciled: bool) -> None:
        """Compare with what the ledger itself says. A difference may be a change made meanwhile: pull, look again."""
        suspects = self._differences(self._touched)
        for _round in range(CONTROL_ROUNDS):
            if not suspects:
                break
            if not reconciled and self._may_suspect():
                self._cursors["suspected_at"] = instant_text(self.now())
                self._reconcile()
                reconciled = True
            else:
                self._pull()
            suspects = self._differences(suspects)
        self.counts["differences"] = len(suspects)

    def _differences(self, customer_ids: set[str] | None) -> set[str]:
        if customer_ids is not None and not customer_ids:
            return set()
        found = set()
        for totals in self.source.totals(sorted(customer_ids) if customer_ids is not None else None):
            for batch in chunks(totals, BATCH):
                rows = [
                    {
                        "customer_id": total.customer_id,
                        "currency": total.currency,
                        "amount": decimal_text(total.amount),
                    }
                    for total in batch
                ]
                found.update(row["customer_id"] for row in self.gateway.sync_control(self.lease.key, rows))
        return found

    def _may_suspect(self) -> bool:
        last = self._cursors.get("suspected_at")
        return not last or self.now() - parse_instant(last) >= SUSPICION_EVERY

    def _option(self, name: str, default: float) -> float:
        value = self.lease.options.get(name)
        return default if value is None else float(value)


class IdStore:
    """Ids on disk, in a private temporary database that vanishes with it: a set that does not grow in memory."""

    def __init__(self):
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("CREATE TABLE ids (entity TEXT, id TEXT, PRIMARY KEY (entity, id)) WITHOUT ROWID")

    def __enter__(self) -> IdStore:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._db.close()

    def add(self, records: Iterable[Record]) -> None:
        pairs = [
            (record.entity, record.external_id) for record in records if not isinstance(record, Tombstone)
        ]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO ids VALUES (?, ?)", pairs)
        self._db.execute("COMMIT")

    def add_id(self, entity: str, external_id: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (entity, external_id))

    def has(self, entity: str, external_id: str) -> bool:
        query = "SELECT 1 FROM ids WHERE entity = ? AND id = ?"
        return self._db.execute(query, (entity, external_id)).fetchone() is not None

    def count(self, entity: str) -> int:
        return self._db.execute("SELECT COUNT(*) FROM ids WHERE entity = ?", (entity,)).fetchone()[0]

    def batches(self, entity: str) -> Iterator[list[str]]:
        rows = self._db.execute("SELECT id FROM ids WHERE entity = ? ORDER BY id", (entity,))
        yield from chunks((row[0] for row in rows), BATCH)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size`."""
    iterator = iter(items)
    while part := list(itertools.islice(iterator, size)):
        yield part


def _own_id(record: Record) -> str | None:
    return record.external_id if record.entity == "customer" else None


def _plain(payload: Any) -> Any:
    """A vendor's payload as plain JSON; Decimals as text."""
    if isinstance(payload, dict):
        return {str(key): _plain(value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [_plain(value) for value in payload]
    if isinstance(payload, Decimal):
        return str(payload)
    if isinstance(payload, float):
        return repr(payload)
    return payload

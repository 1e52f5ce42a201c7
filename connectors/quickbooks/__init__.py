"""QuickBooks Online as a source of neutral records.

Reading is by keyset: `LastUpdatedTime >= the last one seen`, in its order, twice-read rows dropped by (Id, time).
A page shifted by a change in mid-scan hides nothing, because no offset is involved; only inside a single second that
fills a page are offsets used. Deletions never show in queries: they come from change data capture, each confirmed
by a read of its own, or from the difference of ids of a full reconcile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from ..budget import Budget, Limits
from ..errors import BadRecord, Gone, Incomplete, Retry
from ..gateway import Lease
from ..reading import FieldError, Fields
from ..records import Record, Tombstone
from ..sync import Page, Total, chunks
from ..tokens import TokenSource
from . import documents, mapping, writes
from .client import Client, quoted, quoted_instant
from .oauth import APIS

LIMITS = Limits(per_minute=500)
CAPTURE_DAYS = 29  # Intuit keeps 30; one is for clocks and time zones
CAPTURE_ROWS = 1000
IDS_PER_QUERY = 100
SECOND = timedelta(seconds=1)
STREAMS = {
    "customer": ("Customer", mapping.customer),
    "invoice": ("Invoice", mapping.invoice),
    "credit": ("CreditMemo", mapping.credit_memo),
    "payment": ("Payment", mapping.payment),
}
VENDOR_NAME = {
    "customer": "Customer",
    "invoice": "Invoice",
    "credit": "CreditMemo",
    "payment": "Payment",
    "journal": "JournalEntry",
}


def open_source(lease: Lease, tokens: TokenSource, budget: Budget | None = None) -> QuickBooksSource:
    api_url = lease.urls.get("api") or APIS[lease.environment]
    client = Client(api_url, lease.organisation, tokens, budget or Budget(LIMITS))
    return QuickBooksSource(client, lease)


class QuickBooksSource:
    """See `sync.Source` for what each method promises."""

    # Journals last: payments read before say which entries they settle.
    streams = ("customer", "invoice", "credit", "payment", "journal")
    entities = ("customer", "invoice", "credit", "payment")

    def __init__(self, client: Client, lease: Lease):
        self.label = f"QuickBooks company {lease.organisation}"
        self._links = mapping.Links.of(lease)
        self.client = client
        self.budget = client.budget
        self._company: mapping.Company | None = None
        self._settled_journals: set[str] = set()
        # Payment → (entry, customer, amount) it took off journal entries, once every payment has been read.
        self._journal_payments: dict[str, list[tuple[str, str, Decimal]]] | None = None

    @property
    def server_time(self) -> datetime | None:
        return self.client.server_time

    def open(self) -> None:
        preferences = Fields(self.client.preferences())
        try:
            home = preferences.child("CurrencyPrefs").child("HomeCurrency").currency("value")
        except FieldError as error:
            raise Retry(f"{self.label}: the home currency could not be read ({error}).", 30) from None
        accounts = self.client.rows(
            "Account", "SELECT Id FROM Account WHERE AccountType = 'Accounts Receivable' MAXRESULTS 1000"
        )
        ids = frozenset(str(row.get("Id")) for row in accounts if isinstance(row, dict))
        self._company = mapping.Company(home, ids, self._links)

    def scan(self, stream: str, since: datetime | None) -> Iterator[Page]:
        name = VENDOR_NAME[stream]
        if stream == "payment":
            self._journal_payments = {} if since is None else None
        for rows in self._changed(name, since):
            if stream == "journal" and since is None and self._journal_payments is not None:
                yield self._journal_page(rows, self._settlements_read())
            else:
                yield self._page(stream, rows)
        if stream == "journal" and since is not None and self._settled_journals:
            yield from self._journals(self._settled_journals)

    def count(self, stream: str) -> int | None:
        return self.client.count(VENDOR_NAME[stream], _where(_everyone(VENDOR_NAME[stream])))

    def removed(self, since: datetime) -> Iterator[Page]:
        now = self.server_time
        if now is not None and now - since > timedelta(days=CAPTURE_DAYS):
            raise Incomplete(f"{self.label}: the last look at deletions is over {CAPTURE_DAYS} days ago.")
        found = self._captured(since)
        gone = {stream: _deleted_ids(found.get(name, [])) for stream, name in VENDOR_NAME.items()}
        for stream in ("customer", "invoice", "credit", "payment"):
            if gone[stream]:
                yield from self.fetch(stream, gone[stream])
        if gone["journal"]:
            # Which customers an entry had is not said, so its claims can only be found by comparing ids.
            raise Incomplete(f"{self.label}: a journal entry was deleted.")
        if gone["payment"]:
            # A deleted payment re-opens a journal entry without changing it.
            yield from self.scan("journal", None)

    def _captured(self, since: datetime) -> dict[str, list]:
        """What change capture tells of each entity. It cuts at 1,000 rows without a word: asked one by one, then."""
        names = tuple(VENDOR_NAME.values())
        found = self.client.changes(names, since)
        if sum(map(len, found.values())) < CAPTURE_ROWS:
            return found
        for name in names:
            found[name] = self.client.changes((name,), since).get(name, [])
            if len(found[name]) >= CAPTURE_ROWS:
                raise Incomplete(f"{self.label}: more changes than one answer holds.")
        return found

    def fetch(self, entity: str, ids: Iterable[str]) -> Iterator[Page]:
        for part in chunks(ids, IDS_PER_QUERY):
            entries = {entry for entry in map(mapping.entry_of, part) if entry}
            if entries:
                yield from self._journals(entries, [(entity, one) for one in part if mapping.entry_of(one)])
            yield from self._fetch_plain(entity, [one for one in part if not mapping.entry_of(one)])

    def totals(self, customer_ids: Iterable[str] | None) -> Iterator[list[Total]]:
        columns = "Id, Balance, CurrencyRef, MetaData.LastUpdatedTime"
        if customer_ids is None:
            for rows in self._changed("Customer", None, columns):
                yield self._totals(rows)
            return
        for part in chunks(customer_ids, IDS_PER_QUERY):
            where = _where([f"Id IN ({', '.join(map(quoted, part))})", *_everyone("Customer")])
            statement = f"SELECT {columns} FROM Customer{where} MAXRESULTS {self.client.page_rows}"
            yield self._totals(self.client.rows("Customer", statement))

    # -- for single documents ----------------------------------------------------------------------------------
    def invoice_pdf(self, invoice_id: str) -> bytes:
        """See `documents.fetch_pdf`."""
        return documents.fetch_pdf(self.client, invoice_id)

    def payment_link(self, invoice_id: str) -> tuple[str, datetime | None]:
        """See `documents.online_link`."""
        return documents.online_link(self.client, invoice_id)

    def note(self, invoice_id: str, text: str, key: str) -> None:
        """See `writes.note_on_invoice`."""
        writes.note_on_invoice(self.client, invoice_id, text, key)

    # -- reading -----------------------------------------------------------------------------------------------
    def _changed(self, name: str, since: datetime | None, columns: str = "*") -> Iterator[list]:
        """All rows with LastUpdatedTime >= since, each version once, in pages."""
        bound, seen = since, set()
        while True:
            rows = self.client.rows(name, _scan_statement(name, bound, columns, self.client.page_rows))
            fresh = [row for row in rows if _version(row) not in seen]
            if fresh:
                yield fresh
            if len(rows) < self.client.page_rows:
                return
            last = _last_second(rows)
            if last == bound:
                yield from self._one_second(name, last, columns, seen)
                bound, seen = last + SECOND, set()
            else:
                bound, seen = last, {_version(row) for row in rows if _second(row) == last}

    def _one_second(self, name: str, moment: datetime, columns: str, seen: set) -> Iterator[list]:
        """More rows share one second than a page holds: offsets inside it, until a full turn brings nothing new."""
        while True:
            news, start = 0, 1
            while True:
                conditions = [*_everyone(name), f"MetaData.LastUpdatedTime = '{quoted_instant(moment)}'"]
                place = f"STARTPOSITION {start} MAXRESULTS {self.client.page_rows}"
                rows = self.client.rows(name, f"SELECT {columns} FROM {name}{_where(conditions)} {place}")
                fresh = [row for row in rows if _version(row) not in seen]
                seen.update(map(_version, fresh))
                news += len(fresh)
                if fresh:
                    yield fresh
                if len(rows) < self.client.page_rows:
                    break
                start += self.client.page_rows
            if not news:
                return

    def _page(self, stream: str, rows: list) -> Page:
        if stream == "journal":
            return self._journal_page(rows, self._settlements(rows))
        mapper = STREAMS[stream][1]
        if stream == "payment":
            self._remember_journals(rows)
        return Page.of(mapper(row, self._company) for row in rows)

    def _journal_page(self, rows: list, settled: dict[tuple[str, str], Decimal]) -> Page:
        return Page.of(
            record
            for row in rows
            for record in mapping.journal(row, self._company, lambda *key: settled.get(key, Decimal(0)))
        )

    def _remember_journals(self, rows: list) -> None:
        for row in rows:
            try:
                taken = [
                    (entry, Fields(row).child("CustomerRef").text("value"), amount)
                    for kind, entry, amount in mapping.links(row)
                    if kind == "JournalEntry"
                ]
                payment_id = Fields(row).text("Id")
            except FieldError:
                continue  # the mapper reports this payment
            self._settled_journals.update(entry for entry, _customer, _amount in taken)
            read = self._journal_payments
            if read is not None and (taken or payment_id in read):
                read[payment_id] = taken

    def _settlements_read(self) -> dict[tuple[str, str], Decimal]:
        """As `_settlements`, from the payments just read: not a call for each customer of an entry."""
        sums: dict[tuple[str, str], Decimal] = {}
        for taken in self._journal_payments.values():
            for entry, customer_id, amount in taken:
                sums[entry, customer_id] = sums.get((entry, customer_id), Decimal(0)) + amount
        return sums

    def _settlements(self, rows: list) -> dict[tuple[str, str], Decimal]:
        """(entry, customer) → what payments took off it. Asked per customer: entries carry no balance."""
        customers = {
            record.customer_id
            for row in rows
            for record in mapping.journal(row, self._company, lambda *_: Decimal(0))
            if not isinstance(record, BadRecord)
        }
        sums: dict[tuple[str, str], Decimal] = {}
        for customer_id in sorted(customers):
            statement = f"SELECT * FROM Payment WHERE CustomerRef = {quoted(customer_id)}"
            for rows_of_customer in self._paged("Payment", statement):
                for kind, target, amount in _readable_links(rows_of_customer):
                    if kind == "JournalEntry":
                        sums[target, customer_id] = sums.get((target, customer_id), Decimal(0)) + amount
        return sums

    def _paged(self, name: str, statement: str) -> Iterator[list]:
        start = 1
        while True:
            rows = self.client.rows(
                name, f"{statement} STARTPOSITION {start} MAXRESULTS {self.client.page_rows}"
            )
            yield rows
            if len(rows) < self.client.page_rows:
                return
            start += self.client.page_rows

    def _journals(self, entries: Iterable[str], wanted: Iterable[tuple[str, str]] = ()) -> Iterator[Page]:
        """These entries as they are now; a tombstone for each wanted (entity, id) that is not among their records."""
        rows = []
        for entry in sorted(entries):
            try:
                rows.append(self.client.get("JournalEntry", entry))
            except Gone:
                continue
        page = self._page("journal", rows)
        present = {(record.entity, record.external_id) for record in page.records}
        broken = {mapping.entry_of(bad.external_id) for bad in page.bad}
        page.records.extend(
            Tombstone(entity, one, self.server_time)
            for entity, one in wanted
            if (entity, one) not in present and mapping.entry_of(one) not in broken
        )
        yield page

    def _fetch_plain(self, entity: str, ids: list[str]) -> Iterator[Page]:
        """What is not among the answers of a query is asked for by itself: only "not found" there is a deletion."""
        if not ids:
            return
        name, mapper = STREAMS[entity]
        where = _where([f"Id IN ({', '.join(map(quoted, ids))})", *_everyone(name)])
        rows = self.client.rows(name, f"SELECT * FROM {name}{where} MAXRESULTS {self.client.page_rows}")
        present = {str(row.get("Id")) for row in rows if isinstance(row, dict)}
        answers: list[Record | BadRecord | None] = [mapper(row, self._company) for row in rows]
        for record_id in ids:
            if record_id not in present:
                try:
                    answers.append(mapper(self.client.get(name, record_id), self._company))
                except Gone:
                    answers.append(Tombstone(entity, record_id, self.server_time))
        yield Page.of(answers)

    def _totals(self, rows: list) -> list[Total]:
        totals = []
        for row in rows:
            mapped = mapping.balance(row, self._company)
            if mapped is not None:
                totals.append(Total(*mapped))
        return totals


def _everyone(name: str) -> list[str]:
    """Customers that are inactive are hidden unless asked for."""
    return ["Active IN (true, false)"] if name == "Customer" else []


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _scan_statement(name: str, since: datetime | None, columns: str, page_rows: int) -> str:
    conditions = _everyone(name)
    if since is not None:
        conditions.append(f"MetaData.LastUpdatedTime >= '{quoted_instant(since)}'")
    order = "ORDERBY MetaData.LastUpdatedTime STARTPOSITION 1"
    return f"SELECT {columns} FROM {name}{_where(conditions)} {order} MAXRESULTS {page_rows}"


def _second(row: object) -> datetime | None:
    try:
        return mapping.updated_at(Fields(row))
    except FieldError:
        return None


def _version(row: object) -> tuple:
    row_id = row.get("Id") if isinstance(row, dict) else None
    return (row_id, _second(row)) if row_id else (id(row), None)


def _last_second(rows: list) -> datetime:
    """The latest time on the page: the rows are sorted by it, unreadable ones aside."""
    times = [moment for moment in map(_second, rows) if moment]
    if not times:
        raise Retry("QuickBooks sent a page on which no time could be read.", 60)
    return max(times)


def _deleted_ids(rows: list) -> list[str]:
    return [
        str(row["Id"])
        for row in rows
        if isinstance(row, dict) and str(row.get("status", "")).lower() == "deleted" and row.get("Id")
    ]


def _readable_links(rows: list) -> Iterator[tuple[str, str, Decimal]]:
    for row in rows:
        try:
            yield from list(mapping.links(row))
        except FieldError:
            continue  # the payment's own stream reports it

"""Xero as a source of neutral records.

Xero pages by number only. Newest first, a change in mid-scan pushes rows towards later pages: some are read twice,
none is lost, and what moved to the front is caught by reading again from the scan's own start until nothing is new.
Nothing is deleted there but by status; removed allocations leave no trace of their own, yet change the invoice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from ..budget import Budget, Limits
from ..errors import BadRecord, Gone, Retry, Stop
from ..gateway import Lease
from ..reading import FieldError, Fields
from ..records import Record, Tombstone
from ..sync import Page, Total, chunks
from ..tokens import TokenSource
from . import documents, mapping, writes
from .client import Client
from .oauth import API

LIMITS = Limits(per_minute=60, reserve_calls=200)
IDS_PER_CALL = 40  # the ids travel in the address
RESCANS_MAX = 10
ORDER = "UpdatedDateUTC DESC"
SECOND = timedelta(seconds=1)
# stream → SDK resource, mapper, what to ask for besides
STREAMS: dict[str, tuple[str, Callable, dict]] = {
    "customer": ("contacts", mapping.customer, {"include_archived": "true"}),
    "invoice": ("invoices", mapping.invoice, {"where": 'Type=="ACCREC"'}),
    "credit_note": ("credit_notes", mapping.credit, {"where": 'Type=="ACCRECCREDIT"'}),
    "overpayment": ("overpayments", mapping.credit, {}),
    "prepayment": ("prepayments", mapping.credit, {}),
    "payment": ("payments", mapping.payment, {"where": 'PaymentType=="ACCRECPAYMENT"'}),
}
# entity → (SDK singular, key of its answer) to ask for one record
SINGLE = {
    "credit": (
        ("credit_note", "CreditNotes"),
        ("overpayment", "Overpayments"),
        ("prepayment", "Prepayments"),
    ),
    "payment": (("payment", "Payments"),),
}


def open_source(lease: Lease, tokens: TokenSource, budget: Budget | None = None) -> XeroSource:
    client = Client(lease.urls.get("api") or API, lease.organisation, tokens, budget or Budget(LIMITS))
    return XeroSource(client, lease)


class XeroSource:
    """See `sync.Source` for what each method promises."""

    streams = tuple(STREAMS)
    entities = ("customer", "invoice", "credit", "payment")

    def __init__(self, client: Client, lease: Lease):
        self.label = f"Xero organisation {lease.organisation}"
        self.client = client
        self.budget = client.budget
        self._lease = lease
        self._organisation: mapping.Organisation | None = None

    @property
    def server_time(self) -> datetime | None:
        return self.client.server_time

    def open(self) -> None:
        fields = Fields(self.client.organisation())
        try:
            links = mapping.Links.of(self._lease, fields.text("ShortCode"))
            self._organisation = mapping.Organisation(fields.currency("BaseCurrency"), links)
            is_demo = fields.flag("IsDemoCompany", False)
        except FieldError as error:
            raise Retry(f"{self.label}: the base currency could not be read ({error}).", 30) from None
        if is_demo and self._lease.environment == "production":
            raise Stop(f"{self.label} is Xero's demo company. Connect it as a sandbox.")

    def scan(self, stream: str, since: datetime | None) -> Iterator[Page]:
        began_at, latest, turned = None, set(), False
        for rows, page_count in self._pages(stream, since):
            began_at = began_at or self.server_time
            turned = turned or page_count > 1
            latest.update(_version(row) for row in rows if began_at and _updated_at(row) >= began_at - SECOND)
            yield self._page(stream, rows)
        if turned and began_at is not None:
            yield from self._rescan(stream, began_at, latest)

    def count(self, stream: str) -> None:
        """Each page is checked against the number of rows it announces."""

    def removed(self, since: datetime) -> Iterator[Page]:
        """Nothing vanishes in Xero: documents come back as VOIDED or DELETED through their own stream."""
        return iter(())

    def fetch(self, entity: str, ids: Iterable[str]) -> Iterator[Page]:
        if entity in SINGLE:
            for part in chunks(ids, IDS_PER_CALL):
                yield Page.of(self._fetch_single(entity, record_id) for record_id in part)
            return
        resource, mapper, options = STREAMS[entity]
        options = {name: value for name, value in options.items() if name != "where"}
        for part in chunks(ids, IDS_PER_CALL):
            rows, _ = self.client.page(resource, 1, i_ds=part, **options)
            answers: list[Record | BadRecord | None] = [mapper(row, self._organisation) for row in rows]
            present = {_id_of(row) for row in rows}
            answers += [Tombstone(entity, one, self.server_time) for one in part if one not in present]
            yield Page.of(answers)

    def totals(self, customer_ids: Iterable[str] | None) -> Iterator[list[Total]]:
        resource, _, options = STREAMS["customer"]
        if customer_ids is None:
            for rows, _ in self._pages("customer", None):
                yield _totals(rows)
            return
        for part in chunks(customer_ids, IDS_PER_CALL):
            rows, _ = self.client.page(resource, 1, i_ds=part, **options)
            yield _totals(rows)

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
    def _pages(self, stream: str, since: datetime | None) -> Iterator[tuple[list, int]]:
        """(rows not on the page before, number of pages) until the last page."""
        resource, _, options = STREAMS[stream]
        if since is not None:
            options = {**options, "if_modified_since": _modified_since(since)}
        number, before = 1, set()
        while True:
            rows, pagination = self.client.page(resource, number, order=ORDER, **options)
            page_count = pagination.get("pageCount") or 0
            yield [row for row in rows if _version(row) not in before], page_count
            if number >= page_count:
                return
            before = {_version(row) for row in rows}
            number += 1

    def _rescan(self, stream: str, began_at: datetime, seen: set) -> Iterator[Page]:
        for _turn in range(RESCANS_MAX):
            news = 0
            for rows, _ in self._pages(stream, began_at - SECOND):
                fresh = [row for row in rows if _version(row) not in seen]
                seen.update(map(_version, fresh))
                news += len(fresh)
                if fresh:
                    yield self._page(stream, fresh)
            if not news:
                return
        raise Retry(f"{self.label}: the {stream} records change faster than they can be read.", 300)

    def _page(self, stream: str, rows: list) -> Page:
        mapper = STREAMS[stream][1]
        page = Page.of(mapper(row, self._organisation) for row in rows)
        if stream == "invoice" and page.bad:
            self._read_again(page)
        return page

    def _read_again(self, page: Page) -> None:
        """An invoice that was caught in the middle of a change adds up when it is read once more."""
        ids = [bad.external_id for bad in page.bad if bad.is_half_read and bad.external_id]
        for again in self.fetch("invoice", ids):
            page.records.extend(again.records)
            done = {record.external_id for record in again.records}
            page.bad[:] = [bad for bad in page.bad if bad.external_id not in done]

    def _fetch_single(self, entity: str, record_id: str) -> Record | BadRecord | None:
        mapper = {"credit": mapping.credit, "payment": mapping.payment}[entity]
        for method, key in SINGLE[entity]:
            try:
                return mapper(self.client.one(method, record_id, key), self._organisation)
            except Gone:
                continue
        return Tombstone(entity, record_id, self.server_time)


def _totals(rows: list) -> list[Total]:
    return [Total(*told) for told in map(mapping.balance, rows) if told is not None]


def _modified_since(moment: datetime) -> str:
    """UTC without zone and fraction, the one form Xero reads everywhere; rounded down."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def _updated_at(row: Any) -> datetime:
    try:
        return Fields(row).instant("UpdatedDateUTC", assumed=timezone.utc)
    except FieldError:
        return datetime.min.replace(tzinfo=timezone.utc)


def _id_of(row: Any) -> str:
    if not isinstance(row, dict):
        return ""
    names = ("InvoiceID", "ContactID", "CreditNoteID", "OverpaymentID", "PrepaymentID", "PaymentID")
    return next((str(row[name]) for name in names if row.get(name)), "")


def _version(row: Any) -> tuple:
    row_id = _id_of(row)
    return (row_id, _updated_at(row)) if row_id else (id(row), None)

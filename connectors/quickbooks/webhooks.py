"""QuickBooks webhooks in both formats: CloudEvents (an array, since 2026) and `eventNotifications` before it.

One delivery may speak of several companies. Signature header: `intuit-signature`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..reading import FieldError, Fields, loads
from ..webhooks import Event, is_signed

SIGNATURE_HEADER = "intuit-signature"
ENTITIES = {"customer": "customer", "invoice": "invoice", "creditmemo": "credit", "payment": "payment"}
_TYPE = re.compile(r"qbo\.([a-z]+)\.([a-z]+)\.v\d+\Z")
_PAST = {"created": "create", "updated": "update", "deleted": "delete", "voided": "void", "merged": "merge"}

__all__ = ["SIGNATURE_HEADER", "events", "is_signed"]


def events(body: bytes) -> list[Event]:
    """The events of a delivery whose signature was right; kinds that do not concern us and what cannot be read
    are left out: polling finds what a hint missed.
    """
    try:
        content = loads(body)
    except ValueError:
        return []
    rows = _cloud_events(content) if isinstance(content, list) else _notifications(content)
    return [event for event in rows if event.organisation and event.entity and event.external_id]


def _cloud_events(rows: list) -> Iterator[Event]:
    for row in rows:
        try:
            fields = Fields(row)
            kind = _TYPE.match(fields.text("type").lower())
            if kind and kind[1] in ENTITIES:
                yield Event(
                    fields.text("intuitaccountid"),
                    ENTITIES[kind[1]],
                    fields.text("intuitentityid"),
                    _PAST.get(kind[2], kind[2]),
                    fields.instant("time"),
                )
        except FieldError:
            continue


def _notifications(content: Any) -> Iterator[Event]:
    for notice in _children(content, "eventNotifications"):
        try:
            change = notice.child("dataChangeEvent")
            realm = notice.text("realmId")
        except FieldError:
            continue
        for entity in _children(change.raw("entities"), None):
            try:
                name = entity.text("name").lower()
                if name in ENTITIES:
                    operation = entity.text("operation").lower()
                    yield Event(
                        realm, ENTITIES[name], entity.text("id"), operation, entity.instant("lastUpdated")
                    )
            except FieldError:
                continue


def _children(content: Any, name: str | None) -> list[Fields]:
    """The readable objects of a list, or of the list under a name."""
    rows = content.get(name) if isinstance(content, dict) and name else content
    return [Fields(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

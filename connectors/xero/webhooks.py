"""Xero webhooks. An "intent to receive" is a delivery without events: right signature → 200, wrong → 401.

Signature header: `x-xero-signature`. There is no DELETE event; overpayments send none at all.
"""

from __future__ import annotations

from datetime import timezone

from ..reading import FieldError, Fields, loads
from ..webhooks import Event, is_signed

SIGNATURE_HEADER = "x-xero-signature"
ENTITIES = {
    "CONTACT": "customer",
    "INVOICE": "invoice",
    "CREDITNOTE": "credit",
    "PREPAYMENT": "credit",
    "OVERPAYMENT": "credit",
    "PAYMENT": "payment",
}

__all__ = ["SIGNATURE_HEADER", "events", "is_signed"]


def events(body: bytes) -> list[Event]:
    """The events of a delivery whose signature was right; kinds that do not concern us and what cannot be read
    are left out: polling finds what a hint missed.
    """
    try:
        content = loads(body)
    except ValueError:
        return []
    rows = content.get("events") if isinstance(content, dict) else None
    return [event for event in map(_event, rows) if event] if isinstance(rows, list) else []


def _event(row: object) -> Event | None:
    try:
        fields = Fields(row)
        entity = ENTITIES.get(fields.text("eventCategory"))
        tenant, record_id = fields.text("tenantId"), fields.text("resourceId")
        if entity is None or not tenant or not record_id:
            return None
        at = fields.instant("eventDateUtc", assumed=timezone.utc)
        return Event(tenant, entity, record_id, fields.text("eventType").lower(), at)
    except FieldError:
        return None

"""What a webhook delivery is once its vendor's format is read: which record of which organisation to read again.

Both vendors sign the raw body: base64(HMAC-SHA256(body, key)).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Event:
    """A hint, never data: `entity` is ours (customer, invoice, credit, payment)."""

    organisation: str
    entity: str
    external_id: str
    operation: str = ""
    at: datetime | None = None


def is_signed(body: bytes, signature: str, key: str) -> bool:
    """Whether `signature` is the vendor's over these very bytes. Takes the same time right or wrong."""
    if not key or not signature:
        return False
    expected = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signature.encode("latin-1", "replace"))

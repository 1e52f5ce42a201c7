"""Single documents of Xero, read when they are needed."""

from __future__ import annotations

from datetime import datetime

from ..documents import PDF_MAX_BYTES
from ..errors import Gone
from ..reading import Fields
from .client import Client


def fetch_pdf(client: Client, invoice_id: str, max_bytes: int = PDF_MAX_BYTES) -> bytes:
    """The invoice as Xero prints it.

    :raise TooLarge: it has more than `max_bytes`. :raise Gone: Xero does not have the invoice.
    """
    return client.pdf(invoice_id, max_bytes)


def online_link(client: Client, invoice_id: str) -> tuple[str, datetime | None]:
    """(address where the customer sees and pays the invoice, None: it does not expire); ("", None) if there is none."""
    try:
        rows = client.rows("get_online_invoice", "OnlineInvoices", invoice_id)
    except Gone:
        return "", None
    return (Fields(rows[0]).text("OnlineInvoiceUrl") if rows else ""), None

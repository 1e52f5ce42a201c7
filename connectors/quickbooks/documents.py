"""Single documents of QuickBooks Online, read when they are needed."""

from __future__ import annotations

from datetime import datetime

from ..documents import PDF_MAX_BYTES
from ..errors import Gone
from ..reading import Fields
from .client import Client
from .mapping import entry_of


def fetch_pdf(client: Client, invoice_id: str, max_bytes: int = PDF_MAX_BYTES) -> bytes:
    """The invoice as QuickBooks prints it.

    :raise TooLarge: it has more than `max_bytes`. :raise Gone: there is no such invoice; journal entries have no print.
    """
    if entry_of(invoice_id):
        raise Gone("A journal entry in QuickBooks has no printed form.")
    return client.pdf(invoice_id, max_bytes)


def online_link(client: Client, invoice_id: str) -> tuple[str, datetime | None]:
    """(address where the customer sees and pays the invoice, end of its validity); ("", None) where none is offered."""
    if entry_of(invoice_id):
        return "", None
    try:
        invoice = Fields(client.get("Invoice", invoice_id, include="invoiceLink"))
    except Gone:
        return "", None
    link = invoice.text("InvoiceLink")
    ends_at = invoice.instant("InvoiceLinkExpiryDate") if invoice.raw("InvoiceLinkExpiryDate") else None
    return link, ends_at if link else None

"""What both ledgers share in reading documents."""

from __future__ import annotations

from .errors import Retry, TooLarge

PDF_MAX_BYTES = 16 * 1024 * 1024


def checked_pdf(content: bytes, max_bytes: int) -> bytes:
    """`content` when it is a PDF of at most `max_bytes`; proxies answer 200 with pages of their own."""
    if not content.startswith(b"%PDF-"):
        raise Retry("What the ledger sent is not a PDF.", 30)
    if len(content) > max_bytes:
        raise TooLarge(f"The PDF has {len(content):,} bytes; {max_bytes:,} are allowed.")
    return content

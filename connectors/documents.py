"""What both ledgers share in reading documents."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import Retry, TooLarge

PDF_MAX_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
_START = b"%PDF-"


def read_pdf(chunks: Iterable[bytes], announced: str | None, max_bytes: int) -> bytes:
    """The PDF out of an answer that is still being read. Reading ends with the first byte too many.

    :param chunks: unpacked, as they arrive
    :param announced: the Content-Length, if there is one
    :raise TooLarge: it has, or says it has, more than `max_bytes`
    :raise Retry: it is none: proxies answer 200 with pages of their own
    """
    if announced and announced.isdigit() and int(announced) > max_bytes:
        raise TooLarge(f"The PDF has {int(announced):,} bytes; {max_bytes:,} are allowed.")
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if not content.startswith(_START[: len(content)]):
            raise Retry("What the ledger sent is not a PDF.", 30)
        if len(content) > max_bytes:
            raise TooLarge(f"The PDF has more than the {max_bytes:,} bytes that are allowed.")
    if not content.startswith(_START):
        raise Retry("What the ledger sent is not a PDF.", 30)
    return bytes(content)

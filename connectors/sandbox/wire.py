"""What every skin says over HTTP: a reply that stays a structure until it is sent, and exact numbers in JSON."""

import json
from dataclasses import dataclass, field
from decimal import Decimal

from werkzeug.wrappers import Response


@dataclass
class Reply:
    """An answer. `payload` (JSON) wins over `body`; faults may still edit the payload before it is sent."""

    payload: object = None
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: dict = field(default_factory=dict)

    def content(self):
        return self.body if self.payload is None else dump(self.payload)

    def to_response(self):
        return Response(self.content(), self.status, self.headers, content_type=self.content_type)


class Refusal(Exception):
    """Raised anywhere in a skin to answer at once with `reply`."""

    def __init__(self, reply):
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


def html(status, title, text="", headers=None):
    """An HTML page such as a proxy in front of a vendor's API sends."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    return Reply(status=status, body=page.encode(), content_type="text/html", headers=headers or {})


def redirect(location):
    return Reply(status=302, body=b"", content_type="text/html", headers={"Location": location})


def dump(payload):
    """JSON bytes. A Decimal becomes the number with the same digits (exact up to 15 of them)."""
    return json.dumps(
        payload, default=_number, ensure_ascii=False, separators=(",", ":"), check_circular=False
    ).encode()


def load(raw):
    """A JSON request body with Decimals; raises ValueError."""
    return json.loads(raw or b"null", parse_float=Decimal)


def _number(value):
    if isinstance(value, Decimal):
        # The shortest text that reads back as the same float has the Decimal's own digits below 16 of them.
        number = float(value)
        return int(number) if number.is_integer() else number
    raise TypeError(f"{value!r} has no JSON form")


def simple_pdf(title, lines):
    """A one-page PDF with a heading and some lines of text (Latin-1; other characters become '?')."""
    text = [f"BT /F1 16 Tf 56 780 Td ({_pdf_text(title)}) Tj ET"]
    for row, line in enumerate(lines):
        text.append(f"BT /F1 10 Tf 56 {740 - 16 * row} Td ({_pdf_text(line)}) Tj ET")
    stream = "\n".join(text).encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _pdf_text(text):
    return str(text).replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")

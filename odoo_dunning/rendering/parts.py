"""The three parts of a message: as sources, and rendered."""

from __future__ import annotations

from dataclasses import dataclass

SUBJECT, HTML, TEXT = PARTS = ("subject", "html", "text")
FILE_NAMES = {SUBJECT: "subject.txt.j2", HTML: "body.html.j2", TEXT: "body.txt.j2"}


@dataclass(frozen=True)
class TemplateParts:
    """Template sources."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Message:
    """A rendered message. ``subject`` is one line; ``html`` is a whole document; ``text`` says the same in plain."""

    subject: str
    html: str
    text: str

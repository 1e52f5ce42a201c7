"""A mailbox: an SMTP server on loopback that keeps every message as an .eml file."""

from __future__ import annotations

import email
import email.message
import email.policy
import itertools
from collections.abc import Callable
from pathlib import Path

from aiosmtpd.controller import Controller

from tests.stage import ports


class Mailbox:
    """An SMTP server for `with`; messages land in `folder` in order of arrival.

    `fail_with` orders faults: a function from recipient address to an SMTP reply such as
    "451 4.3.0 try later" or "550 5.1.1 no such user", or to None for success.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.host = ports.LOOPBACK
        self.port = ports.require_free(port, "the mailbox") if port else ports.free_port()
        self.fail_with: Callable[[str], str | None] = lambda recipient: None
        self._controller = Controller(self, hostname=self.host, port=self.port)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Mailbox:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count(len(self.files()) + 1)
        self._controller.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._controller.stop()

    def files(self) -> list[Path]:
        """The .eml files, oldest first."""
        return sorted(self.folder.glob("*.eml"))

    def messages(self) -> list[email.message.EmailMessage]:
        """The messages, oldest first; the envelope's recipients are in `X-Envelope-To`."""
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in self.files()
        ]

    def clear(self) -> None:
        for path in self.files():
            path.unlink()

    # aiosmtpd calls these two by name

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options) -> str:
        refusal = self.fail_with(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        path = self.folder / f"{next(self._numbers):06d}.eml"
        path.write_bytes(head.encode() + envelope.original_content)
        return "250 OK"

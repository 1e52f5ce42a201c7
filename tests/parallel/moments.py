"""The moments at which a worker can be killed: around every commit, every answer of the mail server, every statement.

The database cursor and the SMTP client of the worker's own process are wrapped; the product knows nothing of it.
"""

from __future__ import annotations

import os
import re
import signal
import smtplib
import time

#: Lets the other end finish what it was told: killed then, the work is done and nobody here knows.
DELIVERY_SECONDS = 0.03


class _Count:
    """What has passed in this process; None: nothing is counted (the mother)."""

    passed: list[str] | None = None
    kill_at: int | None = None


def count(kill_at: int | None) -> list[str]:
    """Start counting in this process; the list grows as moments pass. At number `kill_at` (from 0) it ends."""
    _Count.passed, _Count.kill_at = [], kill_at
    return _Count.passed


def _pass(name: str) -> None:
    if _Count.passed is None:
        return
    if len(_Count.passed) == _Count.kill_at:
        if name.startswith("mail server: before"):
            time.sleep(DELIVERY_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)
    _Count.passed.append(name)


def install() -> None:
    """Wrap Odoo's cursor and Python's SMTP client."""
    from odoo.sql_db import Cursor

    commit, execute, reply = Cursor.commit, Cursor.execute, smtplib.SMTP.getreply

    def counted_commit(self):
        _pass("before commit")
        commit(self)
        _pass("after commit")

    def counted_execute(self, query, *args, **kwargs):
        _pass(f"statement {_headline(query)}")
        return execute(self, query, *args, **kwargs)

    def counted_reply(self):
        _pass("mail server: before the answer is read")
        answer = reply(self)
        _pass(f"mail server: answered {answer[0]}")
        return answer

    Cursor.commit, Cursor.execute, smtplib.SMTP.getreply = counted_commit, counted_execute, counted_reply


def _headline(query) -> str:
    text = query if isinstance(query, str) else getattr(query, "code", str(query))
    return re.sub(r"\s+", " ", text).strip()[:60]

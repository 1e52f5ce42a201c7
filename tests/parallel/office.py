"""A small company with customers who owe, and workers in it: what tests of crashes and of parallel work stand on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.stage import cache, inside, odoo, postgres
from tests.stage.smtp import Mailbox


@contextmanager
def furnished(purpose: str, customers: int, mailbox: Mailbox) -> Iterator[str]:
    """The name of a fresh database in which each of `customers` has two overdue invoices and gets one message, sent to
    `mailbox`."""
    name = f"bench_{purpose}_{os.getpid()}"
    with postgres.running():
        odoo.create_database_with_addon(name)
        inside.call(
            name,
            "tests.parallel.scene:furnish",
            customers=customers,
            mail_host=mailbox.host,
            mail_port=mailbox.port,
        )
        yield name
        odoo.drop_database(name)


@contextmanager
def staffed(database: str) -> Iterator:
    """Worker processes of that database, as `tests.parallel.workers.Workers`."""
    from tests.parallel.workers import Workers

    with Workers(database, cache.root() / "log" / f"{database}.workers.log") as mother:
        yield mother

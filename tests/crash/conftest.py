"""A small company, its mailbox, and workers to kill."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.stage import cache, inside, odoo, postgres
from tests.stage.smtp import Mailbox

CUSTOMERS = 3


@pytest.fixture(scope="session")
def crash_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with Mailbox(tmp_path_factory.mktemp("mailbox")) as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def crash_database(crash_mailbox: Mailbox) -> Iterator[str]:
    """Three customers with two overdue invoices each, who get one message each."""
    name = f"bench_crash_{os.getpid()}"
    with postgres.running():
        odoo.create_database_with_addon(name)
        inside.call(
            name,
            "tests.parallel.scene:furnish",
            customers=CUSTOMERS,
            mail_host=crash_mailbox.host,
            mail_port=crash_mailbox.port,
        )
        yield name
        odoo.drop_database(name)


@pytest.fixture(scope="session")
def workers(crash_database: str) -> Iterator:
    from tests.parallel.workers import Workers

    with Workers(crash_database, cache.root() / "log" / f"{crash_database}.workers.log") as mother:
        yield mother

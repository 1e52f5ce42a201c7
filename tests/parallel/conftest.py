"""A small company, its mailbox, and workers that act at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stage import cache, inside, odoo, postgres
from tests.stage.smtp import Mailbox

CUSTOMERS = 14


@pytest.fixture(scope="session")
def office_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with Mailbox(tmp_path_factory.mktemp("mailbox")) as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def office_database(office_mailbox: Mailbox) -> Iterator[str]:
    """Fourteen customers with two overdue invoices each."""
    name = f"bench_parallel_{os.getpid()}"
    with postgres.running():
        odoo.create_database_with_addon(name)
        inside.call(
            name,
            "tests.parallel.scene:furnish",
            customers=CUSTOMERS,
            mail_host=office_mailbox.host,
            mail_port=office_mailbox.port,
        )
        yield name
        odoo.drop_database(name)


@pytest.fixture(scope="module")
def mother(office_database: str) -> Iterator:
    from tests.parallel.workers import Workers

    with Workers(office_database, cache.root() / "log" / f"{office_database}.workers.log") as workers:
        yield workers


@pytest.fixture
def workers(mother, office_mailbox: Mailbox):
    """The workers, in an office where nothing has been proposed yet."""
    from tests.parallel import scene

    scene.reset(mother.database)
    office_mailbox.clear()
    return mother


@pytest.fixture
def meeting(tmp_path: Path):
    """Arguments that let workers meet: `meeting(2)` twice for two of them."""
    place = tmp_path / "meeting"
    place.mkdir()
    names = iter("abcdefgh")

    def come(count: int) -> dict:
        return {"folder": str(place), "name": next(names), "count": count}

    return come

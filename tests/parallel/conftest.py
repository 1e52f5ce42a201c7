"""A small company, its mailbox, and workers that act at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parallel.office import furnished, staffed
from tests.stage.smtp import Mailbox

CUSTOMERS = 14


@pytest.fixture(scope="session")
def office_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with Mailbox(tmp_path_factory.mktemp("mailbox")) as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def office_database(office_mailbox: Mailbox) -> Iterator[str]:
    with furnished("parallel", CUSTOMERS, office_mailbox) as name:
        yield name


@pytest.fixture(scope="module")
def mother(office_database: str) -> Iterator:
    with staffed(office_database) as workers:
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

"""A small company, its mailbox, and workers to kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parallel.office import furnished, staffed
from tests.stage.smtp import Mailbox

CUSTOMERS = 3


@pytest.fixture(scope="session")
def crash_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with Mailbox(tmp_path_factory.mktemp("mailbox")) as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def crash_database(crash_mailbox: Mailbox) -> Iterator[str]:
    with furnished("crash", CUSTOMERS, crash_mailbox) as name:
        yield name


@pytest.fixture(scope="session")
def workers(crash_database: str) -> Iterator:
    with staffed(crash_database) as mother:
        yield mother

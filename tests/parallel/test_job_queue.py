"""The slices of a proposal as jobs of the OCA's queue_job, on a real Odoo with three workers on one database."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.bench import seed
from tests.parallel import job_queue
from tests.parallel.scene import sql
from tests.stage import inside, oca, odoo, postgres

pytestmark = [pytest.mark.odoo]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """10,000 items of 2,000 customers, our addon and queue_job."""
    name = f"bench_queue_{os.getpid()}"
    with postgres.running():
        seed.with_modules(seed.books(10_000), name, (*seed.OWN_MODULES, "queue_job"))
        inside.call(name, "tests.bench.propose:project", addons=[oca.addons()])
        yield name
        odoo.drop_database(name)


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(database: str) -> None:
    found = job_queue.lose_a_worker(database)

    assert found["killed"] == 1
    assert found["lines"] == 10_000
    assert found["is_same"]
    assert (
        sql(database, "SELECT item_id FROM dunning_run_line GROUP BY run_id, item_id HAVING COUNT(*) > 1")
        == []
    )
    assert {state for (state,) in sql(database, "SELECT state FROM queue_job")} == {"done"}

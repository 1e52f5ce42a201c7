"""The demo's database before the first pass: built once a day and version, then copied in a second."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.stage import cache, checkout, odoo, postgres
from tests.stage.demo import parts
from tests.stage.progress import step

DATABASE = "dunning_demo"
MADE_OF = ("odoo_dunning", "connectors", "templates", "tests/stage/demo")

SCRIPT = """
import datetime, json
from tests.stage.demo import odoo_books
key = odoo_books.build(env, datetime.date.fromisoformat({today!r}))
env.cr.commit()
print("PREPARED " + json.dumps({{"worker_key": key}}))
"""


@dataclass(frozen=True)
class Prepared:
    """A fresh demo database and the API key of its sync worker."""

    database: str
    worker_key: str


def fresh(today: date, database: str = DATABASE) -> Prepared:
    """Create `database` anew with the demo's books; one left over by a crash is dropped."""
    ready = f"{DATABASE}_ready_{_version(today)}"
    facts = parts.folder() / f"{ready}.json"
    with cache.locked("demo"):
        if not (facts.exists() and postgres.exists(ready)):
            _forget_older()
            _build(ready, facts, today)
        with step("Copying the prepared database"):
            odoo.copy_database(ready, database)
    return Prepared(database, json.loads(facts.read_text())["worker_key"])


def _version(today: date) -> str:
    """Changes with the day and with every file the database is made of."""
    digest = hashlib.sha256(today.isoformat().encode())
    for path in sorted(_files()):
        digest.update(str(path.relative_to(checkout.ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def _files() -> list[Path]:
    return [
        path
        for name in MADE_OF
        for path in (checkout.ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _forget_older() -> None:
    for facts in parts.folder().glob(f"{DATABASE}_ready_*.json"):
        odoo.drop_database(facts.stem)
        facts.unlink()


def _build(ready: str, facts: Path, today: date) -> None:
    building = f"{DATABASE}_building"
    odoo.create_database_with_addon(building)
    with step("Writing Odoo's own books"):
        printed = odoo.shell(building, SCRIPT.format(today=today.isoformat()))
    line = next(line for line in printed.splitlines() if line.startswith("PREPARED "))
    odoo.copy_database(building, ready)
    odoo.drop_database(building)
    facts.write_text(line.removeprefix("PREPARED "))
    facts.chmod(0o600)

"""The pure rooms stay pure: a single import of Odoo would end property tests, replay and simulation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stage import import_rules


def test_no_room_imports_what_it_may_not() -> None:
    assert import_rules.violations() == []


@pytest.mark.parametrize(
    "statement",
    [
        "import odoo",
        "from odoo import fields",
        "from ..models import dunning_item",
        "import odoo_dunning.models",
    ],
)
def test_engine_reaching_out_is_noticed(tmp_path: Path, statement: str) -> None:
    (tmp_path / "decide.py").write_text(f"import decimal\n{statement}\n")
    engine = import_rules.Room("odoo_dunning.engine", tmp_path, ("odoo", "odoo_dunning"), import_rules.PURE)
    (found,) = import_rules.violations((engine,))
    assert "decide.py:2:" in found


@pytest.mark.parametrize(
    "statement", ["from . import items", "from .calendar import Calendar", "from ..rendering import render"]
)
def test_engine_importing_its_like_is_fine(tmp_path: Path, statement: str) -> None:
    (tmp_path / "decide.py").write_text(statement + "\n")
    engine = import_rules.Room("odoo_dunning.engine", tmp_path, ("odoo", "odoo_dunning"), import_rules.PURE)
    assert import_rules.violations((engine,)) == []


def test_connector_reaching_into_the_addon_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "sync.py").write_text("from odoo_dunning.engine import items\n")
    connectors = import_rules.Room("dunning_connectors", tmp_path, ("odoo", "odoo_dunning"))
    assert len(import_rules.violations((connectors,))) == 1

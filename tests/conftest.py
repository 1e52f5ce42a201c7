"""Import names of this checkout without Odoo, and the servers that tests stand on."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.stage import checkout, provision

# The same examples in every CI run, new ones at each desk; no deadlines, for machines are busy.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", derandomize=True, **_PATIENT)
settings.register_profile("desk", **_PATIENT)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def _import_from_checkout() -> None:
    """Make the pure parts importable as they are named when installed, without running the addon's `__init__`.

    `odoo_dunning` becomes an empty package over its folder, so that `odoo_dunning.engine` and
    `odoo_dunning.rendering` load and nothing that needs Odoo does.
    """
    addon = types.ModuleType("odoo_dunning")
    addon.__path__ = [str(checkout.ADDON)]
    sys.modules.setdefault("odoo_dunning", addon)
    for name, folder in checkout.PACKAGES.items():
        source = folder / "__init__.py"
        if name not in sys.modules and source.is_file():
            spec = importlib.util.spec_from_file_location(
                name, source, submodule_search_locations=[str(folder)]
            )
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)


_import_from_checkout()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a browser on a machine that cannot have one, and say why."""
    if item.get_closest_marker("browser") and not provision.tool(provision.CHROMIUM_NAMES):
        reason = provision.missing_tools().get("chromium", "no Chromium on PATH")
        pytest.skip(f"no browser: {reason}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium that Playwright can drive (`executable_path`)."""
    return provision.tool(provision.CHROMIUM_NAMES)


@pytest.fixture
def smtp_server(tmp_path: Path) -> Iterator:
    """A `tests.stage.smtp.Mailbox`: `host`, `port`, `messages()`, `fail_with`."""
    from tests.stage.smtp import Mailbox

    with Mailbox(tmp_path / "mailbox") as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def odoo_database() -> Iterator[str]:
    """A database of its own with the addon installed and the password of `admin` being `admin`."""
    from tests.stage import odoo, postgres

    name = f"dunning_pytest_{os.getpid()}"
    with postgres.running():
        odoo.create_database_with_addon(name)
        yield name
        odoo.drop_database(name)


@pytest.fixture(scope="session")
def odoo_server(odoo_database: str) -> Iterator:
    """A `tests.stage.server.OdooServer` on `odoo_database`: `url`, `port`, `database`, `log_text()`."""
    from tests.stage import server

    with server.running(odoo_database) as running:
        yield running

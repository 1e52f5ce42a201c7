"""The wheel as people install it: beside an Odoo, in an environment that knows nothing of this checkout."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import pytest

from tests.stage import checkout, odoo, postgres, provision

#: What goes into the wheel and what describes it.
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "odoo_dunning", "connectors", "templates")
#: import name -> the distribution that brings it, where the names differ
DISTRIBUTIONS = {
    "quickbooks": "python-quickbooks",
    "requests_oauthlib": "python-quickbooks",
    "urllib3": "requests",
    "xero_python": "xero-python",
}
#: Comes with every Odoo.
FROM_ODOO = {"odoo", "psycopg2", "lxml", "markupsafe", "pytz", "dateutil", "freezegun", "PIL"}


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel, Odoo and what both depend on; nothing of the checkout is on its path."""

    folder: Path
    wheel: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=self.folder,
            env={**environment, "ODOO_RC": odoo.environment()["ODOO_RC"]},
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path = checkout.ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.exists():
            shutil.copy(path, source / name)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            "wheels",
            ".",
        ],
        cwd=source,
        check=True,
    )
    (built,) = (source / "wheels").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = str(folder / "bin/python")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            str(wheel),
        ],
        check=True,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    beside = [str(provision.odoo_python_path()), sysconfig.get_path("purelib")]
    (site / "beside.pth").write_text("\n".join(beside) + "\n")
    return Installation(folder, wheel)


@pytest.fixture
def database() -> Iterator[str]:
    name = f"dunning_wheel_{os.getpid()}"
    odoo.create_database(name)
    yield name
    odoo.drop_database(name)


def test_wheel_takes_nothing_that_belongs_to_odoo_or_to_this_repository(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    roots = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert roots == {"odoo", "dunning_connectors", "dunning_templates"}
    assert "odoo/__init__.py" not in names
    assert "odoo/addons/__init__.py" not in names
    assert {name.split("/")[2] for name in names if name.startswith("odoo/")} == {"odoo_dunning"}


def test_wheel_carries_every_file_of_the_three_folders(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for root, target in (
        ("odoo_dunning", "odoo/addons/odoo_dunning"),
        ("connectors", "dunning_connectors"),
        ("templates", "dunning_templates"),
    ):
        folder = checkout.ROOT / root
        files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        missing = {f"{target}/{path.relative_to(folder).as_posix()}" for path in files} - names
        assert not missing


def test_every_package_we_import_is_declared(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        headers = Parser().parsestr(archive.read(metadata).decode())
    declared = {
        requirement.split(";")[0].split(">")[0].strip().lower()
        for requirement in headers.get_all("Requires-Dist")
    }
    imported = set()
    for root in ("odoo_dunning", "connectors"):
        for path in (checkout.ROOT / root).rglob("*.py"):
            if "tests" not in path.relative_to(checkout.ROOT).parts:
                imported |= _top_level_imports(path)
    foreign = (
        imported
        - set(sys.stdlib_module_names)
        - FROM_ODOO
        - {"odoo_dunning", "dunning_connectors", "dunning_templates"}
    )
    assert {DISTRIBUTIONS.get(name, name) for name in foreign} - declared == set()


def _top_level_imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("command", ["dunning-sync", "dunning-sandbox"])
def test_command_answers_outside_the_checkout(installation: Installation, command: str) -> None:
    answer = installation.run(command, "--help")
    assert answer.returncode == 0, answer.stderr
    assert "usage" in answer.stdout.lower()


def test_message_texts_are_found_as_package_resources(installation: Installation) -> None:
    script = (
        "from importlib import resources;"
        "texts = resources.files('dunning_templates');"
        "print(len([p for p in texts.joinpath('en').iterdir()]))"
    )
    answer = installation.run("python", "-c", script)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) > 0


@pytest.mark.odoo
def test_odoo_installs_the_addon_from_the_wheel(installation: Installation, database: str) -> None:
    addons = ",".join(str(path) for path in odoo.addons_path() if path != checkout.ROOT)
    where = installation.run(
        "python",
        "-c",
        "from importlib.util import find_spec; print(find_spec('odoo.addons.odoo_dunning').origin)",
    )
    assert str(installation.folder) in where.stdout, where.stderr
    done = installation.run(
        *("python", "-m", "odoo", "-d", database, "-i", "odoo_dunning", f"--addons-path={addons}"),
        *("--stop-after-init", "--no-http", "--log-level=warn"),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "ERROR" not in done.stderr, done.stderr[-4000:]
    assert _module_state(database) == "installed"


def _module_state(database: str) -> str:
    connection = postgres.connect(database)
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM ir_module_module WHERE name = 'odoo_dunning'")
        (state,) = cursor.fetchone()
    connection.close()
    return state

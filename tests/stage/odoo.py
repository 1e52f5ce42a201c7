"""Run the real Odoo 19 on databases of the stage."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.stage import cache, checkout, postgres, progress, provision
from tests.stage.errors import StageError


def environment() -> dict[str, str]:
    """The environment in which `odoo`, this checkout's packages and the fetched tools are found."""
    python_path = [checkout.ROOT, provision.odoo_python_path(), checkout.packages_path()]
    programs = [provision.venv_folder() / "bin", os.environ.get("PATH", ""), provision.tools_folder() / "bin"]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, python_path)),
        "PATH": os.pathsep.join(map(str, programs)),
        "ODOO_RC": str(_config()),
    }


def _config() -> Path:
    """An Odoo configuration of our own, so that the user's ~/.odoorc does not leak in."""
    path = cache.root() / "odoo.conf"
    if not path.exists():
        path.write_text(f"[options]\ndata_dir = {cache.root() / 'odoo-data'}\n")
    return path


def addons_path() -> list[Path]:
    """Odoo's own addons and this checkout."""
    home = provision.odoo_python_path()
    standard = [home / "odoo/addons", home / "addons"]
    return [path for path in standard if (path / "web").is_dir() or (path / "base").is_dir()] + [
        checkout.ROOT
    ]


def command(*arguments: str, addons: list[Path] | None = None) -> list[str]:
    """The command line of an Odoo process; `addons` replaces the usual addons path."""
    path = ",".join(map(str, addons or addons_path()))
    return [sys.executable, "-m", "odoo", *arguments, f"--addons-path={path}"]


def run(
    *arguments: str,
    log: Path | None = None,
    addons: list[Path] | None = None,
    variables: dict[str, str] | None = None,
) -> int:
    """Run Odoo to its end; output goes to `log`, else to ours. Returns its exit status.

    `variables` go into its environment.
    """
    words = command(*arguments, addons=addons)
    if log is None:
        return subprocess.run(words, env={**environment(), **(variables or {})}).returncode
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        return subprocess.run(
            words, env={**environment(), **(variables or {})}, stdout=out, stderr=subprocess.STDOUT
        ).returncode


def shell(database: str, script: str) -> str:
    """Run `script` in `odoo shell` on `database` and return what it printed.

    The script commits what it wants to keep with `env.cr.commit()`. Raises StageError when it fails.
    """
    done = subprocess.run(
        command("shell", "-d", database, "--no-http", "--log-level=error"),
        env=environment(),
        input=script,
        capture_output=True,
        text=True,
    )
    if done.returncode or "Traceback (most recent call last)" in done.stderr:
        raise StageError(f"The Odoo shell on {database} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


# --- Databases --------------------------------------------------------------------------------------------------


def dependencies() -> list[str]:
    """The Odoo modules our manifest depends on."""
    return sorted(ast.literal_eval(checkout.MANIFEST.read_text())["depends"])


def template() -> str:
    """The database with our dependencies installed and without our addon; built once per Odoo and dependency list."""
    recipe = f"{provision.odoo_python_path()} {dependencies()}"
    name = f"dunning_template_{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"
    if postgres.exists(name):
        return name
    with cache.locked("template"):
        if not postgres.exists(name):
            _build_template(name)
    return name


def _build_template(name: str) -> None:
    building = f"{name}_building"
    drop_database(building)
    postgres.create(building)
    log = cache.root() / "log" / f"{name}.log"
    modules = ",".join(dependencies())
    with progress.step(f"Creating the template database ({modules})"):
        status = run("-d", building, "-i", modules, "--stop-after-init", "--no-http", log=log)
    if status:
        raise StageError(f"Odoo could not install {modules}; see {log}.")
    if _filestore(building).is_dir():
        shutil.rmtree(_filestore(name), ignore_errors=True)
        _filestore(building).rename(_filestore(name))
    postgres.rename(building, name)


def create_database(name: str) -> None:
    """Create `name` afresh as a copy of the template; an older database of that name is dropped."""
    source = template()
    drop_database(name)
    _copy_filestore(source, name)
    with cache.locked("copy"):
        postgres.create(name, template=source)


def create_database_with_addon(name: str) -> None:
    """Create `name` afresh with the addon of this checkout installed."""
    create_database(name)
    log = cache.root() / "log" / f"{name}.install.log"
    with progress.step(f"Installing odoo_dunning on {name}"):
        status = run("-d", name, "-i", "odoo_dunning", "--stop-after-init", "--no-http", log=log)
    if status:
        raise StageError(f"Odoo could not install odoo_dunning; see {log}.")


def copy_database(source: str, name: str) -> None:
    """Create `name` afresh as a copy of `source`, to which nobody may be connected."""
    drop_database(name)
    _copy_filestore(source, name)
    postgres.create(name, template=source)


def drop_database(name: str) -> None:
    postgres.drop(name)
    shutil.rmtree(_filestore(name), ignore_errors=True)


def drop_all_databases() -> None:
    """Drop every database of our role in the private cluster; a server named by PGHOST is left alone."""
    if postgres.is_private():
        for name in postgres.names():
            drop_database(name)


def _filestore(name: str) -> Path:
    return cache.root() / "odoo-data" / "filestore" / name


def _copy_filestore(source: str, name: str) -> None:
    """Files are named by their content and never edited, so hard links will do."""
    if _filestore(source).is_dir():
        shutil.rmtree(_filestore(name), ignore_errors=True)
        shutil.copytree(_filestore(source), _filestore(name), copy_function=os.link)

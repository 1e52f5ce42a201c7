"""The stage's command line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.stage import cache, checkout, provision
from tests.stage.errors import StageError

#: command -> (help, whether it acts on a database, whether unknown options are passed on)
COMMANDS = {
    "provision": ("fetch what is missing into the cache", False, False),
    "odoo": ("run Odoo on a database, copied from the template if missing", True, True),
    "shell": ("odoo shell on a database", True, True),
    "test-odoo": ("install the addon on a fresh database and run its Odoo tests", True, False),
    "psql": ("psql on a database", True, True),
    "dropdb": ("drop a database and its files", True, False),
    "python": ("the stage's Python, with Odoo and this checkout importable", False, True),
    "pytest": ("pytest over tests/", False, True),
    "demo": ("the whole product at work, staying up until Ctrl-C", False, False),
    "screenshots": ("the pictures of the README", False, True),
    "bench": ("measure against the yardsticks", False, True),
    "test": ("every test suite, with one closing line", False, False),
    "lint": ("ruff, pylint-odoo and the import rules", False, False),
    "clean": ("drop the stage's databases and checkout leftovers; keep the downloads", False, False),
}


def main(arguments: list[str]) -> int:
    """Provision, change into the stage's Python, run one command; returns the exit status."""
    options, rest = _parser().parse_known_args(arguments)
    if rest and not COMMANDS[options.command][2]:
        print(
            f"{options.command} does not know {' '.join(rest)}; see python3 -m tests.stage --help",
            file=sys.stderr,
        )
        return 2
    started = time.monotonic()
    try:
        if options.command == "clean" and not provision.is_ready():
            return 0
        provision.provision()
        if options.command == "provision":
            print(f"The stage is ready in {cache.root()} ({time.monotonic() - started:.1f} s).")
            return 0
        _enter_stage_python(arguments)
        return _run(options, rest)
    except StageError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.stage", description="Run odoo-dunning on real parts."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (text, on_database, passes_on) in COMMANDS.items():
        command = commands.add_parser(name, help=text, add_help=not passes_on, allow_abbrev=False)
        if on_database:
            command.add_argument("--db", required=True, help="name of the database")
        if name == "test-odoo":
            command.add_argument(
                "--tags", default="/odoo_dunning", help="Odoo's --test-tags (default: %(default)s)"
            )
            command.add_argument("--keep", action="store_true", help="update the database if it exists")
        if name == "demo":
            command.add_argument("--check", action="store_true", help="check the outcome and exit")
    return parser


def _enter_stage_python(arguments: list[str]) -> None:
    """Go on in the Python environment that has the packages, unless this is it."""
    if Path(sys.prefix).resolve() == provision.venv_folder().resolve():
        return
    python = str(provision.venv_python())
    os.chdir(checkout.ROOT)
    sys.stdout.flush()
    os.execv(python, [python, "-m", "tests.stage", *arguments])


def _run(options: argparse.Namespace, rest: list[str]) -> int:
    """What needs the packages of the stage's own Python."""
    if options.command == "lint":
        from tests.stage import lint

        return lint.main()
    from tests.stage import postgres

    with postgres.running():
        return _run_on_postgres(options, rest)


def _run_on_postgres(options: argparse.Namespace, rest: list[str]) -> int:
    from tests.stage import odoo, postgres

    if options.command in ("odoo", "shell") and not postgres.exists(options.db):
        odoo.create_database(options.db)
    if options.command == "odoo":
        return odoo.run("-d", options.db, *rest)
    if options.command == "shell":
        return odoo.run("shell", "-d", options.db, "--no-http", *rest)
    if options.command == "psql":
        return subprocess.run([postgres.psql_program(), "-d", options.db, *rest]).returncode
    if options.command == "dropdb":
        odoo.drop_database(options.db)
        return 0
    if options.command == "clean":
        odoo.drop_all_databases()
        return 0
    if options.command == "python":
        return subprocess.run([sys.executable, *rest], env=odoo.environment()).returncode
    if options.command == "pytest":
        return subprocess.run([sys.executable, "-m", "pytest", *rest], env=odoo.environment()).returncode
    if options.command == "test-odoo":
        from tests.stage import odoo_tests

        return odoo_tests.main(options.db, options.tags, keep=options.keep)
    if options.command == "demo":
        from tests.stage import demo

        return demo.main(check=options.check)
    if options.command in ("screenshots", "bench"):
        program = {"screenshots": "tests.browser.screenshots", "bench": "tests.bench"}[options.command]
        return subprocess.run([sys.executable, "-m", program, *rest], env=odoo.environment()).returncode
    from tests.stage import suites

    return suites.main()

"""The stage's command line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.stage import checkout, provision
from tests.stage.errors import StageError


def main(arguments: list[str]) -> int:
    """Provision, change into the stage's Python, run one command; returns the exit status."""
    options, rest = _parser().parse_known_args(arguments)
    try:
        return _dispatch(options, rest, arguments)
    except StageError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.stage", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("provision", help="fetch what is missing into the cache")
    odoo = commands.add_parser("odoo", help="run Odoo on a database, made from the template if missing", add_help=False)
    odoo.add_argument("--db", required=True)
    tests = commands.add_parser("test-odoo", help="install the addon on a fresh database and run its Odoo tests")
    tests.add_argument("--db", required=True)
    tests.add_argument("--tags", default="/odoo_dunning", help="Odoo --test-tags (default: %(default)s)")
    psql = commands.add_parser("psql", help="open psql on a database", add_help=False)
    psql.add_argument("--db", required=True)
    commands.add_parser("python", help="the stage's Python, with Odoo and this checkout importable", add_help=False)
    commands.add_parser("pytest", help="pytest over tests/", add_help=False)
    demo = commands.add_parser("demo", help="the whole product at work, staying up until Ctrl-C")
    demo.add_argument("--check", action="store_true", help="check the outcome and exit instead of staying up")
    commands.add_parser("check", help="all test suites, one closing line")
    commands.add_parser("lint", help="ruff and pylint-odoo")
    return parser


def _dispatch(options: argparse.Namespace, rest: list[str], arguments: list[str]) -> int:
    started = time.monotonic()
    provision.provision()
    if options.command == "provision":
        print(f"The stage is ready ({time.monotonic() - started:.1f} s).")
        return 0
    if Path(sys.prefix).resolve() != provision.venv_folder().resolve():
        python = str(provision.venv_python())
        os.chdir(checkout.ROOT)
        sys.stdout.flush()
        os.execv(python, [python, "-m", "tests.stage", *arguments])
    return _run_inside(options, rest)


def _run_inside(options: argparse.Namespace, rest: list[str]) -> int:
    """What needs the packages of the stage's own Python."""
    from tests.stage import odoo, postgres

    if options.command == "python":
        return subprocess.run([sys.executable, *rest], env=odoo.environment()).returncode
    if options.command == "lint":
        from tests.stage import lint

        return lint.main()
    with postgres.running():
        if options.command == "pytest":
            return subprocess.run([sys.executable, "-m", "pytest", *rest], env=odoo.environment()).returncode
        if options.command == "psql":
            return subprocess.run([postgres.psql_program(), "-d", options.db, *rest]).returncode
        if options.command == "odoo":
            if not postgres.exists(options.db):
                odoo.create_database(options.db)
            return odoo.run("-d", options.db, *rest)
        if options.command == "test-odoo":
            from tests.stage import odoo_tests

            return odoo_tests.main(options.db, options.tags)
        if options.command == "demo":
            from tests.stage import demo

            return demo.main(check=options.check)
        from tests.stage import suites

        return suites.main()

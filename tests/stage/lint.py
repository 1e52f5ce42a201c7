"""`make lint`: style, Odoo's mandatory checks, and who may import whom. Works offline."""

from __future__ import annotations

import subprocess
import sys

from tests.stage import checkout, import_rules, odoo, progress

CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "pylint-odoo": ["pylint", "odoo_dunning"],
}


def main() -> int:
    """Run all checks, print what each one found; 0 when none found anything."""
    complaints = [title for title, command in CHECKS.items() if not _passes(title, command)]
    for violation in import_rules.violations():
        print(violation)
        complaints.append("import rules")
    print(
        f"lint: {', '.join(dict.fromkeys(complaints))} complained" if complaints else "lint: clean",
        flush=True,
    )
    return 1 if complaints else 0


def _passes(title: str, command: list[str]) -> bool:
    with progress.step(title):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=checkout.ROOT,
            env=odoo.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0

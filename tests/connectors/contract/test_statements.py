"""No statement is forgotten: each of the 48 has tests here by its number, and every ledger takes those of all."""

from __future__ import annotations

import ast
import re
from pathlib import Path

STATEMENTS = {
    *(f"s{number:02}" for number in range(1, 28)),
    *(f"q{number}" for number in range(1, 10)),
    *(f"x{number}" for number in range(1, 9)),
    *(f"o{number}" for number in range(1, 5)),
}
# The fixtures that run a test over every ledger and gateway, and those of one vendor over every gateway.
FOR_ALL = {"trial", "odoo", "remote"}
OF_ONE = {"q": "quickbooks", "x": "xero"}


def numbered():
    """(statement, fixtures) of every test function of the suite that carries a number."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names = {argument.arg for argument in node.args.args}
                for statement in re.findall(r"(?<=_)([sqxo]\d+)(?=_)", node.name):
                    yield statement, names


def test_every_statement_of_the_contract_has_its_tests_for_all_ledgers_and_gateways():
    covered = {
        statement
        for statement, fixtures in numbered()
        if fixtures & (FOR_ALL | {OF_ONE.get(statement[0], "trial")})
    }

    assert len(STATEMENTS) == 48
    assert covered == STATEMENTS

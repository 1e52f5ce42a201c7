"""Twenty-five complaints about other dunning software that people wrote in public: each one has its regression test."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("tests/engine/test_complaints.py", "odoo_dunning/tests/test_complaints.py")
COMPLAINTS = range(1, 26)


def _numbered() -> dict[int, list[str]]:
    """Number of the complaint -> names of its tests, from the docstrings `<number>: <reference>`."""
    found = defaultdict(list)
    for place in PLACES:
        for node in ast.walk(ast.parse((ROOT / place).read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                match = re.match(r"(\d+): \S", ast.get_docstring(node) or "")
                assert match, f"{place}: {node.name} does not say which complaint it answers"
                found[int(match[1])].append(node.name)
    return found


@pytest.mark.parametrize("number", COMPLAINTS)
def test_complaint_has_a_test(number: int) -> None:
    assert _numbered()[number]


def test_no_number_is_unknown() -> None:
    assert set(_numbered()) <= set(COMPLAINTS)

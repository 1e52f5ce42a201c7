"""What can be wrong with a template, said so that an accountant can mend it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"
LONGEST_NAME = 80

PART_NAMES = {"subject": "Subject", "html": "HTML text", "text": "Plain text"}


@dataclass(frozen=True)
class Problem:
    """One finding. ``part`` is ``subject``, ``html`` or ``text``; ``line`` counts from 1 in that part.

    ``severity`` is ``error`` (the template cannot be used) or ``warning`` (it can, but should be looked at).
    """

    part: str
    line: int
    message: str
    severity: str = ERROR

    def __str__(self) -> str:
        return f"{PART_NAMES.get(self.part, self.part)}, line {self.line}: {self.message}"


class TemplateProblem(Exception):
    """A template could not be compiled or rendered; ``part``, ``line`` and ``message`` say where and why."""

    def __init__(self, problem: Problem):
        super().__init__(str(problem))
        self.problem = problem

    @property
    def part(self) -> str:
        return self.problem.part

    @property
    def line(self) -> int:
        return self.problem.line

    @property
    def message(self) -> str:
        return self.problem.message


def did_you_mean(name: str, candidates) -> str:
    """ " Did you mean “x”?" for the nearest candidate, else the list of what there is."""
    known = sorted(candidates)
    name = name[:LONGEST_NAME]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f" Did you mean “{near[0]}”?"
    return f" There is: {', '.join(known)}." if known else ""


def unknown_label(name: str, labels) -> str:
    return f"There is no label “{name}”.{did_you_mean(name, labels.names())}"

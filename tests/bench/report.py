"""The table `make bench` prints: what was measured, beside its yardstick, and whether the target is met."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line. `ratio` is compared with `target`: at least for "≥", at most for "≤"; without a target it informs."""

    work: str
    yardstick: str
    ours: str
    ratio: float | None = None
    sign: str = ""
    target: float | None = None
    unit: str = "×"

    @property
    def is_met(self) -> bool | None:
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target if self.sign == "≥" else self.ratio <= self.target


def machine() -> str:
    """What the figures were taken on, and how busy it was: with other work on it, seconds mean little, ratios more."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    return f"{os.cpu_count()} × {model}, load {os.getloadavg()[0]:.1f}"


def show(rows: list[Row]) -> None:
    """Print the rows as a table."""
    cells = [("work", "yardstick", "ours", "ratio", "target", "met")]
    cells += [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    for number, line in enumerate(cells):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.{_digits(row.ratio)}f} {row.unit}".rstrip()
    target = "" if row.target is None else f"{row.sign} {row.target:g} {row.unit}".rstrip()
    met = {True: "yes", False: "NO", None: ""}[row.is_met]
    return (row.work, row.yardstick, row.ours, ratio, target, met)


def _digits(number: float) -> int:
    return 0 if number >= 100 else 1 if number >= 10 else 2

"""What a test suite came to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Counted tests, and `troubles`: failures that no counted test stands for, one sentence each."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    troubles: list[str] = field(default_factory=list)

    def is_good(self) -> bool:
        return not self.failed and not self.troubles

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.troubles + other.troubles,
        )

    def closing_line(self) -> str:
        """`N passed, N failed`, with `, N skipped` when there are any; each trouble counts as one failure."""
        line = f"{self.passed} passed, {self.failed + len(self.troubles)} failed"
        return f"{line}, {self.skipped} skipped" if self.skipped else line

"""The allowance of one rendering, counted in work done and never in seconds, so that the answer is repeatable."""

from __future__ import annotations

from contextvars import ContextVar

STEPS = 2_000_000
OUTPUT_CHARS = 5_000_000
VALUE_CHARS = 100_000
CALL_DEPTH = 20
SOURCE_CHARS = 200_000


class BudgetExceeded(Exception):
    """The template wanted more than one message may cost. The text says what and what to do."""


class Budget:
    """Counts down template nodes executed (``steps``) and characters written (``chars``)."""

    __slots__ = ("chars", "depth", "formats", "steps")

    def __init__(self, formats, steps: int = STEPS, chars: int = OUTPUT_CHARS):
        self.formats = formats
        self.steps = steps
        self.chars = chars
        self.depth = 0

    def spend(self, steps: int, chars: int = 0) -> None:
        self.steps -= steps
        self.chars -= chars
        if self.steps < 0:
            raise BudgetExceeded(
                "The template does too much work for one message (loops inside loops, or a loop over a very long "
                "list). Shorten the loop."
            )
        if self.chars < 0:
            raise BudgetExceeded(
                f"The message would be longer than {OUTPUT_CHARS:,} characters. Check the loops and repeated texts."
            )

    def enter_call(self) -> None:
        self.spend(1)
        self.depth += 1
        if self.depth > CALL_DEPTH:
            raise BudgetExceeded(
                f"Macros call each other more than {CALL_DEPTH} levels deep. Check for a macro that calls itself."
            )

    def leave_call(self) -> None:
        self.depth -= 1


current: ContextVar[Budget | None] = ContextVar("dunning_rendering_budget", default=None)


def checked_length(chars: int) -> int:
    """Refuse a single value longer than ``VALUE_CHARS`` before it is built."""
    if chars > VALUE_CHARS:
        raise BudgetExceeded(f"A text in the template grows beyond {VALUE_CHARS:,} characters. Shorten it.")
    return chars

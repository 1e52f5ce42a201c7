"""What can be wrong with a claim, a rate or a rule. Every message names the row, the field and the next step.

`LawError` stops one charge, never the message it would have travelled with.
"""


class LawError(Exception):
    """Base of every refusal. `row_ids` are the keys of the law rows concerned, `field` the field to look at."""

    def __init__(self, message: str, *, row_ids: tuple[str, ...] = (), field: str = "") -> None:
        super().__init__(message)
        self.row_ids = tuple(row_ids)
        self.field = field


class RowInvalid(LawError):
    """A law row that cannot be read: a missing field, a wrong unit, an impossible date."""


class UnknownJurisdiction(LawError):
    """No rows exist for the law that was chosen."""


class RateUnknown(LawError):
    """A day has no usable rate row. Rates are never extrapolated."""


class SeriesGap(RateUnknown):
    """A reference series has rows before and after a day, but none for the day itself."""


class RuleUnknown(LawError):
    """No usable row for a rule that is needed."""


class RuleConflict(LawError):
    """Two usable rows claim the same rule for the same day."""


class DateMissing(LawError):
    """A row applies by a date (contract, due, default, action) that the claim does not carry."""


class AgreementRequired(LawError):
    """The law knows no rate of its own: interest needs an agreed one."""


class GroundMissing(LawError):
    """The row applies only under a condition that the claim does not meet."""


class AboveCap(LawError):
    """An amount or an agreed rate above what a row allows."""


class BelowFloor(LawError):
    """An agreed rate below what a row demands."""


class AbsurdRate(LawError):
    """A rate no law could mean: negative or above the sanity limit."""


class AbsurdAmount(LawError):
    """An amount that cannot be a charge: negative, or not a number."""

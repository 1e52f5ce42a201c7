"""Law as dated rows: their shape, the CSV they travel in, and what makes a set of rows sound.

A row states one rule of one jurisdiction for a span of dates, with where it was read and how sure we are of
it. `valid_from` and `valid_to` are both inclusive; an empty `valid_to` is open. Cells nobody knows have no
row.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import NamedTuple

from .law_errors import LawError, RowInvalid, RuleConflict, SeriesGap

DEBTOR_TYPES = ("b2b", "b2c", "public", "any")
STATUSES = ("verified", "derived", "draft", "activated")
# Which date of a claim decides whether a row's span covers it. Reference rates are looked up day by day.
APPLIES_BY = ("contract_date", "due_date", "default_start", "action_date", "accrual_day")

NUMBER_UNITS = ("pct", "pp", "times", "amount", "days", "working_days", "count")

# The rules the engine reads, with the units each may be given in.
RATE_UNITS = ("pct", "pp", "times")
INTEREST_RULES = {
    "reference_rate": ("pct",),
    "interest_rate": RATE_UNITS,
    "agreed_rate_floor": RATE_UNITS,
    "agreed_rate_cap": RATE_UNITS,
    "rate_mode": ("text",),
    "day_count": ("text",),
    "compounding": ("text",),
    "interest_rounding": ("text",),
    "allocation_order": ("text",),
    "interest_source": ("text",),
    "interest_notice_days": ("days",),
}
CHARGE_KINDS = (
    "recovery_sum",
    "reminder_fee",
    "collection_notice_fee",
    "instalment_plan_fee",
    "collection_cost",
    "penalty",
)
CHARGE_LIMITS = {
    "": ("amount",),
    "_min": ("amount",),
    "_max": ("amount",),
    "_postage": ("text",),
    "_days_after_due": ("days",),
    "_days_between": ("days",),
    "_notice_days": ("days",),
    "_max_count": ("count",),
    "_counts_with": ("text",),
    "_includes": ("text",),
    "_replaces": ("text",),
    "_free_per_year": ("count",),
}
CHARGE_RULES = {kind + limit: units for kind in CHARGE_KINDS for limit, units in CHARGE_LIMITS.items()}
OTHER_RULES = {
    "notice_start_email": ("days", "working_days"),
    "notice_start_post": ("days", "working_days"),
    "legal_basis": ("text_key",),
    "required_statement": ("text_key",),
    "tax_treatment": ("text",),
}
RULES = {**INTEREST_RULES, **CHARGE_RULES, **OTHER_RULES}

# Rules whose value is one of a fixed set of words.
WORDS = {
    "rate_mode": ("floating", "fixed_at_start"),
    "day_count": ("act/365f", "act/360", "act/act", "30/360"),
    "compounding": ("none", "yearly", "monthly"),
    "interest_rounding": ("once", "daily"),
    "allocation_order": ("costs_interest_principal", "principal_first"),
    "interest_source": ("statutory", "agreement_only"),
    "tax_treatment": ("out_of_scope", "included", "if_not_deductible"),
}
MAX_RATE_PCT = Decimal(100)
MIN_REFERENCE_PCT = Decimal(-10)


@dataclass(frozen=True, slots=True)
class LawRow:
    """One rule. `id` is a stable text key printed on everything the row justified.

    `value` is a Decimal for numeric units, text otherwise. `from_amount` makes the row one band of a scale:
    it holds for principals "from" (>=) or "over" (>) that amount, in `from_currency`; `percent_over` adds
    that percentage of the part of the principal above `from_amount`. `from_message`/`to_message` limit it to
    reminder numbers. `requires` names the grounds, joined by "+", that must all be present. `reference` is
    the series a margin builds on.
    """

    id: str
    jurisdiction: str
    debtor_type: str
    rule: str
    value: Decimal | str
    unit: str
    currency: str
    reference: str
    from_amount: Decimal
    from_is: str
    from_currency: str
    percent_over: Decimal
    from_message: int
    to_message: int | None
    requires: str
    valid_from: date
    valid_to: date | None
    applies_by: str
    source: str
    verified_on: date | None
    status: str
    note: str

    def covers(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def is_usable(self, activated: frozenset[str]) -> bool:
        """Draft rows count only when an admin has activated them by id."""
        return self.status != "draft" or self.id in activated

    @property
    def grounds(self) -> frozenset[str]:
        return frozenset(filter(None, self.requires.split("+")))

    @property
    def slot(self) -> tuple:
        """Two usable rows with the same slot must not overlap in time."""
        text = self.value if self.rule in ("required_statement", "legal_basis") else ""
        return (
            self.jurisdiction,
            self.debtor_type,
            self.rule,
            self.applies_by,
            text,
            self.requires,
            self.reference if self.rule == "reference_rate" else "",
            self.from_amount,
            self.from_is,
            self.from_message,
        )


COLUMNS = tuple(field.name for field in fields(LawRow))


class ParsedRows(NamedTuple):
    rows: tuple[LawRow, ...]
    problems: tuple[LawError, ...]


def parse_rows(text: str) -> ParsedRows:
    """Rows of a CSV text with the columns of `LawRow` (any order, all present). One bad row never hides
    another.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        message = f"The file lacks the column(s) {', '.join(missing)}. Add them to the header line."
        if any(mark in name for name in reader.fieldnames or () for mark in ";\t"):
            message = (
                "The columns of the file are not parted by commas. Save it with a comma between columns."
            )
        return ParsedRows((), (RowInvalid(message, field=missing[0]),))
    rows, problems = [], []
    for record in reader:
        try:
            rows.append(read_row(record))
        except RowInvalid as problem:
            problems.append(problem)
    counts = Counter(row.id for row in rows)
    for row_id in (row_id for row_id, count in counts.items() if count > 1):
        message = f"Law row {row_id}, field id: stands {counts[row_id]} times in the file. Keep one of them."
        problems.append(RowInvalid(message, row_ids=(row_id,), field="id"))
    return ParsedRows(tuple(row for row in rows if counts[row.id] == 1), tuple(problems))


def require_rows(text: str) -> tuple[LawRow, ...]:
    """Like `parse_rows`, raising the first problem."""
    parsed = parse_rows(text)
    if parsed.problems:
        raise parsed.problems[0]
    return parsed.rows


def read_row(record: dict) -> LawRow:
    """A LawRow from a mapping of column to text. Raises RowInvalid naming row and field."""
    cells = {name: (record.get(name) or "").strip() for name in COLUMNS}
    reader = _RowReader(cells)
    row = LawRow(
        id=reader.required("id"),
        jurisdiction=reader.required("jurisdiction"),
        debtor_type=reader.word("debtor_type", DEBTOR_TYPES),
        rule=reader.word("rule", RULES),
        value=reader.value(),
        unit=reader.word("unit", RULES[cells["rule"]]),
        currency=cells["currency"],
        reference=cells["reference"],
        from_amount=reader.number("from_amount"),
        from_is=reader.word("from_is", ("from", "over")) if cells["from_is"] else "from",
        from_currency=cells["from_currency"] or cells["currency"],
        percent_over=reader.number("percent_over"),
        from_message=int(reader.number("from_message", default="1")),
        to_message=int(reader.number("to_message")) if cells["to_message"] else None,
        requires=cells["requires"],
        valid_from=reader.day("valid_from"),
        valid_to=reader.day("valid_to") if cells["valid_to"] else None,
        applies_by=reader.word("applies_by", APPLIES_BY),
        source=cells["source"],
        verified_on=reader.day("verified_on") if cells["verified_on"] else None,
        status=reader.word("status", STATUSES),
        note=cells["note"],
    )
    _check_sense(row, reader)
    return row


class _RowReader:
    """Reads the cells of one row; every refusal names the row and the cell."""

    def __init__(self, cells: dict[str, str]) -> None:
        self.cells = cells

    def refuse(self, field: str, why: str) -> RowInvalid:
        row_id = self.cells["id"] or "(no id)"
        return RowInvalid(f"Law row {row_id}, field {field}: {why}", row_ids=(row_id,), field=field)

    def required(self, field: str) -> str:
        if not self.cells[field]:
            raise self.refuse(field, "is empty. Fill it in.")
        return self.cells[field]

    def word(self, field: str, allowed: Iterable[str]) -> str:
        value = self.required(field)
        if value not in allowed:
            raise self.refuse(field, f"{value!r} is not one of {', '.join(allowed)}. Choose one of these.")
        return value

    def number(self, field: str, default: str = "0") -> Decimal:
        text = self.cells[field] or default
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise self.refuse(field, f"{text!r} is not a number. Enter digits with a dot.") from None
        if not number.is_finite():
            raise self.refuse(field, f"{text!r} is not a finite number. Enter digits with a dot.")
        return number

    def value(self) -> Decimal | str:
        text = self.required("value")
        return self.number("value") if self.cells["unit"] in NUMBER_UNITS else text

    def day(self, field: str) -> date:
        text = self.required(field)
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.refuse(field, f"{text!r} is not a date. Write it as YYYY-MM-DD.") from None


def _check_sense(row: LawRow, reader: _RowReader) -> None:
    if row.valid_to is not None and row.valid_to < row.valid_from:
        raise reader.refuse(
            "valid_to", f"{row.valid_to} is before valid_from {row.valid_from}. Swap or correct them."
        )
    if row.rule in WORDS and row.value not in WORDS[row.rule]:
        raise reader.refuse(
            "value", f"{row.value!r} is not one of {', '.join(WORDS[row.rule])}. Choose one of these."
        )
    if row.unit in ("pp", "times") and not row.reference:
        raise reader.refuse(
            "reference", "is empty, but the value builds on a reference rate. Name the series."
        )
    if row.unit == "amount" and not row.currency:
        raise reader.refuse("currency", "is empty, but the value is an amount. Enter the ISO code.")
    if row.unit != "text" and row.unit not in RATE_UNITS and row.unit != "text_key" and row.value < 0:
        raise reader.refuse("value", f"{row.value} is negative. Enter zero or more.")
    if row.unit in RATE_UNITS:
        low = MIN_REFERENCE_PCT if row.rule == "reference_rate" else Decimal(0)
        if not low <= row.value <= MAX_RATE_PCT:
            raise reader.refuse(
                "value", f"{row.value} is outside {low} to {MAX_RATE_PCT}. Check the decimal point."
            )
    if row.rule == "reference_rate" and not (
        row.reference and row.valid_to and row.applies_by == "accrual_day"
    ):
        raise reader.refuse(
            "valid_to",
            "a reference rate needs a series in reference, an end date, and applies_by accrual_day.",
        )
    if row.status in ("verified", "derived") and not (row.source and row.verified_on):
        raise reader.refuse(
            "source", f"a {row.status} row needs a source and the day it was read. Add both, or use draft."
        )


def find_conflicts(
    rows: Iterable[LawRow], activated: frozenset[str] = frozenset()
) -> tuple[RuleConflict, ...]:
    """Every pair of usable rows that claim the same rule for the same day, and every repeated id."""
    rows = tuple(rows)
    conflicts = []
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            conflicts.append(
                RuleConflict(
                    f"Law row {row.id}: the id is used twice. Rename one.", row_ids=(row.id,), field="id"
                )
            )
        seen.add(row.id)
    slots = defaultdict(list)
    for row in rows:
        if row.is_usable(activated):
            slots[row.slot].append(row)
    for members in slots.values():
        members.sort(key=lambda row: row.valid_from)
        for earlier, later in pairwise(members):
            if earlier.valid_to is None or later.valid_from <= earlier.valid_to:
                conflicts.append(overlap(earlier, later))
    return tuple(conflicts)


def overlap(first: LawRow, second: LawRow) -> RuleConflict:
    message = (
        f"Law rows {first.id} and {second.id} both apply to {first.rule} of {first.jurisdiction} from "
        f"{second.valid_from}. "
        "End one the day before the other begins (field valid_to), or remove one."
    )
    return RuleConflict(message, row_ids=(first.id, second.id), field="valid_to")


def find_gaps(rows: Iterable[LawRow], activated: frozenset[str] = frozenset()) -> tuple[SeriesGap, ...]:
    """Days inside a reference series that no usable row covers."""
    series = defaultdict(list)
    for row in rows:
        if row.rule == "reference_rate" and row.is_usable(activated):
            series[row.reference].append(row)
    gaps = []
    for name, members in sorted(series.items()):
        members.sort(key=lambda row: row.valid_from)
        for earlier, later in pairwise(members):
            first_missing = earlier.valid_to + timedelta(days=1)
            if later.valid_from > first_missing:
                message = (
                    f"Reference rate {name} has no row from {first_missing} to "
                    f"{later.valid_from - timedelta(days=1)}, "
                    f"between {earlier.id} and {later.id}. Add the missing rate or activate its draft."
                )
                gaps.append(SeriesGap(message, row_ids=(earlier.id, later.id), field="valid_from"))
    return tuple(gaps)


class RowChange(NamedTuple):
    """One line of an import diff. `change` is "added", "changed" or "missing"; `fields` lists (name, old,
    new).
    """

    change: str
    row_id: str
    fields: tuple[tuple[str, object, object], ...]


def diff_rows(current: Iterable[LawRow], imported: Iterable[LawRow]) -> tuple[RowChange, ...]:
    """What an import would do, by row id. Rows absent from the import are reported as missing, never dropped."""
    old = {row.id: row for row in current}
    new = {row.id: row for row in imported}
    changes = []
    for row_id in sorted(old.keys() | new.keys()):
        if row_id not in old:
            changes.append(RowChange("added", row_id, ()))
        elif row_id not in new:
            changes.append(RowChange("missing", row_id, ()))
        elif old[row_id] != new[row_id]:
            pairs = ((name, getattr(old[row_id], name), getattr(new[row_id], name)) for name in COLUMNS)
            changes.append(RowChange("changed", row_id, tuple(pair for pair in pairs if pair[1] != pair[2])))
    return tuple(changes)

"""The law book: which rows govern a claim, which rate applies on a day, and which country's law is used.

Nothing here knows a country by name. A rule nobody recorded is an error that says what to record.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from .interest import (
    EPOCH,
    HORIZON,
    InterestTerms,
    RatePiece,
    RateSchedule,
    build_schedule,
    build_terms,
    check_rate,
)
from .law_errors import (
    AboveCap,
    AgreementRequired,
    BelowFloor,
    DateMissing,
    GroundMissing,
    RateUnknown,
    RuleUnknown,
    UnknownJurisdiction,
)
from .law_rows import INTEREST_RULES, LawRow, overlap
from .money import EXACT, ZERO

# What the engine assumes where a jurisdiction has no row of its own for the mechanics.
MECHANICS = {"day_count": "act/365f", "compounding": "none", "interest_rounding": "once"}


class ClaimDates(NamedTuple):
    """The dates a row can apply by. `contract_date`: when the contract was made; `due_date`: last day to pay
    in time; `default_start`: first day interest runs; `action_date`: the day of the message or the booking.
    """

    contract_date: date | None = None
    due_date: date | None = None
    default_start: date | None = None
    action_date: date | None = None


class AgreedRate(NamedTuple):
    """A rate agreed in the contract: `value` % a year (unit "pct"), or that many points over the series
    `reference` ("pp").

    `name` says where it is recorded; it appears in messages and on the sheet.
    """

    value: Decimal
    unit: str = "pct"
    reference: str = ""
    name: str = "agreed rate"


class LawBook:
    """Usable rows, indexed. `activated` holds the ids of draft rows an admin has taken responsibility for.

    Build one per load of the rows and share it: terms are cached inside. Rows are not modified.
    """

    def __init__(self, rows: Iterable[LawRow], activated: Iterable[str] = ()) -> None:
        self.activated = frozenset(activated)
        self._rows: dict[tuple[str, str], list[LawRow]] = defaultdict(list)
        self._drafts: dict[tuple[str, str], list[LawRow]] = defaultdict(list)
        self._series: dict[str, list[LawRow]] = defaultdict(list)
        self.jurisdictions: set[str] = set()
        for row in rows:
            self.jurisdictions.add(row.jurisdiction)
            if not row.is_usable(self.activated):
                self._drafts[row.jurisdiction, row.rule].append(row)
            elif row.rule == "reference_rate":
                self._series[row.reference].append(row)
            else:
                self._rows[row.jurisdiction, row.rule].append(row)
        self._breaks: dict[tuple[str, str], tuple] = {}
        self._terms: dict[tuple, InterestTerms] = {}
        self._agreed: dict[tuple, InterestTerms] = {}
        self._schedules: dict[tuple, RateSchedule] = {}

    # Rows

    def check_jurisdiction(self, jurisdiction: str) -> None:
        """Raises UnknownJurisdiction unless some row, even a draft, belongs to it."""
        if jurisdiction not in self.jurisdictions:
            raise UnknownJurisdiction(
                f"No late-payment rows exist for jurisdiction {jurisdiction or '(none)'} (field "
                f"jurisdiction). Choose another law on "
                "the policy or the customer, or add its rows.",
                field="jurisdiction",
            )

    def match(
        self,
        jurisdiction: str,
        debtor_type: str,
        rule: str,
        dates: ClaimDates,
        grounds: frozenset[str] = frozenset(),
    ) -> tuple[LawRow, ...]:
        """The rows in force for a rule, one per band of a scale; () when none.

        Rows for the exact debtor type replace those for "any"; among them, rows whose grounds are met replace
        more general ones. Raises DateMissing when a row applies by a date the claim lacks.
        """
        in_force = self.in_force(jurisdiction, debtor_type, rule, dates)
        met = [row for row in in_force if row.grounds <= grounds]
        most = max((len(row.grounds) for row in met), default=0)
        return tuple(row for row in met if len(row.grounds) == most)

    def in_force(
        self, jurisdiction: str, debtor_type: str, rule: str, dates: ClaimDates
    ) -> tuple[LawRow, ...]:
        """Like `match`, whatever grounds the rows require."""
        rows = [
            row
            for row in self._rows.get((jurisdiction, rule), ())
            if row.debtor_type in (debtor_type, "any") and row.covers(_applicable_day(row, dates))
        ]
        exact = tuple(row for row in rows if row.debtor_type == debtor_type)
        return exact or tuple(rows)

    def find(
        self,
        jurisdiction: str,
        debtor_type: str,
        rule: str,
        dates: ClaimDates,
        grounds: frozenset[str] = frozenset(),
    ) -> LawRow | None:
        """The one row in force, or None. Raises RuleConflict when two claim the day."""
        rows = self.match(jurisdiction, debtor_type, rule, dates, grounds)
        if len(rows) > 1:
            raise overlap(*sorted(rows, key=lambda row: row.valid_from)[:2])
        return rows[0] if rows else None

    def drafts(self, jurisdiction: str, debtor_type: str, rule: str) -> tuple[LawRow, ...]:
        """Draft rows that would answer, were they activated."""
        return tuple(
            row
            for row in self._drafts.get((jurisdiction, rule), ())
            if row.debtor_type in (debtor_type, "any")
        )

    # Series

    def series(self, name: str) -> tuple[LawRow, ...]:
        """The usable rows of a reference series, by date."""
        return tuple(sorted(self._series.get(name, ()), key=lambda row: row.valid_from))

    def last_day_of(self, name: str) -> date | None:
        """The last day a series can price; the day after, a new row is due."""
        rows = self.series(name)
        return rows[-1].valid_to if rows else None

    def reference_rate(self, name: str, day: date) -> LawRow:
        """The row that prices one day of a series. Raises RateUnknown, SeriesGap or RuleConflict."""
        rows = [row for row in self._series.get(name, ()) if row.covers(day)]
        if len(rows) > 1:
            raise overlap(*sorted(rows, key=lambda row: row.valid_from)[:2])
        if not rows:
            schedule = self._schedule(self._series_pieces(name), "act/365f", f"reference rate {name}")
            raise schedule.missing(day.toordinal())
        return rows[0]

    # Interest

    def interest_terms(
        self, jurisdiction: str, debtor_type: str, dates: ClaimDates, grounds: frozenset[str] = frozenset()
    ) -> InterestTerms:
        """Statutory terms for a claim. Cheap to call per item: claims governed by the same rows share one
        object.

        Raises UnknownJurisdiction, AgreementRequired, GroundMissing, RateUnknown, RuleUnknown, RuleConflict,
        DateMissing.
        """
        key = (*self._period_key(jurisdiction, debtor_type, dates), grounds)
        terms = self._terms.get(key)
        if terms is None:
            terms = self._terms[key] = self._statutory_terms(jurisdiction, debtor_type, dates, grounds)
        return terms

    def agreed_terms(
        self,
        jurisdiction: str,
        debtor_type: str,
        dates: ClaimDates,
        agreed: AgreedRate,
        grounds: frozenset[str] = frozenset(),
    ) -> InterestTerms:
        """Terms of a contractual rate, checked against the floors and caps of the law over the days it is
        charged for.

        Raises AbsurdRate, AboveCap, BelowFloor (each naming the row), and as `interest_terms`.
        """
        self.check_jurisdiction(jurisdiction)
        key = (*self._period_key(jurisdiction, debtor_type, dates), grounds, agreed)
        terms = self._agreed.get(key)
        if terms is None:
            terms = self._agreed[key] = self._contractual_terms(
                jurisdiction, debtor_type, dates, agreed, grounds
            )
        self._check_limits(jurisdiction, debtor_type, dates, terms, agreed, grounds)
        return terms

    def _statutory_terms(
        self, jurisdiction: str, debtor_type: str, dates: ClaimDates, grounds: frozenset[str]
    ) -> InterestTerms:
        self.check_jurisdiction(jurisdiction)
        source = self.find(jurisdiction, debtor_type, "interest_source", dates, grounds)
        if source is not None and source.value == "agreement_only":
            raise AgreementRequired(
                f"{jurisdiction} knows no statutory interest for this debtor (row {source.id}, field "
                f"interest_source). Enter the rate "
                "agreed in the contract on the customer or the policy, or charge none.",
                row_ids=(source.id,),
                field="interest_source",
            )
        row = self._require(jurisdiction, debtor_type, "interest_rate", dates, grounds)
        return self._terms_of(jurisdiction, debtor_type, dates, grounds, self._pieces(row), row)

    def _contractual_terms(
        self,
        jurisdiction: str,
        debtor_type: str,
        dates: ClaimDates,
        agreed: AgreedRate,
        grounds: frozenset[str],
    ) -> InterestTerms:
        label = f"{jurisdiction} {agreed.name}"
        if agreed.unit == "pp":
            pieces = [
                piece._replace(rate_pct=max(EXACT.add(piece.rate_pct, agreed.value), ZERO))
                for piece in self._series_pieces(agreed.reference)
            ]
            if not pieces:
                raise RateUnknown(
                    f"{label}: the reference series {agreed.reference!r} has no rows (field reference). "
                    f"Name another."
                )
        else:
            check_rate(agreed.value, label)
            pieces = [RatePiece(EPOCH, HORIZON, agreed.value, ())]
        return self._terms_of(jurisdiction, debtor_type, dates, grounds, pieces, None)

    def _terms_of(
        self,
        jurisdiction: str,
        debtor_type: str,
        dates: ClaimDates,
        grounds: frozenset[str],
        pieces: Sequence[RatePiece],
        rate_row: LawRow | None,
    ) -> InterestTerms:
        """`rate_row` is the statutory row, None for an agreed rate. Only a rate that moves needs a mode, and an agreed
        rate is simple: laws that let interest bear interest speak of their own."""
        words, used = dict(MECHANICS), [rate_row.id] if rate_row else []
        moves = rate_row is not None and rate_row.unit != "pct"
        for rule in ("rate_mode", *MECHANICS) if moves else MECHANICS:
            if rule == "compounding" and rate_row is None:
                continue
            row = self.find(jurisdiction, debtor_type, rule, dates, grounds)
            if row is not None:
                words[rule] = row.value
                used.append(row.id)
            elif rule not in MECHANICS:
                raise self._unknown(RuleUnknown, jurisdiction, debtor_type, rule)
        return build_terms(
            pieces=pieces,
            label=f"{jurisdiction} {debtor_type} interest",
            jurisdiction=jurisdiction,
            debtor_type=debtor_type,
            basis="statutory" if rate_row else "agreed",
            rate_mode=words.get("rate_mode", "floating"),
            day_count=words["day_count"],
            compounding=words["compounding"],
            rounding=words["interest_rounding"],
            row_ids=tuple(used),
        )

    def _check_limits(
        self,
        jurisdiction: str,
        debtor_type: str,
        dates: ClaimDates,
        terms: InterestTerms,
        agreed: AgreedRate,
        grounds: frozenset[str],
    ) -> None:
        for rule, error in (("agreed_rate_floor", BelowFloor), ("agreed_rate_cap", AboveCap)):
            for row in self.match(jurisdiction, debtor_type, rule, dates, grounds):
                day = _applicable_day(row, dates)
                last = (dates.action_date or day) if row.applies_by == "default_start" else day
                breach = self._breach(row, terms, day, max(day, last), rule == "agreed_rate_cap")
                if breach:
                    day, rate, limit, ids = breach
                    verb, limit_name = ("above", "cap") if error is AboveCap else ("below", "floor")
                    raise error(
                        f"{agreed.name}: {rate.normalize():f} % a year is {verb} the {limit_name} of "
                        f"{limit.normalize():f} % in "
                        f"{jurisdiction} on {day} (row {', '.join(ids)}, field rate_pct). Change the "
                        f"agreed rate.",
                        row_ids=ids,
                        field="rate_pct",
                    )

    def _breach(
        self, row: LawRow, terms: InterestTerms, first: date, last: date, is_cap: bool
    ) -> tuple | None:
        """The first day in the span on which the terms break the limit: (day, rate, limit, row ids)."""
        limits = self._schedule(
            self._pieces(row), terms.schedule.day_count, f"{row.jurisdiction} {row.rule} (row {row.id})"
        )
        day, final = first.toordinal(), last.toordinal()
        while day <= final:
            index, own = limits.piece_of(day), terms.schedule.piece_of(day)
            rate, limit = terms.schedule.rates[own], limits.rates[index]
            if rate > limit if is_cap else rate < limit:
                return date.fromordinal(day), rate, limit, limits.row_ids[index]
            day = min(limits.ends[index], terms.schedule.ends[own]) + 1
        return None

    def _pieces(self, row: LawRow) -> list[RatePiece]:
        """A rate row over time: constant, or its reference series raised or multiplied by the row's value."""
        if row.unit == "pct":
            return [RatePiece(EPOCH, HORIZON, row.value, (row.id,))]
        combine = EXACT.add if row.unit == "pp" else EXACT.multiply
        pieces = self._series_pieces(row.reference)
        if not pieces:
            raise RateUnknown(
                f"Law row {row.id} builds on the reference rate {row.reference}, which has no usable "
                f"row (field reference). "
                "Add its rates or activate their drafts.",
                row_ids=(row.id,),
                field="reference",
            )
        return [
            piece._replace(rate_pct=combine(piece.rate_pct, row.value), row_ids=(row.id, *piece.row_ids))
            for piece in pieces
        ]

    def _series_pieces(self, name: str) -> list[RatePiece]:
        rows = self.series(name)
        for earlier, later in pairwise(rows):
            if later.valid_from <= earlier.valid_to:
                raise overlap(earlier, later)
        return [RatePiece(row.valid_from, row.valid_to, row.value, (row.id,)) for row in rows]

    def _schedule(self, pieces: list[RatePiece], day_count: str, label: str) -> RateSchedule:
        key = (label, day_count)
        schedule = self._schedules.get(key)
        if schedule is None:
            schedule = self._schedules[key] = build_schedule(pieces, day_count, label)
        return schedule

    def _require(
        self, jurisdiction: str, debtor_type: str, rule: str, dates: ClaimDates, grounds: frozenset[str]
    ) -> LawRow:
        row = self.find(jurisdiction, debtor_type, rule, dates, grounds)
        if row is not None:
            return row
        unmet = self.in_force(jurisdiction, debtor_type, rule, dates)
        if unmet:
            needed = sorted(unmet[0].grounds - grounds)
            raise GroundMissing(
                f"Law row {unmet[0].id} applies only with: {', '.join(needed)} (field requires). Record "
                f"it on the customer or "
                "the policy if it is so, or charge none.",
                row_ids=(unmet[0].id,),
                field="requires",
            )
        raise self._unknown(RateUnknown, jurisdiction, debtor_type, rule)

    def _unknown(
        self, kind: type[RuleUnknown | RateUnknown], jurisdiction: str, debtor_type: str, rule: str
    ) -> Exception:
        drafts = tuple(row.id for row in self.drafts(jurisdiction, debtor_type, rule))
        step = (
            f"Check and activate the draft row {', '.join(drafts)}" if drafts else "Add a row with its source"
        )
        return kind(
            f"No row for {rule} of {jurisdiction}, debtor type {debtor_type}, on the dates of this "
            f"claim (field rule). {step}.",
            row_ids=drafts,
            field="rule",
        )

    def _period_key(self, jurisdiction: str, debtor_type: str, dates: ClaimDates) -> tuple:
        """Which stretch between row boundaries each date falls in: equal keys mean equal rows."""
        breaks = self._breaks.get((jurisdiction, debtor_type))
        if breaks is None:
            breaks = self._breaks[jurisdiction, debtor_type] = self._boundaries(jurisdiction, debtor_type)
        key = [jurisdiction, debtor_type]
        for position, boundaries in breaks:
            day = dates[position]
            key.append(None if day is None else bisect_right(boundaries, day))
        return tuple(key)

    def _boundaries(self, jurisdiction: str, debtor_type: str) -> tuple:
        by_field = defaultdict(set)
        for rule in INTEREST_RULES:
            for row in self._rows.get((jurisdiction, rule), ()):
                if row.debtor_type in (debtor_type, "any"):
                    boundaries = by_field[ClaimDates._fields.index(row.applies_by)]
                    boundaries.add(row.valid_from)
                    if row.valid_to is not None:
                        boundaries.add(date.fromordinal(row.valid_to.toordinal() + 1))
        return tuple((position, sorted(boundaries)) for position, boundaries in sorted(by_field.items()))


def _applicable_day(row: LawRow, dates: ClaimDates) -> date:
    day = getattr(dates, row.applies_by)
    if day is None:
        raise DateMissing(
            f"Law row {row.id} applies by {row.applies_by}, which this claim does not carry. Fill in "
            f"that date.",
            row_ids=(row.id,),
            field=row.applies_by,
        )
    return day

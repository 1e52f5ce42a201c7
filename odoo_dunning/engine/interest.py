"""Interest on late money, to the cent and explained.

Interest runs over the half-open span (due, paid]: the first charged day is the day after the due date, the
day of payment is the last one charged on the old balance, and every day bears the rate of its own period.
Rates are % a year on the gross (tax-included) balance. Amounts stay exact until one rounding at the end,
unless the terms round each day's amount.

`interest_amount` is the fast answer, `calculation_sheet` the same answer with its segments; a test holds them
together.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from .law_errors import AbsurdRate, RateUnknown, SeriesGap
from .money import EXACT, ZERO, quantize, split_rounded

# A rate without dates of its own is priced between these days.
EPOCH = date(1900, 1, 1)
HORIZON = date(2199, 12, 31)
MAX_RATE_PCT = Decimal(100)
MOST_KNOWN = 50_000

_multiply, _add, _subtract, _divide = EXACT.multiply, EXACT.add, EXACT.subtract, EXACT.divide


class RatePiece(NamedTuple):
    """`rate_pct` a year for every day from `start` to `end`, both included; `row_ids` justify it."""

    start: date
    end: date
    rate_pct: Decimal
    row_ids: tuple[str, ...]


def _thirty_360(ordinal: int) -> int:
    """Day number in a year of twelve 30-day months (30E/360: a 31st counts as the 30th)."""
    day = date.fromordinal(ordinal)
    return day.year * 360 + day.month * 30 + min(day.day, 30)


class _DayCount(NamedTuple):
    number: Callable[[int], int] | None  # None: days are calendar days
    denominator: Decimal  # percent included
    by_year: bool  # a leap year has its own length


DAY_COUNTS = {
    "act/365f": _DayCount(None, Decimal(36500), False),
    "act/360": _DayCount(None, Decimal(36000), False),
    "act/act": _DayCount(None, Decimal(365 * 366 * 100), True),
    "30/360": _DayCount(_thirty_360, Decimal(36000), False),
}


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """Rates over time, prepared for bisecting. Parallel tuples, one entry per piece, days as ordinals.

    The rate-days from the start of the table to the end of day d are `offsets[i] + slopes[i] * number(d)` in
    the piece i of d, so a span costs two look-ups however many periods it crosses. `runs` numbers the
    stretches without a gap.
    """

    label: str
    day_count: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    rates: tuple[Decimal, ...]
    row_ids: tuple[tuple[str, ...], ...]
    slopes: tuple[Decimal, ...]
    offsets: tuple[Decimal, ...]
    runs: tuple[int, ...]
    number: Callable[[int], int] | None
    denominator: Decimal
    known: dict = field(default_factory=dict, init=False, repr=False, compare=False)
    """Spans asked for before: the same due dates and payment days come again and again in a proposal."""

    def piece_of(self, ordinal: int) -> int:
        """Index of the piece that prices a day. Raises RateUnknown or SeriesGap."""
        index = bisect_right(self.starts, ordinal) - 1
        if index < 0 or self.ends[index] < ordinal:
            raise self.missing(ordinal)
        return index

    def rate_days(self, after: int, until: int) -> Decimal:
        """Sum of rate × days over (after, until], in units of the denominator. Raises RateUnknown or
        SeriesGap.
        """
        found = self.known.get((after, until))
        if found is None:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            found = self.known[after, until] = self._rate_days(after, until)
        return found

    def _rate_days(self, after: int, until: int) -> Decimal:
        starts = self.starts
        first = bisect_right(starts, after + 1) - 1
        if first < 0:
            raise self.missing(after + 1)
        number = self.number
        low, high = (after, until) if number is None else (number(after), number(until))
        if until <= self.ends[first]:
            return _multiply(self.slopes[first], high - low)
        last = bisect_right(starts, until, first) - 1
        if self.ends[last] < until or self.runs[first] != self.runs[last]:
            raise self.missing_in(after + 1, until)
        total = _add(self.offsets[last], _multiply(self.slopes[last], high))
        return _subtract(total, _add(self.offsets[first], _multiply(self.slopes[first], low)))

    def missing_in(self, first_day: int, last_day: int) -> RateUnknown:
        """The error for the first day in a span that no piece prices."""
        day = first_day
        while day <= last_day:
            index = bisect_right(self.starts, day) - 1
            if index < 0 or self.ends[index] < day:
                return self.missing(day)
            day = self.ends[index] + 1
        raise AssertionError(f"{self.label}: every day from {first_day} to {last_day} is priced")

    def missing(self, ordinal: int) -> RateUnknown:
        """The error for one day without a rate, naming the rows on either side."""
        day = date.fromordinal(ordinal)
        index = bisect_right(self.starts, ordinal)
        before, after = self.row_ids[:index][-1:], self.row_ids[index:][:1]
        neighbours = tuple(row_id for ids in before + after for row_id in ids)
        kind = SeriesGap if before and after else RateUnknown
        message = (
            f"No rate of {self.label} for {day:%Y-%m-%d} (nearest rows: "
            f"{', '.join(neighbours) or 'none'}; field valid_from/valid_to). "
            "Add the row for that period, or activate its draft, then recompute."
        )
        return kind(message, row_ids=neighbours, field="valid_to")


def build_schedule(pieces: Iterable[RatePiece], day_count: str, label: str) -> RateSchedule:
    """A schedule from pieces in any order; they must not overlap."""
    counting = DAY_COUNTS[day_count]
    ordered = sorted(pieces)
    if counting.by_year:
        ordered = [part for piece in ordered for part in _split_by_year(piece)]
    number = counting.number or (lambda ordinal: ordinal)
    slopes, offsets, runs = [], [], []
    total, run, previous_end = ZERO, 0, None
    for piece in ordered:
        start, end = piece.start.toordinal(), piece.end.toordinal()
        if previous_end is not None and start != previous_end + 1:
            run += 1
        slope = _multiply(piece.rate_pct, _year_weight(piece.start.year) if counting.by_year else 1)
        slopes.append(slope)
        offsets.append(_subtract(total, _multiply(slope, number(start - 1))))
        runs.append(run)
        total = _add(total, _multiply(slope, number(end) - number(start - 1)))
        previous_end = end
    return RateSchedule(
        label=label,
        day_count=day_count,
        starts=tuple(piece.start.toordinal() for piece in ordered),
        ends=tuple(piece.end.toordinal() for piece in ordered),
        rates=tuple(piece.rate_pct for piece in ordered),
        row_ids=tuple(piece.row_ids for piece in ordered),
        slopes=tuple(slopes),
        offsets=tuple(offsets),
        runs=tuple(runs),
        number=counting.number,
        denominator=counting.denominator,
    )


def check_rate(rate_pct: Decimal, label: str, row_ids: tuple[str, ...] = ()) -> None:
    """Raises AbsurdRate unless 0 <= rate <= 100 % a year."""
    if not rate_pct.is_finite() or not ZERO <= rate_pct <= MAX_RATE_PCT:
        rows = f" (rows {', '.join(row_ids)})" if row_ids else ""
        raise AbsurdRate(
            f"{label}: {rate_pct} % a year{rows} is outside 0 to {MAX_RATE_PCT}. Check the sign and the "
            f"decimal point.",
            row_ids=row_ids,
            field="rate_pct",
        )


def _year_weight(year: int) -> int:
    """Share of one day of that year, over the common denominator 365 × 366."""
    return 365 if monthrange(year, 2)[1] == 29 else 366


def _split_by_year(piece: RatePiece) -> list[RatePiece]:
    parts = []
    for year in range(piece.start.year, piece.end.year + 1):
        start, end = max(piece.start, date(year, 1, 1)), min(piece.end, date(year, 12, 31))
        parts.append(piece._replace(start=start, end=end))
    return parts


@dataclass(frozen=True, slots=True)
class InterestTerms:
    """How interest is charged on one kind of claim; shared by all claims that the same rows govern.

    `rate_mode` "floating" prices each day by its own period; "fixed_at_start" keeps the rate of the first
    charged day. `compounding` "yearly"/"monthly" adds the interest owed to the base at each anniversary of
    the due date. `rounding` "daily" rounds the amount of each day, "once" the total. `fixed` holds one
    constant schedule per piece.
    """

    jurisdiction: str
    debtor_type: str
    basis: str
    rate_mode: str
    compounding: str
    rounding: str
    schedule: RateSchedule
    fixed: tuple[RateSchedule, ...]
    row_ids: tuple[str, ...]

    def schedule_from(self, first_day: int) -> RateSchedule:
        """The schedule for a claim whose first charged day is `first_day` (ordinal)."""
        if self.rate_mode == "floating":
            return self.schedule
        return self.fixed[self.schedule.piece_of(first_day)]


def build_terms(
    *,
    pieces: Sequence[RatePiece],
    label: str,
    jurisdiction: str,
    debtor_type: str,
    basis: str = "statutory",
    rate_mode: str = "floating",
    day_count: str = "act/365f",
    compounding: str = "none",
    rounding: str = "once",
    row_ids: tuple[str, ...] = (),
) -> InterestTerms:
    """Terms over `pieces`. Raises AbsurdRate for a rate below 0 or above 100 %."""
    for piece in pieces:
        check_rate(piece.rate_pct, label, piece.row_ids)
    schedule = build_schedule(pieces, day_count, label)
    fixed = ()
    if rate_mode == "fixed_at_start":
        constant = {}
        for rate, ids in zip(schedule.rates, schedule.row_ids, strict=True):
            if (rate, ids) not in constant:
                constant[rate, ids] = build_schedule([RatePiece(EPOCH, HORIZON, rate, ids)], day_count, label)
        fixed = tuple(constant[key] for key in zip(schedule.rates, schedule.row_ids, strict=True))
    return InterestTerms(
        jurisdiction, debtor_type, basis, rate_mode, compounding, rounding, schedule, fixed, row_ids
    )


Event = tuple[date, Decimal]
Stop = tuple[date, date | None]


def interest_exact(
    terms: InterestTerms,
    principal: Decimal,
    due_date: date,
    events: Sequence[Event],
    until: date,
    stops: Sequence[Stop] = (),
) -> Decimal:
    """Interest over (due_date, until], unrounded even where the terms round daily.

    `principal` is the gross amount owed on the due date before any event. `events` are (effective date,
    amount) pairs: a positive amount (payment, credit) lowers the balance from the following day on, a
    negative one (a bounced payment) raises it; events up to the due date lower the opening balance. `stops`
    are (first day, last day or None) spans, both days included, in which nothing accrues. Raises RateUnknown
    or SeriesGap for a charged day without a rate.
    """
    if stops or terms.compounding != "none":
        spans = _spans(terms, principal, due_date, events, until, stops)
        return _compounded(terms, spans, due_date.toordinal() + 1)
    mark, end = due_date.toordinal(), until.toordinal()
    if end <= mark:
        return ZERO
    schedule = None
    numerator, balance, latest = ZERO, principal, date.min
    for day, amount in events:
        if day < latest:
            return interest_exact(terms, principal, due_date, sorted(events, key=itemgetter(0)), until)
        latest = day
        ordinal = day.toordinal()
        if ordinal >= end:
            continue
        if ordinal > mark:
            if balance > 0:
                if schedule is None:
                    schedule = terms.schedule_from(due_date.toordinal() + 1)
                numerator = _add(numerator, _multiply(balance, schedule.rate_days(mark, ordinal)))
            mark = ordinal
        balance = _subtract(balance, amount)
    if balance > 0:
        if schedule is None:
            schedule = terms.schedule_from(due_date.toordinal() + 1)
        numerator = _add(numerator, _multiply(balance, schedule.rate_days(mark, end)))
    return _divide(numerator, schedule.denominator) if schedule else ZERO


def interest_amount(
    terms: InterestTerms,
    principal: Decimal,
    due_date: date,
    events: Sequence[Event],
    until: date,
    digits: int = 2,
    stops: Sequence[Stop] = (),
) -> Decimal:
    """Interest over (due_date, until], rounded HALF_UP to `digits`. Arguments and errors as `interest_exact`."""
    if terms.rounding == "daily":
        return calculation_sheet(terms, principal, due_date, events, until, digits, stops).total
    return quantize(interest_exact(terms, principal, due_date, events, until, stops), digits)


class Segment(NamedTuple):
    """One line of a sheet: `base` bore `rate_pct` for `days`, from `first_day` to `last_day`, both charged.

    `amount` is rounded so that the lines add up to the sheet's total; `exact` is the unrounded amount,
    of a base that may carry more digits than the rounded one shown.
    """

    first_day: date
    last_day: date
    days: int
    base: Decimal
    rate_pct: Decimal
    exact: Decimal
    amount: Decimal
    row_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalculationSheet:
    """A claim for interest that its debtor can follow. `row_ids` are all rows used, in order of first use."""

    segments: tuple[Segment, ...]
    total: Decimal
    day_count: str
    rate_mode: str
    compounding: str
    rounding: str
    basis: str
    row_ids: tuple[str, ...]


def calculation_sheet(
    terms: InterestTerms,
    principal: Decimal,
    due_date: date,
    events: Sequence[Event],
    until: date,
    digits: int = 2,
    stops: Sequence[Stop] = (),
) -> CalculationSheet:
    """The segments behind `interest_amount`, which equals `total`. Arguments and errors as `interest_exact`."""
    spans = _spans(terms, principal, due_date, events, until, stops)
    lines = _segments(terms, spans, due_date.toordinal() + 1, digits)
    amounts = split_rounded((line.exact for line in lines), digits)
    segments = [line._replace(amount=amount) for line, amount in zip(lines, amounts, strict=True)]
    total = sum(amounts, quantize(ZERO, digits))
    if terms.rounding == "once" and segments:
        # The lines are divided one by one, the total once: a tie lost in the sixtieth digit is settled here.
        whole = quantize(interest_exact(terms, principal, due_date, events, until, stops), digits)
        segments[-1] = segments[-1]._replace(amount=segments[-1].amount + whole - total)
        total = whole
    used = dict.fromkeys(terms.row_ids)
    used.update(dict.fromkeys(row_id for segment in segments for row_id in segment.row_ids))
    return CalculationSheet(
        tuple(segments),
        total,
        terms.schedule.day_count,
        terms.rate_mode,
        terms.compounding,
        terms.rounding,
        terms.basis,
        tuple(used),
    )


def daily_interest(
    terms: InterestTerms, balance: Decimal, due_date: date, day: date, digits: int = 2
) -> Decimal:
    """What one more day like `day` adds to the claim ("plus 0.52 a day"), rounded. Raises RateUnknown."""
    schedule = terms.schedule_from(due_date.toordinal() + 1)
    slope = schedule.slopes[schedule.piece_of(day.toordinal())]
    return quantize(_divide(_multiply(max(balance, ZERO), slope), schedule.denominator), digits)


def rate_on(terms: InterestTerms, due_date: date, day: date) -> tuple[Decimal, tuple[str, ...]]:
    """(% a year, row ids) charged on `day` for a claim due on `due_date`. Raises RateUnknown."""
    schedule = terms.schedule_from(due_date.toordinal() + 1)
    index = schedule.piece_of(day.toordinal())
    return schedule.rates[index], schedule.row_ids[index]


class _Span(NamedTuple):
    """Days (after, until] with one positive balance and no stop; `rests` anniversaries lie behind it."""

    after: int
    until: int
    balance: Decimal
    rests: int


def _compounded(terms: InterestTerms, spans: Iterable[_Span], first_day: int) -> Decimal:
    """Interest over the spans, unrounded, each anniversary adding what is owed to the base."""
    schedule, passed, capitalised, numerator = None, 0, ZERO, ZERO
    for span in spans:
        schedule = schedule or terms.schedule_from(first_day)
        if span.rests != passed:
            passed, capitalised = span.rests, _divide(numerator, schedule.denominator)
        rate_days = schedule.rate_days(span.after, span.until)
        numerator = _add(numerator, _multiply(_add(span.balance, capitalised), rate_days))
    return _divide(numerator, terms.schedule.denominator)


def _segments(terms: InterestTerms, spans: Iterable[_Span], first_day: int, digits: int) -> list[Segment]:
    """The spans cut at every change of rate, as lines without their rounded amount yet."""
    schedule, passed, capitalised, owed = None, 0, ZERO, ZERO
    segments = []
    for span in spans:
        schedule = schedule or terms.schedule_from(first_day)
        if span.rests != passed:
            passed, capitalised = span.rests, owed
        base = _add(span.balance, capitalised)
        after = span.after
        while after < span.until:
            index = schedule.piece_of(after + 1)
            last = min(span.until, schedule.ends[index])
            segment = _segment(schedule, index, after, last, base, terms.rounding, digits)
            owed = _add(owed, segment.exact)
            if segment.days:
                segments.append(segment)
            after = last
    return segments


def _segment(
    schedule: RateSchedule, index: int, after: int, last: int, base: Decimal, rounding: str, digits: int
) -> Segment:
    number = schedule.number
    days = last - after if number is None else number(last) - number(after)
    per_day = _multiply(base, schedule.slopes[index])
    if rounding == "daily":
        exact = _multiply(quantize(_divide(per_day, schedule.denominator), digits), days)
    else:
        exact = _divide(_multiply(per_day, days), schedule.denominator)
    return Segment(
        date.fromordinal(after + 1),
        date.fromordinal(last),
        days,
        quantize(base, digits),
        schedule.rates[index],
        exact,
        ZERO,
        schedule.row_ids[index],
    )


def _spans(
    terms: InterestTerms,
    principal: Decimal,
    due_date: date,
    events: Sequence[Event],
    until: date,
    stops: Sequence[Stop],
) -> Iterator[_Span]:
    """The charged days cut wherever the balance changes, a stop begins or ends, or interest joins the base."""
    start, end = due_date.toordinal(), until.toordinal()
    if end <= start:
        return
    ordered = sorted(((day.toordinal(), amount) for day, amount in events), key=itemgetter(0))
    closed = [(first.toordinal(), last.toordinal() if last else end) for first, last in stops]
    rests = _anniversaries(due_date, until, terms.compounding)
    marks = {start, end, *rests, *(ordinal for ordinal, _amount in ordered)}
    for first, last in closed:
        marks.update((first - 1, last))
    balance, position = principal, 0
    for after, last in pairwise(sorted(mark for mark in marks if start <= mark <= end)):
        while position < len(ordered) and ordered[position][0] <= after:
            balance = _subtract(balance, ordered[position][1])
            position += 1
        if balance > 0 and not any(first <= after + 1 <= final for first, final in closed):
            yield _Span(after, last, balance, bisect_right(rests, after))


def _anniversaries(due_date: date, until: date, compounding: str) -> tuple[int, ...]:
    """Days after which the interest owed joins the base: each full year or month from the due date."""
    if compounding == "none":
        return ()
    step = 12 if compounding == "yearly" else 1
    rests, months = [], step
    while True:
        years, month = divmod(due_date.month - 1 + months, 12)
        year = due_date.year + years
        day = date(year, month + 1, min(due_date.day, monthrange(year, month + 1)[1]))
        if day >= until:
            return tuple(rests)
        rests.append(day.toordinal())
        months += step

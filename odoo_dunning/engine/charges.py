"""What may be claimed beside principal and interest, and how much of it is left to claim.

Every answer is a `Cap`: the most the law allows now, the rows behind it, and why it is no more. The default
is nothing: a first reminder and a consumer are charged only where a usable row says so. A user may ask for
less than the cap, never more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from .law import ClaimDates, LawBook
from .law_errors import AboveCap, AbsurdAmount, RuleConflict, RuleUnknown
from .law_rows import CHARGE_KINDS, LawRow
from .money import EXACT, ZERO, currency_digits, percent_of, quantize

# Kinds owed once for a claim; the others may return with each message.
ONCE_PER_CLAIM = frozenset({"recovery_sum", "collection_cost", "penalty"})
# Kinds that rest on a contract where no row sets an amount: no legal cap is on record for a business debtor.
CONTRACTUAL = frozenset({"reminder_fee", "instalment_plan_fee", "penalty"})

UNLIMITED = None


class PastCharge(NamedTuple):
    """A charge already claimed and neither waived nor reversed; one dropped that way is left out of the
    history.
    """

    kind: str
    amount: Decimal
    charged_on: date


class PastMessage(NamedTuple):
    """A reminder already sent for the claim."""

    number: int
    sent_on: date


class History(NamedTuple):
    """`together`: what the same message charges besides. It excludes or includes as earlier charges do, but is no
    reason to wait."""

    charges: tuple[PastCharge, ...] = ()
    messages: tuple[PastMessage, ...] = ()
    together: tuple[PastCharge, ...] = ()


NO_HISTORY = History()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a charge would be added to.

    `principal` is the gross amount of the invoice in `currency`; `principal_elsewhere` the same in other
    currencies that scales are written in. `message_number` is the reminder being prepared, 1 for the first.
    `grounds` are facts rows ask for, such as "fee_clause". `notice_start_date` is the first day of the
    consumer's period after the free notice, None before it was given. `postage` is the actual postage of this
    message, in the currency of the law's amounts.
    """

    jurisdiction: str
    debtor_type: str
    principal: Decimal
    currency: str
    dates: ClaimDates
    message_number: int = 1
    grounds: frozenset[str] = frozenset()
    notice_start_date: date | None = None
    postage: Decimal = ZERO
    principal_elsewhere: Mapping[str, Decimal] = field(default_factory=dict)

    def principal_in(self, currency: str, row: LawRow) -> Decimal:
        if currency == self.currency:
            return self.principal
        if currency in self.principal_elsewhere:
            return self.principal_elsewhere[currency]
        raise RuleUnknown(
            f"Law row {row.id} is written in {currency}, the claim in {self.currency} (field "
            f"from_currency). Supply the "
            f"principal in {currency} at the rate of the day.",
            row_ids=(row.id,),
            field="from_currency",
        )


class Cap(NamedTuple):
    """`amount` in `currency` is the most that may be claimed now; None means the law on record sets no limit.

    `reason`: "allowed", "no_row", "no_legal_cap", "ground_missing", "message_free", "free_this_year",
    "too_early", "too_soon_after_last", "count_reached", "notice_missing", "notice_running", "replaced",
    "already_claimed". `args` are the numbers and dates behind it.
    """

    kind: str
    amount: Decimal | None
    currency: str
    reason: str
    row_ids: tuple[str, ...] = ()
    args: Mapping[str, object] = {}


def cap_for(book: LawBook, kind: str, claim: Claim, history: History = NO_HISTORY) -> Cap:
    """The most of `kind` that may be claimed now, over everything already claimed.

    Raises UnknownJurisdiction, RuleConflict, DateMissing; RuleUnknown for a scale in a currency the claim
    lacks.
    """
    if kind not in CHARGE_KINDS:
        raise ValueError(f"{kind!r} is not a kind of charge: {', '.join(CHARGE_KINDS)}")
    book.check_jurisdiction(claim.jurisdiction)
    rows = _rows(book, claim, kind)
    if not rows:
        return _without_row(book, kind, claim)
    row = _band(rows, claim)
    refused = _refusal(book, kind, claim, history, row)
    if refused is not None:
        return refused
    amount, used = _full_amount(book, kind, claim, row)
    amount, claimed = _still_open(book, kind, claim, history, amount, used)
    reason = "already_claimed" if claimed and amount == 0 else "allowed"
    return Cap(kind, amount, row.currency, reason, tuple(used), {"claimed": claimed} if claimed else {})


def default_amount(cap: Cap) -> Decimal:
    """What is claimed when nobody entered an amount: the full statutory sum, never a contractual guess."""
    return cap.amount or ZERO


def validate_fee(amount: Decimal, cap: Cap) -> Decimal:
    """`amount` when it may be claimed under `cap`. Raises AboveCap naming the row, AbsurdAmount for a
    negative one.
    """
    if not amount.is_finite() or amount < 0:
        raise AbsurdAmount(
            f"{cap.kind}: {amount} cannot be charged (field amount). Enter zero or more.", field="amount"
        )
    if cap.amount is not None and amount > cap.amount:
        rows = f"row {', '.join(cap.row_ids)}" if cap.row_ids else "no row allows it"
        raise AboveCap(
            f"{cap.kind}: {amount} {cap.currency} is above the {cap.amount} {cap.currency} the law "
            f"allows now ({cap.reason}; "
            f"{rows}; field amount). Lower it to {cap.amount} or waive it.",
            row_ids=cap.row_ids,
            field="amount",
        )
    return amount


class Gate(NamedTuple):
    """Whether interest may be claimed now; `reason` as in `Cap`."""

    is_open: bool
    reason: str
    row_ids: tuple[str, ...] = ()
    opens_on: date | None = None


def interest_gate(book: LawBook, claim: Claim) -> Gate:
    """Some laws let interest be claimed from a consumer only after a free notice and a period to pay."""
    row = book.find(claim.jurisdiction, claim.debtor_type, "interest_notice_days", claim.dates, claim.grounds)
    if row is None:
        return Gate(True, "allowed")
    cap = _notice_refusal("interest", claim, row)
    if cap is None:
        return Gate(True, "allowed", (row.id,))
    return Gate(False, cap.reason, cap.row_ids, cap.args.get("opens_on"))


def notice_start(
    book: LawBook, claim: Claim, channel: str, sent_on: date, is_working_day: Callable[[date], bool]
) -> tuple[date, tuple[str, ...]]:
    """(first day of the period the notice opens, row ids) for a notice sent by "email" or "post".

    Raises RuleUnknown when no usable row says when the period begins.
    """
    rule = f"notice_start_{channel}"
    row = book.find(claim.jurisdiction, claim.debtor_type, rule, claim.dates, claim.grounds)
    if row is None:
        drafts = tuple(draft.id for draft in book.drafts(claim.jurisdiction, claim.debtor_type, rule))
        raise RuleUnknown(
            f"No row says when the period after a notice by {channel} begins in {claim.jurisdiction} "
            f"(field {rule}). "
            + (f"Check and activate {', '.join(drafts)}." if drafts else "Add one, or charge nothing."),
            row_ids=drafts,
            field=rule,
        )
    day = sent_on
    for _ in range(int(row.value)):
        day += timedelta(days=1)
        while row.unit == "working_days" and not is_working_day(day):
            day += timedelta(days=1)
    return day, (row.id,)


def _rows(book: LawBook, claim: Claim, rule: str) -> tuple[LawRow, ...]:
    """Rows in force for a rule and this message number, whatever grounds they ask for."""
    rows = book.in_force(claim.jurisdiction, claim.debtor_type, rule, claim.dates)
    number = claim.message_number
    return tuple(
        row
        for row in rows
        if row.from_message <= number and (row.to_message is None or number <= row.to_message)
    )


def _limit(book: LawBook, claim: Claim, rule: str) -> LawRow | None:
    return book.find(claim.jurisdiction, claim.debtor_type, rule, claim.dates, claim.grounds)


def _without_row(book: LawBook, kind: str, claim: Claim) -> Cap:
    other = book.in_force(claim.jurisdiction, claim.debtor_type, kind, claim.dates)
    if other:
        return Cap(kind, ZERO, other[0].currency, "message_free", tuple(row.id for row in other))
    is_first = kind == "reminder_fee" and claim.message_number <= 1
    if claim.debtor_type == "b2c" or is_first or kind not in CONTRACTUAL:
        return Cap(kind, ZERO, claim.currency, "no_row")
    return Cap(kind, UNLIMITED, claim.currency, "no_legal_cap")


def _band(rows: tuple[LawRow, ...], claim: Claim) -> LawRow:
    """The band of a scale that holds the principal: the highest one reached, with its grounds met where
    possible.
    """
    met = tuple(row for row in rows if row.grounds <= claim.grounds) or rows
    reached = [row for row in met if _is_reached(row, claim)]
    most = max((len(row.grounds) for row in reached), default=0)
    reached = [row for row in reached if len(row.grounds) == most]
    row = max(reached, key=lambda row: (row.from_amount, row.from_is == "over"))
    rivals = [
        other for other in reached if (other.from_amount, other.from_is) == (row.from_amount, row.from_is)
    ]
    if len(rivals) > 1:
        raise RuleConflict(
            f"Law rows {rivals[0].id} and {rivals[1].id} both set {row.rule} for this claim (field "
            f"valid_to). End one of them.",
            row_ids=tuple(rival.id for rival in rivals),
            field="valid_to",
        )
    return row


def _is_reached(row: LawRow, claim: Claim) -> bool:
    if row.from_amount == 0:
        return True
    principal = claim.principal_in(row.from_currency, row)
    return principal > row.from_amount if row.from_is == "over" else principal >= row.from_amount


def _refusal(book: LawBook, kind: str, claim: Claim, history: History, row: LawRow) -> Cap | None:
    """The first rule that forbids the charge for now, as a cap of zero."""
    if not row.grounds <= claim.grounds:
        missing = sorted(row.grounds - claim.grounds)
        return Cap(kind, ZERO, row.currency, "ground_missing", (row.id,), {"grounds": missing})
    return (
        _free_refusal(book, kind, claim, history, row)
        or _timing_refusal(book, kind, claim, history, row)
        or _notice_refusal(kind, claim, _limit(book, claim, f"{kind}_notice_days"))
        or _replaced_refusal(book, kind, claim, history, row)
        or _count_refusal(book, kind, claim, history, row)
    )


def _free_refusal(book: LawBook, kind: str, claim: Claim, history: History, row: LawRow) -> Cap | None:
    free = _limit(book, claim, f"{kind}_free_per_year")
    if free is None:
        return None
    year = claim.dates.action_date.year
    this_year = 1 + sum(message.sent_on.year == year for message in history.messages)
    if this_year > free.value:
        return None
    return Cap(
        kind, ZERO, row.currency, "free_this_year", (free.id,), {"number": this_year, "free": int(free.value)}
    )


def _timing_refusal(book: LawBook, kind: str, claim: Claim, history: History, row: LawRow) -> Cap | None:
    today = claim.dates.action_date
    after_due = _limit(book, claim, f"{kind}_days_after_due")
    if after_due is not None:
        opens_on = claim.dates.due_date + timedelta(days=int(after_due.value))
        if today < opens_on:
            return Cap(kind, ZERO, row.currency, "too_early", (after_due.id,), {"opens_on": opens_on})
    between = _limit(book, claim, f"{kind}_days_between")
    earlier = [message.sent_on for message in history.messages] + [
        charge.charged_on for charge in history.charges
    ]
    if between is not None and earlier:
        opens_on = max(earlier) + timedelta(days=int(between.value))
        if today < opens_on:
            return Cap(kind, ZERO, row.currency, "too_soon_after_last", (between.id,), {"opens_on": opens_on})
    return None


def _notice_refusal(kind: str, claim: Claim, notice: LawRow | None) -> Cap | None:
    if notice is None:
        return None
    if claim.notice_start_date is None:
        return Cap(kind, ZERO, claim.currency, "notice_missing", (notice.id,), {"days": int(notice.value)})
    opens_on = claim.notice_start_date + timedelta(days=int(notice.value))
    if claim.dates.action_date < opens_on:
        return Cap(kind, ZERO, claim.currency, "notice_running", (notice.id,), {"opens_on": opens_on})
    return None


def _replaced_refusal(book: LawBook, kind: str, claim: Claim, history: History, row: LawRow) -> Cap | None:
    """A sum that stands instead of others excludes them, and is excluded by them."""
    for charge in history.charges + history.together:
        for winner, loser in ((charge.kind, kind), (kind, charge.kind)):
            rule = _limit(book, claim, f"{winner}_replaces")
            if charge.amount > 0 and rule is not None and loser in _kinds(rule):
                return Cap(kind, ZERO, row.currency, "replaced", (rule.id,), {"by": charge.kind})
    return None


def _count_refusal(book: LawBook, kind: str, claim: Claim, history: History, row: LawRow) -> Cap | None:
    limit = _limit(book, claim, f"{kind}_max_count")
    if limit is None:
        return None
    together = _limit(book, claim, f"{kind}_counts_with")
    kinds = {kind, *(_kinds(together) if together else ())}
    count = sum(charge.kind in kinds and charge.amount > 0 for charge in history.charges)
    if count < limit.value:
        return None
    return Cap(
        kind, ZERO, row.currency, "count_reached", (limit.id,), {"count": count, "allowed": int(limit.value)}
    )


def _full_amount(book: LawBook, kind: str, claim: Claim, row: LawRow) -> tuple[Decimal, list[str]]:
    used = [row.id]
    amount = row.value
    if row.percent_over:
        over = EXACT.subtract(claim.principal_in(row.from_currency, row), row.from_amount)
        amount = EXACT.add(amount, percent_of(max(over, ZERO), row.percent_over))
    for limit, choose in ((f"{kind}_min", max), (f"{kind}_max", min)):
        bound = _limit(book, claim, limit)
        if bound is not None:
            amount = choose(amount, bound.value)
            used.append(bound.id)
    postage = _limit(book, claim, f"{kind}_postage")
    if postage is not None:
        amount = EXACT.add(amount, claim.postage)
        used.append(postage.id)
    return quantize(amount, currency_digits(row.currency)), used


def _still_open(
    book: LawBook, kind: str, claim: Claim, history: History, amount: Decimal, used: list[str]
) -> tuple[Decimal, Decimal]:
    """(what is left of the amount, what was claimed before of it)."""
    kinds = {kind} if kind in ONCE_PER_CLAIM else set()
    included = _limit(book, claim, f"{kind}_includes")
    if included is not None:
        kinds |= _kinds(included)
        used.append(included.id)
    known = history.charges + history.together
    claimed = sum((charge.amount for charge in known if charge.kind in kinds), ZERO)
    return max(EXACT.subtract(amount, claimed), ZERO), claimed


def _kinds(row: LawRow) -> set[str]:
    return {kind.strip() for kind in row.value.split("+")}

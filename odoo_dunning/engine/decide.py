"""The decision: what is due to one customer today, and why (or why not) for every open item.

    decide(account, items, policies, ruling) -> AccountDecision

An item passes these gates in this order; the first that stops it is its answer.

1.  What it is: `paid` (nothing open), `credit` (the customer's money), `refund` (money paid back, not an
    invoice).
2.  The account: `insolvent`, `legal`, `no_followup`, `blocked`, `excluded`, `in_plan`, `in_other_run`,
    `hold_account`.
3.  The policy: chosen for the item by a person, else the version the item's cycle started with, else the
    account's (explicit, rule or default: `Account.policy_source`). `Answer.policy_source` says which; none:
    `no_policy`.
4.  The item: its own flags (as 2), `hold`, `promised`, `no_due_date`.
5.  Credits: applied in memory (`netting.py`): `netted`; a wholly disputed rest: `disputed`. The undisputed,
    uncovered rest goes on.
6.  The level: `too_young`, `waiting_since_last_level`, `last_level_reached`, `below_minimum_item`.
7.  What we know: `contacted_recently`, `source_stale`, `bank_stale`, `unmatched_receipts`.
8.  The customer as a whole, per currency: `below_minimum_account`.
9.  The day and the address: `not_a_working_day`, `archived`, `no_address`. A day or hour on which nothing may
    leave moves the message (`Message.shift`), unless the calendar says "wait".
10. `ration.Ration` afterwards, over all accounts of a run: `volume_cap`.

What is left is `notify`: one `Message` per currency, all at the same instant.

An item climbs one level per contact (more only where the policy says so), when today >= due + delay + grace
of that level and today >= last level + its minimum days. It has reached a level when the notice was sent: the
caller writes `level_rank` and `level_date` then. Courtesy levels (negative delay) are skipped once the due
date has passed.

Same input, same decision, whatever the order of the items. No clock, no I/O, no write. At the
moment of sending the same gates are asked again (`bulk/recheck.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta, timezone
from decimal import Decimal
from operator import itemgetter

from . import calendar, recipients
from .levels import Plan, below_minimum, next_level
from .netting import Netting, Target, net
from .snapshot import (
    ZERO,
    Account,
    AccountDecision,
    Answer,
    Calendar,
    Flag,
    Item,
    Level,
    Message,
    Policy,
    Reason,
    Ruling,
    Task,
)

_by_id = itemgetter(0)
_answer = Answer._make

FLAG_REASONS = (
    (Flag.INSOLVENT, Reason.INSOLVENT),
    (Flag.LEGAL, Reason.LEGAL),
    (Flag.NO_FOLLOWUP, Reason.NO_FOLLOWUP),
    (Flag.BLOCKED, Reason.BLOCKED),
    (Flag.EXCLUDED, Reason.EXCLUDED),
    (Flag.IN_PLAN, Reason.IN_PLAN),
    (Flag.IN_OTHER_RUN, Reason.IN_OTHER_RUN),
)
_STOPPING = sum(bit for bit, _code in FLAG_REASONS)

NEAREST_TO_ACTING = (
    Reason.NOTIFY,
    Reason.VOLUME_CAP,
    Reason.NO_ADDRESS,
    Reason.ARCHIVED,
    Reason.NOT_WORKING_DAY,
    Reason.UNMATCHED,
    Reason.BANK_STALE,
    Reason.SOURCE_STALE,
    Reason.BELOW_ACCOUNT,
    Reason.CONTACTED,
    Reason.BELOW_ITEM,
    Reason.WAITING,
    Reason.LAST_LEVEL,
    Reason.NO_DUE_DATE,
    Reason.NO_POLICY,
    Reason.IN_OTHER_RUN,
    Reason.PROMISED,
    Reason.DISPUTED,
    Reason.IN_PLAN,
    Reason.HOLD,
    Reason.HOLD_ACCOUNT,
    Reason.EXCLUDED,
    Reason.BLOCKED,
    Reason.NO_FOLLOWUP,
    Reason.LEGAL,
    Reason.INSOLVENT,
    Reason.TOO_YOUNG,
    Reason.NETTED,
    Reason.REFUND,
    Reason.CREDIT,
    Reason.PAID,
    Reason.NOTHING_OPEN,
)
_NEARNESS = {code: place for place, code in enumerate(NEAREST_TO_ACTING)}


def decide(
    account: Account, items: Iterable[Item], policies: Mapping[int, Policy], ruling: Ruling
) -> AccountDecision:
    """Decide for one account. `items`: all its open items, of every currency; `policies`: all versions by id.

    What cannot be decided is answered with its reason. Raises `ValueError` for an item of another account: no
    letter ever carries somebody else's invoices.
    """
    return _Case(account, sorted(items, key=_by_id), policies, ruling).decision()


def send_slot(account: Account, rules: Calendar, ruling: Ruling) -> calendar.Slot | None:
    """When a message to this account may leave; it may leave now if `send_at <= ruling.now`. None: never
    soon."""
    return _place_and_slot(account, rules, ruling)[1]


class _Candidate:
    """An item that may be notified at `level` of its plan, for `net` of its open amount."""

    __slots__ = ("covered", "disputed", "item", "level", "net", "plan", "source")

    def __init__(self, item, plan, source, level, net, covered, disputed):
        self.item = item
        self.plan = plan
        self.source = source
        self.level = level
        self.net = net
        self.covered = covered
        self.disputed = disputed

    def leave(self, code: str, args: tuple) -> Answer:
        level = self.level
        return Answer(self.item.id, code, level.rank, level.id, args, self.plan.policy.id, self.source)


class _Case:
    """One account on its way through the gates."""

    __slots__ = (
        "account",
        "answers",
        "covered_by",
        "credits",
        "items",
        "left_alone",
        "netting",
        "plans",
        "policies",
        "reached",
        "refunds",
        "ruling",
        "standing",
        "tasks",
    )

    def __init__(self, account, items, policies, ruling):
        self.account = account
        self.items = items
        self.policies = policies
        self.ruling = ruling
        self.plans = _plans_of(policies, ruling)
        self.answers: list[Answer] = []
        self.credits: list[Item] = []
        self.refunds: list[Item] = []
        self.standing: list[tuple] = []
        self.left_alone: list[Item] = []
        self.netting: Netting | None = None
        self.covered_by: dict[int, list[str]] = {}
        self.reached: dict[tuple, int] = {}
        self.tasks: list[Task] = []

    def decision(self) -> AccountDecision:
        self._sort_out()
        if self.credits:
            self._apply_credits()
        messages = ()
        candidates = self._levels()
        if candidates:
            candidates = self._known_facts(candidates)
            if candidates:
                messages = self._messages(candidates)
        self._data_tasks()
        answers = self.answers
        answers.sort(key=_by_id)
        code, args = account_reason(answers)
        applications = self.netting.applications if self.netting else ()
        return AccountDecision(
            self.account.id, tuple(answers), messages, applications, tuple(self.tasks), code, args
        )

    # -- gates 1 to 4

    def _sort_out(self) -> None:
        """Answer what is no business of dunning, and split the rest into credits and standing receivables."""
        account, plans = self.account, self.plans
        account_id, account_policy_id, account_source = account.id, account.policy_id, account.policy_source
        stop = self._account_stop()
        today = self.ruling.today
        append_answer, append_standing = self.answers.append, self.standing.append
        for item in self.items:
            amount = item.amount_open
            if item.account_id != account_id:
                raise ValueError(f"item {item.id} is of account {item.account_id}, not of {account_id}")
            if item.kind != "invoice" or amount <= 0:
                self._other_kind(item, amount)
                continue
            policy_id = item.policy_id
            if policy_id is None:
                policy_id, source = account_policy_id, account_source
            else:
                source = "bound" if item.flags & Flag.BOUND_POLICY else "item"
            if stop is not None:
                append_answer(_answer((item.id, stop[0], 0, None, stop[1], policy_id, source)))
                continue
            plan = plans.get(policy_id) or self._plan(policy_id)
            if plan is None:
                reason = (Reason.NO_POLICY, (policy_id,))
            elif (
                not item.flags
                and item.hold_until is None
                and item.promised_until is None
                and item.due_date is not None
            ):
                append_standing((item, plan, source))
                continue
            else:
                reason = _item_stop(item, plan, today)
                if reason is None:
                    append_standing((item, plan, source))
                    continue
            append_answer(_answer((item.id, reason[0], 0, None, reason[1], policy_id, source)))
            self.left_alone.append(item)

    def _plan(self, policy_id: int | None) -> Plan | None:
        policy = self.policies.get(policy_id) if policy_id is not None else None
        if policy is None or not policy.levels:
            return None
        plan = self.plans[policy_id] = Plan(policy, self.ruling.today)
        return plan

    def _account_stop(self) -> tuple | None:
        account = self.account
        if account.flags & _STOPPING:
            return _flag_reason(account.flags), ()
        if account.hold_until is not None and self.ruling.today <= account.hold_until:
            return Reason.HOLD_ACCOUNT, (account.hold_until, account.hold_reason, account.hold_author)
        return None

    def _other_kind(self, item: Item, amount: Decimal) -> None:
        if not amount:
            self.answers.append(Answer(item.id, Reason.PAID, 0, None, (), None, ""))
        elif amount < 0:
            self.credits.append(item)
        else:
            self.answers.append(Answer(item.id, Reason.REFUND, 0, None, (), None, ""))
            self.refunds.append(item)

    # -- gate 5

    def _apply_credits(self) -> None:
        policy = self._leading_policy()
        order = policy.netting if policy else "oldest"
        usable = [] if order == "none" else [c for c in self.credits if not c.flags & Flag.EXCLUDED]
        targets = [Target(item, item.amount_open) for item in self.refunds]
        targets += [
            Target(item, max(ZERO, item.amount_open - item.amount_disputed)) for item, _, _ in self.standing
        ]
        targets += [Target(item, ZERO) for item in self.left_alone]
        self.netting = net(usable, targets, order)
        numbers = {credit.id: credit.number for credit in self.credits}
        for application in self.netting.applications:
            self.covered_by.setdefault(application.item_id, []).append(numbers[application.credit_id])
        for credit in self.credits:
            used = self.netting.used.get(credit.id, ZERO)
            args = (used, -credit.amount_open - used, credit.currency)
            self.answers.append(Answer(credit.id, Reason.CREDIT, 0, None, args, None, ""))

    def _leading_policy(self) -> Policy | None:
        plan = self.plans.get(self.account.policy_id) or self._plan(self.account.policy_id)
        if plan is None and self.standing:
            plan = self.standing[0][1]
        return plan.policy if plan else None

    def _rest(self, item: Item) -> tuple:
        """`(net, covered, disputed)` of an item, with net <= 0 when nothing is left to ask for."""
        covered = self.netting.covered.get(item.id, ZERO) if self.netting else ZERO
        return item.amount_open - covered - item.amount_disputed, covered, item.amount_disputed

    def _nothing_left(self, item: Item, covered: Decimal) -> tuple:
        if covered >= item.amount_open:
            return Reason.NETTED, (", ".join(self.covered_by[item.id]), covered, item.currency)
        return Reason.DISPUTED, (item.amount_disputed, item.currency, item.dispute_reason)

    # -- gate 6

    def _levels(self) -> list[_Candidate]:
        today = self.ruling.today
        netted = self.netting is not None
        append_answer = self.answers.append
        candidates = []
        for item, plan, source in self.standing:
            if netted or item.amount_disputed:
                rest, covered, disputed = self._rest(item)
                if rest <= 0:
                    code, args = self._nothing_left(item, covered)
                    append_answer(_answer((item.id, code, 0, None, args, plan.policy.id, source)))
                    continue
            else:
                rest, covered, disputed = item.amount_open, ZERO, ZERO
            index, code, args = next_level(item, plan, today)
            level = plan.levels[index]
            if code is None:
                code, args = below_minimum(item, level, rest)
            if code is None:
                candidates.append(_Candidate(item, plan, source, level, rest, covered, disputed))
            else:
                append_answer(_answer((item.id, code, level.rank, level.id, args, plan.policy.id, source)))
                if plan.lifts and not (code is Reason.LAST_LEVEL and plan.policy.after_last == "stop"):
                    self._keep_reached(item, plan)
                if code is Reason.LAST_LEVEL:
                    self._hand_over(item, plan)
        return candidates

    def _keep_reached(self, item: Item, plan: Plan) -> None:
        key = (item.currency, plan)
        self.reached[key] = max(self.reached.get(key, 0), item.level_rank)

    def _hand_over(self, item: Item, plan: Plan) -> None:
        policy = plan.policy
        if policy.after_last != "hand_over" or item.level_date is None:
            return
        if item.level_date + timedelta(days=policy.hand_over_days) <= self.ruling.today:
            self.tasks.append(Task("hand_over", (item.id,), (item.level_date,)))

    # -- gate 7

    def _known_facts(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Answer candidates we should not write about because of what we know, or do not know, today."""
        ruling, account = self.ruling, self.account
        today = ruling.today
        gap_days = _strictest_gap(candidates)
        gap = timedelta(days=gap_days)
        contact = account.last_contact_date
        if contact is not None and contact + gap > today:
            return self._leave_all(candidates, Reason.CONTACTED, (contact, gap_days, contact + gap))
        if account.unmatched_receipts and ruling.unmatched_gate == "stop":
            return self._leave_all(candidates, Reason.UNMATCHED, (account.unmatched_receipts,))
        stale, bank_stops = ruling.stale_ledgers, ruling.bank_gate == "stop" and _bank_is_stale(ruling)
        left = []
        for candidate in candidates:
            item = candidate.item
            contact = item.contact_date
            if contact is not None and contact + gap > today:
                args = (contact, gap_days, contact + gap)
                self.answers.append(candidate.leave(Reason.CONTACTED, args))
            elif stale and item.ledger_id in stale:
                self.answers.append(candidate.leave(Reason.SOURCE_STALE, (stale[item.ledger_id],)))
            elif bank_stops and item.ledger_id is None:
                self.answers.append(candidate.leave(Reason.BANK_STALE, (ruling.bank_last_date,)))
            else:
                left.append(candidate)
        return left

    def _leave_all(self, candidates: list[_Candidate], code: str, args: tuple) -> list:
        self.answers.extend(candidate.leave(code, args) for candidate in candidates)
        return []

    # -- gates 8 and 9

    def _messages(self, candidates: list[_Candidate]) -> tuple[Message, ...]:
        groups = [group for group in _by_currency(candidates) if self._is_worth_it(group)]
        if not groups:
            return ()
        lead = self._lead([self._lead(group) for group in groups])
        rules = lead.plan.policy.calendar
        place, slot = _place_and_slot(self.account, rules, self.ruling)
        if slot is None or (slot.shift in calendar.CLOSED and rules.when_closed == "wait"):
            shift, detail, next_date = (
                (slot.shift, slot.detail, slot.send_on) if slot else ("closed", "", None)
            )
            args = (self.ruling.today, shift, detail, next_date)
            for group in groups:
                self._leave_all(group, Reason.NOT_WORKING_DAY, args)
            return ()
        messages = [self._message(group, place, slot) for group in groups]
        return tuple([message for message in messages if message is not None])

    def _is_worth_it(self, group: list[_Candidate]) -> bool:
        lead = self._lead(group)
        currency = lead.item.currency
        least = lead.plan.policy.min_amounts.get(currency)
        if least is None:
            return True
        total = sum([candidate.net for candidate in group], ZERO)
        if total < least:
            self._leave_all(group, Reason.BELOW_ACCOUNT, (total, least, currency))
        return total >= least

    def _lead(self, group: list[_Candidate]) -> _Candidate:
        """Who speaks for a group: the highest level, then the account's own policy, then the lowest id."""
        lead = group[0]
        for candidate in group:
            if candidate.level is not lead.level:
                rank, highest = candidate.level.rank, lead.level.rank
                own = candidate.plan.policy.id == self.account.policy_id
                if rank > highest or (rank == highest and own):
                    lead = candidate
        return lead

    def _message(self, group: list[_Candidate], place, slot) -> Message | None:
        lead = self._lead(group)
        if lead.plan.lifts:
            self._lift(group, lead)
        level = lead.level
        if self.account.flags & Flag.ARCHIVED:
            self._left_to_a_person(group, Reason.ARCHIVED, ())
            return None
        chosen = recipients.choose(level, self.account, self.ruling.language)
        if not chosen.deliveries:
            args = (level.name, ", ".join(level.channels + level.fallback_channels))
            self._left_to_a_person(group, Reason.NO_ADDRESS, args)
            return None
        group.sort(key=_letter_order)
        self._answer_notified(group, slot)
        principal = credits = disputed = ZERO
        for candidate in group:
            principal += candidate.item.amount_open
            credits += candidate.covered
            disputed += candidate.disputed
        first = chosen.deliveries[0]
        return Message(
            currency=lead.item.currency,
            level_rank=level.rank,
            level_id=level.id,
            item_ids=tuple([candidate.item.id for candidate in group]),
            amounts=tuple([candidate.net for candidate in group]),
            channels=tuple([delivery.channel for delivery in chosen.deliveries]),
            contact_id=first.contact_id,
            language=first.language,
            deliveries=chosen.deliveries,
            send_on=slot.send_on,
            send_at=slot.send_at,
            send_until=slot.send_until,
            shift=slot.shift,
            shift_detail=slot.detail,
            deadline_date=calendar.deadline(place, slot.send_on, level.deadline_days, level.deadline_unit),
            principal=principal,
            credits=credits,
            disputed=disputed,
            net=principal - credits - disputed,
            policy_id=lead.plan.policy.id,
            warnings=self._warnings(group, level, chosen.missing),
        )

    def _left_to_a_person(self, group: list[_Candidate], code: str, args: tuple) -> None:
        self._leave_all(group, code, args)
        ids = tuple([candidate.item.id for candidate in group])
        self.tasks.append(Task(code, ids, args))

    def _lift(self, group: list[_Candidate], lead: _Candidate) -> None:
        """Strategy "highest": every due item goes at the highest level of its currency, an earlier one
        included."""
        plan = lead.plan
        reached = self.reached.get((lead.item.currency, plan), 0)
        reached_levels = plan.levels[: bisect_right(plan.ranks, reached)]
        level = max((lead.level, *reached_levels), key=lambda level: level.rank)
        for candidate in group:
            if candidate.plan is plan:
                candidate.level = level

    def _answer_notified(self, group: list[_Candidate], slot) -> None:
        _send_at, _send_until, send_on, shift, detail = slot
        append = self.answers.append
        for candidate in group:
            level, item = candidate.level, candidate.item
            due = item.due_date
            args = (level.name, due, (send_on - due).days, send_on, shift, detail)
            policy_id = candidate.plan.policy.id
            append(_answer((item.id, Reason.NOTIFY, level.rank, level.id, args, policy_id, candidate.source)))

    def _warnings(self, group: list[_Candidate], level: Level, missing: tuple) -> tuple:
        ruling = self.ruling
        warnings = [(Reason.NO_ADDRESS, (level.name, ", ".join(missing)))] if missing else []
        if ruling.unmatched_gate == "warn" and self.account.unmatched_receipts:
            warnings.append((Reason.UNMATCHED, (self.account.unmatched_receipts,)))
        ours = any(candidate.item.ledger_id is None for candidate in group)
        if ruling.bank_gate == "warn" and ours and _bank_is_stale(ruling):
            warnings.append((Reason.BANK_STALE, (ruling.bank_last_date,)))
        return tuple(warnings)

    def _data_tasks(self) -> None:
        ids = tuple([answer.item_id for answer in self.answers if answer.code is Reason.NO_DUE_DATE])
        if ids:
            self.tasks.append(Task(Reason.NO_DUE_DATE, tuple(sorted(ids)), ()))


def _place_and_slot(account: Account, rules: Calendar, ruling: Ruling) -> tuple:
    key = (rules, account.country, account.subdivision, account.timezone)
    known = ruling.caches.get(key)
    if known is None:
        place = calendar.Place(account.country or ruling.country, account.subdivision)
        tz = calendar.zone(account.timezone) or calendar.zone(ruling.timezone) or timezone.utc
        try:
            slot = calendar.first_slot(rules, place, tz, ruling.today, ruling.now)
        except calendar.NoOpenDayError:
            slot = None
        known = ruling.caches[key] = (place, slot)
    return known


def _plans_of(policies: Mapping[int, Policy], ruling: Ruling) -> dict[int, Plan]:
    known = ruling.caches.get("plans")
    if known is None or known[0] is not policies:
        known = ruling.caches["plans"] = (policies, {})
    return known[1]


def _flag_reason(flags: int) -> str:
    return next(code for bit, code in FLAG_REASONS if flags & bit)


def _item_stop(item: Item, plan: Plan, today: date) -> tuple | None:
    flags = item.flags
    if flags & _STOPPING:
        return _flag_reason(flags), ()
    if item.hold_until is not None and today <= item.hold_until:
        return Reason.HOLD, (item.hold_until, item.hold_reason, item.hold_author)
    if item.promised_until is not None and item.promised_until >= plan.promise_bar:
        return Reason.PROMISED, (item.promised_until, plan.policy.promise_grace_days)
    if item.due_date is None:
        return Reason.NO_DUE_DATE, ()
    return None


def _strictest_gap(candidates: list[_Candidate]) -> int:
    plan = candidates[0].plan
    days = plan.policy.gap_days
    for candidate in candidates:
        if candidate.plan is not plan:
            days = max(days, candidate.plan.policy.gap_days)
    return days


def _by_currency(candidates: list[_Candidate]) -> list[list[_Candidate]]:
    groups: dict[str, list[_Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.item.currency, []).append(candidate)
    return [groups[currency] for currency in sorted(groups)]


def _letter_order(candidate: _Candidate) -> tuple:
    return (candidate.item.due_date, candidate.item.id)


def _bank_is_stale(ruling: Ruling) -> bool:
    last = ruling.bank_last_date
    return last is None or last + timedelta(days=ruling.bank_max_age_days) < ruling.today


def account_reason(answers: Sequence[Answer]) -> tuple[str, tuple]:
    """Code and arguments for the account as a whole, from the answers of its items."""
    if not answers:
        return Reason.NOTHING_OPEN, ()
    nearness = _NEARNESS
    best = answers[0]
    place = nearness[best.code]
    for answer in answers:
        if nearness[answer.code] < place or (
            answer.code is best.code and answer.level_rank > best.level_rank
        ):
            best, place = answer, nearness[answer.code]
    return best.code, best.args

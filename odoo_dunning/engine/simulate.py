"""What a policy would have sent over past days: the engine itself, fed with its own decisions. Writes
nothing.

Balances follow the movements: on each day an item is open for its total plus everything booked until then.
Each day is decided as a daily run would: nothing is proposed for a later day, so `Calendar.when_closed` is
read as "wait".
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

from . import calendar
from .decide import decide
from .ration import Ration, importance
from .snapshot import FOREVER, ZERO, Account, AccountDecision, Answer, Flag, Item, Policy, Reason, Ruling

ONE_DAY = timedelta(days=1)


class Movement(NamedTuple):
    """A change of an item's open amount (payment of an invoice: negative), known from the start of `date`."""

    date: date
    amount: Decimal


class PastItem(NamedTuple):
    """`item` as it was at the start: `amount_open` is ignored (`amount_total` plus movements counts),
    `level_rank` and `level_date` are where the simulation begins (0 and None to replay from scratch)."""

    item: Item
    movements: tuple[Movement, ...] = ()


class Past(NamedTuple):
    account: Account
    items: tuple[PastItem, ...]


class SimulatedDay(NamedTuple):
    """`sent`: decisions with at least one message that leaves on `date`, by account id (decided the day before or
    earlier where the run is after the send window). `held_back`: accounts the volume cap stopped on it."""

    date: date
    sent: tuple[AccountDecision, ...]
    held_back: tuple[int, ...]


def simulate(
    pasts: Iterable[Past], policies: Mapping[int, Policy], ruling: Ruling, start: date, end: date
) -> Iterator[SimulatedDay]:
    """One `SimulatedDay` for each day from `start` to `end` (inclusive) on which something would have left.

    `ruling` gives the company's place, gates and caps; its local time of day is the time of each day's run.
    """
    policies = {key: _waiting(policy) for key, policy in policies.items()}
    histories = [_History(past, start) for past in sorted(pasts, key=lambda past: past.account.id)]
    wake = [(start, index) for index in range(len(histories))]
    ration = Ration.of(ruling)
    leaving: dict[date, list[AccountDecision]] = defaultdict(list)
    stopped: dict[date, list[int]] = defaultdict(list)
    while wake and wake[0][0] <= end:
        day = wake[0][0]
        yield from _over(leaving, stopped, day)
        todays = _ruling_of(ruling, day)
        woken = []
        while wake and wake[0][0] == day:
            index = heapq.heappop(wake)[1]
            history = histories[index]
            woken.append(
                (decide(history.account_now(), history.items_on(day), policies, todays), index, history)
            )
        for decision, index, history in sorted(woken, key=_most_important_first):
            decision = ration.admit(decision)
            if decision.messages:
                leaving[decision.messages[0].send_on].append(decision)
                history.take_in(decision)
            if any(answer.code == Reason.VOLUME_CAP for answer in decision.answers):
                stopped[day].append(history.account.id)
            next_day = history.next_day(decision, policies, day)
            if next_day is not None:
                heapq.heappush(wake, (next_day, index))
    yield from _over(leaving, stopped, end + ONE_DAY)


def _over(leaving: dict, stopped: dict, day: date) -> Iterator[SimulatedDay]:
    """The days before `day`, on which nothing more can happen, in order; they are taken out of both."""
    for date_ in sorted(key for key in leaving.keys() | stopped.keys() if key < day):
        sent = sorted(leaving.pop(date_, ()), key=lambda decision: decision.account_id)
        yield SimulatedDay(date_, tuple(sent), tuple(sorted(stopped.pop(date_, ()))))


def _most_important_first(woken: tuple) -> tuple:
    decision, index, _history = woken
    return (0, importance(decision)) if decision.messages else (1, index)


class _History:
    """One account on its way through the days."""

    def __init__(self, past: Past, start: date):
        self.account = past.account
        self.last_contact_date = past.account.last_contact_date
        self.items = {
            past_item.item.id: (past_item.item, sorted(past_item.movements)) for past_item in past.items
        }
        self.changes = sorted(
            {
                change
                for item, movements in self.items.values()
                for change in (item.issue_date, *(movement.date for movement in movements))
                if change is not None and change > start
            }
        )

    def account_now(self) -> Account:
        return self.account._replace(last_contact_date=self.last_contact_date)

    def items_on(self, day: date) -> list[Item]:
        """The items that exist and are open on `day`."""
        found = []
        for item, movements in self.items.values():
            if item.issue_date is None or item.issue_date <= day:
                moved = sum((movement.amount for movement in movements if movement.date <= day), ZERO)
                if item.amount_total + moved:
                    found.append(item._replace(amount_open=item.amount_total + moved))
        return found

    def take_in(self, decision: AccountDecision) -> None:
        """What sending does to the books: levels, dates, the policy version the cycle is bound to."""
        sent_on = {item_id: message.send_on for message in decision.messages for item_id in message.item_ids}
        for answer in decision.answers:
            if answer.code == Reason.NOTIFY:
                item, movements = self.items[answer.item_id]
                self.items[item.id] = (_notified(item, answer, sent_on[item.id]), movements)
        self.last_contact_date = max(sent_on.values())

    def next_day(self, decision: AccountDecision, policies: Mapping[int, Policy], day: date) -> date | None:
        """The first later day on which the answers may be different: a date passes, or money moves."""
        days = [change for change in self.changes if change > day][:1]
        for answer in decision.answers:
            changed = next_change(answer, self.items[answer.item_id][0].due_date, day)
            if changed is not None:
                days.append(changed)
        return max(min(days), day + ONE_DAY) if days else None


def next_change(answer: Answer, due_date: date | None, day: date) -> date | None:
    """First day after `day` on which the passing of time alone may change this answer; None: never.

    Never later than the day after the due date: courtesy levels end there.
    """
    code, args = answer.code, answer.args
    if code in _NEVER_BY_TIME:
        return None
    if code in (Reason.TOO_YOUNG, Reason.WAITING, Reason.CONTACTED):
        changes = args[2]
    elif code in (Reason.HOLD, Reason.HOLD_ACCOUNT):
        changes = FOREVER if args[0] == FOREVER else args[0] + ONE_DAY
    elif code == Reason.PROMISED:
        changes = args[0] + timedelta(days=args[1] + 1)
    else:
        return day + ONE_DAY
    if due_date is not None and day <= due_date < changes:
        changes = due_date + ONE_DAY
    return None if changes == FOREVER else changes


_NEVER_BY_TIME = frozenset(
    {
        Reason.PAID,
        Reason.CREDIT,
        Reason.REFUND,
        Reason.NETTED,
        Reason.NO_POLICY,
        Reason.EXCLUDED,
        Reason.INSOLVENT,
        Reason.LEGAL,
        Reason.NO_FOLLOWUP,
        Reason.BLOCKED,
        Reason.IN_PLAN,
        Reason.IN_OTHER_RUN,
        Reason.DISPUTED,
        Reason.NO_DUE_DATE,
        Reason.LAST_LEVEL,
        Reason.NOTHING_OPEN,
    }
)


def _notified(item: Item, answer: Answer, sent_on: date) -> Item:
    explicit = item.policy_id is not None and not item.flags & Flag.BOUND_POLICY
    return item._replace(
        level_rank=answer.level_rank,
        level_date=sent_on,
        contact_date=sent_on,
        policy_id=answer.policy_id,
        flags=item.flags if explicit else item.flags | Flag.BOUND_POLICY,
    )


def _waiting(policy: Policy) -> Policy:
    return replace(policy, calendar=replace(policy.calendar, when_closed="wait"))


def _ruling_of(ruling: Ruling, day: date) -> Ruling:
    tz = calendar.zone(ruling.timezone) or timezone.utc
    clock = ruling.now.astimezone(tz).time()
    return replace(ruling, today=day, now=datetime.combine(day, clock, tzinfo=tz).astimezone(timezone.utc))

"""How much may leave: the volume caps per day and per hour, over all customers of a run.

A first run, an import or an outage must not become a burst. The most important go first (`importance`); what no
longer fits is answered `volume_cap` and decided anew on a later day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import NamedTuple

from . import calendar
from .decide import account_reason
from .snapshot import AccountDecision, Answer, Message, Reason, Ruling

ONE_HOUR = timedelta(hours=1)
ONE = Decimal(1)


class Wish(NamedTuple):
    """When a message would leave: at `send_at`, or later, but before `send_until` (aware UTC)."""

    send_at: datetime
    send_until: datetime


class Ration:
    """Counts what was let through. `scheduled_by_date` (dates of the clock `tz`) and `scheduled_by_hour` (UTC, minutes
    zero) hold what already waits or went out; both are updated by `place` and `admit`."""

    def __init__(
        self,
        cap_per_day: int | None = None,
        cap_per_hour: int | None = None,
        scheduled_by_date: Mapping[date, int] | None = None,
        scheduled_by_hour: Mapping[datetime, int] | None = None,
        tz: tzinfo = timezone.utc,
    ):
        self.cap_per_day = cap_per_day
        self.cap_per_hour = cap_per_hour
        self.scheduled_by_date = Counter(scheduled_by_date or {})
        self.scheduled_by_hour = Counter(scheduled_by_hour or {})
        self.tz = tz

    @classmethod
    def of(cls, ruling: Ruling) -> Ration:
        """The company's caps with what the ruling says is already scheduled."""
        return cls(
            ruling.cap_per_day,
            ruling.cap_per_hour,
            ruling.scheduled_by_date,
            ruling.scheduled_by_hour,
            calendar.zone(ruling.timezone) or timezone.utc,
        )

    @property
    def is_unlimited(self) -> bool:
        return self.cap_per_day is None and self.cap_per_hour is None

    def place(self, wishes: Sequence[Wish]) -> list[datetime]:
        """When the messages of one customer leave, for as many of them, in this order, as there is room for.

        They go together or not at all, unless they alone are more than the smaller of the caps.
        """
        days: Counter = Counter()
        hours: Counter = Counter()
        placed = []
        for wish in wishes:
            instant = self._instant(wish, days, hours)
            if instant is None:
                break
            placed.append(instant)
        if len(placed) < len(wishes) <= self._smaller_cap():
            return []
        self.scheduled_by_date.update(days)
        self.scheduled_by_hour.update(hours)
        return placed

    def admit(self, decision: AccountDecision) -> AccountDecision:
        """The decision, with messages moved to a later hour of their window or answered `volume_cap`."""
        if not decision.messages or self.is_unlimited:
            return decision
        wanted = sorted(decision.messages, key=lambda message: (-message.level_rank, message.currency))
        instants = self.place([Wish(message.send_at, message.send_until) for message in wanted])
        placed = [_at(message, instant) for message, instant in zip(wanted, instants, strict=False)]
        return self._told(decision, placed)

    def _smaller_cap(self) -> int | float:
        return min(
            (cap for cap in (self.cap_per_day, self.cap_per_hour) if cap is not None), default=float("inf")
        )

    def _instant(self, wish: Wish, days: Counter, hours: Counter) -> datetime | None:
        """The first instant with room; None when its day or all hours of its window are full."""
        at = wish.send_at
        while at < wish.send_until:
            day = at.astimezone(self.tz).date()
            if self.cap_per_day is not None and self.scheduled_by_date[day] + days[day] >= self.cap_per_day:
                return None
            hour = at.replace(minute=0, second=0, microsecond=0)
            if self.cap_per_hour is None or self.scheduled_by_hour[hour] + hours[hour] < self.cap_per_hour:
                days[day] += 1
                hours[hour] += 1
                return at
            at = hour + ONE_HOUR
        return None

    def _told(self, decision: AccountDecision, placed: list[Message]) -> AccountDecision:
        cap = {item_id: message for message in placed for item_id in message.item_ids}
        answers = []
        for answer in decision.answers:
            if answer.code == Reason.NOTIFY:
                answer = _answer_of(answer, cap.get(answer.item_id), (self.cap_per_day, self.cap_per_hour))
            answers.append(answer)
        messages = tuple(sorted(placed, key=lambda message: message.currency))
        code, args = account_reason(answers)
        return decision._replace(answers=tuple(answers), messages=messages, code=code, args=args)


def importance(decision: AccountDecision, rates: Mapping[str, Decimal] | None = None) -> tuple:
    """Sort key of a customer with messages, the most important first: the highest level, the most money, the oldest
    due date, the lowest id.

    `rates`: units of a currency per unit of the one amounts are compared in; a currency without one counts as it is.
    """
    rates = rates or {}
    worth = sum(message.net / rates.get(message.currency, ONE) for message in decision.messages)
    oldest = min(answer.args[1] for answer in decision.answers if answer.code == Reason.NOTIFY)
    return (-max(message.level_rank for message in decision.messages), -worth, oldest, decision.account_id)


def _at(message: Message, instant: datetime) -> Message:
    if instant == message.send_at:
        return message
    return message._replace(send_at=instant, shift=message.shift or "hourly_cap")


def _answer_of(answer: Answer, message: Message | None, caps: tuple) -> Answer:
    if message is None:
        return answer._replace(code=Reason.VOLUME_CAP, args=(answer.args[0], *caps))
    return answer._replace(args=(*answer.args[:4], message.shift, message.shift_detail))

"""How much may leave: the volume caps per send date and per hour, over all customers of a run.

A first run, an import or an outage must not become a burst. Decisions go in in the order of their importance
(the caller's choice); what no longer fits is answered `volume_cap` and decided anew on a later day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from .decide import account_reason
from .snapshot import AccountDecision, Answer, Message, Reason, Ruling

ONE_HOUR = timedelta(hours=1)


class Ration:
    """Counts what was let through. `scheduled_by_date` and `scheduled_by_hour` (UTC, minutes zero) hold what
    already waits or went out; both are updated by `admit`."""

    def __init__(
        self,
        cap_per_day: int | None = None,
        cap_per_hour: int | None = None,
        scheduled_by_date: Mapping[date, int] | None = None,
        scheduled_by_hour: Mapping[datetime, int] | None = None,
    ):
        self.cap_per_day = cap_per_day
        self.cap_per_hour = cap_per_hour
        self.scheduled_by_date = Counter(scheduled_by_date or {})
        self.scheduled_by_hour = Counter(scheduled_by_hour or {})

    @classmethod
    def of(cls, ruling: Ruling) -> Ration:
        """The company's caps with what the ruling says is already scheduled."""
        return cls(
            ruling.cap_per_day, ruling.cap_per_hour, ruling.scheduled_by_date, ruling.scheduled_by_hour
        )

    def admit(self, decision: AccountDecision) -> AccountDecision:
        """The decision, with messages moved to a later hour of their window or answered `volume_cap`.

        A customer's messages go together or not at all, unless they alone are more than a whole day's cap.
        """
        if not decision.messages or (self.cap_per_day is None and self.cap_per_hour is None):
            return decision
        hours: Counter = Counter()
        placed = []
        for message in sorted(decision.messages, key=lambda message: (-message.level_rank, message.currency)):
            moved = self._place(message, len(placed), hours)
            if moved is None:
                break
            placed.append(moved)
        if len(placed) < len(decision.messages) and len(decision.messages) <= self._whole_cap():
            placed, hours = [], Counter()
        for message in placed:
            self.scheduled_by_date[message.send_on] += 1
        self.scheduled_by_hour.update(hours)
        return self._told(decision, placed)

    def _whole_cap(self) -> int:
        return min(cap for cap in (self.cap_per_day, self.cap_per_hour) if cap is not None)

    def _place(self, message: Message, already: int, hours: Counter) -> Message | None:
        """The message at an hour with room; None when its day or all hours of its window are full."""
        day_count = self.scheduled_by_date[message.send_on] + already
        if self.cap_per_day is not None and day_count >= self.cap_per_day:
            return None
        if self.cap_per_hour is None:
            return message
        hour = message.send_at.replace(minute=0, second=0, microsecond=0)
        while hour < message.send_until:
            if self.scheduled_by_hour[hour] + hours[hour] < self.cap_per_hour:
                hours[hour] += 1
                return message if hour <= message.send_at else _moved(message, hour)
            hour += ONE_HOUR
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


def _moved(message: Message, hour: datetime) -> Message:
    return message._replace(
        send_at=hour, shift=message.shift or "hourly_cap", shift_detail=message.shift_detail
    )


def _answer_of(answer: Answer, message: Message | None, caps: tuple) -> Answer:
    if message is None:
        return answer._replace(code=Reason.VOLUME_CAP, args=(answer.args[0], *caps))
    return answer._replace(args=(*answer.args[:4], message.shift, message.shift_detail))

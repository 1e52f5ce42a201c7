"""Which level an item may reach today, and what keeps it from it: its age, the wait since the last level, its
size."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from .money import currency_digits
from .snapshot import Item, Level, Policy, Reason


class Plan:
    """A policy on a day: its levels with the latest due and last-level dates that let an item reach them
    today."""

    __slots__ = (
        "age_bars",
        "by_age",
        "first_overdue",
        "level_cap",
        "levels",
        "lifts",
        "policy",
        "promise_bar",
        "ranks",
        "shared",
        "wait_bars",
    )

    def __init__(self, policy: Policy, today: date):
        self.policy = policy
        self.levels = levels = policy.levels
        self.ranks = [level.rank for level in levels]
        self.age_bars = [today - timedelta(days=level.delay_days + level.grace_days) for level in levels]
        self.wait_bars = [today - timedelta(days=level.min_days_since_last) for level in levels]
        self.first_overdue = sum(level.delay_days + level.grace_days < 0 for level in levels)
        self.by_age = policy.entry == "by_age"
        self.level_cap = policy.level_cap
        self.lifts = policy.strategy == "highest"
        self.promise_bar = today - timedelta(days=policy.promise_grace_days)
        self.shared: dict = {}


def next_level(item: Item, plan: Plan, today: date) -> tuple:
    """`(index, None, None)` of the level the item may reach today, or `(index, code, args)` why not yet."""
    due, rank, age_bars = item.due_date, item.level_rank, plan.age_bars
    last = len(age_bars) - 1
    index = bisect_right(plan.ranks, rank) if rank else 0
    if index < plan.first_overdue and due < today:
        index = plan.first_overdue
    if index > last:
        return last, Reason.LAST_LEVEL, (plan.levels[last].name, item.level_date, plan.policy.after_last)
    if due > age_bars[index]:
        return index, Reason.TOO_YOUNG, _age_args(plan, index, item)
    if not rank:
        if plan.by_age:
            while index < last and due <= age_bars[index + 1]:
                index += 1
        return index, None, None
    if _must_wait(item, plan, index):
        level = plan.levels[index]
        until = item.level_date + timedelta(days=level.min_days_since_last)
        return index, Reason.WAITING, (level.name, item.level_date, until)
    steps = plan.level_cap - 1
    while steps and index < last and due <= age_bars[index + 1] and not _must_wait(item, plan, index + 1):
        index += 1
        steps -= 1
    return index, None, None


def _age_args(plan: Plan, index: int, item: Item) -> tuple:
    """Arguments of `too_young`; those of items that need not wait are shared (few due dates, many items)."""
    key = (index, item.due_date)
    level = plan.levels[index]
    args = plan.shared.get(key)
    if args is None:
        from_date = item.due_date + timedelta(days=level.delay_days + level.grace_days)
        args = plan.shared[key] = (level.name, item.due_date, from_date)
    if item.level_date is None or _wait_is_waived(item, plan):
        return args
    name, due, from_date = args
    return name, due, max(from_date, item.level_date + timedelta(days=level.min_days_since_last))


def _must_wait(item: Item, plan: Plan, index: int) -> bool:
    """Whether the level at `index` asks for more days since the last level than have passed."""
    reached = item.level_date
    return reached is not None and reached > plan.wait_bars[index] and not _wait_is_waived(item, plan)


def _wait_is_waived(item: Item, plan: Plan) -> bool:
    """A promise broken since the last level lets the next one follow without waiting, where the policy says
    so."""
    broken = item.broken_promise_date
    return broken is not None and plan.policy.broken_promise == "advance" and broken >= item.level_date


def _share(total: Decimal, percent: Decimal, currency: str) -> Decimal:
    """The least amount of `currency` that is `percent` of `total`."""
    return (total * percent / 100).quantize(Decimal(1).scaleb(-currency_digits(currency)), ROUND_CEILING)


def below_minimum(item: Item, level: Level, rest: Decimal) -> tuple:
    """`(None, None)` where `rest`, what may be asked for the item, is worth the level, or `(code, args)` why not."""
    least = level.min_item_amounts.get(item.currency) if level.min_item_amounts else None
    if least is not None and rest < least:
        return Reason.BELOW_ITEM, (rest, least, item.currency, level.name)
    if level.min_percent and rest * 100 < item.amount_total * level.min_percent:
        least = _share(item.amount_total, level.min_percent, item.currency)
        return Reason.BELOW_ITEM, (rest, least, item.currency, level.name)
    return None, None

"""Credits applied to receivables in memory, before anything is decided.

Nothing is written: the result says which credit covers how much of which item, so that the customer is not
asked for money we already hold, and so that the proposal can offer the real reconciliation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from .snapshot import ZERO, Application, Item

_SEPARATORS = re.compile(r"[\s,;:]+")


class Target(NamedTuple):
    """An item a credit may pay. `general` is how much of it credits without a matching reference may take
    (0 for items left alone: the customer's money goes where he would otherwise be asked for it)."""

    item: Item
    general: Decimal


class Netting(NamedTuple):
    applications: tuple[Application, ...]
    """One per credit and item, sorted by both."""
    covered: dict[int, Decimal]
    """Item id -> sum of credits applied to it."""
    used: dict[int, Decimal]
    """Credit id -> how much of it was applied."""


def net(credits: Iterable[Item], targets: Iterable[Target], order: str) -> Netting:
    """Apply `credits` (negative `amount_open`) to `targets` of the same currency.

    First to items the credit refers to, then to money paid back to the customer, then by `order`: "oldest"
    due first or "highest" level first. Each credit gives at most what it holds, each target takes at most
    what is open.
    """
    pools: dict[str, _Pool] = {}
    for credit in sorted(credits, key=_credit_order):
        pools.setdefault(credit.currency, _Pool()).credits.append(credit)
    for target in sorted(targets, key=_by_due_date if order == "oldest" else _by_level):
        pool = pools.get(target.item.currency)
        if pool is not None:
            pool.targets.append(target)
    for pool in pools.values():
        pool.apply_referred()
        pool.apply_rest()
    return _joined(list(pools.values()))


class _Pool:
    """Credits and targets of one currency."""

    __slots__ = ("applied", "covered", "credits", "targets", "used")

    def __init__(self):
        self.credits: list[Item] = []
        self.targets: list[Target] = []
        self.covered: dict[int, Decimal] = {}
        self.used: dict[int, Decimal] = {}
        self.applied: dict[tuple[int, int], Decimal] = {}

    def apply_referred(self) -> None:
        """Each credit to the items its reference names."""
        by_word: dict[str, list[Target]] | None = None
        for credit in self.credits:
            if not credit.reference:
                continue
            if by_word is None:
                by_word = _index(self.targets)
            for word in _words(credit.reference):
                for target in by_word.get(word, ()):
                    item = target.item
                    self._apply(credit, item, item.amount_open - self.covered.get(item.id, ZERO))

    def apply_rest(self) -> None:
        """What is left of the credits, one after the other, down the list of targets."""
        targets = iter(self.targets)
        target, room = None, ZERO
        for credit in self.credits:
            while -credit.amount_open > self.used.get(credit.id, ZERO):
                while room <= 0:
                    target = next(targets, None)
                    if target is None:
                        return
                    room = target.general - self.covered.get(target.item.id, ZERO)
                room -= self._apply(credit, target.item, room)

    def _apply(self, credit: Item, item: Item, room: Decimal) -> Decimal:
        used = self.used.get(credit.id, ZERO)
        amount = min(-credit.amount_open - used, room)
        if amount <= 0:
            return ZERO
        self.used[credit.id] = used + amount
        self.covered[item.id] = self.covered.get(item.id, ZERO) + amount
        self.applied[credit.id, item.id] = amount
        return amount


def _joined(pools: list[_Pool]) -> Netting:
    covered: dict[int, Decimal] = {}
    used: dict[int, Decimal] = {}
    applications = []
    for pool in pools:
        covered.update(pool.covered)
        used.update(pool.used)
        currency = pool.credits[0].currency
        applications += [
            Application(credit_id, item_id, currency, amount)
            for (credit_id, item_id), amount in pool.applied.items()
        ]
    applications.sort()
    return Netting(tuple(applications), covered, used)


def _credit_order(credit: Item) -> tuple:
    return (credit.issue_date or date.min, credit.id)


def _by_due_date(target: Target) -> tuple:
    item = target.item
    return (item.kind == "invoice", item.due_date or date.max, item.id)


def _by_level(target: Target) -> tuple:
    item = target.item
    return (item.kind == "invoice", -item.level_rank, item.due_date or date.max, item.id)


def _words(reference: str) -> list[str]:
    """What a credit may refer to an item by: its whole reference, then each word ("Reversal of: INV/7,
    wrong")."""
    text = reference.strip().casefold()
    return [word for word in dict.fromkeys((text, *_SEPARATORS.split(text))) if word]


def _index(targets: list[Target]) -> dict[str, list[Target]]:
    """Targets by their number and by their reference, in the order given."""
    found: dict[str, list[Target]] = {}
    for target in targets:
        names = {(name or "").strip().casefold() for name in (target.item.number, target.item.reference)}
        for name in names - {""}:
            found.setdefault(name, []).append(target)
    return found

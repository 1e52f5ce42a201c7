"""Credits applied to receivables in memory, before anything is decided.

Nothing is written: the result says which credit covers how much of which item, so that the customer is not asked for
money we already hold, and so that the proposal can offer the real reconciliation.
"""

from __future__ import annotations

import re
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
    covered: dict[int, Decimal]
    """Item id -> sum of credits applied to it."""
    used: dict[int, Decimal]
    """Credit id -> how much of it was applied."""


def net(credits: list[Item], targets: list[Target], order: str) -> Netting:
    """Apply `credits` (negative `amount_open`) to `targets` of the same currency.

    First to items the credit refers to, then to money paid back to the customer, then by `order`: "oldest" due first or
    "highest" level first. Each credit gives at most what it holds, each target takes at most what is open.
    """
    applications: list[Application] = []
    covered: dict[int, Decimal] = {}
    left = {credit.id: -credit.amount_open for credit in credits}
    credits = sorted(credits, key=_credit_order)
    targets = sorted(targets, key=_target_order if order == "oldest" else _level_order)

    def apply(credit: Item, target: Target, room: Decimal) -> None:
        amount = min(left[credit.id], room)
        if amount > 0:
            left[credit.id] -= amount
            covered[target.item.id] = covered.get(target.item.id, ZERO) + amount
            applications.append(Application(credit.id, target.item.id, credit.currency, amount))

    for credit in credits:
        words = _words(credit)
        if words:
            for target in targets:
                if target.item.currency == credit.currency and _is_referred(target.item, words):
                    apply(credit, target, target.item.amount_open - covered.get(target.item.id, ZERO))
    for credit in credits:
        if left[credit.id] > 0:
            for target in targets:
                if target.item.currency == credit.currency:
                    apply(credit, target, target.general - covered.get(target.item.id, ZERO))
    used = {credit.id: -credit.amount_open - left[credit.id] for credit in credits}
    return Netting(_merged(applications), covered, used)


def _credit_order(credit: Item) -> tuple:
    return (credit.issue_date or date.min, credit.id)


def _target_order(target: Target) -> tuple:
    item = target.item
    return (item.kind == "invoice", item.due_date or date.max, item.id)


def _level_order(target: Target) -> tuple:
    item = target.item
    return (item.kind == "invoice", -item.level_rank, item.due_date or date.max, item.id)


def _words(credit: Item) -> frozenset[str]:
    """What a credit may refer to an item by: its whole reference, and each word of it ("Reversal of: INV/7, wrong")."""
    text = (credit.reference or "").strip().casefold()
    if not text:
        return frozenset()
    return frozenset(_SEPARATORS.split(text)) - {""} | {text}


def _is_referred(item: Item, words: frozenset[str]) -> bool:
    if item.number and item.number.strip().casefold() in words:
        return True
    return bool(item.reference) and item.reference.strip().casefold() in words


def _merged(applications: list[Application]) -> tuple[Application, ...]:
    """One row per credit and item, sorted by both."""
    sums: dict[tuple[int, int, str], Decimal] = {}
    for credit_id, item_id, currency, amount in applications:
        key = (credit_id, item_id, currency)
        sums[key] = sums.get(key, ZERO) + amount
    return tuple(Application(*key, amount) for key, amount in sorted(sums.items()))

"""What the addon costs whoever posts and pays invoices: databases that differ in nothing but the addon.

Three registries live in one process and take turns invoice by invoice: one with the addon, and two of the same database
without it. What the two without differ by is what this measurement cannot tell apart, so it is told beside the result.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import time

from tests.bench.measure import cpu_seconds

INVOICES = 10
BATCH, BATCHES = 5, 4
SIDES = ("without", "again", "with")
KINDS = ("seconds", "cpu_seconds")


def compare(env, without: str, again: str, rounds: int) -> dict:
    """Milliseconds per invoice with (`env`'s database) and without the addon (two copies of one database).

    Returns per kind of work, by the clock and in processor time: the medians, the median of what one turn cost with
    the addon over the mean of the two turns beside it without (`ratio`), and between which ratios half of the turns
    lie; and the median ratio of the two without (`control`).
    """
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry

    with contextlib.ExitStack() as stack:
        envs = {"with": env}
        for side, database in (("without", without), ("again", again)):
            cursor = stack.enter_context(Registry(database).cursor())
            envs[side] = api.Environment(cursor, SUPERUSER_ID, {})
        # The first round warms the caches.
        _one_round(envs)
        turns: dict[str, list] = {}
        # Whose turn it is when the collector walks through three registries would be chance.
        gc.collect()
        gc.freeze()
        for _round in range(rounds):
            for work, found in _one_round(envs).items():
                turns.setdefault(work, []).extend(found)
    return {work: {kind: _summary(found, kind) for kind in KINDS} for work, found in turns.items()}


def _summary(turns: list[dict], kind: str) -> dict:
    costs = {side: [turn[side][kind] for turn in turns] for side in SIDES}
    ratios = sorted(
        2 * with_ / (without + again) for without, again, with_ in zip(*costs.values(), strict=True)
    )
    control = [again / without for without, again in zip(costs["without"], costs["again"], strict=True)]
    return {
        "without_ms": statistics.median(costs["without"] + costs["again"]) * 1000,
        "with_ms": statistics.median(costs["with"]) * 1000,
        "ratio": statistics.median(ratios),
        "quarter": ratios[len(ratios) // 4],
        "three_quarters": ratios[(3 * len(ratios)) // 4],
        "control": statistics.median(control),
    }


def _one_round(envs: dict) -> dict:
    """{kind of work: turns of {side: seconds and processor seconds an invoice}} on fresh invoices."""
    for env in envs.values():
        env.invalidate_all()
    singly = {side: list(_drafts(env, INVOICES)) for side, env in envs.items()}
    batches = {side: _in_batches(_drafts(env, BATCH * BATCHES)) for side, env in envs.items()}
    return {
        "post one by one": _in_turn(envs, singly, _post),
        "post in batches": _in_turn(envs, batches, _post),
        "pay one by one": _in_turn(envs, singly, _pay),
    }


def _in_turn(envs: dict, moves: dict, work) -> list[dict]:
    """One invoice (or batch) on each side; who begins changes each time."""
    turns = []
    for number in range(len(moves["with"])):
        first = number % len(SIDES)
        turn = {}
        for side in SIDES[first:] + SIDES[:first]:
            mine = moves[side][number]
            cost = _cost(envs[side], lambda side=side, mine=mine: work(envs[side], mine))
            turn[side] = {kind: seconds / len(mine) for kind, seconds in cost.items()}
        turns.append(turn)
    return turns


def _in_batches(moves) -> list:
    return [moves[at : at + BATCH] for at in range(0, len(moves), BATCH)]


def _drafts(env, count: int):
    partner = env["res.partner"].search([("name", "=", "Customer 7")], limit=1)
    line = {"name": "Goods", "quantity": 1, "price_unit": 100.0, "tax_ids": False}
    vals = {"move_type": "out_invoice", "partner_id": partner.id, "invoice_line_ids": [(0, 0, line)]}
    moves = env["account.move"].create([dict(vals, invoice_date="2026-01-01") for _ in range(count)])
    env.cr.commit()
    return moves


def _post(env, moves) -> None:
    moves.action_post()
    env.cr.commit()


def _pay(env, move) -> None:
    wizard = env["account.payment.register"].with_context(active_model="account.move", active_ids=move.ids)
    wizard.create({})._create_payments()
    env.cr.commit()


def _cost(env, work) -> dict:
    backend = env.cr.connection.get_backend_pid()
    cpu, started = cpu_seconds(backend), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "cpu_seconds": cpu_seconds(backend) - cpu}

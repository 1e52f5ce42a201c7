"""What the addon costs whoever posts and pays invoices: two databases that differ in nothing but the addon.

Both registries live in one process and take turns invoice by invoice, so whatever else the machine does hits both
alike.
"""

from __future__ import annotations

import statistics
import time

from tests.bench.measure import cpu_seconds

INVOICES = 10
SIDES = ("without", "with")


def compare(env, without: str, rounds: int) -> dict:
    """Milliseconds per invoice with (`env`'s database) and without the addon.

    Returns per kind of work the medians over the rounds, the median of the rounds' ratios (the two sides of one round
    met the same machine), and between which ratios half of the rounds lie.
    """
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry

    with Registry(without).cursor() as cursor:
        envs = {"without": api.Environment(cursor, SUPERUSER_ID, {}), "with": env}
        # The first round warms the caches.
        found = [_one_round(envs) for _round in range(rounds + 1)][1:]
    return {work: _summary([one[work] for one in found]) for work in found[0]}


def _summary(rounds: list[dict]) -> dict:
    result = {}
    for kind in ("seconds", "cpu_seconds"):
        ratios = sorted(sides["with"][kind] / sides["without"][kind] for sides in rounds)
        result[kind] = {
            **{
                f"{side}_ms": statistics.median(sides[side][kind] for sides in rounds) * 1000 / INVOICES
                for side in SIDES
            },
            "ratio": statistics.median(ratios),
            "quarter": ratios[len(ratios) // 4],
            "three_quarters": ratios[(3 * len(ratios)) // 4],
        }
    return result


def _one_round(envs: dict) -> dict:
    """{kind of work: {side: seconds and processor seconds}} on fresh invoices."""
    for env in envs.values():
        env.invalidate_all()
    singly = {side: _drafts(env) for side, env in envs.items()}
    batches = {side: _halves(_drafts(env)) for side, env in envs.items()}
    return {
        "post one by one": _in_turn(envs, singly, _post),
        "post in batches": _in_turn(envs, batches, _post),
        "pay one by one": _in_turn(envs, singly, _pay),
    }


def _in_turn(envs: dict, moves: dict, work) -> dict:
    """One invoice (or batch) on this side, one on the other; who begins changes each time."""
    total = {side: {"seconds": 0.0, "cpu_seconds": 0.0} for side in SIDES}
    for number, pair in enumerate(zip(*(moves[side] for side in SIDES), strict=True)):
        turns = list(zip(SIDES, pair, strict=True))
        for side, move in turns if number % 2 else turns[::-1]:
            for kind, cost in _cost(envs[side], lambda side=side, move=move: work(envs[side], move)).items():
                total[side][kind] += cost
    return total


def _halves(moves) -> list:
    return [moves[: INVOICES // 2], moves[INVOICES // 2 :]]


def _drafts(env):
    partner = env["res.partner"].search([("name", "=", "Customer 7")], limit=1)
    line = {"name": "Goods", "quantity": 1, "price_unit": 100.0, "tax_ids": False}
    vals = {"move_type": "out_invoice", "partner_id": partner.id, "invoice_line_ids": [(0, 0, line)]}
    moves = env["account.move"].create([dict(vals, invoice_date="2026-01-01") for _ in range(INVOICES)])
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

"""What the addon costs whoever posts and pays invoices: two databases that differ in nothing but the addon.

Both registries live in one process and take turns, so whatever else the machine does hits both alike.
"""

from __future__ import annotations

import statistics
import time

import psutil

INVOICES = 10
WORK = ("post one by one", "post in one batch", "pay one by one")


def compare(env, without: str, rounds: int) -> dict:
    """Milliseconds per invoice with (`env`'s database) and without the addon.

    Returns per kind of work those of the best round of each side, as other work on the machine can only add to them,
    their ratio, and between which ratios half of the rounds lie when each is compared with its neighbour.
    """
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry

    envs = {}
    cursors = [Registry(without).cursor()]
    envs["without"] = api.Environment(cursors[0], SUPERUSER_ID, {})
    envs["with"] = env
    times = {work: {"with": [], "without": []} for work in WORK}
    for number in range(rounds + 1):
        order = ("with", "without") if number % 2 else ("without", "with")
        for side in order:
            for work, cost in _one_round(envs[side]).items():
                if number:  # the first round warms the caches
                    times[work][side].append(cost)
    cursors[0].close()
    return {work: _summary(sides) for work, sides in times.items()}


def _summary(sides: dict) -> dict:
    result = {}
    for kind in ("seconds", "cpu_seconds"):
        with_, without = ([one[kind] for one in sides[side]] for side in ("with", "without"))
        ratios = sorted(a / b for a, b in zip(with_, without, strict=True))
        result[kind] = {
            "with_ms": min(with_) * 1000 / INVOICES,
            "without_ms": min(without) * 1000 / INVOICES,
            "ratio": min(with_) / min(without),
            "median_ratio": statistics.median(ratios),
            "quarter": ratios[len(ratios) // 4],
            "three_quarters": ratios[(3 * len(ratios)) // 4],
        }
    return result


def _one_round(env) -> dict:
    """Seconds and processor seconds of each kind of work on fresh invoices."""
    env.invalidate_all()
    singly, batch = _drafts(env), _drafts(env)
    costs = {"post one by one": _cost(env, lambda: [_post(env, move) for move in singly])}
    costs["post in one batch"] = _cost(env, lambda: _post(env, batch))
    costs["pay one by one"] = _cost(env, lambda: [_pay(env, move) for move in singly])
    return costs


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
    backend = psutil.Process(env.cr.connection.get_backend_pid())
    cpu, started = _cpu(backend), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "cpu_seconds": _cpu(backend) - cpu}


def _cpu(backend) -> float:
    other = backend.cpu_times()
    return time.process_time() + other.user + other.system

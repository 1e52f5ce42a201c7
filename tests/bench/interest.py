"""A proposal that claims interest on every item, beside the same proposal without: each item was paid in part twice, so
that its interest runs over three balances."""

from __future__ import annotations

from tests.bench.measure import measured

#: Days after the due date on which a tenth of each receivable was paid; all are due at least this many days and a week.
PAID_AFTER_DAYS = (15, 35)
LEAST_OVERDUE_DAYS = max(PAID_AFTER_DAYS) + 7
SPREAD_DAYS = 180

OWED = """
CREATE TEMP TABLE owed ON COMMIT DROP AS
SELECT line.id, current_date - %(least)s - abs(hashint4(line.id)) %% %(spread)s AS due_date
  FROM account_move_line line
  JOIN account_account account ON account.id = line.account_id AND account.account_type = 'asset_receivable'
  JOIN account_move move ON move.id = line.move_id AND move.move_type = 'out_invoice'
 WHERE line.company_id = %(company)s AND line.parent_state = 'posted' AND line.reconciled IS NOT TRUE
"""
AGED = "UPDATE account_move_line line SET date_maturity = owed.due_date FROM owed WHERE owed.id = line.id"
ISSUED = """
UPDATE account_move move SET invoice_date = owed.due_date - 30, invoice_date_due = owed.due_date
  FROM owed JOIN account_move_line line ON line.id = owed.id WHERE move.id = line.move_id
"""
#: The journal items the money came with: one for each day is enough.
PAYMENTS = """
UPDATE account_move_line line
   SET date = current_date - numbered.place, reconciled = TRUE, amount_residual = 0, amount_residual_currency = 0
  FROM (SELECT id, row_number() OVER (ORDER BY id)::int AS place FROM account_move_line
         WHERE move_id = %(move)s AND credit > 0) numbered
 WHERE numbered.id = line.id
"""
PAID = """
INSERT INTO account_partial_reconcile (debit_move_id, credit_move_id, company_id, amount, debit_amount_currency,
                                       credit_amount_currency, debit_currency_id, credit_currency_id, max_date)
SELECT line.id, payment.id, line.company_id, round(line.amount_residual / 10, 2),
       round(line.amount_residual_currency / 10, 2), round(line.amount_residual / 10, 2),
       line.currency_id, line.company_currency_id, payment.date
  FROM owed
  JOIN account_move_line line ON line.id = owed.id
  JOIN unnest(%(after)s) AS later(days) ON TRUE
  JOIN account_move_line payment ON payment.move_id = %(move)s AND payment.credit > 0
   AND payment.date = owed.due_date + later.days
"""
LESS = """
UPDATE account_move_line line
   SET amount_residual = line.amount_residual - paid.amount,
       amount_residual_currency = line.amount_residual_currency - paid.in_currency
  FROM (SELECT debit_move_id AS id, SUM(amount) AS amount, SUM(debit_amount_currency) AS in_currency
          FROM account_partial_reconcile GROUP BY 1) paid
 WHERE paid.id = line.id
"""


def pay_in_part(env) -> dict:
    """Make every invoice overdue and paid in part twice, and have the items follow; returns how many of what."""
    company = env.company
    company.write({"country_id": env.ref("base.de").id, "dunning_cap_per_day": 0, "dunning_cap_per_hour": 0})
    move = _money_that_came(env, LEAST_OVERDUE_DAYS + SPREAD_DAYS)
    env.flush_all()
    values = {
        "company": company.id,
        "move": move.id,
        "after": list(PAID_AFTER_DAYS),
        "least": LEAST_OVERDUE_DAYS,
        "spread": SPREAD_DAYS,
    }
    for statement in (OWED, AGED, ISSUED, PAYMENTS, PAID, LESS):
        env.cr.execute(statement, values)
    env.invalidate_all()
    env["dunning.item"]._refresh(company)
    env.cr.commit()
    env.cr.execute("SELECT COUNT(*), COUNT(DISTINCT debit_move_id) FROM account_partial_reconcile")
    [[payments, items]] = env.cr.fetchall()
    return {"payments": payments, "items": items}


def _money_that_came(env, days: int):
    """One posted entry with a credit of 1.00 on the receivable account for each day."""
    receivable, income = (
        env["account.account"].search([("account_type", "=", kind)], limit=1)
        for kind in ("asset_receivable", "income")
    )
    credit = {"account_id": receivable.id, "credit": 1.0, "name": "Payment"}
    move = env["account.move"].create(
        {
            "move_type": "entry",
            "line_ids": [
                (0, 0, {"account_id": income.id, "debit": float(days), "name": "Bank"}),
                *((0, 0, credit) for _day in range(days)),
            ],
        }
    )
    move.action_post()
    return move


def compare(env, rounds: int) -> dict:
    """Seconds and processor seconds of a proposal with interest and without, turn by turn; the best of `rounds`."""
    levels = env.company.dunning_policy_id.level_ids
    best: dict = {}
    claims = segments = 0
    for _round in range(rounds):
        for kind in ("without", "with"):
            levels.write({"charge_interest": kind == "with"})
            found, run = _propose(env)
            for name in ("seconds", "cpu_seconds"):
                best[f"{kind}_{name}"] = min(found[name], best.get(f"{kind}_{name}", found[name]))
            if kind == "with":
                claims, segments = _claimed(env, run)
            run.action_cancel()
            env.cr.commit()
            env.invalidate_all()
    return {**best, "claims": claims, "segments": segments, "lines": run.line_count}


def _propose(env) -> tuple[dict, object]:
    run = env["dunning.run"].create({"company_id": env.company.id})
    env.cr.commit()
    with measured(env) as result:
        run._start_proposing()
        for _done, _left in run._propose_slices():
            env.cr.commit()
    return result.as_dict(), run


def _claimed(env, run) -> tuple[int, float]:
    """How many items interest is claimed on, and how many balances each had on average."""
    env.cr.execute(
        """SELECT COUNT(*), AVG(1 + paid.count)
             FROM dunning_charge charge
             JOIN dunning_item item ON item.id = charge.item_id
             LEFT JOIN (SELECT debit_move_id, COUNT(*) FROM account_partial_reconcile GROUP BY 1) paid
               ON paid.debit_move_id = item.move_line_id
            WHERE charge.run_id = %s AND charge.kind = 'interest' AND charge.stage = 'claimed'""",
        [run.id],
    )
    [[claims, balances]] = env.cr.fetchall()
    return claims, float(balances or 0)

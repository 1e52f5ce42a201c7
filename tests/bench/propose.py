"""A day's proposal over all open items: the OCA's credit control, bare SQL and ours, on the same books."""

from __future__ import annotations

from tests.bench.measure import measured

#: The least a database has to do: join the books, work out days, level and interest, keep one row an item.
BOUND = """
CREATE TABLE bench_bound AS
SELECT line.id, line.partner_id, line.amount_residual_currency,
       current_date - line.date_maturity AS days_overdue,
       (SELECT MAX(level.rank) FROM dunning_level level
         WHERE level.policy_id = %(policy)s AND level.delay_days <= current_date - line.date_maturity) AS level_rank,
       round(line.amount_residual_currency * 9.0 / 100 * GREATEST(current_date - line.date_maturity, 0) / 365, 2)
          AS interest
  FROM account_move_line line
  JOIN account_account account ON account.id = line.account_id AND account.account_type = 'asset_receivable'
  JOIN account_move move ON move.id = line.move_id
  JOIN res_partner partner ON partner.id = line.partner_id
 WHERE line.company_id = %(company)s AND line.parent_state = 'posted' AND line.reconciled IS NOT TRUE
"""


def oca(env) -> dict:
    """The OCA's `account_credit_control` computing its lines with its own three-level policy, committed."""
    policy = env.ref("account_credit_control.credit_control_3_time")
    policy.account_ids = env["account.account"].search([("account_type", "=", "asset_receivable")])
    env.company.credit_policy_id = policy
    run = env["credit.control.run"].create({"date": _today(env), "policy_ids": [(6, 0, policy.ids)]})
    env.cr.commit()
    with measured(env) as result:
        run.generate_credit_lines()
        env.cr.commit()
    return {**result.as_dict(), "lines": len(run.line_ids)}


def bound(env, repeat: int = 3) -> dict:
    """Bare SQL, committed; the best of `repeat`."""
    policy = env.ref("odoo_dunning.policy_default").id
    best = None
    for _ in range(repeat):
        env.cr.execute("DROP TABLE IF EXISTS bench_bound")
        env.cr.commit()
        with measured(env) as result:
            env.cr.execute(BOUND, {"policy": policy, "company": env.company.id})
            env.cr.commit()
        best = min(best or result, result, key=lambda one: one.seconds)
    env.cr.execute("SELECT COUNT(*) FROM bench_bound")
    [[lines]] = env.cr.fetchall()
    env.cr.execute("DROP TABLE bench_bound")
    env.cr.commit()
    return {**best.as_dict(), "lines": lines}


def project(env) -> dict:
    """Odoo's receivables become items for the first time: once in the life of a database."""
    _no_caps(env)
    with measured(env) as result:
        env["dunning.item"]._refresh(env.company)
        env.cr.commit()
    env.cr.execute("SELECT COUNT(*) FROM dunning_item WHERE is_open")
    [[items]] = env.cr.fetchall()
    return {**result.as_dict(), "lines": items}


def ours(env, repeat: int = 3) -> dict:
    """From “propose” to committed lines and messages, the way the scheduled action does it; the best of `repeat`."""
    _no_caps(env)
    best = None
    for _ in range(repeat):
        run = env["dunning.run"].create({"company_id": env.company.id})
        env.cr.commit()
        with measured(env) as result:
            run._start_proposing()
            for _done, _left in run._propose_slices():
                env.cr.commit()
        found = {**result.as_dict(), "lines": run.line_count, "messages": run.notice_count}
        if best is None or found["seconds"] < best["seconds"]:
            best = found
        run.action_cancel()
        env.cr.commit()
        env.invalidate_all()
    return best


def _no_caps(env) -> None:
    """All that is due is written, as the yardsticks do."""
    env.company.write({"dunning_cap_per_day": 0, "dunning_cap_per_hour": 0})
    env.cr.commit()


def _today(env):
    return env.company._dunning_today()

"""A day's proposal over all open items: the OCA's credit control, bare SQL and ours, on the same books."""

from __future__ import annotations

from tests.bench.measure import measured

#: What a database has to do at the least: join the books and work out days, level and interest of every open item.
COMPUTED = """
SELECT line.id AS line_id, line.partner_id, line.currency_id, line.amount_residual_currency AS amount_open,
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
#: Kept in the barest table there is.
BARE = f"CREATE TABLE bench_bound AS {COMPUTED}"
#: Kept so that a run can be read and no item stands in it twice: the columns and keys of a run line.
KEYED = f"""
INSERT INTO bench_bound (run_id, company_id, account_id, item_id, decision, reason_code, level_rank, cycle, claim,
                         currency_id, amount_open)
SELECT 1, %(company)s, partner_id, line_id, CASE WHEN level_rank > 0 THEN 'notify' ELSE 'leave' END,
       CASE WHEN level_rank > 0 THEN 'notify' ELSE 'too_young' END, level_rank, 1,
       CASE WHEN level_rank > 0 THEN 'open' END, currency_id, amount_open + interest
  FROM ({COMPUTED}) computed
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
    """Bare SQL, committed; the best of `repeat`: `bare_seconds` into a table without a key, the rest under the keys of
    a run line."""
    found = {}
    for name, prepare, statement in (
        ("bare", "SELECT", BARE),
        ("keyed", "CREATE TABLE bench_bound (LIKE dunning_run_line INCLUDING ALL)", KEYED),
    ):
        found[name] = min(
            (_timed(env, prepare, statement) for _ in range(repeat)), key=lambda result: result.seconds
        )
    return {**found["keyed"].as_dict(), "bare_seconds": found["bare"].seconds}


def _timed(env, prepare: str, statement: str):
    policy = env.ref("odoo_dunning.policy_default").id
    env.cr.execute("DROP TABLE IF EXISTS bench_bound")
    env.cr.execute(prepare)
    env.cr.commit()
    with measured(env) as result:
        env.cr.execute(statement, {"policy": policy, "company": env.company.id})
        env.cr.commit()
    env.cr.execute("DROP TABLE bench_bound")
    env.cr.commit()
    return result


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
    best, peak_mb = None, 0.0
    for _ in range(repeat):
        run = env["dunning.run"].create({"company_id": env.company.id})
        env.cr.commit()
        with measured(env) as result:
            run._start_proposing()
            for _done, _left in run._propose_slices():
                env.cr.commit()
        found = {**result.as_dict(), "lines": run.line_count, "messages": run.notice_count}
        peak_mb = max(peak_mb, result.peak_mb)
        if best is None or found["seconds"] < best["seconds"]:
            best = found
        run.action_cancel()
        env.cr.commit()
        env.invalidate_all()
    return {**best, "peak_mb": peak_mb}


def _no_caps(env) -> None:
    """All that is due is written, as the yardsticks do."""
    env.company.write({"dunning_cap_per_day": 0, "dunning_cap_per_hour": 0})
    env.cr.commit()


def _today(env):
    return env.company._dunning_today()

"""How customers paid lately: how many receivables, and how many days after they were due.

Raw SQL because a year of books is read at once. That is done once a day, not with each proposal: a rule sees the
history of the day before.
"""

from dateutil.relativedelta import relativedelta
from odoo.tools import SQL

from . import projection

LOOKED_BACK = relativedelta(years=1)


def refresh(env, company):
    """Recompute `days_late_avg` and `paid_count` of the company's accounts. Writes only rows that differ.

    Counted is each invoice, or instalment of one, whose last payment came in the last twelve months and left nothing
    open; each counts the same. What was settled by credit notes alone, or mostly written off, was not paid.
    """
    projection.flush(env)
    for model in (
        "account.partial.reconcile",
        "account.journal",
        "dunning.allocation",
        "dunning.ledger.match",
    ):
        env[model].flush_model()
    today = company._dunning_today()
    days = {"company": company.id, "start": today - LOOKED_BACK, "today": today}
    env.execute_query(
        SQL(
            """WITH paid AS (
                 %(of_odoo)s UNION ALL %(of_ledgers)s
               ), figure AS (
                 -- Nothing rather than 0: whoever never paid is not written.
                 SELECT account.id, NULLIF(COUNT(paid.day), 0) AS paid_count,
                        ROUND(AVG(paid.day - paid.due_date))::int4 AS days_late_avg
                   FROM dunning_account account
                   LEFT JOIN paid ON paid.partner_id = account.partner_id AND paid.day BETWEEN %(start)s AND %(today)s
                  WHERE account.company_id = %(company)s
                  GROUP BY account.id
               )
               UPDATE dunning_account account
                  SET paid_count = figure.paid_count, days_late_avg = figure.days_late_avg
                 FROM figure
                WHERE account.id = figure.id
                  AND (account.paid_count, account.days_late_avg)
                      IS DISTINCT FROM (figure.paid_count, figure.days_late_avg)
               RETURNING account.id""",
            of_odoo=_of_odoo(env, **days),
            of_ledgers=_of_ledgers(company.id),
            **days,
        )
    )
    env["dunning.account"].invalidate_model(["paid_count", "days_late_avg"])


def _of_odoo(env, company, start, today):
    """What came through a bank or cash journal is money; an entry of another journal writes off or sets off."""
    return SQL(
        """SELECT partner.commercial_partner_id AS partner_id, line.date_maturity AS due_date,
                  MAX(part.max_date) FILTER (WHERE journal.type IN ('bank', 'cash', 'credit')) AS day
             FROM account_move_line line
             JOIN account_move move ON move.id = line.move_id
             JOIN res_partner partner ON partner.id = line.partner_id
             JOIN account_partial_reconcile part ON part.debit_move_id = line.id
             JOIN account_move_line counter ON counter.id = part.credit_move_id
             JOIN account_move settling ON settling.id = counter.move_id
             JOIN account_journal journal ON journal.id = counter.journal_id
            WHERE line.company_id = %(company)s AND line.account_id = ANY(%(accounts)s) AND line.reconciled
              AND line.parent_state = 'posted' AND line.date_maturity IS NOT NULL
              AND move.move_type IN ('out_invoice', 'out_receipt') AND move.dunning_charge_key IS NULL
              AND line.id IN (SELECT debit_move_id FROM account_partial_reconcile
                               WHERE max_date BETWEEN %(start)s AND %(today)s)
            GROUP BY line.id, partner.commercial_partner_id
           HAVING SUM(part.amount) FILTER (WHERE journal.type IN ('bank', 'cash', 'credit')) * 2
                  >= SUM(part.amount) FILTER (WHERE settling.move_type != 'out_refund')""",
        company=company,
        accounts=projection.receivable_accounts(env),
        start=start,
        today=today,
    )


def _of_ledgers(company):
    """A ledger says what was paid on an invoice, not on which instalment: it counts once, by its last due date."""
    return SQL(
        """SELECT account.partner_id, due.last_date, money.day
             FROM (SELECT item_id, MAX(date) AS day FROM dunning_allocation
                    WHERE company_id = %(company)s AND kind = 'payment' GROUP BY item_id) money
             JOIN dunning_item item ON item.id = money.item_id
             JOIN dunning_account account ON account.id = item.account_id
             CROSS JOIN LATERAL (
                  SELECT MAX(part.due_date) AS last_date FROM dunning_item part
                   WHERE part.ledger_id = item.ledger_id AND part.entity = item.entity
                     AND part.external_id = item.external_id AND part.source_state = 'paid') due
            WHERE item.source_state = 'paid' AND NOT item.is_open AND item.kind = 'invoice'
              AND due.last_date IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM dunning_ledger_match match
                   WHERE match.ledger_id = item.ledger_id AND match.entity = item.entity
                     AND match.external_id = item.external_id AND match.state != 'rejected')""",
        company=company,
    )

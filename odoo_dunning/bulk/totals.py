"""What the worklist shows of an account, worked out for all accounts of a company in one statement.

Raw SQL because 20,000 stored computes cost more than the whole run. Foreign amounts are converted at today's rate:
they order the worklist and are never booked or written to a customer.
"""

from odoo.tools import SQL

# Money of a customer on a bank statement that nobody has matched yet, a row each.
UNMATCHED = SQL(
    """SELECT payer.commercial_partner_id AS partner_id, receipt.company_id
         FROM account_bank_statement_line receipt
         JOIN res_partner payer ON payer.id = receipt.partner_id
        WHERE receipt.is_reconciled IS NOT TRUE AND receipt.amount > 0"""
)


def refresh(env, company, account_ids=None):
    """Recompute the figures of the company's accounts, or of `account_ids`. Writes only rows that differ."""
    env["dunning.item"].flush_model()
    env["dunning.account"].flush_model()
    today = company._dunning_today()
    rates = _rates(env, company, today)
    scope = SQL("TRUE") if account_ids is None else SQL("account.id = ANY(%s)", list(account_ids))
    env.execute_query(
        SQL(
            """WITH rate(currency_id, factor) AS (VALUES %(rates)s),
               figure AS (
                 SELECT account.id, COUNT(item.id) AS item_count,
                        COALESCE(ROUND(SUM(item.amount_open * rate.factor), %(digits)s), 0) AS amount_open,
                        COALESCE(ROUND(SUM(item.amount_open * rate.factor)
                                 FILTER (WHERE item.due_date < %(today)s), %(digits)s), 0) AS amount_overdue,
                        MIN(item.due_date) FILTER (WHERE item.amount_open > 0) AS oldest_due_date,
                        COALESCE(MAX(item.level_rank), 0) AS level_rank,
                        (ARRAY_AGG(item.level_id ORDER BY item.level_rank DESC)
                            FILTER (WHERE item.level_id IS NOT NULL))[1] AS level_id
                   FROM dunning_account account
                   LEFT JOIN dunning_item item ON item.account_id = account.id AND item.is_open
                   LEFT JOIN rate ON rate.currency_id = item.currency_id
                  WHERE account.company_id = %(company)s AND %(scope)s
                  GROUP BY account.id
               ), receipt AS (
                 SELECT partner_id, COUNT(*) AS unmatched FROM (%(unmatched)s) each_one
                  WHERE company_id = %(company)s GROUP BY partner_id
               )
               UPDATE dunning_account account
                  SET item_count = figure.item_count, amount_open = figure.amount_open,
                      amount_overdue = figure.amount_overdue, oldest_due_date = figure.oldest_due_date,
                      level_rank = figure.level_rank, level_id = figure.level_id,
                      unmatched_receipts = COALESCE(receipt.unmatched, 0)
                 FROM figure
                 JOIN dunning_account self ON self.id = figure.id
                 LEFT JOIN receipt ON receipt.partner_id = self.partner_id
                WHERE account.id = figure.id
                  AND (account.item_count, account.amount_open, account.amount_overdue, account.oldest_due_date,
                       account.level_rank, account.level_id, account.unmatched_receipts)
                      IS DISTINCT FROM
                      (figure.item_count, figure.amount_open, figure.amount_overdue, figure.oldest_due_date,
                       figure.level_rank, figure.level_id, COALESCE(receipt.unmatched, 0))
               RETURNING account.id""",
            rates=SQL(", ").join(
                SQL("(%s, %s::numeric)", currency, str(factor)) for currency, factor in rates.items()
            ),
            digits=company.currency_id.decimal_places,
            today=today,
            unmatched=UNMATCHED,
            company=company.id,
            scope=scope,
        )
    )
    env["dunning.account"].invalidate_model()


def _rates(env, company, today):
    """Currency id -> factor into company currency, for every currency there is."""
    currencies = env["res.currency"].with_context(active_test=False).search([])
    rates = currencies._get_rates(company, today)
    own = rates[company.currency_id.id]
    return {currency_id: own / rate if rate else 1.0 for currency_id, rate in rates.items()}

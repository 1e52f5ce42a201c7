"""What is contested of receivables, less what was credited of it since: a credit note for the contested part and the
dispute are the same money, taken off once, whether the note is set against the invoice already or not.

Raw SQL because every proposal asks for all open disputes at once.
"""

from odoo.tools import SQL

from . import snapshot


def contested(condition):
    """Statement of `(item_id, reason, amount)` for every receivable with an open dispute.

    :param condition: SQL on `dispute`
    """
    return SQL(
        """SELECT disputed.id AS item_id, found.reason,
                  found.whole + CASE WHEN found.part > 0 THEN GREATEST(found.part - %(settled)s, 0) ELSE 0 END AS amount
             FROM (SELECT dispute.item_id, MIN(dispute.reason) AS reason, MIN(dispute.create_date) AS since,
                          SUM(CASE WHEN dispute.scope = 'part' THEN dispute.amount ELSE 0 END) AS part,
                          SUM(CASE WHEN dispute.scope = 'part' THEN 0 ELSE item.amount_open END) AS whole
                     FROM dunning_dispute dispute JOIN dunning_item item ON item.id = dispute.item_id
                    WHERE dispute.state IN ('open', 'accepted') AND %(condition)s
                    GROUP BY dispute.item_id) found
             JOIN dunning_item disputed ON disputed.id = found.item_id""",
        settled=_SETTLED,
        condition=condition,
    )


def amounts(env, item_ids):
    """`{item id: Decimal}`: what is contested of these receivables, those without an open dispute left out."""
    for model in ("dunning.dispute", "dunning.item", "account.partial.reconcile"):
        env[model].flush_model()
    rows = snapshot.rows_of(env, contested(SQL("dispute.item_id = ANY(%s)", list(item_ids))))
    return {item_id: amount for item_id, _reason, amount in rows}


# Credit notes since the dispute was opened: set against the invoice in Odoo or in its ledger, or naming it and still
# open, where the customer's policy nets those.
_SETTLED = SQL(
    """(COALESCE((SELECT SUM(part.debit_amount_currency)
                    FROM account_partial_reconcile part
                    JOIN account_move_line note ON note.id = part.credit_move_id
                    JOIN account_move move ON move.id = note.move_id
                   WHERE part.debit_move_id = disputed.move_line_id AND move.move_type = 'out_refund'
                     AND part.create_date >= found.since), 0)
      + COALESCE((SELECT SUM(allocation.amount) FROM dunning_allocation allocation
                   WHERE allocation.item_id = disputed.id AND allocation.kind = 'credit'
                     AND allocation.date >= found.since::date), 0)
      + COALESCE((SELECT SUM(-note.amount_open)
                    FROM dunning_item note
                    JOIN dunning_account account ON account.id = note.account_id
                    JOIN res_company company ON company.id = account.company_id
                    LEFT JOIN dunning_policy_rule rule ON rule.id = account.rule_id AND rule.active
                    JOIN dunning_policy policy
                      ON policy.id = COALESCE(account.policy_id, rule.policy_id, company.dunning_policy_id)
                     AND policy.netting != 'none'
                   WHERE note.account_id = disputed.account_id AND note.company_id = disputed.company_id
                     AND note.is_open AND note.kind = 'credit' AND note.currency_id = disputed.currency_id
                     AND note.is_excluded IS NOT TRUE
                     AND note.create_date >= found.since
                     AND lower(disputed.number) = ANY(lower(note.reference)
                         || regexp_split_to_array(lower(note.reference), '[[:space:],;:]+'))), 0))"""
)

"""Accounts of the customers a ledger bills. Raw SQL: a first sync brings them by the thousand."""

from odoo.tools import SQL


def accounts_of(env, company, partner_ids):
    """Return `{partner id: account id}`; an account is opened for a customer who has none in the company."""
    partner_ids = list(partner_ids)
    if not partner_ids:
        return {}
    env["res.partner"].flush_model(["commercial_partner_id", "is_company"])
    env["dunning.account"].flush_model(["company_id", "partner_id"])
    opened = env.execute_query(
        SQL(
            """
            INSERT INTO dunning_account (company_id, partner_id, debtor_type, create_uid, create_date,
                                         write_uid, write_date)
                 SELECT DISTINCT %(company)s, payer.id, CASE WHEN payer.is_company THEN 'business' ELSE 'consumer' END,
                        %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC'
                   FROM res_partner partner JOIN res_partner payer ON payer.id = partner.commercial_partner_id
                  WHERE partner.id = ANY(%(partners)s)
                    AND NOT EXISTS (SELECT 1 FROM dunning_account account
                                     WHERE account.company_id = %(company)s AND account.partner_id = payer.id)
            ON CONFLICT (company_id, partner_id) DO NOTHING
              RETURNING id
            """,
            company=company.id,
            uid=env.uid,
            partners=partner_ids,
        )
    )
    if opened:
        env["dunning.account"].invalidate_model()
    rows = env.execute_query(
        SQL(
            """
            SELECT partner.id, account.id
              FROM res_partner partner
              JOIN dunning_account account ON account.partner_id = partner.commercial_partner_id
             WHERE partner.id = ANY(%s) AND account.company_id = %s
            """,
            partner_ids,
            company.id,
        )
    )
    return dict(rows)

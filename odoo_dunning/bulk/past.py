"""What a policy would have met with on past days: every receivable, credit and payment of a company that stood open
then, with what moved it. Reads the books themselves: what was paid before anybody collected here counts, too.

Raw SQL because a year of books is read at once. Nothing is written.
"""

from collections import defaultdict
from itertools import groupby

from odoo.tools import SQL

from ..engine import zones
from ..engine.simulate import Movement, Past, PastItem
from ..engine.snapshot import ZERO, Account, Contact, Flag, Item
from . import projection, snapshot

# Whoever has no address today may have had one then: nobody is left out for that.
_REACHABLE = (Contact(id=1, email="a@example.com", phone="1", street_ok=True, role="billing"),)


def pasts(env, company, policy_id, start, end):
    """`engine.simulate.Past`s of a company, from scratch: nobody was reminded yet, and all follow one policy.

    Ids of accounts are those of customers (`res.partner`). An item has the id of its journal item, or, of another
    ledger, the negative one of its `dunning.item`. Marks of today (never contact, insolvent, in legal hands, no
    follow-up) hold on all days; holds, disputes and promises are left out.
    """
    projection.flush(env)
    items = [*_of_odoo(env, company, start, end), *_of_ledgers(env, company, end)]
    items.sort(key=lambda past: (past.item.account_id, past.item.id))
    by_customer = [
        (key, tuple(group)) for key, group in groupby(items, key=lambda past: past.item.account_id)
    ]
    accounts = _accounts(env, company, policy_id, [key for key, _group in by_customer])
    return [Past(accounts[key], group) for key, group in by_customer]


def _of_odoo(env, company, start, end):
    names = ("kind", "number", "reference", "issue_date", "due_date", "amount_total", "no_followup")
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT line.id, partner.commercial_partner_id, currency.name, %(columns)s %(source)s
                 JOIN res_currency currency ON currency.id = line.currency_id
                WHERE line.company_id = %(company)s AND line.parent_state = 'posted' AND line.amount_currency != 0
                  AND line.account_id = ANY(%(accounts)s) AND move.dunning_charge_key IS NULL AND line.date <= %(end)s
                  AND (line.reconciled IS NOT TRUE OR EXISTS (
                       SELECT FROM account_partial_reconcile part
                        WHERE line.id IN (part.debit_move_id, part.credit_move_id) AND part.max_date >= %(start)s))""",
            columns=SQL(", ").join(SQL(projection.FOLLOWED[name]) for name in names),
            source=SQL(projection.SOURCE),
            company=company.id,
            accounts=projection.receivable_accounts(env),
            start=start,
            end=end,
        ),
    )
    movements = _set_off(env, [row[0] for row in rows])
    for row in rows:
        yield PastItem(_item(*row), tuple(movements[row[0]]))


def _set_off(env, line_ids):
    """Journal item -> what was set off against it, on which day."""
    movements = defaultdict(list)
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT debit_move_id, max_date, -debit_amount_currency FROM account_partial_reconcile
                WHERE debit_move_id = ANY(%(ids)s)
               UNION ALL
               SELECT credit_move_id, max_date, credit_amount_currency FROM account_partial_reconcile
                WHERE credit_move_id = ANY(%(ids)s)""",
            ids=line_ids,
        ),
    )
    for line_id, day, amount in rows:
        movements[line_id].append(Movement(day, amount))
    return movements


def _of_ledgers(env, company, end):
    """What no dated allocation explains counts from the day the ledger last changed the document."""
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT -item.id, account.partner_id, currency.name, item.kind, COALESCE(item.number, ''), item.reference,
                      item.issue_date, item.due_date, item.amount_total, COALESCE(item.no_followup, FALSE),
                      item.amount_open, COALESCE(item.updated_at::date, item.due_date)
                 FROM dunning_item item
                 JOIN dunning_account account ON account.id = item.account_id
                 JOIN res_currency currency ON currency.id = item.currency_id
                WHERE item.company_id = %s AND item.origin != 'odoo' AND item.issue_date <= %s""",
            company.id,
            end,
        ),
    )
    allocated = _allocated(env, company)
    for *row, left, changed_on in rows:
        item = _item(*row)
        movements = allocated[-item.id]
        rest = left - item.amount_total - sum((one.amount for one in movements), ZERO)
        if rest and changed_on:
            movements = [*movements, Movement(changed_on, rest)]
        yield PastItem(item, tuple(movements))


def _allocated(env, company):
    movements = defaultdict(list)
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT item_id, date, -amount FROM dunning_allocation
                WHERE company_id = %s AND item_id IS NOT NULL AND date IS NOT NULL""",
            company.id,
        ),
    )
    for item_id, day, amount in rows:
        movements[item_id].append(Movement(day, amount))
    return movements


def _item(id_, customer_id, currency, kind, number, reference, issue_date, due_date, total, no_followup):
    return Item(
        id=id_,
        account_id=customer_id,
        currency=currency,
        kind=kind,
        number=number or "",
        reference=reference,
        issue_date=issue_date,
        due_date=due_date,
        amount_total=total,
        amount_open=total,
        flags=Flag.NO_FOLLOWUP if no_followup else 0,
    )


def _accounts(env, company, policy_id, customer_ids):
    home = company.country_id.code or None
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT partner.id, country.code, state.code, partner.tz, partner.lang, account.debtor_type,
                      %s
                 FROM res_partner partner
                 LEFT JOIN res_country country ON country.id = partner.country_id
                 LEFT JOIN res_country_state state ON state.id = partner.state_id
                 LEFT JOIN dunning_account account ON account.partner_id = partner.id AND account.company_id = %s
                WHERE partner.id = ANY(%s)""",
            snapshot.marks(),
            company.id,
            customer_ids,
        ),
    )
    return {
        customer_id: Account(
            id=customer_id,
            policy_id=policy_id,
            policy_source="account",
            country=country,
            subdivision=subdivision,
            timezone=zones.of_customer(tz, country, home),
            language=lang,
            debtor_type=debtor_type or "business",
            flags=flags,
            contacts=_REACHABLE,
        )
        for customer_id, country, subdivision, tz, lang, debtor_type, flags in rows
    }

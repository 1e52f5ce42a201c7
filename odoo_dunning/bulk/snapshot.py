"""From the database to the engine's rows: the accounts of a slice with their contacts and open items.

Raw SQL because the engine decides over 100,000 items in about a second and the ORM alone needs minutes to read them.
Amounts arrive as `Decimal`: Odoo registers a float typecaster for numeric, these cursors register the exact one.
"""

import functools
from collections import defaultdict
from datetime import timezone
from itertools import groupby
from operator import itemgetter

import psycopg2.extensions
from odoo.tools import SQL

from ..engine import zones
from ..engine.snapshot import FOREVER, Account, Contact, Flag, Item, Ruling
from . import disputes

SLICE_ACCOUNTS = 4000
# Smaller where workers share them, so that all have something to do until the end.
JOB_ACCOUNTS = 2000
LAST_ID = 2**31 - 1
# Messages of other runs that will reach the customer, and those that already left our hands.
WAITING = ("ready", "queued", "sending", "uncertain")
HANDED_OVER = ("queued", "sending", "uncertain")


def exact_cursor(env):
    """A plain cursor of the same transaction that gives `Decimal` for numeric. For `with`, or until it is let go."""
    cursor = env.cr._cnx.cursor()
    psycopg2.extensions.register_type(psycopg2.extensions.DECIMAL, cursor)
    return cursor


def rows_of(env, sql):
    with _asked(env, sql) as cursor:
        return cursor.fetchall()


def _asked(env, sql):
    """An exact cursor over the rows of a statement, which are in this process already."""
    cursor = exact_cursor(env)
    cursor.execute(sql.code, sql.params)
    return cursor


def next_accounts(env, company, after_id, up_to_id, limit=SLICE_ACCOUNTS):
    """Ids of the next accounts with open items, in order, none beyond `up_to_id`."""
    rows = env.execute_query(
        SQL(
            """SELECT account_id FROM dunning_item
                WHERE is_open AND company_id = %s AND account_id > %s AND account_id <= %s
                GROUP BY account_id ORDER BY account_id LIMIT %s""",
            company.id,
            after_id,
            up_to_id,
            limit,
        )
    )
    return [account_id for (account_id,) in rows]


def slices(env, company):
    """All accounts with open items, cut: [(id before the first, id of the last), …]."""
    cuts, after_id = [], 0
    while account_ids := next_accounts(env, company, after_id, LAST_ID, JOB_ACCOUNTS):
        cuts.append((after_id, account_ids[-1]))
        after_id = account_ids[-1]
    return cuts


def count_accounts(env, company):
    [[count]] = env.execute_query(
        SQL(
            "SELECT COUNT(DISTINCT account_id) FROM dunning_item WHERE is_open AND company_id = %s",
            company.id,
        )
    )
    return count


# -- configuration ----------------------------------------------------------------------------------------------------


def policies(env, company, today):
    """Every policy version usable in the company, by id, as the engine reads them."""
    records = (
        env["dunning.policy"]
        .sudo()
        .with_context(active_test=False)
        .search([("company_id", "in", (False, company.id))])
    )
    return {record.id: record._to_engine(company, today) for record in records}


def ruling(env, company, today, now):
    """The circumstances of a run, but for what is scheduled already. `now` is naive UTC, as Odoo keeps it."""
    stale = env["dunning.ledger"]._stale()
    return Ruling(
        today=today,
        now=now.replace(tzinfo=timezone.utc),
        country=company.country_id.code or None,
        timezone=company._dunning_timezone(),
        language=company.partner_id.lang or "en_US",
        stale_ledgers={key: at and at.replace(tzinfo=timezone.utc) for key, at in stale.items()},
        bank_gate=company.dunning_bank_gate,
        bank_last_date=_bank_last_date(env, company),
        bank_max_age_days=company.dunning_bank_max_age_days,
        unmatched_gate=company.dunning_unmatched_gate,
        cap_per_day=company.dunning_cap_per_day or None,
        cap_per_hour=company.dunning_cap_per_hour or None,
    )


def _bank_last_date(env, company):
    [[last]] = env.execute_query(
        SQL(
            """SELECT MAX(move.date) FROM account_bank_statement_line line
                 JOIN account_move move ON move.id = line.move_id WHERE line.company_id = %s""",
            company.id,
        )
    )
    return last


# -- accounts ---------------------------------------------------------------------------------------------------------


class Reading:
    """Some accounts with their contacts, holds and open items: asked of the database now, made the engine's rows of
    when somebody takes them up. Asking waits and making them works, so two threads can share the two.

    :param run_id: contacts made by this run do not count, nor do its claims on items
    :param contacting: states in which a message of another open run counts as a contact, on the day it leaves
    """

    def __init__(self, env, company, account_ids, today, run_id=0, contacting=WAITING):
        self._default_policy_id = company.dunning_policy_id.id or None
        self._home = company.country_id.code or None
        others = env["dunning.run"].sudo()._others_open(company, run_id)
        self._contacts = _asked(env, _contacts_sql(account_ids))
        self._accounts = _asked(env, _accounts_sql(company, account_ids, today, run_id, others, contacting))
        self._items = _asked(env, _items_sql(company, account_ids, today, _in_other_run(others, run_id)))

    def cases(self):
        """Yield `(Account, [Item, …])`, in the order of account ids; accounts without an open item last."""
        contacts = _contacts(self._contacts)
        left = {
            row[0]: _account(row, self._default_policy_id, self._home, contacts.get(row[0], ()))
            for row in self._accounts
        }
        # Item._make without counting: the statement has Item's columns.
        make = functools.partial(tuple.__new__, Item)
        for account_id, group in groupby(self._items, key=itemgetter(1)):
            yield left.pop(account_id), [make(row) for row in group]
        for account in left.values():
            yield account, []


def _account(row, default_policy_id, home, contacts):
    (
        account_id,
        own_policy_id,
        rule_policy_id,
        rule_name,
        flags,
        country,
        subdivision,
        tz,
        lang,
        debtor_type,
    ) = row[:10]
    hold_until, hold_reason, hold_author, contact_date, unmatched = row[10:]
    if own_policy_id:
        policy_id, source = own_policy_id, "account"
    elif rule_policy_id:
        policy_id, source = rule_policy_id, f"rule: {rule_name}"
    else:
        policy_id, source = default_policy_id, "default"
    return Account(
        id=account_id,
        policy_id=policy_id,
        policy_source=source,
        country=country,
        timezone=zones.of_customer(tz, country, home),
        language=lang,
        debtor_type=debtor_type or "business",
        hold_until=hold_until,
        hold_reason=hold_reason,
        hold_author=hold_author,
        flags=flags,
        last_contact_date=contact_date,
        unmatched_receipts=unmatched or 0,
        contacts=tuple(contacts),
        subdivision=subdivision,
    )


def _accounts_sql(company, account_ids, today, run_id, others, contacting):
    # `OFFSET 0` has partners looked up one by one: a slice is a few thousand of them, and the planner likes to read all
    # there are, which makes each slice of a large database dearer than one of a small.
    day, waiting = _waiting_contacts(company, account_ids, today, others, contacting)
    return SQL(
        """SELECT account.id, account.policy_id, rule.policy_id, rule.name,
                  %(marks)s | CASE WHEN partner.active THEN 0 ELSE %(archived)s END,
                  country.code, state.code, partner.tz, partner.lang, account.debtor_type,
                  hold.until_date, hold.reason, hold.author,
                  GREATEST(CASE WHEN account.last_contact_run_id = %(run)s THEN NULL
                                ELSE account.last_contact_date END, %(day)s),
                  account.unmatched_receipts
             FROM dunning_account account
             JOIN LATERAL (SELECT active, country_id, state_id, tz, lang FROM res_partner
                            WHERE id = account.partner_id OFFSET 0) partner ON TRUE
             LEFT JOIN res_country country ON country.id = partner.country_id
             LEFT JOIN res_country_state state ON state.id = partner.state_id
             LEFT JOIN dunning_policy_rule rule ON rule.id = account.rule_id AND rule.active
             LEFT JOIN (%(holds)s) hold ON hold.target_id = account.id
             %(waiting)s
            WHERE account.id = ANY(%(ids)s)""",
        run=run_id,
        day=day,
        waiting=waiting,
        marks=marks(),
        archived=Flag.ARCHIVED,
        holds=_holds(company, today, SQL("hold.account_id"), SQL("hold.item_id IS NULL"), account_ids),
        ids=list(account_ids),
    )


def marks():
    """The flags a person sets on an account, as an expression over `account`; 0 where there is none."""
    return SQL(
        """CASE WHEN account.is_insolvent THEN %s ELSE 0 END
         | CASE WHEN account.is_legal THEN %s ELSE 0 END
         | CASE WHEN account.is_excluded THEN %s ELSE 0 END""",
        Flag.INSOLVENT,
        Flag.LEGAL,
        Flag.EXCLUDED,
    )


def _waiting_contacts(company, account_ids, today, others, states):
    """Day and join of messages of other open runs: the customer has not got them yet, and must not get one of this run
    beside them."""
    if not others:
        return SQL("NULL"), SQL()
    return SQL("waiting.day"), SQL(
        """LEFT JOIN (SELECT account_id,
                             GREATEST(MAX(send_at AT TIME ZONE 'UTC' AT TIME ZONE %s)::date, %s) AS day
                        FROM dunning_notice
                       WHERE run_id = ANY(%s) AND state = ANY(%s) AND account_id BETWEEN %s AND %s
                       GROUP BY account_id) waiting ON waiting.account_id = account.id""",
        company._dunning_timezone(),
        today,
        others.ids,
        list(states),
        min(account_ids, default=0),
        max(account_ids, default=0),
    )


def _holds(company, today, target, condition, account_ids):
    """The longest hold in force per target, with its reason and author."""
    return SQL(
        """SELECT DISTINCT ON (%(target)s) %(target)s AS target_id,
                  COALESCE(hold.until_date, %(forever)s) AS until_date, hold.reason, author.name AS author
             FROM dunning_hold hold
             LEFT JOIN res_users users ON users.id = hold.user_id
             LEFT JOIN res_partner author ON author.id = users.partner_id
            WHERE hold.active AND hold.company_id = %(company)s AND %(condition)s
              AND hold.account_id BETWEEN %(first)s AND %(last)s
              AND (hold.until_date IS NULL OR hold.until_date >= %(today)s)
            ORDER BY %(target)s, COALESCE(hold.until_date, %(forever)s) DESC, hold.id""",
        target=target,
        condition=condition,
        first=min(account_ids, default=0),
        last=max(account_ids, default=0),
        company=company.id,
        today=today,
        forever=FOREVER,
    )


def _contacts_sql(account_ids):
    """Who may be told of the debt: the customer's own record, its invoice addresses, contacts given a role, and whom an
    open invoice of ours is made out to. Nobody writes to an archived one, nor to one kept for another company of ours.
    """
    return SQL(
        """SELECT person.account_id, contact.id, contact.name, contact.email, contact.phone,
                      contact.street IS NOT NULL AND contact.city IS NOT NULL AND contact.country_id IS NOT NULL,
                      COALESCE(contact.dunning_role,
                               CASE WHEN contact.type = 'invoice' THEN 'billing' ELSE 'other' END),
                      contact.lang,
                      contact.dunning_bounced_at IS NOT NULL OR blacklist.id IS NOT NULL
                 FROM (SELECT id AS account_id, partner_id AS contact_id FROM dunning_account WHERE id = ANY(%(ids)s)
                       UNION ALL
                       SELECT account.id, child.id
                         FROM dunning_account account
                         JOIN LATERAL (SELECT id, type, dunning_role, company_id FROM res_partner
                                        WHERE parent_id = account.partner_id AND active OFFSET 0) child
                           ON (child.type = 'invoice' OR child.dunning_role IS NOT NULL OR EXISTS (
                               SELECT FROM dunning_item item
                                WHERE item.is_open AND item.company_id = account.company_id
                                  AND item.account_id = account.id AND item.partner_id = child.id
                                  AND item.kind = 'invoice' AND item.origin = 'odoo'))
                          AND (child.company_id IS NULL OR child.company_id = account.company_id)
                        WHERE account.id = ANY(%(ids)s)
                      ) person
                 JOIN LATERAL (SELECT id, name, email, phone, street, city, country_id, dunning_role, type, lang,
                                      dunning_bounced_at, email_normalized
                                 FROM res_partner WHERE id = person.contact_id AND active OFFSET 0) contact ON TRUE
                 LEFT JOIN mail_blacklist blacklist ON blacklist.email = contact.email_normalized AND blacklist.active
                ORDER BY person.account_id, contact.id""",
        ids=list(account_ids),
    )


def _contacts(rows):
    contacts = defaultdict(list)
    for account_id, contact_id, name, email, phone, street_ok, role, lang, is_blocked in rows:
        blocked = ("email",) if is_blocked else ()
        contacts[account_id].append(
            Contact(contact_id, name or "", email or None, phone or None, street_ok, role, lang, blocked)
        )
    return contacts


# -- items ------------------------------------------------------------------------------------------------------------


def _in_other_run(others, run_id):
    """Flag of items another open run has taken. Looked up item by item, and only where there is another open run: a
    join over all taken items would be repeated for every slice."""
    if not others:
        return SQL("0")
    return SQL(
        """CASE WHEN EXISTS (SELECT 1 FROM dunning_run_line claim
                              WHERE claim.item_id = item.id AND claim.claim IN ('open', 'queued')
                                AND claim.run_id != %s)
           THEN %s ELSE 0 END""",
        run_id,
        Flag.IN_OTHER_RUN,
    )


def _items_sql(company, account_ids, today, in_other_run):
    return SQL(
        """SELECT item.id, item.account_id, currency.name, item.kind, COALESCE(item.number, ''), item.reference,
                  item.issue_date, item.due_date, item.amount_total, item.amount_open,
                  COALESCE(dispute.amount, 0), COALESCE(item.level_rank, 0), item.level_date, COALESCE(item.cycle, 1),
                  COALESCE(item.bound_policy_id, item.policy_id), item.ledger_id,
                  CASE WHEN item.no_followup THEN %(no_followup)s ELSE 0 END
                | CASE WHEN item.is_blocked THEN %(blocked)s ELSE 0 END
                | CASE WHEN item.is_excluded THEN %(excluded)s ELSE 0 END
                | CASE WHEN item.bound_policy_id IS NOT NULL THEN %(bound)s ELSE 0 END
                | %(in_other_run)s,
                  hold.until_date, promise.until_date, item.mailed_date, promise.broken_date, hold.reason, hold.author,
                  dispute.reason
             FROM dunning_item item
             JOIN res_currency currency ON currency.id = item.currency_id
             LEFT JOIN (%(holds)s) hold ON hold.target_id = item.id
             LEFT JOIN (%(contested)s) dispute ON dispute.item_id = item.id
             LEFT JOIN (
                SELECT rel.dunning_item_id AS item_id,
                       MAX(promise.promised_date) FILTER (WHERE promise.state = 'open') AS until_date,
                       MAX(promise.judged_date) FILTER (WHERE promise.state IN ('broken', 'partly')) AS broken_date
                  FROM dunning_promise promise
                  JOIN dunning_item_dunning_promise_rel rel ON rel.dunning_promise_id = promise.id
                  JOIN dunning_item about ON about.id = rel.dunning_item_id
                 WHERE about.account_id BETWEEN %(first)s AND %(last)s
                   AND promise.state IN ('open', 'broken', 'partly')
                 GROUP BY rel.dunning_item_id
             ) promise ON promise.item_id = item.id
            WHERE item.is_open AND item.company_id = %(company)s AND item.account_id = ANY(%(ids)s)
            ORDER BY item.account_id""",
        no_followup=Flag.NO_FOLLOWUP,
        blocked=Flag.BLOCKED,
        excluded=Flag.EXCLUDED,
        bound=Flag.BOUND_POLICY,
        in_other_run=in_other_run,
        holds=_holds(company, today, SQL("hold.item_id"), SQL("hold.item_id IS NOT NULL"), account_ids),
        contested=disputes.contested(
            SQL(
                "dispute.account_id BETWEEN %s AND %s",
                min(account_ids, default=0),
                max(account_ids, default=0),
            )
        ),
        first=min(account_ids, default=0),
        last=max(account_ids, default=0),
        company=company.id,
        ids=list(account_ids),
    )

"""The engine asked again about a few accounts: at the moment of sending, and when a person wants to know."""

from typing import NamedTuple

from odoo import fields
from odoo.tools import SQL

from ..engine.decide import decide
from ..engine.snapshot import Account, AccountDecision
from . import snapshot


class Look(NamedTuple):
    """What is known of an account now, and what the engine says to it."""

    account: Account
    items: dict
    decision: AccountDecision


def decide_accounts(env, accounts):
    """`{account id: AccountDecision}` as of today, as if no run were open. Writes nothing."""
    decisions = {}
    for company, of_company in accounts.grouped("company_id").items():
        looks = look(env, company, of_company.ids, company._dunning_today())
        decisions.update({account_id: one.decision for account_id, one in looks.items()})
    return decisions


def look(env, company, account_ids, today, run_id=0):
    """`{account id: Look}`. A contact made by run `run_id` itself and the items it has taken do not count against it:
    a customer's second message of the same run, in another currency, is not a second contact."""
    env.flush_all()
    policies = snapshot.policies(env, company, today)
    ruling = snapshot.ruling(env, company, today, fields.Datetime.now())
    accounts = snapshot.accounts(env, company, account_ids, today)
    own_contacts = _contacted_by(env, run_id, account_ids) if run_id else set()
    groups = dict(snapshot.items_by_account(env, company, account_ids, today, run_id))
    looks = {}
    for account_id, account in accounts.items():
        if account_id in own_contacts:
            account = account._replace(last_contact_date=None)
        items = groups.get(account_id, [])
        decision = decide(account, items, policies, ruling)
        looks[account_id] = Look(account, {item.id: item for item in items}, decision)
    return looks


def _contacted_by(env, run_id, account_ids):
    rows = env.execute_query(
        SQL(
            "SELECT id FROM dunning_account WHERE last_contact_run_id = %s AND id = ANY(%s)",
            run_id,
            list(account_ids),
        )
    )
    return {account_id for (account_id,) in rows}

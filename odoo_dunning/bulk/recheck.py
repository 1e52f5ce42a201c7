"""The engine asked again about a few accounts: at the moment of sending, and when a person wants to know."""

from collections import defaultdict
from datetime import timezone
from decimal import Decimal
from typing import NamedTuple

from odoo import fields

from ..engine import calendar
from ..engine.decide import decide
from ..engine.snapshot import ZERO, Account, AccountDecision, Flag, Ruling
from . import snapshot


class Look(NamedTuple):
    """What is known of an account now, and what the engine says to it."""

    account: Account
    items: dict
    decision: AccountDecision
    ruling: Ruling

    def nets(self, item_ids):
        """Item id -> what may be asked for it: open, less the credits the engine nets against it, less what is
        disputed, never below zero. Items no longer open are left out."""
        covered = defaultdict(Decimal)
        for one in self.decision.applications:
            covered[one.item_id] += one.amount
        nets = {}
        for item_id in item_ids:
            if item := self.items.get(item_id):
                nets[item_id] = max(item.amount_open - covered[item_id] - item.amount_disputed, ZERO)
        return nets

    def deadline(self, level, day):
        """Last day to pay, for a message of a `dunning.level` that leaves on `day`; None where it gives no time."""
        place = calendar.Place(self.account.country or self.ruling.country, self.account.subdivision)
        return calendar.deadline(place, day, level.deadline_days, level.deadline_unit)

    def local_date(self, instant):
        """The customer's calendar date at a naive UTC instant."""
        tz = calendar.zone(self.account.timezone) or calendar.zone(self.ruling.timezone) or timezone.utc
        return instant.replace(tzinfo=timezone.utc).astimezone(tz).date()


def decide_accounts(env, accounts):
    """`{account id: AccountDecision}` as of today: what a run made now would answer. Writes nothing."""
    decisions = {}
    for company, of_company in accounts.grouped("company_id").items():
        looks = look(env, company, of_company.ids, company._dunning_today())
        decisions.update({account_id: one.decision for account_id, one in looks.items()})
    return decisions


def applications(env, account):
    """What the credits of an account cover of its receivables today: `Application`s, whatever run has taken the items.
    Writes nothing."""
    company = account.company_id
    today = company._dunning_today()
    one = look(env, company, account.ids, today)[account.id]
    items = [item._replace(flags=item.flags & ~Flag.IN_OTHER_RUN) for item in one.items.values()]
    return decide(one.account, items, snapshot.policies(env, company, today), one.ruling).applications


def look(env, company, account_ids, today, run_id=0):
    """`{account id: Look}`. A contact made by run `run_id` itself and the items it has taken do not count against it:
    a customer's second message of the same run, in another currency, is not a second contact. One of another run that
    was handed over counts, though it has not left yet; where no run asks, one that is only approved as well."""
    env.flush_all()
    policies = snapshot.policies(env, company, today)
    ruling = snapshot.ruling(env, company, today, fields.Datetime.now())
    contacting = snapshot.HANDED_OVER if run_id else snapshot.WAITING
    looks = {}
    for account, items in snapshot.Reading(env, company, account_ids, today, run_id, contacting).cases():
        decision = decide(account, items, policies, ruling)
        looks[account.id] = Look(account, {item.id: item for item in items}, decision, ruling)
    return looks

"""Charges of many messages at once: claimed with the proposal, reckoned anew at the moment of sending.

Raw SQL because a proposal may claim interest on every one of 100,000 items: COPY writes them as fast as its lines.
"""

import io
import json
from collections import defaultdict

from odoo.tools import SQL

from ..engine.calendar import Place as Region
from ..engine.calendar import day_off
from ..engine.claiming import INTEREST, NO_TERMS, Claimant, Subject
from ..engine.law_errors import LawError
from . import charge_facts, snapshot

CHARGE_COLUMNS = (
    "notice_id", "run_id", "company_id", "account_id", "item_id", "kind", "stage", "state", "amount", "amount_cap",
    "has_cap", "currency_id", "charge_date", "law", "law_reason", "row_keys", "message",
)  # fmt: skip
NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def claimant(env, company, today):
    """The engine's Claimant for a company and day."""
    library = env["dunning.law.row"].sudo()._library()
    region = Region(company.country_id.code or None, company.state_id.code or None)
    return Claimant(
        book=library.book,
        choices=library.choices,
        seller=company._dunning_place(),
        today=today,
        rates=charge_facts.rates(env, company, today),
        digits=charge_facts.digits(env),
        is_working_day=lambda day: not day_off(region, day)[0],
    )


class Charging:
    """Claims for the messages of one run. One instance per process and run. Costs nothing where no level charges."""

    def __init__(self, env, company, today):
        self.env = env
        self.company = company
        self.today = today
        self.levels = charge_facts.charging_levels(env, company)
        self.claimant = claimant(env, company, today) if self.levels else None
        self.currencies = dict(env.execute_query(SQL("SELECT name, id FROM res_currency")))
        self.pending = []
        self.asked = None

    def take(self, account, items, decision, notice_of):
        """Remember the messages of an account that charge something. Touches nothing but memory."""
        for message in decision.messages:
            level = self.levels.get(message.level_id)
            if level is not None:
                by_id = {item.id: item for item in items}
                invoices = tuple(
                    by_id[item_id] for item_id in message.item_ids if by_id[item_id].kind == "invoice"
                )
                if invoices:
                    subject = Subject(account, level, message.currency, invoices, credits_of(decision, by_id))
                    self.pending.append((notice_of[message.item_ids[0]], subject))

    def claim(self, run_id, background):
        """Claim for the messages remembered up to the last call; what those remembered since are judged by is read
        meanwhile."""
        pending, self.pending = self.pending, []
        asked, self.asked = self.asked, None
        if pending:
            self.asked = background.start(lambda: list(self.with_facts(pending)))
        if asked:
            lines = self._claimed(run_id, asked.result())
            if lines:
                background.start(self._copy, lines)

    def finish(self, run_id, background):
        """Claim for all remembered messages."""
        while self.pending or self.asked:
            self.claim(run_id, background)
        background.wait()
        self.env["dunning.charge"].invalidate_model()

    def store(self, run_id):
        """Claim for all remembered messages and store the claims, one after the other."""
        pending, self.pending = self.pending, []
        lines = self._claimed(run_id, self.with_facts(pending)) if pending else []
        if lines:
            self._copy(lines)
            self.env["dunning.charge"].invalidate_model()

    def _claimed(self, run_id, with_facts):
        """The claims of messages as lines for COPY."""
        lines = []
        for notice_id, subject in with_facts:
            law, claims = self.claimant.claims(subject)
            if claims:
                self._lines(run_id, notice_id, subject, law, claims, lines)
        return lines

    def _copy(self, lines):
        text = "".join(lines)
        with snapshot.exact_cursor(self.env) as cursor:
            cursor.copy_expert(
                f"COPY dunning_charge ({', '.join(CHARGE_COLUMNS)}) FROM STDIN",
                io.StringIO(text),
                size=len(text),
            )

    def with_facts(self, pending, without_notices=()):
        """The same (notice id, Subject), with terms and facts filled in."""
        terms = charge_facts.account_terms(self.env, {subject.account.id for _id, subject in pending})
        with_messages = any(
            subject.level.fee_kind or subject.debtor_type == "b2c" for _id, subject in pending
        )
        items = [item for _id, subject in pending for item in subject.items]
        facts = charge_facts.item_facts(self.env, items, without_notices, with_messages)
        for notice_id, subject in pending:
            yield notice_id, subject._replace(terms=terms.get(subject.account.id, NO_TERMS), facts=facts)

    def _lines(self, run_id, notice_id, subject, law, claims, lines):
        """One text line for COPY per claim, in the order of CHARGE_COLUMNS."""
        head = f"{notice_id}\t{run_id}\t{self.company.id}\t{subject.account.id}\t"
        chosen = f"{law.jurisdiction}\t{law.reason}" if law else "\\N\t\\N"
        tail = f"\t{self.currencies[subject.currency]}\t{self.today}\t{chosen}\t"
        for item_id, kind, amount, cap, row_ids, message in claims:
            stage = "refused" if message else "claimed"
            rows = json.dumps(row_ids).translate(_ESCAPES) if row_ids else NULL
            limit = "\\N\tf" if cap is None else f"{cap!s}\tt"
            why = message.translate(_ESCAPES) if message else NULL
            lines.append(
                f"{head}{item_id}\t{kind}\t{stage}\t{stage}\t{amount!s}\t{limit}{tail}{rows}\t{why}\n"
            )


def credits_of(decision, by_id):
    """Item id -> ((day, amount), …) of the credits the engine nets against it."""
    credits = defaultdict(tuple)
    for one in decision.applications:
        credit, item = by_id[one.credit_id], by_id[one.item_id]
        credits[one.item_id] += ((credit.issue_date or item.due_date, one.amount),)
    return credits


# -- messages that stand ----------------------------------------------------------------------------------------------


def subjects(charging, notices, looks):
    """`{main notice id: Subject}` of the messages that charge something, from a fresh look at their accounts."""
    pending = []
    for notice in notices:
        main = notice.main_id or notice
        level = charging.levels.get(notice.level_id.id)
        look = looks[notice.account_id.id]
        wanted = main.line_ids.item_id.ids
        invoices = tuple(look.items[item_id] for item_id in wanted if item_id in look.items)
        if level is not None and invoices and not notice.corrects_id:
            credits = credits_of(look.decision, look.items)
            pending.append(
                (main.id, Subject(look.account, level, notice.currency_id.name, invoices, credits))
            )
    return dict(charging.with_facts(pending, [notice_id for notice_id, _subject in pending]))


def reckon(notices, looks, today):
    """At the moment of sending: every claim as it is today, with its sheet. What a person lowered stays lowered, what
    is no longer allowed goes, and nothing is added that nobody saw in the proposal."""
    charging = Charging(notices.env, notices.company_id, today)
    if not charging.levels:
        return
    for notice_id, subject in subjects(charging, notices, looks).items():
        law, claims = charging.claimant.claims(subject)
        fresh = {(claimed.item_id, claimed.kind): claimed for claimed in claims if not claimed.message}
        charges = (
            notices.env["dunning.charge"]
            .sudo()
            .search([("notice_id", "=", notice_id), ("stage", "=", "claimed")])
        )
        for charge in charges:
            _renew(charging, charge, subject, law, fresh.get((charge.item_id.id, charge.kind)), today)


def _renew(charging, charge, subject, law, claimed, today):
    if claimed is None:
        charge._withdraw()
        return
    amount = min(claimed.amount, charge._exact()) if charge.is_edited else claimed.amount
    vals = {
        "amount": float(amount),
        "amount_cap": float(claimed.cap or 0),
        "has_cap": claimed.cap is not None,
        "charge_date": today,
        "row_keys": list(claimed.row_ids),
    }
    if charge.kind == INTEREST:
        vals["sheet"] = sheet(charging.claimant, subject, law, charge.item_id.id, amount)
        vals["row_keys"] = vals["sheet"]["row_ids"]
    charge.write(vals)


def sheet(claimant, subject, law, item_id, amount):
    """The calculation of an interest charge as plain JSON: its lines, what was charged before, what is let off."""
    item = next(item for item in subject.items if item.id == item_id)
    made = claimant.sheet(subject, law, item)
    before = sum(charge.amount for charge in subject.facts_of(item).earlier if charge.kind == INTEREST)
    return {
        "lines": [
            {
                "from": line.first_day.isoformat(),
                "to": line.last_day.isoformat(),
                "days": line.days,
                "base": str(line.base),
                "rate_pct": str(line.rate_pct),
                "amount": str(line.amount),
                "row_ids": list(line.row_ids),
            }
            for line in made.segments
        ],
        "total": str(made.total),
        "charged_before": str(before),
        "let_off": str(made.total - before - amount),
        "day_count": made.day_count,
        "rate_mode": made.rate_mode,
        "compounding": made.compounding,
        "rounding": made.rounding,
        "basis": made.basis,
        "row_ids": list(made.row_ids),
    }


def sheet_today(charge):
    """The calculation of an interest charge of a proposal as plain JSON, or None where it cannot be made today."""
    notice = charge.notice_id
    charging = Charging(charge.env, notice.company_id, notice._today())
    if not charging.levels:
        return None
    subject = subjects(charging, notice, notice._looks()).get(notice.id)
    if subject is None or charge.item_id.id not in {item.id for item in subject.items}:
        return None
    law, error = claims_or_errors(charging.claimant, subject)
    if error:
        return None
    try:
        return sheet(charging.claimant, subject, law, charge.item_id.id, charge._exact())
    except LawError:
        return None


def reclaim(notices, looks, today):
    """A message changed its level in the proposal: claim again."""
    charging = Charging(notices.env, notices.company_id, today)
    charges = notices.env["dunning.charge"].sudo()
    charges.search([("notice_id", "in", notices.ids), ("stage", "in", ("claimed", "refused"))]).unlink()
    if not charging.levels:
        return
    charging.env.flush_all()
    for notice_id, subject in subjects(charging, notices, looks).items():
        charging.pending.append((notice_id, subject))
    for run, of_run in notices.grouped("run_id").items():
        mine = {notice.id for notice in of_run}
        later = [one for one in charging.pending if one[0] not in mine]
        charging.pending = [one for one in charging.pending if one[0] in mine]
        charging.store(run.id)
        charging.pending = later


def claims_or_errors(claimant, subject):
    """(law, None) or (None, the LawError) of a message."""
    try:
        return claimant.law_of(subject), None
    except LawError as error:
        return None, error

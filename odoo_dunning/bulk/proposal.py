"""A slice of a proposal: decide account by account, COPY the run lines and messages back.

Raw SQL because a run writes one line for every open item: COPY does 100,000 of them in about a second,
the ORM in minutes.
"""

import gc
import io
import json
import sys
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import islice

from odoo.tools import SQL

from ..engine.decide import decide
from ..engine.snapshot import Reason
from . import snapshot
from .background import Background
from .charging import Charging

LINE_COLUMNS = (
    "run_id", "company_id", "account_id", "item_id", "decision", "reason_code", "reason_args", "level_id", "level_rank",
    "cycle", "notice_id", "claim", "currency_id", "amount_open", "policy_id", "policy_source",
    "is_edited",
)  # fmt: skip
NOTICE_COLUMNS = (
    "id", "run_id", "company_id", "account_id", "partner_id", "email_to", "lang", "policy_id", "level_id", "level_rank",
    "channel", "state", "currency_id", "item_count", "amount_total", "deadline_date", "send_at", "send_until",
    "main_id", "warnings", "is_edited", "attempts", "create_date", "write_date",
)  # fmt: skip

# Kinds of `Task` on the worklist, the most pressing first.
TASKS = (Reason.ARCHIVED, Reason.NO_ADDRESS, "hand_over", Reason.NO_DUE_DATE)

NULL = "\\N"
# A quarter of a slice. Each statement of the thread beside waits several times for Python's lock: with parts of 250
# accounts the database had nothing to do a third of the time.
PART_ACCOUNTS = 1000
# How long it waits for it at most, each time; usually 5 ms.
SWITCH_SECONDS = 0.0005


class Proposal:
    """Works through the accounts of one run, slice by slice. One instance per process and run: it keeps what all slices
    share (policies, circumstances)."""

    def __init__(self, run):
        self.run = run
        self.env = run.env
        self.company = run.company_id
        self.now = run._now()
        self.policies = snapshot.policies(self.env, self.company, run.date)
        self.ruling = snapshot.ruling(self.env, self.company, run.date, self.now)
        self.currencies = dict(self.env.execute_query(SQL("SELECT name, id FROM res_currency")))
        self.charging = Charging(self.env, self.company, run.date)
        self.args_json = {}
        self.texts = _Texts()
        self.ahead = None
        self.tail = f"\tf\t0\t{self.now}\t{self.now}\n"

    def decide_slice(self, after_id, up_to_id=snapshot.LAST_ID):
        """Decide the next accounts after `after_id`, none beyond `up_to_id`, and write lines and messages.

        Returns (last account id, number of accounts), or (after_id, 0) when there are none left.
        """
        self.env.flush_all()
        with _no_garbage_collection(), _eager_switches():
            if self.ahead is None or self.ahead[0] != (after_id, up_to_id):
                self._read(after_id, up_to_id)
            _key, account_ids, reading = self.ahead
            if not account_ids:
                return after_id, 0
            tasks = self._decide_and_write(account_ids, reading.cases(), up_to_id)
        self._write_tasks(account_ids, tasks)
        return account_ids[-1], len(account_ids)

    def _read(self, after_id, up_to_id):
        """Keep the next slice in `ahead`: what to look for, ids of its accounts, and what there is about them."""
        account_ids = snapshot.next_accounts(self.env, self.company, after_id, up_to_id)
        reading = snapshot.Reading(self.env, self.company, account_ids, self.run.date, self.run.id)
        self.ahead = (after_id, up_to_id), account_ids, reading

    def _decide_and_write(self, account_ids, cases, up_to_id):
        """Part by part, so that the database reads the next slice and takes in what is decided meanwhile. What was read
        a slice ahead may be a second old: all of it is looked at again before a message leaves."""
        tasks = []
        with Background() as background:
            ids = _NoticeIds(self.env, len(account_ids), background)
            background.start(self._read, account_ids[-1], up_to_id)
            while part := list(islice(cases, PART_ACCOUNTS)):
                lines, notices = self._decide(part, ids, tasks)
                background.start(self._write, lines, notices)
                self.charging.claim(self.run.id, background)
            self.charging.finish(self.run.id, background)
        return tasks

    def _decide(self, cases, ids, tasks):
        """Lines and messages of some accounts, as text for COPY; what a person has to see to is added to `tasks`."""
        lines, notices = [], []
        for account, items in cases:
            decision = decide(account, items, self.policies, self.ruling)
            notice_of = self._notices(account, decision.messages, ids, notices) if decision.messages else {}
            self._lines(account.id, items, decision.answers, notice_of, lines)
            if decision.messages:
                self.charging.take(account, items, decision, notice_of)
            tasks.extend((account.id, task) for task in decision.tasks)
        return lines, notices

    def _lines(self, account_id, items, answers, notice_of, lines):
        """One text line for COPY per answer. Answers come sorted by item id."""
        prefix = f"{self.run.id}\t{self.company.id}\t{account_id}\t"
        currencies, texts, args_json = self.currencies, self.texts, self.args_json
        by_id = {item.id: item for item in items}
        append = lines.append
        for item_id, code, level_rank, level_id, args, policy_id, source in answers:
            item = by_id[item_id]
            shown = args_json.get(args) or self._json(args)
            if item_id in notice_of:
                decided, tail = "notify", f"{notice_of[item_id]}\topen"
            else:
                decided, tail = "leave", "\\N\t\\N"
            append(
                f"{prefix}{item_id}\t{decided}\t{code}\t{shown}\t{level_id or NULL}\t{level_rank}"
                f"\t{item.cycle}\t{tail}\t{currencies[item.currency]}\t{item.amount_open!s}"
                f"\t{policy_id or NULL}\t{texts[source]}\tf\n"
            )

    def _json(self, args):
        """The values of a reason, or of several, as JSON for COPY; they come again and again."""
        if not args:
            return NULL
        if args in self.args_json:
            return self.args_json[args]
        if len(self.args_json) > 50_000:
            self.args_json.clear()
        text = self.args_json[args] = json.dumps(args, default=_plain).replace("\\", "\\\\")
        return text

    def _notices(self, account, messages, ids, notices):
        """Text lines of the outbox for an account, in the order of NOTICE_COLUMNS; item id -> id of its message."""
        emails = {contact.id: contact.email for contact in account.contacts}
        head = f"{self.run.id}\t{self.company.id}\t{account.id}"
        texts = self.texts
        notice_of = {}
        for message in messages:
            main_id = None
            warnings = self._json(message.warnings)
            level = f"{message.policy_id}\t{message.level_id}\t{message.level_rank}"
            sums = f"{self.currencies[message.currency]}\t{len(message.item_ids)}\t{message.net!s}"
            when = f"{texts[message.deadline_date]}\t{texts[message.send_at]}\t{texts[message.send_until]}"
            for delivery in message.deliveries:
                notice_id = ids.next()
                notices.append(
                    f"{notice_id}\t{head}\t{delivery.contact_id}\t{copy_field(emails[delivery.contact_id])}"
                    f"\t{delivery.language}\t{level}\t{delivery.channel}\tproposed\t{sums}"
                    f"\t{when}\t{main_id or NULL}\t{warnings}{self.tail}"
                )
                main_id = main_id or notice_id
            notice_of.update(dict.fromkeys(message.item_ids, main_id))
        return notice_of

    def _write(self, lines, notices):
        """Messages first: lines refer to them."""
        with snapshot.exact_cursor(self.env) as cursor:
            if notices:
                _copy(cursor, "dunning_notice", NOTICE_COLUMNS, notices)
            _copy(cursor, "dunning_run_line", LINE_COLUMNS, lines)

    def _write_tasks(self, account_ids, tasks):
        """What a person has to see to goes on the worklist, the most pressing of each customer; what was seen to leaves
        it."""
        pressing = {}
        for account_id, task in tasks:
            pressing[account_id] = min(pressing.get(account_id, task.kind), task.kind, key=TASKS.index)
        self.env.execute_query(
            SQL(
                """UPDATE dunning_account account SET attention = task.kind
                     FROM unnest(%s::int[]) AS looked_at(id)
                     LEFT JOIN unnest(%s::int[], %s::text[]) AS task(account_id, kind) ON task.account_id = looked_at.id
                    WHERE account.id = looked_at.id AND account.id BETWEEN %s AND %s
                      AND COALESCE(account.attention, '') = ANY(%s)
                      AND account.attention IS DISTINCT FROM task.kind
                   RETURNING account.id""",
                list(account_ids),
                list(pressing),
                list(pressing.values()),
                account_ids[0],
                account_ids[-1],
                ["", *TASKS],
            )
        )
        self.env["dunning.account"].invalidate_model(["attention"])


def _copy(cursor, table, columns, lines):
    """All in one piece: a thread that came back for every 8 kB would wait each time until the other one lets it."""
    text = "".join(lines)
    cursor.copy_expert(
        f"COPY {table} ({', '.join(columns)}) FROM STDIN", io.StringIO(text), size=len(text) or 1
    )


class _Texts(dict):
    """What COPY reads for a value that comes again and again: a day, an instant (as naive UTC), a policy's source."""

    def __missing__(self, value):
        plain = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        text = self[value] = copy_field(plain)
        return text


def copy_field(value):
    """A value as COPY reads it. `replace` four times is ten times faster on a letter than `translate` once."""
    if value is None:
        return NULL
    if value is False:
        return "f"
    if type(value) is not str:
        return str(value)
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _plain(value):
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot stand in a reason")


@contextmanager
def _no_garbage_collection():
    """A slice makes a hundred thousand tuples that refer to nothing in a circle: looking through them is a sixth of the
    time. They are freed by count; the collector is back after the slice."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _eager_switches():
    """Python's lock changes hands sooner: the thread beside asks the database little by little, and would wait up to
    5 ms for the lock after each answer. Who found it shortened already leaves it to the other to set back."""
    usual = sys.getswitchinterval()
    if usual <= SWITCH_SECONDS:
        yield
        return
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


class _NoticeIds:
    """Ids for messages before they are written, so that lines can refer to them in the same COPY; fetched in bulk."""

    def __init__(self, env, chunk, background):
        self.env = env
        self.chunk = chunk
        self.background = background
        self.left = self._fetch()

    def next(self):
        notice_id = next(self.left, None)
        if notice_id is None:
            self.background.wait()
            self.left = self._fetch()
            notice_id = next(self.left)
        return notice_id

    def _fetch(self):
        sql = SQL("SELECT nextval('dunning_notice_id_seq') FROM generate_series(1, %s)", self.chunk)
        return iter([row[0] for row in self.env.execute_query(sql)])

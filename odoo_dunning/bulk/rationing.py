"""The volume caps over a whole proposal: who goes, once all slices are decided.

Slices know nothing of each other and may be decided side by side; so the caps come last, over all proposed messages
in the order of their importance. The database sorts and hands them over a few thousand at a time; what is kept in
memory is only what is let through.

Raw SQL because a first run may propose 100,000 messages and let 2,000 through.
"""

from collections import Counter
from contextlib import contextmanager
from datetime import datetime, time, timedelta, timezone
from itertools import groupby
from operator import itemgetter

from odoo import fields
from odoo.tools import SQL

from ..engine import calendar
from ..engine.ration import Ration, Wish
from ..engine.snapshot import Reason
from . import charge_facts


def apply(run):
    """Let through what the company's caps allow. The rest is answered `volume_cap` and its messages are dropped; what
    has to leave at a later hour of its window gets that hour."""
    company = run.company_id
    caps = company.dunning_cap_per_day or None, company.dunning_cap_per_hour or None
    if caps == (None, None):
        return
    run.env.flush_all()
    tz = calendar.zone(company._dunning_timezone()) or timezone.utc
    ration = Ration(*caps, *_scheduled(run, tz), tz)
    going, moved = [], []
    with _by_importance(run) as rows:
        for _account_id, messages in groupby(rows, key=itemgetter(0)):
            wanted = [(notice_id, Wish(_utc(at), _utc(until))) for _, notice_id, at, until in messages]
            instants = ration.place([wish for _, wish in wanted])
            for (notice_id, wish), instant in zip(wanted, instants, strict=False):
                going.append(notice_id)
                if instant != wish.send_at:
                    moved.append((notice_id, instant.replace(tzinfo=None)))
    _drop(run, going, caps)
    _move(run, moved)
    run.env.invalidate_all()


def _scheduled(run, tz):
    """Messages that wait, went out or will go out from yesterday on, without this proposal: by date of the company's
    clock and by UTC hour. A message by several channels is one message."""
    by_date, by_hour = Counter(), Counter()
    rows = run.env.execute_query(
        SQL(
            """SELECT date_trunc('hour', COALESCE(sent_at, send_at)), COUNT(*) FROM dunning_notice
                WHERE company_id = %s AND COALESCE(sent_at, send_at) >= %s AND state NOT IN ('withdrawn', 'failed')
                  AND main_id IS NULL AND (run_id != %s OR state != 'proposed')
                GROUP BY 1""",
            run.company_id.id,
            run._now() - timedelta(days=1),
            run.id,
        )
    )
    for hour, count in rows:
        hour = hour.replace(tzinfo=timezone.utc)
        by_date[hour.astimezone(tz).date()] += count
        by_hour[hour] += count
    return by_date, by_hour


def room(env, company):
    """How many more messages of the company may leave now, by its caps per day of its own clock and per hour; None:
    without limit. Proposals keep the caps for the time they plan; this keeps them where several were approved at once,
    or wait since an outage."""
    caps = company.dunning_cap_per_day or None, company.dunning_cap_per_hour or None
    if caps == (None, None):
        return None
    hour = fields.Datetime.now().replace(minute=0, second=0)
    midnight = datetime.combine(company._dunning_today(), time.min)
    tz = calendar.zone(company._dunning_timezone()) or timezone.utc
    day = midnight.replace(tzinfo=tz).astimezone(timezone.utc).replace(tzinfo=None)
    # Asked by run, as the key of messages is: their history is long.
    [left] = env.execute_query(
        SQL(
            """SELECT COUNT(*) FILTER (WHERE COALESCE(notice.sent_at, notice.queued_at) >= %(day)s),
                      COUNT(*) FILTER (WHERE COALESCE(notice.sent_at, notice.queued_at) >= %(hour)s)
                 FROM dunning_notice notice
                WHERE notice.main_id IS NULL AND notice.state IN ('queued', 'sending', 'sent', 'uncertain', 'undone')
                  AND notice.run_id IN (SELECT id FROM dunning_run WHERE company_id = %(company)s
                       AND (state IN ('approved', 'sending', 'undone') OR done_at >= %(earliest)s))""",
            company=company.id,
            day=day,
            hour=hour,
            earliest=min(day, hour),
        )
    )
    return max(min(cap - count for cap, count in zip(caps, left, strict=True) if cap is not None), 0)


@contextmanager
def _by_importance(run):
    """The proposed messages as rows (account id, message id, send_at, send_until), customer by customer, the most
    important first: `engine.ration.importance` in SQL. A cursor of the database's own, read bit by bit."""
    rates = charge_facts.rates(run.env, run.company_id, run.date)
    statement = SQL(
        """SELECT account_id, id, send_at, send_until
             FROM (SELECT notice.account_id, notice.id, notice.send_at, notice.send_until, notice.level_rank,
                          notice.currency_code,
                          MAX(notice.level_rank) OVER customer AS highest,
                          SUM(notice.amount_total / COALESCE(rate.value, 1)) OVER customer AS worth,
                          MIN(due.date) OVER customer AS oldest
                     FROM (SELECT one.*, currency.name AS currency_code FROM dunning_notice one
                             JOIN res_currency currency ON currency.id = one.currency_id
                            WHERE one.run_id = %(run)s AND one.state = 'proposed' AND one.main_id IS NULL) notice
                     JOIN (SELECT line.notice_id, MIN(item.due_date) AS date
                             FROM dunning_run_line line JOIN dunning_item item ON item.id = line.item_id
                            WHERE line.run_id = %(run)s AND line.notice_id IS NOT NULL
                            GROUP BY line.notice_id) due ON due.notice_id = notice.id
                     LEFT JOIN unnest(%(codes)s::text[], %(rates)s::numeric[]) AS rate(code, value)
                       ON rate.code = notice.currency_code
                   WINDOW customer AS (PARTITION BY notice.account_id)
                  ) ranked
            ORDER BY highest DESC, worth DESC, oldest, account_id, level_rank DESC, currency_code COLLATE "C" """,
        run=run.id,
        codes=list(rates),
        rates=list(rates.values()),
    )
    with run.env.cr._cnx.cursor(name=f"dunning_rationing_{run.id}") as cursor:
        cursor.execute(statement.code, statement.params)
        yield cursor


def _utc(instant):
    return instant.replace(tzinfo=timezone.utc)


def _drop(run, going, caps):
    """Whatever is not `going` (ids of main messages) is left, with the caps as the reason."""
    env = run.env
    dropped = SQL("NOT EXISTS (SELECT FROM unnest(%s::int[]) AS going(id) WHERE going.id = notice_id)", going)
    env.execute_query(
        SQL(
            """UPDATE dunning_run_line
                  SET decision = 'leave', reason_code = %s, claim = NULL, notice_id = NULL,
                      reason_args = jsonb_build_array(reason_args -> 0, %s::int, %s::int)
                WHERE run_id = %s AND notice_id IS NOT NULL AND %s RETURNING id""",
            Reason.VOLUME_CAP,
            *caps,
            run.id,
            dropped,
        )
    )
    env.execute_query(
        SQL("DELETE FROM dunning_charge WHERE run_id = %s AND %s RETURNING id", run.id, dropped)
    )
    env.execute_query(
        SQL(
            """DELETE FROM dunning_notice
                WHERE run_id = %s AND state = 'proposed' AND NOT EXISTS (
                  SELECT FROM unnest(%s::int[]) AS going(id) WHERE going.id = COALESCE(main_id, dunning_notice.id))
               RETURNING id""",
            run.id,
            going,
        )
    )


def _move(run, moved):
    """A later hour, for a message and its twins by other channels; its lines say why."""
    if not moved:
        return
    ids, instants = (list(column) for column in zip(*moved, strict=True))
    later = SQL("unnest(%s::int[], %s::timestamp[]) AS later(id, send_at)", ids, instants)
    run.env.execute_query(
        SQL(
            """UPDATE dunning_notice notice SET send_at = later.send_at FROM %s
                WHERE later.id = COALESCE(notice.main_id, notice.id) AND notice.run_id = %s RETURNING notice.id""",
            later,
            run.id,
        )
    )
    run.env.execute_query(
        SQL(
            """UPDATE dunning_run_line line SET reason_args = jsonb_set(reason_args, '{4}', '"hourly_cap"')
                 FROM %s
                WHERE line.notice_id = later.id AND line.run_id = %s AND line.reason_args ->> 4 = ''
               RETURNING line.id""",
            later,
            run.id,
        )
    )

from dataclasses import replace

from odoo import fields, models
from odoo.tools import SQL
from psycopg2.errors import SerializationFailure

from .. import lib

# The shares of the vendor's calls per minute that all workers together, and passes among them, may use: what lies
# between the two is kept for single documents and writes, which a person or a customer waits for.
SHARE_OF_ALL, SHARE_OF_PASSES = 0.8, 0.65
LOCAL_PER_MINUTE = 100_000
MINUTE_S = 60
# What the vendor said is left of the day is believed this long; its day may have ended since.
NEWS_S = 3600
TRIES = 20


class DunningLedgerCalls(models.Model):
    """How many calls were granted at a ledger's vendor lately, over all workers: one row per ledger.

    Written in transactions of its own, so that a grant counts whatever becomes of the work it was asked for.
    """

    _name = "dunning.ledger.calls"
    _description = "Calls granted at a ledger's vendor"
    _log_access = False
    _rec_name = "ledger_id"

    ledger_id = fields.Many2one("dunning.ledger", required=True, ondelete="cascade")
    granted = fields.Json(
        help="[[seconds since 1970, calls], …] of the last minute.", string="Granted in the last minute"
    )
    day_left = fields.Integer(
        help="What the vendor said last is left for its day.", string="Calls left today"
    )
    day_left_at = fields.Datetime(string="Calls left, told at")

    _ledger_uniq = models.Constraint("UNIQUE (ledger_id)", "The calls of a ledger are counted once.")

    def _grant(self, ledger_id, wanted, limit, day_left):
        """Return `{"calls", "wait_s", "day_left"}`: as many of the `wanted` calls as `limit` per minute leaves."""
        for _attempt in range(TRIES):
            try:
                with self.env.registry.cursor() as cr:
                    return self.with_env(self.env(cr=cr, su=True))._count(ledger_id, wanted, limit, day_left)
            except SerializationFailure:
                continue  # another worker was granted calls meanwhile: count again
        return {"calls": 0, "wait_s": 1, "day_left": None}

    def _count(self, ledger_id, wanted, limit, day_left):
        now_s, granted, news = self._locked(ledger_id)
        # A grant may be used until its last moment: it counts for the minute after that.
        window_s = MINUTE_S + lib.part("budget").GRANT_S
        granted = [[at_s, calls] for at_s, calls in granted if at_s > now_s - window_s]
        calls = max(0, min(wanted, limit - sum(calls for _at_s, calls in granted)))
        wait_s = 0 if calls else max(1, granted[0][0] + window_s - now_s)
        if calls:
            granted.append([now_s, calls])
        self.env.cr.execute(
            SQL(
                """
                UPDATE dunning_ledger_calls
                   SET granted = %(granted)s, day_left = COALESCE(%(day_left)s, day_left),
                       day_left_at = CASE WHEN %(day_left)s IS NULL THEN day_left_at
                                          ELSE now() AT TIME ZONE 'UTC' END
                 WHERE ledger_id = %(ledger)s
                """,
                granted=fields.Json().convert_to_column(granted, self),
                day_left=day_left,
                ledger=ledger_id,
            )
        )
        return {"calls": calls, "wait_s": wait_s, "day_left": news if day_left is None else day_left}

    def _locked(self, ledger_id):
        """Lock the ledger's row; return (the database's clock in seconds, what was granted, the vendor's last word)."""
        key = {"ledger": ledger_id, "news_s": NEWS_S}
        self.env.cr.execute(
            SQL(
                "INSERT INTO dunning_ledger_calls (ledger_id, granted) VALUES (%s, '[]')"
                " ON CONFLICT (ledger_id) DO NOTHING",
                ledger_id,
            ),
            log_exceptions=False,
        )
        self.env.cr.execute(
            SQL(
                """
                SELECT extract(epoch FROM clock_timestamp())::float8, granted,
                       CASE WHEN day_left_at > now() AT TIME ZONE 'UTC' - make_interval(secs => %(news_s)s)
                            THEN day_left END
                  FROM dunning_ledger_calls WHERE ledger_id = %(ledger)s FOR UPDATE
                """,
                **key,
            ),
            log_exceptions=False,
        )
        [row] = self.env.cr.fetchall()
        return row


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    def _grant_calls(self, wanted, day_left):
        """Calls for a pass."""
        return self._granted(wanted, SHARE_OF_PASSES, day_left)

    def _grant_urgent_calls(self, wanted, day_left):
        """Calls for a single document or write: passes leave some of each minute to them."""
        return self._granted(wanted, SHARE_OF_ALL, day_left)

    def _granted(self, wanted, share, day_left):
        limit = int(self._call_limits().per_minute * share)
        return self.env["dunning.ledger.calls"]._grant(self.id, wanted, limit, day_left)

    def _call_limits(self):
        """The vendor's limits. A server of one's own, as in a trial, has none but its own."""
        limits = lib.part(self.vendor).LIMITS
        return replace(limits, per_minute=LOCAL_PER_MINUTE, reserve_calls=0) if self.endpoint_url else limits

import os
import socket
import threading
import time

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import config
from psycopg2.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

from .. import lib

# Never a payload or a token, whatever a fault says.
_logger = lib.part("redact").logger(__name__)

# A pass in Odoo's own scheduler ends between two pages after this long, or well before Odoo would end its process.
LONGEST_PASS_S = 3600
SHARE_OF_LIMIT = 0.8
VERB_TRIES = 5
CONCURRENCY = (SerializationFailure, DeadlockDetected, LockNotAvailable)


class VerbCalls:
    """The verbs of a ledger, each in a transaction of its own: committed, or rolled back, and tried again when somebody
    else wrote the same rows. Over the network Odoo's own server does just that."""

    def __init__(self, ledger):
        self._ledger = ledger

    def __getattr__(self, verb):
        method = getattr(self._ledger, verb)
        return lambda **arguments: self._run(method, arguments)

    def _run(self, method, arguments):
        progress = self._ledger.env["ir.cron"]
        for left in reversed(range(VERB_TRIES)):
            try:
                answer = method(**arguments)
                progress._commit_progress()
                return answer
            except CONCURRENCY:
                self._ledger.env.cr.rollback()
                if not left:
                    raise
            except Exception:
                self._ledger.env.cr.rollback()
                raise
        raise AssertionError("unreachable")


class DunningLedgerPass(models.Model):
    """Passes run by Odoo's scheduler, through the connectors' engine and the same verbs a remote worker uses."""

    _inherit = "dunning.ledger"

    @api.model
    def _cron_sync(self):
        """Run a pass over each ledger that is due. Two schedulers at once share the ledgers by lease."""
        due = self.search(
            Domain("state", "=", "connected")
            & (Domain("next_sync_at", "=", False) | Domain("next_sync_at", "<=", fields.Datetime.now())),
            order="next_sync_at nulls first, id",
        )
        progress = self.env["ir.cron"]
        progress._commit_progress(remaining=len(due))
        for ledger in due:
            ledger._run_pass_apart()
            if not progress._commit_progress(1):
                break

    def _run_pass_apart(self):
        """Run one pass; a fault that nobody thought of costs the other ledgers nothing."""
        try:
            self._run_pass()
        except Exception:
            self.env.cr.rollback()
            _logger.exception("A pass over ledger %s could not be run", self.id)
            self._put_off()

    def _run_pass(self, reconcile=False):
        """Run one pass in this process, committing after every verb. Return the connectors' `Outcome`."""
        self.ensure_one()
        sync, inprocess = lib.part("sync"), lib.part("gateway.inprocess")
        ends_s = time.monotonic() + _longest_pass_s()
        outcome = sync.run_pass(
            inprocess.InProcessGateway(VerbCalls(self)),
            runner=f"odoo:{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}",
            open_source=lib.part("ledgers").open_source,
            reconcile=reconcile,
            should_stop=lambda: time.monotonic() > ends_s,
        )
        if outcome.result == "later" and time.monotonic() > ends_s:
            self._tell_of_time_limit()
        if outcome.result in ("busy", "blocked"):
            self._put_off()
        return outcome

    def _tell_of_time_limit(self):
        """A pass that Odoo's limit cuts short again and again may never reach its end: say what helps."""
        summary = self.env._("%(ledger)s: passes are cut short", ledger=self.name)
        if summary not in self.activity_ids.mapped("summary"):
            self._alert(
                summary,
                self.env._(
                    "Odoo ends scheduled actions after %(limit)s seconds, and this ledger takes longer. Raise "
                    "limit_time_real_cron in the server's configuration (an hour is plenty), or run dunning-sync "
                    "beside Odoo.",
                    limit=round(_longest_pass_s() / SHARE_OF_LIMIT),
                ),
            )

    def _put_off(self):
        """Somebody else is at work, or it cannot run: the scheduler looks again after the interval."""
        ledger = self.sudo()
        ledger.next_sync_at = max(
            ledger.wait_until or fields.Datetime.now(),
            fields.Datetime.add(fields.Datetime.now(), minutes=min(5, ledger.sync_interval_minutes)),
        )


def _longest_pass_s():
    """Seconds a pass may take here: Odoo kills a scheduled action, or restarts, at its own limit."""
    limit_s = config["limit_time_real_cron"]
    if limit_s < 0:
        limit_s = config["limit_time_real"]
    return min(LONGEST_PASS_S, limit_s * SHARE_OF_LIMIT) if limit_s else LONGEST_PASS_S

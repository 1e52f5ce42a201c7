from datetime import datetime, timedelta, timezone
from decimal import Decimal
from secrets import token_urlsafe

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.tools import SQL

from .. import lib
from ..bulk import totals as account_totals
from ..ingest.batch import Batch
from ..ingest.matching import Matching

LEAST_LEASE_S, LONGEST_LEASE_S = 30, 3600
BUSY_RETRY_S = 10


class LeaseLost(UserError, lib.part("errors").LeaseLost):
    """Another runner works on this ledger, or the pass was closed: leave quietly. Over JSON-2: HTTP 422."""

    def __init__(self, message):
        UserError.__init__(self, message)
        self.message = message


class ReconnectNeeded(UserError, lib.part("errors").Reconnect):
    """The vendor refuses the consent: a person has to connect again. Over JSON-2: HTTP 422."""

    def __init__(self, message):
        UserError.__init__(self, message)
        self.message = message


class TokenBusy(LockError, lib.part("errors").Retry):
    """No token just now: try again soon. Over JSON-2: HTTP 409."""

    def __init__(self, message, after_seconds):
        UserError.__init__(self, message)
        self.message = message
        self.after_seconds = after_seconds


class DunningLedgerGateway(models.Model):
    """The verbs by which a sync brings a ledger's records in, from the scheduled action or from another host.

    Values in and out are plain JSON types: amounts as text, instants as ISO 8601 ending in `Z`. Every verb may be
    repeated: an answer that got lost costs nothing. Shapes: `dunning_connectors.gateway.Gateway`.
    """

    _inherit = "dunning.ledger"

    # === VERBS === #

    def sync_lease(self, runner, seconds):
        """Take the right to sync this ledger for `seconds` (30 … 3600), with a short-lived access token.

        A runner that asks again, after a crash, gets its own lease anew. Busy, waiting and blocked answers carry
        their reason.
        """
        ledger = self._sync_access()
        blocked = ledger._sync_blocked()
        if blocked:
            return {"blocked": blocked}
        busy = ledger._sync_busy(runner)
        if busy:
            return busy
        errors = lib.part("errors")
        try:
            token, expires_at = ledger._secrets()._fresh()
        except errors.Reconnect as error:
            ledger._need_reconnect(error.message)
            return {"blocked": error.message}
        except errors.Retry as error:
            return {"busy": True, "until": _iso(_in_seconds(error.after_seconds)), "runner": error.message}
        except errors.ConnectorError as error:
            ledger._alert_failure(error.message)
            return {"blocked": error.message}
        ledger._lease_to(runner, _clamp(seconds))
        return {
            "lease": ledger.lease_key,
            "until": _iso(ledger.lease_until),
            "vendor": ledger.vendor,
            "environment": ledger.environment,
            "organisation": ledger.organisation_ref,
            "urls": ledger._urls(),
            "access_token": token,
            "token_expires_at": _iso(expires_at),
            "cursors": ledger.cursors or {},
            "options": ledger._sync_options(),
        }

    def sync_token(self, lease, rejected):
        """Return a token that is not `rejected`; renewed at the vendor where it has to be, and committed."""
        ledger = self._sync_access()._check_lease(lease)
        errors = lib.part("errors")
        try:
            token, expires_at = ledger._secrets()._fresh(rejected or "")
        except errors.Reconnect as error:
            raise ReconnectNeeded(error.message) from None
        except errors.Retry as error:
            raise TokenBusy(error.message, error.after_seconds) from None
        except errors.ConnectorError as error:
            raise UserError(error.message) from None
        return {"access_token": token, "token_expires_at": _iso(expires_at)}

    def sync_calls(self, lease, wanted, day_left):
        """Grant up to `wanted` calls at the vendor, counted with those of every other worker of this ledger."""
        ledger = self._sync_access()._check_lease(lease)
        return ledger._grant_calls(wanted, day_left)

    def sync_ingest(self, lease, records):
        """Take in a list of wire records; returns how many were stored, and which were not and why."""
        ledger = self._sync_access()._check_lease(lease)
        counts = Batch(ledger).take(records)
        ledger._extend_lease()
        ledger._current_pass()._add(
            {
                "stored_count": counts["stored"],
                "unchanged_count": counts["unchanged"],
                "stale_count": counts["stale"],
                "parked_count": len(counts["parked"]),
                "quarantined_count": len(counts["quarantined"]),
            }
        )
        return counts

    def sync_quarantine(self, lease, bad):
        """Set aside records that could not even be read: `[{entity, external_id, cause, payload}]`."""
        ledger = self._sync_access()._check_lease(lease)
        rows = [(row["entity"], row["external_id"], row["cause"], row.get("payload"), False) for row in bad]
        ledger._set_aside(rows)
        ledger._current_pass()._add({"quarantined_count": len(rows)})
        return True

    def sync_checkpoint(self, lease, cursors):
        """Store where the next pass goes on (opaque JSON). Called after the pages before it are committed."""
        ledger = self._sync_access()._check_lease(lease)
        if ledger.cursors != cursors:
            ledger.cursors = cursors
        ledger._extend_lease()
        return True

    def sync_known(self, lease, entity, after, limit):
        """List the live records of one entity in order of id: `{"rows": [...], "next": id or None}`."""
        ledger = self._sync_access()._check_lease(lease)
        limit = max(1, min(int(limit), 10_000))
        rows = self.env.execute_query(
            SQL(
                """
                SELECT r.external_id, r.updated_at, r.amount_open::text, c.name
                  FROM dunning_ledger_record r
             LEFT JOIN res_currency c ON c.id = r.currency_id
                 WHERE r.ledger_id = %s AND r.entity = %s AND r.state IN ('live', 'parked')
                   AND (%s IS NULL OR r.external_id COLLATE "C" > %s)
              ORDER BY r.external_id COLLATE "C"
                 LIMIT %s
                """,
                ledger.id,
                entity,
                after,
                after,
                limit + 1,
            )
        )
        return {
            "rows": [
                {
                    "external_id": external_id,
                    "updated_at": _iso(updated_at),
                    "open_amount": _positive(amount) if currency else None,
                    "currency": currency,
                }
                for external_id, updated_at, amount, currency in rows[:limit]
            ],
            "next": rows[limit - 1][0] if len(rows) > limit else None,
        }

    def sync_control(self, lease, totals):
        """Compare open totals `[{customer_id, currency, amount}]` with the receivables here.

        Returns the differences only, each with the items it is made of, and keeps them for the ledger's page.
        """
        ledger = self._sync_access()._check_lease(lease)
        found = self.env["dunning.ledger.difference"].sudo()._compare(ledger, totals)
        ledger._current_pass()._add({"difference_count": len(found)})
        ledger._extend_lease()
        return found

    def sync_report(self, lease, outcome, counts, message, resume_at):
        """Close the pass and give the lease back. `outcome`: done | failed | reconnect | later."""
        ledger = self._sync_access()
        if lease and lease == ledger.sudo().lease_closed_key:
            return True
        ledger = ledger._check_lease(lease)
        held_count = ledger._settle_removals()
        Matching(ledger).look()
        ledger._settle_payments()
        ledger._close_pass(outcome, counts or {}, message or "", _naive(resume_at), held_count)
        return True

    @api.model
    def sync_ledgers(self):
        """List the ledgers this user may sync: `[{"id", "name", "vendor", "environment", "state"}]`."""
        self._check_sync_rights()
        ledgers = self.sudo().search(
            [("company_id", "in", self.env.user._get_company_ids()), ("state", "!=", "new")]
        )
        return [
            {
                "id": ledger.id,
                "name": ledger.name,
                "vendor": ledger.vendor,
                "environment": ledger.environment,
                "state": ledger.state,
            }
            for ledger in ledgers
        ]

    # === RIGHTS AND LEASE === #

    def _check_sync_rights(self):
        """A lease hands out an access token, which no person may read: managers are refused too."""
        if not (self.env.su or self.env.user.has_group("odoo_dunning.group_sync_bot")):
            raise AccessError(self.env._("Only a ledger sync worker may do this."))

    def _sync_access(self):
        """Return this ledger for work as the system, once the user's rights are checked: a worker has no others."""
        self._check_sync_rights()
        self.ensure_one()
        ledger = self.sudo().exists()
        if not ledger or not (self.env.su or ledger.company_id.id in self.env.user._get_company_ids()):
            raise AccessError(self.env._("There is no such ledger in the companies of this user."))
        return ledger.with_company(ledger.company_id)

    def _sync_blocked(self):
        """Return why this ledger cannot be synced now, or ""."""
        if not self.active:
            return self.env._("%(ledger)s is archived.", ledger=self.name)
        if self.state == "connected" and self.organisation_ref:
            return ""
        if self.state == "reconnect":
            return self.state_reason or self.env._("%(ledger)s has to be connected again.", ledger=self.name)
        if self.state == "paused":
            return self.env._("%(ledger)s is paused.", ledger=self.name)
        return self.env._("%(ledger)s is not connected yet.", ledger=self.name)

    def _sync_busy(self, runner):
        """Lock the row, then return the busy answer naming who holds it, or None when it is free."""
        if not self.try_lock_for_update(allow_referencing=True):
            return {"busy": True, "until": _iso(_in_seconds(BUSY_RETRY_S)), "runner": self.lease_runner or ""}
        now = fields.Datetime.now()
        if self.wait_until and self.wait_until > now:
            return {"busy": True, "until": _iso(self.wait_until), "runner": self._vendor_label()}
        if self.lease_key and self.lease_until > now and self.lease_runner != runner:
            return {"busy": True, "until": _iso(self.lease_until), "runner": self.lease_runner}
        return None

    def _lease_to(self, runner, seconds):
        lost = self.sync_ids.filtered(lambda one: one.outcome == "running")
        lost.write({"outcome": "lost", "ended_at": fields.Datetime.now()})
        self.write(
            {
                "lease_key": token_urlsafe(24),
                "lease_runner": runner,
                "lease_until": _in_seconds(seconds),
                "wait_until": False,
            }
        )
        self.env["dunning.ledger.sync"].create({"ledger_id": self.id, "runner": runner})

    def _check_lease(self, lease):
        """The lease counts until somebody else takes it, even past its time: what was read is still good."""
        if not lease or lease != self.lease_key:
            raise LeaseLost(
                self.env._(
                    "%(ledger)s is being synchronised by %(runner)s.",
                    ledger=self.name,
                    runner=self.lease_runner or self.env._("nobody any more"),
                )
            )
        return self

    def _extend_lease(self):
        """Move the end on when less than half of a minimum lease is left; an idle pass writes nothing."""
        if self.lease_until < _in_seconds(LEAST_LEASE_S * 2):
            self.lease_until = _in_seconds(LEAST_LEASE_S * 10)

    def _note(self, text):
        """Something a person should know of what was taken in: on the pass, or in the history between passes."""
        current = self._current_pass()
        if current:
            current._add_note(text)
        else:
            self.message_post(body=text)

    def _current_pass(self):
        return self.env["dunning.ledger.sync"].search(
            [("ledger_id", "=", self.id), ("outcome", "=", "running")], limit=1
        )

    # === WHAT A RUNNER IS TOLD === #

    def _sync_options(self):
        """Further wishes for the pass: the overlap, write-back switches, records to read again by id."""
        return {
            "write_notes": False,
            "removal_share_pct": self.removal_share_pct,
            "removal_confirmed": self.removal_confirmed,
            "refetch": self._refetch(),
        }

    def _refetch(self):
        """Records to read again by id: set aside ones and those a webhook named."""
        hinted = self.env["dunning.ledger.event"]._tell(self)
        return [{"entity": event.entity, "external_id": event.external_id} for event in hinted]

    # === CLOSING === #

    def _close_pass(self, outcome, counts, message, resume_at, held_count):
        now = fields.Datetime.now()
        current = self._current_pass()
        current.write(
            {
                "outcome": outcome if outcome in ("done", "failed", "reconnect", "later") else "failed",
                "ended_at": now,
                "message": message,
                "counts": counts,
                "resume_at": resume_at,
            }
        )
        vals = {
            "lease_closed_key": self.lease_key,
            "lease_key": False,
            "lease_runner": False,
            "lease_until": False,
            "wait_until": resume_at if outcome == "later" else False,
            "next_sync_at": resume_at or now + timedelta(minutes=self.sync_interval_minutes),
            "removal_asked": held_count or counts.get("removal_open") or 0,
        }
        if counts.get("quota"):
            vals["quota"] = counts["quota"]
        if outcome == "done":
            # What changed while it was read may be missing: the data is as old as the pass's beginning.
            vals |= {"last_good_sync_at": current.started_at or now, "removal_confirmed": 0}
            if self.env["dunning.ledger.event"]._forget(self, self.lease_key):
                # Noted while it was read, or more than it was told of: not left for an interval.
                vals["next_sync_at"] = now
                self.env.ref("odoo_dunning.ir_cron_ledger_sync")._trigger()
        self.write(vals)
        if current.stored_count:
            self._refresh_accounts()
        if outcome == "reconnect":
            self._need_reconnect(message)
        elif outcome == "failed":
            self._alert_failure(message)

    def _refresh_accounts(self):
        """Bring the figures of the worklist up to date with the receivables."""
        account_totals.refresh(self.env, self.company_id)

    def _alert_failure(self, message):
        """Tell the responsible person of the first failure after a good pass; the pass log has the rest."""
        summary = self.env._("%(ledger)s: the last pass failed", ledger=self.name)
        if summary not in self.activity_ids.mapped("summary"):
            self._alert(summary, message)


def _clamp(seconds):
    return max(LEAST_LEASE_S, min(int(seconds), LONGEST_LEASE_S))


def _in_seconds(seconds):
    return fields.Datetime.now() + timedelta(seconds=seconds)


def _iso(instant):
    """Naive UTC as ISO 8601 with `Z`."""
    return instant.isoformat() + "Z" if instant else None


def _naive(text):
    """ISO 8601 text as naive UTC, or False."""
    if not text:
        return False
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return instant.astimezone(timezone.utc).replace(tzinfo=None) if instant.tzinfo else instant


def _positive(amount):
    """The unsigned amount as the ledger states it."""
    return str(abs(Decimal(amount))) if amount is not None else "0"

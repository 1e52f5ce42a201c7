import hashlib
import time
from datetime import date, timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.fields import Domain

from .. import lib

_logger = lib.part("redact").logger(__name__)

# Waits after a failed attempt; after the last one it is a person's turn.
RETRY_AFTER = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(days=1),
)
LONGEST_SLEEP_S = 20
# What a field that is not as it should be can raise: at the ledger, or here.
ORDINARY_FAULTS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
KEPT_DAYS = 365
_COLUMNS = (
    "ledger_id",
    "company_id",
    "kind",
    "key",
    "external_id",
    "item_id",
    "notice_id",
    "promise_id",
    "hold_id",
    "invoice_write_id",
    "payload",
)
# Money, and documents that stand for it: their rows stay.
KEPT_KINDS = ("payment", "charge_invoice", "charge_credit")


class DunningLedgerWrite(models.Model):
    """Something to be written to a ledger, once: the outbox towards the books of record.

    A row is committed with what caused it. Each attempt first looks whether an earlier one arrived, so that it stands
    at the vendor once, even when an answer was lost or this process died after sending.
    """

    _name = "dunning.ledger.write"
    _description = "Write to a ledger"
    _order = "id desc"

    ledger_id = fields.Many2one("dunning.ledger", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    kind = fields.Selection(
        [("note", "Note on the invoice"), ("expected_date", "Expected payment date"), ("payment", "Payment")],
        required=True,
        readonly=True,
    )
    key = fields.Char(
        required=True,
        readonly=True,
        help="What makes it the same write, however often it is asked for.",
        string="Key of the write",
    )
    external_id = fields.Char(string="Invoice at the source", required=True, readonly=True)
    item_id = fields.Many2one(
        "dunning.item", string="Receivable", readonly=True, index="btree_not_null", ondelete="set null"
    )
    account_id = fields.Many2one(related="item_id.account_id")
    notice_id = fields.Many2one(
        "dunning.notice", string="Message", readonly=True, index="btree_not_null", ondelete="set null"
    )
    promise_id = fields.Many2one(
        "dunning.promise", readonly=True, index="btree_not_null", ondelete="set null"
    )
    hold_id = fields.Many2one("dunning.hold", readonly=True, index="btree_not_null", ondelete="set null")
    payload = fields.Json(
        readonly=True,
        required=True,
        help="What is written: text, day, amount as text.",
        string="What is written",
    )
    content = fields.Char(string="What", compute="_compute_content")
    state = fields.Selection(
        [("waiting", "Waiting"), ("done", "Written"), ("failed", "Failed"), ("skipped", "Not written")],
        required=True,
        readonly=True,
        default="waiting",
    )
    attempts = fields.Integer(readonly=True)
    next_try_at = fields.Datetime(readonly=True, string="Tried again on")
    cause = fields.Char(readonly=True, help="Why it was not written, or not yet.")
    done_at = fields.Datetime(string="Written at", readonly=True)
    remote_ref = fields.Char(string="Id there", readonly=True)

    _key_uniq = models.Constraint("UNIQUE (key)", "This is written already.")
    _waiting = models.Index("(ledger_id, id) WHERE state = 'waiting'")

    @api.depends("kind", "external_id")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for row in self:
            row.display_name = f"{kinds[row.kind]} · {row.item_id.number or row.external_id}"

    @api.depends("payload")
    def _compute_content(self):
        for row in self:
            payload = row.payload or {}
            amount = " ".join(filter(None, (payload.get("amount"), payload.get("currency"))))
            row.content = ", ".join(
                filter(None, (payload.get("text"), amount, payload.get("day"), payload.get("reference")))
            )

    # === ASK === #

    @api.model
    def _ask(self, vals_list):
        """Queue writes; those whose key is known already are not queued again, by whoever they were asked for."""
        if not vals_list:
            return
        self.flush_model()
        now = fields.Datetime.now()
        to_column = self._fields["payload"].convert_to_column
        rows = []
        for vals in vals_list:
            company_id = self.env["dunning.ledger"].browse(vals["ledger_id"]).company_id.id
            vals = {**vals, "company_id": company_id, "payload": to_column(vals["payload"], self)}
            rows.append(
                (*(vals.get(column) or None for column in _COLUMNS), self.env.uid, now, self.env.uid, now)
            )
        self.env.cr.execute_values(
            f"""
            INSERT INTO dunning_ledger_write ({", ".join(_COLUMNS)}, create_uid, create_date, write_uid, write_date,
                                              state, attempts)
                 VALUES %s ON CONFLICT (key) DO NOTHING
            """,
            rows,
            template=f"({', '.join(['%s'] * len(rows[0]))}, 'waiting', 0)",
        )
        self.invalidate_model()
        self.env.ref("odoo_dunning.ir_cron_ledger_write").sudo()._trigger()

    def _wire_key(self):
        """How the write is known at the vendor: the same at each attempt, another one in each database."""
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        return "odoo-" + hashlib.sha256(f"{database}/{self.key}".encode()).hexdigest()[:16]

    # === WORK === #

    @api.model
    def _cron_write(self):
        """Scheduled: write what waits, ledger by ledger, committing after each. Safe to run twice at once."""
        commit = self.env["ir.cron"]._commit_progress
        if not commit(remaining=self.search_count(self._due())):
            return
        for [ledger] in self._read_group(self._due(), ["ledger_id"]):
            if not self._write_to(ledger, commit):
                return

    @api.model
    def _due(self):
        now = fields.Datetime.now()
        return (
            Domain("state", "=", "waiting")
            & Domain("ledger_id.state", "=", "connected")
            & (Domain("next_try_at", "=", False) | Domain("next_try_at", "<=", now))
        )

    def _write_to(self, ledger, commit):
        """Write what waits for one ledger. Return whether there is time left for another one."""
        errors = lib.part("errors")
        try:
            client = ledger._open_client(sleep=_short_sleep)
        except errors.ConnectorError as error:
            self._rest(ledger, error)
            return bool(commit())
        while row := self._next(ledger):
            goes_on = row._attempt(client)
            if not commit(1):
                return False
            if not goes_on:
                return True
        return True

    def _next(self, ledger):
        due = self.search(self._due() & Domain("ledger_id", "=", ledger.id), order="id", limit=20)
        return due.try_lock_for_update(limit=1)

    def _attempt(self, client):
        """Write it, or keep why not. Return whether the ledger takes another one now."""
        self.ensure_one()
        errors = lib.part("errors")
        try:
            refusal = self._why_not()
            if refusal:
                self._skip(refusal)
                return True
            self.remote_ref = getattr(self, f"_write_{self.kind}")(
                client, lib.part(f"{self.ledger_id.vendor}.writes")
            )
        except (errors.Retry, errors.Conflict) as error:
            return self._later(error)
        except errors.Reconnect as error:
            self.ledger_id._need_reconnect(error.message)
            self._rest(self.ledger_id, error)
            return False
        except (errors.NotGranted, errors.Gone) as error:
            self._skip(error.message)
        except errors.ConnectorError as error:
            self._give_up(error.message)
        except ORDINARY_FAULTS as fault:
            # One write that cannot be made keeps no other from being made.
            _logger.exception("Write %s to ledger %s could not be made", self.id, self.ledger_id.id)
            self._give_up(
                self.env._(
                    "An unexpected fault (%(fault)s); report it as a defect.", fault=type(fault).__name__
                )
            )
        else:
            self.write(
                {
                    "state": "done",
                    "done_at": fields.Datetime.now(),
                    "cause": False,
                    "attempts": self.attempts + 1,
                }
            )
            self._done()
        return True

    def _write_note(self, client, writes):
        writes.note_on_invoice(client, self.external_id, self.payload["text"], self._wire_key())

    def _write_expected_date(self, client, writes):
        payload, key = self.payload, self._wire_key()
        if "ours" in payload:
            ours = frozenset(map(date.fromisoformat, payload["ours"]))
            restored = date.fromisoformat(payload["day"]) if payload["day"] else None
            writes.end_expected_payment_date(client, self.external_id, ours, restored, key)
            return
        before = writes.set_expected_payment_date(
            client, self.external_id, date.fromisoformat(payload["day"]), key
        )
        self.payload = {**payload, "before": before.isoformat() if before else ""}

    def _write_payment(self, client, writes):
        payload = self.payload
        return writes.record_payment(
            client,
            self.external_id,
            Decimal(payload["amount"]),
            date.fromisoformat(payload["day"]),
            payload["account"],
            payload["reference"],
            self._wire_key(),
        )

    def _why_not(self):
        """Why it is not to be written any more, or an empty string."""
        ledger = self.ledger_id
        switched_off = self._switched_off()
        if switched_off:
            return switched_off
        if self.kind == "note" and self.notice_id.state == "undone" and not self.payload.get("after_undo"):
            return self.env._("The message was taken back before the note was written.")
        is_day = self.kind == "expected_date" and "ours" not in self.payload
        if is_day and self.promise_id.state == "cancelled":
            return self.env._("The promise was cancelled.")
        missing = ledger._missing_permission(self.kind)
        if missing:
            return self.env._(
                "%(vendor)s did not grant the permission %(missing)s. Connect again and grant it.",
                vendor=ledger._vendor_label(),
                missing=missing,
            )
        return ""

    def _switched_off(self):
        """Words for it when the connection does not say to write this any more, or an empty string."""
        return "" if self.ledger_id._writes(self.kind) else self.env._("Switched off on the connection.")

    # === OUTCOME === #

    def _done(self):
        """Have the invoice read again, so that it shows here what was written there."""
        if self.kind == "payment":
            self._read_again(self.external_id)

    def _read_again(self, invoice_ref):
        self.env["dunning.ledger.event"]._note(self.ledger_id, [("invoice", invoice_ref)])
        self.ledger_id._sync_soon()

    def _later(self, error):
        """Try again later. Return whether the ledger is worth another call now: a changed record is, a limit is not."""
        attempts = self.attempts + 1
        if attempts > len(RETRY_AFTER):
            self._give_up(error.message)
            return True
        after_seconds = getattr(error, "after_seconds", 0)
        wait = max(RETRY_AFTER[attempts - 1], timedelta(seconds=after_seconds))
        self.write(
            {"attempts": attempts, "cause": error.message, "next_try_at": fields.Datetime.now() + wait}
        )
        if after_seconds:
            self._rest(self.ledger_id, error)
        return not after_seconds

    def _rest(self, ledger, error):
        """Nothing more is asked of this ledger for a while; what waits keeps its number of attempts."""
        after_seconds = max(60, min(getattr(error, "after_seconds", 900), 86_400))
        rows = self.search(self._due() & Domain("ledger_id", "=", ledger.id))
        rows.write(
            {"next_try_at": fields.Datetime.now() + timedelta(seconds=after_seconds), "cause": error.message}
        )

    def _skip(self, cause):
        self.write({"state": "skipped", "cause": cause, "attempts": self.attempts + 1})
        self._tell(cause)

    def _give_up(self, cause):
        self.write({"state": "failed", "cause": cause, "attempts": self.attempts + 1})
        self._tell(cause)

    def _tell(self, cause):
        """Money that was not recorded is a person's business at once, and dunning must not wait for it; of the rest,
        the responsible person is told once."""
        ledger = self.ledger_id
        if self.kind == "payment":
            self.hold_id.active = False
            self.item_id.account_id._ask_person(
                self.env._("Payment not recorded in %(vendor)s", vendor=ledger._vendor_label()),
                self.env._("%(what)s: %(cause)s", what=self.display_name, cause=cause),
            )
        if self.state == "failed" and self.kind != "payment":
            summary = self.env._("%(ledger)s: not everything could be written", ledger=ledger.name)
            if summary not in ledger.activity_ids.mapped("summary"):
                ledger._alert(summary, cause)

    def action_retry(self):
        """Try these once more, now."""
        self.ledger_id.check_access("write")
        rows = self.sudo().filtered(lambda one: one.state in ("failed", "skipped", "waiting"))
        rows.write({"state": "waiting", "attempts": 0, "next_try_at": False, "cause": False})
        self.env.ref("odoo_dunning.ir_cron_ledger_write").sudo()._trigger()
        return True

    def action_skip(self):
        """Do not write these any more."""
        self.ledger_id.check_access("write")
        for row in self.sudo().filtered(lambda one: one.state in ("failed", "waiting")):
            row.write(
                {"state": "skipped", "cause": self.env._("Left out by %(user)s.", user=self.env.user.name)}
            )
            row.hold_id.active = False
        return True

    @api.autovacuum
    def _gc_old(self):
        """Payments and invoices of charges are kept; the rest is a year old and stands at the vendor."""
        limit = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search(
            [("kind", "not in", KEPT_KINDS), ("state", "!=", "waiting"), ("write_date", "<", limit)],
            limit=10_000,
        ).unlink()


def _short_sleep(seconds):
    """A scheduled action does not sit out a limit: it comes back."""
    if seconds > LONGEST_SLEEP_S:
        raise lib.part("errors").Retry("The ledger's call limit lets no more through for now.", seconds)
    time.sleep(seconds)

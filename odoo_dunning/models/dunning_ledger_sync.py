from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_datetime

KEPT_DAYS = 90


class DunningLedgerSync(models.Model):
    """One pass over a ledger: what it brought and how it ended."""

    _name = "dunning.ledger.sync"
    _description = "Pass over a ledger"
    _order = "id desc"
    _rec_name = "ledger_id"

    ledger_id = fields.Many2one(
        "dunning.ledger", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    runner = fields.Char(string="Run by", readonly=True)
    started_at = fields.Datetime(readonly=True, required=True, default=fields.Datetime.now, string="Started")
    ended_at = fields.Datetime(readonly=True, string="Ended")
    outcome = fields.Selection(
        [
            ("running", "Running"),
            ("done", "Done"),
            ("failed", "Failed"),
            ("reconnect", "Reconnect needed"),
            ("later", "Continues later"),
            ("lost", "Runner lost"),
        ],
        required=True,
        readonly=True,
        default="running",
    )
    stored_count = fields.Integer(string="Stored", readonly=True)
    unchanged_count = fields.Integer(string="Unchanged", readonly=True)
    stale_count = fields.Integer(string="Older than stored", readonly=True)
    parked_count = fields.Integer(string="Waiting for their customer", readonly=True)
    quarantined_count = fields.Integer(string="Set aside", readonly=True)
    difference_count = fields.Integer(string="Differences", readonly=True)
    counts = fields.Json(
        readonly=True, help="Further figures of the pass: calls, pages, quota.", string="Further figures"
    )
    message = fields.Text(readonly=True)
    note = fields.Text(string="Notes", readonly=True)
    resume_at = fields.Datetime(readonly=True, string="Goes on at")

    @api.depends("ledger_id", "started_at")
    @api.depends_context("tz", "lang")
    def _compute_display_name(self):
        for one in self:
            started = format_datetime(self.env, one.started_at) if one.started_at else ""
            one.display_name = f"{one.ledger_id.display_name} · {started}"

    def _add(self, counts):
        """Add the figures of one delivery."""
        self.ensure_one()
        self.write({name: self[name] + count for name, count in counts.items() if count})

    def _add_note(self, note):
        self.ensure_one()
        if note not in (self.note or ""):
            self.note = f"{self.note}\n{note}" if self.note else note

    @api.autovacuum
    def _gc_old_passes(self):
        limit = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search([("started_at", "<", limit)], limit=10_000).unlink()

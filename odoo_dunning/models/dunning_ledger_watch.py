from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

HARD_END_WARNING_DAYS = 14


class DunningLedgerWatch(models.Model):
    """What ends some day unless somebody sees to it: consents, and the keys of sync workers."""

    _inherit = "dunning.ledger"

    @api.model
    def _cron_watch_connections(self):
        """Renew idle consents and warn ahead of hard ends. Runs daily."""
        self._warn_of_worker_keys()
        ledgers = self.search(Domain("state", "in", ["connected", "paused"]))
        self.env["ir.cron"]._commit_progress(remaining=len(ledgers))
        for ledger in ledgers:
            ledger._secrets()._keep_alive()
            ledger._warn_of_hard_end()
            if not self.env["ir.cron"]._commit_progress(1):
                break

    @api.model
    def _warn_of_worker_keys(self):
        """Warn of sync workers' API keys that end within the warning time, once per key."""
        now = fields.Datetime.now()
        keys = self.env["res.users.apikeys"].search(
            Domain("user_id.all_group_ids", "in", self.env.ref("odoo_dunning.group_sync_bot").ids)
            & Domain("expiration_date", ">", now)
            & Domain("expiration_date", "<=", now + timedelta(days=HARD_END_WARNING_DAYS))
        )
        for key in keys:
            companies = key.user_id.company_ids
            ledger = self.search([("company_id", "in", companies.ids), ("state", "=", "connected")], limit=1)
            summary = self.env._(
                "API key %(key)s of %(user)s ends on %(day)s",
                key=key.name,
                user=key.user_id.name,
                day=key.expiration_date.date(),
            )
            if ledger and summary not in ledger.activity_ids.mapped("summary"):
                ledger._alert(
                    summary,
                    self.env._(
                        "The sync worker that uses it stops then. Make a new key and give it to the worker."
                    ),
                )

    def _warn_of_hard_end(self):
        end = min(filter(None, [self.hard_end_at, self.refresh_expires_at]), default=None)
        if not end or end > fields.Datetime.now() + timedelta(days=HARD_END_WARNING_DAYS):
            return
        summary = self.env._("%(ledger)s: access ends on %(day)s", ledger=self.name, day=end.date())
        if summary not in self.activity_ids.mapped("summary"):
            self._alert(
                summary,
                self.env._(
                    "%(vendor)s ends this consent on that day. Connect again before.",
                    vendor=self._vendor_label(),
                ),
            )

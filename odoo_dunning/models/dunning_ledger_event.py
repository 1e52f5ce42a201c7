from odoo import api, fields, models


class DunningLedgerEvent(models.Model):
    """A record a webhook named: read it with the next pass. Many notices about one record are one row."""

    _name = "dunning.ledger.event"
    _description = "Record to read from a ledger"
    _log_access = False
    _rec_name = "external_id"

    ledger_id = fields.Many2one("dunning.ledger", required=True, ondelete="cascade")
    entity = fields.Char(required=True, string="Kind at the source")
    external_id = fields.Char(required=True, string="Id at the source")
    noted_at = fields.Datetime(required=True, string="Told at")

    _record_uniq = models.Constraint("UNIQUE (ledger_id, entity, external_id)", "A record waits once.")

    @api.model
    def _note(self, ledger, records):
        """Remember `(entity, external id)` pairs; a pair that already waits is only touched."""
        now = fields.Datetime.now()
        self.env.cr.execute_values(
            """
            INSERT INTO dunning_ledger_event (ledger_id, entity, external_id, noted_at) VALUES %s
            ON CONFLICT (ledger_id, entity, external_id) DO UPDATE SET noted_at = excluded.noted_at
            """,
            [(ledger.id, entity, external_id, now) for entity, external_id in sorted(set(records))],
        )

    @api.model
    def _forget(self, ledger, started_at):
        """A good pass that began at `started_at` has read what was noted before."""
        self.search([("ledger_id", "=", ledger.id), ("noted_at", "<=", started_at)]).unlink()

from odoo import api, fields, models

TOLD_AT_ONCE = 1000


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
    told_lease = fields.Char(
        string="Told to pass", help="The pass that was told of it; none once it is noted again."
    )

    _record_uniq = models.Constraint("UNIQUE (ledger_id, entity, external_id)", "A record waits once.")

    @api.model
    def _note(self, ledger, records):
        """Remember `(entity, external id)` pairs; a pair that already waits is only touched."""
        now = fields.Datetime.now()
        self.env.cr.execute_values(
            """
            INSERT INTO dunning_ledger_event (ledger_id, entity, external_id, noted_at) VALUES %s
            ON CONFLICT (ledger_id, entity, external_id) DO UPDATE
                    SET noted_at = excluded.noted_at, told_lease = NULL
            """,
            [(ledger.id, entity, external_id, now) for entity, external_id in sorted(set(records))],
        )

    @api.model
    def _tell(self, ledger):
        """Return what waits, for the pass that has just been given the lease; the oldest first, when there is much."""
        events = self.search([("ledger_id", "=", ledger.id)], order="noted_at, id", limit=TOLD_AT_ONCE)
        events.write({"told_lease": ledger.lease_key})
        return events

    @api.model
    def _forget(self, ledger, lease):
        """A good pass has read what it was told. Return whether more waits, noted meanwhile."""
        mine = [("ledger_id", "=", ledger.id)]
        self.search([*mine, ("told_lease", "=", lease)]).unlink()
        return bool(self.search_count(mine, limit=1))

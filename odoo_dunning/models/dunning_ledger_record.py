from odoo import fields, models


class DunningLedgerRecord(models.Model):
    """Which version of each record of a ledger was taken in last: what makes a replay a no-op.

    One row per record at the source, whatever became of it here. Written in bulk by `dunning_ledger_ingest`.
    """

    _name = "dunning.ledger.record"
    _description = "Version of a ledger record"
    _log_access = False
    _rec_name = "external_id"

    ledger_id = fields.Many2one("dunning.ledger", required=True, ondelete="cascade")
    entity = fields.Char(
        required=True, help="customer, invoice, credit or payment", string="Kind at the source"
    )
    external_id = fields.Char(required=True, string="Id at the source")
    customer_ref = fields.Char(help="Id of the customer at the source.", string="Customer id at the source")
    updated_at = fields.Datetime(required=True, string="As of")
    content_hash = fields.Char(required=True, string="Fingerprint of the source")
    state = fields.Selection(
        [
            ("live", "Live"),
            ("parked", "Waits for its customer"),
            ("held", "Removal to confirm"),
            ("gone", "Gone"),
        ],
        required=True,
    )
    removed_at = fields.Datetime(help="Of a removal that waits for a person's word.", string="Gone since")
    currency_id = fields.Many2one("res.currency", ondelete="restrict")
    amount_open = fields.Monetary(
        help="At the source; credits and unapplied money are negative.", string="Open"
    )
    rate = fields.Float(
        digits=0,
        help="Units of the document's currency for one of the ledger's home currency.",
        string="Exchange rate",
    )

    _record_uniq = models.Constraint(
        "UNIQUE (ledger_id, entity, external_id)", "A record of a ledger has one version here."
    )
    # Not ledger first: a ledger that is new to the statistics looks as if it had one record, any index that begins with
    # it looks as good as the unique one, and each look-up by id would read the ledger's every record.
    _by_customer = models.Index("(customer_ref, ledger_id)")
    _held = models.Index("(ledger_id) WHERE state = 'held'")

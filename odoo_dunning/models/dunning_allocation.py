from odoo import fields, models


class DunningAllocation(models.Model):
    """A payment or credit set against an invoice of a ledger: which amount, on which day.

    Kept for interest by segment and for judging promises. `amount` is positive, in the invoice's currency. Rows of
    one reporting record are replaced as a set, so an allocation removed at the source disappears here.
    """

    _name = "dunning.allocation"
    _description = "Payment or credit against a receivable"
    _log_access = False
    _order = "date, id"

    ledger_id = fields.Many2one("dunning.ledger", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    item_id = fields.Many2one(
        "dunning.item",
        readonly=True,
        ondelete="cascade",
        index="btree_not_null",
        help="First installment of the invoice; empty until the invoice is known.",
        string="Receivable",
    )
    carrier_entity = fields.Char(
        required=True, readonly=True, help="Kind of the record that reported it.", string="Reported by"
    )
    carrier_ref = fields.Char(required=True, readonly=True, string="Id of what reported it")
    kind = fields.Selection([("payment", "Payment"), ("credit", "Credit")], required=True, readonly=True)
    source_ref = fields.Char(
        required=True,
        readonly=True,
        help="Id of the payment or credit at the source.",
        string="Id of the payment or credit",
    )
    invoice_ref = fields.Char(
        required=True, readonly=True, help="Id of the invoice at the source.", string="Id of the invoice"
    )
    date = fields.Date(readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True, ondelete="restrict")
    amount = fields.Monetary(readonly=True)

    _allocation_uniq = models.UniqueIndex(
        "(ledger_id, carrier_entity, carrier_ref, kind, source_ref, invoice_ref, (COALESCE(date, '-infinity'::date)))"
    )
    _unlinked = models.Index("(ledger_id, invoice_ref) WHERE item_id IS NULL")

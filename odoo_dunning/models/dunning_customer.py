from odoo import fields, models


class DunningCustomer(models.Model):
    """Binding of a ledger's customer to a contact in Odoo. Written by `dunning_ledger_customers`."""

    _name = "dunning.customer"
    _description = "Customer of a ledger"
    _order = "name, id"

    ledger_id = fields.Many2one("dunning.ledger", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    external_id = fields.Char(string="Id at the source", required=True, readonly=True)
    name = fields.Char(readonly=True)
    is_active_at_source = fields.Boolean(string="Active at the source", readonly=True)
    partner_id = fields.Many2one(
        "res.partner", string="Contact", readonly=True, index=True, ondelete="restrict"
    )
    debtor_partner_id = fields.Many2one(
        "res.partner",
        string="Debtor",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The contact, or the one it was merged into at the source.",
    )
    payer_partner_id = fields.Many2one(
        "res.partner",
        string="Billed to",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The debtor, or the parent who is billed for it.",
    )
    parent_ref = fields.Char(string="Parent at the source", readonly=True)
    bill_with_parent = fields.Boolean(readonly=True, string="Billed with its parent")
    merged_into_ref = fields.Char(string="Merged into", readonly=True)
    reported_balances = fields.Json(
        readonly=True,
        help="Open receivables per currency as the ledger states them.",
        string="Balances the ledger states",
    )
    source_values = fields.Json(
        readonly=True,
        help="What the ledger last wrote into the contact: fields that differ since were edited here.",
        string="Last written by the ledger",
    )
    source_contacts = fields.Json(
        readonly=True,
        help="Contacts the ledger made of the customer's people, and what it last wrote into them.",
        string="Contact persons at the source",
    )

    _external_uniq = models.Constraint(
        "UNIQUE (ledger_id, external_id)", "A customer of a ledger is bound to one contact."
    )
    _by_parent = models.Index("(ledger_id, parent_ref) WHERE parent_ref IS NOT NULL")
    _by_merge = models.Index("(ledger_id, merged_into_ref) WHERE merged_into_ref IS NOT NULL")

from odoo import fields, models


class DunningLedger(models.Model):
    """Where charges on the invoices of a ledger are booked."""

    _inherit = "dunning.ledger"

    charge_booking = fields.Selection(
        [("odoo", "In Odoo's books"), ("none", "Nowhere")],
        string="Book charges",
        default="odoo",
        required=True,
        help="Odoo's books: a customer invoice of the charges alone, at the company's moment for it. Nowhere: charges "
        "are announced to the customer and listed here, and booked by hand in the ledger.",
    )

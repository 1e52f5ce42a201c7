from odoo import fields, models


class DunningLevel(models.Model):
    _inherit = "dunning.level"

    attach_invoices = fields.Boolean(
        string="Attach the invoices",
        help="The PDF of each invoice goes with the email: Odoo's own, or the one of the ledger it was written in.",
    )

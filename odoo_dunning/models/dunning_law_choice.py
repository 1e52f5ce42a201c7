from odoo import api, fields, models

from ..engine import law_choice
from ..law_files import read_shipped
from .dunning_law_row import DEBTOR_TYPES, STATUSES


class DunningLawChoice(models.Model):
    """Whose law governs a claim. The most precise row wins; a law set on the customer or policy goes before all."""

    _name = "dunning.law.choice"
    _description = "Choice of law"
    _order = "key"
    _rec_name = "key"

    key = fields.Char(required=True, copy=False)
    seller_country = fields.Char(
        required=True, default="*", help="ISO code, or * for any.", string="Seller's country"
    )
    customer_country = fields.Char(required=True, default="*", string="Customer's country")
    debtor_type = fields.Selection(
        [("*", "All"), *DEBTOR_TYPES],
        required=True,
        default="*",
        string="Kind of customer",
    )
    law = fields.Char(
        required=True, help="“seller”, “customer”, or a jurisdiction such as DE.", string="Whose law"
    )
    source = fields.Char()
    verified_on = fields.Date(string="Checked on")
    status = fields.Selection(
        [*STATUSES, ("activated", "Activated")],
        required=True,
        default="draft",
    )
    note = fields.Char()
    is_edited = fields.Boolean(readonly=True, copy=False, string="Changed here")

    _key_uniq = models.Constraint("unique(key)", "Two choices of law cannot have the same key.")

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write({"is_edited": True, **vals})

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    def _as_engine(self):
        return tuple(
            law_choice.ChoiceRow(
                row.key, row.seller_country, row.customer_country, row.debtor_type, row.law, row.source or "",
                str(row.verified_on or ""), row.status, row.note or "",
            )
            for row in self
        )  # fmt: skip

    @api.model
    def _load_shipped(self):
        known = {row.key: row for row in self.search([])}
        for cells in read_shipped("law_choice"):
            values = {name: cells[name].strip() or False for name in law_choice.COLUMNS if name != "id"}
            row = known.get(cells["id"])
            if row is None:
                self.create({"key": cells["id"], **values})
            elif not row.is_edited:
                row.write({**values, "is_edited": False})

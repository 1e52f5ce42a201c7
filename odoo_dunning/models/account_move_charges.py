from odoo import fields, models


class AccountMove(models.Model):
    """Debit documents of charges are known by their key: they are never dunned, so that no charge bears a charge."""

    _inherit = "account.move"

    dunning_charge_key = fields.Char(
        readonly=True,
        copy=False,
        prefetch=False,
        help="Which charges it books; no second one does.",
        string="Charges booked (key)",
    )
    dunning_charge_ids = fields.One2many(
        "dunning.charge", "move_id", groups="odoo_dunning.group_user", string="Dunning charges"
    )

    _dunning_charge_key_uniq = models.UniqueIndex(
        "(dunning_charge_key) WHERE dunning_charge_key IS NOT NULL", "These charges are booked already."
    )

    def _dunning_charges(self):
        """The charges this document books."""
        self.ensure_one()
        return self.sudo().dunning_charge_ids

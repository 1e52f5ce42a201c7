from odoo import fields, models


class DunningLawActivate(models.TransientModel):
    """Asks where a draft was checked before it applies."""

    _name = "dunning.law.activate"
    _description = "Activate law rows"

    row_ids = fields.Many2many("dunning.law.row", string="Rows")
    note = fields.Char(
        required=True, help="Statute, page or person, and the day.", string="Where it was checked"
    )

    def action_confirm(self):
        """From now on they apply."""
        self.ensure_one()
        self.row_ids.action_activate(note=self.note)
        return {"type": "ir.actions.act_window_close"}

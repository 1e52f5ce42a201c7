from odoo import api, fields, models
from odoo.exceptions import UserError


class DunningLedgerOrganisation(models.TransientModel):
    """Choice among the organisations one consent reaches."""

    _name = "dunning.ledger.organisation"
    _description = "Choose the organisation of a ledger"

    ledger_id = fields.Many2one("dunning.ledger", required=True, ondelete="cascade")
    organisation = fields.Selection(selection="_selection_organisation", required=True)

    @api.model
    def _selection_organisation(self):
        ledger = self.env["dunning.ledger"].browse(self.env.context.get("default_ledger_id"))
        return [(one["ref"], one["name"]) for one in ledger.sudo().organisation_choices or []]

    def action_choose(self):
        """Tie the connection to the chosen organisation."""
        self.ensure_one()
        self.ledger_id.check_access("write")
        offered = {one["ref"]: one["name"] for one in self.ledger_id.sudo().organisation_choices or []}
        if self.organisation not in offered:
            raise UserError(
                self.env._("This organisation is not among those you gave access to. Connect again.")
            )
        self.ledger_id._tie(self.organisation, offered[self.organisation])

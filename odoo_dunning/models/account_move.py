from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    dunning_item_ids = fields.One2many("dunning.item", compute="_compute_dunning_item_ids", string="Receivables in Collections")

    def _compute_dunning_item_ids(self):
        items = self.env["dunning.item"].search([("move_line_id.move_id", "in", self.ids)])
        by_move = items.grouped("move_id")
        for move in self:
            move.dunning_item_ids = by_move.get(move, items.browse())

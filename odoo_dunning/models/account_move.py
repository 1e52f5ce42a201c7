from odoo import api, fields, models


class AccountMove(models.Model):
    """What Collections knows of an invoice, and when the invoice itself was mailed."""

    _inherit = "account.move"

    dunning_item_ids = fields.One2many(
        "dunning.item",
        compute="_compute_dunning_item_ids",
        groups="odoo_dunning.group_user",
        string="Receivables in Collections",
    )
    dunning_level_id = fields.Many2one(
        "dunning.level",
        compute="_compute_dunning_level_id",
        groups="odoo_dunning.group_user",
        string="Collections level",
    )
    dunning_item_count = fields.Integer(
        compute="_compute_dunning_level_id",
        groups="odoo_dunning.group_user",
        string="Number of receivables in Collections",
    )
    dunning_mailed_date = fields.Date(
        readonly=True,
        copy=False,
        prefetch=False,
        help="Last day it went to the customer by e-mail, by the company's clock.",
        string="Invoice mailed on",
    )

    # Invoices are found by number as a foreign ledger writes it (`ingest.matching`), with every delivery.
    _dunning_plain_name = models.Index(
        "(regexp_replace(upper(name), '[^A-Z0-9]', '', 'g')) WHERE state = 'posted' AND move_type = 'out_invoice'"
    )
    _dunning_plain_reference = models.Index(
        "(regexp_replace(upper(payment_reference), '[^A-Z0-9]', '', 'g'))"
        " WHERE state = 'posted' AND move_type = 'out_invoice'"
    )

    def _compute_dunning_item_ids(self):
        items = self.env["dunning.item"].search([("move_line_id.move_id", "in", self.ids)])
        by_move = items.grouped("move_id")
        for move in self:
            move.dunning_item_ids = by_move.get(move, items.browse())

    @api.depends("dunning_item_ids")
    def _compute_dunning_level_id(self):
        for move in self:
            move.dunning_item_count = len(move.dunning_item_ids)
            move.dunning_level_id = move.dunning_item_ids.level_id.sorted("rank")[-1:]

    def action_open_dunning_items(self):
        """What Collections knows of this invoice: level, decisions, messages."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("odoo_dunning.dunning_item_action")
        items = self.dunning_item_ids
        if len(items) == 1:
            return {**action, "res_id": items.id, "views": [(False, "form")], "view_mode": "form"}
        return {**action, "domain": [("id", "in", items.ids)], "context": {}}

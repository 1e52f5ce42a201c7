from odoo import fields, models


class DunningRunLine(models.Model):
    """The answer a run gave for one open item: in a message at a level, or left alone and why."""

    _name = "dunning.run.line"
    _description = "Line of a dunning run"
    _order = "id"
    _log_access = False
    _rec_name = "item_id"

    run_id = fields.Many2one("dunning.run", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    account_id = fields.Many2one("dunning.account", required=True, readonly=True)
    item_id = fields.Many2one("dunning.item", required=True, readonly=True)
    decision = fields.Selection([("notify", "In a message"), ("leave", "Left alone")], required=True, readonly=True)
    reason_code = fields.Char(required=True, readonly=True)
    reason_args = fields.Json(readonly=True)
    reason = fields.Char(compute="_compute_reason")
    level_id = fields.Many2one("dunning.level", readonly=True)
    level_rank = fields.Integer(readonly=True)
    cycle = fields.Integer(readonly=True)
    notice_id = fields.Many2one("dunning.notice", string="Message", readonly=True)
    claim = fields.Selection(
        [("open", "Taken by an open run"), ("spent", "Sent")],
        readonly=True,
        help="Keeps a second run off the item, and a second message of the same level and cycle for ever.",
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount_open = fields.Monetary(readonly=True)
    prev_level_id = fields.Many2one("dunning.level", readonly=True)
    prev_level_date = fields.Date(readonly=True)
    is_edited = fields.Boolean(readonly=True, help="Changed by a person in the proposal.")
    note = fields.Char()

    # What a person filters and reads in the proposal.
    partner_id = fields.Many2one(related="account_id.partner_id")
    number = fields.Char(related="item_id.number")
    due_date = fields.Date(related="item_id.due_date")
    origin = fields.Selection(related="item_id.origin")

    _run_item_uniq = models.UniqueIndex("(run_id, item_id)")
    _item = models.Index("(item_id)")
    _notice = models.Index("(notice_id) WHERE notice_id IS NOT NULL")
    _one_open_run_uniq = models.UniqueIndex("(item_id) WHERE claim = 'open'")
    _level_cycle_uniq = models.UniqueIndex("(item_id, cycle, level_rank) WHERE claim IS NOT NULL")

    def _compute_reason(self):
        for line in self:
            line.reason = line.reason_code

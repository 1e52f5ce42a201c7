from odoo import fields, models


class DunningItem(models.Model):
    """One receivable, whatever ledger it comes from. Credits and unallocated money are negative."""

    _name = "dunning.item"
    _description = "Receivable"
    _order = "due_date, id"
    _rec_name = "number"

    account_id = fields.Many2one("dunning.account", required=True, readonly=True, ondelete="restrict")
    partner_id = fields.Many2one("res.partner", string="Debtor", readonly=True, index=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    origin = fields.Selection(
        [("odoo", "Odoo"), ("quickbooks", "QuickBooks"), ("xero", "Xero")], required=True, readonly=True, default="odoo"
    )
    ledger_id = fields.Many2one("dunning.ledger", readonly=True, index="btree_not_null", ondelete="restrict")
    move_line_id = fields.Many2one("account.move.line", readonly=True, ondelete="set null")
    move_id = fields.Many2one("account.move", related="move_line_id.move_id", string="Invoice")
    entity = fields.Char(readonly=True, help="Kind of document in the ledger of origin: invoice, credit, payment, journal.")
    external_id = fields.Char(readonly=True)
    installment = fields.Integer(readonly=True)
    kind = fields.Selection(
        [("invoice", "Invoice"), ("credit", "Credit"), ("payment", "Payment")], required=True, readonly=True
    )
    number = fields.Char(readonly=True, index="trigram")
    reference = fields.Char(readonly=True)
    issue_date = fields.Date(readonly=True)
    due_date = fields.Date(readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount_total = fields.Monetary(readonly=True)
    amount_open = fields.Monetary(readonly=True)
    amount_disputed = fields.Monetary(compute="_compute_amount_disputed")
    is_open = fields.Boolean(readonly=True)
    no_followup = fields.Boolean(readonly=True, help="Excluded from follow-up at the source.")
    is_blocked = fields.Boolean(readonly=True, help="Payment of the invoice is blocked in Odoo.")
    is_excluded = fields.Boolean(string="Excluded", help="Left out of every run by hand.")
    source_state = fields.Char(readonly=True)
    link_url = fields.Char(string="Link", readonly=True)
    updated_at = fields.Datetime(readonly=True, help="Version at the source (UTC).")
    content_hash = fields.Char(readonly=True)

    policy_id = fields.Many2one(
        "dunning.policy", string="Policy of this item", check_company=True, index="btree_not_null", ondelete="set null"
    )
    bound_policy_id = fields.Many2one(
        "dunning.policy",
        string="Policy in force",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The policy version this item started its cycle with.",
    )
    level_id = fields.Many2one("dunning.level", string="Level", readonly=True, index="btree_not_null", ondelete="set null")
    level_rank = fields.Integer(readonly=True)
    level_date = fields.Date(readonly=True, help="Day the level was reached, by the company's clock.")
    cycle = fields.Integer(readonly=True, default=1, help="Raised when an item starts again from the first level.")

    run_line_ids = fields.One2many("dunning.run.line", "item_id", string="Decisions")
    dispute_ids = fields.One2many("dunning.dispute", "item_id", string="Disputes")

    _move_line_uniq = models.UniqueIndex("(move_line_id) WHERE move_line_id IS NOT NULL")
    _external_uniq = models.UniqueIndex("(ledger_id, entity, external_id, installment) WHERE ledger_id IS NOT NULL")
    _open_by_account = models.Index("(company_id, account_id) WHERE is_open")
    _by_account = models.Index("(account_id)")
    _open_by_due = models.Index("(company_id, due_date) WHERE is_open")

    def _compute_amount_disputed(self):
        self.amount_disputed = 0

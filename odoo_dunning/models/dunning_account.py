from odoo import api, fields, models


class DunningAccount(models.Model):
    """A customer in a company: the row of the worklist. Items of it are dunned together."""

    _name = "dunning.account"
    _description = "Dunning account"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "amount_overdue desc, id"
    _rec_names_search = ["partner_id"]

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, index=True, ondelete="restrict"
    )
    active = fields.Boolean(default=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    policy_id = fields.Many2one("dunning.policy", string="Policy", check_company=True, index="btree_not_null", tracking=True)
    rule_id = fields.Many2one(
        "dunning.policy.rule", string="Chosen by rule", readonly=True, index="btree_not_null", ondelete="set null"
    )
    user_id = fields.Many2one("res.users", string="Responsible", tracking=True, index="btree_not_null")
    debtor_type = fields.Selection(
        [("business", "Business"), ("consumer", "Consumer"), ("public", "Public body")],
        compute="_compute_debtor_type",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
    )
    is_insolvent = fields.Boolean(string="Insolvent", tracking=True)
    is_legal = fields.Boolean(string="In legal hands", tracking=True)
    is_excluded = fields.Boolean(string="Never contact", tracking=True)
    contact_note = fields.Text(string="Note for callers")

    item_ids = fields.One2many("dunning.item", "account_id", string="Receivables")
    hold_ids = fields.One2many("dunning.hold", "account_id", string="Holds")
    promise_ids = fields.One2many("dunning.promise", "account_id", string="Promises")
    dispute_ids = fields.One2many("dunning.dispute", "account_id", string="Disputes")
    notice_ids = fields.One2many("dunning.notice", "account_id", string="Messages")

    # Refreshed set-based with the items, see _refresh_totals: a compute per account would cost more than the run.
    item_count = fields.Integer(string="Open items", readonly=True)
    amount_open = fields.Monetary(readonly=True, help="In company currency; foreign amounts at today's rate.")
    amount_overdue = fields.Monetary(readonly=True, help="In company currency; foreign amounts at today's rate.")
    oldest_due_date = fields.Date(readonly=True)
    level_rank = fields.Integer(string="Highest level", readonly=True)
    level_id = fields.Many2one("dunning.level", string="Level", readonly=True, index="btree_not_null", ondelete="set null")
    last_contact_date = fields.Date(readonly=True, help="Day of the last automated message of ours, by the company's clock.")
    unmatched_receipts = fields.Integer(
        string="Receipts to match", readonly=True, help="Incoming bank lines of this customer not yet matched."
    )
    next_action = fields.Char(readonly=True)
    next_action_date = fields.Date(readonly=True)
    attention = fields.Selection(
        [
            ("failed", "Message failed"),
            ("uncertain", "Sent or not unknown"),
            ("bounced", "Address bounced"),
            ("no_address", "No address"),
            ("replied", "Customer replied"),
            ("broken", "Promise broken"),
        ],
        readonly=True,
        index="btree_not_null",
    )
    hold_until = fields.Date(compute="_compute_hold_until", search="_search_hold_until")

    _company_partner_uniq = models.Constraint(
        "unique(company_id, partner_id)", "This customer already has an account in this company."
    )
    _worklist = models.Index("(company_id, amount_overdue DESC)")

    @api.depends("partner_id")
    def _compute_debtor_type(self):
        for account in self:
            account.debtor_type = "business" if account.partner_id.is_company else "consumer"

    @api.depends("partner_id")
    def _compute_display_name(self):
        for account in self:
            account.display_name = account.partner_id.display_name

    def _compute_hold_until(self):
        self.hold_until = False

    def _search_hold_until(self, operator, value):
        return NotImplemented

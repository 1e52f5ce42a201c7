from odoo import fields, models


class DunningRun(models.Model):
    """One pass over every open item of a company: proposed, reviewed, approved, sent, and undone if need be."""

    _name = "dunning.run"
    _description = "Dunning run"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"

    name = fields.Char(required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True, default=lambda self: self.env.company
    )
    date = fields.Date(required=True, default=fields.Date.context_today, help="Day the run decides for.")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("proposed", "Proposed"),
            ("approved", "Approved"),
            ("sending", "Sending"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
            ("undone", "Undone"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
    )
    is_automatic = fields.Boolean(readonly=True, copy=False)
    is_proposing = fields.Boolean(readonly=True, copy=False)
    account_count = fields.Integer(string="Customers", readonly=True, copy=False)
    account_done_count = fields.Integer(string="Customers decided", readonly=True, copy=False)
    last_account_id = fields.Integer(readonly=True, copy=False, help="Where the proposal goes on after an interruption.")
    progress_pct = fields.Float(compute="_compute_progress_pct", string="Progress")
    line_count = fields.Integer(string="Items", readonly=True, copy=False)
    notify_count = fields.Integer(string="Items in messages", readonly=True, copy=False)
    notice_count = fields.Integer(string="Messages", readonly=True, copy=False)
    sent_count = fields.Integer(compute="_compute_notice_counts")
    failed_count = fields.Integer(compute="_compute_notice_counts")
    withdrawn_count = fields.Integer(compute="_compute_notice_counts")
    waiting_count = fields.Integer(compute="_compute_notice_counts")
    totals = fields.Json(readonly=True, copy=False, help="Per currency: items and amount in messages and left out.")
    note = fields.Text(copy=False)
    error = fields.Text(readonly=True, copy=False)
    proposed_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    proposed_at = fields.Datetime(readonly=True, copy=False)
    approved_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    approved_at = fields.Datetime(readonly=True, copy=False)
    done_at = fields.Datetime(readonly=True, copy=False)
    line_ids = fields.One2many("dunning.run.line", "run_id", string="Lines", copy=False)
    notice_ids = fields.One2many("dunning.notice", "run_id", string="Messages of the run", copy=False)

    def _compute_progress_pct(self):
        for run in self:
            run.progress_pct = 100.0 * run.account_done_count / run.account_count if run.account_count else 0.0

    def _compute_notice_counts(self):
        self.sent_count = self.failed_count = self.withdrawn_count = self.waiting_count = 0

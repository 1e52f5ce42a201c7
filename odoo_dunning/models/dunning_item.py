from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..bulk import disputes, external, projection, totals
from .conflicts import try_again
from .kept_fields import label_of_kept

# What its ledger says and what was sent for it. Who may exclude a receivable or choose its policy does not write it.
_KEPT = {
    "account_id", "partner_id", "company_id", "origin", "ledger_id", "move_line_id", "entity", "external_id",
    "installment", "kind", "number", "reference", "issue_date", "due_date", "currency_id", "amount_total",
    "amount_open", "is_open", "no_followup", "is_blocked", "mailed_date", "source_state", "link_url", "updated_at",
    "content_hash", "level_id", "level_rank", "level_date", "cycle", "bound_policy_id", "document_id",
    "document_version", "document_error", "pay_link", "pay_link_ends_at", "pay_link_asked_at",
}  # fmt: skip


class DunningItem(models.Model):
    """One receivable, whatever ledger it comes from. Credits and unallocated money are negative."""

    _name = "dunning.item"
    _description = "Receivable"
    _order = "due_date, id"
    _rec_name = "number"

    account_id = fields.Many2one(
        "dunning.account", string="Customer", required=True, readonly=True, ondelete="restrict"
    )
    partner_id = fields.Many2one(
        "res.partner", string="Debtor", readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    origin = fields.Selection(
        [("odoo", "Odoo"), ("quickbooks", "QuickBooks"), ("xero", "Xero")],
        required=True,
        readonly=True,
        default="odoo",
    )
    ledger_id = fields.Many2one("dunning.ledger", readonly=True, index="btree_not_null", ondelete="restrict")
    move_line_id = fields.Many2one(
        "account.move.line", readonly=True, ondelete="set null", string="Journal item"
    )
    move_id = fields.Many2one("account.move", related="move_line_id.move_id", string="Invoice")
    entity = fields.Char(
        readonly=True,
        help="Kind of document in the ledger of origin: invoice, credit, payment, journal.",
        string="Kind at the source",
    )
    external_id = fields.Char(readonly=True, string="Id at the source")
    installment = fields.Integer(readonly=True)
    kind = fields.Selection(
        [("invoice", "Invoice"), ("credit", "Credit"), ("payment", "Payment")], required=True, readonly=True
    )
    number = fields.Char(readonly=True, index="trigram")
    reference = fields.Char(readonly=True)
    issue_date = fields.Date(readonly=True, string="Issued on")
    due_date = fields.Date(readonly=True, string="Due date")
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount_total = fields.Monetary(readonly=True, string="Amount")
    amount_open = fields.Monetary(readonly=True, string="Open")
    amount_disputed = fields.Monetary(compute="_compute_amount_disputed", string="Disputed")
    is_open = fields.Boolean(readonly=True, string="Open item")
    days_overdue = fields.Integer(
        compute="_compute_days_overdue", help="Negative before the due date.", string="Days overdue"
    )
    no_followup = fields.Boolean(
        readonly=True, help="Excluded from follow-up at the source.", string="No follow-up"
    )
    is_blocked = fields.Boolean(
        readonly=True, help="Payment of the invoice is blocked in Odoo.", string="Payment blocked"
    )
    is_excluded = fields.Boolean(string="Excluded", help="Left out of every run by hand.")
    mailed_date = fields.Date(
        readonly=True,
        help="Last day it went to the customer by e-mail, by the company's clock.",
        string="Invoice mailed on",
    )
    source_state = fields.Char(readonly=True, string="State at the source")
    link_url = fields.Char(string="Link", readonly=True)
    updated_at = fields.Datetime(readonly=True, help="Version at the source (UTC).", string="As of")
    content_hash = fields.Char(readonly=True, string="Fingerprint of the source")

    policy_id = fields.Many2one(
        "dunning.policy",
        string="Policy of this item",
        check_company=True,
        index="btree_not_null",
        ondelete="set null",
    )
    bound_policy_id = fields.Many2one(
        "dunning.policy",
        string="Policy in force",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The policy version this item started its cycle with.",
    )
    level_id = fields.Many2one("dunning.level", readonly=True, index="btree_not_null", ondelete="set null")
    level_rank = fields.Integer(readonly=True, string="Level number")
    level_date = fields.Date(
        readonly=True, help="Day the level was reached, by the company's clock.", string="Level reached on"
    )
    cycle = fields.Integer(
        readonly=True,
        default=1,
        help="Raised when an item starts again from the first level.",
        string="Reminder cycle",
    )

    run_line_ids = fields.One2many("dunning.run.line", "item_id", string="Decisions")
    dispute_ids = fields.One2many("dunning.dispute", "item_id", string="Disputes")

    _move_line_uniq = models.UniqueIndex("(move_line_id) WHERE move_line_id IS NOT NULL")
    _external_uniq = models.UniqueIndex(
        "(ledger_id, entity, external_id, installment) WHERE ledger_id IS NOT NULL"
    )
    _open_by_account = models.Index("(company_id, account_id) WHERE is_open")
    _by_account = models.Index("(account_id)")
    # Spelled as the ORM asks: PostgreSQL does not take `is_open IS TRUE` for `is_open`.
    _open_by_due = models.Index("(due_date, id) WHERE is_open IS TRUE")

    @api.depends("number", "currency_id", "amount_open")
    def _compute_display_name(self):
        for item in self:
            item.display_name = item.number or item.external_id or str(item.id)

    @api.depends("dispute_ids.state", "dispute_ids.scope", "dispute_ids.amount", "amount_open")
    def _compute_amount_disputed(self):
        amounts = disputes.amounts(self.env, self.ids) if self.ids else {}
        for item in self:
            item.amount_disputed = min(float(amounts.get(item._origin.id, 0)), item.amount_open)

    @api.depends("due_date")
    def _compute_days_overdue(self):
        for company, items in self.grouped("company_id").items():
            today = company._dunning_today() if company else fields.Date.context_today(self)
            for item in items:
                item.days_overdue = (today - item.due_date).days if item.due_date else 0

    def write(self, vals):
        """A policy chosen for an item that is in a cycle counts from then on: it is no longer bound to the version it
        started with."""
        if label := label_of_kept(self, _KEPT.intersection(vals)):
            raise AccessError(
                self.env._(
                    "“%(field)s” of a receivable follows its ledger or what was sent: it is not written by hand.",
                    field=label,
                )
            )
        if "policy_id" in vals and "bound_policy_id" not in vals:
            vals = {**vals, "bound_policy_id": False}
        return super().write(vals)

    def action_open_source(self):
        """Open the document where it was made: the Odoo invoice, or the page in the ledger of origin."""
        self.ensure_one()
        if self.move_id:
            return {
                "type": "ir.actions.act_window",
                "res_model": "account.move",
                "res_id": self.move_id.id,
                "view_mode": "form",
            }
        if not self.link_url:
            raise UserError(
                self.env._(
                    "%(number)s has no link to its ledger. Look it up there by its number.",
                    number=self.number,
                )
            )
        return {"type": "ir.actions.act_url", "url": self.link_url, "target": "new"}

    def action_start_again(self):
        """Begin a new cycle: the next reminder is that of the first level. What was sent stays in the history."""
        if not self.env.user.has_group("odoo_dunning.group_manager"):
            raise AccessError(self.env._("Only a Collections manager can start receivables again. Ask one."))
        taken = self.env["dunning.run.line"].search(
            [("item_id", "in", self.ids), ("claim", "in", ("open", "queued"))], limit=1
        )
        if taken:
            raise UserError(
                self.env._(
                    "%(item)s is in run %(run)s. Exclude it there, or wait until it was sent.",
                    item=taken.item_id.display_name,
                    run=taken.run_id.name,
                )
            )
        for item in self.filtered("level_rank"):
            level = item.level_id.name
            item.sudo().write(
                {
                    "cycle": item.cycle + 1,
                    "level_id": False,
                    "level_rank": 0,
                    "level_date": False,
                    "bound_policy_id": False,
                }
            )
            item.account_id._message_log(
                body=self.env._(
                    "%(item)s starts again from the first level; it had reached “%(level)s”.",
                    item=item.display_name,
                    level=level,
                )
            )
        self.env.flush_all()
        for company, items in self.grouped("company_id").items():
            totals.refresh(self.env, company, items.account_id.ids)
        return True

    # === UPKEEP === #

    @api.model
    def _refresh(self, companies):
        """Bring the items of Odoo's own receivables, and the figures of all accounts, up to date.

        Set-based; heals what bypassed the ORM; writes nothing where nothing differs.

        :param companies: res.company recordset
        """
        if companies == self.env["res.company"].search([]):
            self.env["dunning.item.change"]._take_all()
        projection.refresh(self.env, companies.ids)
        for company in companies:
            totals.refresh(self.env, company)
        self.env["dunning.charge"]._follow_documents(SQL("move.company_id = ANY(%s)", companies.ids))

    @api.model
    def _refresh_lines(self, line_ids):
        """The same for the items of some journal items, and their accounts."""
        changed = self.env["dunning.account"].browse(projection.refresh_lines(self.env, line_ids))
        for company, accounts in changed.grouped("company_id").items():
            totals.refresh(self.env, company, accounts.ids)
        documents = SQL(
            "move.id IN (SELECT move_id FROM account_move_line WHERE id = ANY(%s))", list(line_ids)
        )
        self.env["dunning.charge"]._follow_documents(documents)

    @api.model
    def _upsert_external(self, vals_list):
        """Store items of external ledgers in bulk and bring their accounts' figures up to date.

        :param vals_list: dicts with the fields of `bulk.external.COLUMNS`; amounts as Decimal or text
        :return: {"inserted", "updated", "unchanged", "stale"}: how many
        :raise ValueError: naming the row and the field
        """
        return external.upsert(self.env, vals_list)

    @api.model
    def _cron_refresh(self):
        """Scheduled: refresh every company, then judge promises."""
        companies = self.env["res.company"].search([])
        for done, company in enumerate(companies, start=1):
            if not try_again(self.env, self._refresh_committing, company, len(companies) - done):
                break

    def _refresh_committing(self, company, left):
        self._refresh(company)
        self.env["dunning.promise"]._judge(company)
        return self.env["ir.cron"]._commit_progress(1, remaining=left)

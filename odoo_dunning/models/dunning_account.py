from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..bulk import recheck


class DunningAccount(models.Model):
    """A customer in a company: the row of the worklist. Items of it are dunned together."""

    _name = "dunning.account"
    _description = "Dunning account"
    _inherit = ["mail.thread", "mail.activity.mixin", "dunning.kept.fields"]
    _order = "amount_overdue desc, id"
    _rec_names_search = ["partner_id"]

    # What its receivables say and what was sent to it. Who may set its policy or exclude it does not write these.
    _kept = {
        "company_id", "partner_id", "rule_id", "item_count", "amount_open", "amount_overdue", "oldest_due_date",
        "level_rank", "level_id", "last_contact_date", "last_contact_run_id", "unmatched_receipts", "attention",
        "days_late_avg", "paid_count",
    }  # fmt: skip
    _said_once = {"company_id", "partner_id"}

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, index=True, ondelete="restrict"
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    policy_id = fields.Many2one("dunning.policy", check_company=True, index="btree_not_null", tracking=True)
    rule_id = fields.Many2one(
        "dunning.policy.rule",
        string="Chosen by rule",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    user_id = fields.Many2one("res.users", string="Responsible", tracking=True, index="btree_not_null")
    debtor_type = fields.Selection(
        [("business", "Business"), ("consumer", "Consumer"), ("public", "Public body")],
        compute="_compute_debtor_type",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
        string="Kind of customer",
    )
    is_insolvent = fields.Boolean(string="Insolvent", tracking=True)
    is_legal = fields.Boolean(string="In legal hands", tracking=True)
    is_excluded = fields.Boolean(string="Never contact", tracking=True)
    contact_note = fields.Text(string="Note for callers")

    item_ids = fields.One2many("dunning.item", "account_id", string="Receivables")
    hold_ids = fields.One2many("dunning.hold", "account_id", string="Holds")
    promise_ids = fields.One2many("dunning.promise", "account_id", string="Promises")
    dispute_ids = fields.One2many("dunning.dispute", "account_id", string="Disputes")
    notice_ids = fields.One2many("dunning.notice", "account_id", string="Messages to the customer")

    # Refreshed set-based with the items, see _refresh_totals: a compute per account would cost more than the run.
    item_count = fields.Integer(string="Open items", readonly=True)
    amount_open = fields.Monetary(
        readonly=True, help="In company currency; foreign amounts at today's rate.", string="Open"
    )
    amount_overdue = fields.Monetary(
        readonly=True, help="In company currency; foreign amounts at today's rate.", string="Overdue"
    )
    oldest_due_date = fields.Date(readonly=True, string="Oldest due date")
    level_rank = fields.Integer(string="Highest level", readonly=True)
    level_id = fields.Many2one("dunning.level", readonly=True, index="btree_not_null", ondelete="set null")
    last_contact_date = fields.Date(
        readonly=True,
        help="Day of the last automated message of ours, by the company's clock.",
        string="Last contact",
    )
    last_contact_run_id = fields.Many2one(
        "dunning.run",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        string="Run of the last contact",
    )
    unmatched_receipts = fields.Integer(
        string="Receipts to match",
        readonly=True,
        help="Incoming bank lines of this customer not yet matched.",
    )
    attention = fields.Selection(
        [
            ("failed", "Message failed"),
            ("uncertain", "Unknown whether sent"),
            ("bounced", "Address bounced"),
            ("no_address", "No address"),
            ("archived", "Contact archived"),
            ("hand_over", "To hand over"),
            ("no_due_date", "No due date"),
            ("replied", "Customer replied"),
            ("broken", "Promise broken"),
        ],
        readonly=True,
        index="btree_not_null",
        string="Needs attention",
    )
    effective_policy_id = fields.Many2one(
        "dunning.policy",
        compute="_compute_effective_policy",
        string="Policy in force",
        help="Set here, by a rule, or the company's.",
    )
    is_on_hold = fields.Boolean(compute="_compute_hold", search="_search_is_on_hold", string="On hold")
    hold_until = fields.Date(compute="_compute_hold", string="On hold until")
    hold_reason = fields.Char(compute="_compute_hold", string="On hold because")

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

    @api.depends("hold_ids.until_date", "hold_ids.active", "hold_ids.item_id")
    def _compute_hold(self):
        for account in self:
            hold = account.hold_ids.filtered(lambda one: not one.item_id and one._is_in_force())[:1]
            account.is_on_hold = bool(hold)
            account.hold_until = hold.until_date
            account.hold_reason = hold.reason

    def _search_is_on_hold(self, operator, value):
        if operator != "in":
            return NotImplemented
        holds = self.env["dunning.hold"]._in_force_domain() & Domain("item_id", "=", False)
        return [
            ("id", "in" if True in value else "not in", self.env["dunning.hold"].search(holds).account_id.ids)
        ]

    @api.depends("policy_id", "rule_id.policy_id", "company_id.dunning_policy_id")
    def _compute_effective_policy(self):
        for account in self:
            account.effective_policy_id = (
                account.policy_id or account.rule_id.policy_id or account.company_id.dunning_policy_id
            )

    def _why_kept(self, label):
        return self.env._(
            "“%(field)s” of a customer follows the receivables and what was sent: it is not written by hand.",
            field=label,
        )

    def action_clear_attention(self):
        """Seen to."""
        self.check_access("write")
        self.sudo().attention = False
        return True

    def action_refresh(self):
        """Look at the books of these accounts now."""
        for company in self.company_id:
            self.env["dunning.item"].sudo()._refresh(company)
        return True

    def action_net_credits(self):
        """Reconcile Odoo credits with Odoo receivables the way the engine nets them in memory, to the cent.

        Returns how many pairs were reconciled. Raises UserError when there are none.
        """
        count = sum(account._reconcile_nettings() for account in self)
        if not count:
            raise UserError(
                self.env._(
                    "%(customer)s has no credit in Odoo that Odoo can set against an open receivable just as the "
                    "proposal does. Credits in QuickBooks or Xero are set against invoices there; what is partly "
                    "disputed, or on another receivable account, is reconciled by hand.",
                    customer=", ".join(self.mapped("display_name")),
                )
            )
        self.action_refresh()
        return count

    def _reconcile_nettings(self):
        """Reconcile pair by pair. Odoo sets a pair off as far as it goes: its turn comes when that is just what the
        engine sets off, and one that would go further is left."""
        left, count = self._nettings(), 0
        while pair := next((one for one in left if _sets_off_just(*one)), None):
            credit, receivable, _amount = pair
            (credit | receivable).reconcile()
            left.remove(pair)
            count += 1
        return count

    def _nettings(self):
        """[(journal item of a credit, of a receivable, amount), …] in Odoo's books that the engine would net."""
        self.ensure_one()
        found = []
        for one in recheck.applications(self.env, self):
            lines = [
                self.env["dunning.item"].browse(id_).move_line_id for id_ in (one.credit_id, one.item_id)
            ]
            if all(lines):
                found.append((*lines, float(one.amount)))
        return found

    # === MAIL === #

    def message_update(self, msg_dict, update_vals=None):
        """A reply came in: somebody should read it before the next reminder goes out."""
        res = super().message_update(msg_dict, update_vals=update_vals)
        for account in self.sudo():
            account.attention = "replied"
            account._ask_person(
                self.env._("Customer replied"),
                self.env._("Reply to a reminder: %(subject)s", subject=msg_dict.get("subject") or ""),
            )
        return res

    def _ask_person(self, summary, note):
        """An activity for whoever is responsible, unless the same one is open."""
        user = self._person()
        if not self.activity_ids.filtered(lambda one: one.summary == summary and one.user_id == user):
            self._give_to_person(summary, note)

    def _give_to_person(self, summary, note):
        """An activity of its own for whoever is responsible. `note`: text, or Markup."""
        self.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_todo", summary=summary, note=note, user_id=self._person().id
        )

    def _person(self):
        """Who is responsible; the administrator where nobody is."""
        self.ensure_one()
        return self.user_id or self.env.ref("base.user_admin")


def _sets_off_just(credit, receivable, amount):
    """Whether Odoo, reconciling the two now, sets off this amount and no other."""
    if credit.account_id != receivable.account_id or credit.reconciled or receivable.reconciled:
        return False
    goes = min(-credit.amount_residual_currency, receivable.amount_residual_currency)
    return receivable.currency_id.compare_amounts(goes, amount) == 0

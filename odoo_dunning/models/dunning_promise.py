from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL


class DunningPromise(models.Model):
    """The customer said when they will pay. Judged by itself from what was paid."""

    _name = "dunning.promise"
    _description = "Promise to pay"
    _inherit = ["mail.thread", "dunning.kept.fields"]
    _order = "promised_date desc, id desc"
    _rec_name = "account_id"

    # Whom it is about, who recorded it, and the judgement.
    _kept = {
        "account_id", "company_id", "item_ids", "currency_id", "amount_baseline", "amount_paid", "user_id", "state",
        "judged_date",
    }  # fmt: skip
    _said_once = {"account_id", "item_ids", "currency_id"}

    account_id = fields.Many2one(
        "dunning.account",
        string="Customer",
        required=True,
        ondelete="cascade",
        index=True,
        check_company=True,
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    item_ids = fields.Many2many(
        "dunning.item",
        string="Receivables",
        domain="[('account_id', '=', account_id), ('is_open', '=', True)]",
    )
    currency_id = fields.Many2one(
        "res.currency", required=True, default=lambda self: self.env.company.currency_id
    )
    amount = fields.Monetary(required=True, string="Promised")
    amount_baseline = fields.Monetary(
        readonly=True, help="Open amount of the items when the promise was made.", string="Open when promised"
    )
    amount_paid = fields.Monetary(readonly=True, string="Paid so far")
    promised_date = fields.Date(required=True, string="Will be paid by")
    made_date = fields.Date(required=True, default=fields.Date.context_today, string="Said on")
    note = fields.Char()
    user_id = fields.Many2one(
        "res.users", string="Recorded by", default=lambda self: self.env.user, readonly=True
    )
    state = fields.Selection(
        [
            ("open", "Open"),
            ("kept", "Kept"),
            ("partly", "Partly kept"),
            ("late", "Kept late"),
            ("broken", "Broken"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="open",
        readonly=True,
        tracking=True,
    )
    judged_date = fields.Date(readonly=True, string="Judged on")

    @api.model_create_multi
    def create(self, vals_list):
        """A promise that names no items is about everything open in its currency."""
        promises = super().create(vals_list)
        for promise in promises.sudo():
            if not promise.item_ids:
                promise.item_ids = promise.account_id.item_ids.filtered(
                    lambda item, currency=promise.currency_id: (
                        item.is_open and item.kind == "invoice" and item.currency_id == currency
                    )
                )
            promise.amount_baseline = sum(promise.item_ids.mapped("amount_open"))
        return promises

    def write(self, vals):
        """What was promised is changed while it is open; afterwards it was judged by it."""
        over = self.filtered(lambda one: one.state != "open")
        if over and not self.env.su and vals.keys() & {"amount", "promised_date", "made_date"}:
            raise UserError(
                self.env._(
                    "The promise of %(account)s was judged already. Record a new one.",
                    account=over[0].account_id.display_name,
                )
            )
        return super().write(vals)

    def _why_kept(self, label):
        return self.env._(
            "“%(field)s” of a promise is not written by hand: promises are judged from what was paid.",
            field=label,
        )

    @api.constrains("amount", "item_ids", "currency_id", "account_id")
    def _check_items(self):
        for promise in self:
            if promise.amount <= 0:
                raise ValidationError(
                    self.env._(
                        "Promise of %(account)s: enter the promised amount.",
                        account=promise.account_id.display_name,
                    )
                )
            strange = promise.item_ids.filtered(
                lambda item, promise=promise: (
                    item.account_id != promise.account_id or item.currency_id != promise.currency_id
                )
            )
            if strange:
                raise ValidationError(
                    self.env._(
                        "Promise of %(account)s: %(item)s is of another customer or in another currency. Take it out.",
                        account=promise.account_id.display_name,
                        item=strange[0].display_name,
                    )
                )

    def action_cancel(self):
        self.check_access("write")
        self.sudo().write({"state": "cancelled"})
        return True

    # === JUDGEMENT === #

    @api.model
    def _judge(self, company):
        """Judge the promises of a company from what was paid: kept, kept late, partly kept or broken.

        A promise is judged when it is fulfilled, or when the promised day and the policy's grace days have passed.
        A broken or partly kept one that is fulfilled later becomes kept late, or kept where the money came in time and
        and was only booked later. A kept one whose payment was taken back is judged anew. Money of the customer that
        came since and is not allocated yet counts, once.
        """
        today = company._dunning_today()
        unfulfilled = Domain("state", "in", ("open", "broken", "partly"))
        reopened = Domain("state", "in", ("kept", "late")) & Domain("item_ids.is_open", "=", True)
        promises = self.sudo().search((unfulfilled | reopened) & Domain("company_id", "=", company.id))
        in_time = promises._paid_by_deadline()
        loose = promises._loose_money()
        for promise in promises.sorted(lambda one: (one.promised_date, one.id)):
            promise._judge_one(today, in_time.get(promise.id, 0.0), loose)

    def _judge_one(self, today, paid_in_time, loose):
        self.ensure_one()
        currency = self.currency_id
        paid = max(0.0, self.amount_baseline - sum(self.item_ids.mapped("amount_open")))
        deadline = self._deadline()
        for day, amount in self._take_loose(loose, self.amount - paid):
            paid += amount
            paid_in_time += amount if day and day <= deadline else 0.0
        if currency.compare_amounts(paid, self.amount) >= 0:
            is_in_time = today <= deadline or currency.compare_amounts(paid_in_time, self.amount) >= 0
            state = "kept" if is_in_time or self.state == "kept" else "late"
        elif today > deadline:
            state = "partly" if currency.compare_amounts(paid, 0.0) > 0 else "broken"
        else:
            state = "open"
        if state == self.state and currency.compare_amounts(paid, self.amount_paid) == 0:
            return
        is_new_break = state in ("broken", "partly") and self.state not in ("broken", "partly")
        vals = {"amount_paid": paid, "state": state}
        if state != self.state:
            vals["judged_date"] = today
        self.write(vals)
        if is_new_break:
            self.account_id.attention = "broken"

    def _loose_money(self):
        """`{(account, currency): {item: amount left of it}}` of every payment and credit of these customers that is set
        against nothing yet, the oldest first. Amounts are positive."""
        items = self.env["dunning.item"].search(
            [
                ("account_id", "in", self.account_id.ids),
                ("is_open", "=", True),
                ("kind", "in", ("payment", "credit")),
                ("amount_open", "<", 0),
                ("is_excluded", "=", False),
            ],
            order="issue_date, id",
        )
        return {
            key: {item: -item.amount_open for item in of_key}
            for key, of_key in items.grouped(lambda item: (item.account_id, item.currency_id)).items()
        }

    def _take_loose(self, loose, wanted):
        """[(day, amount), …] of what came since the promise was made, at most `wanted`; taken out of `loose`."""
        taken = []
        left = loose.get((self.account_id, self.currency_id), {})
        for item in left:
            is_new = item.issue_date and item.issue_date >= self.made_date
            amount = min(wanted, left[item])
            if is_new and item.create_date >= self.create_date and amount > 0:
                wanted -= amount
                left[item] -= amount
                taken.append((item.issue_date, amount))
        return taken

    def _deadline(self):
        """Last day on which a payment is in time."""
        grace_days = self.account_id.effective_policy_id.promise_grace_days
        return self.promised_date + timedelta(days=grace_days)

    def _paid_by_deadline(self):
        """Promise id -> what reached its Odoo items between the day it was made and its deadline.

        Raw SQL: it sums reconciliations over all promises at once. Items of other ledgers have no dated allocations
        here; they are judged by the day their payment is seen.
        """
        if not self:
            return {}
        deadlines = {promise.id: promise._deadline() for promise in self}
        self.env["account.partial.reconcile"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """SELECT rel.dunning_promise_id, SUM(part.debit_amount_currency)
                     FROM dunning_item_dunning_promise_rel rel
                     JOIN dunning_promise promise ON promise.id = rel.dunning_promise_id
                     JOIN (VALUES %s) AS deadline(promise_id, day) ON deadline.promise_id = promise.id
                     JOIN dunning_item item ON item.id = rel.dunning_item_id
                     JOIN account_partial_reconcile part ON part.debit_move_id = item.move_line_id
                     JOIN account_move_line counterpart ON counterpart.id = part.credit_move_id
                    WHERE counterpart.date <= deadline.day::date AND part.create_date >= promise.create_date
                    GROUP BY 1""",
                SQL(", ").join(SQL("(%s, %s)", key, day) for key, day in deadlines.items()),
            )
        )
        return {promise_id: float(paid) for promise_id, paid in rows}

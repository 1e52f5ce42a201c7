from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL

from ..bulk import charge_sheets, charging
from .slim_many2one import SlimMany2one

# Standing: the customer was told and has neither paid nor been let off.
STANDING = ("announced", "booked")
KINDS = [
    ("interest", "Interest"),
    ("recovery_sum", "Recovery sum"),
    ("reminder_fee", "Reminder fee"),
    ("collection_notice_fee", "Collection notice fee"),
    ("instalment_plan_fee", "Installment plan fee"),
    ("collection_cost", "Collection cost"),
    ("penalty", "Penalty"),
]
# Money that arrives is counted against costs before interest: what is still open is interest first.
_OPEN_FIRST = {kind: place for place, (kind, _label) in enumerate(KINDS)}


class DunningCharge(models.Model):
    """What a message claims on top of an invoice. Claimed in the proposal, announced when the message leaves, booked
    and paid, or waived, reversed, withdrawn. A refused one says why nothing could be claimed.

    `stage` is what we did; `state` adds what the customer did.
    """

    _name = "dunning.charge"
    _description = "Dunning charge"
    _order = "id"
    _log_access = False

    notice_id = SlimMany2one("dunning.notice", string="In message", readonly=True)
    run_id = SlimMany2one("dunning.run", readonly=True)
    company_id = SlimMany2one("res.company", required=True, readonly=True)
    account_id = SlimMany2one("dunning.account", required=True, readonly=True, string="Customer")
    item_id = SlimMany2one("dunning.item", string="Invoice", readonly=True)
    kind = fields.Selection(KINDS, required=True, readonly=True)
    stage = fields.Selection(
        [
            ("refused", "Not possible"),
            ("claimed", "Claimed"),
            ("announced", "Announced"),
            ("booked", "Booked"),
            ("waived", "Waived"),
            ("reversed", "Reversed"),
            ("withdrawn", "Withdrawn"),
        ],
        required=True,
        readonly=True,
        default="claimed",
        string="Stage kept",
    )
    state = fields.Selection(
        [
            ("refused", "Not possible"),
            ("claimed", "Claimed"),
            ("announced", "Announced"),
            ("booked", "Booked"),
            ("paid", "Paid"),
            ("waived", "Waived"),
            ("reversed", "Reversed"),
            ("withdrawn", "Withdrawn"),
        ],
        compute="_compute_state",
        store=True,
    )
    amount = fields.Monetary(required=True)
    amount_cap = fields.Monetary(readonly=True, help="The most the law allows.", string="At most")
    has_cap = fields.Boolean(readonly=True, help="Off: no limit is on record.", string="Limited by law")
    amount_waived = fields.Monetary(readonly=True, string="Waived")
    is_never_asked = fields.Boolean(
        readonly=True, help="Given up before its message left.", string="Never asked for"
    )
    amount_due = fields.Monetary(
        compute="_compute_amount_due", help="Announced, and neither waived nor paid.", string="Open"
    )
    currency_id = SlimMany2one("res.currency", required=True, readonly=True)
    charge_date = fields.Date(readonly=True, help="Day of the claim; interest runs up to it.", string="As of")
    law = fields.Char(readonly=True)
    law_reason = fields.Char(readonly=True, string="Law chosen by")
    row_keys = fields.Json(readonly=True, help="Law rows behind the amount.", string="Keys of law rows")
    sheet = fields.Json(readonly=True, string="Figures of the calculation", prefetch=False)
    sheet_html = fields.Html(compute="_compute_sheet_html", string="Calculation")
    rows_shown = fields.Char(compute="_compute_rows_shown", string="Law rows")
    law_shown = fields.Char(compute="_compute_rows_shown", string="Law applied")
    message = fields.Char(string="Why not", readonly=True, help="Why nothing could be claimed.")
    is_edited = fields.Boolean(readonly=True, string="Changed by hand")
    reason = fields.Char(readonly=True, help="Why it was waived or taken back.")
    move_id = fields.Many2one(
        "account.move", string="Debit document", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    booking_error = fields.Char(readonly=True, string="Not booked because")
    principal_paid_date = fields.Date(
        readonly=True, help="Day the invoice was seen to be paid.", string="Invoice paid on"
    )

    partner_id = fields.Many2one(related="account_id.partner_id", string="Contact")
    number = fields.Char(related="item_id.number", string="Invoice number")

    # Claims of a proposal are found by their message; only what was said to a customer is looked up by item.
    _item = models.Index("(item_id) WHERE stage IN ('announced', 'booked', 'waived')")
    _notice = models.Index("(notice_id)")
    _standing = models.Index("(account_id) WHERE stage IN ('announced', 'booked')")

    @api.depends("kind", "number")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for charge in self:
            charge.display_name = " · ".join(filter(None, (kinds[charge.kind], charge.number)))

    # Neither of the two depends on fields of the debit document: a dependency would have every invoice that is posted
    # or paid look for charges, and most have none. `_follow_documents` follows with the receivables.

    @api.depends("stage")
    def _compute_state(self):
        for charge in self:
            is_paid = charge.stage == "booked" and charge.move_id.payment_state in ("paid", "in_payment")
            charge.state = "paid" if is_paid else charge.stage

    @api.depends("stage", "amount", "amount_waived")
    def _compute_amount_due(self):
        """Of a booked one, what its document leaves open, costs counted as paid before interest."""
        standing = self.filtered(lambda one: one.stage in STANDING)
        (self - standing).amount_due = 0.0
        for charge in standing - standing.filtered("move_id"):
            charge.amount_due = charge.amount - charge.amount_waived
        for move in standing.move_id:
            left = move.amount_residual
            for charge in move._dunning_charges()._open_first():
                share = min(left, charge.amount - charge.amount_waived) if charge.stage == "booked" else 0.0
                left -= share
                if charge in standing:
                    charge.amount_due = charge.currency_id.round(share)

    @api.model
    def _follow_documents(self, documents):
        """Charges are paid, and open again, with their debit documents. Raw SQL: most have nothing new, and there may
        be many.

        :param documents: SQL condition on `move`, the debit document
        """
        self.flush_model(["stage", "state", "move_id"])
        self.env["account.move"].flush_model(["payment_state"])
        rows = self.env.execute_query(
            SQL(
                """SELECT charge.id
                     FROM dunning_charge charge
                     JOIN account_move move ON move.id = charge.move_id
                    WHERE charge.stage = 'booked'
                      AND (charge.state = 'paid') <> (move.payment_state IN ('paid', 'in_payment')) AND %s""",
                documents,
            )
        )
        changed = self.sudo().browse(charge_id for (charge_id,) in rows)
        self.env.add_to_compute(self._fields["state"], changed)
        changed.invalidate_recordset(["amount_due"])

    def _open_first(self):
        """Charges of one document in the order in which they stay open when a part of it was paid."""
        return self.sorted(lambda one: (_OPEN_FIRST[one.kind], -one.id))

    @api.depends("row_keys", "sheet", "law", "law_reason")
    def _compute_rows_shown(self):
        reasons = self._law_reasons()
        for charge in self:
            charge.rows_shown = ", ".join(charge._row_keys())
            reason = reasons.get(charge.law_reason, charge.law_reason)
            charge.law_shown = f"{charge.law}: {reason}" if charge.law else False

    def _compute_sheet_html(self):
        """The calculation for a colleague; the customer's is the PDF."""
        for charge in self:
            made = charge._made()
            charge.sheet_html = (
                self.env["ir.qweb"]._render(
                    "odoo_dunning.charge_sheet_lines", {"sheet": charge_sheets.calculation_of(charge, made)}
                )
                if made
                else False
            )

    # === EDITING A PROPOSAL === #

    def write(self, vals):
        """People change the amount of a proposed charge and nothing else; the rest follows what happens to it."""
        if self.env.su:
            return super().write(vals)
        if vals.keys() - {"amount"}:
            raise AccessError(
                self.env._("Of a charge only the amount is changed by hand, while its message is a proposal.")
            )
        self._check_editable()
        self.run_id._remember_hand()
        return super().write({**vals, "is_edited": True})

    @api.constrains("amount")
    def _check_cap(self):
        for charge in self:
            if charge.amount < 0:
                raise ValidationError(
                    self.env._(
                        "%(charge)s: a charge is zero or more (field amount).", charge=charge.display_name
                    )
                )
            if charge.has_cap and charge.currency_id.compare_amounts(charge.amount, charge.amount_cap) > 0:
                raise ValidationError(
                    self.env._(
                        "%(charge)s: %(amount)s is above the %(cap)s that the law of %(law)s allows now (rows "
                        "%(rows)s, field amount). Lower it to that, or waive it.",
                        charge=charge.display_name,
                        amount=charge.currency_id.format(charge.amount),
                        cap=charge.currency_id.format(charge.amount_cap),
                        law=charge.law or "?",
                        rows=", ".join(charge._row_keys() or (charge._made() or {}).get("row_ids", ()))
                        or "–",
                    )
                )

    def _check_editable(self):
        fixed = self.filtered(
            lambda one: one.stage != "claimed" or one.notice_id.state not in ("proposed", "ready")
        )
        if fixed:
            raise UserError(
                self.env._(
                    "%(charge)s was announced to the customer. Waive it instead of changing it.",
                    charge=fixed[0].display_name,
                )
            )

    def _made(self):
        """The calculation behind interest: as it was announced, or of a proposal as it is today; else nothing."""
        self.ensure_one()
        if self.sheet or self.kind != charging.INTEREST or self.stage != "claimed" or not self.notice_id:
            return self.sheet
        return charging.sheet_today(self.sudo())

    def _row_keys(self):
        """Law rows behind the amount, as on its sheet."""
        self.ensure_one()
        return tuple(self.row_keys or (self.sheet or {}).get("row_ids") or ())

    # === WAIVE === #

    def action_waive(self, amount=None, reason=False):
        """Let the customer off, in full or (one charge) in part. A booked one is credited.

        :param amount: what is given up, in the currency of the charge; None: all of it
        :param reason: required
        """
        if not (reason or "").strip():
            raise UserError(self.env._("Say why: a charge is waived with a reason."))
        self.check_access("write")
        over = self.filtered(lambda one: one.state not in ("claimed", *STANDING))
        if over:
            raise UserError(
                self.env._(
                    "%(charge)s is %(state)s: there is nothing to waive.",
                    charge=over[0].display_name,
                    state=dict(self._fields["state"]._description_selection(self.env))[over[0].state],
                )
            )
        self.run_id._remember_hand()
        for charge in self.sudo():
            charge._waive(charge._left() if amount is None else amount, reason.strip())
        self.account_id._dunning_post_waived(self, reason.strip())
        return True

    def action_ask_waive(self):
        """Ask how much, and why."""
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Waive"),
            "res_model": "dunning.charge.waive",
            "view_mode": "form",
            "target": "new",
            "context": {"default_charge_ids": self.ids},
        }

    def _left(self):
        return self.amount_due if self.stage in STANDING else self.amount - self.amount_waived

    def _waive(self, amount, reason):
        self.ensure_one()
        left = self._left()
        if (
            self.currency_id.compare_amounts(amount, 0) <= 0
            or self.currency_id.compare_amounts(amount, left) > 0
        ):
            raise UserError(
                self.env._(
                    "%(charge)s: waive more than 0 and at most the open %(left)s (field amount).",
                    charge=self.display_name,
                    left=self.currency_id.format(left),
                )
            )
        if self.stage == "claimed":
            self._give_up(amount, reason)
            return
        if self.stage == "booked":
            self._credit({self.id: amount}, reason)
        waived = self.currency_id.round(self.amount_waived + amount)
        is_gone = self.currency_id.compare_amounts(waived, self.amount) >= 0
        self.write({"amount_waived": waived, "reason": reason, **({"stage": "waived"} if is_gone else {})})

    def _give_up(self, amount, reason):
        """Before the customer was told: the message asks for the rest only, and no later one for what was given up."""
        gone = {"amount_waived": amount, "reason": reason, "stage": "waived", "is_never_asked": True}
        rest = self.currency_id.round(self.amount - amount)
        if self.currency_id.is_zero(rest):
            self.write(gone)
            return
        self.copy({"amount": amount, **gone})
        self.write({"amount": rest, "is_edited": True})

    # === WITH ITS MESSAGE === #

    def _announce(self, today):
        """The message left: the customer knows."""
        claimed = self.sudo().filtered(lambda one: one.stage == "claimed")
        nothing = claimed.filtered(lambda one: one.currency_id.is_zero(one.amount))
        nothing.write({"stage": "withdrawn"})
        (claimed - nothing).write({"stage": "announced", "charge_date": today})
        if claimed:
            self.env.ref("odoo_dunning.cron_charges").sudo()._trigger()

    def _withdraw(self):
        """The message stays home."""
        self.sudo().filtered(lambda one: one.stage in ("claimed", "refused")).write({"stage": "withdrawn"})

    def _take_back(self, reason):
        """The message was undone: what it charged is reversed, by entry where it was booked."""
        standing = self.sudo().filtered(lambda one: one.stage in STANDING)
        for charges in standing.filtered(lambda one: one.stage == "booked").grouped("move_id").values():
            charges._credit({one.id: one.amount - one.amount_waived for one in charges}, reason)
        standing.write({"stage": "reversed", "reason": reason})

    # === FOR THE MESSAGE === #

    def _exact(self, name="amount"):
        """An amount as Decimal, at the digits of its currency."""
        self.ensure_one()
        return Decimal(f"{self[name]:.{self.currency_id.decimal_places}f}")

    @api.model
    def _law_reasons(self):
        """Words for why a law was chosen."""
        return {
            "customer_override": self.env._("set on the customer"),
            "policy_override": self.env._("set on the policy"),
            "seller_law": self.env._("law of the seller's country"),
            "customer_law": self.env._("law of the customer's country"),
            "named_law": self.env._("named by a choice-of-law row"),
        }

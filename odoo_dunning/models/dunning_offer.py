from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

from ..engine.money import ZERO
from ..engine.settlement import Offer, settle
from .slim_many2one import SlimMany2one

# How long after its last day an offer that ran out is looked at again: bank statements are read days later.
LATE_READING_DAYS = 30


class DunningOffer(models.Model):
    """A discount for settling early, as a message promised it: honoured when enough arrives in time, else expired."""

    _name = "dunning.offer"
    _description = "Early-settlement offer"
    _order = "pay_by_date desc, id desc"
    _rec_name = "notice_id"
    _log_access = False

    notice_id = SlimMany2one("dunning.notice", string="Message", required=True, readonly=True)
    company_id = SlimMany2one("res.company", required=True, readonly=True)
    account_id = SlimMany2one("dunning.account", string="Customer", required=True, readonly=True)
    currency_id = SlimMany2one("res.currency", required=True, readonly=True)
    total_due = fields.Monetary(readonly=True, string="Due in all")
    discount = fields.Monetary(readonly=True)
    pay_amount = fields.Monetary(
        readonly=True, help="Settles everything the message listed.", string="To be paid"
    )
    offered_on = fields.Date(readonly=True, string="Offered on")
    pay_by_date = fields.Date(readonly=True, string="Pay by")
    amount_before = fields.Monetary(
        readonly=True, help="Arrived on the first day, before the offer was made.", string="Paid before"
    )
    amount_paid = fields.Monetary(
        readonly=True, help="Arrived between the offer and its last day.", string="Paid"
    )
    state = fields.Selection(
        [
            ("prepared", "Prepared"),
            ("open", "Open"),
            ("honoured", "Honoured"),
            ("short", "Paid too little"),
            ("expired", "Expired"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="prepared",
    )
    move_id = fields.Many2one(
        "account.move", string="Write-off", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    error = fields.Char(readonly=True)

    _notice_uniq = models.UniqueIndex("(notice_id)", "A message makes one offer.")
    _open_by_company = models.Index("(company_id) WHERE state = 'open'")

    # === WITH ITS MESSAGE === #

    @api.model
    def _prepare(self, notices, looks, today):
        """Store what messages about to leave will promise. One that left by another channel already promises it anew:
        what its text says now counts."""
        offering = notices.filtered(
            lambda one: one.level_id.offer_discount_pct and not one.corrects_id and not one.main_id
        )
        if not offering:
            return
        from ..bulk import contexts  # the contexts dress themselves with offers

        made = contexts.message_contexts(offering, looks, today)
        offers = self.sudo()
        offers.search([("notice_id", "in", offering.ids), ("state", "=", "prepared")]).unlink()
        standing = offers.search([("notice_id", "in", offering.ids)]).grouped("notice_id")
        for notice in offering:
            if offer := made[notice.id].offer:
                known = standing.get(notice, offers)
                if known:
                    known._promise_anew(offer, today)
                else:
                    offers._promise(notice, offer, today)

    @api.model
    def _promise(self, notice, offer, today):
        stored = self.create(
            {
                "notice_id": notice.id,
                "company_id": notice.company_id.id,
                "account_id": notice.account_id.id,
                "currency_id": notice.currency_id.id,
                "offered_on": today,
                **self._figures_of(offer),
            }
        )
        stored.amount_before = float(sum((amount for _day, amount in stored._payments()), ZERO))

    def _promise_anew(self, offer, today):
        """One that was cancelled, because its message came back, starts again; one that ended stays as it is."""
        if self.state == "cancelled":
            self.write({"state": "prepared", "offered_on": today, **self._figures_of(offer)})
            self.amount_before = float(sum((amount for _day, amount in self._payments()), ZERO))
        elif self.state == "open":
            self.write(self._figures_of(offer))

    @api.model
    def _figures_of(self, offer):
        return {
            "total_due": float(offer.amount + offer.discount),
            "discount": float(offer.discount),
            "pay_amount": float(offer.amount),
            "pay_by_date": offer.until_date,
        }

    @api.model
    def _open(self, notices):
        self.sudo().search([("notice_id", "in", notices.ids), ("state", "=", "prepared")]).state = "open"

    @api.model
    def _cancel(self, notices):
        self.sudo().search(
            [("notice_id", "in", notices.ids), ("state", "in", ("prepared", "open"))]
        ).state = "cancelled"

    # === THE END === #

    @api.model
    def _settle_open(self, company):
        """End the offers of a company that were taken up or ran out. One that ran out is honoured all the same when
        the books learn later that the money came in time."""
        today = company._dunning_today()
        domain = Domain("state", "=", "open") | (
            Domain("state", "in", ("short", "expired"))
            & Domain("pay_by_date", ">=", today - timedelta(days=LATE_READING_DAYS))
        )
        for offer in self.sudo().search(Domain("company_id", "=", company.id) & domain):
            if offer.state == "cancelled":
                continue
            try:
                with self.env.cr.savepoint():
                    offer._settle(today)
            except UserError as error:
                offer.error = str(error)

    def _settle(self, today):
        self.ensure_one()
        payments = self._payments()
        known = Decimal(f"{self.amount_before:.{self.currency_id.decimal_places}f}")
        outcome = settle(self._to_engine(), payments, today, known)
        paid = max(sum((amount for _day, amount in payments), ZERO) - known, ZERO)
        self.write({"amount_paid": float(paid), **({"state": outcome.outcome} if outcome else {})})
        if outcome is None or outcome.outcome != "honoured":
            return
        if outcome.write_off:
            self._honour(outcome.write_off)
        self._cancel(self._rivals().notice_id)

    def _to_engine(self):
        digits = self.currency_id.decimal_places
        exact = {
            name: Decimal(f"{self[name]:.{digits}f}") for name in ("total_due", "discount", "pay_amount")
        }
        return Offer(
            currency=self.currency_id.name, offered_on=self.offered_on, pay_by_date=self.pay_by_date, **exact
        )

    def _items(self):
        return self.notice_id.line_ids.item_id

    def _receivables(self):
        """Journal items the offer is about: of its invoices, and of its charges where they are booked."""
        booked = self.notice_id.charge_ids.move_id.line_ids
        lines = self._items().move_line_id | booked.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )
        return lines.sudo()

    def _payments(self):
        """(day, amount) of what arrived from the day of the offer to its last day: set against its invoices and
        charges, or not set against anything yet."""
        first, last = self.offered_on, self.pay_by_date
        partials = self._receivables().matched_credit_ids
        money = partials.filtered(
            lambda one: one.credit_move_id.payment_id or one.credit_move_id.statement_line_id
        )
        found = [(one.credit_move_id.date, one.debit_amount_currency) for one in money]
        allocations = (
            self.env["dunning.allocation"]
            .sudo()
            .search([("item_id", "in", self._items().ids), ("kind", "=", "payment")])
        )
        found += [(one.date, one.amount) for one in allocations]
        found += [(one.issue_date, -one.amount_open) for one in self._loose_payments()]
        digits = self.currency_id.decimal_places
        return [
            (day, Decimal(f"{amount:.{digits}f}")) for day, amount in found if day and first <= day <= last
        ]

    def _loose_payments(self):
        return (
            self.env["dunning.item"]
            .sudo()
            .search(
                [
                    ("account_id", "=", self.account_id.id),
                    ("kind", "=", "payment"),
                    ("is_open", "=", True),
                    ("currency_id", "=", self.currency_id.id),
                ]
            )
        )

    def _rivals(self):
        """Other offers on the same invoices: the money that took this one up takes up no second one."""
        others = self.search(
            [("account_id", "=", self.account_id.id), ("state", "=", "open"), ("id", "!=", self.id)]
        )
        return others.filtered(lambda one: one._items() & self._items())

    def _honour(self, amount):
        """Set loose money against the receivables and write the discount off; what is left of it is let off the charges
        that were not booked. What cannot be written off here, because the invoice is of another ledger or an account is
        missing, is asked of a person."""
        lines = self._receivables().filtered(lambda line: not line.reconciled)
        self._match_loose(lines)
        lines = lines.filtered(lambda line: not line.reconciled)
        company, left = self.company_id, amount
        if lines and company.dunning_discount_account_id and company.dunning_discount_journal_id:
            left -= self._write_off(lines.sorted("date_maturity"), amount)
            lines = lines.filtered(lambda line: not line.reconciled)
        left -= self._let_off(left)
        if left > 0 and (lines or self._items().filtered(lambda item: item.ledger_id and item.is_open)):
            self._ask_write_off(left)

    def _match_loose(self, lines):
        loose = self._loose_payments().move_line_id.filtered(
            lambda line: (
                self.offered_on <= line.date <= self.pay_by_date and line.account_id in lines.account_id
            )
        )
        for account in loose.account_id:
            (lines | loose).filtered(lambda line, account=account: line.account_id == account).reconcile()

    def _let_off(self, amount):
        """Waive announced charges up to an amount; returns what was waived."""
        charges = (
            self.env["dunning.charge"]
            .sudo()
            .search(
                [
                    ("account_id", "=", self.account_id.id),
                    ("currency_id", "=", self.currency_id.id),
                    ("item_id", "in", self._items().ids),
                    ("stage", "=", "announced"),
                ]
            )
        )
        left, reason = amount, self.env._("Early settlement, %(message)s", message=self.notice_id._number())
        for charge in charges:
            part = min(left, charge._exact("amount_due"))
            if part > 0:
                charge._waive(float(part), reason)
                left -= part
        return amount - left

    def _ask_write_off(self, amount):
        summary = self.env._("Write off the early-settlement discount")
        note = self.env._(
            "The offer of %(message)s was taken up: write off %(amount)s. It could not be done here: the invoice is of "
            "another ledger, or the account or journal for discounts is empty in the settings of Collections.",
            message=self.notice_id.display_name,
            amount=self.currency_id.format(float(amount)),
        )
        self.error = summary
        self.account_id._ask_person(summary, note)

    def _write_off(self, lines, amount):
        """One entry over all receivables, reconciled with them. Returns what was written off."""
        company, currency = self.company_id, self.currency_id
        left, parts = float(amount), []
        for line in lines:
            part = min(left, line.amount_residual_currency)
            if currency.compare_amounts(part, 0) > 0:
                parts.append((line, part))
                left = currency.round(left - part)
        if not parts:
            return ZERO
        total = currency.round(sum(part for _line, part in parts))
        today = company._dunning_today()
        name = self.env._("Early settlement, %(message)s", message=self.notice_id._number())

        def entry(account, signed, balance):
            return Command.create(
                {
                    "name": name,
                    "account_id": account.id,
                    "partner_id": self.account_id.partner_id.id,
                    "currency_id": currency.id,
                    "amount_currency": signed,
                    "balance": balance,
                }
            )

        # Each part is rounded by itself, so the discount is their sum and not its own conversion.
        balances = [currency._convert(part, company.currency_id, company, today) for _line, part in parts]
        entries = [
            entry(line.account_id, -part, -balance)
            for (line, part), balance in zip(parts, balances, strict=True)
        ]
        discount = entry(company.dunning_discount_account_id, total, company.currency_id.round(sum(balances)))

        move = (
            self.env["account.move"]
            .sudo()
            .with_company(company)
            .create(
                {
                    "move_type": "entry",
                    "journal_id": company.dunning_discount_journal_id.id,
                    "date": today,
                    "ref": name,
                    "line_ids": [discount, *entries],
                }
            )
        )
        move._post(soft=False)
        credits = move.line_ids.filtered(lambda line: line.credit or line.amount_currency < 0)
        for (line, _part), credit in zip(parts, credits.sorted("id"), strict=False):
            (line | credit).reconcile()
        self.move_id = move
        return Decimal(f"{total:.{currency.decimal_places}f}")

from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine.charges import Claim, cap_for, validate_fee
from ..engine.claiming import LevelCharges
from ..engine.law import ClaimDates
from ..engine.law_errors import LawError


class DunningLevel(models.Model):
    """What a level charges on top of the invoices, and what it offers for settling early. Off unless switched on."""

    _inherit = "dunning.level"

    charge_interest = fields.Boolean(
        string="Interest", help="Statutory interest, or the rate agreed with the customer."
    )
    charge_recovery_sum = fields.Boolean(
        string="Recovery sum", help="The fixed sum per late invoice that the law grants between businesses."
    )
    charge_fee_kind = fields.Selection(
        [
            ("reminder_fee", "Reminder fee"),
            ("collection_notice_fee", "Collection notice fee"),
            ("collection_cost", "Collection cost by scale"),
            ("penalty", "Contractual penalty"),
        ],
        string="Fee per message",
    )
    charge_fee_source = fields.Selection(
        [("law", "What the law sets"), ("own", "An amount of ours")],
        string="Fee amount from",
        default="law",
        required=True,
    )
    charge_fee_amount = fields.Monetary(
        currency_field="charge_currency_id", help="Never above what the law allows.", string="Fee"
    )
    charge_currency_id = fields.Many2one(
        "res.currency", default=lambda self: self.env.company.currency_id, string="Currency of the fee"
    )
    charge_consumers = fields.Boolean(
        string="Charge consumers",
        help="Only what a verified row of their law allows. Off: consumers are charged nothing.",
    )
    charge_sheet = fields.Selection(
        [("none", "Not shown"), ("below", "In the message"), ("attached", "As a PDF")],
        string="Calculation sheet",
        default="below",
        required=True,
    )
    offer_discount_pct = fields.Float(string="Discount for early settlement (%)", digits=(5, 2))
    offer_days = fields.Integer(string="Offer open for (days)", default=7)
    offer_base = fields.Selection(
        [("principal", "Of the invoices"), ("total", "Of everything")],
        string="Discount is",
        default="principal",
        required=True,
    )

    @api.constrains(
        "charge_fee_kind", "charge_fee_source", "charge_fee_amount", "charge_currency_id", "rank", "policy_id"
    )
    def _check_charge_fee(self):
        """An own amount above what the law of the policy, or of the company, allows is refused with the row named."""
        for level in self.filtered(lambda one: one.charge_fee_kind and one.charge_fee_source == "own"):
            if level.charge_fee_amount < 0 or not level.charge_currency_id:
                raise ValidationError(
                    self.env._(
                        "Level %(level)s: enter the fee, zero or more, and its currency.", level=level.name
                    )
                )
            problem = level._fee_problem()
            if problem:
                raise ValidationError(
                    self.env._("Level %(level)s: %(problem)s", level=level.name, problem=problem)
                )

    def _fee_problem(self):
        """Why the own amount cannot be, or an empty string. Businesses are judged by, where consumers are not charged:
        what a consumer may be charged is decided claim by claim."""
        book = self.env["dunning.law.row"]._library().book
        company = self.company_id or self.env.company
        law = self.policy_id.charge_law or company.country_id.code
        if law not in book.jurisdictions:
            return ""
        today = fields.Date.context_today(self)
        long_ago = fields.Date.subtract(today, months=3)
        claim = Claim(
            jurisdiction=law,
            debtor_type="b2b",
            principal=Decimal(10**6),
            currency=self.charge_currency_id.name,
            dates=ClaimDates(long_ago, long_ago, fields.Date.add(long_ago, days=1), today),
            message_number=max(self.rank, 2),
            grounds=self._grounds(),
            notice_start_date=long_ago,
            principal_elsewhere=_Anything(),
        )
        try:
            cap = cap_for(book, self.charge_fee_kind, claim)
            if cap.amount is None or cap.currency == self.charge_currency_id.name:
                validate_fee(self._fee_amount(), cap)
        except LawError as error:
            return str(error)
        return ""

    @api.constrains("offer_discount_pct", "offer_days")
    def _check_offer(self):
        for level in self:
            if not 0 <= level.offer_discount_pct <= 100 or level.offer_days < 0:
                raise ValidationError(
                    self.env._(
                        "Level %(level)s: the discount lies between 0 and 100 %%, and its days are not negative.",
                        level=level.name,
                    )
                )

    def _grounds(self):
        """Facts that law rows ask for, as recorded on the policy and the company."""
        company = self.company_id or self.env.company
        recorded = {
            "fee_clause": self.policy_id.has_fee_clause,
            "regular_supply": self.policy_id.is_regular_supply,
            "supplier_is_msme": company.dunning_is_msme,
        }
        return frozenset(name for name, holds in recorded.items() if holds)

    def _fee_amount(self):
        return Decimal(f"{self.charge_fee_amount:.{self.charge_currency_id.decimal_places}f}")

    def _charges_to_engine(self):
        self.ensure_one()
        own = self.charge_fee_kind and self.charge_fee_source == "own"
        return LevelCharges(
            level_id=self.id,
            has_interest=self.charge_interest,
            has_recovery_sum=self.charge_recovery_sum,
            fee_kind=self.charge_fee_kind or "",
            fee_amount=self._fee_amount() if own else None,
            fee_currency=self.charge_currency_id.name or "",
            charges_consumers=self.charge_consumers,
            policy_law=self.policy_id.charge_law or "",
            grounds=self._grounds(),
        )


class _Anything(dict):
    """A principal far above every band, in any currency: a fee is checked against the most the law could allow."""

    def __contains__(self, currency):
        return True

    def __missing__(self, currency):
        return Decimal(10**6)

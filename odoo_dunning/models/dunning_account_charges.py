from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine.claiming import DEBTOR_TYPES
from ..engine.law import AgreedRate, ClaimDates
from ..engine.law_choice import Place, choose_law
from ..engine.law_errors import LawError


class DunningAccount(models.Model):
    """What was agreed with a customer about being late, and what it was charged."""

    _inherit = "dunning.account"

    charge_law = fields.Selection(
        selection=lambda self: self.env["dunning.law.row"]._selection_jurisdiction(),
        string="Law",
        tracking=True,
        help="Empty: by the policy, else by the countries of seller and customer.",
    )
    agreed_rate_unit = fields.Selection(
        [("pct", "% a year"), ("pp", "points over a reference rate")], string="Agreed interest", tracking=True
    )
    agreed_rate_value = fields.Float(string="Agreed rate", digits=(7, 4), tracking=True)
    agreed_rate_reference = fields.Selection(
        selection=lambda self: self.env["dunning.law.row"]._selection_series(), string="Over", tracking=True
    )
    is_public_healthcare = fields.Boolean(
        string="Public healthcare", help="Some laws have a rate of their own for it."
    )
    charge_ids = fields.One2many("dunning.charge", "account_id", string="Charges")
    charge_stop_ids = fields.One2many("dunning.charge.stop", "account_id", string="Days without interest")
    amount_charges = fields.Monetary(
        string="Open charges",
        compute="_compute_amount_charges",
        help="In company currency; foreign amounts at today's rate.",
    )

    @api.depends("charge_ids.state", "charge_ids.amount", "charge_ids.amount_waived")
    def _compute_amount_charges(self):
        for account in self:
            standing = account.charge_ids.filtered(lambda one: one.state in ("announced", "booked"))
            today = fields.Date.context_today(account)
            account.amount_charges = sum(
                currency._convert(
                    sum(charges.mapped("amount_due")), account.currency_id, account.company_id, today
                )
                for currency, charges in standing.grouped("currency_id").items()
            )

    def write(self, vals):
        """Override: from the day a customer is marked insolvent no interest accrues."""
        marked = bool(vals.get("is_insolvent"))
        changed = self.filtered(lambda one: "is_insolvent" in vals and one.is_insolvent != marked)
        res = super().write(vals)
        for account in changed:
            account._follow_insolvency()
        return res

    def _follow_insolvency(self):
        """A mark taken away on the day it was set was a slip; later, its days stay without interest."""
        today = self.company_id._dunning_today()
        open_ones = self.sudo().charge_stop_ids.filtered(
            lambda stop: not stop.last_date or stop.last_date >= today
        )
        if self.is_insolvent:
            if not open_ones:
                self.env["dunning.charge.stop"].sudo().create(
                    {
                        "account_id": self.id,
                        "first_date": today,
                        "reason": self.env._("Insolvent"),
                        "is_insolvency": True,
                    }
                )
            return
        mine = open_ones.filtered(lambda stop: stop.is_insolvency and not stop.last_date)
        slips = mine.filtered(lambda stop: stop.first_date >= today)
        slips.unlink()
        (mine - slips).last_date = today

    @api.constrains(
        "agreed_rate_unit", "agreed_rate_value", "agreed_rate_reference", "charge_law", "debtor_type"
    )
    def _check_agreed_rate(self):
        """Under the floor or over the cap of the law: refused with the row named."""
        for account in self.filtered("agreed_rate_unit"):
            if account.agreed_rate_unit == "pp" and not account.agreed_rate_reference:
                raise ValidationError(
                    self.env._(
                        "%(customer)s: the agreed rate builds on a reference rate. Choose it under “Over”.",
                        customer=account.display_name,
                    )
                )
            try:
                account._try_agreed_rate()
            except LawError as error:
                raise ValidationError(
                    self.env._("%(customer)s: %(problem)s", customer=account.display_name, problem=error)
                ) from error

    def _try_agreed_rate(self):
        """Raises LawError when the rate cannot be charged on a claim that falls late today."""
        library = self.env["dunning.law.row"]._library()
        today = self.company_id._dunning_today()
        debtor_type = DEBTOR_TYPES[self.debtor_type or "business"]
        law = choose_law(
            library.choices,
            library.book.jurisdictions,
            seller=self.company_id._dunning_place(),
            customer=Place(self.partner_id.country_id.code or self.company_id.country_id.code or "",
                           self.partner_id.state_id.code or ""),
            debtor_type=debtor_type,
            policy_law=self.effective_policy_id.charge_law or "",
            customer_law=self.charge_law or "",
        )  # fmt: skip
        library.book.agreed_terms(
            law.jurisdiction, debtor_type, ClaimDates(today, today, today, today), self._agreed_rate()
        )

    def _agreed_rate(self):
        """The engine's AgreedRate, or None."""
        self.ensure_one()
        if not self.agreed_rate_unit:
            return None
        return AgreedRate(
            Decimal(f"{self.agreed_rate_value:.4f}"),
            self.agreed_rate_unit,
            self.agreed_rate_reference or "" if self.agreed_rate_unit == "pp" else "",
            self.env._("Rate agreed with %(customer)s", customer=self.display_name),
        )

    def _dunning_post_waived(self, charges, reason):
        """Say in the chatter what was let off, and why."""
        for account in self:
            mine = charges.filtered(lambda one, account=account: one.account_id == account)
            account.message_post(
                body=self.env._(
                    "Waived: %(charges)s. %(reason)s",
                    charges=", ".join(
                        f"{one.display_name} {one.currency_id.format(one.amount_waived)}" for one in mine
                    ),
                    reason=reason,
                )
            )

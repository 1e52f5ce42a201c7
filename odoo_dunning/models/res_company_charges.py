from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..engine.law_choice import Place

# Which of the company's accounts and taxes a kind of charge is booked with.
BOOKED_AS = {
    "interest": "interest",
    "recovery_sum": "recovery",
    "collection_cost": "recovery",
}
_ACCOUNT_DOMAIN = "[('account_type', 'in', ('income', 'income_other'))]"
_TAX_DOMAIN = "[('type_tax_use', '=', 'sale'), ('price_include', '=', True)]"


class ResCompany(models.Model):
    """How charges are booked. Nothing is booked until an admin says so."""

    _inherit = "res.company"

    dunning_charge_booking = fields.Selection(
        [("issue", "When the message leaves"), ("paid", "When the invoice is paid"), ("never", "Never")],
        string="Book charges",
        default="never",
        required=True,
        prefetch="odoo_dunning",
    )
    dunning_charge_when_paid = fields.Selection(
        [("claim", "Stay claimed"), ("drop", "Are dropped")],
        string="When the invoice is paid, open charges",
        default="claim",
        required=True,
        prefetch="odoo_dunning",
    )
    dunning_charge_journal_id = fields.Many2one(
        "account.journal",
        string="Journal for charges",
        domain="[('type', '=', 'sale')]",
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_interest_account_id = fields.Many2one(
        "account.account",
        string="Income account for interest",
        domain=_ACCOUNT_DOMAIN,
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_interest_tax_id = fields.Many2one(
        "account.tax",
        string="Tax on interest",
        domain=_TAX_DOMAIN,
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_recovery_account_id = fields.Many2one(
        "account.account",
        string="Income account for recovery costs",
        domain=_ACCOUNT_DOMAIN,
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_recovery_tax_id = fields.Many2one(
        "account.tax",
        string="Tax on recovery costs",
        domain=_TAX_DOMAIN,
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_fee_account_id = fields.Many2one(
        "account.account",
        string="Income account for fees",
        domain=_ACCOUNT_DOMAIN,
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_fee_tax_id = fields.Many2one(
        "account.tax",
        string="Tax on fees",
        domain=_TAX_DOMAIN,
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_discount_account_id = fields.Many2one(
        "account.account",
        string="Account for early-settlement discounts",
        domain="[('account_type', 'in', ('expense', 'income', 'income_other'))]",
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_discount_journal_id = fields.Many2one(
        "account.journal",
        string="Journal for discounts",
        domain="[('type', '=', 'general')]",
        check_company=True,
        prefetch="odoo_dunning",
    )
    dunning_is_msme = fields.Boolean(
        string="Registered micro or small supplier",
        help="India, MSMED Act.",
        prefetch="odoo_dunning",
    )

    @api.constrains("dunning_interest_tax_id", "dunning_recovery_tax_id", "dunning_fee_tax_id")
    def _check_dunning_charge_taxes(self):
        """What the message announced is what the customer pays: a tax on top would change it."""
        for company in self:
            for tax in (
                company.dunning_interest_tax_id | company.dunning_recovery_tax_id | company.dunning_fee_tax_id
            ):
                if not tax.price_include:
                    raise ValidationError(
                        self.env._(
                            "%(company)s: tax %(tax)s comes on top of the price. Choose one included in it: the "
                            "customer pays the amount that the message announced.",
                            company=company.name,
                            tax=tax.name,
                        )
                    )

    def _dunning_check_period(self, journal):
        """Nothing is posted in a locked period.

        :raise UserError: naming the lock and its last day
        """
        self.ensure_one()
        today = self._dunning_today()
        locks = self._get_violated_lock_dates(today, True, journal)
        if locks:
            raise UserError(
                self.env._(
                    "%(company)s: the period of %(day)s is locked (field “%(field)s”, until %(until)s). Open it, or "
                    "book later.",
                    company=self.name,
                    day=today,
                    field=self._fields[locks[-1][1]]._description_string(self.env),
                    until=locks[-1][0],
                )
            )

    def _dunning_place(self):
        """Where the company sits, for the choice of law."""
        self.ensure_one()
        return Place(self.country_id.code or "", self.state_id.code or "")

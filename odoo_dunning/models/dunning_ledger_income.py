from odoo import fields, models
from odoo.exceptions import UserError

from .. import lib
from .dunning_ledger_account import too_long


class DunningLedgerIncome(models.Model):
    """What charges can be booked on in a ledger: an item of QuickBooks, a revenue account of Xero."""

    _name = "dunning.ledger.income"
    _description = "Item or revenue account of a ledger"
    _order = "name, id"

    ledger_id = fields.Many2one(
        "dunning.ledger", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    external_id = fields.Char(string="Id at the source", required=True, readonly=True)
    name = fields.Char(required=True, readonly=True)
    active = fields.Boolean(default=True, readonly=True)

    _external_uniq = models.Constraint(
        "UNIQUE (ledger_id, external_id)", "An item or account of a ledger is listed once."
    )


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    income_ids = fields.One2many(
        "dunning.ledger.income", "ledger_id", string="Items or accounts for charges", readonly=True
    )

    def action_read_incomes(self):
        """Read what charges can be booked on."""
        self.ensure_one()
        self.check_access("write")
        try:
            client = self._open_client(sleep=too_long)
            found = lib.part(f"{self.vendor}.writes").incomes(client)
        except lib.part("errors").ConnectorError as error:
            raise UserError(error.message) from None
        self.sudo()._keep_incomes(found)
        return True

    def _keep_incomes(self, found):
        """Those no longer offered are archived, and chosen no more: booking would be refused."""
        known = {one.external_id: one for one in self.with_context(active_test=False).income_ids}
        for income in found:
            vals = {"name": income.name, "active": True}
            if income.id in known:
                known.pop(income.id).write(vals)
            else:
                self.env["dunning.ledger.income"].create(
                    {"ledger_id": self.id, "external_id": income.id, **vals}
                )
        gone = self.env["dunning.ledger.income"].union(*known.values())
        gone.active = False
        for name in ("charge_income_id", "charge_interest_income_id", "charge_recovery_income_id"):
            if self[name] in gone:
                self[name] = False

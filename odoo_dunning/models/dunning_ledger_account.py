from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import lib


class DunningLedgerAccount(models.Model):
    """An account of a ledger that takes payments."""

    _name = "dunning.ledger.account"
    _description = "Account of a ledger"
    _order = "name, id"

    ledger_id = fields.Many2one(
        "dunning.ledger", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    external_id = fields.Char(string="Id at the source", required=True, readonly=True)
    name = fields.Char(required=True, readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True, help="Empty: takes any.")
    active = fields.Boolean(default=True, readonly=True)

    _external_uniq = models.Constraint(
        "UNIQUE (ledger_id, external_id)", "An account of a ledger is listed once."
    )

    @api.depends("name", "currency_id")
    def _compute_display_name(self):
        for account in self:
            account.display_name = (
                f"{account.name} ({account.currency_id.name})" if account.currency_id else account.name
            )


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    account_ids = fields.One2many(
        "dunning.ledger.account", "ledger_id", string="Accounts that take payments", readonly=True
    )
    payment_account_id = fields.Many2one(
        "dunning.ledger.account",
        string="Payments go to",
        domain="[('ledger_id', '=', id)]",
        ondelete="restrict",
        help="Account in the ledger that received the money, unless another one is chosen with the payment.",
    )

    def action_read_accounts(self):
        """Read the ledger's accounts that take payments."""
        self.ensure_one()
        self.check_access("write")
        errors = lib.part("errors")
        try:
            client = self._open_client(sleep=too_long)
            found = lib.part(f"{self.vendor}.writes").payment_accounts(client)
        except errors.ConnectorError as error:
            raise UserError(error.message) from None
        self.sudo()._keep_accounts(found)
        return True

    def _keep_accounts(self, found):
        """Accounts that are no longer offered are archived: payments name them."""
        known = {one.external_id: one for one in self.with_context(active_test=False).account_ids}
        currencies = {
            one.name: one.id for one in self.env["res.currency"].with_context(active_test=False).search([])
        }
        for account in found:
            vals = {
                "name": account.name,
                "currency_id": currencies.get(account.currency, False),
                "active": True,
            }
            if account.id in known:
                known.pop(account.id).write(vals)
            else:
                self.env["dunning.ledger.account"].create(
                    {"ledger_id": self.id, "external_id": account.id, **vals}
                )
        gone = self.env["dunning.ledger.account"].union(*known.values())
        gone.active = False
        if self.payment_account_id in gone:
            self.payment_account_id = False


def too_long(seconds):
    """A person is waiting: do not."""
    raise lib.part("errors").Retry("The ledger has no answer just now. Try again in a minute.", seconds)

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import lib


class DunningLedger(models.Model):
    """The ledger may remind customers by itself. Then they would hear twice: it has to be switched off there."""

    _inherit = "dunning.ledger"

    origin_reminders_checked_at = fields.Datetime(string="Confirmed on", readonly=True, copy=False)
    origin_reminders_user_id = fields.Many2one("res.users", string="Confirmed by", readonly=True, copy=False)
    origin_reminders_on = fields.Boolean(
        string="The ledger reminds customers itself",
        readonly=True,
        copy=False,
        help="As the ledger itself says.",
    )
    origin_reminders_steps = fields.Char(
        compute="_compute_origin_reminders_steps", string="How to switch them off"
    )
    warns_of_double_reminders = fields.Boolean(
        compute="_compute_warns_of_double_reminders", string="Customers may be reminded twice"
    )

    @api.depends("vendor")
    def _compute_origin_reminders_steps(self):
        steps = {
            "quickbooks": self.env._(
                "In QuickBooks: gear icon, Account and settings, Sales, Reminders: switch “Automatic invoice "
                "reminders” off and save."
            ),
            "xero": self.env._(
                "In Xero: the organisation's name, Settings, Invoice settings, Invoice Reminders: clear “Email "
                "customers when an invoice is” and save."
            ),
        }
        for ledger in self:
            ledger.origin_reminders_steps = steps.get(ledger.vendor)

    @api.depends("are_origin_reminders_off", "origin_reminders_on", "organisation_ref")
    def _compute_warns_of_double_reminders(self):
        for ledger in self:
            is_open = not ledger.are_origin_reminders_off or ledger.origin_reminders_on
            ledger.warns_of_double_reminders = bool(ledger.organisation_ref) and is_open

    def write(self, vals):
        """Override to keep who confirmed it and when."""
        res = super().write(vals)
        if "are_origin_reminders_off" in vals:
            self.sudo().write(self._confirmation(vals["are_origin_reminders_off"]))
        return res

    def _confirmation(self, is_off):
        if not is_off:
            return {"origin_reminders_checked_at": False, "origin_reminders_user_id": False}
        return {
            "origin_reminders_checked_at": fields.Datetime.now(),
            "origin_reminders_user_id": self.env.uid,
        }

    def action_confirm_origin_reminders_off(self):
        """A person says that the ledger's own reminders are switched off; Xero is asked whether that is so."""
        self.ensure_one()
        self.check_access("write")
        if self._ask_origin_reminders():
            raise UserError(
                self.env._(
                    "%(ledger)s still sends invoice reminders, it says. %(steps)s",
                    ledger=self.organisation_name or self.name,
                    steps=self.origin_reminders_steps,
                )
            )
        self.are_origin_reminders_off = True

    def _ask_origin_reminders(self):
        """Ask the ledger whether it reminds customers itself. Return that; False where it does not say or cannot be
        asked now."""
        self.ensure_one()
        try:
            client = self._open_client(sleep=_no_waiting)
            is_on = lib.part(f"{self.vendor}.writes").sends_reminders(client)
        except lib.part("errors").ConnectorError:
            return False
        if is_on is not None and is_on != self.origin_reminders_on:
            self.sudo().origin_reminders_on = is_on
        return bool(is_on)

    @api.model
    def _cron_watch_connections(self):
        """Override to look daily whether somebody switched the ledger's own reminders on again."""
        res = super()._cron_watch_connections()
        for ledger in self.search([("state", "=", "connected"), ("vendor", "=", "xero")]):
            was_on = ledger.origin_reminders_on
            if ledger._ask_origin_reminders() and not was_on:
                summary = self.env._("%(ledger)s sends reminders of its own", ledger=ledger.name)
                if summary not in ledger.activity_ids.mapped("summary"):
                    ledger._alert(summary, ledger.origin_reminders_steps)
        return res


def _no_waiting(seconds):
    raise lib.part("errors").Retry("The ledger has no answer just now.", seconds)

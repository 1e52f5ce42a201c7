from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from .. import lib
from .dunning_ledger_consent import FreshToken


class DunningLedgerScreen(models.Model):
    """The page of a connection: what it says of its own state, and buttons."""

    _inherit = "dunning.ledger"

    state_line = fields.Char(compute="_compute_state_line", string="How it stands")
    state_kind = fields.Selection(
        [("success", "Good"), ("info", "Busy"), ("warning", "Look at it"), ("danger", "Stopped")],
        compute="_compute_state_line",
        string="Tone of the message",
    )
    is_running = fields.Boolean(compute="_compute_is_running", string="Being read")
    is_due = fields.Boolean(
        compute="_compute_is_running",
        help="The scheduler takes the next pass up within a moment.",
        string="About to be read",
    )
    last_sync_id = fields.Many2one("dunning.ledger.sync", compute="_compute_last_sync_id", string="Last pass")
    item_count = fields.Integer(compute="_compute_item_count", string="Open receivables")
    customer_count = fields.Integer(compute="_compute_item_count", string="Customers read")

    def _compute_is_running(self):
        now = fields.Datetime.now()
        for ledger in self:
            ledger.is_running = bool(ledger.lease_until and ledger.lease_until > now)
            ledger.is_due = ledger.state == "connected" and bool(
                ledger.next_sync_at and ledger.next_sync_at <= now
            )

    def _compute_last_sync_id(self):
        for ledger in self:
            ledger.last_sync_id = self.env["dunning.ledger.sync"].search(
                [("ledger_id", "=", ledger.id)], limit=1
            )

    def _compute_item_count(self):
        items = dict(
            self.env["dunning.item"]._read_group(
                [("ledger_id", "in", self.ids), ("is_open", "=", True)], ["ledger_id"], ["__count"]
            )
        )
        customers = dict(
            self.env["dunning.customer"]._read_group(
                [("ledger_id", "in", self.ids)], ["ledger_id"], ["__count"]
            )
        )
        for ledger in self:
            ledger.item_count = items.get(ledger, 0)
            ledger.customer_count = customers.get(ledger, 0)

    @api.depends("state", "state_reason", "last_good_sync_at", "wait_until")
    def _compute_state_line(self):
        for ledger in self:
            ledger.state_kind, ledger.state_line = ledger._state_line()

    def _state_line(self):
        if self.state == "new":
            return "info", self.env._(
                "Not connected yet. Enter the Client ID and secret of your app, then press Connect."
            )
        if self.state == "reconnect":
            return "danger", self.env._(
                "Reading has stopped: %(reason)s Press Connect and give access again.",
                reason=self.state_reason or self.env._("access was withdrawn."),
            )
        if self.state == "paused":
            return "warning", self.env._("Paused: nothing is read. Messages stop when the data is too old.")
        if self.has_organisation_choices:
            return "warning", self.env._("Access is given. Choose the organisation to read.")
        if self.is_running:
            return "info", self.env._("A pass is running.")
        if self.is_due:
            return "info", self.env._("The next pass starts within a moment.")
        return self._connected_line()

    def _connected_line(self):
        now = fields.Datetime.now()
        if self.wait_until and self.wait_until > now:
            return "info", self.env._(
                "The call limit of %(vendor)s is used up; it goes on at %(time)s.",
                vendor=self._vendor_label(),
                time=format_datetime(self.env, self.wait_until),
            )
        if not self.last_good_sync_at:
            return "warning", self.env._(
                "Connected, but nothing was read yet. Messages wait for the first good pass."
            )
        read_at = format_datetime(self.env, self.last_good_sync_at)
        if self.is_stale:
            return "danger", self.env._(
                "Last read on %(time)s: too old. Its receivables get no messages until it is read again.",
                time=read_at,
            )
        if self.difference_count or self.quarantine_count:
            return "warning", self.env._(
                "Last read on %(time)s. Some records need a look, see below.", time=read_at
            )
        return "success", self.env._(
            "Last read on %(time)s; the totals agree with %(vendor)s.",
            time=read_at,
            vendor=self._vendor_label(),
        )

    def action_test(self):
        """Ask the vendor for the name of the organisation with the stored access."""
        self.ensure_one()
        self.check_access("write")
        if not self.organisation_ref:
            raise UserError(
                self.env._("%(ledger)s is not connected yet. Press Connect first.", ledger=self.name)
            )
        errors = lib.part("errors")
        try:
            access_token, _expires_at = self._secrets()._fresh()
            names = self._names_reached(access_token)
        except errors.ConnectorError as error:
            raise UserError(
                self.env._(
                    "%(vendor)s does not answer as it should: %(cause)s",
                    vendor=self._vendor_label(),
                    cause=error.message,
                )
            ) from None
        return self._notify(
            "success",
            self.env._("%(vendor)s answers: %(names)s.", vendor=self._vendor_label(), names=", ".join(names)),
        )

    def _names_reached(self, access_token):
        if self.vendor == "quickbooks":
            return [self._company_name_by(access_token)]
        oauth = lib.part("xero.oauth")
        found = [
            one.name
            for one in oauth.reached(access_token, urls=self._urls())
            if one.id == self.organisation_ref
        ]
        if not found:
            raise UserError(
                self.env._(
                    "Access to %(organisation)s was taken away. Connect again.",
                    organisation=self.organisation_name,
                )
            )
        return found

    def _company_name_by(self, access_token):
        quickbooks, client = lib.part("quickbooks"), lib.part("quickbooks.client")
        api_url = self._urls().get("api") or lib.part("quickbooks.oauth").APIS[self.environment]
        budget = lib.part("budget").Budget(quickbooks.LIMITS)
        company = client.Client(api_url, self.organisation_ref, FreshToken(access_token), budget).get(
            "CompanyInfo", self.organisation_ref
        )
        return company.get("CompanyName") or self.organisation_name

    def action_read_everything(self):
        """Forget where the last pass ended: the next one reads all records and compares ids and totals."""
        self.ensure_one()
        self.check_access("write")
        self.sudo().cursors = False
        self._request_sync()
        return self._notify(
            "info",
            self.env._("The next pass reads everything and compares all totals. It starts within a moment."),
        )

    def _notify(self, kind, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _see(self, model, title, domain=()):
        """Rows of this connection in a list of their own."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model,
            "view_mode": "list,form",
            "domain": [("ledger_id", "=", self.id), *domain],
        }

    def action_see_items(self):
        """Its open receivables."""
        return self._see("dunning.item", self.env._("Open receivables"), [("is_open", "=", True)])

    def action_see_customers(self):
        """The customers read from it."""
        return self._see("dunning.customer", self.env._("Customers"))

    def action_see_quarantine(self):
        """The records that could not be read."""
        return self._see("dunning.quarantine", self.env._("Set aside"), [("state", "=", "open")])

    def action_see_differences(self):
        """The customers whose total differs."""
        return self._see("dunning.ledger.difference", self.env._("Differences"))

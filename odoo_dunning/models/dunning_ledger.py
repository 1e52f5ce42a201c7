from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from .. import secrets


class DunningLedger(models.Model):
    """A connection to one organisation in QuickBooks Online or Xero.

    The vendor's books stay the books of record; what is read from them becomes customers and receivables of
    `company_id`. Secrets lie in `dunning.ledger.token`, encrypted, and no field here gives them out.
    """

    _name = "dunning.ledger"
    _description = "Ledger connection"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "company_id, name, id"
    _check_company_auto = True

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        default=lambda self: self.env.user,
        index="btree_not_null",
        help="Is told when the connection needs a person.",
    )
    vendor = fields.Selection(
        [("quickbooks", "QuickBooks Online"), ("xero", "Xero")],
        string="Ledger",
        required=True,
        default="quickbooks",
    )
    environment = fields.Selection(
        [("production", "Production"), ("sandbox", "Sandbox")],
        required=True,
        default="production",
        help="A sandbox holds invented books. A connection never changes from one to the other.",
    )
    endpoint_url = fields.Char(
        string="Server",
        groups="base.group_system",
        help="Address of a local sandbox server. Leave empty to talk to the vendor.",
    )
    state = fields.Selection(
        [
            ("new", "Not connected"),
            ("connected", "Connected"),
            ("reconnect", "Reconnect needed"),
            ("paused", "Paused"),
        ],
        required=True,
        readonly=True,
        default="new",
        copy=False,
        tracking=True,
    )
    state_reason = fields.Char(readonly=True, copy=False, string="Reason of the state")

    organisation_ref = fields.Char(string="Organisation id", readonly=True, copy=False)
    organisation_name = fields.Char(string="Organisation", readonly=True, copy=False)
    organisation_choices = fields.Json(
        copy=False, groups=fields.NO_ACCESS, string="Organisations to choose from"
    )
    scopes_granted = fields.Char(string="Permissions granted", readonly=True, copy=False)

    client_id = fields.Char(
        string="Client ID", copy=False, help="Of the app registered with the vendor's developers."
    )
    client_secret = fields.Char(
        compute="_compute_write_only",
        inverse="_inverse_client_secret",
        help="Stored encrypted; never shown again.",
        string="Client secret",
    )
    webhook_key = fields.Char(
        compute="_compute_write_only",
        inverse="_inverse_webhook_key",
        help="QuickBooks: verifier token. Xero: webhooks key. Stored encrypted; never shown again.",
        string="Webhook key",
    )
    token_ids = fields.One2many("dunning.ledger.token", "ledger_id", groups=fields.NO_ACCESS, string="Access")
    has_client_secret = fields.Boolean(compute="_compute_token_facts", string="Secret is stored")
    has_webhook_key = fields.Boolean(compute="_compute_token_facts", string="Webhook key is stored")
    token_refreshed_at = fields.Datetime(string="Access renewed", compute="_compute_token_facts")
    refresh_expires_at = fields.Datetime(
        string="Access ends if unused", compute="_compute_token_facts", help="Each renewal moves this on."
    )
    hard_end_at = fields.Datetime(
        string="Access ends for good",
        compute="_compute_token_facts",
        help="However often it is renewed: connect again before this day.",
    )

    cursors = fields.Json(copy=False, groups=fields.NO_ACCESS, string="Read up to")
    lease_key = fields.Char(copy=False, groups=fields.NO_ACCESS, string="Key of the pass under way")
    lease_closed_key = fields.Char(copy=False, groups=fields.NO_ACCESS, string="Key of the last pass")
    lease_runner = fields.Char(string="Synchronised by", readonly=True, copy=False)
    lease_until = fields.Datetime(readonly=True, copy=False, string="Pass under way until")
    wait_until = fields.Datetime(
        string="Waiting until",
        readonly=True,
        copy=False,
        help="The vendor's call limit lets no more reads through.",
    )

    sync_interval_minutes = fields.Integer(string="Synchronise every (minutes)", required=True, default=60)
    stale_after_hours = fields.Integer(
        string="Data too old after (hours)",
        required=True,
        default=24,
        help="Dunning of this ledger's receivables pauses when the last good pass is older.",
    )
    last_good_sync_at = fields.Datetime(string="Last good pass", readonly=True, copy=False)
    next_sync_at = fields.Datetime(string="Next pass", readonly=True, copy=False, index="btree_not_null")
    is_stale = fields.Boolean(string="Data too old", compute="_compute_is_stale")
    sync_ids = fields.One2many("dunning.ledger.sync", "ledger_id", string="Passes", readonly=True)
    quota = fields.Json(string="Calls left at the vendor", readonly=True, copy=False)

    removal_asked = fields.Integer(string="Removals to confirm", readonly=True, copy=False)
    removal_confirmed = fields.Integer(
        readonly=True,
        copy=False,
        help="So many removals the next pass may make.",
        string="Removals confirmed",
    )
    removal_share_pct = fields.Integer(
        string="Ask before removing more than (%)",
        required=True,
        default=10,
        help="A pass that finds more than this share of the open receivables gone at the source asks first.",
    )
    are_origin_reminders_off = fields.Boolean(
        string="The ledger's own reminders are switched off",
        tracking=True,
        help="Else the customer is reminded twice.",
    )
    partner_match = fields.Selection(
        [
            ("none", "Always create a new contact"),
            ("vat_email", "Use the contact with the same VAT, or name and email"),
        ],
        string="Known customers",
        required=True,
        default="vat_email",
    )
    is_partner_shared = fields.Boolean(
        string="Contacts for all companies",
        help="New contacts are visible in every company of this database.",
    )

    customer_ids = fields.One2many("dunning.customer", "ledger_id", string="Customers", readonly=True)
    quarantine_ids = fields.One2many(
        "dunning.quarantine", "ledger_id", readonly=True, string="Records set aside"
    )
    difference_ids = fields.One2many(
        "dunning.ledger.difference", "ledger_id", string="Differences", readonly=True
    )
    quarantine_count = fields.Integer(compute="_compute_counts", string="Set aside")
    difference_count = fields.Integer(compute="_compute_counts", string="Number of differences")
    held_count = fields.Integer(string="Removals held back", compute="_compute_counts")

    _organisation_uniq = models.UniqueIndex(
        "(vendor, environment, organisation_ref) WHERE organisation_ref IS NOT NULL",
        "This organisation is already connected. Open that connection instead of making a second one.",
    )
    _interval_positive = models.Constraint(
        "CHECK (sync_interval_minutes > 0 AND stale_after_hours > 0)", "The times must be above zero."
    )
    _share_range = models.Constraint(
        "CHECK (removal_share_pct BETWEEN 0 AND 100)", "The share must lie between 0 and 100."
    )

    # === COMPUTE METHODS === #

    def _compute_write_only(self):
        self.client_secret = False
        self.webhook_key = False

    def _inverse_client_secret(self):
        for ledger in self.filtered("client_secret"):
            ledger._secrets()._set_client_secret(ledger.client_secret)

    def _inverse_webhook_key(self):
        for ledger in self.filtered("webhook_key"):
            ledger._secrets()._set_webhook_key(ledger.webhook_key)

    @api.depends("token_ids")
    def _compute_token_facts(self):
        for ledger in self:
            token = ledger.sudo().token_ids
            ledger.has_client_secret = bool(token.client_secret)
            ledger.has_webhook_key = bool(token.webhook_key)
            ledger.token_refreshed_at = token.refreshed_at
            ledger.refresh_expires_at = token.refresh_expires_at
            ledger.hard_end_at = token.hard_end_at

    @api.depends("last_good_sync_at", "stale_after_hours", "state")
    def _compute_is_stale(self):
        stale = self._stale()
        for ledger in self:
            ledger.is_stale = ledger.id in stale

    def _compute_counts(self):
        quarantined = dict(
            self.env["dunning.quarantine"]._read_group(
                [("ledger_id", "in", self.ids), ("state", "=", "open")], ["ledger_id"], ["__count"]
            )
        )
        differences = dict(
            self.env["dunning.ledger.difference"]._read_group(
                [("ledger_id", "in", self.ids)], ["ledger_id"], ["__count"]
            )
        )
        held = dict(
            self.env["dunning.ledger.record"]
            .sudo()
            ._read_group([("ledger_id", "in", self.ids), ("state", "=", "held")], ["ledger_id"], ["__count"])
        )
        for ledger in self:
            ledger.quarantine_count = quarantined.get(ledger, 0)
            ledger.difference_count = differences.get(ledger, 0)
            ledger.held_count = held.get(ledger, 0)

    # === CONSTRAINTS AND CRUD === #

    @api.constrains("endpoint_url", "environment")
    def _check_endpoint_is_sandbox(self):
        for ledger in self.sudo():
            if ledger.endpoint_url and ledger.environment != "sandbox":
                raise ValidationError(
                    self.env._(
                        "%(ledger)s: a server address of your own is for sandboxes. "
                        "Set the environment to Sandbox, or clear the address.",
                        ledger=ledger.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_set_by_system(vals)
        # The row of secrets comes first: the inverse of `client_secret` writes into it.
        ledgers = super().create(
            [{key: value for key, value in vals.items() if key not in WRITE_ONLY} for vals in vals_list]
        )
        self.env["dunning.ledger.token"].sudo().create([{"ledger_id": ledger.id} for ledger in ledgers])
        for ledger, vals in zip(ledgers, vals_list, strict=True):
            given = {key: vals[key] for key in WRITE_ONLY if vals.get(key)}
            if given:
                ledger.write(given)
        return ledgers

    def write(self, vals):
        self._check_set_by_system(vals)
        if IDENTITY & vals.keys():
            self._check_identity_may_change(vals)
        return super().write(vals)

    def _check_set_by_system(self, vals):
        """State, organisation and lease follow from a consent and from passes; a screen or a call never sets them."""
        if not self.env.su and SET_BY_SYSTEM & vals.keys():
            raise AccessError(
                self.env._(
                    "%(fields)s of a ledger is set by connecting and synchronising, not by hand.",
                    fields=", ".join(sorted(SET_BY_SYSTEM & vals.keys())),
                )
            )

    def _check_identity_may_change(self, vals):
        """Whose books these are stays as it was: else two ledgers' records would mix, or a stored secret be sent
        to another server."""
        for ledger in self.sudo():
            changed = [
                key
                for key in IDENTITY & vals.keys()
                if vals[key] != ledger._fields[key].convert_to_write(ledger[key], ledger)
            ]
            if changed and (ledger.organisation_ref or ledger.token_ids.answer):
                raise UserError(
                    self.env._(
                        "%(ledger)s has been connected: its ledger, environment, server and company stay as they are. "
                        "Make a new connection for other books.",
                        ledger=ledger.name,
                    )
                )
            if changed and "company_id" not in changed:
                ledger.token_ids._forget_app()

    @api.ondelete(at_uninstall=False)
    def _unlink_only_unused(self):
        for ledger in self.sudo():
            if ledger.organisation_ref:
                raise UserError(
                    self.env._(
                        "%(ledger)s has a history. Disconnect and archive it instead of deleting it.",
                        ledger=ledger.name,
                    )
                )

    # === STATE === #

    def _secrets(self):
        self.ensure_one()
        return self.sudo().token_ids

    def _connected(self, organisation_ref, organisation_name):
        """The consent is given and the organisation chosen."""
        self.sudo().write(
            {
                "state": "connected",
                "state_reason": False,
                "organisation_ref": organisation_ref,
                "organisation_name": organisation_name,
                "organisation_choices": False,
                "next_sync_at": fields.Datetime.now(),
                "wait_until": False,
            }
        )
        self.activity_unlink(["mail.mail_activity_data_todo"])

    def _need_reconnect(self, reason):
        """Stop reading and tell the responsible person, once."""
        for ledger in self.filtered(lambda one: one.state == "connected"):
            ledger.sudo().write({"state": "reconnect", "state_reason": reason, "next_sync_at": False})
            ledger._alert(self.env._("%(ledger)s: reconnect needed", ledger=ledger.name), reason)

    def _alert(self, summary, note):
        """Leave a to-do for the responsible person and a line in the history."""
        self.ensure_one()
        self.message_post(body=note, subject=summary)
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            note=note,
            user_id=(self.user_id.filtered("active") or self.env.ref("base.user_admin")).id,
        )

    @api.model
    def _stale(self):
        """Return `{ledger id: last good pass (naive UTC) or None}` of ledgers whose data is too old to dun on.

        A ledger that was never connected has no receivables and is not in it; a paused, disconnected or broken one
        is, as soon as its data is older than its hours.
        """
        now = fields.Datetime.now()
        ledgers = self.sudo().with_context(active_test=False).search([("organisation_ref", "!=", False)])
        return {
            ledger.id: ledger.last_good_sync_at or None
            for ledger in ledgers
            if not ledger.last_good_sync_at
            or ledger.last_good_sync_at < now - timedelta(hours=ledger.stale_after_hours)
        }

    # === ACTIONS === #

    def action_connect(self):
        """Open the vendor's consent page; it comes back to `/dunning/oauth/callback`."""
        self.ensure_one()
        self.check_access("write")
        secrets.check_key(self.env)
        if not self.client_id:
            raise UserError(
                self.env._(
                    "%(ledger)s: enter the Client ID of your app first. You get it from the developer pages of "
                    "%(vendor)s.",
                    ledger=self.name,
                    vendor=self._vendor_label(),
                )
            )
        return {"type": "ir.actions.act_url", "url": f"/dunning/oauth/start/{self.id}", "target": "self"}

    def action_disconnect(self):
        """Withdraw the consent at the vendor and forget the tokens. Receivables and history stay."""
        for ledger in self:
            ledger.check_access("write")
            note = ledger._secrets()._revoke()
            ledger.sudo().write(
                {"state": "new", "state_reason": False, "next_sync_at": False, "lease_key": False}
            )
            ledger.message_post(body=note)

    def action_pause(self):
        """Stop reading. Dunning of this ledger's receivables stops too, once the data is too old."""
        self.check_access("write")
        self.filtered(lambda one: one.state == "connected").sudo().write(
            {"state": "paused", "next_sync_at": False}
        )

    def action_resume(self):
        self.check_access("write")
        self.filtered(lambda one: one.state == "paused").sudo().write(
            {"state": "connected", "next_sync_at": fields.Datetime.now()}
        )

    def action_sync_now(self):
        """Ask the scheduler for a pass at once; several clicks make one pass."""
        self.check_access("read")
        self._request_sync()
        message = self.env._("The pass starts within a moment.")
        if any(one.wait_until and one.wait_until > fields.Datetime.now() for one in self):
            message = self.env._(
                "The vendor's call limit is used up; the pass starts as soon as it lets us read again."
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"type": "info", "message": message},
        }

    def _request_sync(self):
        due = self.filtered(lambda one: one.state == "connected")
        if not due:
            raise UserError(
                self.env._("Only a connected ledger can be synchronised. Connect or resume it first.")
            )
        due.sudo().write({"next_sync_at": fields.Datetime.now()})
        self.env.ref("odoo_dunning.ir_cron_ledger_sync").sudo()._trigger()

    def _vendor_label(self):
        return dict(self._fields["vendor"]._description_selection(self.env))[self.vendor]


WRITE_ONLY = ("client_secret", "webhook_key")
IDENTITY = {"vendor", "environment", "endpoint_url", "company_id"}
SET_BY_SYSTEM = {
    "state",
    "state_reason",
    "organisation_ref",
    "organisation_name",
    "organisation_choices",
    "scopes_granted",
    "cursors",
    "lease_key",
    "lease_closed_key",
    "lease_runner",
    "lease_until",
    "wait_until",
    "last_good_sync_at",
    "next_sync_at",
    "quota",
    "removal_confirmed",
    "removal_asked",
    "origin_reminders_checked_at",
    "origin_reminders_user_id",
    "origin_reminders_on",
}

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import lib, secrets

CALLBACK = "/dunning/oauth/callback"


class FreshToken:
    """A token that has just been handed out: a refusal is not cured by another one."""

    def __init__(self, access):
        self.access = access

    def renew(self):
        raise lib.part("errors").Stop(
            "The ledger refuses the access it has just given. Check that app, company and environment (sandbox or "
            "production) belong together."
        )


class DunningLedgerConsent(models.Model):
    """Consent of a ledger's owner: asked for, taken, tied to one organisation."""

    _inherit = "dunning.ledger"

    redirect_url = fields.Char(
        compute="_compute_addresses",
        help="Register this very address with your app at the vendor's developer pages.",
        string="Redirect address",
    )
    webhook_url = fields.Char(
        compute="_compute_addresses",
        help="Enter this address as the webhook of your app, to hear of changes at once.",
        string="Webhook address",
    )
    has_organisation_choices = fields.Boolean(
        compute="_compute_has_organisation_choices", string="Organisation to be chosen"
    )

    @api.depends("vendor")
    def _compute_addresses(self):
        base = self.env["ir.config_parameter"].sudo().get_param("web.base.url", "")
        for ledger in self:
            ledger.redirect_url = base + CALLBACK
            ledger.webhook_url = f"{base}/dunning/webhook/{ledger.vendor}"

    def _urls(self):
        """Return the addresses that differ from the vendor's own: those of a local sandbox, else none."""
        self.ensure_one()
        base = (self.sudo().endpoint_url or "").rstrip("/")
        if not base:
            return {}
        paths = lib.part("sandbox.server").SKINS[self.vendor].PATHS
        urls = {name: base + path for name, path in paths.items()}
        return urls | {"api": urls.get(f"api_{self.environment}", urls["api"])}

    # === ASK === #

    def _uses_pkce(self):
        """Xero offers PKCE beside the secret; Intuit does not."""
        return self.vendor == "xero"

    def _consent_scopes(self):
        """Return the permissions to ask for; empty: those that reading needs."""
        return ()

    def _consent_url(self, state, challenge):
        oauth = lib.part(f"{self.vendor}.oauth")
        more = {"code_challenge": challenge} if challenge else {}
        if self._consent_scopes():
            more["scopes"] = self._consent_scopes()
        return oauth.authorize_url(self.client_id, self.redirect_url, state, urls=self._urls(), **more)

    # === TAKE === #

    def _take_consent(self, code, verifier, realm):
        """Exchange the code, check what was granted, and tie the connection to its organisation.

        :raise UserError: nothing was stored.
        """
        self.ensure_one()
        oauth, errors = lib.part(f"{self.vendor}.oauth"), lib.part("errors")
        token = self._secrets()
        more = {"code_verifier": verifier} if verifier else {}
        try:
            token_set = oauth.exchange_code(
                self.client_id, token._client_secret(), code, self.redirect_url, urls=self._urls(), **more
            )
            self._check_scopes(oauth, token_set)
            organisations = self._organisations(oauth, token_set, realm)
        except errors.ConnectorError as error:
            raise UserError(error.message) from None
        if self.organisation_ref:
            organisations = self._only_the_same(organisations)
        token._begin(token_set)
        self._choose_or_ask(organisations)

    def _check_scopes(self, oauth, token_set):
        """A missing permission is an error now, not an empty list of invoices later."""
        wanted = set(oauth.PROVIDER.scopes)
        granted = set(token_set.scopes) or wanted
        covered = granted | {f"{scope}.read" for scope in granted}
        missing = sorted(wanted - covered)
        if missing:
            raise UserError(
                self.env._(
                    "%(vendor)s did not grant every permission: %(missing)s. Connect again and grant all of them.",
                    vendor=self._vendor_label(),
                    missing=", ".join(missing),
                )
            )
        self.sudo().scopes_granted = " ".join(sorted(granted))

    def _organisations(self, oauth, token_set, realm):
        """Return `[(id, name)]` of what this consent reaches."""
        if self.vendor == "quickbooks":
            if not realm:
                raise UserError(self.env._("QuickBooks named no company in its answer. Connect again."))
            return [(realm, self._company_name(token_set, realm))]
        found = [(one.id, one.name) for one in oauth.organisations(token_set.access_token, urls=self._urls())]
        if not found:
            raise UserError(
                self.env._(
                    "No organisation was chosen at %(vendor)s. Connect again.", vendor=self._vendor_label()
                )
            )
        return found

    def _company_name(self, token_set, realm):
        """The company's own name; the call proves that the token is for this realm and this environment."""
        quickbooks, client = lib.part("quickbooks"), lib.part("quickbooks.client")
        api_url = self._urls().get("api") or lib.part("quickbooks.oauth").APIS[self.environment]
        budget = lib.part("budget").Budget(quickbooks.LIMITS)
        company = client.Client(api_url, realm, FreshToken(token_set.access_token), budget).get(
            "CompanyInfo", realm
        )
        return company.get("CompanyName") or realm

    def _only_the_same(self, organisations):
        """A reconnect continues with the same books, whatever else the consent reaches."""
        same = [one for one in organisations if one[0] == self.organisation_ref]
        if not same:
            raise UserError(
                self.env._(
                    "You gave access to %(given)s, but this connection is for %(wanted)s. Connect again and choose "
                    "%(wanted)s, or make a new connection for %(given)s.",
                    given=", ".join(name for _ref, name in organisations),
                    wanted=self.organisation_name,
                )
            )
        return same

    def _choose_or_ask(self, organisations):
        if len(organisations) == 1:
            self._tie(*organisations[0])
        else:
            self.sudo().organisation_choices = [{"ref": ref, "name": name} for ref, name in organisations]

    def _tie(self, ref, name):
        """This is the organisation whose books are read."""
        other = (
            self.sudo()
            .with_context(active_test=False)
            .search(
                [
                    ("vendor", "=", self.vendor),
                    ("environment", "=", self.environment),
                    ("organisation_ref", "=", ref),
                    ("id", "!=", self.id),
                ]
            )
        )
        if other:
            raise UserError(
                self.env._(
                    "%(organisation)s is already connected as %(other)s. Open that connection instead.",
                    organisation=name,
                    other=other.name,
                )
            )
        self._connected(ref, name)

    # === CHOOSE === #

    @api.depends("organisation_choices")
    def _compute_has_organisation_choices(self):
        for ledger in self:
            ledger.has_organisation_choices = bool(ledger.sudo().organisation_choices)

    def action_choose_organisation(self):
        """Open the choice among the organisations the consent reaches."""
        self.ensure_one()
        self.check_access("write")
        secrets.check_key(self.env)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Choose the organisation"),
            "res_model": "dunning.ledger.organisation",
            "view_mode": "form",
            "target": "new",
            "context": {"default_ledger_id": self.id},
        }

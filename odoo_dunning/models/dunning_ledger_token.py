import logging
from datetime import timedelta, timezone

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from psycopg2.errors import LockNotAvailable, SerializationFailure

from .. import lib, secrets

_logger = logging.getLogger(__name__)

# An access token handed to a worker lives at least this long: a page and its delivery fit in.
LEAST_LIFE = timedelta(minutes=5)
# A consent that nobody used is renewed this long after its last renewal: 60 and 100 days are the vendors' limits.
IDLE_RENEWAL = timedelta(days=7)
TRIES = 5
LOCK_WAIT = "60s"


class DunningLedgerToken(models.Model):
    """The secrets of one ledger, encrypted. Nobody has rights on this model; no field of it leaves the server.

    A row of its own, because renewing a token happens in its own transaction under a row lock and must wait for
    nothing that a running pass has written. The vendors replace the refresh token when it is used, so the answer
    is committed before anybody sees the new access token.
    """

    _name = "dunning.ledger.token"
    _description = "Secrets of a ledger"
    _log_access = False
    _rec_name = "ledger_id"

    ledger_id = fields.Many2one("dunning.ledger", required=True, ondelete="cascade", index=True)
    client_secret = fields.Text(groups=fields.NO_ACCESS, string="Client secret")
    webhook_key = fields.Text(groups=fields.NO_ACCESS, string="Webhook key")
    # Sealed JSON: access_token, refresh_token, the database they were given to, and whatever else has to be kept.
    answer = fields.Text(groups=fields.NO_ACCESS, string="Answer of the vendor")
    expires_at = fields.Datetime(groups=fields.NO_ACCESS, string="Access ends on")
    refresh_expires_at = fields.Datetime(groups=fields.NO_ACCESS, string="Access ends if unused")
    hard_end_at = fields.Datetime(groups=fields.NO_ACCESS, string="Access ends for good")
    refreshed_at = fields.Datetime(groups=fields.NO_ACCESS, string="Access renewed")
    broken_reason = fields.Char(
        groups=fields.NO_ACCESS, help="Why the vendor refused the stored consent.", string="Refused because"
    )

    _ledger_uniq = models.Constraint("UNIQUE (ledger_id)", "A ledger has one set of secrets.")

    # === WRITING === #

    def _set_client_secret(self, plain):
        self.client_secret = secrets.seal(self.env, plain.strip())

    def _set_webhook_key(self, plain):
        self.webhook_key = secrets.seal(self.env, plain.strip())

    def _forget_app(self):
        self.write({"client_secret": False, "webhook_key": False})

    def _begin(self, token_set):
        """Store a consent that has just been given."""
        self._forget_consent()
        self._keep(token_set)
        hard_end_days = getattr(self._oauth(), "HARD_END_DAYS", 0)
        if not self.hard_end_at and hard_end_days:
            self.hard_end_at = fields.Datetime.now() + timedelta(days=hard_end_days)

    def _forget_consent(self):
        self.write(
            {
                "answer": False,
                "expires_at": False,
                "refresh_expires_at": False,
                "hard_end_at": False,
                "broken_reason": False,
            }
        )

    def _keep(self, token_set):
        """Store what a token endpoint handed out over what was known: a key it left out stays."""
        self.ensure_one()
        answer = self._answer()
        answer |= {"access_token": token_set.access_token, "database": self._database()}
        if token_set.refresh_token:
            answer["refresh_token"] = token_set.refresh_token
        idle_days = self._oauth().IDLE_DAYS
        now = fields.Datetime.now()
        self.write(
            {
                "answer": secrets.seal_json(self.env, answer),
                "expires_at": _naive(token_set.expires_at),
                "refresh_expires_at": _naive(token_set.refresh_ends_at) or now + timedelta(days=idle_days),
                "hard_end_at": _naive(token_set.hard_end_at) or self.hard_end_at,
                "refreshed_at": now,
                "broken_reason": False,
            }
        )

    # === READING === #

    def _answer(self):
        return secrets.unseal_json(self.env, self.answer) if self.answer else {}

    def _client_secret(self):
        return secrets.unseal(self.env, self.client_secret) if self.client_secret else ""

    def _webhook_key(self):
        return secrets.unseal(self.env, self.webhook_key) if self.webhook_key else ""

    def _database(self):
        """The identity of this database; a copy made by Odoo gets another one."""
        return self.env["ir.config_parameter"].get_param("database.uuid")

    def _oauth(self):
        return lib.part(f"{self.ledger_id.vendor}.oauth")

    def _app(self):
        """Return (client id, client secret, addresses) as the functions of `<vendor>.oauth` take them."""
        return self.ledger_id.client_id, self._client_secret(), self.ledger_id._urls()

    # === RENEWAL === #

    def _fresh(self, rejected=""):
        """Return `(access token, expires_at)`, renewed when the stored one is `rejected` or near its end.

        However many workers ask at once, the vendor is asked once: the others wait for the lock and read what was
        stored. Committed before it returns, whatever becomes of the caller's transaction.

        :raise Reconnect: the vendor refuses the consent; it is not asked again until someone reconnects.
        :raise Retry: no clear answer from the vendor.
        :raise Stop: the app is refused, or what is stored cannot be read here.
        """
        self.ensure_one()
        errors = lib.part("errors")
        for _attempt in range(TRIES):
            try:
                with self.env.registry.cursor() as cr:
                    token = self.with_env(self.env(cr=cr, su=True))
                    refusal = token._renew_where_due(rejected)
                    answer = token._answer()
                    expires_at = token.expires_at
            except SerializationFailure:
                continue  # another worker renewed it while we waited: look again
            except LockNotAvailable:
                break
            except UserError as error:
                raise errors.Stop(str(error)) from None
            if refusal:
                raise errors.Reconnect(refusal)
            return answer["access_token"], expires_at
        raise errors.Retry(self.env._("Another worker is renewing the access just now."), 30)

    def _renew_where_due(self, rejected):
        """Renew under the row lock. Return why the consent is broken, or "" when the stored token is good."""
        self.env.cr.execute(SQL("SET LOCAL lock_timeout = %s", LOCK_WAIT))
        self.env.cr.execute(
            SQL("SELECT 1 FROM dunning_ledger_token WHERE id = %s FOR UPDATE", self.id), log_exceptions=False
        )
        answer = self._answer()
        if not answer.get("refresh_token"):
            return self.env._("There is no consent stored for this connection. Connect it.")
        if answer.get("database") != self._database():
            return self.env._(
                "This database is a copy. Using the consent here would end it for the original: connect again here if "
                "this database shall read the ledger too."
            )
        if self.broken_reason:
            return self.broken_reason
        if answer.get("access_token") != rejected and self.expires_at > fields.Datetime.now() + LEAST_LIFE:
            return ""
        return self._renew(answer["refresh_token"])

    def _renew(self, refresh_token):
        client_id, client_secret, urls = self._app()
        try:
            token_set = self._oauth().refresh(client_id, client_secret, refresh_token, urls=urls)
        except lib.part("errors").Reconnect as error:
            self.broken_reason = error.message
            return error.message
        self._keep(token_set)
        _logger.info("Access to ledger %s renewed.", self.ledger_id.id)
        return ""

    def _keep_alive(self):
        """Renew a consent that was not used for a while; a refusal becomes the ledger's state."""
        errors = lib.part("errors")
        for token in self:
            if not token.answer or token.refreshed_at > fields.Datetime.now() - IDLE_RENEWAL:
                continue
            try:
                token._fresh(rejected=token._answer().get("access_token", ""))
            except errors.Reconnect as error:
                token.ledger_id._need_reconnect(error.message)
            except (errors.ConnectorError, UserError) as error:
                _logger.info("Ledger %s: %s", token.ledger_id.id, error)
            token.invalidate_recordset()

    def _revoke(self):
        """End the consent at the vendor and forget it here. Return what happened, in a sentence."""
        try:
            answer = self._answer()
        except UserError:
            self._forget_consent()
            return self.env._(
                "Disconnected. The stored consent could not be read, so it was not withdrawn at the vendor: remove the "
                "app there among the connected apps."
            )
        note = self.env._("Disconnected; the consent was withdrawn at the vendor.")
        if answer.get("refresh_token"):
            errors = lib.part("errors")
            try:
                self._withdraw(answer["refresh_token"])
            except errors.Reconnect:
                note = self.env._("Disconnected; the consent had ended at the vendor before.")
            except errors.Stop as error:
                # Nothing here would mend it, an app that was deleted there least of all.
                note = self.env._(
                    "Disconnected, but the consent was not withdrawn at the vendor (%(cause)s): remove the app there "
                    "among the connected apps.",
                    cause=error.message.rstrip("."),
                )
            except errors.ConnectorError as error:
                raise UserError(
                    self.env._(
                        "%(ledger)s stays connected: %(cause)s",
                        ledger=self.ledger_id.name,
                        cause=error.message,
                    )
                ) from None
        self._forget_consent()
        return note

    def _withdraw(self, refresh_token):
        """End the consent at the vendor. Where ending one ends all of the same person, only this organisation is taken
        out while others are connected with the same app."""
        oauth, ledger = self._oauth(), self.ledger_id
        client_id, client_secret, urls = self._app()
        others = [
            ("vendor", "=", ledger.vendor),
            ("client_id", "=", client_id),
            ("state", "!=", "new"),
            ("id", "!=", ledger.id),
        ]
        if hasattr(oauth, "leave") and ledger.sudo().search_count(others, limit=1):
            access_token, _expires_at = self._fresh()
            oauth.leave(access_token, ledger.organisation_ref, urls=urls)
        else:
            oauth.revoke(client_id, client_secret, refresh_token, urls=urls)

    def _rotate_keys(self):
        """Encrypt every secret again with the first configured key."""
        for token in self.search([]):
            token.write(
                {
                    name: secrets.rotate(self.env, token[name])
                    for name in ("client_secret", "webhook_key", "answer")
                    if token[name]
                }
            )


def _naive(instant):
    """An aware instant as Odoo stores it: naive UTC. None stays None."""
    return instant.astimezone(timezone.utc).replace(tzinfo=None) if instant else False

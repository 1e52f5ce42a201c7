import hmac
import logging
import secrets as random_source
import time

from odoo import http
from odoo.exceptions import AccessError, UserError
from odoo.http import request
from werkzeug.exceptions import NotFound

from .. import lib

_logger = logging.getLogger(__name__)

SESSION_KEY = "dunning_consent"
CONSENT_TIME_S = 15 * 60


class LedgerConsent(http.Controller):
    """The browser's way to a vendor's consent page and back.

    The state of a consent lies in the session of the person who started it, counts once, for that person, for a
    quarter of an hour. The redirect address is the very one registered with the vendor.
    """

    @http.route("/dunning/oauth/start/<int:ledger_id>", type="http", auth="user", methods=["GET"])
    def start(self, ledger_id):
        ledger = self._ledger(ledger_id)
        state, verifier, challenge = random_source.token_urlsafe(32), "", ""
        if ledger._uses_pkce():
            verifier, challenge = lib.part("oauth").pkce_pair()
        request.session[SESSION_KEY] = {
            "state": state,
            "verifier": verifier,
            "ledger_id": ledger.id,
            "user_id": request.env.uid,
            "began_s": time.time(),
        }
        return request.redirect(ledger._consent_url(state, challenge), local=False)

    @http.route("/dunning/oauth/callback", type="http", auth="user", methods=["GET"])
    def callback(self, state="", code="", error="", **more):
        begun = request.session.pop(SESSION_KEY, None)
        if not self._is_ours(begun, state):
            return self._page(
                request.env._(
                    "This answer does not belong to a connection you started, or it came too late."
                ),
                request.env._("Open the connection in Odoo and press Connect again."),
            )
        ledger = self._ledger(begun["ledger_id"])
        back = f"/odoo/dunning.ledger/{ledger.id}"
        if error or not code:
            return self._page(
                request.env._(
                    "The ledger did not give access (%(cause)s). Nothing was changed.", cause=error or "-"
                ),
                request.env._("Open the connection and press Connect again to retry."),
                back,
            )
        try:
            ledger._take_consent(code, begun["verifier"], more.get("realmId", ""))
        except UserError as refusal:
            request.env.cr.rollback()
            return self._page(str(refusal), request.env._("Nothing was changed."), back)
        return request.redirect(back)

    def _ledger(self, ledger_id):
        ledger = request.env["dunning.ledger"].browse(ledger_id).exists()
        if not ledger:
            raise NotFound
        if not request.env.user.has_group("odoo_dunning.group_manager"):
            raise AccessError(request.env._("Only a collections manager connects ledgers."))
        ledger.check_access("write")
        return ledger

    @staticmethod
    def _is_ours(begun, state):
        return bool(
            begun
            and state
            and hmac.compare_digest(begun["state"].encode(), state.encode())
            and begun["user_id"] == request.env.uid
            and time.time() - begun["began_s"] < CONSENT_TIME_S
        )

    @staticmethod
    def _page(message, next_step, back="/odoo"):
        values = {"message": message, "next_step": next_step, "back": back}
        return request.render("odoo_dunning.ledger_consent_refused", values, status=400)

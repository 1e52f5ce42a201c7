import base64
import hashlib
import hmac
import logging

from odoo import http
from odoo.http import request

from .. import lib

_logger = logging.getLogger(__name__)

SIGNATURE_HEADERS = {"quickbooks": "intuit-signature", "xero": "x-xero-signature"}
LARGEST_BODY = 5 * 1024 * 1024


class LedgerWebhooks(http.Controller):
    """Where the vendors say that something changed. Nothing is read from a notice but which record to read.

    Both vendors sign the raw body with HMAC-SHA256, and want an empty answer at once without cookies: 401 when the
    signature is wrong, else 200, also for organisations that are not connected here (developer.xero.com/documentation/
    webhooks/configuring-your-server; developer.intuit.com, webhooks).
    """

    @http.route(
        "/dunning/webhook/<string:vendor>", type="http", auth="public", methods=["POST"], csrf=False, save_session=False
    )
    def receive(self, vendor):
        header = SIGNATURE_HEADERS.get(vendor)
        if not header:
            return self._answer(404)
        body = request.httprequest.get_data(cache=True)
        signed = request.httprequest.headers.get(header, "")
        ledgers = self._signed_for(vendor, body, signed)
        if not ledgers:
            return self._answer(401)
        if len(body) <= LARGEST_BODY:
            ledgers._take_notice(body)
        return self._answer(200)

    @staticmethod
    def _signed_for(vendor, body, signed):
        """Return the ledgers whose own key signed the body. Every key is tried, in constant time each."""
        ledgers = request.env["dunning.ledger"].sudo().search([("vendor", "=", vendor)])
        return ledgers.filtered(lambda ledger: _fits(ledger._secrets()._webhook_key(), body, signed))

    @staticmethod
    def _answer(status):
        return request.make_response("", status=status, headers=[("Content-Type", "text/plain")])


def _fits(key, body, signed):
    """Whether `signed` is base64(HMAC-SHA256(body, key))."""
    if not key:
        return False
    expected = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signed.encode("latin-1", "replace"))

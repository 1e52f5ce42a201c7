import logging

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from .. import lib

_logger = logging.getLogger(__name__)

LARGEST_BODY = 5 * 1024 * 1024


class LedgerWebhooks(http.Controller):
    """Where the vendors say that something changed. Nothing is taken from a notice but which record to read.

    Both vendors sign the raw body with HMAC-SHA256, and want an empty answer at once without cookies: 401 when the
    signature is wrong, else 200, also for organisations that are not connected here (developer.xero.com/documentation/
    webhooks/configuring-your-server; developer.intuit.com, webhooks).
    """

    @http.route(
        "/dunning/webhook/<string:vendor>",
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
        max_content_length=LARGEST_BODY,
    )
    def receive(self, vendor):
        ledgers = request.env["dunning.ledger"].sudo().search([("vendor", "=", vendor)])
        if not ledgers:
            return self._answer(404)
        body = request.httprequest.get_data()
        signed_for = self._signed_for(ledgers, body)
        if not signed_for:
            return self._answer(401)
        signed_for._take_notice(body)
        return self._answer(200)

    @staticmethod
    def _signed_for(ledgers, body):
        """Return the ledgers whose own key signed the body. Each key is compared in constant time."""
        webhooks = lib.part(f"{ledgers[0].vendor}.webhooks")
        signature = request.httprequest.headers.get(webhooks.SIGNATURE_HEADER, "")
        return ledgers.filtered(lambda ledger: webhooks.is_signed(body, signature, _key_of(ledger)))

    @staticmethod
    def _answer(status):
        return request.make_response("", status=status)


def _key_of(ledger):
    """The ledger's key, or nothing when it cannot be read on this server: no signature fits that."""
    try:
        return ledger._secrets()._webhook_key()
    except UserError:
        _logger.warning("The webhook key of dunning ledger %s cannot be read; enter it again.", ledger.id)
        return ""

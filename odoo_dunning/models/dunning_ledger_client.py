from dataclasses import replace
from datetime import timezone

from odoo import fields, models

from .. import lib

# Calls of the day that single documents and writes leave to the passes.
RESERVE_CALLS = 1000
# Calls asked for at a time: a document takes one or two, and what is not used is lost to others for a minute.
CALLS_AT_ONCE = 2


class LedgerTokens:
    """The connectors' `TokenSource` over the stored consent; renewals are committed before they return."""

    def __init__(self, ledger):
        self._secrets = ledger._secrets()
        self.access, _expires_at = self._secrets._fresh()

    def renew(self):
        self.access, _expires_at = self._secrets._fresh(self.access)
        return self.access


class DunningLedger(models.Model):
    """A way to the ledger for single documents and writes, beside the passes."""

    _inherit = "dunning.ledger"

    def _open_client(self, sleep):
        """Return a client of the connectors for this organisation.

        :param sleep: called with seconds when the client has to wait; may raise `Retry` instead of waiting
        :raise ConnectorError: not connected, waiting for the vendor's limit, or the consent is refused
        """
        self.ensure_one()
        ledger, errors = self.sudo(), lib.part("errors")
        blocked = ledger._sync_blocked()
        if blocked:
            raise errors.Stop(blocked)
        now = fields.Datetime.now()
        if ledger.wait_until and ledger.wait_until > now:
            raise errors.Retry(
                self.env._("%(vendor)s's call limit is used up.", vendor=ledger._vendor_label()),
                (ledger.wait_until - now).total_seconds(),
            )
        budget = lib.part("budget").Budget(ledger._spare_limits(), sleep=sleep)
        budget.ask(ledger._grant_urgent_calls, CALLS_AT_ONCE)
        return lib.part(f"{ledger.vendor}.client").Client(
            ledger._api_url(), ledger.organisation_ref, LedgerTokens(ledger), budget
        )

    def _spare_limits(self):
        """What single documents and writes leave of the day's calls."""
        limits = self._call_limits()
        return replace(limits, reserve_calls=RESERVE_CALLS if limits.reserve_calls else 0)

    def _api_url(self):
        oauth = lib.part(f"{self.vendor}.oauth")
        return self._urls().get("api") or (
            oauth.APIS[self.environment] if self.vendor == "quickbooks" else oauth.API
        )


def naive(instant):
    """An aware instant as Odoo stores it: naive UTC. None becomes False."""
    return instant.astimezone(timezone.utc).replace(tzinfo=None) if instant else False

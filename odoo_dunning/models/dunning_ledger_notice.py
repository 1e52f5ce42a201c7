import logging

from odoo import fields, models

from .. import lib

_logger = logging.getLogger(__name__)


class DunningLedgerNotice(models.Model):
    """What webhooks tell: which records to read with the next pass."""

    _inherit = "dunning.ledger"

    def _take_notice(self, body):
        """Queue what a signed delivery names and have the scheduler run; replay and disorder change nothing.

        Notices of organisations that are not connected here are ignored.
        """
        named = {}
        for event in lib.part(f"{self[0].vendor}.webhooks").events(body):
            named.setdefault(event.organisation, []).append((event.entity, event.external_id))
        noticed = self.filtered(
            lambda ledger: ledger.state == "connected" and ledger.organisation_ref in named
        )
        for ledger in noticed:
            self.env["dunning.ledger.event"]._note(ledger, named[ledger.organisation_ref])
        if noticed:
            noticed._sync_soon()

    def _sync_soon(self):
        """Ask for a pass; a ledger that waits for the vendor's limit keeps waiting."""
        now = fields.Datetime.now()
        self.filtered(lambda one: not one.next_sync_at or one.next_sync_at > now).next_sync_at = now
        self.env.ref("odoo_dunning.ir_cron_ledger_sync")._trigger()

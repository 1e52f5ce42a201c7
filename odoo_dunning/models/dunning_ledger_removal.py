from odoo import models

from ..ingest.batch import Batch

REMOVALS_FREE = 3  # so many removals in a pass are never asked about


class DunningLedgerRemoval(models.Model):
    """Receivables that vanished at the source: too many at once are a question to a person, not an order."""

    _inherit = "dunning.ledger"

    def _settle_removals(self):
        """Apply the removals this pass found, or ask first when they are more than the set share.

        :return: how many wait for a person's word
        """
        held = self.env["dunning.ledger.record"].search([("ledger_id", "=", self.id), ("state", "=", "held")])
        if not held:
            return 0
        open_count = self.env["dunning.ledger.record"].search_count(
            [("ledger_id", "=", self.id), ("state", "in", ["live", "held"]), ("amount_open", "!=", 0)]
        )
        if len(held) <= max(
            REMOVALS_FREE, open_count * self.removal_share_pct // 100, self.removal_confirmed
        ):
            self._apply_removals()
            return 0
        summary = self.env._("%(ledger)s: confirm removals", ledger=self.name)
        if summary not in self.activity_ids.mapped("summary"):
            self._alert(
                summary,
                self.env._(
                    "%(count)s of %(total)s open receivables are gone at %(vendor)s. They are left out of dunning. "
                    "Open the connection and confirm the removal, or reject it to have them read again.",
                    count=len(held),
                    total=open_count,
                    vendor=self._vendor_label(),
                ),
            )
        return len(held)

    def _apply_removals(self):
        Batch(self).bury_held()

    def action_confirm_removals(self):
        """A person says that the vanished receivables are really gone: those held back go now, those a comparison
        stopped at may go with the next pass."""
        self.ensure_one()
        self.check_access("write")
        ledger, count = self.sudo(), max(self.held_count, self.removal_asked)
        ledger._apply_removals()
        ledger._refresh_accounts()
        ledger.write({"removal_confirmed": ledger.removal_asked, "removal_asked": 0})
        if ledger.state == "connected":
            ledger._request_sync()
        self.message_post(body=self.env._("%(count)s removals confirmed.", count=count))

    def action_reject_removals(self):
        """A person says they are not: they count again, and the next pass reads everything."""
        self.ensure_one()
        self.check_access("write")
        ledger, count = self.sudo(), max(self.held_count, self.removal_asked)
        Batch(ledger).revive_held()
        ledger.write({"cursors": False, "removal_asked": 0, "removal_confirmed": 0})
        if ledger.state == "connected":
            ledger._request_sync()
        self.message_post(
            body=self.env._("%(count)s removals rejected; the next pass reads everything again.", count=count)
        )

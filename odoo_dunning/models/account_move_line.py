from odoo import models

# Columns of a journal item that its dunning item follows.
_FOLLOWED = {
    "parent_state", "amount_residual", "amount_residual_currency", "reconciled", "date_maturity", "no_followup",
    "partner_id", "account_id",
}  # fmt: skip


class AccountMoveLine(models.Model):
    """A receivable follows its journal item."""

    _inherit = "account.move.line"

    def _write_multi(self, vals_list):
        """Override of the ORM's last step before the UPDATE: remember which journal items changed in a way their
        receivables follow, and leave them for the follower once, before the commit.

        Here because everything comes through here, written or computed, in batches: an override of `write` misses the
        computed residual, one of its compute runs again and again.
        """
        if any(not _FOLLOWED.isdisjoint(vals) for vals in vals_list):
            precommit = self.env.cr.precommit
            changed = precommit.data.get("odoo_dunning.changed")
            if changed is None:
                changed = precommit.data["odoo_dunning.changed"] = set()
                precommit.add(lambda: self.env["dunning.item.change"].sudo()._leave(changed))
            changed.update(self._ids)
        return super()._write_multi(vals_list)

from odoo import models

# Columns of a journal item that its dunning item follows.
_FOLLOWED = {
    "parent_state", "amount_residual", "amount_residual_currency", "reconciled", "date_maturity", "no_followup",
    "partner_id", "account_id",
}  # fmt: skip


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _write_multi(self, vals_list):
        """Override of the ORM's last step before the UPDATE: remember which journal items changed, and bring their
        dunning items up to date once, after the commit.

        Here because everything comes through here, written or computed, in batches; a compute or a `write` override
        would run per field and record. After the commit, in a transaction of its own, because posting and paying must
        neither wait for nor fail over a run that has the same items. What is lost with a crashed process is healed
        by the next refresh.
        """
        res = super()._write_multi(vals_list)
        if any(not _FOLLOWED.isdisjoint(vals) for vals in vals_list):
            self.env["dunning.item"]._remember_changed(self._ids)
        return res

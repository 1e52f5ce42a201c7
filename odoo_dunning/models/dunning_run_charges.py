from odoo import models
from odoo.tools import SQL

from .dunning_charge import STANDING


class DunningRun(models.Model):
    """Charges come and go with the proposal."""

    _inherit = "dunning.run"

    def _forget_proposal(self):
        """Override: a proposal that is made again claims again."""
        self.env.flush_all()
        self.env.execute_query(
            SQL("DELETE FROM dunning_charge WHERE run_id = ANY(%s) RETURNING id", self.ids)
        )
        return super()._forget_proposal()

    def _amounts(self):
        """Override: a message asks for its charges as well."""
        amounts = super()._amounts()
        groups = self.env["dunning.charge"]._read_group(
            [
                ("notice_id.run_id", "in", self.ids),
                ("notice_id.state", "not in", ("withdrawn", "undone")),
                ("stage", "in", ("claimed", *STANDING)),
            ],
            ["currency_id"],
            ["amount:sum", "amount_waived:sum"],
        )
        for currency, amount, waived in groups:
            amounts[currency] = amounts.get(currency, 0.0) + amount - waived
        return amounts

    def _withdraw_waiting(self, note):
        """Override: what a message would have charged is withdrawn with it."""
        res = super()._withdraw_waiting(note)
        self.env.execute_query(
            SQL(
                """UPDATE dunning_charge charge SET stage = 'withdrawn', state = 'withdrawn'
                     FROM dunning_notice notice
                    WHERE notice.id = charge.notice_id AND notice.state = 'withdrawn'
                      AND charge.run_id = ANY(%s) AND charge.stage IN ('claimed', 'refused')
                   RETURNING charge.id""",
                self.ids,
            )
        )
        self.env["dunning.charge"].invalidate_model()
        return res

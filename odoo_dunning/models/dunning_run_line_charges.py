from odoo import models


class DunningRunLine(models.Model):
    """An item that leaves its message takes its charges along."""

    _inherit = "dunning.run.line"

    def set_level(self, level):
        """Override: another level charges something else."""
        notices = self.notice_id
        res = super().set_level(level)
        notices._reclaim_charges()
        return res

    def _put_back(self):
        res = super()._put_back()
        self.notice_id._reclaim_charges()
        return res

    def _drop(self, code, args):
        self._withdraw_charges()
        return super()._drop(code, args)

    def _take_back(self, answer):
        self._withdraw_charges()
        return super()._take_back(answer)

    def _withdraw_charges(self):
        charges = (
            self.env["dunning.charge"]
            .sudo()
            .search([("notice_id", "in", self.notice_id.ids), ("item_id", "in", self.item_id.ids)])
        )
        charges._withdraw()

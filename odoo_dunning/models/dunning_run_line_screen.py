from odoo import api, fields, models

from .. import reasons
from ..engine.snapshot import Reason


class DunningRunLineScreen(models.Model):
    """Dialogs over the lines of a proposal."""

    _inherit = "dunning.run.line"

    is_editable = fields.Boolean(compute="_compute_is_editable", string="Can be changed")
    can_reconcile = fields.Boolean(compute="_compute_can_reconcile", string="Can be reconciled in Odoo")

    @api.depends("run_id.state")
    def _compute_is_editable(self):
        for line in self:
            line.is_editable = line.run_id.state == "proposed"

    @api.depends("reason_code", "item_id.origin", "item_id.is_open")
    def _compute_can_reconcile(self):
        for line in self:
            line.can_reconcile = (
                line.reason_code in (Reason.NETTED, Reason.CREDIT)
                and line.item_id.origin == "odoo"
                and line.item_id.is_open
            )

    def _selection_reason_code(self):
        return reasons.titles(self.env)

    def action_ask_hold(self):
        """Ask until when, and why."""
        return self._dialog("dunning.hold.wizard", self.env._("Put on hold"))

    def action_ask_level(self):
        """Ask for the level."""
        self._check_editable()
        return self._dialog("dunning.level.wizard", self.env._("Send at another level"))

    def action_net_credits(self):
        """Do in Odoo's books what the proposal did in memory, for the customers of these lines."""
        count = self.account_id.action_net_credits()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "Receivables and credits reconciled with each other: %(count)s", count=count
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _dialog(self, model, title):
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_line_ids": self.ids},
        }

    def action_open_notice(self):
        """The message this item is in."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "dunning.notice",
            "res_id": self.notice_id.id,
            "view_mode": "form",
            "target": "new",
        }

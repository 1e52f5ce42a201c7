from odoo import api, fields, models


class DunningLevelWizard(models.TransientModel):
    """Asks at which level of their policy the messages of chosen lines go out."""

    _name = "dunning.level.wizard"
    _description = "Send at another level"

    line_ids = fields.Many2many("dunning.run.line", required=True, string="Lines of a proposal")
    policy_id = fields.Many2one("dunning.policy", compute="_compute_policy_id")
    level_id = fields.Many2one("dunning.level", required=True, domain="[('policy_id', '=', policy_id)]")
    item_count = fields.Integer(compute="_compute_policy_id", string="Receivables in these messages")

    @api.depends("line_ids")
    def _compute_policy_id(self):
        for wizard in self:
            notices = wizard.line_ids.notice_id
            wizard.policy_id = notices.policy_id[:1]
            wizard.item_count = len(notices.line_ids)

    def action_confirm(self):
        """Move the messages to that level."""
        self.ensure_one()
        self.line_ids.set_level(self.level_id)
        return {"type": "ir.actions.act_window_close"}

from odoo import api, fields, models


class DunningLevelScreen(models.Model):
    """A level in words, for lists."""

    _inherit = "dunning.level"

    when = fields.Char(compute="_compute_when", string="Sent")
    channel_names = fields.Char(compute="_compute_channel_names", string="By")

    @api.depends("by_email", "by_letter", "by_sms", "by_call")
    def _compute_channel_names(self):
        for level in self:
            labels = [level._fields[f"by_{name}"]._description_string(self.env) for name in level._channels()]
            level.channel_names = ", ".join(labels)

    @api.depends("delay_days")
    def _compute_when(self):
        for level in self:
            days = level.delay_days
            if days < 0:
                level.when = self.env._("%(days)s days before due", days=-days)
            elif days:
                level.when = self.env._("%(days)s days after due", days=days)
            else:
                level.when = self.env._("On the due day")

from odoo import api, fields, models

# What a level added by hand starts from: one step sharper, two weeks later than the last.
_NEXT_TONE = {"courtesy": "friendly", "friendly": "firm", "firm": "final", "final": "final"}
_NEXT_DAYS = 14


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
            if days == -1:
                level.when = self.env._("One day before due")
            elif days == 1:
                level.when = self.env._("One day after due")
            elif days < 0:
                level.when = self.env._("%(days)s days before due", days=-days)
            elif days:
                level.when = self.env._("%(days)s days after due", days=days)
            else:
                level.when = self.env._("On the due day")

    @api.onchange("policy_id")
    def _onchange_policy_id(self):
        """A new level follows the last one of its policy."""
        others = self.policy_id.level_ids.filtered(lambda one: one != self)
        if self._origin or not others:
            return
        last = others.sorted("rank")[-1]
        self.rank = last.rank + 1
        self.delay_days = last.delay_days + _NEXT_DAYS
        self.key = _NEXT_TONE[last.key]

    @api.onchange("key")
    def _onchange_key(self):
        """Name and text are those of the tone, until somebody chooses others."""
        tones = dict(self._fields["key"]._description_selection(self.env))
        if self.key and (not self.name or self.name in tones.values()):
            self.name = tones[self.key]
        if self.key in dict(self._selection_template_key()) and (self.template_key or self.key) in tones:
            self.template_key = self.key

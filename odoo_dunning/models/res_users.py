from odoo import models
from odoo.exceptions import AccessError


class ResUsers(models.Model):
    _inherit = "res.users"

    def _dunning_require_manager(self):
        """Raise AccessError unless the user is a Collections manager."""
        self.ensure_one()
        if not self.has_group("odoo_dunning.group_manager"):
            raise AccessError(self.env._("Only a Collections manager can undo what was sent. Ask one."))

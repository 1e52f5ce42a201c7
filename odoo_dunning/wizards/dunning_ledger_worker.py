from datetime import timedelta
from uuid import uuid4

from odoo import fields, models
from odoo.fields import Command


class DunningLedgerWorker(models.TransientModel):
    """A technical user for a sync worker on another host, and a key for it. The key is shown once."""

    _name = "dunning.ledger.worker"
    _description = "Key for a sync worker"

    name = fields.Char(string="Worker", required=True, default=lambda self: self.env._("Ledger sync worker"))
    company_ids = fields.Many2many(
        "res.company", string="Companies", required=True, default=lambda self: self.env.companies
    )
    valid_days = fields.Integer(string="Valid for (days)", required=True, default=180)

    _valid_days_range = models.Constraint(
        "CHECK (valid_days BETWEEN 1 AND 730)", "A key is valid for 1 to 730 days; make a new one in time."
    )

    def action_make_key(self):
        """Make the user, who may call the sync verbs and nothing else, and show its key."""
        self.ensure_one()
        self.check_access("write")
        worker = (
            self.env["res.users"]
            .with_context(no_reset_password=True)
            .create(
                {
                    "name": self.name,
                    "login": f"ledger-sync-{uuid4().hex[:12]}",
                    "group_ids": [Command.set(self.env.ref("odoo_dunning.group_sync_bot").ids)],
                    "company_id": self.company_ids[0].id,
                    "company_ids": [Command.set(self.company_ids.ids)],
                }
            )
        )
        ends = fields.Datetime.now() + timedelta(days=self.valid_days)
        key = self.env["res.users.apikeys"].with_user(worker).sudo()._generate("rpc", self.name, ends)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("API Key Ready"),
            "res_model": "res.users.apikeys.show",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_key": key},
        }

from odoo import api, fields, models


class DunningCallWizard(models.TransientModel):
    """Asks what came of a call, and leads on to what follows from it."""

    _name = "dunning.call.wizard"
    _description = "Call"

    account_id = fields.Many2one("dunning.account", string="Customer", required=True, readonly=True)
    partner_id = fields.Many2one(
        "res.partner", string="Spoke to", compute="_compute_partner_id", store=True, readonly=False
    )
    commercial_partner_id = fields.Many2one(
        related="account_id.partner_id.commercial_partner_id", string="Company of the contact"
    )
    phone = fields.Char(related="partner_id.phone")
    contact_note = fields.Text(related="account_id.contact_note", string="Note for callers")
    outcome = fields.Selection(
        [
            ("promise", "Promises to pay"),
            ("dispute", "Contests something"),
            ("checks", "Will look into it"),
            ("paid", "Says it is paid"),
            ("message", "Left a message"),
            ("no_answer", "No answer"),
            ("wrong", "Wrong number or contact"),
        ],
        string="Result",
        required=True,
    )
    note = fields.Text()
    call_again_date = fields.Date(
        string="Call again on", compute="_compute_call_again_date", store=True, readonly=False
    )

    @api.depends("account_id")
    def _compute_partner_id(self):
        for wizard in self:
            partner = wizard.account_id.partner_id
            contacts = partner | partner.child_ids
            wizard.partner_id = (contacts.filtered("phone") or partner)[:1]

    @api.depends("outcome")
    def _compute_call_again_date(self):
        """Days until it makes sense to try again."""
        days = {"checks": 3, "message": 2, "no_answer": 1, "paid": 5}
        for wizard in self:
            after_days = days.get(wizard.outcome)
            today = fields.Date.context_today(wizard)
            wizard.call_again_date = fields.Date.add(today, days=after_days) if after_days else False

    def action_confirm(self):
        """Write the call into the history, plan the next one, and open what follows from the result."""
        self.ensure_one()
        self.account_id.message_post(body=self._said())
        if self.call_again_date:
            self.account_id.activity_schedule(
                "mail.mail_activity_data_call",
                date_deadline=self.call_again_date,
                summary=self.env._("Call again"),
                note=self.note or False,
                user_id=self.env.uid,
            )
        if self.outcome == "promise":
            return self.account_id.action_promise()
        if self.outcome == "dispute":
            return self.account_id.action_dispute()
        return {"type": "ir.actions.act_window_close"}

    def _said(self):
        result = dict(self._fields["outcome"]._description_selection(self.env))[self.outcome]
        return self.env._(
            "Called %(contact)s: %(result)s. %(note)s",
            contact=self.partner_id.display_name or self.account_id.display_name,
            result=result,
            note=self.note or "",
        )

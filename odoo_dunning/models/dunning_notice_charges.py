from odoo import api, fields, models

from ..bulk import charging


class DunningNotice(models.Model):
    """The charges of a message share its fate: reckoned anew before it leaves, announced when it left, withdrawn or
    reversed with it."""

    _inherit = "dunning.notice"

    charge_ids = fields.One2many("dunning.charge", "notice_id", string="Charges")
    standing_charge_ids = fields.One2many(
        "dunning.charge",
        "notice_id",
        string="Charges shown",
        domain=[("stage", "!=", "withdrawn")],
        help="Without those that stayed home with their invoice.",
    )
    amount_charges = fields.Monetary(string="Charges on top", compute="_compute_charges")
    amount_with_charges = fields.Monetary(string="Total asked for", compute="_compute_charges")
    charge_note = fields.Text(
        string="Not charged", compute="_compute_charges", help="Why something could not be charged."
    )
    law = fields.Char(compute="_compute_charges")
    law_reason = fields.Char(compute="_compute_charges", string="Law chosen by")

    @api.depends("charge_ids.stage", "charge_ids.amount", "charge_ids.amount_waived", "amount_total")
    def _compute_charges(self):
        reasons = self.env["dunning.charge"]._law_reasons()
        for notice in self:
            charges = (notice.main_id or notice).charge_ids
            counted = charges.filtered(lambda one: one.stage in ("claimed", "announced", "booked"))
            notice.amount_charges = sum(one.amount - one.amount_waived for one in counted)
            notice.amount_with_charges = notice.amount_total + notice.amount_charges
            refused = charges.filtered(lambda one: one.message and one.stage != "withdrawn")
            notice.charge_note = "\n".join(refused.mapped("message")) or False
            lawful = charges.filtered("law")[:1]
            notice.law = lawful.law
            notice.law_reason = reasons.get(lawful.law_reason, lawful.law_reason)

    def _own_charges(self):
        """Charges of these messages, asked by way of the message that carries the items."""
        mains = self.filtered(lambda one: not one.main_id) | self.main_id
        return self.env["dunning.charge"].sudo().search([("notice_id", "in", mains.ids)])

    def _still_right(self, looks):
        """Override to reckon the charges of what is about to leave."""
        going = super()._still_right(looks)
        if going:
            charging.reckon(going.filtered(lambda one: not one.main_id), looks, self._today())
            self.env["dunning.offer"]._prepare(going, looks, self._today())
        return going

    def _deliver_email(self, looks):
        """Override to attach calculation sheets."""
        res = super()._deliver_email(looks)
        queued = self.filtered(lambda one: one.state == "queued" and one.level_id.charge_sheet == "attached")
        queued._attach_sheets()
        return res

    def _mark_sent(self):
        """Override to announce the charges, exactly once."""
        res = super()._mark_sent()
        for company, notices in self.filtered(lambda one: one.state == "sent").grouped("company_id").items():
            notices._own_charges()._announce(company._dunning_today())
            self.env["dunning.offer"]._open(notices)
        return res

    def _withdraw(self, note):
        """Override: what the message charged goes with it; with one by another channel only that one does."""
        res = super()._withdraw(note)
        self.filtered(lambda one: not one.main_id)._own_charges()._withdraw()
        return res

    def _mark_bounced(self, error):
        """Override: who never got the message owes nothing of what it charged. What a locked period keeps booked is
        taken back by the schedule."""
        returned = self.filtered(lambda one: one.state == "sent")
        returned -= returned._sent_otherwise()
        res = super()._mark_bounced(error)
        lost = returned._lost()
        lost._own_charges()._each_message(lambda one: one._take_back(error))
        self.env["dunning.offer"]._cancel(lost)
        return res

    def _lost(self):
        """Those of these messages, by the one that carries the items, that reached the customer by no channel."""
        mains = self.filtered(lambda one: not one.main_id) | self.main_id
        sent = self.search(
            [("state", "=", "sent"), "|", ("id", "in", mains.ids), ("main_id", "in", mains.ids)]
        )
        return mains - (sent.filtered(lambda one: not one.main_id) | sent.main_id)

    def action_undo(self, reason=False, send_correction=False):
        """Override to reverse what the messages charged."""
        undone = self._undoable()
        res = super().action_undo(reason=reason, send_correction=send_correction)
        undone._own_charges()._take_back(
            reason or self.env._("Message undone by %(user)s", user=self.env.user.name)
        )
        self.env["dunning.offer"]._cancel(undone)
        return res

    def _reclaim_charges(self):
        """Claim again, after the level of a proposed message changed."""
        for _company, notices in self.grouped("company_id").items():
            looks = notices._look_again()
            charging.reclaim(notices, looks, notices._today())
        self.env["dunning.charge"].invalidate_model()

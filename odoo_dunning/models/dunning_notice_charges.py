from decimal import Decimal

from odoo import api, fields, models

from ..bulk import charging, contexts

_HANDED_OVER = ("queued", "sending", "sent", "uncertain", "undone")


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
    amount_earlier_charges = fields.Monetary(
        string="Charges of earlier messages",
        compute="_compute_charges",
        help="Announced before and still open: its text asks for them again.",
    )
    amount_not_due = fields.Monetary(
        string="Of it not due yet", compute="_compute_charges", help="Mentioned in its text, not asked for."
    )
    amount_with_charges = fields.Monetary(
        string="Total asked for", compute="_compute_charges", help="The total of its text."
    )
    asked = fields.Json(
        string="Figures of its text", readonly=True, copy=False, help="As it was handed over, as text."
    )
    charge_note = fields.Text(
        string="Not charged", compute="_compute_charges", help="Why something could not be charged."
    )
    law = fields.Char(compute="_compute_charges")
    law_reason = fields.Char(compute="_compute_charges", string="Law chosen by")

    @api.depends(
        "charge_ids.stage", "charge_ids.amount", "charge_ids.amount_waived", "amount_total", "asked", "state"
    )
    def _compute_charges(self):
        reasons = self.env["dunning.charge"]._law_reasons()
        asked_now = self._asked_now()
        for notice in self:
            charges = (notice.main_id or notice).charge_ids
            asked = notice.asked if notice.state in _HANDED_OVER else asked_now.get(notice.id)
            asked = asked or notice._asked_plainly()
            notice.amount_charges = float(asked["charges"])
            notice.amount_earlier_charges = float(asked["earlier"])
            notice.amount_not_due = float(asked["not_due"])
            notice.amount_with_charges = float(asked["total"])
            refused = charges.filtered(lambda one: one.message and one.stage != "withdrawn")
            notice.charge_note = "\n".join(refused.mapped("message")) or False
            lawful = charges.filtered("law")[:1]
            notice.law = lawful.law
            notice.law_reason = reasons.get(lawful.law_reason, lawful.law_reason)

    # === WHAT ITS TEXT ASKS FOR === #

    def _asked_now(self):
        """Notice id -> the figures of the text as it would leave now, for those that still wait to leave."""
        waiting = self.filtered(lambda one: one._origin.id and one.state in ("proposed", "ready", "failed"))
        asked = {}
        for _run, notices in waiting._origin.grouped("run_id").items():
            totals = contexts.message_totals(notices, notices._looks(), notices._today())
            asked.update({notice.id: notice._figures_of(totals[notice.id]) for notice in notices})
        return asked

    def _asked_plainly(self):
        """Of a message without charges of earlier ones, all of it due."""
        charges = self._exact_charges()
        total = Decimal(str(self.currency_id.round(self.amount_total))) + charges
        return {"total": str(total), "charges": str(charges), "earlier": "0", "not_due": "0"}

    def _figures_of(self, totals):
        charges = self._exact_charges()
        earlier = totals.interest + totals.costs - charges
        not_due = totals.not_yet_due if totals.overdue else Decimal(0)
        figures = {"total": totals.total_due, "charges": charges, "earlier": earlier, "not_due": not_due}
        return {name: str(amount) for name, amount in figures.items()}

    def _exact_charges(self):
        """What it charges itself, and is neither waived nor paid."""
        counted = (self.main_id or self).charge_ids.filtered(
            lambda one: one.stage in ("claimed", "announced", "booked")
        )
        return sum(
            (Decimal(str(one.currency_id.round(one._left()))) for one in counted),
            Decimal(0),
        )

    def _keep_asked(self, totals):
        """Keep the figures of a text that is handed over, where its receivables alone do not say them."""
        plain = Decimal(str(self.currency_id.round(self.amount_total)))
        asked = self._figures_of(totals) if totals.total_due != plain or totals.not_yet_due else False
        if asked != (self.asked or False):
            self.sudo().asked = asked

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
            self.env["dunning.offer"]._open(notices | notices.main_id)
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
        self.env["dunning.offer"]._cancel(undone | undone.main_id)
        return res

    def _reclaim_charges(self):
        """Claim again, after the level of a proposed message changed."""
        for _company, notices in self.grouped("company_id").items():
            looks = notices._look_again()
            charging.reclaim(notices, looks, notices._today())
        self.env["dunning.charge"].invalidate_model()

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .. import rendering
from ..bulk import contexts, outbox, recheck
from .kept_fields import label_of_kept
from .slim_many2one import SlimMany2one

# Written by the way a message goes alone. Approval would be worth nothing if a call from outside could write them.
_KEPT = {
    "run_id", "company_id", "account_id", "policy_id", "level_id", "level_rank", "channel", "state", "main_id",
    "corrects_id", "currency_id", "item_count", "amount_total", "sent_at", "sent_date", "attempts", "queued_at",
    "fingerprint", "mail_mail_id", "mail_message_id", "written_about", "merged_account_id", "warnings", "send_until",
    "attempt_at", "next_try_at", "error", "note", "asked", "is_address_typed", "is_deadline_typed",
}  # fmt: skip
# A person's to write until it is handed over: afterwards they say what was sent.
_TYPED = {
    "partner_id", "email_to", "lang", "subject", "body_html", "body_text", "is_edited", "deadline_date", "send_at",
}  # fmt: skip
_TEXT = {"subject", "body_html", "body_text"}
# Mended where a message failed.
_ADDRESS = {"partner_id", "email_to", "lang"}
# What a message is given to take its text from the template.
NOT_WRITTEN = {"is_edited": False, **dict.fromkeys(_TEXT, False)}


class DunningNotice(models.Model):
    """One message to one customer in one currency: the outbox. What is not sent stands here with the reason."""

    _name = "dunning.notice"
    _description = "Dunning message"
    _order = "id desc"
    _rec_name = "subject"

    run_id = SlimMany2one("dunning.run", required=True, readonly=True)
    company_id = SlimMany2one("res.company", required=True, readonly=True)
    account_id = SlimMany2one("dunning.account", string="Customer", required=True, readonly=True, index=True)
    partner_id = fields.Many2one(
        "res.partner", string="Recipient", index="btree_not_null", ondelete="restrict"
    )
    email_to = fields.Char(string="Address")
    lang = fields.Char(string="Language")
    policy_id = SlimMany2one("dunning.policy", readonly=True)
    level_id = SlimMany2one("dunning.level", readonly=True)
    level_rank = fields.Integer(readonly=True, string="Level number")
    channel = fields.Selection(
        [("email", "Email"), ("letter", "Letter"), ("sms", "SMS"), ("call", "Call")],
        required=True,
        default="email",
    )
    state = fields.Selection(
        [
            ("proposed", "Proposed"),
            ("ready", "Ready"),
            ("queued", "In the mail queue"),
            ("sending", "Being sent"),
            ("sent", "Sent"),
            ("failed", "Failed"),
            ("uncertain", "Unknown whether sent"),
            ("withdrawn", "Withdrawn"),
            ("undone", "Undone"),
        ],
        required=True,
        default="proposed",
        readonly=True,
    )
    main_id = fields.Many2one(
        "dunning.notice",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
        help="The message whose items this one, by another channel, is about.",
        string="Goes with message",
    )
    corrects_id = fields.Many2one(
        "dunning.notice", readonly=True, index="btree_not_null", ondelete="restrict", string="Takes back"
    )
    merged_account_id = fields.Integer(
        readonly=True,
        copy=False,
        help="Id of the account it was made for, before that was merged into this one.",
        string="Customer before a merge (id)",
    )
    warnings = fields.Json(
        readonly=True,
        help="[[reason, its figures], …]: what the company wants to be told of but does not want to wait for.",
        string="Warnings (as found)",
    )
    currency_id = SlimMany2one("res.currency", required=True, readonly=True)
    item_count = fields.Integer(readonly=True, string="Receivables")
    amount_total = fields.Monetary(string="Amount", readonly=True)
    deadline_date = fields.Date(string="Pay by")
    subject = fields.Char()
    # Long, and wanted one message at a time.
    body_html = fields.Text(string="Text as HTML", prefetch=False)
    body_text = fields.Text(string="Text without HTML", prefetch=False)
    is_edited = fields.Boolean(
        string="Text edited", help="The text was written by a person and is sent as it stands."
    )
    is_address_typed = fields.Boolean(
        readonly=True,
        copy=False,
        help="The address was entered for this message: it is not replaced.",
        string="Address typed by hand",
    )
    is_deadline_typed = fields.Boolean(
        readonly=True,
        copy=False,
        help="The last day to pay was entered for this message: it is not reckoned anew.",
        string="Deadline typed by hand",
    )
    written_about = fields.Char(
        readonly=True,
        copy=False,
        help="Level, receivables and amounts when a person wrote the text.",
        string="Receivables when written",
    )
    mail_mail_id = fields.Many2one(
        "mail.mail",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        copy=False,
        string="Mail in the queue",
    )
    mail_message_id = fields.Many2one(
        "mail.message",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        copy=False,
        string="Entry in the history",
    )
    queued_at = fields.Datetime(readonly=True, copy=False, string="Queued on")
    fingerprint = fields.Char(
        readonly=True, copy=False, help="What it was about when it was queued.", string="What it was about"
    )
    send_at = fields.Datetime(help="Not before (UTC).", string="Leaves from")
    send_until = fields.Datetime(
        readonly=True, help="The customer's send window of that day closes (UTC).", string="Leaves until"
    )
    sent_at = fields.Datetime(readonly=True, copy=False, string="Sent on")
    sent_date = fields.Date(
        readonly=True, copy=False, help="Day it left, by the company's clock.", string="Day of sending"
    )
    attempts = fields.Integer(readonly=True, copy=False)
    attempt_at = fields.Datetime(
        readonly=True, copy=False, help="When the last attempt began (UTC).", string="Last attempt"
    )
    next_try_at = fields.Datetime(readonly=True, copy=False, string="Tried again on")
    error = fields.Char(readonly=True, copy=False)
    note = fields.Char(readonly=True, copy=False, help="Why it was withdrawn, shortened or undone.")
    line_ids = fields.One2many("dunning.run.line", "notice_id", string="Receivables listed")

    _key_uniq = models.UniqueIndex(
        "(run_id, account_id, currency_id, channel, COALESCE(corrects_id, 0), COALESCE(merged_account_id, 0))",
        "A run has one message per customer, currency and channel.",
    )
    _open_of_run = models.Index(
        "(run_id) WHERE state IN ('proposed', 'ready', 'queued', 'sending', 'uncertain')"
    )
    # Hardly ever any: what `_others_open` of a run asks for with every slice of a proposal.
    _unsettled = models.Index("(run_id) WHERE state IN ('sending', 'uncertain')")
    _outbox = models.Index("(send_at, id) WHERE state IN ('ready', 'queued', 'sending')")
    _retry = models.Index("(next_try_at) WHERE state = 'failed'")

    @api.depends("level_id", "account_id")
    def _compute_display_name(self):
        for notice in self:
            notice.display_name = f"{notice.level_id.name or ''} · {notice.account_id.display_name}"

    def _number(self):
        """What the customer and we call this message."""
        self.ensure_one()
        return f"DN/{(self.send_at or self.create_date).year}/{self._origin.id or 0:05d}"

    def _all_channels(self):
        """These messages and their twins by other channels."""
        return self | self.search([("main_id", "in", self.ids)])

    # === PROPOSAL === #

    def write(self, vals):
        """What a person types here stands: it is neither replaced nor reckoned anew when the message leaves."""
        if not self.env.su:
            self._check_writable(vals.keys())
            if _TYPED & vals.keys():
                self.run_id._remember_hand()
        vals = dict(vals)
        if "deadline_date" in vals:
            vals.setdefault("is_deadline_typed", True)
        if "email_to" in vals:
            vals.setdefault("is_address_typed", True)
        elif "partner_id" in vals:
            partner = self.env["res.partner"].browse(vals["partner_id"])
            vals.update(email_to=partner.email, is_address_typed=False)
            if partner.lang:
                vals["lang"] = partner.lang
        res = super().write(vals)
        if _TEXT & vals.keys():
            for notice in self.filtered("is_edited"):
                notice._remember_what_it_is_about()
        return res

    def _check_writable(self, names):
        if label := label_of_kept(self, _KEPT.intersection(names)):
            raise AccessError(self.env._("“%(field)s” of a message is not written by hand.", field=label))
        over = self.filtered(lambda one: one.state not in ("proposed", "ready", "failed"))
        if over and _TYPED.intersection(names):
            raise UserError(
                self.env._(
                    "%(message)s can no longer be edited: it was handed over.", message=over[0].display_name
                )
            )
        seen = self.filtered(lambda one: one._was_seen_by_two())
        if seen and names & (_TYPED if "ready" in seen.mapped("state") else _TYPED - _ADDRESS):
            raise UserError(
                self.env._(
                    "%(message)s stays as %(user)s approved it: the company wants four eyes. Withdraw it, and propose "
                    "anew.",
                    message=seen[0].display_name,
                    user=seen[0].run_id.approved_by_id.name,
                )
            )

    def _was_seen_by_two(self):
        """Approved by another person than made it, as the company demands; a correction is not part of that."""
        run = self.run_id
        return (
            self.company_id.dunning_four_eyes
            and not self.corrects_id
            and bool(run.approved_by_id)
            and run.approved_by_id not in run._first_hands()
        )

    # === WHAT IT ASKS FOR === #

    def _nets(self, looks):
        """Item id -> what the message asks for it, by a look at its account."""
        self.ensure_one()
        return looks[self.account_id.id].nets((self.main_id or self).line_ids.item_id.ids)

    def _looks(self):
        """A look at the accounts of messages of one company and run, as of now."""
        return recheck.look(self.env, self.company_id, self.account_id.ids, self._today(), self.run_id.id)

    def _about(self, nets):
        """What a text written by hand was written about, to tell whether it still fits."""
        items = "; ".join(f"{item_id}: {amount.normalize():f}" for item_id, amount in sorted(nets.items()))
        return f"{self.level_id.id} | {items}"

    def _remember_what_it_is_about(self):
        self.ensure_one()
        self.sudo().written_about = self._about(self._nets(self._looks()))

    def action_preview(self):
        """The message as it would leave now: (subject, html, text). Raises UserError naming template and line."""
        self.ensure_one()
        if self.state in ("queued", "sending", "sent", "undone", "uncertain") or self.is_edited:
            return rendering.Message(self.subject or "", self.body_html or "", self.body_text or "")
        looks = self._looks()
        [context] = contexts.message_contexts(self, looks, self._today()).values()
        try:
            return self._rendered(context, self._texts()[self.id])
        except rendering.TemplateProblem as problem:
            raise UserError(self._template_error(problem)) from problem

    def action_edit_text(self):
        """Fill subject and text with the rendered message, to be edited by hand."""
        for notice in self.filtered(lambda one: not one.is_edited):
            message = notice.action_preview()
            notice.write(
                {
                    "subject": message.subject,
                    "body_html": message.html,
                    "body_text": message.text,
                    "is_edited": True,
                }
            )
        return True

    def action_withdraw(self):
        """Do not send these messages."""
        sent = self.filtered(lambda one: one.state in ("sent", "undone"))
        if sent:
            raise UserError(
                self.env._("%(message)s has left already. Undo it instead.", message=sent[0].display_name)
            )
        self._check_fates_known()
        self.run_id._remember_hand()
        self._withdraw(self.env._("Withdrawn by %(user)s", user=self.env.user.name))
        return True

    def _check_fates_known(self):
        """What may or may not have left can be neither withdrawn nor undone."""
        unknown = self.filtered(lambda one: one.state in ("sending", "uncertain"))
        if unknown:
            raise UserError(
                self.env._(
                    "%(message)s is being sent, or nobody knows whether it was. Say first whether it left; one that is "
                    "being sent is known in a few minutes.",
                    message=unknown[0].display_name,
                )
            )

    def _withdraw(self, note):
        """Take messages out of the outbox, with the reason; their items are free for the next run. What left by another
        channel has left."""
        notices = self | self._all_channels().filtered(
            lambda one: one.state not in ("sending", "sent", "uncertain", "undone")
        )
        notices.sudo().write({"state": "withdrawn", "note": note, "next_try_at": False})
        notices._let_go()
        notices.mail_mail_id.sudo().filtered(lambda mail: mail.state == "outgoing").write({"state": "cancel"})
        self.run_id._settle()

    def _let_go(self):
        """The items of messages that will leave by no channel any more are free."""
        mains = self.filtered(lambda one: not one.main_id) | self.main_id
        going = mains._all_channels().filtered(lambda one: one._may_still_leave())
        outbox.release(self.env, (mains - (going | going.main_id)).ids)

    def _may_still_leave(self):
        """Whether it is on its way, is tried again later, or may have left."""
        if self.state == "failed":
            return bool(self.next_try_at)
        return self.state in ("proposed", "ready", "queued", "sending", "uncertain")

    def _shrink(self):
        """After lines were taken out: new count and amount, or withdrawn when nothing is left."""
        left = self.filtered("line_ids")
        for _run, notices in left.grouped("run_id").items():
            looks = notices._looks()
            for notice in notices:
                notice._count_anew(notice._nets(looks))
        if self - left:
            (self - left)._withdraw(self.env._("No item is left in it"))

    def _count_anew(self, nets):
        """Write what the message asks for, on it and those of its twins by other channels that have not left."""
        vals = {"item_count": len(nets), "amount_total": float(sum(nets.values()))}
        if (self.item_count, self.currency_id.round(self.amount_total)) != (
            vals["item_count"],
            vals["amount_total"],
        ):
            self.sudo()._all_channels().filtered(lambda one: one.state != "sent").write(vals)

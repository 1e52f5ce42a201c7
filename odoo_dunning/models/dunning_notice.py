import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import rendering
from ..bulk import contexts, outbox, projection, recheck
from .mail_mail import CONFLICTS
from .slim_many2one import SlimMany2one

_logger = logging.getLogger(__name__)

SLICE_NOTICES = 250
# Waits after a failed attempt; after the last one it is a person's turn.
RETRY_AFTER = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))
# Longest time between taking a message up for SMTP and its outcome. Odoo's SMTP timeout is one minute.
SENDING_TIMEOUT = timedelta(minutes=15)
# A mail that waited longer than this in the queue is looked at again before it leaves.
FRESH_FOR = timedelta(minutes=30)
WAITING = ("ready", "queued", "sending")


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
    level_rank = fields.Integer(readonly=True)
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
    )
    corrects_id = fields.Many2one(
        "dunning.notice", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    merged_account_id = fields.Integer(
        readonly=True, copy=False, help="Id of the account it was made for, before that was merged into this one."
    )
    warning = fields.Char(readonly=True)
    currency_id = SlimMany2one("res.currency", required=True, readonly=True)
    item_count = fields.Integer(readonly=True)
    amount_total = fields.Monetary(string="Amount", readonly=True)
    deadline_date = fields.Date(string="Pay by")
    subject = fields.Char()
    body_html = fields.Text()
    body_text = fields.Text()
    is_edited = fields.Boolean(
        string="Text edited", help="The text was written by a person and is sent as it stands."
    )
    mail_mail_id = fields.Many2one(
        "mail.mail", readonly=True, index="btree_not_null", ondelete="set null", copy=False
    )
    mail_message_id = fields.Many2one(
        "mail.message", readonly=True, index="btree_not_null", ondelete="set null", copy=False
    )
    queued_at = fields.Datetime(readonly=True, copy=False)
    fingerprint = fields.Char(readonly=True, copy=False, help="What it was about when it was queued.")
    send_at = fields.Datetime(help="Not before (UTC).")
    send_until = fields.Datetime(readonly=True, help="The customer's send window of that day closes (UTC).")
    sent_at = fields.Datetime(readonly=True, copy=False)
    sent_date = fields.Date(readonly=True, copy=False, help="Day it left, by the company's clock.")
    attempts = fields.Integer(readonly=True, copy=False)
    attempt_at = fields.Datetime(readonly=True, copy=False, help="When the last attempt began (UTC).")
    next_try_at = fields.Datetime(readonly=True, copy=False)
    error = fields.Char(readonly=True, copy=False)
    note = fields.Char(readonly=True, copy=False, help="Why it was withdrawn, shortened or undone.")
    line_ids = fields.One2many("dunning.run.line", "notice_id", string="Items")

    _key_uniq = models.UniqueIndex(
        "(run_id, account_id, currency_id, channel, COALESCE(corrects_id, 0), COALESCE(merged_account_id, 0))",
        "A run has one message per customer, currency and channel.",
    )
    _open_of_run = models.Index(
        "(run_id) WHERE state IN ('proposed', 'ready', 'queued', 'sending', 'uncertain')"
    )
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
        if vals.keys() & {"partner_id"} and "email_to" not in vals:
            for notice in self:
                partner = self.env["res.partner"].browse(vals["partner_id"])
                super(DunningNotice, notice).write(
                    {**vals, "email_to": partner.email, "lang": partner.lang or notice.lang}
                )
            return True
        return super().write(vals)

    def action_preview(self):
        """The message as it would leave now: (subject, html, text). Raises UserError naming template and line."""
        self.ensure_one()
        if self.state in ("queued", "sending", "sent", "undone", "uncertain") or self.is_edited:
            return rendering.Message(self.subject or "", self.body_html or "", self.body_text or "")
        looks = recheck.look(self.env, self.company_id, self.account_id.ids, self._today(), self.run_id.id)
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
        sent = self.filtered(lambda one: one.state in ("sent", "sending", "undone"))
        if sent:
            raise UserError(
                self.env._("%(message)s has left already. Undo it instead.", message=sent[0].display_name)
            )
        self._withdraw(self.env._("Withdrawn by %(user)s", user=self.env.user.name))
        return True

    def _withdraw(self, note):
        """Take messages out of the outbox, with the reason; their items are free for the next run."""
        notices = self._all_channels()
        outbox.release(self.env, notices.ids)
        notices.write({"state": "withdrawn", "note": note, "next_try_at": False})
        notices.mail_mail_id.sudo().filtered(lambda mail: mail.state == "outgoing").write({"state": "cancel"})
        self.run_id._settle()

    def _shrink(self):
        """After lines were taken out: new count and amount, or withdrawn when nothing is left."""
        for notice in self:
            lines = notice.line_ids
            if lines:
                vals = {"item_count": len(lines), "amount_total": sum(lines.mapped("amount_open"))}
                notice._all_channels().write(vals)
            else:
                notice._withdraw(self.env._("No item is left in it"))

    # === SENDING === #

    @api.model
    def _cron_send(self):
        """Scheduled: hand ready messages to the mail queue, slice by slice. Safe to run twice at once."""
        self._recover()
        self._wake_failed()
        commit = self.env["ir.cron"]._commit_progress
        left = self.search_count(self._due_domain())
        if not commit(remaining=left):
            return
        for company in self.env["res.company"].search([]):
            if not self._send_company(company, commit):
                return
        self.env["dunning.run"].search([("state", "in", ("approved", "sending"))])._settle()

    def _send_company(self, company, commit):
        """All due slices of one company. Returns False when the time of the scheduled action is up."""
        conflicts = 0
        while conflicts < 5:
            try:
                notices = self._take(company)
                if not notices:
                    return True
                notices._hand_over()
                if not commit(len(notices)):
                    return False
            except CONFLICTS as error:
                # Somebody wrote on the same rows, or a second sender had them: look again.
                _logger.info("A slice of messages is taken again: %s", error)
                self.env.cr.rollback()
                conflicts += 1
        return True

    @api.model
    def _due_domain(self):
        return [("state", "=", "ready"), ("send_at", "<=", fields.Datetime.now())]

    @api.model
    def _take(self, company):
        """The next due messages of a company, locked; those another sender has are skipped."""
        domain = [*self._due_domain(), ("company_id", "=", company.id)]
        candidates = self.search(domain, limit=SLICE_NOTICES, order="send_at, id")
        return candidates.try_lock_for_update()

    def _hand_over(self):
        """Re-check a locked slice of one company and hand what is still right to its channel."""
        by_run = self.grouped("run_id")
        for run, notices in by_run.items():
            if run.state == "approved":
                run.state = "sending"
            corrections = notices.filtered("corrects_id")
            looks = notices._look_again()
            still_right = corrections | (notices - corrections)._still_right(looks)._claim_levels()
            for channel, of_channel in still_right.grouped("channel").items():
                getattr(of_channel, f"_deliver_{channel}")(looks)

    def _claim_levels(self):
        """Enter the keys of their items; messages with an item already sent at its level are withdrawn."""
        taken = outbox.claim_levels(self.env, {(notice.main_id or notice).id for notice in self})
        twice = self.filtered(lambda notice: (notice.main_id or notice).id in taken)
        if twice:
            twice._withdraw(self.env._("An item of it was already sent at this level"))
        return self - twice

    def _look_again(self):
        """Fresh items of these accounts and the engine's word on them."""
        company = self.company_id
        accounts = self.account_id
        projection.refresh_partners(self.env, company, accounts.partner_id.ids)
        return recheck.look(self.env, company, accounts.ids, self._today(), self.run_id.id)

    def _today(self):
        return self.company_id._dunning_today()

    def _still_right(self, looks):
        """Withdraw what must not leave, put off what must wait, and return the rest."""
        going = self.browse()
        for notice in self:
            main = notice.main_id or notice
            answers = {one.item_id: one for one in looks[notice.account_id.id].decision.answers}
            kept = main.line_ids.filtered(
                lambda line, answers=answers: line._may_go(answers.get(line.item_id.id))
            )
            dropped = main.line_ids - kept
            for line in dropped:
                line._take_back(answers.get(line.item_id.id))
            if not kept:
                notice._withdraw(self._note_of(dropped))
            elif not notice._put_off(looks):
                if dropped:
                    notice.note = self._note_of(dropped)
                    dropped.notice_id = False
                    main._shrink()
                going |= notice
        return going.filtered(lambda notice: notice.state == "ready")

    def _note_of(self, lines):
        """Why items were taken out, in one line."""
        return "; ".join(f"{line.item_id.display_name}: {line.reason}" for line in lines[:5])

    def _put_off(self, looks):
        """Whether the customer's calendar says later; the message then waits until then."""
        messages = looks[self.account_id.id].decision.messages
        send_at = max((message.send_at.replace(tzinfo=None) for message in messages), default=None)
        if send_at is None or send_at <= fields.Datetime.now():
            return False
        self.send_at = send_at
        return True

    # === CHANNELS === #

    def _deliver_email(self, looks):
        """Render and queue. A message whose text cannot be rendered, or that has no address, fails; the others go."""
        today = self._today()
        reachable = self.filtered(lambda notice: notice._fresh_address(looks))
        for notice in self - reachable:
            notice._fail(
                self.env._("%(customer)s has no email address.", customer=notice.account_id.display_name),
                final=True,
            )
        letters = []
        context_of = contexts.message_contexts(reachable, looks, today)
        reply_to = reachable._reply_addresses()
        texts = reachable._texts()
        for notice in reachable:
            try:
                message = notice._rendered(context_of[notice.id], texts[notice.id])
            except rendering.TemplateProblem as problem:
                notice._fail(notice._template_error(problem))
                continue
            except UserError as error:
                notice._fail(str(error), final=True)
                continue
            letters.append(
                (notice, message, notice._message_id(), reply_to[notice.account_id.id], notice._sender())
            )
        if letters:
            stale = reachable.mail_mail_id.sudo()
            stale.write({"dunning_notice_id": False, "state": "cancel"})
            self.env.flush_all()
            outbox.queue_mails(self.env, letters)
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    def _deliver_letter(self, _looks):
        self._deliver_by_hand(self.env._("Post the letter"))

    def _deliver_sms(self, _looks):
        self._deliver_by_hand(self.env._("Send the SMS"))

    def _deliver_call(self, _looks):
        self._deliver_by_hand(self.env._("Call the customer"))

    def _deliver_by_hand(self, summary):
        """A person does it: an activity on the account. Counts as done when it is handed to them."""
        for notice in self:
            notice.account_id._ask_person(
                summary,
                self.env._("%(level)s in run %(run)s", level=notice.level_id.name, run=notice.run_id.name),
            )
        self.write({"state": "queued", "queued_at": fields.Datetime.now()})
        self._mark_sent()

    def _fresh_address(self, looks):
        """The recipient's address as it is now; the one a person typed for this message stands."""
        contact = self.partner_id
        known = {one.id: one for one in looks[self.account_id.id].account.contacts}
        if contact.id in known and "email" in known[contact.id].blocked_channels:
            return False
        if contact.email and contact.email != self.email_to and not self.is_edited:
            self.email_to = contact.email
        return bool(self.email_to)

    def _reply_addresses(self):
        """Account id -> where replies go: the account's chatter by way of the catch-all address, else our own."""
        accounts = self.account_id
        sender = self.company_id._dunning_sender()
        # The company signs, not the scheduler's user.
        return accounts.sudo()._notify_get_reply_to_batch(
            defaults=dict.fromkeys(accounts.ids, sender),
            author_ids=dict.fromkeys(accounts.ids, self.company_id.partner_id.id),
        )

    def _sender(self):
        return self.company_id._dunning_sender()

    def _message_id(self):
        """The same for every attempt: a duplicate, should one ever leave, can be told by it."""
        company = self.company_id
        domain = company.alias_domain_id.name or (company.email or "").rpartition("@")[2] or "dunning.invalid"
        return f"<dunning-notice-{self.id}-{self.env.cr.dbname}@{domain}>"

    def _rendered(self, context, template):
        """A rendering.Message: the text a person edited, or the template's. Raises TemplateProblem, or UserError where
        there is no text."""
        if self.is_edited and self.body_html:
            return rendering.Message(self.subject, self.body_html, self.body_text or "")
        if not template:
            raise UserError(
                self.env._(
                    "Level %(level)s has no text “%(key)s”. Choose another one.",
                    level=self.level_id.name,
                    key=self._text_key(),
                )
            )
        return rendering.render(template._parts(), context)

    def _text_key(self):
        return "correction" if self.corrects_id else self.level_id.template_key

    def _texts(self):
        """Notice id -> the dunning.template it is made from; one search per key and language, not per message."""
        found, texts = {}, {}
        for notice in self:
            wanted = (notice._text_key(), notice.lang, notice.company_id)
            if wanted not in found:
                found[wanted] = self.env["dunning.template"].sudo()._find(*wanted)
            texts[notice.id] = found[wanted]
        return texts

    def _template_error(self, problem):
        return self.env._(
            "Text %(text)s: %(problem)s", text=self._texts()[self.id].display_name, problem=problem
        )

    # === THE SERVER === #

    def _take_up(self):
        """Mark the message as being sent, and return whether it may be. The caller commits before it speaks to the
        server. What changed or waited too long since it was queued goes back to be looked at again."""
        self.ensure_one()
        if self.state != "queued":
            if self.state in ("withdrawn", "undone", "sent"):
                self.mail_mail_id.sudo().write({"state": "cancel"})
            return False
        if self.queued_at < fields.Datetime.now() - FRESH_FOR or self._has_changed():
            self._requeue()
            return False
        self.write({"state": "sending", "attempt_at": fields.Datetime.now()})
        return True

    def _requeue(self):
        """Back to be looked at again: the mail is dropped and made anew if the message is still right."""
        self.mail_mail_id.sudo().write({"state": "cancel", "dunning_notice_id": False})
        self.write({"state": "ready", "mail_mail_id": False})
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()

    def _has_changed(self):
        """Whether anything about its items or its account is no longer as it was when it was queued."""
        self.env.flush_all()
        return outbox.fingerprints(self.env, self.ids).get(self.id) != self.fingerprint

    # === OUTCOME === #

    def _mark_sent(self):
        """They left: levels and last contacts are written, exactly once."""
        for company, notices in self.grouped("company_id").items():
            outbox.mark_sent(self.env, notices.ids, fields.Datetime.now(), company._dunning_today())
        self.run_id._settle()

    def _fail(self, error, final=False):
        """It did not leave. The level stays; it is tried again later, then surfaces for good."""
        for notice in self:
            attempts = max(notice.attempts, 1)
            is_final = final or attempts > len(RETRY_AFTER)
            next_try_at = False if is_final else fields.Datetime.now() + RETRY_AFTER[attempts - 1]
            notice.write(
                {"state": "failed", "error": error, "attempts": attempts, "next_try_at": next_try_at}
            )
            if is_final:
                outbox.release(self.env, notice.ids)
        self.account_id.sudo().write({"attention": "failed"})
        self.run_id._settle()

    def action_retry(self):
        """Try failed messages again now."""
        self.filtered(lambda one: one.state == "failed")._retake()
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()
        return True

    def _retake(self):
        """Back into the outbox, with their items. Items another run has taken meanwhile stay there."""
        for notice in self:
            if notice._reclaim():
                notice.write({"state": "ready", "next_try_at": False})
            else:
                notice._withdraw(self.env._("Its items are in another message by now"))

    def _reclaim(self):
        """Whether the message holds its items, taking back those that are free."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """UPDATE dunning_run_line line SET claim = 'open'
                    WHERE line.notice_id = %s AND line.claim IS NULL
                      AND NOT EXISTS (SELECT 1 FROM dunning_run_line other
                                       WHERE other.item_id = line.item_id AND other.id != line.id
                                         AND (other.claim IN ('open', 'queued') OR (other.claim = 'spent'
                                              AND other.cycle = line.cycle AND other.level_rank = line.level_rank)))
                   RETURNING line.id""",
                (self.main_id or self).id,
            )
        )
        self.env["dunning.run.line"].invalidate_model(["claim"])
        return bool(rows) or any((self.main_id or self).line_ids.mapped("claim"))

    @api.model
    def _wake_failed(self):
        due = self.search(
            [("state", "=", "failed"), ("next_try_at", "<=", fields.Datetime.now())], limit=1000
        )
        due.try_lock_for_update()._retake()

    @api.model
    def _recover(self):
        """After a crash. Where the mail's own state says what became of it, that is written now. A message that was
        being sent and has no outcome may or may not have left: it is not sent again by itself; a person looks at the
        mailbox and says which."""
        known = self.search([("state", "=", "sending"), ("mail_mail_id.state", "in", ("sent", "exception"))])
        for notice in known.try_lock_for_update():
            notice.mail_mail_id.sudo()._write_outcome()
        limit = fields.Datetime.now() - SENDING_TIMEOUT
        stuck = self.search([("state", "=", "sending"), ("attempt_at", "<", limit)]).try_lock_for_update()
        if stuck:
            stuck._mark_uncertain()

    def _mark_uncertain(self):
        self.write(
            {
                "state": "uncertain",
                "error": self.env._("The connection ended before the server's answer was seen."),
            }
        )
        self.mail_mail_id.sudo().write({"state": "cancel"})
        self.account_id.sudo().write({"attention": "uncertain"})

    def action_was_sent(self):
        """An uncertain message did leave."""
        self.filtered(lambda one: one.state == "uncertain")._mark_sent()
        return True

    def action_send_again(self):
        """An uncertain message did not leave."""
        self.filtered(lambda one: one.state == "uncertain").write({"state": "ready"})
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()
        return True

    def _mark_bounced(self, error):
        """The address does not work: as if it had not been sent, and nobody writes to that address again."""
        notices = self.filtered(lambda one: one.state == "sent")
        if not notices:
            return
        notices.write({"state": "failed", "error": error, "next_try_at": False})
        outbox.lower_levels(self.env, notices.ids)
        notices.partner_id.sudo().write({"dunning_bounced_at": fields.Datetime.now()})
        notices.account_id.sudo().write({"attention": "bounced"})

    # === UNDO === #

    def action_undo(self, reason=False, send_correction=False):
        """Take sent messages back: levels and last contacts return to what they were. History stays.

        :param reason: shown in the history and in the correction
        :param send_correction: whether the customer gets a message that takes the first one back
        """
        if not self.env.su:
            self.env.user._dunning_require_manager()
        sent = self.filtered(lambda one: one.state == "sent" and not one.corrects_id)
        if not sent:
            raise UserError(self.env._("Only sent messages can be undone."))
        sent._check_undoable()
        sent.write(
            {"state": "undone", "note": reason or self.env._("Undone by %(user)s", user=self.env.user.name)}
        )
        outbox.lower_levels(self.env, sent.ids)
        if send_correction:
            sent._correct()
        for account, notices in sent.grouped("account_id").items():
            account.message_post(
                body=self.env._("Undone: %(messages)s", messages=", ".join(notices.mapped("display_name")))
            )
        return True

    def _check_undoable(self):
        """A later level of the same item must be undone first."""
        rows = self.env.execute_query(
            SQL(
                """SELECT later.notice_id FROM dunning_run_line line
                     JOIN dunning_run_line later ON later.item_id = line.item_id AND later.claim = 'spent'
                      AND later.cycle = line.cycle AND later.level_rank > line.level_rank
                    WHERE line.notice_id = ANY(%s) AND later.notice_id != ALL(%s) LIMIT 1""",
                self.ids,
                self.ids,
            )
        )
        if rows:
            later = self.browse(rows[0][0])
            raise UserError(
                self.env._(
                    "%(message)s went out later for the same items. Undo it first.",
                    message=later.display_name,
                )
            )

    def _correct(self):
        """A message that takes each of these back, by e-mail where the first went by e-mail."""
        for notice in self.filtered(lambda one: one.channel == "email"):
            notice.sudo().copy(
                {
                    "state": "ready",
                    "corrects_id": notice.id,
                    "send_at": fields.Datetime.now(),
                    "is_edited": False,
                    "subject": False,
                    "body_html": False,
                    "body_text": False,
                }
            )
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()

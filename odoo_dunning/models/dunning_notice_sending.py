import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .. import rendering
from ..bulk import contexts, outbox, projection, rationing, recheck, totals
from ..engine.decide import send_slot
from .conflicts import CONFLICTS

_logger = logging.getLogger(__name__)

SLICE_NOTICES = 250


class DunningNotice(models.Model):
    """From approved to handed over: due messages are taken slice by slice, looked at again, given to their channel."""

    _inherit = "dunning.notice"

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
        # What is left waits for room under the caps: trying at once again would find none.
        commit(remaining=0)

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
                conflicts = 0
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
        """The next due messages of a company, locked, as many as its caps leave room for; those another sender has are
        skipped."""
        domain = [*self._due_domain(), ("company_id", "=", company.id)]
        candidates = self.search(domain, limit=SLICE_NOTICES, order="send_at, id")
        if not candidates:
            return candidates
        outbox.take_turn(self.env, company)
        return candidates._within(rationing.room(self.env, company)).try_lock_for_update()

    def _within(self, room):
        """As many as there is room for (None: all), in this order. One by several channels is one message."""
        if room is None or room >= len(self):
            return self
        going = set(self.filtered(lambda one: not one.main_id)[:room].ids)
        return self.filtered(
            lambda one: (
                one.id in going or one.main_id.id in going or one.main_id.state not in (False, "ready")
            )
        )

    def _hand_over(self):
        """Re-check a locked slice of one company and hand what is still right to its channel."""
        by_run = self.grouped("run_id")
        for run, notices in by_run.items():
            if run.state == "approved":
                run.sudo().state = "sending"
            corrections = notices.filtered("corrects_id")
            looks = notices._look_again()
            leaving = corrections.filtered(lambda one, looks=looks: not one._put_off(looks))
            still_right = leaving | (notices - corrections)._still_right(looks)._claim_levels()
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
        if company.dunning_unmatched_gate == "stop":
            # The receipts of a customer are counted with the account's figures.
            totals.refresh(self.env, company, accounts.ids)
        return recheck.look(self.env, company, accounts.ids, self._today(), self.run_id.id)

    def _today(self):
        return self.company_id._dunning_today()

    def _still_right(self, looks):
        """Withdraw what must not leave, put off what must wait, and return the rest."""
        going = self.browse()
        for notice in self:
            main = notice.main_id or notice
            answers = {one.item_id: one for one in looks[notice.account_id.id].decision.answers}
            if set(main.line_ids.mapped("claim")) == {"spent"}:
                going |= notice._following(answers, looks)
                continue
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
                    notice.sudo().note = self._note_of(dropped)
                    dropped.sudo().notice_id = False
                nets = looks[notice.account_id.id].nets(kept.item_id.ids)
                main._count_anew(nets)
                if overtaken := notice._overtaken(nets):
                    notice._fail(overtaken, final=True)
                else:
                    notice._renew_deadline(looks[notice.account_id.id])
                    going |= notice
        return going.filtered(lambda notice: notice.state == "ready")

    def _following(self, answers, looks):
        """A message that has left already by another channel: its level stands, whatever the engine says of the next
        one. It asks for what may still be asked for, and stays home where that is nothing."""
        lines = (self.main_id or self).line_ids.filtered(
            lambda line: line._may_follow(answers.get(line.item_id.id))
        )
        if lines and self._put_off(looks):
            return self.browse()
        if lines:
            self._count_anew(looks[self.account_id.id].nets(lines.item_id.ids))
            return self
        self._withdraw(
            self.env._("Nothing of it is to be asked for any more since it left by another channel")
        )
        return self.browse()

    def _overtaken(self, nets):
        """Why a text written by hand does not fit any more; False where it does, or is not by hand."""
        if not self.is_edited or not self.body_html:
            return False
        if self.written_about and self.written_about != self._about(nets):
            return self.env._(
                "Its text was written by hand, and its level, receivables or amounts have changed since. "
                "Write it again or go back to the usual text, then try again."
            )
        if self.deadline_date and self.deadline_date < self._today():
            return self.env._(
                "Its text was written by hand, and its last day to pay, %(day)s, is over. Enter another one in both.",
                day=format_date(self.env, self.deadline_date),
            )
        return False

    def _renew_deadline(self, look):
        """The time to pay counts from the day the message leaves. What a person entered stands while it lies ahead."""
        is_by_hand = self.is_deadline_typed or (self.is_edited and self.body_html)
        if is_by_hand and self.deadline_date and self.deadline_date >= self._today():
            return
        day = look.deadline(self.level_id, look.local_date(fields.Datetime.now()))
        if day != (self.deadline_date or None):
            self.sudo().write({"deadline_date": day, "is_deadline_typed": False})

    def _note_of(self, lines):
        """Why items were taken out, in one line."""
        return "; ".join(f"{line.item_id.display_name}: {line.reason}" for line in lines[:5])

    def _put_off(self, looks):
        """Whether the customer's calendar says later; the message then waits until then. Asked for every message,
        whoever decided that it goes: also what a person chose, or takes another one back, leaves in the window."""
        look = looks[self.account_id.id]
        slot = send_slot(look.account, self.policy_id._calendar(self.company_id), look.ruling)
        if slot is None:
            return False
        is_later = slot.send_at > look.ruling.now
        vals = {"send_until": slot.send_until.replace(tzinfo=None)}
        if is_later:
            vals["send_at"] = slot.send_at.replace(tzinfo=None)
        if any(self[name] != value for name, value in vals.items()):
            self.sudo().write(vals)
        return is_later

    # === CHANNELS === #

    def _deliver_email(self, looks):
        """Render and queue. A message whose text cannot be rendered, or that has no address, fails; the others go."""
        reachable = self.filtered(lambda notice: notice._fresh_address(looks))
        for notice in self - reachable:
            notice._fail(
                self.env._("%(customer)s has no email address.", customer=notice.account_id.display_name),
                final=True,
            )
        if not reachable:
            return
        reply_to = reachable._reply_addresses()
        letters = [
            (notice, message, notice._message_id(), reply_to[notice.account_id.id], notice._sender())
            for notice, message in reachable._rendered_ones(looks)
        ]
        if letters:
            stale = reachable.mail_mail_id.sudo()
            stale.write({"dunning_notice_id": False, "state": "cancel"})
            self.env.flush_all()
            outbox.queue_mails(self.env, letters)
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    def _rendered_ones(self, looks):
        """[(notice, rendering.Message), …]. One whose text cannot be rendered fails; the others go."""
        context_of = contexts.message_contexts(self, looks, self._today())
        texts = self._texts()
        rendered = []
        for notice in self:
            try:
                rendered.append((notice, notice._rendered(context_of[notice.id], texts[notice.id])))
                notice._keep_asked(context_of[notice.id].totals)
            except rendering.TemplateProblem as problem:
                notice._fail(notice._template_error(problem))
            except UserError as error:
                notice._fail(str(error), final=True)
        return rendered

    def _deliver_letter(self, looks):
        self._written_down(looks)._deliver_by_hand(self.env._("Post the letter"))

    def _deliver_sms(self, looks):
        self._written_down(looks)._deliver_by_hand(self.env._("Send the SMS"))

    def _written_down(self, looks):
        """Keep the text of what a person posts or types, as it is today; returns those that have one."""
        written = self.browse()
        for notice, message in self._rendered_ones(looks):
            notice.sudo().write(
                {"subject": message.subject, "body_html": message.html, "body_text": message.text}
            )
            written |= notice
        return written

    def _deliver_call(self, _looks):
        self._deliver_by_hand(self.env._("Call the customer"))

    def _deliver_by_hand(self, summary):
        """A person does it: an activity on the account. Counts as done when it is handed to them."""
        for notice in self:
            note = notice._get_html_link(
                self.env._("%(level)s in run %(run)s", level=notice.level_id.name, run=notice.run_id.name)
            )
            if notice.corrects_id:
                note = self.env._(
                    "Taken back: %(message)s (%(reason)s)", message=note, reason=notice.corrects_id.note
                )
            notice.account_id._give_to_person(summary, notice._note_by_hand(note))
        self.sudo().write({"state": "queued", "queued_at": fields.Datetime.now()})
        self._mark_sent()

    def _note_by_hand(self, note):
        """What the activity says beside the link to the message."""
        return note

    def _fresh_address(self, looks):
        """The recipient's address as it is now; the one a person typed for this message stands."""
        contact = self.partner_id
        if self.is_address_typed and self.email_to != contact.email:
            return bool(self.email_to)
        known = {one.id: one for one in looks[self.account_id.id].account.contacts}
        if contact.id in known and "email" in known[contact.id].blocked_channels:
            return False
        if contact.email and contact.email != self.email_to:
            self.sudo().write({"email_to": contact.email, "is_address_typed": False})
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

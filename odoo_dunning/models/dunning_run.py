import logging
from datetime import timezone

import psycopg2.errors
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import SQL, format_date

from ..bulk import rationing, snapshot
from ..bulk.proposal import Proposal
from .conflicts import try_again

_logger = logging.getLogger(__name__)


class DunningRun(models.Model):
    """One pass over every open item of a company: proposed, reviewed, approved, sent, and undone if need be."""

    _name = "dunning.run"
    _description = "Dunning run"
    _inherit = ["mail.thread", "mail.activity.mixin", "dunning.kept.fields"]
    _order = "date desc, id desc"

    # Written by the life of a run alone: four eyes are worth nothing where a call from outside may say who proposed.
    _kept = {
        "company_id", "state", "is_automatic", "is_proposing", "proposed_by_id", "proposed_at", "approved_by_id",
        "approved_at", "edited_by_ids", "done_at", "line_count", "notify_count", "name", "account_count",
        "account_done_count", "last_account_id", "error", "job_key",
    }  # fmt: skip
    _said_once = {"company_id", "name"}

    name = fields.Char(required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True, default=lambda self: self.env.company
    )
    date = fields.Date(
        required=True,
        compute="_compute_date",
        store=True,
        readonly=False,
        precompute=True,
        help="Day the run decides for.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("proposed", "Proposed"),
            ("approved", "Approved"),
            ("sending", "Sending"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
            ("undone", "Undone"),
        ],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        index=True,
        tracking=True,
    )
    is_automatic = fields.Boolean(readonly=True, copy=False, string="Automatic")
    is_proposing = fields.Boolean(readonly=True, copy=False, string="Proposal under way")
    account_count = fields.Integer(string="Customers", readonly=True, copy=False)
    account_done_count = fields.Integer(string="Customers decided", readonly=True, copy=False)
    last_account_id = fields.Integer(
        readonly=True,
        copy=False,
        help="Where the proposal goes on after an interruption.",
        string="Last customer decided (id)",
    )
    progress_pct = fields.Float(compute="_compute_progress_pct", string="Progress")
    line_count = fields.Integer(string="Receivables", readonly=True, copy=False)
    notify_count = fields.Integer(string="Items in messages", readonly=True, copy=False)
    notice_count = fields.Integer(compute="_compute_notice_counts", string="Number of messages")
    sent_count = fields.Integer(compute="_compute_notice_counts", string="Sent")
    failed_count = fields.Integer(compute="_compute_notice_counts", string="Failed")
    withdrawn_count = fields.Integer(compute="_compute_notice_counts", string="Withdrawn")
    waiting_count = fields.Integer(compute="_compute_notice_counts", string="Waiting")
    note = fields.Text(copy=False)
    error = fields.Text(readonly=True, copy=False)
    proposed_by_id = fields.Many2one("res.users", readonly=True, copy=False, string="Proposed by")
    proposed_at = fields.Datetime(readonly=True, copy=False, string="Proposed on")
    approved_by_id = fields.Many2one("res.users", readonly=True, copy=False, string="Approved by")
    approved_at = fields.Datetime(readonly=True, copy=False, string="Approved on")
    edited_by_ids = fields.Many2many(
        "res.users",
        readonly=True,
        copy=False,
        help="Who changed its messages while it was a proposal: like the proposer, they are no second person.",
        string="Changed by",
    )
    done_at = fields.Datetime(readonly=True, copy=False, string="Done on")
    line_ids = fields.One2many("dunning.run.line", "run_id", string="Lines", copy=False)
    notice_ids = fields.One2many("dunning.notice", "run_id", string="Messages of the run", copy=False)

    _one_proposing_uniq = models.UniqueIndex(
        "(company_id) WHERE is_proposing",
        "A proposal of this company is being worked out already. Wait for it.",
    )

    @api.depends("company_id")
    def _compute_date(self):
        """Today by the company's clock: whoever starts the run may live on another day, or have no time zone."""
        for run in self:
            run.date = run.company_id._dunning_today() if run.company_id else fields.Date.context_today(run)

    @api.depends("account_count", "account_done_count")
    def _compute_progress_pct(self):
        for run in self:
            run.progress_pct = (
                100.0 * run.account_done_count / run.account_count if run.account_count else 0.0
            )

    def _compute_notice_counts(self):
        of_runs, notices = Domain("run_id", "in", self.ids), self.env["dunning.notice"]
        counts = {
            (run, state): count
            for run, state, count in notices._read_group(of_runs, ["run_id", "state"], ["__count"])
        }
        standing = of_runs & Domain("state", "!=", "withdrawn") & Domain("corrects_id", "=", False)
        messages = dict(notices._read_group(standing, ["run_id"], ["__count"]))
        for run in self:
            run.notice_count = messages.get(run, 0)
            run.sent_count = counts.get((run, "sent"), 0)
            run.failed_count = counts.get((run, "failed"), 0) + counts.get((run, "uncertain"), 0)
            run.withdrawn_count = counts.get((run, "withdrawn"), 0)
            run.waiting_count = sum(
                counts.get((run, state), 0) for state in ("proposed", "ready", "queued", "sending")
            )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if vals.get("name", "/") == "/":
                vals["name"] = self.env["ir.sequence"].next_by_code("dunning.run") or "/"
        return super().create(vals_list)

    def write(self, vals):
        over = self.filtered(lambda run: run.state != "draft")
        if over and "date" in vals and not self.env.su:
            raise UserError(
                self.env._(
                    "Run %(run)s: only a draft is given another day. Make a new run.", run=over[0].name
                )
            )
        return super().write(vals)

    def _why_kept(self, label):
        return self.env._(
            "“%(field)s” of a run is not written by hand. Propose, approve, cancel or undo the run.",
            field=label,
        )

    @api.ondelete(at_uninstall=False)
    def _keep_history(self):
        kept = self.filtered(lambda run: run.state not in ("draft", "cancelled"))
        if kept:
            raise UserError(
                self.env._(
                    "Run %(run)s has a history. Cancel or undo it instead of deleting it.", run=kept[0].name
                )
            )
        self.sudo()._forget_proposal()

    # === PROPOSE === #

    def action_propose(self):
        """Work the proposal out in the background."""
        self._start_proposing()
        self.env.ref("odoo_dunning.cron_propose").sudo()._trigger()
        return True

    def action_propose_now(self):
        """Work the proposal out before returning. For small books, tests and scripts."""
        self._start_proposing()
        self._propose()
        return True

    def _start_proposing(self):
        for run in self:
            if run.state not in ("draft", "proposed"):
                raise UserError(self.env._("Run %(run)s was approved already. Make a new one.", run=run.name))
            other = self.search(
                [("company_id", "=", run.company_id.id), ("is_proposing", "=", True), ("id", "!=", run.id)],
                limit=1,
            )
            if other:
                raise UserError(
                    self.env._(
                        "Run %(run)s is being worked out already. Wait until it is done.", run=other.name
                    )
                )
            run._forget_proposal()
            run.sudo().write(
                {
                    "state": "draft",
                    "is_proposing": True,
                    "error": False,
                    "proposed_by_id": self.env.uid,
                    "edited_by_ids": [Command.clear()],
                    "account_done_count": 0,
                    "account_count": 0,
                    "last_account_id": 0,
                }
            )
        self.env.flush_all()

    def _propose(self):
        """Work the proposal out from where it stands, in one transaction."""
        for run in self:
            for _done, _left in run._propose_slices():
                pass

    def _propose_slices(self):
        """Work the proposal out slice by slice; yields (accounts decided, accounts left) after each, when the caller
        may commit. Starts, and starts again after an interruption, where `last_account_id` says."""
        self.ensure_one()
        if not self.last_account_id:
            self._prepare_proposal()
            yield 0, self.account_count
        proposal = Proposal(self.sudo())
        # Somebody may have cancelled it where the caller committed.
        while self.is_proposing:
            last_account_id, count = proposal.decide_slice(self.last_account_id)
            if not count:
                self._finish_proposal()
                yield 0, 0
                return
            done = self.account_done_count + count
            self.sudo().write({"last_account_id": last_account_id, "account_done_count": done})
            self.env.flush_all()
            yield count, max(self.account_count - done, 0)

    def _prepare_proposal(self):
        """Bring items, account figures, promises and rules up to date: a proposal is about today's books."""
        self.env["dunning.item"].sudo()._refresh(self.company_id)
        self.env["dunning.promise"].sudo()._judge(self.company_id)
        self.env["dunning.policy.rule"].sudo()._assign(self.company_id)
        self.sudo().account_count = snapshot.count_accounts(self.env, self.company_id)

    def _finish_proposal(self):
        # Nobody has counted the new lines yet: without, the planner expects nine of them and sorts them all for a page.
        # A look at 3,000 of them is enough for that.
        self.env.cr.execute("SET LOCAL default_statistics_target = 10")
        self.env.cr.execute("ANALYZE dunning_run_line (run_id, notice_id, claim)")
        self.env.cr.execute("SET LOCAL default_statistics_target TO DEFAULT")
        rationing.apply(self.sudo())
        self.env["dunning.run.line"].invalidate_model()
        self.env["dunning.notice"].invalidate_model()
        self.sudo().write(
            {
                "state": "proposed",
                "is_proposing": False,
                "proposed_at": fields.Datetime.now(),
            }
        )
        self._count_lines()
        self.env.flush_all()

    def _count_lines(self):
        """How many receivables are in messages and in all, as the lines say now."""
        counts = {run: [0, 0] for run in self}
        for run, decision, count in self.env["dunning.run.line"]._read_group(
            [("run_id", "in", self.ids)], ["run_id", "decision"], ["__count"]
        ):
            counts[run][0] += count
            counts[run][1] += count if decision == "notify" else 0
        for run, (line_count, notify_count) in counts.items():
            run.sudo().write({"line_count": line_count, "notify_count": notify_count})

    def _forget_proposal(self):
        """Remove lines and messages of a proposal that was not approved."""
        self.env.flush_all()
        self.env.execute_query(SQL("DELETE FROM dunning_run_line WHERE run_id = %s RETURNING id", self.id))
        self.env.execute_query(SQL("DELETE FROM dunning_notice WHERE run_id = %s RETURNING id", self.id))
        self.env.invalidate_all()

    @api.model
    def _now(self):
        """The instant a proposal is made for (naive UTC)."""
        return fields.Datetime.now()

    @api.model
    def _others_open(self, company, run_id):
        """Runs of the company, but for `run_id`, that may hold items: open ones, and those with a message nobody knows
        the fate of."""
        going = Domain("state", "in", ("draft", "proposed", "approved", "sending"))
        going |= Domain("notice_ids.state", "in", ("sending", "uncertain"))
        return self.search(going & Domain("company_id", "=", company.id) & Domain("id", "!=", run_id))

    # === APPROVE, CANCEL, UNDO === #

    def action_approve(self):
        """Let the messages go."""
        for run in self:
            run._check_approvable()
            run._set_ready()
            run.sudo().write(
                {"state": "approved", "approved_by_id": self.env.uid, "approved_at": fields.Datetime.now()}
            )
            run._settle()
        self.env.ref("odoo_dunning.cron_send").sudo()._trigger()
        return True

    def _set_ready(self):
        """All proposed messages into the outbox, in one statement."""
        self.env.flush_all()
        self.env.execute_query(
            SQL(
                """UPDATE dunning_notice SET state = 'ready', write_uid = %s, write_date = now() AT TIME ZONE 'UTC'
                    WHERE run_id = %s AND state = 'proposed' RETURNING id""",
                self.env.uid,
                self.id,
            )
        )
        self.env["dunning.notice"].invalidate_model(["state"])

    def _check_approvable(self):
        self.ensure_one()
        if self.state != "proposed":
            raise UserError(self.env._("Run %(run)s is not a proposal. Propose it first.", run=self.name))
        if self.env.user in self._first_hands() and self._needs_second_person():
            raise UserError(self._why_second_person())

    def _first_hands(self):
        """Who proposed it or changed its messages: their approval is not a second person's."""
        return self.proposed_by_id | self.edited_by_ids

    def _remember_hand(self):
        """Somebody changes messages of a proposal."""
        for run in self.filtered(lambda one: one.state == "proposed"):
            if self.env.user not in run.edited_by_ids:
                run.sudo().edited_by_ids = [Command.link(self.env.uid)]

    def _needs_second_person(self):
        """Whether somebody else than its first hands has to approve. What nobody can put in company currency is taken
        for more than the limit."""
        company = self.company_id
        if not company.dunning_four_eyes:
            return False
        if company.currency_id.is_zero(company.dunning_four_eyes_amount) or self._unrated_currencies():
            return True
        amount = self._amount_in_company_currency(self | self._approved_alone())
        return company.currency_id.compare_amounts(amount, company.dunning_four_eyes_amount) >= 0

    def _approved_alone(self):
        """Other runs this user approved today without a second person: cut into parts, a run would never reach the
        limit."""
        company = self.company_id
        midnight = company._dunning_local_now().replace(hour=0, minute=0, second=0, microsecond=0)
        runs = self.search(
            [
                ("company_id", "=", company.id),
                ("approved_by_id", "=", self.env.uid),
                ("approved_at", ">=", midnight.astimezone(timezone.utc).replace(tzinfo=None)),
                ("id", "not in", self.ids),
            ]
        )
        return runs.filtered(lambda run: self.env.user in run._first_hands())

    def _why_second_person(self):
        """Why the user may not approve it, and what to do."""
        if self.proposed_by_id == self.env.user:
            hint = self.env._("You proposed it: ask a colleague.")
        else:
            hint = self.env._("You changed its messages: ask a colleague who did not.")
        return f"{self._why_four_eyes()} {hint}"

    def _why_four_eyes(self):
        company = self.company_id
        own, limit = company.currency_id, company.dunning_four_eyes_amount
        unrated = self._unrated_currencies()
        if own.is_zero(limit):
            return self.env._("Run %(run)s: every run needs a second person.", run=self.name)
        if unrated:
            return self.env._(
                "Run %(run)s: there is no exchange rate of %(currencies)s, so nobody knows what the run is about in "
                "all, and it needs a second person as long as no rate is entered.",
                run=self.name,
                currencies=", ".join(unrated.mapped("name")),
            )
        amount = self._amount_in_company_currency(self)
        figures = {
            "run": self.name,
            "limit": own.format(limit),
            "amount": own.format(amount),
            "day": format_date(self.env, self.date),
        }
        if own.compare_amounts(amount, limit) >= 0:
            return self.env._(
                "Run %(run)s: it needs a second person from %(limit)s on: it asks for %(amount)s, charges included, at "
                "the rates of %(day)s.",
                **figures,
            )
        figures["amount"] = own.format(self._amount_in_company_currency(self | self._approved_alone()))
        return self.env._(
            "Run %(run)s: it needs a second person from %(limit)s on: with what you approved alone today it is about "
            "%(amount)s, charges included, at the rates of %(day)s.",
            **figures,
        )

    def _unrated_currencies(self):
        """Currencies of its messages without any exchange rate."""
        return self.company_id._dunning_unrated(self.env["res.currency"].union(*self._amounts()))

    def _amounts(self):
        """Currency -> what the messages of these runs ask for in it; what was withdrawn or undone does not count."""
        groups = self.env["dunning.notice"]._read_group(
            [
                ("run_id", "in", self.ids),
                ("state", "not in", ("withdrawn", "undone")),
                ("main_id", "=", False),
                ("corrects_id", "=", False),
            ],
            ["currency_id"],
            ["amount_total:sum"],
        )
        return dict(groups)

    def _amount_in_company_currency(self, runs):
        """What the messages of these runs ask for, at the rates of this run's day."""
        own = self.company_id.currency_id
        return sum(
            currency._convert(amount, own, self.company_id, self.date)
            for currency, amount in runs._amounts().items()
        )

    def action_cancel(self):
        """Drop what has not left. Lines and their reasons stay to be read; their items are free."""
        for run in self:
            if run.state not in ("draft", "proposed", "approved", "sending"):
                raise UserError(self.env._("Run %(run)s is over: it can only be undone.", run=run.name))
            run._withdraw_waiting(self.env._("Run cancelled by %(user)s", user=self.env.user.name))
            state = run._state_when_cancelled()
            done_at = fields.Datetime.now() if state == "done" else False
            run.sudo().write({"state": state, "done_at": done_at, "is_proposing": False})
        return True

    def _state_when_cancelled(self):
        """A message at the mail server, or of unknown fate, still has its items: the run goes on for it."""
        of_run = Domain("run_id", "=", self.id)
        notices = self.env["dunning.notice"]
        if notices.search_count(of_run & Domain("state", "in", ("sending", "uncertain")), limit=1):
            return "sending"
        return (
            "done" if notices.search_count(of_run & Domain("sent_at", "!=", False), limit=1) else "cancelled"
        )

    def _withdraw_waiting(self, note):
        """Withdraw all messages that have not left and free their items, in bulk."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """UPDATE dunning_notice
                      SET state = 'withdrawn', note = %s, next_try_at = NULL, write_uid = %s,
                          write_date = now() AT TIME ZONE 'UTC'
                    WHERE run_id = ANY(%s) AND state IN ('proposed', 'ready', 'queued', 'failed')
                   RETURNING mail_mail_id""",
                note,
                self.env.uid,
                self.ids,
            )
        )
        self.env.execute_query(
            SQL(
                """UPDATE dunning_run_line SET claim = NULL
                    WHERE run_id = ANY(%s) AND claim IN ('open', 'queued')
                      AND (notice_id IS NULL OR notice_id IN (SELECT id FROM dunning_notice
                                                               WHERE run_id = ANY(%s) AND state = 'withdrawn'))
                   RETURNING id""",
                self.ids,
                self.ids,
            )
        )
        self.env.invalidate_all()
        mails = self.env["mail.mail"].sudo().browse([mail_id for (mail_id,) in rows if mail_id])
        mails.filtered(lambda mail: mail.state == "outgoing").write({"state": "cancel"})

    def action_undo(self, reason=False, send_correction=False):
        """Take a run back: what has not left is withdrawn, what has left is undone. History stays.

        :param reason: shown in the history and in corrections
        :param send_correction: whether customers get a message that takes the first one back
        """
        if not self.env.su:
            self.env.user._dunning_require_manager()
        for run in self:
            if run.state not in ("approved", "sending", "done"):
                raise UserError(self.env._("Run %(run)s has sent nothing. Cancel it instead.", run=run.name))
            run.notice_ids._check_fates_known()
            run._withdraw_waiting(self.env._("Run undone by %(user)s", user=self.env.user.name))
            sent = run.notice_ids.filtered(lambda one: one.state == "sent" and not one.corrects_id)
            if sent:
                sent.action_undo(reason=reason, send_correction=send_correction)
            run.sudo().write({"state": "undone", "is_proposing": False})
            run.message_post(body=reason or self.env._("Undone"))
        return True

    def _settle(self):
        """A run whose messages have all left, failed for good or were withdrawn is done."""
        going = self.filtered(lambda run: run.state in ("approved", "sending"))
        if not going:
            return
        self.env["dunning.notice"].flush_model(["state", "run_id", "next_try_at"])
        rows = self.env.execute_query(
            SQL(
                """SELECT run.id FROM dunning_run run
                    WHERE run.id = ANY(%s) AND NOT EXISTS (
                      SELECT 1 FROM dunning_notice notice WHERE notice.run_id = run.id
                         AND notice.state IN ('proposed', 'ready', 'queued', 'sending', 'uncertain'))
                      AND NOT EXISTS (
                      SELECT 1 FROM dunning_notice notice WHERE notice.run_id = run.id
                         AND notice.state = 'failed' AND notice.next_try_at IS NOT NULL)""",
                going.ids,
            )
        )
        done = self.browse([row[0] for row in rows]).sudo()
        done.write({"state": "done", "done_at": fields.Datetime.now()})
        done._count_lines()

    # === SCHEDULED === #

    @api.model
    def _cron_propose(self):
        """Scheduled: start the day's automatic runs, work out what waits to be proposed, approve what needs no one."""
        self._start_automatic()
        commit = self.env["ir.cron"]._commit_progress
        commit()
        for run in self.search([("is_proposing", "=", True)]):
            run._propose_committing(commit)
        for run in self.search([("is_automatic", "=", True), ("state", "=", "proposed")]):
            try_again(self.env, run._approve_automatic_committing, commit)

    def _approve_automatic_committing(self, commit):
        self._approve_automatic()
        commit(1)

    def _propose_committing(self, commit):
        """Work one proposal out, committing slice by slice: progress shows, an interruption costs one slice."""
        for _attempt in range(3):
            if not self.try_lock_for_update() or not self.is_proposing:
                return
            try:
                for done, left in self._propose_slices():
                    if not commit(done, remaining=left):
                        return
                return
            except (psycopg2.errors.UniqueViolation, psycopg2.errors.SerializationFailure):
                # Another run, or a person, took one of the items meanwhile: decide the slice again on what is now.
                self.env.cr.rollback()
                _logger.info("Run %s: a slice is decided again, an item of it was taken meanwhile", self.name)
        self._forget_proposal()
        self.sudo().write(
            {
                "is_proposing": False,
                "error": self.env._("Its items were taken by other runs. Propose it again."),
            }
        )
        commit()

    @api.model
    def _start_automatic(self):
        """One run a day for each company that wants it, on its first visit after the send window opened."""
        for company in self.env["res.company"].search([("dunning_is_automatic", "=", True)]):
            today = company._dunning_today()
            domain = [("company_id", "=", company.id), ("is_automatic", "=", True), ("date", "=", today)]
            if not company._dunning_is_open_now() or self.search(domain, limit=1):
                continue
            busy = self.search([("company_id", "=", company.id), ("is_proposing", "=", True)], limit=1)
            if not busy:
                self.sudo().create(
                    {"company_id": company.id, "date": today, "is_automatic": True}
                )._start_proposing()

    def _approve_automatic(self):
        """Approve what policies say needs no review. With the rest, or with four eyes, the run waits for a person."""
        self.ensure_one()
        if self._needs_second_person():
            return
        # Of a kept version the policy itself says it: whoever makes it manual means items in a cycle as well.
        by_hand = self.notice_ids.filtered(
            lambda one: one.state == "proposed" and not (one.policy_id.head_id or one.policy_id).is_automatic
        )
        if not by_hand:
            self.action_approve()

    @api.model
    def _cron_housekeeping(self):
        """Scheduled: look how customers paid, and forget the left-alone lines of old finished runs; what was sent
        stays for ever."""
        self.env["dunning.account"]._refresh_histories()
        keep_days = int(self.env["ir.config_parameter"].sudo().get_param("odoo_dunning.keep_line_days", 400))
        limit = fields.Date.subtract(fields.Date.today(), days=keep_days)
        old = self.search([("date", "<", limit), ("state", "in", ("done", "cancelled", "undone"))])
        for run in old:
            self.env.execute_query(
                SQL(
                    "DELETE FROM dunning_run_line WHERE run_id = %s"
                    " AND decision = 'leave' AND notice_id IS NULL RETURNING id",
                    run.id,
                )
            )
            if not self.env["ir.cron"]._commit_progress(1):
                break

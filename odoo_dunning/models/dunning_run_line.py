from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .. import reasons
from ..engine import explain
from ..engine.snapshot import FOREVER, Reason
from .kept_fields import label_of_kept
from .slim_many2one import SlimMany2one

# What a person decided in the proposal stands above these.
SOFT_REASONS = {
    Reason.TOO_YOUNG, Reason.WAITING, Reason.LAST_LEVEL, Reason.BELOW_ITEM, Reason.BELOW_ACCOUNT, Reason.CONTACTED,
    Reason.VOLUME_CAP, Reason.BANK_STALE, Reason.UNMATCHED, Reason.NOT_WORKING_DAY,
}  # fmt: skip


class DunningRunLine(models.Model):
    """The answer a run gave for one open item: in a message at a level, or left alone and why."""

    _name = "dunning.run.line"
    _description = "Line of a dunning run"
    _order = "account_id.id, id"
    _log_access = False
    _rec_name = "item_id"

    run_id = SlimMany2one("dunning.run", required=True, readonly=True)
    company_id = SlimMany2one("res.company", required=True, readonly=True)
    account_id = SlimMany2one("dunning.account", string="Customer", required=True, readonly=True)
    item_id = SlimMany2one("dunning.item", required=True, readonly=True, string="Receivable")
    decision = fields.Selection(
        [("notify", "In a message"), ("leave", "Left alone")], required=True, readonly=True
    )
    reason_code = fields.Selection(
        selection="_selection_reason_code", string="Reason", required=True, readonly=True
    )
    reason_args = fields.Json(readonly=True, string="Figures of the reason")
    reason = fields.Char(compute="_compute_reason", string="Why")
    next_step = fields.Char(compute="_compute_reason", string="What you can do")
    policy_reason = fields.Char(compute="_compute_reason", string="Policy chosen by")
    level_id = SlimMany2one("dunning.level", readonly=True)
    level_rank = fields.Integer(readonly=True, string="Level number")
    cycle = fields.Integer(readonly=True, string="Reminder cycle")
    notice_id = SlimMany2one("dunning.notice", string="Message", readonly=True)
    claim = fields.Selection(
        [("open", "Taken by an open run"), ("queued", "Leaving"), ("spent", "Sent")],
        readonly=True,
        help="Keeps a second run off the item and, from the mail queue on, a second message of its level and cycle.",
        string="Kept for this run",
    )
    currency_id = SlimMany2one("res.currency", required=True, readonly=True)
    amount_open = fields.Monetary(readonly=True, string="Open")
    prev_level_id = SlimMany2one("dunning.level", readonly=True, string="Level before")
    prev_level_date = fields.Date(readonly=True, string="Level before reached on")
    prev_bound_policy_id = SlimMany2one("dunning.policy", readonly=True, string="Policy before")
    policy_id = SlimMany2one("dunning.policy", readonly=True)
    policy_source = fields.Char(
        readonly=True,
        help="What chose the policy: item, bound, account, a rule, or default.",
        string="Policy chosen by (code)",
    )
    is_edited = fields.Boolean(
        readonly=True, help="Changed by a person in the proposal.", string="Changed by hand"
    )
    is_left_by_hand = fields.Boolean(
        compute="_compute_is_left_by_hand", string="Left out by hand in this run"
    )
    note = fields.Char()

    # What a person filters and reads in the proposal.
    partner_id = fields.Many2one(related="account_id.partner_id", string="Contact")
    number = fields.Char(related="item_id.number")
    due_date = fields.Date(related="item_id.due_date", string="Due date")
    origin = fields.Selection(related="item_id.origin")

    # Few and small: every one is paid for 100,000 times in a run. The last is only entered when a message leaves.
    _item_run_uniq = models.UniqueIndex("(item_id, run_id)")
    # In the order of the list. By id alone the planner reads all older runs to find the first page of the newest.
    _run = models.Index("(run_id, account_id, id)")
    _notice = models.Index("(notice_id) WHERE notice_id IS NOT NULL")
    _one_open_run_uniq = models.UniqueIndex("(item_id) WHERE claim IN ('open', 'queued')")
    _level_cycle_uniq = models.UniqueIndex("(item_id, cycle, level_rank) WHERE claim IN ('queued', 'spent')")

    @api.depends("reason_code", "reason_args")
    def _compute_reason(self):
        for line in self:
            line.reason = reasons.sentence(self.env, line.reason_code, line.reason_args)
            line.next_step = reasons.next_step(self.env, line.reason_code)
            line.policy_reason = reasons.policy_source(self.env, line.policy_source)

    @api.depends("decision", "reason_code", "is_edited")
    def _compute_is_left_by_hand(self):
        for line in self:
            line.is_left_by_hand = (
                line.decision == "leave" and line.reason_code == "excluded" and line.is_edited
            )

    @api.model
    def _search(self, domain, offset=0, limit=None, order=None, **options):
        """Override of the ORM: counting up to a limit goes in the order of the list, too. Without one the planner reads
        the lines of all older runs before it finds those of the newest."""
        return super()._search(domain, offset, limit, order or (self._order if limit else None), **options)

    def write(self, vals):
        """A line is the engine's answer and the claim on its item: by hand only its note is written."""
        if label := label_of_kept(self, vals.keys() - {"note"}):
            raise AccessError(
                self.env._(
                    "“%(field)s” of a run's line is not written by hand. Exclude it, hold it or change its level.",
                    field=label,
                )
            )
        return super().write(vals)

    # === EDITING A PROPOSAL === #

    def action_exclude(self):
        """Take these items out of their messages, for this run only."""
        self._leave("excluded", [])
        return True

    def action_exclude_for_good(self):
        """Take these items out of this and every later run."""
        self.item_id.write({"is_excluded": True})
        return self.action_exclude()

    def action_include(self):
        """Put items that a person left out of this proposal back into their customer's message."""
        lines = self.filtered("is_left_by_hand")
        lines._check_editable()
        if not lines:
            raise UserError(self.env._("Only what was left out by hand in this proposal can be put back."))
        lines.item_id.filtered("is_excluded").is_excluded = False
        for line in lines:
            line._put_back()
        lines.run_id._remember_hand()
        lines.run_id._count_lines()
        return True

    def action_hold(self, until_date=False, reason=False):
        """Put these items on hold and take them out of their messages."""
        self.env["dunning.hold"].create(
            [
                {
                    "account_id": line.account_id.id,
                    "item_id": line.item_id.id,
                    "until_date": until_date,
                    "reason": reason or self.env._("Put on hold in run %(run)s", run=line.run_id.name),
                }
                for line in self
            ]
        )
        last_day = fields.Date.to_date(until_date) or FOREVER
        self._leave("hold", [last_day.isoformat(), reason or "", self.env.user.name])
        return True

    def set_level(self, level):
        """Send these items at another level of their policy. All items of their messages go along: a message has one
        level.

        :param level: dunning.level record
        """
        notices = self.notice_id
        self._check_editable()
        strange = notices.filtered(lambda notice: level.policy_id != notice.policy_id)
        if strange or not notices:
            raise UserError(
                self.env._(
                    "Level %(level)s belongs to policy %(policy)s. Choose a level of the policy the message follows.",
                    level=level.name,
                    policy=level.policy_id.name,
                )
            )
        lines = notices.line_ids
        self._check_level_free(lines, level)
        lines.run_id._remember_hand()
        lines.sudo().write({"level_id": level.id, "level_rank": level.rank, "is_edited": True})
        for _run, of_run in notices.grouped("run_id").items():
            looks = of_run._looks()
            for notice in of_run.sudo():
                notice._take_level(level, looks[notice.account_id.id])

    def _check_level_free(self, lines, level):
        """No item twice at the same level and cycle."""
        spent = self.search(
            [
                ("item_id", "in", lines.item_id.ids),
                ("claim", "=", "spent"),
                ("level_rank", "=", level.rank),
            ]
        ).filtered(lambda line: line.cycle == line.item_id.cycle)
        if spent:
            raise UserError(
                self.env._(
                    "%(item)s was already sent at level %(level)s. Choose a higher one.",
                    item=spent[0].item_id.display_name,
                    level=level.name,
                )
            )
        beyond = lines.item_id.filtered(lambda item: item.level_rank > level.rank)
        if beyond:
            raise UserError(
                self.env._(
                    "%(item)s has reached level %(level)s already. Choose a higher one.",
                    item=beyond[0].display_name,
                    level=beyond[0].level_id.name or beyond[0].level_rank,
                )
            )

    def _check_editable(self):
        closed = self.run_id.filtered(lambda run: run.state != "proposed")
        if closed:
            raise UserError(
                self.env._(
                    "Run %(run)s is %(state)s: only a proposal can be edited.",
                    run=closed[0].name,
                    state=dict(closed._fields["state"]._description_selection(self.env))[
                        closed[0].state
                    ].lower(),
                )
            )

    def _leave(self, code, args):
        """Leave these items alone, for a reason; their messages shrink, empty ones are withdrawn."""
        self._check_editable()
        self.run_id._remember_hand()
        self._drop(code, args)

    def _drop(self, code, args):
        notices = self.notice_id
        self.sudo().write(
            {
                "decision": "leave",
                "reason_code": code,
                "reason_args": args,
                "notice_id": False,
                "claim": False,
                "is_edited": True,
            }
        )
        notices._shrink()
        self.run_id._count_lines()

    def _put_back(self):
        """Into the message of its customer and currency, which stands again if nothing was left in it. Raises UserError
        where the engine does not let the item go any more."""
        self.ensure_one()
        notice = self._left_message()
        look = notice._looks()[self.account_id.id]
        answer = next((one for one in look.decision.answers if one.item_id == self.item_id.id), None)
        code, args = self._as_reason(answer)
        if code != "notify":
            raise UserError(
                self.env._(
                    "%(item)s cannot be put back: %(reason)s",
                    item=self.item_id.display_name,
                    reason=reasons.sentence(self.env, code, args),
                )
            )
        self._check_level_free(self, notice.level_id)
        self.sudo().write(
            {
                "decision": "notify",
                "reason_code": code,
                "reason_args": args,
                "notice_id": notice.id,
                "claim": "open",
                "level_id": notice.level_id.id,
                "level_rank": notice.level_rank,
            }
        )
        notice.sudo()._all_channels().filtered(lambda one: one.state == "withdrawn").write(
            {"state": "proposed", "note": False}
        )
        notice._shrink()

    def _left_message(self):
        """The message the item was taken out of: a run writes one to a customer in each currency."""
        notice = self.env["dunning.notice"].search(
            [
                ("run_id", "=", self.run_id.id),
                ("account_id", "=", self.account_id.id),
                ("currency_id", "=", self.currency_id.id),
                ("main_id", "=", False),
                ("state", "in", ("proposed", "withdrawn")),
            ],
            limit=1,
        )
        if not notice or (notice.line_ids and notice.state == "withdrawn"):
            raise UserError(
                self.env._(
                    "The message for %(item)s does not stand any more. Propose the run again.",
                    item=self.item_id.display_name,
                )
            )
        return notice

    # === AT THE MOMENT OF SENDING === #

    def _may_go(self, answer):
        """Whether the engine, asked again, still lets the item go. A person's decision stands above timing and sums."""
        if answer is None:
            return False
        return answer.code == "notify" or (self.is_edited and answer.code in SOFT_REASONS)

    def _may_follow(self, answer):
        """Whether it may go by another channel as well, after the first left: only what is about the money, or forbids
        to write, stops it."""
        return answer is not None and (answer.code == "notify" or answer.code in SOFT_REASONS)

    def _take_back(self, answer):
        """The item stays home: the line says why from now on."""
        code, args = self._as_reason(answer)
        self.sudo().write({"decision": "leave", "reason_code": code, "reason_args": args, "claim": False})

    def _as_reason(self, answer):
        """(code, figures) as a line keeps them; what is answered no more is paid."""
        if answer is None:
            return "paid", []
        return answer.code, list(explain.to_json(answer.code, answer.args).values())

from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..bulk import totals, versions
from ..engine.snapshot import Calendar, Policy, PolicyError

# Changes to these do not change what happens to an item: they need no new version.
_COSMETIC = {"sequence", "active", "is_automatic", "note", "version", "head_id"}


class DunningPolicy(models.Model):
    """What happens to whom and when: an ordered list of levels plus the rules they share."""

    _name = "dunning.policy"
    _description = "Dunning policy"
    _inherit = ["mail.thread"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, tracking=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one(
        "res.company",
        index="btree_not_null",
        ondelete="restrict",
        help="Empty: usable in every company.",
    )
    version = fields.Integer(default=1, readonly=True, copy=False)
    head_id = fields.Many2one(
        "dunning.policy",
        string="Kept version of",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="cascade",
        help="Set on a frozen earlier version. Items in a cycle stay on the version they started with.",
    )
    version_ids = fields.One2many(
        "dunning.policy", "head_id", string="Earlier versions", context={"active_test": False}
    )
    level_ids = fields.One2many("dunning.level", "policy_id", string="Levels", copy=True)
    minimum_ids = fields.One2many("dunning.policy.minimum", "policy_id", string="Minimum amounts", copy=True)
    strategy = fields.Selection(
        [("own", "Each item at its own level"), ("highest", "Everything at the highest level")],
        default="highest",
        required=True,
        help="What level the items of one customer carry in one message.",
    )
    entry = fields.Selection(
        [("first", "Start at the first level"), ("by_age", "Start at the level that fits the age")],
        default="first",
        required=True,
        string="Old items",
        help="Where an item starts that is already long overdue when it is first seen (go-live, import).",
    )
    netting = fields.Selection(
        [
            ("oldest", "Same reference first, then the oldest due"),
            ("highest", "Same reference first, then the highest level"),
            ("none", "Do not net"),
        ],
        default="oldest",
        required=True,
        string="Credits",
        help="How credit notes and unallocated payments are set against invoices before deciding.",
    )
    gap_days = fields.Integer(
        string="Days between contacts",
        default=10,
        help="Least number of days between two automated messages of ours to the same customer.",
    )
    level_cap = fields.Integer(
        string="Levels per contact", default=1, help="Most levels an item climbs with one message."
    )
    broken_promise = fields.Selection(
        [("resume", "Go on with the schedule"), ("advance", "Next level at once")],
        default="resume",
        required=True,
        string="After a broken promise",
    )
    when_closed = fields.Selection(
        [("move", "Propose now, send on the next working day"), ("wait", "Propose on the next working day")],
        default="move",
        required=True,
        string="On closed days",
    )
    hand_over_days = fields.Integer(
        default=14,
        help="Days after the last level before a person is asked to take over.",
        string="Taken over after (days)",
    )
    promise_grace_days = fields.Integer(
        default=2,
        help="Days after the promised day before a promise counts as broken.",
        string="Grace after a promise (days)",
    )
    after_last = fields.Selection(
        [("stay", "Stay at the last level"), ("hand_over", "Hand over to a person"), ("stop", "Stop")],
        default="hand_over",
        required=True,
        string="After the last level",
        help="Nothing more is sent for the receivable itself. Stay, or hand over: the customer remains at the last "
        "level, so where everything goes at the highest level, newer receivables go at it too. Stop: they climb from "
        "the first level on.",
    )
    is_automatic = fields.Boolean(
        string="Automatic",
        help="Proposals of this policy are approved and sent by the scheduled action, without review.",
    )
    note = fields.Text()

    @api.constrains("level_ids", "gap_days", "promise_grace_days", "level_cap", "hand_over_days", "active")
    def _check_workable(self):
        """Refuse when saved what could not work at four in the morning."""
        for policy in self.filtered("active"):
            try:
                policy._to_engine(policy.company_id or self.env.company, fields.Date.context_today(policy))
            except PolicyError as error:
                raise ValidationError(
                    self.env._("This policy cannot work: %(problem)s.", problem=str(error).rstrip("."))
                ) from error
            policy.level_ids._check_texts()

    @api.model_create_multi
    def create(self, vals_list):
        policies = super(DunningPolicy, self.with_context(dunning_saving_policy=True)).create(vals_list)
        return policies.with_env(self.env)

    def write(self, vals):
        if vals.keys() - _COSMETIC:
            self._keep_version()
        return super(DunningPolicy, self.with_context(dunning_saving_policy=True)).write(vals)

    @api.ondelete(at_uninstall=False)
    def _keep_used(self):
        """Levels go with their policy in the database: ask them first."""
        self.with_context(active_test=False).level_ids._check_unused()

    @api.depends("name", "version", "head_id")
    def _compute_display_name(self):
        for policy in self:
            name = policy.name or ""
            policy.display_name = (
                self.env._("%(name)s (version %(number)s)", name=name, number=policy.version)
                if (policy.head_id)
                else name
            )

    def _keep_version(self):
        """Before a change: items in a cycle move to a frozen copy of what they started with, and stay on it."""
        for policy in self.filtered(lambda one: not one.head_id):
            items = (
                self.env["dunning.item"]
                .sudo()
                .search([("bound_policy_id", "=", policy.id), ("is_open", "=", True)])
            )
            if not items:
                continue
            frozen = policy.copy({"name": policy.name, "head_id": policy.id, "active": False})
            frozen.version = policy.version
            by_rank = {level.rank: level for level in frozen.level_ids}
            for level in policy.level_ids:
                by_rank[level.rank].head_level_id = level
            kept = {level.id: (by_rank[level.rank].id, level.rank) for level in policy.level_ids}
            versions.move(self.env, items.ids, frozen.id, kept)
            versions.sent_under(self.env, items.ids, policy.id, frozen.id)
            policy.version += 1

    def action_move_items(self):
        """Take the items that are still on earlier versions over to this one, each to the level it had reached, by
        whatever number that has now. What is in an open run stays until that is over."""
        self.ensure_one()
        earlier = self.version_ids
        items = (
            self.env["dunning.item"]
            .sudo()
            .search([("bound_policy_id", "in", earlier.ids), ("is_open", "=", True)])
        )
        taken = (
            self.env["dunning.run.line"]
            .sudo()
            .search([("item_id", "in", items.ids), ("claim", "in", ("open", "queued"))])
            .item_id
        )
        items -= taken
        levels = self._same_levels(earlier)
        # What was sent by another policy has numbers of its own.
        mixed = (
            self.env["dunning.run.line"]
            .sudo()
            .search(
                [("item_id", "in", items.ids), ("claim", "=", "spent"), ("level_id", "not in", list(levels))]
            )
            .item_id
        )
        versions.move(self.env, (items - mixed).ids, self.id, levels)
        versions.move(self.env, mixed.ids, self.id, {})
        for company, of_company in items.grouped("company_id").items():
            totals.refresh(self.env, company, of_company.account_id.ids)
        body = self.env._("%(count)s receivables moved to the current version.", count=len(items))
        if taken:
            stay = self.env._(
                "%(count)s receivables in open runs stay on theirs until the run is over.", count=len(taken)
            )
            body = f"{body} {stay}"
        self.message_post(body=body)
        return True

    def _same_levels(self, earlier):
        """`{id of a level, here or in an earlier version: (id, rank) of it here}`; what was taken out is left out."""
        same = {level: level for level in self.level_ids}
        same.update({level: level.head_level_id for level in earlier.level_ids if level.head_level_id})
        return {old.id: (level.id, level.rank) for old, level in same.items()}

    # === ENGINE === #

    def _to_engine(self, company, today):
        """This version as the engine reads it. Raises PolicyError naming level and field."""
        self.ensure_one()
        return Policy(
            id=self.id,
            name=self.name,
            levels=tuple(level._to_engine() for level in self.level_ids),
            strategy=self.strategy,
            entry=self.entry,
            level_cap=self.level_cap,
            netting=self.netting,
            gap_days=max(self.gap_days, company.dunning_gap_days) if self.gap_days >= 0 else self.gap_days,
            min_amounts=self._min_amounts(company, today),
            promise_grace_days=self.promise_grace_days,
            broken_promise=self.broken_promise,
            calendar=self._calendar(company),
            after_last=self.after_last,
            hand_over_days=self.hand_over_days,
        )

    def _min_amounts(self, company, today):
        """Currency code -> least amount per customer: what the policy says, else the company's, converted. Without a
        rate there is none: what is owed is asked for, rather than left out for ever by a figure nobody meant."""
        amounts = {}
        if company.dunning_min_amount:
            own, currencies = company.currency_id, self.env["res.currency"].search([])
            for currency in currencies - company._dunning_unrated(currencies):
                amount = own._convert(company.dunning_min_amount, currency, company, today)
                amounts[currency.name] = _exact(amount, currency)
        for minimum in self._account_minimums():
            amounts[minimum.currency_id.name] = _exact(minimum.amount, minimum.currency_id)
        return amounts

    def _account_minimums(self):
        return self.minimum_ids.filtered(lambda one: one.scope == "account")

    def _item_minimums(self):
        """Currency code -> least amount per item."""
        minimums = self.minimum_ids.filtered(lambda one: one.scope == "item")
        return {one.currency_id.name: _exact(one.amount, one.currency_id) for one in minimums}

    def _calendar(self, company):
        return Calendar(
            working_days_only=company.dunning_working_days_only,
            public_holidays=company.dunning_public_holidays,
            window_start=company._dunning_hour(company.dunning_window_start_hour),
            window_end=company._dunning_hour(company.dunning_window_end_hour),
            when_closed=self.when_closed,
        )


def _exact(amount, currency):
    """The ORM reads numeric columns as float: back to the digits the currency has."""
    return Decimal(f"{amount:.{currency.decimal_places}f}")

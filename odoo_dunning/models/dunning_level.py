from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..bulk import versions
from ..engine.snapshot import Level

CHANNELS = ("email", "letter", "sms", "call")
_ROLES = ("billing", "ap", "decision", "other")


class DunningLevel(models.Model):
    """One step of a policy: when it is due, how it is sent and in what words."""

    _name = "dunning.level"
    _description = "Dunning level"
    _order = "policy_id, rank, id"

    policy_id = fields.Many2one("dunning.policy", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True)
    rank = fields.Integer(
        required=True, default=1, help="Place within the policy, from 1.", string="Level number"
    )
    key = fields.Selection(
        [
            ("courtesy", "Courtesy note"),
            ("friendly", "Friendly reminder"),
            ("firm", "Firm reminder"),
            ("final", "Final notice"),
        ],
        string="Tone",
        required=True,
        default="friendly",
    )
    name = fields.Char(required=True, translate=True)
    delay_days = fields.Integer(
        string="Days from due date", default=7, help="Days after the due date; negative for a note before it."
    )
    min_days_since_last = fields.Integer(
        string="Days since last level",
        default=10,
        help="Least number of days after the message of the level before.",
    )
    grace_days = fields.Integer(
        help="Days of tolerance on top, not mentioned to the customer.", string="Tolerance (days)"
    )
    min_percent = fields.Float(
        string="Least open share (%)",
        digits=(5, 2),
        help="Least open share of the invoice, or of each of its installments; 0 for none.",
    )
    by_email = fields.Boolean(string="Email", default=True)
    by_letter = fields.Boolean(string="Letter")
    by_sms = fields.Boolean(string="SMS")
    by_call = fields.Boolean(string="Call")
    fallback = fields.Selection(
        [
            ("letter_call", "A letter, else a call"),
            ("letter", "A letter"),
            ("call", "A call"),
            ("none", "Nothing: somebody finds an address"),
        ],
        string="Where nobody is reached",
        default="letter_call",
        required=True,
        help="What happens instead for customers without an address for any of the channels above. Somebody posts the "
        "letter or calls: it becomes an activity of whoever is responsible for the customer.",
    )
    recipient_role = fields.Selection(
        [("billing", "Billing contact"), ("ap", "Accounts payable"), ("decision", "Decision maker")],
        default="billing",
        required=True,
        help="Whom the message goes to first; the others are fallbacks in this order.",
        string="To",
    )
    deadline_days = fields.Integer(
        string="New deadline",
        default=7,
        help="Days the message gives for paying, from the day it is sent; 0 for none.",
    )
    deadline_unit = fields.Selection(
        [("working", "Working days"), ("calendar", "Calendar days")],
        default="working",
        required=True,
        string="Deadline counts",
    )
    template_key = fields.Selection(selection="_selection_template_key", string="Text")
    head_level_id = fields.Many2one(
        "dunning.level",
        string="Kept version of",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="Set on a level of an earlier version: which one it is in the current version.",
    )

    # Asked at the end: a level put in between, or taken out, and the others that move meet each other's numbers on the
    # way. What is saved is looked at by `_check_workable`.
    _policy_rank_uniq = models.Constraint(
        "unique(policy_id, rank) DEFERRABLE INITIALLY DEFERRED",
        "Two levels of a policy cannot have the same number.",
    )

    def _selection_template_key(self):
        templates = self.env["dunning.template"].sudo()
        return [(key, templates._title_of(key)) for (key,) in templates._read_group([], ["key"])]

    @api.constrains("rank", "delay_days", "grace_days", "min_days_since_last", "deadline_days", "policy_id",
                    "template_key",
                    "by_email", "by_letter", "by_sms", "by_call")  # fmt: skip
    def _check_workable(self):
        """Levels saved together with their policy are checked together: in between, they may be out of order."""
        if not self.env.context.get("dunning_saving_policy"):
            self.policy_id._check_workable()

    def _check_texts(self):
        """Every level that writes needs a text."""
        keys = dict(self._selection_template_key())
        for level in self:
            if not (level.by_email or level.by_letter or level.by_sms):
                continue
            if level.template_key not in keys:
                raise ValidationError(
                    self.env._(
                        "Policy %(policy)s, level %(level)s: there is no text for it. Choose one under “Text”.",
                        policy=level.policy_id.name,
                        level=level.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        self.env["dunning.policy"].browse(
            [vals["policy_id"] for vals in vals_list if vals.get("policy_id")]
        )._keep_version()
        return super().create(vals_list)

    def write(self, vals):
        self.policy_id._keep_version()
        res = super().write(vals)
        if "rank" in vals:
            versions.renumber(self.env, self.ids)
        return res

    @api.ondelete(at_uninstall=False)
    def _keep_used(self):
        """Items in a cycle keep the version with the level; one that somebody got stays."""
        self.policy_id._keep_version()
        self._check_unused()

    def _check_unused(self):
        used = self.filtered(lambda level: level._is_used())
        if used:
            raise ValidationError(
                self.env._(
                    "Level %(level)s of policy %(policy)s has been used. Archive the policy, or change the level.",
                    level=used[0].name,
                    policy=used[0].policy_id.name,
                )
            )

    def _is_used(self):
        """Whether messages or receivables refer to it: the history must stay readable."""
        self.ensure_one()
        domain = [("level_id", "=", self.id)]
        return any(
            self.env[model].sudo().search_count(domain, limit=1)
            for model in ("dunning.notice", "dunning.item", "dunning.run.line")
        )

    def _channels(self):
        """Names of the channels in use, in the order they are tried."""
        self.ensure_one()
        return tuple(name for name in CHANNELS if self[f"by_{name}"])

    def _fallback_channels(self):
        """Channels tried in order for customers whom none of `_channels` reaches. A letter needs a text."""
        self.ensure_one()
        names = () if self.fallback == "none" else tuple(self.fallback.split("_"))
        used = self._channels()
        return tuple(name for name in names if name not in used and (name != "letter" or self.template_key))

    def _to_engine(self):
        start = _ROLES.index(self.recipient_role)
        return Level(
            id=self.id,
            rank=self.rank,
            name=self.name,
            delay_days=self.delay_days,
            min_days_since_last=self.min_days_since_last,
            grace_days=self.grace_days,
            min_item_amounts=self.policy_id._item_minimums(),
            min_percent=Decimal(f"{self.min_percent:.2f}"),
            channels=self._channels(),
            fallback_channels=self._fallback_channels(),
            recipient_roles=(_ROLES[start], *(role for role in _ROLES if role != _ROLES[start])),
            deadline_days=self.deadline_days,
            deadline_unit=self.deadline_unit,
        )

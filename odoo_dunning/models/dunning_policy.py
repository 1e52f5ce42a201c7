from odoo import fields, models


class DunningPolicy(models.Model):
    """What happens to whom and when: an ordered list of levels plus the rules they share."""

    _name = "dunning.policy"
    _description = "Dunning policy"
    _inherit = ["mail.thread"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, tracking=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one("res.company", index="btree_not_null", help="Empty: usable in every company.")
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
    version_ids = fields.One2many("dunning.policy", "head_id", string="Earlier versions", context={"active_test": False})
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
    hand_over_days = fields.Integer(default=14, help="Days after the last level before a person is asked to take over.")
    promise_grace_days = fields.Integer(default=2, help="Days after the promised day before a promise counts as broken.")
    after_last = fields.Selection(
        [("stay", "Stay at the last level"), ("hand_over", "Hand over to a person"), ("stop", "Stop")],
        default="hand_over",
        required=True,
        string="After the last level",
    )
    is_automatic = fields.Boolean(
        string="Automatic",
        help="Proposals of this policy are approved and sent by the scheduled action, without review.",
    )
    note = fields.Text()

from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.tools import format_date

from ..engine.simulate import Past, PastItem, simulate
from ..engine.snapshot import Account, Contact, Item, PolicyError, Ruling

# A sample invoice is followed this long after its due date.
FOLLOWED_DAYS = 200
SAMPLE_AMOUNT = Decimal("1000000000")


class DunningPolicyScreen(models.Model):
    """The policy as a line of time: what would leave on which day for an invoice due today that nobody pays."""

    _inherit = "dunning.policy"

    timeline = fields.Json(compute="_compute_timeline", string="An invoice due today, never paid")
    moveable_count = fields.Integer(
        compute="_compute_moveable_count",
        string="On earlier versions",
        help="Receivables that still follow an earlier version.",
    )

    @api.depends(
        "level_ids.rank",
        "level_ids.name",
        "level_ids.delay_days",
        "level_ids.min_days_since_last",
        "level_ids.grace_days",
        "level_ids.deadline_days",
        "level_ids.deadline_unit",
        "level_ids.by_email",
        "level_ids.by_letter",
        "level_ids.by_sms",
        "level_ids.by_call",
        "level_ids.key",
        "gap_days",
        "strategy",
        "entry",
        "level_cap",
        "hand_over_days",
        "after_last",
        "when_closed",
    )
    def _compute_timeline(self):
        """`{"steps": [{kind, label, day, date, weekday, channels, deadline}], "problem": text}`"""
        for policy in self:
            try:
                policy.timeline = {"steps": policy._timeline_steps(), "problem": ""}
            except PolicyError as error:
                policy.timeline = {"steps": [], "problem": str(error)}

    def _timeline_steps(self):
        company = self.company_id or self.env.company
        due = company._dunning_today()
        steps = [self._step("due", self.env._("Invoice due"), 0, due)]
        for sent in self._simulated(company, due):
            [message] = sent.sent[0].messages
            level = self.level_ids.filtered(lambda one, rank=message.level_rank: one.rank == rank)[:1]
            step = self._step(level.key, level.name, (sent.date - due).days, sent.date)
            step["channels"] = list(level._channels())
            step["deadline"] = format_date(self.env, message.deadline_date) if message.deadline_date else ""
            steps.append(step)
        steps += self._closing_steps(steps, due)
        return sorted(steps, key=lambda step: step["days"])

    def _closing_steps(self, steps, due):
        """What follows the last level."""
        ranks = [step for step in steps if step["kind"] != "due"]
        if not ranks:
            return []
        last = max(step["days"] for step in ranks)
        if self.after_last != "hand_over":
            return []
        days = last + self.hand_over_days
        return [self._step("end", self.env._("A person takes over"), days, due + timedelta(days=days))]

    def _step(self, kind, label, days, day):
        return {
            "kind": kind,
            "label": label or "",
            "days": days,
            "date": format_date(self.env, day),
            "weekday": format_date(self.env, day, date_format="EEEE"),
            "channels": [],
            "deadline": "",
        }

    def _simulated(self, company, due):
        """The engine over the life of one invoice of a business customer in the company's country."""
        policy = self._to_engine(company, due)
        start = due - timedelta(days=60)
        contact = Contact(id=1, email="a@example.com", phone="1", street_ok=True, role="billing")
        item = Item(
            id=1, account_id=1, currency=company.currency_id.name, kind="invoice", number="1", reference=None,
            issue_date=start, due_date=due, amount_total=SAMPLE_AMOUNT, amount_open=SAMPLE_AMOUNT,
        )  # fmt: skip
        account = Account(id=1, policy_id=policy.id, contacts=(contact,))
        # By the company's own clock: at noon of UTC a window in Tokyo is closed.
        noon = datetime.combine(start, time(12), tzinfo=ZoneInfo(company._dunning_timezone()))
        ruling = Ruling(
            today=start,
            now=noon.astimezone(timezone.utc),
            country=company.country_id.code or None,
            timezone=company._dunning_timezone(),
        )
        end = due + timedelta(days=FOLLOWED_DAYS)
        return simulate([Past(account, (PastItem(item),))], {policy.id: policy}, ruling, start, end)

    def _compute_moveable_count(self):
        items = self.env["dunning.item"].sudo()
        for policy in self:
            versions = policy.version_ids.ids
            policy.moveable_count = versions and items.search_count(
                [("bound_policy_id", "in", versions), ("is_open", "=", True)]
            )

from datetime import datetime, time, timezone
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..bulk import past
from ..engine.simulate import simulate
from ..engine.snapshot import Ruling


class DunningPolicyPast(models.Model):
    """The policy over days gone by: what it would have sent, had it been in force."""

    _inherit = "dunning.policy"

    def action_try_on_past(self):
        """Ask over which days."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Try %(policy)s on the past", policy=self.display_name),
            "res_model": "dunning.past.wizard",
            "view_mode": "form",
            "target": "new",
            "context": {"default_policy_id": self.id},
        }

    @api.readonly
    def what_would_have_gone_out(self, start_date, end_date):
        """What this policy would have sent from one day to another, both included, to the customers of the current
        company, from the first level on, with a run at noon of each day. Writes nothing.

        Knows what was owed and paid on each day, calendars, gaps, minimums, credits and caps, and the marks of today;
        not holds, disputes, promises and missing addresses of then.

        :return: `[{date, messages: [{customer_id, customer, level_rank, level, currency, amount, receivables}],
            held_back}]`, days as ISO text, amounts as decimal text in the currency, `receivables` their numbers, and
            `held_back` how many customers the volume cap stopped
        """
        self.ensure_one()
        self.check_access("read")
        company = self.env.company
        start, end = fields.Date.to_date(start_date), fields.Date.to_date(end_date)
        if end < start:
            raise UserError(self.env._("Enter a last day that is not before the first one."))
        rows = past.pasts(self.env, company, self.id, start, end)
        numbers = {one.item.id: one.item.number for row in rows for one in row.items}
        policies = {self.id: self._to_engine(company, start)}
        days = list(simulate(rows, policies, self._past_ruling(company, start), start, end))
        sent = [decision.account_id for day in days for decision in day.sent]
        names = {one.id: one.display_name for one in self.env["res.partner"].sudo().browse(sent)}
        levels = {level.rank: level.name for level in self.level_ids}
        return [
            {
                "date": day.date.isoformat(),
                "messages": [
                    {
                        "customer_id": decision.account_id,
                        "customer": names[decision.account_id],
                        "level_rank": message.level_rank,
                        "level": levels[message.level_rank],
                        "currency": message.currency,
                        "amount": str(message.net),
                        "receivables": [numbers[item_id] for item_id in message.item_ids],
                    }
                    for decision in day.sent
                    for message in decision.messages
                ],
                "held_back": len(day.held_back),
            }
            for day in days
        ]

    def _past_ruling(self, company, day):
        clock = ZoneInfo(company._dunning_timezone())
        return Ruling(
            today=day,
            now=datetime.combine(day, time(12), tzinfo=clock).astimezone(timezone.utc),
            country=company.country_id.code or None,
            timezone=company._dunning_timezone(),
            language=company.partner_id.lang or "en_US",
            cap_per_day=company.dunning_cap_per_day or None,
            cap_per_hour=company.dunning_cap_per_hour or None,
        )

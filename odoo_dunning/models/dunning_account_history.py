from odoo import api, fields, models

from ..bulk import history
from .conflicts import try_again


class DunningAccountHistory(models.Model):
    """How a customer paid lately, for the rules that choose its policy and for whoever calls."""

    _inherit = "dunning.account"

    # Empty where nothing was paid, which a filter takes for 0: a rule asks for `paid_count` as well.
    days_late_avg = fields.Integer(
        string="Days late on average",
        readonly=True,
        aggregator="avg",
        help="From the due date to the day of the last payment, over the invoices fully paid in the last 12 months; "
        "each counts the same, and one paid early counts as negative. 0 where nothing was paid: ask for “Paid in "
        "the last year” as well. Worked out once a day.",
    )
    paid_count = fields.Integer(
        string="Paid in the last year",
        readonly=True,
        help="How many invoices and instalments were fully paid in the last 12 months: what “Days late on average” "
        "rests on. Not counted is what credit notes alone settled, or what was mostly written off.",
    )

    @api.model
    def _refresh_histories(self):
        """Scheduled: what every company's customers paid, and how late."""
        companies = self.env["res.company"].search([])
        for done, company in enumerate(companies, start=1):
            if not try_again(self.env, self._refresh_history_committing, company, len(companies) - done):
                break

    def _refresh_history_committing(self, company, left):
        history.refresh(self.env, company)
        return self.env["ir.cron"]._commit_progress(1, remaining=left)

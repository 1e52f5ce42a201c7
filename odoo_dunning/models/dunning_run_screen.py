from odoo import api, fields, models

from .. import reasons

_GOING = ("proposed", "ready", "queued", "sending", "sent", "failed", "uncertain", "undone")


class DunningRunScreen(models.Model):
    """What the page of a run shows beside the stored figures."""

    _inherit = "dunning.run"

    summary = fields.Json(compute="_compute_summary")
    leave_count = fields.Integer(compute="_compute_leave_count", string="Left out")
    needs_second_person = fields.Boolean(
        compute="_compute_needs_second_person", string="Needs a second person"
    )
    second_person_reason = fields.Char(compute="_compute_needs_second_person", string="Why a second person")
    minimum_note = fields.Char(compute="_compute_minimum_note", string="Why no least amount counts")
    sending_pct = fields.Float(compute="_compute_sending_pct", string="Sent so far")
    ownerless_count = fields.Integer(
        compute="_compute_ownerless_count",
        string="Receivables without a customer",
        help="Open receivables in Odoo's books with no customer on them, today: no run can look at them.",
    )

    @api.depends("name")
    def _compute_display_name(self):
        """Override: a run gets its number when it is saved."""
        res = super()._compute_display_name()
        for run in self:
            if run.name in (False, "/"):
                run.display_name = self.env._("New run")
        return res

    @api.depends("line_count", "notify_count")
    def _compute_leave_count(self):
        for run in self:
            run.leave_count = run.line_count - run.notify_count

    def _compute_sending_pct(self):
        for run in self:
            total = run.sent_count + run.failed_count + run.withdrawn_count + run.waiting_count
            run.sending_pct = 100.0 * (total - run.waiting_count) / total if total else 0.0

    def _compute_ownerless_count(self):
        for company, runs in self.grouped("company_id").items():
            runs.ownerless_count = self.env["dunning.item"]._ownerless_count(company)

    def _compute_needs_second_person(self):
        for run in self:
            run.needs_second_person = (
                run.state == "proposed" and self.env.user in run._first_hands() and run._needs_second_person()
            )
            run.second_person_reason = run.needs_second_person and run._why_second_person()

    def _compute_minimum_note(self):
        for run in self:
            run.minimum_note = run._without_minimum()

    def _without_minimum(self):
        """Which of its messages the company's least amount does not count for; False where there are none."""
        self.ensure_one()
        if self.state != "proposed" or not self.company_id.dunning_min_amount:
            return False
        groups = self.env["dunning.notice"]._read_group(
            [("run_id", "=", self.id), ("state", "=", "proposed")], ["currency_id", "policy_id"]
        )
        currencies = self.env["res.currency"]
        unrated = self.company_id._dunning_unrated(currencies.union(*(currency for currency, _ in groups)))
        unknown = currencies.union(
            *(
                one
                for one, policy in groups
                if one in unrated and one not in policy._account_minimums().currency_id
            )
        )
        if not unknown:
            return False
        return self.env._(
            "There is no exchange rate of %(currencies)s: the company's least amount per customer does not count for "
            "these messages. Enter a rate and propose again, or name an amount in the policy.",
            currencies=", ".join(unknown.mapped("name")),
        )

    def _compute_summary(self):
        """`{"messages": [{level_id, level, channel, count, items, amounts: [{currency_id, currency, amount}]}],
        "left": [{code, label, count, next_step}]}`"""
        for run in self:
            run.summary = {"messages": run._message_figures(), "left": run._left_figures()}

    def _message_figures(self):
        groups = self.env["dunning.notice"]._read_group(
            [("run_id", "in", self.ids), ("state", "in", _GOING), ("corrects_id", "=", False)],
            ["level_id", "channel", "currency_id"],
            ["__count", "item_count:sum", "amount_total:sum"],
        )
        channels = dict(self.env["dunning.notice"]._fields["channel"]._description_selection(self.env))
        rows = {}
        for level, channel, currency, count, items, amount in sorted(
            groups, key=lambda group: (group[0].rank, group[1], group[2].name)
        ):
            row = rows.setdefault(
                (level, channel),
                {
                    "level_id": level.id,
                    "level": level.name,
                    "channel": channels[channel],
                    "count": 0,
                    "items": 0,
                    "amounts": [],
                },
            )
            row["count"] += count
            row["items"] += items
            row["amounts"].append({"currency_id": currency.id, "currency": currency.name, "amount": amount})
        return list(rows.values())

    def _left_figures(self):
        groups = self.env["dunning.run.line"]._read_group(
            [("run_id", "in", self.ids), ("decision", "=", "leave")],
            ["reason_code"],
            ["__count"],
            order="__count DESC",
        )
        return [
            {
                "code": code,
                "label": reasons.title(self.env, code),
                "count": count,
                "next_step": reasons.next_step(self.env, code),
            }
            for code, count in groups
        ]

    def action_ask_undo(self):
        """Ask why, and whether the customers are told."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Undo %(run)s", run=self.name),
            "res_model": "dunning.undo.wizard",
            "view_mode": "form",
            "target": "new",
            "context": {"default_run_id": self.id},
        }

    def action_ownerless(self):
        """Receivables this run could not look at."""
        self.ensure_one()
        return self.env["dunning.item"].action_ownerless(self.company_id.id)

    def action_review(self):
        """Read the messages one after the other."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("odoo_dunning.dunning_notice_action_review")
        context = {"default_run_id": self.id}
        if self.state == "proposed":
            context["search_default_waiting"] = 1
        return {**action, "domain": [("run_id", "=", self.id)], "context": context}

    @api.model
    def action_new_run(self):
        """A new run for today, being worked out."""
        run = self.create({})
        run.action_propose()
        return {
            "type": "ir.actions.act_window",
            "res_model": "dunning.run",
            "res_id": run.id,
            "view_mode": "form",
        }

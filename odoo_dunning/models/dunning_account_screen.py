from odoo import api, fields, models
from odoo.tools import format_date

from .. import reasons
from ..bulk import recheck
from ..engine import explain
from ..engine.snapshot import FOREVER, Reason

# Time alone will change these answers.
_NOTHING_TO_DO = (Reason.NOTIFY, Reason.TOO_YOUNG, Reason.WAITING, Reason.CONTACTED, Reason.NOT_WORKING_DAY)
# The value of a reason that says when things go on.
_DATES = ("send_date", "from_date", "next_date", "promised_date", "until_date")


class DunningAccountScreen(models.Model):
    """What the worklist and the customer's page show beside the stored figures. Nothing here is written."""

    _inherit = "dunning.account"

    phone = fields.Char(related="partner_id.phone")
    email = fields.Char(related="partner_id.email")
    chips = fields.Json(compute="_compute_chips", string="Status")
    attention_step = fields.Char(compute="_compute_attention_step", string="What to do")
    balances = fields.Json(compute="_compute_balances", string="Balance per currency")
    next_action = fields.Char(
        compute="_compute_next_action",
        help="What the next run would do, as of now, and why.",
        string="Next step",
    )
    next_action_date = fields.Date(compute="_compute_next_action", string="Next step on")
    message_count = fields.Integer(compute="_compute_message_count", string="Messages sent")

    # === WHAT A PERSON SHOULD KNOW === #

    def _compute_chips(self):
        promises = self._by_account("dunning.promise", [("state", "=", "open")])
        disputes = self._by_account("dunning.dispute", [("state", "in", ("open", "accepted"))])
        holds = self._by_account("dunning.hold", self.env["dunning.hold"]._in_force_domain())
        stale = self._stale_ledgers()
        attention = dict(self._fields["attention"]._description_selection(self.env))
        for account in self:
            chips = []
            if account.attention:
                chips.append(_chip("danger", attention[account.attention]))
            chips += [account._promise_chip(promise) for promise in promises.get(account, ())]
            chips += account._dispute_chips(disputes.get(account, ()))
            chips += account._hold_chips(holds.get(account, ()))
            chips += account._mark_chips()
            chips += [
                _chip("warning", self.env._("%(ledger)s: data too old", ledger=ledger.name))
                for ledger in stale.get(account, ())
            ]
            account.chips = chips

    def _by_account(self, model, domain):
        found = self.env[model].search([*domain, ("account_id", "in", self.ids)])
        return found.grouped("account_id")

    def _stale_ledgers(self):
        """Account -> its ledgers whose data is too old to write to it."""
        stale = list(self.env["dunning.ledger"]._stale())
        if not stale:
            return {}
        groups = self.env["dunning.item"]._read_group(
            [("account_id", "in", self.ids), ("is_open", "=", True), ("ledger_id", "in", stale)],
            ["account_id"],
            ["ledger_id:recordset"],
        )
        return dict(groups)

    def _promise_chip(self, promise):
        return _chip(
            "info",
            self.env._("Promised for %(day)s", day=format_date(self.env, promise.promised_date)),
            promise.currency_id.format(promise.amount),
        )

    def _dispute_chips(self, disputes):
        if not disputes:
            return []
        count = len(disputes)
        label = self.env._("Disputed") if count == 1 else self.env._("%(count)s disputes", count=count)
        return [_chip("warning", label, ", ".join(dispute.item_id.display_name for dispute in disputes))]

    def _hold_chips(self, holds):
        whole = [hold for hold in holds if not hold.item_id][:1]
        parts = [hold for hold in holds if hold.item_id]
        chips = []
        for hold in whole:
            until = format_date(self.env, hold.until_date)
            label = self.env._("On hold until %(day)s", day=until) if until else self.env._("On hold")
            chips.append(_chip("muted", label, hold.reason))
        if parts and not whole:
            label = self.env._("%(count)s on hold", count=len(parts))
            chips.append(_chip("muted", label, ", ".join(hold.item_id.display_name for hold in parts)))
        return chips

    def _mark_chips(self):
        marks = (
            (self.is_excluded, self.env._("Never contact")),
            (self.is_legal, self.env._("In legal hands")),
            (self.is_insolvent, self.env._("Insolvent")),
            (not self.partner_id.active and self.attention != "archived", self.env._("Contact archived")),
        )
        chips = [_chip("dark", label) for is_set, label in marks if is_set]
        if count := self.unmatched_receipts:
            one = self.env._("One receipt to match")
            label = one if count == 1 else self.env._("%(count)s receipts to match", count=count)
            chips.append(_chip("info", label))
        return chips

    @api.depends("attention")
    def _compute_attention_step(self):
        steps = {
            "failed": self.env._("Its last message did not leave: open it under “Messages” and see why."),
            "uncertain": self.env._("Open the message under “Messages” and say whether it was sent."),
            "bounced": self.env._("The address does not work: correct it on the contact."),
            "no_address": self.env._("Add an address to a contact of this customer, or call."),
            "archived": reasons.next_step(self.env, Reason.ARCHIVED),
            "hand_over": self.env._("The last level was sent: call, hand the claim over or write it off."),
            "no_due_date": reasons.next_step(self.env, Reason.NO_DUE_DATE),
            "replied": self.env._("Read the reply before the next message goes out."),
            "broken": self.env._("What was promised was not paid: call."),
        }
        for account in self:
            account.attention_step = steps.get(account.attention, "")

    # === FIGURES === #

    def _compute_balances(self):
        """Per currency, in that currency: `[{currency_id, open, overdue, credits}]`."""
        items = self.env["dunning.item"]
        mine = [("account_id", "in", self.ids), ("is_open", "=", True)]
        rows = {}
        for domain, name in (
            ([], "open"),
            ([("kind", "=", "invoice"), ("due_date", "<", fields.Date.context_today(self))], "overdue"),
            ([("amount_open", "<", 0)], "credits"),
        ):
            groups = items._read_group([*mine, *domain], ["account_id", "currency_id"], ["amount_open:sum"])
            for account, currency, amount in groups:
                row = rows.setdefault(account, {}).setdefault(
                    currency, {"open": 0, "overdue": 0, "credits": 0}
                )
                row[name] = amount
        for account in self:
            account.balances = [
                {"currency_id": currency.id, "currency": currency.name, **row}
                for currency, row in sorted(rows.get(account, {}).items(), key=lambda pair: pair[0].name)
            ]

    def _compute_message_count(self):
        groups = self.env["dunning.notice"]._read_group(
            [("account_id", "in", self.ids), ("state", "=", "sent")], ["account_id"], ["__count"]
        )
        counts = dict(groups)
        for account in self:
            account.message_count = counts.get(account, 0)

    # === WHAT THE NEXT RUN WOULD DO === #

    def _compute_next_action(self):
        stored = self.filtered("id")
        decisions = recheck.decide_accounts(self.env, stored.sudo()) if stored else {}
        taken = {one.account_id: one for one in stored._lines_in_open_runs().sorted("id", reverse=True)}
        for account in self:
            decision = decisions.get(account.id)
            if decision and decision.code == Reason.IN_OTHER_RUN and account in taken:
                account.next_action, account.next_action_date = self._said_of(taken[account]), False
            else:
                account.next_action, account.next_action_date = (
                    account._next_action(decision) if decision else (False, False)
                )

    def _lines_in_open_runs(self):
        """Asked by item, as the key of open claims is."""
        items = self.env["dunning.item"]._search([("account_id", "in", self.ids), ("is_open", "=", True)])
        return self.env["dunning.run.line"].search(
            [("item_id", "in", items), ("claim", "in", ("open", "queued"))]
        )

    def _said_of(self, line):
        """Where an item waits that an open run has taken."""
        return self.env._("In %(run)s: “%(level)s”", run=line.run_id.name, level=line.level_id.name or "")

    def _next_action(self, decision):
        values = explain.arguments(decision.code, decision.args)
        day = next((values[name] for name in _DATES if values.get(name)), None)
        if decision.code == Reason.NOTIFY:
            return self.env._("Send “%(level)s”", level=values["level"]), day
        if decision.code == Reason.NOTHING_OPEN:
            return False, False
        if decision.code in (Reason.TOO_YOUNG, Reason.WAITING):
            return self.env._("“%(level)s” possible", level=values["level"]), day
        stored = list(explain.to_json(decision.code, decision.args).values())
        return reasons.sentence(self.env, decision.code, stored), False if day in (None, FOREVER) else day

    @api.readonly
    def what_today(self):
        """What a run made now would answer for each open item: `[{item_id, number, due_date, amount, currency_id,
        is_in_message, reason, next_step, policy}]`, those in a message first."""
        self.ensure_one()
        decision = recheck.decide_accounts(self.env, self.sudo())[self.id]
        items = self.env["dunning.item"].browse([answer.item_id for answer in decision.answers])
        taken = self._lines_in_open_runs().grouped("item_id")
        rows = [
            self._answer_row(item, answer, taken.get(item, ()))
            for item, answer in zip(items, decision.answers, strict=True)
        ]
        return sorted(rows, key=lambda row: (not row["is_in_message"], row["sort"]))

    def _answer_row(self, item, answer, taken):
        stored = list(explain.to_json(answer.code, answer.args).values())
        reason = reasons.sentence(self.env, answer.code, stored)
        if answer.code == Reason.IN_OTHER_RUN and taken:
            reason = self._said_of(taken[:1])
        return {
            "item_id": item.id,
            "number": item.display_name,
            "due_date": format_date(self.env, item.due_date) if item.due_date else "",
            "sort": str(item.due_date or ""),
            "amount": item.amount_open,
            "currency_id": item.currency_id.id,
            "is_in_message": answer.code == Reason.NOTIFY,
            "reason": reason,
            "next_step": "" if answer.code in _NOTHING_TO_DO else reasons.next_step(self.env, answer.code),
            "policy": reasons.policy_source(self.env, answer.policy_source),
        }

    # === DIALOGS === #

    def action_hold(self):
        """Ask until when, and why."""
        return self._dialog("dunning.hold.wizard", self.env._("Put on hold"))

    def action_promise(self):
        """Ask what was promised for when."""
        self.ensure_one()
        return self._dialog("dunning.promise.wizard", self.env._("Promise to pay"))

    def action_dispute(self):
        """Ask what is contested, and why."""
        self.ensure_one()
        return self._dialog("dunning.dispute.wizard", self.env._("Dispute"))

    def action_call(self):
        """Ask what came of the call."""
        self.ensure_one()
        return self._dialog("dunning.call.wizard", self.env._("Call"))

    def _dialog(self, model, title):
        context = {"default_account_ids": self.ids}
        if len(self) == 1:
            context["default_account_id"] = self.id
        return {
            "type": "ir.actions.act_window",
            "name": title if len(self) != 1 else f"{title} · {self.display_name}",
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": context,
        }

    def action_open_partner(self):
        """The customer's own page."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "view_mode": "form",
        }

    # === HEAD OF THE WORKLIST === #

    @api.model
    @api.readonly
    def worklist_figures(self):
        """What the head of the worklist counts: `[{filter, label, count, kind, amount?, method?}]`; `kind` is the
        class of the figure, amounts are in company currency. `method` of `dunning.item` opens what is no customer."""
        company = self.env.company
        overdue = [("company_id", "=", company.id), ("amount_overdue", ">", 0)]
        [(count, amount)] = self._read_group(overdue, [], ["__count", "amount_overdue:sum"])
        figures = [
            {
                "filter": "overdue",
                "label": self.env._("Overdue"),
                "count": count,
                "amount": company.currency_id.format(amount or 0),
                "kind": "text-primary",
            }
        ]
        for name, label, domain, kind in self._counted():
            count = self.search_count([("company_id", "=", company.id), *domain])
            figures.append({"filter": name, "label": label, "count": count, "kind": kind})
        ownerless = self.env["dunning.item"]._ownerless_count(company)
        if ownerless:
            figures.append(
                {
                    "filter": "ownerless",
                    "label": self.env._("Receivables without a customer"),
                    "count": ownerless,
                    "kind": "text-danger",
                    "method": "action_ownerless",
                }
            )
        return figures

    def _counted(self):
        return (
            ("attention", self.env._("Need attention"), [("attention", "!=", False)], "text-danger"),
            ("promised", self.env._("Promised"), [("promise_ids.state", "=", "open")], "text-info"),
            (
                "disputed",
                self.env._("Disputed"),
                [("dispute_ids.state", "in", ("open", "accepted"))],
                "text-warning",
            ),
            ("on_hold", self.env._("On hold"), [("is_on_hold", "=", True)], "text-body"),
        )


def _chip(kind, label, title=""):
    return {"kind": kind, "label": label, "title": title or ""}

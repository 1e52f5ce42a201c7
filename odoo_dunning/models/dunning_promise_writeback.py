import uuid

from odoo import api, models


class DunningPromise(models.Model):
    """The promised day is entered on the invoices as their expected payment date, where the connection says so, and
    ends with the promise."""

    _inherit = "dunning.promise"

    @api.model_create_multi
    def create(self, vals_list):
        promises = super().create(vals_list)
        promises._ask_for_dates()
        return promises

    def write(self, vals):
        was_about = {promise: promise.sudo().item_ids for promise in self}
        standing = self.filtered(lambda one: one.state != "cancelled")
        res = super().write(vals)
        if vals.keys() & {"promised_date", "item_ids"}:
            self._ask_for_dates()
        for promise in standing:
            if promise.state == "cancelled":
                promise._end_dates(was_about[promise])
            elif "item_ids" in vals:
                promise._end_dates(was_about[promise] - promise.sudo().item_ids)
        return res

    @api.ondelete(at_uninstall=False)
    def _end_dates_of_deleted(self):
        for promise in self:
            promise._end_dates(promise.sudo().item_ids)

    def _ask_for_dates(self):
        """Queue the day for each invoice; a day that still waits to be written is replaced by the newer one."""
        writes = self.env["dunning.ledger.write"].sudo()
        asked = []
        for promise in self.filtered(lambda one: one.state == "open"):
            for item in promise.sudo().item_ids:
                if promise._is_entered_on(item):
                    asked.append(promise._date_vals(item, {"day": promise.promised_date.isoformat()}))
        writes._ask([vals for vals in asked if not self._is_asked_for(writes, vals)])

    def _is_entered_on(self, item):
        return item.ledger_id and item.ledger_id._writes("expected_date") and item.kind == "invoice"

    def _date_vals(self, item, payload):
        return {
            "ledger_id": item.ledger_id.id,
            "kind": "expected_date",
            # A day may come, go and come again: each change is a write of its own.
            "key": f"date-{self.id}-{item.external_id}-{uuid.uuid4()}",
            "external_id": item.external_id,
            "item_id": item.id,
            "promise_id": self.id,
            "payload": payload,
        }

    def _is_asked_for(self, writes, vals):
        """Whether this very day waits to be written; what waits with another day is left out."""
        waiting = writes.search(
            [
                ("ledger_id", "=", vals["ledger_id"]),
                ("external_id", "=", vals["external_id"]),
                ("kind", "=", "expected_date"),
                ("state", "=", "waiting"),
            ]
        )
        same = waiting.filtered(
            lambda row: row.promise_id.id == vals["promise_id"] and row.payload == vals["payload"]
        )
        (waiting - same).write({"state": "skipped", "cause": self.env._("A newer day was promised.")})
        return bool(same)

    # === THE PROMISE ENDS === #

    def _end_dates(self, items):
        """Queue that the day of this promise goes: to the day of another open promise about the invoice, else to what
        stood there before, else to none. Days that still wait are not written, or found when they were."""
        self.ensure_one()
        writes = self.env["dunning.ledger.write"].sudo()
        for item in items.filtered(self._is_entered_on):
            rows = writes.search(
                [
                    ("ledger_id", "=", item.ledger_id.id),
                    ("external_id", "=", item.external_id),
                    ("kind", "=", "expected_date"),
                ],
                order="id",
            ).filtered(lambda row: "ours" not in row.payload)
            mine = rows.filtered(lambda row: row.promise_id == self)
            if not mine:
                continue
            mine.filtered(lambda row: row.state == "waiting").write(
                {"state": "skipped", "cause": self.env._("The promise was cancelled.")}
            )
            other = self.sudo().search(
                [("item_ids", "in", item.ids), ("state", "=", "open"), ("id", "!=", self.id)], limit=1
            )
            day = other.promised_date.isoformat() if other else self._day_before(mine, rows)
            ours = sorted({row.payload["day"] for row in mine})
            writes._ask([self._date_vals(item, {"day": day, "ours": ours})])

    @staticmethod
    def _day_before(mine, rows):
        """What stood there before the days of promises that have ended, or an empty text."""
        ended = rows.filtered(
            lambda row: row in mine or not row.promise_id or row.promise_id.state == "cancelled"
        )
        befores = {row.payload["day"]: row.payload.get("before", "") for row in ended}
        day = mine[-1].payload["day"]
        while day in befores:
            day = befores.pop(day)
        return day

import uuid

from odoo import api, models


class DunningPromise(models.Model):
    """The promised day is entered on the invoices as their expected payment date, where the connection says so."""

    _inherit = "dunning.promise"

    @api.model_create_multi
    def create(self, vals_list):
        promises = super().create(vals_list)
        promises._ask_for_dates()
        return promises

    def write(self, vals):
        res = super().write(vals)
        if vals.keys() & {"promised_date", "item_ids"}:
            self._ask_for_dates()
        return res

    def _ask_for_dates(self):
        """Queue the day for each invoice; a day that still waits to be written is replaced by the newer one."""
        writes = self.env["dunning.ledger.write"].sudo()
        asked = []
        for promise in self.filtered(lambda one: one.state == "open"):
            for item in promise.sudo().item_ids:
                if (
                    not item.ledger_id
                    or not item.ledger_id._writes("expected_date")
                    or item.kind != "invoice"
                ):
                    continue
                asked.append(
                    {
                        "ledger_id": item.ledger_id.id,
                        "kind": "expected_date",
                        # A day may come, go and come again: each change is a write of its own.
                        "key": f"date-{promise.id}-{item.external_id}-{uuid.uuid4()}",
                        "external_id": item.external_id,
                        "item_id": item.id,
                        "promise_id": promise.id,
                        "payload": {"day": promise.promised_date.isoformat()},
                    }
                )
        writes._ask([vals for vals in asked if not self._is_asked_for(writes, vals)])

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

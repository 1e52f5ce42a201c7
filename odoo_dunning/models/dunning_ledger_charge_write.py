from datetime import date
from decimal import Decimal

from odoo import fields, models

from .. import lib


class DunningLedgerWrite(models.Model):
    """Invoices of charges on their way to a ledger, and what is taken back of them.

    What was asked for may stand there although nobody heard of it: an invoice that is not wanted any more is looked
    for, and when it is there it counts as made and is taken back by its credit.
    """

    _inherit = "dunning.ledger.write"

    kind = fields.Selection(
        selection_add=[("charge_invoice", "Invoice of charges"), ("charge_credit", "Charges taken back")],
        ondelete={"charge_invoice": "cascade", "charge_credit": "cascade"},
    )
    invoice_write_id = fields.Many2one(
        "dunning.ledger.write",
        string="Taken back of",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
    )
    charge_ids = fields.One2many("dunning.charge", "origin_write_id", string="Charges", readonly=True)

    # Asked with every delivery of a ledger.
    _unfinished_charges = models.Index(
        "(ledger_id) WHERE kind = 'charge_invoice' AND state IN ('waiting', 'failed')"
    )

    def _switched_off(self):
        """Override: what was booked in the ledger is taken back there, whatever the connection says by then; an
        invoice that was asked for is looked for first."""
        return "" if self.kind in ("charge_invoice", "charge_credit") else super()._switched_off()

    def _write_charge_invoice(self, client, writes):
        unwanted = self._unwanted()
        if not unwanted:
            return writes.invoice_charges(client, self._charge_document(), self._wire_key())
        found = writes.find_charges(client, self._charge_document(), self._wire_key())
        if not found:
            raise lib.part("errors").Gone(unwanted)
        return found

    def _unwanted(self):
        if not self.ledger_id._writes("charge_invoice"):
            return self.env._("Switched off on the connection.")
        if not self.charge_ids.filtered(lambda one: one.stage == "announced"):
            return self.env._("The charges were waived or taken back before they were written.")
        return ""

    def _write_charge_credit(self, client, writes):
        errors, made = lib.part("errors"), self.invoice_write_id
        if made.state in ("waiting", "failed"):
            raise errors.Retry(self.env._("The invoice of these charges is not written yet."), 0)
        if made.state == "skipped":
            raise errors.Gone(self.env._("The invoice of these charges was never written."))
        return writes.credit_charges(client, made.remote_ref, self._charge_document(), self._wire_key())

    def _charge_document(self):
        writing, payload = lib.part("writing"), self.payload
        return writing.ChargeDocument(
            payload["customer"],
            payload["currency"],
            date.fromisoformat(payload["day"]),
            date.fromisoformat(payload["due_day"]),
            payload["reference"],
            tuple(
                writing.ChargeLine(text, Decimal(amount), income) for text, amount, income in payload["lines"]
            ),
        )

    # === OUTCOME === #

    def _done(self):
        """Override: the charges are booked, and what waits to be taken back of them can be."""
        if self.kind == "charge_invoice":
            self.charge_ids.filtered(lambda one: one.stage == "announced").write(
                {"stage": "booked", "booking_error": False}
            )
            self.env["dunning.ledger.match"]._keep_charges(self.ledger_id, self.remote_ref)
            self.search([("invoice_write_id", "=", self.id), ("state", "in", ("waiting", "failed"))]).write(
                {"state": "waiting", "attempts": 0, "next_try_at": False, "cause": False}
            )
            self._read_again(self.remote_ref)
        elif self.kind == "charge_credit":
            self._read_again(self.invoice_write_id.remote_ref)
        return super()._done()

    def _tell(self, cause):
        """Override: the charge says why it is not booked; that a customer still owes there what was let off here is a
        person's business at once."""
        if self.kind == "charge_invoice":
            self.charge_ids.filtered(lambda one: one.stage == "announced").booking_error = cause
            if self.state == "skipped" and not self.ledger_id._writes("charge_invoice"):
                # Never written: they can be booked where the connection says now.
                self.charge_ids.origin_write_id = False
        if self.kind == "charge_credit" and self.state == "failed":
            self.item_id.account_id._ask_person(
                self.env._("Charges not taken back in %(vendor)s", vendor=self.ledger_id._vendor_label()),
                self.env._("%(what)s: %(cause)s", what=self.display_name, cause=cause),
            )
        return super()._tell(cause)

    def action_skip(self):
        res = super().action_skip()
        for row in self.sudo().filtered(lambda one: one.kind == "charge_invoice" and one.state == "skipped"):
            row.charge_ids.filtered(lambda one: one.stage == "announced").booking_error = row.cause
        return res

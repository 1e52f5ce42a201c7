from collections import namedtuple
from decimal import Decimal

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

Received = namedtuple("Received", "match_id move_id source_ref date amount")


class DunningLedgerPayment(models.Model):
    """A payment the ledger reports against an invoice of Odoo's, registered in Odoo."""

    _name = "dunning.ledger.payment"
    _description = "Payment from a ledger, registered in Odoo"
    _rec_name = "source_ref"

    match_id = fields.Many2one(
        "dunning.ledger.match",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
        string="Invoice in both books",
    )
    company_id = fields.Many2one(related="match_id.company_id", store=True, index=True)
    source_ref = fields.Char(string="Payment at the source", required=True, readonly=True)
    date = fields.Date(readonly=True)
    amount = fields.Char(required=True, readonly=True, help="As text: it is compared to the last digit.")
    payment_id = fields.Many2one("account.payment", readonly=True, ondelete="cascade", index=True)

    _source_uniq = models.UniqueIndex("(match_id, source_ref, (COALESCE(date, '-infinity'::date)))")

    def _undo(self):
        """The source took the payment back: the invoice is open again."""
        payments = self.payment_id
        self.unlink()
        payments.filtered(lambda payment: payment.state not in ("draft", "canceled")).action_draft()
        payments.filtered(lambda payment: payment.state == "draft").action_cancel()


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    payment_journal_id = fields.Many2one(
        "account.journal",
        string="Register payments in",
        check_company=True,
        domain="[('type', 'in', ['bank', 'cash']), ('company_id', '=', company_id)]",
        help="Payments the ledger reports against invoices of Odoo's are registered here, and undone when the ledger "
        "takes them back. Leave empty where bank statements are imported into Odoo.",
    )

    def _settle_payments(self):
        """Bring payments registered in Odoo in line with what the ledger reports on matched invoices."""
        self.ensure_one()
        if not self.payment_journal_id:
            return
        registered = self.env["dunning.ledger.payment"].search([("match_id.ledger_id", "=", self.id)])
        reported = {(row.match_id, row.source_ref, row.date): row for row in self._received()}
        known = {(row.match_id.id, row.source_ref, row.date or None): row for row in registered}
        for key, row in known.items():
            if key not in reported or reported[key].amount != Decimal(row.amount):
                self._safely(row._undo)
        for key, received in reported.items():
            if key not in known or not known[key].exists():
                self._safely(lambda received=received: self._register_payment(received))

    def _received(self):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT m.id, m.move_id, a.source_ref, a.date, sum(a.amount)::text
                  FROM dunning_ledger_match m
                  JOIN dunning_allocation a
                    ON a.ledger_id = m.ledger_id AND a.invoice_ref = m.external_id AND a.kind = 'payment'
                 WHERE m.ledger_id = %s AND m.state = 'matched' AND m.move_id IS NOT NULL
              GROUP BY m.id, m.move_id, a.source_ref, a.date
              ORDER BY a.date, a.source_ref
                """,
                self.id,
            )
        )
        return [Received(*row[:4], Decimal(row[4])) for row in rows]

    def _register_payment(self, received):
        move = self.env["account.move"].browse(received.move_id)
        if move.currency_id.compare_amounts(float(received.amount), move.amount_residual) > 0:
            raise UserError(
                self.env._(
                    "%(invoice)s: the ledger has a payment of %(amount)s, but %(open)s is open in Odoo. Register it by "
                    "hand.",
                    invoice=move.name,
                    amount=received.amount,
                    open=move.amount_residual,
                )
            )
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=move.ids
        )
        residual = move.amount_residual
        payment = register.create(
            {
                "payment_date": received.date or fields.Date.context_today(self),
                "amount": float(received.amount),
                "currency_id": move.currency_id.id,
                "journal_id": self.payment_journal_id.id,
                "communication": f"{self.name} {received.source_ref}",
            }
        )._create_payments()
        if move.amount_residual == residual:
            raise UserError(
                self.env._(
                    "Journal %(journal)s books payments with the bank statement only. Give its payment methods an "
                    "outstanding receipts account, or leave the ledger's “Register payments in” empty.",
                    journal=self.payment_journal_id.name,
                )
            )
        self.env["dunning.ledger.payment"].create(
            {
                "match_id": received.match_id,
                "source_ref": received.source_ref,
                "date": received.date,
                "amount": str(received.amount),
                "payment_id": payment.id,
            }
        )

    def _safely(self, work):
        """One payment that cannot be registered is noted and keeps no other from it."""
        try:
            with self.env.cr.savepoint():
                work()
        except UserError as refusal:
            self._note(str(refusal))

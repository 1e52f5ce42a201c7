import uuid

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

HOLD_DAYS = 3


class DunningLedgerReceipt(models.TransientModel):
    """Money received for a receivable of QuickBooks or Xero, to be recorded there."""

    _name = "dunning.ledger.receipt"
    _description = "Record a payment at the origin"

    item_id = fields.Many2one(
        "dunning.item", string="Receivable", required=True, readonly=True, ondelete="cascade"
    )
    ledger_id = fields.Many2one(related="item_id.ledger_id")
    currency_id = fields.Many2one(related="item_id.currency_id")
    amount_open = fields.Monetary(related="item_id.amount_open", string="Open")
    amount_on_the_way = fields.Monetary(
        string="Already recorded", compute="_compute_amount_on_the_way", help="Not seen in the ledger yet."
    )
    amount = fields.Monetary(
        string="Received",
        compute="_compute_amount",
        store=True,
        precompute=True,
        readonly=False,
        required=True,
    )
    received_date = fields.Date(string="Received on", required=True, default=fields.Date.context_today)
    account_id = fields.Many2one(
        "dunning.ledger.account",
        string="Paid into",
        compute="_compute_account_id",
        store=True,
        precompute=True,
        readonly=False,
        domain="[('ledger_id', '=', ledger_id)]",
    )
    reference = fields.Char(help="As on the bank statement.")
    token = fields.Char(required=True, readonly=True, default=lambda self: str(uuid.uuid4()))

    @api.depends("item_id")
    def _compute_amount_on_the_way(self):
        for receipt in self:
            receipt.amount_on_the_way = receipt.item_id._amount_on_the_way()

    @api.depends("item_id")
    def _compute_amount(self):
        for receipt in self:
            receipt.amount = receipt.item_id.amount_open - receipt.item_id._amount_on_the_way()

    @api.depends("item_id")
    def _compute_account_id(self):
        for receipt in self:
            account = receipt.ledger_id.payment_account_id
            fits = not account.currency_id or account.currency_id == receipt.currency_id
            receipt.account_id = account if fits else False

    @api.constrains("amount", "received_date")
    def _check_amount(self):
        for receipt in self:
            currency, item = receipt.currency_id, receipt.item_id
            most = item.amount_open - item._amount_on_the_way()
            if (
                currency.compare_amounts(receipt.amount, 0) <= 0
                or currency.compare_amounts(receipt.amount, most) > 0
            ):
                raise ValidationError(
                    self.env._(
                        "%(number)s: enter an amount above zero and up to the %(open)s that are open and not recorded "
                        "already.",
                        number=item.display_name,
                        open=currency.format(most),
                    )
                )
            # Whose day it is already, the clerk's or the company's, may have the money.
            latest = max(fields.Date.context_today(receipt), item.company_id._dunning_today())
            if receipt.received_date > latest:
                raise ValidationError(
                    self.env._("%(number)s: the day of receipt lies in the future.", number=item.display_name)
                )

    def action_record(self):
        """Queue the payment for the ledger; until it shows here, the receivable is left out of messages."""
        self.ensure_one()
        item = self.item_id
        item._check_may_record_payment()
        if not self.account_id:
            raise UserError(
                self.env._(
                    "%(number)s: choose the account of %(ledger)s the money was paid into. A manager can read the list "
                    "of accounts on the connection, under “Writing”.",
                    number=item.display_name,
                    ledger=self.ledger_id.name,
                )
            )
        key = f"payment-{self.token}"
        if self.env["dunning.ledger.write"].search_count([("key", "=", key)], limit=1):
            return {"type": "ir.actions.act_window_close"}
        hold = self.env["dunning.hold"].create(
            {
                "account_id": item.account_id.id,
                "item_id": item.id,
                "until_date": fields.Date.add(item.company_id._dunning_today(), days=HOLD_DAYS),
                "reason": self.env._(
                    "Payment received; on its way to %(ledger)s", ledger=self.ledger_id.name
                ),
            }
        )
        amount = f"{self.amount:.{self.currency_id.decimal_places}f}"
        self.env["dunning.ledger.write"].sudo()._ask(
            [
                {
                    "ledger_id": self.ledger_id.id,
                    "kind": "payment",
                    "key": key,
                    "external_id": item.external_id,
                    "item_id": item.id,
                    "hold_id": hold.id,
                    "payload": {
                        "amount": amount,
                        "currency": self.currency_id.name,
                        "day": self.received_date.isoformat(),
                        "account": self.account_id.external_id,
                        "reference": self.reference or item.number or item.external_id,
                    },
                }
            ]
        )
        item.account_id.message_post(
            body=self.env._(
                "Payment of %(amount)s for %(number)s, to be recorded in %(ledger)s.",
                amount=self.currency_id.format(self.amount),
                number=item.display_name,
                ledger=self.ledger_id.name,
            )
        )
        return {"type": "ir.actions.act_window_close"}

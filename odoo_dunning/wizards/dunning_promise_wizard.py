from odoo import api, fields, models
from odoo.tools import format_date


class DunningPromiseWizard(models.TransientModel):
    """Asks what a customer promised to pay, and when."""

    _name = "dunning.promise.wizard"
    _description = "Promise to pay"

    account_id = fields.Many2one("dunning.account", string="Customer", required=True, readonly=True)
    available_currency_ids = fields.Many2many(
        "res.currency", compute="_compute_available_currency_ids", string="Currencies owed"
    )
    currency_id = fields.Many2one(
        "res.currency",
        compute="_compute_currency_id",
        store=True,
        readonly=False,
        required=True,
        domain="[('id', 'in', available_currency_ids)]",
    )
    item_ids = fields.Many2many(
        "dunning.item",
        string="Receivables",
        compute="_compute_item_ids",
        store=True,
        readonly=False,
        domain="[('account_id', '=', account_id), ('currency_id', '=', currency_id), ('kind', '=', 'invoice'),"
        " ('is_open', '=', True)]",
    )
    amount = fields.Monetary(compute="_compute_amount", store=True, readonly=False, required=True)
    promised_date = fields.Date(
        string="Will be paid by",
        required=True,
        default=lambda self: fields.Date.add(fields.Date.context_today(self), days=7),
    )
    note = fields.Char()

    @api.depends("account_id")
    def _compute_available_currency_ids(self):
        for wizard in self:
            wizard.available_currency_ids = (
                wizard._open_invoices().currency_id or wizard.account_id.currency_id
            )

    @api.depends("available_currency_ids")
    def _compute_currency_id(self):
        for wizard in self:
            wizard.currency_id = wizard.available_currency_ids[:1]

    @api.depends("currency_id")
    def _compute_item_ids(self):
        """Suggested: what is overdue; where nothing is, everything open."""
        today = fields.Date.context_today(self)
        for wizard in self:
            currency = wizard.currency_id._origin
            items = wizard._open_invoices().filtered(
                lambda item, currency=currency: item.currency_id == currency
            )
            wizard.item_ids = items.filtered(lambda item: item.due_date and item.due_date < today) or items

    def _open_invoices(self):
        return self.account_id._origin.item_ids.filtered(lambda item: item.is_open and item.kind == "invoice")

    @api.depends("item_ids")
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = sum(wizard.item_ids.mapped("amount_open"))

    def action_confirm(self):
        """Record the promise; reminders of these receivables wait for it."""
        self.ensure_one()
        promise = self.env["dunning.promise"].create(
            {
                "account_id": self.account_id.id,
                "currency_id": self.currency_id.id,
                "item_ids": self.item_ids.ids,
                "amount": self.amount,
                "promised_date": self.promised_date,
                "note": self.note,
            }
        )
        self.account_id.message_post(
            body=self.env._(
                "Promised: %(amount)s by %(day)s. %(note)s",
                amount=promise.currency_id.format(promise.amount),
                day=format_date(self.env, promise.promised_date),
                note=self.note or "",
            )
        )
        return {"type": "ir.actions.act_window_close"}

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..ingest import charges
from .res_company_charges import BOOKED_AS

_INCOME_DOMAIN = "[('ledger_id', '=', id)]"


class DunningLedger(models.Model):
    """Where charges on the invoices of a ledger are booked."""

    _inherit = "dunning.ledger"

    charge_booking = fields.Selection(
        [("odoo", "In Odoo's books"), ("origin", "As an invoice in the ledger"), ("none", "Nowhere")],
        string="Book charges",
        default="odoo",
        required=True,
        tracking=True,
        help="Odoo's books: a customer invoice of the charges alone. In the ledger: such an invoice is made there for "
        "each message, out of scope of VAT, and voided or credited when charges are waived or taken back. Both at the "
        "company's moment for it. Nowhere: charges are announced to the customer and listed here, and booked by hand.",
    )
    books_charges_there = fields.Boolean(
        compute="_compute_books_charges_there", string="Charges are booked in the ledger"
    )
    company_charge_booking = fields.Selection(
        related="company_id.dunning_charge_booking", string="When the company books charges"
    )
    charge_income_id = fields.Many2one(
        "dunning.ledger.income",
        string="Charges are booked on",
        domain=_INCOME_DOMAIN,
        ondelete="restrict",
        help="QuickBooks: the item on the lines of the invoice. Xero: the revenue account.",
    )
    charge_interest_income_id = fields.Many2one(
        "dunning.ledger.income",
        string="Interest on",
        domain=_INCOME_DOMAIN,
        ondelete="restrict",
        help="Empty: as the other charges.",
    )
    charge_recovery_income_id = fields.Many2one(
        "dunning.ledger.income",
        string="Recovery costs on",
        domain=_INCOME_DOMAIN,
        ondelete="restrict",
        help="Empty: as the other charges.",
    )

    @api.depends("charge_booking")
    def _compute_books_charges_there(self):
        for ledger in self:
            ledger.books_charges_there = ledger.charge_booking == "origin"

    def write(self, vals):
        """Override: what the ledger was asked to book and did not is looked for there once more, and released when it
        is not found: it may be booked elsewhere from now on."""
        res = super().write(vals)
        if vals.get("charge_booking", "origin") != "origin":
            self.env["dunning.ledger.write"].sudo().search(
                [
                    ("ledger_id", "in", self.ids),
                    ("kind", "=", "charge_invoice"),
                    ("state", "in", ("failed", "skipped")),
                    ("charge_ids.stage", "=", "announced"),
                ]
            ).action_retry()
        return res

    def _income_for(self, charge):
        """What a charge is booked on in this ledger.

        :raise UserError: nothing was chosen
        """
        own = {"interest": "charge_interest_income_id", "recovery": "charge_recovery_income_id"}
        name = own.get(BOOKED_AS.get(charge.kind, "fee"))
        income = (name and self[name]) or self.charge_income_id
        if not income:
            field = self._fields["charge_income_id"]
            raise UserError(
                self.env._(
                    "%(ledger)s: “%(field)s” is empty, so %(charge)s cannot be booked there. Choose it on the "
                    "connection, under “Writing”.",
                    ledger=self.name,
                    field=field._description_string(self.env),
                    charge=charge.display_name,
                )
            )
        return income

    def _charged_customer(self, items):
        """The id there of the customer who owes the charges on these receivables: theirs, or the one who is billed.

        :raise UserError: the ledger's customer is not known here
        """
        refs = self._customer_refs(items)
        customers = self.env["dunning.customer"].search(
            [("ledger_id", "=", self.id), ("external_id", "in", refs)], order="id"
        )
        debtors = customers.filtered(lambda one: not one.merged_into_ref)
        payers = customers.payer_partner_id
        if len(debtors) != 1:
            debtors = self.env["dunning.customer"].search(
                [
                    ("ledger_id", "=", self.id),
                    ("partner_id", "in", payers.ids),
                    ("merged_into_ref", "=", False),
                ],
                limit=1,
            )
        if not debtors:
            raise UserError(
                self.env._(
                    "%(ledger)s: the customer of %(invoice)s is not known here. Press “Read everything and compare” on "
                    "the connection.",
                    ledger=self.name,
                    invoice=items[:1].display_name,
                )
            )
        return debtors.external_id

    def _customer_refs(self, items):
        records = self.env["dunning.ledger.record"].search(
            [("ledger_id", "=", self.id), ("external_id", "in", items.mapped("external_id"))]
        )
        keys = {(item.entity, item.external_id) for item in items}
        return [
            record.customer_ref
            for record in records
            if (record.entity, record.external_id) in keys and record.customer_ref
        ]

    # === WHAT BECAME OF THEM THERE === #

    def sync_ingest(self, lease, records):
        """Override: invoices of charges are not receivables of their own."""
        counts = super().sync_ingest(lease=lease, records=records)
        refused = {row["external_id"] for row in counts["quarantined"]}
        invoices = [
            record["external_id"]
            for record in records
            if isinstance(record, dict)
            and record.get("entity") == "invoice"
            and str(record.get("external_id") or "?") not in refused
        ]
        if invoices:
            charges.close(self.sudo(), invoices)
        return counts

    def _settle_payments(self):
        """Override to follow what became of invoices of charges there."""
        res = super()._settle_payments()
        charges.close(self)
        self._follow_charges()
        return res

    def _follow_charges(self):
        """Charges booked in the ledger are paid with their invoice there, and fall with it. Raw SQL: most of them have
        nothing new, and there may be many."""
        self.env["dunning.charge"].flush_model()
        self.env["dunning.item"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT charge.id, item.id
                  FROM dunning_charge charge
                  JOIN dunning_ledger_write made ON made.id = charge.origin_write_id
                  JOIN dunning_item item
                    ON item.ledger_id = made.ledger_id AND item.entity = 'invoice' AND item.installment = 0
                   AND item.external_id = made.remote_ref
                 WHERE made.ledger_id = %s AND charge.stage = 'booked'
                   AND (charge.origin_item_id IS DISTINCT FROM item.id
                        OR (charge.state = 'paid') <> (item.source_state = 'paid')
                        OR item.source_state IN ('void', 'voided', 'deleted', 'gone'))
                """,
                self.id,
            )
        )
        for charge_id, item_id in rows:
            self.env["dunning.charge"].sudo().browse(charge_id)._follow_origin(
                self.env["dunning.item"].browse(item_id)
            )

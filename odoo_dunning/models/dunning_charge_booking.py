from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tools import format_date

from .conflicts import try_again
from .dunning_charge import STANDING
from .res_company_charges import BOOKED_AS

# Payment states of a source document that was never owed: its charges have no ground.
UNFOUNDED = ("reversed", "gone", "cancel", "void", "voided", "deleted")


class DunningCharge(models.Model):
    """Charges in Odoo's books: a customer invoice per message, credited when a charge is waived or taken back.

    Charges on invoices of other ledgers are booked in Odoo's books, too, unless their connection says otherwise:
    see `dunning_charge_origin.py` for those that the ledger books itself.
    """

    _inherit = "dunning.charge"

    @api.model
    def _cron_charges(self):
        """Scheduled: look for paid invoices, book what is due to be booked, end early-settlement offers."""
        for company in self.env["res.company"].search([]):
            if not try_again(self.env, self._see_paid_committing, company):
                return
            for charges in self._due_for_booking(company).grouped("notice_id").values():
                if not try_again(self.env, charges._book_committing):
                    return

    def _see_paid_committing(self, company):
        self._see_paid(company)
        self.env["dunning.offer"]._settle_open(company)
        return self.env["ir.cron"]._commit_progress(1)

    def _book_committing(self):
        self._book()
        return self.env["ir.cron"]._commit_progress(1)

    def action_book(self):
        """Book these charges now, whatever the company's moment for it; errors are raised."""
        if not self.env.su and not self.env.user.has_group("odoo_dunning.group_manager"):
            raise AccessError(self.env._("Only a Collections manager books charges. Ask one."))
        for charges in (
            self.sudo().filtered(lambda one: one.stage == "announced").grouped("notice_id").values()
        ):
            charges._book_together()
        return True

    # === WHEN === #

    @api.model
    def _due_for_booking(self, company):
        if company.dunning_charge_booking == "never":
            return self.browse()
        domain = [("company_id", "=", company.id), ("stage", "=", "announced"), ("amount", ">", 0)]
        if company.dunning_charge_booking == "paid":
            domain.append(("principal_paid_date", "!=", False))
        return self.sudo().search(domain, order="notice_id, id").filtered(lambda one: one._is_booked_here())

    def _is_booked_here(self):
        ledger = self.item_id.ledger_id
        return not ledger or ledger.charge_booking == "odoo"

    @api.model
    def _see_paid(self, company):
        """Charges whose invoice was settled: by the company's choice they stay claimed or are dropped; those of an
        invoice that was cancelled or credited in full have lost their ground."""
        standing = [("company_id", "=", company.id), ("stage", "in", STANDING)]
        charges, today = self.sudo(), company._dunning_today()
        open_again = charges.search(
            [*standing, ("principal_paid_date", "!=", False), ("item_id.is_open", "=", True)]
        )
        open_again.write({"principal_paid_date": False})
        failed = charges.search([*standing, ("notice_id.state", "=", "failed")])
        lost = failed.notice_id._lost()
        failed.filtered(lambda one: one.notice_id in lost)._each_message(
            lambda one: one._take_back(self.env._("The message came back"))
        )
        settled = [*standing, ("item_id.is_open", "=", False)]
        unfounded = charges.search([*settled, ("item_id.source_state", "in", UNFOUNDED)])
        unfounded._each_message(
            lambda one: one._take_back(self.env._("The invoice was cancelled or credited"))
        )
        paid = charges.search([*settled, ("principal_paid_date", "=", False)]) - unfounded
        drops = company.dunning_charge_when_paid == "drop"
        paid._each_message(lambda one: one._principal_paid(today, drops))

    def _principal_paid(self, today, drops):
        self.write({"principal_paid_date": today})
        open_ones = self.filtered(lambda one: drops and one.stage in STANDING and one.amount_due)
        if open_ones:
            open_ones.action_waive(reason=self.env._("The invoice was paid"))

    def _each_message(self, deed):
        """Do something with the charges of one message after the other. What stands in the way of one is kept on its
        charges, and tried again next time."""
        for charges in self.grouped("notice_id").values():
            try:
                with self.env.cr.savepoint():
                    deed(charges)
                charges.filtered("booking_error").booking_error = False
            except UserError as error:
                charges.booking_error = str(error)

    # === BOOKING === #

    def _book(self):
        """Book the charges of one message. What stands in the way is kept on them, and tried again next time."""
        for charges in self.grouped(lambda one: one._origin_ledger()).values():
            try:
                with self.env.cr.savepoint():
                    charges._book_together()
            except UserError as error:
                charges.booking_error = str(error)

    def _book_together(self):
        """One customer invoice for the charges of one message. Idempotent: charges that have one stay as they are."""
        charges = self.try_lock_for_update().filtered(
            lambda one: one.stage == "announced" and not one.move_id
        )
        if not charges:
            return
        charges._check_bookable()
        company = charges.company_id
        move = self.env["account.move"].sudo().with_company(company).create(charges._move_values())
        move._post(soft=False)
        charges.write({"stage": "booked", "move_id": move.id, "booking_error": False})

    def _check_bookable(self):
        company = self.company_id
        for charge in self:
            if not charge._income_account():
                field = company._fields[f"dunning_{charge._booked_as()}_account_id"]
                raise UserError(
                    self.env._(
                        "%(company)s: “%(field)s” is empty, so %(charge)s cannot be booked. Choose an account in the "
                        "settings of Collections.",
                        company=company.name,
                        field=field._description_string(self.env),
                        charge=charge.display_name,
                    )
                )
        if not company.dunning_charge_journal_id:
            raise UserError(
                self.env._(
                    "%(company)s: “Journal for charges” is empty. Choose a sales journal in the settings of "
                    "Collections.",
                    company=company.name,
                )
            )
        company._dunning_check_period(company.dunning_charge_journal_id)

    def _move_values(self):
        company, notice = self.company_id, self.notice_id
        today = company._dunning_today()
        return {
            "move_type": "out_invoice",
            "journal_id": company.dunning_charge_journal_id.id,
            "partner_id": self.account_id.partner_id.id,
            "currency_id": self.currency_id.id,
            "invoice_date": today,
            "invoice_date_due": max(notice.deadline_date or today, today),
            "invoice_payment_term_id": False,
            "invoice_origin": notice._number(),
            "ref": notice._number(),
            "dunning_charge_key": f"charge/{self.sorted('id')[0].id}",
            "invoice_line_ids": [
                Command.create(charge._line_values(charge.amount - charge.amount_waived)) for charge in self
            ],
        }

    def _line_values(self, amount):
        self.ensure_one()
        tax = self.company_id[f"dunning_{self._booked_as()}_tax_id"]
        return {
            "name": self._line_name(),
            "quantity": 1.0,
            "price_unit": amount,
            "account_id": self._income_account().id,
            "tax_ids": [Command.set(tax.ids)],
        }

    def _line_name(self):
        """What the charge is for, in the customer's language: it is printed on a document of theirs."""
        self = self.with_context(lang=self.account_id.partner_id.lang or self.env.lang)
        kind = dict(self._fields["kind"]._description_selection(self.env))[self.kind]
        if self.kind == "interest":
            return self.env._(
                "%(kind)s on %(invoice)s up to %(day)s",
                kind=kind,
                invoice=self.number or "",
                day=format_date(self.env, self.charge_date),
            )
        return self.env._("%(kind)s, %(invoice)s", kind=kind, invoice=self.number or "")

    def _booked_as(self):
        return BOOKED_AS.get(self.kind, "fee")

    def _income_account(self):
        return self.company_id[f"dunning_{self._booked_as()}_account_id"]

    # === REVERSAL === #

    def _booked_values(self):
        """Account and tax of its line on the document: a credit goes where the document went, whatever was chosen in
        the settings since."""
        self.ensure_one()
        name = self._line_name()
        line = self.move_id.invoice_line_ids.filtered(lambda line: line.name == name)[:1]
        return {"account_id": line.account_id.id, "tax_ids": [Command.set(line.tax_ids.ids)]} if line else {}

    def _credit(self, amounts, reason):
        """Credit parts of booked charges of one document, against what is open on it. What was paid already stays with
        the customer as an open credit.

        :param amounts: {charge id: amount}, in the currency of the document
        """
        move = self.move_id
        lines = [
            Command.create({**charge._line_values(amounts[charge.id]), **charge._booked_values()})
            for charge in self
            if not charge.currency_id.is_zero(amounts[charge.id])
        ]
        if not lines:
            return
        move.company_id._dunning_check_period(move.journal_id)
        credit = (
            self.env["account.move"]
            .sudo()
            .with_company(move.company_id)
            .create(
                {
                    "move_type": "out_refund",
                    "journal_id": move.journal_id.id,
                    "partner_id": move.partner_id.id,
                    "currency_id": move.currency_id.id,
                    "invoice_date": move.company_id._dunning_today(),
                    "invoice_payment_term_id": False,
                    "invoice_origin": move.name,
                    "reversed_entry_id": move.id,
                    "ref": self.env._(
                        "Reversal of %(document)s: %(reason)s", document=move.name, reason=reason or ""
                    ),
                    "invoice_line_ids": lines,
                }
            )
        )
        credit._post(soft=False)
        both = (move | credit).line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )
        if len(both.move_id) == 2:
            both.reconcile()
        move._dunning_charges().invalidate_recordset(["amount_due"])

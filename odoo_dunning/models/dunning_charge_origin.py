from odoo import api, fields, models

# What the ledger says of an invoice that claims nothing any more.
FALLEN = ("void", "voided", "deleted", "gone")


class DunningCharge(models.Model):
    """Charges booked in the ledger their invoice is from: one invoice there for each message.

    The write that makes it is the charge's document until a pass brings the invoice back as a receivable, which is
    closed here: what it claims is counted with the charges, and no charge bears a charge.
    """

    _inherit = "dunning.charge"

    origin_write_id = fields.Many2one(
        "dunning.ledger.write",
        string="Booked in the ledger by",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    origin_item_id = fields.Many2one(
        "dunning.item",
        string="Invoice in the ledger",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )

    @api.depends("origin_item_id")
    def _compute_state(self):
        """Override: paid when the ledger says so."""
        res = super()._compute_state()
        for charge in self:
            if charge.state == "booked" and charge.origin_item_id.source_state == "paid":
                charge.state = "paid"
        return res

    @api.depends("origin_write_id", "origin_item_id.amount_open")
    def _compute_amount_due(self):
        """Override: of those booked in the ledger, what their invoice leaves open, costs counted as paid first."""
        res = super()._compute_amount_due()
        for write in self.filtered(lambda one: one.stage == "booked").origin_write_id:
            booked = write.sudo().charge_ids.filtered(lambda one: one.stage == "booked")
            items = booked.origin_item_id
            if not items:
                continue
            left = items[:1].amount_open
            for charge in booked._open_first():
                share = min(left, charge.amount - charge.amount_waived)
                left -= share
                if charge in self:
                    charge.amount_due = charge.currency_id.round(share)
        return res

    # === BOOK === #

    def _origin_ledger(self):
        """The ledger that books this charge itself, or none."""
        ledger = self.item_id.ledger_id
        return ledger if ledger.charge_booking == "origin" else ledger.browse()

    def _is_booked_here(self):
        """Override: where the ledger books them, this is where it is asked to."""
        if self.origin_write_id:
            return False
        return bool(self._origin_ledger()) or super()._is_booked_here()

    def _book_together(self):
        """Override: each place books its own."""
        by_ledger = self.grouped(lambda one: one._origin_ledger())
        here = by_ledger.pop(self.env["dunning.ledger"], self.browse())
        for ledger, charges in by_ledger.items():
            charges._ask_for_invoice(ledger.sudo())
        return super(DunningCharge, here.filtered(lambda one: not one.origin_write_id))._book_together()

    def _ask_for_invoice(self, ledger):
        """Queue the invoice of the charges of one message. Idempotent: charges that have one stay as they are."""
        charges = self.try_lock_for_update().filtered(
            lambda one: one.stage == "announced" and not one.origin_write_id and not one.move_id
        )
        if not charges:
            return
        charges = charges.sorted("id")
        notice, today = charges.notice_id, charges.company_id._dunning_today()
        item = charges[0].item_id
        payload = {
            "customer": ledger._charged_customer(charges.item_id),
            "due_day": max(notice.deadline_date or today, today).isoformat(),
            **charges._origin_document(
                ledger, {one.id: one.amount - one.amount_waived for one in charges}, today, notice._number()
            ),
        }
        writes = self.env["dunning.ledger.write"].sudo()
        before = writes.search_count([("key", "=like", f"charge-{charges[0].id}-%")])
        key = f"charge-{charges[0].id}-{before + 1}"
        writes._ask(
            [
                {
                    "ledger_id": ledger.id,
                    "kind": "charge_invoice",
                    "key": key,
                    "external_id": item.external_id,
                    "item_id": item.id,
                    "notice_id": notice.id,
                    "payload": payload,
                }
            ]
        )
        charges.write({"origin_write_id": writes.search([("key", "=", key)]).id, "booking_error": False})

    def _origin_document(self, ledger, amounts, today, reference):
        """Payload of an invoice or a credit of these charges. Amounts as text, to the digits of their currency.

        :param amounts: {charge id: amount}
        """
        currency = self.currency_id
        lines = [
            [
                one._line_name(),
                f"{amounts[one.id]:.{currency.decimal_places}f}",
                ledger._income_for(one).external_id,
            ]
            for one in self
        ]
        return {
            "currency": currency.name,
            "day": today.isoformat(),
            "reference": reference,
            "amount": f"{sum(amounts[one.id] for one in self):.{currency.decimal_places}f}",
            "lines": lines,
        }

    # === TAKE BACK === #

    def _may_stand_there(self):
        """Announced, and an invoice of it was asked for, which may have been made."""
        return self.stage == "announced" and self.origin_write_id.state in ("waiting", "failed")

    def _waive(self, amount, reason):
        is_asked_for = self._may_stand_there()
        res = super()._waive(amount, reason)
        if is_asked_for:
            self._credit_there({self.id: amount}, reason)
        return res

    def _take_back(self, reason):
        asked_for = self.sudo().filtered(lambda one: one._may_stand_there())
        asked_for._credit_there({one.id: one.amount - one.amount_waived for one in asked_for}, reason)
        return super()._take_back(reason)

    def _credit(self, amounts, reason):
        """Override: what the ledger booked is credited there."""
        there = self.filtered("origin_write_id")
        there._credit_there(amounts, reason)
        return super(DunningCharge, self - there)._credit(amounts, reason)

    def _credit_there(self, amounts, reason):
        """Queue the reversal of parts of charges at their ledger, one for each of its invoices.

        :param amounts: {charge id: amount}, in the currency of the charge
        """
        credited = self.filtered(lambda one: not one.currency_id.is_zero(amounts[one.id])).sorted("id")
        writes = self.env["dunning.ledger.write"].sudo()
        for made, charges in credited.grouped("origin_write_id").items():
            made, ledger = made.sudo(), made.sudo().ledger_id
            reference = self.env._(
                "%(number)s: %(reason)s", number=made.payload["reference"], reason=reason or ""
            )
            document = charges._origin_document(
                ledger, amounts, charges.company_id._dunning_today(), reference.strip(": ")
            )
            # An income chosen anew since does not matter: a credit goes where the invoice went.
            incomes = {text: income for text, _amount, income in made.payload["lines"]}
            document["lines"] = [
                [text, amount, incomes.get(text, income)] for text, amount, income in document["lines"]
            ]
            before = writes.search_count([("invoice_write_id", "=", made.id)])
            writes._ask(
                [
                    {
                        "ledger_id": ledger.id,
                        "kind": "charge_credit",
                        "key": f"charge-credit-{made.id}-{before + 1}",
                        "external_id": made.remote_ref or made.external_id,
                        "item_id": made.item_id.id,
                        "notice_id": made.notice_id.id,
                        "invoice_write_id": made.id,
                        "payload": {
                            "customer": made.payload["customer"],
                            "due_day": document["day"],
                            **document,
                        },
                    }
                ]
            )

    # === WHAT BECAME OF IT THERE === #

    def _follow_origin(self, item):
        """The invoice is here, was paid, is open again, or fell with nobody here having taken the charge back."""
        self.origin_item_id = item
        if item.source_state in FALLEN:
            self.write(
                {
                    "stage": "reversed",
                    "reason": self.env._(
                        "Its invoice was cancelled in %(ledger)s", ledger=item.ledger_id.name
                    ),
                }
            )
        self.env.add_to_compute(self._fields["state"], self)

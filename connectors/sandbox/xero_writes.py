"""Writes of the Xero skin: create, update, status changes, allocations, history notes, e-mail."""

import re
from datetime import date, datetime, timezone
from decimal import Decimal

from . import currencies
from .book import BookError, Line, Source
from .wire import Refusal, Reply
from .xero_faults import not_found
from .xero_json import ACCOUNTS, Renderer, instant
from .xero_resources import RESOURCES

_HISTORY_LENGTH = 2500


class Writes:
    """Carries out what a PUT, POST or DELETE asks of the book."""

    def __init__(self, skin):
        self.skin = skin

    def write(self, company, resource, body):
        """Create, or update where an id is given; one record or a list of them."""
        items = body.get(resource) or [body]
        records = [self._one(company, resource, item) for item in items]
        render = RESOURCES[resource].render
        return self.skin.envelope({resource: [render(Renderer(company), record, True) for record in records]})

    def _one(self, company, resource, item):
        id_field = RESOURCES[resource].id_field
        if item.get(id_field):
            record = self.skin.record(company, resource, item[id_field])
            self._change(company, resource, record, item)
            return record
        create = getattr(self, f"_create_{resource.lower()}", None)
        if create is None:
            raise Refusal(not_found())
        return create(company, item)

    def update(self, company, resource, record, item):
        """POST to one record's address."""
        self._change(company, resource, record, item)
        return self.skin.answer(company, resource, record)

    # -- create -----------------------------------------------------------------------------------------------

    def _create_contacts(self, company, item):
        if not item.get("Name"):
            raise BookError("The contact name must be specified.")
        return company.add_customer(
            name=item["Name"],
            given_name=item.get("FirstName", ""),
            family_name=item.get("LastName", ""),
            email=item.get("EmailAddress", ""),
            currency=item.get("DefaultCurrency") or company.home_currency,
        )

    def _create_invoices(self, company, item):
        customer = self._customer(company, item)
        currency = item.get("CurrencyCode") or customer.currency
        issue_date = read_day(item, "Date") or company.today()
        invoice = company.issue_invoice(
            customer,
            _lines(item, currency),
            issue_date,
            read_day(item, "DueDate") or issue_date,
            number=item.get("InvoiceNumber") or f"INV-{len(company.invoices) + 1:05d}",
            reference=item.get("Reference", ""),
            currency=currency,
            purchase=item.get("Type") == "ACCPAY",
        )
        invoice.status = {"DRAFT": "draft", "SUBMITTED": "submitted"}.get(item.get("Status", "DRAFT"), "open")
        return invoice

    def _create_creditnotes(self, company, item):
        customer = self._customer(company, item)
        currency = item.get("CurrencyCode") or customer.currency
        credit = company.give_credit(
            customer,
            _lines(item, currency),
            read_day(item, "Date") or company.today(),
            number=item.get("CreditNoteNumber") or f"CN-{len(company.sources) + 1:05d}",
            reference=item.get("Reference", ""),
            currency=currency,
        )
        if item.get("Status") == "DRAFT":
            credit.status = "draft"
        return credit

    def _create_payments(self, company, item):
        amount = Decimal(str(item.get("Amount") or 0))
        on_date = read_day(item, "Date") or company.today()
        for name, resource in (
            ("CreditNote", "CreditNotes"),
            ("Overpayment", "Overpayments"),
            ("Prepayment", "Prepayments"),
        ):
            if item.get(name):
                source = self.skin.record(company, resource, item[name][f"{name}ID"])
                return company.refund(source, amount, on_date)
        invoice_key = item.get("Invoice") or {}
        invoice = self.skin.record(
            company, "Invoices", invoice_key.get("InvoiceID") or invoice_key.get("InvoiceNumber") or ""
        )
        amount = currencies.rounded(amount, invoice.currency)
        if amount > invoice.open:
            raise BookError("Payment amount exceeds the amount outstanding on this document")
        if not amount:
            raise BookError("Payment amount must be greater than zero")
        return company.receive(
            company.customer(invoice.customer_id),
            amount,
            on_date,
            [(invoice, amount)],
            reference=item.get("Reference") or "",
            account_id=_paid_into(item),
        )

    # -- change -----------------------------------------------------------------------------------------------

    def _change(self, company, resource, record, item):
        status = item.get("Status") or item.get("ContactStatus")
        if resource == "Payments":
            if status != "DELETED":
                raise BookError("Only the status DELETED can be set on a payment.")
            company.delete(record)
        elif resource == "BatchPayments":
            if status != "DELETED":
                raise BookError("Only the status DELETED can be set on a batch payment.")
            company.delete_batch(record)
        elif status in ("VOIDED", "DELETED") and resource != "Contacts":
            self._end(company, record, status)
        else:
            self._edit(company, resource, record, item, status)

    @staticmethod
    def _end(company, record, status):
        if record.allocations:
            raise BookError(
                "Invoice not of valid status for modification: it has payments or credits allocated to it."
            )
        if status == "VOIDED":
            company.void(record)
        else:
            company.delete(record)

    @staticmethod
    def _edit(company, resource, record, item, status):
        if getattr(record, "status", "open") in ("void", "deleted"):
            raise BookError(f"{record.number or record.id} is not of valid status for modification.")
        changes = {}
        if resource == "Contacts":
            known = {
                "Name": "name",
                "EmailAddress": "email",
                "FirstName": "given_name",
                "LastName": "family_name",
            }
            if status:
                changes["active"] = status == "ACTIVE"
        else:
            known = {"Reference": "reference"}
            for name, field in (("DueDate", "due_date"), ("ExpectedPaymentDate", "expected_payment_date")):
                if item.get(name) or item.get(f"{name}String"):
                    changes[field] = read_day(item, name)
            # Only the text of the date clears it; an empty date is passed over (XeroAPI/xero-node#476).
            if item.get("ExpectedPaymentDateString") == "":
                changes["expected_payment_date"] = None
            if status in ("AUTHORISED", "SUBMITTED", "DRAFT"):
                changes["status"] = {"AUTHORISED": "open"}.get(status, status.lower())
        changes.update({field: item[name] for name, field in known.items() if name in item})
        company.edit(record, **changes)

    def email(self, company, invoice):
        """Mark the invoice as e-mailed (nothing leaves the sandbox)."""
        customer = company.customer(invoice.customer_id)
        if invoice.status != "open" or not customer.email:
            raise BookError("The invoice must be approved and its contact must have an e-mail address.")
        company.edit(invoice, sent_at=company.book.clock.now())
        return Reply(status=204)

    # -- allocations ------------------------------------------------------------------------------------------

    def allocate(self, company, source, body):
        """PUT …/Allocations: use a credit note, overpayment or prepayment for invoices."""
        if not isinstance(source, Source) or source.kind == "payment":
            raise Refusal(not_found())
        made = []
        for item in body.get("Allocations") or [body]:
            invoice = self.skin.record(company, "Invoices", item["Invoice"]["InvoiceID"])
            on_date = read_day(item, "Date") or company.today()
            made.append(company.allocate(source, invoice, Decimal(str(item["Amount"])), on_date))
        return self.skin.envelope({"Allocations": [Renderer(company).allocation(part) for part in made]})

    def deallocate(self, company, source, allocation_id):
        """DELETE …/Allocations/{id}: it is gone without trace; only comparing shows it."""
        for allocation in source.allocations:
            if allocation.id == allocation_id:
                company.deallocate(allocation)
                answer = {"AllocationID": allocation_id, "IsDeleted": True}
                return self.skin.envelope({**answer, "Allocations": [answer]})
        raise Refusal(not_found())

    # -- history ----------------------------------------------------------------------------------------------

    @staticmethod
    def history_of(record):
        """Newest first, as Xero lists it."""
        return [
            {"Changes": "Note", "DateUTC": instant(at), "DateUTCString": at.strftime("%Y-%m-%dT%H:%M:%S"),
             "User": "System Generated", "Details": details}
            for at, details in reversed(getattr(record, "history", []))
        ]  # fmt: skip

    def add_history(self, company, record, body):
        """PUT …/History. A note can never be edited or removed."""
        for item in body.get("HistoryRecords") or []:
            details = str(item.get("Details", ""))
            if not 0 < len(details) <= _HISTORY_LENGTH:
                raise BookError(f"A note must have from 1 to {_HISTORY_LENGTH} characters.")
            record.history.append((company.book.clock.now(), details))
        return self.skin.envelope({"HistoryRecords": self.history_of(record)})

    def _customer(self, company, item):
        contact = item.get("Contact") or {}
        customer = self.skin.record(company, "Contacts", contact.get("ContactID", ""))
        if not customer.active:
            raise BookError("The contact is archived.")
        return customer


def read_day(item, name):
    """A calendar date from ISO text or `/Date(ms+hhmm)/`; None when absent."""
    text = item.get(f"{name}String") or item.get(name)
    if not text:
        return None
    match = re.match(r"/Date\((-?\d+)", text)
    if match:
        return datetime.fromtimestamp(int(match.group(1)) / 1000, timezone.utc).date()
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BookError(f"{name} is not a date: {text}") from None


def _paid_into(item):
    """The id of the account that takes the money; without one, the usual account."""
    asked = item.get("Account") or {}
    if not asked:
        return ""
    for account in ACCOUNTS:
        if asked.get("AccountID") == account.id or asked.get("Code") == account.code:
            if account.kind != "BANK" and not account.takes_payments:
                raise BookError("Account type is invalid for payments.")
            return account.id
    raise BookError("Account could not be found")


def _lines(item, currency):
    lines = []
    for row in item.get("LineItems") or ():
        code = str(row.get("AccountCode") or "")
        if code and all(account.code != code for account in ACCOUNTS):
            raise BookError(f"Account code '{code}' is not a valid code for this document.")
        if item.get("LineAmountTypes") == "NoTax" and row.get("TaxType", "NONE") != "NONE":
            raise BookError("The TaxType code must be NONE where the line amounts are NoTax.")
        quantity = Decimal(str(row.get("Quantity") or 1))
        price = Decimal(str(row.get("UnitAmount") or 0))
        amount = currencies.rounded(Decimal(str(row.get("LineAmount") or quantity * price)), currency)
        tax = currencies.rounded(Decimal(str(row.get("TaxAmount") or 0)), currency)
        lines.append(Line(row.get("Description", ""), quantity, price, amount, tax, code))
    if not lines:
        raise BookError("One or more line items must be specified.")
    return lines

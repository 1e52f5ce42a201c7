"""What Xero lists: resources, their rows in the book, their fields for `where` and `order`, their JSON."""

from collections import namedtuple

from .xero_json import Renderer, invoice_status, source_status

# rows(company); render(renderer, record, detail); fields for where/order; scope area; paged: has page and pageSize
Resource = namedtuple("Resource", "rows render fields area paged id_field")

_STAMP = {"updateddateutc": lambda row: row.updated_at}
_DOCUMENT = {
    **_STAMP,
    "date": lambda row: row.issue_date,
    "total": lambda row: row.total,
    "reference": lambda row: row.reference,
    "currencycode": lambda row: row.currency,
    "contact.contactid": lambda row: row.customer_id,
}
_INVOICE = {
    **_DOCUMENT,
    "invoiceid": lambda row: row.id,
    "invoicenumber": lambda row: row.number,
    "type": lambda row: "ACCPAY" if row.purchase else "ACCREC",
    "status": invoice_status,
    "duedate": lambda row: row.due_date,
    "amountdue": lambda row: row.open,
    "amountpaid": lambda row: row.paid,
    "amountcredited": lambda row: row.credited,
    "senttocontact": lambda row: bool(row.sent_at),
}
_CONTACT = {
    **_STAMP,
    "contactid": lambda row: row.id,
    "name": lambda row: row.name,
    "emailaddress": lambda row: row.email,
    "contactstatus": lambda row: "ACTIVE" if row.active else "ARCHIVED",
    "iscustomer": lambda row: True,
    "taxnumber": lambda row: row.tax_number,
}
_SOURCE = {
    **_DOCUMENT,
    "type": lambda row: "ACCRECCREDIT" if row.kind == "credit" else f"RECEIVE-{row.kind.upper()}",
    "status": source_status,
    "remainingcredit": lambda row: row.remaining,
    "creditnoteid": lambda row: row.id,
    "creditnotenumber": lambda row: row.number,
}
_PAYMENT = {
    **_STAMP,
    "paymentid": lambda row: row.id,
    "date": lambda row: row.issue_date,
    "amount": lambda row: row.total,
    "status": lambda row: "AUTHORISED" if row.live else "DELETED",
    "paymenttype": lambda row: "ACCRECPAYMENT" if row.kind == "payment" else "ARCREDITPAYMENT",
    "isreconciled": lambda row: getattr(row, "reconciled", False),
}


def _payments(company):
    return [*company.payments(), *(refund for refund in company.refunds.values() if refund.source)]


def _render_payment(renderer, row, detail):
    return renderer.payment(row) if row.kind == "payment" else renderer.refund(row)


def _of_kind(kind):
    return lambda company: company.credits(kind)


RESOURCES = {
    "Contacts": Resource(
        lambda company: company.customers.values(), Renderer.contact, _CONTACT, "contacts", True, "ContactID"
    ),
    "Invoices": Resource(
        lambda company: company.invoices.values(), Renderer.invoice, _INVOICE, "invoices", True, "InvoiceID"
    ),
    "CreditNotes": Resource(
        _of_kind("credit"), Renderer.credit_note, _SOURCE, "invoices", True, "CreditNoteID"
    ),
    "Payments": Resource(_payments, _render_payment, _PAYMENT, "payments", True, "PaymentID"),
    "Overpayments": Resource(
        _of_kind("overpayment"), Renderer.overpayment, _SOURCE, "payments", True, "OverpaymentID"
    ),
    "Prepayments": Resource(
        _of_kind("prepayment"), Renderer.prepayment, _SOURCE, "payments", True, "PrepaymentID"
    ),
    "BatchPayments": Resource(
        lambda company: company.batches.values(),
        lambda renderer, row, detail: renderer.batch_payment(row),
        {**_STAMP, "date": lambda row: row.issue_date, "batchpaymentid": lambda row: row.id},
        "payments",
        False,
        "BatchPaymentID",
    ),
}

"""Documents of the book as Xero's Accounting API JSON.

Shapes: dates as `/Date(ms+0000)/` (with an ISO `…String` beside the calendar ones), `CurrencyRate` is document units
per home unit, `Total = AmountDue + AmountPaid + AmountCredited`, an invoice names the credit notes applied to it but
not their allocations. `detail` False gives what a list without `page` gives: no lines.
"""

from calendar import timegm
from collections import namedtuple
from decimal import Decimal

from .book import Invoice

ZERO = Decimal(0)
Account = namedtuple("Account", "id code name kind takes_payments")
ACCOUNTS = (
    Account("00000000-0000-4000-8000-0000000000b1", "090", "Business Bank Account", "BANK", False),
    Account("00000000-0000-4000-8000-0000000000b2", "620", "Clearing", "CURRENT", True),
    Account("00000000-0000-4000-8000-0000000000b3", "200", "Sales", "REVENUE", False),
    Account("00000000-0000-4000-8000-0000000000b4", "260", "Other Revenue", "REVENUE", False),
    Account("00000000-0000-4000-8000-0000000000b5", "270", "Interest Income", "OTHERINCOME", False),
)
VERSIONS = {"GB": "UK", "US": "US", "AU": "AU", "NZ": "NZ"}
INVOICE_STATUS = {"draft": "DRAFT", "submitted": "SUBMITTED", "void": "VOIDED", "deleted": "DELETED"}
SOURCE_TYPE = {
    "overpayment": "RECEIVE-OVERPAYMENT",
    "prepayment": "RECEIVE-PREPAYMENT",
    "credit": "ACCRECCREDIT",
}
SOURCE_ID = {"overpayment": "OverpaymentID", "prepayment": "PrepaymentID", "credit": "CreditNoteID"}
REFUND_TYPE = {
    "overpayment": "AROVERPAYMENTPAYMENT",
    "prepayment": "ARPREPAYMENTPAYMENT",
    "credit": "ARCREDITPAYMENT",
}


def instant(moment):
    """`/Date(ms+0000)/` of an aware datetime."""
    return f"/Date({timegm(moment.utctimetuple()) * 1000 + moment.microsecond // 1000}+0000)/"


def day(value):
    """`/Date(ms+0000)/` of a calendar date's midnight."""
    return f"/Date({timegm(value.timetuple()) * 1000}+0000)/"


def iso_day(value):
    return f"{value.isoformat()}T00:00:00"


def invoice_status(invoice):
    if invoice.status != "open":
        return INVOICE_STATUS[invoice.status]
    return "AUTHORISED" if invoice.open else "PAID"


def source_status(source):
    if source.status != "open":
        return {"void": "VOIDED", "deleted": "DELETED", "draft": "DRAFT"}[source.status]
    return "AUTHORISED" if source.remaining else "PAID"


class Renderer:
    """Turns records of one organisation into JSON-ready dicts."""

    def __init__(self, company):
        self.company = company

    def organisation(self):
        company = self.company
        return {
            "Name": company.name,
            "LegalName": company.name,
            "PaysTax": True,
            "Version": VERSIONS.get(company.country, "GLOBAL"),
            "OrganisationType": "COMPANY",
            "BaseCurrency": company.home_currency,
            "CountryCode": company.country,
            "IsDemoCompany": company.demo,
            "OrganisationStatus": "ACTIVE",
            "FinancialYearEndDay": 31,
            "FinancialYearEndMonth": 12,
            "SalesTaxBasis": "ACCRUALS",
            "DefaultSalesTax": "Tax Exclusive",
            "CreatedDateUTC": instant(company.created_at),
            "OrganisationEntityType": "COMPANY",
            "Timezone": "GMTSTANDARDTIME",
            "ShortCode": "!" + company.id[:5].upper(),
            "OrganisationID": company.id,
            "Edition": "BUSINESS",
            "Class": "DEMO" if company.demo else "STANDARD",
            "Addresses": [],
            "Phones": [],
            "ExternalLinks": [],
            "PaymentTerms": {},
        }

    def contact(self, customer, detail=True):
        balances = self.company.balances(customer.id).values()
        row = {
            "ContactID": customer.id,
            "ContactStatus": "ACTIVE" if customer.active else "ARCHIVED",
            "Name": customer.name,
            "FirstName": customer.given_name,
            "LastName": customer.family_name,
            "EmailAddress": customer.email,
            "BankAccountDetails": "",
            "TaxNumber": customer.tax_number,
            "Addresses": self._addresses(customer),
            "Phones": self._phones(customer),
            "UpdatedDateUTC": instant(customer.updated_at),
            "ContactGroups": [],
            "IsSupplier": False,
            "IsCustomer": True,
            "DefaultCurrency": customer.currency,
            "ContactPersons": [
                {"FirstName": "", "LastName": "", "EmailAddress": address, "IncludeInEmails": True}
                for address in customer.copy_emails
            ],
            "HasAttachments": False,
            "HasValidationErrors": False,
        }
        if detail:
            row["PaymentTerms"] = {"Sales": {"Day": customer.terms_days, "Type": "DAYSAFTERBILLDATE"}}
            row["Balances"] = {
                "AccountsReceivable": {
                    "Outstanding": sum((total["balance"] for total in balances), ZERO),
                    "Overdue": sum((total["overdue"] for total in balances), ZERO),
                },
                "AccountsPayable": {"Outstanding": ZERO, "Overdue": ZERO},
            }
            if customer.merged_into_id:
                row["MergedToContactID"] = customer.merged_into_id
        return row

    @staticmethod
    def _addresses(customer):
        street = {
            "AddressType": "POBOX",
            "AddressLine1": customer.street,
            "City": customer.city,
            "Region": customer.region,
            "PostalCode": customer.zip,
            "Country": customer.country,
            "AttentionTo": "",
        }
        return [{"AddressType": "STREET", "City": "", "Region": "", "PostalCode": "", "Country": ""}, street]

    @staticmethod
    def _phones(customer):
        kinds = ("DDI", "DEFAULT", "FAX", "MOBILE")
        return [
            {
                "PhoneType": kind,
                "PhoneNumber": customer.phone if kind == "DEFAULT" else "",
                "PhoneAreaCode": "",
                "PhoneCountryCode": "",
            }
            for kind in kinds
        ]

    def invoice(self, invoice, detail=True):
        row = self.invoice_summary(invoice)
        payments = [part for part in invoice.allocations if part.source.kind == "payment"]
        row["Payments"] = [self._payment_stub(part) for part in payments]
        for name, kind in (
            ("CreditNotes", "credit"),
            ("Prepayments", "prepayment"),
            ("Overpayments", "overpayment"),
        ):
            row[name] = [self._source_stub(part) for part in invoice.allocations if part.source.kind == kind]
        row["LineItems"] = self._lines(invoice) if detail else []
        row["InvoiceAddresses"] = []
        return row

    def invoice_summary(self, invoice):
        """The light fields, as summaryOnly=true gives them."""
        row = {
            "Type": "ACCPAY" if invoice.purchase else "ACCREC",
            "InvoiceID": invoice.id,
            "InvoiceNumber": invoice.number,
            "Reference": invoice.reference,
            "AmountDue": invoice.open,
            "AmountPaid": invoice.paid,
            "AmountCredited": invoice.credited,
            "SentToContact": bool(invoice.sent_at),
            "CurrencyRate": invoice.rate,
            "IsDiscounted": False,
            "HasAttachments": False,
            "HasErrors": False,
            "Contact": self._contact_stub(invoice),
            **self._dated(invoice),
            "BrandingThemeID": "00000000-0000-4000-8000-000000000001",
            "Status": invoice_status(invoice),
            **self._totals(invoice),
            "UpdatedDateUTC": instant(invoice.updated_at),
            "CurrencyCode": invoice.currency,
        }
        if invoice.status in ("void", "deleted"):
            row["AmountDue"] = ZERO
        elif invoice.status != "open":
            row["AmountDue"] = invoice.total
        if invoice.due_date:
            row.update({"DueDateString": iso_day(invoice.due_date), "DueDate": day(invoice.due_date)})
        if invoice.expected_payment_date:
            row["ExpectedPaymentDateString"] = iso_day(invoice.expected_payment_date)
            row["ExpectedPaymentDate"] = day(invoice.expected_payment_date)
        if invoice.paid_on:
            row["FullyPaidOnDate"] = day(invoice.paid_on)
        return row

    def _payment_stub(self, part):
        return {
            "PaymentID": part.source.id,
            "Date": day(part.on_date),
            "Amount": part.amount,
            "Reference": part.source.reference,
            "CurrencyRate": part.source.rate,
            "HasAccount": False,
            "HasValidationErrors": False,
            **({"BatchPaymentID": part.source.batch_id} if part.source.batch_id else {}),
        }

    def _source_stub(self, part):
        row = {
            SOURCE_ID[part.source.kind]: part.source.id,
            "ID": part.source.id,
            "AppliedAmount": part.amount,
            "Total": part.source.total,
            "DateString": iso_day(part.on_date),
            "Date": day(part.on_date),
            "LineItems": [],
            "HasErrors": False,
        }
        if part.source.kind == "credit":
            row["CreditNoteNumber"] = part.source.number
        return row

    def credit_note(self, credit, detail=True):
        row = self._source(credit, detail)
        row["CreditNoteNumber"] = credit.number
        row["SentToContact"] = False
        row["AppliedAmount"] = credit.allocated
        row["Payments"] = [
            {"PaymentID": refund.id, "Date": day(refund.issue_date), "Amount": refund.total}
            for refund in credit.refunds
            if refund.live
        ]
        return row

    def overpayment(self, source, detail=True):
        return self._source(source, detail)

    def prepayment(self, source, detail=True):
        return self._source(source, detail)

    def _source(self, source, detail):
        return {
            "Type": SOURCE_TYPE[source.kind],
            SOURCE_ID[source.kind]: source.id,
            "ID": source.id,
            "Reference": source.reference,
            "CurrencyCode": source.currency,
            "CurrencyRate": source.rate,
            "RemainingCredit": source.remaining,
            "Allocations": [self.allocation(part) for part in source.allocations],
            "Payments": [],
            "HasAttachments": False,
            "HasErrors": False,
            "Contact": self._contact_stub(source),
            **self._dated(source),
            "Status": source_status(source),
            **self._totals(source),
            "LineItems": self._lines(source) if detail else [],
            "UpdatedDateUTC": instant(source.updated_at),
        }

    def allocation(self, part):
        return {
            "AllocationID": part.id,
            "Amount": part.amount,
            "Date": day(part.on_date),
            "Invoice": {"InvoiceID": part.target.id, "InvoiceNumber": part.target.number, "HasErrors": False},
            "IsDeleted": False,
        }

    def payment(self, payment):
        """A payment of one invoice; deleted ones keep naming it."""
        target = payment.allocations[0].target if payment.allocations else payment.former_target
        row = self._payment_head(payment, "ACCRECPAYMENT")
        row["BankAmount"] = payment.total
        if target is not None:
            row["Invoice"] = {
                "Type": "ACCREC",
                "InvoiceID": target.id,
                "InvoiceNumber": target.number,
                "CurrencyCode": target.currency,
                "Contact": self._contact_stub(target),
                "IsDiscounted": False,
                "HasErrors": False,
            }
        if payment.batch_id:
            row["BatchPaymentID"] = payment.batch_id
            row["BatchPayment"] = {"BatchPaymentID": payment.batch_id, "Account": {}, "Type": "RECBATCH"}
        return row

    def refund(self, refund):
        """A payment out of a credit note, overpayment or prepayment."""
        row = self._payment_head(refund, REFUND_TYPE[refund.source.kind])
        name = SOURCE_ID[refund.source.kind][:-2]
        row[name] = {
            SOURCE_ID[refund.source.kind]: refund.source.id,
            "Contact": self._contact_stub(refund.source),
        }
        return row

    def _payment_head(self, document, payment_type):
        return {
            "PaymentID": document.id,
            "Date": day(document.issue_date),
            "Amount": document.total,
            "Reference": document.reference,
            "CurrencyRate": document.rate,
            "PaymentType": payment_type,
            "Status": "AUTHORISED" if document.live else "DELETED",
            "UpdatedDateUTC": instant(document.updated_at),
            "HasAccount": True,
            "IsReconciled": getattr(document, "reconciled", False),
            "Account": self._paid_into(document),
            "HasValidationErrors": False,
        }

    @staticmethod
    def _paid_into(document):
        account_id = getattr(document, "account_id", "") or ACCOUNTS[0].id
        account = next(one for one in ACCOUNTS if one.id == account_id)
        return {"AccountID": account.id, "Code": account.code}

    def account(self, account):
        row = {
            "AccountID": account.id,
            "Code": account.code,
            "Name": account.name,
            "Status": "ACTIVE",
            "Type": account.kind,
            "TaxType": "NONE",
            "EnablePaymentsToAccount": account.takes_payments,
            "SystemAccount": "",
        }
        if account.kind == "BANK":
            row.update(
                {"BankAccountNumber": "01-0123-0123456-00", "CurrencyCode": self.company.home_currency}
            )
        return row

    def batch_payment(self, batch):
        return {
            "BatchPaymentID": batch.id,
            "Account": {"AccountID": "00000000-0000-4000-8000-0000000000b1"},
            "Reference": batch.reference,
            "Date": day(batch.issue_date),
            "Type": "RECBATCH",
            "Status": "AUTHORISED" if batch.status == "open" else "DELETED",
            "TotalAmount": sum((payment.total for payment in batch.payments if payment.live), ZERO),
            "UpdatedDateUTC": instant(batch.updated_at),
            "IsReconciled": False,
            "Payments": [
                {
                    "PaymentID": payment.id,
                    "Amount": payment.total,
                    "Invoice": {"InvoiceID": payment.allocations[0].target.id} if payment.allocations else {},
                }
                for payment in batch.payments
            ],
        }

    # -- parts ------------------------------------------------------------------------------------------------

    def _contact_stub(self, document):
        customer = self.company.customers[document.customer_id]
        return {
            "ContactID": customer.id,
            "Name": customer.name,
            "Addresses": [],
            "Phones": [],
            "ContactGroups": [],
            "ContactPersons": [],
            "HasValidationErrors": False,
        }

    @staticmethod
    def _dated(document):
        return {"DateString": iso_day(document.issue_date), "Date": day(document.issue_date)}

    @staticmethod
    def _totals(document):
        tax = document.tax_total
        return {
            "LineAmountTypes": "Exclusive",
            "SubTotal": document.total - tax,
            "TotalTax": tax,
            "Total": document.total,
        }

    @staticmethod
    def _lines(document):
        kind = "OUTPUT2" if isinstance(document, Invoice) else "NONE"
        return [
            {
                "LineItemID": f"{document.id[:-4]}{number:04d}",
                "Description": line.description,
                "UnitAmount": line.unit_price,
                "TaxType": kind if line.tax else "NONE",
                "TaxAmount": line.tax,
                "LineAmount": line.amount,
                "AccountCode": line.income or "200",
                "Tracking": [],
                "Quantity": line.quantity,
            }
            for number, line in enumerate(document.lines, 1)
        ]

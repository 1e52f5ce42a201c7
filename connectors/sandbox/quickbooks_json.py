"""Documents of the book as QuickBooks Online's JSON.

Shapes: field names and types of Intuit's schema; times carry the company's offset and whole seconds; `ExchangeRate` is
home units per one foreign unit; an invoice has no status, a voided one shows zeros and a note that begins "Voided".
"""

from collections import namedtuple
from decimal import Decimal

from . import currencies

RATE_STEP = Decimal("0.0000000001")
TERMS = {
    0: "Due on receipt",
    10: "Net 10",
    14: "Net 14",
    15: "Net 15",
    30: "Net 30",
    45: "Net 45",
    60: "Net 60",
}
ZERO = Decimal(0)
Account = namedtuple("Account", "id name kind")
ACCOUNTS = (
    Account("4", "Undeposited Funds", "Other Current Asset"),
    Account("35", "Checking", "Bank"),
    Account("79", "Sales", "Income"),
    Account("84", "Accounts Receivable (A/R)", "Accounts Receivable"),
)
Item = namedtuple("Item", "id name kind")
ITEMS = (
    Item("1", "Services", "Service"),
    Item("2", "Late fees", "Service"),
    Item("3", "Late interest", "NonInventory"),
    Item("4", "Pump", "Inventory"),
)


def home_rate(document):
    """Home units per unit of the document's currency."""
    return Decimal(1) if document.rate == 1 else (1 / document.rate).quantize(RATE_STEP)


def in_home(amount, document, company):
    return currencies.rounded(amount * home_rate(document), company.home_currency)


class Renderer:
    """Turns records of one company into JSON-ready dicts."""

    def __init__(self, company, base_url):
        self.company = company
        self.base_url = base_url

    def time(self, moment):
        """Local time of the company with its offset, one-second resolution."""
        return moment.astimezone(self.company.timezone).isoformat(timespec="seconds")

    def customer(self, customer):
        company = self.company
        own = self._balance(customer.id)
        jobs = sum((self._balance(job.id) for job in company.children_of.get(customer.id, ())), ZERO)
        parent = company.customers.get(customer.parent_id)
        row = {
            **self._head(customer),
            "Taxable": False,
            "Job": bool(parent),
            "BillWithParent": customer.bills_with_parent,
            "Balance": own,
            "BalanceWithJobs": own + jobs,
            **self._currency_terms(customer.currency),
            "PreferredDeliveryMethod": "Email" if customer.email else "Print",
            "FullyQualifiedName": f"{parent.name}:{customer.name}" if parent else customer.name,
            "CompanyName": customer.name,
            "DisplayName": customer.name,
            "PrintOnCheckName": customer.name,
            "Active": customer.active,
            "SalesTermRef": self._term(customer.terms_days),
            "BillAddr": self._address(customer),
        }
        if parent:
            row["ParentRef"] = {"value": parent.id, "name": parent.name}
            row["Level"] = 1
        if customer.given_name or customer.family_name:
            row["GivenName"], row["FamilyName"] = customer.given_name, customer.family_name
        if customer.email:
            row["PrimaryEmailAddr"] = {"Address": ",".join((customer.email, *customer.copy_emails))}
        if customer.phone:
            row["PrimaryPhone"] = {"FreeFormNumber": customer.phone}
        if customer.tax_number:
            row["PrimaryTaxIdentifier"] = customer.tax_number
        if customer.note:
            row["Notes"] = customer.note
        return row

    def _balance(self, customer_id):
        """Net balance; a QuickBooks customer has one currency."""
        return sum((total["balance"] for total in self.company.balances(customer_id).values()), ZERO)

    def invoice(self, invoice):
        row = {
            **self._transaction(invoice),
            "DueDate": _day(invoice.due_date),
            "SalesTermRef": self._term(
                (invoice.due_date - invoice.issue_date).days if invoice.due_date else 30
            ),
            "LinkedTxn": self._settled_by(invoice),
            "Line": self._lines(invoice),
            "TxnTaxDetail": {"TotalTax": self._unless_void(invoice, invoice.tax_total)},
            "ApplyTaxAfterDiscount": False,
            "PrintStatus": "NotSet",
            "EmailStatus": invoice.email_status,
            "Balance": invoice.open,
            "HomeBalance": in_home(invoice.open, invoice, self.company),
            "AllowIPNPayment": False,
            "AllowOnlinePayment": False,
            "AllowOnlineCreditCardPayment": False,
            "AllowOnlineACHPayment": False,
        }
        customer = self.company.customers[invoice.customer_id]
        row["BillAddr"] = self._address(customer)
        if invoice.bill_email:
            row["BillEmail"] = {"Address": invoice.bill_email}
        if customer.copy_emails:
            row["BillEmailCc"] = {"Address": ",".join(customer.copy_emails)}
        if invoice.sent_at:
            row["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": self.time(invoice.sent_at)}
        return row

    def invoice_link(self, invoice, expires_at):
        """The payment link, which only a read by id with include=invoiceLink gives."""
        link = f"{self.base_url}/pay/{self.company.id}/{invoice.id}"
        return {"InvoiceLink": link, "InvoiceLinkExpiryDate": self.time(expires_at)}

    def credit_memo(self, credit):
        return {
            **self._transaction(credit),
            "Line": self._lines(credit),
            "LinkedTxn": [{"TxnId": part.carrier.id, "TxnType": "Payment"} for part in credit.allocations],
            "TxnTaxDetail": {"TotalTax": self._unless_void(credit, credit.tax_total)},
            "RemainingCredit": credit.remaining,
            "Balance": credit.remaining,
            "HomeBalance": in_home(credit.remaining, credit, self.company),
            "EmailStatus": "NotSet",
            "PrintStatus": "NotSet",
        }

    def payment(self, payment):
        lines = [_linked_line(part.amount, _debt_link(part.target)) for part in payment.allocations]
        for part in payment.carries:
            lines.append(_linked_line(part.amount, _debt_link(part.target)))
            lines.append(_linked_line(part.amount, _credit_link(part.source)))
        row = {
            **self._transaction(payment),
            "DepositToAccountRef": {"value": payment.account_id or "4"},
            "UnappliedAmt": payment.remaining,
            "ProcessPayment": False,
            "Line": lines,
            "LinkedTxn": [],
        }
        if payment.reference:
            row["PaymentRefNum"] = payment.reference
        return row

    def journal(self, journal):
        receivable = self._journal_line("0", journal.total, "84", "Accounts Receivable (A/R)")
        customer = self.company.customers[journal.customer_id]
        receivable["JournalEntryLineDetail"]["Entity"] = {
            "Type": "Customer",
            "EntityRef": {"value": customer.id, "name": customer.name},
        }
        row = self._transaction(journal)
        del row["CustomerRef"]
        return {
            **row,
            "Adjustment": False,
            "Line": [receivable, self._journal_line("1", -journal.total, "79", "Sales")],
        }

    @staticmethod
    def _journal_line(line_id, amount, account_id, account_name):
        return {
            "Id": line_id,
            "Amount": abs(amount),
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": {
                "PostingType": "Debit" if amount >= 0 else "Credit",
                "AccountRef": {"value": account_id, "name": account_name},
            },
        }

    def refund_receipt(self, refund):
        return {
            **self._transaction(refund),
            "Line": self._lines(refund),
            "Balance": ZERO,
            "DepositToAccountRef": {"value": "4"},
        }

    def company_info(self, company):
        return {
            "CompanyName": company.name,
            "LegalName": company.name,
            "CompanyAddr": {"Id": "1", "Country": company.country},
            "Country": company.country,
            "Email": {"Address": "books@example.com"},
            "FiscalYearStartMonth": "January",
            "SupportedLanguages": "en",
            "DefaultTimeZone": str(company.timezone),
            "NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}],
            **self._stamp("1", "4", company.created_at, company.created_at),
        }

    def preferences(self, company):
        return {
            "CurrencyPrefs": {
                "MultiCurrencyEnabled": company.has_currencies,
                "HomeCurrency": {"value": company.home_currency},
            },
            "SalesFormsPrefs": {
                "CustomTxnNumbers": True,
                "AllowDeposit": True,
                "AllowDiscount": True,
                "DefaultTerms": {"value": "5"},
                "AutoApplyCredit": False,
            },
            "EmailMessagesPrefs": {
                "InvoiceMessage": {"Subject": "Invoice", "Message": "Your invoice is attached."}
            },
            "TaxPrefs": {"UsingSalesTax": True},
            **self._stamp("1", "3", company.created_at, company.created_at),
        }

    def term(self, term):
        number, days, name = term
        return {
            "Name": name,
            "Active": True,
            "Type": "STANDARD",
            "DiscountPercent": 0,
            "DueDays": days,
            "DiscountDays": 0,
            **self._stamp(str(number), "0", self.company.created_at, self.company.created_at),
        }

    def account(self, account):
        return {
            "Name": account.name,
            "FullyQualifiedName": account.name,
            "Active": True,
            "AccountType": account.kind,
            **self._currency_terms(self.company.home_currency),
            **self._stamp(account.id, "0", self.company.created_at, self.company.created_at),
        }

    def item(self, item):
        return {
            "Name": item.name,
            "FullyQualifiedName": item.name,
            "Active": True,
            "Type": item.kind,
            "UnitPrice": ZERO,
            "IncomeAccountRef": {"value": "79", "name": "Sales"},
            **self._stamp(item.id, "0", self.company.created_at, self.company.created_at),
        }

    def company_currency(self, code):
        number = str(sorted(currencies.NAMES).index(code) + 1)
        created_at = self.company.created_at
        return {
            "Code": code,
            "Name": currencies.NAMES[code],
            "Active": True,
            **self._stamp(number, "0", created_at, created_at),
        }

    def exchange_rate(self, code, day):
        rate = currencies.units_per_home(code, self.company.home_currency, day)
        return {
            "SourceCurrencyCode": code,
            "TargetCurrencyCode": self.company.home_currency,
            "Rate": Decimal(1) if rate == 1 else (1 / rate).quantize(RATE_STEP),
            "AsOfDate": day.isoformat(),
            "MetaData": {"LastUpdatedTime": self.time(self.company.created_at)},
            "domain": "QBO",
            "sparse": False,
        }

    def deleted(self, tombstone):
        """What change data capture says of a deleted document."""
        return {
            "domain": "QBO",
            "status": "Deleted",
            "Id": tombstone.id,
            "MetaData": {"LastUpdatedTime": self.time(tombstone.deleted_at)},
        }

    # -- parts ------------------------------------------------------------------------------------------------

    def _head(self, record):
        return self._stamp(record.id, str(record.version), record.created_at, record.updated_at)

    def _stamp(self, record_id, sync_token, created_at, updated_at):
        return {
            "domain": "QBO",
            "sparse": False,
            "Id": record_id,
            "SyncToken": sync_token,
            "MetaData": {"CreateTime": self.time(created_at), "LastUpdatedTime": self.time(updated_at)},
        }

    def _transaction(self, document):
        customer = self.company.customers[document.customer_id]
        total = self._unless_void(document, document.total)
        row = {
            **self._head(document),
            "TxnDate": _day(document.issue_date),
            **self._currency_terms(document.currency, ExchangeRate=home_rate(document)),
            "CustomerRef": {"value": customer.id, "name": customer.name},
            "TotalAmt": total,
            "HomeTotalAmt": in_home(total, document, self.company),
        }
        if document.number:
            row["DocNumber"] = document.number
        note = document.note
        if document.status == "void":
            note = f"Voided - {note}" if note else "Voided"
        if note:
            row["PrivateNote"] = note
        return row

    @staticmethod
    def _unless_void(document, amount):
        return amount if document.status == "open" else ZERO

    def _lines(self, document):
        rows = []
        for number, line in enumerate(document.lines, 1):
            item = next(one for one in ITEMS if one.id == (line.income or "1"))
            detail = {
                "ItemRef": {"value": item.id, "name": item.name},
                "UnitPrice": self._unless_void(document, line.unit_price),
                "Qty": self._unless_void(document, line.quantity),
                "TaxCodeRef": {"value": "TAX" if line.tax else "NON"},
            }
            rows.append(
                {
                    "Id": str(number),
                    "LineNum": number,
                    "Description": line.description,
                    "Amount": self._unless_void(document, line.amount),
                    "DetailType": "SalesItemLineDetail",
                    "SalesItemLineDetail": detail,
                }
            )
        subtotal = sum((line.amount for line in document.lines), ZERO)
        rows.append(
            {
                "Amount": self._unless_void(document, subtotal),
                "DetailType": "SubTotalLineDetail",
                "SubTotalLineDetail": {},
            }
        )
        return rows

    @staticmethod
    def _settled_by(debt):
        """Payments, and the zero payments that carry credits: QuickBooks shows the payment, not the credit."""
        ids = dict.fromkeys((part.carrier or part.source).id for part in debt.allocations)
        return [{"TxnId": txn_id, "TxnType": "Payment"} for txn_id in ids]

    def _currency_terms(self, code, **more):
        """Nothing of currencies stands on the records of a company that has one only."""
        return {"CurrencyRef": self._currency(code), **more} if self.company.has_currencies else {}

    @staticmethod
    def _currency(code):
        return {"value": code, "name": currencies.NAMES.get(code, code)}

    @staticmethod
    def _term(days):
        number = list(TERMS).index(days) + 1 if days in TERMS else 5
        return {"value": str(number), "name": list(TERMS.values())[number - 1]}

    @staticmethod
    def _address(customer):
        return {
            "Id": f"9{customer.id}",
            "Line1": customer.street,
            "City": customer.city,
            "Country": customer.country,
            "CountrySubDivisionCode": customer.region,
            "PostalCode": customer.zip,
        }


def _linked_line(amount, link):
    return {"Amount": amount, "LinkedTxn": [link]}


def _debt_link(debt):
    return {"TxnId": debt.id, "TxnType": "Invoice" if debt.kind == "invoice" else "JournalEntry"}


def _credit_link(source):
    return {"TxnId": source.id, "TxnType": "JournalEntry" if source.kind == "journal" else "CreditMemo"}


def _day(value):
    return value.isoformat() if value else None

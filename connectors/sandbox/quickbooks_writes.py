"""Writes of the QuickBooks skin: create, (sparse) update, void, delete, send."""

from datetime import date
from decimal import Decimal

from . import currencies
from .book import BookError, Line
from .quickbooks_faults import fault
from .quickbooks_json import ITEMS
from .wire import Refusal, Reply

# Field of the wire -> (field of the book, how to read it)
_TEXT = str
_CUSTOMER_FIELDS = {
    "DisplayName": ("name", _TEXT),
    "GivenName": ("given_name", _TEXT),
    "FamilyName": ("family_name", _TEXT),
    "Active": ("active", bool),
    "BillWithParent": ("bills_with_parent", bool),
    "Notes": ("note", _TEXT),
    "PrimaryEmailAddr": ("email", lambda value: value["Address"]),
    "PrimaryPhone": ("phone", lambda value: value["FreeFormNumber"]),
}
_DOCUMENT_FIELDS = {
    "DocNumber": ("number", _TEXT),
    "PrivateNote": ("note", _TEXT),
    "PaymentRefNum": ("reference", _TEXT),
    "TxnDate": ("issue_date", date.fromisoformat),
    "DueDate": ("due_date", date.fromisoformat),
    "EmailStatus": ("email_status", _TEXT),
    "BillEmail": ("bill_email", lambda value: value["Address"]),
}


class Writes:
    """Carries out what a POST asks of the book. Answers are Replies; refusals are raised."""

    def __init__(self, skin):
        self.skin = skin

    def write(self, company, name, body, arguments):
        """Dispatch on the operation: the presence of an Id makes it an update."""
        if name not in ("Customer", "Invoice", "Payment", "CreditMemo"):
            raise Refusal(self.skin.not_found_reply())
        if not body.get("Id"):
            return getattr(self, f"_create_{name.lower()}")(company, body)
        record = self.skin.record(company, name, body["Id"])
        self._check_token(record, body)
        operation = arguments.get("operation", "")
        if operation == "delete":
            return self._delete(company, name, record)
        if operation == "void" or arguments.get("include") == "void":
            company.void(record)
            return self.skin.answer(company, name, record)
        return self._update(company, name, record, body)

    def send(self, company, invoice, address):
        """E-mail the invoice (nothing leaves the sandbox): marks it as sent."""
        address = address or invoice.bill_email
        if not address:
            raise BookError("An e-mail address is needed to send this transaction.")
        company.edit(invoice, bill_email=address, email_status="EmailSent", sent_at=company.book.clock.now())
        return self.skin.answer(company, "Invoice", invoice)

    # -- create -----------------------------------------------------------------------------------------------

    def _create_customer(self, company, body):
        fields = _read(body, _CUSTOMER_FIELDS)
        if not fields.get("name"):
            raise _missing("DisplayName")
        if body.get("CurrencyRef"):
            fields["currency"] = body["CurrencyRef"]["value"]
        if body.get("ParentRef"):
            fields["parent_id"] = body["ParentRef"]["value"]
        self._check_name(company, fields["name"])
        return self.skin.answer(company, "Customer", company.add_customer(**fields))

    def _create_invoice(self, company, body):
        number = body.get("DocNumber", "")
        if number and any(other.number == number for other in company.invoices.values()):
            raise _refused(
                "6140", "Duplicate Document Number Error", f"DocNumber {number} has been used already."
            )
        fields = _read(body, _DOCUMENT_FIELDS)
        fields.setdefault("issue_date", company.today())
        fields.setdefault("due_date", fields["issue_date"])
        customer = self._customer(company, body)
        _check_currency(company, body, customer)
        invoice = company.issue_invoice(customer, _lines(body, customer.currency), **fields)
        return self.skin.answer(company, "Invoice", invoice)

    def _create_creditmemo(self, company, body):
        fields = _read(body, _DOCUMENT_FIELDS)
        fields.setdefault("issue_date", company.today())
        customer = self._customer(company, body)
        _check_currency(company, body, customer)
        credit = company.give_credit(customer, _lines(body, customer.currency), **fields)
        return self.skin.answer(company, "CreditMemo", credit)

    def _create_payment(self, company, body):
        customer = self._customer(company, body)
        _check_currency(company, body, customer)
        fields = _read(body, {key: _DOCUMENT_FIELDS[key] for key in ("PrivateNote", "PaymentRefNum")})
        if body.get("DepositToAccountRef"):
            account = self.skin.record(company, "Account", str(body["DepositToAccountRef"].get("value")))
            fields["account_id"] = account.id
        on_date = date.fromisoformat(body.get("TxnDate") or company.today().isoformat())
        debts, credits = self._linked(company, body)
        amount = Decimal(str(body.get("TotalAmt", 0)))
        if not amount and debts and credits:
            return self._apply_credit(company, debts, credits, on_date)
        payment = company.receive(customer, amount, on_date, debts, **fields)
        return self.skin.answer(company, "Payment", payment)

    def _apply_credit(self, company, debts, credits, on_date):
        """A zero payment that links a credit memo with an invoice."""
        (target, amount), (credit, _) = debts[0], credits[0]
        allocation = company.allocate(credit, target, amount, on_date)
        return self.skin.answer(company, "Payment", allocation.carrier)

    def _linked(self, company, body):
        """The lines of a payment: [(invoice or journal, amount)], [(credit memo, amount)]."""
        debts, credits = [], []
        for line in body.get("Line", ()):
            for link in line.get("LinkedTxn", ()):
                amount = Decimal(str(line["Amount"]))
                record = self.skin.record(company, link["TxnType"], link["TxnId"])
                (credits if link["TxnType"] == "CreditMemo" else debts).append((record, amount))
        return debts, credits

    # -- change -----------------------------------------------------------------------------------------------

    def _update(self, company, name, record, body):
        """Sparse update: what is not named stays. (A full update is treated as a sparse one.)"""
        known = _CUSTOMER_FIELDS if name == "Customer" else _DOCUMENT_FIELDS
        changes = {field: value for field, value in _read(body, known).items() if hasattr(record, field)}
        if "name" in changes and changes["name"] != record.name:
            self._check_name(company, changes["name"])
        if name == "Invoice" and "Line" in body:
            lines = _lines(body, record.currency)
            if (
                currencies.rounded(sum(line.amount for line in lines), record.currency)
                < record.paid + record.credited
            ):
                raise BookError("The amount is less than what has been paid already.")
            changes["lines"] = lines
        if name == "Payment" and "Line" in body:
            self._reallocate(company, record, body)
        company.edit(record, **changes)
        return self.skin.answer(company, name, record)

    def _reallocate(self, company, payment, body):
        debts, _ = self._linked(company, body)
        for allocation in list(payment.allocations):
            company.deallocate(allocation)
        for target, amount in debts:
            company.allocate(payment, target, amount, payment.issue_date)

    def _delete(self, company, name, record):
        if name == "Customer":
            raise BookError("A customer cannot be deleted, only made inactive.")
        company.delete(record)
        return Reply({name: {"Id": record.id, "domain": "QBO", "status": "Deleted"}})

    # -- checks -----------------------------------------------------------------------------------------------

    @staticmethod
    def _check_token(record, body):
        if "SyncToken" not in body:
            raise _missing("SyncToken")
        if str(body["SyncToken"]) != str(record.version):
            detail = (
                f"Stale Object Error : You and another user were working on this at the same time. Id {record.id} "
                f"has SyncToken {record.version}."
            )
            raise _refused("5010", "Stale Object Error", detail)

    @staticmethod
    def _check_name(company, name):
        if company.has_customer_named(name):
            raise _refused("6240", "Duplicate Name Exists Error", f"The name supplied already exists: {name}")

    def _customer(self, company, body):
        reference = body.get("CustomerRef") or {}
        if not reference.get("value"):
            raise _missing("CustomerRef")
        customer = self.skin.record(company, "Customer", str(reference["value"]))
        if not customer.active:
            raise _refused("610", "Object Not Found", f"Customer {customer.id} has been made inactive.")
        return customer


def _read(body, known):
    fields = {}
    for name, (field, read) in known.items():
        if body.get(name) is not None:
            try:
                fields[field] = read(body[name])
            except (KeyError, TypeError, ValueError):
                raise _refused(
                    "2010", "Request has invalid or unsupported property", f"Property {name}"
                ) from None
    return fields


def _lines(body, currency):
    lines = []
    for row in body.get("Line", ()):
        if row.get("DetailType") != "SalesItemLineDetail":
            continue
        detail = row.get("SalesItemLineDetail", {})
        amount = currencies.rounded(Decimal(str(row["Amount"])), currency)
        quantity = Decimal(str(detail.get("Qty") or 1))
        price = Decimal(str(detail.get("UnitPrice") or amount))
        item = str((detail.get("ItemRef") or {}).get("value") or "")
        if item and all(one.id != item for one in ITEMS):
            raise _refused("2500", "Invalid Reference Id", f"Invalid Reference Id : Item Id {item} not found")
        lines.append(Line(row.get("Description", ""), quantity, price, amount, income=item))
    if not lines:
        raise _missing("Line")
    return lines


def _check_currency(company, body, customer):
    """A customer has one currency; its documents are in it."""
    code = (body.get("CurrencyRef") or {}).get("value")
    if code and not company.has_currencies:
        raise BookError("Multi Currency should be enabled to perform this operation.")
    if code and code != customer.currency:
        raise BookError(f"The customer's currency is {customer.currency}; the transaction is in {code}.")


def _missing(name):
    return _refused(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {name}",
    )


def _refused(code, message, detail):
    return Refusal(fault(400, code, message, detail))

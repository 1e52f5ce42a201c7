"""QuickBooks' A/R ageing summary: one row per customer, in the company's home currency, sub-customers below parents."""

from decimal import Decimal

from .book import Invoice, Journal, Source
from .quickbooks_json import in_home

BUCKETS = ("Current", "1 - 30", "31 - 60", "61 - 90", "91 and over")
ZERO = Decimal(0)


def aged_receivables(company, time, customer_ids=""):
    """The report's JSON. `customer_ids` is a comma-separated choice, empty for all."""
    wanted = set(filter(None, customer_ids.split(",")))
    ages = {
        customer.id: _ages(company, customer)
        for customer in company.customers.values()
        if not wanted or customer.id in wanted
    }
    rows, total = [], [ZERO] * len(BUCKETS)
    for customer in company.customers.values():
        if customer.parent_id in ages or customer.id not in ages:
            continue
        children = [child for child in company.children_of.get(customer.id, ()) if child.id in ages]
        rows += _rows_of(customer, children, ages)
        for member in (customer, *children):
            total = _plus(total, ages[member.id])
    rows.append({"Summary": {"ColData": _cells("TOTAL", total)}, "type": "Section", "group": "GrandTotal"})
    return {
        "Header": {
            "Time": time,
            "ReportName": "AgedReceivables",
            "DateMacro": "today",
            "StartPeriod": company.today().isoformat(),
            "EndPeriod": company.today().isoformat(),
            "Currency": company.home_currency,
            "Option": [{"Name": "NoReportData", "Value": "false"}],
        },
        "Columns": {
            "Column": [
                {"ColTitle": "", "ColType": "Customer"},
                *({"ColTitle": title, "ColType": "Money"} for title in (*BUCKETS, "Total")),
            ]
        },
        "Rows": {"Row": rows},
    }


def _rows_of(customer, children, ages):
    own, below = ages[customer.id], [(child, ages[child.id]) for child in children if any(ages[child.id])]
    if not below:
        return [{"ColData": _cells(customer.name, own, customer.id)}] if any(own) else []
    total = own
    for _, child_ages in below:
        total = _plus(total, child_ages)
    return [
        {
            "Header": {"ColData": _cells(customer.name, own, customer.id)},
            "Rows": {"Row": [{"ColData": _cells(child.name, part, child.id)} for child, part in below]},
            "Summary": {"ColData": _cells(f"Total {customer.name}", total)},
            "type": "Section",
        }
    ]


def _ages(company, customer):
    ages, today = [ZERO] * len(BUCKETS), company.today()
    for document in company.documents_of.get(customer.id, ()):
        amount = _owed(document)
        if amount:
            due = getattr(document, "due_date", None) or document.issue_date
            ages[_bucket((today - due).days)] += in_home(amount, document, company)
    return ages


def _owed(document):
    if isinstance(document, (Invoice, Journal)):
        return document.open
    return -document.remaining if isinstance(document, Source) else ZERO


def _bucket(overdue_days):
    return 0 if overdue_days <= 0 else min((overdue_days - 1) // 30 + 1, len(BUCKETS) - 1)


def _plus(left, right):
    return [one + other for one, other in zip(left, right, strict=True)]


def _cells(name, ages, customer_id=None):
    first = {"value": name} if customer_id is None else {"value": name, "id": customer_id}
    return [
        first,
        *({"value": str(amount) if amount else ""} for amount in ages),
        {"value": str(sum(ages, ZERO))},
    ]

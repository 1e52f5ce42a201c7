"""Xero's aged receivables of one contact: a row per open document, in the document's own currency."""

from decimal import Decimal

from .book import Invoice, Source

HEADINGS = ("Date", "Reference", "Due Date", "", "Total", "Paid", "Credited", "Due")


def aged_receivables_by_contact(company, customer):
    """The report's JSON; credits stand as negative amounts."""
    documents = company.documents_of.get(customer.id, ())
    rows = [row for row in map(_row, documents) if row]
    due = sum((Decimal(row["Cells"][7]["Value"]) for row in rows), Decimal(0))
    total = {"RowType": "SummaryRow", "Cells": [{"Value": value} for value in ("Total", *[""] * 6, str(due))]}
    return {
        "ReportID": "AgedReceivablesByContact",
        "ReportName": "Aged Receivables By Contact",
        "ReportType": "AgedReceivablesByContact",
        "ReportTitles": ["Invoices", customer.name, f"As at {company.today():%d %B %Y}"],
        "ReportDate": f"{company.today():%d %B %Y}",
        "Rows": [
            {"RowType": "Header", "Cells": [{"Value": title} for title in HEADINGS]},
            {"RowType": "Section", "Title": "", "Rows": [*rows, total]},
        ],
    }


def _row(document):
    if isinstance(document, Invoice) and not document.purchase and document.open:
        values = (document.total, document.paid, document.credited, document.open)
        return _cells(document, document.due_date, values, "invoiceID")
    if isinstance(document, Source) and document.remaining:
        values = (-document.total, Decimal(0), -document.allocated, -document.remaining)
        return _cells(document, None, values, f"{document.kind}ID")
    return None


def _cells(document, due_date, amounts, id_name):
    texts = (
        f"{document.issue_date.isoformat()}T00:00:00",
        document.number or document.reference,
        f"{due_date.isoformat()}T00:00:00" if due_date else "",
        document.currency,
        *map(str, amounts),
    )
    attributes = [{"Value": document.id, "Id": id_name}]
    return {"RowType": "Row", "Cells": [{"Value": text, "Attributes": attributes} for text in texts]}

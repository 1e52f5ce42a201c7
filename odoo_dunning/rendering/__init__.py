"""Messages from templates, without Odoo: frozen data in, subject, HTML and plain text out.

`render(shipped_template("de", "firm").parts, context)` gives a message, `check(parts, sample_contexts("de"))` the
problems of an edited text.
"""

from .check import check
from .context import (
    CREDIT,
    FEE,
    FIXED_SUM,
    INTEREST,
    INVOICE,
    PAYMENT,
    BankAccount,
    Charge,
    Company,
    Contact,
    Currency,
    Customer,
    Document,
    Item,
    Level,
    MessageContext,
    Offer,
    Payment,
    Receipt,
    Recipient,
    Segment,
    Totals,
)
from .following import following_text
from .parts import Message, TemplateParts
from .problems import ERROR, WARNING, Problem, TemplateProblem
from .render import render
from .samples import sample_context, sample_contexts
from .shipped import (
    LEVEL_KEYS,
    ShippedTemplate,
    charge_label,
    level_title,
    shipped_template,
    shipped_templates,
)

__all__ = [
    "CREDIT",
    "ERROR",
    "FEE",
    "FIXED_SUM",
    "INTEREST",
    "INVOICE",
    "LEVEL_KEYS",
    "PAYMENT",
    "WARNING",
    "BankAccount",
    "Charge",
    "Company",
    "Contact",
    "Currency",
    "Customer",
    "Document",
    "Item",
    "Level",
    "Message",
    "MessageContext",
    "Offer",
    "Payment",
    "Problem",
    "Receipt",
    "Recipient",
    "Segment",
    "ShippedTemplate",
    "TemplateParts",
    "TemplateProblem",
    "Totals",
    "charge_label",
    "check",
    "following_text",
    "level_title",
    "render",
    "sample_context",
    "sample_contexts",
    "shipped_template",
    "shipped_templates",
]

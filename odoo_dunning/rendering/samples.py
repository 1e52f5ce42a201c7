"""Invented messages for previews and tests: they show what a real one may hold, in every corner."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from .context import (
    CREDIT,
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
from .shipped import charge_label, level_title

SAMPLE_DATE = date(2026, 11, 23)

EUR = Currency("EUR", 2)


def sample_context(
    language: str = "en", level_key: str = "friendly", invoice_count: int = 3
) -> MessageContext:
    """A usual message of a level: some invoices (one part-paid), payable by bank transfer or online."""
    items = tuple(_invoice(place, level_key) for place in range(invoice_count))
    return MessageContext(
        language=language,
        company=Company(
            name="Nordlicht Handel GmbH",
            address=("Speicherstraße 12", "20457 Hamburg"),
            email="accounts@nordlicht.example",
            phone="+49 40 5550 120",
            website="https://www.nordlicht.example",
            vat="DE123456789",
            primary_color="#1f5c7a",
            secondary_color="#5d6b78",
            bank_accounts=(BankAccount("DE02 1203 0000 0000 2020 51", "DKB", "BYLADEM1001"),),
        ),
        customer=Customer("Müller & Söhne KG", "Anna Schmidt", ("Hauptstraße 5", "80331 München"), "10042"),
        recipient=Recipient("Anna Schmidt", "anna.schmidt@mueller.example"),
        contact=Contact("Jonas Petersen", "+49 40 5550 123", "jonas.petersen@nordlicht.example"),
        level=Level(level_title(language, level_key), _rank(level_key), level_key),
        document=Document(
            title=level_title(language, level_key),
            number="DN/2026/00117",
            issue_date=SAMPLE_DATE,
            currency=EUR,
            deadline_date=SAMPLE_DATE + timedelta(days=10),
            reminded_date=SAMPLE_DATE - timedelta(days=14) if level_key in ("firm", "final") else None,
            withdrawn_number="DN/2026/00102" if level_key == "correction" else "",
            withdrawn_date=SAMPLE_DATE - timedelta(days=3) if level_key == "correction" else None,
        ),
        items=items,
        totals=Totals.of(items),
        payment=Payment(
            "10042 DN/2026/00117", "https://pay.example/dn/117", "https://portal.example/my/account"
        ),
        receipt=Receipt(Decimal("1250.00"), SAMPLE_DATE - timedelta(days=1), "10042"),
    )


def sample_contexts(language: str = "en", level_key: str = "friendly") -> tuple[MessageContext, ...]:
    """The corners: one and many items, credits, charges, an offer, nothing optional, yen, names of other scripts."""
    usual = sample_context(language, level_key)
    single = sample_context(language, level_key, invoice_count=1)
    return (
        usual,
        single,
        with_credit(usual),
        with_charges(usual),
        with_offer(single),
        bare(usual),
        in_yen(usual),
        from_afar(usual),
        not_due(usual),
        not_due(single),
    )


def with_credit(context: MessageContext) -> MessageContext:
    """A credit note and money on account, netted."""
    credit = Item(
        "RINV/2026/0007",
        CREDIT,
        Decimal("-119.00"),
        Decimal("-119.00"),
        date(2026, 10, 2),
        None,
        0,
        "",
        "https://portal.example/inv/7",
    )
    on_account = Item("PAY/2026/0311", PAYMENT, Decimal("-50.00"), Decimal("-50.00"), date(2026, 10, 20))
    items = (*context.items, credit, on_account)
    return replace(context, items=items, totals=Totals.of(items, context.charges))


def with_charges(context: MessageContext) -> MessageContext:
    """Interest over a half-year change with its sheet, and a fixed sum, with daily interest and a legal text."""
    base_amount = Decimal("2380.00")
    first = Segment(
        date(2026, 6, 21),
        date(2026, 6, 30),
        10,
        base_amount,
        Decimal("10.27"),
        Decimal("6.70"),
        "§ 247 BGB: 1.27 + 9",
    )
    second = Segment(
        date(2026, 7, 1),
        date(2026, 11, 23),
        146,
        base_amount,
        Decimal("10.52"),
        Decimal("100.15"),
        "§ 247 BGB: 1.52 + 9",
    )
    charges = (
        Charge(
            label=charge_label(context.language, INTEREST),
            kind=INTEREST,
            amount=Decimal("106.85"),
            legal_basis="§ 288 (2) BGB",
            item_number="INV/2026/0412",
            segments=(first, second),
        ),
        Charge(charge_label(context.language, FIXED_SUM), FIXED_SUM, Decimal("40.00"), "§ 288 (5) BGB"),
    )
    return replace(
        context,
        charges=charges,
        daily_interest=Decimal("0.69"),
        legal_texts=("§ 288 BGB, Richtlinie 2011/7/EU.",),
        totals=Totals.of(context.items, charges),
    )


def with_offer(context: MessageContext) -> MessageContext:
    discount = Decimal("25.00")
    return replace(
        context, offer=Offer(context.totals.total_due - discount, discount, SAMPLE_DATE + timedelta(days=7))
    )


def bare(context: MessageContext) -> MessageContext:
    """Nothing that is optional: no links, no phone, no logo, no deadline, no salutation name, no bank account."""
    items = tuple(replace(item, link_url="", reference="", origin_name="") for item in context.items)
    return replace(
        context,
        company=Company("Nordlicht Handel GmbH"),
        customer=Customer("Müller & Söhne KG"),
        recipient=Recipient("Müller & Söhne KG"),
        contact=Contact("Nordlicht Handel GmbH"),
        document=replace(
            context.document, deadline_date=None, reminded_date=None, withdrawn_number="", withdrawn_date=None
        ),
        payment=Payment(),
        items=items,
        totals=Totals.of(items, context.charges),
    )


def in_yen(context: MessageContext) -> MessageContext:
    """A currency without decimals."""
    items = tuple(
        replace(item, total_amount=_whole(item.total_amount), open_amount=_whole(item.open_amount))
        for item in context.items
    )
    document = replace(context.document, currency=Currency("JPY", 0))
    receipt = replace(context.receipt, amount=_whole(context.receipt.amount)) if context.receipt else None
    return replace(
        context, document=document, items=items, totals=Totals.of(items), charges=(), receipt=receipt
    )


def from_afar(context: MessageContext) -> MessageContext:
    """Names right to left, in wide characters, very long, and with characters that mean something in HTML."""
    first, *rest = context.items
    return replace(
        context,
        customer=Customer(
            name="شركة النور للتجارة <b>& Co.</b>",
            salutation_name="محمد",
            address=("شارع الملك فهد 12", "東京都千代田区丸の内一丁目"),
            reference="10043",
        ),
        recipient=Recipient("محمد العربي", "m@noor.example"),
        items=(replace(first, number="株式会社サンプル/2026/0000000001", reference="طلب 17"), *rest),
    )


def not_due(context: MessageContext) -> MessageContext:
    """Nothing is overdue yet."""
    items = tuple(
        replace(item, due_date=SAMPLE_DATE + timedelta(days=5 + place), days_overdue=-5 - place)
        for place, item in enumerate(context.items)
    )
    return replace(context, items=items, totals=Totals.of(items, context.charges))


def _invoice(place: int, level_key: str) -> Item:
    base_days = {"courtesy": -5, "friendly": 9, "firm": 25, "final": 47, "statement": 12}.get(level_key, 9)
    days_overdue = base_days - 7 * place if level_key != "courtesy" else base_days - place
    due_date = SAMPLE_DATE - timedelta(days=days_overdue)
    total = (Decimal("2380.00"), Decimal("1234.50"), Decimal("89.90"))[place % 3]
    return Item(
        number=f"INV/2026/{412 + place:04d}",
        kind=INVOICE,
        total_amount=total,
        open_amount=total - Decimal("500.00") if place == 1 else total,
        issue_date=due_date - timedelta(days=30),
        due_date=due_date,
        days_overdue=days_overdue,
        reference=f"PO-{7731 + place}" if place == 0 else "",
        link_url=f"https://portal.example/inv/{412 + place}",
        origin_name=("Odoo", "Xero", "QuickBooks")[place % 3],
    )


def _rank(level_key: str) -> int:
    return {"courtesy": 1, "friendly": 2, "firm": 3, "final": 4}.get(level_key, 1)


def _whole(amount: Decimal) -> Decimal:
    return (amount * 100).quantize(Decimal(1))

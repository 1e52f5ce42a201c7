"""Records survive the wire, and versions are told apart the same way on every receiving side."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from dunning_connectors.records import (
    Allocation,
    Contact,
    Credit,
    Customer,
    Invoice,
    Payment,
    Record,
    Tombstone,
    decimal_text,
    instant_text,
    parse_instant,
    version_verdict,
)

NOON = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


def invoice(**changes):
    fields = {
        "external_id": "12",
        "updated_at": NOON,
        "customer_id": "7",
        "number": "INV-12",
        "reference": "",
        "issue_date": date(2026, 9, 1),
        "due_date": date(2026, 10, 1),
        "currency": "KWD",
        "rate": Decimal("0.3073"),
        "total": Decimal("10.500"),
        "open_amount": Decimal("10.500"),
        "status": "open",
    }
    return Invoice(**fields | changes)


@pytest.mark.parametrize(
    "record",
    [
        Customer(
            "7",
            NOON,
            "Łódź & Söhne",
            contacts=(Contact("A", "a@x.test", "", "billing"),),
            balances=(("KWD", Decimal("10.5")),),
        ),
        invoice(installments=((date(2026, 10, 1), Decimal("5.25")), (date(2026, 11, 1), Decimal("5.25")))),
        invoice(rate=None, due_date=None),
        Credit(
            "c1",
            NOON,
            "7",
            "CN-1",
            "",
            None,
            "KWD",
            None,
            Decimal("3"),
            Decimal("1.125"),
            "open",
            allocations=(Allocation("credit", "c1", "12", Decimal("1.875"), date(2026, 10, 2)),),
        ),
        Payment("p1", NOON, "7", date(2026, 10, 3), "KWD", None, Decimal("4"), Decimal("0"), "paid"),
        Tombstone("invoice", "12", NOON),
    ],
)
def test_s16_amounts_and_days_survive_the_wire(record):
    import json

    wire = json.loads(json.dumps(record.to_wire(), allow_nan=False))

    assert Record.from_wire(wire) == record


def test_s16_one_number_has_one_text():
    texts = {decimal_text(Decimal(text)) for text in ("10", "10.0", "10.00", "1E+1")}

    assert texts == {"10"}
    assert decimal_text(Decimal("-0.00")) == "0"
    assert decimal_text(Decimal("1E-3")) == "0.001"


def test_s12_a_rewritten_amount_without_change_keeps_its_hash():
    assert invoice(total=Decimal("10.5")).to_wire()["hash"] == invoice().to_wire()["hash"]


def test_s11_another_balance_at_the_same_instant_is_another_version():
    part_paid = invoice(open_amount=Decimal("1"))

    assert part_paid.to_wire()["hash"] != invoice().to_wire()["hash"]


def test_s18_instants_compare_as_utc():
    assert parse_instant("2026-11-01T04:00:00-08:00") == NOON
    assert instant_text(NOON.astimezone(timezone(timedelta(hours=-8)))) == "2026-11-01T12:00:00Z"
    with pytest.raises(ValueError):
        parse_instant("2026-11-01T04:00:00")


@pytest.mark.parametrize(
    ("later_seconds", "same_content", "verdict"),
    [
        (-1, True, "stale"),
        (-1, False, "stale"),
        (0, True, "unchanged"),
        (0, False, "store"),
        (1, True, "touched"),
        (1, False, "store"),
    ],
)
def test_s10_which_version_wins(later_seconds, same_content, verdict):
    new_hash = "a" if same_content else "b"

    assert version_verdict(NOON, "a", NOON + timedelta(seconds=later_seconds), new_hash) == verdict

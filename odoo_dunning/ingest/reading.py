"""From wire to record, with everything checked that would otherwise become a wrong amount."""

import re
from dataclasses import fields, replace
from decimal import Decimal

from .. import lib

records = lib.part("records")

_KNOWN_FIELDS = {
    record_class: frozenset(field.name for field in fields(record_class)) | {"entity", "hash"}
    for record_class in records.ENTITIES.values()
}
_TEXT_FIELDS = {
    record_class: tuple(field.name for field in fields(record_class) if field.type in ("str", "str | None"))
    for record_class in records.ENTITIES.values()
}

# Whatever names a record: what is longer fits no index.
_IDS = ("external_id", "customer_id", "parent_id", "merged_into", "source_id", "invoice_id")
ID_LONGEST = 128

LARGEST_DIGITS, SMALLEST_DIGITS = 15, 30
# What no database stores, and half of a character, which has no bytes.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Unreadable(Exception):
    """`cause`: the field, what is wrong with it and, where a person can do something, what."""

    def __init__(self, cause):
        super().__init__(cause)
        self.cause = cause


def read(wire):
    """Return the record of a wire dict.

    Fields this version does not know are left out; a status it does not know becomes `unknown`, which is never
    dunned. :raise Unreadable: anything else that is missing, malformed or contradicts itself.
    """
    record_class = _class_of(wire)
    known = _KNOWN_FIELDS[record_class]
    try:
        record = records.Record.from_wire({key: value for key, value in wire.items() if key in known})
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise Unreadable(
            f"A field is missing or malformed ({type(error).__name__}: {_short(error)})."
        ) from None
    _check_texts(record)
    if isinstance(record, (records.Invoice, records.Credit)):
        return _checked_document(record)
    if isinstance(record, records.Payment):
        return _checked_payment(record)
    return record


def _class_of(wire):
    if not isinstance(wire, dict):
        raise Unreadable("The record is not a JSON object.")
    record_class = records.ENTITIES.get(wire.get("entity")) if isinstance(wire.get("entity"), str) else None
    if record_class is None:
        raise Unreadable(f"Kind of record {wire.get('entity')!r} is not known to this version.")
    return record_class


def _check_texts(record):
    for name in _TEXT_FIELDS[type(record)]:
        _check_text(name, getattr(record, name))
    for part in (*getattr(record, "allocations", ()), *getattr(record, "contacts", ())):
        for field in fields(part):
            if field.type in ("str", "str | None"):
                _check_text(field.name, getattr(part, field.name))
    if not record.external_id:
        raise Unreadable("The record has no id.")


def _check_text(name, value):
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"Field {name} must be text, not {type(value).__name__}.")
    if value and _UNSTORABLE.search(value):
        raise Unreadable(f"Field {name} holds characters that cannot be stored.")
    if value and name in _IDS and len(value) > ID_LONGEST:
        raise Unreadable(f"Field {name} is longer than the {ID_LONGEST} characters an id may have.")


def _checked_document(record):
    record = _with_known_status(record)
    _check_money(record, ("total", "open_amount"))
    if record.status in (records.OPEN, records.PAID):
        if record.total < 0 or not 0 <= record.open_amount <= record.total:
            raise Unreadable(
                f"Open amount {record.open_amount} does not fit the total {record.total} {record.currency}."
            )
        if record.status == records.PAID and record.open_amount:
            raise Unreadable(f"Status is paid, but {record.open_amount} {record.currency} is open.")
    return record


def _checked_payment(record):
    record = _with_known_status(record)
    _check_money(record, ("amount", "unapplied_amount"))
    if record.status in (records.OPEN, records.PAID) and not 0 <= record.unapplied_amount <= max(
        record.amount, 0
    ):
        raise Unreadable(
            f"Unapplied amount {record.unapplied_amount} does not fit the amount {record.amount} {record.currency}."
        )
    return record


def _with_known_status(record):
    return record if record.status in records.STATUSES else replace(record, status=records.UNKNOWN)


def _check_money(record, names):
    for name in (*names, "rate"):
        value = getattr(record, name)
        if value is None and name == "rate":
            continue
        if not _is_plausible(value):
            raise Unreadable(f"Field {name} is not an amount: {_short(repr(value))}.")
    if record.rate is not None and record.rate <= 0:
        raise Unreadable(f"Exchange rate {record.rate} must be above zero.")
    parts = [amount for _due, amount in getattr(record, "installments", ())]
    parts += [allocation.amount for allocation in getattr(record, "allocations", ())]
    if not all(map(_is_plausible, parts)):
        raise Unreadable("An instalment or allocation has no proper amount.")
    if not record.customer_id:
        raise Unreadable("The document names no customer.")


def _is_plausible(value):
    """A number of at most fifteen digits before the point and thirty behind it (a rate turned over has many)."""
    return (
        isinstance(value, Decimal)
        and value.is_finite()
        and value.adjusted() < LARGEST_DIGITS
        and value.as_tuple().exponent >= -SMALLEST_DIGITS
    )


def _short(error):
    return str(error)[:200]

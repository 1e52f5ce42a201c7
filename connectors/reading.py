"""Reads vendors' JSON with suspicion: a field is what it should be, or the record is refused with field and cause.

Absent and null are the same. Amounts never pass through float.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from .errors import BadRecord
from .records import Record

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,12})?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_MS_DATE = re.compile(r"/Date\((-?\d{1,16})([+-]\d{4})?\)/\Z")
_ISO_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T[\d:.]*)?\Z")
# No database stores the first, and the second (half of a character) has no bytes to be sent as.
_UNSTORABLE = re.compile("\x00|[\ud800-\udfff]")
_FRACTION = re.compile(r"\.(\d+)")
# Of both vendors' ids; what is longer could be neither indexed nor asked for again.
ID_LONGEST = 100
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class FieldError(ValueError):
    """`field`: the vendor's own name for it."""

    def __init__(self, field: str, cause: str):
        super().__init__(f"{field}: {cause}")


class HalfRead(FieldError):
    """Fields that contradict each other: the record was read in the middle of a change."""


def storable(text: str) -> str:
    """`text` without what no database takes."""
    return _UNSTORABLE.sub(lambda match: "" if match[0] == "\x00" else "\ufffd", text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def loads(raw: bytes | str) -> Any:
    """JSON with Decimals for numbers with a point, ints for the rest.

    :raise ValueError: it is none, holds NaN or Infinity, or is nested deeper than any ledger's answer.
    """
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deep to be read") from None


class Fields:
    """Typed access to one JSON object. Every reader names the field it could not read."""

    def __init__(self, payload: Any, path: str = ""):
        if not isinstance(payload, dict):
            raise FieldError(path or "record", f"an object was expected, not {type(payload).__name__}")
        self._payload = payload
        self._path = f"{path}." if path else ""

    def raw(self, name: str) -> Any:
        return self._payload.get(name)

    def text(self, name: str) -> str:
        value = self.raw(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise self._error(name, "text was expected")
        return storable(str(value)).strip()

    def required_text(self, name: str) -> str:
        return self.text(name) or self._missing(name)

    def flag(self, name: str, default: bool) -> bool:
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        raise self._error(name, "true or false was expected")

    def money(self, name: str) -> Decimal:
        """A required amount."""
        value = self.raw(name)
        return self._missing(name) if value is None else self._number(name, value)

    def optional_number(self, name: str) -> Decimal | None:
        value = self.raw(name)
        return None if value is None else self._number(name, value)

    def currency(self, name: str) -> str:
        """A required three-letter code; whether anybody knows it is not asked here."""
        code = self.required_text(name).upper()
        if not _CURRENCY.match(code):
            raise self._error(name, f"{code[:20]!r} is not a currency code")
        return code

    def day(self, name: str) -> date | None:
        """A calendar day, from `2026-11-01`, `2026-11-01T00:00:00` or `/Date(ms+hhmm)/` (the offset is applied)."""
        value = self.raw(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            iso, stamp = _ISO_DAY.match(value), _MS_DATE.match(value)
            try:
                if iso:
                    return date.fromisoformat(iso[1])
                if stamp:
                    return (EPOCH + timedelta(milliseconds=int(stamp[1])) + _offset(stamp[2])).date()
            except (ValueError, OverflowError):
                raise self._error(name, f"{value[:40]!r} is not a day of the calendar") from None
        raise self._error(name, "a date was expected")

    def instant(self, name: str, assumed: timezone | None = None) -> datetime:
        """A required moment as UTC, from ISO text or `/Date(ms+hhmm)/` (the offset does not move the moment)."""
        value = self.required_text(name)
        stamp = _MS_DATE.match(value)
        try:
            if stamp:
                return EPOCH + timedelta(milliseconds=int(stamp[1]))
            text = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", value.replace("Z", "+00:00"))
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                if assumed is None:
                    raise ValueError
                moment = moment.replace(tzinfo=assumed)
            return moment.astimezone(timezone.utc)
        except (ValueError, OverflowError):
            raise self._error(name, f"{value[:40]!r} is not a point in time") from None

    def child(self, name: str) -> Fields:
        """A nested object; an absent one reads as empty."""
        value = self.raw(name)
        return Fields({} if value is None else value, self._path + name)

    def children(self, name: str) -> list[Fields]:
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._error(name, "a list was expected")
        return [Fields(part, f"{self._path}{name}[{index}]") for index, part in enumerate(value)]

    def _number(self, name: str, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
            raise self._error(name, "a number was expected")
        text = format(value, "f") if isinstance(value, Decimal) and abs(value.adjusted()) < 30 else str(value)
        if not _NUMBER.match(text):
            raise self._error(name, f"{text[:40]!r} is not a plausible amount")
        return Decimal(text)

    def _missing(self, name: str) -> Any:
        raise self._error(name, "it is missing")

    def _error(self, name: str, cause: str) -> FieldError:
        return FieldError(self._path + name, cause)


def _offset(text: str | None) -> timedelta:
    if not text:
        return timedelta()
    span = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return -span if text[0] == "-" else span


def read(
    entity: str, payload: Any, id_names: Iterable[str], mapper: Callable[[Fields], Record | None]
) -> Record | BadRecord | None:
    """The mapped record, None where the mapper leaves it out on purpose, or the BadRecord it is."""
    try:
        record = mapper(Fields(payload))
        if record is not None and len(record.external_id) > ID_LONGEST:
            raise FieldError("Id", f"an id has {ID_LONGEST} characters at most")
        return record
    except FieldError as error:
        is_half_read = isinstance(error, HalfRead)
        return BadRecord(entity, _identity(payload, id_names), str(error), payload, is_half_read)


def _identity(payload: Any, names: Iterable[str]) -> str:
    if isinstance(payload, dict):
        for name in names:
            if isinstance(payload.get(name), (str, int)) and payload[name]:
                return storable(str(payload[name]))[:ID_LONGEST]
    return ""

"""Payloads of both vendors, spoilt at random, and what they may be worth at the most: computed here, not by a mapper.

The samples are what the sandbox ledgers send over HTTP. `Spoiler` is seeded: one seed, one series of cases.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from .contract.ledgers import LEDGERS

QUICKBOOKS_NAMES = {
    "customer": "Customer",
    "invoice": "Invoice",
    "credit": "CreditMemo",
    "payment": "Payment",
    "journal": "JournalEntry",
}
XERO_NAMES = {"customer": "Contacts", "invoice": "Invoices", "credit": "CreditNotes", "payment": "Payments"}
LIVE = ("AUTHORISED", "PAID")
JUNK = (
    None, True, False, 0, 1, -1, 10**16, -(10**30), "", " ", "NaN", "Infinity", "-0", "1e5", "12,50", "0x10", "٣", "½",
    "\x00", "\ud800", "é" * 300, "a" * 5000, "2026-02-30", "0000-00-00", "9999-12-31T23:59:59+14:00", "0001-01-01",
    "/Date(9999999999999999+0000)/", "/Date(-1)/", "/Date(1541073600000+9999)/", "null", "[]", "DELETED", "SUBMITTED",
    "VOIDED", "ACCPAY", "ACCREC", "EUR", "eur", "E€R", "XXX", [], {}, [[]], [None], {"value": None}, [{"Id": 1}],
    Decimal("1E+400"), Decimal("1E-400"), Decimal("0.1"), Decimal("-0.00"), Decimal("99999999999999.999999999999"),
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A payload as the vendor sends it."""

    vendor: str
    entity: str
    payload: dict


def samples() -> list[Sample]:
    """Some of everything that both sandbox ledgers hold."""
    found = []
    for vendor, ledger_class in LEDGERS.items():
        ledger = ledger_class(scale=0.1)
        try:
            for entity, rows in _rows(ledger):
                found += [Sample(vendor, entity, row) for row in rows]
        finally:
            ledger.close()
    return found


def _rows(ledger) -> Iterator[tuple[str, list[dict]]]:
    company, urls = ledger.company.id, ledger.box.urls
    headers = {"Authorization": f"Bearer {ledger.token()['access_token']}", "Accept": "application/json"}
    if ledger.vendor == "quickbooks":
        for entity, name in QUICKBOOKS_NAMES.items():
            query = {"query": f"SELECT * FROM {name} MAXRESULTS 60", "minorversion": "75"}
            answer = requests.get(
                f"{urls['api_sandbox']}/company/{company}/query", params=query, headers=headers, timeout=30
            )
            yield entity, _loads(answer.text)["QueryResponse"].get(name, [])
    else:
        for entity, name in XERO_NAMES.items():
            answer = requests.get(
                f"{urls['api']}/{name}",
                params={"page": "1", "pageSize": "60"},
                headers={**headers, "xero-tenant-id": company},
                timeout=30,
            )
            yield entity, _loads(answer.text)[name]


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def dumps(value: Any) -> bytes:
    """JSON as a vendor would write it: Decimals as numbers."""
    marks: list[str] = []

    def number(part: Any) -> str:
        marks.append(str(part))
        return f"\x01{len(marks) - 1}\x01"

    text = json.dumps(value, default=number)
    for position, mark in enumerate(marks):
        text = text.replace(f'"\\u0001{position}\\u0001"', mark)
    return text.encode()


class Spoiler:
    """Makes case after case out of samples; `random` is its own."""

    def __init__(self, seed: int, found: list[Any]):
        self.random = random.Random(seed)
        self._samples = found

    def case(self) -> Any:
        """A sample and its payload with one to three parts spoilt; one in fifty is left as it was."""
        sample = self.random.choice(self._samples)
        return sample, self.spoilt(sample.payload)

    def spoilt(self, payload: dict) -> dict:
        payload = copy.deepcopy(payload)
        if self.random.random() < 0.02:
            return payload
        for _ in range(self.random.randint(1, 3)):
            self._spoil(payload)
        return payload

    def _spoil(self, payload: dict) -> None:
        holder, key = self._place(payload)
        if holder is None:
            return
        value = holder[key]
        change = self.random.randrange(7)
        if change == 0:
            del holder[key]
        elif change == 1 and isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            holder[key] = self.random.choice(
                (-value, value * 10, value + Decimal("0.01"), str(value), f" {value}", 0, value / 3, [value])
            )
        elif change == 2 and isinstance(value, list) and value:
            value.append(copy.deepcopy(self.random.choice(value)))
        elif change == 3 and isinstance(value, str):
            holder[key] = self.random.choice(
                (value[: len(value) // 2], value.lower(), value + "\x00", value * 2, {"value": value})
            )
        elif change == 4:
            other = self.random.choice(self._samples).payload
            holder[key] = copy.deepcopy(other.get(key, self.random.choice(list(other.values()))))
        else:
            holder[key] = copy.deepcopy(self.random.choice(JUNK))

    def _place(self, payload: Any) -> tuple[Any, Any]:
        """A place somewhere in it, the outer ones more often."""
        holder, key = None, None
        node = payload
        while isinstance(node, (dict, list)) and node:
            holder = node
            key = (
                self.random.choice(list(node)) if isinstance(node, dict) else self.random.randrange(len(node))
            )
            node = node[key]
            if self.random.random() < 0.6:
                break
        return holder, key


# --- What it may be worth ---------------------------------------------------------------------------------------------


def worth(sample: Sample, payload: dict, home: str) -> tuple[Decimal, str] | None:
    """(open amount, currency) the payload states, claims positive, credit and unapplied money negative.

    None: it states nothing that could be dunned or set off, so no open record may come of it.
    """
    try:
        rule = _RULES[sample.vendor, sample.entity]
        return rule(payload, home)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return None


def _number(value: Any) -> Decimal:
    if isinstance(value, (bool, float)) or not isinstance(value, (int, str, Decimal)):
        raise ValueError(value)
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(value)
    return number


def _within(part: Decimal, total: Decimal) -> Decimal:
    if not 0 <= part <= total:
        raise ValueError(part)
    return part


def _home_or(payload: dict, home: str) -> str:
    reference = payload.get("CurrencyRef")
    return reference["value"].replace("\x00", "").strip().upper() if reference else home


def _quickbooks_invoice(payload: dict, home: str) -> tuple[Decimal, str]:
    return _within(_number(payload["Balance"]), _number(payload["TotalAmt"])), _home_or(payload, home)


def _quickbooks_credit(payload: dict, home: str) -> tuple[Decimal, str]:
    left = payload["RemainingCredit"] if payload.get("RemainingCredit") is not None else payload["Balance"]
    return -_within(_number(left), _number(payload["TotalAmt"])), _home_or(payload, home)


def _quickbooks_payment(payload: dict, home: str) -> tuple[Decimal, str]:
    left = payload.get("UnappliedAmt")
    left = Decimal(0) if left is None else _number(left)
    return -_within(left, _number(payload["TotalAmt"])), _home_or(payload, home)


def _xero_invoice(payload: dict, home: str) -> tuple[Decimal, str]:
    if (
        payload["Type"].replace("\x00", "").strip() != "ACCREC"
        or payload["Status"].replace("\x00", "") not in LIVE
    ):
        raise ValueError(payload["Type"])
    due, total = _number(payload["AmountDue"]), _number(payload["Total"])
    settled = [payload.get(name) for name in ("AmountPaid", "AmountCredited")]
    if due + sum(_number(one) for one in settled if one is not None) != total:
        raise ValueError(due)
    return _within(due, total), payload["CurrencyCode"].replace("\x00", "").strip().upper()


def _xero_credit(payload: dict, home: str) -> tuple[Decimal, str]:
    left = _within(_number(payload["RemainingCredit"]), _number(payload["Total"]))
    return -left, payload["CurrencyCode"].replace("\x00", "").strip().upper()


def _xero_payment(payload: dict, home: str) -> tuple[Decimal, str]:
    """All of it is set against its invoice."""
    return Decimal(0), payload["Invoice"]["CurrencyCode"].replace("\x00", "").strip().upper()


_RULES = {
    ("quickbooks", "invoice"): _quickbooks_invoice,
    ("quickbooks", "credit"): _quickbooks_credit,
    ("quickbooks", "payment"): _quickbooks_payment,
    ("xero", "invoice"): _xero_invoice,
    ("xero", "credit"): _xero_credit,
    ("xero", "payment"): _xero_payment,
}


def journal_worth(payload: dict, customer_id: str) -> Decimal | None:
    """What the receivable lines of a QuickBooks journal entry add up to for a customer; None: not to be told."""
    try:
        total = Decimal(0)
        for line in payload["Line"]:
            detail = line.get("JournalEntryLineDetail") or {}
            entity = detail.get("Entity") or {}
            if not str(entity.get("Type", "")).startswith("Customer"):
                continue
            if str((entity.get("EntityRef") or {}).get("value")) != customer_id:
                continue
            if not str((detail.get("AccountRef") or {}).get("name", "")).startswith("Accounts Receivable"):
                continue
            total += _number(line["Amount"]) * {"Debit": 1, "Credit": -1}[detail["PostingType"]]
        return total
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return None


def signed_open(record: Any) -> Decimal:
    """What a mapped record claims, credits negative."""
    if record.entity == "invoice":
        return record.open_amount
    return -(record.open_amount if record.entity == "credit" else record.unapplied_amount)


def signature(body: bytes, key: str) -> str:
    """As both vendors sign a webhook."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()

"""Misbehaviour to order.

An `Order` says which requests it strikes (a regular expression searched in "METHOD /path?query" and the body), how
often, after how many spared ones, with what chance; several orders may strike one request and all take effect. With
one seed the same requests meet the same faults.
"""

import random
import re
import threading
from dataclasses import dataclass, field

# Answered in the vendor's words instead of doing the work.
ANSWERS = {
    "unauthorized": "401, as for an expired access token",
    "throttle_minute": "429, minute limit (params: retry_after_s)",
    "throttle_day": "429, daily limit (params: retry_after_s)",
    "throttle_month": "429, monthly read quota used up (QuickBooks)",
    "throttle_concurrent": "429, too many calls at once",
    "throttle_appminute": "429, the minute limit of the whole app (Xero)",
    "server_error": "500 with the vendor's error body",
    "unavailable_html": "503 with an HTML page, as from a proxy",
    "fault_in_200": "HTTP 200 whose body is a Fault (params: code, message, lower_case)",
    "forbidden": "403, not this company",
    "wrong_scope": "403, the consent lacks a scope",
    "not_json": "200 with a body that is not JSON",
    "company_suspended": "the subscription of the company has lapsed (QuickBooks 6190)",
}
# The connection itself.
TRANSPORT = {
    "slow": "wait before the answer (params: seconds)",
    "cut_before": "close the connection without doing the work",
    "cut_after": "do the work, then close the connection: the answer is lost",
    "cut_midway": "do the work, send half of the answer, close the connection",
}
# One record of a page is spoilt (params: record = index; default: one picked by the seed).
SPOILT = {
    "malformed_record": "an amount that is not a number and a reference that is not an object",
    "unknown_currency": "a currency code nobody knows yet",
    "unknown_status": "a status (QuickBooks: e-mail status) nobody knows yet",
    "unknown_enum": "an unknown type of document or linked transaction",
    "unknown_field": "a field nobody knows yet",
    "null_date": "null where a date belongs",
    "missing_amount": "no amount at all",
    "missing_customer": "no reference to the customer",
    "missing_id": "no id",
    "false_delete": "QuickBooks' change data capture calls a living record deleted",
    "duplicate_record": "the record stands twice on the page",
    "vanished_record": "the record is left out of the page",
}
# The world changes; it stays changed.
WORLD = {
    "tokens_expire": "all access tokens expire now",
    "consent_withdrawn": "the user withdraws all consents now",
    "tenant_taken": "the consent loses this company now",
    "clock_skew": "the ledger's clock jumps (params: seconds)",
    "concurrent_change": "after the page is read, a record on it changes (params: change = edit, pay, void or new)",
}
KINDS = {**ANSWERS, **TRANSPORT, **SPOILT, **WORLD}


@dataclass
class Order:
    kind: str
    match: str = ""
    count: int = 1
    skip: int = 0
    chance: float = 1.0
    params: dict = field(default_factory=dict)
    struck: int = 0

    def describe(self):
        return {
            "kind": self.kind,
            "match": self.match,
            "count": self.count,
            "skip": self.skip,
            "chance": self.chance,
            "params": {name: value for name, value in self.params.items() if not callable(value)},
            "struck": self.struck,
        }


class Plan:
    """The orders that stand. Safe to call from any thread."""

    def __init__(self, seed):
        self._lock = threading.Lock()
        self.random = random.Random(f"faults/{seed}")
        self.orders = []

    def order(self, kind, match="", count=1, skip=0, chance=1.0, **params):
        """Order a fault; see `KINDS`. Returns the Order, whose `struck` counts."""
        if kind not in KINDS:
            raise ValueError(f"Unknown fault {kind!r}; known are {', '.join(sorted(KINDS))}.")
        re.compile(match)
        order = Order(kind, match, count, skip, chance, params)
        self.orders.append(order)
        return order

    def clear(self):
        self.orders.clear()

    def due(self, request_text):
        """The orders that strike this request, in the order they were given; spends them."""
        with self._lock:
            return [order for order in self.orders if self._strikes(order, request_text)]

    def _strikes(self, order, request_text):
        if order.struck >= order.count or not re.search(order.match, request_text):
            return False
        if order.skip > 0:
            order.skip -= 1
            return False
        if order.chance < 1.0 and self.random.random() >= order.chance:
            return False
        order.struck += 1
        return True

    def spoil(self, order, records, spoil_record):
        """Strike one record of a page (a list that is edited in place)."""
        if not records:
            return
        index = order.params.get("record")
        index = self.random.randrange(len(records)) if index is None else index % len(records)
        if order.kind == "duplicate_record":
            records.insert(index, records[index])
        elif order.kind == "vanished_record":
            del records[index]
        elif order.kind == "unknown_field":
            records[index]["FieldOfTomorrow"] = {"value": "?"}
        else:
            spoil_record(order.kind, records[index])

"""The gateway over the network: Odoo 19's JSON-2 API with `requests` and an API key.

One call is one transaction of the server, which goes on when the client stops waiting; so every verb may be sent
again. What a status means (Odoo 19.0, addons/rpc/controllers/json2.py): 401 and 403 need a person; 409, 5xx and
timeouts are tried again a few times; 413 asks for a smaller batch; 422 is a refusal that would only repeat.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from ..errors import ConnectorError, LeaseLost, Reconnect, Refused, Retry, Stop, TooLarge
from ..oauth import require_safe
from . import Carrier

TIMEOUT_S = (5, 120)
TRIES_MAX = 4
FIRST_WAIT_S = 1.0
# The class at the end of Odoo's error name → ours.
NAMED = {"LeaseLost": LeaseLost, "ReconnectNeeded": Reconnect}


class Odoo:
    """An Odoo server and database, as the owner of an API key."""

    def __init__(self, url: str, database: str, api_key: str, sleep: Callable[[float], None] = time.sleep):
        self.label = f"Odoo at {url.rstrip('/')}"
        self._base = require_safe(url.rstrip("/"))
        self._sleep = sleep
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"bearer {api_key}"
        if database:
            self._session.headers["X-Odoo-Database"] = database

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """The method's answer. :raise Retry: no answer after `TRIES_MAX` tries. :raise Stop: a person is needed."""
        for attempt in range(1, TRIES_MAX + 1):
            try:
                return self._send(model, method, arguments)
            except Retry:
                if attempt == TRIES_MAX:
                    raise
                self._sleep(FIRST_WAIT_S * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def ledgers(self) -> list[dict]:
        """`[{"id", "name", "vendor", "environment", "state"}]` of the ledgers this key may sync."""
        return self.call("dunning.ledger", "sync_ledgers")

    def _send(self, model: str, method: str, arguments: dict) -> Any:
        url = f"{self._base}/json/2/{model}/{method}"
        try:
            answer = self._session.post(url, json=arguments, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise Retry(f"{self.label} could not be reached ({type(error).__name__}).", 60) from None
        if answer.status_code != 200:
            raise self._refusal(answer, f"{model}/{method}")
        try:
            return answer.json()
        except ValueError:
            raise Stop(f"{self.label} sent no JSON. Is the address right, and is it Odoo 19?") from None

    def _refusal(self, answer: requests.Response, what: str) -> ConnectorError:
        status = answer.status_code
        name, words = _error_of(answer)
        kind = NAMED.get(name.rpartition(".")[2])
        if kind:
            return kind(words)
        if status == 409 or status >= 500 or status == 429:
            return Retry(f"{self.label} had no answer to {what} (HTTP {status}).", 60)
        if status == 401:
            return Stop(
                f"{self.label} does not accept the API key: it is wrong or has expired. Make a new one."
            )
        if status == 403:
            return Stop(
                f"{self.label}: the user of the API key lacks the right to {what}. Give it the sync role."
            )
        if status == 404:
            return Stop(f"{self.label} has no {what}, or no such database. Is the addon installed there?")
        if status == 413:
            return TooLarge(f"{self.label} refused a delivery as too large.")
        if status == 422:
            return Refused(f"{self.label} refused {what}: {words}")
        if 300 <= status < 400:
            return Stop(
                f"{self.label} sends {what} on to another address (HTTP {status}). A key is not sent after it: set "
                "ODOO_URL to the address at which Odoo itself answers."
            )
        return Stop(f"{self.label} answered {what} with HTTP {status}. Look at Odoo's log of this moment.")


class Json2Gateway(Carrier):
    """The verbs of one ledger. See `gateway.Gateway`."""

    def __init__(self, odoo: Odoo, ledger_id: int):
        self._odoo = odoo
        self._ids = [ledger_id]

    def _call(self, verb: str, **arguments: Any) -> Any:
        return self._odoo.call("dunning.ledger", verb, ids=self._ids, **arguments)

    def sync_ingest(self, lease, records):
        """A delivery that is too large or refused is halved until the record at fault stands alone: it is set aside."""
        try:
            return super().sync_ingest(lease, records)
        except (TooLarge, Refused) as error:
            if len(records) == 1:
                return self._give_up(lease, records[0], error)
        one, other = _halves(records)
        return _added(self.sync_ingest(lease, one), self.sync_ingest(lease, other))

    def _give_up(self, lease: str, wire: dict, error: ConnectorError) -> dict:
        row = {"entity": wire["entity"], "external_id": wire["external_id"], "cause": error.message}
        self.sync_quarantine(lease, [{**row, "payload": wire}])
        return {"stored": 0, "unchanged": 0, "stale": 0, "parked": [], "quarantined": [row]}

    def sync_quarantine(self, lease, bad):
        """What is too large together goes in halves; what is too large alone, without its payload."""
        try:
            return super().sync_quarantine(lease, bad)
        except TooLarge:
            if len(bad) == 1:
                return super().sync_quarantine(lease, [{**bad[0], "payload": None}])
        for half in _halves(bad):
            self.sync_quarantine(lease, half)
        return True


def _halves(rows: list) -> tuple[list, list]:
    middle = len(rows) // 2
    return rows[:middle], rows[middle:]


def _added(one: dict, other: dict) -> dict:
    return {key: one[key] + other[key] for key in ("stored", "unchanged", "stale", "parked", "quarantined")}


def _error_of(answer: requests.Response) -> tuple[str, str]:
    """(name, message) of Odoo's error. Its `debug` holds a traceback and is never looked at."""
    try:
        content = answer.json()
    except ValueError:
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    return str(content.get("name") or ""), str(content.get("message") or "")[:500]

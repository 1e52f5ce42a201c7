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

from ..errors import ConnectorError, LeaseLost, Reconnect, Retry, Stop
from ..oauth import require_safe

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
        return Stop(f"{self.label} answered {what} with HTTP {status}.")


class TooLarge(Stop):
    """Send less at once."""


class Refused(Stop):
    """Odoo understood and said no: not worth repeating as it is."""


class Json2Gateway:
    """The verbs of one ledger. See `gateway.Gateway`."""

    def __init__(self, odoo: Odoo, ledger_id: int):
        self._odoo = odoo
        self._ids = [ledger_id]

    def _call(self, verb: str, **arguments: Any) -> Any:
        return self._odoo.call("dunning.ledger", verb, ids=self._ids, **arguments)

    def sync_lease(self, runner, seconds):
        return self._call("sync_lease", runner=runner, seconds=seconds)

    def sync_token(self, lease, rejected):
        return self._call("sync_token", lease=lease, rejected=rejected)

    def sync_calls(self, lease, wanted, day_left):
        return self._call("sync_calls", lease=lease, wanted=wanted, day_left=day_left)

    def sync_ingest(self, lease, records):
        """A delivery that is too large or refused is halved until the record at fault stands alone."""
        try:
            return self._call("sync_ingest", lease=lease, records=records)
        except (TooLarge, Refused) as error:
            if len(records) == 1:
                return self._give_up(records[0], error)
        middle = len(records) // 2
        return _added(self.sync_ingest(lease, records[:middle]), self.sync_ingest(lease, records[middle:]))

    @staticmethod
    def _give_up(wire: dict, error: ConnectorError) -> dict:
        row = {"entity": wire["entity"], "external_id": wire["external_id"], "cause": error.message}
        return {"stored": 0, "unchanged": 0, "stale": 0, "parked": [], "quarantined": [row]}

    def sync_quarantine(self, lease, bad):
        return self._call("sync_quarantine", lease=lease, bad=bad)

    def sync_checkpoint(self, lease, cursors):
        return self._call("sync_checkpoint", lease=lease, cursors=cursors)

    def sync_known(self, lease, entity, after, limit):
        return self._call("sync_known", lease=lease, entity=entity, after=after, limit=limit)

    def sync_control(self, lease, totals):
        return self._call("sync_control", lease=lease, totals=totals)

    def sync_report(self, lease, outcome, counts, message, resume_at):
        return self._call(
            "sync_report", lease=lease, outcome=outcome, counts=counts, message=message, resume_at=resume_at
        )


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

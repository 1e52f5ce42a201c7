"""QuickBooks Online over python-quickbooks: the SDK carries the bytes, answers are judged before it sees them.

The SDK has no timeout, hides status and headers and turns a throttle into a validation error, so its session is
replaced by one that adds timeouts and raises our errors (python-quickbooks 0.9.12, client.py `process_request`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import requests
from quickbooks import QuickBooks
from requests_oauthlib import OAuth2Session

from ..budget import Budget, retry_after_s
from ..documents import CHUNK_BYTES, read_pdf
from ..errors import SERVER_FAULT, Action, Resolution, Retry, resolve
from ..oauth import require_safe
from ..reading import FieldError, Fields, loads
from ..redact import quieten_libraries
from ..tokens import TokenSource, authorised

TIMEOUT_S = (5, 60)
MINOR_VERSION = 75
THROTTLE_WAIT_S = 60

_THROTTLE = Resolution(Action.RATE_LIMITED, "the call limit is reached", "wait; it goes on by itself")
FAULTS: dict[str, Resolution] = {
    "120": Resolution(Action.REFRESH, "the access was refused", "reconnect"),
    "3200": Resolution(Action.REFRESH, "the access token is no longer accepted", "reconnect"),
    "3100": Resolution(
        Action.STOP,
        "this consent does not cover the company, or sandbox and production are mixed up",
        "reconnect with the right company",
    ),
    "3201": Resolution(Action.STOP, "the app is not authorised", "check the app at Intuit, then reconnect"),
    "3001": _THROTTLE,
    "610": Resolution(Action.GONE, "the record does not exist there"),
    "4000": Resolution(Action.BUG, "a query was refused", "report this as a defect"),
    "4001": Resolution(Action.BUG, "a query was refused", "report this as a defect"),
    "4002": Resolution(Action.BUG, "a query was refused", "report this as a defect"),
    "5010": Resolution(Action.CONFLICT, "the record was changed meanwhile"),
    "2010": Resolution(Action.REFUSED, "a value was refused"),
    "2020": Resolution(Action.REFUSED, "a value is missing"),
    "2500": Resolution(Action.REFUSED, "something this names does not exist there"),
    "6000": Resolution(Action.REFUSED, "QuickBooks' books refuse this"),
    "6140": Resolution(Action.REFUSED, "the number has been used already"),
    "6210": Resolution(Action.REFUSED, "the books of that day are closed"),
    "6240": Resolution(Action.REFUSED, "the name has been used already"),
    "6190": Resolution(Action.STOP, "the company's subscription has lapsed", "renew it at Intuit"),
    "10000": SERVER_FAULT,
}


class Session(OAuth2Session):
    """What the SDK sends goes through here. It sets its own Authorization header, so none is added."""

    def __init__(self, client_id: str, token: dict, judge: Callable[[requests.Response], None]):
        super().__init__(client_id, token=token)
        self._judge = judge

    def request(self, method, url, data=None, headers=None, **options):
        options.setdefault("timeout", TIMEOUT_S)
        options["allow_redirects"] = False
        try:
            response = requests.Session.request(
                self, method, require_safe(url), data=data, headers=headers, **options
            )
        except requests.RequestException as error:
            raise Retry(f"QuickBooks could not be reached ({type(error).__name__}).") from None
        self._judge(response)
        return response


class Client:
    """One company. Every method is one call, paced and retried by `budget`; answers are raw JSON with Decimals."""

    page_rows = 1000  # the most a query gives

    def __init__(self, api_url: str, realm_id: str, tokens: TokenSource, budget: Budget):
        quieten_libraries()
        self.server_time: datetime | None = None
        self._tokens = tokens
        self.budget = budget
        self._label = f"QuickBooks company {realm_id}"
        self._sdk = QuickBooks.__new__(
            QuickBooks, company_id=realm_id, minorversion=MINOR_VERSION, use_decimal=True
        )
        self._sdk.api_url_v3 = self._sdk.sandbox_api_url_v3 = api_url.rstrip("/")
        self._base = f"{self._sdk.api_url_v3}/company/{realm_id}"
        self._log_in(tokens.access)

    def rows(self, entity: str, statement: str) -> list:
        """The rows of a page; one with fewer rows than it announces is read again."""
        return self._call(lambda: self._rows(entity, statement))

    def count(self, entity: str, where: str = "") -> int:
        total = self._call(lambda: self._query(f"SELECT COUNT(*) FROM {entity}{where}")).get("totalCount")
        if not isinstance(total, int):
            raise Retry(f"{self._label}: the number of {entity} records could not be read.", 30)
        return total

    def changes(self, entities: tuple[str, ...], since: datetime) -> dict[str, list]:
        """Change data capture: entity → whole objects and `{"status": "Deleted"}` rows, 1,000 in all at most."""
        when = quoted_instant(since)
        answer = self._call(lambda: self._object(self._sdk.change_data_capture(",".join(entities), when)))
        found: dict[str, list] = {}
        for capture in self._objects(answer, "CDCResponse"):
            for page in self._objects(capture, "QueryResponse"):
                for entity, rows in page.items():
                    if entity in entities and isinstance(rows, list):
                        found.setdefault(entity, []).extend(rows)
        return found

    def _objects(self, answer: dict, name: str) -> list[dict]:
        """The list of objects under a name. One that is not there tells nothing: least of all that nothing changed."""
        rows = answer.get(name)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Retry(f"{self._label}: an answer without {name}.", 30)
        return rows

    def get(self, entity: str, record_id: str, **params: str) -> dict:
        """One record by id. :raise Gone: it does not exist (any more)."""
        answer = self._call(
            lambda: self._object(self._sdk.get_single_object(entity, record_id, dict(params)))
        )
        record = answer.get(entity)
        if not isinstance(record, dict):
            raise Retry(f"{self._label}: an answer without {entity}.", 30)
        return record

    def preferences(self) -> dict:
        answer = self._call(lambda: self._object(self._sdk.get(f"{self._base}/preferences")))
        preferences = answer.get("Preferences")
        if not isinstance(preferences, dict):
            raise Retry(f"{self._label}: an answer without Preferences.", 30)
        return preferences

    def pdf(self, invoice_id: str, max_bytes: int) -> bytes:
        """The printed invoice, read no further than `max_bytes`. The SDK would read all of it, whatever its size.

        :raise TooLarge: it has more. :raise Retry: what came is not a PDF.
        """
        return self._call(lambda: self._pdf(f"{self._base}/invoice/{invoice_id}/pdf", max_bytes))

    def update(self, entity: str, body: str, request_id: str, **params: str) -> dict:
        """A write (`body` is JSON), sent once: after a `Retry` the caller looks whether it arrived before the next try.

        :return: the record as it stands there now; an answer that shows none is a `Retry` too
        :raise Conflict: the record's SyncToken is not the one in `body`.
        """

        def send() -> dict:
            return self._object(
                self._sdk.update_object(entity, body, request_id=request_id, params=dict(params))
            )

        answer = self._authorised(lambda: self.budget.once(send))
        record = answer.get(entity)
        if not isinstance(record, dict) or not record.get("Id"):
            raise Retry(f"{self._label}: the answer does not show the {entity} that was written.", 5)
        return record

    def _pdf(self, url: str, max_bytes: int) -> bytes:
        headers = {
            "Accept": "application/pdf, application/json",
            "Authorization": f"Bearer {self._sdk.session.access_token}",
        }
        with self._sdk.session.request("GET", url, headers=headers, stream=True) as response:
            try:
                return read_pdf(
                    response.iter_content(CHUNK_BYTES), response.headers.get("Content-Length"), max_bytes
                )
            except requests.RequestException as error:
                raise Retry(f"QuickBooks' answer broke off ({type(error).__name__}).") from None

    # -- one call ----------------------------------------------------------------------------------------------
    def _call(self, send: Callable[[], Any]) -> Any:
        return self._authorised(lambda: self.budget.run(send))

    def _authorised(self, send: Callable[[], Any]) -> Any:
        return authorised(send, lambda: self._log_in(self._tokens.renew()), self._label)

    def _rows(self, entity: str, statement: str) -> list:
        found = self._query(statement)
        rows, announced = found.get(entity, []), found.get("maxResults", 0)
        if not isinstance(rows, list) or (isinstance(announced, int) and len(rows) < announced):
            raise Retry(f"{self._label}: a page of {entity} arrived incomplete.", 1)
        return rows

    def _query(self, statement: str) -> dict:
        found = self._object(self._sdk.query(statement)).get("QueryResponse")
        if not isinstance(found, dict):
            raise Retry(f"{self._label}: an answer without QueryResponse.", 30)
        return found

    def _object(self, answer: Any) -> dict:
        if not isinstance(answer, dict):
            raise Retry(f"{self._label}: an answer that is not an object.", 30)
        self._note_time(answer)
        return answer

    def _log_in(self, access_token: str) -> None:
        token = {"access_token": access_token, "token_type": "Bearer"}
        self._sdk.session = Session("dunning", token, self._judge)

    def _note_time(self, answer: dict) -> None:
        try:
            self.server_time = Fields(answer).instant("time")
        except FieldError:
            return

    def _judge(self, response: requests.Response) -> None:
        """Raise what an answer means; return when it is good. A Fault in a 200 is a fault."""
        is_pdf = response.headers.get("Content-Type", "").startswith("application/pdf")
        if response.status_code == 200 and is_pdf:
            return
        fault = _fault(response)
        if response.status_code == 200 and fault is None:
            return
        code, detail = fault or ("", "")
        status = response.status_code if fault is None else max(response.status_code, 400)
        found = resolve(status, code, FAULTS)
        numbers = (
            f"HTTP {response.status_code}",
            code and f"code {code}",
            response.headers.get("intuit_tid", ""),
        )
        words = detail[:300] if found.action is Action.REFUSED else ""
        raise found.error(self._label, numbers, self._wait_s(found.action, response, detail), words)

    def _wait_s(self, action: Action, response: requests.Response, detail: str) -> float:
        if action is not Action.RATE_LIMITED:
            return retry_after_s(response.headers, 5)
        if re.search(r"month|quota", detail, re.IGNORECASE):
            now = self.server_time or datetime.now(timezone.utc)
            next_month = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=5, second=0)
            return (next_month - now).total_seconds()
        return max(THROTTLE_WAIT_S, retry_after_s(response.headers, THROTTLE_WAIT_S))


def quoted(text: str) -> str:
    """A string literal of the query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quoted_instant(moment: datetime) -> str:
    """Whole seconds in UTC, the resolution the query language knows; rounded down."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def _fault(response: requests.Response) -> tuple[str, str] | None:
    """(code, words) of the first error, None when the answer holds no Fault. What is not JSON is a server fault."""
    try:
        content = loads(response.content)
    except ValueError:
        return ("10000", "") if response.status_code == 200 else None
    if not isinstance(content, dict):
        return "10000", ""
    fault = _lower(content).get("fault")
    if not isinstance(fault, dict):
        return None
    errors = fault.get("error")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = str(first.get("code") or "").lstrip("0")
    words = f"{first.get('message') or ''} {first.get('detail') or ''}"
    return code or _code_in(words), words


def _lower(value: Any) -> Any:
    """Only the two outer levels: `Fault` → `fault`, its `Error` rows and their keys."""
    if isinstance(value, dict):
        return {
            key.lower(): _lower(part) if key.lower() in ("fault", "error") else part
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [
            {key.lower(): part for key, part in row.items()} if isinstance(row, dict) else row
            for row in value
        ]
    return value


def _code_in(words: str) -> str:
    match = re.search(r"errorCode=0*(\d+)", words)
    return match[1] if match else ""

"""Xero over xero-python: the SDK carries the bytes, the JSON is ours to read.

The SDK's models refuse unknown values and lose the page with them, so answers are taken unread
(`_preload_content=False`). Its hidden retries, which sleep through a daily limit and repeat PUTs, are switched off;
its token is handed to it fresh and far from expiry, so that it never refreshes by itself (xero-python 15.2).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import urllib3
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions import HTTPStatusException, OpenApiException

from ..budget import Budget, retry_after_s
from ..documents import CHUNK_BYTES, read_pdf
from ..errors import Action, Resolution, Retry, resolve
from ..oauth import require_safe
from ..reading import FieldError, Fields, loads
from ..redact import quieten_libraries
from ..tokens import TokenSource, authorised

TIMEOUT_S = (5, 60)
NO_RETRIES = urllib3.Retry(0, redirect=False, respect_retry_after_header=False)
TABLE: dict[str, Resolution] = {
    "insufficient_scope": Resolution(
        Action.NOT_GRANTED,
        "a permission this needs was not granted",
        "reconnect and grant every permission asked for",
    ),
    "AuthenticationUnsuccessful": Resolution(
        Action.RECONNECT, "the consent no longer covers this organisation", "reconnect and choose it again"
    ),
    "OrganisationIsNotActive": Resolution(
        Action.STOP, "the organisation is not active", "check its subscription in Xero"
    ),
    "ValidationException": Resolution(Action.REFUSED, "Xero's books refuse this"),
}


def _all_of(answer: urllib3.BaseHTTPResponse) -> bytes:
    return answer.data


class Client:
    """One organisation. Every method is one call, paced and retried by `budget`; answers are raw JSON with Decimals."""

    page_rows = 1000  # the most a page holds

    def __init__(self, api_url: str, tenant_id: str, tokens: TokenSource, budget: Budget):
        quieten_libraries()
        self.server_time: datetime | None = None
        self._tokens = tokens
        self.budget = budget
        self._tenant_id = tenant_id
        self._label = f"Xero organisation {tenant_id}"
        # The configuration is one per process: the token object is ours alone all the same.
        configuration = Configuration()
        configuration.oauth2_token = OAuth2Token()
        client = ApiClient(configuration, pool_threads=1, oauth2_token_getter=self._token)
        client.rest_client.pool_manager.connection_pool_kw["retries"] = NO_RETRIES
        self._sdk = AccountingApi(client, base_url=require_safe(api_url.rstrip("/")))

    def page(self, resource: str, number: int, **options: Any) -> tuple[list, dict]:
        """(rows, pagination) of one page of `resource` (an SDK list method, such as "invoices")."""
        options = {"page": number, "page_size": self.page_rows, **options}
        return self._call(lambda: self._page(resource, number, options))

    def one(self, method: str, record_id: str, key: str) -> dict:
        """The record of `get_<method>(id)`. :raise Gone: Xero does not have it."""
        rows = self._call(lambda: self._json(f"get_{method}", record_id)).get(key)
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            raise Retry(f"{self._label}: an answer without {key}.", 30)
        return rows[0]

    def organisation(self) -> dict:
        rows = self._call(lambda: self._json("get_organisations")).get("Organisations")
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            raise Retry(f"{self._label}: an answer without Organisations.", 30)
        return rows[0]

    def rows(self, method: str, key: str, *arguments: Any) -> list:
        """The list under `key` of any read."""
        found = self._call(lambda: self._json(method, *arguments)).get(key)
        return found if isinstance(found, list) else []

    def pdf(self, invoice_id: str, max_bytes: int) -> bytes:
        """The printed invoice, read no further than `max_bytes`.

        :raise TooLarge: it has more. :raise Retry: what came is not a PDF.
        """

        def read(answer: urllib3.BaseHTTPResponse) -> bytes:
            try:
                return read_pdf(answer.stream(CHUNK_BYTES), answer.headers.get("Content-Length"), max_bytes)
            finally:
                # What is left unread must not be taken for the answer to the next call.
                answer.close()

        return self._call(lambda: self._send("get_invoice_as_pdf", invoice_id, read=read))

    def write(self, method: str, *arguments: Any, idempotency_key: str) -> dict:
        """A write, sent once: after a `Retry` the caller looks whether it arrived before sending it again."""

        def send() -> dict:
            return self._json(method, *arguments, idempotency_key=idempotency_key[:128])

        return self._authorised(lambda: self.budget.once(send))

    # -- one call ----------------------------------------------------------------------------------------------
    def _call(self, send: Callable[[], Any]) -> Any:
        return self._authorised(lambda: self.budget.run(send))

    def _authorised(self, send: Callable[[], Any]) -> Any:
        return authorised(send, self._tokens.renew, self._label)

    def _page(self, resource: str, number: int, options: dict) -> tuple[list, dict]:
        """A page that does not hold as many rows as it says was cut or changed under way: read it again."""
        content = self._json(f"get_{resource}", **options)
        pagination = content.get("pagination")
        key = "".join(part.capitalize() for part in resource.split("_"))
        rows = content.get(key)
        if not isinstance(rows, list) or not isinstance(pagination, dict):
            raise Retry(f"{self._label}: a page without {key} or page numbers.", 30)
        count, size = pagination.get("itemCount"), pagination.get("pageSize")
        if isinstance(count, int) and isinstance(size, int):
            expected = max(0, min(size, count - (number - 1) * size))
            if len(rows) < expected:
                raise Retry(f"{self._label}: {len(rows)} of {expected} {key} arrived.", 1)
        return rows, pagination

    def _json(self, method: str, *arguments: Any, **options: Any) -> dict:
        try:
            content = loads(self._send(method, *arguments, **options))
        except ValueError:
            raise Retry(f"{self._label}: the answer is not JSON.", 10) from None
        if not isinstance(content, dict) or "ErrorNumber" in content:
            raise Retry(f"{self._label}: an error stands where data should be.", 10)
        try:
            self.server_time = Fields(content).instant("DateTimeUTC")
        except FieldError:
            return content
        return content

    def _send(
        self, method: str, *arguments: Any, read: Callable[[Any], bytes] = _all_of, **options: Any
    ) -> bytes:
        call = getattr(self._sdk, method)
        try:
            answer = call(
                self._tenant_id, *arguments, **options, _preload_content=False, _request_timeout=TIMEOUT_S
            )
            self._note_limits(answer.headers)
            return read(answer)
        except HTTPStatusException as error:
            raw = error.http_resp.urllib3_response
            self._note_limits(raw.headers)
            raise self._judged(raw.status, raw.headers, raw.data) from None
        except urllib3.exceptions.HTTPError as error:
            raise Retry(f"Xero could not be reached ({type(error).__name__}).") from None
        except OpenApiException as error:
            raise Retry(f"Xero could not be reached safely ({type(error).__name__}).", 60) from None

    def _note_limits(self, headers: Any) -> None:
        self.budget.note_day_left(headers.get("X-DayLimit-Remaining"))

    def _judged(self, status: int, headers: Any, body: bytes) -> Exception:
        found = resolve(status, _word(headers, body), TABLE)
        numbers = (f"HTTP {status}", headers.get("Xero-Correlation-Id", ""))
        problem, words = "", ""
        if found.action is Action.RATE_LIMITED:
            problem = headers.get("X-Rate-Limit-Problem", "")
            words = f"Limit: {problem or 'unnamed'}."
        elif found.action is Action.REFUSED:
            words = _reasons(body)
        # Retry-After comes with the minute and day limits only.
        wait_s = retry_after_s(headers, 3600 if problem == "day" else 5)
        return found.error(self._label, numbers, wait_s, words)

    def _token(self) -> dict:
        """In exactly the keys the SDK knows, and never near its end, so that the SDK leaves it alone."""
        return {
            "access_token": self._tokens.access,
            "scope": [],
            "expires_in": 1800,
            "expires_at": None,
            "token_type": "Bearer",
            "refresh_token": None,
            "id_token": None,
        }


def _word(headers: Any, body: bytes) -> str:
    """The word in a refusal that tells what is wrong."""
    if "insufficient_scope" in headers.get("WWW-Authenticate", ""):
        return "insufficient_scope"
    text = body[:2000].decode("utf-8", "replace")
    return next(
        (word for word in TABLE if word in text),
        "insufficient_scope" if "AuthorizationUnsuccessful" in text else "",
    )


def _reasons(body: bytes) -> str:
    """What the validation says, in Xero's words; shortened, since some name the value they refuse."""
    try:
        elements = loads(body).get("Elements") or []
        errors = [error for element in elements for error in element.get("ValidationErrors") or []]
        return " ".join(str(error.get("Message") or "") for error in errors)[:300].strip()
    except (ValueError, AttributeError, TypeError):
        return ""

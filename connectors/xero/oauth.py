"""Consent and tokens for Xero.

Access tokens live 30 minutes, refresh tokens 60 days; each refresh replaces the refresh token, and the former one is
honoured for 30 minutes more if the answer was lost. One consent may reach several organisations, so `connections`
lists those of the consent just given. Scopes are the granular ones, all that apps made since 2 March 2026 may ask.
"""

from __future__ import annotations

import json
import uuid
from base64 import urlsafe_b64decode
from dataclasses import dataclass

import requests

from .. import oauth
from ..errors import Reconnect, Retry, Stop
from ..oauth import TokenSet

READ_SCOPES = (
    "offline_access",
    "accounting.contacts.read",
    "accounting.invoices.read",
    "accounting.payments.read",
    "accounting.settings.read",
)
PROVIDER = oauth.Provider(
    label="Xero",
    authorize="https://login.xero.com/identity/connect/authorize",
    token="https://identity.xero.com/connect/token",
    revoke="https://identity.xero.com/connect/revocation",
    scopes=READ_SCOPES,
)
CONNECTIONS = "https://api.xero.com/connections"
API = "https://api.xero.com/api.xro/2.0"
IDLE_DAYS = 60


@dataclass(frozen=True)
class Organisation:
    """A Xero organisation this consent reaches. `connection_id` is what Xero wants to end just that."""

    id: str
    name: str
    connection_id: str


def authorize_url(
    client_id: str,
    redirect_uri: str,
    state: str,
    code_challenge: str = "",
    scopes: tuple[str, ...] = READ_SCOPES,
    urls: dict | None = None,
) -> str:
    return oauth.authorize_url(PROVIDER.at(urls), client_id, redirect_uri, state, code_challenge, scopes)


def exchange_code(
    client_id: str,
    client_secret: str,
    code: str,
    redirect_uri: str,
    code_verifier: str = "",
    urls: dict | None = None,
) -> TokenSet:
    return oauth.exchange_code(PROVIDER.at(urls), client_id, client_secret, code, redirect_uri, code_verifier)


def refresh(client_id: str, client_secret: str, refresh_token: str, urls: dict | None = None) -> TokenSet:
    return oauth.refresh(PROVIDER.at(urls), client_id, client_secret, refresh_token)


def revoke(client_id: str, client_secret: str, token: str, urls: dict | None = None) -> None:
    """End every consent this person gave the app, for all organisations (XeroAPI/xero-node, README, revokeToken)."""
    oauth.revoke(PROVIDER.at(urls), client_id, client_secret, token)


def organisations(access_token: str, urls: dict | None = None) -> tuple[Organisation, ...]:
    """The organisations of the consent the token came from; practices and older consents are left out.

    One that was allowed before may still show the event of then: where this event shows none, all are meant.
    """
    event = _event_of(access_token)
    chosen = _organisations(access_token, urls, {"authEventId": event}) if event else ()
    return chosen or reached(access_token, urls)


def reached(access_token: str, urls: dict | None = None) -> tuple[Organisation, ...]:
    """Every organisation this person has connected to the app, with whatever consent."""
    return _organisations(access_token, urls, {})


def reachable(access_token: str, organisation_id: str, urls: dict | None = None) -> bool:
    """Whether the consent still reaches the organisation."""
    return any(one.id == organisation_id for one in reached(access_token, urls))


def leave(access_token: str, organisation_id: str, urls: dict | None = None) -> None:
    """Take one organisation out of what this person has connected; `revoke` would take out all of them."""
    for one in reached(access_token, urls):
        if one.id == organisation_id:
            url = f"{(urls or {}).get('connections') or CONNECTIONS}/{uuid.UUID(one.connection_id)}"
            _checked(_send("DELETE", url, access_token, {}), also_fine=404)


def _organisations(access_token: str, urls: dict | None, query: dict) -> tuple[Organisation, ...]:
    return tuple(
        Organisation(row["tenantId"], row.get("tenantName") or row["tenantId"], row["id"])
        for row in _connections(access_token, urls, query)
        if isinstance(row, dict) and row.get("tenantType") == "ORGANISATION" and row.get("tenantId")
    )


def _connections(access_token: str, urls: dict | None, query: dict) -> list:
    url = (urls or {}).get("connections") or CONNECTIONS
    answer = _checked(_send("GET", url, access_token, query))
    try:
        rows = answer.json()
    except ValueError:
        rows = None
    if not isinstance(rows, list):
        raise Retry("Xero's list of organisations could not be read. Try again in a minute.", 30)
    return rows


def _send(method: str, url: str, access_token: str, query: dict) -> requests.Response:
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
    try:
        return requests.request(
            method,
            oauth.require_safe(url),
            params=query,
            headers=headers,
            timeout=oauth.TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise Retry(f"Xero could not be reached ({type(error).__name__}).") from None


def _checked(answer: requests.Response, also_fine: int = 200) -> requests.Response:
    status = answer.status_code
    if 200 <= status < 300 or status == also_fine:
        return answer
    if status == 401:
        raise Reconnect("Xero does not accept the access token. Reconnect.")
    if status == 429 or status >= 500:
        raise Retry(f"Xero has no answer just now (HTTP {status}).", 30)
    raise Stop(f"Xero refused to list the organisations (HTTP {status}). Reconnect.")


def _event_of(access_token: str) -> str:
    """`authentication_event_id` out of the token, unverified: it only narrows a list Xero itself checks."""
    try:
        body = access_token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return str(uuid.UUID(claims["authentication_event_id"]))
    except (IndexError, ValueError, KeyError, TypeError):
        return ""

"""OAuth 2.0 as both vendors speak it: consent address, code exchange, refresh, revoke. Pure functions over `requests`.

Nothing is stored here. The holder of the connection calls `refresh` under its own lock and commits the answer before
the new access token is used: both vendors replace the refresh token when it is used. Answers are read leniently;
unknown or absent keys cost no token.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode, urlsplit

import requests

from .errors import Reconnect, Retry, Stop

TIMEOUT_S = (5, 30)
UNKNOWN_APP = ("invalid_client", "unauthorized_client")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Provider:
    """A vendor's addresses and its own way with scopes. `label` is its name in messages."""

    label: str
    authorize: str
    token: str
    revoke: str
    scopes: tuple[str, ...]
    basic_auth: bool = True

    def at(self, urls: dict | None) -> Provider:
        """The same provider at other addresses (a sandbox): keys `authorize`, `token`, `revoke`, each optional."""
        urls = urls or {}
        places = {name: urls.get(name) or getattr(self, name) for name in ("authorize", "token", "revoke")}
        return Provider(label=self.label, scopes=self.scopes, basic_auth=self.basic_auth, **places)


@dataclass(frozen=True)
class TokenSet:
    """What a token endpoint handed out. `refresh_token` is "" when it gave none: keep the one you have.
    `refresh_ends_at`: last moment of the refresh token if unused; `hard_end_at`: end however often refreshed.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime = None
    refresh_ends_at: datetime | None = None
    hard_end_at: datetime | None = None
    scopes: tuple[str, ...] = ()


def pkce_pair() -> tuple[str, str]:
    """(verifier, S256 challenge) for one authorisation, RFC 7636."""
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorize_url(
    provider: Provider,
    client_id: str,
    redirect_uri: str,
    state: str,
    code_challenge: str = "",
    scopes: tuple[str, ...] | None = None,
) -> str:
    """Where to send the browser. `state` has to be unguessable and checked on return."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes or provider.scopes),
        "state": state,
    }
    if code_challenge:
        query |= {"code_challenge": code_challenge, "code_challenge_method": "S256"}
    return f"{provider.authorize}?{urlencode(query)}"


def exchange_code(
    provider: Provider,
    client_id: str,
    client_secret: str,
    code: str,
    redirect_uri: str,
    code_verifier: str = "",
) -> TokenSet:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if code_verifier:
        form["code_verifier"] = code_verifier
    return _token_request(provider, client_id, client_secret, form)


def refresh(provider: Provider, client_id: str, client_secret: str, refresh_token: str) -> TokenSet:
    """:raise Reconnect: the vendor no longer accepts the refresh token. :raise Retry: no clear answer, try again."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _token_request(provider, client_id, client_secret, form)


def revoke(provider: Provider, client_id: str, client_secret: str, token: str) -> None:
    """End the consent at the vendor. A token that is unknown there is as good as revoked.

    :raise Stop: the vendor does not know the app or its secret. :raise Retry: it has no answer just now.
    """
    answer = _post(provider, provider.revoke, client_id, client_secret, {"token": token})
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Retry(f"{provider.label} could not end the consent just now. Try again in a minute.")
    code = _error_code(_content(answer))
    if answer.status_code == 401 or code in UNKNOWN_APP:
        raise _refused(provider, answer.status_code, code or "invalid_client")


def require_safe(url: str) -> str:
    """The url itself; a token must not travel over plain http, but for a sandbox on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Stop(f"The address {parts.scheme}://{parts.netloc} is not encrypted. Use https.")
    return url


def _token_request(provider: Provider, client_id: str, client_secret: str, form: dict) -> TokenSet:
    answer = _post(provider, provider.token, client_id, client_secret, form)
    content = _content(answer)
    if answer.status_code == 200 and content.get("access_token"):
        return _token_set(content)
    raise _refused(provider, answer.status_code, _error_code(content))


def _content(answer: requests.Response) -> dict:
    """The answer's JSON object; empty when it holds none."""
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _error_code(content: dict) -> str:
    return str(content.get("error", ""))


def _post(provider: Provider, url: str, client_id: str, client_secret: str, form: dict) -> requests.Response:
    auth = (client_id, client_secret) if client_secret and provider.basic_auth else None
    if auth is None:
        form = form | {"client_id": client_id} | ({"client_secret": client_secret} if client_secret else {})
    try:
        return requests.post(
            require_safe(url),
            data=form,
            auth=auth,
            headers={"Accept": "application/json"},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise Retry(
            f"{provider.label} could not be reached for the consent ({type(error).__name__})."
        ) from None


def _refused(provider: Provider, status: int, code: str) -> Exception:
    if code == "invalid_grant":
        return Reconnect(
            f"{provider.label} no longer accepts the stored consent: it was withdrawn or has expired. Reconnect."
        )
    if code in UNKNOWN_APP:
        return Stop(f"{provider.label} does not know this app or its secret. Check client id and secret.")
    if code in ("invalid_scope", "invalid_request", "unsupported_grant_type"):
        return Stop(f"{provider.label} refused the request ({code}). Check the app's settings at the vendor.")
    if status == 429 or status >= 500 or not code:
        return Retry(f"{provider.label} did not hand out a token just now (HTTP {status}).", 30)
    return Stop(
        f"{provider.label} refused to hand out a token ({code}). Check the app's settings at the vendor."
    )


def _token_set(content: dict) -> TokenSet:
    now = datetime.now(timezone.utc)
    scope = content.get("scope") or ()
    return TokenSet(
        access_token=str(content["access_token"]),
        refresh_token=str(content.get("refresh_token") or ""),
        expires_at=now + timedelta(seconds=_seconds(content.get("expires_in"), 1800)),
        refresh_ends_at=_later(now, content.get("x_refresh_token_expires_in")),
        hard_end_at=_later(now, content.get("x_refresh_token_hard_expires_in")),
        scopes=tuple(scope.split() if isinstance(scope, str) else map(str, scope)),
    )


def _seconds(value: object, default: int) -> int:
    try:
        return max(0, int(value))
    except (TypeError, ValueError):
        return default


def _later(now: datetime, seconds: object) -> datetime | None:
    span_s = _seconds(seconds, 0)
    return now + timedelta(seconds=span_s) if span_s else None

"""The OAuth 2.0 side of both vendors: consent, codes, short-lived access tokens, rotating refresh tokens.

Token life runs on the wall clock, so that moving the books a day on expires nothing. Facts: Xero gives 30 minutes of
access, rotates at each refresh, 60 days idle, and lets the former refresh token be used again for 30 minutes when the
answer was lost; Intuit gives 60 minutes, 100 days, changes the refresh token about once a day and then the former one
is dead. The sandbox rotates at every refresh for both unless `rotate_after_s` says otherwise: the harsher case.
"""

import base64
import hashlib
import hmac
import html
import json
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from .wire import Refusal, Reply, redirect

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"


@dataclass
class Settings:
    """Token rules of a vendor; seconds."""

    access_s: int
    refresh_s: int
    grace_s: int  # how long a rotated refresh token may be used again
    rotate_after_s: int = 0  # a refresh earlier than this hands the same refresh token back
    hard_end_s: int = 5 * 365 * 86400
    revokes_all: bool = (
        False  # ending one consent ends all that the user gave the app; the sandbox has one user
    )


@dataclass
class Grant:
    """One consent of a user: which companies, which scopes, and the refresh tokens that stand for it."""

    id: str
    client_id: str
    company_ids: list
    scopes: tuple
    created_s: float
    refresh_token: str = ""
    refreshed_s: float = 0.0
    issued_s: float = 0.0
    former: dict = field(default_factory=dict)  # rotated refresh token -> when it was replaced
    revoked: bool = False


@dataclass
class Access:
    grant: Grant
    expires_s: float


@dataclass
class Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    expires_s: float


@dataclass
class Consent:
    """How the consent page behaves: "auto" answers for the user, "page" shows a form, "deny" refuses."""

    mode: str = "auto"
    company_ids: list = field(default_factory=list)  # empty: the first company


class OAuthError(Exception):
    """`code` is the error word of RFC 6749."""

    def __init__(self, code, description="", status=400):
        super().__init__(description or code)
        self.code = code
        self.description = description
        self.status = status


class Authority:
    """Issues and checks tokens. All methods are called under the sandbox's lock."""

    def __init__(self, settings, wall, company_names, known_scopes):
        self.settings = settings
        self.wall = wall
        self.company_names = company_names  # callable() -> {company_id: name}
        self.known_scopes = known_scopes  # callable(scope) -> bool
        self.clients = {CLIENT_ID: CLIENT_SECRET}
        self.redirect_uris = set()  # when set, the redirect must be one of them, exactly
        self.consent = Consent()
        self.grants = {}
        self.codes = {}
        self.accesses = {}
        self.refresh_count = 0

    # -- consent ----------------------------------------------------------------------------------------------

    def authorize(self, params, with_realm):
        """The authorisation endpoint: a redirect with code and state, or the consent page."""
        self._check_authorize(params)
        if self.consent.mode == "page" and "decision" not in params:
            return self._page(params)
        denied = self.consent.mode == "deny" or params.get("decision") == "deny"
        if denied:
            return self._back(params, {"error": "access_denied"})
        scopes = tuple(params.get("scope", "").split())
        if not scopes or not all(self.known_scopes(scope) for scope in scopes):
            return self._back(params, {"error": "invalid_scope"})
        company_ids = self._chosen(params)
        grant = self.new_grant(company_ids, scopes, params["client_id"])
        code = uuid.uuid4().hex
        challenge = params.get("code_challenge", "")
        self.codes[code] = Code(grant, params["redirect_uri"], challenge, self._now_s() + 300)
        answer = {"code": code}
        if with_realm:
            answer["realmId"] = company_ids[0]
        return self._back(params, answer)

    def _check_authorize(self, params):
        """A wrong client or redirect is told to the person, never sent to the redirect address."""
        uri = params.get("redirect_uri", "")
        if params.get("client_id") not in self.clients:
            raise OAuthError("unauthorized_client", "Unknown client_id.")
        if params.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code.")
        if urlsplit(uri).scheme not in ("http", "https") or (
            self.redirect_uris and uri not in self.redirect_uris
        ):
            raise OAuthError("invalid_request", f"The redirect_uri {uri!r} is not registered for this app.")
        if params.get("code_challenge") and params.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method must be S256.")

    def _chosen(self, params):
        chosen = params.get("company") or ",".join(self.consent.company_ids)
        known = self.company_names()
        return [key for key in chosen.split(",") if key in known] or [next(iter(known))]

    @staticmethod
    def _back(params, answer):
        if params.get("state"):
            answer["state"] = params["state"]
        joiner = "&" if urlsplit(params["redirect_uri"]).query else "?"
        return redirect(params["redirect_uri"] + joiner + urlencode(answer))

    def _page(self, params):
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in params.items()
            if name not in ("company", "decision")
        )
        options = "".join(
            f'<option value="{html.escape(key)}">{html.escape(name)}</option>'
            for key, name in self.company_names().items()
        )
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sandbox consent</title>'
            "<style>body{font:16px system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem}"
            "select,button{font:inherit;padding:.5rem;margin:.5rem .5rem .5rem 0}</style></head><body>"
            "<h1>Allow access?</h1><p>An app asks to read this company's books. This is a local sandbox: "
            f'no real account is involved.</p><form method="get">{hidden}<select name="company">{options}</select><br>'
            '<button name="decision" value="allow">Allow access</button>'
            '<button name="decision" value="deny">Refuse</button></form></body></html>'
        )
        return Reply(body=page.encode(), content_type="text/html;charset=UTF-8")

    # -- tokens -----------------------------------------------------------------------------------------------

    def new_grant(self, company_ids, scopes, client_id=CLIENT_ID):
        grant = Grant(str(uuid.uuid4()), client_id, list(company_ids), tuple(scopes), self._now_s())
        self.grants[grant.id] = grant
        return grant

    def exchange(self, form, authorization):
        """The token endpoint: (grant, access token, refresh token or None). Raises OAuthError."""
        client_id = self.client(form, authorization)
        kind = form.get("grant_type")
        if kind == "authorization_code":
            grant = self._redeem(form, client_id)
        elif kind == "refresh_token":
            grant = self._refreshed(form.get("refresh_token", ""), client_id)
        elif kind == "client_credentials":
            grant = self.new_grant(list(self.company_names())[:1], form.get("scope", "").split(), client_id)
            return grant, self.issue_access(grant), None
        else:
            raise OAuthError("unsupported_grant_type")
        return grant, self.issue_access(grant), grant.refresh_token

    def issue_access(self, grant):
        """A new access token of a grant."""
        now_s = self._now_s()
        claims = {
            "iss": "sandbox",
            "exp": int(now_s + self.settings.access_s),
            "auth_time": int(grant.created_s),
            "client_id": grant.client_id,
            "authentication_event_id": grant.id,
            "scope": list(grant.scopes),
            "jti": uuid.uuid4().hex,
        }
        token = _signed_token(claims)
        self.accesses[token] = Access(grant, now_s + self.settings.access_s)
        return token

    def rotate(self, grant):
        """Give the grant a new refresh token; the former one lives on for the grace only."""
        now_s = self._now_s()
        if grant.refresh_token:
            grant.former[grant.refresh_token] = now_s
        grant.refresh_token = uuid.uuid4().hex + uuid.uuid4().hex[:8]
        grant.issued_s = now_s

    def _redeem(self, form, client_id):
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or code.expires_s < self._now_s() or code.grant.client_id != client_id:
            raise OAuthError("invalid_grant", "The code is unknown, used or expired.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri differs from the one of the authorisation.")
        if code.challenge and _challenge(form.get("code_verifier", "")) != code.challenge:
            raise OAuthError("invalid_grant", "code_verifier does not match the challenge.")
        self.rotate(code.grant)
        code.grant.refreshed_s = self._now_s()
        return code.grant

    def _refreshed(self, token, client_id):
        now_s = self._now_s()
        self.refresh_count += 1
        grant = self.grant_of_refresh_token(token)
        if grant is None or grant.client_id != client_id:
            raise OAuthError("invalid_grant", "Incorrect or invalid refresh token.")
        if (
            now_s - grant.refreshed_s > self.settings.refresh_s
            or now_s - grant.created_s > self.settings.hard_end_s
        ):
            raise OAuthError("invalid_grant", "The refresh token has expired.")
        if token == grant.refresh_token and now_s - grant.issued_s >= self.settings.rotate_after_s:
            self.rotate(grant)
        grant.refreshed_s = now_s
        return grant

    def grant_of_refresh_token(self, token):
        """The live grant a refresh token stands for, or None. A former token counts within its grace."""
        for grant in self.grants.values():
            if grant.revoked or not token:
                continue
            in_grace = token in grant.former and self._now_s() - grant.former[token] < self.settings.grace_s
            if token == grant.refresh_token or in_grace:
                return grant
        return None

    def access_of(self, header):
        """The live access a bearer header stands for, or None when unknown, expired or revoked."""
        access = self.accesses.get(header[7:].strip()) if header[:7].lower() == "bearer " else None
        if access is None or access.grant.revoked or access.expires_s <= self._now_s():
            return None
        return access

    def revoke(self, token):
        """End the grant a refresh or access token belongs to; False when the token is unknown."""
        grant = self.grant_of_refresh_token(token)
        if grant is None and token in self.accesses:
            grant = self.accesses[token].grant
        if grant is None:
            return False
        for one in self.grants.values():
            if one is grant or (self.settings.revokes_all and one.client_id == grant.client_id):
                one.revoked = True
        return True

    # -- orders from tests ------------------------------------------------------------------------------------

    def expire_access_tokens(self):
        """All access tokens are expired from now on; refresh tokens stay."""
        for access in self.accesses.values():
            access.expires_s = 0

    def withdraw_consent(self):
        """The user disconnects the app at the vendor: every grant ends."""
        for grant in self.grants.values():
            grant.revoked = True

    # -- inside -----------------------------------------------------------------------------------------------

    def client(self, form, authorization):
        """The authenticated client id of a token or revocation request; raises OAuthError."""
        if authorization is not None and authorization.type == "basic":
            client_id, secret = authorization.username, authorization.password
        else:
            client_id, secret = form.get("client_id"), form.get("client_secret")
        by_verifier = secret is None and "code_verifier" in form and client_id in self.clients
        if not by_verifier and (not secret or self.clients.get(client_id) != secret):
            raise OAuthError("invalid_client", "Unknown client or wrong secret.", 401)
        return client_id

    def _now_s(self):
        return self.wall.peek().timestamp()


def error_reply(error):
    """The JSON answer of a token endpoint to an OAuthError."""
    payload = {"error": error.code}
    if error.description:
        payload["error_description"] = error.description
    return Reply(payload, error.status)


def error_page(error):
    """What a browser is shown when the request cannot even be sent back."""
    text = f"<h1>{html.escape(error.code)}</h1><p>{html.escape(error.description)}</p>"
    return Refusal(Reply(status=400, body=text.encode(), content_type="text/html;charset=UTF-8"))


def _challenge(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _signed_token(claims):
    """A token in JWT shape, as both vendors' are; nobody but this sandbox can check its signature."""
    head = _b64({"alg": "HS256", "typ": "JWT"})
    body = _b64(claims)
    mac = hmac.new(CLIENT_SECRET.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _b64(value):
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()

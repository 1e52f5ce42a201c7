"""Consent and tokens for QuickBooks Online.

Access tokens live 60 minutes, refresh tokens 100 days and five years at most (Intuit, policy of 12 Nov 2025). The
company (realm) comes on the redirect's query string as `realmId`, not in the token answer.
"""

from __future__ import annotations

from .. import oauth
from ..oauth import TokenSet

PROVIDER = oauth.Provider(
    label="QuickBooks",
    authorize="https://appcenter.intuit.com/connect/oauth2",
    token="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    revoke="https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
    scopes=("com.intuit.quickbooks.accounting",),
)
IDLE_DAYS = 100
HARD_END_DAYS = 5 * 365  # where the answer does not say
APIS = {
    "production": "https://quickbooks.api.intuit.com/v3",
    "sandbox": "https://sandbox-quickbooks.api.intuit.com/v3",
}


def authorize_url(client_id: str, redirect_uri: str, state: str, urls: dict | None = None) -> str:
    return oauth.authorize_url(PROVIDER.at(urls), client_id, redirect_uri, state)


def exchange_code(
    client_id: str, client_secret: str, code: str, redirect_uri: str, urls: dict | None = None
) -> TokenSet:
    return oauth.exchange_code(PROVIDER.at(urls), client_id, client_secret, code, redirect_uri)


def refresh(client_id: str, client_secret: str, refresh_token: str, urls: dict | None = None) -> TokenSet:
    return oauth.refresh(PROVIDER.at(urls), client_id, client_secret, refresh_token)


def revoke(client_id: str, client_secret: str, token: str, urls: dict | None = None) -> None:
    oauth.revoke(PROVIDER.at(urls), client_id, client_secret, token)

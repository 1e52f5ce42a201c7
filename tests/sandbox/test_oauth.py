"""OAuth2 as both vendors document it: codes, rotation, expiry, revocation, scopes, connections."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from xero_python.api_client.oauth2 import TokenApi

from dunning_connectors.sandbox import CLIENT_ID, CLIENT_SECRET

from . import callers

CALLBACK = "http://127.0.0.1:9/callback"
QUICKBOOKS_SCOPE = "com.intuit.quickbooks.accounting"
XERO_SCOPES = "offline_access accounting.contacts.read accounting.invoices.read"


def _authorize(ledger, **changes):
    """Follow the consent; the parameters of the redirect."""
    asked = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": QUICKBOOKS_SCOPE if ledger.vendor == "quickbooks" else XERO_SCOPES,
        "state": "s t/1",
        **changes,
    }
    answer = requests.get(ledger.urls["authorize"], params=asked, allow_redirects=False, timeout=20)
    if answer.status_code != 302:
        return answer
    assert answer.headers["Location"].startswith(asked["redirect_uri"])
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def _token(ledger, secret=CLIENT_SECRET, **form):
    return requests.post(ledger.urls["token"], data=form, auth=(CLIENT_ID, secret), timeout=20)


def _exchange(ledger, code, **more):
    return _token(ledger, grant_type="authorization_code", code=code, redirect_uri=CALLBACK, **more)


def _refresh(ledger, refresh_token):
    return _token(ledger, grant_type="refresh_token", refresh_token=refresh_token)


@pytest.fixture(params=["quickbooks", "xero"])
def ledger(request):
    return request.getfixturevalue(request.param)


def test_intuit_sdk_walks_the_code_flow_from_the_discovery_document(quickbooks):
    client = AuthClient(
        CLIENT_ID, CLIENT_SECRET, CALLBACK, environment=quickbooks.urls["discovery_sandbox"] + "/"
    )
    url = client.get_authorization_url([Scopes.ACCOUNTING], state_token="xyz")
    place = requests.get(url, allow_redirects=False, timeout=20).headers["Location"]
    answer = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
    assert answer["state"] == "xyz"
    assert answer["realmId"] == quickbooks.company.id
    client.get_bearer_token(answer["code"], realm_id=answer["realmId"])
    assert (client.expires_in, client.x_refresh_token_expires_in) == (3600, 100 * 86400)
    first = client.refresh_token
    client.refresh()
    assert client.refresh_token != first
    with pytest.raises(AuthClientError):
        client.refresh(refresh_token=first)
    assert client.revoke(client.refresh_token)
    with pytest.raises(AuthClientError):
        client.refresh()


def test_realm_comes_on_the_redirect_and_not_in_the_token_answer(quickbooks):
    answer = _authorize(quickbooks)
    assert answer["realmId"] == quickbooks.company.id
    assert "realmId" not in _exchange(quickbooks, answer["code"]).json()


def test_code_works_once(ledger):
    code = _authorize(ledger)["code"]
    assert _exchange(ledger, code).status_code == 200
    again = _exchange(ledger, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_code_needs_the_redirect_it_was_given_for(ledger):
    code = _authorize(ledger)["code"]
    answer = _token(ledger, grant_type="authorization_code", code=code, redirect_uri=CALLBACK + "/x")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_wrong_secret_is_invalid_client(ledger):
    answer = _token(ledger, secret="wrong", grant_type="refresh_token", refresh_token="x")
    assert answer.json()["error"] == "invalid_client"


def test_unregistered_redirect_is_never_followed(ledger):
    ledger.oauth.redirect_uris = {CALLBACK}
    assert _authorize(ledger)["code"]
    answer = _authorize(ledger, redirect_uri=CALLBACK + "?next=elsewhere")
    assert answer.status_code == 400


def test_refusal_of_the_user_comes_back_as_access_denied(ledger):
    callers.control(ledger, "consent", mode="deny")
    assert _authorize(ledger) == {"error": "access_denied", "state": "s t/1"}


def test_unknown_scope_comes_back_as_invalid_scope(ledger):
    assert _authorize(ledger, scope="everything")["error"] == "invalid_scope"


def test_consent_page_lets_a_person_choose_the_company(ledger):
    callers.control(ledger, "consent", mode="page")
    page = _authorize(ledger)
    assert "Tidewater" in page.text or "Harbour" in page.text
    other = ledger.companies[1]
    chosen = _authorize(ledger, company=other.id, decision="allow")
    token = _exchange(ledger, chosen["code"]).json()
    grant = ledger.oauth.accesses[token["access_token"]].grant
    assert grant.company_ids == [other.id]


def test_pkce_verifier_must_match_the_challenge(xero):
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
    wrong = _exchange(xero, _authorize(xero, **pkce)["code"], code_verifier="w" * 64)
    assert wrong.json()["error"] == "invalid_grant"
    right = _exchange(xero, _authorize(xero, **pkce)["code"], code_verifier=verifier)
    assert right.status_code == 200


def test_quickbooks_former_refresh_token_is_dead_at_once(quickbooks):
    first = quickbooks.grant()["refresh_token"]
    second = _refresh(quickbooks, first).json()["refresh_token"]
    assert second != first
    assert _refresh(quickbooks, first).json()["error"] == "invalid_grant"
    assert _refresh(quickbooks, second).status_code == 200


def test_quickbooks_refresh_token_can_stay_the_same_for_a_day(quickbooks):
    quickbooks.oauth.settings.rotate_after_s = 24 * 3600
    first = quickbooks.grant()["refresh_token"]
    assert _refresh(quickbooks, first).json()["refresh_token"] == first
    quickbooks.wall.move_s(25 * 3600)
    assert _refresh(quickbooks, first).json()["refresh_token"] != first


def test_quickbooks_tells_the_hard_end_when_asked(quickbooks):
    token = quickbooks.grant()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "includeRefreshTokenHardExpiresIn": "true"}
    left_s = _token(quickbooks, **form).json()["x_refresh_token_hard_expires_in"]
    assert 5 * 365 * 86400 - 60 < left_s <= 5 * 365 * 86400


def test_quickbooks_hard_end_comes_however_often_refreshed(quickbooks):
    token = quickbooks.grant()["refresh_token"]
    for _ in range(19):
        quickbooks.wall.move_s(99 * 86400)
        token = _refresh(quickbooks, token).json().get("refresh_token")
        if token is None:
            break
    assert token is None


def test_xero_former_refresh_token_lives_for_thirty_minutes(xero):
    first = xero.grant()["refresh_token"]
    second = _refresh(xero, first).json()["refresh_token"]
    xero.wall.move_s(29 * 60)
    repeated = _refresh(xero, first)
    assert (repeated.status_code, repeated.json()["refresh_token"]) == (200, second)
    xero.wall.move_s(2 * 60)
    late = _refresh(xero, first)
    assert (late.status_code, late.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(("name", "days"), [("quickbooks", 100), ("xero", 60)])
def test_idle_refresh_token_ends(request, name, days):
    ledger = request.getfixturevalue(name)
    token = ledger.grant()["refresh_token"]
    ledger.wall.move_s((days - 1) * 86400)
    token = _refresh(ledger, token).json()["refresh_token"]
    ledger.wall.move_s((days + 1) * 86400)
    assert _refresh(ledger, token).json()["error"] == "invalid_grant"


def test_xero_sdk_refreshes_against_the_sandbox(xero, monkeypatch):
    monkeypatch.setattr(TokenApi, "refresh_token_url", xero.urls["token"])
    api = callers.Xero(xero)
    former = api.token["refresh_token"]
    fresh = api.accounting.api_client.refresh_oauth2_token()
    assert fresh["refresh_token"] != former
    assert fresh["scope"] == list(xero.skin.DEFAULT_SCOPES)


def test_xero_gives_no_refresh_token_without_offline_access(xero):
    code = _authorize(xero, scope="accounting.contacts.read")["code"]
    assert "refresh_token" not in _exchange(xero, code).json()


def test_xero_access_token_names_its_authorisation_event(xero):
    access = _exchange(xero, _authorize(xero)["code"]).json()["access_token"]
    event = requests.get(
        xero.urls["connections"], headers={"Authorization": f"Bearer {access}"}, timeout=20
    ).json()[0]["authEventId"]
    body = access.split(".")[1]
    claims = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
    assert event in claims


def test_xero_connections_can_be_narrowed_to_one_consent(xero):
    first, second = xero.grant(xero.companies[0]), xero.grant(xero.companies[2])
    event = xero.oauth.accesses[second["access_token"]].grant.id
    api = callers.Xero(xero, token=first)
    everything = api.identity.get_connections()
    assert {one.tenant_id for one in everything} == {xero.companies[0].id, xero.companies[2].id}
    assert all(one.tenant_type == "ORGANISATION" for one in everything)
    narrowed = api.identity.get_connections(auth_event_id=event)
    assert [one.tenant_id for one in narrowed] == [xero.companies[2].id]


def test_xero_disconnected_tenant_is_refused(xero, api):
    connection = api.identity.get_connections()[0]
    api.identity.delete_connection(connection.id)
    assert api.identity.get_connections() == []
    answer = requests.get(
        xero.urls["api"] + "/Organisation",
        headers={"Authorization": f"Bearer {api.token['access_token']}", "xero-tenant-id": api.tenant},
        timeout=20,
    )
    assert (answer.status_code, answer.json()["Detail"]) == (403, "AuthenticationUnsuccessful")


def test_revoked_consent_ends_access_and_refresh(ledger):
    token = ledger.grant()
    body = {"token": token["refresh_token"]}
    answer = requests.post(ledger.urls["revoke"], data=body, auth=(CLIENT_ID, CLIENT_SECRET), timeout=20)
    assert answer.status_code == 200
    assert _refresh(ledger, token["refresh_token"]).json()["error"] == "invalid_grant"


def test_moving_the_books_a_day_on_expires_no_token(ledger):
    token = ledger.grant()["access_token"]
    ledger.advance_day()
    assert ledger.oauth.access_of(f"Bearer {token}")
    ledger.wall.move_s(ledger.oauth.settings.access_s + 1)
    assert ledger.oauth.access_of(f"Bearer {token}") is None


def test_no_secret_reaches_the_request_log(ledger):
    _refresh(ledger, ledger.grant()["refresh_token"])
    assert callers.look(ledger, "requests")["entries"][-1]["body"] == ""

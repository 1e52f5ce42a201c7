"""Limits are kept, waits are bounded, and no answer of a token endpoint loses a token."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from dunning_connectors.budget import Budget, Limits, retry_after_s
from dunning_connectors.errors import Reconnect, Retry, Stop
from dunning_connectors.quickbooks import oauth as quickbooks_oauth
from dunning_connectors.redact import redacted
from dunning_connectors.sandbox import CLIENT_ID, CLIENT_SECRET, Sandbox
from dunning_connectors.xero import oauth as xero_oauth


def failing(times, after_seconds=1):
    calls = []

    def request():
        calls.append(1)
        if len(calls) <= times:
            raise Retry("busy", after_seconds)
        return "done"

    return request, calls


def test_s19_short_waits_are_slept_and_long_ones_handed_up():
    slept = []
    budget = Budget(Limits(1000), sleep=slept.append)
    request, _ = failing(2, 30)
    assert budget.run(request) == "done"
    assert 30 <= slept[0] <= 33 and slept[1] == 60  # what is asked for, then twice that, a minute at most

    long, calls = failing(1, 61)
    with pytest.raises(Retry):
        budget.run(long)
    assert len(calls) == 1 and len(slept) == 2


def test_s19_tries_and_total_waiting_are_bounded():
    slept = []
    budget = Budget(Limits(1000), sleep=slept.append)
    request, calls = failing(99, 60)

    with pytest.raises(Retry) as caught:
        budget.run(request)

    assert sum(slept) <= 130 and len(calls) == 3
    assert caught.value.after_seconds >= 300


NINE = "Sun, 22 Nov 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, 5),
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "soon"}, 5),
        ({"Retry-After": "\xb2"}, 5),
        ({"Retry-After": "Sun, 22 Nov 2026 09:02:00 GMT", "Date": NINE}, 120),
        ({"Retry-After": "Sun, 22 Nov 2026 08:00:00 GMT", "Date": NINE}, 1),
        ({"Retry-After": "Sun, 22 Nov 2026 09:02:00 GMT"}, 5),
    ],
    ids=str,
)
def test_s19_the_pause_an_answer_asks_for_is_read_in_both_its_forms(headers, wait_s):
    """Seconds, or a moment by the clock of the server that says so: ours plays no part."""
    assert retry_after_s(headers, 5) == wait_s


def test_s20_the_days_reserve_is_kept_for_urgent_reads():
    budget = Budget(Limits(1000, reserve_calls=200), sleep=lambda _s: None)
    budget.note_day_left("200")
    request, calls = failing(0)

    with pytest.raises(Retry, match="200 calls are left"):
        budget.run(request)

    assert calls == []
    budget.note_day_left("not a number")
    budget.note_day_left("201")
    assert budget.run(request) == "done"


@pytest.fixture
def endpoint():
    """A token endpoint that answers whatever `answers` holds: (status, body)."""
    answers, forms = [], []

    def respond(environ, start_response):
        request = Request(environ)
        forms.append(request.form.to_dict())
        status, body = answers.pop(0)
        text = body if isinstance(body, str) else json.dumps(body)
        return Response(text, status, content_type="application/json")(environ, start_response)

    server = make_server("127.0.0.1", 0, respond)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield {"token": f"http://127.0.0.1:{server.server_port}/token"}, answers, forms
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("oauth", [quickbooks_oauth, xero_oauth])
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"surprise": [1]},
        {"scope": "a b"},
        {"scope": ["a", "b"]},
        {"expires_in": None},
        {"expires_in": "1800"},
    ],
    ids=str,
)
def test_s02_unknown_and_absent_keys_cost_no_token(endpoint, oauth, extra):
    urls, answers, forms = endpoint
    answers.append((200, {"access_token": "A", "refresh_token": "R2", **extra}))

    tokens = oauth.refresh("client", "secret", "R1", urls)

    assert (tokens.access_token, tokens.refresh_token) == ("A", "R2")
    assert tokens.expires_at > datetime.now(timezone.utc) + timedelta(minutes=20)
    assert forms[0]["refresh_token"] == "R1"
    assert "R2" not in repr(tokens)


def test_s02_an_answer_without_refresh_token_says_so(endpoint):
    urls, answers, _ = endpoint
    answers.append((200, {"access_token": "A"}))

    assert quickbooks_oauth.refresh("client", "secret", "R1", urls).refresh_token == ""


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, Reconnect),
        (401, {"error": "invalid_client"}, Stop),
        (400, {"error": "unauthorized_client"}, Stop),
        (500, {"error": "server_error"}, Retry),
        (503, "<html>down</html>", Retry),
        (429, {}, Retry),
        (200, "[]", Retry),
        (200, {"error": "invalid_grant"}, Reconnect),
        (400, {"error": "something_new"}, Stop),
    ],
)
def test_s03_a_refusal_is_told_from_trouble(endpoint, status, body, error):
    urls, answers, _ = endpoint
    answers.append((status, body))

    with pytest.raises(error) as caught:
        xero_oauth.refresh("client", "the-secret", "the-refresh-token", urls)

    assert "the-secret" not in str(caught.value) and "the-refresh-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"error": "invalid_client"}, Stop),
        (400, {"error": "unauthorized_client"}, Stop),
        (401, "", Stop),
        (429, "", Retry),
        (503, "<html>down</html>", Retry),
    ],
)
def test_a_consent_the_vendor_did_not_end_is_not_said_to_have_ended(endpoint, status, body, error):
    urls, answers, _ = endpoint
    answers.append((status, body))

    with pytest.raises(error):
        xero_oauth.revoke("client", "secret", "R1", {"revoke": urls["token"]})


@pytest.mark.parametrize(("status", "body"), [(200, ""), (400, {"error": "invalid_token"}), (400, "")])
def test_a_token_the_vendor_does_not_know_is_as_good_as_revoked(endpoint, status, body):
    urls, answers, forms = endpoint
    answers.append((status, body))

    xero_oauth.revoke("client", "secret", "R1", {"revoke": urls["token"]})

    assert forms == [{"token": "R1"}]


def test_a_secret_never_travels_unencrypted_to_another_machine():
    with pytest.raises(Stop, match="https"):
        xero_oauth.refresh("client", "secret", "R", {"token": "http://identity.example.com/token"})


@pytest.mark.parametrize("vendor", ["quickbooks", "xero"])
def test_the_code_flow_from_consent_to_revocation(vendor):
    import requests

    oauth = {"quickbooks": quickbooks_oauth, "xero": xero_oauth}[vendor]
    with Sandbox(vendor, scale=0) as box:
        url = oauth.authorize_url(CLIENT_ID, "http://localhost:8069/back", "state-1", urls=box.urls)
        back = requests.get(url, allow_redirects=False, timeout=5).headers["Location"]
        query = dict(part.split("=") for part in back.partition("?")[2].split("&"))
        assert query["state"] == "state-1"
        tokens = oauth.exchange_code(
            CLIENT_ID, CLIENT_SECRET, query["code"], "http://localhost:8069/back", urls=box.urls
        )
        newer = oauth.refresh(CLIENT_ID, CLIENT_SECRET, tokens.refresh_token, box.urls)
        assert newer.refresh_token != tokens.refresh_token
        oauth.revoke(CLIENT_ID, CLIENT_SECRET, newer.refresh_token, box.urls)
        oauth.revoke(CLIENT_ID, CLIENT_SECRET, newer.refresh_token, box.urls)

        with pytest.raises(Reconnect):
            oauth.refresh(CLIENT_ID, CLIENT_SECRET, newer.refresh_token, box.urls)


def test_s27_secrets_are_taken_out_of_any_text():
    text = (
        "Authorization: Bearer abc.def-1 {'access_token': 'AAA', \"refresh_token\": \"RRR\"} "
        "code=CCC&client_secret=SSS "
        "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"
    )

    clean = redacted(text)

    assert not [word for word in ("abc.def", "AAA", "RRR", "CCC", "SSS", "eyJ") if word in clean]

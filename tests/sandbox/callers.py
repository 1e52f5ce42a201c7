"""The vendors' SDKs, unmodified, pointed at a sandbox; and short ways to put something into its books."""

import json
import time
from datetime import timedelta
from decimal import Decimal

import requests
import urllib3
from quickbooks import QuickBooks
from requests_oauthlib import OAuth2Session
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.identity import IdentityApi

from dunning_connectors.sandbox.book import Line

TIMEOUT_S = (5, 20)


def quickbooks_sdk(ledger, company=None, token=None, api="api"):
    """python-quickbooks with Decimals on a sandbox company."""
    sdk = QuickBooks.__new__(
        QuickBooks, company_id=(company or ledger.company).id, minorversion=75, use_decimal=True
    )
    sdk.api_url_v3 = sdk.sandbox_api_url_v3 = ledger.urls[api]
    access = (token or ledger.grant(company))["access_token"]
    sdk.session = OAuth2Session("sandbox-client", token={"access_token": access, "token_type": "Bearer"})
    return sdk


def rows(sdk, statement):
    """The records a query statement gives."""
    answer = sdk.query(statement)["QueryResponse"]
    return next((value for value in answer.values() if isinstance(value, list)), [])


class Xero:
    """xero-python on a sandbox organisation; `read` gives the parsed JSON with Decimals."""

    def __init__(self, ledger, company=None, scopes=None, token=None):
        self.tenant = (company or ledger.company).id
        self.token = token or ledger.grant(company, scopes)
        held = {
            "access_token": self.token["access_token"],
            "scope": self.token["scope"].split(),
            "expires_in": 1800,
            "token_type": "Bearer",
            "refresh_token": self.token.get("refresh_token"),
            "expires_at": time.time() + 10**7,
            "id_token": None,
        }
        configuration = Configuration()
        configuration.oauth2_token = OAuth2Token(client_id="sandbox-client", client_secret="sandbox-secret")
        client = ApiClient(
            configuration, pool_threads=1, oauth2_token_getter=lambda: held, oauth2_token_saver=held.update
        )
        no_retries = urllib3.Retry(0, respect_retry_after_header=False, redirect=False)
        client.rest_client.pool_manager.connection_pool_kw["retries"] = no_retries
        self.accounting = AccountingApi(client, base_url=ledger.urls["api"])
        self.identity = IdentityApi(client, base_url=ledger.base_url)
        self.last = None

    def read(self, call, *arguments, **options):
        """`read("get_invoices", page=1)` -> the answer's JSON."""
        method = getattr(self.accounting, call)
        self.last = method(
            self.tenant, *arguments, _preload_content=False, _request_timeout=TIMEOUT_S, **options
        )
        return json.loads(self.last.data, parse_float=Decimal)


def control(ledger, verb, **body):
    """POST to the control API; its JSON."""
    answer = requests.post(f"{ledger.base_url}/_sandbox/{verb}", json=body, timeout=20)
    answer.raise_for_status()
    return answer.json()


def look(ledger, verb, **query):
    """GET from the control API; its JSON."""
    answer = requests.get(f"{ledger.base_url}/_sandbox/{verb}", params=query, timeout=20)
    answer.raise_for_status()
    return answer.json()


def customer(ledger, name="Ashcombe Ltd", **fields):
    with ledger.book.lock:
        return ledger.company.add_customer(name=name, **{"email": "accounts@ashcombe.example", **fields})


def invoice(ledger, buyer, amount, number="", due_in_days=30, **fields):
    """An invoice over one line, issued today."""
    amount = Decimal(amount)
    with ledger.book.lock:
        today = ledger.company.today()
        line = Line("Goods", Decimal(1), amount, amount)
        return ledger.company.issue_invoice(
            buyer, [line], today, today + timedelta(days=due_in_days), number=number, **fields
        )


def credit(ledger, buyer, amount, number="", **fields):
    amount = Decimal(amount)
    with ledger.book.lock:
        line = Line("Credit", Decimal(1), amount, amount)
        return ledger.company.give_credit(buyer, [line], ledger.company.today(), number=number, **fields)


def receive(ledger, buyer, amount, *against, kind="payment", **fields):
    """Money in; `against` are (invoice, amount)."""
    with ledger.book.lock:
        pairs = [(debt, Decimal(part)) for debt, part in against]
        return ledger.company.receive(
            buyer, Decimal(amount), ledger.company.today(), pairs, kind=kind, **fields
        )

"""Sandboxes to call: empty ones for single facts, full ones for the portfolio."""

import os
from datetime import date

import pytest

from dunning_connectors.sandbox import Sandbox

from . import callers

TODAY = date(2026, 11, 21)
os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the SDK's session refuses plain http otherwise


@pytest.fixture
def quickbooks():
    with Sandbox("quickbooks", seed=3, today=TODAY, scale=0) as ledger:
        yield ledger


@pytest.fixture
def xero():
    with Sandbox("xero", seed=3, today=TODAY, scale=0) as ledger:
        yield ledger


@pytest.fixture
def sdk(quickbooks):
    return callers.quickbooks_sdk(quickbooks)


@pytest.fixture
def api(xero):
    return callers.Xero(xero)


@pytest.fixture(scope="module")
def full_quickbooks():
    with Sandbox("quickbooks", seed=7, today=TODAY) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def full_xero():
    with Sandbox("xero", seed=7, today=TODAY) as ledger:
        yield ledger

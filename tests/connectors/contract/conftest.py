"""Every statement for every ledger and every gateway: `trial` is one ledger, one receiving side, and no waiting."""

from __future__ import annotations

import logging
import os

import pytest

from dunning_connectors.budget import Budget, Limits
from dunning_connectors.sync import run_pass

from .ledgers import LEDGERS
from .odoo_receivers import OdooInstallation, OdooReceiver
from .receivers import RECEIVERS

# The statements in which the receiving side takes part: the real Odoo keeps them in every run. With
# DUNNING_CONTRACT=full it takes the whole contract.
RECEIVING = (
    "s01", "s03", "s06_the_cursor", "s08", "s10", "s12", "s13", "s14", "s15_a_record", "s22_voided", "s23_control",
    "s23_a_removal_a_person", "s26_what", "q5", "q6_a_zero", "x5_removing", "x6", "many_runners",
)  # fmt: skip


def pytest_collection_modifyitems(config, items):
    """Leave out the other statements for a real Odoo, which takes seconds for each."""
    if os.environ.get("DUNNING_CONTRACT") == "full":
        return
    names = tuple(f"test_{statement}" for statement in RECEIVING)
    left_out = [item for item in items if _is_for_odoo(item) and not item.name.startswith(names)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_for_odoo(item):
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    receiver = parameters.get("receiver_class")
    return isinstance(receiver, type) and issubclass(receiver, OdooReceiver)


class Trial:
    """A connection under trial. `slept` are the seconds the clients would have waited."""

    def __init__(self, ledger_class, receiver_class):
        self._ledger_class, self._receiver_class = ledger_class, receiver_class
        self._open = []
        self.slept = []
        self.budgets = []
        self.ledger = None
        self.receiver = None

    def start(self, scale=0, scopes=None, seed=7, page_rows=1000):
        """Open the ledger's books and connect. Returns self."""
        self.ledger = self._ledger_class(scale=scale, seed=seed)
        self.ledger.page_rows = page_rows
        self._open.append(self.ledger)
        self.receiver = self.connect(scopes=scopes)
        return self

    def connect(self, company=None, scopes=None):
        """One more connection to the same ledger."""
        receiver = self._receiver_class(self.ledger, company, scopes)
        self._open.append(receiver)
        return receiver

    def open_source(self, lease, tokens):
        budget = Budget(Limits(per_minute=1_000_000), sleep=self.slept.append)
        self.budgets.append(budget)
        return self.ledger.source(lease, tokens, budget)

    def grant(self, **changes):
        """The next leases say otherwise: other addresses, another environment, further options."""
        original = self.receiver.gateway.sync_lease

        def changed(runner, seconds):
            answer = original(runner, seconds)
            return answer | changes if "lease" in answer else answer

        self.receiver.gateway.sync_lease = changed

    def run(self, receiver=None, runner="trial", **options):
        return run_pass((receiver or self.receiver).gateway, runner, self.open_source, **options)

    def sync(self, **options):
        """A pass that has to succeed; returns its outcome."""
        outcome = self.run(**options)
        assert outcome.result == "done", outcome
        return outcome

    def check(self):
        """The receiving side equals the ledger's own books, per customer and currency, to the cent."""
        assert self.receiver.balances() == self.ledger.truth()
        assert not self.receiver.parked()

    def close(self):
        for one in reversed(self._open):
            one.close()


@pytest.fixture(scope="session")
def odoo_installation():
    """A real Odoo, and a server on it; both keep secrets with the same key."""
    from cryptography.fernet import Fernet

    from tests.stage import odoo, server

    name, key = f"dunning_contract_{os.getpid()}", Fernet.generate_key().decode()
    odoo.create_database_with_addon(name)
    os.environ["ODOO_DUNNING_KEY"] = key
    with server.running(name, variables={"ODOO_DUNNING_KEY": key}) as running:
        OdooReceiver.installation = OdooInstallation(name)
        OdooReceiver.server_url = running.url
        yield
    OdooReceiver.installation.close()
    del os.environ["ODOO_DUNNING_KEY"]
    odoo.drop_database(name)


@pytest.fixture(params=LEDGERS.values(), ids=LEDGERS)
def ledger_class(request):
    return request.param


@pytest.fixture(params=RECEIVERS)
def receiver_class(request):
    if issubclass(request.param, OdooReceiver):
        request.getfixturevalue("odoo_installation")
    return request.param


@pytest.fixture
def trial(ledger_class, receiver_class):
    trial = Trial(ledger_class, receiver_class)
    yield trial
    trial.close()


@pytest.fixture
def quickbooks(receiver_class):
    trial = Trial(LEDGERS["quickbooks"], receiver_class)
    yield trial
    trial.close()


@pytest.fixture
def xero(receiver_class):
    trial = Trial(LEDGERS["xero"], receiver_class)
    yield trial
    trial.close()


@pytest.fixture(autouse=True)
def _quiet_werkzeug():
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)

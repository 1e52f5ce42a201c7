"""What a receiving side has to bring: a gateway, and a look at what it stored.

`MemoryReceiver` is the in-process gateway over the store in memory; `HttpReceiver` the same store behind Odoo's JSON-2
conventions over real HTTP. `odoo_receivers` are the same over a real Odoo.
"""

from __future__ import annotations

import json
import socket
import threading

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from dunning_connectors.errors import LeaseLost, Reconnect, Retry
from dunning_connectors.gateway import VERBS
from dunning_connectors.gateway.inprocess import InProcessGateway
from dunning_connectors.gateway.json2 import Json2Gateway, Odoo

from ..memory_gateway import MemoryLedger
from .odoo_receivers import OdooJson2Receiver, OdooReceiver

API_KEY = "an-api-key-nobody-may-log"


class MemoryReceiver:
    """One connection at the receiving side. `connect` binds it to a company of the ledger with a fresh consent."""

    def __init__(self, ledger, company=None, scopes=None):
        company = company or ledger.company
        token = ledger.token(company, scopes)
        self.refresh_token = token.get("refresh_token", "")
        self._ledger = ledger
        self.store = MemoryLedger(
            ledger.vendor,
            company.id,
            ledger.box.urls,
            token["access_token"],
            refresh=self._refresh,
            environment="sandbox",
        )
        self.gateway = InProcessGateway(self.store)

    def _refresh(self):
        answer = self._ledger.refresh(self.refresh_token)
        self.refresh_token = answer.refresh_token or self.refresh_token
        return {"access_token": answer.access_token, "token_expires_at": None}

    def close(self):
        """Nothing is held open."""

    # -- what was stored -------------------------------------------------------------------------------------
    def live(self, entity):
        """external id → wire fields of every record that counts."""
        return self.store.live(entity)

    def balances(self):
        """(customer, currency) → net open amount, zeros left out."""
        return self.store.open_by_customer()

    def quarantine(self):
        """(entity, external id) → {"cause", …}"""
        return self.store.quarantine

    def cursors(self):
        return self.store.cursors

    def reports(self):
        return self.store.reports

    def uncovered(self):
        """How many differences the control totals of all passes found."""
        return len(self.store.differences)

    def writes(self):
        """How many records were written since the beginning."""
        return self.store.writes

    def snapshot(self):
        return self.store.snapshot()

    def parked(self):
        return set(self.store.parked)

    def hint(self, entity, external_id):
        """As a webhook: this record is to be read with the next pass."""
        named = {"entity": entity, "external_id": external_id}
        self.store.options = {
            **self.store.options,
            "refetch": [*self.store.options.get("refetch", ()), named],
        }

    def confirm_removal(self):
        """A person says that what the last pass found gone is gone."""
        asked = self.store.reports[-1]["counts"]["removal_open"]
        self.store.options = {**self.store.options, "removal_confirmed": asked}

    def secrets(self):
        """Every secret the receiving side holds."""
        return {self.refresh_token, self.store.token["access_token"]} - {""}

    def runner_died(self):
        """Its lease runs out."""
        self.store.end_lease()


class _Quiet(WSGIRequestHandler):
    def log(self, type, message, *args):
        """Requests are not logged: the bodies are the tests' own."""


class HttpReceiver(MemoryReceiver):
    """`faults` is a list of callables(verb) → a Response to give instead, "cut" to lose the answer, or None."""

    def __init__(self, ledger, company=None, scopes=None):
        super().__init__(ledger, company, scopes)
        self.faults = []
        self.requests = []
        self._server = make_server("127.0.0.1", 0, self._respond, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.slept = []
        self.odoo = Odoo(self.url, "books", API_KEY, sleep=self.slept.append)
        self.gateway = Json2Gateway(self.odoo, 7)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, environ, start_response):
        request = Request(environ)
        verb = request.path.rpartition("/")[2]
        self.requests.append(verb)
        fault = next((answer for answer in (one(verb) for one in self.faults) if answer is not None), None)
        if isinstance(fault, Response):
            return fault(environ, start_response)
        response = self._answer(request, verb)
        if fault == "cut":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("cut to order")
        return response(environ, start_response)

    def _answer(self, request, verb):
        if request.headers.get("Authorization") != f"bearer {API_KEY}":
            return error(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        arguments = request.get_json()
        if verb == "sync_ledgers":
            store = self.store
            row = {
                "id": 7,
                "name": "Books",
                "vendor": store.vendor,
                "environment": "sandbox",
                "state": "connected",
            }
            return Response(json.dumps([row]), content_type="application/json")
        if verb not in VERBS or arguments.pop("ids") != [7]:
            return error(404, "odoo.exceptions.MissingError", "no such method")
        try:
            answer = getattr(self.store, verb)(**arguments)
        except LeaseLost as lost:
            return error(
                422, "odoo.addons.odoo_dunning.models.dunning_ledger_gateway.LeaseLost", lost.message
            )
        except Reconnect as refused:
            return error(
                422, "odoo.addons.odoo_dunning.models.dunning_ledger_gateway.ReconnectNeeded", refused.message
            )
        except Retry as busy:
            return error(
                409, "odoo.addons.odoo_dunning.models.dunning_ledger_gateway.TokenBusy", busy.message
            )
        return Response(json.dumps(answer), content_type="application/json")


def error(status, name, message):
    """An error as Odoo 19's JSON-2 gives it; `debug` would hold a traceback."""
    body = {
        "name": name,
        "message": message,
        "arguments": [message],
        "context": {},
        "debug": "Traceback: secret",
    }
    return Response(json.dumps(body), status, content_type="application/json")


RECEIVERS = [
    pytest.param(MemoryReceiver, id="in_process"),
    pytest.param(HttpReceiver, id="json2"),
    pytest.param(OdooReceiver, id="odoo_in_process", marks=pytest.mark.odoo),
    pytest.param(OdooJson2Receiver, id="odoo_json2", marks=pytest.mark.odoo),
]

"""The HTTP side of a sandbox: a threaded server, one lock, faults around the vendor's skin, a log of requests."""

import logging
import socket
import threading
import time
from collections import Counter, deque
from datetime import datetime, timezone
from datetime import time as clock_time

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request

from . import faults
from .book import Book, BookError
from .clock import Clock
from .control import Control
from .limits import Limits, Meter
from .portfolio import Life
from .quickbooks import QuickBooksSkin
from .webhooks import Notifier
from .wire import Refusal, Reply
from .xero import XeroSkin

_log = logging.getLogger(__name__)
SKINS = {"quickbooks": QuickBooksSkin, "xero": XeroSkin}
LOG_SIZE = 10_000
FIRST_HOUR = clock_time(18, tzinfo=timezone.utc)
POLL_S = 0.05  # how soon a stop is noticed


class Sandbox:
    """A local ledger that speaks QuickBooks Online's or Xero's wire format.

    `with Sandbox("xero", seed=7, today=date(2026, 11, 21)) as ledger:` serves on a free loopback port in a thread.
    Without `today` the books are at the present moment; with it they start on that day at 18:00 UTC, which is the same
    calendar day at every company's seat. `scale` multiplies the portfolio; `scale=0` gives companies without customers.
    `limits` are the rate limits that are enforced (`Limits()` = generous, `Limits.of("xero")` = the vendor's own).
    """

    def __init__(self, vendor, seed=7, today=None, port=0, host="127.0.0.1", scale=1, limits=None):
        if vendor not in SKINS:
            raise ValueError(f"Unknown ledger {vendor!r}; choose one of {', '.join(SKINS)}.")
        self.vendor = vendor
        self.host = host
        self.limits = limits or Limits()
        self._server = None
        self._thread = None
        self._port = port
        self.wall = Clock()
        self.first_day = None
        self.reset(seed=seed, today=today, scale=scale)

    def reset(self, seed=None, today=None, scale=None):
        """Start over with a fresh portfolio, no tokens, faults, webhooks or log. Unnamed settings stay."""
        self.seed = self.seed if seed is None else seed
        self.scale = self.scale if scale is None else scale
        self.first_day = today or self.first_day
        skin = SKINS[self.vendor]
        self.book = Book(skin.habits(self.seed), Clock(self._first_moment()))
        self.life = Life(self.book, self.vendor, self.seed, self.scale)
        self.life.build()
        self.faults = faults.Plan(self.seed)
        self.meter = Meter(self.limits, self.wall)
        self.webhooks = Notifier(self.book, self.vendor)
        self.requests = deque(maxlen=LOG_SIZE)
        self.skin = skin(self)
        self.oauth = self.skin.oauth
        self.control = Control(self)

    def _first_moment(self):
        if self.first_day is None:
            return datetime.now(timezone.utc)
        return datetime.combine(self.first_day, FIRST_HOUR)

    # -- serving ----------------------------------------------------------------------------------------------

    def start(self):
        """Serve in a thread; returns self."""
        self.bind()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), daemon=True, name=f"sandbox-{self.vendor}"
        )
        self._thread.start()
        return self

    def bind(self):
        """Take the port, so that `base_url` is known; requests wait until the sandbox serves. Raises OSError."""
        with socket.create_server((self.host, self._port), backlog=128) as listener:
            self._server = make_server(
                self.host,
                0,
                self._respond,
                threaded=True,
                request_handler=_QuietHandler,
                fd=listener.fileno(),
            )
            self._port = listener.getsockname()[1]
        self._server.daemon_threads = True
        return self

    def serve_forever(self):
        """Serve in this thread, after `bind`, until the process is interrupted."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def stop(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.stop()

    @property
    def base_url(self):
        return f"http://{self.host}:{self._port}"

    @property
    def urls(self):
        """The addresses a connector needs instead of the vendor's: api, authorize, token, revoke and the like."""
        return {name: self.base_url + path for name, path in self.skin.PATHS.items()}

    # -- what tests and demos ask for -------------------------------------------------------------------------

    @property
    def companies(self):
        return list(self.book.companies.values())

    @property
    def company(self):
        """The main company, which holds the portfolio."""
        return self.companies[0]

    def grant(self, company=None, scopes=None):
        """Tokens as a finished consent would give them, without the browser: the token endpoint's JSON as a dict."""
        with self.book.lock:
            company_ids = [(company or self.company).id]
            grant = self.oauth.new_grant(company_ids, scopes or self.skin.DEFAULT_SCOPES)
            self.oauth.rotate(grant)
            grant.refreshed_s = grant.issued_s
            return self.skin.token_payload(grant, self.oauth.issue_access(grant), grant.refresh_token)

    def advance_day(self, days=1):
        """Let `days` pass in the books: new invoices, payments, edits, voids. Returns what happened, counted."""
        with self.book.lock:
            happened = Counter()
            for _ in range(days):
                happened.update(self.life.next_day())
        self.webhooks.flush_if_automatic()
        return dict(happened)

    def truth(self, company=None):
        """The own books: {customer id: {currency: {"open", "credit", "balance", "overdue"}}} of those not at zero."""
        with self.book.lock:
            company = company or self.company
            totals = {customer_id: company.balances(customer_id) for customer_id in company.customers}
            return {customer_id: total for customer_id, total in totals.items() if total}

    # -- one request ------------------------------------------------------------------------------------------

    def _respond(self, environ, start_response):
        request = Request(environ)
        if request.path.startswith("/_sandbox"):
            reply = self.control.dispatch(request)
            return reply.to_response()(environ, start_response)
        began_s = time.monotonic()
        text = f"{request.method} {request.full_path}\n{request.get_data(as_text=True)[:4000]}"
        orders = self.faults.due(text)
        reply = self._answer(request, orders, environ)
        self.skin.dress(request, reply)
        self._note(request, reply, orders, began_s)
        self.webhooks.flush_if_automatic()
        response = reply.to_response()
        if any(order.kind == "cut_midway" for order in orders):
            self._cut(environ, _half_of(response))
        return response(environ, start_response)

    def _answer(self, request, orders, environ):
        """The reply after all faults; a cut connection ends here with ConnectionAbortedError."""
        for order in orders:
            if order.kind == "slow":
                time.sleep(order.params.get("seconds", 1))
        kinds = {order.kind for order in orders}
        if "cut_before" in kinds:
            self._note(request, Reply(status=0), orders, time.monotonic())
            self._cut(environ)
        company_id = self.skin.company_id_of(request)
        with self.meter.running(company_id), self.book.lock:
            reply = self._worked(request, orders, company_id)
        if "cut_after" in kinds:
            self._note(request, reply, orders, time.monotonic())
            self._cut(environ)
        return reply

    def _worked(self, request, orders, company_id):
        for order in orders:
            self._change_world_before(order, company_id)
        for order in orders:
            if order.kind in faults.ANSWERS:
                return self.skin.fault_reply(order.kind, order.params)
        try:
            reply = self._limited(company_id) or self.skin.dispatch(request)
        except Refusal as refusal:
            return refusal.reply
        except BookError as error:
            return self.skin.validation_reply(str(error))
        for order in orders:
            if order.kind in faults.SPOILT:
                for records in self.skin.records(reply.payload):
                    self.faults.spoil(order, records, self.skin.spoil)
            elif order.kind == "concurrent_change":
                self._change_world_after(order, reply, company_id)
        return reply

    def _limited(self, company_id):
        problem = self.meter.spend(company_id)
        return problem and self.skin.fault_reply(
            f"throttle_{problem.name}", {"retry_after_s": problem.retry_after_s}
        )

    def _change_world_before(self, order, company_id):
        if order.kind == "tokens_expire":
            self.oauth.expire_access_tokens()
        elif order.kind == "consent_withdrawn":
            self.oauth.withdraw_consent()
        elif order.kind == "clock_skew":
            self.book.clock.move_s(order.params.get("seconds", 3600))
        elif order.kind == "tenant_taken":
            for grant in self.oauth.grants.values():
                if company_id in grant.company_ids:
                    grant.company_ids.remove(company_id)

    def _change_world_after(self, order, reply, company_id):
        change = order.params.get("change", "edit")
        if callable(change):
            change(self)
            return
        ids = [self.skin.id_of(record) for records in self.skin.records(reply.payload) for record in records]
        self.life.disturb(self.book.companies[company_id], ids, change)

    def _cut(self, environ, last_words=b""):
        connection = environ["werkzeug.socket"]
        try:
            connection.sendall(last_words)
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            _log.debug("The caller had gone before the connection was cut.")
        raise ConnectionAbortedError("cut to order")

    def _note(self, request, reply, orders, began_s):
        self.requests.append(
            {
                "method": request.method,
                "path": request.path,
                "query": request.query_string.decode("latin-1"),
                "body": request.get_data(as_text=True)[:500] if self.skin.may_log_body(request) else "",
                "status": reply.status,
                "faults": [order.kind for order in orders],
                "began_s": began_s,
                "ended_s": time.monotonic(),
            }
        )

    def request_count(self, containing=""):
        """How many vendor requests so far have the given text in "METHOD path?query body"."""
        entries = list(self.requests)
        return sum(
            containing in f"{entry['method']} {entry['path']}?{entry['query']} {entry['body']}"
            for entry in entries
        )


def _half_of(response):
    body = response.get_data()
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    return f"HTTP/1.1 {response.status}\r\n{head}\r\n".encode("latin-1") + body[: len(body) // 2]


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out in separate writes; waiting for the ACK costs 40 ms

    def log(self, type, message, *args):
        _log.debug(message, *args)


def serve(
    vendor, port=0, host="127.0.0.1", seed=7, today=None, scale=1, limits=None, consent="auto", ready=None
):
    """Run a sandbox in this thread until interrupted. `ready(sandbox)` is called once the port is bound."""
    sandbox = Sandbox(vendor, seed=seed, today=today, port=port, host=host, scale=scale, limits=limits).bind()
    sandbox.oauth.consent.mode = consent
    if ready:
        ready(sandbox)
    try:
        sandbox.serve_forever()
    except KeyboardInterrupt:
        _log.info("Stopped by the keyboard.")

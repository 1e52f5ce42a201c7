"""Documents that never end: reading stops at the cap, whatever the answer says of itself."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dunning_connectors.budget import Budget, Limits
from dunning_connectors.documents import read_pdf
from dunning_connectors.errors import Retry, TooLarge
from dunning_connectors.quickbooks import client as quickbooks
from dunning_connectors.xero import client as xero

from .test_writes import FixedToken

MB = 1024 * 1024
# What lies in buffers between two processes of one machine when reading stops.
BUFFERED = 16 * MB


class Endless(BaseHTTPRequestHandler):
    """Answers with a PDF that goes on; `how`: chunked, announced (too long a length), packed (gzip), page, cut."""

    how = "chunked"
    sent = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/pdf")
        body = {"page": b"<html>Sign in</html>" * 10, "cut": b"%PDF-1.4"}.get(self.how)
        if self.how == "announced":
            self.send_header("Content-Length", str(1000 * MB))
        elif self.how == "packed":
            body = gzip.compress(b"%PDF-1.4" + bytes(400 * MB), 1)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
        elif body:
            self.send_header("Content-Length", str(len(body) + (100 if self.how == "cut" else 0)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            if body:
                self.wfile.write(body)
                return
            chunk = b"%PDF-1.4".ljust(MB, b"x")
            framed = b"%x\r\n%s\r\n" % (len(chunk), chunk) if self.how == "chunked" else chunk
            while Endless.sent < 1000 * MB:
                self.wfile.write(framed)
                Endless.sent += MB
        except OSError:
            return

    def log_message(self, *arguments):
        pass


@pytest.fixture
def endless():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Endless.sent = 0
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["quickbooks", "xero"])
def client(request, endless):
    budget = Budget(Limits(per_minute=1_000_000), sleep=lambda seconds: None)
    module = {"quickbooks": quickbooks, "xero": xero}[request.param]
    return module.Client(endless, "1", FixedToken("access"), budget)


@pytest.mark.parametrize("how", ["chunked", "announced", "packed"])
def test_reading_ends_at_the_cap(client, how):
    Endless.how = how

    with pytest.raises(TooLarge, match="allowed"):
        client.pdf("1", MB)

    assert Endless.sent <= BUFFERED


@pytest.mark.parametrize("how", ["page", "cut"])
def test_what_is_no_whole_pdf_is_asked_for_again(client, how):
    Endless.how = how

    with pytest.raises(Retry):
        client.pdf("1", MB)


def test_after_a_document_too_long_the_next_call_reads_its_own_answer(client):
    for how, raised in (("chunked", TooLarge), ("page", Retry), ("chunked", TooLarge)):
        Endless.how = how
        Endless.sent = 0
        with pytest.raises(raised):
            client.pdf("1", MB)


def test_exactly_the_cap_is_allowed():
    assert read_pdf([b"%PD", b"F-1.4"], None, 8) == b"%PDF-1.4"
    with pytest.raises(TooLarge):
        read_pdf([b"%PD", b"F-1.4"], None, 7)
    with pytest.raises(Retry):
        read_pdf([b"%PD"], None, 7)
    with pytest.raises(Retry):
        read_pdf([], "0", 7)

"""A running Odoo with books to collect from, its mailbox, and a browser window for each person."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date

import pytest
from cryptography.fernet import Fernet

from tests.stage import cache

SERIOUS = re.compile(r" (WARNING|ERROR|CRITICAL) ")


@pytest.fixture(scope="session")
def mailbox(tmp_path_factory) -> Iterator:
    from tests.stage.smtp import Mailbox

    with Mailbox(tmp_path_factory.mktemp("mail")) as box:
        yield box


@pytest.fixture(scope="session")
def office(mailbox) -> Iterator:
    """A `tests.stage.server.OdooServer` with its scheduled actions on, over the demo's own books of Odoo."""
    from tests.stage import odoo, ports, postgres, server
    from tests.stage.demo import prepared
    from tests.stage.demo.office import Office

    name = f"dunning_browser_{os.getpid()}"
    with postgres.running():
        prepared.fresh(date.today(), name)
        mail = (f"--smtp={ports.LOOPBACK}", f"--smtp-port={mailbox.port}")
        key = {"ODOO_DUNNING_KEY": Fernet.generate_key().decode()}
        with server.running(name, "--max-cron-threads=1", *mail, variables=key) as running:
            # What a person's first visit as administrator does: links in messages lead here.
            Office(running.url, name, "admin", "admin").call(
                "ir.config_parameter", "set_param", "web.base.url", running.url
            )
            yield running
        odoo.drop_database(name)


@pytest.fixture
def server_complaints(office):
    """A function: what Odoo's log has complained about since the test began."""
    from tests.browser.clerk import NOISE

    start = len(office.log_text())

    def found() -> list[str]:
        lines = office.log_text()[start:].splitlines()
        return [line for line in lines if SERIOUS.search(line) and not any(noise in line for noise in NOISE)]

    return found


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator:
    from playwright.sync_api import sync_playwright

    from tests.browser.clerk import FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def clerk(browser, office, request) -> Iterator:
    """Call it with a login: a `Clerk`. When the test fails, a picture of the last screen is kept."""
    from tests.browser.clerk import SIZE, Clerk

    clerks = []

    def come_in(login: str) -> Clerk:
        page = browser.new_context(viewport=SIZE).new_page()
        clerks.append(Clerk(page, office.url))
        return clerks[-1].log_in(login)

    yield come_in
    for one in clerks:
        if getattr(request.node, "has_failed", False):
            picture = cache.root() / "log" / f"browser.{request.node.name}.png"
            one.picture(picture)
            print(f"The last screen: {picture}")
        one.page.context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    if report.when == "call":
        item.has_failed = report.failed
    return report

"""Every screen of the app opens for those who may see it: no error dialog, no complaint of browser or server."""

from __future__ import annotations

import pytest

from tests.stage.demo.office import Office

pytestmark = pytest.mark.browser

# Where a manager sees more than an accountant.
OF_MANAGERS = ("odoo_dunning.menu_ledgers", "odoo_dunning.menu_configuration")


def test_every_menu_with_a_record_and_its_tabs_opens_for_an_accountant(clerk, server_complaints):
    accountant = clerk("accountant")
    accountant.open("/odoo/collections")
    ways = accountant.menus("Collections")
    assert len(ways) >= 10
    for way in ways:
        _open(accountant, way)
        _open_first_record(accountant, way)
    assert accountant.complaints == []
    assert server_complaints() == []


def test_every_menu_opens_for_a_manager(clerk, office, server_complaints):
    manager = clerk("admin")
    values = {"name": "Books in the cloud", "vendor": "xero", "environment": "sandbox"}
    Office(office.url, office.database, "admin", "admin").call("dunning.ledger", "create", [values])
    manager.open("/odoo/collections")
    ways = manager.menus("Collections")
    assert len(ways) >= 14
    for way in ways:
        _open(manager, way)
        if way[0] in OF_MANAGERS:
            _open_first_record(manager, way)
    assert manager.complaints == []
    assert server_complaints() == []


def _open(person, way) -> None:
    person.choose(way)
    assert person.error_dialog() == "", way


def _open_first_record(person, way) -> None:
    page = person.page
    if page.query_selector(".modal") or not page.query_selector(
        ".o_action_manager .o_list_view tr.o_data_row"
    ):
        return
    person.open_row()
    for tab in page.locator(".o_notebook_headers a.nav-link:visible").all():
        tab.click()
        person.settle()
        assert person.error_dialog() == "", f"{way}: {tab.inner_text()}"

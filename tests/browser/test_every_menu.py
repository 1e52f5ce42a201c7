"""Every screen of the app opens for those who may see it: no error dialog, no complaint in the browser's console."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("login", "least"), [("accountant", 10), ("admin", 14)])
def test_every_menu_its_first_record_and_tabs_open_without_an_error(clerk, server_complaints, login, least):
    person = clerk(login)
    person.open("/odoo/collections")
    ways = person.menus("Collections")
    assert len(ways) >= least
    for way in ways:
        person.choose(way)
        assert person.error_dialog() == "", way
        _open_first_record(person, way)
    assert person.complaints == []
    assert server_complaints() == []


def _open_first_record(person, way) -> None:
    if not person.page.locator(".o_action_manager .o_list_view tr.o_data_row").count():
        return
    person.open_row()
    for tab in person.page.locator(".o_notebook_headers a.nav-link:visible").all():
        tab.click()
        person.settle()
        assert person.error_dialog() == "", f"{way}: {tab.inner_text()}"

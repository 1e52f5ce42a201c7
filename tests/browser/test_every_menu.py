"""Every screen of the app opens for those who may see it: no error dialog, no complaint in the browser's console."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("login", "least"), [("accountant", 10), ("admin", 14)])
def test_every_menu_its_first_record_and_tabs_open_without_an_error(clerk, login, least):
    person = clerk(login)
    person.open("/odoo/collections")
    ways = person.menus("Collections")
    assert len(ways) >= least
    for way in ways:
        person.choose(way)
        assert person.error_dialog() == "", way
        _open_first_record(person, way)
    assert person.complaints == []


def _open_first_record(person, way) -> None:
    if not person.page.locator(".o_action_manager .o_list_view tr.o_data_row").count():
        return
    person.open_row()
    for tab in person.page.locator(".o_notebook_headers a.nav-link:visible").all():
        tab.click()
        person.settle()
        assert person.error_dialog() == "", f"{way}: {tab.inner_text()}"


def test_a_customer_takes_a_call_a_promise_a_dispute_and_a_hold(clerk):
    accountant = clerk("accountant")
    page = accountant.page
    accountant.open("/odoo/collections")
    accountant.open_row(1)

    _fill(accountant, "action_call", {"note": "Pays next week"}, radio="Will look into it")
    assert page.locator(".o-mail-Message:has-text('Pays next week')").count() == 1
    _fill(accountant, "action_promise", {"note": "Ms Winter on the phone"})
    assert page.locator(".o_dunning_chips:has-text('Promised for')").count() == 1
    _fill(accountant, "action_hold", {"reason": "Waits for the credit note"})
    assert page.locator(".o_dunning_chips:has-text('On hold until')").count() == 1
    assert accountant.complaints == []


def _fill(accountant, method, texts, radio=None) -> None:
    page = accountant.page
    accountant.press(method)
    page.wait_for_selector(".modal .o_form_view")
    if radio:
        page.get_by_label(radio).check()
    for field, text in texts.items():
        page.locator(f".modal .o_field_widget[name={field}] :is(input, textarea)").first.fill(text)
    accountant.confirm()
    accountant.settle()

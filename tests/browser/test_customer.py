"""A customer on the phone: what is said becomes a note, a promise, a dispute or a hold, and shows at once."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_a_call_leads_on_to_the_promise_and_both_show_on_the_customer(clerk):
    accountant = clerk("accountant")
    page = accountant.page
    accountant.open("/odoo/collections")
    accountant.open_row(1)

    accountant.press("action_call")
    accountant.fill({"note": "Ms Winter: money is on its way"}, choice="Promises to pay")
    accountant.fill({"note": "On the phone"})

    page.wait_for_selector(".o-mail-Message:has-text('Ms Winter: money is on its way')")
    assert page.locator(".o_dunning_chips:has-text('Promised for')").count() == 1
    accountant.tab("today")
    assert "Payment is promised for" in page.locator(".tab-pane.active").inner_text()
    assert accountant.complaints == []


def test_a_hold_takes_the_customer_out_of_what_is_due(clerk):
    accountant = clerk("accountant")
    page = accountant.page
    accountant.open("/odoo/collections")
    accountant.open_row(2)

    accountant.press("action_hold")
    accountant.fill({"reason": "Waits for the credit note"}, choice="30 days")

    page.wait_for_selector(".o_dunning_chips:has-text('On hold until')")
    accountant.tab("today")
    assert "Waits for the credit note" in page.locator(".tab-pane.active").inner_text()
    assert accountant.complaints == []

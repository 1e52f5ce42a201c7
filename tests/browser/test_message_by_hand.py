"""A message is written where it is read, as the customer will see it, and leaves like that in both its forms."""

from __future__ import annotations

import pytest

from tests.stage.demo.office import Office

pytestmark = pytest.mark.browser

HAND = "We spoke on Monday, and you said"


def test_what_is_typed_into_a_message_is_kept_and_facts_cannot_be_typed_over(
    clerk, office, server_complaints
):
    accountant = clerk("accountant")
    page = accountant.page
    accountant.open("/odoo/collections-runs")
    page.click(".o_list_button_add")
    page.wait_for_selector(".o_form_view")
    accountant.press("action_propose")
    page.wait_for_selector(".o_form_statusbar button[name=action_review]")
    accountant.settle()
    accountant.press("action_review")
    _open_message(accountant)

    accountant.press("action_edit_text")
    page.wait_for_selector(".o_dunning_letter iframe")
    accountant.settle()
    letter = page.frame_locator(".o_dunning_letter iframe")
    assert not letter.locator("th").first.evaluate("cell => cell.isContentEditable")
    _select(letter, letter.locator("p").nth(1))
    page.keyboard.type(f"{HAND} ")
    page.click(".o_dunning_letter button[title=Bold]")
    page.keyboard.type("Friday")
    page.locator(".modal .o_field_widget[name=subject] input").fill("As agreed on Monday")
    page.click(".modal .o_form_button_save")
    page.wait_for_selector(".modal", state="detached")
    accountant.settle()

    assert page.locator(".o_dunning_pane strong").first.inner_text() == "As agreed on Monday"
    shown = page.frame_locator(".o_dunning_pane iframe")
    assert shown.locator("p", has_text=HAND).inner_text().replace("\xa0", " ") == f"{HAND} Friday"
    assert shown.locator("p", has_text=HAND).locator("b").inner_text() == "Friday"
    assert shown.locator("[contenteditable]").count() == 0
    _open_message(accountant)
    page.click(".modal .o_notebook a.nav-link[name=text]")
    assert f"\n\n{HAND} Friday\n\n" in page.locator(".modal [name=body_text] textarea").input_value()

    accountant.press("action_use_text_of_template")
    page.locator(".modal-footer .btn-primary:visible").last.click()
    page.wait_for_selector(".modal .o_form_statusbar button[name=action_edit_text]")
    manager = Office(office.url, office.database, "admin", "admin")
    [run] = manager.read(
        "dunning.run", [("state", "=", "proposed"), ("proposed_by_id.login", "=", "accountant")], []
    )
    manager.call("dunning.run", "action_cancel", [run["id"]])
    assert accountant.complaints == []
    assert server_complaints() == []


def _open_message(accountant) -> None:
    page = accountant.page
    page.wait_for_selector(".o_dunning_pane iframe")
    page.click(".o_dunning_pane button:has-text('Open the message')")
    page.wait_for_selector(".modal iframe")
    accountant.settle()


def _select(letter, paragraph) -> None:
    """Without the mouse: what Playwright runs in a document that is clicked, this document does not let run."""
    letter.locator("body").focus()
    paragraph.evaluate("element => element.ownerDocument.getSelection().selectAllChildren(element)")

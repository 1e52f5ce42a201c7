"""The main job as an accountant does it in the browser: look, propose, review, approve, sent."""

from __future__ import annotations

import pytest

from tests.stage.demo.office import Office

pytestmark = pytest.mark.browser


def test_an_accountant_takes_a_run_from_proposal_to_sent_mail(clerk, office, mailbox, server_complaints):
    accountant = clerk("accountant")
    page = accountant.page

    accountant.open("/odoo/collections")
    worklist = page.locator("tr.o_data_row")
    assert worklist.count() > 5
    customer = worklist.nth(0).locator("td[name=partner_id]").inner_text()
    accountant.open_row()
    assert customer in page.locator(".o_form_sheet h1").first.inner_text()
    assert page.locator(".o_dunning_embedded_list tr.o_data_row").count() > 0

    accountant.open("/odoo/collections-runs")
    page.click(".o_list_button_add")
    page.wait_for_selector(".o_form_view")
    accountant.press("action_propose")
    page.wait_for_selector(".o_form_statusbar button[name=action_approve]")
    accountant.settle()

    proposed = _messages(page)
    assert proposed > 5
    assert page.locator(".o_dunning_run_summary").inner_text().count("€") > 0

    excluded = _exclude_the_first(accountant)
    assert "By hand" not in excluded
    subject, body = _preview_the_first(accountant)
    assert subject
    assert "Brightwater Supplies GmbH" in body

    page.go_back()
    page.wait_for_selector(".o_form_statusbar button[name=action_approve]")
    remaining = _messages(page)
    accountant.press("action_approve")
    accountant.confirm()
    page.wait_for_selector(".o_arrow_button_current:has-text('Done')", timeout=120_000)
    accountant.settle()

    shown_as_sent = int(page.locator("button.oe_stat_button:has-text('Sent') .o_stat_value").inner_text())
    mails = _mails_of_run(office, mailbox, page, shown_as_sent)
    assert 0 < len(mails) <= shown_as_sent <= remaining
    assert not [mail for mail in mails if excluded in mail.get_body(("plain",)).get_content()]
    assert accountant.complaints == []
    assert server_complaints() == []


def _mails_of_run(office, mailbox, page, sent_count) -> list:
    """The mails that arrived for the run on the screen, told by the number of the message in their Message-ID.

    Every message by e-mail arrived once; the others went by another channel.
    """
    manager = Office(office.url, office.database, "admin", "admin")
    name = page.locator(".o_form_sheet h1").inner_text()
    sent = manager.read("dunning.notice", [("run_id.name", "=", name), ("state", "=", "sent")], ["channel"])
    assert len(sent) == sent_count
    marks = [f"<dunning-notice-{notice['id']}-" for notice in sent if notice["channel"] == "email"]
    arrived = mailbox.messages()
    found = [mail for mark in marks for mail in arrived if mail["Message-ID"].startswith(mark)]
    assert len(found) == len(marks)
    return found


def _messages(page) -> int:
    return int(page.locator("button.oe_stat_button:has-text('Messages') .o_stat_value").inner_text())


def _exclude_the_first(accountant) -> str:
    """Leave the first receivable out with one click; returns its number. The list shrinks by it."""
    page = accountant.page
    accountant.tab("included")
    rows = page.locator(".o_dunning_embedded_list tr.o_data_row")
    number = rows.nth(0).locator("td[name=number]").inner_text()
    rows.nth(0).locator("button[name=action_exclude]").click()
    page.wait_for_selector(f".o_dunning_embedded_list td[name=number]:text-is('{number}')", state="detached")
    return number


def _preview_the_first(accountant) -> tuple[str, str]:
    """Read the first message in the pane beside the list: subject and what its document says."""
    page = accountant.page
    accountant.press("action_review")
    page.wait_for_selector(".o_dunning_pane iframe")
    subject = page.locator(".o_dunning_pane strong").first.inner_text()
    body = page.frame_locator(".o_dunning_pane iframe").locator("body").inner_text()
    return subject, body

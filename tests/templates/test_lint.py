"""What must not stand in a text is found with its line; a reminder that lacks what the payer needs is warned of."""

import pytest

from odoo_dunning.rendering import ERROR, WARNING, TemplateParts, check, sample_contexts
from odoo_dunning.rendering.lint import passes_luhn

SAMPLES = sample_contexts("en", "receipt")


def findings(html="<p>x</p>", text="x"):
    return check(TemplateParts("x", html, text), SAMPLES)


@pytest.mark.parametrize(
    "number", ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005", "6011000990139424"]
)
def test_card_numbers_are_refused(number):
    found = findings(text=f"a\nPay with {number}.")
    assert [(one.part, one.line, one.severity) for one in found] == [("text", 2, ERROR)]
    assert "card number" in found[0].message


@pytest.mark.parametrize(
    "harmless",
    [
        "4111111111111112",
        "DE02120300000000202051",
        "0000000000000000",
        "+49 40 5550 120",
        "2026-11-23 2026-11-24",
    ],
)
def test_other_numbers_are_let_be(harmless):
    assert findings(text=f"Ref {harmless}.") == []


@pytest.mark.parametrize(
    ("digits", "valid"),
    [("79927398713", True), ("79927398710", False), ("4242424242424242", True), ("0000000000000", False)],
)
def test_luhn_as_published(digits, valid):
    assert passes_luhn(digits) is valid


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        "<SCRIPT src=x>",
        '<a href="https://x" onclick="y">x</a>',
        '<a href="javascript:x">x</a>',
        '<img src="https://tracker.example/x.gif">',
        "<img src='//tracker.example/x.gif'>",
        "<style>@import 'x'; p { background: url(https://x/y.png) }</style>",
        "<link rel=stylesheet href=x>",
        "<iframe></iframe>",
        '<form action="x"></form>',
        '<meta http-equiv="refresh" content="0">',
    ],
)
def test_active_and_foreign_content_in_html_is_refused(html):
    found = findings(html=f"<p>x</p>\n{html}")
    assert {(one.part, one.line, one.severity) for one in found} == {("html", 2, ERROR)}


def test_a_reminder_that_lacks_what_the_payer_needs_is_warned_of_and_can_still_be_used():
    found = check(TemplateParts("x", "<p>Pay!</p>", "Pay!"), sample_contexts("en", "firm"))
    assert {one.severity for one in found} == {WARNING}
    assert {(one.part, one.message) for one in found} == {
        (part, f"A reminder should show {what}.")
        for part in ("html", "text")
        for what in (
            "every invoice number (loop over “items”)",
            "how to pay (include “_layout/payment”, or show “payment.pay_url” or the IBAN)",
            "the total due (“totals.total_due”)",
        )
    }

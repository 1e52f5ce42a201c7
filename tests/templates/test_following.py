"""A text changed by hand in the HTML alone must not reach the customer unchanged as plain text."""

from __future__ import annotations

import pytest

from odoo_dunning.rendering import following_text, render, sample_contexts, shipped_templates

HTML = """<!DOCTYPE html><html><body><h1>Reminder</h1><p>Dear Ms Winter,</p><p>Please pay <b>10 &euro;</b>.</p>
<table><tr><td>INV-1</td><td>10 &euro;</td></tr></table><p>Kind regards</p><p>Anna<br>+49 40</p></body></html>"""
TEXT = "Reminder DN/1\n\nDear Ms Winter,\n\nPlease pay 10 €.\n\nINV-1   10 €\n\nKind regards\n\nAnna\n+49 40"


def test_changed_paragraph_changes_in_the_plain_text() -> None:
    after = HTML.replace("Please pay <b>10 &euro;</b>.", "Please pay half of it,<br>and <i>call</i> me.")
    assert following_text(TEXT, HTML, after) == TEXT.replace(
        "Please pay 10 €.", "Please pay half of it,\nand call me."
    )


def test_new_paragraph_comes_after_the_one_it_follows() -> None:
    after = HTML.replace("<p>Kind regards</p>", "<p>We spoke on Monday.</p><p>Kind regards</p>")
    assert following_text(TEXT, HTML, after) == TEXT.replace(
        "Please pay 10 €.\n\n", "Please pay 10 €.\n\nWe spoke on Monday.\n\n"
    )


def test_removed_paragraph_is_removed_and_tables_stay() -> None:
    after = HTML.replace("<p>Please pay <b>10 &euro;</b>.</p>", "")
    assert following_text(TEXT, HTML, after) == TEXT.replace("Please pay 10 €.\n\n", "")


def test_paragraph_worded_otherwise_in_plain_text_is_replaced_and_not_said_twice() -> None:
    text = TEXT.replace("Please pay 10 €.", "Please pay 10 €: http://pay.example")
    after = HTML.replace("Please pay <b>10 &euro;</b>.", "Please pay nothing.")
    assert following_text(text, HTML, after) == TEXT.replace("Please pay 10 €.", "Please pay nothing.")


def test_same_document_changes_nothing() -> None:
    assert following_text(TEXT, HTML, HTML) == TEXT


def test_document_that_names_its_encoding_or_is_empty_is_read() -> None:
    assert (
        following_text("Hello", "", '<?xml version="1.0" encoding="utf-8"?><p>Grüße</p>') == "Grüße\n\nHello"
    )


@pytest.mark.parametrize("shipped", shipped_templates(), ids=lambda one: one.key)
def test_every_paragraph_of_a_shipped_text_can_be_changed(shipped) -> None:
    message = render(shipped.parts, sample_contexts(shipped.language)[0])
    paragraphs = [part.split("</p>")[0] for part in message.html.split("<p>")[1:]]
    assert paragraphs
    for paragraph in paragraphs:
        after = message.html.replace(f"<p>{paragraph}</p>", "<p>Written by hand.</p>")
        text = following_text(message.text, message.html, after)
        assert "Written by hand." in text.split("\n\n")
        assert len(text.split("\n\n")) == len(message.text.split("\n\n"))

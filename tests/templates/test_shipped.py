"""Every shipped text works with every kind of message, says the same in both forms, and says it properly."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest

from odoo_dunning.rendering import (
    LEVEL_KEYS,
    Totals,
    check,
    level_title,
    render,
    sample_context,
    sample_contexts,
    shipped_template,
    shipped_templates,
)
from odoo_dunning.rendering.formats import Formats
from odoo_dunning.rendering.samples import bare, with_charges, with_credit, with_offer
from odoo_dunning.rendering.shipped import labels_for

LABELS = Path(__file__).parents[2] / "templates" / "_layout" / "labels"
LANGUAGES = ("de", "en", "es", "fr", "nl")
ASKING = ("courtesy", "friendly", "firm", "final")
TEMPLATES = shipped_templates()
each_template = pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
each_language = pytest.mark.parametrize("language", LANGUAGES)


def visible(html):
    """What a reader sees of a page: no head, no tags."""
    body = re.sub(r"<head>.*?</head>", "", html, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", body))


def numbers(text):
    text = re.sub(r"https?://\S+", "", text)
    return set(re.findall(r"\d(?:[\d.,’\u202f]*\d)?", text))


def placeholders(text):
    return sorted(re.findall(r"\{\w+\}", str(text)))


def test_every_language_has_every_level():
    assert {template.key for template in TEMPLATES} == {
        f"{language}/{key}" for language in LANGUAGES for key in LEVEL_KEYS
    }


def test_a_reference_that_is_the_number_again_is_not_said_twice():
    sample = sample_context("en")
    items = tuple(replace(item, reference=item.number) for item in sample.items)
    message = render(shipped_template("en", "friendly").parts, replace(sample, items=items))
    for item in items:
        assert f"({item.number})" not in message.text
        assert visible(message.html).count(item.number) == visible(
            render(
                shipped_template("en", "friendly").parts,
                replace(sample, items=tuple(replace(item, reference=None) for item in items)),
            ).html
        ).count(item.number)


@each_template
def test_every_sample_renders_without_a_finding(template):
    assert check(template.parts, sample_contexts(template.language, template.level_key)) == []


@each_template
def test_no_placeholder_or_markup_reaches_the_reader(template):
    for context in sample_contexts(template.language, template.level_key):
        message = render(template.parts, context)
        for text in (message.subject, message.text):
            assert not any(
                left in text for left in ("{{", "{%", "{n}", "{amount}", "&amp;", "&#", "<p", "<td", "None")
            )
        seen = visible(message.html)
        assert not any(left in seen for left in ("{{", "{%", "{n}", "{amount}", "None"))


@each_template
def test_plain_text_names_the_same_numbers_as_html(template):
    for context in sample_contexts(template.language, template.level_key):
        message = render(template.parts, context)
        preheader = message.html.partition("mso-hide:all;")[2].partition("</div>")[0]
        html = visible(message.html.replace(preheader, ""))
        website = context.company.website.removeprefix("https://")
        assert numbers(html.replace(website, "")) == numbers(message.text)


@each_template
def test_html_is_well_formed_and_loads_nothing_from_elsewhere(template):
    for context in sample_contexts(template.language, template.level_key):
        html = render(template.parts, context).html
        for tag in ("table", "tr", "td", "th", "p", "div", "span", "a", "h1", "h2", "strong"):
            assert len(re.findall(rf"<{tag}[ >]", html)) == html.count(f"</{tag}>"), tag
        assert not re.search(r"<script|\son\w+=|@import|url\(|<link", html)
        assert not re.search(r"<p>\s*</p>|<br>\s*&middot;|&middot;\s*(?:<br>|</td>)", html)


@each_language
@pytest.mark.parametrize("level_key", ASKING)
def test_a_reminder_shows_all_the_reader_needs_in_order_to_pay(language, level_key):
    context = with_offer(with_charges(with_credit(sample_context(language, level_key))))
    formats = Formats(language, context.document.currency)
    message = render(shipped_template(language, level_key).parts, context)
    for text in (visible(message.html), message.text):
        for item in context.items:
            assert item.number in text
            assert formats.money(item.total_amount) in text
            assert formats.money(item.open_amount) in text
            assert formats.date(item.issue_date) in text
        for wanted in (
            formats.money(context.totals.total_due),
            formats.money(context.offer.amount),
            formats.money(context.offer.discount),
            context.company.bank_accounts[0].iban,
            context.payment.reference,
            context.contact.name,
            context.contact.phone,
            context.contact.email,
        ):
            assert wanted in text, wanted
    for url in (context.payment.pay_url, context.payment.portal_url, context.items[0].link_url):
        assert f'href="{url}"' in message.html
        assert url in message.text


@each_language
def test_a_total_over_charges_adds_up_by_hand(language):
    context = with_charges(with_credit(sample_context(language, "final")))
    # 2,380.00 + 734.50 + 89.90 overdue, 119.00 and 50.00 credited, 106.85 interest, 40.00 fixed sum.
    assert context.totals.total_due == Decimal("3182.25")
    written = Formats(language, context.document.currency).money(Decimal("3182.25"))
    message = render(shipped_template(language, "final").parts, context)
    assert f"{labels_for(language)['total_due']}: {written}" in message.text


@each_language
@pytest.mark.parametrize("level_key", ASKING)
def test_nothing_is_named_that_is_not_there(language, level_key):
    message = render(shipped_template(language, level_key).parts, bare(sample_context(language, level_key)))
    labels = labels_for(language)
    for name in (
        "pay_heading",
        "iban",
        "phone",
        "view",
        "offer_heading",
        "sheet_heading",
        "portal_link",
        "vat",
    ):
        assert not re.search(rf"\b{re.escape(labels[name])}\b", message.text), name
        assert not re.search(rf">\s*{re.escape(labels[name])}\b", message.html), name
    assert "href" not in message.html


@each_language
@pytest.mark.parametrize("level_key", ASKING)
def test_one_invoice_is_spoken_of_in_the_singular(language, level_key):
    plural = {"de": "Rechnungen", "en": "invoices", "es": "facturas", "fr": "factures", "nl": "facturen"}[
        language
    ]
    template = shipped_template(language, level_key)
    single = render(template.parts, sample_context(language, level_key, invoice_count=1))
    assert plural not in single.text + single.subject + visible(single.html)
    assert single.subject.count("INV/2026/0412") == 1
    assert plural in render(template.parts, sample_context(language, level_key)).text


@each_language
def test_a_list_of_due_and_not_yet_due_says_which_are_meant(language):
    context = sample_context(language, "final")
    later = replace(context.items[2], days_overdue=-4)
    items = (*context.items[:2], later)
    message = render(
        shipped_template(language, "final").parts, replace(context, items=items, totals=Totals.of(items))
    )
    said = {
        "de": "den 2 überfälligen Rechnungen in der folgenden Aufstellung",
        "en": "the 2 overdue invoices in the list below",
        "es": "las 2 facturas vencidas de la relación siguiente",
        "fr": "les 2 factures échues de la liste ci-dessous",
        "nl": "de 2 vervallen facturen in het onderstaande overzicht",
    }
    assert said[language] in message.text
    assert labels_for(language)["not_yet_due_sum"] in message.text


@each_language
@pytest.mark.parametrize("level_key", ["firm", "final"])
def test_an_earlier_reminder_is_mentioned_only_if_there_was_one(language, level_key):
    context = sample_context(language, level_key)
    reminded = Formats(language, context.document.currency).date(context.document.reminded_date, "long")
    first = replace(context, document=replace(context.document, reminded_date=None))
    template = shipped_template(language, level_key)
    assert reminded in render(template.parts, context).text
    assert reminded not in render(template.parts, first).text


@pytest.mark.parametrize(
    ("language", "familiar"),
    [
        ("de", r"\b(?:du|dich|dir|dein\w*|euch|euer|eure\w*)\b"),
        ("es", r"\b(?:tú|ti|tu|tus|te|vuestr\w+|os)\b"),
        ("fr", r"\b(?:tu|toi|ton|ta|tes|te)\b"),
        ("nl", r"\b(?:je|jij|jou|jouw|jullie)\b"),
    ],
)
def test_the_reader_is_addressed_formally(language, familiar):
    for template in TEMPLATES:
        if template.language == language:
            message = render(template.parts, sample_context(language, template.level_key))
            assert not re.search(familiar, message.text, re.IGNORECASE), template.key


@each_language
def test_labels_are_complete_and_keep_their_placeholders_in_every_language(language):
    english, own = (
        json.loads((LABELS / f"{code}.json").read_text(encoding="utf-8")) for code in ("en", language)
    )
    assert own.keys() == english.keys()
    for name, text in own.items():
        assert type(text) is type(english[name]), name
        assert placeholders(text) == placeholders(english[name]), name


def test_a_region_gets_the_text_of_its_language_and_an_unknown_one_english():
    assert shipped_template("de_AT", "firm").key == "de/firm"
    assert shipped_template("pt_BR", "firm").key == "en/firm"
    assert level_title("nl_BE", "final") == "Laatste aanmaning"
    with pytest.raises(LookupError, match="No text is shipped for level “own”"):
        shipped_template("de", "own")


def test_checksums_tell_texts_apart():
    assert len({template.checksum for template in TEMPLATES}) == len(TEMPLATES)

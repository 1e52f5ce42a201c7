"""A message wider than a phone: its amounts are cut off where they matter."""

from __future__ import annotations

import pytest

from odoo_dunning.rendering import render, sample_contexts, shipped_templates

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def phone(browser):
    context = browser.new_context(viewport=PHONE)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("template", shipped_templates(), ids=lambda template: template.key)
def test_every_shipped_text_fits_a_phone(phone, template):
    for context in sample_contexts(template.language, template.level_key):
        phone.set_content(render(template.parts, context).html)
        width = phone.evaluate("() => document.documentElement.scrollWidth")
        assert width <= PHONE["width"], phone.evaluate("() => document.body.innerText.slice(0, 200)")

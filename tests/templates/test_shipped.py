"""Every shipped text works with every kind of message it may meet."""

import pytest
from odoo_dunning.rendering import check, render, sample_contexts, shipped_templates

TEMPLATES = shipped_templates()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_every_sample_renders_without_a_finding(template):
    assert check(template.parts, sample_contexts(template.language, template.level_key)) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_no_placeholder_or_markup_reaches_the_reader(template):
    for context in sample_contexts(template.language, template.level_key):
        message = render(template.parts, context)
        for text in (message.subject, message.text):
            assert not any(left in text for left in ("{{", "{%", "{n}", "{amount}", "&amp;", "<p", "<td", "None"))
        assert "None" not in message.html

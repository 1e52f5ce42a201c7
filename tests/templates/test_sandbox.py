"""A template can reach nothing but its data, cannot run away, and every refusal names part, line and next step."""

from dataclasses import replace

import pytest
from markupsafe import Markup

from odoo_dunning.rendering import (
    Contact,
    Customer,
    Item,
    TemplateParts,
    TemplateProblem,
    Totals,
    check,
    render,
    sample_context,
    sample_contexts,
    shipped_template,
)

CONTEXT = sample_context("en", "friendly")


def parts(html="<p>x</p>", text="x", subject="x"):
    return TemplateParts(subject=subject, html=html, text=text)


def problem_of(**sources):
    with pytest.raises(TemplateProblem) as caught:
        render(parts(**sources), CONTEXT)
    return caught.value


def text_of(source, context=CONTEXT):
    return render(parts(text=source), context).text


# -- reaching outside ------------------------------------------------------------------------------------------------

REACHING = {
    "class walk": "{{ company.__class__.__mro__ }}",
    "class by index": "{{ company['__class__'] }}",
    "class by computed name": "{{ company['__cla' ~ 'ss__'] }}",
    "subclasses of a text": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "attr filter": "{{ company|attr('__class__') }}",
    "attribute of map": "{{ items|map(attribute='__class__')|join }}",
    "attribute of sort": "{{ items|sort(attribute='__class__')|join }}",
    "attribute of sum": "{{ items|sum(attribute='__class__') }}",
    "attribute of selectattr": "{{ items|selectattr('__class__')|list|length }}",
    "format string": "{{ '{0.__class__}'.format(company) }}",
    "format map": "{{ '{x}'.format_map(company) }}",
    "percent format": "{{ '%s'|format(company) }}",
    "percent operator": "{{ '%r' % company }}",
    "format by map": "{{ ['{0.__class__}']|map('format', company)|join }}",
    "record itself": "{{ company }}",
    "method of a record": "{{ totals.of(items) }}",
    "globals of a macro": "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "globals of a function": "{{ range.__globals__ }}",
    "macro internals": "{% macro m() %}{% endmacro %}{{ m.name }}",
    "loop internals": "{% for i in items %}{{ loop._iterator }}{% endfor %}",
    "namespace class": "{% set ns = namespace(x=1) %}{{ ns.__class__ }}",
    "self internals": "{{ self._TemplateReference__context }}",
    "decimal method": "{{ totals.total_due.as_tuple() }}",
    "date method": "{{ document.issue_date.strftime('%Y') }}",
    "label internals": "{{ labels._texts }}",
    "label internals by name": "{{ labels['_' ~ 'texts'] }}",
    "label helper": "{{ labels['fixed_text']('view') }}",
    "dictionary of a plural": "{{ labels.days_overdue.forms }}",
    "foreign file": "{% include 'setup.py' %}",
    "file up the tree": "{% include '_layout/../../setup.py' %}",
    "file by variable": "{% include customer.name %}",
    "import": "{% import 'os' as os %}",
    "from import": "{% from company.name import x %}",
    "extends by variable": "{% extends company.name %}",
    "mutating a list": "{% set x = [1] %}{{ x.append(2) }}",
    "lipsum": "{{ lipsum(5) }}",
    "cycler": "{{ cycler('a') }}",
    "environment": "{{ environment }}",
    "context": "{{ context }}",
    "unpacked arguments": "{{ range(*items) }}",
    "internal filter": "{{ items|meter loop(1, 1) }}",
    "internal filter by its name": "{{ items|map('meter loop', 1, 1)|list }}",
}


@pytest.mark.parametrize("source", REACHING.values(), ids=REACHING)
def test_reaching_outside_the_data_is_refused(source):
    problem = problem_of(text=source)
    assert (problem.part, problem.line) == ("text", 1)
    assert "object at 0x" not in problem.message
    assert "<class" not in problem.message


def test_autoescape_cannot_be_switched_off():
    assert (
        "Escaping cannot be switched off"
        in problem_of(html="{% autoescape false %}x{% endautoescape %}").message
    )
    assert "no filter “safe”" in problem_of(html="{{ customer.name|safe }}").message


# What one fence lets through, another may stop by chance: each is known by its own words.
FENCES = [
    ("{% for i in items recursive %}{{ loop(items) }}{% endfor %}", "Recursive loops are not open"),
    ("{% set x = {'a': 1} %}x", "Dictionaries are not open"),
    ("{{ range(*items) }}", "“*” and “**” are not open"),
    ("{{ range(**customer) }}", "“*” and “**” are not open"),
    ("{% for i in range(1001) %}x{% endfor %}", "“range” may count up to 1,000 here"),
    ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "more than 20 levels deep"),
    ("{{ 'a'|replace('a', '" + 100_001 * "x" + "') }}", "grows beyond 100,000 characters"),
]


@pytest.mark.parametrize(("source", "cause"), FENCES, ids=[cause for _source, cause in FENCES])
def test_each_fence_stands_by_itself(source, cause):
    assert cause in problem_of(text=source).message


def test_what_a_fence_allows_just_so_is_let_through():
    assert text_of("{% for i in range(1000) %}x{% endfor %}") == 1000 * "x" + "\n"
    assert text_of("{{ 'a'|replace('a', '" + 99_999 * "x" + "') }}") == 99_999 * "x" + "\n"


# -- running away ----------------------------------------------------------------------------------------------------

BIG = "{% set x %}{% for i in range(1000) %}" + 100 * "a" + "{% endfor %}{% endset %}"
OFTEN = "{% for i in range(1000) %}{% for j in range(200) %}"
RUNAWAY = {
    "nested ranges": "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{{ a }}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "nested ranges with nothing inside": "{% for a in range(1000) %}{% for b in range(1000) %}"
    "{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}",
    "long range": "{% for a in range(10**9) %}x{% endfor %}",
    "longer range": "{% for a in range(1000000) %}x{% endfor %}",
    "huge text": "{{ 'a' * 10000000000 }}",
    "huge text from a number": "{{ 10000000000 * 'a' }}",
    "huge list": "{{ ([0] * 10000000000)|length }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "big product": "{% set ns = namespace(x=10000000000) %}{% for i in range(900) %}{% set ns.x = ns.x * ns.x %}"
    "{% endfor %}",
    "doubling with ~": "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}"
    "{% endfor %}{{ ns.x }}",
    "doubling with +": "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}"
    "{% endfor %}{{ ns.x }}",
    "doubling in set blocks": "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}"
    "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}{{ ns.x }}",
    "doubling by replace": "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}"
    "{% set ns.x = ns.x|replace('a', 'aaaaaaaaaa') %}{% endfor %}{{ ns.x }}",
    "doubling by join": "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}"
    "{% set ns.x = ns.x|join(ns.x) %}{% endfor %}{{ ns.x }}",
    "doubling by fill": "{% set ns = namespace(x='{a}{a}') %}{% for i in range(40) %}"
    "{% set ns.x = ns.x|fill(a=ns.x) %}{% endfor %}{{ ns.x }}",
    "lists in lists": "{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}"
    "{% endfor %}",
    "tuples in tuples": "{% set ns = namespace(x=(1,)) %}{% for i in range(40) %}{% set ns.x = (ns.x, ns.x) %}"
    "{% endfor %}",
    "macro calling itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macros calling each other": "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}"
    "{{ a() }}",
    "macros doubling": "".join(
        f"{{% macro m{n}() %}}{{{{ m{n - 1}() }}}}{{{{ m{n - 1}() }}}}{{% endmacro %}}" for n in range(1, 18)
    ).join(("{% macro m0() %}" + "x" * 1000 + "{% endmacro %}", "{{ m17() }}")),
    "block calling itself": "{% block b %}{{ self.b() }}{% endblock %}",
    "recursive loop": "{% for a in items recursive %}{{ loop(items) }}{% endfor %}",
    "fixed text in a loop": "{% for a in range(1000) %}" + "x" * 5_000 + "{% endfor %}",
    "fixed text in loops": "{% for a in range(1000) %}{% for b in range(100) %}"
    + "x" * 500
    + "{% endfor %}{% endfor %}",
    "shared part in loops": "{% for a in range(1000) %}{% for b in range(1000) %}{% include '_layout/items.txt.j2' %}"
    "{% endfor %}{% endfor %}",
    "loop over a map": "{% for a in range(1000)|map('string') %}x{% endfor %}",
    "searching a big text": BIG + OFTEN + "{{ 'b' in x }}{% endfor %}{% endfor %}",
    "slicing a big text": BIG + OFTEN + "{% if x[1:] %}{% endif %}{% endfor %}{% endfor %}",
    "listing a big text": BIG + OFTEN + "{{ x|list|length }}{% endfor %}{% endfor %}",
    "sorting a big text": BIG + OFTEN + "{{ x|sort|first }}{% endfor %}{% endfor %}",
    "greatest of a big text": BIG + OFTEN + "{{ x|max }}{% endfor %}{% endfor %}",
    "quoting a big text": BIG + OFTEN + "{% if x|urlencode %}{% endif %}{% endfor %}{% endfor %}",
    "upper case of a big text": BIG + OFTEN + "{% if x|upper %}{% endif %}{% endfor %}{% endfor %}",
    "fencing a big text": BIG
    + OFTEN
    + "{% if ('ä' ~ x[:90000])|isolate %}{% endif %}{% endfor %}{% endfor %}",
    "walking a long list": OFTEN + "{{ range(1000)|map('string')|list|length }}{% endfor %}{% endfor %}",
    "adding up a long list": OFTEN + "{{ range(1000)|sum }}{% endfor %}{% endfor %}",
    "wide number format": "{{ 1|number(1000000000) }}",
    "wide centring": "{{ 'x'|center(1000000000) }}",
    "wide indent": "{{ 'x'|indent(1000000000) }}",
}


@pytest.mark.parametrize("source", RUNAWAY.values(), ids=RUNAWAY)
def test_a_runaway_template_stops_with_a_sentence(source):
    problem = problem_of(text=source)
    assert problem.part == "text"
    assert problem.message.endswith((".", "?"))


DEEP = {
    "parentheses": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "lists": "{{ " + "[" * 5_000 + "]" * 5_000 + " }}",
    "minus signs": "{{ " + "-" * 20_000 + "1 }}",
    "not": "{{ " + "not " * 20_000 + "1 }}",
    "sums": "{{ " + "1+" * 20_000 + "1 }}",
    "filters": "{{ 1" + "|abs" * 20_000 + " }}",
    "fields": "{{ company" + ".name" * 20_000 + " }}",
    "ifs": "{% if 1 %}" * 500 + "x" + "{% endif %}" * 500,
    "loops": "{% for a in items %}" * 30 + "x" + "{% endfor %}" * 30,
    "long number": "{{ " + "9" * 10_000 + " }}",
    "long source": "x" * 200_001,
}


@pytest.mark.parametrize("source", DEEP.values(), ids=DEEP)
def test_a_source_too_deep_or_too_long_is_refused_and_not_a_crash(source):
    assert problem_of(text=source).part == "text"


def test_the_budget_is_repeatable():
    source = "{% for a in range(1000) %}{% for b in range(1000) %}{{ a }}{{ b }}{% endfor %}{% endfor %}"
    assert {str(problem_of(text=source)) for _ in range(3)} == {
        "Plain text, line 1: The template does too much work for one message (loops inside loops, or a loop over a "
        "very long list). Shorten the loop."
    }


def test_a_statement_of_two_thousand_invoices_is_within_the_budget():
    item = CONTEXT.items[0]
    items = tuple(replace(item, number=f"INV/{number}") for number in range(2_000))
    context = replace(CONTEXT, items=items, totals=Totals.of(items))
    message = render(shipped_template("en", "statement").parts, context)
    assert "INV/1999" in message.html
    assert "INV/1999" in message.text


# -- what data could do ----------------------------------------------------------------------------------------------


def test_names_are_escaped_in_html_and_left_alone_in_plain_text():
    context = replace(CONTEXT, customer=Customer('<script>alert("1")</script> & Söhne'))
    message = render(parts(html="<p>{{ customer.name }}</p>", text="{{ customer.name }}"), context)
    assert message.html == "<p>&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; Söhne</p>\n"
    assert message.text == '<script>alert("1")</script> & Söhne\n'


@pytest.mark.parametrize(
    "source",
    [
        "{{ customer.name|upper }}",
        "{{ customer.name ~ '' }}",
        "{{ 'x' ~ customer.name }}",
        "{{ customer.name + '' }}",
        "{{ [customer.name]|join(', ') }}",
        "{{ [customer.name, 'x'|nl2br]|join(', ') }}",
        "{{ customer.name|nl2br }}",
        "{{ '{a}'|fill(a=customer.name) }}",
        "{{ ''|nl2br ~ customer.name }}",
        "{{ customer.name|replace('q', 'y') }}",
        "{{ ('<b>'|nl2br)|replace('x', customer.name) }}{{ customer.name }}",
        "{% set x %}{{ customer.name }}{% endset %}{{ x }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(customer.name) }}",
        "{% filter upper %}{{ customer.name }}{% endfilter %}",
        "{{ customer.name|default('')|trim }}",
        "{{ [customer.name]|map('upper')|join }}",
    ],
)
def test_no_way_of_writing_a_name_lets_markup_through(source):
    context = replace(CONTEXT, customer=Customer("<img src=x>"))
    html = render(parts(html=source), context).html.lower()
    assert "<img" not in html
    assert "img src=x" in html


@pytest.mark.parametrize(
    "breaker", ["\r\nBcc: x@evil.example", "\n\nBody", "\x0bx", "\x85x", "\u2028x", "\x00x"]
)
def test_a_name_cannot_break_out_of_the_subject(breaker):
    context = replace(CONTEXT, customer=Customer(f"ACME{breaker}"))
    subject = render(parts(subject="Reminder for {{ customer.name }}\nnow"), context).subject
    assert len(subject.splitlines()) == 1
    assert subject.isprintable()
    assert subject.startswith("Reminder for ACME ")


def test_an_endless_name_leaves_a_subject_of_bounded_length():
    context = replace(CONTEXT, customer=Customer("Ä" * 5_000))
    subject = render(parts(subject="{{ customer.name }}"), context).subject
    assert len(subject) == 250
    assert subject.endswith("…")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", 'https://x"onclick="y', "//x", "ftp://x"]
)
def test_a_link_from_a_ledger_that_is_no_web_address_is_dropped(url):
    item = Item("1", "invoice", CONTEXT.items[0].total_amount, CONTEXT.items[0].open_amount, link_url=url)
    assert item.link_url == ""


def test_markup_and_false_in_the_data_are_plain_text():
    context = replace(
        CONTEXT, customer=Customer(name=Markup("<b>"), salutation_name=False), legal_texts=(Markup("<i>"),)
    )
    source = "{{ customer.name }}{{ customer.salutation_name }}{{ legal_texts[0]|nl2br }}"
    assert render(parts(html=source), context).html == "&lt;b&gt;&lt;i&gt;\n"


def test_a_colour_cannot_carry_style():
    company = replace(CONTEXT.company, primary_color="red;background:url(//x)", secondary_color="#FfAa00")
    assert (company.primary_color, company.secondary_color) == ("#35506b", "#FfAa00")


def test_parts_left_out_leave_no_hole_in_plain_text():
    assert text_of("\n\nDear Anna,  \n\n\n{% if offer %}x{% endif %}\n\n\nRegards\n\n") == (
        "Dear Anna,\n\nRegards\n"
    )


def test_a_right_to_left_name_is_fenced_off_in_plain_text_and_others_are_not():
    context = replace(CONTEXT, customer=Customer("שלום"), contact=Contact("Čapek"))
    assert (
        text_of("{{ customer.name|isolate }} {{ contact.name|isolate }}", context)
        == "\u2068שלום\u2069 Čapek\n"
    )


# -- what the person who edits is told -------------------------------------------------------------------------------

TOLD = {
    "typo in a variable": ("a\nb {{ custmer.name }}", 2, "There is no “custmer” here. Did you mean “customer”?"),
    "typo in a field": ("{{ company.nmae }}", 1, "“company” has no field “nmae”. Did you mean “name”?"),
    "typo in a field in a loop": (
        "{% for item in items %}\n{{ item.open_amout|money }}\n{% endfor %}",
        2,
        "“item” has no field “open_amout”. Did you mean “open_amount”?",
    ),
    "typo in a filter": ("\n\n{{ totals.total_due|mony }}", 3, "There is no filter “mony”. Did you mean “money”?"),
    "typo in a test": ("{% if items is defind %}{% endif %}", 1, "There is no test “defind”. Did you mean “defined”?"),
    "typo in a label": ("\n{{ labels.duedate }}", 2, "There is no label “duedate”. Did you mean “due_date”?"),
    "typo in a shared part": (
        "\n{% include '_layout/item.txt.j2' %}",
        2,
        "There is no shared part “_layout/item.txt.j2”. Did you mean “_layout/items.txt.j2”?",
    ),
    "money of nothing": (
        "\n{{ daily_interest|money }}",
        2,
        "This is not an amount. Show it without a number filter, or only if it is set.",
    ),
    "date of nothing": (
        "{{ document.withdrawn_date|date }}",
        1,
        "This is not a date. Show it without the filter “date”, or only if it is set.",
    ),
    "date style": (
        "{{ document.issue_date|date('huge') }}",
        1,
        "A date has no style “huge”. There is: short, medium, long, full.",
    ),
    "field of nothing": (
        "a\n{{ offer.amount }}",
        2,
        "“amount” belongs to something that is not set in this message. Put it inside an “if”.",
    ),
    "power": ("\n{{ 2 ** 3 }}", 2, "Powers (“**”) are not open to templates."),
    "own labels": (
        "{% set labels = 1 %}",
        1,
        "“labels” holds the fixed texts. Choose another name for your own variable.",
    ),
    "empty": ("  \n ", 1, "This part comes out empty. Write a text for it."),
}  # fmt: skip


@pytest.mark.parametrize(("source", "line", "message"), TOLD.values(), ids=TOLD)
def test_the_problem_names_line_cause_and_next_step(source, line, message):
    problem = problem_of(text=source)
    assert (problem.part, problem.line, problem.message) == ("text", line, message)


@pytest.mark.parametrize(
    ("source", "line", "cause"),
    [
        ("a\n{% if items %}\nb", 3, "endif"),
        ("{{ company.name }", 1, "unexpected '}'"),
        ("a\n\n{% fro x in y %}", 3, "unknown tag 'fro'"),
        ("{% block x %}{% endblock %}\n{% block x %}{% endblock %}", 2, "defined twice"),
    ],
)
def test_a_syntax_error_names_its_line(source, line, cause):
    problem = problem_of(html=source)
    assert (problem.part, problem.line) == ("html", line)
    assert cause in problem.message
    assert "Check that every “{{” has its “}}”" in problem.message


def test_an_error_below_an_included_part_keeps_its_own_line():
    problem = problem_of(text="{% include '_layout/items.txt.j2' %}\n\n{{ totals.sum }}")
    assert problem.line == 3


def test_an_error_inside_an_included_part_is_reported_at_the_include():
    problem = problem_of(
        text="a\n{% block b %}\n{% set items = 5 %}\n{% include '_layout/items.txt.j2' %}\n{% endblock %}"
    )
    assert problem.line == 4


def test_check_finds_mistakes_in_branches_no_sample_enters():
    source = """{% if company.name == 'nobody' %}
    {{ custmer }}
    {% for item in items|sort(attribute='number') %}{{ item.nr }}{% endfor %}
    {{ items[0].nummer }}
    {{ (charges|first).lable }}
    {{ labels.pay_now }}
    {% endif %}"""
    problems = check(parts(text=source), sample_contexts("en", "receipt"))
    assert [(problem.part, problem.line) for problem in problems] == [
        ("text", line) for line in (2, 3, 4, 5, 6)
    ]


def test_check_leaves_own_names_alone():
    source = """{% set company = namespace(nick='x') %}{{ company.nick }}
    {% for customer in (1, 2) %}{{ customer }}{% endfor %}"""
    assert check(parts(text=source), sample_contexts("en", "receipt")) == []


def test_check_reports_each_problem_once_over_all_samples():
    problems = check(parts(text="{{ offer.amount|money }}"), sample_contexts("en", "receipt"))
    assert [str(problem) for problem in problems] == [
        "Plain text, line 1: “amount” belongs to something that is not set in this message. Put it inside an “if”."
    ]

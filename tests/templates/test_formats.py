"""Amounts, dates and counts read as the customer's language writes them, to the currency's own digit."""

from datetime import date
from decimal import Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.rendering import Currency, sample_context
from odoo_dunning.rendering.filters import contrast
from odoo_dunning.rendering.formats import Formats
from odoo_dunning.rendering.shipped import labels_for

NB, NNB = "\u00a0", "\u202f"  # no-break space; narrow no-break space (thousands in French)

# Written by hand after the CLDR charts: symbol side, separators, spaces, digits of the currency.
MONEY = [
    ("en", "EUR", 2, "1234.5", "€1,234.50"),
    ("en_US", "USD", 2, "1234567.89", "$1,234,567.89"),
    ("en", "JPY", 0, "1234", "¥1,234"),
    ("en", "KWD", 3, "1234.5", f"KWD{NB}1,234.500"),
    ("en", "GBP", 2, "-0.5", "-£0.50"),
    ("de", "EUR", 2, "1234.5", f"1.234,50{NB}€"),
    ("de", "EUR", 2, "-1234.5", f"-1.234,50{NB}€"),
    ("de", "JPY", 0, "1234", f"1.234{NB}¥"),
    ("de", "KWD", 3, "1234.5", f"1.234,500{NB}KWD"),
    ("de_CH", "CHF", 2, "1234.5", f"CHF{NB}1’234.50"),
    ("de_AT", "EUR", 2, "1234.5", f"€{NB}1.234,50"),
    ("fr", "EUR", 2, "1234567.8", f"1{NNB}234{NNB}567,80{NB}€"),
    ("fr", "KWD", 3, "0.001", f"0,001{NB}KWD"),
    ("es", "EUR", 2, "12345.6", f"12.345,60{NB}€"),
    ("es", "JPY", 0, "12345", f"12.345{NB}JPY"),
    ("nl", "EUR", 2, "1234.5", f"€{NB}1.234,50"),
    ("nl", "EUR", 2, "-1234.5", f"€{NB}-1.234,50"),
    ("en_IN", "INR", 2, "1234567.8", "₹12,34,567.80"),
    ("xx_unknown", "EUR", 2, "1.5", "€1.50"),
]


@pytest.mark.parametrize(
    ("language", "code", "symbol", "digits", "written"),
    [
        ("en", "KWD", " د.ك ", 3, f"KWD{NB}12.500"),
        ("de", "NOK", "kr", 2, f"12,50{NB}NOK"),
        ("es", "JPY", "¥", 0, f"13{NB}JPY"),
        ("en", "XQZ", " ₪₪ ", 2, "₪₪12.50"),
    ],
)
def test_the_symbol_of_the_books_stands_only_for_a_currency_nobody_else_knows(
    language, code, symbol, digits, written
):
    """“kr” may be Norwegian, Swedish or Danish, and not every reader has Arabic letters: the code is what is meant."""
    assert Formats(language, Currency(code, digits, symbol)).money(Decimal("12.5")) == written


@pytest.mark.parametrize(("language", "code", "digits", "amount", "written"), MONEY)
def test_an_amount_is_written_as_the_language_does(language, code, digits, amount, written):
    assert Formats(language, Currency(code, digits)).money(Decimal(amount)) == written


def test_a_currency_outside_iso_shows_the_symbol_it_has_in_odoo():
    assert Formats("en", Currency("PTS", 0, "pts")).money(Decimal(5)) == f"pts{NB}5"


@pytest.mark.parametrize(
    ("amount", "written"), [("0.005", "€0.01"), ("-0.005", "-€0.01"), ("2.675", "€2.68"), ("-0.004", "€0.00")]
)
def test_half_a_cent_goes_away_from_zero_and_no_minus_stands_before_nothing(amount, written):
    assert Formats("en", Currency("EUR")).money(Decimal(amount)) == written


@given(
    amount=st.decimals(min_value=-(10**12), max_value=10**12, places=2),
    language=st.sampled_from(
        ["en", "de", "fr", "es", "nl", "de_AT", "it", "pl", "pt_BR", "sv", "da", "en_IN", "nl_BE"]
    ),
    code=st.sampled_from(["EUR", "USD", "GBP", "SEK"]),
)
def test_every_amount_is_what_babel_writes(amount, language, code):
    expected = format_currency(amount, code, locale=language, currency_digits=True)
    if amount == 0:
        expected = expected.replace("-", "")
    mine = Formats(language, Currency(code)).money(amount)
    assert mine.replace(NB, "") == expected.replace(NB, "")


@pytest.mark.parametrize(
    ("language", "style", "written"),
    [
        ("en", "medium", "Mar 1, 2026"),
        ("en_GB", "medium", "1 Mar 2026"),
        ("en", "long", "March 1, 2026"),
        ("de", "medium", "01.03.2026"),
        ("de", "long", "1. März 2026"),
        ("fr", "long", "1 mars 2026"),
        ("es", "long", "1 de marzo de 2026"),
        ("nl", "long", "1 maart 2026"),
    ],
)
def test_a_date_is_written_as_the_language_does(language, style, written):
    assert Formats(language, Currency("EUR")).date(date(2026, 3, 1), style) == written


@pytest.mark.parametrize(
    ("language", "rate", "written"),
    [
        ("en", "10.27", "10.27%"),
        ("de", "10.27", f"10,27{NB}%"),
        ("fr", "9.5", f"9,5{NB}%"),
        ("nl", "8", "8%"),
        ("en", "10.150", "10.15%"),
        ("en", "10", "10%"),
    ],
)
def test_a_rate_drops_its_trailing_zeros(language, rate, written):
    assert Formats(language, Currency("EUR")).percent(Decimal(rate)) == written


@pytest.mark.parametrize(
    ("language", "days", "written"),
    [
        ("en", 1, "1 day overdue"),
        ("en", 2, "2 days overdue"),
        ("de", 1, "seit 1 Tag überfällig"),
        ("de", 1000, "seit 1.000 Tagen überfällig"),
        ("fr", 1, "en retard de 1 jour"),
        ("fr", 2, "en retard de 2 jours"),
        ("es", 1, "vencida hace 1 día"),
        ("es", 21, "vencida hace 21 días"),
        ("nl", 1, "1 dag te laat"),
    ],
)
def test_days_overdue_follow_the_number(language, days, written):
    formats = Formats(language, Currency("EUR"))
    assert formats.plural(labels_for(language)["days_overdue"], days) == written


def test_a_region_writes_counts_in_its_own_way():
    label = labels_for("de")["days_overdue"]
    assert Formats("de", Currency("EUR")).plural(label, 1000) == "seit 1.000 Tagen überfällig"
    assert Formats("de_CH", Currency("CHF")).plural(label, 1000) == "seit 1’000 Tagen überfällig"


@pytest.mark.parametrize(
    "amount", [None, 1.5, "12", True, Decimal("NaN"), Decimal("Infinity"), Decimal("1e18")]
)
def test_what_is_no_amount_is_refused(amount):
    with pytest.raises(ValueError, match=r"amount|too large"):
        Formats("en", Currency("EUR")).money(amount)


@pytest.mark.parametrize(
    ("color", "on_it"),
    [
        ("#000000", "#ffffff"),
        ("#ffffff", "#1b1f24"),
        ("#fc0", "#1b1f24"),
        ("#1f5c7a", "#ffffff"),
        ("#714b67", "#ffffff"),
    ],
)
def test_button_text_can_be_read_on_the_company_colour(color, on_it):
    assert contrast(color) == on_it


def test_totals_ask_for_what_is_overdue_less_credits_and_name_the_rest():
    totals = sample_context("en", "friendly").totals
    # 2,380.00 and 734.50 are overdue, 89.90 is not yet due.
    assert (totals.overdue, totals.not_yet_due, totals.total_due) == (
        Decimal("3114.50"),
        Decimal("89.90"),
        Decimal("3114.50"),
    )
    assert (totals.invoice_count, totals.overdue_count) == (3, 2)

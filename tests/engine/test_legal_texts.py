"""A claim must name its law, in the debtor's language, with nothing left blank."""

from datetime import date

import pytest

from odoo_dunning.engine.law_errors import RowInvalid
from odoo_dunning.engine.legal_texts import basis_key, parse_texts, places_of, sentence, statement_keys

from .law_data import book, dates, shipped_rows, texts

WHEN = dates(date(2026, 1, 30), action=date(2026, 3, 2))
LANGUAGES = ("en", "de", "fr", "es", "nl")


def test_every_sentence_exists_in_every_language_with_the_same_places():
    sentences = texts()
    for key in {key for key, _lang in sentences}:
        places = {lang: places_of(sentences[key, lang]) for lang in LANGUAGES}
        assert len(set(places.values())) == 1, (key, places)


def test_every_key_a_row_names_has_a_sentence_and_every_interest_row_a_basis():
    keys = {key for key, _lang in texts()}
    rows = shipped_rows()
    assert {row.value for row in rows if row.unit == "text_key"} <= keys
    for row in rows:
        if (
            row.rule == "interest_rate"
            and row.status != "draft"
            and not row.requires
            and row.valid_to is None
        ):
            assert basis_key(book(), row.jurisdiction, row.debtor_type, WHEN), row.id


@pytest.mark.parametrize(
    ("place", "debtor", "lang", "phrase"),
    [
        ("DE", "b2b", "de_DE", "§ 288 Abs. 2 BGB"),
        ("GB", "b2b", "en_GB", "Late Payment of Commercial Debts (Interest) Act 1998"),
        ("FR", "b2b", "fr", "L441-10"),
        ("DE", "b2c", "pt_BR", "plus 5 percentage points"),
    ],
)
def test_the_sentence_names_the_statute_and_falls_back_to_english(place, debtor, lang, phrase):
    assert phrase in sentence(texts(), basis_key(book(), place, debtor, WHEN), lang)


def test_consumer_statements_belong_to_the_first_reminder():
    assert len(statement_keys(book(), "BE", "b2c", WHEN, 1)) == 5
    assert statement_keys(book(), "BE", "b2c", WHEN, 2) == ()
    assert statement_keys(book(), "NL", "b2c", WHEN, 1) == ("statement.NL.notice",)
    assert statement_keys(book(), "DE", "b2c", WHEN, 1) == ()


def test_places_are_filled_and_a_missing_value_is_named():
    values = {"principal": "€ 1,000.00", "cost": "€ 150.00"}
    text = sentence(texts(), "statement.NL.notice", "nl_NL", values)
    assert "€ 150.00" in text and "$" not in text
    with pytest.raises(RowInvalid, match=r"statement\.NL\.notice \(nl\): no value for \$cost"):
        sentence(texts(), "statement.NL.notice", "nl", {"principal": "x"})


def test_a_place_reaches_nothing_but_its_value():
    with pytest.raises(RowInvalid, match="broken place"):
        parse_texts("key,lang,text\nk,en,${a.__class__} x\n")


@pytest.mark.parametrize("line", ["k,en,", ",en,text", "k,,text", "k,en,one\nk,en,two"])
def test_empty_and_repeated_sentences_are_refused(line):
    with pytest.raises(RowInvalid):
        parse_texts(f"key,lang,text\n{line}\n")


def test_an_unknown_key_is_named():
    with pytest.raises(RowInvalid, match=r"interest\.XX"):
        sentence(texts(), "interest.XX", "de")

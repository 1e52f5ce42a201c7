"""Sentences the law wants or the debtor deserves, by key and language, with `$name` places to fill.

`string.Template` places can hold a name and nothing else, so an edited sentence cannot reach outside its
data.
"""

import csv
import io
from collections.abc import Mapping
from string import Template

from .law import ClaimDates, LawBook
from .law_errors import RowInvalid

COLUMNS = ("key", "lang", "text")
FALLBACK_LANG = "en"

Texts = Mapping[tuple[str, str], str]


def parse_texts(text: str) -> dict[tuple[str, str], str]:
    """(key, language) → sentence. Raises RowInvalid for an empty cell, a repeated key or a malformed place."""
    sentences: dict[tuple[str, str], str] = {}
    for record in csv.DictReader(io.StringIO(text)):
        key, lang, sentence = ((record.get(name) or "").strip() for name in COLUMNS)
        where = f"Legal text {key or '(no key)'}, language {lang or '(none)'}"
        if not (key and lang and sentence):
            raise RowInvalid(
                f"{where}: key, lang and text are all needed. Fill the empty one.",
                row_ids=(key,),
                field="text",
            )
        if (key, lang) in sentences:
            raise RowInvalid(f"{where}: appears twice. Remove one.", row_ids=(key,), field="lang")
        if places_of(sentence) is None:
            raise RowInvalid(
                f"{where}: has a broken place. Write $name, or $$ for a dollar sign.",
                row_ids=(key,),
                field="text",
            )
        sentences[key, lang] = sentence
    return sentences


def places_of(sentence: str) -> frozenset[str] | None:
    """Names of the places in a sentence, or None when one is malformed."""
    names = set()
    for match in Template.pattern.finditer(sentence):
        if match.group("invalid") is not None:
            return None
        name = match.group("named") or match.group("braced")
        if name:
            names.add(name)
    return frozenset(names)


def sentence(texts: Texts, key: str, lang: str, values: Mapping[str, str] | None = None) -> str:
    """The sentence in `lang` ("de", "de_AT"), else in English, with its places filled.

    Raises RowInvalid when the key is unknown or a place has no value.
    """
    for candidate in (lang, lang.split("_")[0].split("-")[0], FALLBACK_LANG):
        template = texts.get((key, candidate))
        if template is not None:
            break
    else:
        raise RowInvalid(
            f"Legal text {key}: no sentence in {lang} or English. Add one.", row_ids=(key,), field="key"
        )
    try:
        return Template(template).substitute(values or {})
    except KeyError as missing:
        raise RowInvalid(
            f"Legal text {key} ({candidate}): no value for ${missing.args[0]}. Remove the place or "
            f"supply the value.",
            row_ids=(key,),
            field="text",
        ) from None


def basis_key(book: LawBook, jurisdiction: str, debtor_type: str, dates: ClaimDates) -> str | None:
    """Key of the sentence that names the statute behind the interest, or None where no usable row has one."""
    row = book.find(jurisdiction, debtor_type, "legal_basis", dates)
    return row.value if row else None


def statement_keys(
    book: LawBook, jurisdiction: str, debtor_type: str, dates: ClaimDates, message_number: int
) -> tuple[str, ...]:
    """Keys of the sentences this reminder must carry, in the order of their rows."""
    rows = book.match(jurisdiction, debtor_type, "required_statement", dates)
    return tuple(
        row.value
        for row in rows
        if row.from_message <= message_number and (row.to_message is None or message_number <= row.to_message)
    )

"""The plain text of a message follows what a person wrote into its HTML."""

from __future__ import annotations

import re
from difflib import SequenceMatcher, get_close_matches

from lxml import html

_ISOLATES = re.compile("[\u2066-\u2069]")
_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_PARAGRAPHS = "//body//*[self::p or self::h1 or self::h2 or self::li][not(.//p or .//li)]"
_LINE_BREAK = "\N{LINE SEPARATOR}"
# How much of a paragraph must be alike for it to be the same one, worded for plain text.
_ALIKE = 0.6


def following_text(text: str, html_before: str, html_after: str) -> str:
    """``text`` with the paragraphs that differ between the two HTML documents changed as they were there.

    What stands in no paragraph, such as the lines of a table, stays. A new paragraph comes after the one it follows in
    the HTML; one that the plain text words otherwise is told by its likeness.
    """
    blocks = _BLANK_LINES.split(text)
    before, after = _paragraphs(html_before), _paragraphs(html_after)
    place = 0
    for what, start, end, new_start, new_end in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        places = _places(blocks, before[start:end], place)
        if what == "equal":
            place = places[-1] + 1 if places else place
            continue
        place = places[0] if places else place
        for index in reversed(places):
            del blocks[index]
        blocks[place:place] = after[new_start:new_end]
        place += new_end - new_start
    return "\n\n".join(blocks)


def _paragraphs(document: str) -> list[str]:
    """The sentences of a document, paragraph by paragraph."""
    # As bytes: a document that names its encoding is refused as text.
    parser = html.HTMLParser(encoding="utf-8")
    tree = html.document_fromstring((document.strip() or "<p></p>").encode(), parser=parser)
    for line_break in tree.iter("br"):
        line_break.tail = _LINE_BREAK + (line_break.tail or "")
    found = (_lines(element.text_content()) for element in tree.xpath(_PARAGRAPHS))
    return [paragraph for paragraph in found if paragraph]


def _lines(content: str) -> str:
    lines = (" ".join(line.split()) for line in content.split(_LINE_BREAK))
    return "\n".join(line for line in lines if line)


def _places(blocks: list[str], paragraphs: list[str], place: int) -> list[int]:
    """Where paragraphs stand among the blocks from ``place`` on, in order."""
    found = []
    for paragraph in paragraphs:
        ahead = {_words(block): index for index, block in reversed([*enumerate(blocks)][place:])}
        for words in get_close_matches(_words(paragraph), ahead, n=1, cutoff=_ALIKE):
            found.append(ahead[words])
            place = ahead[words] + 1
    return found


def _words(text: str) -> str:
    return " ".join(_ISOLATES.sub("", text).split())

"""What a working template still should not contain, and what a reminder should not lack."""

from __future__ import annotations

import re

from .context import MessageContext
from .formats import Formats
from .parts import HTML, TEXT, Message
from .problems import ERROR, WARNING, Problem

_CARD_CANDIDATE = re.compile(r"(?<!\w)\d(?:[ -]?\d){12,18}(?!\w)")
_HTML_RULES = (
    (
        re.compile(r"<\s*script", re.I),
        "A script does not run in a mail and lets spam filters reject it. Remove it.",
    ),
    (
        re.compile(r"<[^>]*\son\w+\s*=", re.I),
        "Event handlers (onclick, …) do not run in a mail. Remove the attribute.",
    ),
    (re.compile(r"javascript\s*:", re.I), "“javascript:” links do not work in a mail. Use a web address."),
    (
        re.compile(r"<\s*(?:iframe|object|embed|form|input|base|link|meta\s+http-equiv)\b", re.I),
        "This element is not allowed in a mail. Remove it.",
    ),
    (
        re.compile(r"(?:\bsrc\s*=\s*[\"']?|\burl\(\s*[\"']?|@import\s+)\s*(?:https?:)?//", re.I),
        "A picture or style from another server tells that server who reads the mail. Use the company's logo "
        "(“company.logo_url”) or remove it.",
    ),
)
_ASKING_TONES = frozenset(("courtesy", "friendly", "firm", "final"))
_CARD_MESSAGE = (
    "This looks like a card number. It must never be stored or mailed (PCI DSS): use the payment link."
)


def lint_source(part: str, source: str) -> list[Problem]:
    """Findings in the source: card numbers anywhere; active or external content in the HTML text (errors)."""
    findings = [
        Problem(part, _line_at(source, match.start()), _CARD_MESSAGE)
        for match in _CARD_CANDIDATE.finditer(source)
        if passes_luhn(re.sub(r"\D", "", match[0]))
    ]
    if part == HTML:
        findings += [
            Problem(part, _line_at(source, match.start()), message, ERROR)
            for pattern, message in _HTML_RULES
            for match in pattern.finditer(source)
        ]
    return findings


def lint_message(message: Message, context: MessageContext) -> list[Problem]:
    """Warnings about a rendered sample: what the reader needs in order to pay, in both texts."""
    if context.level.tone not in _ASKING_TONES:
        return []
    formats = Formats(context.language, context.document.currency)
    wanted = [(formats.money(context.totals.total_due), "the total due (“totals.total_due”)")]
    wanted += [(item.number, "every invoice number (loop over “items”)") for item in context.items]
    ways = [account.iban for account in context.company.bank_accounts]
    ways += [context.payment.pay_url] if context.payment.pay_url else []
    findings = []
    for part, text in ((HTML, message.html), (TEXT, message.text)):
        plain = _without_blanks(text)
        missing = {what for value, what in wanted if _without_blanks(value) not in plain}
        if ways and not any(_without_blanks(way) in plain for way in ways):
            missing.add("how to pay (include “_layout/payment”, or show “payment.pay_url” or the IBAN)")
        findings += [Problem(part, 1, f"A reminder should show {what}.", WARNING) for what in sorted(missing)]
    return findings


def passes_luhn(digits: str) -> bool:
    """The check digit rule of payment card numbers (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def _without_blanks(text: str) -> str:
    return re.sub(r"\s|&nbsp;|&#160;", "", text.replace("&amp;", "&"))


def _line_at(source: str, position: int) -> int:
    return source.count("\n", 0, position) + 1

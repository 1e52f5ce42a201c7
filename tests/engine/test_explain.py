"""The reason is what the accountant reads: it must be complete, right and translatable."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

import pytest

from odoo_dunning.engine import explain
from odoo_dunning.engine.snapshot import FOREVER, Reason

from .build import UTC, answer, invoice, run

CODES = sorted(value for name, value in vars(Reason).items() if name.isupper())


def test_every_code_has_arguments_a_sentence_and_a_next_step():
    for mapping in (explain.ARGUMENTS, explain.NEXT_STEPS):
        assert sorted(mapping) == CODES
    assert set(CODES) <= set(explain.SENTENCES)


def test_placeholders_are_named_and_known():
    for key, template in explain.SENTENCES.items():
        code = next(code for code in sorted(CODES, key=len, reverse=True) if key.startswith(code))
        assert set(re.findall(r"%\((\w+)\)s", template)) <= set(explain.ARGUMENTS[code]), key
        assert template.replace("%(", "").count("%") == 0


@pytest.mark.parametrize(
    ("code", "args", "expected"),
    [
        (
            "notify",
            ("Firm", date(2025, 6, 5), 6, date(2025, 6, 11), "", ""),
            "“Firm” leaves on 2025-06-11: due on 2025-06-05, 6 days overdue.",
        ),
        (
            "notify",
            ("Firm", date(2025, 6, 5), 11, date(2025, 6, 16), "weekend", "Saturday"),
            "“Firm” leaves on 2025-06-16: due on 2025-06-05, 11 days overdue. "
            "It was moved: Saturday is not a working day for the customer.",
        ),
        (
            "notify",
            ("Courtesy", date(2025, 6, 14), -3, date(2025, 6, 11), "", ""),
            "“Courtesy” leaves on 2025-06-11: due on 2025-06-14, not overdue yet.",
        ),
        (
            "notify",
            ("Firm", date(2025, 6, 5), 1, date(2025, 6, 6), "", ""),
            "“Firm” leaves on 2025-06-06: due on 2025-06-05, one day overdue.",
        ),
        ("promised", (date(2025, 6, 11), 0), "Payment is promised for 2025-06-11."),
        (
            "promised",
            (date(2025, 6, 11), 1),
            "Payment is promised for 2025-06-11 (plus one day of grace).",
        ),
        (
            "promised",
            (date(2025, 6, 11), 2),
            "Payment is promised for 2025-06-11 (plus 2 days of grace).",
        ),
        ("unmatched_receipts", (1,), "One receipt of this customer is not matched yet."),
        ("unmatched_receipts", (2,), "2 receipts of this customer are not matched yet."),
        ("hold", (FOREVER, "moving", "Ada"), "On hold until released. Reason: moving. Set by Ada."),
        (
            "hold_account",
            (date(2025, 6, 11), None, None),
            "The customer is on hold up to and including 2025-06-11.",
        ),
        ("netted", ("CN/3", Decimal("100.00"), "EUR"), "Covered by credit CN/3 (100.00 EUR)."),
        ("disputed", (Decimal("9.500"), "KWD", "damaged"), "Disputed: 9.500 KWD. Reason: damaged."),
        (
            "last_level_reached",
            ("Final", date(2025, 6, 11), "stay"),
            "The last level (“Final”) was reached on 2025-06-11.",
        ),
        (
            "last_level_reached",
            ("Final", date(2025, 6, 11), "stop"),
            "Reminders ended with the last level (“Final”) on 2025-06-11.",
        ),
        ("bank_stale", (None,), "There are no bank entries yet: payments are unknown."),
        ("volume_cap", ("Firm", None, 50), "Held back by the volume cap (50 an hour)."),
        ("no_policy", (None,), "No dunning policy applies to it."),
        ("no_policy", (7,), "Its dunning policy (number 7) does not exist any more or has no level."),
    ],
)
def test_sentences_read_well(code, args, expected):
    assert explain.sentence(code, args) == expected


def test_which_rule_chose_the_policy():
    found = answer(run(invoice(overdue=6)))._replace(policy_source="rule: Big: customers")
    template, values = explain.policy_source(found)
    assert template % values == "Policy chosen by the rule “Big: customers”."
    assert explain.policy_source(found._replace(policy_source="")) == ("", {})


def test_stored_arguments_are_plain_json_and_come_back_as_they_were():
    args = (datetime(2025, 6, 8, 3, tzinfo=UTC),)
    assert explain.to_json("source_stale", args) == {"synced_at": "2025-06-08T03:00:00+00:00"}
    assert explain.from_json("source_stale", {"synced_at": "2025-06-08T03:00:00+00:00"}) == args
    amounts = (Decimal("1.10"), Decimal("2"), "EUR")
    assert explain.to_json("credit", amounts) == {
        "applied_amount": "1.10",
        "left_amount": "2",
        "currency": "EUR",
    }
    assert explain.from_json("credit", explain.to_json("credit", amounts)) == amounts

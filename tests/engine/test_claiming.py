"""One message's claims: who is charged, what was charged before, other currencies, and what is said instead."""

from datetime import date
from decimal import Decimal

import pytest

from odoo_dunning.engine.claiming import (
    AccountTerms,
    Claimant,
    Earlier,
    ItemFacts,
    LevelCharges,
    Subject,
    settled,
)
from odoo_dunning.engine.law import AgreedRate
from odoo_dunning.engine.law_choice import Place
from odoo_dunning.engine.snapshot import Account, Item
from tests.engine import law_data

TODAY, DUE = date(2026, 11, 18), date(2026, 6, 20)
EVERYTHING = LevelCharges(1, has_interest=True, has_recovery_sum=True)


def item(number=1, amount="1000.00", open_amount=None, due=DUE, **fields):
    total = Decimal(amount)
    return Item(
        id=number,
        account_id=1,
        currency="EUR",
        kind="invoice",
        number=f"R-{number}",
        reference=None,
        issue_date=date(2026, 5, 21),
        due_date=due,
        amount_total=total,
        amount_open=total if open_amount is None else Decimal(open_amount),
        **fields,
    )


def claimant(country="DE", rates=None, today=TODAY):
    return Claimant(
        book=law_data.book(),
        choices=law_data.choices(),
        seller=Place(country),
        today=today,
        rates=rates or {"EUR": Decimal(1), "USD": Decimal("1.1601"), "JPY": Decimal("171.5")},
        digits={"EUR": 2, "USD": 2, "JPY": 0, "GBP": 2},
        is_working_day=lambda day: day.weekday() < 5,
    )


def subject(
    *items, level=EVERYTHING, currency="EUR", debtor_type="business", country="DE", facts=None, **fields
):
    account = Account(id=1, country=country, debtor_type=debtor_type)
    return Subject(account, level, currency, items or (item(),), facts=facts or {}, **fields)


def amounts(claims):
    return [(one.kind, one.amount) for one in claims if not one.message]


def test_german_business_over_the_change_of_rates():
    """10 × 10.27 + 141 × 10.52 on 1,000 over 36,500 = 43.45 (by hand); 40.00 by § 288 (5) BGB."""
    law, claims = claimant().claims(subject())

    assert (law.jurisdiction, law.reason) == ("DE", "seller_law")
    assert amounts(claims) == [("interest", Decimal("43.45")), ("recovery_sum", Decimal(40))]


def test_consumer_is_charged_only_where_the_level_says_so():
    assert claimant().claims(subject(debtor_type="consumer")) == (None, [])


def test_not_late_is_not_charged():
    _law, claims = claimant().claims(subject(item(due=TODAY)))
    assert claims == []


def test_interest_charged_before_is_taken_off_even_where_it_was_waived():
    for waived in ("0", "30.00"):
        earlier = (Earlier("interest", Decimal("30.00"), Decimal(waived), date(2026, 9, 1)),)
        facts = {1: ItemFacts(earlier=earlier)}
        _law, claims = claimant().claims(subject(facts=facts, level=LevelCharges(1, has_interest=True)))
        assert amounts(claims) == [("interest", Decimal("13.45"))]


def test_more_charged_before_than_owed_charges_nothing():
    facts = {1: ItemFacts(earlier=(Earlier("interest", Decimal(60), Decimal(0), date(2026, 9, 1)),))}
    _law, claims = claimant().claims(subject(facts=facts, level=LevelCharges(1, has_interest=True)))
    assert claims == []


def test_recovery_sum_once_whether_standing_or_waived():
    for waived in (0, 40):
        facts = {
            1: ItemFacts(earlier=(Earlier("recovery_sum", Decimal(40), Decimal(waived), date(2026, 9, 1)),))
        }
        _law, claims = claimant().claims(subject(facts=facts, level=LevelCharges(1, has_recovery_sum=True)))
        assert claims == []


def test_sum_of_another_currency_is_rounded_down():
    """40 euro: 46.404 dollars, 6,860 yen."""
    for currency, expected in (("USD", "46.40"), ("JPY", "6860")):
        _law, claims = claimant().claims(
            subject(level=LevelCharges(1, has_recovery_sum=True), currency=currency)
        )
        assert amounts(claims) == [("recovery_sum", Decimal(expected))]


def test_missing_exchange_rate_says_so_and_charges_nothing():
    one = claimant(rates={"EUR": Decimal(1)})
    _law, [refused] = one.claims(subject(level=LevelCharges(1, has_recovery_sum=True), currency="GBP"))
    assert refused.amount == 0
    assert "No exchange rate of GBP" in refused.message


def test_missing_rate_is_said_once_and_leaves_the_sums():
    late = claimant(today=date(2027, 2, 1))
    _law, claims = late.claims(subject(item(1), item(2)))

    assert amounts(claims) == [("recovery_sum", Decimal(40))] * 2
    [refused] = [one for one in claims if one.message]
    assert refused.kind == "interest"
    assert "DE_BASE.2026H2" in refused.message


def test_unknown_law_is_said_once():
    law, [refused] = claimant("JP").claims(subject(item(1), item(2)))
    assert law is None
    assert "JP" in refused.message


def test_days_without_interest():
    terms = AccountTerms(stops=((date(2026, 7, 1), None),))
    _law, claims = claimant().claims(subject(terms=terms, level=LevelCharges(1, has_interest=True)))
    assert amounts(claims) == [("interest", Decimal("2.81"))]


def test_one_fee_a_message_on_the_item_reminded_most():
    level = LevelCharges(1, fee_kind="reminder_fee", policy_law="FI")
    facts = {2: ItemFacts(messages=((date(2026, 7, 1), "email"), (date(2026, 8, 1), "email")))}
    _law, claims = claimant().claims(subject(item(1), item(2), level=level, facts=facts))
    assert [(one.item_id, one.amount) for one in claims] == [(2, Decimal(12))]


@pytest.mark.parametrize(
    ("open_amount", "disputed", "credits", "expected"),
    [
        ("1000.00", "0", (), []),
        # Lowered without a date on record: no interest on it from the start.
        ("700.00", "0", (), [(DUE, Decimal("300.00"))]),
        ("1000.00", "250.00", (), [(DUE, Decimal("250.00"))]),
        ("1000.00", "0", ((date(2026, 8, 1), Decimal(50)),), [(date(2026, 8, 1), Decimal(50))]),
    ],
)
def test_what_bears_no_interest(open_amount, disputed, credits, expected):
    one = item(open_amount=open_amount, amount_disputed=Decimal(disputed))
    assert settled(one, (), credits) == expected


def test_more_settled_than_the_balance_fell_is_left_as_it_is():
    events = ((date(2026, 8, 1), Decimal(400)),)
    assert settled(item(open_amount="700.00"), events, ()) == list(events)


def test_swedish_compensation_and_reminder_fee_are_not_asked_in_one_letter():
    """Förseningsersättning stands instead of the fee (SFS 1981:739), within one message as between two."""
    level = LevelCharges(
        1, has_recovery_sum=True, fee_kind="reminder_fee", grounds=frozenset(["fee_clause"]), policy_law="SE"
    )
    rates = {"EUR": Decimal(1), "SEK": Decimal("11.00")}
    swedish = claimant("SE", rates)
    swedish.digits["SEK"] = 2
    facts = {1: ItemFacts(messages=((date(2026, 7, 1), "email"),))}
    _law, claims = swedish.claims(subject(item(1), level=level, currency="SEK", country="SE", facts=facts))
    assert amounts(claims) == [("recovery_sum", Decimal("450.00"))]


def test_dutch_collection_cost_leaves_out_the_invoice_that_had_no_fourteen_day_letter():
    """15 % of 400.00; the other 1,000.00 was never announced."""
    level = LevelCharges(1, fee_kind="collection_cost", charges_consumers=True)
    facts = {1: ItemFacts(messages=((date(2026, 10, 1), "email"),))}
    _law, claims = claimant("NL").claims(
        subject(item(1, "400.00"), item(2), level=level, debtor_type="consumer", country="NL", facts=facts)
    )
    assert amounts(claims) == [("collection_cost", Decimal("60.00"))]


def test_an_agreed_rate_is_simple_where_only_the_statutory_one_compounds():
    """8 % of 1,000.00 from 21 June 2024 to 20 June 2026, 730 days."""
    agreed = AccountTerms(agreed=AgreedRate(Decimal(8)))
    late = item(due=date(2024, 6, 20))
    level = LevelCharges(1, has_interest=True)
    dutch = claimant("NL", today=date(2026, 6, 20))
    _law, claims = dutch.claims(subject(late, level=level, country="NL", terms=agreed))
    assert amounts(claims) == [("interest", Decimal("160.00"))]


def test_growth_a_day_of_compounding_interest_is_what_the_next_day_adds():
    """Two years at 10.15 … joined the base, so a day of the third bears more than on 10,000.00."""
    late = item(1, "10000.00", due=date(2024, 1, 1))
    level = LevelCharges(1, has_interest=True)
    one = subject(late, level=level, country="NL")
    dutch, tomorrow = claimant("NL"), date(2026, 11, 19)
    law = dutch.law_of(one)
    grown = claimant("NL", today=tomorrow).sheet(one, law, late).segments
    assert dutch.daily_interest(one, law, late, tomorrow) == pytest.approx(
        grown[-1].base * grown[-1].rate_pct / 36500, abs=Decimal("0.0001")
    )

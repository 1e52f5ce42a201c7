"""A fee above the law voids the claim, and a consumer charged without a rule is a complaint to the regulator."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.engine.charges import (
    NO_HISTORY,
    Cap,
    Claim,
    History,
    PastCharge,
    PastMessage,
    cap_for,
    default_amount,
    interest_gate,
    notice_start,
    validate_fee,
)
from odoo_dunning.engine.law import LawBook
from odoo_dunning.engine.law_errors import (
    AboveCap,
    AbsurdAmount,
    RuleConflict,
    RuleUnknown,
    UnknownJurisdiction,
)
from odoo_dunning.engine.law_rows import CHARGE_KINDS

from . import strategies_law as some
from .law_data import book, dates, shipped_rows

D = Decimal
DUE = date(2026, 1, 30)
TODAY = date(2026, 3, 2)


def claim(jurisdiction, debtor_type="b2b", principal="1000", number=1, today=TODAY, currency="EUR", **more):
    return Claim(
        jurisdiction,
        debtor_type,
        D(principal),
        currency,
        dates(DUE, action=today),
        message_number=number,
        **more,
    )


def weekdays(day: date) -> bool:
    return day.weekday() < 5


# Fixed sums


@pytest.mark.parametrize(
    ("principal", "expected"),
    # gov.uk late-commercial-payments: 40 below 1,000, 70 from there, 100 from 10,000.
    [
        ("0.01", 40),
        ("999.99", 40),
        ("1000", 70),
        ("1000.01", 70),
        ("9999.99", 70),
        ("10000", 100),
        ("10000.01", 100),
    ],
)
def test_t2_british_sum_by_size_of_debt(principal, expected):
    cap = cap_for(book(), "recovery_sum", claim("GB", principal=principal, currency="GBP"))
    assert (cap.amount, cap.currency) == (expected, "GBP")


@pytest.mark.parametrize(
    ("principal", "expected"),
    # irelandtogether.ie: 40 up to 1,000, 70 above, 100 above 10,000.
    [("999.99", 40), ("1000", 40), ("1000.01", 70), ("10000", 70), ("10000.01", 100)],
)
def test_irish_bands_include_their_upper_end(principal, expected):
    assert cap_for(book(), "recovery_sum", claim("IE", principal=principal)).amount == expected


@pytest.mark.parametrize(
    ("jurisdiction", "amount", "currency"),
    [
        ("EU", 40, "EUR"),
        ("DE", 40, "EUR"),
        ("AT", 40, "EUR"),
        ("FR", 40, "EUR"),
        ("NL", 40, "EUR"),
        ("FI", 40, "EUR"),
        ("BE", 40, "EUR"),
        ("ES", 40, "EUR"),
        ("IT", 40, "EUR"),
        ("SE", 450, "SEK"),
        ("DK", 310, "DKK"),
    ],
)
def test_sum_for_a_business_invoice_paid_late(jurisdiction, amount, currency):
    cap = cap_for(book(), "recovery_sum", claim(jurisdiction))
    assert (cap.amount, cap.currency, cap.row_ids[0]) == (
        amount,
        currency,
        f"{jurisdiction}.b2b.recovery_sum",
    )


def test_a_fee_from_memory_waits_for_activation():
    second = claim("DE", "b2c", number=2)
    assert cap_for(book(), "reminder_fee", second).amount == 0
    assert cap_for(book("DE.b2c.reminder_fee"), "reminder_fee", second).amount == D("0.76")


def test_norwegian_compensation_takes_off_the_fees_and_leaves_none_on_top():
    """kontohjelp.no: earlier fees are deducted from the standard compensation, 460 in the first half of 2026."""
    late = Claim("NO", "b2b", D(5000), "NOK", dates(date(2026, 1, 30), action=TODAY), 2)
    fees = History((PastCharge("reminder_fee", D("37.50"), date(2026, 2, 15)),))
    assert cap_for(book(), "recovery_sum", late, fees).amount == D("422.50")
    asked = History(together=(PastCharge("recovery_sum", D(460), TODAY),))
    assert cap_for(book(), "reminder_fee", late, asked).amount == 0


def test_polish_bands_are_measured_in_zloty():
    with pytest.raises(RuleUnknown, match="written in PLN, the claim in EUR"):
        cap_for(book(), "recovery_sum", claim("PL"))
    for zloty, expected in (("5000", 40), ("5000.01", 70), ("49999.99", 70), ("50000", 100)):
        cap = cap_for(book(), "recovery_sum", claim("PL", principal_elsewhere={"PLN": D(zloty)}))
        assert (cap.amount, cap.currency) == (expected, "EUR")


@pytest.mark.parametrize(
    ("due", "expected"), [(date(2022, 6, 29), 390), (date(2022, 6, 30), 400), (date(2025, 6, 29), 470)]
)
def test_norwegian_sum_is_that_of_the_half_year_the_default_began(due, expected):
    late = Claim("NO", "b2b", D(5000), "NOK", dates(due, action=TODAY))
    assert cap_for(book(), "recovery_sum", late).amount == expected


def test_a_norwegian_half_year_without_a_sum_gets_none():
    late = Claim("NO", "b2b", D(5000), "NOK", dates(date(2024, 8, 1), action=TODAY))
    assert cap_for(book(), "recovery_sum", late).amount == 0


def test_the_sum_is_owed_once_per_invoice():
    history = History((PastCharge("recovery_sum", D(40), TODAY),))
    cap = cap_for(book(), "recovery_sum", claim("DE"), history)
    assert (cap.amount, cap.reason) == (0, "already_claimed")


def test_a_part_claimed_before_leaves_the_rest():
    history = History((PastCharge("recovery_sum", D(15), TODAY),))
    assert cap_for(book(), "recovery_sum", claim("DE"), history).amount == 25


# Scales


@pytest.mark.parametrize(
    ("principal", "expected"),
    # intrum.nl: 125 -> 40; 23,000 -> 1,005; from 1,000,000 -> 6,775. The others by hand from the scale.
    [
        ("125", "40"),
        ("266.66", "40"),
        ("266.70", "40.01"),
        ("2500", "375"),
        ("2500.01", "375.00"),
        ("5000", "625"),
        ("10000", "875"),
        ("23000", "1005"),
        ("200000", "2775"),
        ("1000000", "6775"),
        ("9000000", "6775"),
    ],
)
def test_t8_dutch_collection_cost_scale(principal, expected):
    after_notice = claim("NL", "b2c", principal, notice_start_date=date(2026, 2, 1))
    assert cap_for(book(), "collection_cost", after_notice).amount == D(expected)


@pytest.mark.parametrize(
    ("principal", "expected"),
    # CEL Book XIX as told by daldewolf.com and vandelanotte.be; values at the edges by hand.
    [("100", "20"), ("150", "20"), ("150.01", "30.00"), ("500", "65"), ("500.01", "65.00"), ("1500", "115"),
     ("39200", "2000"), ("100000", "2000")],
)  # fmt: skip
def test_belgian_penalty_clause_scale(principal, expected):
    late = claim(
        "BE", "b2c", principal, grounds=frozenset({"fee_clause"}), notice_start_date=date(2026, 2, 1)
    )
    assert cap_for(book(), "penalty", late).amount == D(expected)


@pytest.mark.parametrize(("principal", "expected"), [("100", "2"), ("3000", "60")])
def test_t13_brazilian_penalty_is_two_percent_once(principal, expected):
    late = claim("BR", "b2c", principal, currency="BRL", grounds=frozenset({"fee_clause"}))
    assert cap_for(book(), "penalty", late).amount == D(expected)
    again = History((PastCharge("penalty", D(expected), TODAY),))
    assert cap_for(book(), "penalty", late, again).amount == 0


def test_dutch_business_scale_counts_the_forty_euro_it_contains():
    asked = PastCharge("recovery_sum", D(40), TODAY)
    for history in (History((asked,)), History(together=(asked,))):
        assert cap_for(book(), "collection_cost", claim("NL", principal="1000"), history).amount == 110


# Consumers and first reminders


@pytest.mark.parametrize("jurisdiction", ["DE", "AT", "FR", "GB", "CH", "NL", "IE", "PL", "US"])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_consumer_pays_no_fee_where_no_verified_row_allows_one(jurisdiction, number):
    cap = cap_for(book(), "reminder_fee", claim(jurisdiction, "b2c", number=number))
    assert cap.amount == 0
    with pytest.raises(AboveCap):
        validate_fee(D("0.01"), cap)


@pytest.mark.parametrize("jurisdiction", ["DE", "AT", "FR", "GB", "CH"])
def test_the_first_reminder_is_free_and_later_ones_rest_on_the_contract(jurisdiction):
    assert cap_for(book(), "reminder_fee", claim(jurisdiction)).amount == 0
    later = cap_for(book(), "reminder_fee", claim(jurisdiction, number=2))
    assert (later.amount, later.reason) == (None, "no_legal_cap")
    assert validate_fee(D(5), later) == 5
    assert default_amount(later) == 0


def test_a_consumer_is_never_charged_a_business_sum():
    for kind in CHARGE_KINDS:
        assert cap_for(book(), kind, claim("DE", "b2c", number=3)).amount == 0


def test_belgian_consumer_first_free_then_seven_fifty_and_postage_after_the_period():
    start = date(2026, 2, 3)
    first = claim("BE", "b2c", number=1)
    assert cap_for(book(), "reminder_fee", first) == (
        "reminder_fee", 0, "EUR", "message_free", ("BE.b2c.reminder_fee",), {},
    )  # fmt: skip
    second = claim("BE", "b2c", number=2, postage=D("1.69"), notice_start_date=start)
    assert cap_for(book(), "reminder_fee", second).amount == D("9.19")
    early = claim("BE", "b2c", number=2, notice_start_date=start, today=date(2026, 2, 16))
    cap = cap_for(book(), "reminder_fee", early)
    assert (cap.amount, cap.reason, cap.args["opens_on"]) == (0, "notice_running", date(2026, 2, 17))
    assert cap_for(book(), "reminder_fee", claim("BE", "b2c", number=2)).reason == "notice_missing"


def test_belgian_regular_supply_has_three_free_reminders_a_year():
    sent = tuple(PastMessage(n, date(2026, 1, 5 + n)) for n in range(1, 4))
    supply = claim(
        "BE", "b2c", number=4, grounds=frozenset({"regular_supply"}), notice_start_date=date(2026, 1, 7)
    )
    assert cap_for(book(), "reminder_fee", supply, History((), sent[:2])).reason == "free_this_year"
    assert cap_for(book(), "reminder_fee", supply, History((), sent)).amount == D("7.50")


@pytest.mark.parametrize(
    ("channel", "sent", "expected"),
    [
        ("email", date(2026, 2, 6), date(2026, 2, 7)),
        ("post", date(2026, 2, 6), date(2026, 2, 11)),  # Friday: Monday, Tuesday, Wednesday
        ("post", date(2026, 2, 9), date(2026, 2, 12)),
    ],
)
def test_belgian_period_begins_the_day_after_an_email_or_on_the_third_working_day(channel, sent, expected):
    day, row_ids = notice_start(book(), claim("BE", "b2c"), channel, sent, weekdays)
    assert (day, row_ids) == (expected, (f"BE.b2c.notice_start_{channel}",))


def test_dutch_period_begins_the_day_after_an_email():
    """HR 25 November 2016: pay within fifteen days of its arrival, so that the day of arrival does not count."""
    assert notice_start(book(), claim("NL", "b2c"), "email", date(2026, 2, 6), weekdays) == (
        date(2026, 2, 7),
        ("NL.b2c.notice_start_email",),
    )


@pytest.mark.parametrize(
    ("sent", "delivered"),
    # aa-advocaten.nl on HR 25 November 2016: Monday's letter arrives on Wednesday, Thursday's on Saturday, Friday's on
    # Tuesday.
    [(date(2026, 2, 2), date(2026, 2, 4)), (date(2026, 2, 5), date(2026, 2, 7)), (date(2026, 2, 6), date(2026, 2, 10))],
)  # fmt: skip
def test_dutch_period_after_a_letter_never_begins_before_it_can_have_arrived(sent, delivered):
    begins, _rows = notice_start(book(), claim("NL", "b2c"), "post", sent, weekdays)
    assert begins > delivered


def test_where_no_row_starts_the_period_nobody_guesses():
    with pytest.raises(RuleUnknown, match="notice by email"):
        notice_start(book(), claim("DE", "b2c"), "email", TODAY, weekdays)


def test_belgian_consumer_interest_waits_for_the_notice_and_the_period():
    assert interest_gate(book(), claim("BE", "b2c")).reason == "notice_missing"
    running = interest_gate(book(), claim("BE", "b2c", notice_start_date=date(2026, 2, 20)))
    assert (running.is_open, running.opens_on) == (False, date(2026, 3, 6))
    assert interest_gate(book(), claim("BE", "b2c", notice_start_date=date(2026, 2, 1))).is_open
    assert interest_gate(book(), claim("BE", "b2b")).is_open


def test_dutch_consumer_owes_cost_only_after_the_free_letter():
    assert cap_for(book(), "collection_cost", claim("NL", "b2c")).reason == "notice_missing"


@pytest.mark.parametrize(
    ("today", "expected"), [(date(2026, 2, 12), ("too_early", 0)), (date(2026, 2, 13), ("allowed", 5))]
)
def test_finnish_consumer_fee_begins_fourteen_days_after_the_due_date(today, expected):
    cap = cap_for(book(), "reminder_fee", claim("FI", "b2c", today=today))
    assert (cap.reason, cap.amount) == expected


def test_finnish_consumer_pays_five_euro_twice_at_most_two_weeks_apart():
    history = History(
        (PastCharge("reminder_fee", D(5), date(2026, 2, 16)),), (PastMessage(1, date(2026, 2, 16)),)
    )
    soon = claim("FI", "b2c", number=2, today=date(2026, 3, 1))
    assert cap_for(book(), "reminder_fee", soon, history).reason == "too_soon_after_last"
    assert cap_for(book(), "reminder_fee", claim("FI", "b2c", number=2), history).amount == 5
    third = claim("FI", "b2c", number=3, today=date(2026, 6, 1))
    assert default_amount(cap_for(book(), "reminder_fee", third, history)) == 0


def test_danish_fee_three_times_ten_days_apart():
    charged = tuple(PastCharge("reminder_fee", D(100), date(2026, 2, day)) for day in (5, 15, 25))
    now = claim("DK", "b2c", number=3, today=date(2026, 3, 6), currency="DKK")
    assert cap_for(book(), "reminder_fee", now, History(charged[:2])).amount == 100
    assert cap_for(book(), "reminder_fee", now, History((charged[2],))).reason == "too_soon_after_last"
    later = claim("DK", "b2c", number=4, today=date(2026, 4, 1), currency="DKK")
    cap = cap_for(book(), "reminder_fee", later, History(charged))
    assert (cap.amount, cap.reason) == (0, "count_reached")


@pytest.mark.parametrize(("due", "expected"), [(date(2025, 12, 31), "35"), (date(2026, 1, 1), "37.50")])
def test_norwegian_fee_follows_the_due_date(due, expected):
    late = Claim("NO", "b2c", D(500), "NOK", dates(due, action=TODAY))
    assert cap_for(book(), "reminder_fee", late).amount == D(expected)


def test_norwegian_reminders_and_collection_notice_share_their_count():
    activated = book("NO.any.reminder_fee", "NO.any.collection_notice_fee")
    history = History(
        (
            PastCharge("reminder_fee", D("37.50"), TODAY),
            PastCharge("collection_notice_fee", D("37.50"), TODAY),
        )
    )
    third = claim("NO", "b2c", number=3, currency="NOK")
    assert cap_for(activated, "reminder_fee", third).amount == D("37.50")
    assert cap_for(activated, "reminder_fee", third, history).reason == "count_reached"


def test_swedish_fee_needs_an_agreement_and_excludes_the_compensation():
    assert cap_for(book(), "reminder_fee", claim("SE", currency="SEK")).reason == "ground_missing"
    agreed = claim("SE", currency="SEK", grounds=frozenset({"fee_clause"}))
    assert cap_for(book(), "reminder_fee", agreed).amount == 60
    compensated = History((PastCharge("recovery_sum", D(450), TODAY),))
    assert cap_for(book(), "reminder_fee", agreed, compensated).reason == "replaced"
    reminded = History((PastCharge("reminder_fee", D(60), TODAY),))
    assert cap_for(book(), "recovery_sum", agreed, reminded).reason == "replaced"


# Entering amounts


def test_an_amount_above_the_cap_is_refused_with_the_row():
    cap = cap_for(book(), "recovery_sum", claim("DE"))
    assert validate_fee(D(40), cap) == 40 and validate_fee(D(0), cap) == 0
    with pytest.raises(
        AboveCap, match=r"40\.01 EUR is above the 40\.00 EUR.*DE\.b2b\.recovery_sum.*Lower it"
    ):
        validate_fee(D("40.01"), cap)


@pytest.mark.parametrize("amount", ["-0.01", "NaN", "Infinity"])
def test_an_impossible_amount_is_refused_even_without_a_cap(amount):
    with pytest.raises(AbsurdAmount):
        validate_fee(D(amount), Cap("reminder_fee", None, "EUR", "no_legal_cap"))


def test_an_unknown_jurisdiction_stops_the_charge():
    with pytest.raises(UnknownJurisdiction, match="ZZ"):
        cap_for(book(), "recovery_sum", claim("ZZ"))


def test_two_rows_for_one_amount_are_a_conflict():
    (sure,) = (row for row in shipped_rows() if row.id == "DE.b2b.recovery_sum")
    with pytest.raises(RuleConflict, match="twin"):
        cap_for(LawBook([sure, replace(sure, id="twin")]), "recovery_sum", claim("DE"))


# Properties

PLACES = ["DE", "AT", "FR", "BE", "NL", "SE", "NO", "DK", "FI", "GB", "IE", "BR", "CH", "EU", "IN"]
GROUNDS = ["fee_clause", "regular_supply", "without_fault"]


@given(
    st.sampled_from(PLACES),
    st.sampled_from(["b2b", "b2c"]),
    some.amounts_up_to(10**6),
    some.grounds(GROUNDS),
    st.lists(st.tuples(st.sampled_from(CHARGE_KINDS), st.integers(0, 30)), max_size=12),
)
def test_no_history_ever_claims_more_than_the_law_allows(jurisdiction, debtor, principal, grounds, attempts):
    """Claim the cap again and again: totals stay within the first cap, counts and gaps within their rows."""
    law, today, history = book(), DUE, NO_HISTORY
    ceilings = {}
    for number, (kind, days) in enumerate(attempts, start=1):
        today += timedelta(days=days)
        current = replace(
            everywhere(jurisdiction, debtor, principal),
            dates=dates(DUE, action=today),
            message_number=number,
            grounds=grounds,
        )
        # Reminders already sent may open a fee (Belgium: the fourth of a year costs); charges already made never do.
        unhampered = cap_for(law, kind, current, History((), history.messages))
        cap = cap_for(law, kind, current, history)
        if cap.amount is None:
            continue
        assert 0 <= cap.amount <= unhampered.amount
        ceilings[kind] = max(ceilings.get(kind, D(0)), unhampered.amount)
        charges = history.charges
        if cap.amount > 0:
            charges = (*charges, PastCharge(kind, cap.amount, today))
        history = History(charges, (*history.messages, PastMessage(number, today)))
    for kind in ("recovery_sum", "collection_cost", "penalty"):
        claimed = sum(charge.amount for charge in history.charges if charge.kind == kind)
        assert claimed <= ceilings.get(kind, D(0))
    kinds = [charge.kind for charge in history.charges]
    if jurisdiction == "DK":
        assert kinds.count("reminder_fee") <= 3 and kinds.count("collection_notice_fee") <= 1
    if jurisdiction == "FI" and debtor == "b2c":
        assert kinds.count("reminder_fee") <= 2
    if jurisdiction == "SE" and debtor == "b2b":
        assert not ("recovery_sum" in kinds and {"reminder_fee", "collection_notice_fee"} & set(kinds))


def everywhere(jurisdiction, debtor, principal):
    """A claim with every ground met, worth the same in each currency a scale is written in."""
    return claim(
        jurisdiction,
        debtor,
        principal,
        grounds=frozenset({"fee_clause"}),
        notice_start_date=date(2026, 2, 1),
        principal_elsewhere=dict.fromkeys(("GBP", "SEK", "NOK", "DKK", "BRL"), principal),
    )


@given(st.sampled_from(PLACES), some.amounts_up_to(10**7), some.amounts_up_to(10**6))
def test_a_larger_invoice_never_has_a_smaller_scale(jurisdiction, principal, extra):
    for kind in ("recovery_sum", "collection_cost", "penalty"):
        for debtor in ("b2b", "b2c"):
            small = cap_for(book(), kind, everywhere(jurisdiction, debtor, principal))
            large = cap_for(book(), kind, everywhere(jurisdiction, debtor, principal + extra))
            assert (small.amount is None) == (large.amount is None)
            assert small.amount is None or small.amount <= large.amount

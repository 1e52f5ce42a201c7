"""A wrong, missing or doubtful row must stop a charge by name, never bend into a number."""

import csv
import io
from collections import Counter
from datetime import date
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.engine.interest import interest_amount, rate_on
from odoo_dunning.engine.law import AgreedRate, ClaimDates, LawBook
from odoo_dunning.engine.law_choice import Place, choose_law, parse_choices
from odoo_dunning.engine.law_errors import (
    AboveCap,
    AbsurdRate,
    AgreementRequired,
    BelowFloor,
    DateMissing,
    GroundMissing,
    RateUnknown,
    RowInvalid,
    RuleConflict,
    RuleUnknown,
    SeriesGap,
    UnknownJurisdiction,
)
from odoo_dunning.engine.law_rows import (
    COLUMNS,
    diff_rows,
    find_conflicts,
    find_gaps,
    parse_rows,
    read_row,
    require_rows,
)

from .law_data import book, choices, dates, shipped_rows

D = Decimal
DUE = date(2025, 3, 31)

PLAIN = {
    "id": "XX.b2b.interest_rate",
    "jurisdiction": "XX",
    "debtor_type": "b2b",
    "rule": "interest_rate",
    "value": "7",
    "unit": "pct",
    "valid_from": "2020-01-01",
    "applies_by": "due_date",
    "source": "somewhere",
    "verified_on": "2026-11-21",
    "status": "verified",
}


def row(**cells):
    return read_row({**PLAIN, **cells})


def rate(series, value, start, end, **cells):
    return row(
        id=f"{series}.{start}", rule="reference_rate", reference=series, value=value, valid_from=start, valid_to=end,
        applies_by="accrual_day", debtor_type="any", **cells,
    )  # fmt: skip


def series_values(name):
    return {reference.id.split(".")[1]: reference.value for reference in book().series(name)}


# The shipped rows


def test_shipped_rows_read_without_a_problem_and_never_contradict_each_other():
    rows = shipped_rows()
    assert len({each.id for each in rows}) == len(rows) > 400
    assert find_conflicts(rows) == ()
    every_draft = frozenset(each.id for each in rows)
    assert find_conflicts(rows, every_draft) == ()


def test_every_usable_row_says_where_and_when_it_was_read():
    for each in shipped_rows():
        if each.status != "draft":
            assert each.source and each.verified_on in (date(2026, 11, 21), date(2026, 11, 22)), each.id


def test_every_jurisdiction_of_the_research_has_rows():
    wanted = ["EU", "DE", "AT", "FR", "BE", "NL", "ES", "IT", "PL", "IE", "SE", "NO", "DK", "FI", "GB"]
    wanted += ["CH", "US", "CA", "AU", "NZ", "IN", "BR"]
    assert set(wanted) <= book().jurisdictions


def test_german_base_rate_follows_the_ecb_at_a_distance_of_88_basis_points_in_every_half_year():
    # BGB section 247: the base rate moves by the points the main refinancing rate moves.
    ecb, german = series_values("ECB"), series_values("DE_BASE")
    assert len(ecb) == 24
    assert {half: value - D("0.88") for half, value in ecb.items()} == german


def test_belgian_and_finnish_rates_are_the_ecb_rate_rounded_up_to_half_points():
    ecb = series_values("ECB")
    half_up = {half: (value * 2).to_integral_value(ROUND_CEILING) / 2 for half, value in ecb.items()}
    belgian = {half: ((value + 8) * 2).to_integral_value(ROUND_CEILING) / 2 for half, value in ecb.items()}
    assert series_values("FI_REF") == half_up
    assert series_values("BE_TOTAL") == belgian


def test_only_known_gaps_exist_in_the_shipped_series():
    gaps = Counter(gap.row_ids[0].split(".")[0] for gap in find_gaps(shipped_rows()))
    assert gaps == {"NO_TOTAL": 2}


@pytest.mark.parametrize(
    ("series", "last"),
    [("DE_BASE", date(2026, 12, 31)), ("SE_REF", date(2026, 6, 30)), ("DK_TOTAL", date(2024, 6, 30))],
)
def test_a_series_says_when_its_next_rate_is_due(series, last):
    assert book().last_day_of(series) == last
    with pytest.raises(RateUnknown):
        book().reference_rate(series, date.fromordinal(last.toordinal() + 1))


# Reading rows


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"id": ""}, "id"),
        ({"debtor_type": "company"}, "debtor_type"),
        ({"rule": "tip"}, "rule"),
        ({"value": "nine"}, "value"),
        ({"value": "NaN"}, "value"),
        ({"value": "101"}, "value"),
        ({"value": "-1"}, "value"),
        ({"unit": "amount"}, "unit"),
        ({"unit": "pp"}, "reference"),
        ({"rule": "recovery_sum", "unit": "amount", "value": "40"}, "currency"),
        ({"rule": "recovery_sum", "unit": "amount", "value": "-40", "currency": "EUR"}, "value"),
        ({"rule": "rate_mode", "unit": "text", "value": "sometimes"}, "value"),
        ({"valid_from": "1.1.2020"}, "valid_from"),
        ({"valid_to": "2019-12-31"}, "valid_to"),
        ({"status": "sure"}, "status"),
        ({"source": ""}, "source"),
        ({"verified_on": ""}, "source"),
        ({"rule": "reference_rate", "reference": "XX_BASE", "applies_by": "accrual_day"}, "valid_to"),
    ],
)
def test_a_bad_row_is_refused_by_row_and_field(cells, field):
    with pytest.raises(RowInvalid) as refusal:
        row(**cells)
    assert refusal.value.field == field
    assert f"field {field}" in str(refusal.value)
    assert cells.get("id", PLAIN["id"]) in str(refusal.value)


def test_one_bad_line_does_not_hide_the_others():
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for cells in ({"id": "a"}, {"id": "b", "value": "x"}, {"id": "c", "valid_from": ""}):
        writer.writerow({**PLAIN, **cells})
    parsed = parse_rows(out.getvalue())
    assert [each.id for each in parsed.rows] == ["a"]
    assert [problem.row_ids[0] for problem in parsed.problems] == ["b", "c"]
    with pytest.raises(RowInvalid, match="row b, field value"):
        require_rows(out.getvalue())


def test_a_file_without_a_column_says_which():
    parsed = parse_rows("id,rule\nx,y\n")
    assert parsed.rows == () and parsed.problems[0].field == "jurisdiction"


def test_overlapping_rows_are_found_before_they_are_used():
    old, new = row(id="old", valid_to="2025-06-30"), row(id="new", valid_from="2025-06-30")
    (conflict,) = find_conflicts([new, old])
    assert conflict.row_ids == ("old", "new") and "valid_to" in str(conflict)
    assert find_conflicts([row(id="old", valid_to="2025-06-29"), new]) == ()
    assert len(find_conflicts([old, row(id="old", jurisdiction="YY")])) == 1


def test_a_draft_conflicts_only_once_activated():
    rows = [row(id="sure"), row(id="maybe", status="draft")]
    assert find_conflicts(rows) == ()
    assert len(find_conflicts(rows, frozenset({"maybe"}))) == 1


def test_gaps_in_a_series_name_both_neighbours():
    rows = [rate("S", "1", "2025-01-01", "2025-06-30"), rate("S", "2", "2026-01-01", "2026-06-30")]
    (gap,) = find_gaps(rows)
    assert isinstance(gap, SeriesGap) and "2025-07-01 to 2025-12-31" in str(gap)


def test_an_import_shows_what_it_would_change():
    old = [row(id="same"), row(id="edited"), row(id="gone")]
    new = [row(id="same"), row(id="edited", value="8"), row(id="fresh")]
    changes = {change.row_id: change for change in diff_rows(old, new)}
    assert {key: change.change for key, change in changes.items()} == {
        "edited": "changed",
        "fresh": "added",
        "gone": "missing",
    }
    assert changes["edited"].fields == (("value", D(7), D(8)),)


# Looking rules up


@pytest.mark.parametrize(
    ("contract", "expected"),
    [(date(2014, 7, 28), None), (date(2014, 7, 29), "9"), (date(2025, 1, 1), "9")],
)
def test_the_contract_date_decides_between_old_and_new_german_law(contract, expected):
    when = ClaimDates(contract, DUE, date(2025, 4, 1), date(2025, 5, 1))
    if expected is None:
        with pytest.raises(RateUnknown, match=r"activate the draft row DE\.b2b\.interest_rate\.before-2014"):
            book().interest_terms("DE", "b2b", when)
    else:
        assert rate_on(book().interest_terms("DE", "b2b", when), DUE, date(2025, 4, 1))[0] == D("2.27") + D(
            expected
        )


def test_an_activated_draft_applies_and_only_then():
    old_contract = ClaimDates(date(2010, 1, 1), DUE, date(2025, 4, 1), date(2025, 5, 1))
    terms = book("DE.b2b.interest_rate.before-2014").interest_terms("DE", "b2b", old_contract)
    assert rate_on(terms, DUE, date(2025, 4, 1)) == (
        D("10.27"),
        ("DE.b2b.interest_rate.before-2014", "DE_BASE.2025H1"),
    )


def test_an_irish_rate_waits_for_someone_to_read_the_regulation():
    with pytest.raises(RuleUnknown, match=r"IE\.any\.rate_mode"):
        book().interest_terms("IE", "b2b", dates(DUE))
    terms = book("IE.any.rate_mode").interest_terms("IE", "b2b", dates(date(2024, 7, 10)))
    assert rate_on(terms, date(2024, 7, 10), date(2026, 1, 1))[0] == D("12.25")  # enterprise.gov.ie, 2024H2


def test_a_debtor_without_fault_pays_the_lower_austrian_rate():
    assert rate_on(book().interest_terms("AT", "b2b", dates(DUE)), DUE, date(2025, 4, 1))[0] == D("11.73")
    lenient = book().interest_terms("AT", "b2b", dates(DUE), frozenset({"without_fault"}))
    assert rate_on(lenient, DUE, date(2025, 4, 1))[0] == 4


def test_indian_interest_is_for_registered_small_suppliers():
    due = date(2026, 2, 10)
    with pytest.raises(GroundMissing, match=r"IN\.b2b\.interest_rate.*supplier_is_msme"):
        book().interest_terms("IN", "b2b", dates(due))
    terms = book().interest_terms("IN", "b2b", dates(due), frozenset({"supplier_is_msme"}))
    assert rate_on(terms, due, date(2026, 2, 20))[0] == D("16.50")
    assert terms.compounding == "monthly"


@pytest.mark.parametrize("country", ["US", "US-NY", "CA", "AU", "NZ"])
def test_where_only_a_contract_gives_interest_the_error_asks_for_it(country):
    with pytest.raises(AgreementRequired, match="Enter the rate agreed"):
        book().interest_terms(country, "b2b", dates(DUE))
    agreed = book().agreed_terms(country, "b2b", dates(DUE), AgreedRate(D(12)))
    assert interest_amount(agreed, D(1000), DUE, (), date(2025, 4, 30)) == D("9.86")


@pytest.mark.parametrize(
    ("country", "debtor"),
    [
        ("FR", "b2c"),
        ("ES", "b2c"),
        ("IT", "b2c"),
        ("GB", "b2c"),
        ("FR", "public"),
        ("US-AL", "b2c"),
    ],
)
def test_debtors_nobody_verified_a_rate_for_are_not_charged_one(country, debtor):
    with pytest.raises(RateUnknown):
        book().interest_terms(country, debtor, dates(DUE))


@pytest.mark.parametrize("country", ["AT", "DE", "ES", "GB", "IT", "NL", "SE"])
def test_a_public_body_pays_what_a_business_pays(country):
    public, business = (
        rate_on(book().interest_terms(country, debtor, dates(DUE)), DUE, date(2025, 4, 1))[0]
        for debtor in ("public", "b2b")
    )
    assert public == business


def test_a_rate_that_is_known_waits_for_its_series():
    """Brazil's legal rate is law, its monthly values are not on record."""
    with pytest.raises(RateUnknown, match="BR_LEGAL, which has no usable row"):
        book().interest_terms("BR", "b2b", dates(DUE))


def test_an_unknown_jurisdiction_is_named():
    with pytest.raises(UnknownJurisdiction, match=r"jurisdiction PT.*[Cc]hoose another law"):
        book().interest_terms("PT", "b2b", dates(DUE))


def test_two_rows_for_one_day_are_refused_at_use_too():
    clash = LawBook([row(id="one"), row(id="two", applies_by="action_date")])
    with pytest.raises(RuleConflict, match=r"one.*two"):
        clash.interest_terms("XX", "b2b", dates(DUE))
    series = [rate("S", "1", "2025-01-01", "2025-06-30"), rate("S", "2", "2025-06-01", "2025-12-31")]
    clash = LawBook([*series, row(unit="pp", reference="S")])
    with pytest.raises(RuleConflict):
        clash.interest_terms("XX", "b2b", dates(DUE))


def test_a_missing_date_is_asked_for_by_name():
    with pytest.raises(DateMissing, match="contract_date"):
        book().interest_terms("DE", "b2b", ClaimDates(None, DUE, date(2025, 4, 1), DUE))


def test_a_margin_on_an_empty_series_is_unknown():
    with pytest.raises(RateUnknown, match="NOWHERE"):
        LawBook([row(unit="pp", reference="NOWHERE")]).interest_terms("XX", "b2b", dates(DUE))


def test_claims_under_the_same_rows_share_their_terms():
    first = book().interest_terms("DE", "b2b", dates(date(2024, 1, 5)))
    assert book().interest_terms("DE", "b2b", dates(date(2025, 9, 9))) is first


@given(st.dates(date(2013, 1, 1), date(2027, 12, 31)), st.dates(date(2013, 1, 1), date(2027, 12, 31)))
def test_sharing_never_gives_a_claim_another_claims_rows(contract, due):
    rows = [
        row(id="a", valid_from="2014-05-05", valid_to="2019-02-28", applies_by="contract_date"),
        row(id="b", valid_from="2019-03-01", value="8", applies_by="contract_date"),
        row(id="c", rule="day_count", unit="text", value="30/360", valid_from="2021-07-01"),
    ]
    when = dates(due, contract=contract)
    shared = LawBook(rows)
    for other in (date(2015, 1, 1), date(2022, 1, 1)):
        shared.interest_terms("XX", "b2b", dates(other))

    def outcome(book):
        try:
            return book.interest_terms("XX", "b2b", when).row_ids
        except RateUnknown:
            return None

    assert outcome(shared) == outcome(LawBook(rows))


# Agreed rates


def test_a_french_agreed_rate_may_not_be_below_three_times_the_legal_rate():
    # agenceobjectifpaiement.com: 3 x 4.92 = 14.76 in 2024H2, above the default of 14.25.
    when = dates(date(2024, 9, 30), contract=date(2024, 8, 1))
    with pytest.raises(BelowFloor, match=r"14\.75 %.*14\.76 %.*FR_LEGAL\.2024H2"):
        book().agreed_terms("FR", "b2b", when, AgreedRate(D("14.75")))
    terms = book().agreed_terms("FR", "b2b", when, AgreedRate(D("14.76")))
    assert rate_on(terms, date(2024, 9, 30), date(2024, 10, 1)) == (D("14.76"), ())
    assert rate_on(book().interest_terms("FR", "b2b", when), date(2024, 9, 30), date(2024, 10, 1))[0] == D(
        "14.25"
    )


def test_a_floor_that_cannot_be_known_is_not_assumed():
    with pytest.raises(RateUnknown, match=r"FR\.b2b\.agreed_rate_floor"):
        book().agreed_terms("FR", "b2b", dates(DUE, contract=date(2015, 3, 1)), AgreedRate(D(15)))


def test_a_canadian_consumer_pays_at_most_the_criminal_rate():
    with pytest.raises(AboveCap, match=r"CA\.b2c\.agreed_rate_cap"):
        book().agreed_terms("CA", "b2c", dates(DUE), AgreedRate(D("35.01")))
    book().agreed_terms("CA", "b2c", dates(DUE, contract=date(2024, 12, 31)), AgreedRate(D("35.01")))


def test_a_belgian_consumer_rate_is_capped_on_every_day_it_is_charged():
    due = date(2024, 11, 30)
    rate_of_2024 = AgreedRate(D("12.5"), name="terms of sale")
    book().agreed_terms("BE", "b2c", dates(due, action=date(2024, 12, 31)), rate_of_2024)
    with pytest.raises(AboveCap, match=r"terms of sale: 12\.5 %.*11\.5 %.*2025-01-01.*BE_TOTAL\.2025H1"):
        book().agreed_terms("BE", "b2c", dates(due, action=date(2025, 1, 1)), rate_of_2024)


def test_a_brazilian_consumer_pays_at_most_one_percent_a_month():
    with pytest.raises(AboveCap, match=r"BR\.b2c\.agreed_rate_cap"):
        book().agreed_terms("BR", "b2c", dates(DUE), AgreedRate(D("12.01")))


@pytest.mark.parametrize("value", ["-1", "1200"])
def test_an_absurd_agreed_rate_is_refused(value):
    with pytest.raises(AbsurdRate):
        book().agreed_terms("DE", "b2b", dates(DUE), AgreedRate(D(value)))


def test_an_agreed_margin_floats_with_its_series():
    terms = book().agreed_terms("CH", "b2b", dates(DUE), AgreedRate(D(3), "pp", "ECB"))
    assert rate_on(terms, DUE, date(2025, 6, 30)) == (D("6.15"), ("ECB.2025H1",))
    assert rate_on(terms, DUE, date(2025, 7, 1))[0] == D("5.15")
    with pytest.raises(RateUnknown, match="'LIBOR'"):
        book().agreed_terms("CH", "b2b", dates(DUE), AgreedRate(D(3), "pp", "LIBOR"))


# Which law


@pytest.mark.parametrize(
    ("seller", "customer", "debtor", "expected"),
    [
        (Place("DE"), Place("FR"), "b2b", ("DE", "seller_law")),
        (Place("DE"), Place("NL"), "b2c", ("NL", "customer_law")),
        (Place("GB"), Place("IE"), "public", ("GB", "seller_law")),
        (Place("US", "NY"), Place("DE"), "b2b", ("US-NY", "seller_law")),
        (Place("US", "TX"), Place("DE"), "b2b", ("US", "seller_law")),
    ],
)
def test_the_rows_choose_the_law_and_say_why(seller, customer, debtor, expected):
    choice = choose_law(choices(), book().jurisdictions, seller=seller, customer=customer, debtor_type=debtor)
    assert (choice.jurisdiction, choice.reason) == expected
    assert choice.row_id == f"choice.{debtor}"


def test_people_override_the_rows_the_customer_before_the_policy():
    where = {"seller": Place("DE"), "customer": Place("FR"), "debtor_type": "b2b"}
    known = book().jurisdictions
    assert choose_law(choices(), known, **where, policy_law="AT") == ("AT", "policy_override", "")
    assert choose_law(choices(), known, **where, policy_law="AT", customer_law="CH") == (
        "CH",
        "customer_override",
        "",
    )


@pytest.mark.parametrize(
    ("customer", "debtor", "override"),
    [(Place("PT"), "b2c", ""), (Place(""), "b2c", ""), (Place("FR"), "b2b", "ZZ")],
)
def test_a_law_without_rows_is_refused_with_the_next_step(customer, debtor, override):
    with pytest.raises(UnknownJurisdiction, match="choose another law"):
        choose_law(
            choices(),
            book().jurisdictions,
            seller=Place("DE"),
            customer=customer,
            debtor_type=debtor,
            policy_law=override,
        )


def test_the_most_precise_row_wins_and_drafts_stay_out():
    header = "id,seller_country,customer_country,debtor_type,law,source,verified_on,status,note\n"
    lines = (
        "general,*,*,*,seller,s,,derived,\nprecise,DE,FR,b2b,AT,s,,derived,\nmaybe,DE,FR,b2b,CH,s,,draft,\n"
    )
    where = {"seller": Place("DE"), "customer": Place("FR"), "debtor_type": "b2b"}
    choice = choose_law(parse_choices(header + lines), {"AT", "CH", "DE"}, **where)
    assert choice == ("AT", "named_law", "precise")
    with pytest.raises(RowInvalid, match="field law"):
        parse_choices(header + "broken,*,*,*,,s,,derived,\n")

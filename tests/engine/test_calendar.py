"""Days and hours: a wrong zone or holiday sends on Christmas, at 3 a.m. or a day early."""

from __future__ import annotations

from datetime import date, datetime, time
from string import ascii_uppercase
from zoneinfo import ZoneInfo

import pytest

from odoo_dunning.engine import zones
from odoo_dunning.engine.calendar import (
    NoOpenDayError,
    Place,
    add_working_days,
    closed,
    day_off,
    deadline,
    first_slot,
    knows_country,
    next_open_day,
    utc_instant,
    zone,
)
from odoo_dunning.engine.snapshot import Calendar
from odoo_dunning.engine.zones import of_country

from .build import UTC, account, answer, invoice, level, policy, ruling, run

GERMANY = Place("DE", None)
BERLIN = ZoneInfo("Europe/Berlin")
AUCKLAND = ZoneInfo("Pacific/Auckland")
HONOLULU = ZoneInfo("Pacific/Honolulu")


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "day", "expected"),
    [
        (GERMANY, date(2025, 12, 25), ("holiday", "Christmas Day")),
        (GERMANY, date(2025, 6, 14), ("weekend", "Saturday")),
        (GERMANY, date(2025, 6, 19), ("", "")),  # Corpus Christi is a holiday only in some Länder
        (Place("DE", "BY"), date(2025, 6, 19), ("holiday", "Corpus Christi")),
        (Place("DE", "nowhere"), date(2025, 12, 25), ("holiday", "Christmas Day")),
        (Place("IL", None), date(2025, 6, 13), ("weekend", "Friday")),
        (Place("IL", None), date(2025, 6, 15), ("", "")),  # a Sunday
        (Place("CN", None), date(2025, 1, 26), ("", "")),  # a Sunday worked in lieu of the Spring Festival
        (Place("XX", None), date(2025, 12, 25), ("", "")),
        (Place(None, None), date(2025, 6, 15), ("weekend", "Sunday")),
    ],
)
def test_days_off_where_the_customer_is(place, day, expected):
    assert day_off(place, day) == expected


def test_known_and_unknown_countries():
    assert (knows_country("DE"), knows_country("XX"), knows_country(None)) == (True, False, False)


def test_a_calendar_may_ignore_holidays_or_weekends():
    christmas, saturday = date(2025, 12, 25), date(2025, 6, 14)
    assert closed(Calendar(public_holidays=False), GERMANY, christmas) == ("", "")
    assert closed(Calendar(working_days_only=False), GERMANY, saturday) == ("", "")
    assert closed(Calendar(public_holidays=False), GERMANY, date(2022, 12, 25)) == ("weekend", "Sunday")
    shut = Calendar(closed_dates=frozenset({date(2025, 6, 11)}))
    assert closed(shut, GERMANY, date(2025, 6, 11)) == ("closed", "2025-06-11")


def test_christmas_to_new_year_with_a_company_shutdown():
    shut = Calendar(closed_dates=frozenset(date(2025, 12, day) for day in range(24, 32)))
    assert next_open_day(shut, GERMANY, date(2025, 12, 24)) == date(2026, 1, 2)


def test_a_calendar_without_open_days_is_named():
    with pytest.raises(NoOpenDayError, match="country DE"):
        always = frozenset(date.fromordinal(date(2025, 1, 1).toordinal() + n) for n in range(70))
        next_open_day(Calendar(closed_dates=always), GERMANY, date(2025, 1, 1))


@pytest.mark.parametrize(
    ("now", "send_at", "send_on", "shift"),
    [
        (at(2025, 6, 11, 8), at(2025, 6, 11, 8), date(2025, 6, 11), ""),
        (at(2025, 6, 11, 4), at(2025, 6, 11, 6), date(2025, 6, 11), "window"),
        (at(2025, 6, 11, 18), at(2025, 6, 12, 6), date(2025, 6, 12), "window"),
        (at(2025, 6, 13, 18), at(2025, 6, 16, 6), date(2025, 6, 16), "window"),
    ],
)
def test_send_window_in_berlin(now, send_at, send_on, shift):
    slot = first_slot(Calendar(), GERMANY, BERLIN, now.date(), now)
    assert (slot.send_at, slot.send_on, slot.shift) == (send_at, send_on, shift)


def test_window_follows_the_clocks_in_spring_and_autumn():
    # 8:00 in Berlin is 7:00 UTC on Friday before the change (30 March 2025) and 6:00 UTC on Monday after it
    friday = first_slot(Calendar(), GERMANY, BERLIN, date(2025, 3, 28), at(2025, 3, 28, 1))
    monday = first_slot(Calendar(), GERMANY, BERLIN, date(2025, 3, 29), at(2025, 3, 29, 1))
    assert (friday.send_at, monday.send_at) == (at(2025, 3, 28, 7), at(2025, 3, 31, 6))
    autumn = first_slot(Calendar(), GERMANY, BERLIN, date(2025, 10, 25), at(2025, 10, 25, 1))
    assert autumn.send_at == at(2025, 10, 27, 7)


def test_a_skipped_hour_and_a_repeated_one():
    assert utc_instant(date(2025, 3, 30), time(2, 30), BERLIN) == at(2025, 3, 30, 1, 30)
    assert utc_instant(date(2025, 10, 26), time(2, 30), BERLIN) == at(2025, 10, 26, 0, 30)


def test_a_customer_still_in_yesterday_is_not_written_to_a_day_early():
    # 02:00 UTC on 11 June is 16:00 on 10 June in Honolulu: open, but the reminder is for the 11th
    slot = first_slot(Calendar(), Place("US", None), HONOLULU, date(2025, 6, 11), at(2025, 6, 11, 2))
    assert (slot.send_at, slot.send_on, slot.shift) == (at(2025, 6, 11, 18), date(2025, 6, 11), "local_date")


def test_a_late_hour_of_yesterday_does_not_cost_a_day():
    # 07:00 UTC on 11 June is 21:00 on 10 June in Honolulu: that day's window is over, the next one is not
    slot = first_slot(Calendar(), Place("US", None), HONOLULU, date(2025, 6, 11), at(2025, 6, 11, 7))
    assert (slot.send_at, slot.send_on) == (at(2025, 6, 11, 18), date(2025, 6, 11))


def test_a_customer_already_in_tomorrow_gets_it_in_his_own_day():
    # 22:00 UTC on 11 June is 10:00 on 12 June in Auckland
    slot = first_slot(Calendar(), Place("NZ", None), AUCKLAND, date(2025, 6, 11), at(2025, 6, 11, 22))
    assert (slot.send_at, slot.send_on, slot.shift) == (at(2025, 6, 11, 22), date(2025, 6, 12), "")


@pytest.mark.parametrize(
    ("send_on", "days", "unit", "expected"),
    [
        (date(2025, 6, 11), 0, "working", None),
        (date(2025, 6, 11), 3, "working", date(2025, 6, 16)),
        (date(2025, 4, 17), 1, "working", date(2025, 4, 22)),  # over Good Friday and Easter Monday
        (date(2025, 6, 11), 14, "calendar", date(2025, 6, 25)),
        (date(2025, 6, 11), 3, "calendar", date(2025, 6, 16)),  # Saturday moves to Monday
        (date(2024, 2, 28), 1, "working", date(2024, 2, 29)),  # leap day
        (date(2025, 12, 31), 1, "working", date(2026, 1, 2)),
    ],
)
def test_new_deadline(send_on, days, unit, expected):
    assert deadline(GERMANY, send_on, days, unit) == expected


def test_working_days_do_not_count_the_first_day():
    assert add_working_days(GERMANY, date(2025, 6, 13), 1) == date(2025, 6, 16)


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("DE", "Europe/Berlin"),
        ("GB", "Europe/London"),
        ("JP", "Asia/Tokyo"),
        ("KW", "Asia/Kuwait"),
        ("ES", "Europe/Madrid"),
        ("US", "America/Chicago"),
        ("CD", None),
        ("XX", None),
        (None, None),
    ],
)
def test_the_clock_of_a_country(country, expected):
    assert of_country(country) == expected


def test_every_clock_of_a_country_is_one_that_exists():
    codes = [first + second for first in ascii_uppercase for second in ascii_uppercase]
    clocks = [of_country(code) for code in codes if of_country(code)]
    assert len(clocks) > 230
    assert all(zone(clock) for clock in clocks)


def test_clock_newer_than_the_machine_is_left_out(monkeypatch):
    monkeypatch.setattr(zones, "get_global", lambda _name: {"Asia/Kolkata": "IN", "Asia/Newtown": "IN"})
    zones._zones.cache_clear()
    of_country.cache_clear()
    try:
        assert of_country("IN") == "Asia/Kolkata"
    finally:
        zones._zones.cache_clear()
        of_country.cache_clear()


def test_unknown_time_zones_are_none():
    assert zone("Nowhere/Land") is None
    assert zone("../etc") is None
    assert zone(None) is None
    assert zone("Europe/Berlin").key == "Europe/Berlin"


def test_an_unknown_time_zone_falls_back_to_the_companys():
    (message,) = run(
        invoice(overdue=6), of=account(timezone="Mars/Base"), on=ruling(now=at(2025, 6, 11, 4))
    ).messages
    assert message.send_at == at(2025, 6, 11, 6)


@pytest.mark.parametrize(
    ("due", "today"),
    [
        (date(2024, 2, 29), date(2024, 3, 1)),
        (date(2024, 2, 28), date(2024, 2, 29)),
        (date(2025, 2, 28), date(2025, 3, 1)),
        (date(2024, 12, 31), date(2025, 1, 1)),
        (date(2025, 3, 29), date(2025, 3, 30)),
        (date(2025, 10, 25), date(2025, 10, 26)),
    ],
)
def test_the_day_after_is_the_day_after_over_leap_day_month_end_and_clock_change(due, today):
    by = policy(level(1, 1), calendar=Calendar(working_days_only=False, public_holidays=False))
    before = date.fromordinal(today.toordinal() - 1)
    assert answer(run(invoice(due_date=due), by=by, on=ruling(before))).code == "too_young"
    found = run(invoice(due_date=due), by=by, on=ruling(today))
    assert (answer(found).code, found.messages[0].send_on) == ("notify", today)


def test_midnight_utc_does_not_make_an_item_older():
    # 22:30 UTC on 10 June is 00:30 on 11 June in Berlin: the company's date decides, not the UTC one
    by = policy(level(1, 1))
    item = invoice(due_date=date(2025, 6, 10))
    assert answer(run(item, by=by, on=ruling(date(2025, 6, 11), at(2025, 6, 10, 22, 30)))).code == "notify"
    assert answer(run(item, by=by, on=ruling(date(2025, 6, 10), at(2025, 6, 10, 21, 30)))).code == "too_young"

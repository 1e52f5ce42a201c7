"""When a notice may leave: working days, public holidays and the send window, in the customer's country and
time zone.

Public holidays come from the `holidays` library. A country or subdivision it does not know has weekends
(Saturday and Sunday) and no holidays; `knows_country` tells.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from .snapshot import Calendar

ONE_DAY = timedelta(days=1)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CLOSED = ("weekend", "holiday", "closed")
"""Shifts that come from the day, not from the hour."""
MOST_CLOSED_DAYS = 60
"""A calendar without an open day for so long is a mistake in the calendar."""


class NoOpenDayError(ValueError):
    """No day on which a notice may leave within `MOST_CLOSED_DAYS`: names the calendar's country and the
    start."""


class Slot(NamedTuple):
    """The stretch of time in which a notice may leave. `shift`/`detail` say what moved it ("": nothing)."""

    send_at: datetime
    send_until: datetime
    send_on: date
    shift: str
    detail: str


class Place(NamedTuple):
    """What decides about a customer's days: ISO 3166 country and subdivision (None: unknown)."""

    country: str | None
    subdivision: str | None


def knows_country(country: str | None) -> bool:
    return _holidays_of(Place(country, None)) is not None


@lru_cache(maxsize=1024)
def _holidays_of(place: Place) -> holidays.HolidayBase | None:
    if not place.country:
        return None
    for subdivision in dict.fromkeys((place.subdivision, None)):
        try:
            return holidays.country_holidays(place.country, subdiv=subdivision, language="en_US")
        except NotImplementedError:
            continue
    return None


@lru_cache(maxsize=100_000)
def day_off(place: Place, day: date) -> tuple[str, str]:
    """`("", "")` for a working day, else ("weekend", weekday name) or ("holiday", its name)."""
    known = _holidays_of(place)
    if known is not None and (name := known.get(day)):
        return "holiday", name
    if day.weekday() in _weekend(place) and not (known is not None and known.is_working_day(day)):
        return "weekend", WEEKDAYS[day.weekday()]
    return "", ""


def _weekend(place: Place) -> set[int]:
    known = _holidays_of(place)
    return known.weekend if known is not None else {5, 6}


def closed(calendar: Calendar, place: Place, day: date) -> tuple[str, str]:
    """Why nothing leaves on `day`: `("", "")` for an open day, else a shift and its detail."""
    if day in calendar.closed_dates:
        return "closed", day.isoformat()
    kind, name = day_off(place, day)
    if kind == "holiday" and calendar.public_holidays:
        return kind, name
    if calendar.working_days_only:
        if kind == "weekend":
            return kind, name
        if kind == "holiday" and day.weekday() in _weekend(place):
            return "weekend", WEEKDAYS[day.weekday()]
    return "", ""


def next_open_day(calendar: Calendar, place: Place, day: date) -> date:
    """`day` itself when it is open, else the first open day after it. Raises `NoOpenDayError`."""
    for distance in range(MOST_CLOSED_DAYS):
        candidate = day + timedelta(days=distance)
        if not closed(calendar, place, candidate)[0]:
            return candidate
    raise NoOpenDayError(
        f"no open day within {MOST_CLOSED_DAYS} days from {day} (country {place.country or 'unknown'}): "
        "check the closed dates of the policy's calendar"
    )


@lru_cache(maxsize=256)
def zone(name: str | None) -> ZoneInfo | None:
    """The IANA time zone, None when there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


def first_slot(calendar: Calendar, place: Place, tz: ZoneInfo, today: date, now: datetime) -> Slot:
    """First instant at or after `now` (UTC) that lies in the window of an open day, never before `today` as
    the customer's own calendar shows it (so that no time zone makes a notice a day early)."""
    local = now.astimezone(tz)
    wished = max(local.date(), today)
    shift, detail = closed(calendar, place, wished)
    day = wished
    if shift:
        day = next_open_day(calendar, place, wished)
    elif local.date() == wished and local.time() >= calendar.window_end:
        shift, detail = "window", _clock(calendar.window_end)
        day = next_open_day(calendar, place, wished + ONE_DAY)
    send_until = utc_instant(day, calendar.window_end, tz)
    if day == local.date() and local.time() >= calendar.window_start:
        return Slot(now, send_until, day, shift, detail)
    send_at = utc_instant(day, calendar.window_start, tz)
    if not shift:
        if local.date() < today:
            shift, detail = "local_date", today.isoformat()
        else:
            shift, detail = "window", _clock(calendar.window_start)
    return Slot(send_at, send_until, day, shift, detail)


def utc_instant(day: date, clock: time, tz: ZoneInfo) -> datetime:
    """The UTC instant of a local wall-clock time. A time the clocks skip is the same distance after the jump;
    of a time they repeat, the first."""
    return datetime.combine(day, clock, tzinfo=tz).astimezone(timezone.utc)


def _clock(clock: time) -> str:
    return clock.strftime("%H:%M")


def add_working_days(place: Place, day: date, days: int) -> date:
    """The `days`-th working day after `day` (which itself does not count)."""
    while days > 0:
        day += ONE_DAY
        if not day_off(place, day)[0]:
            days -= 1
    return day


@lru_cache(maxsize=10_000)
def deadline(place: Place, send_on: date, days: int, unit: str) -> date | None:
    """Last day to pay: `days` "working" days after `send_on`, or "calendar" days moved to the next working
    day. None when `days` is 0."""
    if not days:
        return None
    if unit == "working":
        return add_working_days(place, send_on, days)
    day = send_on + timedelta(days=days)
    while day_off(place, day)[0]:
        day += ONE_DAY
    return day

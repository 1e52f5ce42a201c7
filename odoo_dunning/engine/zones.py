"""The clock of a country, for customers whose own time zone nobody knows. From CLDR, which babel carries."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel.core import get_global

# Countries with several clocks: where most people live, and in the middle of that, so that nobody is written to in the
# small hours. Others with several clocks have none.
_OF_MOST = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Winnipeg",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "US": "America/Chicago",
}
# In these months of a year no two clocks that differ at all agree.
_MONTHS = (1, 4, 7, 10)


def of_customer(own: str | None, country: str | None, home: str | None) -> str | None:
    """IANA name of a customer's clock: their own, else that of their country. None at home, where the company's own
    counts, and where nobody knows."""
    return own or (of_country(country) if country != home else None)


@lru_cache(maxsize=512)
def of_country(country: str | None) -> str | None:
    """IANA name of the clock of an ISO 3166 country; None where it is unknown or there are several."""
    if country in _OF_MOST:
        return _OF_MOST[country]
    zones = sorted(_zones().get(country, ()))
    clocks = {
        tuple(datetime(2026, month, 15, 12, tzinfo=ZoneInfo(zone)).utcoffset() for month in _MONTHS)
        for zone in zones
    }
    return zones[0] if len(clocks) == 1 else None


@lru_cache(maxsize=1)
def _zones() -> dict[str, list[str]]:
    """Country -> those of its clocks that this machine knows, too: babel may be newer."""
    found, known = defaultdict(list), available_timezones()
    for zone, country in get_global("zone_territories").items():
        if zone in known:
            found[country].append(zone)
    return found

"""Amounts, dates, numbers and plurals in the language of the message, after the CLDR as Babel carries it."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_symbol, get_decimal_symbol, get_group_symbol

from .context import Currency

NBSP = "\u00a0"
LARGEST = Decimal(10) ** 18
DATE_STYLES = ("short", "medium", "long", "full")


@lru_cache(maxsize=256)
def locale_of(language: str) -> Locale:
    """The CLDR locale of an Odoo language code (``de_DE``, ``sr@latin``, ``es_419``); English when unknown."""
    code = language.split("@")[0].replace("-", "_")
    for candidate in (code, code.split("_")[0]):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale.parse("en")


class Formats:
    """The formatters of one language and the currency of one message."""

    def __init__(self, language: str, currency: Currency):
        self.language = language
        self.locale = locale_of(language)
        self.currency = currency

    def money(self, amount, currency: Currency | None = None) -> str:
        return _money_style(self.locale, currency or self.currency)(_decimal(amount))

    def date(self, value: date, style: str = "medium") -> str:
        if style not in DATE_STYLES:
            raise ValueError(f"A date has no style “{style}”. There is: {', '.join(DATE_STYLES)}.")
        if not isinstance(value, date):
            raise ValueError("This is not a date. Show it without the filter “date”, or only if it is set.")
        return _date(value, style, self.locale)

    def number(self, value, digits: int = 0) -> str:
        if type(digits) is not int or not 0 <= digits <= 12:
            raise ValueError("The filter “number” takes 0 to 12 decimal places.")
        return _localized(_decimal(value), digits, *_separators(self.locale))

    def percent(self, value) -> str:
        """A value that is already per cent: 10.27 becomes 10.27 %, trailing zeros dropped."""
        value = _decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_UP).normalize()
        digits = max(0, -value.as_tuple().exponent)
        pattern = self.locale.percent_formats[None]
        return f"{pattern.prefix[0]}{_localized(value, digits, *_separators(self.locale))}{pattern.suffix[0]}"

    def plural(self, forms, number: int) -> str:
        """The form of a text that goes with ``number``: ``forms`` maps CLDR categories (one, other, …) to texts."""
        category = _plural_category(self.locale, int(number))
        return forms[category if category in forms else "other"]


def _decimal(value) -> Decimal:
    if not isinstance(value, (Decimal, int)) or isinstance(value, bool):
        raise ValueError("This is not an amount. Show it without a number filter, or only if it is set.")
    value = Decimal(value)
    if not value.is_finite() or abs(value) >= LARGEST:
        raise ValueError("This number is too large to show.")
    return value


def _localized(value: Decimal, digits: int, decimal_mark: str, group_mark: str) -> str:
    if value.as_tuple().exponent != -digits:
        value = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    whole, _dot, fraction = f"{value:,f}".partition(".")
    whole = whole.replace(",", group_mark)
    return f"{whole}{decimal_mark}{fraction}" if fraction else whole


@lru_cache(maxsize=64)
def _separators(locale: Locale) -> tuple[str, str]:
    return get_decimal_symbol(locale), get_group_symbol(locale)


@lru_cache(maxsize=512)
def _money_style(locale: Locale, currency: Currency):
    """A function that writes amounts of this currency; built once, since Babel's own costs 20 µs an amount."""
    pattern = locale.currency_formats["standard"]
    symbol = get_currency_symbol(currency.code, locale)
    if symbol == currency.code and currency.symbol:
        symbol = currency.symbol
    if tuple(pattern.grouping) != (3, 3):
        return _by_babel(locale, currency)
    decimal_mark, group_mark = _separators(locale)
    (plus_prefix, minus_prefix), (plus_suffix, minus_suffix) = (
        [_with_symbol(text, symbol) for text in side] for side in (pattern.prefix, pattern.suffix)
    )

    def write(amount: Decimal) -> str:
        rounded = amount.quantize(Decimal(1).scaleb(-currency.digits), ROUND_HALF_UP)
        text = _localized(abs(rounded), currency.digits, decimal_mark, group_mark)
        if rounded < 0:
            return f"{minus_prefix}{text}{minus_suffix}"
        return f"{plus_prefix}{text}{plus_suffix}"

    return write


def _by_babel(locale: Locale, currency: Currency):
    """Groupings other than thousands (Indian lakh and crore)."""

    def write(amount: Decimal) -> str:
        rounded = amount.quantize(Decimal(1).scaleb(-currency.digits), ROUND_HALF_UP)
        pattern = locale.currency_formats["standard"].pattern
        whole = pattern.split(";")[0].split(".")[0]
        wanted = whole + "." + "0" * currency.digits if currency.digits else whole
        tail = pattern.split(";")[0].rpartition("0")[2]
        return format_currency(rounded, currency.code, wanted + tail, locale=locale, currency_digits=False)

    return write


def _with_symbol(affix: str, symbol: str) -> str:
    """CLDR's currency spacing: a symbol that ends in a letter is kept apart from the digits by a no-break space."""
    text = affix.replace("¤", symbol)
    touches_digits = affix.endswith("¤") and unicodedata.category(symbol[-1])[0] != "S"
    return text + NBSP if touches_digits else text


@lru_cache(maxsize=8192)
def _date(value: date, style: str, locale: Locale) -> str:
    return format_date(value, style, locale)


@lru_cache(maxsize=4096)
def _plural_category(locale: Locale, number: int) -> str:
    return locale.plural_form(number)

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
from .labels import Plural

NBSP = "\u00a0"
LARGEST = Decimal(10) ** 18
_QUANTA = tuple(Decimal(1).scaleb(-digits) for digits in range(13))
PLURALS_KEPT = 4096
DATE_STYLES = ("short", "medium", "long", "full")
_KNOWN = Locale.parse("en").currencies


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
        self._write_money = _money_style(self.language, currency)
        self._written: dict[Decimal, str] = {}

    def money(self, amount, currency: Currency | None = None) -> str:
        """``amount`` in ``currency``, or in the message's own."""
        if currency is not None:
            return _money_style(self.language, currency)(_decimal(amount))
        text = self._written.get(amount)
        if text is None:
            text = self._written[amount] = self._write_money(_decimal(amount))
        return text

    def date(self, value: date, style: str = "medium") -> str:
        if style not in DATE_STYLES:
            raise ValueError(f"A date has no style “{style}”. There is: {', '.join(DATE_STYLES)}.")
        if not isinstance(value, date):
            raise ValueError("This is not a date. Show it without the filter “date”, or only if it is set.")
        return _date(value, style, self.language)

    def number(self, value, digits: int = 0) -> str:
        if type(digits) is not int or not 0 <= digits <= 12:
            raise ValueError("The filter “number” takes 0 to 12 decimal places.")
        return _localized(_decimal(value), digits, *_separators(self.language))

    def percent(self, value) -> str:
        """A value that is already per cent: 10.27 becomes 10.27 %, trailing zeros dropped."""
        value = _decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_UP).normalize()
        digits = max(0, -value.as_tuple().exponent)
        pattern = self.locale.percent_formats[None]
        return (
            f"{pattern.prefix[0]}{_localized(value, digits, *_separators(self.language))}{pattern.suffix[0]}"
        )

    def plural(self, label: Plural, number: int) -> str:
        """The form of the label that goes with ``number``, the number filled in."""
        text = label.written.get((self.language, number))
        if text is None:
            category = self.locale.plural_form(int(number))
            text = label.forms[category if category in label.forms else "other"].replace(
                "{n}", self.number(number)
            )
            if len(label.written) < PLURALS_KEPT:
                label.written[self.language, number] = text
        return text


def _decimal(value) -> Decimal:
    if not isinstance(value, (Decimal, int)) or isinstance(value, bool):
        raise ValueError("This is not an amount. Show it without a number filter, or only if it is set.")
    value = Decimal(value)
    if not value.is_finite() or abs(value) >= LARGEST:
        raise ValueError("This number is too large to show.")
    return value


def _localized(value: Decimal, digits: int, decimal_mark: str, group_mark: str) -> str:
    rounded = value.quantize(_QUANTA[digits], ROUND_HALF_UP)
    return f"{rounded:,f}".translate(str.maketrans(",.", group_mark + decimal_mark))


@lru_cache(maxsize=64)
def _separators(language: str) -> tuple[str, str]:
    locale = locale_of(language)
    return get_decimal_symbol(locale), get_group_symbol(locale)


@lru_cache(maxsize=512)
def _money_style(language: str, currency: Currency):
    """A function that writes amounts of this currency; built once, since Babel's own costs 20 µs an amount."""
    locale = locale_of(language)
    pattern = locale.currency_formats["standard"]
    symbol = get_currency_symbol(currency.code, locale)
    if currency.code not in _KNOWN:
        symbol = currency.symbol.strip() or currency.code
    if tuple(pattern.grouping) != (3, 3):
        return _by_babel(locale, currency)
    decimal_mark, group_mark = _separators(language)
    plus_prefix, minus_prefix = (_prefix(affix, symbol) for affix in pattern.prefix)
    plus_suffix, minus_suffix = (affix.replace("¤", symbol) for affix in pattern.suffix)

    quantum, marks = _QUANTA[currency.digits], str.maketrans(",.", group_mark + decimal_mark)

    def write(amount: Decimal) -> str:
        rounded = amount.quantize(quantum, ROUND_HALF_UP)
        text = f"{abs(rounded):,f}".translate(marks)
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


def _prefix(affix: str, symbol: str) -> str:
    """CLDR's currency spacing: a symbol that ends in a letter is kept apart from the digits by a no-break space."""
    touches_digits = affix.endswith("¤") and unicodedata.category(symbol[-1])[0] != "S"
    return affix.replace("¤", symbol) + (NBSP if touches_digits else "")


@lru_cache(maxsize=8192)
def _date(value: date, style: str, language: str) -> str:
    return format_date(value, style, locale_of(language))

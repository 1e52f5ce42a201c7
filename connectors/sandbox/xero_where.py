"""The part of Xero's `where` and `order` language that readers of receivables use.

`Type=="ACCREC" AND (Status=="AUTHORISED" OR Status=="PAID") AND AmountDue>0 AND Date>=DateTime(2026,01,31)`, and
`Contact.ContactID==guid("…")`, `Name.Contains("x")`, `.StartsWith`, `.EndsWith`, `null`, `true`, `false`.
"""

import re
from datetime import date, datetime, timezone
from decimal import Decimal

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<operator>==|!=|<>|>=|<=|=|>|<|&&|\|\|)|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<mark>[(),]))""",
    re.VERBOSE,
)
_METHODS = {
    "contains": lambda value, part: part.lower() in value.lower(),
    "startswith": lambda value, part: value.lower().startswith(part.lower()),
    "endswith": lambda value, part: value.lower().endswith(part.lower()),
}


class WhereError(Exception):
    """The expression cannot be understood; the message says where."""


def predicate(text, fields):
    """callable(row) for a `where` expression. `fields` maps lower-case paths to callable(row)."""
    return _Parser(text, fields).whole()


def ordered(rows, text, fields):
    """Rows by an `order` expression such as `UpdatedDateUTC ASC, Date DESC`."""
    rows = list(rows)
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        getter = _getter(fields, part[0])
        descending = len(part) > 1 and part[1].upper() == "DESC"
        rows.sort(key=lambda row: _sortable(getter(row)), reverse=descending)
    return rows


class _Parser:
    def __init__(self, text, fields):
        self.tokens, self.position, self.fields = list(_tokens(text)), 0, fields

    def whole(self):
        test = self.either()
        if self.position < len(self.tokens):
            self.fail()
        return test

    def either(self):
        tests = [self.both()]
        while self.accept("OR", "||"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def both(self):
        tests = [self.one()]
        while self.accept("AND", "&&"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def one(self):
        if self.accept("("):
            test = self.either()
            self.expect(")")
            return test
        kind, name = self.take()
        if kind != "word":
            self.fail()
        stem, _, method = name.rpartition(".")
        if method.lower() in _METHODS:
            return self.method(stem, _METHODS[method.lower()])
        return self.comparison(_getter(self.fields, name))

    def method(self, name, holds):
        getter = _getter(self.fields, name)
        self.expect("(")
        wanted = self.value()
        self.expect(")")
        return lambda row: bool(getter(row)) and holds(getter(row), wanted)

    def comparison(self, getter):
        kind, operator = self.take()
        if kind != "operator":
            self.fail()
        wanted = self.value()
        if operator in ("==", "="):
            return lambda row: _same(getter(row), wanted)
        if operator in ("!=", "<>"):
            return lambda row: not _same(getter(row), wanted)
        compare = _ORDERINGS[operator]

        def holds(row):
            value = getter(row)
            return value is not None and compare(_comparable(value, wanted), wanted)

        return holds

    def value(self):
        kind, text = self.take()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return Decimal(text)
        word = text.lower()
        if word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        if word == "guid":
            return self.in_brackets()[0]
        if word == "datetime":
            return datetime(*(int(part) for part in self.in_brackets()), tzinfo=timezone.utc)
        return self.fail()

    def in_brackets(self):
        self.expect("(")
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        self.expect(")")
        return values

    def accept(self, *words):
        if self.position < len(self.tokens) and self.tokens[self.position][1].upper() in words:
            self.position += 1
            return True
        return False

    def expect(self, word):
        if not self.accept(word):
            self.fail()

    def take(self):
        if self.position >= len(self.tokens):
            self.fail()
        self.position += 1
        return self.tokens[self.position - 1]

    def fail(self):
        found = self.tokens[self.position][1] if self.position < len(self.tokens) else "the end"
        raise WhereError(f"Syntax error near {found!r}")


def _tokens(text):
    position, text = 0, text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise WhereError(f"Syntax error (at index {position})")
        yield match.lastgroup, match.group(match.lastgroup)
        position = match.end()


def _getter(fields, name):
    try:
        return fields[name.lower()]
    except KeyError:
        raise WhereError(f"No property or field {name!r} exists") from None


def _same(value, wanted):
    if isinstance(value, str) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return value == wanted or (not value and wanted is None)


def _comparable(value, wanted):
    """A calendar date compares with a DateTime as its midnight."""
    if isinstance(wanted, datetime) and type(value) is date:
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return value


def _sortable(value):
    return (value is not None, value if value is not None else 0)


_ORDERINGS = {
    ">": lambda value, wanted: value > wanted,
    "<": lambda value, wanted: value < wanted,
    ">=": lambda value, wanted: value >= wanted,
    "<=": lambda value, wanted: value <= wanted,
}

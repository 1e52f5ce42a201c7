"""QuickBooks' query language: parse a statement, run it over rows.

SELECT */COUNT(*)/fields FROM Entity [WHERE field op value [AND …]] [ORDERBY|ORDER BY field [ASC|DESC], …]
[STARTPOSITION n] [MAXRESULTS n]. There is no OR, JOIN or GROUP BY. Strings stand in single quotes, in which a backslash
escapes a quote or a backslash. Source: Intuit's "Data queries" page.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

DEFAULT_RESULTS = 100
MOST_RESULTS = 1000

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<operator><=|>=|=|<|>)|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<mark>[*(),]))""",
    re.VERBOSE | re.DOTALL,
)


class QueryError(Exception):
    """`code` 4000: cannot be parsed; 4001: parsed, but asks for something that is not there."""

    def __init__(self, code, detail):
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass
class Query:
    entity: str
    fields: list  # names, ["*"], or [] for COUNT(*)
    conditions: list = field(default_factory=list)  # (field, operator, literal or list of literals)
    order: list = field(default_factory=list)  # (field, descending)
    start: int = 1
    limit: int = DEFAULT_RESULTS

    @property
    def counts(self):
        return not self.fields


def parse(text):
    """The statement as a Query; raises QueryError."""
    return _Parser(text).statement()


class _Parser:
    def __init__(self, text):
        self.tokens = list(_tokens(text))
        self.position = 0

    def statement(self):
        self.keyword("SELECT")
        query = Query(fields=self.selection(), entity="")
        self.keyword("FROM")
        query.entity = self.take("word")
        if self.accept("WHERE"):
            query.conditions.append(self.condition())
            while self.accept("AND"):
                query.conditions.append(self.condition())
        if self.accept("ORDERBY") or (self.accept("ORDER") and self.keyword("BY")):
            query.order.append(self.ordering())
            while self.accept(","):
                query.order.append(self.ordering())
        if self.accept("STARTPOSITION"):
            query.start = self.whole_number("STARTPOSITION")
        if self.accept("MAXRESULTS"):
            query.limit = self.whole_number("MAXRESULTS")
            if query.limit > MOST_RESULTS:
                raise QueryError(
                    "4001",
                    f"QueryValidationError: value {query.limit} is too large. Max allowed value is {MOST_RESULTS}.",
                )
        if self.position < len(self.tokens):
            self.fail()
        return query

    def selection(self):
        if self.accept("COUNT"):
            for mark in "(*)":
                self.keyword(mark)
            return []
        names = [self.column()]
        while self.accept(","):
            names.append(self.column())
        return names

    def column(self):
        return "*" if self.accept("*") else self.take("word")

    def condition(self):
        name = self.take("word")
        if self.accept("IN"):
            self.keyword("(")
            values = [self.literal()]
            while self.accept(","):
                values.append(self.literal())
            self.keyword(")")
            return name, "IN", values
        if self.accept("LIKE"):
            return name, "LIKE", self.literal()
        return name, self.take("operator"), self.literal()

    def ordering(self):
        name = self.take("word")
        if self.accept("DESC"):
            return name, True
        self.accept("ASC")
        return name, False

    def literal(self):
        kind, text = self.peek()
        if kind == "string":
            self.position += 1
            return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
        if kind == "number" or (kind == "word" and text.lower() in ("true", "false")):
            self.position += 1
            return text
        return self.fail()

    def whole_number(self, clause):
        text = self.take("number")
        if not text.isdigit():
            raise QueryError("4001", f"QueryValidationError: {clause} must be a whole number, not {text}.")
        return max(1, int(text))

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "<EOF>")

    def accept(self, word):
        kind, text = self.peek()
        if kind in ("word", "mark") and text.upper() == word:
            self.position += 1
            return True
        return False

    def keyword(self, word):
        return self.accept(word) or self.fail()

    def take(self, kind):
        found, text = self.peek()
        if found != kind:
            self.fail()
        self.position += 1
        return text

    def fail(self):
        raise QueryError(
            "4000", f'QueryParserError: Encountered " {self.peek()[1]}" at token {self.position + 1}.'
        )


def _tokens(text):
    position, text = 0, text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise QueryError(
                "4000", f"QueryParserError: Invalid content. Lexical error at column {position + 1}."
            )
        yield match.lastgroup, match.group(match.lastgroup)
        position = match.end()


def select(query, rows, fields, timezone):
    """The rows that meet the WHERE clause, ordered, before paging.

    `fields` maps a field's path to callable(row); `timezone` reads times that carry no offset.
    """
    for name, operator, wanted in query.conditions:
        rows = _filtered(rows, _getter(fields, name, query.entity), operator, wanted, timezone)
    rows = list(rows)
    for name, descending in reversed(query.order):
        getter = _getter(fields, name, query.entity)
        rows.sort(key=lambda row: _sortable(getter(row)), reverse=descending)
    return rows


def _getter(fields, name, entity):
    """Property names are matched whatever their case, as `Metadata.LastUpdatedTime` shows; entity names are not."""
    for known, getter in fields.items():
        if known.lower() == name.lower():
            return getter
    raise QueryError("4001", f"QueryValidationError: Property {name} not found for Entity {entity}")


def _filtered(rows, getter, operator, wanted, timezone):
    compare, cast = _COMPARISONS[operator], {}

    def holds(row):
        value = getter(row)
        kind = type(value)
        if kind not in cast:
            cast[kind] = _cast(wanted, value, operator, timezone)
        return value is not None and compare(value, cast[kind])

    return (row for row in rows if holds(row))


def _cast(wanted, sample, operator, timezone):
    """The literal (or list of them) as the type of the column."""
    if operator == "IN":
        return [_cast(one, sample, "=", timezone) for one in wanted]
    if operator == "LIKE":
        parts = (re.escape(part) for part in wanted.split("%"))
        return re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)
    try:
        if isinstance(sample, bool):
            return wanted.lower() == "true"
        if isinstance(sample, datetime):
            moment = datetime.fromisoformat(wanted.replace("Z", "+00:00")).replace(microsecond=0)
            return moment if moment.tzinfo else moment.replace(tzinfo=timezone)
        if isinstance(sample, date):
            return date.fromisoformat(wanted[:10])
        if isinstance(sample, (int, Decimal)):
            return Decimal(wanted)
    except (ValueError, InvalidOperation):
        raise QueryError(
            "4001", f"QueryValidationError: {wanted!r} is not a value of this property."
        ) from None
    return wanted


def _sortable(value):
    return (value is not None, value if value is not None else 0)


_COMPARISONS = {
    "=": lambda value, wanted: value == wanted,
    "<": lambda value, wanted: value < wanted,
    ">": lambda value, wanted: value > wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">=": lambda value, wanted: value >= wanted,
    "IN": lambda value, wanted: value in wanted,
    "LIKE": lambda value, wanted: bool(wanted.fullmatch(str(value))),
}

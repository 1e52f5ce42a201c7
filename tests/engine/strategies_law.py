"""Random but lawful claims and terms."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from odoo_dunning.engine.interest import RatePiece, build_terms

DAY_COUNTS = ("act/365f", "act/360", "act/act", "30/360")
FIRST, LAST = date(2014, 1, 1), date(2099, 12, 31)

money = st.decimals(min_value=0, max_value=10**9, places=2)
rates = st.decimals(min_value=0, max_value=100, places=2)


@st.composite
def pieces(draw):
    """Adjoining rate periods from FIRST to LAST."""
    cuts = sorted(draw(st.sets(st.dates(date(2014, 6, 1), date(2032, 1, 1)), max_size=6)))
    starts = [FIRST, *cuts]
    ends = [*(cut - timedelta(days=1) for cut in cuts), LAST]
    return [
        RatePiece(start, end, draw(rates), (f"row{n}",))
        for n, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


@st.composite
def _terms(draw, rate_modes, compoundings, roundings):
    return build_terms(
        pieces=draw(pieces()),
        label="test",
        jurisdiction="XX",
        debtor_type="b2b",
        rate_mode=draw(st.sampled_from(rate_modes)),
        day_count=draw(st.sampled_from(DAY_COUNTS)),
        compounding=draw(st.sampled_from(compoundings)),
        rounding=draw(st.sampled_from(roundings)),
    )


def simple_terms():
    return _terms(("floating",), ("none",), ("once",))


def any_terms():
    """Every kind of term whose amounts are not rounded on the way."""
    return _terms(("floating", "fixed_at_start"), ("none", "yearly", "monthly"), ("once",))


def terms():
    return _terms(("floating", "fixed_at_start"), ("none", "yearly", "monthly"), ("once", "daily"))


@st.composite
def claims(draw):
    """(principal, due date, payments, until, stops)."""
    due = draw(st.dates(date(2015, 1, 1), date(2026, 12, 31)))
    offsets = st.integers(min_value=-40, max_value=1200)
    payments = draw(st.lists(st.tuples(offsets, money), max_size=4))
    events = sorted((due + timedelta(days=offset), amount) for offset, amount in payments)
    until = due + timedelta(days=draw(offsets))
    stops = []
    for start, length in draw(st.lists(st.tuples(offsets, st.integers(0, 200) | st.none()), max_size=2)):
        first = due + timedelta(days=start)
        stops.append((first, None if length is None else first + timedelta(days=length)))
    return draw(money), due, tuple(events), until, tuple(stops)


def grounds(names):
    return st.sets(st.sampled_from(names)).map(frozenset)


def amounts_up_to(limit: int):
    return st.decimals(min_value=Decimal("0.01"), max_value=limit, places=2)

"""Expected payment dates in Xero that end with the promise behind them."""

from __future__ import annotations

from datetime import date

import pytest

from .test_writes import KEY, Trial

PROMISED, MOVED, THEIRS = date(2026, 12, 4), date(2026, 12, 9), date(2026, 12, 24)


@pytest.fixture
def xero():
    trial = Trial("xero")
    yield trial
    trial.ledger.close()


def enter(xero, day):
    return xero.writes.set_expected_payment_date(xero.client, xero.invoice.id, day, f"{KEY}-{day.day}")


def end(xero, *ours, restored=None):
    xero.writes.end_expected_payment_date(xero.client, xero.invoice.id, frozenset(ours), restored, KEY)
    return xero.invoice.expected_payment_date


@pytest.mark.parametrize("kind", ["cut_after", "cut_before", "server_error"])
def test_a_promise_taken_back_leaves_no_day(xero, kind):
    enter(xero, PROMISED)
    xero.order(kind, "date")

    assert end(xero, PROMISED) is None
    version = xero.invoice.version
    assert end(xero, PROMISED) is None
    assert xero.invoice.version == version


def test_the_day_that_stood_there_before_comes_back(xero):
    xero.ledger.behind_the_clock(xero.invoice, expected_payment_date=THEIRS)

    assert enter(xero, PROMISED) == THEIRS
    assert enter(xero, PROMISED) is None
    assert end(xero, PROMISED, restored=THEIRS) == THEIRS


def test_a_day_that_a_person_entered_since_stays(xero):
    enter(xero, PROMISED)
    xero.ledger.behind_the_clock(xero.invoice, expected_payment_date=THEIRS)

    assert end(xero, PROMISED, MOVED) == THEIRS


def test_a_paid_invoice_is_left_as_it_is(xero):
    enter(xero, PROMISED)
    xero.ledger.pay(xero.invoice)

    assert end(xero, PROMISED) == PROMISED

"""Payloads as vendors send them, and as nobody should: a day stays a day, an amount is exact or refused (S15–S18)."""

from __future__ import annotations

import copy
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dunning_connectors.errors import BadRecord
from dunning_connectors.gateway import Lease
from dunning_connectors.quickbooks import mapping as quickbooks
from dunning_connectors.quickbooks import webhooks as quickbooks_webhooks
from dunning_connectors.reading import FieldError, Fields, loads
from dunning_connectors.records import Invoice
from dunning_connectors.xero import mapping as xero
from dunning_connectors.xero import webhooks as xero_webhooks

COMPANY = quickbooks.Company("USD", frozenset({"84"}))
ORGANISATION = xero.Organisation("NZD")
QUICKBOOKS_INVOICE = {
    "Id": "145",
    "SyncToken": "0",
    "MetaData": {"LastUpdatedTime": "2026-11-01T10:00:00-08:00"},
    "DocNumber": "1037",
    "TxnDate": "2026-10-01",
    "DueDate": "2026-10-31",
    "CustomerRef": {"value": "24", "name": "Ashcombe"},
    "CurrencyRef": {"value": "EUR"},
    "ExchangeRate": Decimal("0.8"),
    "TotalAmt": Decimal("362.07"),
    "Balance": Decimal("362.07"),
    "LinkedTxn": [],
}
XERO_INVOICE = {
    "Type": "ACCREC",
    "InvoiceID": "243216c5-369e-4056-ac67-05388f86dc81",
    "InvoiceNumber": "OIT00546",
    "Reference": "PO 7",
    "Contact": {"ContactID": "025867f1-d741-4d6b-b1af-9ac774b59ba7"},
    "Status": "AUTHORISED",
    "DateString": "2026-10-01T00:00:00",
    "DueDateString": "2026-10-31T00:00:00",
    "Total": Decimal("2025.00"),
    "AmountDue": Decimal("1025.00"),
    "AmountPaid": Decimal("1000.00"),
    "AmountCredited": 0,
    "CurrencyCode": "AUD",
    "CurrencyRate": Decimal("0.937053"),
    "UpdatedDateUTC": "/Date(1793527200000+0000)/",
}


@pytest.mark.parametrize(
    "offset", [f"{'-' if hours < 0 else '+'}{abs(hours):02}00" for hours in range(-11, 15)]
)
def test_s18_a_due_date_keeps_its_day_whatever_the_offset(offset):
    """Midnight of 2 November 2018 in the organisation's zone, written as Xero does: unix time plus that zone."""
    hours = int(offset[:3])
    midnight_ms = int(datetime(2018, 11, 2, tzinfo=timezone.utc).timestamp() - hours * 3600) * 1000

    assert Fields({"DueDate": f"/Date({midnight_ms}{offset})/"}).day("DueDate") == date(2018, 11, 2)


def test_s18_the_published_case():
    """apis.md A.6: xero-python gives 1 November here."""
    assert Fields({"D": "/Date(1541073600000+1300)/"}).day("D") == date(2018, 11, 2)


@pytest.mark.parametrize(
    "text",
    ["/Date(1793527200000+0000)/", "/Date(1793527200000+1300)/", "/Date(1793527200000)/", "2026-11-01T02:00:00-08:00",
     "2026-11-01T10:00:00Z", "2026-11-01T10:00:00.0000000Z"],
)  # fmt: skip
def test_s18_moments_compare_as_utc(text):
    assert Fields({"T": text}).instant("T") == datetime(2026, 11, 1, 10, tzinfo=timezone.utc)


def test_s18_a_moment_without_zone_is_refused_unless_the_field_is_known_to_be_utc():
    fields = Fields({"T": "2026-11-01T10:00:00"})

    with pytest.raises(FieldError, match=r"T: .*not a point in time"):
        fields.instant("T")
    assert fields.instant("T", assumed=timezone.utc).hour == 10


def test_s17_directions_of_the_rates():
    """0.8 USD for one EUR: one USD buys 1.25 EUR. Xero's 0.937053 AUD for one NZD is ours already."""
    assert quickbooks.invoice(QUICKBOOKS_INVOICE, COMPANY).rate == Decimal("1.25")
    assert xero.invoice(XERO_INVOICE, ORGANISATION).rate == Decimal("0.937053")


@pytest.mark.parametrize("rate", [None, 0, "missing"])
def test_s17_a_missing_rate_is_unknown_never_one(rate):
    ours, theirs = copy.deepcopy(QUICKBOOKS_INVOICE), copy.deepcopy(XERO_INVOICE)
    for payload, name in ((ours, "ExchangeRate"), (theirs, "CurrencyRate")):
        payload[name] = rate
        if rate == "missing":
            del payload[name]

    assert quickbooks.invoice(ours, COMPANY).rate is None
    assert xero.invoice(theirs, ORGANISATION).rate is None


def test_s17_the_home_currency_has_the_rate_one():
    home = {**QUICKBOOKS_INVOICE, "CurrencyRef": {"value": "USD"}, "ExchangeRate": None}

    assert quickbooks.invoice(home, COMPANY).rate == 1


def test_s15_an_unknown_currency_passes_through_and_an_unknown_status_is_unknown():
    assert xero.invoice({**XERO_INVOICE, "CurrencyCode": "XCG"}, ORGANISATION).currency == "XCG"
    assert xero.invoice({**XERO_INVOICE, "Status": "TELEPORTED"}, ORGANISATION).status == "unknown"
    assert xero.invoice({**XERO_INVOICE, "Type": "ACCHOLOGRAM"}, ORGANISATION).status == "unknown"


BAD_AMOUNTS = ["n/a", "1e3", "12,50", True, float("nan"), 10**20, Decimal("1E+50"), {}, [], "", None, "-5"]


@pytest.mark.parametrize("value", BAD_AMOUNTS, ids=repr)
def test_s15_an_amount_that_is_none_is_named(value):
    bad = quickbooks.invoice({**QUICKBOOKS_INVOICE, "Balance": value}, COMPANY)

    assert isinstance(bad, BadRecord)
    assert bad.external_id == "145" and bad.cause.startswith("Balance: ")
    assert isinstance(xero.invoice({**XERO_INVOICE, "AmountDue": value}, ORGANISATION), BadRecord)


@pytest.mark.parametrize(
    ("changes", "is_half_read"),
    [
        ({"AmountPaid": Decimal("999.99")}, True),  # paid and due come to less than the total
        ({"Status": "PAID"}, True),  # and 1,025.00 is due
        ({"AmountDue": "n/a"}, False),
        ({"AmountDue": Decimal("3025.00"), "AmountPaid": Decimal("-1000.00")}, False),
    ],
    ids=str,
)
def test_x4_only_what_was_read_in_the_middle_of_a_change_is_worth_another_look(changes, is_half_read):
    bad = xero.invoice({**XERO_INVOICE, **changes}, ORGANISATION)

    assert isinstance(bad, BadRecord) and bad.is_half_read is is_half_read


def test_s16_numbers_never_pass_through_float():
    payload = loads(b'{"a": 0.1, "b": 33333333333333.33, "c": "10.005"}')

    fields = Fields(payload)
    assert [fields.money(name) for name in "abc"] == [
        Decimal("0.1"),
        Decimal("33333333333333.33"),
        Decimal("10.005"),
    ]
    with pytest.raises(ValueError):
        loads(b'{"a": NaN}')


def test_q4_zero_total_is_void_only_where_it_says_so():
    zero = {**QUICKBOOKS_INVOICE, "TotalAmt": 0, "Balance": 0}

    assert quickbooks.invoice(zero, COMPANY).status == "paid"
    assert quickbooks.invoice({**zero, "PrivateNote": "Voided - typo"}, COMPANY).status == "void"


def test_journal_lines_on_other_accounts_are_not_receivables():
    """A customer on an income line is a tag, not a debt."""
    line = {
        "Amount": 50,
        "JournalEntryLineDetail": {
            "PostingType": "Debit",
            "AccountRef": {"value": "79"},
            "Entity": {"Type": "Customer", "EntityRef": {"value": "24"}},
        },
    }
    entry = {**QUICKBOOKS_INVOICE, "Line": [line]}

    assert quickbooks.journal(entry, COMPANY, lambda *_: Decimal(0)) == []


def lease(**changes):
    fields = {"key": "k", "until": None, "vendor": "", "environment": "production", "organisation": "77"}
    return Lease(**fields | {"access_token": "t"} | changes)


def test_links_lead_to_the_document_in_the_right_organisation():
    """Forms: Intuit's sample app for projects; Xero's page on deep links."""
    links = quickbooks.Links.of(lease())
    assert links.to("invoice", "12") == "https://app.qbo.intuit.com/app/invoice?txnId=12&companyId=77"
    assert xero.Links.of(lease(), "!abC").to_invoice("i-1") == (
        "https://go.xero.com/organisationlogin/default.aspx"
        "?shortcode=%21abC&redirecturl=%2FAccountsReceivable%2FView.aspx%3FInvoiceID%3Di-1"
    )
    assert xero.Links.of(lease(urls={"api": "http://127.0.0.1:1"}), "!abC").to_invoice("i-1") == ""
    local = {"api": "http://127.0.0.1:1/v3", "web": "http://127.0.0.1:1/pay"}
    assert quickbooks.Links.of(lease(urls=local)).to("invoice", "12") == "http://127.0.0.1:1/pay/77/12"


# -- fuzz ----------------------------------------------------------------------------------------------------
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.decimals(allow_nan=True) | st.text(max_size=12)
    | st.sampled_from(["/Date(9999999999999999+0000)/", "/Date(-1)/", "2026-02-30", "0001-01-01", "EUR", "\x00", "٣"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def spoilt(payload):
    """The payload with up to three fields replaced by junk or taken away."""
    changes = st.dictionaries(st.sampled_from(sorted(payload)), JUNK | st.just("__gone__"), max_size=3)
    return changes.map(
        lambda junk: {key: value for key, value in {**payload, **junk}.items() if value != "__gone__"}
    )


def amounts_are_right(record, total, due):
    """A record that may be dunned has exactly the amounts its payload states, at most the total."""
    if isinstance(record, Invoice) and record.status == "open":
        assert record.total == Decimal(str(total)) and record.open_amount == Decimal(str(due))
        assert 0 < record.open_amount <= record.total
        record.to_wire()


@settings(max_examples=400, deadline=None)
@given(spoilt(QUICKBOOKS_INVOICE))
def test_s15_fuzz_quickbooks_never_yields_a_wrong_open_amount(payload):
    record = quickbooks.invoice(payload, COMPANY)
    amounts_are_right(record, payload.get("TotalAmt"), payload.get("Balance"))
    for mapper in (quickbooks.customer, quickbooks.credit_memo, quickbooks.payment):
        mapper(payload, COMPANY)
    quickbooks.journal(payload, COMPANY, lambda *_: Decimal(0))


@settings(max_examples=400, deadline=None)
@given(spoilt(XERO_INVOICE))
def test_s15_fuzz_xero_never_yields_a_wrong_open_amount(payload):
    record = xero.invoice(payload, ORGANISATION)
    amounts_are_right(record, payload.get("Total"), payload.get("AmountDue"))
    for mapper in (xero.customer, xero.credit, xero.payment):
        mapper(payload, ORGANISATION)


@settings(max_examples=200, deadline=None)
@given(JUNK | st.binary(max_size=40))
def test_s26_fuzz_webhook_bodies_crash_nothing(junk):
    import json

    body = junk if isinstance(junk, bytes) else json.dumps(junk, default=str).encode()
    assert isinstance(quickbooks_webhooks.events(body), list)
    assert isinstance(xero_webhooks.events(body), list)


@pytest.mark.parametrize("record_id", ["7\x00", "7\ud800", "7" * 3000])
def test_s15_a_record_that_cannot_be_read_is_named_by_what_can_be_stored(record_id):
    company = quickbooks.Company("USD")

    bad = quickbooks.invoice({"Id": record_id, "TotalAmt": "?"}, company)

    bad.external_id.encode()
    assert bad.external_id.startswith("7") and "\x00" not in bad.external_id
    assert len(bad.external_id) <= 100


def test_s15_an_id_longer_than_any_is_set_aside():
    found = quickbooks.customer(
        {"Id": "7" * 3000, "DisplayName": "Acme", "MetaData": {"LastUpdatedTime": "2026-11-01T00:00:00Z"}},
        quickbooks.Company("USD"),
    )

    assert isinstance(found, BadRecord) and "an id has 100 characters at most" in found.cause

"""Writes to both ledgers over real HTTP: what stands there afterwards, whatever happened to the answers."""

from __future__ import annotations

import logging
from datetime import date, timezone
from decimal import Decimal

import pytest

from dunning_connectors.budget import Budget, Limits
from dunning_connectors.errors import Gone, NotGranted, Refused, Retry, TooLarge
from dunning_connectors.quickbooks import client as quickbooks_client
from dunning_connectors.quickbooks import documents as quickbooks_documents
from dunning_connectors.quickbooks import writes as quickbooks_writes
from dunning_connectors.xero import client as xero_client
from dunning_connectors.xero import documents as xero_documents
from dunning_connectors.xero import oauth as xero_oauth
from dunning_connectors.xero import writes as xero_writes

from .contract.ledgers import LEDGERS

KEY = "odoo-0a1b2c3d4e5f6071"
MB = 1024 * 1024


class FixedToken:
    def __init__(self, access):
        self.access = access

    def renew(self):
        raise AssertionError("the token was good")


class Trial:
    """One sandbox ledger, one invoice of 100, a client that does not wait."""

    def __init__(self, vendor, scopes=None):
        self.vendor = vendor
        self.ledger = LEDGERS[vendor]()
        self.box = self.ledger.box
        self.slept = []
        self.invoice = self.ledger.invoice(self.ledger.customer(), "100.00")
        modules = {
            "quickbooks": (quickbooks_client, quickbooks_writes, quickbooks_documents),
            "xero": (xero_client, xero_writes, xero_documents),
        }
        client_module, self.writes, self.documents = modules[vendor]
        self.client = client_module.Client(
            self.box.urls["api"],
            self.ledger.company.id,
            FixedToken(self.ledger.token(scopes=scopes)["access_token"]),
            Budget(Limits(per_minute=1_000_000), sleep=self.slept.append),
        )

    def note(self, text="Reminder DN/2026/00001 sent.", key=KEY, invoice=None):
        self.writes.note_on_invoice(self.client, (invoice or self.invoice).id, text, key)

    def notes(self):
        return self.ledger.notes(self.invoice)

    def pay(self, amount="40.00", key=KEY, account=None, day=date(2026, 11, 20)):
        account = account or {"quickbooks": "35", "xero": "00000000-0000-4000-8000-0000000000b1"}[self.vendor]
        return self.writes.record_payment(
            self.client, self.invoice.id, Decimal(amount), day, account, "Bank statement 17", key
        )

    def order(self, kind, what="note", **options):
        path = {
            "quickbooks": {"note": r"POST .*/invoice\?", "payment": r"POST .*/payment\?"},
            "xero": {"note": "PUT .*/History", "payment": "PUT .*/Payments", "date": "POST .*/Invoices/"},
        }[self.vendor][what]
        return self.box.faults.order(kind, match=path, **options)

    def forget_keys(self):
        """The vendor remembers no idempotency key any more."""
        self.box.skin._replays.clear()


@pytest.fixture(params=["quickbooks", "xero"])
def trial(request):
    trial = Trial(request.param)
    yield trial
    trial.ledger.close()


@pytest.fixture
def xero():
    trial = Trial("xero")
    yield trial
    trial.ledger.close()


@pytest.fixture
def quickbooks():
    trial = Trial("quickbooks")
    yield trial
    trial.ledger.close()


@pytest.fixture(autouse=True)
def _quiet_werkzeug():
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)


# -- notes -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind", ["cut_after", "cut_midway", "cut_before", "server_error", "not_json", "unavailable_html"]
)
@pytest.mark.parametrize("keys", ["remembered", "forgotten"])
def test_s21_a_note_stands_once_whatever_became_of_the_answer(trial, kind, keys):
    if keys == "forgotten":
        trial.box.skin.once = lambda company, key, work: work()
    fault = trial.order(kind)

    trial.note()
    trial.note()

    assert fault.struck == 1
    assert trial.notes().count("Reminder DN/2026/00001 sent.") == 1


def test_s21_a_try_of_another_day_is_found_though_the_key_is_forgotten(trial):
    trial.order("cut_after", count=1)
    trial.box.faults.order("cut_before", match="GET", skip=1, count=20)  # and it cannot be looked for either
    with pytest.raises(Retry):
        trial.note()
    trial.box.faults.clear()
    trial.forget_keys()

    trial.note()

    assert trial.notes().count("Reminder") == 1


def test_two_reminders_of_one_invoice_are_two_notes(trial):
    trial.note("First reminder", key="odoo-1111")
    trial.note("Second reminder", key="odoo-11112")

    assert "First reminder [odoo-1111]" in trial.notes()
    assert "Second reminder [odoo-11112]" in trial.notes()


def test_a_long_text_loses_words_never_its_mark(trial):
    trial.note("word " * 2000)
    trial.note("word " * 2000)

    assert trial.notes().count(f"… [{KEY}]") == 1


def test_a_note_for_an_invoice_that_is_gone_says_so(trial):
    with pytest.raises(Gone):
        trial.writes.note_on_invoice(trial.client, "99999999", "Reminder", KEY)


def test_the_private_note_of_others_stays_in_front(quickbooks):
    quickbooks.ledger.behind_the_clock(quickbooks.invoice, note="Call Ms Weber first")

    quickbooks.note("Reminder")

    assert quickbooks.notes() == f"Call Ms Weber first\nReminder [{KEY}]"


def test_somebody_who_writes_in_between_loses_nothing(quickbooks):
    def write_too(sandbox):
        with sandbox.book.lock:
            sandbox.company.edit(quickbooks.invoice, note="Theirs")

    quickbooks.box.faults.order("concurrent_change", match=r"(?i)GET .*/invoice/", change=write_too)

    quickbooks.note("Ours")

    assert quickbooks.notes() == f"Theirs\nOurs [{KEY}]"


def test_the_mark_of_a_void_invoice_is_not_touched(quickbooks):
    quickbooks.ledger.behind_the_clock(quickbooks.invoice, note="Old")
    quickbooks.ledger.void(quickbooks.invoice)

    with pytest.raises(Refused, match="void"):
        quickbooks.note()

    assert quickbooks.notes() == "Old"
    assert quickbooks.client.get("Invoice", quickbooks.invoice.id)["PrivateNote"] == "Voided - Old"


def test_an_invoice_voided_between_reading_and_writing_keeps_its_mark(quickbooks):
    quickbooks.box.faults.order(
        "concurrent_change",
        match=r"(?i)GET .*/invoice/",
        change=lambda sandbox: quickbooks.ledger.void(quickbooks.invoice),
    )

    with pytest.raises(Refused, match="void"):
        quickbooks.note()

    assert quickbooks.client.get("Invoice", quickbooks.invoice.id)["PrivateNote"] == "Voided"


def test_a_full_private_note_is_left_whole(quickbooks):
    full = "x" * 3990
    quickbooks.ledger.behind_the_clock(quickbooks.invoice, note=full)

    with pytest.raises(Refused, match="full"):
        quickbooks.note()

    assert quickbooks.notes() == full


def test_a_journal_entry_is_not_written_to(quickbooks):
    calls = quickbooks.client.budget.calls

    with pytest.raises(Refused, match="journal entry"):
        quickbooks.writes.note_on_invoice(quickbooks.client, "journal-7-3", "Reminder", KEY)

    assert quickbooks.client.budget.calls == calls


def test_x8_without_the_scope_nothing_is_written_and_the_cause_is_named(xero):
    reader = Trial("xero", scopes=xero_oauth.READ_SCOPES)
    try:
        with pytest.raises(NotGranted, match="permission"):
            reader.note()
        with pytest.raises(NotGranted, match="permission"):
            reader.pay()
        assert not reader.invoice.history and reader.invoice.open == 100
    finally:
        reader.ledger.close()


# -- expected dates --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
def test_the_promised_day_stands_there(xero, kind):
    xero.order(kind, "date")

    xero.writes.set_expected_payment_date(xero.client, xero.invoice.id, date(2026, 12, 4), KEY)
    version = xero.invoice.version
    xero.writes.set_expected_payment_date(xero.client, xero.invoice.id, date(2026, 12, 4), "odoo-other")

    assert xero.invoice.expected_payment_date == date(2026, 12, 4)
    assert xero.invoice.version == version == 1  # the second found the day standing there


def test_a_paid_invoice_expects_no_date(xero):
    xero.ledger.pay(xero.invoice)

    with pytest.raises(Refused, match="PAID"):
        xero.writes.set_expected_payment_date(xero.client, xero.invoice.id, date(2026, 12, 4), KEY)


# -- payments --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind", ["cut_after", "cut_midway", "cut_before", "server_error", "missing_id", "vanished_record"]
)
@pytest.mark.parametrize("keys", ["remembered", "forgotten"])
def test_s21_a_payment_is_recorded_once_whatever_became_of_the_answer(trial, kind, keys):
    if keys == "forgotten":
        trial.box.skin.once = lambda company, key, work: work()
    trial.order(kind, "payment")

    first = trial.pay("40.10")
    second = trial.pay("40.10")

    assert first == second
    assert [part.amount for part in trial.invoice.allocations] == [Decimal("40.10")]
    assert trial.invoice.open == Decimal("59.90")


def test_a_payment_says_where_it_went_when_and_what_for(trial):
    trial.pay("40.00")

    payment = trial.invoice.allocations[0].source
    assert payment.issue_date == date(2026, 11, 20)
    assert payment.account_id in ("35", "00000000-0000-4000-8000-0000000000b1")
    assert "Bank statement 17" in payment.reference


def test_more_than_is_open_is_refused_before_it_is_sent(trial):
    fault = trial.order("server_error", "payment")

    with pytest.raises(Refused, match=r"Only 100(\.00)? of the invoice is open"):
        trial.pay("100.01")

    assert not fault.struck and trial.invoice.open == 100


def test_the_books_own_words_reach_the_person(trial):
    account = {"quickbooks": "79", "xero": "00000000-0000-4000-8000-0000000000b3"}[trial.vendor]
    if trial.vendor == "quickbooks":
        account = "4711"
    with pytest.raises((Refused, Gone)) as caught:
        trial.pay(account=account)
    assert "Account type is invalid" in caught.value.message or "does not exist" in caught.value.message
    assert trial.invoice.open == 100


def test_payments_in_a_currency_without_cents_and_with_three_decimals(trial):
    for code, total, paid, left in (("JPY", "5000", "1200", "3800"), ("KWD", "10.125", "0.125", "10.000")):
        customer = trial.ledger.customer(currency=code)
        trial.invoice = trial.ledger.invoice(customer, total, currency=code)
        trial.pay(paid, key=f"odoo-{code}")
        assert trial.invoice.open == Decimal(left)


def test_a_company_that_has_one_currency_only_takes_payments_too(quickbooks):
    quickbooks.ledger.company.has_currencies = False

    quickbooks.pay("40.00")

    assert quickbooks.invoice.open == Decimal("60.00")


def test_the_accounts_offered_are_those_that_take_payments(trial):
    names = {account.name for account in trial.writes.payment_accounts(trial.client)}

    assert (
        names
        == {
            "quickbooks": {"Undeposited Funds", "Checking"},
            "xero": {"Business Bank Account", "Clearing"},
        }[trial.vendor]
    )


def test_whether_the_ledger_itself_reminds_is_asked_where_it_says_so(trial):
    trial.ledger.company.sends_reminders = True

    assert trial.writes.sends_reminders(trial.client) is {"quickbooks": None, "xero": True}[trial.vendor]


# -- documents -------------------------------------------------------------------------------------------------------
def test_the_pdf_of_the_invoice_and_its_cap(trial):
    content = trial.documents.fetch_pdf(trial.client, trial.invoice.id, MB)

    assert content.startswith(b"%PDF-") and trial.invoice.number.encode() in content
    with pytest.raises(TooLarge):
        trial.documents.fetch_pdf(trial.client, trial.invoice.id, len(content) - 1)


def test_a_page_of_a_proxy_is_not_taken_for_a_pdf(trial):
    trial.box.faults.order("not_json", match="pdf|Invoices/", count=100)

    with pytest.raises(Retry):
        trial.documents.fetch_pdf(trial.client, trial.invoice.id, MB)


def test_the_payment_link_and_its_end(trial):
    link, ends_at = trial.documents.online_link(trial.client, trial.invoice.id)

    assert link.startswith(f"{trial.box.base_url}/pay/")
    if trial.vendor == "xero":
        assert ends_at is None
    else:
        now = trial.box.book.clock.peek()
        assert ends_at.tzinfo is timezone.utc and 29 <= (ends_at - now).days <= 30


def test_an_invoice_that_cannot_be_paid_online_has_no_link(trial):
    trial.ledger.void(trial.invoice)
    if trial.vendor == "xero":
        link, ends_at = trial.documents.online_link(trial.client, "00000000-0000-4000-8000-00000000dead")
    else:
        link, ends_at = trial.documents.online_link(trial.client, trial.invoice.id)

    assert (link, ends_at) == ("", None)

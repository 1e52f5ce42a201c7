"""Invoices of charges at both ledgers over real HTTP: one for each message, and gone when taken back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random

import pytest

from dunning_connectors.errors import Gone, NotGranted, Refused, Retry
from dunning_connectors.writing import ChargeDocument, ChargeLine
from dunning_connectors.xero import oauth as xero_oauth

from .test_writes import KEY, Trial

INCOMES = {"quickbooks": ("2", "3"), "xero": ("260", "270")}
ACCIDENTS = [
    "cut_after",
    "cut_midway",
    "cut_before",
    "server_error",
    "not_json",
    "missing_id",
    "vanished_record",
]
PATHS = {
    "quickbooks": {
        "invoice": r"POST .*/invoice\?",
        "credit": r"POST .*/creditmemo\?",
        "use": r"POST .*/payment\?",
        "void": r"POST .*/invoice\?.*operation=void",
    },
    "xero": {
        "invoice": "PUT .*/Invoices",
        "credit": "PUT .*/CreditNotes",
        "use": "PUT .*/Allocations",
        "void": "POST .*/Invoices/",
    },
}


class Fees(Trial):
    """40.00 of recovery costs and 43.45 of interest, claimed by one message."""

    def __init__(self, vendor, currency=None, **options):
        super().__init__(vendor, **options)
        self.company = self.ledger.company
        fields = {"currency": currency} if currency else {}
        self.customer = self.ledger.customer(**fields)

    def document(self, *amounts, text="DN/2026/00007", incomes=None):
        texts = ("Recovery sum, T-1", "Interest on T-1")
        lines = tuple(
            ChargeLine(line_text, Decimal(amount), income)
            for line_text, amount, income in zip(
                texts, amounts or ("40.00", "43.45"), incomes or INCOMES[self.vendor], strict=False
            )
        )
        day = self.company.today()
        return ChargeDocument(self.customer.id, self.customer.currency, day, date(2026, 12, 4), text, lines)

    def bill(self, *amounts, key=KEY, **options):
        invoice_id = self.writes.invoice_charges(self.client, self.document(*amounts, **options), key)
        return self.company.invoices[invoice_id]

    def credit(self, invoice, *amounts, key="odoo-taken-back"):
        return self.writes.credit_charges(self.client, invoice.id, self.document(*amounts), key)

    def hits(self, kind, what):
        return self.box.faults.order(kind, match=PATHS[self.vendor][what])

    def forget(self, keys):
        if keys == "forgotten":
            self.box.skin.once = lambda company, key, work: work()

    def invoices(self):
        return [one for one in self.company.invoices.values() if one.customer_id == self.customer.id]

    def credits(self):
        return [one for one in self.company.credits() if one.customer_id == self.customer.id]

    def owed(self):
        totals = self.company.balances(self.customer.id)
        return totals[self.customer.currency]["balance"] if totals else Decimal(0)


@pytest.fixture(params=["quickbooks", "xero"])
def fees(request):
    fees = Fees(request.param)
    yield fees
    fees.ledger.close()


def test_a_company_that_has_one_currency_only_is_billed_and_credited_too():
    fees = Fees("quickbooks")
    fees.company.has_currencies = False
    invoice = fees.bill()
    assert fees.owed() == Decimal("83.45")

    fees.credit(invoice, "40.00")

    assert fees.owed() == Decimal("43.45")
    assert invoice.open == Decimal("43.45")
    fees.ledger.close()


# -- the invoice -----------------------------------------------------------------------------------------------------
def test_the_invoice_says_what_the_message_said(fees):
    invoice = fees.bill()

    assert invoice.total == invoice.open == Decimal("83.45") and invoice.tax_total == 0
    assert (invoice.issue_date, invoice.due_date) == (fees.company.today(), date(2026, 12, 4))
    assert [(line.description, line.amount, line.income) for line in invoice.lines] == [
        ("Recovery sum, T-1", Decimal("40.00"), INCOMES[fees.vendor][0]),
        ("Interest on T-1", Decimal("43.45"), INCOMES[fees.vendor][1]),
    ]
    marked = invoice.reference if fees.vendor == "xero" else invoice.note
    assert marked == f"DN/2026/00007 [{KEY}]"
    assert invoice.status == "open"


@pytest.mark.parametrize("kind", ACCIDENTS)
@pytest.mark.parametrize("keys", ["remembered", "forgotten"])
def test_s21_one_invoice_whatever_became_of_the_answer(fees, kind, keys):
    fees.forget(keys)
    fault = fees.hits(kind, "invoice")

    first, second = fees.bill(), fees.bill()

    assert fault.struck == 1 and first is second
    assert fees.invoices() == [first]


def test_another_message_is_another_invoice(fees):
    fees.bill("40.00", key="odoo-1111")
    fees.bill("40.00", key="odoo-2222", text="DN/2026/00008")

    assert [one.total for one in fees.invoices()] == [40, 40]


def test_it_can_be_looked_for_without_being_made(fees):
    assert fees.writes.find_charges(fees.client, fees.document(), KEY) == ""
    assert not fees.invoices()

    invoice = fees.bill()

    assert fees.writes.find_charges(fees.client, fees.document(), KEY) == invoice.id


def test_voided_there_it_is_not_made_again(fees):
    invoice = fees.bill()
    fees.ledger.void(invoice)

    assert fees.bill() is invoice
    assert len(fees.invoices()) == 1


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "4000"), ("KWD", "12.345"), ("EUR", "40.10")])
@pytest.mark.parametrize("vendor", ["quickbooks", "xero"])
def test_in_the_currency_of_the_claim_to_its_last_digit(vendor, currency, amount):
    fees = Fees(vendor, currency)
    try:
        invoice = fees.bill(amount)
        assert (invoice.currency, invoice.total) == (currency, Decimal(amount))
        fees.credit(invoice, amount)
        assert fees.owed() == 0
    finally:
        fees.ledger.close()


def test_an_income_that_is_not_there_is_named(fees):
    with pytest.raises(Refused, match="4711"):
        fees.bill(incomes=("4711", "4711"))
    assert not fees.invoices()


def test_a_total_that_the_ledger_made_different_is_not_taken(fees):
    invoice = fees.bill()
    fees.ledger.behind_the_clock(invoice, total=Decimal("99.31"))

    with pytest.raises(Refused, match=r"99\.31 .* out of 83\.45"):
        fees.bill()


def test_what_lines_can_be_booked_on(fees):
    names = [(income.id, income.name) for income in fees.writes.incomes(fees.client)]

    assert (
        names
        == {
            "quickbooks": [("1", "Services"), ("2", "Late fees"), ("3", "Late interest")],
            "xero": [("200", "200 Sales"), ("260", "260 Other Revenue"), ("270", "270 Interest Income")],
        }[fees.vendor]
    )


def test_without_the_scope_nothing_is_made():
    fees = Fees("xero", scopes=xero_oauth.READ_SCOPES)
    try:
        with pytest.raises(NotGranted, match="permission"):
            fees.bill()
        assert not fees.invoices()
    finally:
        fees.ledger.close()


# -- taken back ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ACCIDENTS)
@pytest.mark.parametrize("keys", ["remembered", "forgotten"])
def test_taken_back_before_it_was_paid_it_is_void(fees, kind, keys):
    invoice = fees.bill()
    fees.forget(keys)
    fault = fees.hits(kind, "void")

    assert fees.credit(invoice) == fees.credit(invoice) == ""

    assert fault.struck == 1
    assert (invoice.status, fees.owed(), fees.credits()) == ("void", 0, [])


@pytest.mark.parametrize("kind", ACCIDENTS)
@pytest.mark.parametrize("keys", ["remembered", "forgotten"])
@pytest.mark.parametrize("what", ["credit", "use"])
def test_a_part_of_it_is_credited_once_and_set_against_it(fees, kind, keys, what):
    invoice = fees.bill()
    fees.forget(keys)
    fault = fees.hits(kind, what)

    first, second = fees.credit(invoice, "15.45"), fees.credit(invoice, "15.45")

    assert fault.struck == 1 and first == second
    [credit] = fees.credits()
    assert (credit.id, credit.total, credit.remaining) == (first, Decimal("15.45"), 0)
    assert (invoice.open, fees.owed()) == (68, 68)


def test_two_waivers_are_two_credits(fees):
    invoice = fees.bill()
    fees.credit(invoice, "15.45", key="odoo-first")
    fees.credit(invoice, "15.45", key="odoo-second")

    assert invoice.open == Decimal("52.55")


def test_what_was_paid_stays_with_the_customer(fees):
    invoice = fees.bill()
    fees.ledger.pay(invoice, "60.00")

    fees.credit(invoice)

    [credit] = fees.credits()
    assert (invoice.open, credit.remaining) == (0, 60)
    assert fees.owed() == -60


def test_voided_there_already_nothing_is_credited(fees):
    invoice = fees.bill()
    fees.ledger.void(invoice)

    assert fees.credit(invoice) == ""
    assert not fees.credits() and fees.owed() == 0


def test_an_invoice_that_is_gone_says_so(fees):
    fees.invoice.id = {"quickbooks": "99999999", "xero": "00000000-0000-4000-8000-00000000dead"}[fees.vendor]

    with pytest.raises(Gone):
        fees.credit(fees.invoice)
    assert not fees.credits()


def test_somebody_who_edits_it_meanwhile_does_not_keep_it_alive():
    fees = Fees("quickbooks")
    try:
        invoice = fees.bill()

        def write_too(sandbox):
            with sandbox.book.lock:
                sandbox.company.edit(invoice, reference="Theirs")

        fees.box.faults.order("concurrent_change", match=r"(?i)GET .*/invoice/", change=write_too)
        fees.credit(invoice)
        assert invoice.status == "void"
    finally:
        fees.ledger.close()


# -- whatever happens --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_the_books_hold_each_charge_once_and_each_waiver_once(fees, seed):
    """Messages, waivers and payments under random accidents, each write asked for twice: the customer owes what was
    charged less what was waived and paid, and no document stands there twice."""
    dice = Random(f"{fees.vendor}/{seed}")
    fees.forget("forgotten" if seed % 2 else "remembered")
    owed, bills = Decimal(0), []

    def for_certain(write):
        fees.hits(dice.choice(ACCIDENTS), dice.choice(("invoice", "credit", "use", "void")))
        for _attempt in range(2):
            answer = again(write)
        fees.box.faults.clear()
        return answer

    for step in range(10):
        deed = dice.choice(("bill", "bill", "waive", "pay")) if bills else "bill"
        if deed == "bill":
            amounts = [f"{dice.randint(100, 9000) / 100:.2f}" for _line in range(2)]
            key, text = f"odoo-bill-{seed}-{step}", f"DN/2026/{seed}{step:04d}"
            bills.append([for_certain(lambda: fees.bill(*amounts, key=key, text=text)), Decimal(0)])  # noqa: B023
            owed += sum(map(Decimal, amounts))
            continue
        bill = dice.choice(bills)
        invoice, waived = bill
        left = invoice.total - waived if invoice.status == "open" else Decimal(0)
        if deed == "pay" and invoice.open:
            part = min(invoice.open, Decimal(dice.randint(1, 5000)) / 100)
            fees.ledger.pay(invoice, str(part))
            owed -= part
        elif deed == "waive" and left:
            part = left if dice.random() < 0.4 else min(left, Decimal(dice.randint(1, 3000)) / 100)
            for_certain(lambda: fees.credit(invoice, str(part), key=f"odoo-waive-{seed}-{step}"))  # noqa: B023
            bill[1] += part
            owed -= part
        assert fees.owed() == owed, (step, deed)

    assert len(fees.invoices()) == len(bills)
    assert fees.owed() == owed


def again(write):
    """As the outbox does: later once more, until it is known."""
    for _turn in range(5):
        try:
            return write()
        except Retry:
            continue
    raise AssertionError("no end of accidents")

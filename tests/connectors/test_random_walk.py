"""A ledger lives at random while the sync meets random faults and dies at random, and half of the webhooks are lost;
one clean pass makes it right again.

`DUNNING_WALK_CHANGES` and `DUNNING_WALK_SEED` make it longer or repeat one; the seed is part of a failure's message.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from decimal import Decimal

import pytest

from dunning_connectors.sandbox.book import BookError

from .contract.conftest import Trial
from .contract.ledgers import LEDGERS
from .contract.receivers import MemoryReceiver
from .contract.test_shared import SPOILS, Killed

CHANGES = int(os.environ.get("DUNNING_WALK_CHANGES", "400"))
SEED = int(os.environ.get("DUNNING_WALK_SEED", "20261121"))
CHANGES_PER_PASS = 20
ENTITIES = {"customer": "customer", "invoice": "invoice", "credit": "credit", "payment": "payment"}
ANSWERS = ("throttle_minute", "server_error", "unavailable_html", "not_json", "cut_before", "cut_midway")
WORLD = ("concurrent_change", "throttle_day")


class Walk:
    """Random bookkeeping on one ledger. Changes the books refuse are simply not made."""

    def __init__(self, ledger, seed):
        self.ledger = ledger
        self.random = random.Random(seed)
        self.customers = [ledger.customer(currency=code) for code in ("USD", "EUR", "JPY", "KWD", "GBP")]
        self.made = 0
        self.met = Counter()
        self.orders = []

    def step(self):
        change = self.random.choice(
            (self.new_customer, self.bill, self.bill, self.bill, self.pay, self.pay, self.credit, self.prepay,
             self.apply, self.release, self.void, self.delete, self.edit, self.archive, self.time)
        )  # fmt: skip
        try:
            change()
            self.made += 1
        except (BookError, IndexError):
            return

    def some(self, table):
        return self.random.choice(list(table))

    def amount(self, most=Decimal(500)):
        return Decimal(self.random.randint(1, int(most * 100))) / 100

    def new_customer(self):
        parent = self.some(self.customers)
        job = {
            "parent_id": parent.id,
            "bills_with_parent": self.random.random() < 0.5,
            "currency": parent.currency,
        }
        self.customers.append(self.ledger.customer(**(job if self.random.random() < 0.3 else {})))

    def bill(self):
        customer = self.some(self.customers)
        amount = self.amount()
        self.ledger.invoice(customer, amount if customer.currency != "JPY" else Decimal(int(amount) + 1))

    def open_invoice(self):
        return self.some(
            one for one in self.ledger.company.invoices.values() if one.open and not one.purchase
        )

    def pay(self):
        invoice = self.open_invoice()
        part = invoice.open if self.random.random() < 0.6 else min(invoice.open, Decimal(1))
        self.ledger.pay(invoice, part)

    def credit(self):
        self.ledger.credit(self.some(self.customers), self.amount(Decimal(90)).quantize(Decimal(1)) + 1)

    def prepay(self):
        self.ledger.prepay(self.some(self.customers), self.amount(Decimal(90)).quantize(Decimal(1)) + 1)

    def apply(self):
        source = self.some(one for one in self.ledger.company.sources.values() if one.remaining and one.live)
        debts = [
            one
            for one in self.ledger.company.documents_of[source.customer_id]
            if one.kind == "invoice" and one.open and one.currency == source.currency and not one.purchase
        ]
        debt = self.some(debts)
        self.ledger.allocate(source, debt, min(source.remaining, debt.open))

    def release(self):
        parts = [part for one in self.ledger.company.invoices.values() for part in one.allocations]
        self.ledger.deallocate(self.some(part for part in parts if self.may_float(part.source)))

    def may_float(self, source):
        """Xero knows no payment without its invoice: there it is deleted, never set free."""
        return self.ledger.vendor == "quickbooks" or source.kind != "payment"

    def void(self):
        invoice = self.open_invoice()
        if all(self.may_float(part.source) for part in invoice.allocations):
            self.ledger.void(invoice)

    def delete(self):
        tables = (self.ledger.company.invoices, self.ledger.company.sources)
        document = self.some(self.some(tables).values())
        if document.kind != "invoice" or all(self.may_float(part.source) for part in document.allocations):
            self.ledger.delete(document)

    def edit(self):
        with self.ledger.box.book.lock:
            self.ledger.company.edit(self.some(self.customers), phone=str(self.random.random()))

    def archive(self):
        with self.ledger.box.book.lock:
            self.ledger.company.archive_customer(self.some(self.customers))

    def time(self):
        self.ledger.days_pass(self.random.choice((0.001, 0.01, 0.3, 1.1)))

    def trouble(self):
        """Order some faults for the next pass. Two dead tokens in a row would rightly ask for a person: one a pass."""
        self.ledger.box.faults.clear()
        if self.random.random() < 0.3:
            self.order("tokens_expire", "", skip=self.random.randint(0, 9))
        for _ in range(self.random.randint(0, 3)):
            kind = self.random.choice(ANSWERS + WORLD + SPOILS)
            stream = self.random.choice(("customer", "invoice", "credit", "payment"))
            self.order(kind, stream, skip=self.random.randint(0, 1), count=self.random.randint(1, 2))

    def order(self, kind, stream, **options):
        self.orders.append(self.ledger.order(kind, stream, **options))

    def notices(self, receiver):
        """What happened since the last time is told by webhook, one notice in two; the others are lost."""
        hooks = self.ledger.box.webhooks
        for event in hooks.pending():
            is_told = event.kind in ENTITIES and self.random.random() < 0.5
            self.met["notices that came" if is_told else "notices that were lost"] += 1
            if is_told:
                receiver.hint(ENTITIES[event.kind], event.id)
        hooks.lose()

    def count_faults(self):
        self.met["faults struck"] += sum(bool(fault.struck) for fault in self.orders)
        self.orders = []


@pytest.mark.parametrize("ledger_class", LEDGERS.values(), ids=LEDGERS)
def test_s06_a_random_life_with_random_trouble_ends_equal_to_the_ledger(ledger_class):
    started = time.monotonic()
    trial = Trial(ledger_class, MemoryReceiver).start(page_rows=25)
    try:
        walk = Walk(trial.ledger, SEED)
        while walk.made < CHANGES:
            for _ in range(CHANGES_PER_PASS):
                walk.step()
            walk.trouble()
            walk.notices(trial.receiver)
            disturbed_pass(trial, walk)
            walk.count_faults()
        trial.ledger.box.faults.clear()

        attended_pass(trial, walk)
        trial.ledger.days_pass(0.5)
        attended_pass(trial, walk, reconcile=True)

        assert trial.receiver.balances() == trial.ledger.truth(), f"seed {SEED}"
        nameless = {
            key for key in trial.receiver.quarantine() if not key[1]
        }  # nothing can tell what became of them
        assert not trial.receiver.parked() and set(trial.receiver.quarantine()) == nameless, f"seed {SEED}"
        writes = trial.receiver.writes()
        trial.sync(reconcile=True)
        assert trial.receiver.writes() == writes, f"seed {SEED}"
        told = ", ".join(f"{count} {what}" for what, count in sorted(walk.met.items()))
        took_s = time.monotonic() - started
        print(f"{trial.ledger.vendor}: seed {SEED}, {walk.made} changes, {told}, {took_s:.0f} s")
    finally:
        trial.close()


def run_attended(trial, walk, **options):
    """A pass with a person at hand: where so much is gone that it stops, they look, and say that it is."""
    outcome = trial.run(**options)
    if outcome.counts.get("removal_open"):
        walk.met["removals a person confirmed"] += 1
        trial.receiver.confirm_removal()
        outcome = trial.run(**options)
    return outcome


def attended_pass(trial, walk, **options):
    outcome = run_attended(trial, walk, **options)
    assert outcome.result == "done", (outcome, f"seed {SEED}")


def disturbed_pass(trial, walk):
    """A pass that may die after any verb."""
    gateway, left = trial.receiver.gateway, walk.random.randint(1, 60)
    original = gateway._call

    def dying(verb, **arguments):
        nonlocal left
        answer = original(verb, **arguments)
        left -= 1
        if not left:
            raise Killed
        return answer

    gateway._call = dying
    try:
        outcome = run_attended(trial, walk)
        assert outcome.result in ("done", "later"), (outcome, f"seed {SEED}")
        walk.met[f"passes {outcome.result}"] += 1
    except Killed:
        walk.met["crashes"] += 1
        trial.receiver.runner_died()
    finally:
        gateway._call = original

"""Credits against receivables: asking for money we already hold is the fastest way to lose a customer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from odoo_dunning.engine.netting import Target, net
from odoo_dunning.engine.snapshot import ZERO, Flag

from . import strategies as some
from .build import answer, codes, credit, invoice, policy, run

D = Decimal


def applied(decision) -> list[tuple]:
    return [(a.credit_id, a.item_id, a.amount) for a in decision.applications]


def test_credit_goes_to_the_invoice_it_names_even_if_another_is_older():
    items = (
        invoice(1, overdue=60),
        invoice(2, overdue=6),
        credit(3, "100.00", reference="Reversal of: INV/2, wrong price"),
    )
    decision = run(*items)
    assert codes(decision) == {1: "notify", 2: "netted", 3: "credit"}
    assert applied(decision) == [(3, 2, D("100.00"))]
    assert answer(decision, 2).args == ("CN/3", D("100.00"), "EUR")
    assert answer(decision, 3).args == (D("100.00"), D("0.00"), "EUR")


def test_credit_and_invoice_with_the_same_reference_belong_together():
    items = (
        invoice(1, overdue=60),
        invoice(2, overdue=6, reference="PO 4711 north"),
        credit(3, "100", reference="po 4711 North"),
    )
    assert applied(run(*items)) == [(3, 2, D(100))]


def test_number_is_matched_as_a_whole_word():
    items = (invoice(1, overdue=60), invoice(12, overdue=6), credit(3, "100", reference="INV/12"))
    assert applied(run(*items)) == [(3, 12, D(100))]


def test_rest_of_a_credit_goes_to_the_oldest_due():
    items = (invoice(1, overdue=6), invoice(2, overdue=60), invoice(3, overdue=30), credit(4, "150.00"))
    decision = run(*items)
    assert applied(decision) == [(4, 2, D("100.00")), (4, 3, D("50.00"))]
    assert codes(decision) == {1: "notify", 2: "netted", 3: "notify", 4: "credit"}
    assert decision.messages[0].amounts == (D("50.00"), D("100.00"))


def test_rest_of_a_credit_goes_to_the_highest_level_where_the_policy_says_so():
    items = (
        invoice(1, overdue=60),
        invoice(2, overdue=30, level_rank=1, level_date=date(2025, 5, 20)),
        credit(3, "100.00"),
    )
    assert applied(run(*items, by=policy(netting="oldest"))) == [(3, 1, D("100.00"))]
    assert applied(run(*items, by=policy(netting="highest"))) == [(3, 2, D("100.00"))]
    assert applied(run(*items, by=policy(netting="none"))) == []
    same_level = (invoice(1, overdue=30), invoice(2, overdue=60), credit(3, "100.00"))
    assert applied(run(*same_level, by=policy(netting="highest"))) == [(3, 2, D("100.00"))]


def test_older_credits_are_used_first_and_several_may_cover_one_item():
    items = (
        invoice(1, overdue=60),
        credit(2, "70.00", issue_date=date(2025, 5, 1)),
        credit(3, "70.00", issue_date=date(2025, 4, 1), kind="payment", number="PAY/3"),
    )
    decision = run(*items)
    assert applied(decision) == [(2, 1, D("30.00")), (3, 1, D("70.00"))]
    assert answer(decision, 1).args == ("CN/2, PAY/3", D("100.00"), "EUR")
    assert answer(decision, 2).args == (D("30.00"), D("40.00"), "EUR")


def test_general_credit_is_kept_from_items_left_alone():
    held = invoice(1, overdue=90, hold_until=date(2025, 12, 31))
    disputed = invoice(2, overdue=80, amount_disputed=D("100.00"))
    asked = invoice(3, overdue=6)
    decision = run(held, disputed, asked, credit(4, "100.00"))
    assert codes(decision) == {1: "hold", 2: "disputed", 3: "netted", 4: "credit"}


def test_credit_named_for_a_held_invoice_is_not_spent_on_another():
    held = invoice(1, overdue=90, hold_until=date(2025, 12, 31))
    decision = run(held, invoice(2, overdue=6), credit(3, "100.00", reference="INV/1"))
    assert codes(decision) == {1: "hold", 2: "notify", 3: "credit"}
    assert applied(decision) == [(3, 1, D("100.00"))]


def test_credit_that_settles_a_dispute_nets_the_disputed_invoice():
    disputed = invoice(1, overdue=6, amount_disputed=D("100.00"))
    decision = run(disputed, credit(2, "100.00", reference="INV/1"))
    assert codes(decision) == {1: "netted", 2: "credit"}


def test_credit_for_a_partly_disputed_invoice_never_raises_what_is_asked():
    part = invoice(1, overdue=6, amount_disputed=D("30.00"))
    (message,) = run(part, credit(2, "30.00", reference="INV/1")).messages
    assert (message.principal, message.credits, message.disputed, message.net) == (
        D("100.00"),
        D("30.00"),
        D("30.00"),
        D("40.00"),
    )


def test_money_paid_back_uses_up_its_credit_before_any_invoice_does():
    items = (invoice(1, overdue=60), invoice(2, kind="payment", number="OUT/2"), credit(3, "100.00"))
    for order in ("oldest", "highest"):
        assert applied(run(*items, by=policy(netting=order))) == [(3, 2, D("100.00"))]


def test_credit_in_another_currency_or_excluded_by_hand_covers_nothing():
    items = (
        invoice(1, overdue=6),
        credit(2, "100.00", currency="USD"),
        credit(3, "100.00", flags=Flag.EXCLUDED),
    )
    decision = run(*items)
    assert decision.applications == ()
    assert answer(decision, 3).args == (ZERO, D("100.00"), "EUR")
    assert codes(decision)[1] == "notify"


@given(some.credits(), some.receivables(), st.sampled_from(["oldest", "highest"]))
def test_netting_conserves_money(credits, items, order):
    targets = [Target(item, max(ZERO, item.amount_open - item.amount_disputed)) for item in items]
    found = net(credits, targets, order)
    by_id = {item.id: item for item in (*credits, *items)}
    for application in found.applications:
        assert application.amount > 0
        assert by_id[application.credit_id].currency == by_id[application.item_id].currency
        assert application.currency == by_id[application.item_id].currency
    for item_id, covered in found.covered.items():
        assert covered <= by_id[item_id].amount_open
        assert covered == sum(a.amount for a in found.applications if a.item_id == item_id)
    for credit_id, used in found.used.items():
        assert used <= -by_id[credit_id].amount_open
        assert used == sum(a.amount for a in found.applications if a.credit_id == credit_id)


@given(some.credits(), some.receivables(), st.sampled_from(["oldest", "highest"]))
def test_no_credit_is_left_while_an_item_that_may_take_it_is_open(credits, items, order):
    targets = [Target(item, item.amount_open) for item in items]
    found = net(credits, targets, order)
    for currency in {item.currency for item in credits}:
        left = sum(-c.amount_open - found.used.get(c.id, ZERO) for c in credits if c.currency == currency)
        owed = sum(i.amount_open - found.covered.get(i.id, ZERO) for i in items if i.currency == currency)
        assert left == 0 or owed == 0


@given(some.credits(), some.receivables(), st.randoms(use_true_random=False))
def test_netting_does_not_depend_on_the_order_of_rows(credits, items, random):
    targets = [Target(item, item.amount_open) for item in items]
    expected = net(credits, targets, "oldest")
    random.shuffle(credits)
    random.shuffle(targets)
    assert net(credits, targets, "oldest") == expected

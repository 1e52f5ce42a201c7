"""The right person by the right channel: a dunning letter to the wrong one is a disclosure."""

from __future__ import annotations

from odoo_dunning.engine.recipients import choose
from odoo_dunning.engine.snapshot import Delivery

from .build import account, contact, level


def chosen(contacts, **values):
    of = account(contacts=tuple(contacts), **values.pop("of", {}))
    return choose(level(1, 5, **values), of, "en_US")


def test_billing_contact_before_accounts_payable_before_decision_maker():
    people = [contact(1, role="decision"), contact(2, role="ap"), contact(3, role="billing")]
    assert chosen(people).deliveries == (Delivery("email", 3, "en_US"),)
    assert chosen(people[:2]).deliveries[0].contact_id == 2


def test_a_level_may_escalate_to_the_decision_maker():
    people = [contact(1, role="billing"), contact(2, role="decision")]
    assert chosen(people, recipient_roles=("decision", "billing")).deliveries[0].contact_id == 2


def test_nobody_outside_the_roles_of_the_level_is_told():
    found = chosen([contact(1, role="other")], recipient_roles=("billing",))
    assert (found.deliveries, found.missing) == ((), ("email",))


def test_a_contact_without_an_address_is_passed_over():
    people = [contact(1, email=None), contact(2, role="ap")]
    assert chosen(people).deliveries[0].contact_id == 2


def test_a_bounced_address_is_not_used_again():
    people = [contact(1, blocked_channels=("email",), street_ok=True)]
    found = chosen(people, fallback_channels=("letter",))
    assert (found.deliveries, found.missing) == ((Delivery("letter", 1, "en_US"),), ("email",))


def test_fallback_channel_only_when_no_wanted_channel_reaches_anyone():
    people = [contact(1, street_ok=True)]
    assert [d.channel for d in chosen(people, fallback_channels=("letter",)).deliveries] == ["email"]


def test_first_fallback_that_reaches_someone():
    people = [contact(1, email=None, phone="+49 30 1", street_ok=True)]
    found = chosen(people, fallback_channels=("sms", "letter"))
    assert [d.channel for d in found.deliveries] == ["sms"]


def test_each_channel_of_a_level_may_reach_another_person():
    people = [contact(1), contact(2, role="ap", email=None, street_ok=True)]
    found = chosen(people, channels=("email", "letter", "call"))
    assert [(d.channel, d.contact_id) for d in found.deliveries] == [("email", 1), ("letter", 2)]
    assert found.missing == ("call",)


def test_language_of_the_contact_then_the_customer_then_the_company():
    assert chosen([contact(language="fr_FR")], of={"language": "de_DE"}).deliveries[0].language == "fr_FR"
    assert chosen([contact()], of={"language": "de_DE"}).deliveries[0].language == "de_DE"
    assert chosen([contact()]).deliveries[0].language == "en_US"


def test_order_of_contacts_does_not_matter():
    people = [contact(2), contact(1), contact(3)]
    assert chosen(people) == chosen(people[::-1])
    assert chosen(people).deliveries[0].contact_id == 1


def test_the_portal_needs_no_address_but_a_contact():
    assert chosen([contact(email=None)], channels=("portal",)).deliveries[0].channel == "portal"
    assert chosen([], channels=("portal",)).deliveries == ()

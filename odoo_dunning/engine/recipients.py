"""Who gets a notice, by which channel, in which language."""

from __future__ import annotations

from typing import NamedTuple

from .snapshot import Account, Contact, Delivery, Level


class Recipients(NamedTuple):
    """`deliveries` is empty when nobody can be reached; `missing` are wanted channels without an address."""

    deliveries: tuple[Delivery, ...]
    missing: tuple[str, ...]


def reachable(contact: Contact, channel: str) -> bool:
    """Whether `contact` has an address for `channel` that may be used."""
    if channel in contact.blocked_channels:
        return False
    if channel == "email":
        return bool(contact.email)
    if channel == "letter":
        return contact.street_ok
    if channel == "portal":
        return True
    return bool(contact.phone)


def choose(level: Level, account: Account, default_language: str) -> Recipients:
    """For each channel of `level` the first contact, by the level's order of roles and then the lowest id, who can be
    reached by it; with none at all, the first of its fallback channels that reaches someone.

    Contacts of a role the level does not list never get anything.
    """
    contacts = account.contacts
    if len(contacts) > 1 or (contacts and contacts[0].role not in level.recipient_roles):
        contacts = in_order(level, account)
    deliveries = []
    missing = []
    for channel in level.channels:
        contact = _first(contacts, channel)
        if contact is None:
            missing.append(channel)
        else:
            deliveries.append(_delivery(channel, contact, account, default_language))
    if not deliveries:
        for channel in level.fallback_channels:
            contact = _first(contacts, channel)
            if contact is not None:
                deliveries.append(_delivery(channel, contact, account, default_language))
                break
    return Recipients(tuple(deliveries), tuple(missing))


def in_order(level: Level, account: Account) -> list[Contact]:
    """The account's contacts this level may write to, best first."""
    place = {role: index for index, role in enumerate(level.recipient_roles)}
    return sorted(
        (contact for contact in account.contacts if contact.role in place),
        key=lambda contact: (place[contact.role], contact.id),
    )


def _first(contacts, channel: str) -> Contact | None:
    for contact in contacts:
        if reachable(contact, channel):
            return contact
    return None


def _delivery(channel: str, contact: Contact, account: Account, default_language: str) -> Delivery:
    return Delivery(channel, contact.id, contact.language or account.language or default_language)

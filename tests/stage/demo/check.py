"""Is the outcome right? Odoo's figures against the sandbox ledgers' own books, and the mailbox against the outbox."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from tests.stage import checkout
from tests.stage.demo import charges, summary
from tests.stage.demo.office import Office
from tests.stage.demo.parts import Ledger
from tests.stage.smtp import Mailbox

OURS = re.compile(
    r" (WARNING|ERROR|CRITICAL) \S+ odoo\.addons\.odoo_dunning|Traceback \(most recent call last\)"
)

# Settled items and accounts without any are no lines of a proposal; payment plans are set elsewhere; a refund needs a
# customer who was paid too much.
NOT_IN_PROPOSALS = {"paid", "nothing_open", "in_plan", "refund"}


def problems(office: Office, ledgers: dict[int, Ledger], mailbox: Mailbox, log: Path) -> list[str]:
    """What is wrong, in sentences; empty when all is well."""
    found = []
    for ledger_id, ledger in ledgers.items():
        found += _totals(office, ledger_id, ledger)
    return found + _reasons(office) + _mails(office, mailbox) + charges.problems(office) + _log(log)


def totals_by_currency(office: Office, ledger_id: int) -> dict[str, Decimal]:
    """Open receivables of a ledger in Odoo, credits counted against them, per currency."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for (_contact, currency), amount in _stored(office, ledger_id).items():
        totals[currency] += amount
    return totals


def _totals(office: Office, ledger_id: int, ledger: Ledger) -> list[str]:
    """Per customer and currency: the sum of the items here is the balance there."""
    stored, true = _stored(office, ledger_id), _true(office, ledger_id, ledger)
    return [
        f"{ledger.vendor}: contact {contact} in {currency}: "
        f"{stored[contact, currency]} in Odoo, {true[contact, currency]} in the ledger"
        for contact, currency in sorted(stored.keys() | true.keys(), key=str)
        if stored[contact, currency] != true[contact, currency]
    ]


def _stored(office: Office, ledger_id: int) -> dict[tuple[int, str], Decimal]:
    items = office.read(
        "dunning.item",
        [("ledger_id", "=", ledger_id), ("is_open", "=", True)],
        ["partner_id", "currency_id", "amount_open"],
    )
    totals: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for item in items:
        totals[item["partner_id"][0], item["currency_id"][1]] += Decimal(str(item["amount_open"]))
    return totals


def _true(office: Office, ledger_id: int, ledger: Ledger) -> dict[tuple[int, str], Decimal]:
    """The ledger's own books, by the contact that stands for the customer (merged customers share one)."""
    bindings = office.read(
        "dunning.customer", [("ledger_id", "=", ledger_id)], ["external_id", "debtor_partner_id"]
    )
    contacts = {row["external_id"]: row["debtor_partner_id"][0] for row in bindings}
    totals: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for customer, by_currency in ledger.control("state")["companies"][0]["customers"].items():
        for currency, total in by_currency.items():
            totals[contacts[customer], currency] += Decimal(total["balance"])
    return totals


def _reasons(office: Office) -> list[str]:
    """The proposals show every reason the engine can give for an open item, but those nothing here can bring about."""
    missing = _all_reasons() - NOT_IN_PROPOSALS - summary.reasons_given(office)
    return [f"No proposal shows the reason {code}." for code in sorted(missing)]


def _all_reasons() -> set[str]:
    """Read off the engine's file: the addon cannot be imported outside Odoo."""
    spec = importlib.util.spec_from_file_location(
        "engine_snapshot", checkout.ROOT / "odoo_dunning/engine/snapshot.py"
    )
    snapshot = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = snapshot
    spec.loader.exec_module(snapshot)
    return {value for name, value in vars(snapshot.Reason).items() if name.isupper()}


def _mails(office: Office, mailbox: Mailbox) -> list[str]:
    """Each sent notice is one mail; no customer has two in one currency."""
    sent = office.read(
        "dunning.notice",
        [("state", "=", "sent"), ("channel", "=", "email")],
        ["account_id", "currency_id", "email_to"],
    )
    found = []
    if len(sent) != len(mailbox.files()):
        found.append(f"{len(sent)} notices are sent, but {len(mailbox.files())} mails arrived.")
    per_customer = Counter((*row["account_id"], row["currency_id"][1]) for row in sent)
    found += [
        f"{name} got {count} mails in {currency}."
        for (_id, name, currency), count in per_customer.items()
        if count > 1
    ]
    wanted = Counter(row["email_to"] for row in sent)
    arrived = Counter(str(message["X-Envelope-To"]) for message in mailbox.messages())
    if len(sent) == len(mailbox.files()) and wanted.total() != arrived.total():
        found.append("The recipients of the mails are not those of the notices.")
    [company] = office.read("res.company", [], ["name"], limit=1, order="id")
    replies = {str(message["Reply-To"]) for message in mailbox.messages()}
    strangers = {address for address in replies if company["name"] not in address}
    found += [
        f"Replies would go to {stranger}, which does not name the company." for stranger in sorted(strangers)
    ]
    return found


def _log(log: Path) -> list[str]:
    lines = [line for line in log.read_text(errors="replace").splitlines() if OURS.search(line)]
    return [f"Odoo's log: {line}" for line in lines[:10]]

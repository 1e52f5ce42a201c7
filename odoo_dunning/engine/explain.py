"""The English sentence behind each reason, the names of its values, and what a person can do about it.

    parts(code, args) -> [(template, values), …]     to translate and format one by one
    sentence(code, args) -> str                      plain English, ISO dates
    to_json(code, args) -> dict   from_json(code, dict) -> args      for storage

Templates have named placeholders. Names tell the type: `*_date` a date, `*_at` a UTC instant, `*amount` a
Decimal in `currency`, everything else text or a whole number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .snapshot import FOREVER, Answer, Reason


def _(text: str) -> str:
    """Marks a text for the translation export; the Odoo layer translates it when it is shown."""
    return text


ARGUMENTS: dict[str, tuple[str, ...]] = {
    Reason.NOTIFY: ("level", "due_date", "days_overdue", "send_date", "shift", "detail"),
    Reason.PAID: (),
    Reason.CREDIT: ("applied_amount", "left_amount", "currency"),
    Reason.REFUND: (),
    Reason.NETTED: ("credits", "amount", "currency"),
    Reason.NO_POLICY: ("policy_id",),
    Reason.EXCLUDED: (),
    Reason.INSOLVENT: (),
    Reason.LEGAL: (),
    Reason.NO_FOLLOWUP: (),
    Reason.BLOCKED: (),
    Reason.IN_PLAN: (),
    Reason.IN_OTHER_RUN: (),
    Reason.HOLD_ACCOUNT: ("until_date", "reason", "author"),
    Reason.HOLD: ("until_date", "reason", "author"),
    Reason.PROMISED: ("promised_date", "grace_days"),
    Reason.DISPUTED: ("disputed_amount", "currency", "reason"),
    Reason.NO_DUE_DATE: (),
    Reason.SOURCE_STALE: ("synced_at",),
    Reason.TOO_YOUNG: ("level", "due_date", "from_date"),
    Reason.WAITING: ("level", "level_date", "from_date"),
    Reason.LAST_LEVEL: ("level", "level_date", "after_last"),
    Reason.BELOW_ITEM: ("amount", "least_amount", "currency", "level"),
    Reason.BELOW_ACCOUNT: ("amount", "least_amount", "currency"),
    Reason.CONTACTED: ("contact_date", "gap_days", "from_date"),
    Reason.BANK_STALE: ("bank_date",),
    Reason.UNMATCHED: ("receipts",),
    Reason.NOT_WORKING_DAY: ("wished_date", "shift", "detail", "next_date"),
    Reason.NO_ADDRESS: ("level", "channels"),
    Reason.ARCHIVED: (),
    Reason.VOLUME_CAP: ("level", "cap_per_day", "cap_per_hour"),
    Reason.NOTHING_OPEN: (),
}
"""Code -> names of the values in `Answer.args`, in their order."""

SENTENCES: dict[str, str] = {
    Reason.NOTIFY: _(
        "“%(level)s” leaves on %(send_date)s: due on %(due_date)s, %(days_overdue)s days overdue."
    ),
    "notify_one_day": _("“%(level)s” leaves on %(send_date)s: due on %(due_date)s, one day overdue."),
    "notify_early": _("“%(level)s” leaves on %(send_date)s: due on %(due_date)s, not overdue yet."),
    Reason.PAID: _("Nothing is open."),
    Reason.CREDIT: _(
        "The customer's money: %(applied_amount)s %(currency)s of it cover other items, "
        "%(left_amount)s %(currency)s are left."
    ),
    Reason.REFUND: _("Money paid back to the customer, not an invoice."),
    Reason.NETTED: _("Covered by credit %(credits)s (%(amount)s %(currency)s)."),
    Reason.NO_POLICY: _("No dunning policy applies to it."),
    "no_policy_known": _(
        "Its dunning policy (number %(policy_id)s) does not exist any more or has no level."
    ),
    Reason.EXCLUDED: _("Excluded by hand."),
    Reason.INSOLVENT: _("The customer is insolvent."),
    Reason.LEGAL: _("Handed over for legal collection."),
    Reason.NO_FOLLOWUP: _("Marked as not to be followed up."),
    Reason.BLOCKED: _("Its payment is blocked."),
    Reason.IN_PLAN: _("Part of a payment plan."),
    Reason.IN_OTHER_RUN: _("Already in another open run."),
    Reason.HOLD_ACCOUNT: _("The customer is on hold up to and including %(until_date)s."),
    "hold_account_open": _("The customer is on hold until released."),
    Reason.HOLD: _("On hold up to and including %(until_date)s."),
    "hold_open": _("On hold until released."),
    Reason.PROMISED: _("Payment is promised for %(promised_date)s (plus %(grace_days)s days of grace)."),
    "promised_one_day": _("Payment is promised for %(promised_date)s (plus one day of grace)."),
    "promised_no_grace": _("Payment is promised for %(promised_date)s."),
    Reason.DISPUTED: _("Disputed: %(disputed_amount)s %(currency)s."),
    Reason.NO_DUE_DATE: _("It has no due date."),
    Reason.SOURCE_STALE: _(
        "Its ledger was last synchronised on %(synced_at)s: payments since then are unknown."
    ),
    "source_stale_never": _("Its ledger was never synchronised completely: payments are unknown."),
    Reason.TOO_YOUNG: _("Too young: due on %(due_date)s; “%(level)s” is possible from %(from_date)s."),
    Reason.WAITING: _("Waiting: last level on %(level_date)s; “%(level)s” is possible from %(from_date)s."),
    Reason.LAST_LEVEL: _("The last level (“%(level)s”) was reached on %(level_date)s."),
    "last_level_reached_stop": _("Reminders ended with the last level (“%(level)s”) on %(level_date)s."),
    "last_level_reached_imported": _("No further level after “%(level)s”."),
    Reason.BELOW_ITEM: _(
        "Too small for “%(level)s”: %(amount)s %(currency)s open, at least %(least_amount)s %(currency)s needed."
    ),
    Reason.BELOW_ACCOUNT: _(
        "Too little in all: %(amount)s %(currency)s due, at least %(least_amount)s %(currency)s needed."
    ),
    Reason.CONTACTED: _(
        "Contact on %(contact_date)s; with %(gap_days)s days between contacts possible from %(from_date)s."
    ),
    Reason.BANK_STALE: _("The newest bank entry is of %(bank_date)s: payments since then are unknown."),
    "bank_stale_never": _("There are no bank entries yet: payments are unknown."),
    Reason.UNMATCHED: _("%(receipts)s receipts of this customer are not matched yet."),
    "unmatched_receipts_one": _("One receipt of this customer is not matched yet."),
    Reason.NOT_WORKING_DAY: _("Nothing leaves on %(wished_date)s; possible from %(next_date)s."),
    "not_a_working_day_ever": _("The calendar of the policy has no open day in the next two months."),
    Reason.NO_ADDRESS: _("Nobody can be reached for “%(level)s” by %(channels)s."),
    Reason.ARCHIVED: _("The contact of this customer is archived: nobody is written to."),
    Reason.VOLUME_CAP: _("Held back by the volume cap (%(cap_per_day)s a day)."),
    "volume_cap_hour": _("Held back by the volume cap (%(cap_per_hour)s an hour)."),
    "volume_cap_both": _("Held back by the volume cap (%(cap_per_day)s a day, %(cap_per_hour)s an hour)."),
    Reason.NOTHING_OPEN: _("Nothing is open."),
}
"""Code (or a variant of it, see `variant`) -> the main sentence."""

SHIFTS: dict[str, str] = {
    "weekend": _("It was moved: %(detail)s is not a working day for the customer."),
    "holiday": _("It was moved: public holiday (%(detail)s)."),
    "closed": _("It was moved: closed on %(detail)s."),
    "window": _("It was moved into the customer's send window (%(detail)s)."),
    "local_date": _("It waits until it is %(detail)s where the customer is."),
    "hourly_cap": _("It was moved to a later hour by the volume cap."),
}
"""What moved a message -> the sentence behind the main one."""

CHANNELS: dict[str, str] = {
    "email": _("email"),
    "letter": _("letter"),
    "sms": _("SMS"),
    "call": _("phone"),
}
"""Channel -> its name within a sentence, behind "by"."""

REASON_GIVEN = _("Reason: %(reason)s.")
AUTHOR_GIVEN = _("Set by %(author)s.")

TITLES: dict[str, str] = {
    Reason.NOTIFY: _("In a message"),
    Reason.PAID: _("Paid"),
    Reason.CREDIT: _("Credit or money of the customer"),
    Reason.REFUND: _("Refund to the customer"),
    Reason.NETTED: _("Covered by a credit"),
    Reason.NO_POLICY: _("No policy"),
    Reason.EXCLUDED: _("Excluded by hand"),
    Reason.INSOLVENT: _("Customer insolvent"),
    Reason.LEGAL: _("In legal hands"),
    Reason.NO_FOLLOWUP: _("Marked as no follow-up"),
    Reason.BLOCKED: _("Payment blocked"),
    Reason.IN_PLAN: _("In a payment plan"),
    Reason.IN_OTHER_RUN: _("In another open run"),
    Reason.HOLD_ACCOUNT: _("Customer on hold"),
    Reason.HOLD: _("On hold"),
    Reason.PROMISED: _("Payment promised"),
    Reason.DISPUTED: _("Disputed"),
    Reason.NO_DUE_DATE: _("No due date"),
    Reason.SOURCE_STALE: _("Ledger data too old"),
    Reason.TOO_YOUNG: _("Too young"),
    Reason.WAITING: _("Waiting since the last level"),
    Reason.LAST_LEVEL: _("Last level reached"),
    Reason.BELOW_ITEM: _("Receivable too small"),
    Reason.BELOW_ACCOUNT: _("Too little in all"),
    Reason.CONTACTED: _("Contacted recently"),
    Reason.BANK_STALE: _("Bank entries too old"),
    Reason.UNMATCHED: _("Receipts not matched"),
    Reason.NOT_WORKING_DAY: _("Not a working day"),
    Reason.NO_ADDRESS: _("No address"),
    Reason.ARCHIVED: _("Contact archived"),
    Reason.VOLUME_CAP: _("Volume cap reached"),
    Reason.NOTHING_OPEN: _("Nothing open"),
}
"""Code -> the reason in a few words, for headings and filters."""

NEXT_STEPS: dict[str, str] = {
    Reason.NOTIFY: _("Review the message and approve the run."),
    Reason.PAID: _("Nothing to do."),
    Reason.CREDIT: _("Reconcile it with the items it covers."),
    Reason.REFUND: _("Reconcile it with the credit it pays back."),
    Reason.NETTED: _("Reconcile the credit with this item."),
    Reason.NO_POLICY: _("Choose a policy on the customer, or add a default policy to the company."),
    Reason.EXCLUDED: _("Put it back in the proposal, or include the receivable again."),
    Reason.INSOLVENT: _("File the claim; clear the mark on the customer if it is wrong."),
    Reason.LEGAL: _("Follow the legal case; clear the mark to resume."),
    Reason.NO_FOLLOWUP: _("Clear “No follow-up” on the invoice to resume."),
    Reason.BLOCKED: _("Unblock the payment on the invoice to resume."),
    Reason.IN_PLAN: _("Nothing to do while the plan is kept."),
    Reason.IN_OTHER_RUN: _("Finish or cancel the other run."),
    Reason.HOLD_ACCOUNT: _("Release the hold on the customer to resume earlier."),
    Reason.HOLD: _("Release the hold on the item to resume earlier."),
    Reason.PROMISED: _("Wait for the payment; cancel the promise to resume earlier."),
    Reason.DISPUTED: _("Settle the dispute: issue a credit note or reject it."),
    Reason.NO_DUE_DATE: _("Enter the due date on the invoice."),
    Reason.SOURCE_STALE: _("Synchronise the ledger; reconnect it if that fails."),
    Reason.TOO_YOUNG: _("Nothing to do."),
    Reason.WAITING: _("Nothing to do."),
    Reason.LAST_LEVEL: _("Call the customer, hand the claim over or write it off."),
    Reason.BELOW_ITEM: _("Lower the minimum of the level, or write the rest off."),
    Reason.BELOW_ACCOUNT: _("Lower the minimum of the policy, or wait for further items."),
    Reason.CONTACTED: _("Nothing to do."),
    Reason.BANK_STALE: _("Import the bank statements."),
    Reason.UNMATCHED: _("Match the customer's receipts."),
    Reason.NOT_WORKING_DAY: _("Nothing to do."),
    Reason.NO_ADDRESS: _("Add an address to a contact of the customer, or call."),
    Reason.ARCHIVED: _("Restore the contact to write to them again; else call, or write the claim off."),
    Reason.VOLUME_CAP: _("Nothing to do: it follows on a later day. Raise the cap to send more."),
    Reason.NOTHING_OPEN: _("Nothing to do."),
}

POLICY_SOURCES: dict[str, str] = {
    "item": _("Policy chosen on the invoice."),
    "bound": _("Policy version this invoice was first reminded under."),
    "account": _("Policy chosen on the customer."),
    "rule": _("Policy chosen by the rule “%(rule)s”."),
    "default": _("Default policy of the company."),
}


def arguments(code: str, args: tuple) -> dict[str, Any]:
    """The values of a reason by name, as they are (dates, Decimals)."""
    return dict(zip(ARGUMENTS[code], args, strict=True))


def variant(code: str, values: Mapping[str, Any]) -> str:
    """The key in `SENTENCES` that fits these values."""
    if code == Reason.NOTIFY:
        if values["days_overdue"] == 1:
            return "notify_one_day"
        return code if values["days_overdue"] > 0 else "notify_early"
    if code in (Reason.HOLD, Reason.HOLD_ACCOUNT):
        return code + "_open" if values["until_date"] == FOREVER else code
    if code == Reason.NO_POLICY:
        return code if values["policy_id"] is None else "no_policy_known"
    if code == Reason.SOURCE_STALE:
        return code if values["synced_at"] else "source_stale_never"
    if code == Reason.BANK_STALE:
        return code if values["bank_date"] else "bank_stale_never"
    if code == Reason.LAST_LEVEL:
        if not values["level_date"]:
            return "last_level_reached_imported"
        return "last_level_reached_stop" if values["after_last"] == "stop" else code
    if code == Reason.PROMISED:
        return {0: "promised_no_grace", 1: "promised_one_day"}.get(values["grace_days"], code)
    if code == Reason.UNMATCHED:
        return "unmatched_receipts_one" if values["receipts"] == 1 else code
    if code == Reason.NOT_WORKING_DAY:
        return code if values["next_date"] else "not_a_working_day_ever"
    if code == Reason.VOLUME_CAP:
        if values["cap_per_hour"] is None:
            return code
        return "volume_cap_hour" if values["cap_per_day"] is None else "volume_cap_both"
    return code


def parts(code: str, args: tuple) -> list[tuple[str, dict[str, Any]]]:
    """English templates with their values: the main sentence, what moved it, reason and author where
    given."""
    values = arguments(code, args)
    found = [SENTENCES[variant(code, values)]]
    if values.get("shift"):
        found.append(SHIFTS[values["shift"]])
    if values.get("reason"):
        found.append(REASON_GIVEN)
    if values.get("author"):
        found.append(AUTHOR_GIVEN)
    return [(template, values) for template in found]


def sentence(code: str, args: tuple) -> str:
    """Plain English with ISO dates, for logs and tests."""
    return " ".join(template % values for template, values in parts(code, args))


def next_step(code: str) -> str:
    """What a person can do about it (English template without placeholders)."""
    return NEXT_STEPS[code]


def policy_source(answer: Answer) -> tuple[str, dict[str, Any]]:
    """Template and values of the sentence that says which rule chose the policy; ("", {}) where none was
    needed."""
    kind, _colon, rule = answer.policy_source.partition(":")
    template = POLICY_SOURCES.get(kind.strip(), "")
    return (template, {"rule": rule.strip()}) if template else ("", {})


def to_json(code: str, args: tuple) -> dict[str, Any]:
    """Values by name in JSON types: dates and instants as ISO text, amounts as decimal text."""
    return {name: _plain(value) for name, value in arguments(code, args).items()}


def from_json(code: str, stored: Mapping[str, Any]) -> tuple:
    """The args `to_json` was given."""
    return tuple(_rich(name, stored[name]) for name in ARGUMENTS[code])


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value


def _rich(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_date"):
        return date.fromisoformat(value)
    if name.endswith("_at"):
        return datetime.fromisoformat(value)
    if name.endswith("amount"):
        return Decimal(value)
    return value

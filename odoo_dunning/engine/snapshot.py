"""What the engine reads and what it answers: rows, configuration, decisions.

Rows that come by the hundred thousand (`Item`, `Account`, `Contact`) and answers are named tuples: made
straight from a cursor row with `_make`, immutable, ten times cheaper than frozen dataclasses. Configuration
(`Policy`, `Level`, `Calendar`, `Ruling`) is frozen dataclasses.

Money is `Decimal` in the item's own currency, at that currency's precision, and is never added across
currencies. Dates are `datetime.date`; instants are aware UTC `datetime`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

ZERO = Decimal(0)
FOREVER = date.max
"""A hold without an end."""


class Flag:
    """Bits of `Item.flags` and `Account.flags` (plain ints: `IntFlag` arithmetic is a hundred times
    slower)."""

    NO_FOLLOWUP = 1
    """The invoice (or customer) is marked in the books as not to be followed up."""
    BLOCKED = 2
    """The payment state is blocked."""
    EXCLUDED = 4
    """Taken out of dunning by hand. On a credit: do not use it for netting."""
    LEGAL = 8
    """Handed to a lawyer, a court or an agency."""
    IN_OTHER_RUN = 16
    """Already in another open run."""
    IN_PLAN = 32
    """Part of an agreed payment plan."""
    INSOLVENT = 128
    ARCHIVED = 512
    """Of an account only: the customer's record is archived, and a person decides what becomes of the debt."""
    BOUND_POLICY = 256
    """`Item.policy_id` is the version the item started its cycle with, not a person's choice."""


class Reason:
    """Codes of an `Answer`. `explain.py` holds the sentence, the argument names and the next step of each."""

    NOTIFY = "notify"
    PAID = "paid"
    CREDIT = "credit"
    REFUND = "refund"
    NETTED = "netted"
    NO_POLICY = "no_policy"
    EXCLUDED = "excluded"
    INSOLVENT = "insolvent"
    LEGAL = "legal"
    NO_FOLLOWUP = "no_followup"
    BLOCKED = "blocked"
    IN_PLAN = "in_plan"
    IN_OTHER_RUN = "in_other_run"
    HOLD_ACCOUNT = "hold_account"
    HOLD = "hold"
    PROMISED = "promised"
    DISPUTED = "disputed"
    NO_DUE_DATE = "no_due_date"
    SOURCE_STALE = "source_stale"
    TOO_YOUNG = "too_young"
    WAITING = "waiting_since_last_level"
    LAST_LEVEL = "last_level_reached"
    BELOW_ITEM = "below_minimum_item"
    BELOW_ACCOUNT = "below_minimum_account"
    CONTACTED = "contacted_recently"
    BANK_STALE = "bank_stale"
    UNMATCHED = "unmatched_receipts"
    NOT_WORKING_DAY = "not_a_working_day"
    NO_ADDRESS = "no_address"
    ARCHIVED = "archived"
    VOLUME_CAP = "volume_cap"
    NOTHING_OPEN = "nothing_open"
    """Of an account only: it has no open item."""


class Item(NamedTuple):
    """One receivable (or credit, or unallocated payment) of one account, in one currency.

    `amount_open` is signed: positive is owed to us, negative is the customer's. `amount_disputed` is the part
    of it (positive) that is in dispute. `level_rank` 0 means never dunned; `level_date` is the day the last
    level was *sent*. `hold_until` and `promised_until` are the last day on which the item is left alone
    (`FOREVER`: until released). `contact_date`: last day the item itself was mailed to the customer or
    reminded of (None: not known, or never). `broken_promise_date`: day on which the latest promise was judged broken.
    """

    id: int
    account_id: int
    currency: str
    kind: str
    """One of "invoice", "credit", "payment"."""
    number: str
    reference: str | None
    issue_date: date | None
    due_date: date | None
    amount_total: Decimal
    amount_open: Decimal
    amount_disputed: Decimal = ZERO
    level_rank: int = 0
    level_date: date | None = None
    cycle: int = 1
    policy_id: int | None = None
    """Chosen for this item by a person, or (with `Flag.BOUND_POLICY`) the version its cycle started with."""
    ledger_id: int | None = None
    """None: Odoo's own books."""
    flags: int = 0
    hold_until: date | None = None
    promised_until: date | None = None
    contact_date: date | None = None
    broken_promise_date: date | None = None
    hold_reason: str | None = None
    hold_author: str | None = None
    dispute_reason: str | None = None


class Contact(NamedTuple):
    """Someone the customer's notices may go to. Pass only people who may be told of the debt."""

    id: int
    name: str = ""
    email: str | None = None
    phone: str | None = None
    street_ok: bool = False
    """The postal address is complete enough for a letter."""
    role: str = "other"
    """One of "billing", "ap" (accounts payable), "decision", "other" (the customer's own record)."""
    language: str | None = None
    blocked_channels: tuple = ()
    """Channels not to use: e-mail after a hard bounce or opt-out, SMS without consent."""


class Account(NamedTuple):
    """A customer in a company. `flags` apply to all its items (`LEGAL`, `INSOLVENT`, `NO_FOLLOWUP`, `BLOCKED`
    …)."""

    id: int
    policy_id: int | None = None
    policy_source: str = "default"
    """Which rule chose `policy_id`: "account", "rule: <name>" or "default"."""
    country: str | None = None
    """ISO 3166 alpha-2; None: the company's."""
    timezone: str | None = None
    """IANA name; None or unknown: the company's."""
    language: str | None = None
    debtor_type: str = "business"
    hold_until: date | None = None
    hold_reason: str | None = None
    flags: int = 0
    last_contact_date: date | None = None
    unmatched_receipts: int = 0
    """Receipts of this customer that nobody has matched yet."""
    contacts: tuple = ()
    subdivision: str | None = None
    """ISO 3166-2 part behind the dash (state, Land, province), for its public holidays."""
    hold_author: str | None = None


class PolicyError(ValueError):
    """A policy that cannot work: names the policy, the level and the field."""


@dataclass(frozen=True)
class Calendar:
    """When a notice may leave, in the customer's own country and time zone."""

    working_days_only: bool = True
    public_holidays: bool = True
    window_start: time = time(8, 0)
    window_end: time = time(20, 0)
    closed_dates: frozenset = frozenset()
    """Further days on which nothing leaves (company holidays)."""
    when_closed: str = "move"
    """Either "move": propose today, send on the next allowed day; "wait": answer `not_a_working_day` and
    propose then."""

    def __post_init__(self):
        if self.window_start >= self.window_end:
            raise PolicyError(
                f"send window {self.window_start:%H:%M}-{self.window_end:%H:%M}: the start must lie before the end"
            )


@dataclass(frozen=True)
class Level:
    """One step of a policy. An item reaches it when a notice was sent, never earlier."""

    id: int
    rank: int
    """1, 2, 3 …: order of the steps; gaps are fine."""
    name: str
    delay_days: int
    """Days after the due date; negative: before."""
    min_days_since_last: int = 0
    grace_days: int = 0
    """Silent days on top of `delay_days`."""
    min_item_amounts: Mapping[str, Decimal] = field(default_factory=dict)
    """Currency -> smallest open amount of an item worth this level."""
    min_percent: Decimal = ZERO
    """Smallest open part of the item's total, in percent, worth this level: of an instalment where there are any."""
    channels: tuple = ("email",)
    """All of them are used ("email", "letter", "sms", "call", "portal")."""
    fallback_channels: tuple = ()
    """Tried in order when no contact can be reached by any of `channels`."""
    recipient_roles: tuple = ("billing", "ap", "decision", "other")
    deadline_days: int = 0
    """New time to pay, counted from the send date; 0: none."""
    deadline_unit: str = "working"
    """Either "working" (working days) or "calendar": calendar days, moved to the next working day."""


@dataclass(frozen=True)
class Policy:
    """One version of a policy. Immutable: an edited policy is a new version with its own `id`."""

    id: int
    name: str
    levels: tuple
    """`Level`s; any order, kept sorted by rank."""
    strategy: str = "own"
    """Either "own": each item at its own level; "highest": all due items of a currency at the account's
    highest level."""
    entry: str = "first"
    """Level of an old item never dunned: "first" or "by_age" (the highest that fits)."""
    level_cap: int = 1
    """Most levels an item climbs per contact (the first contact under "by_age" is not bound by it)."""
    netting: str = "oldest"
    """Credits without a matching reference go to the "oldest" due or the "highest" level first, or "none"."""
    gap_days: int = 7
    """Smallest distance between two contacts of one customer."""
    min_amounts: Mapping[str, Decimal] = field(default_factory=dict)
    """Currency -> smallest sum of due items worth a message."""
    promise_grace_days: int = 0
    broken_promise: str = "resume"
    """After a broken promise: "resume" the schedule or "advance" (the wait since the last level is
    waived)."""
    calendar: Calendar = Calendar()
    after_last: str = "stay"
    """After the last level: "stay" (a person decides; under "highest" further items go at that level too), "hand_over"
    (the same, and a task to hand it over), "stop" (it is done with, and lifts no other item)."""
    hand_over_days: int = 14
    """Days after the last level before the hand-over task."""

    def __post_init__(self):
        object.__setattr__(self, "levels", tuple(sorted(self.levels, key=lambda level: level.rank)))
        self._check_choices()
        self._check_levels()

    def _check_choices(self):
        for name, allowed in (
            ("strategy", ("own", "highest")),
            ("entry", ("first", "by_age")),
            ("netting", ("oldest", "highest", "none")),
            ("broken_promise", ("resume", "advance")),
            ("after_last", ("stay", "hand_over", "stop")),
        ):
            if getattr(self, name) not in allowed:
                raise PolicyError(
                    f"policy {self.name!r}: {name} is {getattr(self, name)!r}; use one of {allowed}"
                )
        for name, least in (
            ("level_cap", 1),
            ("gap_days", 0),
            ("promise_grace_days", 0),
            ("hand_over_days", 0),
        ):
            if getattr(self, name) < least:
                raise PolicyError(
                    f"policy {self.name!r}: {name} is {getattr(self, name)}; it must be at least {least}"
                )

    def _check_levels(self):
        previous = None
        for level in self.levels:
            where = f"policy {self.name!r}, level {level.name!r}"
            if level.rank < 1:
                raise PolicyError(f"{where}: its number is {level.rank}; it must be at least 1")
            if not level.channels:
                raise PolicyError(f"{where}: no channel; choose at least one")
            if level.min_days_since_last < 0 or level.grace_days < 0 or level.deadline_days < 0:
                raise PolicyError(f"{where}: days since last level, grace and deadline must not be negative")
            if previous is not None:
                if level.rank == previous.rank:
                    raise PolicyError(f"{where}: number {level.rank} is also the number of {previous.name!r}")
                if level.delay_days + level.grace_days < previous.delay_days + previous.grace_days:
                    raise PolicyError(f"{where}: comes due before {previous.name!r}, a lower level")
            previous = level


@dataclass(frozen=True, eq=False)
class Ruling:
    """The circumstances of one run in one company. Share one instance over all accounts of the run (it keeps
    caches)."""

    today: date
    """The company's local calendar date."""
    now: datetime
    """Aware UTC instant from which a message could leave."""
    country: str | None = None
    """Company's country and time zone: used where the customer's are unknown."""
    timezone: str = "UTC"
    language: str = "en_US"
    stale_ledgers: Mapping[int, datetime | None] = field(default_factory=dict)
    """Ledgers too long without a good sync -> instant of the last one (None: never)."""
    bank_gate: str = "off"
    """Old bank entries: "off", "warn" or "stop". Judges items of Odoo's own books."""
    bank_last_date: date | None = None
    bank_max_age_days: int = 3
    unmatched_gate: str = "off"
    """Unmatched receipts of the customer: "off", "warn" or "stop"."""
    cap_per_day: int | None = None
    cap_per_hour: int | None = None
    """Most messages per send date and per hour; `ration.Ration` keeps them over all accounts."""
    scheduled_by_date: Mapping[date, int] = field(default_factory=dict)
    scheduled_by_hour: Mapping[datetime, int] = field(default_factory=dict)
    """Messages that wait or went out already, by send date and by UTC hour (minutes zero)."""
    caches: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        if self.now.tzinfo is None:
            raise ValueError("Ruling.now must be an aware UTC datetime")
        for name in ("bank_gate", "unmatched_gate"):
            if getattr(self, name) not in ("off", "warn", "stop"):
                raise ValueError(f"Ruling.{name} is {getattr(self, name)!r}; use off, warn or stop")


class Answer(NamedTuple):
    """The engine's word on one open item.

    `args` are the values behind the reason, in the order of `explain.ARGUMENTS[code]`; tuples are shared
    between answers, hashable, and turned into names by `explain.arguments`. `level_rank`/`level_id`: with
    `notify`, the level the item will have reached when the message was sent; otherwise the level it is
    waiting for (0/None where there is none).
    """

    item_id: int
    code: str
    level_rank: int
    level_id: int | None
    args: tuple
    policy_id: int | None
    policy_source: str


class Delivery(NamedTuple):
    channel: str
    contact_id: int
    language: str


class Message(NamedTuple):
    """One message to one customer in one currency; totals in that currency.

    principal - credits - disputed = net, and `amounts[i]` is the net of `item_ids[i]`.
    """

    currency: str
    level_rank: int
    level_id: int
    item_ids: tuple
    amounts: tuple
    channels: tuple
    contact_id: int
    """First recipient; each channel's own is in `deliveries`."""
    language: str
    deliveries: tuple
    send_on: date
    """Customer's local date."""
    send_at: datetime
    """UTC instant inside the customer's send window."""
    send_until: datetime
    """UTC instant at which that window closes."""
    shift: str
    """Why it does not leave at once: "" | "weekend" | "holiday" | "closed" | "window" | "local_date" |
    "hourly_cap"."""
    shift_detail: str
    deadline_date: date | None
    principal: Decimal
    credits: Decimal
    disputed: Decimal
    net: Decimal
    policy_id: int
    warnings: tuple
    """`(code, args)` pairs: `no_address` for channels of the level by which nobody can be reached though others reach
    somebody; `bank_stale`, `unmatched_receipts` where the company only wants a warning."""


class Application(NamedTuple):
    """Part of a credit applied to an item in memory; the proposal offers the real reconciliation."""

    credit_id: int
    item_id: int
    currency: str
    amount: Decimal


class Task(NamedTuple):
    """Something for a human: `kind` is a `Reason` code ("archived", "no_address", "no_due_date") or "hand_over"."""

    kind: str
    item_ids: tuple
    args: tuple


class AccountDecision(NamedTuple):
    """`answers`: exactly one per item, sorted by item id. `messages`: at most one per currency, sorted by
    currency.

    `code`/`args`: the reason for the account as a whole: `notify`, else the item reason that is nearest to
    acting.
    """

    account_id: int
    answers: tuple[Answer, ...]
    messages: tuple[Message, ...]
    applications: tuple[Application, ...]
    tasks: tuple[Task, ...]
    code: str
    args: tuple[Any, ...]

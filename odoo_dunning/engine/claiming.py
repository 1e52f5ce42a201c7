"""What one message claims on top of its items: interest per item, recovery sums per item, a fee per message.

Everything the law refuses comes back as a claim of zero that says why; nothing here stops a message. Amounts are
in the currency of the message, at its own precision.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from operator import itemgetter
from typing import NamedTuple

from .charges import (
    ONCE_PER_CLAIM,
    Cap,
    Claim,
    History,
    PastCharge,
    PastMessage,
    cap_for,
    default_amount,
    interest_gate,
    notice_start,
    validate_fee,
)
from .interest import (
    CalculationSheet,
    InterestTerms,
    Stop,
    calculation_sheet,
    daily_interest,
    interest_amount,
    interest_exact,
)
from .law import AgreedRate, ClaimDates, LawBook
from .law_choice import ChoiceRow, LawChoice, Place, choose_law
from .law_errors import LawError, RuleUnknown
from .law_rows import CHARGE_KINDS
from .money import EXACT, ZERO, quantize
from .snapshot import Account, Item

INTEREST = "interest"
DEBTOR_TYPES = {"business": "b2b", "consumer": "b2c", "public": "public"}
# How a channel is called where the law says when the period after a notice begins.
NOTICE_CHANNELS = {"email": "email", "letter": "post"}
# A cap of zero for one of these reasons is the normal course of a claim, not worth a word.
QUIET = frozenset(
    {
        "message_free", "free_this_year", "too_early", "too_soon_after_last", "notice_running", "replaced",
        "already_claimed",
    }
)  # fmt: skip
# An item that cannot bear its share of a scale yet, for one of these reasons.
UNRIPE = frozenset({"message_free", "too_early", "notice_missing", "notice_running"})
EXACT_DIGITS = 9


@dataclass(frozen=True)
class LevelCharges:
    """What a level charges. `fee_kind` "" charges no fee; `fee_amount` None takes what the law sets.

    `policy_law` and `grounds` come from the level's policy. Consumers are charged only with `charges_consumers`.
    """

    level_id: int
    has_interest: bool = False
    has_recovery_sum: bool = False
    fee_kind: str = ""
    fee_amount: Decimal | None = None
    fee_currency: str = ""
    charges_consumers: bool = False
    policy_law: str = ""
    grounds: frozenset[str] = frozenset()


class AccountTerms(NamedTuple):
    """What was agreed with a customer, or holds for it alone. `stops`: days on which nothing accrues."""

    law: str = ""
    agreed: AgreedRate | None = None
    grounds: frozenset[str] = frozenset()
    stops: tuple[Stop, ...] = ()


class Earlier(NamedTuple):
    """A charge that stands, or was waived, from an earlier message. `waived` is the part given up. A fee is known to
    every item of its message; `charge_id` tells that it is the same one (0: no other item knows it)."""

    kind: str
    amount: Decimal
    waived: Decimal
    charged_on: date
    charge_id: int = 0


class ItemFacts(NamedTuple):
    """What happened to an item. `events`: (day, amount settled) by day; `messages`: (day, channel) of reminders
    sent in its current cycle, by day."""

    events: tuple[tuple[date, Decimal], ...] = ()
    earlier: tuple[Earlier, ...] = ()
    messages: tuple[tuple[date, str], ...] = ()


NO_FACTS = ItemFacts()
NO_TERMS = AccountTerms()


class Subject(NamedTuple):
    """One message: its invoices, and the credits netted against each (`item id: ((day, amount), …)`)."""

    account: Account
    level: LevelCharges
    currency: str
    items: tuple[Item, ...]
    credits: Mapping[int, tuple[tuple[date, Decimal], ...]] = {}
    terms: AccountTerms = NO_TERMS
    facts: Mapping[int, ItemFacts] = {}

    def facts_of(self, item: Item) -> ItemFacts:
        return self.facts.get(item.id, NO_FACTS)

    @property
    def debtor_type(self) -> str:
        return DEBTOR_TYPES[self.account.debtor_type]

    @property
    def grounds(self) -> frozenset[str]:
        return self.level.grounds | self.terms.grounds

    @property
    def is_charged(self) -> bool:
        return self.debtor_type != "b2c" or self.level.charges_consumers


class Claimed(NamedTuple):
    """One charge, or with `message` why there is none. `cap` is the most that may be claimed (None: no limit on
    record). `item_id` of a fee is the item whose reminders allow it."""

    item_id: int
    kind: str
    amount: Decimal
    cap: Decimal | None
    row_ids: tuple[str, ...]
    message: str = ""


@dataclass(frozen=True, eq=False)
class Claimant:
    """Claims for the messages of one company on one day. Share one over a run: it keeps caches.

    `rates` are units of a currency per unit of the company's own, on `today`; `digits` the decimal places.
    """

    book: LawBook
    choices: tuple[ChoiceRow, ...]
    seller: Place
    today: date
    rates: Mapping[str, Decimal]
    digits: Mapping[str, int]
    is_working_day: Callable[[date], bool]
    _laws: dict = field(default_factory=dict, init=False, repr=False)
    _caps: dict = field(default_factory=dict, init=False, repr=False)
    _terms: dict = field(default_factory=dict, init=False, repr=False)

    # Law

    def law_of(self, subject: Subject) -> LawChoice:
        """Raises UnknownJurisdiction."""
        account = subject.account
        customer = Place(account.country or self.seller.country, account.subdivision or "")
        key = (customer, account.debtor_type, subject.level.policy_law, subject.terms.law)
        choice = self._laws.get(key)
        if choice is None:
            choice = self._laws[key] = choose_law(
                self.choices,
                self.book.jurisdictions,
                seller=self.seller,
                customer=customer,
                debtor_type=subject.debtor_type,
                policy_law=subject.level.policy_law,
                customer_law=subject.terms.law,
            )
        return choice

    # Claims

    def claims(self, subject: Subject) -> tuple[LawChoice | None, list[Claimed]]:
        """The law and every claim of a message; a reason that is the same for several items is said once."""
        if not subject.is_charged:
            return None, []
        try:
            law = self.law_of(subject)
        except LawError as error:
            return None, [_refused(subject.items[0], INTEREST, error)]
        return law, list(self._claims(subject, law))

    def _claims(self, subject: Subject, law: LawChoice) -> Iterator[Claimed]:
        level, said = subject.level, set()
        today = self.today
        late = [item for item in subject.items if item.due_date is not None and item.due_date < today]
        if level.has_interest:
            yield from self._interests(subject, law, late, said)
        together = []
        if level.has_recovery_sum:
            for item in late:
                for claimed in self._one("recovery_sum", item, said, self._recovery_sum, subject, law, item):
                    if claimed.amount:
                        together.append(PastCharge(claimed.kind, claimed.amount, today))
                    yield claimed
        if level.fee_kind and late:
            items = self._ripe(subject, law, late)
            lead = max(
                items, key=lambda item: (len(subject.facts_of(item).messages), -item.due_date.toordinal())
            )
            yield from self._one(
                level.fee_kind, lead, said, self._fee, subject, law, items, lead, tuple(together)
            )

    def _one(self, kind: str, item: Item, said: set[str], claim: Callable, *args) -> Iterator[Claimed]:
        try:
            claimed = claim(*args)
        except LawError as error:
            claimed = _refused(item, kind, error)
        if claimed is None or (claimed.message and claimed.message in said):
            return
        said.add(claimed.message)
        yield claimed

    # Interest

    def _interests(
        self, subject: Subject, law: LawChoice, late: list[Item], said: set[str]
    ) -> Iterator[Claimed]:
        """One claim an item, in one loop: a proposal comes here for every item it charges."""
        is_gated = subject.debtor_type == "b2c"
        digits, today, stops = self.digits[subject.currency], self.today, subject.terms.stops
        for item in late:
            facts = subject.facts.get(item.id, NO_FACTS)
            try:
                if is_gated and (shut := self._shut_gate(subject, law, item)) is not None:
                    yield from (claimed for claimed in shut if claimed.message not in said)
                    said.update(claimed.message for claimed in shut)
                    continue
                events = settled(item, facts.events, subject.credits.get(item.id, ()))
                amount = interest_amount(
                    self.terms_of(subject, law, item),
                    item.amount_total,
                    item.due_date,
                    events,
                    today,
                    digits,
                    stops,
                )
            except LawError as error:
                refused = _refused(item, INTEREST, error)
                if refused.message not in said:
                    said.add(refused.message)
                    yield refused
                continue
            for charge in facts.earlier:
                if charge.kind == INTEREST:
                    amount -= charge.amount
            if amount > 0:
                yield Claimed(item.id, INTEREST, amount, amount, ())

    def _shut_gate(self, subject: Subject, law: LawChoice, item: Item) -> tuple[Claimed, ...] | None:
        """None while interest may be claimed; else what there is to say about it."""
        gate = interest_gate(self.book, self._claim(subject, law, item))
        if gate.is_open:
            return None
        return () if gate.reason in QUIET else (_nothing(item, INTEREST, gate.reason, gate.row_ids, {}),)

    def terms_of(self, subject: Subject, law: LawChoice, item: Item) -> InterestTerms:
        """The terms of an item. Raises LawError."""
        terms, level = subject.terms, subject.level
        key = (law.jurisdiction, subject.account.debtor_type, level.grounds, terms.grounds, terms.agreed,
               item.issue_date, item.due_date)  # fmt: skip
        found = self._terms.get(key)
        if found is None:
            dates, debtor_type = self._dates(item), subject.debtor_type
            if terms.agreed is not None:
                found = self.book.agreed_terms(
                    law.jurisdiction, debtor_type, dates, terms.agreed, subject.grounds
                )
            else:
                found = self.book.interest_terms(law.jurisdiction, debtor_type, dates, subject.grounds)
            self._terms[key] = found
        return found

    def sheet(self, subject: Subject, law: LawChoice, item: Item) -> CalculationSheet:
        """All interest on an item up to today, whatever was claimed before."""
        return calculation_sheet(
            self.terms_of(subject, law, item),
            item.amount_total,
            item.due_date,
            settled(item, subject.facts_of(item).events, subject.credits.get(item.id, ())),
            self.today,
            self.digits[subject.currency],
            subject.terms.stops,
        )

    def daily_interest(self, subject: Subject, law: LawChoice, item: Item, day: date) -> Decimal:
        """What one more day adds for an item, unrounded."""
        balance = item.amount_open - min(item.amount_disputed, item.amount_open)
        balance -= sum((amount for _day, amount in subject.credits.get(item.id, ())), ZERO)
        if any(first <= day and (last is None or day <= last) for first, last in subject.terms.stops):
            return ZERO
        terms = self.terms_of(subject, law, item)
        if terms.compounding != "none":
            return self._compound_growth(subject, terms, item, day)
        return daily_interest(terms, balance, item.due_date, day, EXACT_DIGITS)

    def _compound_growth(self, subject: Subject, terms: InterestTerms, item: Item, day: date) -> Decimal:
        """What joined the base bears interest, too: the difference that the day makes."""
        events = settled(item, subject.facts_of(item).events, subject.credits.get(item.id, ()))
        before, after = (
            interest_exact(terms, item.amount_total, item.due_date, events, until, subject.terms.stops)
            for until in (day - timedelta(days=1), day)
        )
        return quantize(after - before, EXACT_DIGITS)

    # Sums and fees

    def _recovery_sum(self, subject: Subject, law: LawChoice, item: Item) -> Claimed | None:
        facts = subject.facts_of(item)
        if any(charge.kind == "recovery_sum" for charge in facts.earlier):
            return None
        key = None
        if not facts.earlier:
            paid_early = sum((amount for day, amount in facts.events if day <= item.due_date), ZERO)
            principal = item.amount_total - paid_early
            key = (law.jurisdiction, subject.account.debtor_type, subject.currency, subject.grounds, principal,
                   item.issue_date, item.due_date)  # fmt: skip
        cap = self._caps.get(key) if key else None
        if cap is None:
            cap = cap_for(self.book, "recovery_sum", self._claim(subject, law, item), self._history(facts))
            if key:
                self._caps[key] = cap
        return self._claimed(item, cap, default_amount(cap), subject, law)

    def _ripe(self, subject: Subject, law: LawChoice, late: list[Item]) -> list[Item]:
        """The items that a scale is applied to: those of a consumer only after the notice each of them needs. All,
        where none is ripe: then their lead says why."""
        kind = subject.level.fee_kind
        if kind not in ONCE_PER_CLAIM or subject.debtor_type != "b2c":
            return late
        ripe = [
            item
            for item in late
            if cap_for(self.book, kind, self._claim(subject, law, item)).reason not in UNRIPE
        ]
        return ripe or late

    def _fee(
        self,
        subject: Subject,
        law: LawChoice,
        items: list[Item],
        lead: Item,
        together: tuple[PastCharge, ...],
    ) -> Claimed | None:
        """One fee for the whole message, on the history of the item reminded most often and of what the message
        charges besides."""
        level, kind = subject.level, subject.level.fee_kind
        facts = subject.facts_of(lead)
        earlier = facts.earlier
        if kind in ONCE_PER_CLAIM:
            earlier = _each_once(charge for item in items for charge in subject.facts_of(item).earlier)
            if any(charge.kind == kind and charge.waived for charge in earlier):
                return None
        principal = sum(
            (item.amount_open - min(item.amount_disputed, item.amount_open) for item in items), ZERO
        )
        claim = self._claim(subject, law, lead, principal)
        history = self._history(facts._replace(earlier=earlier))._replace(together=together)
        cap = cap_for(self.book, kind, claim, history)
        if level.fee_amount is None:
            return self._claimed(lead, cap, default_amount(cap), subject, law)
        if cap.amount == 0:
            return self._claimed(lead, cap, ZERO, subject, law)
        wanted = self.convert(level.fee_amount, level.fee_currency, subject.currency)
        limit = cap._replace(amount=self._limit(cap, subject.currency), currency=subject.currency)
        return Claimed(lead.id, kind, validate_fee(wanted, limit), limit.amount, cap.row_ids)

    def _claimed(
        self, item: Item, cap: Cap, amount: Decimal, subject: Subject, law: LawChoice
    ) -> Claimed | None:
        """A claim of the amount the law sets, or the reason it sets none."""
        if amount > 0:
            limit = self._limit(cap, subject.currency)
            amount = (
                min(self.convert(amount, cap.currency, subject.currency), limit)
                if limit is not None
                else amount
            )
            return Claimed(item.id, cap.kind, amount, limit, cap.row_ids)
        if cap.reason in QUIET:
            return None
        drafts = tuple(row.id for row in self.book.drafts(law.jurisdiction, subject.debtor_type, cap.kind))
        return _nothing(item, cap.kind, cap.reason, cap.row_ids or drafts, cap.args, law.jurisdiction)

    def _limit(self, cap: Cap, currency: str) -> Decimal | None:
        return None if cap.amount is None else self.convert(cap.amount, cap.currency, currency)

    def convert(self, amount: Decimal, source: str, target: str) -> Decimal:
        """At today's rate, rounded down: a converted amount never exceeds what the law grants. Raises RuleUnknown."""
        if source == target:
            return amount
        for currency in (source, target):
            if not self.rates.get(currency):
                raise RuleUnknown(
                    f"No exchange rate of {currency} for {self.today} (field rate). Add one, or charge nothing.",
                    field="rate",
                )
        exact = EXACT.divide(EXACT.multiply(amount, self.rates[target]), self.rates[source])
        return exact.quantize(Decimal(1).scaleb(-self.digits[target]), ROUND_DOWN)

    # What the charges are judged by

    def _dates(self, item: Item) -> ClaimDates:
        due_date = item.due_date
        default_start = date.fromordinal(due_date.toordinal() + 1)
        # The day of the contract is not on record: an invoice is never older than its contract.
        return ClaimDates(item.issue_date or due_date, due_date, default_start, self.today)

    def _claim(self, subject: Subject, law: LawChoice, item: Item, principal: Decimal | None = None) -> Claim:
        facts = subject.facts_of(item)
        if principal is None:
            principal = item.amount_total - sum(
                (amount for day, amount in facts.events if day <= item.due_date), ZERO
            )
        claim = Claim(
            jurisdiction=law.jurisdiction,
            debtor_type=subject.debtor_type,
            principal=principal,
            currency=subject.currency,
            dates=self._dates(item),
            message_number=len(facts.messages) + 1,
            grounds=subject.grounds,
            principal_elsewhere=_Elsewhere(self, principal, subject.currency),
        )
        return self._with_notice(claim, facts)

    def _with_notice(self, claim: Claim, facts: ItemFacts) -> Claim:
        """The claim with the day on which the period after its first reminder began, where the law knows one."""
        if claim.debtor_type != "b2c" or not facts.messages:
            return claim
        sent_on, channel = facts.messages[0]
        try:
            started, _rows = notice_start(
                self.book, claim, NOTICE_CHANNELS.get(channel, channel), sent_on, self.is_working_day
            )
        except RuleUnknown:
            return claim
        return replace(claim, notice_start_date=started)

    def statement_number(self, subject: Subject) -> int:
        """Which reminder this message is for the item reminded least often."""
        return 1 + min((len(subject.facts_of(item).messages) for item in subject.items), default=0)

    def notice_last_day(self, subject: Subject, law: LawChoice, item: Item, channel: str) -> date | None:
        """Last day to pay in the period that a notice sent today by this channel opens for a consumer; None where no
        usable row gives one."""
        claim = self._claim(subject, law, item)
        rules = ("interest_notice_days", *(f"{kind}_notice_days" for kind in CHARGE_KINDS))
        rows = [self.book.find(law.jurisdiction, subject.debtor_type, rule, claim.dates) for rule in rules]
        days = max((int(row.value) for row in rows if row), default=0)
        if not days or subject.debtor_type != "b2c":
            return None
        try:
            first, _rows = notice_start(
                self.book, claim, NOTICE_CHANNELS.get(channel, channel), self.today, self.is_working_day
            )
        except RuleUnknown:
            return None
        return first + timedelta(days=days - 1)

    def claim_of(self, subject: Subject, law: LawChoice, item: Item) -> Claim:
        return self._claim(subject, law, item)

    @staticmethod
    def _history(facts: ItemFacts) -> History:
        charges = tuple(
            PastCharge(charge.kind, charge.amount - charge.waived, charge.charged_on)
            for charge in facts.earlier
            if charge.amount > charge.waived
        )
        messages = tuple(
            PastMessage(number, day) for number, (day, _channel) in enumerate(facts.messages, start=1)
        )
        return History(charges, messages)


class _Elsewhere(Mapping):
    """The principal in any currency that has a rate."""

    def __init__(self, claimant: Claimant, principal: Decimal, currency: str) -> None:
        self._claimant, self._principal, self._currency = claimant, principal, currency

    def __getitem__(self, currency: str) -> Decimal:
        if not self._claimant.rates.get(currency):
            raise KeyError(currency)
        return self._claimant.convert(self._principal, self._currency, currency)

    def __iter__(self) -> Iterator[str]:
        return iter(self._claimant.rates)

    def __len__(self) -> int:
        return len(self._claimant.rates)


def settled(
    item: Item, events: Iterable[tuple[date, Decimal]], credits: tuple[tuple[date, Decimal], ...]
) -> list[tuple[date, Decimal]]:
    """The events of an item by day, with what bears no interest besides: a disputed part, credits netted in
    memory, and whatever lowered the balance without a date, all in the debtor's favour."""
    events = list(events)
    bare = item.amount_total - item.amount_open
    for _day, amount in events:
        bare -= amount
    if bare < 0:
        bare = ZERO
    if item.amount_disputed:
        bare += min(item.amount_disputed, item.amount_open)
    if bare:
        events.insert(0, (item.due_date, bare))
    if credits:
        events.extend(credits)
        events.sort(key=itemgetter(0))
    return events


def _each_once(charges: Iterable[Earlier]) -> tuple[Earlier, ...]:
    """Charges that several items know counted once."""
    seen, once = set(), []
    for charge in charges:
        if charge.charge_id not in seen:
            once.append(charge)
        if charge.charge_id:
            seen.add(charge.charge_id)
    return tuple(once)


def _refused(item: Item, kind: str, error: LawError) -> Claimed:
    return Claimed(item.id, kind, ZERO, ZERO, error.row_ids, str(error))


REFUSALS = {
    "no_row": "No usable row of {law} sets it{drafts}.",
    "no_legal_cap": "The law of {law} sets no amount. Enter one at the level.",
    "ground_missing": "Row {rows} applies only with: {grounds}. Record it on the policy or the customer if it is so.",
    "count_reached": "Row {rows} allows it {allowed} times, and it was charged {count} times.",
    "notice_missing": "Row {rows} wants a free notice {days} days before, and none is on record with a known start.",
}


def _nothing(
    item: Item, kind: str, reason: str, row_ids: tuple[str, ...], args: Mapping[str, object], law: str = ""
) -> Claimed:
    drafts = f"; check and activate {', '.join(row_ids)}" if row_ids and reason == "no_row" else ""
    words = {**args, "grounds": ", ".join(args.get("grounds", ()))}
    words = {"days": "some", **words}
    text = REFUSALS.get(reason, "Not allowed now: {reason}.").format(
        law=law, drafts=drafts, rows=", ".join(row_ids), reason=reason.replace("_", " "), **words
    )
    return Claimed(item.id, kind, ZERO, ZERO, row_ids, f"{kind}: {text}")

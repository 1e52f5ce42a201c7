"""What a message shows of its charges: amounts, calculation sheets, growth per day, sentences of the law, the offer."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from .. import rendering as r
from ..engine import legal_texts
from ..engine.charges import cap_for
from ..engine.claiming import INTEREST
from ..engine.interest import rate_on
from ..engine.law_errors import LawError
from ..engine.money import ZERO, quantize
from ..engine.settlement import SettlementTerms, make_offer
from ..rendering.formats import Formats
from . import charging

SHOWN_AS = {INTEREST: r.INTEREST, "recovery_sum": r.FIXED_SUM}


def dress(notices, looks, today, contexts):
    """The same contexts, with what is charged on top of the items."""
    if not contexts:
        return contexts
    dresser = _Dresser(notices, looks, today)
    return {notice.id: dresser.dressed(notice, contexts[notice.id]) for notice in notices}


def offer_of(level, currency, digits, principal, charges, today):
    """The engine's Offer of a level for one message, or None."""
    if not level.offer_discount_pct:
        return None
    terms = SettlementTerms(Decimal(f"{level.offer_discount_pct:.2f}"), level.offer_days, level.offer_base)
    return make_offer(
        terms, currency=currency, digits=digits, principal=principal, charges=charges, offered_on=today
    )


class _Dresser:
    """What all messages of a slice share: the law, their charges and those that stand from earlier messages."""

    def __init__(self, notices, looks, today):
        self.env = notices.env
        self.today = today
        self.charging = charging.Charging(self.env, notices.company_id, today)
        self.library = self.env["dunning.law.row"].sudo()._library()
        self.subjects = charging.subjects(self.charging, notices, looks) if self.charging.levels else {}
        charges = self.env["dunning.charge"].sudo()
        mains = [(notice.main_id or notice).id for notice in notices]
        self.own = charges.search([("notice_id", "in", mains), ("stage", "=", "claimed")]).grouped(
            "notice_id"
        )
        self.standing = charges.search(
            [("account_id", "in", notices.account_id.ids), ("stage", "in", ("announced", "booked"))]
        ).grouped(lambda charge: (charge.account_id.id, charge.currency_id.id))

    def dressed(self, notice, context):
        if notice.corrects_id:
            return context
        main = notice.main_id or notice
        subject = self.subjects.get(main.id)
        law = self._law(subject)
        own = self.own.get(main, self.env["dunning.charge"]).filtered("amount")
        standing = self._standing(main)
        shown = [self._charge(charge, subject, law, context, charge._exact()) for charge in own]
        shown += [
            self._charge(charge, None, law, context, charge._exact("amount_due")) for charge in standing
        ]
        charges = tuple(shown)
        totals = r.Totals.of(context.items, charges)
        context = self._with_period(notice, subject, law, context)
        return replace(
            context,
            charges=charges,
            totals=totals,
            daily_interest=self._daily(own, subject, law, context),
            legal_texts=tuple(self._sentences(notice, own, subject, law, context)) if law else (),
            offer=self._offer(notice, context, charges, totals),
        )

    def _law(self, subject):
        if subject is None or not subject.is_charged:
            return None
        return charging.claims_or_errors(self.charging.claimant, subject)[0]

    def _with_period(self, notice, subject, law, context):
        """No letter sets a consumer a shorter time than the law gives after it."""
        if law is None or not subject.items:
            return context
        if not self._wanted(subject, law):
            return context
        last = self.charging.claimant.notice_last_day(subject, law, _oldest(subject), notice.channel)
        set_date = context.document.deadline_date
        if last is None or (set_date and set_date >= last):
            return context
        return replace(context, document=replace(context.document, deadline_date=last))

    def _wanted(self, subject, law):
        """Keys of the statements that this reminder must carry."""
        claimant = self.charging.claimant
        return legal_texts.statement_keys(
            self.library.book,
            law.jurisdiction,
            subject.debtor_type,
            claimant._dates(_oldest(subject)),
            claimant.statement_number(subject),
        )

    def _standing(self, main):
        """Earlier charges on its items; on invoices paid since, too, where the level charges at all."""
        items = main.line_ids.item_id
        charging_level = main.level_id.id in self.charging.levels
        key = (main.account_id.id, main.currency_id.id)
        return self.standing.get(key, self.env["dunning.charge"]).filtered(
            lambda charge: (
                charge.amount_due
                and (charge.item_id in items or (charging_level and not charge.item_id.is_open))
            )
        )

    # Charges

    def _charge(self, charge, subject, law, context, amount):
        number = charge.item_id.number or ""
        kind = SHOWN_AS.get(charge.kind, r.FEE)
        return r.Charge(
            label=r.charge_label(context.language, kind),
            kind=kind,
            amount=amount,
            legal_basis=number if kind != r.FEE else "",
            item_number=number,
            segments=self._segments(charge, subject, law, context),
        )

    def _segments(self, charge, subject, law, context):
        if charge.kind != INTEREST or charge.notice_id.level_id.charge_sheet != "below":
            return ()
        made = charge.sheet
        if not made and subject is not None and law is not None:
            made = charging.sheet(self.charging.claimant, subject, law, charge.item_id.id, charge._exact())
        return segments(made, self.library, formats_of(context)) if made else ()

    def _daily(self, own, subject, law, context):
        """Growth of the claim per day after this message; None where a rate for that day is not known yet."""
        charged = set(own.filtered(lambda one: one.kind == INTEREST).item_id.ids)
        if law is None or not charged:
            return None
        tomorrow = self.today + timedelta(days=1)
        try:
            exact = sum(
                (
                    self.charging.claimant.daily_interest(subject, law, item, tomorrow)
                    for item in subject.items
                    if item.id in charged
                ),
                ZERO,
            )
        except LawError:
            return None
        return quantize(exact, context.document.currency.digits) or None

    # Sentences

    def _sentences(self, notice, own, subject, law, context):
        """The basis of the interest, of the sums, what tax does, and what a consumer must be told."""
        formats = formats_of(context)
        book, texts = self.library.book, self.library.texts
        keys = {}
        late = subject.items[0]
        dates = self.charging.claimant._dates(late)
        kinds = set(own.mapped("kind"))
        if INTEREST in kinds:
            if subject.terms.agreed is not None:
                terms = self.charging.claimant.terms_of(subject, law, late)
                rate = rate_on(terms, late.due_date, self.today)[0]
                keys["interest.agreed"] = {
                    "rate_pct": formats.number(rate, max(-rate.as_tuple().exponent, 0))
                }
            else:
                key = legal_texts.basis_key(book, law.jurisdiction, subject.debtor_type, dates)
                if key:
                    keys[key] = {}
        for kind, key in (("recovery_sum", "recovery.statutory"), ("collection_cost", "recovery.scale")):
            if kind in kinds:
                mine = own.filtered(lambda one, kind=kind: one.kind == kind)
                amounts = sorted({one._exact() for one in mine})
                keys[key] = {
                    "jurisdiction": country_name(law.jurisdiction, formats),
                    "amount": ", ".join(formats.money(amount) for amount in amounts),
                }
        tax = book.find(law.jurisdiction, subject.debtor_type, "tax_treatment", dates) if kinds else None
        if tax is not None:
            keys[f"tax.{tax.value}"] = {}
        keys.update(self._statements(notice, subject, law, context, formats))
        for key, values in keys.items():
            try:
                yield legal_texts.sentence(texts, key, context.language, values)
            except LawError:
                continue

    def _statements(self, notice, subject, law, context, formats):
        """What the law wants said to a consumer before or with a charge."""
        wanted = self._wanted(subject, law)
        if not wanted:
            return {}
        oldest, company = _oldest(subject), notice.company_id
        deadline = context.document.deadline_date or self.today + timedelta(days=15)
        values = {
            "principal": formats.money(context.totals.principal + context.totals.credits),
            "creditor_name": company.name or "",
            "creditor_number": company.company_registry or company.vat or "–",
            "product": oldest.number,
            "due_date": formats.date(oldest.due_date) if oldest.due_date else "–",
            "deadline": formats.date(deadline),
            "cost": self._announced(subject, law, "collection_cost", formats),
            "penalty": self._announced(subject, law, "penalty", formats),
        }
        return dict.fromkeys(wanted, values)

    def _announced(self, subject, law, kind, formats):
        """What may be claimed later if the customer does not pay now."""
        claimant = self.charging.claimant
        claim = claimant.claim_of(subject, law, subject.items[0])
        ripe = replace(claim, notice_start_date=date.min, message_number=claim.message_number + 1)
        try:
            cap = cap_for(self.library.book, kind, ripe)
            return formats.money(claimant.convert(cap.amount or ZERO, cap.currency, subject.currency))
        except LawError:
            return formats.money(ZERO)

    # Offer

    def _offer(self, notice, context, charges, totals):
        by_kind = {}
        for charge in charges:
            by_kind[charge.kind] = by_kind.get(charge.kind, ZERO) + charge.amount
        currency = context.document.currency
        principal = totals.total_due - totals.interest - totals.costs
        offer = offer_of(notice.level_id, currency.code, currency.digits, principal, by_kind, self.today)
        return r.Offer(offer.pay_amount, offer.discount, offer.pay_by_date) if offer else None


def _oldest(subject):
    return min(subject.items, key=lambda item: (item.due_date or date.max, item.id))


def formats_of(context):
    return Formats(context.language, context.document.currency)


def country_name(jurisdiction, formats):
    """What a jurisdiction is called in the language of the message: its country, or its code."""
    return formats.locale.territories.get(jurisdiction[:2], jurisdiction)


def segments(made, library, formats):
    """The lines of a stored sheet for a template; what was charged before or is let off follows without days."""
    lines = tuple(
        r.Segment(
            from_date=date.fromisoformat(line["from"]),
            to_date=date.fromisoformat(line["to"]),
            days=line["days"],
            base_amount=Decimal(line["base"]),
            rate_pct=Decimal(line["rate_pct"]),
            amount=Decimal(line["amount"]),
            source=_source(line["row_ids"], library.rows, formats),
        )
        for line in made["lines"]
    )
    less = []
    for name in ("charged_before", "let_off"):
        amount = Decimal(made[name])
        if amount and lines:
            text = legal_texts.sentence(library.texts, f"sheet.{name}", formats.language)
            less.append(r.Segment(lines[0].from_date, lines[-1].to_date, 0, ZERO, ZERO, -amount, text))
    return (*lines, *less)


def _source(keys, rows, formats):
    """How a rate is made up, and the keys its sources stand under: "DE_BASE.2026H1 1.27% + DE.b2b.interest_rate 9%"."""
    known = [rows[key] for key in keys if key in rows]
    base = next((row for row in known if row.rule == "reference_rate"), None)
    margin = next((row for row in known if row.unit in ("pp", "times")), None)
    if base is None or margin is None:
        return ", ".join(keys)
    text = f"{base.id} {formats.percent(base.value)}"
    if margin.unit == "pp":
        return f"{text} + {margin.id} {formats.percent(margin.value)}"
    return f"{text} × {margin.id} {margin.value.normalize():f}"

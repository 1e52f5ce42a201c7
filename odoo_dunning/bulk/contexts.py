"""What each message of a slice may show: `rendering.MessageContext` for many messages with a handful of queries."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

from odoo.tools import SQL

from .. import rendering as r
from ..rendering.samples import level_title
from . import charge_contexts


def message_contexts(notices, looks, today: date):
    """`{notice id: MessageContext}` for messages of one company whose accounts were just looked at.

    Amounts are those of now; the disputed part of an item is not asked for; credits the engine nets against the
    items of a message are listed in it.
    """
    if not notices:
        return {}
    shared = _Shared(notices, looks)
    shown = [item_id for look in looks.values() for item_id in look.items]
    shared.links = _links(notices.env, notices.company_id, shown)
    return shared.contexts(today)


def message_totals(notices, looks, today: date):
    """`{notice id: rendering.Totals}`: what the texts of these messages ask for. Writes nothing."""
    if not notices:
        return {}
    return {key: context.totals for key, context in _Shared(notices, looks).contexts(today).items()}


class _Shared:
    """What all messages of a slice have in common."""

    def __init__(self, notices, looks):
        env, company = notices.env, notices.company_id
        self.notices, self.looks, self.links = notices, looks, {}
        self.company = _company(company)
        self.clerk = r.Contact(company.name, company.phone or "", company.email or "")
        self.digits = {
            one.name: one.decimal_places
            for one in env["res.currency"].with_context(active_test=False).search([])
        }
        self.symbols = {
            one.name: one.symbol for one in env["res.currency"].with_context(active_test=False).search([])
        }

    def contexts(self, today):
        bare = {
            notice.id: self.context(notice, self.looks[notice.account_id.id], today)
            for notice in self.notices
        }
        return charge_contexts.dress(self.notices, self.looks, today, bare)

    def context(self, notice, look, today):
        items = self._items(notice, look, today)
        customer = notice.account_id.partner_id
        recipient = notice.partner_id or customer
        language = notice.lang or "en_US"
        key = notice.level_id.key or "friendly"
        return r.MessageContext(
            language=language,
            company=self.company,
            customer=r.Customer(
                name=customer.name or "",
                salutation_name="" if recipient.is_company else recipient.name or "",
                address=_address(customer),
                reference=customer.ref or "",
            ),
            recipient=r.Recipient(recipient.name or customer.name or "", notice.email_to or ""),
            contact=self._contact(notice),
            level=r.Level(notice.level_id.name or "", notice.level_rank, key),
            document=self._document(notice, language, key, today),
            items=items,
            totals=r.Totals.of(items),
            payment=r.Payment(reference=items[0].number if len(items) == 1 else notice._number()),
        )

    def _document(self, notice, language, key, today):
        code = notice.currency_id.name
        corrected = notice.corrects_id
        return r.Document(
            title=level_title(language, "correction" if corrected else key),
            number=notice._number(),
            issue_date=today,
            currency=r.Currency(code, self.digits[code], self.symbols.get(code) or ""),
            deadline_date=notice.deadline_date or None,
            withdrawn_number=corrected._number() if corrected else "",
            withdrawn_date=corrected.sent_date or None,
            withdrawn_reason=corrected.note or "" if corrected else "",
        )

    def _contact(self, notice):
        user = notice.account_id.user_id
        if not user:
            return self.clerk
        return r.Contact(user.name, user.phone or self.clerk.phone, user.email or self.clerk.email)

    def _items(self, notice, look, today):
        wanted = self._wanted(notice, look)
        items = sorted(
            (item for item in look.items.values() if item.id in wanted),
            key=lambda item: (item.due_date or today, item.id),
        )
        later = _not_asked_yet(items, today)
        credits, less = defaultdict(Decimal), defaultdict(Decimal)
        for one in look.decision.applications:
            if one.item_id in later:
                less[one.item_id] += one.amount
            elif one.item_id in wanted:
                credits[one.credit_id] += one.amount
        shown = [
            self._item(
                item, item.amount_open - min(item.amount_disputed, item.amount_open) - less[item.id], today
            )
            for item in items
        ]
        shown += [
            self._item(look.items[credit_id], -amount, today) for credit_id, amount in sorted(credits.items())
        ]
        return tuple(shown)

    def _wanted(self, notice, look):
        """Ids of its items. What was paid, put on hold or contested since is not asked for; a correction, and a message
        nothing of which may leave, is about all of them."""
        source = notice.corrects_id or notice
        lines = (source.main_id or source).line_ids
        answers = {one.item_id: one for one in look.decision.answers}
        asked = lines.filtered(lambda line: line._may_follow(answers.get(line.item_id.id)))
        return set((asked if asked and not notice.corrects_id else lines).item_id.ids)

    def _item(self, item, open_amount: Decimal, today):
        kind = {"invoice": r.INVOICE, "payment": r.PAYMENT}.get(item.kind, r.CREDIT)
        return r.Item(
            number=item.number,
            kind=kind,
            total_amount=item.amount_total,
            open_amount=open_amount,
            issue_date=item.issue_date,
            due_date=item.due_date,
            days_overdue=(today - item.due_date).days if item.due_date else 0,
            reference=item.reference or "" if kind == r.INVOICE else "",
            link_url=self.links.get(item.id, ""),
        )


def _not_asked_yet(items, today):
    """Ids of items not due yet beside overdue ones. They are only mentioned: what a credit covers of them is taken off
    them, not off what is asked for."""
    late = {item.id for item in items if item.due_date and item.due_date < today}
    return {item.id for item in items} - late if late else set()


def _company(company):
    partner = company.partner_id
    banks = partner.bank_ids.filtered("acc_number")
    logo_url = (
        ""
        if company.uses_default_logo
        else f"{company.get_base_url()}/web/binary/company_logo?company={company.id}"
    )
    return r.Company(
        name=company.name,
        address=_address(partner),
        email=company.email or "",
        phone=company.phone or "",
        website=company.website or "",
        vat=company.vat or "",
        logo_url=logo_url,
        primary_color=company.primary_color or company.email_secondary_color or "#35506b",
        secondary_color=company.secondary_color or "#5d6b78",
        bank_accounts=tuple(
            r.BankAccount(
                bank.acc_number, bank.bank_name or "", bank.bank_bic or "", bank.acc_holder_name or ""
            )
            for bank in banks[:2]
        ),
    )


def _address(partner):
    town = " ".join(filter(None, (partner.zip, partner.city)))
    lines = (partner.street, partner.street2, town, partner.country_id.name)
    return tuple(line for line in lines if line)


def _links(env, company, item_ids):
    """Item id -> where the customer can view or pay it: Odoo's portal with a token, or the ledger's own page.

    Raw SQL: it gives thousands of invoices their portal token at once; the ORM writes them one by one.
    """
    if not item_ids:
        return {}
    base = company.get_base_url()
    env.execute_query(
        SQL(
            """UPDATE account_move move SET access_token = gen_random_uuid()::text
                 FROM dunning_item item JOIN account_move_line line ON line.id = item.move_line_id
                WHERE move.id = line.move_id AND move.access_token IS NULL AND item.id = ANY(%s)
                  AND move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
               RETURNING move.id""",
            list(item_ids),
        )
    )
    rows = env.execute_query(
        SQL(
            """SELECT item.id, paid_at.pay_link, move.id, move.access_token
                 FROM dunning_item item
                 LEFT JOIN dunning_item paid_at
                   ON paid_at.ledger_id = item.ledger_id AND paid_at.entity = item.entity
                  AND paid_at.external_id = item.external_id AND paid_at.installment = 0
                  AND COALESCE(paid_at.pay_link_ends_at > now() AT TIME ZONE 'UTC', TRUE)
                 LEFT JOIN account_move_line line ON line.id = item.move_line_id
                 LEFT JOIN account_move move ON move.id = line.move_id
                WHERE item.id = ANY(%s)""",
            list(item_ids),
        )
    )
    links = {}
    for item_id, pay_link, move_id, token in rows:
        if pay_link:
            links[item_id] = pay_link
        elif token:
            links[item_id] = f"{base}/my/invoices/{move_id}?access_token={token}"
    return links

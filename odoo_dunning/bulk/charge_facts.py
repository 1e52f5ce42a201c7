"""What the charges of many messages are judged by: levels, terms of customers, payments, earlier charges, reminders.

Raw SQL for the items of a slice, because a proposal claims interest on 100,000 items with three payments each.
"""

from collections import defaultdict
from decimal import Decimal

from odoo.tools import SQL

from ..engine.claiming import AccountTerms, Earlier, ItemFacts
from . import snapshot


def charging_levels(env, company):
    """`{level id: LevelCharges}` of the levels, frozen versions included, that charge something in this company."""
    domain = [
        ("company_id", "in", (False, company.id)),
        "|", "|", ("charge_interest", "=", True), ("charge_recovery_sum", "=", True), ("charge_fee_kind", "!=", False),
    ]  # fmt: skip
    levels = env["dunning.level"].sudo().with_context(active_test=False).with_company(company).search(domain)
    return {level.id: level._charges_to_engine() for level in levels}


def rates(env, company, today):
    """Currency code -> units per unit of company currency on the day, exact as stored."""
    currencies = env["res.currency"].with_context(active_test=False).search([])
    found = currencies._get_rates(company, today)
    return {
        currency.name: Decimal(str(found[currency.id])) for currency in currencies if found.get(currency.id)
    }


def digits(env):
    currencies = env["res.currency"].with_context(active_test=False).search([])
    return {currency.name: currency.decimal_places for currency in currencies}


def account_terms(env, account_ids):
    """`{account id: AccountTerms}` of the customers that have terms of their own."""
    rows = env.execute_query(
        SQL(
            """SELECT account.id, stop.first_date, stop.last_date FROM dunning_account account
                 LEFT JOIN dunning_charge_stop stop ON stop.account_id = account.id
                WHERE account.id = ANY(%s)
                  AND (stop.id IS NOT NULL OR account.charge_law IS NOT NULL OR account.agreed_rate_unit IS NOT NULL
                       OR account.is_public_healthcare)
                ORDER BY account.id, stop.first_date""",
            list(account_ids),
        )
    )
    stops = defaultdict(list)
    for account_id, first, last in rows:
        if first:
            stops[account_id].append((first, last))
        else:
            stops.setdefault(account_id, [])
    return {
        account.id: AccountTerms(
            law=account.charge_law or "",
            agreed=account._agreed_rate(),
            grounds=frozenset(["public_healthcare"]) if account.is_public_healthcare else frozenset(),
            stops=tuple(stops[account.id]),
        )
        for account in env["dunning.account"].sudo().browse(list(stops))
    }


def item_facts(env, items, without_notices=(), with_messages=True):
    """`{item id: ItemFacts}` of engine items; charges of the messages `without_notices` themselves are left out."""
    own = [item.id for item in items if item.ledger_id is None]
    external = [item.id for item in items if item.ledger_id is not None]
    events = _events(env, own) if own else {}
    if external:
        events.update(_allocated(env, external))
    ids = own + external
    earlier = _earlier(env, ids, list(without_notices))
    messages = {}
    if with_messages:
        messages = _messages(env, ids)
        _add_shared(env, ids, list(without_notices), earlier)
    if not earlier and not messages:
        return {item_id: ItemFacts(tuple(settled)) for item_id, settled in events.items()}
    return {
        item_id: ItemFacts(
            tuple(events.get(item_id, ())), tuple(earlier.get(item_id, ())), tuple(messages.get(item_id, ()))
        )
        for item_id in events.keys() | earlier.keys() | messages.keys()
    }


def _events(env, ids):
    """What was settled and when, by the reconciliations of Odoo items.

    `OFFSET 0` keeps the inner select apart: item by item over the index, where the planner would read all
    reconciliations of the books once for every slice.
    """
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT item.id, settled.date, settled.amount
                 FROM dunning_item item,
                      LATERAL (SELECT credit.date, part.debit_amount_currency AS amount
                                 FROM account_partial_reconcile part
                                 JOIN account_move_line credit ON credit.id = part.credit_move_id
                                WHERE part.debit_move_id = item.move_line_id AND part.debit_amount_currency != 0
                               OFFSET 0) settled
                WHERE item.id = ANY(%s)
                ORDER BY item.id, settled.date""",
            ids,
        ),
    )
    events = defaultdict(list)
    for item_id, day, amount in rows:
        events[item_id].append((day, amount))
    return events


def _allocated(env, ids):
    """Events of external items. An allocation is about an invoice: it fills instalments in the order they fall due."""
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT item.id, first.id, COALESCE(item.due_date, item.issue_date), item.amount_total
                 FROM dunning_item item
                 JOIN dunning_item first
                   ON first.ledger_id = item.ledger_id AND first.entity = item.entity
                  AND first.external_id = item.external_id
                 JOIN dunning_item wanted
                   ON wanted.ledger_id = item.ledger_id AND wanted.entity = item.entity
                  AND wanted.external_id = item.external_id AND wanted.id = ANY(%s)
                WHERE EXISTS (SELECT 1 FROM dunning_allocation a WHERE a.item_id = first.id)
                GROUP BY item.id, first.id ORDER BY first.id, 3, item.installment""",
            ids,
        ),
    )
    instalments = defaultdict(list)
    for item_id, first_id, _due_date, total in rows:
        instalments[first_id].append([item_id, total])
    if not instalments:
        return {}
    allocations = snapshot.rows_of(
        env,
        SQL(
            """SELECT item_id, COALESCE(date, '1900-01-01'::date), amount FROM dunning_allocation
                WHERE item_id = ANY(%s) ORDER BY item_id, 2, id""",
            list(instalments),
        ),
    )
    wanted, events = set(ids), defaultdict(list)
    for first_id, day, amount in allocations:
        for instalment in instalments[first_id]:
            item_id, left = instalment
            part = min(left, amount)
            if part > 0:
                instalment[1] -= part
                amount -= part
                if item_id in wanted:
                    events[item_id].append((day, part))
    return events


def _earlier(env, ids, without_notices):
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT item_id, kind, amount, COALESCE(amount_waived, 0), charge_date, id FROM dunning_charge
                WHERE item_id = ANY(%s) AND stage IN ('announced', 'booked', 'waived') AND notice_id != ALL(%s)
                ORDER BY id""",
            ids,
            without_notices,
        ),
    )
    earlier = defaultdict(list)
    for item_id, *charge in rows:
        earlier[item_id].append(Earlier(*charge))
    return earlier


def _add_shared(env, ids, without_notices, earlier):
    """Fees are charged once for a message, on one of its items: the others were charged them as well."""
    rows = snapshot.rows_of(
        env,
        SQL(
            """SELECT line.item_id, charge.kind, charge.amount, COALESCE(charge.amount_waived, 0), charge.charge_date,
                      charge.id
                 FROM dunning_run_line line
                 JOIN dunning_charge charge ON charge.notice_id = line.notice_id AND charge.item_id != line.item_id
                WHERE line.item_id = ANY(%s) AND charge.notice_id != ALL(%s)
                  AND charge.kind NOT IN ('interest', 'recovery_sum')
                  AND charge.stage IN ('announced', 'booked', 'waived')
                ORDER BY charge.id""",
            ids,
            without_notices,
        ),
    )
    for item_id, *charge in rows:
        earlier[item_id].append(Earlier(*charge))


def _messages(env, ids):
    rows = env.execute_query(
        SQL(
            """SELECT line.item_id, COALESCE(notice.sent_date, notice.sent_at::date), notice.channel
                 FROM dunning_run_line line
                 JOIN dunning_item item ON item.id = line.item_id AND item.cycle = line.cycle
                 JOIN dunning_notice notice ON notice.id = line.notice_id AND notice.state = 'sent'
                WHERE line.item_id = ANY(%s) AND line.claim = 'spent'
                ORDER BY line.item_id, notice.sent_at""",
            ids,
        )
    )
    messages = defaultdict(list)
    for item_id, day, channel in rows:
        messages[item_id].append((day, channel))
    return messages

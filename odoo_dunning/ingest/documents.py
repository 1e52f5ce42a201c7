"""Invoices, credits and payments of a ledger: receivables, and what was set against what."""

from datetime import timezone
from decimal import Decimal

from odoo.tools import SQL, format_date

from .. import lib
from .accounts import accounts_of
from .allocations import Allocations
from .currencies import Currencies
from .matching import Matching

records = lib.part("records")

ZERO = Decimal(0)
COUNTED = (records.OPEN, records.PAID, records.UNKNOWN)


class Documents:
    """Stores document entries of a `Batch`."""

    def __init__(self, batch):
        self.batch = batch
        self.ledger = batch.ledger
        self.env = batch.env
        self.currencies = Currencies(batch.ledger)
        self.matching = Matching(batch.ledger)

    # === STORE === #

    def store(self, entries):
        """Write receivables of entries whose customer is here; the others wait for it."""
        if not entries:
            return
        self.customers = self._customers({entry.record.customer_id for entry in entries})
        self.batch.isolated(
            [entry for entry in entries if entry.record.customer_id not in self.customers], self.batch.park
        )
        ready = [entry for entry in entries if entry.record.customer_id in self.customers]
        ready = [entry for entry in ready if self._has_currency(entry)]
        payers = {self.customers[entry.record.customer_id][1] for entry in ready}
        self.accounts = accounts_of(self.env, self.ledger.company_id, payers)
        self.batch.isolated(ready, self._write)

    def _customers(self, refs):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT external_id, debtor_partner_id, payer_partner_id FROM dunning_customer
                 WHERE ledger_id = %s AND external_id = ANY(%s)
                """,
                self.ledger.id,
                list(refs),
            )
        )
        return {external_id: (debtor, payer) for external_id, debtor, payer in rows}

    def _has_currency(self, entry):
        if self.currencies.id_of(entry.record.currency):
            return True
        self.batch.set_aside(
            entry,
            self.env._(
                "Currency %(code)s is not known in Odoo. Create it under Accounting, Configuration, Currencies, "
                "then retry.",
                code=entry.record.currency or "?",
            ),
        )
        return False

    def _write(self, entries):
        present = self._present([entry for entry in entries if entry.is_known])
        self.matches = self.matching.states(
            [(entry.entity, entry.external_id) for entry in entries if entry.is_known]
        )
        items = [
            vals
            for entry in entries
            for vals in self._items(entry, (entry.entity, entry.external_id) in present)
        ]
        self.env["dunning.item"]._upsert_external(items)
        self._drop_surplus_installments(
            [entry for entry in entries if entry.entity == "invoice" and entry.is_known]
        )
        self.batch.keep_versions([self._version(entry) for entry in entries])
        Allocations(self.ledger, self.currencies).store([entry.record for entry in entries])
        self.matching.look([entry.external_id for entry in entries if entry.entity == "invoice"])
        self.batch.stored(entries)

    def _version(self, entry):
        record = entry.record
        return (
            entry,
            "live",
            record.customer_id,
            self.currencies.id_of(record.currency),
            _signed_open(record),
            record.rate,
        )

    def _present(self, entries):
        """Return which of the entries have receivables here."""
        if not entries:
            return set()
        return set(
            self.env.execute_query(
                SQL(
                    """
                    SELECT DISTINCT i.entity, i.external_id
                      FROM unnest(%s, %s) AS k (entity, external_id)
                      JOIN dunning_item i
                        ON i.ledger_id = %s AND i.entity = k.entity AND i.external_id = k.external_id
                    """,
                    [entry.entity for entry in entries],
                    [entry.external_id for entry in entries],
                    self.ledger.id,
                )
            )
        )

    # === ITEMS === #

    def _items(self, entry, is_present):
        """Return the values of the entry's receivables: one, or one per instalment, or none worth a row."""
        record = entry.record
        if not is_present and not _is_worth_a_row(record):
            return []
        common = self._common(entry)
        if isinstance(record, records.Payment):
            return [
                common
                | {
                    "kind": "payment",
                    "number": record.reference or record.external_id,
                    "reference": record.reference,
                    "issue_date": record.date,
                    "due_date": record.date,
                    "amount_total": -record.amount,
                    "amount_open": _signed_open(record),
                    "link_url": False,
                }
            ]
        document = common | {
            "number": record.number or self._name_of(record),
            "reference": record.reference or False,
            "issue_date": record.issue_date,
        }
        if isinstance(record, records.Credit):
            return [
                document
                | {
                    "kind": "credit",
                    "due_date": record.issue_date,
                    "amount_total": -record.total,
                    "amount_open": _signed_open(record),
                    "link_url": False,
                }
            ]
        return [
            document
            | {
                "kind": "invoice",
                "installment": position,
                "due_date": due_date,
                "amount_total": total,
                "amount_open": amount_open,
                "link_url": record.link or False,
            }
            for position, (due_date, total, amount_open) in enumerate(_installments(record))
        ]

    def _name_of(self, record):
        """What people call a document without a number: money paid too early or too much has none at its source."""
        if isinstance(record, records.Credit) and record.kind in ("overpayment", "prepayment"):
            company = self.ledger.company_id
            env = self.env(context={**self.env.context, "lang": company.partner_id.lang or self.env.lang})
            name = env._("Overpayment") if record.kind == "overpayment" else env._("Prepayment")
            return record.reference or f"{name} {format_date(env, record.issue_date)}".strip()
        return record.external_id

    def _common(self, entry):
        record = entry.record
        debtor_id, payer_id = self.customers[record.customer_id]
        match = self.matches.get((entry.entity, entry.external_id))
        # An invoice of Odoo's that came back counts there; one that may be waits for a person.
        counted = {"is_open": False} if match == "matched" else {}
        return counted | {
            "ledger_id": self.ledger.id,
            "company_id": self.ledger.company_id.id,
            "origin": self.ledger.vendor,
            "entity": entry.entity,
            "external_id": entry.external_id,
            "installment": 0,
            "account_id": self.accounts[payer_id],
            "partner_id": debtor_id,
            "currency_id": self.currencies.id_of(record.currency),
            "no_followup": record.status == records.UNKNOWN or match in ("proposed", "ambiguous"),
            "source_state": "matched" if match == "matched" else record.status,
            "updated_at": record.updated_at.astimezone(timezone.utc).replace(tzinfo=None),
            "content_hash": entry.hash,
        }

    def _drop_surplus_installments(self, entries):
        """An invoice that came back with fewer instalments has nothing open on the others."""
        if not entries:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE dunning_item i SET amount_open = 0, is_open = FALSE, source_state = 'void', content_hash = ''
                  FROM unnest(%s, %s) AS k (external_id, count)
                 WHERE i.ledger_id = %s AND i.entity = 'invoice' AND i.external_id = k.external_id
                   AND i.installment >= k.count AND i.is_open
                """,
                [entry.external_id for entry in entries],
                [max(1, len(_installments(entry.record))) for entry in entries],
                self.ledger.id,
            )
        )


def _is_worth_a_row(record):
    """Invoices that count, and credits and money that somebody still has to his name."""
    if record.status not in COUNTED:
        return False
    return isinstance(record, records.Invoice) or bool(_signed_open(record))


def _signed_open(record):
    """What is open: positive for claims, negative for credits and unapplied money; nothing on a void document."""
    if record.status not in COUNTED:
        return ZERO
    if isinstance(record, records.Invoice):
        return record.open_amount
    return -(record.open_amount if isinstance(record, records.Credit) else record.unapplied_amount)


def _installments(record):
    """Return `(due date, total, open)` per instalment. Money received covers the earliest instalments first.

    Instalments that do not add up to the total are not believed: the invoice then has its own due date only.
    """
    parts = sorted(record.installments)
    if not parts or sum(amount for _due, amount in parts) != record.total:
        return [(record.due_date, record.total, _signed_open(record))]
    left, rows = _signed_open(record), []
    for due_date, amount in reversed(parts):
        part_open = min(amount, left)
        rows.append((due_date, amount, part_open))
        left -= part_open
    return rows[::-1]

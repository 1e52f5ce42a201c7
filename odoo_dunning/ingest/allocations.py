"""What was set against which invoice, as the paying or crediting record reports it."""

from collections import defaultdict

from odoo.tools import SQL

from .. import lib

records = lib.part("records")


class Allocations:
    """Keeps `dunning.allocation` equal to what each record last reported."""

    def __init__(self, ledger, currencies):
        self.ledger = ledger
        self.env = ledger.env
        self.currencies = currencies

    def store(self, stored):
        """Replace the allocations of these records, and tie those that waited for one of these invoices."""
        carriers = [record for record in stored if not isinstance(record, records.Invoice)]
        if carriers:
            self._replace(carriers)
        self._tie([record.external_id for record in stored if isinstance(record, records.Invoice)])

    def forget(self, keys):
        """Records that are gone set nothing against anything."""
        carriers = [key for key in keys if key[0] in ("credit", "payment")]
        if carriers:
            self._delete([row[0] for row in self._held(carriers)])

    def _replace(self, carriers):
        wanted = {}
        for record in carriers:
            wanted.update(self._wanted(record))
        held = {tuple(key): (row_id, amount) for row_id, amount, *key in self._held(_keys(carriers))}
        gone = [row_id for key, (row_id, amount) in held.items() if wanted.get(key, (None,))[0] != amount]
        self._delete(gone)
        new = [(key, value) for key, value in wanted.items() if key not in held or held[key][1] != value[0]]
        self._insert(new)

    def _wanted(self, record):
        """Return `{key: (amount, currency id)}`: several lines on one invoice and day are one row."""
        if record.status not in (records.OPEN, records.PAID):
            return {}
        sums = defaultdict(int)
        for allocation in record.allocations:
            kind = "credit" if allocation.source_entity == "credit" else "payment"
            day = allocation.date or getattr(record, "date", None) or getattr(record, "issue_date", None)
            key = (
                record.entity,
                record.external_id,
                kind,
                allocation.source_id or record.external_id,
                allocation.invoice_id,
                day,
            )
            sums[key] += allocation.amount
        currency_id = self.currencies.id_of(record.currency)
        return {key: (records.decimal_text(amount), currency_id) for key, amount in sums.items() if amount}

    def _held(self, carriers):
        entities, refs = zip(*carriers, strict=True)
        return self.env.execute_query(
            SQL(
                """
                SELECT a.id, trim_scale(a.amount)::text, a.carrier_entity, a.carrier_ref, a.kind, a.source_ref,
                       a.invoice_ref, a.date
                  FROM unnest(%s, %s) AS k (entity, external_id)
                  JOIN dunning_allocation a
                    ON a.ledger_id = %s AND a.carrier_entity = k.entity AND a.carrier_ref = k.external_id
                """,
                list(entities),
                list(refs),
                self.ledger.id,
            )
        )

    def _delete(self, ids):
        if ids:
            self.env.cr.execute(SQL("DELETE FROM dunning_allocation WHERE id = ANY(%s)", ids))
            self.env["dunning.allocation"].invalidate_model()

    def _insert(self, rows):
        if not rows:
            return
        items = self._items({key[4] for key, _value in rows})
        self.env.cr.execute_values(
            """
            INSERT INTO dunning_allocation
                        (ledger_id, company_id, carrier_entity, carrier_ref, kind, source_ref, invoice_ref, date,
                         amount, currency_id, item_id)
                 VALUES %s
            """,
            [
                (self.ledger.id, self.ledger.company_id.id, *key, amount, currency_id, items.get(key[4]))
                for key, (amount, currency_id) in rows
            ],
            template="(%s, %s, %s, %s, %s, %s, %s, %s, %s::numeric, %s, %s)",
            page_size=1000,
        )
        self.env["dunning.allocation"].invalidate_model()

    def _items(self, invoice_refs):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT external_id, id FROM dunning_item
                 WHERE ledger_id = %s AND entity = 'invoice' AND installment = 0 AND external_id = ANY(%s)
                """,
                self.ledger.id,
                list(invoice_refs),
            )
        )
        return dict(rows)

    def _tie(self, invoice_refs):
        if not invoice_refs:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE dunning_allocation a SET item_id = i.id
                  FROM dunning_item i
                 WHERE a.ledger_id = %s AND a.item_id IS NULL AND a.invoice_ref = ANY(%s)
                   AND i.ledger_id = a.ledger_id AND i.entity = 'invoice' AND i.installment = 0
                   AND i.external_id = a.invoice_ref
                """,
                self.ledger.id,
                invoice_refs,
            )
        )
        self.env["dunning.allocation"].invalidate_model(["item_id"])


def _keys(carriers):
    return [(record.entity, record.external_id) for record in carriers]

"""Customers of a ledger: found among Odoo's contacts or made, kept up to date, and who is billed for whom."""

import json
from collections import Counter

from odoo.tools import SQL

from ..bulk import moved
from .accounts import accounts_of
from .partners import Partners
from .persons import Persons


class Customers:
    """Stores customer entries of a `Batch`."""

    def __init__(self, batch):
        self.batch = batch
        self.ledger = batch.ledger
        self.env = batch.env
        self.partners = Partners(batch.ledger)
        self.persons = Persons(self.partners.model)

    def store(self, entries):
        """Bind each to a contact; then settle who pays, and move receivables where that changed."""
        if not entries:
            return
        bound = self._bound([entry.external_id for entry in entries])
        self.batch.isolated([entry for entry in entries if entry.external_id not in bound], self._bind_new)
        self.batch.isolated(
            [entry for entry in entries if entry.external_id in bound],
            lambda known: self._update(known, bound),
        )
        self._settle_payers([entry.external_id for entry in entries])
        self.env["dunning.customer"].invalidate_model()

    def _bound(self, refs):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT external_id, partner_id, source_values, source_contacts FROM dunning_customer
                 WHERE ledger_id = %s AND external_id = ANY(%s)
                """,
                self.ledger.id,
                refs,
            )
        )
        return {
            external_id: (partner_id, values or {}, persons or [])
            for external_id, partner_id, values, persons in rows
        }

    def _bind_new(self, entries):
        matched = self._matches(entries)
        written = {entry.external_id: self.partners.values(entry.record) for entry in entries}
        unmatched = [entry for entry in entries if entry.external_id not in matched]
        created = self.partners.make([(entry.record, written[entry.external_id]) for entry in unmatched])
        partner_ids = matched | {
            entry.external_id: partner.id for entry, partner in zip(unmatched, created, strict=True)
        }
        self._write(
            # A matched contact belongs to the user: nothing in it came from the ledger.
            [
                (
                    entry,
                    partner_ids[entry.external_id],
                    {} if entry.external_id in matched else written[entry.external_id],
                    [],
                )
                for entry in entries
            ]
        )

    def _matches(self, entries):
        """Return `{external id: partner id}` where exactly one contact fits and no other customer has it."""
        if self.ledger.partner_match == "none":
            return {}
        matched = self.partners.find([entry.record for entry in entries])
        wanted = Counter(matched.values())
        taken = self._taken(list(wanted))
        return {
            ref: partner for ref, partner in matched.items() if wanted[partner] == 1 and partner not in taken
        }

    def _taken(self, partner_ids):
        rows = self.env.execute_query(
            SQL(
                "SELECT partner_id FROM dunning_customer WHERE ledger_id = %s AND partner_id = ANY(%s)",
                self.ledger.id,
                partner_ids,
            )
        )
        return {partner_id for (partner_id,) in rows}

    def _update(self, entries, bound):
        self.partners.prefetch([bound[entry.external_id][0] for entry in entries])
        rows = []
        for entry in entries:
            partner_id, last_written, persons = bound[entry.external_id]
            written = self.partners.update(partner_id, entry.record, last_written)
            rows.append((entry, partner_id, written, persons))
        self._write(rows)

    def _write(self, rows):
        """Upsert the bindings and remember the versions.

        `rows`: (entry, partner id, values the ledger wrote, persons it wrote last time)
        """
        persons = self.persons.store(
            [(partner_id, entry.record, held) for entry, partner_id, _, held in rows]
        )
        self.env.cr.execute_values(
            """
            INSERT INTO dunning_customer AS c
                        (ledger_id, company_id, external_id, name, is_active_at_source, partner_id, parent_ref,
                         bill_with_parent, merged_into_ref, reported_balances, source_values, source_contacts,
                         create_uid, write_uid, create_date, write_date)
                 VALUES %s
            ON CONFLICT (ledger_id, external_id) DO UPDATE
                    SET name = excluded.name, is_active_at_source = excluded.is_active_at_source,
                        parent_ref = excluded.parent_ref, bill_with_parent = excluded.bill_with_parent,
                        merged_into_ref = excluded.merged_into_ref, reported_balances = excluded.reported_balances,
                        source_values = excluded.source_values, source_contacts = excluded.source_contacts,
                        write_uid = excluded.write_uid, write_date = excluded.write_date
            """,
            [
                self._row(entry, partner_id, written, people)
                for (entry, partner_id, written, _held), people in zip(rows, persons, strict=True)
            ],
            template="(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now() AT TIME ZONE 'UTC',"
            " now() AT TIME ZONE 'UTC')",
            page_size=1000,
        )
        entries = [row[0] for row in rows]
        self.batch.keep_versions([(entry, "live", None, None, None, None) for entry in entries])
        self.batch.stored(entries)

    def _row(self, entry, partner_id, written, persons):
        record = entry.record
        balances = {currency: str(amount) for currency, amount in record.balances}
        return (
            self.ledger.id,
            self.ledger.company_id.id,
            record.external_id,
            record.name,
            record.active,
            partner_id,
            record.parent_id,
            record.bill_with_parent,
            record.merged_into,
            json.dumps(balances),
            json.dumps(written),
            json.dumps(persons) if persons else None,
            self.env.uid,
            self.env.uid,
        )

    # === WHO PAYS === #

    def _settle_payers(self, refs):
        """Set debtor and payer of these customers and of all that hang on them; move receivables where changed."""
        family = self._family(refs)
        by_ref = {row[1]: row for row in family}
        changed, merged = [], {}
        for row_id, ref, _partner, debtor_was, payer_was, _parent, _is_billed, merged_into in family:
            debtor, payer = _debtor_and_payer(ref, by_ref)
            if (debtor, payer) != (debtor_was, payer_was):
                changed.append((row_id, debtor, payer, debtor_was is not None))
            if merged_into and debtor_was and debtor != debtor_was:
                merged[debtor_was] = debtor
        if not changed:
            return
        self.env.cr.execute_values(
            """
            UPDATE dunning_customer c SET debtor_partner_id = v.debtor, payer_partner_id = v.payer
              FROM (VALUES %s) AS v (id, debtor, payer) WHERE c.id = v.id
            """,
            [row[:3] for row in changed],
            page_size=1000,
        )
        self._move_items([row_id for row_id, _debtor, _payer, was_settled in changed if was_settled])
        self._join_accounts(merged)

    def _family(self, refs):
        """Rows of the customers, of everybody above them and of everybody below."""
        return self.env.execute_query(
            SQL(
                """
                WITH RECURSIVE family AS (
                    SELECT id, external_id, parent_ref, merged_into_ref FROM dunning_customer
                     WHERE ledger_id = %(ledger)s AND external_id = ANY(%(refs)s)
                     UNION
                    SELECT c.id, c.external_id, c.parent_ref, c.merged_into_ref
                      FROM family f JOIN dunning_customer c
                        ON c.ledger_id = %(ledger)s
                       AND (c.external_id IN (f.parent_ref, f.merged_into_ref)
                            OR c.parent_ref = f.external_id OR c.merged_into_ref = f.external_id)
                )
                SELECT c.id, c.external_id, c.partner_id, c.debtor_partner_id, c.payer_partner_id, c.parent_ref,
                       c.bill_with_parent, c.merged_into_ref
                  FROM dunning_customer c JOIN family USING (id)
                """,
                ledger=self.ledger.id,
                refs=refs,
            )
        )

    def _move_items(self, customer_ids):
        """Receivables follow their customer to the account that is billed for it."""
        if not customer_ids:
            return
        payers = self.env.execute_query(
            SQL(
                "SELECT DISTINCT payer_partner_id FROM dunning_customer WHERE id = ANY(%s) AND EXISTS ("
                "SELECT 1 FROM dunning_ledger_record r WHERE r.ledger_id = dunning_customer.ledger_id"
                " AND r.customer_ref = dunning_customer.external_id AND r.entity <> 'customer')",
                customer_ids,
            )
        )
        accounts = accounts_of(self.env, self.ledger.company_id, [row[0] for row in payers])
        if not accounts:
            return
        self.env.cr.execute_values(
            """
            UPDATE dunning_item i SET partner_id = c.debtor_partner_id, account_id = v.account_id
              FROM (VALUES %s) AS v (partner_id, account_id), dunning_customer c, dunning_ledger_record r
             WHERE c.id = ANY(ARRAY[{ids}]) AND c.payer_partner_id = v.partner_id
               AND r.ledger_id = c.ledger_id AND r.customer_ref = c.external_id
               AND i.ledger_id = r.ledger_id AND i.entity = r.entity AND i.external_id = r.external_id
            """.replace("{ids}", ", ".join(str(int(one)) for one in customer_ids)),
            list(accounts.items()),
        )
        self.env["dunning.item"].invalidate_model()
        moved.follow(self.env, accounts.values())

    def _join_accounts(self, merged):
        """The account of a customer that was merged at the source joins that of the other, with what stops messages and
        when the last one left, unless receivables of its own stay on it.

        :param merged: `{partner id: partner id it was merged into}`
        """
        if not merged:
            return
        partners = self.env["res.partner"].sudo().browse({*merged, *merged.values()})
        owners = {partner.id: partner.commercial_partner_id.id for partner in partners}
        found = (
            self.env["dunning.account"]
            .sudo()
            .search(
                [("company_id", "=", self.ledger.company_id.id), ("partner_id", "in", list(owners.values()))]
            )
        )
        accounts = {account.partner_id.id: account for account in found}
        for was, now in merged.items():
            gone, kept = accounts.get(owners[was]), accounts.get(owners[now])
            if gone and kept and gone != kept and not gone.item_ids:
                kept._join(gone)


def _debtor_and_payer(ref, by_ref):
    """Follow merges, then parents who are billed. A ring of links at the source ends where it closes."""
    debtor = _end_of(ref, by_ref, lambda row: row[7])
    payer = _end_of(debtor, by_ref, lambda row: row[7] or (row[5] if row[6] else None))
    return by_ref[debtor][2], by_ref[payer][2]


def _end_of(ref, by_ref, step):
    seen = {ref}
    while True:
        following = step(by_ref[ref])
        if not following or following in seen or following not in by_ref:
            return ref
        seen.add(following)
        ref = following

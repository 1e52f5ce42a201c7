"""One delivery of wire records: read, compare with the versions held, store what is new, set aside what cannot be."""

from collections import namedtuple
from datetime import timezone

import psycopg2
from odoo.exceptions import UserError
from odoo.tools import SQL, mute_logger

from .. import lib, secrets
from .customers import Customers
from .documents import Documents
from .reading import Unreadable, read
from .removals import Removals

records = lib.part("records")

# A record on its way in: where it belongs, itself, its content hash, the wire it came in, whether it was known.
Entry = namedtuple("Entry", "entity external_id record hash wire is_known")
Version = namedtuple("Version", "updated_at hash state")

# What one bad record can raise. Anything about the connection or concurrency goes to the caller, who tries again.
RECORD_FAULTS = (psycopg2.DataError, psycopg2.IntegrityError, UserError, ValueError, ArithmeticError)


class Batch:
    """Takes records in for one ledger (a `dunning.ledger` as the system user).

    Promises: replay writes nothing; an older version never replaces a newer one, in whatever order they come; one
    instant with other content counts as the later state; a document waits for its customer.
    """

    def __init__(self, ledger):
        self.ledger = ledger
        self.env = ledger.env
        self.counts = {"stored": 0, "unchanged": 0, "stale": 0, "parked": [], "quarantined": []}

    # === THE WAY IN === #

    def take(self, wires):
        """Store the records; return the counts of `sync_ingest`."""
        fresh = self._unseen(self._newest(wires))
        customers = [entry for entry in fresh if entry.entity == "customer"]
        Customers(self).store(customers)
        waiting = self._called_for([entry.external_id for entry in customers])
        documents = [entry for entry in fresh if entry.entity not in ("customer", "tombstone")]
        Documents(self).store(documents + waiting)
        Removals(self).bury([entry for entry in fresh if entry.entity == "tombstone"])
        return self.counts

    def bury_held(self):
        """Apply the removals that were held back for a person's word."""
        Removals(self).bury_held()

    def revive_held(self):
        """Undo the removals that were held back: the records count again."""
        Removals(self).revive_held()

    def _newest(self, wires):
        """Read the wires; of several versions of one record in this delivery the newest is left."""
        newest = {}
        for wire in wires:
            try:
                record = read(wire)
            except Unreadable as fault:
                self.set_aside_wire(wire, fault.cause)
                continue
            entry = Entry(
                record.entity,
                record.external_id,
                record,
                wire.get("hash") or records.content_hash(wire),
                wire,
                False,
            )
            key = _key(entry)
            other = newest.get(key)
            verdict = other and records.version_verdict(
                other.record.updated_at, other.hash, record.updated_at, entry.hash
            )
            if verdict in ("stale", "unchanged"):
                self.counts[verdict] += 1
            else:
                newest[key] = entry
        return newest

    def _unseen(self, newest):
        """Leave out what is held already, in this version or a newer one."""
        if not newest:
            return []
        held = self._versions(newest)
        fresh, touched = [], []
        for key, entry in newest.items():
            version = held.get(key)
            verdict = "store" if version is None else self._verdict(version, entry)
            if verdict == "store":
                fresh.append(entry._replace(is_known=version is not None))
            elif verdict == "touched":
                touched.append((*key, _naive(entry.record.updated_at)))
                self.counts["unchanged"] += 1
            else:
                self.counts[verdict] += 1
        self._touch(touched)
        return fresh

    @staticmethod
    def _verdict(version, entry):
        new_at = _naive(entry.record.updated_at)
        is_removed = version.state in ("held", "gone")
        if entry.entity == "tombstone":
            if is_removed:
                return "unchanged"
            return "stale" if new_at < version.updated_at else "store"
        if is_removed:
            # Only a version made after the removal brings a record back.
            return "store" if new_at > version.updated_at else "stale"
        return records.version_verdict(version.updated_at, version.hash, new_at, entry.hash)

    def _versions(self, keys):
        entities, ids = zip(*keys, strict=True)
        rows = self.env.execute_query(
            SQL(
                """
                SELECT k.entity, k.external_id, r.known_at, r.content_hash, r.state
                  FROM unnest(%s, %s) AS k (entity, external_id)
            CROSS JOIN LATERAL (
                        SELECT COALESCE(removed_at, updated_at) AS known_at, content_hash, state
                          FROM dunning_ledger_record
                         WHERE ledger_id = %s AND entity = k.entity AND external_id = k.external_id
                         LIMIT 1) r
                """,
                list(entities),
                list(ids),
                self.ledger.id,
            )
        )
        return {(entity, external_id): Version(*version) for entity, external_id, *version in rows}

    def _touch(self, rows):
        if rows:
            self.env.cr.execute_values(
                f"""
                UPDATE dunning_ledger_record r SET updated_at = v.updated_at
                  FROM (VALUES %s) AS v (entity, external_id, updated_at)
                 WHERE r.ledger_id = {int(self.ledger.id)}
                   AND r.entity = v.entity AND r.external_id = v.external_id
                """,
                rows,
                page_size=1000,
            )

    # === VERSIONS === #

    def keep_versions(self, rows):
        """Remember what was taken in: `(entry, state, customer_ref, currency_id, amount_open, rate)` each."""
        self.env.cr.execute_values(
            """
            INSERT INTO dunning_ledger_record AS r
                        (ledger_id, entity, external_id, updated_at, content_hash, state, customer_ref, currency_id,
                         amount_open, rate)
                 VALUES %s
            ON CONFLICT (ledger_id, entity, external_id) DO UPDATE
                    SET updated_at = excluded.updated_at, content_hash = excluded.content_hash,
                        state = excluded.state, removed_at = NULL, customer_ref = excluded.customer_ref,
                        currency_id = excluded.currency_id, amount_open = excluded.amount_open, rate = excluded.rate
            """,
            [
                (
                    self.ledger.id,
                    *_key(entry),
                    _naive(entry.record.updated_at),
                    entry.hash,
                    state,
                    customer_ref,
                    currency_id,
                    amount_open,
                    rate,
                )
                for entry, state, customer_ref, currency_id, amount_open, rate in rows
            ],
            page_size=1000,
        )

    def stored(self, entries):
        """Count what was written, and close its case where it had been set aside."""
        self.counts["stored"] += len(entries)
        self.close_cases(entries)

    def close_cases(self, entries):
        """Nothing of these is set aside or waits any more: they came in, or are gone at the source."""
        keys = [_key(entry) for entry in entries]
        if keys and self._has_set_aside:
            entities, ids = zip(*keys, strict=True)
            self.env.cr.execute(
                SQL(
                    """
                    DELETE FROM dunning_quarantine q
                          USING unnest(%s, %s) AS k (entity, external_id)
                          WHERE q.ledger_id = %s AND q.entity = k.entity AND q.external_id = k.external_id
                    """,
                    list(entities),
                    list(ids),
                    self.ledger.id,
                )
            )
            self.env["dunning.quarantine"].invalidate_model()

    @property
    def _has_set_aside(self):
        """Whether anything of this ledger is set aside: usually nothing, and then nothing has to be closed."""
        return bool(
            self.env.execute_query(
                SQL("SELECT 1 FROM dunning_quarantine WHERE ledger_id = %s LIMIT 1", self.ledger.id)
            )
        )

    # === ONE BAD RECORD COSTS ITSELF ONLY === #

    def isolated(self, entries, write):
        """Run `write(entries)`; when it fails, halve until the bad entries are alone, and set those aside."""
        if not entries:
            return
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                write(entries)
        except RECORD_FAULTS as fault:
            if len(entries) == 1:
                self.set_aside(entries[0], _plain_words(fault))
                return
            middle = len(entries) // 2
            self.isolated(entries[:middle], write)
            self.isolated(entries[middle:], write)

    def set_aside(self, entry, cause):
        self.set_aside_wire(entry.wire, cause)

    def set_aside_wire(self, wire, cause):
        """Quarantine a record with its cause; the payload is kept encrypted."""
        named = wire if isinstance(wire, dict) else {}
        entity = str(named.get("entity") or "unknown")
        external_id = str(named.get("external_id") or "?")
        self.ledger._set_aside([(entity, external_id, cause, wire, True)])
        self.counts["quarantined"].append({"entity": entity, "external_id": external_id, "cause": cause})

    # === CHILDREN BEFORE PARENTS === #

    def park(self, entries):
        """Keep documents whose customer is not here yet; they are taken in with it."""
        self.keep_versions(
            [(entry, "parked", entry.record.customer_id, None, None, None) for entry in entries]
        )
        label = self.env._("Waits for customer %(customer)s of the ledger.", customer="{}")
        self.env.cr.execute_values(
            """
            INSERT INTO dunning_quarantine AS q
                        (ledger_id, company_id, entity, external_id, cause, payload, is_wire, waits_for_ref, state,
                         tries, first_at, last_at)
                 VALUES %s
            ON CONFLICT (ledger_id, entity, external_id) DO UPDATE
                    SET cause = excluded.cause, payload = excluded.payload, is_wire = TRUE,
                        waits_for_ref = excluded.waits_for_ref, state = 'parked', last_at = excluded.last_at
            """,
            [
                (
                    self.ledger.id,
                    self.ledger.company_id.id,
                    *_key(entry),
                    label.format(entry.record.customer_id),
                    secrets.seal_json(self.env, entry.wire),
                    True,
                    entry.record.customer_id,
                )
                for entry in entries
            ],
            template="(%s, %s, %s, %s, %s, %s, %s, %s, 'parked', 1, now() AT TIME ZONE 'UTC',"
            " now() AT TIME ZONE 'UTC')",
        )
        self.env["dunning.quarantine"].invalidate_model()
        self.counts["parked"] += [entry.external_id for entry in entries]

    def _called_for(self, customer_refs):
        """Return the parked documents of customers that have just come in."""
        if not customer_refs or not self._has_set_aside:
            return []
        rows = self.env.execute_query(
            SQL(
                """
                SELECT payload FROM dunning_quarantine
                 WHERE ledger_id = %s AND state = 'parked' AND waits_for_ref = ANY(%s)
                """,
                self.ledger.id,
                list(customer_refs),
            )
        )
        return [
            Entry(record.entity, record.external_id, record, wire["hash"], wire, True)
            for (payload,) in rows
            for wire in [secrets.unseal_json(self.env, payload)]
            for record in [read(wire)]
        ]


def _key(entry):
    if entry.entity == "tombstone":
        return entry.record.target, entry.external_id
    return entry.entity, entry.external_id


def _naive(instant):
    return instant.astimezone(timezone.utc).replace(tzinfo=None)


def _plain_words(fault):
    """The database's or ORM's own sentence, without the values that made it fail."""
    if isinstance(fault, psycopg2.Error):
        return (fault.diag.message_primary or type(fault).__name__).strip()
    return str(fault) or type(fault).__name__

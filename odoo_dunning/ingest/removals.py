"""Records that are gone at the source: held back while they are money, and what follows when they go."""

from datetime import timezone

from odoo.tools import SQL

from .allocations import Allocations
from .currencies import Currencies


class Removals:
    """Takes removed records of a `Batch` out of dunning."""

    def __init__(self, batch):
        self.batch = batch
        self.ledger = batch.ledger
        self.env = batch.env

    def bury(self, entries):
        """Records that are gone at the source. Those with money open wait for the end of the pass: too many at
        once are a question, not an order. Meanwhile they are not dunned."""
        if not entries:
            return
        open_keys = self._open_keys(entries)
        unknown = [entry for entry in entries if not entry.is_known]
        known = [entry for entry in entries if entry.is_known]
        held = [entry for entry in known if (entry.record.target, entry.external_id) in open_keys]
        gone = [entry for entry in known if (entry.record.target, entry.external_id) not in open_keys]
        self._hold(held)
        self.batch.keep_versions([(entry, "gone", None, None, None, None) for entry in gone + unknown])
        self._close([(entry.record.target, entry.external_id) for entry in gone])
        self.batch.stored(gone + held)
        self.batch.close_cases(unknown)
        self.batch.counts["unchanged"] += len(unknown)

    def _open_keys(self, entries):
        return set(
            self.env.execute_query(
                SQL(
                    """
                    SELECT r.entity, r.external_id
                      FROM unnest(%s, %s) AS k (entity, external_id)
                      JOIN dunning_ledger_record r
                        ON r.ledger_id = %s AND r.entity = k.entity AND r.external_id = k.external_id
                     WHERE r.amount_open <> 0 AND r.state IN ('live', 'held')
                    """,
                    [entry.record.target for entry in entries],
                    [entry.external_id for entry in entries],
                    self.ledger.id,
                )
            )
        )

    def _hold(self, entries):
        if not entries:
            return
        self.env.cr.execute_values(
            f"""
            UPDATE dunning_ledger_record r SET state = 'held', removed_at = v.removed_at
              FROM (VALUES %s) AS v (entity, external_id, removed_at)
             WHERE r.ledger_id = {int(self.ledger.id)} AND r.entity = v.entity AND r.external_id = v.external_id
            """,
            [
                (
                    entry.record.target,
                    entry.external_id,
                    entry.record.updated_at.astimezone(timezone.utc).replace(tzinfo=None),
                )
                for entry in entries
            ],
        )
        self._flag_held()

    def _flag_held(self):
        """Receivables whose removal waits are left out of dunning; those of the others are not.

        One that was left out before stays as it is: it has to be so again when the removal is rejected.
        """
        self.env.cr.execute(
            SQL(
                """
                UPDATE dunning_item i SET no_followup = TRUE, source_state = 'removal', content_hash = ''
                  FROM dunning_ledger_record r
                 WHERE r.ledger_id = %s AND r.state = 'held' AND i.ledger_id = r.ledger_id
                   AND i.entity = r.entity AND i.external_id = r.external_id AND i.source_state = 'open'
                   AND NOT i.no_followup
                """,
                self.ledger.id,
            )
        )
        self.env["dunning.item"].invalidate_model()

    def bury_held(self):
        rows = self.env.execute_query(
            SQL(
                """
                UPDATE dunning_ledger_record SET state = 'gone', updated_at = removed_at, removed_at = NULL,
                       amount_open = 0
                 WHERE ledger_id = %s AND state = 'held' RETURNING entity, external_id
                """,
                self.ledger.id,
            )
        )
        self._close(rows)
        self.env["dunning.ledger.record"].invalidate_model()

    def revive_held(self):
        self.env.cr.execute(
            SQL(
                """
                UPDATE dunning_item i SET no_followup = FALSE, source_state = 'open', content_hash = r.content_hash
                  FROM dunning_ledger_record r
                 WHERE r.ledger_id = %s AND r.state = 'held' AND i.ledger_id = r.ledger_id
                   AND i.entity = r.entity AND i.external_id = r.external_id AND i.source_state = 'removal'
                """,
                self.ledger.id,
            )
        )
        self.env.cr.execute(
            SQL(
                "UPDATE dunning_ledger_record SET state = 'live', removed_at = NULL"
                " WHERE ledger_id = %s AND state = 'held'",
                self.ledger.id,
            )
        )
        self.env["dunning.item"].invalidate_model()
        self.env["dunning.ledger.record"].invalidate_model()

    def _close(self, keys):
        """Nothing is open on these any more, nothing is set against anything by them."""
        if not keys:
            return
        entities, ids = zip(*keys, strict=True)
        self.env.cr.execute(
            SQL(
                """
                UPDATE dunning_item i SET amount_open = 0, is_open = FALSE, source_state = 'deleted',
                       content_hash = ''
                  FROM unnest(%s, %s) AS k (entity, external_id)
                 WHERE i.ledger_id = %s AND i.entity = k.entity AND i.external_id = k.external_id
                """,
                list(entities),
                list(ids),
                self.ledger.id,
            )
        )
        self.env["dunning.item"].invalidate_model()
        Allocations(self.ledger, Currencies(self.ledger)).forget(keys)
        gone_customers = [external_id for entity, external_id in keys if entity == "customer"]
        if gone_customers:
            self.env["dunning.customer"].search(
                [("ledger_id", "=", self.ledger.id), ("external_id", "in", gone_customers)]
            ).is_active_at_source = False
            # No total of theirs is reported any more, with which a difference could vanish.
            self.env["dunning.ledger.difference"].search(
                [("ledger_id", "=", self.ledger.id), ("customer_ref", "in", gone_customers)]
            ).unlink()

"""The risk: one connection, record or secret that is broken stops the work on all the others."""

from datetime import timedelta
from unittest.mock import patch

from cryptography.fernet import Fernet
from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..ingest.batch import Batch
from .origin_common import OriginCase


def sealed_with_a_lost_key(text):
    return Fernet(Fernet.generate_key()).encrypt(text.encode()).decode()


@tagged("post_install", "-at_install")
class TestLedgerIsolation(OriginCase):
    def setUp(self):
        super().setUp()
        self.sandbox_there, self.good = self.connected("quickbooks", name="Good")
        self.invoice_there = self.there(self.sandbox_there)
        self.ledger.name = "Unreadable"
        self.token = self.ledger._secrets()
        self.token.answer = sealed_with_a_lost_key("{}")
        now = fields.Datetime.now()
        self.ledger.sudo().next_sync_at = now - timedelta(hours=2)
        self.good.sudo().next_sync_at = now - timedelta(hours=1)
        self.env.flush_all()

    def test_a_secret_that_cannot_be_read_stops_its_own_ledger_only_and_is_told(self):
        self.as_scheduled("dunning.ledger", "_cron_sync")
        self.assertEqual(self.good.sync_ids.mapped("outcome"), ["done"])
        self.assertTrue(self.item(self.good, self.invoice_there))
        self.assertIn("another key", self.ledger.activity_ids.note)
        self.as_scheduled("dunning.ledger", "_cron_sync")
        self.assertEqual(len(self.ledger.activity_ids), 1)

    def test_a_worker_elsewhere_is_told_why_it_cannot_be_read(self):
        self.assertIn("another key", self.ledger.sudo().sync_lease(runner="worker", seconds=60)["blocked"])

    def test_idle_consents_of_the_other_ledgers_are_renewed(self):
        long_ago = fields.Datetime.now() - timedelta(days=30)
        for ledger in (self.ledger, self.good):
            ledger._secrets().refreshed_at = long_ago
        self.as_scheduled("dunning.ledger", "_cron_watch_connections")
        self.assertGreater(self.good._secrets().refreshed_at, long_ago)

    def test_a_connection_whose_secret_is_lost_can_be_disconnected(self):
        self.ledger.action_disconnect()
        self.assertEqual((self.ledger.state, self.token.answer), ("new", False))
        self.assertIn("could not be read", self.ledger.message_ids[0].body)

    def test_a_fault_nobody_thought_of_in_one_pass_is_reported_and_leaves_nothing_half_done(self):
        def half(batch, wires):
            batch.ledger.name = "Half done"
            batch.env.flush_all()
            batch.env.cr.execute("SELECT 1 / 0")

        with (
            patch.object(Batch, "take", half),
            mute_logger("odoo.sql_db", "dunning_connectors.sync"),
        ):
            self.as_scheduled("dunning.ledger", "_cron_sync")
        self.assertEqual(self.good.name, "Good")
        self.assertEqual(self.good.sync_ids.mapped("outcome"), ["failed"])
        self.assertIn("DivisionByZero", self.good.sync_ids.message)
        self.assertFalse(self.good.sudo().lease_key)

    def test_a_write_nobody_can_make_keeps_no_other(self):
        self.good.write_notes = True
        self.take_in(self.good)
        item = self.item(self.good, self.invoice_there)
        base = {
            "ledger_id": self.good.id,
            "kind": "note",
            "external_id": item.external_id,
            "item_id": item.id,
        }
        writes = self.env["dunning.ledger.write"].sudo()
        writes._ask(
            [
                {**base, "key": "note-broken", "payload": {"after_undo": False}},
                {**base, "key": "note-good", "payload": {"text": "Reminder 1.", "after_undo": False}},
            ]
        )
        with mute_logger("odoo.addons.odoo_dunning.models.dunning_ledger_write"):
            self.write_out()
        self.assertEqual(self.writes(self.good).mapped("state"), ["failed", "done"])
        self.assertEqual(len(self.notes(self.sandbox_there, self.invoice_there)), 1)
        self.assertIn("KeyError", self.writes(self.good)[0].cause)

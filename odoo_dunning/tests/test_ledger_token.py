"""The risk: a consent lost because a token was renewed twice, or renewed and not kept; a secret that gets out."""

import json
import logging
import os
import threading
import uuid
from datetime import timedelta
from unittest.mock import patch

from cryptography.fernet import Fernet
from freezegun import freeze_time
from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import AccessError, UserError
from odoo.modules.registry import DummyRLock, Registry
from odoo.tests import BaseCase, get_db_name, new_test_user, tagged
from odoo.tools import mute_logger

from .. import lib, secrets
from .ledger_common import LedgerHttpCase

errors = lib.part("errors")


@tagged("post_install", "-at_install")
class TestLedgerToken(LedgerHttpCase):
    scale = 0

    def setUp(self):
        super().setUp()
        self.quickbooks = self.sandbox("quickbooks")
        self.connected = self.unconnected_ledger(self.quickbooks)
        self.consent(self.connected)
        self.assertEqual(self.connected.state, "connected")
        self.token = self.connected._secrets()

    def refreshes(self):
        return self.quickbooks.request_count("oauth2/v1/tokens/bearer") - 1  # the first was the code

    def test_s01_a_token_renewed_by_somebody_else_is_taken_not_renewed_again(self):
        lease = self.lease(self.connected)
        old = self.token._answer()["access_token"]
        first = self.connected.sync_token(lease=lease, rejected=old)
        self.env.invalidate_all()
        second = self.connected.sync_token(lease=lease, rejected=old)
        self.assertEqual(first, second)
        self.assertNotEqual(first["access_token"], old)
        self.assertEqual(self.refreshes(), 1)

    def test_s02_unknown_and_missing_keys_of_an_answer_cost_nothing(self):
        answer = self.token._answer() | {"from_the_future": {"a": 1}}
        self.token.answer = secrets.seal_json(self.env, answer)
        oauth = lib.part("oauth")
        self.token._keep(oauth.TokenSet("access-2", "", expires_at=fields.Datetime.now().astimezone()))
        kept = self.token._answer()
        self.assertEqual(kept["refresh_token"], answer["refresh_token"])
        self.assertEqual((kept["access_token"], kept["from_the_future"]), ("access-2", {"a": 1}))

    def test_s03_a_withdrawn_consent_asks_once_and_is_shown(self):
        lease = self.lease(self.connected)
        self.quickbooks.oauth.withdraw_consent()
        for _attempt in range(3):
            with self.assertRaisesRegex(errors.Reconnect, "withdrawn or has expired"):
                self.connected.sync_token(lease=lease, rejected=self.token._answer()["access_token"])
            self.env.invalidate_all()
        self.assertEqual(self.refreshes(), 1, "the vendor is asked once, not in a storm")
        self.connected.sync_report(lease, "reconnect", {}, "QuickBooks says the consent was withdrawn.", None)
        self.assertEqual(self.connected.state, "reconnect")
        self.assertEqual(len(self.connected.activity_ids), 1)
        self.assertIn("reconnect needed", self.connected.activity_ids.summary)
        self.assertIn("withdrawn", self.connected.sync_lease(runner="test", seconds=60)["blocked"])

    def test_s03_connecting_again_clears_the_state_and_keeps_the_history(self):
        self.quickbooks.oauth.withdraw_consent()
        self.token.expires_at = fields.Datetime.now()
        self.env.flush_all()
        self.assertIn("blocked", self.connected.sync_lease(runner="test", seconds=60))
        self.env.invalidate_all()
        self.assertEqual(self.connected.state, "reconnect")
        self.consent(self.connected)
        self.assertEqual((self.connected.state, self.connected.state_reason), ("connected", False))
        self.assertFalse(self.connected.activity_ids)
        self.assertIn("lease", self.connected.sync_lease(runner="test", seconds=60))

    def test_s05_an_idle_consent_is_renewed_well_before_it_ends(self):
        for days, expected in ((3, 0), (8, 1)):
            with freeze_time(fields.Datetime.now() + timedelta(days=days)):
                self.token._keep_alive()
            self.assertEqual(self.refreshes(), expected)

    def test_s05_the_hard_end_is_shown_and_warned_of_fourteen_days_ahead_once(self):
        years = (self.connected.hard_end_at - fields.Datetime.now()).days / 365
        self.assertEqual(round(years), 5)
        end = fields.Datetime.now() + timedelta(days=60)
        self.token.write({"hard_end_at": end, "refresh_expires_at": end + timedelta(days=60)})
        self.env.invalidate_all()
        for days_left, warnings in ((15, 0), (13, 1), (12, 1)):
            with freeze_time(end - timedelta(days=days_left)):
                self.connected._warn_of_hard_end()
            self.assertEqual(len(self.connected.activity_ids), warnings)

    def test_s27_no_secret_is_readable_through_the_orm_by_anybody(self):
        answer = self.token._answer()
        secrets_here = ("sandbox-secret", answer["access_token"], answer["refresh_token"])
        admin = self.env.ref("base.user_admin")
        self.manager.group_ids += self.env.ref("base.group_allow_export")
        for user in (self.manager, admin):
            ledger = self.connected.with_user(user)
            shown = json.dumps(
                [ledger.read(), ledger.export_data(["name", "client_secret", "webhook_key"])], default=str
            )
            for secret in secrets_here:
                self.assertNotIn(secret, shown)
            for model, name in (
                ("dunning.ledger.token", "answer"),
                ("dunning.ledger.token", "client_secret"),
            ):
                with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
                    self.env[model].with_user(user).search_read([], [name])
            with self.assertRaises(AccessError):
                ledger.read(["token_ids"])
            with self.assertRaises(AccessError):
                ledger.read(["lease_key"])

    def test_s27_secrets_are_encrypted_in_the_database(self):
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT client_secret, answer FROM dunning_ledger_token WHERE id = %s", [self.token.id]
        )
        stored = "".join(self.env.cr.fetchone())
        self.assertNotIn("sandbox-secret", stored)
        self.assertNotIn(self.token._answer()["refresh_token"], stored)

    def test_s27_a_pass_logs_no_token_and_no_secret(self):
        answer = self.token._answer()
        with self.assertLogs(level=logging.DEBUG) as logs:
            logging.getLogger(__name__).info("start")
            self.run_pass(self.connected)
        written = "\n".join(logs.output)
        for secret in (answer["access_token"], answer["refresh_token"], "sandbox-secret"):
            self.assertNotIn(secret, written)

    def test_without_a_key_nothing_is_stored_and_the_message_says_how_to_get_one(self):
        with patch.dict(os.environ, {"ODOO_DUNNING_KEY": ""}):
            with self.assertRaisesRegex(UserError, "(?s)Fernet.generate_key.*ODOO_DUNNING_KEY"):
                self.connected.write({"client_secret": "other"})
            with self.assertRaisesRegex(UserError, "ODOO_DUNNING_KEY"):
                self.connected.action_connect()
        with (
            patch.dict(os.environ, {"ODOO_DUNNING_KEY": "too short"}),
            self.assertRaisesRegex(UserError, "32 bytes"),
        ):
            self.connected.action_connect()

    def test_a_key_can_be_replaced_without_losing_a_connection(self):
        former, new = os.environ["ODOO_DUNNING_KEY"], Fernet.generate_key().decode()
        answer = self.token._answer()
        with patch.dict(os.environ, {"ODOO_DUNNING_KEY": f"{new},{former}"}):
            self.env["dunning.ledger.token"]._rotate_keys()
        with patch.dict(os.environ, {"ODOO_DUNNING_KEY": new}):
            self.assertEqual(self.token._answer(), answer)
            self.assertEqual(self.token._client_secret(), "sandbox-secret")
        with self.assertRaisesRegex(UserError, "another key"):
            self.token._answer()

    def test_a_stored_secret_is_never_sent_to_another_server(self):
        fresh = self.unconnected_ledger(self.quickbooks, name="Not connected yet")
        fresh.write({"endpoint_url": "http://127.0.0.1:9"})
        self.assertFalse(fresh.has_client_secret)
        with self.assertRaisesRegex(UserError, "stay as they are"):
            self.connected.write({"endpoint_url": "http://127.0.0.1:9"})

    def test_a_copied_database_does_not_use_up_the_originals_consent(self):
        self.env["ir.config_parameter"].set_param("database.uuid", "of the copy")
        self.env.flush_all()
        answer = self.connected.sync_lease(runner="test", seconds=60)
        self.assertIn("This database is a copy", answer["blocked"])
        self.assertEqual(self.refreshes(), 0)

    def test_o3_a_workers_key_that_ends_soon_is_warned_of_once(self):
        bot = new_test_user(self.env, "sync_bot", "odoo_dunning.group_sync_bot")
        self.ledger.action_pause()
        for days_left, warnings in ((30, 0), (10, 1)):
            ends = fields.Datetime.now() + timedelta(days=days_left)
            self.env["res.users.apikeys"].with_user(bot).sudo()._generate("rpc", f"worker {days_left}", ends)
            for _day in range(2):
                self.env["dunning.ledger"]._warn_of_worker_keys()
            self.assertEqual(len(self.connected.activity_ids), warnings)
        self.assertIn("worker 10", self.connected.activity_ids.summary)

    def test_disconnecting_ends_the_consent_at_the_vendor_and_keeps_the_history(self):
        refresh_token = self.token._answer()["refresh_token"]
        self.connected.action_disconnect()
        self.assertIsNone(self.quickbooks.oauth.grant_of_refresh_token(refresh_token))
        self.assertEqual((self.connected.state, self.token.answer), ("new", False))
        self.assertEqual(self.connected.organisation_ref, self.quickbooks.company.id)
        self.assertIn("not connected", self.connected.sync_lease(runner="test", seconds=60)["blocked"])

    def test_a_consent_that_cannot_be_withdrawn_is_not_said_to_be_and_ends_here_all_the_same(self):
        refresh_token = self.token._answer()["refresh_token"]
        self.token.client_secret = secrets.seal(self.env, "the secret of yesterday")
        self.connected.action_disconnect()
        self.assertIsNotNone(self.quickbooks.oauth.grant_of_refresh_token(refresh_token))
        self.assertEqual((self.connected.state, self.token.answer), ("new", False))
        said = self.connected.message_ids[0].body
        self.assertIn("not withdrawn at the vendor (QuickBooks does not know this app or its secret", said)
        self.assertIn("remove the app there", said)

    def test_nobody_sets_state_or_organisation_by_hand(self):
        user = new_test_user(self.env, "sly_manager", "odoo_dunning.group_manager")
        for values in (
            {"organisation_ref": "other"},
            {"state": "connected"},
            {"cursors": {}},
            {"next_sync_at": False},
        ):
            with self.assertRaises(AccessError):
                self.connected.with_user(user).write(values)


@tagged("post_install", "-at_install")
class TestLedgerTokenRace(BaseCase):
    """Real transactions: what two workers do to one expired token."""

    def setUp(self):
        super().setUp()
        environment = patch.dict(os.environ, {"ODOO_DUNNING_KEY": Fernet.generate_key().decode()})
        environment.start()
        self.addCleanup(environment.stop)
        self.registry = Registry(get_db_name())
        # Tests run inside the loading of the registry, whose lock would keep the workers' threads waiting.
        lock = patch.object(Registry, "_lock", DummyRLock())
        lock.start()
        self.addCleanup(lock.stop)
        self.sandbox = lib.part("sandbox.server").Sandbox("quickbooks", scale=0).start()
        self.addCleanup(self.sandbox.stop)
        given = self.sandbox.grant()
        with self.registry.cursor() as cr:
            ledger = self.in_transaction(cr)["dunning.ledger"].create(
                {
                    "name": "Race",
                    "environment": "sandbox",
                    "endpoint_url": self.sandbox.base_url,
                    "client_id": "sandbox-client",
                    "client_secret": "sandbox-secret",
                }
            )
            oauth = lib.part("oauth")
            ledger._secrets()._keep(
                oauth.TokenSet(
                    given["access_token"],
                    given["refresh_token"],
                    expires_at=fields.Datetime.now().astimezone(),
                )
            )
            ledger._connected(f"race-{uuid.uuid4()}", "Race Inc.")
            self.ledger_id, self.token_id = ledger.id, ledger._secrets().id
        self.addCleanup(self.remove)

    @classmethod
    def _request_handler(cls, session, request, /, **options):
        options["timeout"] = 30
        return super()._request_handler(session, request, **options)

    def in_transaction(self, cr):
        return api.Environment(cr, SUPERUSER_ID, {})

    def remove(self):
        with self.registry.cursor() as cr:
            for table in ("dunning_ledger_sync", "dunning_ledger_token"):
                cr.execute(f"DELETE FROM {table} WHERE ledger_id = %s", [self.ledger_id])
            cr.execute(
                "DELETE FROM mail_message WHERE model = 'dunning.ledger' AND res_id = %s", [self.ledger_id]
            )
            cr.execute(
                "DELETE FROM mail_followers WHERE res_model = 'dunning.ledger' AND res_id = %s",
                [self.ledger_id],
            )
            cr.execute("DELETE FROM dunning_ledger WHERE id = %s", [self.ledger_id])

    def fresh(self, answers, rejected=""):
        with self.registry.cursor() as cr:
            token = self.in_transaction(cr)["dunning.ledger.token"].browse(self.token_id)
            answers.append(token._fresh(rejected)[0])

    def test_s01_workers_that_find_one_expired_token_renew_it_once(self):
        self.sandbox.faults.order("slow", match="bearer", seconds=0.5)
        answers = []
        workers = [threading.Thread(target=self.fresh, args=(answers,)) for _number in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        self.assertEqual(len(answers), 4)
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(self.sandbox.oauth.refresh_count, 1)

    def test_s02_the_renewed_token_outlives_a_rollback_of_the_pass(self):
        with self.registry.cursor() as cr:
            ledger = self.in_transaction(cr)["dunning.ledger"].browse(self.ledger_id)
            granted = ledger.sync_lease(runner="crashing", seconds=60)
            self.assertIn("lease", granted)
            cr.rollback()
        with self.registry.cursor() as cr:
            token = self.in_transaction(cr)["dunning.ledger.token"].browse(self.token_id)
            self.assertEqual(token._answer()["access_token"], granted["access_token"])
            self.assertFalse(token.ledger_id.lease_key)

    def test_two_schedulers_at_once_share_a_ledger_by_its_lease(self):
        with self.registry.cursor() as first, self.registry.cursor() as second:
            one = self.in_transaction(first)["dunning.ledger"].browse(self.ledger_id)
            other = self.in_transaction(second)["dunning.ledger"].browse(self.ledger_id)
            self.assertIn("lease", one.sync_lease(runner="first", seconds=60))
            self.assertTrue(other.sync_lease(runner="second", seconds=60)["busy"])
            first.commit()
            second.rollback()
            self.assertEqual(other.sync_lease(runner="second", seconds=60)["runner"], "first")

"""The risk: a worker on another host doubles records, or its key opens more than the sync."""

from datetime import datetime, timedelta
from functools import partial

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .. import lib
from .ledger_common import LedgerHttpCase

json2 = lib.part("gateway.json2")
errors = lib.part("errors")


@tagged("post_install", "-at_install")
class TestLedgerJson2(LedgerHttpCase):
    def setUp(self):
        super().setUp()
        self.bot = new_test_user(self.env, "sync_bot", "odoo_dunning.group_sync_bot")
        self.key = self.key_of(self.bot)
        self.env.flush_all()
        self.odoo = json2.Odoo(self.base_url(), self.env.cr.dbname, self.key, sleep=lambda seconds: None)
        self.remote = json2.Json2Gateway(self.odoo, self.ledger.id)

    def key_of(self, user):
        return (
            self.env["res.users.apikeys"]
            .with_user(user)
            .sudo()
            ._generate("rpc", "sync", datetime.now() + timedelta(days=1))
        )

    def call(self, what, *arguments):
        with self.allow_requests(all_requests=True):
            answer = what(*arguments)
        self.env.invalidate_all()
        return answer

    def test_the_worker_sees_its_ledgers_and_runs_a_pass(self):
        self.assertIn(self.ledger.id, [row["id"] for row in self.call(self.odoo.ledgers)])
        lease = self.call(self.remote.sync_lease, "worker-1", 300)["lease"]
        counts = self.call(self.remote.sync_ingest, lease, [self.customer(), self.invoice(open="60")])
        self.assertEqual(counts["stored"], 2)
        self.assertEqual(self.exact_open("I1"), ["60"])
        self.assertEqual(self.call(self.remote.sync_known, lease, "invoice", None, 10)["next"], None)
        self.call(self.remote.sync_checkpoint, lease, {"a": [1]})
        self.call(self.remote.sync_report, lease, "done", {}, "", None)
        self.assertRecordValues(self.ledger.sync_ids, [{"outcome": "done", "runner": "worker-1"}])

    def test_an_administrator_makes_a_worker_whose_key_syncs_until_its_day(self):
        admin = self.env.ref("base.user_admin")
        wizard = (
            self.env["dunning.ledger.worker"].with_user(admin).create({"name": "Rack 3", "valid_days": 30})
        )
        key = wizard.action_make_key()["context"]["default_key"]
        self.env.flush_all()
        odoo = json2.Odoo(self.base_url(), self.env.cr.dbname, key, sleep=lambda seconds: None)
        self.assertIn(self.ledger.id, [row["id"] for row in self.call(odoo.ledgers)])
        stored = self.env["res.users.apikeys"].search([("name", "=", "Rack 3")])
        self.assertEqual((stored.expiration_date - datetime.now()).days, 29)
        with self.assertRaises(AccessError):
            self.env["dunning.ledger.worker"].with_user(self.manager).create({"name": "Mine"})

    def test_o1_a_delivery_sent_again_after_a_lost_answer_leaves_the_same_records(self):
        lease = self.call(self.remote.sync_lease, "worker-1", 300)["lease"]
        delivery = [self.customer(), self.invoice(), self.payment(against=[("I1", "40")])]
        first = self.call(self.remote.sync_ingest, lease, delivery)
        second = self.call(self.remote.sync_ingest, lease, delivery)
        self.assertEqual((first["stored"], second["stored"], second["unchanged"]), (3, 0, 3))
        self.assertEqual(len(self.items()), 1)
        self.assertEqual(self.env["dunning.allocation"].search_count([("ledger_id", "=", self.ledger.id)]), 1)

    def test_o2_one_bad_record_is_reported_and_the_others_are_stored(self):
        lease = self.call(self.remote.sync_lease, "worker-1", 300)["lease"]
        answer = self.call(
            self.remote.sync_ingest,
            lease,
            [self.customer(), {**self.invoice("B"), "total": "?"}, self.invoice()],
        )
        self.assertEqual(
            (answer["stored"], [bad["external_id"] for bad in answer["quarantined"]]), (2, ["B"])
        )

    @mute_logger("odoo.http")
    def test_a_lost_lease_and_a_dead_consent_keep_their_meaning_over_the_wire(self):
        with self.assertRaises(errors.LeaseLost):
            self.call(self.remote.sync_ingest, "not-the-lease", [])
        lease = self.call(self.remote.sync_lease, "worker-1", 300)["lease"]
        self.ledger._secrets().broken_reason = "withdrawn"
        self.env.flush_all()
        with self.assertRaises(errors.Reconnect):
            self.call(self.remote.sync_token, lease, "access-1")

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_o3_the_bot_can_sync_and_nothing_else(self):
        refused = [
            ("dunning.ledger", "search_read", {"domain": []}),
            ("dunning.ledger", "write", {"ids": [self.ledger.id], "vals": {"name": "mine"}}),
            ("dunning.ledger", "action_disconnect", {"ids": [self.ledger.id]}),
            ("dunning.ledger", "action_confirm_removals", {"ids": [self.ledger.id]}),
            ("dunning.item", "search_read", {"domain": []}),
            ("dunning.customer", "search_read", {"domain": []}),
            ("dunning.quarantine", "search_read", {"domain": []}),
            ("dunning.ledger.token", "search_read", {"domain": []}),
            ("dunning.account", "search_read", {"domain": []}),
            ("account.move", "search_read", {"domain": []}),
            ("res.partner", "create", {"vals_list": {"name": "x"}}),
        ]
        for model, method, arguments in refused:
            with (
                self.subTest(model=model, method=method),
                self.assertRaisesRegex(errors.Stop, "lacks the right"),
            ):
                self.call(partial(self.odoo.call, model, method, **arguments))

    @mute_logger("odoo.http")
    def test_o3_a_key_without_the_role_opens_no_verb(self):
        clerk = new_test_user(self.env, "clerk", "base.group_user")
        odoo = json2.Odoo(self.base_url(), self.env.cr.dbname, self.key_of(clerk), sleep=lambda seconds: None)
        self.env.flush_all()
        for verb in (odoo.ledgers, lambda: json2.Json2Gateway(odoo, self.ledger.id).sync_lease("x", 60)):
            with self.assertRaisesRegex(errors.Stop, "lacks the right"):
                self.call(verb)

    @mute_logger("odoo.http")
    def test_s27_a_manager_is_handed_no_access_token(self):
        odoo = json2.Odoo(
            self.base_url(), self.env.cr.dbname, self.key_of(self.manager), sleep=lambda seconds: None
        )
        self.env.flush_all()
        gateway = json2.Json2Gateway(odoo, self.ledger.id)
        lease = self.call(self.remote.sync_lease, "worker-1", 300)["lease"]
        for verb in (lambda: gateway.sync_lease("worker-1", 60), lambda: gateway.sync_token(lease, "")):
            with self.assertRaisesRegex(errors.Stop, "lacks the right"):
                self.call(verb)

    @mute_logger("odoo.http")
    def test_o3_a_wrong_key_stops_with_a_sentence(self):
        odoo = json2.Odoo(self.base_url(), self.env.cr.dbname, "0" * 40, sleep=lambda seconds: None)
        with self.assertRaisesRegex(errors.Stop, "API key"):
            self.call(odoo.ledgers)

    @mute_logger("odoo.http")
    def test_a_ledger_of_another_company_is_not_there_for_the_bot(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        other = self.connected_ledger("Elsewhere", organisation="realm-7", company_id=elsewhere.id)
        self.env.flush_all()
        self.assertNotIn(other.id, [row["id"] for row in self.call(self.odoo.ledgers)])
        with self.assertRaisesRegex(errors.Stop, "lacks the right"):
            self.call(json2.Json2Gateway(self.odoo, other.id).sync_lease, "x", 60)

    def test_o4_a_hook_and_a_pass_on_one_invoice_end_in_one_row_with_the_newest_version(self):
        lease = self.call(self.remote.sync_lease, "worker-1", 300)["lease"]
        later = datetime.fromisoformat("2026-11-20T13:00:00+00:00")
        self.call(self.remote.sync_ingest, lease, [self.customer(), self.invoice(at=later, open="10")])
        self.ingest(self.invoice(open="100"))
        self.assertEqual(self.exact_open("I1"), ["10"])

"""The risk: a forged notice starts work, a good one gets the hook disabled, or a lost one loses a change."""

import base64
import hashlib
import hmac
import json

from cryptography.fernet import Fernet
from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .ledger_common import LedgerHttpCase

KEY = "hook-key"


@tagged("post_install", "-at_install")
class TestLedgerWebhooks(LedgerHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ledger.webhook_key = KEY
        cls.tenant = "5a0d1c00-0001-4000-8000-000000000001"
        cls.xero = cls.connected_ledger("Xero", organisation=cls.tenant, vendor="xero")
        cls.xero.webhook_key = KEY

    def deliver(self, vendor, body, key=KEY, signature=None):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        header = {"quickbooks": "intuit-signature", "xero": "x-xero-signature"}[vendor]
        signed = signature or base64.b64encode(hmac.new(key.encode(), raw, hashlib.sha256).digest()).decode()
        self.env.flush_all()
        answer = self.url_open(
            f"/dunning/webhook/{vendor}",
            data=raw,
            headers={header: signed, "Content-Type": "application/json"},
            method="POST",
        )
        self.env.invalidate_all()
        return answer

    def waiting(self, ledger):
        events = self.env["dunning.ledger.event"].search([("ledger_id", "=", ledger.id)], order="external_id")
        return [(event.entity, event.external_id) for event in events]

    @staticmethod
    def cloud_event(realm, record_id, kind="invoice.updated"):
        return {
            "specversion": "1.0",
            "id": "88cd52aa-33b6-4351-9aa4-47572edbd068",
            "source": "intuit.sandbox",
            "type": f"qbo.{kind}.v1",
            "time": "2026-11-20T12:00:00Z",
            "intuitentityid": record_id,
            "intuitaccountid": realm,
            "data": {},
        }

    def xero_events(self, *ids):
        return {
            "events": [
                {
                    "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{record_id}",
                    "resourceId": record_id,
                    "tenantId": self.tenant,
                    "tenantType": "ORGANISATION",
                    "eventCategory": "INVOICE",
                    "eventType": "UPDATE",
                    "eventDateUtc": "2026-11-20T12:00:00.000",
                }
                for record_id in ids
            ],
            "firstEventSequence": 1,
            "lastEventSequence": len(ids),
            "entropy": "S0m3r4nd0mt3xt",
        }

    def test_s26_a_forged_notice_is_refused_and_starts_nothing(self):
        self.ledger.next_sync_at = False
        for signature in ("bm90IHRoZSBzaWduYXR1cmU=", "", "ünïcode".encode().decode("latin-1")):
            answer = self.deliver(
                "quickbooks", [self.cloud_event("realm-1", "7")], signature=signature or "x"
            )
            self.assertEqual(answer.status_code, 401)
        self.assertEqual(self.waiting(self.ledger), [])
        self.assertFalse(self.ledger.next_sync_at)

    def test_q08_both_formats_and_several_companies_in_one_delivery(self):
        other = self.connected_ledger("Other", organisation="realm-2")
        other.webhook_key = KEY
        new = [
            self.cloud_event("realm-1", "1"),
            self.cloud_event("realm-2", "2", "payment.deleted"),
            self.cloud_event("realm-9", "3"),
        ]
        old = {
            "eventNotifications": [
                {
                    "realmId": "realm-1",
                    "dataChangeEvent": {
                        "entities": [
                            {
                                "id": "4",
                                "operation": "Void",
                                "name": "Invoice",
                                "lastUpdated": "2026-11-20T12:00:00.000Z",
                            },
                            {
                                "id": "5",
                                "operation": "Create",
                                "name": "Bill",
                                "lastUpdated": "2026-11-20T12:00:00.000Z",
                            },
                        ]
                    },
                }
            ]
        }
        self.assertEqual(self.deliver("quickbooks", new).status_code, 200)
        self.assertEqual(self.deliver("quickbooks", old).status_code, 200)
        self.assertEqual(self.waiting(self.ledger), [("invoice", "1"), ("invoice", "4")])
        self.assertEqual(self.waiting(other), [("payment", "2")])

    def test_s26_replay_and_disorder_are_harmless_and_many_notices_are_one(self):
        for _attempt in range(3):
            self.assertEqual(self.deliver("xero", self.xero_events("b", "a", "b")).status_code, 200)
        self.assertEqual(self.waiting(self.xero), [("invoice", "a"), ("invoice", "b")])
        self.assertTrue(self.xero.next_sync_at)

    def test_x2_the_intent_to_receive_is_answered_empty_and_without_cookies(self):
        answers = [
            self.deliver("xero", self.xero_events()),
            self.deliver("xero", self.xero_events(), key="wrong"),
            self.deliver("xero", self.xero_events()),
        ]
        self.assertEqual([answer.status_code for answer in answers], [200, 401, 200])
        for answer in answers:
            self.assertEqual(answer.content, b"")
            self.assertNotIn("Set-Cookie", answer.headers)

    def test_a_notice_signed_with_another_ledgers_key_does_not_reach_this_one(self):
        other = self.connected_ledger("Other app", organisation="realm-3")
        other.webhook_key = "another-key"
        self.assertEqual(
            self.deliver("quickbooks", [self.cloud_event("realm-1", "1")], key="another-key").status_code, 200
        )
        self.assertEqual(self.waiting(self.ledger), [])

    def test_s26_garbage_that_is_rightly_signed_is_ignored(self):
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'[1, {"type": 5}]',
            b'{"events": {}}',
            b"\xff\xfe",
            b"9" * 10_000,
        ):
            for vendor in ("quickbooks", "xero"):
                self.assertEqual(self.deliver(vendor, body).status_code, 200, body[:20])
        self.assertEqual((self.waiting(self.ledger), self.waiting(self.xero)), ([], []))

    def test_notices_are_forgotten_after_a_good_pass_only(self):
        self.deliver("quickbooks", [self.cloud_event("realm-1", "1")])
        self.ledger.sync_report(self.lease(), "failed", {}, "", None)
        self.assertEqual(self.waiting(self.ledger), [("invoice", "1")])
        self.ledger.sync_report(self.lease(), "done", {}, "", None)
        self.assertEqual(self.waiting(self.ledger), [])

    def test_a_notice_in_the_middle_of_a_pass_is_kept_and_the_next_pass_starts_at_once(self):
        lease = self.lease()
        self.deliver("quickbooks", [self.cloud_event("realm-1", "1")])
        self.ledger.sync_report(lease, "done", {}, "", None)
        self.assertEqual(self.waiting(self.ledger), [("invoice", "1")])
        self.assertLessEqual(self.ledger.next_sync_at, fields.Datetime.now())
        self.ledger.sync_report(self.lease(), "done", {}, "", None)
        self.assertEqual(self.waiting(self.ledger), [])
        self.assertGreater(self.ledger.next_sync_at, fields.Datetime.now())

    def test_notices_beyond_what_a_pass_is_told_wait_for_the_next_one(self):
        self.env["dunning.ledger.event"]._note(
            self.ledger, [("invoice", str(number)) for number in range(1003)]
        )
        answer = self.ledger.sync_lease(runner="test", seconds=300)
        self.assertEqual(len(answer["options"]["refetch"]), 1000)
        self.ledger.sync_report(answer["lease"], "done", {}, "", None)
        self.assertEqual(len(self.waiting(self.ledger)), 3)

    def test_a_key_that_cannot_be_read_keeps_no_other_ledgers_notices_out(self):
        broken = self.connected_ledger("Sealed with a key that is gone", organisation="realm-9")
        former_key = Fernet(Fernet.generate_key())
        broken._secrets().webhook_key = former_key.encrypt(KEY.encode()).decode()
        with mute_logger("odoo.addons.odoo_dunning.controllers.webhooks"):
            answer = self.deliver("quickbooks", [self.cloud_event("realm-1", "7")])
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(self.waiting(self.ledger), [("invoice", "7")])

    def test_a_body_beyond_any_notice_is_refused_unread(self):
        answer = self.deliver("quickbooks", b"[" + b" " * (6 * 1024 * 1024) + b"]")
        self.assertEqual(answer.status_code, 413)

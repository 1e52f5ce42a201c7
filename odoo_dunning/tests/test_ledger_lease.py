"""The risk: two runners work on one ledger, or none does and nobody is told."""

from datetime import timedelta

from odoo import fields
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL

from .. import lib
from .ledger_common import NOW, LedgerCase

errors = lib.part("errors")


@tagged("post_install", "-at_install")
class TestLedgerLease(LedgerCase):
    def ask(self, runner="second", seconds=300):
        return self.ledger.sync_lease(runner=runner, seconds=seconds)

    def test_a_held_ledger_answers_busy_with_the_holders_name(self):
        self.lease()
        answer = self.ask()
        self.assertEqual((answer["busy"], answer["runner"]), (True, "test"))
        self.assertEqual(answer["until"], self.ledger.lease_until.isoformat() + "Z")

    def test_an_expired_lease_is_taken_over_and_its_holder_is_sent_away(self):
        old = self.lease()
        self.ledger.lease_until = fields.Datetime.now() - timedelta(seconds=1)
        new = self.ask()["lease"]
        with self.assertRaises(errors.LeaseLost):
            self.ledger.sync_ingest(lease=old, records=[])
        self.assertEqual(self.ledger.sync_ids.mapped("outcome"), ["running", "lost"])
        self.assertTrue(self.ledger.sync_checkpoint(lease=new, cursors={"invoice": "x"}))
        self.assertEqual(self.ledger.cursors, {"invoice": "x"})

    def test_a_runner_that_comes_back_after_a_crash_gets_its_own_lease_anew(self):
        old = self.lease()
        answer = self.ask(runner="test")
        self.assertNotEqual(answer["lease"], old)

    def test_an_answer_to_a_report_that_got_lost_may_be_asked_for_again(self):
        lease = self.lease()
        for _attempt in range(2):
            self.assertTrue(self.ledger.sync_report(lease, "done", {"calls": 7}, "all read", None))
        self.assertEqual(len(self.ledger.sync_ids), 1)
        self.assertRecordValues(self.ledger.sync_ids, [{"outcome": "done", "message": "all read"}])
        self.assertTrue(self.ledger.last_good_sync_at)
        with self.assertRaises(errors.LeaseLost):
            self.ledger.sync_checkpoint(lease=lease, cursors={})

    def test_s20_a_long_wait_reschedules_and_shows_until_when(self):
        resume_at = fields.Datetime.now() + timedelta(hours=5)
        self.ledger.sync_report(self.lease(), "later", {}, "daily limit", resume_at.isoformat() + "Z")
        self.assertEqual((self.ledger.wait_until, self.ledger.next_sync_at), (resume_at, resume_at))
        answer = self.ask()
        self.assertEqual((answer["busy"], answer["runner"]), (True, "QuickBooks Online"))
        self.assertFalse(self.ledger.last_good_sync_at)

    def test_s20_calls_are_counted_over_all_workers_and_passes_leave_some_to_urgent_reads(self):
        """Intuit: 500 a minute. All workers together use 80 % of them, passes 65 %."""
        lease = self.lease()
        self.assertEqual(self.ledger.sync_calls(lease, 1000, None)["calls"], 325)
        answer = self.ledger.sync_calls(lease, 10, None)
        self.assertEqual(answer["calls"], 0)
        self.assertTrue(1 <= answer["wait_s"] <= 70, answer)
        self.assertEqual(self.ledger._grant_urgent_calls(1000, None)["calls"], 75)
        self.age_calls("granted = jsonb_build_array(jsonb_build_array(0, 400))")
        self.assertEqual(self.ledger.sync_calls(lease, 7, None), {"calls": 7, "wait_s": 0, "day_left": None})

    def test_s20_what_the_vendor_told_one_worker_is_told_the_others_for_an_hour(self):
        lease = self.lease()
        self.ledger.sync_calls(lease, 1, 150)
        self.assertEqual(self.ledger._grant_urgent_calls(1, None)["day_left"], 150)
        self.age_calls("day_left_at = now() AT TIME ZONE 'UTC' - interval '61 minutes'")
        self.assertIsNone(self.ledger._grant_urgent_calls(1, None)["day_left"])

    def age_calls(self, assignment):
        self.env.cr.execute(
            SQL("UPDATE dunning_ledger_calls SET %s WHERE ledger_id = %s", SQL(assignment), self.ledger.id)
        )

    def test_a_failed_pass_tells_the_responsible_person_once(self):
        self.ledger.user_id = new_test_user(self.env, "keeper", "odoo_dunning.group_manager")
        for _attempt in range(2):
            self.ledger.sync_report(self.lease(), "failed", {}, "The books are locked.", None)
        self.assertEqual(len(self.ledger.activity_ids), 1)
        self.assertEqual(self.ledger.activity_ids.user_id, self.ledger.user_id)
        self.assertFalse(self.ledger.last_good_sync_at)

    def test_who_left_is_not_told_but_the_administrator_is(self):
        left = new_test_user(self.env, "left_long_ago", "odoo_dunning.group_manager")
        self.ledger.user_id = left
        left.active = False
        self.ledger.sync_report(self.lease(), "failed", {}, "The books are locked.", None)
        self.assertEqual(self.ledger.activity_ids.user_id, self.env.ref("base.user_admin"))

    def test_paused_and_archived_ledgers_say_so(self):
        self.ledger.action_pause()
        self.assertIn("paused", self.ask()["blocked"])
        self.ledger.action_resume()
        self.ledger.active = False
        self.assertIn("archived", self.ask()["blocked"])

    # === STALENESS === #

    def test_s24_data_that_is_too_old_makes_the_ledger_stale_whatever_its_state(self):
        self.assertEqual(self.env["dunning.ledger"]._stale()[self.ledger.id], None, "never read is stale")
        self.ledger.sync_report(self.lease(), "done", {}, "", None)
        self.assertNotIn(self.ledger.id, self.env["dunning.ledger"]._stale())
        last = fields.Datetime.now() - timedelta(hours=25)
        for state in ("connected", "paused", "reconnect", "new"):
            self.ledger.write({"state": state, "last_good_sync_at": last})
            self.assertEqual(self.env["dunning.ledger"]._stale()[self.ledger.id], last)
            self.assertTrue(self.ledger.is_stale)
        unconnected = self.env["dunning.ledger"].create({"name": "Never connected"})
        self.assertNotIn(unconnected.id, self.env["dunning.ledger"]._stale())

    # === CONTROL TOTALS === #

    def test_s23_totals_that_differ_are_kept_with_their_items_and_vanish_when_they_agree(self):
        self.ingest(
            self.customer(),
            self.customer("C2", name="Beta"),
            self.invoice("I1", open="100"),
            self.credit("N1", open="30"),
        )
        lease = self.ledger.lease_key
        agreed = [
            {"customer_id": "C1", "currency": "USD", "amount": "70"},
            {"customer_id": "C2", "currency": None, "amount": "0"},
        ]
        self.assertEqual(self.ledger.sync_control(lease=lease, totals=agreed), [])
        found = self.ledger.sync_control(
            lease=lease, totals=[{"customer_id": "C1", "currency": None, "amount": "-30.00"}]
        )
        self.assertEqual(
            found,
            [
                {
                    "customer_id": "C1",
                    "currency": None,
                    "reported": "-30.00",
                    "stored": "70",
                    "items": ["I1", "N1"],
                }
            ],
        )
        difference = self.ledger.difference_ids
        self.assertEqual((difference.amount_difference, difference.customer_id.name), (-100, "Acme"))
        self.assertIn("I1", difference.explanation)
        self.assertEqual(difference.item_ids.mapped("external_id"), ["I1", "N1"])
        self.ledger.sync_control(lease=lease, totals=agreed)
        self.assertFalse(self.ledger.difference_ids)

    def test_s23_a_difference_goes_with_a_customer_that_is_gone_at_the_source(self):
        self.ingest(self.customer(), self.invoice())
        self.ledger.sync_control(
            lease=self.ledger.lease_key, totals=[{"customer_id": "C1", "currency": None, "amount": "7"}]
        )
        self.assertTrue(self.ledger.difference_ids)
        self.ingest(self.tombstone("customer", "C1", at=NOW + timedelta(hours=1)))
        self.env.invalidate_all()
        self.assertFalse(self.ledger.difference_ids)

    def test_totals_are_compared_per_currency_and_to_the_last_digit(self):
        self.ingest(
            self.customer(),
            self.invoice("K", currency="KWD", total="1.005", open="1.005"),
            self.invoice("J", currency="JPY"),
        )
        totals = [
            {"customer_id": "C1", "currency": "KWD", "amount": "1.004"},
            {"customer_id": "C1", "currency": "JPY", "amount": "100"},
        ]
        found = self.ledger.sync_control(lease=self.ledger.lease_key, totals=totals)
        self.assertEqual([(row["currency"], row["stored"]) for row in found], [("KWD", "1.005")])

    def test_known_records_are_listed_in_pages_without_the_removed_ones(self):
        self.ingest(
            self.customer(),
            *[self.invoice(f"I{number}") for number in range(5)],
            self.invoice("Z", customer="C9"),
        )
        self.ingest(self.tombstone("invoice", "I3"))
        lease, seen, after = self.ledger.lease_key, [], None
        while True:
            page = self.ledger.sync_known(lease=lease, entity="invoice", after=after, limit=2)
            seen += page["rows"]
            after = page["next"]
            if not after:
                break
        self.assertEqual([row["external_id"] for row in seen], ["I0", "I1", "I2", "I4", "Z"])
        self.assertEqual(
            seen[0],
            {
                "external_id": "I0",
                "updated_at": "2026-11-20T12:00:00Z",
                "open_amount": "100",
                "currency": "USD",
            },
        )

"""The risk: a cent lost, doubled or invented between the ledger's record and the receivable here."""

from datetime import date, timedelta
from decimal import Decimal

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL

from .ledger_common import NOW, LedgerCase, records

HOUR = timedelta(hours=1)


@tagged("post_install", "-at_install")
class TestLedgerIngest(LedgerCase):
    def facts(self):
        """Every row a delivery can write, with its write date: what a replay has to leave as it is."""
        self.env.flush_all()
        tables = (
            "dunning_item",
            "dunning_ledger_record",
            "dunning_customer",
            "dunning_allocation",
            "res_partner",
        )
        return [
            self.env.execute_query(
                SQL("SELECT t.*, t.xmin::text FROM %s t ORDER BY id", SQL.identifier(table))
            )
            for table in tables
        ]

    # === VERSIONS === #

    def test_s08_s12_replay_writes_nothing(self):
        delivery = [
            self.customer(email="a@example.com"),
            self.invoice(open="60"),
            self.payment(against=[("I1", "40")]),
            self.credit(),
        ]
        self.assertEqual(self.ingest(*delivery)["stored"], 4)
        before = self.facts()
        answer = self.ingest(*delivery)
        self.assertEqual((answer["stored"], answer["unchanged"]), (0, 4))
        self.assertEqual(self.facts(), before)

    def test_s10_an_older_version_arriving_late_changes_nothing(self):
        self.ingest(self.customer(), self.invoice(open="0", status="paid"))
        answer = self.ingest(self.invoice(at=NOW - HOUR, open="100"))
        self.assertEqual(answer["stale"], 1)
        self.assertEqual(self.exact_open("I1"), ["0"])

    def test_s10_at_one_instant_other_content_is_the_later_state(self):
        self.ingest(self.customer(), self.invoice(open="100"))
        self.ingest(self.invoice(open="70"))
        self.assertEqual(self.exact_open("I1"), ["70"])

    def test_s10_a_version_between_a_touched_one_and_its_former_is_stale(self):
        self.ingest(self.customer(), self.invoice(open="100"))
        self.assertEqual(self.ingest(self.invoice(at=NOW + 2 * HOUR, open="100"))["unchanged"], 1)
        self.assertEqual(self.ingest(self.invoice(at=NOW + HOUR, open="55"))["stale"], 1)
        self.assertEqual(self.exact_open("I1"), ["100"])

    def test_s10_of_two_versions_in_one_delivery_the_newer_counts_in_either_order(self):
        self.ingest(self.customer())
        old, new = self.invoice(open="100"), self.invoice(at=NOW + HOUR, open="25")
        for ref, pair in (("A", (old, new)), ("B", (new, old))):
            self.ingest(*[{**wire, "external_id": ref, "hash": wire["hash"] + ref} for wire in pair])
            self.assertEqual(self.exact_open(ref), ["25"])

    def test_s11_a_derived_balance_with_the_same_version_is_applied(self):
        self.ingest(self.customer(), self.invoice(open="100"))
        self.ingest(self.invoice(at=NOW + HOUR, open="99.99"))
        self.assertEqual(self.exact_open("I1"), ["99.99"])

    def test_s13_two_ledgers_with_the_same_ids_stay_apart(self):
        other = self.connected_ledger("Other", organisation="realm-2")
        self.ingest(self.customer(), self.invoice(open="10"))
        self.ingest(self.customer(name="Beta"), self.invoice(open="20"), ledger=other)
        self.assertEqual(self.items("I1").amount_open, 10)
        self.assertEqual(self.items("I1", other).amount_open, 20)
        self.assertNotEqual(self.items("I1").account_id, self.items("I1", other).account_id)

    def test_s13_one_organisation_is_connected_once(self):
        with self.assertRaisesRegex(UserError, "already connected as By hand"):
            self.env["dunning.ledger"].create({"name": "Twice", "environment": "sandbox"})._tie(
                "realm-1", "Acme Inc."
            )

    # === PARENTS AND CHILDREN === #

    def test_s14_documents_before_their_customer_wait_and_end_linked(self):
        answer = self.ingest(self.payment(against=[("I1", "40")]), self.invoice(open="60"))
        self.assertEqual(sorted(answer["parked"]), ["I1", "P1"])
        self.assertFalse(self.items())
        self.assertEqual(set(self.ledger.quarantine_ids.mapped("state")), {"parked"})
        self.ingest(self.customer())
        self.assertEqual(self.exact_open("I1"), ["60"])
        allocation = self.env["dunning.allocation"].search([("ledger_id", "=", self.ledger.id)])
        self.assertEqual((allocation.item_id, allocation.amount), (self.items("I1"), 40))
        self.assertFalse(self.ledger.quarantine_ids)

    def test_s14_a_payment_before_its_invoice_ends_linked(self):
        self.ingest(self.customer(), self.payment(against=[("I1", "40")]))
        allocation = self.env["dunning.allocation"].search([("ledger_id", "=", self.ledger.id)])
        self.assertFalse(allocation.item_id)
        self.ingest(self.invoice(open="60"))
        self.assertEqual(allocation.item_id, self.items("I1"))

    def test_s14_a_parked_document_that_changed_meanwhile_comes_in_its_newest_version(self):
        self.ingest(self.invoice(open="100"))
        self.ingest(self.invoice(at=NOW + HOUR, open="30"))
        self.ingest(self.invoice(at=NOW - HOUR, open="90"))
        self.ingest(self.customer())
        self.assertEqual(self.exact_open("I1"), ["30"])

    # === BAD RECORDS === #

    def test_s15_a_malformed_record_costs_itself_only(self):
        broken = [
            {**self.invoice("B1"), "total": "many"},
            {**self.invoice("B2"), "due_date": "2026-13-45"},
            {**self.invoice("B3"), "open_amount": "NaN"},
            {**self.invoice("B4"), "open_amount": "101"},
            {**self.invoice("B5"), "updated_at": "yesterday"},
            {**self.invoice("B6"), "number": 7},
            {**self.invoice("B7"), "currency": "ZZZ"},
            {**self.invoice("B8"), "number": "nul\x00byte"},
            {**self.invoice("B9"), "entity": "spell"},
            {"entity": "invoice", "external_id": "B10"},
            {**self.invoice("B11"), "rate": "0"},
            {**self.invoice("B12"), "total": "1e99999999", "open_amount": "1"},
            {**self.invoice("B13"), "currency": "USDT"},
            {**self.invoice("B14"), "customer_id": "C\x001"},
            {**self.invoice("B15"), "reference": "\ud800"},
            {
                **self.payment("B16"),
                "allocations": [
                    {"source_entity": "payment", "source_id": "B16", "invoice_id": "I\x001", "amount": "40"}
                ],
            },
            {**self.invoice("B17", total="1e15", open="1e15")},
        ]
        answer = self.ingest(self.customer(), *broken, self.invoice("I1"), self.payment("P1"), "not a record")
        self.assertEqual(answer["stored"], 3)
        self.assertEqual(
            {bad["external_id"] for bad in answer["quarantined"]},
            {f"B{number}" for number in range(1, 18)} | {"?"},
        )
        self.assertEqual(self.items().mapped("external_id"), ["I1"])
        causes = {row.external_id: row.cause for row in self.ledger.quarantine_ids}
        self.assertIn("Currency ZZZ is not known in Odoo", causes["B7"])
        self.assertIn("101", causes["B4"])

    def test_s15_an_id_that_cannot_be_stored_or_found_again_costs_its_record_only(self):
        counts = self.ingest(
            self.customer(),
            {**self.invoice(), "external_id": "I\x002"},
            {**self.invoice(), "external_id": "I\ud8003"},
            {**self.invoice("".join(f"{number:x}" for number in range(4000)))},
            {**self.invoice(), "external_id": 5},
            {**self.invoice("I4"), "customer_id": "".join(f"{number:x}" for number in range(4000))},
            self.invoice(),
        )
        self.assertEqual((counts["stored"], len(counts["quarantined"])), (2, 5))
        self.assertEqual(self.items().mapped("external_id"), ["I1"])

    def test_s15_what_could_not_be_read_is_set_aside_whatever_its_id(self):
        bad = [
            {
                "entity": "invoice",
                "external_id": external_id,
                "cause": "Total: it is missing",
                "payload": {"a": 1},
            }
            for external_id in ("1\x00", "1\ud800", "", "7")
        ]
        self.assertTrue(self.ledger.sync_quarantine(lease=self.lease(), bad=bad))
        self.assertIn("7", self.ledger.quarantine_ids.mapped("external_id"))

    def test_s15_a_quarantined_record_comes_in_once_it_is_cured(self):
        self.ingest(self.customer(), {**self.invoice(), "currency": "ZZZ"})
        case = self.ledger.quarantine_ids
        self.ingest({**self.invoice(), "currency": "ZZZ"})
        self.assertEqual((case.tries, case.state), (2, "open"))
        self.env["res.currency"].create({"name": "ZZZ", "symbol": "Z"})
        case.action_retry()
        self.assertEqual(self.items("I1").currency_id.name, "ZZZ")
        self.assertFalse(case.exists())

    def test_s22_what_is_gone_at_the_source_is_set_aside_no_longer(self):
        self.ingest(self.customer(), {**self.invoice(), "currency": "ZZZ"})
        self.ingest(self.tombstone("invoice", "I1", NOW + HOUR))
        self.assertFalse(self.ledger.quarantine_ids)

    def test_s22_a_document_that_was_deleted_while_it_waited_for_its_customer_stays_gone(self):
        self.ingest(self.invoice())
        self.ingest(self.tombstone("invoice", "I1", NOW + HOUR))
        self.ingest(self.customer())
        self.assertFalse(self.ledger.quarantine_ids)
        self.assertFalse(self.items())

    def test_s15_dismissing_wants_a_reason_and_the_record_stays_dismissed(self):
        self.ingest(self.customer(), {**self.invoice(), "currency": "ZZZ"})
        case = self.ledger.quarantine_ids
        with self.assertRaisesRegex(UserError, "say why"):
            case.action_dismiss()
        case.dismiss_reason = "A test company's play money"
        case.action_dismiss()
        self.ingest({**self.invoice(), "currency": "ZZZ"})
        self.assertEqual(case.state, "dismissed")

    def test_s15_an_unknown_status_or_field_is_taken_but_never_dunned(self):
        self.ingest(self.customer(), {**self.invoice(), "status": "REPOSSESSED", "mood": "sunny"})
        item = self.items("I1")
        self.assertEqual((item.no_followup, item.source_state), (True, "unknown"))

    def test_s15_a_known_currency_that_is_off_is_switched_on_with_a_note(self):
        iceland = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "ISK")])
        iceland.active = False
        self.ingest(self.customer(), self.invoice(currency="ISK"))
        self.assertTrue(iceland.active)
        self.assertIn("ISK", self.ledger.sync_ids[:1].note)

    # === AMOUNTS === #

    def test_s16_amounts_arrive_exactly_in_every_currency(self):
        cases = {"JPY": ("1234567", "1234567"), "KWD": ("10.005", "0.001"), "USD": ("1e2", "0.10")}
        self.ingest(self.customer())
        for currency, (total, open_amount) in cases.items():
            self.ingest(self.invoice(currency, currency=currency, total=total, open=open_amount))
            (stored,) = self.exact_open(currency)
            self.assertEqual(Decimal(stored), Decimal(open_amount))

    def test_s17_a_foreign_invoice_keeps_its_rate_and_a_missing_one_stays_missing(self):
        # 937.05 AUD at 0.93705 AUD per NZD are 1,000 NZD (Xero's direction, and Odoo's).
        self.ingest(self.customer())
        self.ingest(self.invoice("A", currency="AUD", total="937.05", open="937.05", rate=Decimal("0.93705")))
        self.ingest(self.invoice("B", currency="AUD"))
        rows = dict(
            self.env.execute_query(
                SQL(
                    "SELECT external_id, round(amount_open / rate, 2)::text FROM dunning_ledger_record"
                    " WHERE ledger_id = %s AND entity = 'invoice'",
                    self.ledger.id,
                )
            )
        )
        self.assertEqual(rows, {"A": "1000.00", "B": None})

    def test_instalments_become_receivables_of_their_own_and_the_earliest_are_paid_first(self):
        parts = (
            (date(2026, 10, 1), Decimal(40)),
            (date(2026, 11, 1), Decimal(30)),
            (date(2026, 12, 1), Decimal(30)),
        )
        self.ingest(self.customer(), self.invoice(open="50", installments=parts))
        self.assertEqual(self.exact_open("I1"), ["0", "20", "30"])
        self.assertEqual(self.items("I1").mapped("due_date"), [due for due, _amount in parts])
        self.ingest(self.invoice(at=NOW + HOUR, open="50"))
        self.assertEqual(self.exact_open("I1"), ["50", "0", "0"])
        self.assertEqual(self.items("I1").mapped("is_open"), [True, False, False])

    def test_instalments_that_do_not_add_up_are_not_believed(self):
        parts = ((date(2026, 10, 1), Decimal(40)), (date(2026, 11, 1), Decimal(40)))
        self.ingest(self.customer(), self.invoice(open="50", installments=parts))
        self.assertEqual(self.exact_open("I1"), ["50"])
        self.assertEqual(self.items("I1").due_date, date(2026, 10, 31))

    def test_money_on_account_and_credits_are_negative_and_close_when_used(self):
        self.ingest(
            self.customer(),
            self.payment("P1", amount="40", unapplied="15", status="open"),
            self.payment("P2", amount="40"),
            self.credit("N1", open="30"),
        )
        self.assertEqual(self.exact_open("P1"), ["-15"])
        self.assertFalse(self.items("P2"), "a payment that is used up is no receivable")
        self.assertEqual(self.exact_open("N1"), ["-30"])
        self.ingest(
            self.payment("P1", at=NOW + HOUR, amount="40"),
            self.credit("N1", at=NOW + HOUR, open="0", status="paid"),
        )
        self.assertEqual(self.items().filtered("is_open"), self.env["dunning.item"])

    # === ALLOCATIONS === #

    def allocations(self):
        found = self.env["dunning.allocation"].search(
            [("ledger_id", "=", self.ledger.id)], order="invoice_ref"
        )
        return [(one.kind, one.source_ref, one.invoice_ref, one.amount) for one in found]

    def test_x5_an_allocation_removed_at_the_source_disappears(self):
        self.ingest(self.customer(), self.payment(amount="60", against=[("I1", "40"), ("I2", "20")]))
        self.assertEqual(self.allocations(), [("payment", "P1", "I1", 40), ("payment", "P1", "I2", 20)])
        self.ingest(
            self.payment(at=NOW + HOUR, amount="60", unapplied="40", status="open", against=[("I2", "20")])
        )
        self.assertEqual(self.allocations(), [("payment", "P1", "I2", 20)])

    def test_an_allocation_with_another_amount_replaces_the_former(self):
        self.ingest(self.customer(), self.payment(against=[("I1", "40")]))
        self.ingest(self.payment(at=NOW + HOUR, against=[("I1", "15"), ("I1", "10")]))
        self.assertEqual(self.allocations(), [("payment", "P1", "I1", 25)])

    def test_a_void_or_deleted_payment_settles_nothing(self):
        self.ingest(
            self.customer(),
            self.payment("P1", against=[("I1", "40")]),
            self.payment("P2", against=[("I2", "9")]),
        )
        self.ingest(
            self.payment("P1", at=NOW + HOUR, against=[("I1", "40")], status="void"),
            self.tombstone("payment", "P2", at=NOW + HOUR),
        )
        self.assertEqual(self.allocations(), [])

    def test_money_without_a_number_has_a_name_people_can_read(self):
        day = date(2026, 11, 2)
        self.ingest(
            self.customer(),
            self.credit("6a524e20-db47", kind="overpayment", number="", issue_date=day),
            self.credit("9485a783-d34f", kind="prepayment", number="", issue_date=day),
            self.credit(
                "8a99ee78-0ba2", kind="prepayment", number="", reference="Deposit fair", issue_date=day
            ),
        )
        numbers = {item.external_id: item.number for item in self.items()}
        self.assertEqual(
            numbers,
            {
                "6a524e20-db47": "Overpayment 11/02/2026",
                "9485a783-d34f": "Prepayment 11/02/2026",
                "8a99ee78-0ba2": "Deposit fair",
            },
        )

    def test_q6_a_payment_record_may_carry_a_credit_note(self):
        allocation = records.Allocation("credit", "N1", "I1", Decimal(30), date(2026, 11, 3))
        wire = records.Payment(
            external_id="P9",
            updated_at=NOW,
            customer_id="C1",
            date=date(2026, 11, 3),
            currency="USD",
            rate=None,
            amount=Decimal(0),
            unapplied_amount=Decimal(0),
            status="paid",
            allocations=(allocation,),
        ).to_wire()
        self.ingest(self.customer(), self.invoice(open="70"), wire)
        self.assertEqual(self.allocations(), [("credit", "N1", "I1", 30)])

    # === REMOVALS === #

    def test_s22_void_and_deleted_documents_have_nothing_open(self):
        self.ingest(self.customer(), self.invoice("I1"), self.invoice("I2"), self.credit("N1"))
        self.ingest(
            self.invoice("I1", at=NOW + HOUR, total="0", open="0", status="void"),
            self.invoice("I2", at=NOW + HOUR, status="deleted"),
            self.credit("N1", at=NOW + HOUR, status="void"),
        )
        self.assertEqual([item.amount_open for item in self.items()], [0, 0, 0])
        self.assertFalse(any(self.items().mapped("is_open")))

    def test_s22_a_document_gone_at_the_source_is_left_alone_at_once_and_closed_with_the_pass(self):
        self.ingest(self.customer(), *[self.invoice(f"I{number}") for number in range(5)])
        self.ingest(self.tombstone("invoice", "I1", at=NOW + HOUR))
        self.assertTrue(self.items("I1").no_followup)
        self.ledger.sync_report(self.ledger.lease_key, "done", {}, "", None)
        self.assertEqual((self.items("I1").is_open, self.items("I1").source_state), (False, "deleted"))
        self.assertEqual(len(self.items().filtered("is_open")), 4)

    def test_a_late_version_does_not_raise_the_dead_but_a_newer_one_does(self):
        self.ingest(self.customer(), self.invoice())
        self.ingest(self.tombstone("invoice", "I1", at=NOW + HOUR))
        self.ledger.sync_report(self.ledger.lease_key, "done", {}, "", None)
        self.assertEqual(self.ingest(self.invoice(at=NOW + HOUR / 2, open="50"))["stale"], 1)
        self.assertFalse(self.items("I1").is_open)
        self.ingest(self.invoice(at=NOW + 2 * HOUR, open="100"))
        self.assertEqual((self.items("I1").is_open, self.items("I1").no_followup), (True, False))
        self.assertEqual(self.exact_open("I1"), ["100"])

    def test_a_removal_known_before_its_record_keeps_it_out(self):
        self.ingest(self.customer(), self.tombstone("invoice", "I1", at=NOW + HOUR))
        self.assertEqual(self.ingest(self.invoice())["stale"], 1)
        self.assertFalse(self.items("I1"))

    def test_s23_a_rejected_removal_makes_nothing_a_claim_that_was_none(self):
        self.ingest(self.customer(), *[self.invoice(f"I{number}") for number in range(9)])
        self.ingest(self.invoice("I9", status="from the future"))
        self.ingest(*[self.tombstone("invoice", f"I{number}", at=NOW + HOUR) for number in range(4, 10)])
        self.ledger.sync_report(self.ledger.lease_key, "done", {}, "", None)
        self.assertEqual(self.ledger.held_count, 6)
        self.ledger.action_reject_removals()
        self.env.invalidate_all()
        self.assertEqual(self.items().filtered("no_followup").mapped("external_id"), ["I9"])
        self.assertEqual(self.items("I9").source_state, "unknown")
        self.assertEqual(self.ingest(self.invoice("I8"))["unchanged"], 1)

    def test_s23_too_many_removals_ask_first_and_are_undone_or_confirmed_by_a_person(self):
        self.ingest(self.customer(), *[self.invoice(f"I{number}") for number in range(20)])
        self.ingest(*[self.tombstone("invoice", f"I{number}", at=NOW + HOUR) for number in range(8)])
        self.ledger.sync_report(self.ledger.lease_key, "done", {}, "", None)
        self.assertEqual((self.ledger.held_count, self.ledger.removal_asked), (8, 8))
        self.assertEqual(len(self.items().filtered("is_open")), 20)
        self.assertEqual(len(self.items().filtered("no_followup")), 8)
        self.assertIn("confirm removals", self.ledger.activity_ids.summary)
        self.ledger.action_reject_removals()
        self.env.invalidate_all()
        self.assertFalse(self.items().filtered("no_followup"))
        self.assertEqual(self.exact_open("I1"), ["100"])
        self.ingest(*[self.tombstone("invoice", f"I{number}", at=NOW + 2 * HOUR) for number in range(8)])
        self.ledger.sync_report(self.ledger.lease_key, "done", {}, "", None)
        self.ledger.action_confirm_removals()
        self.env.invalidate_all()
        self.assertEqual(len(self.items().filtered("is_open")), 12)
        self.assertEqual(self.ledger.held_count, 0)

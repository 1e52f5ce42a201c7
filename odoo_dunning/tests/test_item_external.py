"""Items of other ledgers: stored in bulk, replay and disorder change nothing, bad rows are named."""

from datetime import datetime
from decimal import Decimal

from odoo.tests import tagged

from .common import DunningCase


@tagged("post_install", "-at_install")
class TestItemExternal(DunningCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ledger = cls.env["dunning.ledger"].create(
            {"name": "Books abroad", "vendor": "xero", "environment": "sandbox", "client_id": "id"}
        )
        cls.make_invoice()
        cls.refresh()
        cls.account = cls.account_of(cls.customer)

    def row(self, external_id="INV-1", **vals):
        return {
            "account_id": self.account.id,
            "partner_id": self.customer.id,
            "company_id": self.company.id,
            "origin": "xero",
            "ledger_id": self.ledger.id,
            "entity": "invoice",
            "external_id": external_id,
            "installment": 0,
            "kind": "invoice",
            "number": external_id,
            "reference": None,
            "issue_date": "2026-09-01",
            "due_date": "2026-10-01",
            "currency_id": self.company.currency_id.id,
            "amount_total": Decimal("119.00"),
            "amount_open": Decimal("119.00"),
            "source_state": "open",
            "link_url": "https://ledger.example/INV-1",
            "updated_at": datetime(2026, 11, 1, 8),
            "content_hash": "a",
            **vals,
        }

    def upsert(self, *rows):
        return self.env["dunning.item"]._upsert_external(list(rows))

    def stored(self):
        return self.env["dunning.item"].search([("ledger_id", "=", self.ledger.id)])

    def test_what_the_orm_calls_false_is_stored_as_nothing(self):
        self.upsert(self.row("A", reference=False, due_date=False))

        self.assertRecordValues(self.stored(), [{"reference": False, "due_date": False}])
        self.assertFalse(self.env["dunning.item"].search([("reference", "=", "false")]))

    def test_invoice_without_a_due_date_is_on_the_worklist_until_it_has_one(self):
        self.upsert(self.row("A", due_date=None))
        run = self.propose()
        line = run.line_ids.filtered(lambda one: one.item_id == self.stored())
        self.assertEqual((line.reason_code, self.account.attention), ("no_due_date", "no_due_date"))
        self.assertIn("due date", self.account.attention_step)

        self.upsert(self.row("A", content_hash="b", updated_at=datetime(2026, 11, 2)))
        run.action_propose_now()
        self.assertFalse(self.account.attention)

    def test_new_changed_and_replayed_rows_are_counted(self):
        self.assertEqual(
            self.upsert(self.row("A"), self.row("B")),
            {"inserted": 2, "updated": 0, "unchanged": 0, "stale": 0},
        )
        changed = self.row(
            "A", amount_open=Decimal("19.00"), content_hash="b", updated_at=datetime(2026, 11, 2)
        )

        self.assertEqual(
            self.upsert(changed, self.row("B")), {"inserted": 0, "updated": 1, "unchanged": 1, "stale": 0}
        )
        self.assertEqual(self.stored().filtered(lambda item: item.number == "A").amount_open, 19.0)

    def test_replay_writes_no_row(self):
        rows = [self.row(f"R{number}") for number in range(20)]
        self.upsert(*rows)
        before = self.writes_of("dunning_item")

        self.assertEqual(self.upsert(*rows)["unchanged"], 20)
        self.assertEqual(self.writes_of("dunning_item"), before)

    def test_older_version_never_overwrites_a_newer_one(self):
        self.upsert(self.row(content_hash="new", amount_open="5.00", updated_at=datetime(2026, 11, 3)))

        counts = self.upsert(
            self.row(content_hash="old", amount_open="119.00", updated_at=datetime(2026, 11, 2))
        )

        self.assertEqual(counts["stale"], 1)
        self.assertEqual(self.stored().amount_open, 5.0)

    def test_two_versions_in_one_page_leave_the_newer(self):
        older = self.row(content_hash="1", amount_open="100.00", updated_at=datetime(2026, 11, 1))
        newer = self.row(content_hash="2", amount_open="60.00", updated_at=datetime(2026, 11, 2))

        counts = self.upsert(newer, older)

        self.assertEqual((counts["inserted"], sum(counts.values())), (1, 2))
        self.assertEqual(self.stored().amount_open, 60.0)

    def test_paid_row_closes_its_item_and_keeps_its_level(self):
        self.upsert(self.row())
        self.stored().sudo().write({"level_rank": 2})

        self.upsert(self.row(content_hash="paid", amount_open="0", updated_at=datetime(2026, 11, 5)))

        self.assertRecordValues(self.stored(), [{"is_open": False, "amount_open": 0.0, "level_rank": 2}])

    def test_amounts_keep_every_digit(self):
        self.upsert(self.row(amount_open="0.10", amount_total="123456789012.34"))
        self.env.cr.execute(
            "SELECT amount_total::text, amount_open::text FROM dunning_item WHERE ledger_id = %s",
            [self.ledger.id],
        )

        self.assertEqual(self.env.cr.fetchall(), [("123456789012.34", "0.10")])

    def test_bad_row_is_named_with_its_field(self):
        with self.assertRaisesRegex(ValueError, "invoice INV-9 .*“currency_id” is missing"):
            self.upsert(self.row("INV-9", currency_id=None))
        with self.assertRaisesRegex(ValueError, "“amount_open” is a float"):
            self.upsert(self.row(amount_open=1.1))
        with self.assertRaisesRegex(ValueError, "unknown field “colour”"):
            self.upsert(self.row(colour="red"))

    def test_odoo_refresh_leaves_external_items_alone(self):
        self.upsert(self.row())

        self.refresh()

        self.assertTrue(self.stored().is_open)

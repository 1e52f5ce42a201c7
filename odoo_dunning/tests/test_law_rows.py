"""Law as records: drafts wait for a person, updates leave people's work alone, what cannot be is refused by row."""

import base64
import csv
import io
from datetime import date

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import freeze_time, tagged

from ..engine.law_rows import COLUMNS
from ..law_files import read_shipped
from .charge_common import ChargeCase
from .common import collections_user

HEADER = (
    "id,jurisdiction,debtor_type,rule,value,unit,currency,reference,from_amount,from_is,from_currency,percent_over,"
    "from_message,to_message,requires,valid_from,valid_to,applies_by,source,verified_on,status,note"
)


@tagged("post_install", "-at_install")
class TestLawRows(ChargeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rows = cls.env["dunning.law.row"]

    def row(self, key):
        return self.rows.search([("key", "=", key)])

    def new_half_year(self, **vals):
        return self.rows.create(
            {
                "key": "DE_BASE.2027H1",
                "jurisdiction": "DE",
                "debtor_type": "any",
                "rule": "reference_rate",
                "value": "1.52",
                "unit": "pct",
                "reference": "DE_BASE",
                "valid_from": "2027-01-01",
                "valid_to": "2027-06-30",
                "applies_by": "accrual_day",
                "source": "Bundesbank",
                "verified_on": "2027-01-02",
                "status": "verified",
                **vals,
            }
        )

    def test_a_row_says_what_it_means_and_no_rule_has_a_technical_name(self):
        rules = dict(self.rows._fields["rule"]._description_selection(self.env))
        self.assertEqual(
            [label for label in rules.values() if any(part in label for part in (" min", " max", "_"))], []
        )
        self.assertEqual(rules["penalty_max_count"], "Penalty: how often")
        for key, says in (
            ("AT.b2b.recovery_sum", "40 EUR"),
            ("BE.b2c.notice_start_post", "3 working days"),
            ("BE.b2c.penalty.2", "30 EUR and 10 % of what is above 150 EUR"),
            ("DE.any.allocation_order", "Costs, then interest, then the principal"),
        ):
            self.assertEqual(self.row(key).says, says)
        basis = self.rows.search([("jurisdiction", "=", "DE"), ("rule", "=", "legal_basis")], limit=1)
        self.assertIn("§", basis.says)
        raw = self.rows.search([("unit", "=", "text")]).filtered(lambda row: "_" in row.says or not row.says)
        self.assertEqual(raw.mapped("key"), [])

    def test_every_shipped_row_is_loaded_and_sound(self):
        shipped = [
            cells
            for name in ("reference_rates", "interest_rules", "charge_rules")
            for cells in read_shipped(name)
        ]

        self.assertEqual(self.rows.search_count([("is_shipped", "=", True)]), len(shipped))
        drafts = {cells["id"] for cells in shipped if cells["status"] == "draft"}
        self.assertEqual(set(self.rows.search([("is_in_use", "=", False)]).mapped("key")), drafts)
        # Cells nobody could read have no row: the gaps show, nothing overlaps.
        problems = self.rows.search([("problem", "!=", False)])
        self.assertEqual(set(problems.mapped("rule")), {"reference_rate"})
        self.assertTrue(all("has no row from" in row.problem for row in problems))

    def test_draft_applies_only_once_activated_with_a_note(self):
        """A Belgian recovery sum that nobody checked: no charge, then 40.00."""
        self.row("BE.b2b.recovery_sum").status = "draft"
        invoice = self.make_late()
        self.item_of(invoice).account_id.charge_law = "BE"
        run = self.propose()
        self.assertIn("BE.b2b.recovery_sum", run.notice_ids.charge_note)
        self.assertFalse(self.charges(run, "recovery_sum").filtered("amount"))

        with self.assertRaisesRegex(UserError, "with a note"):
            self.row("BE.b2b.recovery_sum").action_activate()
        self.row("BE.b2b.recovery_sum").action_activate("Read at ejustice.just.fgov.be")
        run.action_propose_now()
        self.assertEqual(self.charges(run, "recovery_sum").amount, 40.0)

        self.row("BE.b2b.recovery_sum").action_deactivate()
        run.action_propose_now()
        self.assertFalse(self.charges(run, "recovery_sum").filtered("amount"))

    def test_update_keeps_activations_and_edited_rows(self):
        self.row("DE.b2c.reminder_fee").action_activate("Read")
        self.row("DE.b2b.recovery_sum").note = "Our own note"
        self.row("FI.b2b.recovery_sum").with_context(tracking_disable=True).write(
            {"value": "39", "is_edited": False}
        )
        self.rows._load_shipped()

        self.assertTrue(self.row("DE.b2c.reminder_fee").is_activated)
        self.assertEqual(self.row("DE.b2b.recovery_sum").note, "Our own note")
        self.assertEqual(self.row("FI.b2b.recovery_sum").value, "40")

    def test_overlap_is_refused_with_both_rows(self):
        with self.assertRaisesRegex(ValidationError, r"DE_BASE\.2026H2 and DE_BASE\.2027H1.*valid_to"):
            self.new_half_year(valid_from="2026-12-31")

    def test_unreadable_row_is_refused_with_field_and_next_step(self):
        for vals, said in (
            ({"value": "1,52"}, r"DE_BASE\.2027H1, field value: '1,52' is not a number"),
            ({"value": "152"}, "field value: 152 is outside -10 to 100"),
            ({"valid_to": "2026-12-01"}, "field valid_to: 2026-12-01 is before"),
            ({"source": False}, "field source: a verified row needs a source"),
            ({"unit": "amount"}, "field unit: 'amount' is not one of pct"),
        ):
            with self.subTest(vals):
                with self.assertRaises(ValidationError) as refused:
                    self.new_half_year(**vals)
                self.assertRegex(str(refused.exception), said)

    def test_gap_is_shown_on_the_rows_beside_it(self):
        self.row("DE_BASE.2020H1").unlink()

        found = self.rows.search([("problem", "!=", False), ("reference", "=", "DE_BASE")])
        self.assertEqual(set(found.mapped("key")), {"DE_BASE.2019H2", "DE_BASE.2020H2"})
        self.assertIn("no row from 2020-01-01 to 2020-06-30", found[0].problem)

    def test_a_new_half_year_is_one_row(self):
        """31 more days at 1.52 + 9 up to 31 January: without the row, no interest; with it, the January days too."""
        self.make_late()
        with freeze_time("2027-01-31 12:00:00"):
            run = self.env["dunning.run"].create({"company_id": self.company.id, "date": date(2027, 1, 31)})
            run.action_propose_now()
            self.assertIn("DE_BASE.2026H2", run.notice_ids.charge_note)

            self.new_half_year()
            run.action_propose_now()
            # 10 × 10.27 + 215 × 10.52, on 1,000, over 36,500.
            self.assertEqual(self.charges(run, "interest").amount, 64.78)

    def test_december_asks_for_new_rates_once(self):
        with freeze_time("2026-11-30"):
            self.rows._cron_remind()
            self.assertFalse(self.rows.search([("activity_ids", "!=", False)]))
        with freeze_time("2026-12-01"):
            self.rows._cron_remind()
            self.rows._cron_remind()
        [activity] = self.row("DE_BASE.2026H2").activity_ids
        self.assertEqual(activity.date_deadline, date(2027, 1, 1))
        self.assertIn("DE_BASE from 2027-01-01", activity.summary)

    def test_series_that_reaches_far_enough_is_not_asked_for(self):
        self.new_half_year()
        with freeze_time("2026-12-01"):
            self.rows._cron_remind()
        self.assertFalse(self.row("DE_BASE.2027H1").activity_ids)

    def test_only_a_manager_touches_the_law(self):
        user = collections_user(self.env, "clerk")
        row = self.row("DE.b2c.reminder_fee").with_user(user)
        self.assertEqual(row.value, "0.76")
        with self.assertRaises(AccessError):
            row.action_activate("Trust me")

    # === IMPORT === #

    def imported(self, *lines):
        text = "\n".join((HEADER, *lines))
        wizard = self.env["dunning.law.import"].create(
            {"file": base64.b64encode(text.encode()), "file_name": "law.csv"}
        )
        wizard.action_compare()
        return wizard

    def test_import_shows_the_difference_then_makes_it(self):
        wizard = self.imported(
            "DE_BASE.2027H1,DE,any,reference_rate,1.77,pct,,DE_BASE,,,,,,,,2027-01-01,2027-06-30,accrual_day,Bundesbank,2027-01-02,verified,",
            "CH.b2b.test,CH,b2b,recovery_sum,5x,amount,CHF,,,,,,,,,2020-01-01,,due_date,,,draft,",
        )
        changes = {line.key: line.change for line in wizard.line_ids}
        self.assertEqual(changes.pop("DE_BASE.2027H1"), "added")
        self.assertEqual(set(changes.values()), {"missing"})
        self.assertIn("CH.b2b.test, field value: '5x' is not a number", wizard.problems)
        self.assertFalse(self.row("DE_BASE.2027H1"))

        wizard.action_apply()
        self.assertEqual(self.row("DE_BASE.2027H1").value, "1.77")
        self.assertTrue(self.row("DE_BASE.2026H2"))

    def test_an_export_from_the_list_comes_back_as_it_is(self):
        rows = self.rows.search([("jurisdiction", "in", ("BE", "DE", "FR"))])
        names = ["key" if name == "id" else name for name in COLUMNS]
        written = io.StringIO()
        csv.writer(written).writerows([names, *rows.export_data(names)["datas"]])
        wizard = self.env["dunning.law.import"].create(
            {"file": base64.b64encode(written.getvalue().encode()), "file_name": "law.csv"}
        )
        wizard.action_compare()
        self.assertFalse(wizard.problems)
        self.assertEqual(wizard.line_ids.mapped("detail"), [])

    def test_an_empty_file_is_said_to_lack_its_columns(self):
        wizard = self.env["dunning.law.import"].create(
            {"file": base64.b64encode(b"\n"), "file_name": "law.csv"}
        )
        wizard.action_compare()
        self.assertIn("lacks the column(s) id", wizard.problems)

    def test_import_changes_a_row_and_says_how(self):
        cells = next(one for one in read_shipped("charge_rules") if one["id"] == "FI.b2b.reminder_fee")
        line = ",".join(f'"{value}"' for value in {**cells, "value": "13"}.values())
        wizard = self.imported(line)
        [changed] = wizard.line_ids.filtered(lambda one: one.change == "changed")
        self.assertEqual(changed.detail, "value: 12 → 13")

        wizard.action_apply()
        self.assertEqual(self.row("FI.b2b.reminder_fee").value, "13")
        self.assertTrue(self.row("FI.b2b.reminder_fee").is_edited)

    def test_file_without_a_column_is_refused_with_its_name(self):
        wizard = self.env["dunning.law.import"].create(
            {"file": base64.b64encode(b"id,value\nx,1\n"), "file_name": "x.csv"}
        )
        wizard.action_compare()
        self.assertIn("lacks the column(s) jurisdiction", wizard.problems)

"""Policies: what cannot work is refused when saved; who gets which; items keep the version they started with."""

from datetime import timedelta

from odoo.addons.mail.tests.common import MailCase
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .common import TODAY, DunningCase


@tagged("post_install", "-at_install")
class TestPolicyChecks(DunningCase):
    def test_levels_out_of_order_are_refused_by_name(self):
        with self.assertRaisesRegex(ValidationError, "Firm reminder.*comes due before .*Friendly reminder"):
            self.firm.delay_days = 5

    def test_two_levels_of_one_rank_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "also the number"):
            self.policy.write({"level_ids": [Command.update(self.firm.id, {"rank": 2})]})

    def test_level_without_text_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "level Firm reminder: there is no text"):
            self.firm.template_key = False

    def test_level_without_channel_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "no channel; choose at least one"):
            self.firm.by_email = False

    def test_negative_gap_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "gap_days is -1"):
            self.policy.gap_days = -1

    def test_filter_of_a_rule_that_cannot_work_is_refused(self):
        for domain in ("[('nonsense', '=', 1)]", "not a list", "[(1, 2"):
            with self.assertRaisesRegex(ValidationError, "the filter cannot be used"):
                self.env["dunning.policy.rule"].create(
                    {"name": "Broken", "policy_id": self.policy.id, "account_domain": domain}
                )


@tagged("post_install", "-at_install")
class TestPolicyChoice(DunningCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.strict = cls.policy.copy({"name": "Strict"})
        cls.lenient = cls.policy.copy({"name": "Lenient"})
        cls.invoice = cls.make_invoice(due_days=10)
        cls.item = cls.item_of(cls.invoice)

    def chosen(self):
        run = self.propose()
        line = self.line_of(run, self.invoice)
        run.action_cancel()
        return line.policy_id, line.policy_reason

    def test_invoice_before_account_before_rule_before_company(self):
        self.assertEqual(self.chosen(), (self.policy, "Default policy of the company."))
        self.env["dunning.policy.rule"].create(
            {
                "name": "Germans",
                "policy_id": self.lenient.id,
                "account_domain": "[('partner_id.country_id.code', '=', 'DE')]",
            }
        )
        self.assertEqual(self.chosen(), (self.lenient, "Policy chosen by the rule “Germans”."))
        self.item.account_id.policy_id = self.strict
        self.assertEqual(self.chosen(), (self.strict, "Policy chosen on the customer."))
        self.item.policy_id = self.lenient
        self.assertEqual(self.chosen(), (self.lenient, "Policy chosen on the invoice."))

    def test_first_rule_that_fits_wins_and_others_fall_through(self):
        rules = self.env["dunning.policy.rule"]
        rules.create(
            {
                "name": "French",
                "sequence": 1,
                "policy_id": self.strict.id,
                "account_domain": "[('partner_id.country_id.code', '=', 'FR')]",
            }
        )
        rules.create(
            {
                "name": "Acme",
                "sequence": 2,
                "policy_id": self.lenient.id,
                "account_domain": "[('partner_id.name', '=', 'Acme')]",
            }
        )
        rules.create({"name": "All", "sequence": 3, "policy_id": self.strict.id, "account_domain": "[]"})

        self.assertEqual(self.chosen()[0], self.lenient)

    def test_company_minimum_is_converted_and_the_policy_may_say_otherwise(self):
        self.company.dunning_min_amount = 150.0
        run = self.propose()
        self.assertEqual(run.line_ids.reason_code, "below_minimum_account")
        run.action_cancel()

        self.policy.minimum_ids = [
            Command.create({"scope": "account", "currency_id": self.company.currency_id.id, "amount": 50.0})
        ]
        self.assertEqual(self.propose().line_ids.reason_code, "notify")

    def test_the_longer_gap_of_company_and_policy_counts(self):
        self.policy.gap_days = 10
        gaps = []
        for company_days in (0, 9, 30):
            self.company.dunning_gap_days = company_days
            gaps.append(self.policy._to_engine(self.company, TODAY).gap_days)

        self.assertEqual(gaps, [10, 10, 30])


@tagged("post_install", "-at_install")
class TestPolicyVersions(DunningCase, MailCase):
    def test_items_in_a_cycle_keep_the_version_they_started_with(self):
        invoice = self.make_invoice(due_days=10)
        self.send_out(self.propose())
        item = self.item_of(invoice)

        self.policy.level_ids = [
            Command.update(self.firm.id, {"delay_days": 40}),
            Command.update(self.final.id, {"delay_days": 60}),
        ]

        frozen = item.bound_policy_id
        self.assertEqual(frozen.head_id, self.policy)
        self.assertEqual((frozen.version, self.policy.version), (1, 2))
        self.assertEqual(frozen.level_ids.sorted("rank").mapped("delay_days"), [-3, 7, 21, 35])
        self.assertEqual(item.level_id.policy_id, frozen)
        with freeze_time("2026-12-02 12:00:00"):
            run = self.propose(date=TODAY + timedelta(days=14))
            self.assertEqual(run.line_ids.reason_code, "notify")
            run.action_cancel()
            self.policy.action_move_items()
            self.assertEqual(self.propose(date=TODAY + timedelta(days=14)).line_ids.reason_code, "too_young")

    def test_a_change_of_note_makes_no_version(self):
        self.make_invoice(due_days=10)
        self.send_out(self.propose())

        self.policy.note = "Agreed with sales"

        self.assertEqual(self.policy.version, 1)


@tagged("post_install", "-at_install")
class TestTemplates(DunningCase):
    def test_every_level_has_a_text_in_five_languages(self):
        for level in self.policy.level_ids:
            languages = self.env["dunning.template"].search([("key", "=", level.template_key)]).mapped("lang")
            self.assertEqual(sorted(languages), ["de", "en", "es", "fr", "nl"])

    def test_syntax_error_and_unknown_name_are_refused_with_their_line(self):
        template = self.env["dunning.template"]._find("friendly", "en", self.company)
        with self.assertRaisesRegex(ValidationError, "line 2"):
            template.body_html = "<p>fine</p>\n{% if %}"
        with self.assertRaisesRegex(ValidationError, "There is no “custommer” here"):
            template.subject = "For {{ custommer.name }}"
        with self.assertRaises(ValidationError):
            template.subject = "{{ ''.__class__.__mro__ }}"

    def test_edited_text_survives_an_update_and_can_be_reset(self):
        template = self.env["dunning.template"]._find("friendly", "en", self.company)
        shipped = template.subject
        template.subject = "A word about {{ customer.name }}"
        self.assertTrue(template.is_edited)

        self.env["dunning.template"]._load_shipped()
        self.assertEqual(template.subject, "A word about {{ customer.name }}")

        template.action_reset()
        self.assertEqual((template.subject, template.is_edited), (shipped, False))

    def test_reset_of_a_text_of_ones_own_says_there_is_nothing_to_reset_to(self):
        own = self.env["dunning.template"].create(
            {"key": "own", "lang": "en", "subject": "Hello", "body_html": "<p>Hi</p>", "body_text": "Hi"}
        )
        with self.assertRaisesRegex(UserError, "No text is shipped"):
            own.action_reset()

    def test_language_falls_back_from_region_to_language_to_english(self):
        find = self.env["dunning.template"]._find

        self.assertEqual(find("firm", "de_AT", self.company).lang, "de")
        self.assertEqual(find("firm", "ja_JP", self.company).lang, "en")

    @mute_logger("odoo.sql_db")
    def test_what_a_company_had_for_itself_does_not_become_everybodys_when_it_is_deleted(self):
        for kept in self.policy, self.env["dunning.template"].search([], limit=1):
            closed = self.env["res.company"].create({"name": f"Closed, with {kept._description}"})
            own = kept.copy({"company_id": closed.id})
            with self.subTest(kept=kept._name), self.assertRaises(IntegrityError), self.env.cr.savepoint():
                closed.unlink()
            own.unlink()
            closed.unlink()

    def test_own_text_of_the_company_comes_first(self):
        shared = self.env["dunning.template"]._find("firm", "en", self.company)
        own = shared.copy({"company_id": self.company.id, "subject": "Our own"})

        self.assertEqual(self.env["dunning.template"]._find("firm", "en_GB", self.company), own)

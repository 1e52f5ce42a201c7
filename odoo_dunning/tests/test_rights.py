"""Who may see and do what: groups, and companies kept apart."""

from lxml import etree
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import DunningCase, collections_user

COMPANY_MODELS = (
    "dunning.account", "dunning.item", "dunning.run", "dunning.run.line", "dunning.notice", "dunning.hold",
    "dunning.dispute", "dunning.promise", "dunning.policy.rule",
)  # fmt: skip


@tagged("post_install", "-at_install")
class TestRights(DunningCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.make_invoice(due_days=10)
        cls.run_ = cls.propose()
        cls.account = cls.run_.line_ids.account_id
        item = cls.run_.line_ids.item_id
        cls.env["dunning.hold"].create(
            {"account_id": cls.account.id, "reason": "Test", "until_date": "2026-11-01"}
        )
        cls.env["dunning.dispute"].create({"item_id": item.id, "state": "rejected"})
        cls.env["dunning.promise"].create(
            {
                "account_id": cls.account.id,
                "amount": 1.0,
                "promised_date": "2026-11-01",
                "item_ids": [Command.link(item.id)],
            }
        )
        cls.env["dunning.policy.rule"].create({"name": "All", "policy_id": cls.policy.id})
        cls.other_company = cls.env["res.company"].create({"name": "Sister"})
        cls.stranger = collections_user(cls.env, "stranger", "group_manager", cls.other_company)
        cls.collector = collections_user(cls.env, "collector")
        cls.outsider = cls.env["res.users"].create(
            {
                "name": "Outsider",
                "login": "outsider",
                "group_ids": [Command.set(cls.env.ref("base.group_user").ids)],
            }
        )

    def test_every_model_of_the_addon_has_access_rights_and_company_rules(self):
        models = self.env["ir.model"].search([("model", "=like", "dunning.%"), ("transient", "=", False)])
        for model in models:
            if model.abstract or not self.env[model.model]._auto:
                continue
            with self.subTest(model=model.model):
                self.assertTrue(model.access_ids, "no access rights at all")
                if "company_id" in self.env[model.model]._fields:
                    self.assertTrue(model.rule_ids, "no company rule")

    def test_records_of_another_company_are_invisible(self):
        for model in COMPANY_MODELS:
            with self.subTest(model=model):
                self.assertTrue(self.env[model].search_count([("company_id", "=", self.company.id)]))
                self.assertFalse(self.env[model].with_user(self.stranger).search([]))

    def test_record_of_another_company_cannot_be_acted_on(self):
        with self.assertRaises(AccessError):
            self.run_.with_user(self.stranger).action_approve()
        with self.assertRaises(AccessError):
            self.account.with_user(self.stranger).action_clear_attention()

    def test_without_a_group_nothing_is_readable(self):
        for model in COMPANY_MODELS:
            with self.subTest(model=model), self.assertRaises(AccessError):
                self.env[model].with_user(self.outsider).search([])

    def test_collector_works_runs_but_not_policies_and_texts(self):
        run = self.run_.with_user(self.collector)
        run.line_ids.action_exclude()
        run.action_cancel()
        second = self.env["dunning.run"].with_user(self.collector).create({"company_id": self.company.id})
        second.action_propose_now()
        second.action_approve()
        for record in (self.policy, self.firm, self.env["dunning.template"].search([], limit=1)):
            with self.subTest(model=record._name), self.assertRaises(AccessError):
                record.with_user(self.collector).write({"company_id": self.company.id})

    def test_what_was_agreed_with_a_customer_is_ended_and_stays_to_be_read(self):
        """A hold that is deleted never was: nobody could say why a customer heard nothing for a month."""
        ends = {
            "dunning.hold": lambda hold: hold.action_lift(),
            "dunning.dispute": lambda dispute: dispute.action_reject(),
            "dunning.promise": lambda promise: promise.action_cancel(),
        }
        for model, end in ends.items():
            for user in (self.collector, self.env.user):
                with self.subTest(model=model, user=user.login):
                    records = self.env[model].with_user(user).search([("company_id", "=", self.company.id)])
                    with self.assertRaises(AccessError):
                        records.unlink()
                    for kind, view in records.get_views([(False, "list"), (False, "form")])["views"].items():
                        self.assertIn(etree.fromstring(view["arch"]).get("delete"), ("0", "False"), kind)
            end(records.with_user(self.collector))
            self.assertTrue(records.exists())

    def test_undo_is_the_managers(self):
        self.run_.action_approve()
        with self.assertRaises(AccessError):
            self.run_.with_user(self.collector).action_undo()

    def test_proposal_of_one_company_never_touches_anothers_items(self):
        run = self.env["dunning.run"].create({"company_id": self.other_company.id})
        run.action_propose_now()

        self.assertFalse(run.line_ids)
        self.assertEqual(run.state, "proposed")

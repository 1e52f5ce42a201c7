"""Who may write what of a run: four eyes written around, a history rewritten."""

from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import TODAY, LifeCase, collections_user


@tagged("post_install", "-at_install")
class TestWhoMayWriteWhat(LifeCase):
    """The screens show these as read-only; a call from outside must find them so as well."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.dunning_four_eyes = True
        cls.clerk = collections_user(cls.env, "clerk")
        cls.run_ = (
            cls.env["dunning.run"].with_user(cls.clerk).create({"company_id": cls.company.id, "date": TODAY})
        )
        cls.run_.action_propose_now()
        cls.notice = cls.run_.notice_ids

    def test_four_eyes_cannot_be_written_around(self):
        for vals in (
            {"proposed_by_id": self.env.ref("base.user_admin").id},
            {"state": "approved"},
            {"is_automatic": True},
        ):
            with self.subTest(run=vals), self.assertRaises(AccessError):
                self.run_.write(vals)
        for vals in ({"state": "ready"}, {"amount_total": 1.0}, {"sent_date": TODAY}):
            with self.subTest(notice=vals), self.assertRaises(AccessError):
                self.notice.write(vals)
        for vals in ({"claim": False}, {"level_rank": 1}, {"decision": "leave"}):
            with self.subTest(line=vals), self.assertRaises(AccessError):
                self.run_.line_ids.write(vals)
        item = self.run_.line_ids.item_id
        for vals in ({"level_rank": 0}, {"amount_open": 1.0}, {"cycle": 2}, {"bound_policy_id": False}):
            with self.subTest(item=vals), self.assertRaises(AccessError):
                item.write(vals)
        item.write({"is_excluded": True, "policy_id": self.policy.id})
        with self.assertRaises(AccessError):
            self.env["dunning.run"].with_user(self.clerk).create({"state": "approved"})

    def test_with_four_eyes_a_message_stays_as_it_was_approved(self):
        self.notice.email_to = "before@customer.example"
        self.run_.with_user(collections_user(self.env, "approver")).action_approve()

        for vals in ({"email_to": "else@customer.example"}, {"deadline_date": TODAY + timedelta(days=90)}):
            with (
                self.subTest(vals=vals),
                self.assertRaisesRegex(UserError, r"stays as approver .* approved it"),
            ):
                self.notice.write(vals)
        with self.assertRaisesRegex(UserError, r"stays as approver .* approved it"):
            self.notice.action_edit_text()

        self.notice.sudo().state = "failed"
        self.notice.email_to = "mended@customer.example"
        with self.assertRaisesRegex(UserError, r"stays as approver .* approved it"):
            self.notice.deadline_date = TODAY + timedelta(days=90)

    def test_what_the_books_and_the_judgement_say_is_not_written_by_hand(self):
        item = self.run_.line_ids.item_id
        account = item.account_id
        self.pay(self.make_invoice(amount=10.0))
        of_account = {"account_id": account.id}
        hold = self.env["dunning.hold"].with_user(self.clerk).create({**of_account, "reason": "Wait"})
        promise = (
            self.env["dunning.promise"]
            .with_user(self.clerk)
            .create({**of_account, "amount": 50.0, "promised_date": TODAY + timedelta(days=7)})
        )
        dispute = self.env["dunning.dispute"].with_user(self.clerk).create({"item_id": item.id})
        admin, sister = self.env.ref("base.user_admin").id, self.env["res.company"].create({"name": "Sister"})
        for record, vals_list in (
            (
                account,
                (
                    {"last_contact_date": False}, {"amount_overdue": 0.0}, {"level_rank": 0}, {"attention": False},
                    {"unmatched_receipts": 0}, {"rule_id": False}, {"partner_id": self.company.partner_id.id},
                ),
            ),
            (
                item,
                (
                    {"is_open": False}, {"no_followup": True}, {"is_blocked": True}, {"number": "X"},
                    {"pay_link": "https://pay.example"}, {"link_url": "https://pay.example"}, {"content_hash": ""},
                ),
            ),
            (hold, ({"user_id": admin}, {"account_id": account.id}, {"company_id": sister.id})),
            (
                promise,
                (
                    {"state": "kept"}, {"amount_paid": 50.0}, {"amount_baseline": 1.0}, {"judged_date": TODAY},
                    {"user_id": admin}, {"company_id": sister.id}, {"item_ids": [Command.clear()]},
                ),
            ),
            (dispute, ({"closed_at": TODAY}, {"state": "credited"}, {"company_id": sister.id})),
            (self.notice, ({"error": "None"}, {"next_try_at": TODAY}, {"send_until": TODAY}, {"warnings": False})),
            (self.run_, ({"last_account_id": 9}, {"error": False}, {"job_key": "x"}, {"name": "Mine"})),
        ):  # fmt: skip
            for vals in vals_list:
                with self.subTest(model=record._name, vals=vals), self.assertRaises(AccessError):
                    record.with_user(self.clerk).write(vals)
        for model, vals in (
            (
                "dunning.account",
                {"company_id": self.company.id, "partner_id": self.customer.id, "level_rank": 3},
            ),
            ("dunning.hold", {**of_account, "reason": "Not me", "user_id": admin}),
            ("dunning.promise", {**of_account, "amount": 1.0, "promised_date": TODAY, "state": "kept"}),
            ("dunning.dispute", {"item_id": item.id, "closed_at": TODAY}),
        ):
            with self.subTest(create=model), self.assertRaises(AccessError):
                self.env[model].with_user(self.clerk).create(vals)

    def test_what_screens_let_a_clerk_write_stays_open_to_them(self):
        item = self.run_.line_ids.item_id
        account = item.account_id.with_user(self.clerk)
        hold = self.env["dunning.hold"].create({"account_id": account.id, "reason": "Wait"})
        promise = self.env["dunning.promise"].create(
            {"account_id": account.id, "amount": 50.0, "promised_date": TODAY}
        )
        dispute = self.env["dunning.dispute"].create({"item_id": item.id})
        account.sudo().attention = "replied"

        account.write({"contact_note": "Ask for Eve", "is_legal": True, "policy_id": self.policy.id})
        account.action_clear_attention()
        hold.with_user(self.clerk).write({"until_date": TODAY, "reason": "A week more"})
        promise.with_user(self.clerk).write({"promised_date": TODAY + timedelta(days=1), "amount": 60.0})
        promise.with_user(self.clerk).action_cancel()
        dispute.with_user(self.clerk).action_accept()

        self.assertFalse(account.attention)
        self.assertEqual(hold.user_id, self.clerk, "who prolongs a hold answers for it")
        self.assertEqual((promise.state, dispute.state), ("cancelled", "accepted"))
        with self.assertRaisesRegex(UserError, "judged"):
            promise.with_user(self.clerk).write({"promised_date": TODAY + timedelta(days=30)})
        with self.assertRaisesRegex(UserError, "only a draft"):
            self.run_.with_user(self.clerk).write({"date": TODAY - timedelta(days=1)})

    def test_what_a_clerk_edits_in_a_proposal_stays_open_to_them(self):
        self.run_.note = "Looked at by two"
        self.run_.line_ids.note = "Called on Monday"
        self.notice.write({"email_to": "boss@acme.example", "deadline_date": TODAY + timedelta(days=9)})
        self.notice.action_edit_text()
        self.notice.body_text = "Dear friend"
        self.run_.line_ids.set_level(self.final)
        self.run_.line_ids.action_exclude()
        self.assertEqual(self.notice.state, "withdrawn")
        self.run_.action_cancel()

    def test_message_that_left_is_not_rewritten(self):
        self.send_out(self.run_.with_user(self.env.user))

        for vals in ({"body_text": "Something else"}, {"email_to": "a@b.example"}, {"deadline_date": TODAY}):
            with self.subTest(vals=vals), self.assertRaisesRegex(UserError, "can no longer be edited"):
                self.notice.write(vals)

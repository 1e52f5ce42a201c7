"""Who may write what of a run: four eyes written around, shut by their owner, a history rewritten."""

from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

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


@tagged("post_install", "-at_install")
class TestSecondPairOfEyes(LifeCase):
    """Whoever changes a proposal sees what they wrote themselves."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_invoice(due_days=12, amount=300.0)
        cls.clerk = collections_user(cls.env, "clerk")
        cls.colleague = collections_user(cls.env, "colleague")
        cls.third = collections_user(cls.env, "third")

    def run_of(self, user):
        run = self.env["dunning.run"].with_user(user).create({"company_id": self.company.id, "date": TODAY})
        run.action_propose_now()
        return run

    def assert_refused(self, run, user, reason):
        as_user = run.with_user(user)
        with self.assertRaisesRegex(UserError, reason):
            as_user.action_approve()
        as_user.invalidate_recordset()
        self.assertTrue(as_user.needs_second_person)
        self.assertRegex(as_user.second_person_reason, reason)

    def test_who_changed_a_message_does_not_approve_it(self):
        self.company.dunning_four_eyes = True
        changes = {
            "recipient": lambda run: run.notice_ids.write({"email_to": "me@home.example"}),
            "text": lambda run: run.notice_ids.action_edit_text(),
            "level": lambda run: run.line_ids.set_level(self.final),
            "exclude": lambda run: run.line_ids[0].action_exclude(),
            "hold": lambda run: run.line_ids[0].action_hold(reason="Wait"),
            "withdraw": lambda run: run.notice_ids.action_withdraw(),
        }
        for name, change in changes.items():
            with self.subTest(name):
                run = self.run_of(self.clerk)
                change(run.with_user(self.colleague))

                self.assertEqual(run.edited_by_ids, self.colleague)
                self.assert_refused(run, self.colleague, "You changed its messages: ask a colleague")
                self.assert_refused(run, self.clerk, "You proposed it: ask a colleague")
                run.with_user(self.third).action_approve()
                self.assertEqual(run.approved_by_id, self.third)
                if run.state != "done":
                    run.action_cancel()
                self.env["dunning.hold"].search([]).action_lift()

    def test_who_put_a_receivable_back_changed_it(self):
        self.company.dunning_four_eyes = True
        run = self.run_of(self.clerk)
        run.line_ids[0].action_exclude()
        run.line_ids[0].with_user(self.colleague).action_include()

        self.assert_refused(run, self.colleague, "You changed its messages")

    def test_who_only_reads_and_notes_stays_a_second_person(self):
        self.company.dunning_four_eyes = True
        run = self.run_of(self.clerk)
        as_colleague = run.with_user(self.colleague)
        as_colleague.line_ids.note = "Called on Monday"
        as_colleague.note = "Looks right"
        as_colleague.notice_ids.action_preview()

        as_colleague.action_approve()

        self.assertEqual(run.approved_by_id, self.colleague)

    def test_who_worked_a_proposal_out_anew_starts_over(self):
        self.company.dunning_four_eyes = True
        run = self.run_of(self.clerk)
        run.line_ids[0].with_user(self.colleague).action_exclude()
        run.with_user(self.third).action_propose_now()

        self.assertFalse(run.edited_by_ids)
        run.with_user(self.colleague).action_approve()
        self.assertEqual(run.approved_by_id, self.colleague)

    def test_below_the_limit_who_changed_it_may_approve_and_change_it_afterwards(self):
        self.company.write({"dunning_four_eyes": True, "dunning_four_eyes_amount": 1000.0})
        run = self.run_of(self.clerk)
        as_colleague = run.with_user(self.colleague)
        as_colleague.notice_ids.email_to = "boss@acme.example"

        as_colleague.action_approve()
        as_colleague.notice_ids.email_to = "office@acme.example"

        self.assertEqual(run.state, "approved")

    def test_a_run_cut_into_parts_counts_as_one(self):
        """400.00 of Acme and 300.00 of Beta, each below the limit, in two runs of one day."""
        self.company.write({"dunning_four_eyes": True, "dunning_four_eyes_amount": 700.0})
        beta = self.make_invoice(partner=self.make_customer("Beta"), due_days=12, amount=300.0)
        first = self.run_of(self.clerk)
        self.line_of(first.with_env(self.env), beta).with_user(first.env.user).action_exclude()
        first.action_approve()
        second = self.run_of(self.clerk)

        self.assertEqual(sum(second.notice_ids.mapped("amount_total")), 300.0)
        self.assert_refused(
            second,
            self.clerk,
            r"from .*700\.00 on.* what you approved alone today .*700\.00.* ask a colleague",
        )
        self.company.dunning_four_eyes_amount = 700.01
        self.assertFalse(second._needs_second_person())
        self.company.dunning_four_eyes_amount = 700.0
        with self.subTest("the next day"), freeze_time("2026-11-19 12:00:00"):
            self.assertFalse(second._needs_second_person())
        with self.subTest("taken back"):
            first.action_cancel()
            self.assertFalse(second._needs_second_person())

    def test_what_two_saw_does_not_count_toward_the_next_run(self):
        self.company.write({"dunning_four_eyes": True, "dunning_four_eyes_amount": 400.0})
        beta = self.make_invoice(partner=self.make_customer("Beta"), due_days=12, amount=300.0)
        first = self.run_of(self.colleague)
        self.line_of(first.with_env(self.env), beta).with_user(first.env.user).action_exclude()
        first.with_user(self.clerk).action_approve()

        second = self.run_of(self.clerk)
        second.action_approve()

        self.assertEqual(second.approved_by_id, self.clerk)

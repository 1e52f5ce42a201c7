"""The life of a run: proposed, edited, approved, sent, cancelled, undone."""

from datetime import timedelta

from odoo.addons.mail.tests.common import MailCase
from odoo.exceptions import UserError, ValidationError
from odoo.tests import freeze_time, tagged

from .common import TODAY, DunningCase, collections_user


@tagged("post_install", "-at_install")
class TestRun(DunningCase, MailCase):
    def test_every_open_item_gets_exactly_one_line_with_a_reason(self):
        due, young = self.make_invoice(due_days=10), self.make_invoice(due_days=2)
        self.make_invoice(partner=self.make_customer("Silent", email=False), due_days=40)

        run = self.propose()

        open_items = self.env["dunning.item"].search(
            [("company_id", "=", self.company.id), ("is_open", "=", True)]
        )
        self.assertEqual(run.line_ids.item_id, open_items)
        self.assertEqual(len(run.line_ids), 3)
        self.assertEqual(self.line_of(run, due).reason_code, "notify")
        self.assertEqual(self.line_of(run, young).reason_code, "too_young")
        self.assertTrue(all(run.line_ids.mapped("reason")))
        self.assertEqual(run.state, "proposed")
        self.assertEqual((run.line_count, run.notify_count, run.notice_count), (3, 1, 1))

    def test_a_customer_with_many_invoices_gets_one_message_per_currency(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.env["res.currency.rate"].create({"currency_id": yen.id, "rate": 150.0, "name": "2020-01-01"})
        for days in (8, 10, 30):
            self.make_invoice(due_days=days)
        self.make_invoice(due_days=9, amount=5000, currency_id=yen.id)

        run = self.propose()

        self.assertEqual(
            sorted(run.notice_ids.mapped("currency_id.name")), ["JPY", self.company.currency_id.name]
        )
        self.assertEqual(sorted(run.notice_ids.mapped("item_count")), [1, 3])

    def test_what_the_company_wants_to_be_warned_of_stands_on_the_message_in_words(self):
        self.company.write({"dunning_bank_gate": "warn", "dunning_unmatched_gate": "warn"})
        self.friendly.by_letter = True  # nobody knows a street
        self.make_invoice(due_days=10)

        notice = self.propose().notice_ids

        self.assertEqual(notice.channel, "email")
        self.assertEqual(
            notice.warning,
            "Nobody can be reached for “Friendly reminder” by letter. "
            "There are no bank entries yet: payments are unknown.",
        )

    def test_sent_message_raises_levels_and_the_contact_date_once(self):
        invoice = self.make_invoice(due_days=10)

        notices = self.send_out(self.propose())

        self.assertEqual(notices.mapped("state"), ["sent"])
        item = self.item_of(invoice)
        self.assertRecordValues(
            item,
            [
                {
                    "level_id": self.friendly.id,
                    "level_rank": 2,
                    "level_date": TODAY,
                    "bound_policy_id": self.policy.id,
                }
            ],
        )
        self.assertEqual(item.account_id.last_contact_date, TODAY)
        self.assertEqual(notices.run_id.state, "done")

        notices._mark_sent()
        self.assertEqual(item.level_rank, 2)

    def test_second_run_the_same_day_sends_nothing(self):
        self.make_invoice(due_days=10)
        self.send_out(self.propose())

        second = self.propose()

        self.assertFalse(second.notice_ids)
        self.assertEqual(second.line_ids.mapped("reason_code"), ["too_young"])

    def test_second_open_run_cannot_take_the_same_items(self):
        invoice = self.make_invoice(due_days=10)
        self.propose()

        second = self.propose()

        self.assertFalse(second.notice_ids)
        self.assertEqual(self.line_of(second, invoice).reason_code, "in_other_run")

    def test_cancelled_run_frees_its_items(self):
        invoice = self.make_invoice(due_days=10)
        first = self.propose()

        first.action_cancel()

        self.assertEqual(first.state, "cancelled")
        self.assertEqual(first.notice_ids.mapped("state"), ["withdrawn"])
        self.assertEqual(self.line_of(self.propose(), invoice).reason_code, "notify")

    def test_proposing_again_starts_over(self):
        self.make_invoice(due_days=10)
        run = self.propose()
        late = self.make_invoice(partner=self.make_customer("Late"), due_days=20)

        run.action_propose_now()

        self.assertEqual(len(run.line_ids), 2)
        self.assertEqual(self.line_of(run, late).decision, "notify")

    def test_approved_run_cannot_be_proposed_or_edited(self):
        invoice = self.make_invoice(due_days=10)
        run = self.propose()
        run.action_approve()

        with self.assertRaisesRegex(UserError, "approved already"):
            run.action_propose_now()
        with self.assertRaisesRegex(UserError, "only a proposal can be edited"):
            self.line_of(run, invoice).action_exclude()
        with self.assertRaisesRegex(UserError, "has a history"):
            run.unlink()

    def test_amounts_of_the_run_are_summed_per_currency(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.make_invoice(amount=100.0, due_days=10)
        self.make_invoice(amount=20.5, due_days=1)
        self.make_invoice(amount=5000, due_days=9, currency_id=yen.id)

        summary = self.propose().summary

        [row] = summary["messages"]
        self.assertEqual((row["count"], row["items"]), (2, 2))
        self.assertEqual(
            [(one["currency"], one["amount"]) for one in row["amounts"]], [("JPY", 5000.0), ("USD", 100.0)]
        )
        self.assertEqual([(left["code"], left["count"]) for left in summary["left"]], [("too_young", 1)])

    def test_interrupted_proposal_goes_on_where_it_stopped(self):
        for number in range(3):
            self.make_invoice(partner=self.make_customer(f"Slice {number}"), due_days=10)
        run = self.env["dunning.run"].create({"company_id": self.company.id, "date": TODAY})
        run._start_proposing()
        self.patch_slices(1)
        slices = run._propose_slices()
        next(slices)
        next(slices)
        self.assertEqual(run.account_done_count, 1)

        run._propose()

        self.assertEqual((run.state, len(run.line_ids), len(run.line_ids.item_id)), ("proposed", 3, 3))

    def patch_slices(self, limit):
        from ..bulk import snapshot

        self.patch(snapshot.next_accounts, "__defaults__", (limit,))


@tagged("post_install", "-at_install")
class TestProposalEditing(DunningCase, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second = cls.make_invoice(due_days=30), cls.make_invoice(due_days=10, amount=50.0)
        cls.run_ = cls.propose()
        cls.notice = cls.run_.notice_ids

    def test_excluding_an_item_shrinks_its_message(self):
        self.line_of(self.run_, self.second).action_exclude()

        self.assertRecordValues(self.notice, [{"item_count": 1, "amount_total": 100.0, "state": "proposed"}])
        line = self.line_of(self.run_, self.second)
        self.assertRecordValues(line, [{"decision": "leave", "reason_code": "excluded", "claim": False}])

    def test_item_left_out_by_a_slip_is_put_back_and_sent(self):
        line = self.line_of(self.run_, self.second)
        reason = line.reason
        for exclude in (line.action_exclude, self.run_.line_ids.action_exclude, line.action_exclude_for_good):
            exclude()
            self.run_.line_ids.action_include()

            self.assertRecordValues(
                self.notice, [{"item_count": 2, "amount_total": 150.0, "state": "proposed"}]
            )
            self.assertRecordValues(
                line, [{"decision": "notify", "notice_id": self.notice.id, "claim": "open"}]
            )
            self.assertEqual((line.reason, self.item_of(self.second).is_excluded), (reason, False))

        self.send_out(self.run_)
        self.assertEqual(self.notice.state, "sent")
        self.assertEqual(self.levels(self.first, self.second), [2, 2])

    def test_figures_of_the_run_follow_what_is_left_out_and_put_back(self):
        """In the list of runs stands what the page of the run shows."""
        lines = self.run_.line_ids
        for edit, expected in (
            (self.line_of(self.run_, self.second).action_exclude, (1, 1, 1)),
            (lines.action_exclude, (0, 0, 2)),
            (lines.action_include, (1, 2, 0)),
        ):
            edit()
            self.run_.invalidate_recordset()
            self.assertEqual(
                (self.run_.notice_count, self.run_.notify_count, self.run_.leave_count), expected
            )

        self.pay(self.first)
        self.send_out(self.run_)
        self.assertEqual((self.run_.state, self.run_.notify_count, self.run_.leave_count), ("done", 1, 1))

    def test_item_put_back_goes_at_the_level_its_message_has_now(self):
        line = self.line_of(self.run_, self.second)
        line.action_exclude()
        self.line_of(self.run_, self.first).set_level(self.final)
        line.action_include()

        self.assertEqual((line.level_id, line.level_rank), (self.final, self.final.rank))

    def test_item_beyond_the_level_its_message_has_now_is_not_put_back(self):
        reached = {"level_id": self.friendly.id, "level_rank": self.friendly.rank, "level_date": "2026-10-01"}
        self.item_of(self.second).sudo().write(reached)
        self.second.invoice_date_due = TODAY - timedelta(days=40)
        self.run_.action_propose_now()
        line = self.line_of(self.run_, self.second)
        self.assertEqual(line.level_id, self.firm)
        line.action_exclude()
        self.line_of(self.run_, self.first).set_level(self.courtesy)

        with self.assertRaisesRegex(
            UserError, "has reached level Friendly reminder already. Choose a higher"
        ):
            line.action_include()

        self.assertEqual(line.decision, "leave")

    def test_item_disputed_meanwhile_is_not_put_back(self):
        line = self.line_of(self.run_, self.second)
        line.action_exclude()
        self.env["dunning.dispute"].create({"item_id": line.item_id.id, "reason": "quality"})

        with self.assertRaisesRegex(UserError, "cannot be put back: .*isput"):
            line.action_include()

    def test_only_what_a_person_left_out_is_put_back(self):
        with self.assertRaisesRegex(UserError, "left out by hand"):
            self.line_of(self.run_, self.first).action_include()

    def test_excluding_the_last_item_withdraws_the_message(self):
        self.run_.line_ids.action_exclude()

        self.assertEqual(self.notice.state, "withdrawn")

    def test_item_excluded_for_good_stays_out_of_the_next_run(self):
        self.line_of(self.run_, self.second).action_exclude_for_good()
        self.run_.action_cancel()

        self.assertEqual(self.line_of(self.propose(), self.second).reason_code, "excluded")

    def test_hold_from_the_proposal_holds(self):
        self.line_of(self.run_, self.first).action_hold("2026-12-24", "Called, waits for approval")
        self.run_.action_cancel()

        line = self.line_of(self.propose(), self.first)

        self.assertEqual(line.reason_code, "hold")
        self.assertIn("Called, waits for approval", line.reason)

    def test_level_of_a_message_can_be_changed(self):
        self.line_of(self.run_, self.first).set_level(self.final)
        self.send_out(self.run_)

        self.assertEqual(self.levels(self.first, self.second), [4, 4])
        self.assertEqual(self.notice.subject.split(":")[0], "Final notice")

    def test_level_of_another_policy_is_refused(self):
        other = self.policy.copy()

        with self.assertRaisesRegex(UserError, "belongs to policy"):
            self.line_of(self.run_, self.first).set_level(other.level_ids[0])

    def test_level_already_sent_is_refused(self):
        self.send_out(self.run_)
        self.company.dunning_gap_days = 0
        third = self.propose(date=TODAY + timedelta(days=30))
        self.assertTrue(third.notice_ids)

        with self.assertRaisesRegex(UserError, "was already sent at level Friendly reminder"):
            third.line_ids.filtered("notice_id")[:1].set_level(self.friendly)

    def test_recipient_can_be_changed_and_brings_address_and_language(self):
        other = self.make_customer("Office of Acme", email="office@acme.example")

        self.notice.partner_id = other
        self.send_out(self.run_)

        self.assertEqual(self.notice.mail_mail_id.email_to, "office@acme.example")

    def test_edited_text_leaves_as_it_was_written(self):
        self.notice.action_edit_text()
        self.notice.write({"subject": "About your account", "body_text": "Dear friend"})

        self.send_out(self.run_)

        self.assertEqual(self.notice.mail_mail_id.subject, "About your account")
        [sent] = self._mails
        self.assertEqual(sent["body_alternative"], "Dear friend")

    def test_preview_is_what_will_be_sent(self):
        preview = self.notice.action_preview()

        self.send_out(self.run_)

        self.assertEqual(preview.subject, self.notice.subject)
        self.assertEqual(preview.html, self.notice.mail_mail_id.body_html)


@tagged("post_install", "-at_install")
class TestApproval(DunningCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_invoice(due_days=10, amount=500.0)
        cls.colleague = collections_user(cls.env, "colleague")

    def test_four_eyes_need_a_second_person(self):
        self.company.dunning_four_eyes = True
        run = self.propose()

        with self.assertRaisesRegex(UserError, "needs a second person"):
            run.action_approve()

        run.with_user(self.colleague).action_approve()
        self.assertEqual(run.approved_by_id, self.colleague)

    def test_four_eyes_only_from_the_amount_on(self):
        self.company.write({"dunning_four_eyes": True, "dunning_four_eyes_amount": 500.01})

        run = self.propose()
        run.action_approve()

        self.assertEqual(run.state, "approved")

    def test_four_eyes_count_foreign_money_at_the_rate_of_the_run(self):
        """500.00 and 1,000.000 dinars at 0.3 a dollar, which were 0.25 the day after: 500.00 + 3,333.33."""
        dinar = self.env.ref("base.KWD")
        dinar.active = True
        self.env["res.currency.rate"].create(
            [
                {"currency_id": dinar.id, "rate": rate, "name": day, "company_id": self.company.id}
                for day, rate in (("2026-01-01", 0.3), ("2026-11-19", 0.25))
            ]
        )
        self.make_invoice(due_days=10, amount=1000.0, currency_id=dinar.id)
        self.company.write({"dunning_four_eyes": True, "dunning_four_eyes_amount": 3833.33})
        run = self.propose()

        with self.assertRaisesRegex(UserError, r"second person from .*3,833\.33.* asks for .*3,833\.33"):
            run.action_approve()
        self.assertTrue(run.needs_second_person)
        self.company.dunning_four_eyes_amount = 3833.34
        run.action_approve()

        self.assertEqual(run.state, "approved")

    def test_four_eyes_where_nobody_knows_what_foreign_money_is_worth(self):
        """Without a rate Odoo takes a dinar for a dollar."""
        dinar = self.env.ref("base.KWD")
        dinar.active = True
        self.env["res.currency.rate"].search([("currency_id", "=", dinar.id)]).unlink()
        self.make_invoice(due_days=10, amount=1000.0, currency_id=dinar.id)
        self.company.write({"dunning_four_eyes": True, "dunning_four_eyes_amount": 4000.0})
        run = self.propose()

        with self.assertRaisesRegex(UserError, "no exchange rate of KWD.*second person"):
            run.action_approve()
        run.with_user(self.colleague).action_approve()

        self.assertEqual(run.state, "approved")

    def test_draft_cannot_be_approved(self):
        run = self.env["dunning.run"].create({"company_id": self.company.id})

        with self.assertRaisesRegex(UserError, "Propose it first"):
            run.action_approve()

    def test_automatic_policy_goes_through_the_same_states(self):
        self.company.dunning_is_automatic = True
        self.policy.is_automatic = True

        self.env["dunning.run"]._start_automatic()
        run = self.env["dunning.run"].search([("company_id", "=", self.company.id)])
        self.assertTrue(run.is_proposing)
        run._propose()
        run._approve_automatic()
        self.env["dunning.run"]._start_automatic()

        self.assertEqual(run.state, "approved")
        self.assertEqual(self.env["dunning.run"].search_count([("company_id", "=", self.company.id)]), 1)

    def test_automatic_run_is_proposed_on_the_working_days_of_the_company_s_country(self):
        """20 November 2026 is a Friday, 22 a Sunday: Kuwait rests on Friday and Saturday, Germany on the other two."""
        self.company.dunning_is_automatic = True
        runs = self.env["dunning.run"]
        for country, tz, expected in (
            ("base.kw", "Asia/Kuwait", {"2026-11-22"}),
            ("base.de", "Europe/Berlin", {"2026-11-20"}),
        ):
            self.company.country_id, self.company.partner_id.tz = self.env.ref(country), tz
            proposed = set()
            for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
                with freeze_time(f"{day} 10:00:00"):
                    runs._start_automatic()
                    run = runs.search([("company_id", "=", self.company.id), ("is_automatic", "=", True)])
                    proposed |= {str(one.date) for one in run}
                    run.action_cancel()
                    run.unlink()
            self.assertEqual(proposed, expected, country)

    def test_automatic_run_waits_for_a_person_where_a_policy_is_not_automatic(self):
        self.company.dunning_is_automatic = True
        self.env["dunning.run"]._start_automatic()
        run = self.env["dunning.run"].search([("company_id", "=", self.company.id)])
        run._propose()

        run._approve_automatic()

        self.assertEqual(run.state, "proposed")

    def test_second_proposal_of_a_company_at_once_is_refused(self):
        first = self.env["dunning.run"].create({"company_id": self.company.id})
        first._start_proposing()
        second = self.env["dunning.run"].create({"company_id": self.company.id})

        with self.assertRaisesRegex(UserError, "is being worked out already"):
            second.action_propose()

    def test_settings_that_cannot_work_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "must start before it ends"):
            self.company.write({"dunning_window_start_hour": 20, "dunning_window_end_hour": 8})
        with self.assertRaisesRegex(ValidationError, "must start before it ends"):
            self.company.write({"dunning_window_start_hour": 8.0, "dunning_window_end_hour": 8.005})
        with self.assertRaisesRegex(ValidationError, "“Most messages per day” cannot be negative"):
            self.company.dunning_cap_per_day = -1

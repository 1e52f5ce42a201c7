"""What screens say and their dialogs do: a wrong figure or a wrong default here misleads a person."""

from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from ..engine import explain
from .common import DunningCase


@tagged("post_install", "-at_install")
class TestScreens(DunningCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.make_invoice(amount=100.0, due_days=10)
        cls.item = cls.item_of(cls.invoice)
        cls.account = cls.account_of(cls.customer)

    def _wizard(self, model, **defaults):
        context = {f"default_{name}": value for name, value in defaults.items()}
        return Form(self.env[model].with_context(**context))

    def _labels(self):
        self.account.invalidate_recordset()
        return [chip["label"] for chip in self.account.chips]

    # === WORKLIST === #

    def test_next_action_names_the_level_a_run_today_would_send(self):
        self.assertEqual(self.account.next_action, "Send “Friendly reminder”")

    def test_next_action_of_an_item_in_an_open_proposal_names_the_run(self):
        run = self.propose()
        self.account.invalidate_recordset()
        self.assertEqual(self.account.next_action, f"In {run.name}: “Friendly reminder”")

    def test_balances_stay_apart_by_currency_and_count_only_what_is_past_its_day_as_overdue(self):
        dollars = self.setup_other_currency("USD")
        self.make_invoice(amount=40.0, due_days=5, currency_id=dollars.id)
        self.make_invoice(amount=7.0, due_days=-5)
        self.refresh()
        self.account.invalidate_recordset()
        own = self.company.currency_id.name
        rows = {row["currency"]: (row["open"], row["overdue"]) for row in self.account.balances}
        expected = {own: (107.0, 100.0), "USD": (40.0, 40.0)}
        if own == "USD":
            expected = {"USD": (147.0, 140.0)}
        self.assertEqual(rows, expected)

    def test_the_queries_of_the_worklist_do_not_grow_with_its_rows(self):
        for number in range(12):
            self.make_invoice(self.make_customer(f"Customer {number}"), due_days=20)
        self.refresh()
        accounts = self.env["dunning.account"].search([])
        read = lambda some: some.read(["chips", "next_action", "balances"])  # noqa: E731
        counts = []
        for some in (accounts[:3], accounts[:12]):
            read(some)
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            read(some)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])

    # === DIALOGS === #

    def test_a_promise_suggests_what_is_overdue_and_shows_on_the_customer(self):
        self.make_invoice(amount=55.0, due_days=-20)
        self.refresh()
        with self._wizard("dunning.promise.wizard", account_id=self.account.id) as form:
            self.assertEqual(form.amount, 100.0)
            form.promised_date = "2026-11-27"
        form.record.action_confirm()
        promise = self.account.promise_ids
        self.assertEqual((promise.amount, promise.item_ids), (100.0, self.item))
        self.assertEqual(self._labels(), ["Promised for 11/27/2026"])

    def test_a_hold_on_two_customers_holds_both_until_the_day(self):
        self.make_invoice(self.make_customer("Brook"))
        self.refresh()
        accounts = self.env["dunning.account"].search([("partner_id.name", "in", ("Acme", "Brook"))])
        with self._wizard("dunning.hold.wizard", account_ids=accounts.ids) as form:
            form.span = "7"
            form.reason = "Moves house"
        form.record.action_confirm()
        self.assertEqual(accounts.hold_ids.mapped(lambda hold: str(hold.until_date)), ["2026-11-25"] * 2)
        self.assertEqual(self._labels(), ["On hold until 11/25/2026"])

    def test_a_hold_until_a_day_needs_the_day(self):
        wizard = self.env["dunning.hold.wizard"].create(
            {"account_ids": self.account.ids, "span": "date", "until_date": False, "reason": "Asked for time"}
        )
        with self.assertRaisesRegex(UserError, "last day of the hold"):
            wizard.action_confirm()

    def test_a_hold_on_a_line_of_a_proposal_takes_it_out_of_its_message(self):
        run = self.propose()
        line = self.line_of(run, self.invoice)
        with self._wizard("dunning.hold.wizard", line_ids=line.ids) as form:
            form.reason = "Credit note is coming"
        form.record.action_confirm()
        self.assertEqual((line.decision, line.reason_code), ("leave", "hold"))
        self.assertEqual(run.notice_ids.state, "withdrawn")

    def test_a_disputed_part_is_of_one_receivable_only(self):
        other = self.item_of(self.make_invoice(amount=30.0))
        wizard = self.env["dunning.dispute.wizard"].create(
            {
                "account_id": self.account.id,
                "item_ids": (self.item | other).ids,
                "scope": "part",
                "amount": 10.0,
                "reason": "price",
            }
        )
        with self.assertRaisesRegex(UserError, "just that one"):
            wizard.action_confirm()
        wizard.write({"scope": "whole"})
        wizard.action_confirm()
        self.assertEqual(self.account.dispute_ids.item_id, self.item | other)
        self.assertEqual(self._labels(), ["2 disputes"])

    def test_a_call_without_answer_plans_the_next_one_tomorrow(self):
        with self._wizard("dunning.call.wizard", account_id=self.account.id) as form:
            form.outcome = "no_answer"
        form.record.action_confirm()
        [activity] = self.account.activity_ids
        self.assertEqual(str(activity.date_deadline), "2026-11-19")
        self.assertIn("No answer", self.account.message_ids[0].body)

    def test_a_call_that_brings_a_promise_leads_on_to_the_promise(self):
        with self._wizard("dunning.call.wizard", account_id=self.account.id) as form:
            form.outcome = "promise"
        self.assertEqual(form.record.action_confirm()["res_model"], "dunning.promise.wizard")

    # === PREVIEWS === #

    def test_the_preview_of_a_proposed_message_is_what_would_leave_now(self):
        notice = self.propose().notice_ids
        self.assertIn(self.invoice.name, notice.preview_html)
        self.assertIn(self.invoice.name, notice.preview_text)
        self.assertFalse(notice.preview_error)

    def test_what_is_written_into_a_message_is_written_into_its_plain_text_too(self):
        notice = self.propose().notice_ids
        notice.action_edit_text()
        self.assertTrue(notice.is_writable)
        before = notice.body_text

        notice.body_html = notice.body_html.replace("</h1>", "</h1><p>We spoke on Monday.</p>")
        self.assertEqual(notice.body_text.count("We spoke on Monday."), 1)
        self.assertEqual(notice.body_text.replace("We spoke on Monday.\n\n", ""), before)

        notice.write({"body_html": "<p>Short</p>", "body_text": "Shorter"})
        self.assertEqual(notice.preview_text, "Shorter")

    def test_a_letter_is_printed_under_its_address_and_nothing_in_it_runs(self):
        self.customer.write({"street": "Dock Road 4", "city": "Hull", "zip": "HU1 2AB"})
        notice = self.propose().notice_ids
        notice.action_edit_text()
        notice.body_html = notice.body_html.replace("</h1>", "</h1><p>By post</p><script>alert(1)</script>")

        self.assertEqual(notice.action_print_letter()["report_name"], "odoo_dunning.letter")
        page, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "odoo_dunning.report_letter", notice.ids
        )
        page = page.decode()
        self.assertIn("By post", page)
        self.assertNotIn("alert(1)", page)
        self.assertLess(page.index("Dock Road 4"), page.index("By post"))
        self.assertEqual(notice._address_lines(self.customer)[:2], [self.customer.name, "Dock Road 4"])

    def test_the_preview_of_a_broken_text_names_its_line_and_of_a_good_one_shows_the_customer(self):
        draft = {
            "key": "friendly",
            "lang": "en",
            "subject": "Open: {{ customer.name }}",
            "body_text": "Hello",
        }
        broken = {**draft, "body_html": "<p>Hello</p>\n<p>{{ customer.nmae }}</p>"}
        [problem] = [
            one
            for one in self.env["dunning.template"].preview_draft(broken, self.account.id)["problems"]
            if one["severity"] == "error"
        ]
        self.assertEqual((problem["part"], problem["line"]), ("html", 2))
        good = {**draft, "body_html": "<p>{% for item in items %}{{ item.number }}{% endfor %}</p>"}
        answer = self.env["dunning.template"].preview_draft(good, self.account.id)
        self.assertEqual(answer["subject"], "Open: Acme")
        self.assertIn(self.invoice.name, answer["html"])

    # === POLICY AND RUN === #

    def test_three_levels_added_one_after_the_other_make_a_policy_that_works(self):
        with Form(self.env["dunning.policy"]) as form:
            form.name = "Three steps"
            for _step in range(3):
                with form.level_ids.new():
                    pass
        self.assertEqual(
            [(one.rank, one.name, one.delay_days, one.template_key) for one in form.record.level_ids],
            [
                (1, "Friendly reminder", 7, "friendly"),
                (2, "Firm reminder", 21, "firm"),
                (3, "Final notice", 35, "final"),
            ],
        )
        self.assertEqual(form.record.timeline["problem"], "")

    def test_another_tone_brings_its_text_unless_another_one_was_chosen(self):
        with Form(self.policy.level_ids[0]) as form:
            form.name = "By the way"
            form.key = "final"
        self.assertEqual((form.record.name, form.record.template_key), ("By the way", "final"))

    def test_the_line_of_time_shows_each_level_on_its_day(self):
        """Standard policy, weekends off as set up here: due Wednesday 18 Nov 2026. Three days before is Sunday, so
        Monday 16. 7 days after: Wednesday 25. 21: Wednesday 9 Dec. 35: Wednesday 23 Dec. Then 14 days to hand over."""
        steps = [(step["days"], step["label"]) for step in self.policy.timeline["steps"]]
        self.assertEqual(
            steps,
            [
                (-2, "Courtesy note"),
                (0, "Invoice due"),
                (7, "Friendly reminder"),
                (21, "Firm reminder"),
                (35, "Final notice"),
                (49, "A person takes over"),
            ],
        )

    def test_the_figures_of_a_run_keep_currencies_apart_and_name_the_reasons(self):
        self.make_invoice(self.make_customer("Late Brook"), amount=70.0)
        self.make_invoice(self.make_customer("Young"), due_days=-60)
        summary = self.propose().summary
        [row] = summary["messages"]
        self.assertEqual((row["level"], row["count"], row["items"]), ("Friendly reminder", 2, 2))
        self.assertEqual([one["amount"] for one in row["amounts"]], [170.0])
        self.assertEqual([(one["label"], one["count"]) for one in summary["left"]], [("Too young", 1)])

    def test_every_reason_of_the_engine_has_a_title(self):
        self.assertEqual(set(explain.TITLES), set(explain.NEXT_STEPS))

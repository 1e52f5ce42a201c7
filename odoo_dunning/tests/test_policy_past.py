"""“With this policy, what would have gone out?” An answer that differs from what really happens is worse than none."""

from datetime import date, timedelta
from decimal import Decimal

from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time, tagged

from .common import TODAY, LifeCase, collections_user

LAST_DAY = date(2026, 12, 31)
TABLES = ("dunning_account", "dunning_item", "dunning_run", "dunning_run_line", "dunning_notice", "mail_mail")


@tagged("post_install", "-at_install")
class TestPolicyPast(LifeCase):
    def test_it_agrees_with_what_daily_runs_really_sent(self):
        """Six weeks of two customers: a debt paid meanwhile, one paid in part, one not due yet, a credit note."""
        other = self.make_customer("Globex")
        late = self.make_invoice(partner=other, due_days=17, amount=400.0)
        coming = self.make_invoice(due_days=-7, amount=200.0)
        self.make_invoice(due_days=-20, amount=90.0)
        events = {
            date(2026, 12, 1): lambda: self.pay(late, day=date(2026, 12, 1)),
            date(2026, 12, 3): self.credit_note,
            date(2026, 12, 8): lambda: self.pay(coming, 150.0, day=date(2026, 12, 8)),
        }
        really = []
        for day in self.working_days():
            with freeze_time(f"{day} 12:00:00"):
                if day in events:
                    events[day]()
                run = self.propose(date=day)
                if run.notice_ids:
                    really += [self.seen(day, notice) for notice in self.send_out(run)]
                else:
                    run.action_cancel()

        with freeze_time(f"{LAST_DAY} 18:00:00"):
            before = [self.writes_of(table) for table in TABLES]
            days = self.policy.what_would_have_gone_out(str(TODAY), str(LAST_DAY))
            self.assertEqual([self.writes_of(table) for table in TABLES], before)

        said = [
            (
                day["date"],
                one["customer"],
                one["level_rank"],
                Decimal(one["amount"]),
                sorted(one["receivables"]),
            )
            for day in days
            for one in day["messages"]
        ]
        self.assertEqual(sorted(said), sorted(really))
        self.assertGreaterEqual(len(said), 6)
        self.assertEqual({one[2] for one in said} & {1, 2, 3, 4}, {one[2] for one in really})

    def working_days(self):
        days = [TODAY + timedelta(days=number) for number in range((LAST_DAY - TODAY).days + 1)]
        return [day for day in days if day.weekday() < 5]

    def credit_note(self):
        note = self.make_invoice(amount=30.0, post=False, move_type="out_refund", ref="Goodwill")
        note.write({"invoice_date": "2026-12-03", "date": "2026-12-03", "invoice_date_due": "2026-12-03"})
        note.action_post()

    def seen(self, day, notice):
        amount = Decimal(f"{notice.amount_total:.2f}")
        numbers = sorted(notice.line_ids.item_id.mapped("number"))
        return str(day), notice.account_id.partner_id.display_name, notice.level_rank, amount, numbers

    def test_what_was_paid_before_anybody_collected_here_counts(self):
        """Due on 1 October, paid on 12 October, never open since the addon came: the reminder of the 7th day."""
        invoice = self.make_invoice(partner=self.make_customer("Globex"), due_days=48, amount=70.0)
        self.pay(invoice, day=date(2026, 10, 12))

        days = self.policy.what_would_have_gone_out(date(2026, 9, 29), date(2026, 10, 31))

        self.assertEqual(
            [(day["date"], one["level"], one["amount"]) for day in days for one in day["messages"]],
            [("2026-09-29", "Courtesy note", "70.00"), ("2026-10-08", "Friendly reminder", "70.00")],
        )

    def test_the_volume_cap_holds_on_those_days_too(self):
        self.make_invoice(partner=self.make_customer("Globex"), due_days=10, amount=400.0)
        self.company.dunning_cap_per_day = 1

        days = self.policy.what_would_have_gone_out(TODAY, TODAY + timedelta(days=1))

        self.assertEqual(
            [(len(day["messages"]), day["messages"][0]["customer"], day["held_back"]) for day in days],
            [(1, "Globex", 1), (1, "Acme", 0)],
        )

    def test_the_screen_lists_the_same_messages(self):
        """The last 90 days, unless others are entered: due on Sunday 8 November; the 7th day after is a Sunday, too."""
        clerk = collections_user(self.env, "clerk", company=self.company)
        action = self.policy.with_user(clerk).action_try_on_past()
        form = Form(self.env["dunning.past.wizard"].with_user(clerk).with_context(**action["context"]))
        self.assertEqual((form.start_date, form.end_date), (TODAY - timedelta(days=90), TODAY))
        shown = form.save().action_show()

        messages = self.env[shown["res_model"]].with_user(clerk).search(shown["domain"])
        self.assertEqual(
            messages.mapped(
                lambda one: (str(one.date), one.partner_id, one.level, one.amount, one.receivables)
            ),
            [
                ("2026-11-05", self.customer, "Courtesy note", 100.0, self.invoice.name),
                ("2026-11-16", self.customer, "Friendly reminder", 100.0, self.invoice.name),
            ],
        )

    def test_days_the_wrong_way_round_are_refused(self):
        with self.assertRaisesRegex(UserError, "not before the first"):
            self.policy.what_would_have_gone_out("2026-11-02", "2026-11-01")

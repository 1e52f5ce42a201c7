"""The number of queries depends on the kind of work, never on how much of it there is.

A ceiling that grows with the data is how other dunning software came to 200,853 queries for 100,000 items.
"""

import re
from contextlib import contextmanager
from unittest.mock import patch

from odoo.addons.mail.tests.common import MailCase
from odoo.sql_db import Cursor
from odoo.tests import tagged
from odoo.tests.form import Form

from .common import DunningCase


class Spent:
    """Queries a block has sent."""

    queries = 0


@tagged("post_install", "-at_install")
class TestQueryCeilings(DunningCase, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Without a time zone of its own the company asks for the administrator's: the dearer way.
        cls.company.partner_id.tz = False

    @contextmanager
    def spending(self):
        """Count the queries of a block that starts with nothing cached and nothing pending."""
        self.env.flush_all()
        self.env.invalidate_all()
        spent, before = Spent(), self.env.cr.sql_log_count
        yield spent
        self.env.flush_all()
        spent.queries = self.env.cr.sql_log_count - before

    def more_customers(self, count, invoices=2):
        for number in range(count):
            partner = self.make_customer(f"Customer {number} of {count}")
            for days in range(invoices):
                self.make_invoice(partner=partner, due_days=8 + days)

    def queries_of(self, work):
        """The second time, when what is cached for good is cached."""
        work()
        with self.spending() as spent:
            work()
        return spent.queries

    def test_lines_of_a_run_are_counted_in_the_order_of_their_index(self):
        """By chance order the planner reads all older runs first: 80 ms a page behind twelve runs of 100,000 lines."""
        self.more_customers(2)
        run, lines = self.propose(), self.env["dunning.run.line"]
        domain = [("run_id", "=", run.id)]
        self.assertEqual(lines.search_count(domain), 4)
        self.assertEqual(lines.search_count(domain, limit=3), 3)
        order = re.compile(r'ORDER BY "dunning_run_line"."account_id" *, "dunning_run_line"."id" *LIMIT')
        self.assertRegex(lines._search(domain, limit=3).select("").code, order)

    def test_proposal(self):
        def propose_and_drop():
            run = self.propose()
            self.env.flush_all()
            run.action_cancel()

        self.more_customers(2)
        few = self.queries_of(propose_and_drop)
        self.more_customers(12)

        self.assertLessEqual(self.queries_of(propose_and_drop), few)

    def test_approval(self):
        def queries():
            run = self.propose()
            with self.spending() as spent:
                run.action_approve()
            run.action_cancel()
            return spent.queries

        self.more_customers(2)
        queries()
        few = queries()
        self.more_customers(12)

        self.assertLessEqual(queries(), few)

    def test_slice_handed_to_the_mail_queue(self):
        """At most one per message, for what Odoo itself asks about its recipient."""

        def queries():
            run = self.propose()
            run.action_approve()
            count = len(run.notice_ids)
            with self.spending() as spent:
                self.hand_over()
            run.action_cancel()
            return spent.queries, count

        self.more_customers(2)
        queries()
        few, few_messages = queries()
        self.more_customers(12)
        many, many_messages = queries()

        self.assertGreater(many_messages, few_messages + 10)
        self.assertLessEqual(many - few, many_messages - few_messages)

    def test_a_mail_leaves_without_reading_the_texts_of_the_others(self):
        """Each outcome forgets what is known of messages; what is read again is one mail, not all of the queue."""
        self.more_customers(3)
        run = self.propose()
        run.action_approve()
        self.hand_over()
        mails = run.notice_ids.mail_mail_id
        self.assertGreaterEqual(len(mails), 3)
        read_along = []

        def taken_up(mail, step):
            read_along.append(list(mail._prefetch_ids))
            return False

        with patch.object(type(mails), "_take_up", taken_up):
            mails._send()
        self.assertEqual(read_along, [[mail.id] for mail in mails])

    def test_lists(self):
        self.more_customers(3)
        run = self.propose()
        screens = {
            "dunning.account": [("company_id", "=", self.company.id)],
            "dunning.item": [("is_open", "=", True)],
            "dunning.run.line": [("run_id", "=", run.id)],
            "dunning.notice": [("run_id", "=", run.id)],
        }
        few = {
            model: self.queries_of(lambda m=model, d=domain: self.read_list(m, d))
            for model, domain in screens.items()
        }
        run.action_cancel()
        self.more_customers(12)
        again = self.propose()
        screens.update(
            {"dunning.run.line": [("run_id", "=", again.id)], "dunning.notice": [("run_id", "=", again.id)]}
        )

        for model, domain in screens.items():
            with self.subTest(model=model):
                many = self.queries_of(lambda m=model, d=domain: self.read_list(m, d))
                self.assertLessEqual(many, few[model])

    def read_list(self, model, domain):
        """What the web client asks for to show the model's list."""
        views = self.env[model].get_views([(False, "list")])
        names = views["models"][model]["fields"]
        spec = {
            name: {"fields": {"display_name": {}}} if info["type"] in ("many2one", "many2many") else {}
            for name, info in names.items()
            if info["type"] != "one2many" and f'name="{name}"' in views["views"]["list"]["arch"]
        }
        self.env.invalidate_all()
        return self.env[model].web_search_read(domain, spec, limit=80)

    def test_account_form(self):
        partner = self.make_customer("Large")
        for days in range(2):
            self.make_invoice(partner=partner, due_days=8 + days)
        self.refresh()
        account = self.account_of(partner)
        few = self.queries_of(lambda: Form(account))
        for days in range(10):
            self.make_invoice(partner=partner, due_days=20 + days)
        self.refresh()

        self.assertLessEqual(self.queries_of(lambda: Form(account)), few)

    def test_posting_and_paying_send_one_statement_of_ours(self):
        """Whoever posts and pays invoices reads nothing of Collections: what changed is left for later."""
        invoice = self.make_invoice(post=False)
        self.env.cr.flush()

        posting = self.statements_of_ours(invoice.action_post)
        paying = self.statements_of_ours(lambda: self.pay(invoice))

        self.assertEqual(
            [posting, paying],
            [["dunning_item_change"]] * 2,
            "one statement at the commit, no other",
        )

    def statements_of_ours(self, work):
        """What of ours the database is asked for, from an empty cache to the commit."""
        self.env.invalidate_all()
        # The follower is awake already.
        self.env["dunning.item.change"].sudo().create({"move_line_id": 0})
        self.env.flush_all()
        with self.capture_statements() as statements:
            work()
            self.env.cr.flush()
        return [found[0] for statement in statements if (found := re.search(r"dunning\w*", statement))]

    @contextmanager
    def capture_statements(self):
        statements = []
        execute = Cursor.execute

        def remember(cursor, query, *args, **kwargs):
            statements.append(str(getattr(query, "code", query)))
            return execute(cursor, query, *args, **kwargs)

        with patch.object(Cursor, "execute", remember):
            yield statements

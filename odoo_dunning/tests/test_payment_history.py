"""A rule that treats a customer by how it paid: by days nobody can work out again by hand, it treats the wrong one."""

from ast import literal_eval
from datetime import date, timedelta
from decimal import Decimal

from lxml import etree
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from ..bulk import history
from .common import DunningCase, collections_user
from .ledger_common import NOW, LedgerFixtures


@tagged("post_install", "-at_install")
class TestPaymentHistory(LedgerFixtures, DunningCase):
    def setUp(self):
        super().setUp()
        self.registry_enter_test_mode()

    def figures(self, partner=None, company=None):
        """(days late on average, paid in the last year) of a customer, after the daily look."""
        company = company or self.company
        self.env["dunning.item"]._refresh(company)
        history.refresh(self.env, company)
        accounts = self.env["dunning.account"].search([("company_id", "=", company.id)])
        account = accounts.filtered(lambda one: one.partner_id == (partner or self.customer))
        return account.days_late_avg, account.paid_count

    def paid(self, due_days, day, **vals):
        invoice = self.make_invoice(due_days=due_days, **vals)
        self.pay(invoice, day=day)
        return invoice

    def reconcile(self, *moves):
        lines = self.env["account.move"].union(*moves).line_ids
        lines.filtered(lambda line: line.account_id.account_type == "asset_receivable").reconcile()

    def credit_note(self, amount, day):
        note = self.make_invoice(amount=amount, due_days=0, post=False, move_type="out_refund")
        note.write({"invoice_date": day, "date": day, "invoice_date_due": day})
        note.action_post()
        return note

    def written_off(self, amount, day):
        """An entry of a miscellaneous journal that takes a claim on the customer from the books."""
        receivable = self.company_data["default_account_receivable"]
        common = {"partner_id": self.customer.id, "name": "Written off"}
        entry = self.env["account.move"].create(
            {
                "date": day,
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create({**common, "account_id": receivable.id, "credit": amount}),
                    Command.create(
                        {
                            **common,
                            "account_id": self.company_data["default_account_expense"].id,
                            "debit": amount,
                        }
                    ),
                ],
            }
        )
        entry.action_post()
        return entry

    # === ODOO === #

    def test_late_early_and_in_two_parts_are_averaged(self):
        """10 days late, 5 early, and 15 late with the second part: 20 days over three are 7."""
        self.make_invoice(due_days=3)
        self.assertEqual(self.figures(), (0, 0))
        self.paid(40, date(2026, 10, 19))
        self.assertEqual(self.figures(), (10, 1))
        self.paid(20, date(2026, 10, 24))
        self.assertEqual(self.figures(), (3, 2))
        in_parts = self.make_invoice(due_days=50)
        self.pay(in_parts, 40.0, day=date(2026, 10, 4))
        self.assertEqual(self.figures(), (3, 2))
        self.pay(in_parts, day=date(2026, 10, 14))
        self.assertEqual(self.figures(), (7, 3))

    def test_a_large_invoice_counts_as_much_as_a_small_one(self):
        self.paid(40, date(2026, 10, 29), amount=10000.0)
        self.paid(40, date(2026, 10, 9))
        self.make_invoice()

        self.assertEqual(self.figures(), (10, 2))

    def test_only_early_payments_make_it_negative(self):
        self.paid(20, date(2026, 10, 21))
        self.make_invoice()

        self.assertEqual(self.figures(), (-8, 1))

    def test_only_the_last_twelve_months_count(self):
        """Both were due on 10 November 2025; who paid on the 17th did so more than a year ago."""
        self.paid(373, date(2025, 11, 17))
        self.make_invoice()
        self.assertEqual(self.figures(), (0, 0))
        self.paid(373, date(2025, 11, 18))
        self.assertEqual(self.figures(), (8, 1))

    def test_a_credit_note_is_no_payment(self):
        """Settled by a credit note alone: not paid. Paid five days late, the rest credited later: five days."""
        credited = self.make_invoice(due_days=40)
        self.reconcile(credited, self.credit_note(100.0, "2026-11-10"))
        self.make_invoice()
        self.assertEqual(credited.payment_state, "reversed")
        self.assertEqual(self.figures(), (0, 0))
        in_part = self.make_invoice(due_days=20)
        self.pay(in_part, 70.0, day=date(2026, 11, 3))
        self.reconcile(in_part, self.credit_note(30.0, "2026-11-10"))
        self.assertEqual(self.figures(), (5, 1))

    def test_what_was_mostly_written_off_was_not_paid(self):
        """A small rest may be: it is paid on the day the money came, not the day of the entry."""
        lost = self.make_invoice(due_days=40)
        self.pay(lost, 10.0, day=date(2026, 10, 9))
        self.reconcile(lost, self.written_off(90.0, "2026-11-10"))
        self.make_invoice()
        self.assertEqual(lost.amount_residual, 0.0)
        self.assertEqual(self.figures(), (0, 0))
        nearly = self.make_invoice(due_days=40)
        self.pay(nearly, 99.0, day=date(2026, 10, 16))
        self.reconcile(nearly, self.written_off(1.0, "2026-11-10"))
        self.assertEqual(self.figures(), (7, 1))

    def test_a_payment_taken_back_is_forgotten(self):
        invoice = self.paid(40, date(2026, 10, 19))
        self.assertEqual(self.figures(), (0, 0))
        self.make_invoice()
        self.assertEqual(self.figures(), (10, 1))
        invoice.line_ids.remove_move_reconcile()
        self.assertEqual(self.figures(), (0, 0))

    def test_a_customer_of_two_companies_has_a_history_in_each(self):
        """30 days late here, 10 days early there."""
        self.paid(40, date(2026, 11, 8))
        self.make_invoice()
        other = self.setup_other_company()
        sold = {"company_id": other["company"].id, "journal_id": other["default_journal_sale"].id}
        self.paid(20, date(2026, 10, 19), **sold)
        self.make_invoice(**sold)

        self.assertEqual(self.figures(), (30, 1))
        self.assertEqual(self.figures(company=other["company"]), (-10, 1))
        self.assertEqual(self.figures(), (30, 1))

    # === LEDGERS === #

    def test_invoices_of_a_ledger_count_from_what_was_set_against_them(self):
        """Paid on 2 November: 2 days late, 3 early, and by instalments 2 late on the last. Void and open ones not."""
        due = {"due_date": date(2026, 11, 5)}
        parts = ((date(2026, 10, 1), Decimal(60)), (date(2026, 10, 31), Decimal(40)))
        self.ingest(
            LedgerFixtures.customer(),
            self.invoice("I1", open="0", status="paid"),
            self.invoice("I2", open="0", status="paid", **due),
            self.invoice("I3", open="0", status="paid", installments=parts),
            self.invoice("I4", open="0", status="void"),
            self.invoice("I5", open="60"),
            self.payment("P1", against=[("I1", "100"), ("I5", "40")], amount="140"),
            self.payment("P2", against=[("I2", "100"), ("I3", "100"), ("I4", "100")], amount="300"),
        )
        self.assertEqual(len(self.items("I3")), 2)
        partner = self.items("I1").account_id.partner_id

        self.assertEqual(self.figures(partner), (0, 3))
        self.ingest(self.invoice("I2", open="100", at=NOW + timedelta(days=1), **due))
        self.assertEqual(self.figures(partner), (2, 2))

    def test_an_invoice_known_to_odoo_or_made_of_charges_is_not_counted_for_the_ledger(self):
        self.ingest(
            LedgerFixtures.customer(),
            self.invoice("I1", open="0", status="paid"),
            self.payment("P1", against=[("I1", "100")], amount="100"),
        )
        item = self.items("I1")
        self.assertEqual(self.figures(item.account_id.partner_id), (2, 1))
        for state, figures in (("charge", (0, 0)), ("proposed", (0, 0)), ("rejected", (2, 1))):
            match = (
                self.env["dunning.ledger.match"]
                .sudo()
                .create(
                    {
                        "ledger_id": self.ledger.id,
                        "entity": "invoice",
                        "external_id": "I1",
                        "state": state,
                    }
                )
            )
            with self.subTest(state=state):
                self.assertEqual(self.figures(item.account_id.partner_id), figures)
            match.unlink()

    # === WHAT IT IS FOR === #

    def test_a_rule_by_days_late_picks_its_policy_and_the_reason_names_it(self):
        """Two who were 10 days late on average: one paid twice, the other once, which is no evidence yet."""
        once = self.make_customer("Once")
        strict = self.policy.copy({"name": "Strict"})
        self.env["dunning.policy.rule"].create(
            {
                "name": "Pays late",
                "policy_id": strict.id,
                "account_domain": "[('days_late_avg', '>=', 10), ('paid_count', '>=', 2)]",
            }
        )
        for partner, times in ((self.customer, 2), (once, 1)):
            for _time in range(times):
                self.paid(40, date(2026, 10, 19), partner=partner)
        invoices = [self.make_invoice(partner=partner) for partner in (self.customer, once)]
        self.refresh()
        self.as_scheduled()

        run = self.propose()

        lines = [self.line_of(run, invoice) for invoice in invoices]
        self.assertEqual(
            [(line.policy_id, line.policy_reason) for line in lines],
            [
                (strict, "Policy chosen by the rule “Pays late”."),
                (self.policy, "Default policy of the company."),
            ],
        )

    def as_scheduled(self):
        self.env.flush_all()
        with self.registry.cursor() as cr:
            self.env(cr=cr, su=True)["dunning.run"]._cron_housekeeping()
        self.env.invalidate_all()

    def test_looking_again_writes_nothing(self):
        self.paid(40, date(2026, 10, 19))
        self.make_invoice()
        self.make_invoice(partner=self.make_customer("Never paid"))
        self.figures()
        before = self.writes_of("dunning_account")

        self.figures()

        self.assertEqual(self.writes_of("dunning_account"), before)

    def test_it_is_not_written_by_hand(self):
        self.make_invoice()
        self.refresh()
        manager = collections_user(self.env, "manager", "group_manager", self.company)
        for name in ("days_late_avg", "paid_count"):
            with self.subTest(field=name), self.assertRaises(AccessError):
                self.account_of(self.customer).with_user(manager).write({name: 5})

    def test_the_filter_finds_who_pays_late_and_groups_by_days(self):
        early = self.make_customer("Early")
        self.paid(40, date(2026, 10, 19))
        self.paid(40, date(2026, 10, 1), partner=early)
        for partner in (self.customer, early, self.make_customer("New")):
            self.make_invoice(partner=partner)
        self.figures()
        accounts = self.env["dunning.account"]
        search = etree.fromstring(accounts.get_view(view_type="search")["arch"])
        [late] = search.xpath("//filter[@name='pays_late']/@domain")
        here = [("company_id", "=", self.company.id)]

        found = accounts.search([*literal_eval(late), *here])

        self.assertEqual(found.partner_id, self.customer)
        groups = accounts.formatted_read_group(here, ["days_late_avg"], ["__count"])
        self.assertEqual(
            sorted((group["days_late_avg"] or 0, group["__count"]) for group in groups),
            [(-8, 1), (0, 1), (10, 1)],
        )

"""What the core tests share: a company with books, customers with addresses, invoices, and a Wednesday noon."""

from datetime import date, timedelta

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.mail.tests.common import MailCase
from odoo.fields import Command
from odoo.tests import freeze_time, new_test_user
from odoo.tools import SQL

NOW = "2026-11-18 12:00:00"
TODAY = date(2026, 11, 18)


class DunningCase(AccountTestInvoicingCommon):
    """A German company on Wednesday, 18 November 2026, 12:00 UTC, with the policy that comes with the addon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(NOW))
        cls.company = cls.env.company
        cls.company.write(
            {
                "country_id": cls.env.ref("base.de").id,
                "email": "office@seller.example",
                "dunning_policy_id": cls.env.ref("odoo_dunning.policy_default").id,
                "dunning_public_holidays": False,
                "dunning_bank_gate": "off",
            }
        )
        cls.company.partner_id.tz = "Europe/Berlin"
        cls.env.user.write({"group_ids": [Command.link(cls.env.ref("odoo_dunning.group_manager").id)]})
        cls.policy = cls.company.dunning_policy_id
        cls.courtesy, cls.friendly, cls.firm, cls.final = cls.policy.level_ids.sorted("rank")
        cls.customer = cls.make_customer("Acme")

    # === CUSTOMERS AND BOOKS === #

    @classmethod
    def make_customer(cls, name, **vals):
        defaults = {
            "is_company": True,
            "email": f"{name.lower().replace(' ', '.')}@customer.example",
            "lang": "en_US",
        }
        return cls.env["res.partner"].create(
            {"name": name, "country_id": cls.env.ref("base.de").id, **defaults, **vals}
        )

    @classmethod
    def make_invoice(cls, partner=None, amount=100.0, due_days=10, post=True, **vals):
        """An invoice that is `due_days` overdue today (negative: not due yet)."""
        due_date = TODAY - timedelta(days=due_days)
        invoice = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or cls.customer).id,
                "invoice_date": due_date - timedelta(days=30),
                "invoice_date_due": due_date,
                "invoice_line_ids": [
                    Command.create({"name": "Goods", "quantity": 1, "price_unit": amount, "tax_ids": False})
                ],
                **vals,
            }
        )
        if post:
            invoice.action_post()
        return invoice

    @classmethod
    def pay(cls, invoice, amount=None, day=TODAY):
        """Money that arrives for an invoice on a day, reconciled with it."""
        vals = {"payment_date": day, **({"amount": amount} if amount else {})}
        wizard = cls.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        return wizard.create(vals)._create_payments()

    @classmethod
    def refresh(cls):
        cls.env["dunning.item"]._refresh(cls.company)

    @classmethod
    def follow(cls):
        """What happens at the commit of whoever posts or pays, and what the scheduled action does then."""
        cls.env.cr.flush()
        cls.env["dunning.item"]._refresh_lines(cls.env["dunning.item.change"]._take_all())

    @classmethod
    def item_of(cls, move):
        """The one dunning item of a journal entry."""
        cls.refresh()
        return cls.env["dunning.item"].search([("move_line_id.move_id", "=", move.id)])

    @classmethod
    def account_of(cls, partner):
        return cls.env["dunning.account"].search(
            [("partner_id", "=", partner.id), ("company_id", "=", cls.company.id)]
        )

    # === RUNS === #

    @classmethod
    def propose(cls, **vals):
        run = cls.env["dunning.run"].create({"company_id": cls.company.id, "date": TODAY, **vals})
        run.action_propose_now()
        return run

    def line_of(self, run, move):
        return run.line_ids.filtered(lambda line: line.item_id.move_line_id.move_id == move)

    def hand_over(self):
        """What the scheduled action does, without its commits."""
        notices = self.env["dunning.notice"]._take(self.company)
        if notices:
            notices._hand_over()
        return notices

    def send_out(self, run):
        """Approve, queue and send a run through Odoo's mail queue with a pretended server; returns its messages."""
        run.action_approve()
        self.hand_over()
        with self.mock_mail_gateway():
            run.notice_ids.mail_mail_id.send()
        return run.notice_ids

    def levels(self, *moves):
        return [self.item_of(move).level_rank for move in moves]

    def writes_of(self, table):
        """How many rows of a table this transaction has written so far."""
        self.env.flush_all()
        [[count]] = self.env.execute_query(
            SQL(
                "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables WHERE relname = %s",
                table,
            )
        )
        return count


class LifeCase(DunningCase, MailCase):
    """One invoice, ten days overdue, and mails that leave for nowhere."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.make_invoice(due_days=10)

    def queue(self, run):
        run.action_approve()
        self.hand_over()
        return run.notice_ids

    def uncertain(self, run):
        notice = self.queue(run)
        notice._take_up()
        notice._mark_uncertain()
        return notice


def collections_user(env, login, group="group_user", company=None, **vals):
    """A user with one of the addon's groups."""
    company = company or env.company
    return new_test_user(
        env,
        login,
        groups=f"base.group_user,odoo_dunning.{group}",
        company_id=company.id,
        company_ids=[(6, 0, company.ids)],
        **vals,
    )

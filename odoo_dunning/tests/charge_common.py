"""What the charge tests share: a policy whose last level charges, accounts to book on, and figures worked out by hand.

1,000.00 due on 20 June 2026, a German business, asked on 18 November 2026: 10 days at 1.27 + 9 % and 141 days at
1.52 + 9 % (Bundesbank base rates of both half-years): 2.81 + 40.64 = 43.45, and 40.00 by § 288 (5) BGB.
"""

from datetime import date

from odoo.addons.mail.tests.common import MailCase
from odoo.fields import Command
from odoo.tests import freeze_time

from .common import TODAY, DunningCase

DUE = date(2026, 6, 20)
LATE_DAYS = (TODAY - DUE).days
INTEREST = 43.45


class ChargeCase(DunningCase, MailCase):
    """Old items go to the last level at once, which charges interest and the recovery sum."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The books of these tests are kept in euro.
        cls.eur = cls.env.ref("base.EUR")
        cls.eur.active = True
        cls.policy.entry = "by_age"
        cls.final.write({"charge_interest": True, "charge_recovery_sum": True})

    @classmethod
    def set_up_booking(cls, moment="issue"):
        cls.interest_account = cls._income_account("Interest income", "467001")
        cls.recovery_account = cls._income_account("Recovery income", "467002")
        cls.fee_account = cls._income_account("Fee income", "467003")
        cls.company.write(
            {
                "dunning_charge_booking": moment,
                "dunning_charge_journal_id": cls.company_data["default_journal_sale"].id,
                "dunning_interest_account_id": cls.interest_account.id,
                "dunning_recovery_account_id": cls.recovery_account.id,
                "dunning_fee_account_id": cls.fee_account.id,
            }
        )

    @classmethod
    def _income_account(cls, name, code):
        return cls.env["account.account"].create(
            {
                "name": name,
                "code": code,
                "account_type": "income_other",
                "company_ids": [Command.link(cls.company.id)],
            }
        )

    @classmethod
    def make_late(cls, partner=None, amount=1000.0, **vals):
        """An invoice in euro due on 20 June 2026."""
        return cls.make_invoice(partner, amount, due_days=LATE_DAYS, **{"currency_id": cls.eur.id, **vals})

    @classmethod
    def consumer(cls, name="Erika", **vals):
        return cls.make_customer(name, is_company=False, **vals)

    def charges(self, run, kind=None):
        found = run.notice_ids.charge_ids
        return found.filtered(lambda one: one.kind == kind) if kind else found

    def sent_run(self, **vals):
        run = self.propose(**vals)
        self.send_out(run)
        return run

    def run_on(self, day):
        """A run of another day, sent on it."""
        with freeze_time(f"{day} 12:00:00"):
            run = self.env["dunning.run"].create({"company_id": self.company.id, "date": day})
            run.action_propose_now()
            self.send_out(run)
        return run

    def balance(self, partner=None):
        """What the ledger says a customer owes, in company currency."""
        lines = self.env["account.move.line"].search(
            [
                ("partner_id", "=", (partner or self.customer).id),
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
            ]
        )
        return sum(lines.mapped("balance"))

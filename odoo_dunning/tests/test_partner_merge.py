"""Customers that are merged, archived or deleted: a debt, a stop or a history that gets lost."""

from odoo.addons.mail.tests.common import MailCase
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .charge_common import ChargeCase
from .common import TODAY


class MergeCase(ChargeCase, MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.make_customer("Acme Ltd")

    def merge(self, *partners, into):
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {
                "partner_ids": [Command.set([partner.id for partner in partners])],
                "dst_partner_id": into.id,
                "state": "selection",
            }
        )
        wizard.action_merge()
        self.env.invalidate_all()
        self.assertFalse([partner for partner in partners if partner != into and partner.exists()])

    def account(self, partner):
        self.refresh()
        [account] = self.account_of(partner)
        return account


@tagged("post_install", "-at_install")
class TestPartnerMerge(MergeCase):
    def test_two_accounts_become_one_with_everything(self):
        ours, theirs = self.make_late(), self.make_late(partner=self.other, amount=500.0)
        first = self.sent_run()
        kept, gone = self.account(self.customer), self.account(self.other)
        item = self.item_of(theirs)
        hold = self.env["dunning.hold"].create({"account_id": gone.id, "item_id": item.id, "reason": "Asked"})
        promise = self.env["dunning.promise"].create(
            {
                "account_id": gone.id,
                "item_ids": [Command.set(item.ids)],
                "amount": 500.0,
                "currency_id": self.eur.id,
                "promised_date": "2026-12-01",
            }
        )
        dispute = self.env["dunning.dispute"].create({"item_id": item.id, "scope": "part", "amount": 100.0})
        stop = self.env["dunning.charge.stop"].create({"account_id": gone.id, "reason": "Moratorium"})
        gone.message_post(body="They called")
        activity = gone.activity_schedule("mail.mail_activity_data_todo", summary="Call back")
        charges = gone.charge_ids
        said = gone.message_ids
        self.assertTrue(charges)

        self.merge(self.customer, self.other, into=self.customer)

        self.assertFalse(gone.exists())
        self.assertEqual(self.account_of(self.customer), kept)
        self.assertEqual(kept.item_ids, self.item_of(ours) | item)
        self.assertEqual(item.partner_id, self.customer)
        self.assertEqual(kept.notice_ids, first.notice_ids)
        self.assertEqual(first.line_ids.account_id, kept)
        self.assertLessEqual(charges, kept.charge_ids)
        self.assertEqual((hold | kept.hold_ids, promise | kept.promise_ids), (hold, promise))
        self.assertEqual((dispute.account_id, stop.account_id), (kept, kept))
        self.assertIn(activity, kept.activity_ids)
        self.assertLessEqual(said, kept.message_ids)
        self.assertIn("Acme Ltd was merged", kept.message_ids[0].body)
        self.assertEqual((kept.item_count, kept.amount_overdue), (2, kept.amount_open))
        self.assertFalse(first.notice_ids.filtered(lambda one: one.partner_id != self.customer))

    def test_totals_are_those_of_both_and_the_next_refresh_changes_nothing(self):
        self.make_invoice(amount=100.0)
        self.make_invoice(partner=self.other, amount=40.0)
        kept = self.account(self.customer)
        self.merge(self.customer, self.other, into=self.customer)

        self.assertEqual((kept.item_count, kept.amount_open), (2, 140.0))
        before = self.writes_of("dunning_item"), self.writes_of("dunning_account")
        self.refresh()
        self.assertEqual((self.writes_of("dunning_item"), self.writes_of("dunning_account")), before)

    def test_what_stops_messages_for_one_stops_them_for_both(self):
        self.make_invoice()
        self.make_invoice(partner=self.other)
        policy = self.policy.copy({"name": "Gentle"})
        kept, gone = self.account(self.customer), self.account(self.other)
        gone.write({"is_insolvent": True, "policy_id": policy.id, "contact_note": "Ask for Eve"})
        gone.sudo().write({"last_contact_date": "2026-11-10"})
        kept.write({"contact_note": "Never on Mondays", "debtor_type": "public"})
        self.merge(self.customer, self.other, into=self.customer)

        self.assertRecordValues(
            kept,
            [
                {
                    "is_insolvent": True,
                    "policy_id": policy.id,
                    "contact_note": "Never on Mondays\nAsk for Eve",
                    "debtor_type": "public",
                    "last_contact_date": TODAY.replace(day=10),
                }
            ],
        )

    def test_an_account_moves_to_a_customer_who_has_none(self):
        self.make_invoice()
        account = self.account(self.customer)
        account.debtor_type = "public"
        fresh = self.make_customer("Fresh")
        self.merge(self.customer, fresh, into=fresh)

        self.assertRecordValues(account, [{"partner_id": fresh.id, "debtor_type": "public", "item_count": 1}])
        self.assertEqual(self.account(fresh), account)

    def test_three_at_once_of_whom_the_one_that_stays_has_no_account(self):
        self.make_invoice()
        self.make_invoice(partner=self.other)
        self.refresh()
        fresh = self.make_customer("Fresh")
        self.merge(self.customer, self.other, fresh, into=fresh)

        self.assertEqual(self.account(fresh).item_count, 2)

    def test_a_proposal_writes_once_to_the_merged_customer(self):
        ours, theirs = self.make_invoice(), self.make_invoice(partner=self.other)
        run = self.propose()
        self.assertEqual(len(run.notice_ids), 2)
        kept = self.account(self.customer)
        self.merge(self.customer, self.other, into=self.customer)

        waiting = run.notice_ids.filtered(lambda one: one.state == "proposed")
        self.assertEqual((waiting.account_id, waiting.line_ids.item_id), (kept, self.item_of(ours)))
        self.assertIn("Merged with", (run.notice_ids - waiting).note)
        self.send_out(run)
        self.assertEqual(self.levels(ours, theirs), [waiting.level_rank, 0])
        with freeze_time("2026-12-10 12:00:00"):
            later = self.env["dunning.run"].create({"company_id": self.company.id, "date": "2026-12-10"})
            later.action_propose_now()
            self.assertIn(self.item_of(theirs), later.notice_ids.line_ids.item_id)

    def test_in_every_company_and_with_customers_of_ledgers(self):
        ledger = self.env["dunning.ledger"].create(
            {"name": "Xero", "vendor": "xero", "company_id": self.company.id}
        )
        bindings = (
            self.env["dunning.customer"]
            .sudo()
            .create(
                [
                    {
                        "ledger_id": ledger.id,
                        "external_id": ref,
                        "partner_id": partner.id,
                        "debtor_partner_id": partner.id,
                        "payer_partner_id": partner.id,
                    }
                    for ref, partner in (("a", self.customer), ("b", self.other))
                ]
            )
        )
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        accounts = self.env["dunning.account"].create(
            [
                {"company_id": company.id, "partner_id": partner.id}
                for company in (self.company, elsewhere)
                for partner in (self.customer, self.other)
            ]
        )
        self.merge(self.customer, self.other, into=self.customer)

        self.assertEqual(accounts.exists().mapped("company_id"), self.company | elsewhere)
        self.assertEqual(accounts.exists().mapped("partner_id"), self.customer)
        for name in ("partner_id", "debtor_partner_id", "payer_partner_id"):
            self.assertEqual(bindings.mapped(name), self.customer)

    def test_the_bounce_of_the_other_address_does_not_stop_the_one_that_stays(self):
        self.make_invoice()
        self.make_invoice(partner=self.other)
        self.other.dunning_bounced_at = "2026-11-01 00:00:00"
        self.refresh()
        self.merge(self.customer, self.other, into=self.customer)

        self.assertFalse(self.customer.dunning_bounced_at)


@tagged("post_install", "-at_install")
class TestPartnerGone(MergeCase):
    def test_archived_customer_is_not_written_to_and_somebody_is_told(self):
        invoice = self.make_invoice()
        self.customer.active = False
        run = self.propose()

        self.assertEqual(self.line_of(run, invoice).reason_code, "no_address")
        account = self.account_of(self.customer)
        self.assertEqual(account.attention, "no_address")
        self.assertIn("Contact archived", [chip["label"] for chip in account.chips])

    def test_archived_between_approval_and_sending(self):
        invoice = self.make_invoice()
        run = self.propose()
        run.action_approve()
        self.customer.active = False
        self.hand_over()

        self.assertEqual(run.notice_ids.state, "withdrawn")
        self.assertEqual(self.levels(invoice), [0])

    def test_customer_with_a_history_is_not_deleted(self):
        invoice = self.make_invoice()
        self.refresh()
        with self.assertRaisesRegex(
            UserError, "Acme has receivables or messages .* Archive the contact, or merge"
        ):
            self.customer.unlink()
        self.pay(invoice)
        self.refresh()
        with self.assertRaisesRegex(UserError, "Archive the contact, or merge"):
            self.account_of(self.customer).sudo().unlink()

    def test_customer_in_whose_account_nothing_happened_is_deleted_with_it(self):
        partner = self.make_customer("Nobody")
        account = self.env["dunning.account"].create(
            {"company_id": self.company.id, "partner_id": partner.id}
        )
        partner.unlink()
        self.assertFalse(account.exists())

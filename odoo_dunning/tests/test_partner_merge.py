"""Customers that are merged, archived or deleted: a debt, a stop or a history that gets lost."""

from odoo.addons.mail.tests.common import MailCase
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from ..bulk import snapshot
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
class TestReceivableMoves(MergeCase):
    """A receivable that comes to another account brings along what was recorded about it."""

    def one_account_at_a_time(self):
        """As in books of many thousand customers, where two of them are rarely looked at together."""
        self.patch(snapshot.next_accounts, "__defaults__", (1,))

    def left_alone(self, item):
        """A hold, a promise and a dispute about it, each the only one in force, and what they answer."""
        account = item.account_id
        return (
            self.env["dunning.hold"].create(
                {"account_id": account.id, "item_id": item.id, "reason": "Asked"}
            ),
            self.env["dunning.promise"].create(
                {
                    "account_id": account.id,
                    "item_ids": [Command.set(item.ids)],
                    "amount": item.amount_open,
                    "currency_id": item.currency_id.id,
                    "promised_date": "2026-12-01",
                }
            ),
            self.env["dunning.dispute"].create({"item_id": item.id}),
        )

    def assert_left_alone(self, item, hold, promise, dispute):
        self.env.invalidate_all()
        self.assertEqual((hold.account_id, promise.account_id, dispute.account_id), (item.account_id,) * 3)
        self.one_account_at_a_time()
        for code, lift in (
            ("hold", hold.action_lift),
            ("promised", promise.action_cancel),
            ("disputed", dispute.action_reject),
        ):
            run = self.propose()
            [line] = run.line_ids.filtered(lambda line: line.item_id == item)
            self.assertEqual(line.reason_code, code)
            run.action_cancel()
            lift()

    def test_invoice_posted_again_for_another_customer(self):
        self.make_invoice()
        invoice = self.make_invoice(partner=self.other)
        item = self.item_of(invoice)
        recorded = self.left_alone(item)
        invoice.button_draft()
        invoice.partner_id = self.customer
        invoice.action_post()
        self.follow()

        self.assertEqual(self.item_of(invoice), item)
        self.assertEqual(item.account_id, self.account_of(self.customer))
        self.assert_left_alone(item, *recorded)

    def test_promise_about_two_of_which_one_moves(self):
        """Who promised stays its customer, and both are left alone until that day."""
        staying, moving = self.make_invoice(partner=self.other), self.make_invoice(partner=self.other)
        items = self.item_of(staying) | self.item_of(moving)
        account = self.account_of(self.other)
        promise = self.env["dunning.promise"].create(
            {"account_id": account.id, "item_ids": [Command.set(items.ids)], "amount": 200.0,
             "promised_date": "2026-12-01"}
        )  # fmt: skip
        moving.button_draft()
        moving.partner_id = self.customer
        moving.action_post()
        self.follow()

        self.assertEqual(items.account_id, account | self.account_of(self.customer))
        self.assertEqual((promise.account_id, promise.item_ids), (account, items))
        self.one_account_at_a_time()
        self.assertEqual(self.propose().line_ids.mapped("reason_code"), ["promised"] * 2)
        self.pay(staying)
        self.pay(moving)
        self.refresh()
        self.env["dunning.promise"]._judge(self.company)
        self.assertEqual(promise.state, "kept")

    def test_person_who_becomes_a_contact_of_a_company(self):
        self.make_invoice()
        person = self.consumer()
        item = self.item_of(self.make_invoice(partner=person))
        recorded = self.left_alone(item)
        person.parent_id = self.customer
        self.refresh()

        self.assertEqual(item.account_id, self.account_of(self.customer))
        self.assert_left_alone(item, *recorded)

    def test_person_who_becomes_a_contact_brings_the_account_along(self):
        invoice = self.make_invoice()
        person = self.consumer()
        theirs = self.make_invoice(partner=person)
        gone, kept = self.account(person), self.account(self.customer)
        gone.sudo().write({"last_contact_date": TODAY, "is_legal": True})
        gone.message_post(body="They called")
        person.write({"parent_id": self.customer.id})
        self.refresh()

        self.assertFalse(gone.exists())
        self.assertFalse(self.account_of(person))
        self.assertEqual((kept.item_count, kept.last_contact_date, kept.is_legal), (2, TODAY, True))
        self.assertTrue(kept.message_ids.filtered(lambda one: "They called" in (one.body or "")))
        run = self.propose()
        self.assertEqual({self.line_of(run, one).reason_code for one in (invoice, theirs)}, {"legal"})

    def test_person_whose_company_owes_nothing(self):
        person = self.consumer()
        self.make_invoice(partner=person)
        account = self.account(person)
        person.parent_id = self.other

        self.assertEqual((account.partner_id, account.item_count), (self.other, 1))


@tagged("post_install", "-at_install")
class TestCustomerOfTwoCompanies(MergeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.elsewhere = cls.setup_other_company()["company"]
        cls.elsewhere.write({"email": "elsewhere@seller.example", "dunning_public_holidays": False})
        cls.elsewhere.partner_id.tz = "Europe/Berlin"

    def invoice_elsewhere(self):
        journal = self.env["account.journal"].search(
            [("type", "=", "sale"), ("company_id", "=", self.elsewhere.id)], limit=1
        )
        return self.make_invoice(
            post=False,
            company_id=self.elsewhere.id,
            journal_id=journal.id,
            currency_id=self.elsewhere.currency_id.id,
        )

    def test_contact_kept_for_one_company_hears_nothing_of_debts_to_another(self):
        self.env["res.partner"].create(
            [
                {
                    "name": f"Billing of {company.name}",
                    "parent_id": self.customer.id,
                    "type": "invoice",
                    "email": f"billing{company.id}@customer.example",
                    "company_id": company.id,
                }
                for company in (self.elsewhere, self.company)
            ]
        )
        self.make_invoice()

        self.assertEqual(self.propose().notice_ids.email_to, f"billing{self.company.id}@customer.example")

    def test_each_company_has_its_own_hold_contact_and_level(self):
        invoice = self.make_invoice()
        theirs = self.invoice_elsewhere()
        theirs.with_company(self.elsewhere).action_post()
        self.env["dunning.item"]._refresh(self.elsewhere)
        account = self.account(self.customer)
        there = self.env["dunning.account"].search(
            [("partner_id", "=", self.customer.id), ("company_id", "=", self.elsewhere.id)]
        )
        self.env["dunning.hold"].create({"account_id": there.id, "reason": "Only there"})
        self.send_out(self.propose())

        self.assertEqual((self.levels(invoice), account.last_contact_date), ([2], TODAY))
        self.assertEqual((there.last_contact_date, there.item_ids.level_rank), (False, 0))
        there.hold_ids.action_lift()
        run = self.env["dunning.run"].create({"company_id": self.elsewhere.id, "date": TODAY})
        run.action_propose_now()
        self.assertRecordValues(
            run.line_ids, [{"reason_code": "notify", "item_id": there.item_ids.id, "account_id": there.id}]
        )


@tagged("post_install", "-at_install")
class TestPartnerGone(MergeCase):
    def test_archived_customer_is_not_written_to_and_somebody_is_told(self):
        invoice = self.make_invoice()
        self.customer.active = False
        run = self.propose()

        self.assertEqual(self.line_of(run, invoice).reason_code, "archived")
        account = self.account_of(self.customer)
        self.assertEqual(account.attention, "archived")
        self.assertEqual([chip["label"] for chip in account.chips], ["Contact archived"])
        self.assertIn("Restore the contact", account.attention_step)

    def test_nobody_else_of_an_archived_customer_is_written_to(self):
        invoice = self.make_invoice()
        self.make_customer("Books", parent_id=self.customer.id, type="invoice", is_company=False)
        approved = self.propose()
        approved.action_approve()
        self.customer.active = False
        self.hand_over()

        self.assertEqual(approved.notice_ids.state, "withdrawn")
        self.assertEqual(self.line_of(self.propose(), invoice).reason_code, "archived")
        self.customer.active = True
        run = self.propose()
        self.assertEqual(self.line_of(run, invoice).reason_code, "notify")
        self.assertFalse(self.account_of(self.customer).attention)

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

"""Who has nothing to do with collections works as before: no right is missing, and nothing of ours refuses."""

from odoo.addons.mail.tests.common import MailCommon
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import TODAY, DunningCase

#: What others look at, where the addon adds fields.
NEIGHBOURS = ("account.move", "account.move.line", "res.partner", "res.company", "res.users", "mail.mail")


@tagged("post_install", "-at_install")
class TestLittleRights(DunningCase, MailCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = "account.group_account_invoice,base.group_partner_manager"
        cls.clerk = new_test_user(cls.env, "clerk", groups=groups, company_id=cls.company.id)
        cls.invoice = cls.make_invoice(due_days=10)
        cls.second = cls.make_invoice(due_days=12)
        cls.run_ = cls.propose()

    def as_clerk(self, records, **context):
        return records.with_user(self.clerk).with_context(**context)

    def test_each_field_of_ours_that_an_invoicing_user_is_offered_can_be_read(self):
        """Integrations read a document whole, people export it or filter by any field they are offered."""
        for model in NEIGHBOURS:
            records = self.env[model].with_user(self.clerk)
            if not records.has_access("read"):
                continue
            for name in records.fields_get():
                if "odoo_dunning" in records._fields[name]._modules:
                    with self.subTest(model=model, field=name):
                        records.search([], limit=3).read([name])

    def test_invoice_is_drafted_posted_paid_credited_and_cancelled(self):
        invoice, second = self.as_clerk(self.invoice), self.as_clerk(self.second)
        invoice.button_draft()
        self.follow()
        invoice.action_post()
        register = self.as_clerk(
            self.env["account.payment.register"], active_model="account.move", active_ids=invoice.ids
        )
        register.create({"payment_date": TODAY})._create_payments()
        self.follow()
        self.assertFalse(self.item_of(self.invoice).is_open)
        reversal = self.as_clerk(
            self.env["account.move.reversal"], active_model="account.move", active_ids=second.ids
        )
        reversal.create({"journal_id": second.journal_id.id}).refund_moves()
        second.button_draft()
        second.button_cancel()
        self.follow()
        self.assertEqual(second.state, "cancel")
        self.assertFalse(self.item_of(self.second).is_open)

    def test_invoice_that_was_posted_is_deleted_as_a_draft(self):
        second = self.as_clerk(self.second)
        second.button_draft()
        self.follow()
        second.with_context(force_delete=True).unlink()
        self.follow()
        self.assertFalse(self.second.exists())

    def test_invoice_is_mailed(self):
        wizard = self.as_clerk(
            self.env["account.move.send.wizard"], active_model="account.move", active_ids=self.invoice.ids
        ).create({"move_id": self.invoice.id})
        with self.mock_mail_gateway():
            wizard.action_send_and_print(allow_fallback_pdf=True)
        self.assertTrue(self.invoice.is_move_sent)

    def test_contacts_join_a_company_are_archived_merged_and_deleted(self):
        joins, archived, merged, kept = (
            self.make_customer(name) for name in ("Joins", "Old", "Twin", "Kept")
        )
        # Odoo itself lets only those merge who may read how a contact signs up.
        self.clerk.group_ids += self.env.ref("base.group_erp_manager")
        for customer in joins, archived, merged, kept:
            self.make_invoice(customer)
        self.refresh()
        self.as_clerk(joins).write({"is_company": False, "parent_id": self.customer.id})
        self.as_clerk(archived).write({"email": "new@customer.example", "company_id": self.company.id})
        self.as_clerk(archived).action_archive()
        self.as_clerk(self.env["base.partner.merge.automatic.wizard"]).create({})._merge(
            (merged | kept).ids, kept, extra_checks=False
        )
        fresh = self.make_customer("Fresh")
        self.as_clerk(fresh).unlink()
        self.follow()

        self.assertEqual(self.account_of(self.customer).item_count, 3)
        self.assertEqual(self.account_of(kept).item_count, 2)
        self.assertFalse((merged | fresh).exists())

    def test_forms_open_and_save(self):
        invoices = self.as_clerk(self.env["account.move"], default_move_type="out_invoice")
        with Form(invoices) as form:
            form.partner_id = self.customer
            with form.invoice_line_ids.new() as line:
                line.name = "Goods"
        with Form(self.as_clerk(self.customer)) as form:
            form.email = "other@customer.example"
        self.assertEqual(self.customer.email, "other@customer.example")

    def test_an_administrator_without_collections_saves_the_settings(self):
        groups = "base.group_system,account.group_account_manager"
        admin = new_test_user(self.env, "second.admin", groups=groups, company_id=self.company.id)
        self.assertFalse(admin.has_group("odoo_dunning.group_user"))
        with Form(self.env["res.config.settings"].with_user(admin)) as form:
            settings = form.save()
        settings.execute()

    def test_user_who_may_see_only_another_company_works_there(self):
        sister = self.env["res.company"].create({"name": "Sister"})
        sister_admin = new_test_user(
            self.env,
            "sister",
            groups="account.group_account_manager,base.group_partner_manager",
            company_id=sister.id,
            company_ids=[Command.set(sister.ids)],
        )
        partner = self.customer.with_user(sister_admin)
        partner.email = "sister@customer.example"
        child = partner.create({"name": "Person"})
        child.parent_id = partner
        child.unlink()
        self.assertEqual(self.customer.email, "sister@customer.example")

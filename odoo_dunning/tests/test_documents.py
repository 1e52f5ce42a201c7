"""The risk: a reminder that waits for a document, carries the wrong one, or links to a page that is no more."""

import base64
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..bulk.contexts import _links
from ..models import dunning_notice_documents as gathering
from .origin_common import OriginCase

VENDORS = ("quickbooks", "xero")
PDF = {"quickbooks": "/pdf", "xero": "GET .*/Invoices/[-0-9a-f]+"}
LINK = {"quickbooks": "include=invoiceLink", "xero": "OnlineInvoice"}


@tagged("post_install", "-at_install")
class TestInvoicesFromTheOrigin(OriginCase):
    def setUp(self):
        super().setUp()
        self.policy.level_ids.attach_invoices = True

    def prepared(self, vendor, *amounts, **values):
        sandbox, ledger = self.connected(vendor, **values)
        first = self.there(sandbox, amounts[0] if amounts else "100.00")
        customer = sandbox.company.customers[first.customer_id]
        invoices = [first] + [self.there(sandbox, amount, customer=customer) for amount in amounts[1:]]
        self.take_in(ledger)
        run = self.propose()
        run.action_approve()
        return sandbox, ledger, invoices, run

    def attached(self):
        """{file name: bytes} of the one mail that left."""
        [mail] = self.mails
        return {name: content for name, content, _mimetype in mail["attachments"]}

    def test_the_pdf_goes_with_the_mail_and_is_fetched_once(self):
        for vendor in VENDORS:
            with self.subTest(vendor=vendor):
                sandbox, ledger, [invoice], run = self.prepared(vendor)
                notice = self.send(run)
                [(name, content)] = self.attached().items()
                self.assertEqual((name, content[:5]), (f"{invoice.number}.pdf", b"%PDF-"))
                self.assertIn(invoice.number.encode(), content)
                self.assertEqual((notice.state, notice.document_note), ("sent", False))
                item = self.item(ledger, invoice)
                calls = len(sandbox.requests)
                self.assertEqual(item._current_pdf(), item.document_id)
                notice._gather(gathering.Fetching())
                self.assertEqual(len(sandbox.requests), calls)
                ledger.action_pause()

    def test_a_changed_invoice_is_printed_anew_and_the_sent_one_stays(self):
        sandbox, ledger, [invoice], run = self.prepared("quickbooks")
        notice = self.send(run)
        item = self.item(ledger, invoice)
        sent = item.document_id
        with sandbox.book.lock:
            customer = sandbox.company.customer(invoice.customer_id)
            sandbox.company.receive(customer, 40, sandbox.company.today(), [(invoice, 40)])
        self.take_in(ledger)
        self.assertFalse(item._current_pdf())
        item._fetch_pdf(lambda one: one._open_client(sleep=lambda seconds: None))
        self.assertTrue(item._current_pdf())
        self.assertNotEqual(item.document_id, sent)
        self.assertEqual(notice.mail_message_id.sudo().attachment_ids, sent.exists())

    @mute_logger("odoo.addons.odoo_dunning.models.dunning_item_documents")
    def test_whatever_happens_to_the_pdf_the_reminder_leaves_and_says_so(self):
        faults = ("server_error", "not_json", "cut_before", "wrong_scope", "throttle_day", "forbidden")
        sandbox, ledger = self.connected("xero")
        with patch.object(gathering.time, "sleep"):
            for kind in faults:
                with self.subTest(kind=kind):
                    invoice = self.there(sandbox, number=f"F-{kind}")
                    customer = sandbox.company.customers[invoice.customer_id]
                    with sandbox.book.lock:
                        sandbox.company.edit(customer, email=f"{kind}@xero.example", name=f"Customer {kind}")
                    self.take_in(ledger)
                    sandbox.faults.order(kind, match=PDF["xero"], count=1000)
                    run = self.propose()
                    run.action_approve()
                    notice = self.send(run)
                    sandbox.faults.clear()
                    self.assertEqual((notice.state, self.attached()), ("sent", {}))
                    self.assertIn(f"Sent without the PDF of F-{kind}", notice.document_note)

    def test_the_minute_is_waited_for_not_slept_through(self):
        sandbox, _ledger, [_invoice], run = self.prepared("xero")
        sandbox.faults.order("throttle_minute", match=PDF["xero"], count=1, retry_after_s=45)
        now = fields.Datetime.now()
        self.as_scheduled("dunning.notice", "_cron_send")
        notice = run.notice_ids
        self.assertEqual(notice.state, "ready")
        self.assertGreaterEqual(notice.send_at, now + timedelta(seconds=45))
        notice.send_at = now
        self.send(run)
        self.assertEqual(len(self.attached()), 1)

    def test_one_broken_ledger_is_asked_once_not_once_per_invoice(self):
        sandbox, _ledger, invoices, run = self.prepared(
            "quickbooks", "10.00", "20.00", "30.00", fetch_links=False
        )
        fault = sandbox.faults.order("server_error", match="/pdf", count=1000)
        with patch.object(gathering.time, "sleep"):
            notice = self.send(run)
        self.assertLessEqual(fault.struck, 10, "three turns of a few tries, not tries for each invoice")
        self.assertEqual(notice.state, "sent")
        for invoice in invoices:
            self.assertIn(invoice.number, notice.document_note)

    def test_above_the_cap_invoices_are_linked_only(self):
        _sandbox, ledger, invoices, run = self.prepared("quickbooks", "10.00", "20.00", "30.00")
        self.as_scheduled("dunning.notice", "_cron_send")
        sizes = [self.item(ledger, invoice).document_id.file_size for invoice in invoices]
        run.notice_ids._requeue()
        with patch.object(gathering, "MAIL_MAX_BYTES", sum(sizes[:2])):
            notice = self.send(run)
        self.assertEqual(len(self.attached()), 2)
        self.assertIn("too large for this email", notice.document_note)
        self.assertEqual(notice.document_note.count("too large"), 1)
        [mail] = self.mails
        for invoice in invoices:
            self.assertIn(f"/pay/{ledger.organisation_ref}/{invoice.id}", mail["body"])

    def test_a_pdf_above_the_cap_for_one_is_not_fetched_into_the_database(self):
        _sandbox, ledger, [invoice], run = self.prepared("xero")
        with patch("odoo.addons.odoo_dunning.models.dunning_item_documents.PDF_MAX_BYTES", 100):
            notice = self.send(run)
        self.assertFalse(self.item(ledger, invoice).document_id)
        self.assertIn("bytes", notice.document_note)

    def test_a_level_that_does_not_ask_attaches_and_fetches_nothing(self):
        self.policy.level_ids.attach_invoices = False
        sandbox, _ledger, _invoices, run = self.prepared("quickbooks")
        notice = self.send(run)
        self.assertEqual((notice.state, self.attached()), ("sent", {}))
        self.assertEqual(sandbox.request_count("/pdf"), 0)

    def test_two_instalments_are_one_document(self):
        _sandbox, ledger, [invoice], run = self.prepared("quickbooks")
        item = self.item(ledger, invoice)
        second = item.sudo().copy({"installment": 1, "entity": item.entity, "external_id": item.external_id})
        second.env.flush_all()
        self.assertEqual(second._holder(), item)
        self.send(run)
        self.assertEqual(second._current_pdf(), item.document_id)


@tagged("post_install", "-at_install")
class TestLinks(OriginCase):
    def sent(self, vendor, **values):
        sandbox, ledger = self.connected(vendor, **values)
        invoice = self.there(sandbox)
        self.take_in(ledger)
        notice = self.remind()
        self.assertEqual(notice.state, "sent", notice.error)
        return sandbox, ledger, invoice, self.item(ledger, invoice)

    def test_the_message_links_to_the_page_where_it_is_paid(self):
        for vendor in VENDORS:
            with self.subTest(vendor=vendor):
                sandbox, ledger, _invoice, item = self.sent(vendor)
                self.assertIn("/pay/", item.pay_link)
                self.assertIn(item.pay_link, self.mails[0]["body"])
                self.assertEqual(bool(item.pay_link_ends_at), vendor == "quickbooks")
                self.assertEqual(sandbox.request_count(LINK[vendor]), 1)
                ledger.action_pause()

    def test_it_is_kept_until_it_ends(self):
        _sandbox, _ledger, _invoice, item = self.sent("quickbooks")
        now = fields.Datetime.now()
        self.assertFalse(item._needs_link())
        for days_left, asked_days_ago, needed in (
            (20, 10, False),
            (6, 24, True),
            (6, 0, False),
            (-1, 31, True),
        ):
            item.sudo().write(
                {
                    "pay_link_ends_at": now + timedelta(days=days_left),
                    "pay_link_asked_at": now - timedelta(days=asked_days_ago),
                }
            )
            self.assertEqual(item._needs_link(), needed, (days_left, asked_days_ago))

    def test_an_ended_link_is_in_no_message(self):
        _sandbox, _ledger, _invoice, item = self.sent("quickbooks")
        item.sudo().pay_link_ends_at = fields.Datetime.now() - timedelta(minutes=1)
        self.env.flush_all()
        self.assertEqual(_links(self.env, self.company, item.ids), {})

    def test_no_link_is_remembered_a_fault_is_not(self):
        sandbox, ledger = self.connected("quickbooks")
        invoice = self.there(sandbox)
        self.take_in(ledger)
        item = self.item(ledger, invoice)
        sandbox.faults.order("wrong_scope", match="invoiceLink")
        item._fetch_link(lambda one: one._open_client(sleep=lambda seconds: None))
        self.assertTrue(item._needs_link())
        with sandbox.book.lock:
            sandbox.company.void(invoice)
        item._fetch_link(lambda one: one._open_client(sleep=lambda seconds: None))
        self.assertFalse(item.pay_link)
        self.assertFalse(item._needs_link())

    def test_switched_off_no_call_is_spent(self):
        sandbox, _ledger, _invoice, item = self.sent("xero", fetch_links=False)
        self.assertEqual(sandbox.request_count("OnlineInvoice"), 0)
        self.assertFalse(item.pay_link)


@tagged("post_install", "-at_install")
class TestOdooInvoices(OriginCase):
    def setUp(self):
        super().setUp()
        self.policy.level_ids.attach_invoices = True
        self.invoice = self.make_invoice(due_days=10)

    def test_the_stored_pdf_is_taken_as_it_is(self):
        stored = self.env["ir.attachment"].create(
            {
                "name": "INV.pdf",
                "raw": b"%PDF-1.4 stored",
                "res_model": "account.move",
                "res_id": self.invoice.id,
                "res_field": "invoice_pdf_report_file",
                "mimetype": "application/pdf",
            }
        )
        self.invoice.invalidate_recordset()
        self.assertEqual(self.invoice.invoice_pdf_report_id, stored)
        run = self.propose()
        run.action_approve()
        notice = self.send(run)
        self.assertEqual(notice.mail_message_id.attachment_ids, stored)
        self.assertEqual(
            [content for _name, content, _kind in self.mails[0]["attachments"]], [b"%PDF-1.4 stored"]
        )
        self.assertFalse(self.item_of(self.invoice).document_id)

    def test_a_missing_one_is_printed_once_and_anew_after_a_payment(self):
        item = self.item_of(self.invoice)
        reports = self.env["ir.actions.report"]
        if reports.get_wkhtmltopdf_state() == "install":
            self.skipTest("wkhtmltopdf is not installed here")
        item = item.with_context(force_report_rendering=True)
        item._fetch_pdf(None)
        self.assertEqual(base64.b64decode(item.document_id.datas)[:5], b"%PDF-", item.document_error)
        self.assertEqual(item._current_pdf(), item.document_id)
        self.pay(self.invoice, 40)
        self.env.flush_all()
        self.assertFalse(item._current_pdf())

    @mute_logger("odoo.addons.odoo_dunning.models.dunning_item_documents")
    def test_a_report_that_fails_keeps_no_reminder(self):
        run = self.propose()
        run.action_approve()
        with patch.object(type(self.env["dunning.item"]), "_render_pdf", side_effect=ZeroDivisionError):
            notice = self.send(run)
        self.assertEqual((notice.state, self.mails[0]["attachments"]), ("sent", []))
        self.assertIn("ZeroDivisionError", notice.document_note)

"""The risk: a note, a date or a payment that stands twice at the ledger, or is lost, or written without leave."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .. import lib
from .common import TODAY, collections_user
from .origin_common import OriginCase

VENDORS = ("quickbooks", "xero")
NOTE = {"quickbooks": r"POST .*/invoice\?", "xero": "PUT .*/History"}
PAYMENT = {"quickbooks": r"POST .*/payment\?", "xero": "PUT .*/Payments"}


@tagged("post_install", "-at_install")
class TestNotes(OriginCase):
    def reminded(self, vendor, **values):
        """(sandbox, ledger, invoice, message) after a reminder went out."""
        sandbox, ledger = self.connected(vendor, **{"write_notes": True, **values})
        invoice = self.there(sandbox)
        self.take_in(ledger)
        notice = self.remind()
        self.assertEqual(notice.state, "sent", notice.error)
        return sandbox, ledger, invoice, notice

    def test_a_reminder_leaves_one_note(self):
        for vendor in VENDORS:
            with self.subTest(vendor=vendor):
                sandbox, ledger, invoice, notice = self.reminded(vendor)
                self.write_out()
                self.write_out()
                [note] = self.notes(sandbox, invoice)
                self.assertIn(notice._number(), note)
                self.assertIn("11/18/2026", note)
                self.assertEqual(self.writes(ledger).mapped("state"), ["done"])
                self.assertEqual(notice.ledger_write_ids.item_id, self.item(ledger, invoice))
                ledger.action_pause()

    def test_s21_a_lost_answer_and_a_dead_process_leave_one_note(self):
        for vendor in VENDORS:
            with self.subTest(vendor=vendor):
                sandbox, ledger, invoice, _notice = self.reminded(vendor)
                sandbox.faults.order("cut_after", match=NOTE[vendor])
                # It stands there, but the process dies before that is stored here; the vendor forgets the key.
                row = self.writes(ledger)
                client = ledger._open_client(sleep=lambda seconds: None)
                row._write_note(client, lib.part(f"{vendor}.writes"))
                sandbox.skin._replays.clear()
                self.assertEqual(row.state, "waiting")
                self.write_out()
                self.assertEqual(row.state, "done")
                self.assertEqual(len(self.notes(sandbox, invoice)), 1)
                ledger.action_pause()

    def test_asked_twice_is_written_once(self):
        sandbox, ledger, invoice, notice = self.reminded("xero")
        notice._ask_for_notes("sent")
        self.write_out()
        self.assertEqual(len(self.writes(ledger)), 1)
        self.assertEqual(len(self.notes(sandbox, invoice)), 1)

    def test_switched_off_nothing_is_queued_or_written(self):
        sandbox, ledger, invoice, notice = self.reminded("xero", write_notes=False)
        self.assertFalse(self.writes(ledger))
        ledger.write_notes = True
        notice._ask_for_notes("sent")
        ledger.write_notes = False
        self.write_out()
        self.assertEqual(
            (self.writes(ledger).state, self.writes(ledger).cause),
            ("skipped", "Switched off on the connection."),
        )
        self.assertFalse(self.notes(sandbox, invoice))

    def test_x08_without_the_permission_reading_goes_on_and_the_cause_is_shown(self):
        scopes = lib.part("xero.oauth").READ_SCOPES
        sandbox, ledger, _invoice, notice = self.reminded("xero", scopes=scopes)
        self.assertEqual(ledger.write_permission_missing, "accounting.invoices")
        calls = len(sandbox.requests)
        self.write_out()
        row = self.writes(ledger)
        self.assertEqual(row.state, "skipped")
        self.assertIn("accounting.invoices", row.cause)
        self.assertEqual((notice.state, len(sandbox.requests)), ("sent", calls))
        # The same when only the vendor knows.
        ledger.sudo().scopes_granted = False
        row.action_retry()
        self.write_out()
        self.assertEqual(row.state, "skipped")
        self.assertIn("permission", row.cause)
        self.take_in(ledger)
        self.assertEqual(ledger.state, "connected")

    def test_the_consent_asks_for_what_is_switched_on(self):
        _sandbox, ledger = self.connected("xero")
        self.assertNotIn("accounting.invoices+", ledger._consent_url("s", "c").replace("%20", "+") + "+")
        ledger.write({"write_notes": True, "write_payments": True})
        url = ledger._consent_url("s", "c").replace("%20", "+")
        self.assertIn("accounting.invoices+", url)
        self.assertIn("accounting.payments+", url)
        self.assertIn("accounting.contacts.read", url)

    def test_a_ledger_that_is_down_is_tried_again_later_and_then_a_person_is_told(self):
        sandbox, ledger, invoice, _notice = self.reminded("quickbooks")
        fault = sandbox.faults.order("server_error", match="/invoice", count=1000)
        row = self.writes(ledger)
        with patch("odoo.addons.odoo_dunning.models.dunning_ledger_write.time.sleep"):
            self.write_out()
            self.assertEqual((row.state, row.attempts), ("waiting", 1))
            self.assertGreater(row.next_try_at, fields.Datetime.now())
            struck = fault.struck
            self.write_out()
            self.assertEqual(fault.struck, struck, "before its time nothing is asked")
            for _attempt in range(6):
                row.sudo().next_try_at = False
                self.write_out()
        self.assertEqual(row.state, "failed")
        self.assertIn("not everything could be written", ledger.activity_ids.mapped("summary")[0])
        sandbox.faults.clear()
        row.action_retry()
        self.write_out()
        self.assertEqual(row.state, "done")
        self.assertEqual(len(self.notes(sandbox, invoice)), 1)

    def test_a_withdrawn_consent_waits_for_the_reconnect(self):
        sandbox, ledger, _invoice, _notice = self.reminded("xero")
        sandbox.oauth.withdraw_consent()
        self.write_out()
        self.assertEqual((ledger.state, self.writes(ledger).state), ("reconnect", "waiting"))

    def test_an_invoice_that_is_gone_is_no_failure(self):
        sandbox, ledger, invoice, _notice = self.reminded("quickbooks")
        with sandbox.book.lock:
            sandbox.company.delete(invoice)
        self.write_out()
        self.assertEqual(self.writes(ledger).state, "skipped")
        self.assertFalse(ledger.activity_ids)

    def test_what_was_taken_back_says_so_there_too(self):
        sandbox, _ledger, invoice, notice = self.reminded("xero")
        self.write_out()
        notice.action_undo(reason="Wrong customer")
        self.write_out()
        self.assertEqual(["taken back" in note for note in self.notes(sandbox, invoice)], [False, True])

    def test_taken_back_before_it_was_written_leaves_no_note(self):
        sandbox, ledger, invoice, notice = self.reminded("xero")
        notice.action_undo(reason="Wrong customer")
        self.write_out()
        self.assertFalse(self.notes(sandbox, invoice))
        self.assertEqual(self.writes(ledger).state, "skipped")

    def test_a_sync_after_the_note_changes_nothing_here(self):
        _sandbox, ledger, invoice, _notice = self.reminded("quickbooks")
        self.write_out()
        before = self.item(ledger, invoice).write_date
        self.take_in(ledger)
        self.assertEqual(self.item(ledger, invoice).write_date, before)

    def test_rows_are_read_only_for_people(self):
        _sandbox, ledger, _invoice, _notice = self.reminded("xero")
        clerk = collections_user(self.env, "clerk")
        row = self.writes(ledger).with_user(clerk)
        self.assertEqual(row.state, "waiting")
        for act in (lambda: row.write({"payload": {}}), row.action_retry, row.action_skip, row.unlink):
            with self.assertRaises(AccessError):
                act()
        elsewhere = collections_user(
            self.env,
            "elsewhere",
            "group_manager",
            company=self.env["res.company"].create({"name": "Elsewhere"}),
        )
        self.assertFalse(self.env["dunning.ledger.write"].with_user(elsewhere).search([]))


@tagged("post_install", "-at_install")
class TestExpectedDates(OriginCase):
    def setUp(self):
        super().setUp()
        self.sandbox, self.ledger = self.connected("xero", write_expected_dates=True)
        self.invoice = self.there(self.sandbox)
        self.take_in(self.ledger)
        self.receivable = self.item(self.ledger, self.invoice)

    def promise(self, days, amount=100.0):
        return self.env["dunning.promise"].create(
            {
                "account_id": self.receivable.account_id.id,
                "currency_id": self.receivable.currency_id.id,
                "amount": amount,
                "promised_date": TODAY + timedelta(days=days),
            }
        )

    def test_the_promised_day_and_a_later_one(self):
        promise = self.promise(5)
        self.write_out()
        self.assertEqual(self.invoice.expected_payment_date, TODAY + timedelta(days=5))
        promise.promised_date = TODAY + timedelta(days=9)
        self.write_out()
        promise.promised_date = TODAY + timedelta(days=5)
        self.write_out()
        self.assertEqual(self.invoice.expected_payment_date, TODAY + timedelta(days=5))
        self.assertEqual(self.writes(self.ledger).mapped("state"), ["done"] * 3)

    def test_only_the_newest_day_is_sent(self):
        promise = self.promise(5)
        promise.promised_date = TODAY + timedelta(days=9)
        self.write_out()
        self.assertEqual(self.writes(self.ledger).mapped("state"), ["skipped", "done"])
        self.assertEqual(self.invoice.expected_payment_date, TODAY + timedelta(days=9))

    def test_a_cancelled_promise_is_not_entered(self):
        self.promise(5).action_cancel()
        self.write_out()
        self.assertIsNone(self.invoice.expected_payment_date)

    def day(self, days):
        return TODAY + timedelta(days=days)

    def test_a_cancelled_promise_takes_its_day_back(self):
        promise = self.promise(5)
        self.write_out()
        promise.promised_date = self.day(9)
        self.write_out()
        promise.action_cancel()
        self.write_out()
        self.assertIsNone(self.invoice.expected_payment_date)
        version = self.invoice.version
        self.write_out()
        promise.action_cancel()
        self.write_out()
        self.assertEqual(self.invoice.version, version)
        self.assertEqual(self.writes(self.ledger).mapped("state"), ["done"] * 3)

    def test_what_stood_there_before_comes_back(self):
        with self.sandbox.book.lock:
            self.sandbox.company.edit(self.invoice, expected_payment_date=self.day(30))
        promise = self.promise(5)
        self.write_out()
        promise.promised_date = self.day(9)
        self.write_out()
        promise.action_cancel()
        self.write_out()
        self.assertEqual(self.invoice.expected_payment_date, self.day(30))

    def test_the_day_of_another_promise_stays_or_comes_back(self):
        first = self.promise(5, amount=40)
        self.write_out()
        second = self.promise(9, amount=60)
        self.write_out()
        second.action_cancel()
        self.write_out()
        self.assertEqual(self.invoice.expected_payment_date, self.day(5))
        third = self.promise(12, amount=60)
        self.write_out()
        first.action_cancel()
        self.write_out()
        self.assertEqual(self.invoice.expected_payment_date, self.day(12))
        third.action_cancel()
        self.write_out()
        self.assertIsNone(self.invoice.expected_payment_date)

    def test_a_day_that_a_person_entered_since_stays(self):
        promise = self.promise(5)
        self.write_out()
        with self.sandbox.book.lock:
            self.sandbox.company.edit(self.invoice, expected_payment_date=self.day(30))
        promise.action_cancel()
        self.write_out()
        self.assertEqual(self.invoice.expected_payment_date, self.day(30))

    def test_cancelled_while_its_answer_was_lost_it_is_found_and_cleared(self):
        promise = self.promise(5)
        row = self.writes(self.ledger).sudo()
        row._write_expected_date(
            self.ledger._open_client(sleep=lambda seconds: None), lib.part("xero.writes")
        )
        self.assertEqual(self.invoice.expected_payment_date, self.day(5))
        promise.action_cancel()
        self.write_out()
        self.assertIsNone(self.invoice.expected_payment_date)

    def test_an_invoice_taken_out_of_the_promise_or_a_deleted_promise_loses_the_day(self):
        other = self.there(self.sandbox, customer=self.sandbox.company.customer(self.invoice.customer_id))
        self.take_in(self.ledger)
        promise = self.promise(5, amount=150)
        self.write_out()
        self.assertEqual(other.expected_payment_date, self.day(5))
        promise.sudo().item_ids -= self.item(self.ledger, other)
        self.write_out()
        self.assertEqual(
            (self.invoice.expected_payment_date, other.expected_payment_date), (self.day(5), None)
        )
        promise.sudo().unlink()
        self.write_out()
        self.assertIsNone(self.invoice.expected_payment_date)

    def test_quickbooks_has_no_such_date(self):
        _sandbox, ledger = self.connected("quickbooks", write_expected_dates=True)
        self.assertFalse(ledger._writes("expected_date"))


@tagged("post_install", "-at_install")
class TestPayments(OriginCase):
    def opened(self, vendor, amount="100.00", **values):
        sandbox, ledger = self.connected(vendor, **{"write_payments": True, **values})
        invoice = self.there(sandbox, amount)
        self.take_in(ledger)
        ledger.action_read_accounts()
        ledger.payment_account_id = ledger.account_ids.filtered(
            lambda one: one.name in ("Checking", "Business Bank Account")
        )
        return sandbox, ledger, invoice, self.item(ledger, invoice)

    def receipt(self, item, **vals):
        action = item.action_record_payment()
        return self.env["dunning.ledger.receipt"].with_context(**action["context"]).create(vals)

    def test_a_payment_arrives_once_and_comes_back_with_the_next_pass(self):
        for vendor in VENDORS:
            with self.subTest(vendor=vendor):
                sandbox, ledger, invoice, item = self.opened(vendor)
                sandbox.faults.order("cut_after", match=PAYMENT[vendor])
                receipt = self.receipt(item, amount=40.1, reference="Statement 17")
                receipt.action_record()
                receipt.action_record()  # an impatient click
                with patch("odoo.addons.odoo_dunning.models.dunning_ledger_write.time.sleep"):
                    self.write_out()
                self.write_out()
                [part] = invoice.allocations
                self.assertEqual((str(part.amount), part.source.issue_date), ("40.10", TODAY))
                self.assertEqual(part.source.account_id, ledger.payment_account_id.external_id)
                row = self.writes(ledger)
                self.assertEqual((row.state, row.remote_ref), ("done", part.source.id))
                self.take_in(ledger)
                self.assertEqual(item.amount_open, 59.9)
                ledger.action_pause()

    def test_what_is_on_the_way_is_not_recorded_again(self):
        _sandbox, _ledger, invoice, item = self.opened("quickbooks")
        self.receipt(item, amount=60).action_record()
        with self.assertRaisesRegex(ValidationError, "not recorded already"):
            self.receipt(item, amount=60)
        self.receipt(item).action_record()
        self.write_out()
        self.assertEqual([str(part.amount) for part in invoice.allocations], ["60.00", "40.00"])

    def test_an_account_in_another_currency_is_not_proposed(self):
        sandbox, ledger, _invoice, _item = self.opened("xero")
        code = "GBP" if sandbox.company.home_currency != "GBP" else "EUR"
        with sandbox.book.lock:
            customer = sandbox.company.add_customer(name="Abroad", email="abroad@xero.example", currency=code)
        invoice = self.there(sandbox, customer=customer, currency=code)
        self.take_in(ledger)
        receipt = self.receipt(self.item(ledger, invoice))
        self.assertFalse(receipt.account_id)

    def test_until_it_shows_nobody_is_reminded(self):
        _sandbox, _ledger, _invoice, item = self.opened("xero")
        self.receipt(item).action_record()
        self.assertFalse(self.propose().notice_ids)
        [line] = item.run_line_ids
        self.assertEqual(line.reason_code, "hold")

    def test_a_refused_payment_is_told_and_dunning_goes_on(self):
        sandbox, ledger, invoice, item = self.opened("xero")
        self.receipt(item).action_record()
        with sandbox.book.lock:
            sandbox.company.void(invoice)
        self.write_out()
        row = self.writes(ledger)
        self.assertEqual(row.state, "failed")
        self.assertIn("VOIDED", row.cause)
        self.assertFalse(row.hold_id.active)
        self.assertIn("Payment not recorded in Xero", item.account_id.activity_ids.mapped("summary"))

    def test_impossible_amounts_days_and_accounts_are_refused(self):
        _sandbox, ledger, _invoice, item = self.opened("xero")
        for vals, words in (
            ({"amount": 100.01}, "up to the"),
            ({"amount": 0}, "above zero"),
            ({"received_date": TODAY + timedelta(days=1)}, "future"),
        ):
            with self.subTest(vals=vals), self.assertRaisesRegex(ValidationError, words):
                self.receipt(item, **vals)
        ledger.payment_account_id = False
        with self.assertRaisesRegex(UserError, "choose the account"):
            self.receipt(item).action_record()

    def test_money_of_the_companys_today_is_taken_from_a_clerk_whose_day_is_behind(self):
        _sandbox, _ledger, _invoice, item = self.opened("xero")
        self.company.partner_id.tz = "Pacific/Kiritimati"
        self.env.user.tz = "Pacific/Niue"
        today = self.company._dunning_today()

        self.assertGreater(today, fields.Date.context_today(item))
        self.assertEqual(self.receipt(item, received_date=today).received_date, today)

    def test_only_where_the_connection_says_so(self):
        _sandbox, ledger, _invoice, item = self.opened("xero")
        self.assertTrue(item.can_record_payment)
        ledger.write_payments = False
        self.assertFalse(item.can_record_payment)
        with self.assertRaisesRegex(UserError, "switched off"):
            item.action_record_payment()
        own = self.item_of(self.make_invoice())
        with self.assertRaisesRegex(UserError, "not an open invoice of QuickBooks or Xero"):
            own.action_record_payment()

    def test_a_clerk_may_record_and_sees_no_secret(self):
        _sandbox, _ledger, invoice, item = self.opened("xero")
        clerk = collections_user(self.env, "clerk")
        action = item.with_user(clerk).action_record_payment()
        receipt = (
            self.env["dunning.ledger.receipt"]
            .with_user(clerk)
            .with_context(**action["context"])
            .create({"amount": 10})
        )
        receipt.action_record()
        self.write_out()
        self.assertEqual(invoice.open, 90)

    def test_accounts_follow_the_ledger(self):
        _sandbox, ledger, _invoice, _item = self.opened("xero")
        self.assertEqual(set(ledger.account_ids.mapped("name")), {"Business Bank Account", "Clearing"})
        first = ledger.account_ids
        ledger.action_read_accounts()
        self.assertEqual(ledger.account_ids, first)
        ledger.sudo()._keep_accounts([])
        self.assertFalse(ledger.account_ids)
        self.assertFalse(ledger.payment_account_id)


@tagged("post_install", "-at_install")
class TestDoubleReminders(OriginCase):
    def test_it_warns_until_a_person_confirms_with_name_and_day(self):
        _sandbox, ledger = self.connected("quickbooks")
        self.assertTrue(ledger.warns_of_double_reminders)
        self.assertIn("Automatic invoice reminders", ledger.origin_reminders_steps)
        ledger.action_confirm_origin_reminders_off()
        self.assertFalse(ledger.warns_of_double_reminders)
        self.assertEqual(ledger.origin_reminders_user_id, self.env.user)
        self.assertEqual(ledger.origin_reminders_checked_at.date(), TODAY)
        ledger.are_origin_reminders_off = False
        self.assertTrue(ledger.warns_of_double_reminders)
        self.assertFalse(ledger.origin_reminders_user_id)

    def test_xero_is_asked_whether_it_is_so(self):
        sandbox, ledger = self.connected("xero")
        sandbox.company.sends_reminders = True
        with self.assertRaisesRegex(UserError, "still sends invoice reminders"):
            ledger.action_confirm_origin_reminders_off()
        sandbox.company.sends_reminders = False
        ledger.action_confirm_origin_reminders_off()
        self.assertFalse(ledger.warns_of_double_reminders)

    def test_switched_on_again_over_there_it_warns_again(self):
        sandbox, ledger = self.connected("xero")
        ledger.action_confirm_origin_reminders_off()
        sandbox.company.sends_reminders = True
        self.as_scheduled("dunning.ledger", "_cron_watch_connections")
        self.assertTrue(ledger.warns_of_double_reminders)
        self.assertIn("sends reminders of its own", ledger.activity_ids.mapped("summary")[0])

    def test_only_a_manager_confirms(self):
        _sandbox, ledger = self.connected("quickbooks")
        with self.assertRaises(AccessError):
            ledger.with_user(collections_user(self.env, "clerk")).action_confirm_origin_reminders_off()

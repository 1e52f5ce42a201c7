"""The risk: a consent taken by the wrong person, for the wrong books, or lost on the way."""

from contextlib import suppress
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from odoo.exceptions import UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import config, mute_logger

from .. import lib
from .ledger_common import LedgerHttpCase


class Crash(BaseException):
    """The process is gone: nothing catches it."""


@tagged("post_install", "-at_install")
class TestLedgerConnect(LedgerHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.quickbooks = cls.sandbox("quickbooks")
        cls.xero = cls.sandbox("xero")

    def test_a_consent_connects_and_the_first_pass_equals_the_books(self):
        for sandbox in (self.quickbooks, self.xero):
            with self.subTest(vendor=sandbox.vendor):
                ledger = self.unconnected_ledger(sandbox)
                page = self.consent(ledger)
                self.assertEqual(
                    (ledger.state, ledger.organisation_ref),
                    ("connected", sandbox.company.id),
                    page.text[-900:],
                )
                outcome = self.run_pass(ledger)
                self.assertEqual(outcome.result, "done", outcome.message)
                self.assertEqual(self.open_totals(ledger), self.books(sandbox))
                self.assertTrue(self.books(sandbox))
                self.assertTrue(any(self.items(ledger=ledger).account_id.mapped("amount_open")))
                self.assertFalse(ledger.difference_ids)
                self.assertFalse(ledger.quarantine_ids.filtered(lambda row: row.state == "open"))

    # === WHO MAY, AND FOR HOW LONG === #

    def begin(self, ledger):
        """Press Connect; returns the query of the consent address."""
        self.authenticate("ledger_manager", "ledger_manager")
        answer = self.url_open(f"/dunning/oauth/start/{ledger.id}", allow_redirects=False)
        return {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def come_back(self, **query):
        page = self.url_open("/dunning/oauth/callback", params=query, timeout=60)
        self.env.invalidate_all()
        return page

    def test_the_consent_asks_for_the_exact_address_and_an_unguessable_state(self):
        ledger = self.unconnected_ledger(self.xero)
        first, second = self.begin(ledger), self.begin(ledger)
        self.assertEqual(first["redirect_uri"], self.base_url() + "/dunning/oauth/callback")
        self.assertGreaterEqual(len(first["state"]), 32)
        self.assertNotEqual(first["state"], second["state"])
        self.assertEqual(first["code_challenge_method"], "S256")
        self.assertNotIn("sandbox-secret", str(first))

    def test_a_foreign_used_or_missing_state_connects_nothing(self):
        ledger = self.unconnected_ledger(self.quickbooks)
        state = self.begin(ledger)["state"]
        for wrong in ("", state[:-1] + "x", state):  # the first answer, right or wrong, uses the state up
            page = self.come_back(state=wrong, code="c", realmId="9")
            self.assertEqual((page.status_code, ledger.state), (400, "new"))
            self.assertIn("does not belong to a connection you started", page.text)

    def test_a_state_of_another_user_or_an_old_one_counts_for_nothing(self):
        ledger = self.unconnected_ledger(self.quickbooks)
        state = self.begin(ledger)["state"]
        with patch("odoo.addons.odoo_dunning.controllers.oauth.CONSENT_TIME_S", 0):
            self.assertEqual(self.come_back(state=state, code="c", realmId="9").status_code, 400)
        state = self.begin(ledger)["state"]
        new_test_user(self.env, "second_manager", "odoo_dunning.group_manager")
        self.authenticate("second_manager", "second_manager")
        self.assertEqual(self.come_back(state=state, code="c", realmId="9").status_code, 400)
        self.assertEqual(ledger.state, "new")

    @mute_logger("odoo.http")
    def test_only_a_manager_of_the_company_starts_a_consent(self):
        ledger = self.unconnected_ledger(self.quickbooks)
        new_test_user(self.env, "clerk", "odoo_dunning.group_user")
        self.authenticate("clerk", "clerk")
        self.assertEqual(
            self.url_open(f"/dunning/oauth/start/{ledger.id}", allow_redirects=False).status_code, 403
        )
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        other = self.unconnected_ledger(self.quickbooks, company_id=elsewhere.id)
        self.authenticate("ledger_manager", "ledger_manager")
        self.assertEqual(
            self.url_open(f"/dunning/oauth/start/{other.id}", allow_redirects=False).status_code, 403
        )

    # === WHAT THE VENDOR SAYS === #

    def refused(self, ledger, words):
        page = self.consent(ledger)
        self.assertEqual((page.status_code, ledger.state), (400, "new"))
        self.assertIn(words, page.text)
        self.assertFalse(ledger._secrets().answer, "nothing is stored of a consent that was not taken")

    def test_a_denied_consent_changes_nothing(self):
        self.quickbooks.oauth.consent.mode = "deny"
        self.addCleanup(setattr, self.quickbooks.oauth.consent, "mode", "auto")
        self.refused(self.unconnected_ledger(self.quickbooks), "access_denied")

    def test_wrong_credentials_are_named(self):
        self.refused(
            self.unconnected_ledger(self.quickbooks, client_secret="wrong"), "Check client id and secret"
        )

    def test_a_missing_permission_is_an_error_at_once(self):
        oauth = lib.part("xero.oauth")
        fewer = tuple(scope for scope in oauth.READ_SCOPES if "payments" not in scope)
        with patch.object(oauth.authorize_url, "__defaults__", ("", fewer, None)):
            self.refused(self.unconnected_ledger(self.xero), "accounting.payments.read")

    def test_sandbox_and_production_are_never_mixed(self):
        live = self.quickbooks.companies[1]
        self.quickbooks.oauth.consent.company_ids = [live.id]
        self.addCleanup(setattr, self.quickbooks.oauth.consent, "company_ids", [])
        self.refused(self.unconnected_ledger(self.quickbooks), "sandbox and production are mixed up")
        with self.assertRaisesRegex(ValidationError, "is for sandboxes"):
            self.unconnected_ledger(self.quickbooks, environment="production")

    def test_one_consent_for_several_organisations_asks_which(self):
        organisations = self.xero.companies
        self.xero.oauth.consent.company_ids = [company.id for company in organisations]
        self.addCleanup(setattr, self.xero.oauth.consent, "company_ids", [])
        ledger = self.unconnected_ledger(self.xero)
        self.consent(ledger)
        self.assertEqual((ledger.state, ledger.has_organisation_choices), ("new", True))
        wizard = (
            self.env["dunning.ledger.organisation"]
            .with_user(self.manager)
            .with_context(default_ledger_id=ledger.id)
        )
        self.assertEqual(
            [ref for ref, _name in wizard._selection_organisation()],
            [company.id for company in organisations],
        )
        wizard.create({"organisation": organisations[2].id}).action_choose()
        self.assertEqual((ledger.state, ledger.organisation_ref), ("connected", organisations[2].id))
        self.assertFalse(ledger.has_organisation_choices)

    def test_q09_x07_a_reconnect_keeps_to_its_organisation_and_history(self):
        for sandbox in (self.quickbooks, self.xero):
            with self.subTest(vendor=sandbox.vendor):
                mine, other = sandbox.companies[0], sandbox.companies[2]
                ledger = self.unconnected_ledger(sandbox)
                self.consent(ledger)
                self.ingest(self.customer(), self.invoice(), ledger=ledger)
                ledger.sync_report(ledger.lease_key, "done", {}, "", None)
                ledger.action_disconnect()
                sandbox.oauth.consent.company_ids = [other.id]
                page = self.consent(ledger)
                self.assertIn(f"this connection is for {mine.name}".replace("&", "&amp;"), page.text)
                self.assertEqual((ledger.state, ledger.organisation_ref), ("new", mine.id))
                sandbox.oauth.consent.company_ids = (
                    [other.id, mine.id] if sandbox.vendor == "xero" else [mine.id]
                )
                self.consent(ledger)
                sandbox.oauth.consent.company_ids = []
                self.assertEqual((ledger.state, ledger.organisation_ref), ("connected", mine.id))
                self.assertTrue(self.items("I1", ledger).is_open)

    def test_disconnecting_one_organisation_leaves_the_others_of_the_same_person_connected(self):
        first, second = self.xero.companies[0], self.xero.companies[2]
        ledgers = []
        for company in (first, second):
            self.xero.oauth.consent.company_ids = [company.id]
            ledgers.append(self.unconnected_ledger(self.xero, name=company.name))
            self.consent(ledgers[-1])
        self.addCleanup(setattr, self.xero.oauth.consent, "company_ids", [])
        self.addCleanup(self.xero.oauth.grants.clear)
        ledgers[0].action_disconnect()
        self.assertEqual(ledgers[0].state, "new")
        self.assertEqual(self.run_pass(ledgers[1]).result, "done")
        reached = lib.part("xero.oauth").reachable
        access = ledgers[1]._secrets()._answer()["access_token"]
        self.assertFalse(reached(access, first.id, self.xero.urls), "the vendor was told, all the same")
        ledgers[1].action_disconnect()
        self.assertTrue(all(grant.revoked for grant in self.xero.oauth.grants.values()))

    def test_a_reconnect_finds_an_organisation_that_was_allowed_before(self):
        self.xero.skin.keeps_events = True
        self.addCleanup(setattr, self.xero.skin, "keeps_events", False)
        self.addCleanup(self.xero.oauth.grants.clear)
        ledger = self.unconnected_ledger(self.xero)
        self.consent(ledger)
        ledger._need_reconnect("The tokens were lost.")
        page = self.consent(ledger)
        self.assertEqual((page.status_code, ledger.state), (200, "connected"), page.text[-500:])
        self.assertIn(ledger.organisation_name, ledger.action_test()["params"]["message"])

    def test_an_organisation_is_not_connected_twice(self):
        self.consent(self.unconnected_ledger(self.quickbooks, name="First"))
        second = self.unconnected_ledger(self.quickbooks, name="Second")
        self.refused(second, "already connected as First")

    # === PASSES === #

    def test_changes_arrive_with_the_next_pass_and_an_idle_pass_writes_no_receivable(self):
        for sandbox in (self.quickbooks, self.xero):
            with self.subTest(vendor=sandbox.vendor):
                ledger = self.unconnected_ledger(sandbox)
                self.consent(ledger)
                self.assertEqual(self.run_pass(ledger).result, "done")
                sandbox.advance_day(3)
                self.assertEqual(self.run_pass(ledger).result, "done")
                self.assertEqual(self.open_totals(ledger), self.books(sandbox))
                before = {item.id: item.write_date for item in self.items(ledger=ledger)}
                self.assertEqual(self.run_pass(ledger).result, "done")
                self.assertEqual({item.id: item.write_date for item in self.items(ledger=ledger)}, before)

    def test_s06_crashes_expired_tokens_and_changes_under_the_scan_end_equal_to_the_books(self):
        for sandbox in (self.sandbox("quickbooks", seed=11), self.sandbox("xero", seed=11)):
            with self.subTest(vendor=sandbox.vendor):
                ledger = self.unconnected_ledger(sandbox)
                self.consent(ledger)
                for crash_at in (1, 2, 3, 5, 8):
                    self.run_crashing_pass(ledger, crash_at)
                    sandbox.advance_day()
                    sandbox.faults.order("tokens_expire", skip=crash_at)
                    sandbox.faults.order("concurrent_change", skip=crash_at)
                self.assertIn("lost", ledger.sync_ids.mapped("outcome"), "a pass did die on the way")
                self.assertEqual(self.run_pass(ledger).result, "done")
                outcome = self.run_pass(ledger)
                self.assertEqual((outcome.result, outcome.counts["differences"]), ("done", 0))
                self.assertEqual(self.open_totals(ledger), self.books(sandbox))

    def run_crashing_pass(self, ledger, crash_at):
        """A pass whose process dies in the middle of a delivery, after what it had committed."""
        real, calls = type(ledger).sync_ingest, []

        def dying(self, lease, records):
            calls.append(len(records))
            if len(calls) == crash_at:
                raise Crash
            return real(self, lease, records)

        self.env.flush_all()
        with patch.object(type(ledger), "sync_ingest", dying), suppress(Crash), self.registry.cursor() as cr:
            ledger.with_env(self.env(cr=cr))._run_pass()
        self.env.invalidate_all()

    @staticmethod
    def books(sandbox):
        """What the sandbox's own books say: {customer: {currency: balance}}, zeros left out."""
        truth = {
            customer: {currency: total["balance"] for currency, total in totals.items() if total["balance"]}
            for customer, totals in sandbox.truth().items()
        }
        return {ref: sums for ref, sums in truth.items() if sums}

    def test_a_withdrawn_consent_found_in_a_pass_asks_for_a_person(self):
        ledger = self.unconnected_ledger(self.xero)
        self.consent(ledger)
        self.xero.oauth.withdraw_consent()
        self.addCleanup(self.xero.oauth.grants.clear)
        outcome = self.run_pass(ledger)
        self.assertEqual((outcome.result, ledger.state), ("reconnect", "reconnect"))
        self.assertIn("Xero", ledger.state_reason)
        with self.assertRaisesRegex(UserError, "Connect or resume it first"):
            ledger.action_sync_now()

    def test_a_pass_that_the_servers_limit_cuts_short_goes_on_later_and_says_what_helps(self):
        ledger = self.unconnected_ledger(self.quickbooks)
        self.consent(ledger)
        with patch.dict(config.options, {"limit_time_real_cron": 0.0001}):
            outcome = self.run_pass(ledger)
        self.assertEqual((outcome.result, ledger.sync_ids[:1].outcome), ("later", "later"))
        self.assertIn("limit_time_real_cron", ledger.activity_ids.note)
        ledger.wait_until = False  # set by the sandbox's clock, which other tests move on by days
        self.assertEqual(self.run_pass(ledger).result, "done")

    def test_the_scheduler_runs_what_is_due_and_leaves_the_rest(self):
        ledger = self.unconnected_ledger(self.quickbooks)
        self.consent(ledger)
        self.ledger.action_pause()
        self.env.flush_all()
        with self.registry.cursor() as cr:
            self.env["dunning.ledger"].with_env(self.env(cr=cr))._cron_sync()
        self.env.invalidate_all()
        self.assertEqual(ledger.sync_ids.mapped("outcome"), ["done"])
        self.assertGreater(ledger.next_sync_at, ledger.last_good_sync_at)
        self.assertFalse(self.ledger.sync_ids)

"""What the ledger tests share: real sandbox ledgers over loopback HTTP, a key, and short ways to say things."""

import os
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from unittest.mock import patch

from cryptography.fernet import Fernet
from odoo.tests import HttpCase, TransactionCase, new_test_user
from odoo.tools import SQL

from .. import lib

records = lib.part("records")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)


class LedgerFixtures:
    """Mixin for test cases: a key for secrets and connected ledgers to feed by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        environment = patch.dict(os.environ, {"ODOO_DUNNING_KEY": Fernet.generate_key().decode()})
        environment.start()
        cls.addClassCleanup(environment.stop)
        cls.company = cls.env.company
        cls.ledger = cls.connected_ledger("By hand")

    @classmethod
    def connected_ledger(cls, name, organisation="realm-1", **values):
        """A connection with a token that is good for an hour, as after a consent."""
        ledger = cls.env["dunning.ledger"].create(
            {
                "name": name,
                "vendor": "quickbooks",
                "environment": "sandbox",
                "client_id": "sandbox-client",
                **values,
            }
        )
        cls.give_token(ledger)
        ledger._connected(organisation, f"{name} Inc.")
        return ledger

    @classmethod
    def give_token(cls, ledger, access="access-1", refresh="refresh-1", expires_s=3600):
        oauth = lib.part("oauth")
        now = datetime.now(timezone.utc)
        ledger._secrets()._keep(
            oauth.TokenSet(access, refresh, expires_at=now + timedelta(seconds=expires_s))
        )

    @classmethod
    def _request_handler(cls, session, request, /, **options):
        """Override of Odoo's guard, which lets loopback pass but compares the time-out as one number."""
        if isinstance(options.get("timeout"), tuple):
            options["timeout"] = max(options["timeout"])
        return super()._request_handler(session, request, **options)

    # === RECORDS === #

    @staticmethod
    def customer(ref="C1", at=NOW, name="Acme", **values):
        return records.Customer(external_id=ref, updated_at=at, name=name, **values).to_wire()

    @staticmethod
    def invoice(ref="I1", at=NOW, customer="C1", total="100", open="100", status="open", **values):
        defaults = {
            "number": f"INV-{ref}",
            "reference": "",
            "issue_date": datetime(2026, 10, 1).date(),
            "due_date": datetime(2026, 10, 31).date(),
            "currency": "USD",
            "rate": None,
        }
        return records.Invoice(
            external_id=ref,
            updated_at=at,
            customer_id=customer,
            total=Decimal(total),
            open_amount=Decimal(open),
            status=status,
            **{**defaults, **values},
        ).to_wire()

    @staticmethod
    def credit(ref="N1", at=NOW, customer="C1", total="30", open="30", status="open", **values):
        defaults = {
            "number": f"CN-{ref}",
            "reference": "",
            "issue_date": None,
            "currency": "USD",
            "rate": None,
        }
        return records.Credit(
            external_id=ref,
            updated_at=at,
            customer_id=customer,
            total=Decimal(total),
            open_amount=Decimal(open),
            status=status,
            **{**defaults, **values},
        ).to_wire()

    @staticmethod
    def payment(
        ref="P1", at=NOW, customer="C1", amount="40", unapplied="0", against=(), status="paid", **values
    ):
        allocations = tuple(
            records.Allocation("payment", ref, invoice, Decimal(part), datetime(2026, 11, 2).date())
            for invoice, part in against
        )
        defaults = {"date": datetime(2026, 11, 2).date(), "currency": "USD", "rate": None}
        return records.Payment(
            external_id=ref,
            updated_at=at,
            customer_id=customer,
            amount=Decimal(amount),
            unapplied_amount=Decimal(unapplied),
            status=status,
            allocations=allocations,
            **{**defaults, **values},
        ).to_wire()

    @staticmethod
    def tombstone(target, ref, at=NOW):
        return records.Tombstone(target=target, external_id=ref, updated_at=at).to_wire()

    # === WHAT IS HERE === #

    def lease(self, ledger=None):
        answer = (ledger or self.ledger).sudo().sync_lease(runner="test", seconds=300)
        self.assertIn("lease", answer, answer)
        return answer["lease"]

    def ingest(self, *wires, ledger=None):
        ledger = (ledger or self.ledger).sudo()
        return ledger.sync_ingest(lease=ledger.lease_key or self.lease(ledger), records=list(wires))

    def run_pass(self, ledger, reconcile=False):
        """A pass as the scheduler runs it, with its commits."""
        self.env.flush_all()
        with self.registry.cursor() as cr:
            outcome = ledger.with_env(self.env(cr=cr, su=True))._run_pass(reconcile=reconcile)
        self.env.invalidate_all()
        return outcome

    def items(self, ref=None, ledger=None):
        domain = [("ledger_id", "=", (ledger or self.ledger).id)]
        return self.env["dunning.item"].search(
            domain + ([("external_id", "=", ref)] if ref else []), order="installment"
        )

    def exact_open(self, ref):
        """The open amount as the database has it, without a float in between."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT amount_open::text FROM dunning_item WHERE ledger_id = %s AND external_id = %s"
                " ORDER BY installment",
                self.ledger.id,
                ref,
            )
        )
        return [amount for (amount,) in rows]

    def open_totals(self, ledger):
        """{customer id at the source: {currency: open amount}} of the receivables here, zeros left out."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT r.customer_ref, c.name, sum(i.amount_open)::text
                  FROM dunning_item i
                  JOIN dunning_ledger_record r
                    ON r.ledger_id = i.ledger_id AND r.entity = i.entity AND r.external_id = i.external_id
                  JOIN res_currency c ON c.id = i.currency_id
                 WHERE i.ledger_id = %s AND i.is_open
              GROUP BY 1, 2
                """,
                ledger.id,
            )
        )
        totals = defaultdict(dict)
        for ref, currency, amount in rows:
            if Decimal(amount):
                totals[ref][currency] = Decimal(amount)
        return dict(totals)


class LedgerCase(LedgerFixtures, TransactionCase):
    def setUp(self):
        super().setUp()
        self.registry_enter_test_mode()


class LedgerHttpCase(LedgerFixtures, HttpCase):
    """With sandbox ledgers and a browser's way to them."""

    scale = 0.1

    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param("web.base.url", self.base_url())
        self.manager = new_test_user(self.env, "ledger_manager", "odoo_dunning.group_manager")

    @classmethod
    def sandbox(cls, vendor, **options):
        """A running sandbox ledger, ended with the class."""
        sandbox = (
            lib.part("sandbox.server").Sandbox(vendor, **{"seed": 7, "scale": cls.scale, **options}).start()
        )
        cls.addClassCleanup(sandbox.stop)
        return sandbox

    def unconnected_ledger(self, sandbox, **values):
        return self.env["dunning.ledger"].create(
            {
                "name": f"Sandbox {sandbox.vendor}",
                "vendor": sandbox.vendor,
                "environment": "sandbox",
                "endpoint_url": sandbox.base_url,
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "user_id": self.manager.id,
                **values,
            }
        )

    def consent(self, ledger, **more):
        """Walk the consent as a browser does; returns the page it ends on."""
        self.authenticate("ledger_manager", "ledger_manager")
        page = self.url_open(f"/dunning/oauth/start/{ledger.id}", timeout=60, **more)
        ledger.invalidate_recordset()
        return page

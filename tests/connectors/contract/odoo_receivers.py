"""The receiving side in a real Odoo: the verbs in this process, or over JSON-2 with the key of a least-rights user.

What is stored is read from the database behind the ORM's back. Descriptive fields a receivable does not keep (a
credit's kind, a customer's name as the ledger writes it) are taken from the delivery; whether a record counts, what is
open on it and in which currency come from Odoo's tables alone.
"""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal

from dunning_connectors.gateway import VERBS
from dunning_connectors.gateway.inprocess import InProcessGateway
from dunning_connectors.gateway.json2 import Json2Gateway, Odoo
from dunning_connectors.records import decimal_text
from dunning_connectors.sandbox import CLIENT_ID, CLIENT_SECRET

BOT = "contract_sync_bot"


class OdooInstallation:
    """One database with the addon; `environment()` is a superuser's transaction that commits at its end."""

    def __init__(self, database):
        self.database = database
        self._registry = _load(database)
        with self.environment() as env:
            self.api_key = _api_key(env)
            codes = ["EUR", "GBP", "JPY", "KWD", "USD"]
            currencies = env["res.currency"].with_context(active_test=False)
            currencies.search([("name", "in", codes)]).active = True

    def close(self):
        """Let go of the database, so that it can be dropped."""
        from odoo.sql_db import close_db

        close_db(self.database)

    @contextlib.contextmanager
    def environment(self, uid=1):
        from odoo import api

        self._registry.check_signaling()
        with self._registry.cursor() as cr:
            yield api.Environment(cr, uid, {})
        self._registry.signal_changes()  # the server's caches hear of a new company

    def rows(self, query, *arguments):
        """Rows as dicts."""
        with self._registry.cursor() as cr:
            cr.execute(query, arguments)
            return cr.dictfetchall()


def _load(database):
    from odoo.modules.registry import Registry
    from odoo.tools import config

    from tests.stage import odoo as stage

    addons = ",".join(map(str, stage.addons_path()))
    config.parse_config(
        ["-d", database, f"--addons-path={addons}", "--log-level=critical"], setup_logging=False
    )
    return Registry(database)


def _api_key(env):
    """The key of a user who may sync and nothing else."""
    from datetime import datetime, timedelta

    groups = [env.ref("base.group_user").id, env.ref("odoo_dunning.group_sync_bot").id]
    user = env["res.users"].create({"name": BOT, "login": BOT, "group_ids": [(6, 0, groups)]})
    keys = env["res.users.apikeys"].with_user(user).sudo()
    return keys._generate("rpc", "sync", datetime.now() + timedelta(days=1))


class OdooReceiver:
    """In-process: each verb in a transaction of its own, as `_run_pass` commits after each."""

    installation: OdooInstallation = None
    server_url = ""

    def __init__(self, ledger, company=None, scopes=None):
        self._ledger = ledger
        self._company = company or ledger.company
        self.ledger_id = self._connected(ledger.token(self._company, scopes))
        self._wires = {}
        self.gateway = self._watched(self._gateway())

    def _gateway(self):
        return InProcessGateway(_Verbs(self.installation, self.ledger_id))

    def _watched(self, gateway):
        """Keeps the newest delivered wire of each record, for its descriptive fields."""
        ingest = gateway.sync_ingest

        def watched(lease, records):
            answer = ingest(lease, records)
            for wire in records:
                held = self._wires.get((wire["entity"], wire["external_id"]))
                if held is None or held["updated_at"] <= wire["updated_at"]:
                    self._wires[wire["entity"], wire["external_id"]] = wire
            return answer

        gateway.sync_ingest = watched
        return gateway

    def _connected(self, token):
        from odoo import fields

        from dunning_connectors.oauth import TokenSet

        with self.installation.environment() as env:
            ledger = env["dunning.ledger"].create(
                {
                    "name": f"Contract {self._ledger.vendor}",
                    "vendor": self._ledger.vendor,
                    "environment": "sandbox",
                    "client_id": CLIENT_ID,
                    "client_secret": CLIENT_SECRET,
                    "endpoint_url": self._ledger.box.base_url,
                }
            )
            expires_at = fields.Datetime.add(fields.Datetime.now(), hours=1).astimezone()
            tokens = TokenSet(token["access_token"], token.get("refresh_token", ""), expires_at)
            ledger._secrets()._begin(tokens)
            ledger._connected(self._company.id, self._company.name)
            return ledger.id

    @contextlib.contextmanager
    def record(self):
        """The connection as a record of the superuser, in a transaction of its own."""
        with self.installation.environment() as env:
            yield env["dunning.ledger"].browse(self.ledger_id)

    def close(self):
        """The same organisation is connected again by the next trial."""
        with self.installation.environment() as env:
            env["dunning.ledger"].browse(self.ledger_id).write(
                {"organisation_ref": False, "state": "new", "active": False}
            )

    # -- what was stored -------------------------------------------------------------------------------------
    def live(self, entity):
        rows = self._records("AND r.entity = %s AND r.state = 'live'", entity)
        return {row["external_id"]: self._described(entity, row) for row in rows}

    def _described(self, entity, row):
        wire = {**self._wires[entity, row["external_id"]]}
        if entity != "customer":
            name = "unapplied_amount" if entity == "payment" else "open_amount"
            wire[name] = decimal_text(abs(Decimal(row["amount_open"] or 0)))
            wire["currency"] = row["currency"]
        if row["source_state"]:
            wire["status"] = row["source_state"]
        return wire

    def _records(self, where, *arguments):
        return self.installation.rows(
            f"""
            SELECT r.external_id, r.amount_open::text, c.name AS currency, r.updated_at, r.content_hash, r.state,
                   i.source_state, r.xmin::text AS written
              FROM dunning_ledger_record r
         LEFT JOIN res_currency c ON c.id = r.currency_id
         LEFT JOIN dunning_item i ON i.ledger_id = r.ledger_id AND i.entity = r.entity
                                 AND i.external_id = r.external_id AND i.installment = 0
             WHERE r.ledger_id = %s {where}
          ORDER BY r.entity, r.external_id
            """,
            self.ledger_id,
            *arguments,
        )

    def balances(self):
        rows = self.installation.rows(
            """
            SELECT r.customer_ref, c.name AS currency, sum(i.amount_open)::text AS amount
              FROM dunning_item i
              JOIN dunning_ledger_record r ON r.ledger_id = i.ledger_id AND r.entity = i.entity
                                          AND r.external_id = i.external_id
              JOIN res_currency c ON c.id = i.currency_id
             WHERE i.ledger_id = %s AND i.is_open
          GROUP BY r.customer_ref, c.name
            """,
            self.ledger_id,
        )
        heirs = {
            row["external_id"]: row["merged_into_ref"]
            for row in self.installation.rows(
                "SELECT external_id, merged_into_ref FROM dunning_customer WHERE ledger_id = %s",
                self.ledger_id,
            )
        }
        sums = {}
        for row in rows:
            customer = row["customer_ref"]
            while heirs.get(customer):
                customer = heirs[customer]
            key = (customer, row["currency"])
            sums[key] = sums.get(key, Decimal(0)) + Decimal(row["amount"])
        return {key: amount for key, amount in sums.items() if amount}

    def quarantine(self):
        rows = self.installation.rows(
            "SELECT entity, external_id, cause FROM dunning_quarantine WHERE ledger_id = %s AND state = 'open'",
            self.ledger_id,
        )
        return {(row["entity"], row["external_id"]): row for row in rows}

    def cursors(self):
        (row,) = self.installation.rows("SELECT cursors FROM dunning_ledger WHERE id = %s", self.ledger_id)
        cursors = row["cursors"]
        return json.loads(cursors) if isinstance(cursors, str) else cursors or {}

    def reports(self):
        return self.installation.rows(
            """
            SELECT outcome, counts, message, resume_at FROM dunning_ledger_sync
             WHERE ledger_id = %s AND outcome NOT IN ('running', 'lost') ORDER BY id
            """,
            self.ledger_id,
        )

    def uncovered(self):
        """How many differences the control totals of all passes found."""
        (row,) = self.installation.rows(
            "SELECT sum(difference_count) AS found FROM dunning_ledger_sync WHERE ledger_id = %s",
            self.ledger_id,
        )
        return row["found"] or 0

    def writes(self):
        (row,) = self.installation.rows(
            "SELECT coalesce(sum(stored_count), 0) AS stored FROM dunning_ledger_sync WHERE ledger_id = %s",
            self.ledger_id,
        )
        return row["stored"]

    def snapshot(self):
        """Every row with the transaction that wrote it last: a write that changes nothing shows too."""
        items = self.installation.rows(
            "SELECT id, xmin::text AS written FROM dunning_item WHERE ledger_id = %s ORDER BY id",
            self.ledger_id,
        )
        return self._records(""), items

    def parked(self):
        rows = self.installation.rows(
            "SELECT external_id FROM dunning_ledger_record WHERE ledger_id = %s AND state = 'parked'",
            self.ledger_id,
        )
        return {row["external_id"] for row in rows}

    # -- what happens to it ----------------------------------------------------------------------------------
    def hint(self, entity, external_id):
        with self.installation.environment() as env:
            env["dunning.ledger.event"]._note(
                env["dunning.ledger"].browse(self.ledger_id), [(entity, external_id)]
            )

    def confirm_removal(self):
        with self.installation.environment() as env:
            env["dunning.ledger"].browse(self.ledger_id).action_confirm_removals()

    def secrets(self):
        with self.installation.environment() as env:
            answer = env["dunning.ledger"].browse(self.ledger_id)._secrets()._answer()
            return {answer["access_token"], answer["refresh_token"]}

    def runner_died(self):
        with self.installation.environment() as env:
            env["dunning.ledger"].browse(self.ledger_id).write({"lease_key": False, "lease_runner": False})


class OdooJson2Receiver(OdooReceiver):
    """Over the network, with the bot's key."""

    def _gateway(self):
        self.odoo = Odoo(self.server_url, self.installation.database, self.installation.api_key)
        return Json2Gateway(self.odoo, self.ledger_id)


class _Verbs:
    """The sync verbs of one ledger, each call in a transaction of its own; as Odoo's scheduler, again when another
    worker wrote the same rows meanwhile."""

    def __init__(self, installation, ledger_id):
        for verb in VERBS:
            setattr(self, verb, self._in_transaction(installation, ledger_id, verb))

    @staticmethod
    def _in_transaction(installation, ledger_id, verb):
        from odoo.addons.odoo_dunning.models.dunning_ledger_pass import CONCURRENCY, VERB_TRIES

        def call(**arguments):
            for left in reversed(range(VERB_TRIES)):
                try:
                    with installation.environment() as env:
                        return getattr(env["dunning.ledger"].browse(ledger_id), verb)(**arguments)
                except CONCURRENCY:
                    if not left:
                        raise
            raise AssertionError("unreachable")

        return call

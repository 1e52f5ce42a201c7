"""One customer for each reason why nothing is sent, so that the demo's proposals show them all.

Runs inside `odoo shell`, after the ordinary books. The reasons of the day to day (covered by a credit, too young, no
address …) come up by themselves.
"""

from datetime import timedelta

from odoo import Command

FRIENDLY, FIRM, FINAL = 2, 3, 4


def arrange(env, company, today):
    """Make the customers, then bring each into its situation."""
    Cases(env, company, today).arrange()


class Cases:
    def __init__(self, env, company, today):
        self.env = env
        self.company = company
        self.today = today
        self.clerk = env["res.users"].search([("login", "=", "accountant")])

    def arrange(self):
        # name -> (days overdue, amount, what happens to its receivable)
        situations = {
            "Hafenkontor Brandt": (20, 640.0, self._hold_item),
            "Reederei Klaasen": (18, 2210.5, self._hold_account),
            "Tischlerei Böhm": (25, 890.0, self._dispute_whole),
            "Druckerei Sommer": (25, 1200.0, self._dispute_part),
            "Optik Wiese": (14, 310.4, self._promise),
            "Feinkost Maurer": (22, 455.0, self._exclude),
            "Radhaus Nord": (30, 998.0, self._insolvent),
            "Elektro Fuchs": (90, 3120.0, self._legal),
            "Sanitär Jansen": (33, 760.0, self._waiting),
            "Blumen Krämer": (12, 120.0, self._contacted),
            "Autohaus Behrens": (80, 5400.0, self._last_level),
            "Kiosk am Markt": (15, 3.2, None),
            "Schlüsseldienst Ott": (15, 12.0, None),
            "Zoo Hellmann": (16, 410.0, self._unmatched_receipt),
            "Verlag Thiele": (16, 700.0, self._in_other_run),
            "Holzhandel Ebert": (16, 350.0, self._no_address),
            "Kurzwaren Pohl": (27, 180.0, self._archive),
        }
        self._set_minimums()
        moves = {
            name: self._invoice(name, days, amount) for name, (days, amount, _then) in situations.items()
        }
        self.env["dunning.item"]._refresh(self.company)
        for name, (_days, _amount, then) in situations.items():
            if then:
                then(self._item(moves[name]))
        self._without_due_date()
        Neighbour(self.env, self.today).arrange()

    def _set_minimums(self):
        euro = self.env.ref("base.EUR").id
        self.company.dunning_policy_id.minimum_ids = [
            Command.create({"scope": "item", "currency_id": euro, "amount": 5.0}),
            Command.create({"scope": "account", "currency_id": euro, "amount": 25.0}),
        ]
        self.company.dunning_unmatched_gate = "stop"

    def _customer(self, name):
        handle = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
        return self.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "email": f"office@{handle}.example",
                "country_id": self.env.ref("base.de").id,
                "lang": "de_DE",
            }
        )

    def _invoice(self, name, days_overdue, amount):
        due = self.today - timedelta(days=days_overdue)
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self._customer(name).id,
                "company_id": self.company.id,
                "currency_id": self.env.ref("base.EUR").id,
                "invoice_date": due - timedelta(days=14),
                "invoice_date_due": due,
                "invoice_line_ids": [
                    Command.create({"name": "Goods", "quantity": 1, "price_unit": amount, "tax_ids": False})
                ],
            }
        )
        move.action_post()
        return move

    def _item(self, move):
        return self.env["dunning.item"].search([("move_line_id.move_id", "=", move.id)])

    # -- situations -------------------------------------------------------------------------------------------

    def _hold_item(self, item):
        self._hold(item.account_id, item, "Delivery note is being looked for")

    def _hold_account(self, item):
        self._hold(item.account_id, item.browse(), "Change of bank: wait for the new mandate")

    def _hold(self, account, item, reason):
        until = self.today + timedelta(days=10)
        self.env["dunning.hold"].create(
            {
                "account_id": account.id,
                "item_id": item.id,
                "until_date": until,
                "reason": reason,
                "user_id": self.clerk.id,
            }
        )

    def _dispute_whole(self, item):
        self.env["dunning.dispute"].create(
            {
                "item_id": item.id,
                "reason": "quality",
                "note": "Two boards are warped.",
                "user_id": self.clerk.id,
            }
        )

    def _dispute_part(self, item):
        self.env["dunning.dispute"].create(
            {
                "item_id": item.id,
                "scope": "part",
                "amount": 200.0,
                "reason": "quantity",
                "user_id": self.clerk.id,
            }
        )

    def _promise(self, item):
        self.env["dunning.promise"].create(
            {
                "account_id": item.account_id.id,
                "amount": item.amount_open,
                "currency_id": item.currency_id.id,
                "promised_date": self.today + timedelta(days=4),
                "user_id": self.clerk.id,
                "item_ids": [Command.link(item.id)],
            }
        )

    def _exclude(self, item):
        item.is_excluded = True

    def _insolvent(self, item):
        item.account_id.is_insolvent = True

    def _legal(self, item):
        item.account_id.is_legal = True

    def _waiting(self, item):
        self._reached(item, FRIENDLY, days_ago=8)

    def _last_level(self, item):
        self._reached(item, FINAL, days_ago=12)

    def _reached(self, item, rank, days_ago):
        level = self.company.dunning_policy_id.level_ids.filtered(lambda one: one.rank == rank)
        day = self.today - timedelta(days=days_ago)
        item.write({"level_id": level.id, "level_rank": rank, "level_date": day})
        item.account_id.last_contact_date = day

    def _contacted(self, item):
        item.account_id.last_contact_date = self.today - timedelta(days=2)

    def _unmatched_receipt(self, item):
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        self.env["account.bank.statement.line"].create(
            {
                "journal_id": journal.id,
                "date": self.today - timedelta(days=1),
                "payment_ref": "without reference",
                "partner_id": item.partner_id.id,
                "amount": item.amount_open,
            }
        )

    def _in_other_run(self, item):
        """A colleague has proposed this one customer and not approved it yet."""
        run = self.env["dunning.run"].create({"date": self.today, "company_id": self.company.id})
        run.action_propose_now()
        run.line_ids.filtered(
            lambda line: line.decision == "notify" and line.item_id != item
        ).action_exclude()

    def _no_address(self, item):
        """Neither e-mail nor street nor telephone."""
        item.account_id.partner_id.email = False

    def _archive(self, item):
        item.account_id.partner_id.action_archive()

    def _without_due_date(self):
        """An opening balance entered without a date to pay by."""
        receivable = self.env["account.account"].search(
            [("account_type", "=", "asset_receivable"), ("company_ids", "in", self.company.id)], limit=1
        )
        income = self.env["account.account"].search(
            [("account_type", "=", "income"), ("company_ids", "in", self.company.id)], limit=1
        )
        journal = self.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", self.company.id)], limit=1
        )
        move = self.env["account.move"].create(
            {
                "journal_id": journal.id,
                "date": self.today - timedelta(days=60),
                "ref": "Opening balance",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": receivable.id,
                            "partner_id": self._customer("Antiquariat Lenz").id,
                            "debit": 260.0,
                        }
                    ),
                    Command.create({"account_id": income.id, "credit": 260.0}),
                ],
            }
        )
        move.action_post()
        move.line_ids.filtered(lambda line: line.account_id == receivable).write(
            {"no_followup": False, "date_maturity": False}
        )


class Neighbour:
    """A second company whose bank is not up to date, whose old ledger is silent and whose first run is capped."""

    def __init__(self, env, today):
        self.today = today
        self.company = env["res.company"].create(
            {
                "name": "Brightwater Nordic ApS",
                "country_id": env.ref("base.dk").id,
                "currency_id": env.ref("base.EUR").id,
                "email": "accounts@nordic.brightwater.example",
                "dunning_policy_id": False,
                "dunning_cap_per_day": 1,
                "dunning_bank_gate": "stop",
            }
        )
        env["res.users"].search([("login", "in", ("admin", "accountant"))]).company_ids = [
            Command.link(self.company.id)
        ]
        self.policy = env.ref("odoo_dunning.policy_default")
        self.env = env(context={**env.context, "allowed_company_ids": [self.company.id]})

    def arrange(self):
        self.env["account.chart.template"].try_loading("generic_coa", self.company, install_demo=False)
        self.company.currency_id = self.env.ref("base.EUR")
        Cases(self.env, self.company, self.today)._invoice("Svendsen Møbler", 20, 330.0)
        self.env["dunning.item"]._refresh(self.company)
        self.env["dunning.account"].search([("company_id", "=", self.company.id)]).policy_id = self.policy
        fresh, old = (
            self._ledger("Nordic books (Xero)", hours_old=1),
            self._ledger("Nordic, old books (Xero)", hours_old=90),
        )
        self._foreign("Havnens Fisk", fresh, self.policy)
        self._foreign("Lund & Krogh", fresh, self.policy)
        self._foreign("Østerbro Cykler", fresh, self.env["dunning.policy"])
        self._foreign("Vestkyst El", old, self.policy)
        self._propose(self.today)
        self._propose_for_a_sunday()

    def _ledger(self, name, hours_old):
        """A connection made earlier; it is paused, so that nobody asks its organisation in the demo."""
        ledger = self.env["dunning.ledger"].create(
            {"name": name, "vendor": "xero", "environment": "sandbox", "company_id": self.company.id}
        )
        ledger.sudo().write(
            {
                "state": "paused",
                "organisation_ref": f"organisation-{ledger.id}",
                "organisation_name": name,
                "last_good_sync_at": self.env.cr.now() - timedelta(hours=hours_old),
            }
        )
        return ledger

    def _foreign(self, name, ledger, policy):
        partner = Cases(self.env, self.company, self.today)._customer(name)
        account = self.env["dunning.account"].create(
            {"company_id": self.company.id, "partner_id": partner.id, "policy_id": policy.id}
        )
        self.env["dunning.item"]._upsert_external(
            [
                {
                    "account_id": account.id,
                    "partner_id": partner.id,
                    "company_id": self.company.id,
                    "origin": "xero",
                    "ledger_id": ledger.id,
                    "entity": "invoice",
                    "external_id": f"case-{partner.id}",
                    "installment": 0,
                    "kind": "invoice",
                    "number": f"N-{partner.id}",
                    "reference": False,
                    "issue_date": (self.today - timedelta(days=45)).isoformat(),
                    "due_date": (self.today - timedelta(days=15)).isoformat(),
                    "currency_id": self.env.ref("base.EUR").id,
                    "amount_total": "540.00",
                    "amount_open": "540.00",
                    "is_open": True,
                    "no_followup": False,
                    "source_state": "open",
                    "link_url": False,
                    "updated_at": self.env.cr.now(),
                    "content_hash": "case",
                }
            ]
        )

    def _propose(self, day):
        run = self.env["dunning.run"].create({"date": day, "company_id": self.company.id})
        run.action_propose_now()
        return run

    def _propose_for_a_sunday(self):
        """A policy that only proposes on working days has nothing to say on a Sunday."""
        strict = self.policy.copy({"name": "Working days only", "when_closed": "wait"})
        account = self._account("Havnens Fisk")
        account.policy_id = strict
        self.env["dunning.run"].search(
            [("company_id", "=", self.company.id), ("state", "=", "proposed")]
        ).action_cancel()
        self._propose(self.today + timedelta(days=(6 - self.today.weekday()) % 7 or 7))

    def _account(self, name):
        return self.env["dunning.account"].search(
            [("partner_id.name", "=", name), ("company_id", "=", self.company.id)]
        )

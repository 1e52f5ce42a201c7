from collections import defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from ..bulk import snapshot, totals

# Kind of document in the ledger of the credits that stand for such differences.
ENTITY = "match"


class DunningLedgerMatch(models.Model):
    """What a ledger leaves open of an invoice of Odoo's, next to what Odoo does.

    Where the ledger leaves less open (a credit there, a payment that Odoo does not have), nobody is asked for more than
    that: the difference is a credit to the customer here, named after the invoice, until both agree. Nothing is booked.
    """

    _inherit = "dunning.ledger.match"

    amount_open = fields.Monetary(string="Open at the source", readonly=True)
    amount_odoo_open = fields.Monetary(string="Open in Odoo", readonly=True)
    amount_difference = fields.Monetary(
        string="Less open there",
        readonly=True,
        help="What Odoo claims above what the ledger leaves open. It is not asked for, and waits for a person: book "
        "the credit or payment in Odoo, or correct it in the ledger.",
    )
    difference_note = fields.Text(string="There, against it", compute="_compute_difference_note")

    @api.depends("amount_difference")
    def _compute_difference_note(self):
        """What the ledger set against the invoice, in its own words."""
        for match in self:
            allocations = self.env["dunning.allocation"].search(
                [("ledger_id", "=", match.ledger_id.id), ("invoice_ref", "=", match.external_id)],
                order="date, id",
            )
            kinds = {"credit": self.env._("Credit"), "payment": self.env._("Payment")}
            match.difference_note = (
                "\n".join(
                    self.env._(
                        "%(kind)s of %(amount)s on %(day)s",
                        kind=kinds[one.kind],
                        amount=one.currency_id.format(one.amount),
                        day=one.date or "?",
                    )
                    for one in allocations
                )
                or False
            )

    def action_open_invoice(self):
        """Open Odoo's invoice, to book there what the ledger has."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": self.move_id.id,
            "view_mode": "form",
        }

    # === COMPARE === #

    @api.model
    def _compare_open(self, companies):
        """Bring the differences of matched invoices, and the credits that stand for them, up to date.

        Raw SQL: read before each proposal, over all matches.

        :return: accounts whose receivables changed
        """
        self.flush_model()
        self.env["dunning.item"].flush_model()
        self.env["account.move.line"].flush_model()
        changed, credits, seen_moves = [], {}, set()
        for row in snapshot.rows_of(self.env, self._open_sql(companies)):
            match_id, move_id, there, here, *stored = row[:7]
            difference = max(Decimal(0), here - there)
            if stored != [there, here, difference]:
                changed.append((match_id, there, here, difference))
            # One ledger's word is enough: the one that leaves least open comes first.
            if difference and move_id not in seen_moves:
                credits[match_id] = self._credit_vals(difference, *row[7:])
            seen_moves.add(move_id)
        self._keep_open(changed)
        accounts = self._keep_credits(companies, credits.values())
        self._hold_where_nothing_is_netted(companies, self.browse(credits))
        return accounts

    def _keep_credits(self, companies, credits):
        """Store these credits and close the others. Return the accounts where something changed."""
        items = self.env["dunning.item"]
        held = {
            (item.ledger_id.id, item.external_id): item
            for item in items.search(
                [
                    ("ledger_id.company_id", "in", companies.ids),
                    ("entity", "=", ENTITY),
                    ("is_open", "=", True),
                ]
            )
        }
        accounts = set()
        for vals in credits:
            known = held.pop((vals["ledger_id"], vals["external_id"]), None)
            if not known or known.content_hash != vals["content_hash"]:
                accounts.add(vals["account_id"])
        agreed = items.union(*held.values())
        agreed.write({"amount_open": 0.0, "is_open": False, "content_hash": ""})
        items._upsert_external(list(credits))
        return self.env["dunning.account"].browse(accounts) | agreed.account_id

    def _hold_where_nothing_is_netted(self, companies, matches):
        """A policy that does not net would ask for all of it: those invoices wait for a person."""
        holds = self.env["dunning.hold"].with_context(active_test=False)
        held = holds.search([("match_id", "!=", False), ("company_id", "in", companies.ids)])
        agreed = held.filtered(lambda one: one.match_id not in matches)
        for match in matches - held.match_id:
            for item in self.env["dunning.item"].search(
                [("move_line_id.move_id", "=", match.move_id.id), ("is_open", "=", True)]
            ):
                if item.account_id.effective_policy_id.netting == "none":
                    holds.create(
                        {
                            "account_id": item.account_id.id,
                            "item_id": item.id,
                            "match_id": match.id,
                            "reason": self.env._(
                                "%(ledger)s leaves less open of it than Odoo", ledger=match.ledger_id.name
                            ),
                        }
                    )
        agreed.unlink()

    def _open_sql(self, companies):
        return SQL(
            """
            SELECT m.id, m.move_id, there.open, COALESCE(here.open, 0),
                   m.amount_open, m.amount_odoo_open, m.amount_difference,
                   m.ledger_id, m.external_id, ledger.vendor, move.name, move.company_id, here.account_id,
                   here.partner_id, move.currency_id, there.link_url,
                   COALESCE(against.date, CURRENT_DATE)
              FROM dunning_ledger_match m
              JOIN dunning_ledger ledger ON ledger.id = m.ledger_id AND ledger.state <> 'new'
              JOIN account_move move ON move.id = m.move_id AND move.company_id = ANY(%(companies)s)
              JOIN LATERAL (
                    SELECT sum(i.amount_open) AS open, max(i.link_url) AS link_url FROM dunning_item i
                     WHERE i.ledger_id = m.ledger_id AND i.entity = m.entity AND i.external_id = m.external_id
                       AND i.source_state = 'matched'
                   ) there ON there.open IS NOT NULL
              JOIN LATERAL (
                    SELECT sum(line.amount_residual_currency) AS open, min(i.account_id) AS account_id,
                           min(i.partner_id) AS partner_id
                      FROM account_move_line line JOIN dunning_item i ON i.move_line_id = line.id
                     WHERE line.move_id = move.id
                   ) here ON here.account_id IS NOT NULL
              JOIN LATERAL (
                    SELECT max(a.date) AS date FROM dunning_allocation a
                     WHERE a.ledger_id = m.ledger_id AND a.invoice_ref = m.external_id
                   ) against ON TRUE
             WHERE m.state = 'matched'
          ORDER BY m.move_id, there.open, m.id
            """,
            companies=companies.ids,
        )

    def _keep_open(self, rows):
        if rows:
            self.env.cr.execute_values(
                """
                UPDATE dunning_ledger_match m
                   SET amount_open = v.there, amount_odoo_open = v.here, amount_difference = v.difference
                  FROM (VALUES %s) AS v (id, there, here, difference) WHERE m.id = v.id
                """,
                rows,
                page_size=1000,
            )
            self.invalidate_model(["amount_open", "amount_odoo_open", "amount_difference"])

    def _credit_vals(
        self,
        difference,
        ledger_id,
        external_id,
        vendor,
        number,
        company_id,
        account_id,
        partner_id,
        currency_id,
        link,
        credit_date,
    ):
        vendors = dict(self.env["dunning.ledger"]._fields["vendor"]._description_selection(self.env))
        return {
            "ledger_id": ledger_id,
            "entity": ENTITY,
            "external_id": external_id,
            "installment": 0,
            "kind": "credit",
            "origin": vendor,
            "number": f"{number} ({vendors[vendor]})",
            # By its reference the credit goes to this invoice before any other.
            "reference": number,
            "issue_date": credit_date,
            "company_id": company_id,
            "account_id": account_id,
            "partner_id": partner_id,
            "currency_id": currency_id,
            "amount_total": -difference,
            "amount_open": -difference,
            "link_url": link or False,
            "source_state": "matched",
            "content_hash": f"{difference}/{account_id}/{credit_date}",
        }


class DunningHold(models.Model):
    _inherit = "dunning.hold"

    match_id = fields.Many2one(
        "dunning.ledger.match",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
        string="Invoice in both books",
    )


class DunningItem(models.Model):
    _inherit = "dunning.item"

    @api.model
    def _refresh(self, companies):
        """Override to compare what ledgers leave open of Odoo's invoices."""
        res = super()._refresh(companies)
        self._refresh_matched(companies)
        return res

    @api.model
    def _refresh_matched(self, companies):
        matches = self.env["dunning.ledger.match"].sudo()
        matches._release_lost(companies)
        ledgers = self.env["dunning.ledger"].sudo().search([("company_id", "in", companies.ids)])
        here = [("ledger_id", "in", ledgers.ids)]
        if not ledgers or not (
            matches.search_count([*here, ("state", "=", "matched")], limit=1)
            or self.search_count([*here, ("entity", "=", ENTITY), ("is_open", "=", True)], limit=1)
        ):
            return
        changed = defaultdict(list)
        for account in matches._compare_open(companies):
            changed[account.company_id].append(account.id)
        for company, account_ids in changed.items():
            totals.refresh(self.env, company, account_ids)


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    match_difference_count = fields.Integer(
        string="Less open there than in Odoo", compute="_compute_match_difference_count"
    )

    def _compute_match_difference_count(self):
        counts = dict(
            self.env["dunning.ledger.match"]._read_group(
                [("ledger_id", "in", self.ids), ("state", "=", "matched"), ("amount_difference", ">", 0)],
                ["ledger_id"],
                ["__count"],
            )
        )
        for ledger in self:
            ledger.match_difference_count = counts.get(ledger, 0)

    def action_view_match_differences(self):
        """Show the invoices of which this ledger leaves less open than Odoo."""
        return {**self.action_view_matches(), "context": {"search_default_different": 1}}

    def _settle_payments(self):
        """Override: after payments were registered, what is still different."""
        res = super()._settle_payments()
        self.env["dunning.item"].sudo()._refresh_matched(self.company_id)
        return res

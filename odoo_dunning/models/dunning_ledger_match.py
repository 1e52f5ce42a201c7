from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..ingest.matching import Matching

# Of a receivable that is not dunned whatever is said of its match: its status is not known here, or its removal waits.
LEFT_OUT = ("unknown", "removal")


class DunningLedgerMatch(models.Model):
    """A ledger's invoice that is, or may be, one of Odoo's own invoices.

    Matched: Odoo's invoice is the one that counts and is dunned; the ledger's is linked to it and counts no more.
    Proposed and ambiguous ones wait for a person and are left out of dunning meanwhile. Invoices of charges that were
    made there from here count with the charges.
    """

    _name = "dunning.ledger.match"
    _description = "Invoice known to Odoo and to a ledger"
    _order = "state, id desc"
    _rec_name = "external_id"
    _check_company_auto = True

    ledger_id = fields.Many2one("dunning.ledger", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    entity = fields.Char(required=True, readonly=True, string="Kind at the source")
    external_id = fields.Char(string="Id at the source", required=True, readonly=True)
    state = fields.Selection(
        [
            ("ambiguous", "To decide"),
            ("proposed", "Proposed"),
            ("matched", "Matched"),
            ("rejected", "Different invoices"),
            ("charge", "Invoice of charges"),
        ],
        required=True,
        readonly=True,
    )
    move_id = fields.Many2one(
        "account.move",
        string="Invoice in Odoo",
        ondelete="set null",
        index="btree_not_null",
        domain="[('id', 'in', candidate_ids)]",
        check_company=True,
    )
    candidate_ids = fields.Many2many("account.move", string="Candidates", readonly=True)
    item_ids = fields.Many2many(
        "dunning.item", string="Receivables from the ledger", compute="_compute_item_ids"
    )
    number = fields.Char(string="Number at the source", compute="_compute_item_ids")
    partner_id = fields.Many2one("res.partner", string="Customer at the source", compute="_compute_item_ids")
    amount_total = fields.Monetary(string="Total at the source", compute="_compute_item_ids")
    currency_id = fields.Many2one("res.currency", compute="_compute_item_ids")

    _record_uniq = models.Constraint(
        "UNIQUE (ledger_id, entity, external_id)", "A record of a ledger is matched once."
    )

    @api.depends("ledger_id", "entity", "external_id")
    def _compute_item_ids(self):
        for match in self:
            items = match._items()
            match.item_ids = items
            match.number = items[:1].number
            match.partner_id = items[:1].partner_id
            match.currency_id = items[:1].currency_id
            match.amount_total = sum(items.mapped("amount_total"))

    def _items(self):
        self.ensure_one()
        return self.env["dunning.item"].search(
            Domain("ledger_id", "=", self.ledger_id.id)
            & Domain("entity", "=", self.entity)
            & Domain("external_id", "=", self.external_id),
            order="installment",
        )

    # === ACTIONS === #

    def action_confirm(self):
        """These are the same invoice: Odoo's counts."""
        self.check_access("write")
        for match in self:
            if not match.move_id:
                raise UserError(
                    self.env._(
                        "%(number)s: choose the invoice in Odoo first, then confirm.", number=match.number
                    )
                )
        self.sudo()._confirm()
        self.sudo()._apply()

    def action_reject(self):
        """These are different invoices: both count."""
        self.check_access("write")
        self.sudo().write({"state": "rejected", "move_id": False})
        self.sudo()._apply()

    @api.model
    def _keep_charges(self, ledger, external_id):
        """This invoice of the ledger's is one of charges, made from here."""
        key = [("ledger_id", "=", ledger.id), ("entity", "=", "invoice"), ("external_id", "=", external_id)]
        match = self.search(key)
        if match:
            match.write({"state": "charge", "move_id": False})
        else:
            match = self.create(
                {"ledger_id": ledger.id, "entity": "invoice", "external_id": external_id, "state": "charge"}
            )
        match._apply()

    @api.model
    def _release_lost(self, companies):
        """Where Odoo's invoice is cancelled or deleted and the ledger's still claims, nobody would be asked: a person
        decides whether the ledger's counts."""
        lost = self.search(
            Domain("company_id", "in", companies.ids)
            & Domain("state", "=", "matched")
            & (Domain("move_id", "=", False) | Domain("move_id.state", "=", "cancel"))
        )
        for match in lost:
            items = match._items()
            if any(items.mapped("amount_open")):
                match.state = "ambiguous"
                items._follow_match("ambiguous")

    def _confirm(self):
        self.write({"state": "matched"})

    def _apply(self):
        """Bring the ledger's receivables in line with what is decided."""
        for match in self:
            match._items()._follow_match(match.state)
        self.env["dunning.item"]._refresh_matched(self.company_id)
        for ledger in self.ledger_id:
            ledger._refresh_accounts()


class DunningItem(models.Model):
    _inherit = "dunning.item"

    def _follow_match(self, state):
        """Count, hold back or leave out receivables of a ledger, by what was decided on their match."""
        for item in self:
            if state == "matched":
                item.write({"is_open": False, "source_state": "matched"})
            elif state == "charge":
                item.is_open = False
            else:
                if item.source_state == "matched":
                    item._count_again()
                item.no_followup = state != "rejected" or item.source_state in LEFT_OUT

    def _count_again(self):
        """The ledger's own receivable counts again; the next pass reads its status, which was not kept."""
        self.ensure_one()
        self.write({"is_open": bool(self.amount_open), "source_state": "open", "content_hash": ""})
        domain = [
            ("ledger_id", "=", self.ledger_id.id),
            ("entity", "=", self.entity),
            ("external_id", "=", self.external_id),
        ]
        self.env["dunning.ledger.record"].sudo().search(domain).content_hash = ""
        self.env["dunning.ledger.event"]._note(self.ledger_id, [(self.entity, self.external_id)])


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    odoo_match = fields.Selection(
        [
            ("off", "No invoice of Odoo's is in this ledger"),
            ("preview", "Propose matches"),
            ("auto", "Match at once"),
        ],
        string="Invoices of Odoo's in this ledger",
        required=True,
        default="auto",
        help="An invoice with the same number, customer and total is the same one. Doubtful cases wait for a person.",
    )
    match_ids = fields.One2many("dunning.ledger.match", "ledger_id", string="Matched invoices")
    match_count = fields.Integer(string="Matches to decide", compute="_compute_match_count")

    def _compute_match_count(self):
        counts = dict(
            self.env["dunning.ledger.match"]._read_group(
                [("ledger_id", "in", self.ids), ("state", "in", ["proposed", "ambiguous"])],
                ["ledger_id"],
                ["__count"],
            )
        )
        for ledger in self:
            ledger.match_count = counts.get(ledger, 0)

    def action_view_matches(self):
        """Show the matches; those to decide first."""
        self.ensure_one()
        self.check_access("read")
        Matching(self.sudo()).look()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Invoices known to both"),
            "res_model": "dunning.ledger.match",
            "view_mode": "list,form",
            "domain": [("ledger_id", "=", self.id), ("state", "!=", "charge")],
        }

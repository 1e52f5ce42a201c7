from odoo import api, fields, models

from .. import lib

SWITCHES = {
    "note": "write_notes",
    "expected_date": "write_expected_dates",
    "payment": "write_payments",
    "charge_invoice": "books_charges_there",
    "charge_credit": "books_charges_there",
}
# The broad Xero scope of apps older than March 2026 covers all of them.
BROAD_SCOPE = "accounting.transactions"


class DunningLedger(models.Model):
    """What is written back to the ledger; each kind is switched on by itself."""

    _inherit = "dunning.ledger"

    write_notes = fields.Boolean(
        string="Leave a note on the invoice for each reminder sent",
        tracking=True,
        help="Xero: in the invoice's history. QuickBooks: a line in its private note.",
    )
    write_expected_dates = fields.Boolean(
        string="Enter the promised day as expected payment date",
        tracking=True,
        help="Xero only; QuickBooks has no such date.",
    )
    write_payments = fields.Boolean(
        string="Record payments received in Odoo",
        tracking=True,
        help="A payment entered on a receivable of this ledger is recorded there.",
    )
    write_ids = fields.One2many("dunning.ledger.write", "ledger_id", string="Writes", readonly=True)
    write_problem_count = fields.Integer(string="Not written", compute="_compute_write_problem_count")
    write_permission_missing = fields.Char(
        compute="_compute_write_permission_missing", string="Permission missing"
    )

    def _compute_write_problem_count(self):
        counts = dict(
            self.env["dunning.ledger.write"]._read_group(
                [("ledger_id", "in", self.ids), ("state", "=", "failed")], ["ledger_id"], ["__count"]
            )
        )
        for ledger in self:
            ledger.write_problem_count = counts.get(ledger, 0)

    @api.depends(
        "write_notes", "write_expected_dates", "write_payments", "charge_booking", "scopes_granted", "vendor"
    )
    def _compute_write_permission_missing(self):
        for ledger in self:
            missing = {ledger._missing_permission(kind) for kind in SWITCHES if ledger._writes(kind)}
            ledger.write_permission_missing = ", ".join(sorted(missing - {""})) or False

    def _writes(self, kind):
        """Whether this kind of write is switched on here, and the vendor knows it."""
        self.ensure_one()
        return bool(self[SWITCHES[kind]]) and kind in lib.part(f"{self.vendor}.writes").SCOPES

    def _missing_permission(self, kind):
        """The permission this kind of write needs and the consent lacks, or an empty string."""
        needed = lib.part(f"{self.vendor}.writes").SCOPES.get(kind, "")
        granted = set((self.scopes_granted or "").split())
        return needed if granted and not granted & {needed, BROAD_SCOPE} else ""

    def _consent_scopes(self):
        """Override to ask for the permissions to write that are switched on, in place of those to read the same."""
        scopes = super()._consent_scopes()
        wanted = {lib.part(f"{self.vendor}.writes").SCOPES[kind] for kind in SWITCHES if self._writes(kind)}
        if self.vendor != "xero" or not wanted:
            return scopes
        read = scopes or lib.part("xero.oauth").READ_SCOPES
        return tuple(
            scope.removesuffix(".read") if scope.removesuffix(".read") in wanted else scope for scope in read
        )

    def action_see_writes(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Written to %(ledger)s", ledger=self.name),
            "res_model": "dunning.ledger.write",
            "view_mode": "list,form",
            "domain": [("ledger_id", "=", self.id)],
        }

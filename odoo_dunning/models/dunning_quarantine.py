from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import secrets
from ..ingest.batch import Batch


class DunningQuarantine(models.Model):
    """A record of a ledger that could not be taken in, with its cause and its encrypted payload.

    `parked` rows are no faults: a document that came before its customer waits here.
    """

    _name = "dunning.quarantine"
    _description = "Ledger record set aside"
    _order = "last_at desc, id desc"
    _rec_name = "external_id"

    ledger_id = fields.Many2one("dunning.ledger", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="ledger_id.company_id", store=True, index=True)
    entity = fields.Char(string="Kind", required=True, readonly=True)
    external_id = fields.Char(string="Id at the source", required=True, readonly=True)
    cause = fields.Text(required=True, readonly=True)
    state = fields.Selection(
        [("open", "To look at"), ("parked", "Waits for its customer"), ("dismissed", "Dismissed")],
        required=True,
        readonly=True,
        default="open",
    )
    waits_for_ref = fields.Char(string="Waits for customer", readonly=True)
    is_wire = fields.Boolean(
        readonly=True,
        help="The payload is a record ready to be taken in, not the vendor's own.",
        string="Ready to be taken in",
    )
    payload = fields.Text(groups=fields.NO_ACCESS, string="Record")
    tries = fields.Integer(readonly=True, default=1)
    first_at = fields.Datetime(readonly=True, default=fields.Datetime.now, string="First tried")
    last_at = fields.Datetime(readonly=True, default=fields.Datetime.now, string="Last tried")
    dismiss_reason = fields.Char(string="Left out because")

    _record_uniq = models.Constraint("UNIQUE (ledger_id, entity, external_id)", "A record is set aside once.")
    _waiting = models.Index("(ledger_id, waits_for_ref) WHERE state = 'parked'")

    @api.depends("entity", "external_id")
    def _compute_display_name(self):
        for row in self:
            row.display_name = f"{row.entity} {row.external_id}"

    def action_retry(self):
        """Take the record in again, or have it read again from the ledger with the next pass."""
        self.check_access("write")
        for ledger, rows in self.grouped("ledger_id").items():
            ledger.sudo()._retry_set_aside(rows.sudo())

    def action_dismiss(self):
        """Leave the record out for good, with the reason a person gave."""
        self.check_access("write")
        for row in self:
            if not row.dismiss_reason:
                raise UserError(
                    self.env._(
                        "%(record)s: say why it is dismissed, then dismiss it.", record=row.display_name
                    )
                )
        self.sudo().write({"state": "dismissed"})

    def action_ask_dismiss(self):
        """Ask why they are left out for good."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Leave out for good"),
            "res_model": "dunning.dismiss.wizard",
            "view_mode": "form",
            "target": "new",
            "context": {"default_quarantine_ids": self.ids},
        }

    def _payload(self):
        """Return the stored record (dict), decrypted."""
        self.ensure_one()
        return secrets.unseal_json(self.env, self.sudo().payload)


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    def _set_aside(self, rows):
        """Keep records that were not taken in: `(entity, external_id, cause, payload, is_wire)`."""
        now = fields.Datetime.now()
        values = [
            (
                self.id,
                self.company_id.id,
                _printable(entity)[:64],
                _printable(external_id or "?")[:128],
                _printable(cause),
                secrets.seal_json(self.env, payload) if payload is not None else None,
                is_wire,
                now,
                now,
            )
            for entity, external_id, cause, payload, is_wire in rows
        ]
        self.env.cr.execute_values(
            """
            INSERT INTO dunning_quarantine AS q
                        (ledger_id, company_id, entity, external_id, cause, payload, is_wire, first_at, last_at,
                         state, tries)
                 VALUES %s
            ON CONFLICT (ledger_id, entity, external_id) DO UPDATE
                    SET cause = excluded.cause, payload = excluded.payload, is_wire = excluded.is_wire,
                        last_at = excluded.last_at, tries = q.tries + 1, waits_for_ref = NULL,
                        state = CASE WHEN q.state = 'dismissed' AND q.cause = excluded.cause
                                     THEN 'dismissed' ELSE 'open' END
            """,
            list({value[2:4]: value for value in values}.values()),
            template="(%s, %s, %s, %s, %s, %s, %s, %s, %s, 'open', 1)",
        )
        self.env["dunning.quarantine"].invalidate_model()

    def _retry_set_aside(self, rows):
        """Take set-aside records in again; those whose payload is the vendor's own are read with the next pass."""
        ready = rows.filtered("is_wire")
        if ready:
            Batch(self).take([row._payload() for row in ready])
        if rows - ready:
            self.env["dunning.ledger.event"]._note(
                self, [(row.entity, row.external_id) for row in rows - ready]
            )
            if self.state == "connected":
                self._request_sync()


def _printable(text):
    """What a database takes of it, however it came."""
    return str(text).replace("\x00", "�").encode(errors="replace").decode()[:2000]

import logging
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError

from .. import lib
from .dunning_ledger_client import naive

_logger = logging.getLogger(__name__)

# One PDF above this is never attached, whatever else is in the mail.
PDF_MAX_BYTES = 8 * 1024 * 1024
# A link that lives less long than this is asked for again: the customer may click days later.
LINK_LEAST_LIFE = timedelta(days=7)
# The ledger was asked and gave none, or one that ends soon: it is not asked again before.
LINK_NO_ANSWER_FOR = timedelta(days=7)
LINK_SHORT_ANSWER_FOR = timedelta(days=1)


class DunningItem(models.Model):
    """The printed invoice and its payment link, fetched when a message needs them, kept as long as they are right."""

    _inherit = "dunning.item"

    document_id = fields.Many2one(
        "ir.attachment", string="PDF", readonly=True, copy=False, index="btree_not_null", ondelete="set null"
    )
    document_version = fields.Char(
        readonly=True, copy=False, help="Of the invoice the PDF was made from.", string="Version of the PDF"
    )
    document_error = fields.Char(string="No PDF because", readonly=True, copy=False)
    pay_link = fields.Char(string="Payment link", readonly=True, copy=False)
    pay_link_ends_at = fields.Datetime(
        readonly=True, copy=False, help="Empty: it does not end.", string="Payment link ends on"
    )
    pay_link_asked_at = fields.Datetime(readonly=True, copy=False, string="Payment link asked for on")

    # === WHAT IS THERE === #

    def _holder(self):
        """The receivable that keeps the documents of the invoice: its first instalment."""
        self.ensure_one()
        if not self.ledger_id or not self.installment:
            return self
        return (
            self.search(
                [
                    ("ledger_id", "=", self.ledger_id.id),
                    ("entity", "=", self.entity),
                    ("external_id", "=", self.external_id),
                    ("installment", "=", 0),
                ],
                limit=1,
            )
            or self
        )

    def _version(self):
        """Changes whenever the printed invoice may look different."""
        move = self.move_id
        if move:
            return f"{move.id}-{move.write_date.isoformat()}-{move.amount_residual}"
        return self.content_hash or ""

    def _current_pdf(self):
        """The PDF of the invoice as it is now, or an empty recordset when it has to be made or fetched first."""
        stored = self.sudo().move_id.invoice_pdf_report_id
        if stored:
            return stored
        holder = self._holder().sudo()
        is_current = holder.document_id and holder.document_version == holder._version()
        return holder.document_id if is_current else self.env["ir.attachment"]

    def _needs_link(self):
        """Whether the ledger is to be asked for the payment link."""
        if not self.ledger_id.sudo().fetch_links or self.entity != "invoice":
            return False
        holder, now = self._holder(), fields.Datetime.now()
        if not holder.pay_link_asked_at:
            return True
        if not holder.pay_link:
            return holder.pay_link_asked_at < now - LINK_NO_ANSWER_FOR
        ends_soon = holder.pay_link_ends_at and holder.pay_link_ends_at < now + LINK_LEAST_LIFE
        return bool(ends_soon) and holder.pay_link_asked_at < now - LINK_SHORT_ANSWER_FOR

    # === FETCHING === #

    def _fetch_pdf(self, open_client):
        """Keep the PDF of the invoice as it is now, or why there is none.

        :param open_client: callable(ledger) -> client of the connectors; raises `ConnectorError`
        :raise Retry: the ledger wants to be left alone for a while; nothing was kept
        """
        holder, errors = self._holder().sudo(), lib.part("errors")
        try:
            with self.env.cr.savepoint():
                content = holder._render_pdf() if holder.move_id else holder._read_pdf(open_client)
                holder._keep_pdf(content)
        except UserError as error:
            holder.document_error = str(error)
        except errors.Retry:
            raise
        except errors.ConnectorError as error:
            holder.document_error = error.message
        except Exception as error:
            # A report can fail in any way its template can; the message goes without it.
            _logger.warning("No PDF of receivable %s", holder.id, exc_info=True)
            holder.document_error = self.env._(
                "the page could not be made (%(fault)s)", fault=type(error).__name__
            )

    def _read_pdf(self, open_client):
        documents = lib.part(f"{self.ledger_id.vendor}.documents")
        return documents.fetch_pdf(open_client(self.ledger_id), self.external_id, PDF_MAX_BYTES)

    def _render_pdf(self):
        move = self.move_id
        report = move.partner_id.invoice_template_pdf_report_id or self.env.ref("account.account_invoices")
        content, kind = self.env["ir.actions.report"]._render_qweb_pdf(report, move.ids)
        if kind != "pdf":
            raise UserError(self.env._("%(invoice)s could not be printed as a PDF.", invoice=move.name))
        return content

    def _keep_pdf(self, content):
        """One PDF per version; a former one stays where a message carries it."""
        former = self.document_id
        name = (self.number or self.external_id or str(self.id)).replace("/", "-")
        self.document_id = self.env["ir.attachment"].create(
            {
                "name": f"{name}.pdf",
                "raw": content,
                "mimetype": "application/pdf",
                "res_model": self._name,
                "res_id": self.id,
            }
        )
        self.write({"document_version": self._version(), "document_error": False})
        if former and not self.env["mail.message"].search_count(
            [("attachment_ids", "in", former.ids)], limit=1
        ):
            former.unlink()

    def _fetch_link(self, open_client):
        """Keep the payment link, or that there is none. Arguments and errors as of `_fetch_pdf`; after a fault of
        another kind the next message asks again."""
        holder, errors = self._holder().sudo(), lib.part("errors")
        try:
            documents = lib.part(f"{holder.ledger_id.vendor}.documents")
            link, ends_at = documents.online_link(open_client(holder.ledger_id), holder.external_id)
        except errors.Retry:
            raise
        except (errors.ConnectorError, lib.part("reading").FieldError) as error:
            _logger.info("No payment link of receivable %s: %s", holder.id, error)
            return
        is_web = link.startswith(("https://", "http://"))
        holder.write(
            {
                "pay_link": is_web and link,
                "pay_link_ends_at": is_web and naive(ends_at),
                "pay_link_asked_at": fields.Datetime.now(),
            }
        )


class DunningLedger(models.Model):
    _inherit = "dunning.ledger"

    fetch_links = fields.Boolean(
        string="Link to the invoice's own page",
        default=True,
        help="Messages link to the page of QuickBooks or Xero where the customer sees and pays the invoice. Costs one "
        "call per invoice, again when the link ends.",
    )

import time
from datetime import timedelta

from odoo import fields, models
from odoo.fields import Command
from odoo.tools import SQL

from .. import lib

MAIL_MAX_BYTES = 8 * 1024 * 1024
# What of a mail server's limit is left for attachments: they grow by a third in transport, and text comes on top.
SHARE_OF_MAIL = 0.7
# Fetching ends after this long; messages still without their documents wait for the next turn.
GATHER_S = 60
# Waits longer than this are not sat out: the message comes again later, so many times at most.
PAUSE_S = 10
PAUSES_MAX = 3
LONGEST_PAUSE_S = 120


class Fetching:
    """Clients of the ledgers while documents are gathered. A ledger that gave up once is not asked again."""

    def __init__(self):
        self._clients, self._broken = {}, {}
        self._ends_s = time.monotonic() + GATHER_S
        errors = lib.part("errors")

        class Pause(errors.Retry):
            """The ledger wants a longer break than a sender should sit out."""

        self.Pause = Pause

    @property
    def is_over(self):
        return time.monotonic() > self._ends_s

    def open_client(self, ledger):
        """:raise ConnectorError: as the ledger's client does, or because it gave up before."""
        if ledger.id in self._broken:
            raise lib.part("errors").Stop(self._broken[ledger.id])
        if ledger.id not in self._clients:
            self._clients[ledger.id] = ledger._open_client(sleep=self._sleep)
        return self._clients[ledger.id]

    def give_up(self, ledger, message):
        """:raise Stop: always; what is asked of this ledger from now on is refused with the same words."""
        self._broken[ledger.id] = message
        raise lib.part("errors").Stop(message)

    def _sleep(self, seconds):
        if PAUSE_S < seconds <= LONGEST_PAUSE_S:
            raise self.Pause("The ledger cannot keep up just now.", seconds)
        time.sleep(min(seconds, PAUSE_S))


class DunningNotice(models.Model):
    """Messages take the invoices along as PDF and link to the page where they are paid. Nothing of this keeps a
    message: what could not be had is left out, and the message's record says so."""

    _inherit = "dunning.notice"

    documents_at = fields.Datetime(string="Documents gathered", readonly=True, copy=False)
    documents_pauses = fields.Integer(
        readonly=True, copy=False, help="How often it waited for a ledger.", string="Waits for documents"
    )
    document_note = fields.Char(
        string="Left out", readonly=True, copy=False, help="Invoices whose PDF is not attached, and why."
    )

    # === BEFORE SENDING === #

    def _send_company(self, company, commit):
        """Override to gather documents first: calls to ledgers take long, and no message is locked meanwhile."""
        self._gather_documents(company, commit)
        return super()._send_company(company, commit)

    def _gather_documents(self, company, commit):
        """Fetch what due messages of a company need, committing after each; those it does not get to wait a while."""
        fetching, pause_s = Fetching(), PAUSE_S
        left = self.browse(self._without_documents(company))
        while left and not fetching.is_over:
            try:
                left[0]._gather(fetching)
            except fetching.Pause as pause:
                pause_s = pause.after_seconds
                left[0].documents_pauses += 1
                break
            left[0].documents_at = fields.Datetime.now()
            left = left[1:]
            if not commit():
                break
        if left:
            again_at = fields.Datetime.now() + timedelta(seconds=pause_s)
            left.send_at = again_at
            self.env.ref("odoo_dunning.cron_send").sudo()._trigger(again_at)
            commit()

    def _without_documents(self, company):
        """Ids of due messages by e-mail that take invoices along or link to a ledger, and have nothing gathered yet."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT notice.id
                  FROM dunning_notice notice
             LEFT JOIN dunning_level level ON level.id = notice.level_id
                 WHERE notice.company_id = %s AND notice.state = 'ready' AND notice.channel = 'email'
                   AND notice.send_at <= %s AND notice.documents_at IS NULL AND notice.corrects_id IS NULL
                   AND (level.attach_invoices
                        OR EXISTS (SELECT 1 FROM dunning_run_line line
                                     JOIN dunning_item item ON item.id = line.item_id
                                     JOIN dunning_ledger ledger ON ledger.id = item.ledger_id AND ledger.fetch_links
                                    WHERE line.notice_id = COALESCE(notice.main_id, notice.id)))
              ORDER BY notice.send_at, notice.id
                """,
                company.id,
                fields.Datetime.now(),
            )
        )
        return [row[0] for row in rows]

    def _gather(self, fetching):
        """:raise fetching.Pause: the ledger lets no more calls through for a while."""
        for item in self._invoices():
            if item._needs_link():
                self._fetched(fetching, item, item._fetch_link)
            if self.level_id.attach_invoices and not item._current_pdf():
                self._fetched(fetching, item, item._fetch_pdf)

    def _fetched(self, fetching, item, fetch):
        errors = lib.part("errors")
        try:
            fetch(fetching.open_client)
        except errors.Retry as error:
            message = error.message
            if isinstance(error, fetching.Pause) and self.documents_pauses < PAUSES_MAX:
                raise
            # The ledger cannot be reached, or lets nothing through for long: go on without it.
            fetch(lambda ledger: fetching.give_up(ledger, message))

    def _invoices(self):
        """Invoices of the message, one for all their instalments, in the order in which it lists them."""
        items = (self.main_id or self).line_ids.item_id.filtered(lambda item: item.kind == "invoice")
        found = {}
        for item in items.sorted(lambda item: (item.due_date or fields.Date.today(), item.id)):
            found.setdefault(item.move_id or (item.ledger_id, item.entity, item.external_id), item)
        return self.env["dunning.item"].union(*found.values())

    def _requeue(self):
        """Override: what has changed may be printed otherwise by now."""
        self.documents_at = False
        return super()._requeue()

    def _retake(self):
        self.documents_at = False
        return super()._retake()

    # === WITH THE MAIL === #

    def _deliver_email(self, looks):
        """Override to attach invoices."""
        res = super()._deliver_email(looks)
        self.filtered(
            lambda one: one.state == "queued" and one.level_id.attach_invoices and not one.corrects_id
        )._attach_invoices()
        return res

    def _attach_invoices(self):
        room_bytes = min(
            MAIL_MAX_BYTES,
            int(self.env["ir.mail_server"].sudo()._get_max_email_size() * 2**20 * SHARE_OF_MAIL),
        )
        for notice in self:
            attached, left_out, left_bytes = self.env["ir.attachment"].sudo(), [], room_bytes
            left_bytes -= sum(notice.mail_message_id.sudo().attachment_ids.mapped("file_size"))
            for item in notice._invoices():
                pdf = item._current_pdf().sudo()
                if not pdf:
                    left_out.append((item, item._holder().document_error or self.env._("not printed yet")))
                elif pdf.file_size > left_bytes:
                    left_out.append((item, self.env._("too large for this email; it is linked")))
                else:
                    attached |= pdf
                    left_bytes -= pdf.file_size
            notice.document_note = notice._left_out_note(left_out)
            notice.mail_message_id.sudo().attachment_ids = [Command.link(pdf.id) for pdf in attached]

    def _left_out_note(self, left_out):
        if not left_out:
            return False
        return self.env._(
            "Sent without the PDF of %(invoices)s",
            invoices="; ".join(f"{item.display_name} ({reason})" for item, reason in left_out),
        )

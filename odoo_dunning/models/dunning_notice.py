from odoo import fields, models


class DunningNotice(models.Model):
    """One message to one customer in one currency: the outbox. What is not sent stands here with the reason."""

    _name = "dunning.notice"
    _description = "Dunning message"
    _inherit = ["mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "subject"

    run_id = fields.Many2one("dunning.run", required=True, readonly=True, ondelete="restrict", index=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    account_id = fields.Many2one("dunning.account", required=True, readonly=True, ondelete="restrict", index=True)
    partner_id = fields.Many2one("res.partner", string="Recipient", index="btree_not_null", ondelete="restrict")
    email_to = fields.Char(string="Address")
    lang = fields.Char(string="Language")
    policy_id = fields.Many2one("dunning.policy", readonly=True, index="btree_not_null", ondelete="set null")
    level_id = fields.Many2one("dunning.level", readonly=True, index="btree_not_null", ondelete="set null")
    level_rank = fields.Integer(readonly=True)
    channel = fields.Selection(
        [("email", "E-mail"), ("letter", "Letter"), ("sms", "SMS"), ("call", "Call")], required=True, default="email"
    )
    state = fields.Selection(
        [
            ("proposed", "Proposed"),
            ("ready", "Ready"),
            ("queued", "In the mail queue"),
            ("sending", "Being sent"),
            ("sent", "Sent"),
            ("failed", "Failed"),
            ("uncertain", "Sent or not unknown"),
            ("withdrawn", "Withdrawn"),
            ("undone", "Undone"),
        ],
        required=True,
        default="proposed",
        readonly=True,
    )
    key = fields.Char(required=True, readonly=True, copy=False)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    item_count = fields.Integer(readonly=True)
    amount_total = fields.Monetary(string="Amount", readonly=True)
    deadline_date = fields.Date(string="Pay by")
    subject = fields.Char()
    body_html = fields.Text()
    body_text = fields.Text()
    is_edited = fields.Boolean(string="Text edited", help="The text was written by a person and is sent as it stands.")
    mail_mail_id = fields.Many2one("mail.mail", readonly=True, index="btree_not_null", ondelete="set null", copy=False)
    mail_message_id = fields.Many2one(
        "mail.message", readonly=True, index="btree_not_null", ondelete="set null", copy=False
    )
    send_at = fields.Datetime(help="Not before (UTC).")
    sent_at = fields.Datetime(readonly=True, copy=False)
    attempts = fields.Integer(readonly=True, copy=False)
    attempt_at = fields.Datetime(readonly=True, copy=False, help="When the last attempt began (UTC).")
    next_try_at = fields.Datetime(readonly=True, copy=False)
    error = fields.Char(readonly=True, copy=False)
    note = fields.Char(readonly=True, copy=False, help="Why it was withdrawn, shortened or undone.")
    line_ids = fields.One2many("dunning.run.line", "notice_id", string="Items")

    _key_uniq = models.Constraint("unique(key)", "This message exists already.")
    _outbox = models.Index("(send_at, id) WHERE state IN ('ready', 'queued', 'sending')")
    _retry = models.Index("(next_try_at) WHERE state = 'failed'")

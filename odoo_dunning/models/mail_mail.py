from odoo import fields, models


class MailMail(models.Model):
    _inherit = "mail.mail"

    dunning_notice_id = fields.Many2one("dunning.notice", readonly=True, copy=False, ondelete="restrict")

    _dunning_notice_uniq = models.UniqueIndex("(dunning_notice_id) WHERE dunning_notice_id IS NOT NULL")

from odoo import fields, models


class DunningTemplate(models.Model):
    """The words of one level in one language. Shipped texts can be edited and reset."""

    _name = "dunning.template"
    _description = "Dunning text"
    _order = "key, lang, company_id"
    _rec_name = "key"

    key = fields.Char(required=True, index=True, help="What levels refer to, e.g. friendly.")
    lang = fields.Char(string="Language", required=True, help="Language code without or with region: de, pt_BR.")
    company_id = fields.Many2one("res.company", index="btree_not_null", help="Empty: used in every company.")
    active = fields.Boolean(default=True)
    subject = fields.Char(required=True)
    body_html = fields.Text(string="HTML", required=True)
    body_text = fields.Text(string="Plain text")
    shipped_checksum = fields.Char(readonly=True, copy=False)
    is_shipped = fields.Boolean(readonly=True, copy=False)

    _key_lang_company_uniq = models.UniqueIndex("(key, lang, COALESCE(company_id, 0))")

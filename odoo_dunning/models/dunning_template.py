from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .. import rendering


class DunningTemplate(models.Model):
    """The words of one level in one language. Shipped texts can be edited and reset."""

    _name = "dunning.template"
    _description = "Dunning text"
    _order = "key, lang, company_id"

    key = fields.Char(required=True, index=True, help="What levels refer to, e.g. friendly.")
    lang = fields.Char(
        string="Language", required=True, help="Language code without or with region: de, pt_BR."
    )
    company_id = fields.Many2one(
        "res.company", index="btree_not_null", ondelete="restrict", help="Empty: used in every company."
    )
    active = fields.Boolean(default=True)
    subject = fields.Char(required=True)
    body_html = fields.Text(string="HTML", required=True)
    body_text = fields.Text(string="Plain text", required=True)
    is_shipped = fields.Boolean(readonly=True, copy=False, string="Came with the addon")
    shipped_checksum = fields.Char(
        readonly=True,
        copy=False,
        help="Of the shipped text it was last set to.",
        string="Fingerprint of the shipped text",
    )
    is_edited = fields.Boolean(
        readonly=True, copy=False, help="Differs from the shipped text.", string="Changed by us"
    )

    _key_lang_company_uniq = models.UniqueIndex(
        "(key, lang, COALESCE(company_id, 0))", "This text exists already in this language."
    )

    @api.depends("key", "lang")
    def _compute_display_name(self):
        for template in self:
            template.display_name = f"{template.key} ({template.lang})"

    @api.constrains("subject", "body_html", "body_text", "lang")
    def _check_parts(self):
        """Refuse a text that cannot be rendered; the message names part and line."""
        for template in self:
            problem = template._first_error()
            if problem:
                raise ValidationError(
                    self.env._("Text %(text)s: %(problem)s", text=template.display_name, problem=problem)
                )

    def write(self, vals):
        if vals.keys() & {"subject", "body_html", "body_text"} and "shipped_checksum" not in vals:
            vals = {**vals, "is_edited": True}
        return super().write(vals)

    def action_reset(self):
        """Back to the shipped text."""
        for template in self:
            template.write(self._shipped_values(template._shipped()))
        return True

    def _shipped(self):
        self.ensure_one()
        try:
            return rendering.shipped_template(self.lang, self.key)
        except LookupError as error:
            raise UserError(str(error)) from error

    # === RENDERING === #

    def _parts(self):
        self.ensure_one()
        return rendering.TemplateParts(subject=self.subject, html=self.body_html, text=self.body_text)

    def _first_error(self):
        """The first error of the text as a sentence, or an empty string."""
        self.ensure_one()
        sample_key = self.key if self.key in rendering.LEVEL_KEYS else "friendly"
        problems = rendering.check(self._parts(), rendering.sample_contexts(self.lang, sample_key))
        return next((str(problem) for problem in problems if problem.severity == rendering.ERROR), "")

    @api.model
    def _find(self, key, lang, company):
        """The text of a key for a customer's language: the company's own before the shared one, the exact language
        before the base language before English. An empty recordset where there is none."""
        candidates = self.search([("key", "=", key), ("company_id", "in", (False, company.id))])
        base = (lang or "en").replace("-", "_").split("_")[0]
        for code in dict.fromkeys((lang, base, "en")):
            of_lang = candidates.filtered(lambda one, code=code: one.lang == code)
            if of_lang:
                return of_lang.sorted(lambda one: not one.company_id)[0]
        return candidates[:1]

    # === SHIPPED TEXTS === #

    @api.model
    def _load_shipped(self):
        """Bring the shipped texts in, at install and at every update. Texts edited by an admin stay as they are."""
        known = {
            (one.key, one.lang): one
            for one in self.with_context(active_test=False).search([("company_id", "=", False)])
        }
        missing = []
        for shipped in rendering.shipped_templates():
            template = known.get((shipped.level_key, shipped.language))
            if template is None:
                missing.append(
                    {"key": shipped.level_key, "lang": shipped.language, **self._shipped_values(shipped)}
                )
            elif not template.is_edited and template.shipped_checksum != shipped.checksum:
                template.write(self._shipped_values(shipped))
        self.create(missing)

    @api.model
    def _shipped_values(self, shipped):
        return {
            "subject": shipped.parts.subject.strip(),
            "body_html": shipped.parts.html,
            "body_text": shipped.parts.text,
            "is_shipped": True,
            "is_edited": False,
            "shipped_checksum": shipped.checksum,
        }

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine import legal_texts
from ..law_files import read_shipped


class DunningLawText(models.Model):
    """A sentence the law wants or the debtor deserves, in one language."""

    _name = "dunning.law.text"
    _description = "Legal sentence"
    _order = "key, lang"
    _rec_name = "key"

    key = fields.Char(required=True)
    lang = fields.Char(string="Language", required=True, default="en")
    text = fields.Text(required=True, help="$name stands for a value that is filled in.")
    is_edited = fields.Boolean(readonly=True, copy=False, string="Changed here")

    _key_lang_uniq = models.Constraint("unique(key, lang)", "This sentence exists already in this language.")

    @api.constrains("key", "lang", "text")
    def _check_text(self):
        for record in self:
            if legal_texts.places_of(record.text) is None:
                raise ValidationError(
                    self.env._(
                        "Legal text %(key)s, language %(lang)s: a place is broken. Write $name, or $$ for a dollar.",
                        key=record.key,
                        lang=record.lang,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write({"is_edited": True, **vals})

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    def _as_engine(self):
        return {(record.key, record.lang): record.text for record in self.search([])}

    @api.model
    def _load_shipped(self):
        known = {(record.key, record.lang): record for record in self.search([])}
        missing = []
        for cells in read_shipped("legal_texts"):
            record = known.get((cells["key"], cells["lang"]))
            if record is None:
                missing.append({name: cells[name] for name in legal_texts.COLUMNS})
            elif not record.is_edited and record.text != cells["text"]:
                record.write({"text": cells["text"], "is_edited": False})
        self.create(missing)

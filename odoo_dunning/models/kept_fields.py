"""Fields that only the addon itself writes (as superuser), however a call from outside names them."""

from odoo import api, models
from odoo.exceptions import AccessError


def label_of_kept(records, names):
    """The label of the first of these fields, in the language of who writes; "" where they write none, or may.

    :param names: set of field names somebody is about to write
    """
    if not names or records.env.su:
        return ""
    return records._fields[min(names)]._description_string(records.env)


class KeptFields(models.AbstractModel):
    """Refuses what is not said by hand, in `create` and in `write`."""

    _name = "dunning.kept.fields"
    _description = "Fields not written by hand"

    # Names of the fields; those of them that are said once, when a record is made.
    _kept = frozenset()
    _said_once = frozenset()

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._refuse_kept(vals.keys() - self._said_once)
        return super().create(vals_list)

    def write(self, vals):
        self._refuse_kept(vals.keys())
        return super().write(vals)

    def _refuse_kept(self, names):
        if label := label_of_kept(self, self._kept & names):
            raise AccessError(self._why_kept(label))

    def _why_kept(self, label):
        """The sentence for who tried: why not, and what to do instead."""
        return self.env._("“%(field)s” is not written by hand.", field=label)

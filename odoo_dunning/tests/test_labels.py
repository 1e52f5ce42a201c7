"""A field whose label is made from its technical name, met by whoever filters, groups or exports."""

from collections import defaultdict

from odoo.tests import TransactionCase, tagged


@tagged("post_install", "-at_install")
class TestLabels(TransactionCase):
    def test_no_label_is_a_technical_name(self):
        fields = [
            field
            for name in self.env.registry
            for field in self.env[name]._fields.values()
            if field._module == "odoo_dunning"
        ]
        self.assertGreater(len(fields), 500)
        raw = [str(field) for field in fields if " " in field.string and field.string == _technical(field)]
        self.assertEqual(raw, [])

    def test_no_two_fields_of_a_record_share_a_label(self):
        double = {}
        for name in self.env.registry:
            if name.startswith("dunning."):
                by_label = defaultdict(list)
                for field in self.env[name]._fields.values():
                    by_label[field.string].append(field.name)
                double.update({(name, label): same for label, same in by_label.items() if len(same) > 1})
        self.assertEqual(double, {})


def _technical(field):
    """The label Odoo makes where none is given."""
    name = field.name
    for ending in ("_ids", "_id"):
        if field.relational:
            name = name.removesuffix(ending)
    return name.replace("_", " ").title()

from odoo import fields


class SlimMany2one(fields.Many2one):
    """A many2one without a foreign key, for tables that are written by the hundred thousand.

    Checking eight keys per row costs more than writing the row: COPY of 100,000 run lines takes about three times as long
    with foreign keys. The rows it points to are never deleted while they are referred to (restricting keys
    elsewhere, and the ondelete hooks of the models).
    """

    def update_db_foreign_key(self, model, column):
        """No foreign key, on purpose."""

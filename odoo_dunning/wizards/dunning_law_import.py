import base64
import csv
import io
from itertools import chain, repeat

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..engine.law_rows import COLUMNS, diff_rows, parse_rows


class DunningLawImport(models.TransientModel):
    """Brings law rows in from a CSV file: shows what would change, then does it. A row that cannot be read is named and
    left out; rows that are not in the file stay."""

    _name = "dunning.law.import"
    _description = "Import law rows"

    file = fields.Binary(required=True, attachment=False)
    file_name = fields.Char(string="Name of the file")
    state = fields.Selection([("new", "New"), ("compared", "Compared")], default="new", required=True)
    line_ids = fields.One2many("dunning.law.import.line", "import_id", string="Changes")
    problems = fields.Text(readonly=True, string="Cannot be read")

    def action_compare(self):
        """Show what the file would change."""
        self.ensure_one()
        parsed = parse_rows(self._text())
        rows = self.env["dunning.law.row"].search([])
        changes = diff_rows(rows._as_engine()[0], parsed.rows)
        imported = {row.jurisdiction for row in parsed.rows}
        jurisdiction_of = {row.key: row.jurisdiction for row in rows}
        self.line_ids = [Command.clear()] + [
            Command.create({"change": one.change, "key": one.row_id, "detail": _detail(one)})
            # What changes first: a file of one country need not name all its rows.
            for one in sorted(changes, key=lambda one: one.change == "missing")
            if one.change != "missing" or jurisdiction_of[one.row_id] in imported
        ]
        self.write(
            {
                "state": "compared",
                "problems": "\n".join(str(problem) for problem in parsed.problems) or False,
            }
        )
        return self._again()

    def action_apply(self):
        """Add and change the rows as shown."""
        self.ensure_one()
        rows = {row.key: row for row in self.env["dunning.law.row"].search([])}
        wanted = {line.key: line.change for line in self.line_ids if line.change != "missing"}
        fresh, changed = [], []
        for row in parse_rows(self._text()).rows:
            values = self.env["dunning.law.row"]._values(_cells(row))
            if wanted.get(row.id) == "added":
                fresh.append({**values, "is_edited": True})
            elif wanted.get(row.id) == "changed":
                changed.append((rows[row.id], values))
        self.env["dunning.law.row"]._rewrite(changed)
        self.env["dunning.law.row"].create(fresh)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _text(self):
        try:
            text = base64.b64decode(self.file).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(
                self.env._("%(file)s is not UTF-8 text. Save it as CSV in UTF-8.", file=self.file_name or "")
            ) from error
        header, *lines = list(csv.reader(io.StringIO(text))) or [[]]
        # An export from the list calls the id by the name of its field and each choice by its label.
        names = [name.strip() for name in header]
        names = ["id" if name == "key" and "id" not in names else name for name in names]
        codes = [self._codes(name) for name in names]
        written = io.StringIO()
        writer = csv.writer(written)
        writer.writerow(names)
        for line in lines:
            # A line may have more cells than the header, which whoever reads the file complains of.
            coded = zip(line, chain(codes, repeat({})), strict=False)
            writer.writerow([code.get(cell.strip(), cell) for cell, code in coded])
        return written.getvalue()

    def _codes(self, name):
        """What an export writes -> what the file means: the code of a choice's label, nothing for no last reminder."""
        if name == "to_message":
            return {"0": ""}
        field = self.env["dunning.law.row"]._fields.get(name)
        if field is None or field.type != "selection":
            return {}
        return {label: code for code, label in field._description_selection(self.env)}

    def _again(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import law rows"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }


class DunningLawImportLine(models.TransientModel):
    """One row a file would add or change, or does not hold."""

    _name = "dunning.law.import.line"
    _description = "Change of a law row"

    import_id = fields.Many2one("dunning.law.import", required=True, ondelete="cascade")
    change = fields.Selection(
        [("added", "Added"), ("changed", "Changed"), ("missing", "Not in the file, stays")], required=True
    )
    key = fields.Char(required=True)
    detail = fields.Char()


def _cells(row):
    """Column -> text of an engine row."""
    cells = {name: getattr(row, name) for name in COLUMNS}
    return {name: "" if value is None else str(value) for name, value in cells.items()}


def _detail(change):
    return "; ".join(f"{name}: {_plain(old)} → {_plain(new)}" for name, old, new in change.fields)


def _plain(value):
    return "–" if value in (None, "") else str(value)

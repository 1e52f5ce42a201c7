from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import ormcache

from ..engine.law import LawBook
from ..engine.law_errors import LawError
from ..engine.law_rows import COLUMNS, RULES, find_conflicts, find_gaps, read_row
from ..law_files import read_shipped

SHIPPED = ("reference_rates", "interest_rules", "charge_rules")
# Kinds of customer as the law tells them apart.
DEBTOR_TYPES = [("b2b", "Business"), ("b2c", "Consumer"), ("public", "Public body")]
STATUSES = [("verified", "Verified"), ("derived", "Derived"), ("draft", "Draft")]
_WHOLE = ("from_message", "to_message")
_DAYS = ("valid_from", "valid_to", "verified_on")
# What a row says, apart from where it was read and how sure we are.
_SUBSTANCE = tuple(name for name in COLUMNS if name not in ("id", "source", "verified_on", "status", "note"))


class Library(NamedTuple):
    """The law as the engine reads it: `rows` by key, the `book` of usable ones, `choices` of law, `texts` by (key,
    language)."""

    rows: dict
    book: LawBook
    choices: tuple
    texts: dict


class DunningLawRow(models.Model):
    """One rule of late-payment law, for a span of dates, with where it was read. A draft applies only once an admin
    has activated it. Numbers are kept as the text they were entered as, so that nothing is lost to binary fractions.
    """

    _name = "dunning.law.row"
    _description = "Late-payment rule"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "jurisdiction, rule, debtor_type, valid_from desc, key"
    _rec_name = "key"

    key = fields.Char(required=True, copy=False, help="Stable name, printed on everything the row justifies.")
    jurisdiction = fields.Char(
        required=True, index=True, help="Country, EU, or country and state: DE, US-CA."
    )
    debtor_type = fields.Selection(
        [*DEBTOR_TYPES, ("any", "All")], required=True, default="any", string="Kind of customer"
    )
    rule = fields.Selection(selection="_selection_rule", required=True)
    value = fields.Char(required=True, tracking=True, help="A number with a dot, or a word.")
    unit = fields.Selection(
        [
            ("pct", "Percent"),
            ("pp", "Points over the reference rate"),
            ("times", "Times the reference rate"),
            ("amount", "Amount"),
            ("days", "Days"),
            ("working_days", "Working days"),
            ("count", "Number"),
            ("text", "Word"),
            ("text_key", "Legal sentence"),
        ],
        required=True,
    )
    currency = fields.Char(help="ISO code, for an amount.")
    reference = fields.Char(
        index="btree_not_null",
        help="Reference series the value builds on, or belongs to.",
        string="Reference series",
    )
    from_amount = fields.Char(
        help="Band of a scale: holds for principals from this amount.", string="From amount"
    )
    from_is = fields.Selection(
        [("from", "Belongs to the band"), ("over", "Only what is above it")], string="The amount itself"
    )
    from_currency = fields.Char(string="Currency of the scale")
    percent_over = fields.Char(
        help="Added: this percentage of the part of the principal above the band's start.",
        string="Percent of the part above",
    )
    from_message = fields.Integer(default=1, help="First reminder it holds for.", string="From reminder")
    to_message = fields.Integer(help="Last reminder it holds for; 0: no last one.", string="To reminder")
    requires = fields.Char(help="Grounds that must all be present, joined by +.", string="Only with")
    valid_from = fields.Date(required=True, tracking=True, string="Valid from")
    valid_to = fields.Date(tracking=True, help="Last day; empty: open.", string="Valid to")
    applies_by = fields.Selection(
        [
            ("contract_date", "Day of the contract"),
            ("due_date", "Due date"),
            ("default_start", "First day in default"),
            ("action_date", "Day of the message"),
            ("accrual_day", "Each day of interest"),
        ],
        required=True,
        default="due_date",
        string="Decided by",
        help="The day that must lie between “Valid from” and “Valid to”.",
    )
    source = fields.Char(help="Where it was read.")
    verified_on = fields.Date(string="Checked on")
    status = fields.Selection(
        STATUSES,
        required=True,
        default="draft",
        tracking=True,
    )
    note = fields.Char()
    is_activated = fields.Boolean(string="Activated", readonly=True, copy=False, tracking=True)
    activated_by_id = fields.Many2one("res.users", readonly=True, copy=False, string="Activated by")
    activated_at = fields.Datetime(readonly=True, copy=False, string="Activated on")
    activation_note = fields.Char(readonly=True, copy=False, tracking=True, string="Where it was checked")
    is_in_use = fields.Boolean(
        string="Applies", compute="_compute_is_in_use", store=True, help="Verified, derived or activated."
    )
    is_shipped = fields.Boolean(readonly=True, copy=False, string="Came with the addon")
    is_edited = fields.Boolean(
        readonly=True, copy=False, help="Changed here: updates leave it alone.", string="Changed here"
    )
    problem = fields.Char(
        compute="_compute_problem",
        search="_search_problem",
        help="Overlaps and gaps.",
        string="Overlap or gap",
    )

    _key_uniq = models.Constraint("unique(key)", "Two law rows cannot have the same key.")

    @api.model
    def _selection_rule(self):
        return [(name, name.replace("_", " ").capitalize()) for name in RULES]

    @api.depends("status", "is_activated")
    def _compute_is_in_use(self):
        for row in self:
            row.is_in_use = row.status != "draft" or row.is_activated

    # === SOUNDNESS === #

    @api.constrains(*(name for name in COLUMNS if name != "id"), "key", "is_activated")
    def _check_rows(self):
        """Refuse what cannot be read, and what says the same rule twice for a day. The message names row and field."""
        for row in self:
            row._to_engine()
        scope = [("jurisdiction", "in", self.mapped("jurisdiction")), ("rule", "in", self.mapped("rule"))]
        mine = set(self.mapped("key"))
        for problem in find_conflicts(*self.search(scope)._as_engine()):
            if mine.intersection(problem.row_ids):
                raise ValidationError(str(problem))

    def _to_engine(self):
        """The engine's LawRow. Raises ValidationError naming row and field."""
        self.ensure_one()
        try:
            return read_row(self._cells())
        except LawError as error:
            raise ValidationError(str(error)) from error

    def _as_engine(self):
        """(rows, keys of activated ones) for the engine."""
        return tuple(read_row(row._cells()) for row in self), frozenset(
            self.filtered("is_activated").mapped("key")
        )

    def _cells(self):
        """Column -> text, as in the CSV."""
        cells = {name: self[name] or "" for name in COLUMNS if name != "id"}
        cells.update({name: str(self[name]) if self[name] else "" for name in _WHOLE})
        cells.update({name: self[name].isoformat() if self[name] else "" for name in _DAYS})
        return {"id": self.key or "", **cells}

    @api.model
    def _values(self, cells):
        """Field values from the cells of a CSV line."""
        values = {name: (cells.get(name) or "").strip() or False for name in COLUMNS if name != "id"}
        values.update({name: int(values[name] or 0) for name in _WHOLE})
        values["from_message"] = values["from_message"] or 1
        # Nobody becomes responsible for a draft by way of a file.
        values["status"] = "draft" if values["status"] == "activated" else values["status"]
        return {"key": (cells.get("id") or "").strip(), **values}

    def _compute_problem(self):
        problems = self._problems()
        for row in self:
            row.problem = problems.get(row.key, False)

    def _search_problem(self, operator, value):
        if operator not in ("in", "not in"):
            return NotImplemented
        has_problem = (operator == "in") != (False in value)
        return [("key", "in" if has_problem else "not in", list(self._problems()))]

    @api.model
    def _problems(self):
        """Row key -> overlap or gap it is part of, over all rows."""
        rows, activated = self.sudo().search([])._as_engine()
        found = {}
        for problem in (*find_conflicts(rows, activated), *find_gaps(rows, activated)):
            for key in problem.row_ids:
                found.setdefault(key, str(problem))
        return found

    @api.constrains("is_activated", "activation_note")
    def _check_activation(self):
        for row in self:
            if row.is_activated and not row.activation_note:
                raise ValidationError(
                    self.env._("Law row %(row)s: say in a note where you checked it.", row=row.key)
                )

    # === ACTIVATION === #

    def action_ask_activate(self):
        """Ask where the drafts among these rows were checked."""
        drafts = self.filtered(lambda one: not one.is_in_use)
        if not drafts:
            raise UserError(self.env._("These rows apply already. Choose drafts to activate them."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Activate"),
            "res_model": "dunning.law.activate",
            "view_mode": "form",
            "target": "new",
            "context": {"default_row_ids": drafts.ids},
        }

    def action_activate(self, note=False):
        """Take responsibility for draft rows.

        :param note: where it was checked; required
        """
        if not (note or "").strip():
            raise UserError(self.env._("Say where you checked it: a draft is activated with a note."))
        settled = self.filtered(lambda row: row.status != "draft")
        if settled:
            raise UserError(self.env._("Row %(row)s is no draft: it applies already.", row=settled[0].key))
        self.write(
            {
                "is_activated": True,
                "activated_by_id": self.env.uid,
                "activated_at": fields.Datetime.now(),
                "activation_note": note.strip(),
            }
        )
        return True

    def action_deactivate(self):
        """Back to a draft that does not apply."""
        self.write({"is_activated": False})
        return True

    # === UPKEEP === #

    @api.model_create_multi
    def create(self, vals_list):
        rows = super().create(vals_list)
        self.env.registry.clear_cache()
        return rows

    def write(self, vals):
        if set(COLUMNS) & vals.keys() and "is_edited" not in vals:
            vals = {**vals, "is_edited": True}
        res = super().write(vals)
        self.env.registry.clear_cache()
        return res

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    def _load_shipped(self):
        """Bring the shipped rows in, at install and at every update. Rows edited here stay as they are, and so do
        activations."""
        quiet = self.with_context(mail_create_nolog=True, tracking_disable=True)
        known = {row.key: row for row in quiet.search([])}
        missing, changed = [], []
        for cells in (cells for name in SHIPPED for cells in read_shipped(name)):
            row = known.get(cells["id"])
            if row is None:
                missing.append(cells)
            elif not row.is_edited and read_row(row._cells()) != read_row(cells):
                changed.append((row, {**self._values(cells), "is_edited": False}))
        quiet._rewrite(changed)
        quiet._add_shipped(missing)

    @api.model
    def _rewrite(self, changed):
        """Write several rows so that only the outcome has to be sound: a boundary may move between two of them. A draft
        that says something else than what was checked is no longer activated.

        :param changed: [(row, values), …]
        """
        for row, values in changed:
            says = {name: value for name, value in row._values(row._cells()).items() if name in _SUBSTANCE}
            if any(values[name] != says[name] for name in _SUBSTANCE):
                row.write({"status": "draft", "is_activated": False})
        for row, values in changed:
            row.write(values)

    @api.model
    def _add_shipped(self, missing):
        """Create rows that came with an update. One that would apply to the same days as a row made here stays a draft:
        the row made here goes on."""
        rows, activated = self.search([])._as_engine()
        fresh = tuple(read_row(cells) for cells in missing)
        clashing = {key for problem in find_conflicts((*rows, *fresh), activated) for key in problem.row_ids}
        held_back = {
            "status": "draft",
            "is_edited": True,
            "note": self.env._("Held back by the update: another row applies to these days already."),
        }
        self.create(
            [
                {
                    **self._values(cells),
                    "is_shipped": True,
                    **(held_back if cells["id"] in clashing else {}),
                }
                for cells in missing
            ]
        )

    # === WHAT THE ENGINE READS === #

    @api.model
    @ormcache()
    def _library(self):
        """The Library of everything that applies. Kept until a row, a choice or a text changes."""
        rows, activated = self.sudo().search([])._as_engine()
        return Library(
            {row.id: row for row in rows},
            LawBook(rows, activated),
            self.env["dunning.law.choice"].sudo().search([])._as_engine(),
            self.env["dunning.law.text"].sudo()._as_engine(),
        )

    @api.model
    def _selection_jurisdiction(self):
        """Jurisdictions with rows, for choosing a law by hand."""
        names = {country.code: country.name for country in self.env["res.country"].sudo().search([])}
        codes = sorted(self._library().book.jurisdictions)
        return [(code, f"{code} – {names[code[:2]]}" if code[:2] in names else code) for code in codes]

    @api.model
    def _selection_series(self):
        """Reference series an agreed rate can build on."""
        rows = self.sudo().search([("rule", "=", "reference_rate")])
        return [(name, name.replace("_", " ")) for name in sorted(set(rows.mapped("reference")))]

    @api.model
    def _cron_remind(self):
        """Scheduled: in June and December, ask for the reference rates of the coming half-year."""
        today = fields.Date.context_today(self)
        if today.month not in (6, 12):
            return
        first_day = fields.Date.add(today.replace(day=1), months=1)
        user = (
            self.env.ref("odoo_dunning.group_manager").sudo().all_user_ids.filtered("active").sorted("id")[:1]
        )
        for row in self._last_of_series():
            if row.valid_to < first_day:
                row._ask_rate(first_day, user or self.env.ref("base.user_admin"))

    @api.model
    def _last_of_series(self):
        rows = self.search([("rule", "=", "reference_rate"), ("is_in_use", "=", True)])
        by_series = rows.grouped("reference").values()
        return self.union(*(members.sorted("valid_to")[-1] for members in by_series))

    def _ask_rate(self, first_day, user):
        self.ensure_one()
        summary = self.env._("Enter %(series)s from %(day)s", series=self.reference, day=first_day)
        if self.activity_ids.filtered(lambda one: one.summary == summary):
            return
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=first_day,
            summary=summary,
            note=self.env._(
                "The last rate on record is %(value)s until %(day)s (row %(row)s). Read the new one at its source, "
                "%(origin)s, and add a row. Until then, interest for later days is left out of messages.",
                value=self.value,
                day=self.valid_to,
                row=self.key,
                origin=self.source or "?",
            ),
            user_id=user.id,
        )

from datetime import date

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..bulk import totals

# Messages that have not left and can be taken back.
_WAITING = ("proposed", "ready", "queued", "failed")
# Marks that stop messages, or change what is charged: what holds for one of two holds for both.
_MARKS = ("is_insolvent", "is_legal", "is_excluded", "is_public_healthcare")
# What was set on the account that goes is kept where the other one says nothing.
_SETTINGS = ("policy_id", "user_id", "charge_law", "attention")
_AGREED = ("agreed_rate_unit", "agreed_rate_value", "agreed_rate_reference")


class DunningAccount(models.Model):
    """Two customers who turn out to be one: their accounts become one with all that belongs to both."""

    _inherit = "dunning.account"

    @api.ondelete(at_uninstall=False)
    def _keep_history(self):
        """An account with receivables or messages, open or not, is history."""
        for account in self:
            if account._has_history():
                raise UserError(
                    self.env._(
                        "%(customer)s has receivables or messages in Collections (%(company)s), which stay. Archive "
                        "the contact, or merge it into another one.",
                        customer=account.display_name,
                        company=account.company_id.name,
                    )
                )

    def _has_history(self):
        self.ensure_one()
        domain = [("account_id", "=", self.id)]
        models_of_history = ("dunning.item", "dunning.notice", "dunning.run.line", "dunning.charge")
        return any(self.env[model].sudo().search_count(domain, limit=1) for model in models_of_history)

    @api.model
    def _merge_partners(self, sources, target):
        """The customers `sources` are about to become `target`: in every company their accounts become one.

        :param sources: res.partner recordset that will be deleted
        :param target: res.partner that stays
        """
        found = self.sudo().search([("partner_id", "in", (sources | target).ids)], order="id")
        for of_company in found.grouped("company_id").values():
            kept = (
                of_company.filtered(lambda one: one.partner_id == target)
                or of_company.sorted(lambda one: (-one.level_rank, -one.item_count, one.id))[:1]
            )
            for account in of_company - kept:
                kept._join(account)
            if kept.partner_id != target:
                # The kind of debtor is written with it: it would follow the new contact otherwise.
                kept.write({"partner_id": target.id, "debtor_type": kept.debtor_type})

    def _join(self, other):
        """Take over everything of another account of the company, which is deleted."""
        self.ensure_one()
        name, count = other.display_name, len(other.item_ids.filtered("is_open"))
        self._withdraw_doubles(other)
        self.write(self._joined_values(other))
        self.message_subscribe(partner_ids=other.message_partner_ids.ids)
        self.env.flush_all()
        self._take_rows(other)
        self.env["base.partner.merge.automatic.wizard"].sudo()._update_reference_fields_generic(
            self._name, other, self
        )
        self.env.invalidate_all()
        other.unlink()
        totals.refresh(self.env, self.company_id, self.ids)
        self.message_post(
            body=self.env._(
                "%(customer)s was merged into this customer: %(count)s open receivables and the history came along.",
                customer=name,
                count=count,
            )
        )

    def _withdraw_doubles(self, other):
        """One message per customer, run and currency: what waits for the other account, beside one of ours, stays home.
        The next run writes about its items."""
        mine = {
            (one.run_id, one.currency_id)
            for one in self.notice_ids
            if one.state not in ("withdrawn", "undone")
        }
        doubles = other.notice_ids.filtered(
            lambda one: (
                not one.main_id
                and not one.corrects_id
                and one.state in _WAITING
                and (one.run_id, one.currency_id) in mine
            )
        )
        if doubles:
            doubles._withdraw(
                self.env._(
                    "Merged with %(customer)s, who has a message in this run", customer=self.display_name
                )
            )

    def _joined_values(self, other):
        vals = {name: self[name] or other[name] for name in _MARKS}
        vals.update({name: other[name] for name in _SETTINGS if not self[name]})
        if not self.agreed_rate_unit and other.agreed_rate_unit:
            vals.update({name: other[name] for name in _AGREED})
        if other.contact_note:
            vals["contact_note"] = "\n".join(filter(None, (self.contact_note, other.contact_note)))
        later = max(self, other, key=lambda one: one.last_contact_date or date.min)
        vals.update(
            last_contact_date=later.last_contact_date,
            last_contact_run_id=later.last_contact_run_id,
        )
        return {name: self._fields[name].convert_to_write(value, self) for name, value in vals.items()}

    def _take_rows(self, other):
        """Every stored reference to the other account, in any model. Raw SQL because most of these columns are
        readonly, some without a foreign key, and a customer may have a long history."""
        for model in self.env.values():
            if model._abstract or not model._auto:
                continue
            for name, field in model._fields.items():
                if field.type != "many2one" or field.comodel_name != self._name or not field.column_type:
                    continue
                if not field.store:
                    continue
                column = SQL.identifier(name)
                origin = (
                    SQL(", merged_account_id = %s", other.id) if model._name == "dunning.notice" else SQL()
                )
                self.env.execute_query(
                    SQL(
                        "UPDATE %s SET %s = %s %s WHERE %s = %s RETURNING id",
                        SQL.identifier(model._table),
                        column,
                        self.id,
                        origin,
                        column,
                        other.id,
                    )
                )

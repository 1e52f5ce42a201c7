from odoo import api, fields, models
from odoo.exceptions import UserError


class ResPartner(models.Model):
    _inherit = "res.partner"

    dunning_account_ids = fields.One2many(
        "dunning.account", "partner_id", groups="odoo_dunning.group_user", string="Collections accounts"
    )
    dunning_role = fields.Selection(
        [("billing", "Billing"), ("ap", "Accounts payable"), ("decision", "Decision maker")],
        string="Role in collections",
        prefetch="odoo_dunning",
        help="Which messages this contact gets. An invoice address counts as billing.",
    )
    dunning_bounced_at = fields.Datetime(
        readonly=True,
        copy=False,
        prefetch="odoo_dunning",
        help="A reminder to this address came back (UTC). Empty after the address was changed.",
        string="Email came back on",
    )

    dunning_amount_overdue = fields.Monetary(
        compute="_compute_dunning_amount_overdue",
        string="Overdue",
        help="In company currency.",
        currency_field="currency_id",
        groups="odoo_dunning.group_user",
    )

    def _compute_dunning_amount_overdue(self):
        for partner in self:
            partner.dunning_amount_overdue = sum(partner._dunning_accounts().mapped("amount_overdue"))

    def _dunning_accounts(self):
        """Accounts of the current company: the customer's own, or that of the company a contact belongs to."""
        partners = self | self.commercial_partner_id
        return self.env["dunning.account"].search(
            [("partner_id", "in", partners.ids), ("company_id", "=", self.env.company.id)]
        )

    def action_open_dunning_account(self):
        """The customer in Collections."""
        self.ensure_one()
        accounts = self._dunning_accounts()
        action = self.env["ir.actions.act_window"]._for_xml_id("odoo_dunning.dunning_account_action")
        if len(accounts) == 1:
            return {**action, "res_id": accounts.id, "views": [(False, "form")], "view_mode": "form"}
        return {**action, "domain": [("id", "in", accounts.ids)], "context": {}}

    def write(self, vals):
        """Override to give a changed address a fresh start. Who becomes a contact of a company owes as that company:
        the account joins the company's."""
        if "email" in vals and "dunning_bounced_at" not in vals:
            changed = self.filtered(lambda one: one.dunning_bounced_at and one.email != vals["email"])
            changed.dunning_bounced_at = False
        res = super().write(vals)
        if vals.keys() & {"parent_id", "is_company"}:
            self._dunning_join_company()
        return res

    def _dunning_join_company(self):
        accounts = self.env["dunning.account"].sudo().search([("partner_id", "in", self.ids)])
        for partner in accounts.partner_id:
            if partner.commercial_partner_id != partner:
                accounts._merge_partners(partner, partner.commercial_partner_id)

    @api.ondelete(at_uninstall=False)
    def _dunning_keep_history(self):
        """Who owes, owed or was written to stays. An account in which nothing ever happened goes along."""
        for partner in self.sudo().with_context(active_test=False):
            accounts = partner.dunning_account_ids
            if any(account._has_history() for account in accounts) or partner._is_in_dunning_history():
                raise UserError(
                    self.env._(
                        "%(customer)s has receivables or messages in Collections, which stay. Archive the contact, or "
                        "merge it into another one.",
                        customer=partner.display_name,
                    )
                )
            accounts.unlink()

    def _is_in_dunning_history(self):
        """Whether receivables, messages or customers of ledgers refer to this contact."""
        columns = (
            ("dunning.item", "partner_id"),
            ("dunning.notice", "partner_id"),
            ("dunning.customer", "partner_id"),
            ("dunning.customer", "debtor_partner_id"),
            ("dunning.customer", "payer_partner_id"),
        )
        return any(
            self.env[model].search_count([(column, "=", self.id)], limit=1) for model, column in columns
        )

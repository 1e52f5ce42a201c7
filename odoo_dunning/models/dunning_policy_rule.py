import ast

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL


class DunningPolicyRule(models.Model):
    """Which policy a customer gets when none is set on the invoice or the account: first match wins."""

    _name = "dunning.policy.rule"
    _description = "Rule choosing a dunning policy"
    _order = "sequence, id"

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    policy_id = fields.Many2one("dunning.policy", required=True, ondelete="cascade", check_company=True)
    account_domain = fields.Char(
        string="Customers",
        default="[]",
        required=True,
        help="Which customers it is for, e.g. all in one country.",
    )

    customer_count = fields.Integer(
        compute="_compute_customer_count",
        string="Customers it fits",
        help="Chosen by this rule at the last run.",
    )

    def _compute_customer_count(self):
        groups = self.env["dunning.account"]._read_group(
            [("rule_id", "in", self.ids)], ["rule_id"], ["__count"]
        )
        counts = dict(groups)
        for rule in self:
            rule.customer_count = counts.get(rule, 0)

    @api.constrains("account_domain")
    def _check_account_domain(self):
        for rule in self:
            try:
                self.env["dunning.account"].search(rule._domain(), limit=1)
            except (ValueError, SyntaxError, KeyError, TypeError) as error:
                raise ValidationError(
                    self.env._(
                        "Rule %(rule)s: the filter cannot be used: %(problem)s.",
                        rule=rule.name,
                        problem=error,
                    )
                ) from error

    def _domain(self):
        return Domain("company_id", "=", self.company_id.id) & Domain(ast.literal_eval(self.account_domain))

    def _assign(self, company):
        """Write on every account of the company the first rule that fits it, in one statement.

        Raw SQL: a search and a write per rule and account would cost more than the run.
        """
        accounts = self.env["dunning.account"].sudo().with_context(active_test=False)
        accounts.flush_model()
        matches = [
            SQL(
                "SELECT fit.id, %s AS rule_id, %s AS place FROM (%s) fit",
                rule.id,
                place,
                accounts._search(rule._domain()).select(),
            )
            for place, rule in enumerate(self.search([("company_id", "=", company.id)]))
        ] or [SQL("SELECT NULL::int4 AS id, NULL::int4 AS rule_id, 0 AS place WHERE FALSE")]
        self.env.execute_query(
            SQL(
                """WITH chosen AS (
                     SELECT DISTINCT ON (id) id, rule_id FROM (%s) matches ORDER BY id, place
                   )
                   UPDATE dunning_account account SET rule_id = chosen.rule_id
                     FROM dunning_account self LEFT JOIN chosen ON chosen.id = self.id
                    WHERE account.id = self.id AND self.company_id = %s
                      AND account.rule_id IS DISTINCT FROM chosen.rule_id
                   RETURNING account.id""",
                SQL(" UNION ALL ").join(matches),
                company.id,
            )
        )
        accounts.invalidate_model(["rule_id"])

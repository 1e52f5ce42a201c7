from odoo import api, fields, models

from ..engine.law_rows import CHARGE_KINDS, CHARGE_LIMITS


class DunningLawRowScreen(models.Model):
    """What a row of the law says, for people who read law and not its data."""

    _inherit = "dunning.law.row"

    says = fields.Char(compute="_compute_says", string="What it says")

    @api.model
    def _selection_rule(self):
        """Override: every rule by its name in words."""
        names = {**self._interest_rules(), **self._charge_rules(), **self._other_rules()}
        return [(rule, names.get(rule, label)) for rule, label in super()._selection_rule()]

    def _interest_rules(self):
        return {
            "reference_rate": self.env._("Reference rate"),
            "interest_rate": self.env._("Interest rate"),
            "agreed_rate_floor": self.env._("Agreed rate: at least"),
            "agreed_rate_cap": self.env._("Agreed rate: at most"),
            "rate_mode": self.env._("How the rate moves"),
            "day_count": self.env._("How days are counted"),
            "compounding": self.env._("Compound interest"),
            "interest_rounding": self.env._("Rounding of interest"),
            "allocation_order": self.env._("What a payment pays first"),
            "interest_source": self.env._("What interest rests on"),
            "interest_notice_days": self.env._("Interest: days of notice"),
        }

    def _charge_rules(self):
        kinds = dict(self.env["dunning.charge"]._fields["kind"]._description_selection(self.env))
        limits = {
            "": "%s",
            "_min": self.env._("%s: at least"),
            "_max": self.env._("%s: at most"),
            "_postage": self.env._("%s: postage"),
            "_days_after_due": self.env._("%s: days after the due date"),
            "_days_between": self.env._("%s: days between two"),
            "_notice_days": self.env._("%s: days of notice"),
            "_max_count": self.env._("%s: how often"),
            "_counts_with": self.env._("%s: counted together with"),
            "_includes": self.env._("%s: includes"),
            "_replaces": self.env._("%s: replaces"),
            "_free_per_year": self.env._("%s: free ones a year"),
        }
        return {kind + limit: limits[limit] % kinds[kind] for kind in CHARGE_KINDS for limit in CHARGE_LIMITS}

    def _other_rules(self):
        return {
            "notice_start_email": self.env._("A period begins after an email"),
            "notice_start_post": self.env._("A period begins after a letter"),
            "legal_basis": self.env._("Legal basis"),
            "required_statement": self.env._("Required statement"),
            "tax_treatment": self.env._("Tax on charges"),
        }

    def _words(self):
        """What the words among the values mean."""
        return {
            "floating": self.env._("Changes with the reference rate"),
            "fixed_at_start": self.env._("Stays as on the first day in default"),
            "act/365f": self.env._("Actual days, in years of 365"),
            "act/360": self.env._("Actual days, in years of 360"),
            "act/act": self.env._("Actual days, in actual years"),
            "30/360": self.env._("Months of 30 days, in years of 360"),
            "none": self.env._("No compound interest"),
            "yearly": self.env._("Compounded yearly"),
            "monthly": self.env._("Compounded monthly"),
            "once": self.env._("Rounded once, at the end"),
            "daily": self.env._("Rounded each day"),
            "costs_interest_principal": self.env._("Costs, then interest, then the principal"),
            "principal_first": self.env._("The principal"),
            "statutory": self.env._("The law"),
            "agreement_only": self.env._("An agreement only"),
            "out_of_scope": self.env._("Out of the scope of VAT"),
            "included": self.env._("VAT is included"),
            "if_not_deductible": self.env._("Plus VAT that cannot be deducted"),
            "actual": self.env._("As it was paid"),
        }

    @api.depends(
        "rule", "value", "unit", "currency", "reference", "percent_over", "from_amount", "from_currency"
    )
    @api.depends_context("lang")
    def _compute_says(self):
        sentences = self.env["dunning.law.text"]._as_engine()
        words, rules = self._words(), dict(self._fields["rule"]._description_selection(self.env))
        for row in self:
            row.says = row._in_words(words, rules, sentences)

    def _in_words(self, words, rules, sentences):
        value = self.value or ""
        if self.unit == "text_key":
            return (
                sentences.get((value, (self.env.lang or "en")[:2])) or sentences.get((value, "en")) or value
            )
        if self.unit == "text":
            return words.get(value) or " + ".join(rules.get(part, part) for part in value.split("+"))
        series = self.reference or self.env._("the reference rate")
        text = {
            "pct": f"{value} %",
            "pp": self.env._("%(number)s points over %(series)s", number=value, series=series),
            "times": self.env._("%(number)s times %(series)s", number=value, series=series),
            "amount": f"{value} {self.currency or ''}",
            "days": self.env._("%(number)s days", number=value),
            "working_days": self.env._("%(number)s working days", number=value),
        }.get(self.unit, value)
        if self.percent_over:
            start = f"{self.from_amount or 0} {self.from_currency or self.currency or ''}"
            text = self.env._(
                "%(sum)s and %(percent)s %% of what is above %(start)s",
                sum=text,
                percent=self.percent_over,
                start=start.strip(),
            )
        return text.strip()

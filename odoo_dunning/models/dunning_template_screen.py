from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import get_lang

from .. import rendering
from ..bulk import contexts, recheck


class DunningTemplateScreen(models.Model):
    """The editor of a text: what it is called, and how it looks for a real customer while it is being typed."""

    _inherit = "dunning.template"

    title = fields.Char(compute="_compute_title", string="Text")
    language_name = fields.Char(compute="_compute_title", string="In")
    subject_sample = fields.Char(compute="_compute_subject_sample", string="Subject, for example")
    level_count = fields.Integer(compute="_compute_level_count", string="Used by levels")

    @api.depends("key", "lang")
    def _compute_title(self):
        languages = self.env["res.lang"].with_context(active_test=False).search([])
        names = {language.code: language.name for language in languages}
        by_base = {
            code.split("_")[0]: name.split(" (")[0].split(" / ")[0] for code, name in sorted(names.items())
        }
        for template in self:
            template.title = self._title_of(template.key)
            lang = template.lang or ""
            template.language_name = names.get(lang) or by_base.get(lang.split("_")[0]) or lang

    @api.model
    def _title_of(self, key):
        """What a text is called on screens."""
        known = {
            "courtesy": self.env._("Courtesy note"),
            "friendly": self.env._("Friendly reminder"),
            "firm": self.env._("Firm reminder"),
            "final": self.env._("Final notice"),
            "correction": self.env._("Correction"),
            "statement": self.env._("Statement of account"),
            "receipt": self.env._("Thanks for the payment"),
        }
        return known.get(key) or (key or "").replace("_", " ").capitalize()

    @api.depends("key", "lang")
    def _compute_display_name(self):
        for template in self:
            template.display_name = f"{template.title} · {template.language_name}"

    @api.depends("subject", "lang", "key")
    def _compute_subject_sample(self):
        for template in self:
            level_key = template.key if template.key in rendering.LEVEL_KEYS else "friendly"
            sample = rendering.sample_contexts(template.lang or "en", level_key)[0]
            try:
                template.subject_sample = rendering.render(template._parts(), sample).subject
            except rendering.TemplateProblem:
                template.subject_sample = template.subject

    def _compute_level_count(self):
        groups = dict(
            self.env["dunning.level"]._read_group(
                [("template_key", "in", self.mapped("key")), ("policy_id.active", "=", True)],
                ["template_key"],
                ["__count"],
            )
        )
        for template in self:
            template.level_count = groups.get(template.key, 0)

    # === PREVIEW === #

    @api.model
    @api.readonly
    def customer_for_preview(self, lang):
        """A customer with overdue invoices, if there is one in this language: `{id, display_name}`, else False."""
        overdue = [("amount_overdue", ">", 0), ("company_id", "=", self.env.company.id)]
        accounts = self.env["dunning.account"]
        found = accounts.search([*overdue, ("partner_id.lang", "=like", f"{lang.split('_')[0]}%")], limit=1)
        found = found or accounts.search(overdue, limit=1)
        return {"id": found.id, "display_name": found.display_name} if found else False

    @api.model
    def preview_draft(self, draft, account_id=False):
        """A text that is being edited, as a customer would get it, and what is wrong with it.

        :param draft: `{key, lang, subject, body_html, body_text}` as they stand on the screen
        :param account_id: whose open items to show; an invented customer where it is empty
        :return: `{subject, html, text, problems: [{part, line, message, severity}]}`
        """
        parts = rendering.TemplateParts(
            subject=draft.get("subject") or "",
            html=draft.get("body_html") or "",
            text=draft.get("body_text") or "",
        )
        level_key = draft.get("key") if draft.get("key") in rendering.LEVEL_KEYS else "friendly"
        samples = rendering.sample_contexts(draft.get("lang") or "en", level_key)
        problems = rendering.check(parts, samples)
        answer = {
            "subject": "",
            "html": "",
            "text": "",
            "problems": [_plain(problem) for problem in problems],
        }
        if any(problem.severity == rendering.ERROR for problem in problems):
            return answer
        account = self.env["dunning.account"].browse(account_id).exists()
        context = self._context_of(account, draft, level_key) if account else samples[0]
        try:
            message = rendering.render(parts, context)
        except rendering.TemplateProblem as problem:
            answer["problems"].append(_plain(problem.problem))
            return answer
        return {**answer, "subject": message.subject, "html": message.html, "text": message.text}

    def _context_of(self, account, draft, level_key):
        """What a message to this customer would show: their open invoices in the currency they owe most in."""
        items = account.item_ids.filtered(lambda item: item.is_open and item.kind == "invoice")
        if not items:
            raise UserError(
                self.env._(
                    "%(customer)s owes nothing. Choose another customer.", customer=account.display_name
                )
            )
        by_currency = items.grouped("currency_id")
        currency = max(by_currency, key=lambda one: len(by_currency[one]))
        notice = self.env["dunning.notice"].new(
            {
                "company_id": account.company_id.id,
                "account_id": account.id,
                "partner_id": account.partner_id.id,
                "email_to": account.partner_id.email,
                "lang": draft.get("lang") or get_lang(self.env).code,
                "currency_id": currency.id,
                "level_id": self._level_of(level_key, account).id,
                "channel": "email",
                "send_at": fields.Datetime.now(),
                "deadline_date": fields.Date.add(fields.Date.context_today(self), days=7),
                "line_ids": [fields.Command.create({"item_id": item.id}) for item in by_currency[currency]],
            }
        )
        today = account.company_id._dunning_today()
        looks = recheck.look(self.env, account.company_id, account.ids, today)
        [context] = contexts.message_contexts(notice, looks, today).values()
        return context

    def _level_of(self, level_key, account):
        levels = account.effective_policy_id.level_ids
        return levels.filtered(lambda level: level.key == level_key)[:1] or levels[:1]

    def action_duplicate_for_company(self):
        """A copy for this company only: it wins over the shared text."""
        self.ensure_one()
        copy = self.copy({"company_id": self.env.company.id})
        return {
            "type": "ir.actions.act_window",
            "res_model": "dunning.template",
            "res_id": copy.id,
            "view_mode": "form",
        }


def _plain(problem):
    return {
        "part": problem.part,
        "line": problem.line,
        "message": problem.message,
        "severity": problem.severity,
    }

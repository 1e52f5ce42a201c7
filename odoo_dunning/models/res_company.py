from datetime import time, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..engine.calendar import Place, closed
from ..engine.snapshot import Calendar

_NOT_NEGATIVE = (
    "dunning_cap_per_day", "dunning_cap_per_hour", "dunning_gap_days", "dunning_min_amount",
    "dunning_bank_max_age_days",
    "dunning_four_eyes_amount",
)  # fmt: skip


class ResCompany(models.Model):
    """Company-wide limits of dunning: how much, when, checked by whom."""

    _inherit = "res.company"

    dunning_policy_id = fields.Many2one(
        "dunning.policy",
        string="Default dunning policy",
        domain="[('head_id', '=', False), ('company_id', 'in', (False, id))]",
        default=lambda self: self.env.ref("odoo_dunning.policy_default", raise_if_not_found=False),
        prefetch="odoo_dunning",
    )
    dunning_gap_days = fields.Integer(
        string="Least days between contacts",
        default=0,
        help="Over all policies; the longer gap of the two counts.",
        prefetch="odoo_dunning",
    )
    dunning_min_amount = fields.Monetary(
        string="Least amount per customer",
        default=0.0,
        currency_field="currency_id",
        help="In company currency; converted for customers in another one unless the policy names an amount. "
        "Without an exchange rate it does not count.",
        prefetch="odoo_dunning",
    )
    dunning_cap_per_day = fields.Integer(
        string="Most messages per day",
        default=2000,
        help="0: no limit.",
        prefetch="odoo_dunning",
    )
    dunning_cap_per_hour = fields.Integer(
        string="Most messages per hour",
        default=500,
        help="0: no limit.",
        prefetch="odoo_dunning",
    )
    dunning_bank_gate = fields.Selection(
        [("off", "Do not check"), ("warn", "Warn in the proposal"), ("stop", "Send nothing")],
        string="Old bank entries",
        default="warn",
        required=True,
        prefetch="odoo_dunning",
    )
    dunning_bank_max_age_days = fields.Integer(
        string="Bank entries are fresh for (days)",
        default=5,
        prefetch="odoo_dunning",
    )
    dunning_unmatched_gate = fields.Selection(
        [("off", "Do not check"), ("warn", "Warn in the proposal"), ("stop", "Leave the customer alone")],
        string="Receipts not yet matched",
        default="warn",
        required=True,
        prefetch="odoo_dunning",
    )
    dunning_is_automatic = fields.Boolean(
        string="Propose every day",
        help="The scheduled action proposes a run each working day.",
        prefetch="odoo_dunning",
    )
    dunning_four_eyes = fields.Boolean(
        string="Four eyes",
        help="Someone who neither proposed the run nor changed its messages approves it.",
        prefetch="odoo_dunning",
    )
    dunning_four_eyes_amount = fields.Monetary(
        string="Four eyes from",
        currency_field="currency_id",
        help="Total of the messages, charges included, from which it is needed; 0: always. What the same person "
        "approved alone that day counts, too. Foreign money counts at the rate of the day of the run.",
        prefetch="odoo_dunning",
    )
    dunning_window_start_hour = fields.Float(
        string="Send from",
        default=8.0,
        help="Hour in the customer's time zone.",
        prefetch="odoo_dunning",
    )
    dunning_window_end_hour = fields.Float(
        string="Send until",
        default=18.0,
        help="Hour in the customer's time zone.",
        prefetch="odoo_dunning",
    )
    dunning_working_days_only = fields.Boolean(
        string="Working days only",
        default=True,
        prefetch="odoo_dunning",
    )
    dunning_public_holidays = fields.Boolean(
        string="Respect public holidays",
        default=True,
        prefetch="odoo_dunning",
    )
    dunning_sender_email = fields.Char(
        string="Sender of messages",
        help="Empty: the company's email address.",
        prefetch="odoo_dunning",
    )

    @api.constrains("dunning_window_start_hour", "dunning_window_end_hour")
    def _check_dunning_window(self):
        for company in self:
            start, end = company.dunning_window_start_hour, company.dunning_window_end_hour
            if not 0 <= start < end <= 24 or self._dunning_hour(start) >= self._dunning_hour(end):
                raise ValidationError(
                    self.env._(
                        "%(company)s: the send window of reminders must start before it ends, between 0:00 and 24:00.",
                        company=company.name,
                    )
                )

    @api.constrains(*_NOT_NEGATIVE)
    def _check_dunning_limits(self):
        for company in self:
            for name in _NOT_NEGATIVE:
                if company[name] < 0:
                    label = company._fields[name]._description_string(self.env)
                    raise ValidationError(
                        self.env._(
                            "%(company)s: “%(field)s” cannot be negative.", company=company.name, field=label
                        )
                    )

    @api.model
    def _dunning_set_default_policy(self):
        """At install: companies that were there before get the default policy."""
        self.search([("dunning_policy_id", "=", False)]).dunning_policy_id = self.env.ref(
            "odoo_dunning.policy_default"
        )

    def _dunning_unrated(self, currencies):
        """Those of these currencies without any exchange rate: Odoo takes a unit of them for one of the company's."""
        foreign = currencies - self.currency_id
        rates = self.env["res.currency.rate"].sudo()
        rated = rates._read_group(
            [("currency_id", "in", foreign.ids), ("company_id", "in", (False, self.root_id.id))],
            ["currency_id"],
        )
        return foreign.filtered(lambda currency: (currency,) not in rated)

    def _dunning_timezone(self):
        """IANA name of the company's clock: its partner's, else that of the administrator, else UTC."""
        self.ensure_one()
        self.env["res.company"].flush_model(["partner_id"])
        self.env["res.partner"].flush_model(["tz"])
        # Asked for every mail that leaves, in a transaction of its own: the ORM would read companies and users whole.
        [[name]] = self.env.execute_query(
            SQL(
                """SELECT COALESCE(NULLIF(own.tz, ''), NULLIF(administrator.tz, ''), 'UTC')
                     FROM res_company company
                     JOIN res_partner own ON own.id = company.partner_id
                     LEFT JOIN res_users admin_user ON admin_user.id = %s
                     LEFT JOIN res_partner administrator ON administrator.id = admin_user.partner_id
                    WHERE company.id = %s""",
                self.env["ir.model.data"]._xmlid_to_res_id("base.user_admin"),
                self._origin.id,
            )
        )
        return name

    def _dunning_today(self):
        """The calendar date by the company's clock."""
        return self._dunning_local_now().date()

    def _dunning_local_now(self):
        """Now, by the company's clock; by UTC where its time zone is unknown."""
        now = fields.Datetime.now().replace(tzinfo=timezone.utc)
        try:
            return now.astimezone(ZoneInfo(self._dunning_timezone()))
        except ZoneInfoNotFoundError:
            return now

    def _dunning_is_open_now(self):
        """Whether the send window is open on a weekday of the company's country, by its clock. Holidays are the
        engine's business."""
        now = self._dunning_local_now()
        rules = Calendar(working_days_only=self.dunning_working_days_only, public_holidays=False)
        if closed(rules, Place(self.country_id.code or None, None), now.date())[0]:
            return False
        start, end = self.dunning_window_start_hour, self.dunning_window_end_hour
        return self._dunning_hour(start) <= now.time() <= self._dunning_hour(end)

    def _dunning_hour(self, hours):
        """8.5 -> 08:30. 24.0 becomes the last minute of the day."""
        minutes = min(round(hours * 60), 24 * 60 - 1)
        return time(minutes // 60, minutes % 60)

    def _dunning_sender(self):
        """Formatted sender of reminders: the address set for them, else the company's."""
        self.ensure_one()
        address = self.dunning_sender_email or self.email_formatted or self.partner_id.email_formatted
        return address or self.env.user.email_formatted

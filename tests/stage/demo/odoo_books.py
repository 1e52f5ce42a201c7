"""Odoo's own part of the demo: the company, its people, and receivables invoiced in Odoo itself.

Runs inside `odoo shell`. The same day gives the same books.
"""

import base64
import io
import random
from datetime import timedelta

from PIL import Image, ImageDraw

from tests.stage.demo import cases, charges

COMPANY = {
    "name": "Brightwater Supplies GmbH",
    "street": "Am Sandtorkai 41",
    "zip": "20457",
    "city": "Hamburg",
    "email": "accounts@brightwater.example",
    "phone": "+49 40 5550 1470",
    "website": "https://www.brightwater.example",
    "vat": "DE136695976",
    "primary_color": "#1d5c63",
    "secondary_color": "#417d7a",
}
LANGUAGES = ("de_DE", "fr_FR", "es_ES", "nl_NL")
PEOPLE = (
    ("admin", "Mara Lindqvist", "group_manager"),
    ("accountant", "Jonas Feldmann", "group_user"),
)

# name, country, language, e-mail?, company?
CUSTOMERS = (
    ("Café Sturmflut KG", "DE", "de_DE", True, True),
    ("Möbelhaus Ahrens GmbH", "DE", "de_DE", True, True),
    ("Gärtnerei Immergrün", "DE", "de_DE", True, True),
    ("Alster Yachtservice GmbH", "DE", "de_DE", True, True),
    ("Bauhof Petersen & Söhne", "DE", "de_DE", True, True),
    ("Praxis Dr. Öztürk", "DE", "de_DE", True, True),
    ("Ingrid Hansen", "DE", "de_DE", True, False),
    ("Weinhandlung Pröll", "AT", "de_DE", True, True),
    ("Boulangerie Delacroix SARL", "FR", "fr_FR", True, True),
    ("Ateliers Fournier SAS", "FR", "fr_FR", True, True),
    ("Maison Éluard", "FR", "fr_FR", True, True),
    ("Talleres Muñoz S.L.", "ES", "es_ES", True, True),
    ("Librería Casa Ibáñez", "ES", "es_ES", True, True),
    ("Bloemenhal De Vries B.V.", "NL", "nl_NL", True, True),
    ("Kaasmakerij Van Dijk B.V.", "NL", "nl_NL", True, True),
    ("Harcourt & Daughters Ltd", "GB", "en_US", True, True),
    ("Pembroke Joinery Ltd", "GB", "en_US", True, True),
    ("Oakfield School", "GB", "en_US", True, True),
    ("Blue Ridge Outfitters Inc.", "US", "en_US", True, True),
    ("Kastanienhof Pension", "DE", "de_DE", False, True),
    ("Fjellheim Bakeri AS", "NO", "en_US", True, True),
    ("Ravintola Kuusi Oy", "FI", "en_US", True, True),
    ("Studio Bianchi S.r.l.", "IT", "en_US", True, True),
    ("Zakład Stolarski Nowak", "PL", "en_US", True, True),
)


def build(env, today):
    """Write everything; the caller commits. Returns the secret of the sync worker."""
    company = env.company
    _set_up_company(env, company)
    _set_up_people(env)
    # Odoo's own statistics by mail would lie among the reminders.
    env["digest.digest"].search([]).action_deactivate()
    _make_invoices(env, company, today)
    charges.arrange(env, company, today)
    cases.arrange(env, company, today)
    env["res.partner"].search([]).tz = company.partner_id.tz
    return _make_worker(env, company)


def _set_up_company(env, company):
    for code in LANGUAGES:
        env["res.lang"]._activate_lang(code)
    env["res.currency"].with_context(active_test=False).search(
        [("name", "in", ("EUR", "USD", "GBP", "JPY", "KWD"))]
    ).active = True
    company.write(
        {
            **COMPANY,
            "country_id": env.ref("base.de").id,
            "currency_id": env.ref("base.EUR").id,
            # On any day and at any hour all messages leave at once.
            "dunning_working_days_only": False,
            "dunning_public_holidays": False,
            "dunning_window_start_hour": 0,
            "dunning_window_end_hour": 24,
            "dunning_bank_gate": "off",
        }
    )
    company.logo = _logo(COMPANY["primary_color"])
    company.partner_id.tz = "Europe/Berlin"
    # Replies go to the catch-all of this domain and from there into the customer's history.
    company.alias_domain_id = env["mail.alias.domain"].create({"name": "brightwater.example"})
    if not company.chart_template:
        env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
    company.currency_id = env.ref("base.EUR")
    for name, per_euro in (("USD", 1.16), ("GBP", 0.86), ("JPY", 171.5), ("KWD", 0.356)):
        currency = env["res.currency"].search([("name", "=", name)])
        env["res.currency.rate"].create(
            {"currency_id": currency.id, "rate": per_euro, "name": "2020-01-01", "company_id": company.id}
        )
    bank = env["res.bank"].create({"name": "Hansebank Hamburg", "bic": "MARKDEF1200"})
    env["res.partner.bank"].create(
        {
            "acc_number": "DE89 3704 0044 0532 0130 00",
            "partner_id": company.partner_id.id,
            "bank_id": bank.id,
            "allow_out_payment": True,
        }
    )


def _logo(color):
    """A wave in a disc."""
    image = Image.new("RGBA", (480, 480))
    pen = ImageDraw.Draw(image)
    pen.ellipse((0, 0, 479, 479), fill=color)
    for top in (190, 270):
        pen.arc((90, top - 60, 240, top + 60), 180, 360, fill="white", width=34)
        pen.arc((206, top - 60, 390, top + 60), 0, 180, fill="white", width=34)
    data = io.BytesIO()
    image.resize((120, 120)).save(data, "PNG")
    return base64.b64encode(data.getvalue())


def _set_up_people(env):
    for login, name, group in PEOPLE:
        groups = env.ref("account.group_account_invoice") + env.ref(f"odoo_dunning.{group}")
        user = env["res.users"].search([("login", "=", login)]) or env["res.users"].create(
            {"login": login, "name": name, "password": login}
        )
        user.write({"name": name, "tz": "Europe/Berlin", "group_ids": [(4, group.id) for group in groups]})
        user.partner_id.email = f"{name.split()[0].lower()}@brightwater.example"


def _make_worker(env, company):
    """A technical user that may run ledger passes and nothing else; returns its API key."""
    worker = env["res.users"].create(
        {
            "login": "sync-worker",
            "name": "Ledger sync worker",
            "company_id": company.id,
            "group_ids": [(6, 0, [env.ref("base.group_user").id, env.ref("odoo_dunning.group_sync_bot").id])],
        }
    )
    keys = env["res.users.apikeys"].with_user(worker)
    return keys.sudo()._generate("rpc", "dunning-sync", env.cr.now() + timedelta(days=90))


def _make_invoices(env, company, today):
    chance = random.Random(19)
    customers = env["res.partner"].create([_partner_values(env, row) for row in CUSTOMERS])
    invoices = env["account.move"].create(
        [
            values
            for customer in customers
            for values in _invoice_values(env, company, customer, chance, today)
        ]
    )
    invoices.action_post()
    _pay_some(env, invoices, chance, today)
    _special_cases(env, customers)


def _partner_values(env, row):
    name, country, language, has_email, is_company = row
    handle = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
    return {
        "name": name,
        "is_company": is_company,
        "country_id": env.ref(f"base.{'uk' if country == 'GB' else country.lower()}").id,
        "lang": language,
        "email": f"billing@{handle}.example" if has_email else False,
        "street": "Main Street 1",
        "city": "Springfield",
        "zip": "10115",
    }


def _invoice_values(env, company, customer, chance, today):
    currency = {"GB": "GBP", "US": "USD"}.get(customer.country_id.code, "EUR")
    for _ in range(chance.randint(2, 6)):
        days_overdue = chance.choice((-20, -3, 1, 6, 9, 15, 24, 33, 45, 60, 95))
        due = today - timedelta(days=days_overdue)
        yield {
            "move_type": "out_invoice",
            "partner_id": customer.id,
            "company_id": company.id,
            "currency_id": env["res.currency"].search([("name", "=", currency)]).id,
            "invoice_date": due - timedelta(days=30),
            "invoice_date_due": due,
            "ref": f"PO-{chance.randint(1000, 9999)}",
            "invoice_line_ids": [
                (
                    0,
                    0,
                    {
                        "name": "Delivery as agreed",
                        "quantity": 1,
                        "price_unit": chance.randint(4_000, 480_000) / 100,
                        "tax_ids": False,
                    },
                )
            ],
        }


def _pay_some(env, invoices, chance, today):
    for invoice in invoices:
        draw = chance.random()
        if draw > 0.35:
            continue
        amount = invoice.amount_total if draw < 0.2 else round(invoice.amount_total / 3, 2)
        env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({"amount": amount, "payment_date": today - timedelta(days=2)})._create_payments()


def _special_cases(env, customers):
    """One of each thing that keeps an invoice out of a message."""
    open_ones = env["account.move"].search(
        [
            ("partner_id", "in", customers.ids),
            ("payment_state", "in", ("not_paid", "partial")),
            ("invoice_date_due", "<", env.cr.now().date()),
        ],
        order="id",
    )
    by_customer = open_ones.grouped("partner_id")
    moves = [by_customer[customer] for customer in customers if customer in by_customer]
    moves[0][:1].no_followup = True
    moves[1][:1].action_toggle_block_payment()

"""Odoo contacts of a ledger's customers: find, make, update without touching what a user edited."""

import re

from odoo.tools import SQL, email_normalize

# Nobody follows, nothing is logged or mailed for a contact that a machine brings; the ledger has checked its VAT.
QUIET = {
    "tracking_disable": True,
    "mail_create_nosubscribe": True,
    "mail_create_nolog": True,
    "mail_notrack": True,
    "no_vat_validation": True,
}
TEXTS = ("name", "email", "phone", "street", "street2", "city", "zip", "vat")


class Partners:
    """Contacts in one ledger's company. Lookups of countries, states and languages are made once per delivery."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.env = ledger.env
        self.model = self.env["res.partner"].with_context(**QUIET)
        self._countries = self._states = self._languages = None

    # === FIND === #

    def find(self, customers):
        """Return `{external id: partner id}` by VAT number, else by e-mail and name, where one contact fits."""
        self.model.flush_model(["vat", "email_normalized", "name", "active", "parent_id", "company_id"])
        by_vat = self._unique(
            SQL("regexp_replace(upper(vat), '[^A-Z0-9]', '', 'g')"),
            {_plain_vat(customer.vat) for customer in customers if len(_plain_vat(customer.vat)) > 4},
        )
        by_email = self._unique(
            SQL("email_normalized || ' ' || lower(name)"),
            {_email_name(customer) for customer in customers if customer.email and customer.name},
        )
        found = {}
        for customer in customers:
            partner_id = by_vat.get(_plain_vat(customer.vat)) or by_email.get(_email_name(customer))
            if partner_id:
                found[customer.external_id] = partner_id
        return found

    def _unique(self, expression, wanted):
        """Return `{value: partner id}` of the values that exactly one contact of the company's has."""
        if not wanted:
            return {}
        rows = self.env.execute_query(
            SQL(
                """
                SELECT %(expression)s AS value, min(id) FROM res_partner
                 WHERE %(expression)s = ANY(%(wanted)s) AND active AND parent_id IS NULL
                   AND (company_id IS NULL OR company_id = %(company)s)
              GROUP BY value HAVING count(*) = 1
                """,
                expression=expression,
                wanted=list(wanted),
                company=self.ledger.company_id.id,
            )
        )
        return dict(rows)

    # === MAKE AND UPDATE === #

    def make(self, rows):
        """Make contacts of `(customer, values)` rows, in one go."""
        company_id = False if self.ledger.is_partner_shared else self.ledger.company_id.id
        return self.model.create(
            [
                {**values, "is_company": customer.is_company, "company_id": company_id, "customer_rank": 1}
                for customer, values in rows
            ]
        )

    def prefetch(self, partner_ids):
        self.model.browse(partner_ids).fetch([*TEXTS, "country_id", "state_id", "lang", "dunning_role"])

    def update(self, partner_id, customer, last_written):
        """Write what changed at the source into fields that nobody edited since; return what the ledger wrote.

        A contact that was matched (nothing written so far) stays the user's, but for fields it leaves empty.
        """
        partner = self.model.browse(partner_id)
        current = self._current(partner)
        written, changes = dict(last_written), {}
        for name, value in self.values(customer).items():
            is_ours = current[name] == (last_written.get(name) or False) or not current[name]
            if value == (last_written.get(name) or False) or not is_ours:
                continue
            written[name] = value
            if current[name] != value:
                changes[name] = value
        if changes:
            partner.write(changes)
        return written

    @staticmethod
    def _current(partner):
        links = {name: partner[name].id for name in ("country_id", "state_id")}
        return {name: partner[name] for name in (*TEXTS, "lang", "dunning_role")} | links

    def values(self, customer):
        """Return the contact fields a customer gives; False where it gives nothing."""
        values = {name: getattr(customer, name).strip() or False for name in TEXTS}
        values["name"] = values["name"] or values["email"] or f"{self.ledger.name} {customer.external_id}"
        country_id = self._country(customer.country)
        values["country_id"] = country_id
        values["state_id"] = self._state(customer.state, country_id)
        values["lang"] = self._language(customer.language)
        # Invoices go to the customer's own address: beside persons it stays the first for what is about bills.
        values["dunning_role"] = "billing" if customer.email and _has_persons(customer) else False
        return values

    # === LOOKUPS === #

    def _country(self, text):
        if self._countries is None:
            countries = self.env["res.country"].search([])
            english = countries.with_context(lang="en_US")
            self._countries = {country.name.casefold(): country.id for country in english}
            self._countries |= {country.code.casefold(): country.id for country in countries}
        return self._countries.get(text.strip().casefold(), False)

    def _state(self, text, country_id):
        if not text or not country_id:
            return False
        if self._states is None:
            states = self.env["res.country.state"].search([])
            self._states = {(state.country_id.id, state.name.casefold()): state.id for state in states}
            for state in states:
                code = state.code.casefold()
                # Some countries' codes carry the country: "DE-BE" is what a ledger calls "BE".
                for known_as in (code, code.rpartition("-")[2]):
                    self._states[state.country_id.id, known_as] = state.id
        return self._states.get((country_id, text.strip().casefold()), False)

    def _language(self, text):
        """The installed language: the very one, else the first of the same tongue."""
        if not text:
            return False
        if self._languages is None:
            self._languages = [code for code, _name in self.env["res.lang"].get_installed()]
        wanted = text.strip().replace("-", "_").casefold()
        exact = [code for code in self._languages if code.casefold() == wanted]
        similar = [code for code in self._languages if code.casefold().split("_")[0] == wanted.split("_")[0]]
        return next(iter(exact + similar), False)


def _has_persons(customer):
    return any(person.email and person.role != "other" for person in customer.contacts)


def _plain_vat(text):
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _email_name(customer):
    return f"{email_normalize(customer.email) or ''} {customer.name.strip().lower()}"

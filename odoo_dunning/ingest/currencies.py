"""Currencies as a ledger names them."""


class Currencies:
    """ISO code to `res.currency`, known ones that are switched off included: those are switched on."""

    def __init__(self, ledger):
        self.ledger = ledger
        self._ids = {}

    def id_of(self, code):
        """Return the id of the currency, or None when Odoo does not have it.

        Odoo's search cuts what it looks for to the three letters of a code: a longer one is none.
        """
        if code not in self._ids:
            self._ids[code] = self._find(code) if code and len(code) == 3 else None
        return self._ids[code]

    def _find(self, code):
        currency = (
            self.ledger.env["res.currency"]
            .with_context(active_test=False)
            .search([("name", "=", code)], limit=1)
        )
        if currency and not currency.active:
            currency.active = True
            self.ledger._note(
                self.ledger.env._("Currency %(code)s was switched on: the ledger uses it.", code=code)
            )
        return currency.id or None

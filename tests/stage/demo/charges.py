"""Customers who are charged for being late, and customers who are not.

`arrange` runs inside `odoo shell`, before the cases; `problems` looks at the outcome over JSON-2.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stage.demo.office import Office

FIRM = 3
GERMAN, BRITISH = "Maschinenbau Adler GmbH", "Wexford Fittings Ltd"
CONSUMER = "Henrike Sander"
WAIVED, UNDONE = "Spedition Rahm KG", "Hotel Seeblick GmbH"


def arrange(env, company, today):
    """A policy whose last level charges, its customers, and a run of last week's letters: waived and undone."""
    Charged(env, company, today).arrange()


class Charged:
    def __init__(self, env, company, today):
        self.env = env
        self.company = company
        self.today = today

    def arrange(self):
        self._set_up_booking()
        policy = self._policy("With charges", {"by_email": True, "by_letter": False})
        letters = self._policy("With charges, by letter", {"by_email": False, "by_letter": True})
        # Due three weeks before the last change of the reference rates.
        due = date(self.today.year, 7 if self.today.month > 6 else 1, 1) - timedelta(days=21)
        euro, pound = self.env.ref("base.EUR"), self.env.ref("base.GBP")
        for name, country, currency, is_company, amount, its_policy in (
            (GERMAN, "de", euro, True, 8400.0, policy),
            (CONSUMER, "de", euro, False, 640.0, policy),
            (BRITISH, "uk", pound, True, 5200.0, policy),
            (WAIVED, "de", euro, True, 2150.0, letters),
            (UNDONE, "de", euro, True, 3980.0, letters),
        ):
            partner = self._customer(name, country, is_company)
            self._invoice(partner, currency, amount, due)
            self.env["dunning.item"]._refresh(self.company)
            self._treat(partner, its_policy)
        self._account(BRITISH).charge_law = "GB"
        self._send_letters()

    def _set_up_booking(self):
        account = self.env["account.account"]
        kinds = (
            ("interest", "Interest on late payment"),
            ("recovery", "Recovery sums"),
            ("fee", "Reminder fees"),
        )
        vals = {}
        for place, (kind, name) in enumerate(kinds):
            vals[f"dunning_{kind}_account_id"] = account.create(
                {"name": name, "code": f"46{place}100", "account_type": "income_other"}
            ).id
        journal = self.env["account.journal"].create({"name": "Late charges", "code": "LATE", "type": "sale"})
        self.company.write(
            {"dunning_charge_booking": "issue", "dunning_charge_journal_id": journal.id, **vals}
        )

    def _policy(self, name, channels):
        policy = self.company.dunning_policy_id.copy({"name": name})
        final = policy.level_ids.sorted("rank")[-1]
        final.write(
            {"charge_interest": True, "charge_recovery_sum": True, "charge_sheet": "attached", **channels}
        )
        return policy

    def _customer(self, name, country, is_company):
        handle = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
        return self.env["res.partner"].create(
            {
                "name": name,
                "is_company": is_company,
                "email": f"office@{handle}.example",
                "street": "Hafenstraße 7" if country == "de" else "7 Dock Road",
                "city": "Kiel" if country == "de" else "Bristol",
                "zip": "24103" if country == "de" else "BS1 4RB",
                "country_id": self.env.ref(f"base.{country}").id,
                "lang": "de_DE" if country == "de" else "en_US",
            }
        )

    def _invoice(self, partner, currency, amount, due):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "company_id": self.company.id,
                "currency_id": currency.id,
                "invoice_date": due - timedelta(days=30),
                "invoice_date_due": due,
                "invoice_line_ids": [
                    (0, 0, {"name": "As ordered", "quantity": 1, "price_unit": amount, "tax_ids": False})
                ],
            }
        )
        move.action_post()

    def _account(self, name):
        return self.env["dunning.account"].search([("partner_id.name", "=", name)])

    def _treat(self, partner, policy):
        """The firm reminder went out two weeks ago: the next message is the last one."""
        account = self._account(partner.name)
        account.policy_id = policy
        firm = policy.level_ids.filtered(lambda level: level.rank == FIRM)
        account.item_ids.write(
            {"level_id": firm.id, "level_rank": FIRM, "level_date": self.today - timedelta(days=14)}
        )

    def _send_letters(self):
        """A run of two letters: one charge was waived afterwards, the other letter was a mistake."""
        run = self.env["dunning.run"].create({"date": self.today, "company_id": self.company.id})
        run.action_propose_now()
        wanted = self._account(WAIVED) | self._account(UNDONE)
        run.line_ids.filtered(
            lambda line: line.decision == "notify" and line.account_id not in wanted
        ).action_exclude()
        run.action_approve()
        notices = self.env["dunning.notice"].search([("run_id", "=", run.id), ("state", "=", "ready")])
        notices._hand_over()
        for of_notice in (
            run.notice_ids.charge_ids.filtered(lambda one: one.stage == "announced")
            .grouped("notice_id")
            .values()
        ):
            of_notice._book_together()
        charges = run.notice_ids.charge_ids
        mine = charges.filtered(
            lambda one: one.account_id == self._account(WAIVED) and one.kind == "recovery_sum"
        )
        mine.action_waive(reason="Long-standing customer, paid the rest the same day")
        mistake = run.notice_ids.filtered(lambda one: one.account_id == self._account(UNDONE))
        mistake.filtered(lambda one: one.state == "sent").action_undo(reason="The goods had been returned")


def problems(office: Office) -> list[str]:
    """What is wrong with the charges of the demo, in sentences."""
    charges = office.read(
        "dunning.charge", [], ["account_id", "kind", "state", "law", "sheet", "amount", "move_id"]
    )
    of = {
        name: [one for one in charges if one["account_id"][1] == name]
        for name in (GERMAN, BRITISH, CONSUMER, WAIVED, UNDONE)
    }
    return [
        said
        for is_wrong, said in (
            (_rates(of[GERMAN]) != 2, f"{GERMAN}: the interest does not cross the change of rates."),
            (_kinds(of[GERMAN]) != {"interest", "recovery_sum"}, f"{GERMAN}: no interest or recovery sum."),
            (_rates(of[BRITISH]) != 1, f"{BRITISH}: the rate is not the one of the start."),
            ({one["law"] for one in of[BRITISH]} != {"GB"}, f"{BRITISH}: not charged by British law."),
            (bool(of[CONSUMER]), f"{CONSUMER}: a consumer was charged."),
            ("waived" not in _states(of[WAIVED]), f"{WAIVED}: nothing is waived."),
            ("reversed" not in _states(of[UNDONE]), f"{UNDONE}: nothing is reversed."),
            (not _credited(office, of[UNDONE]), f"{UNDONE}: the reversal has no entry."),
        )
        if is_wrong
    ]


def _rates(charges: list[dict]) -> int:
    """How many different rates the interest of a customer was worked out with."""
    lines = [
        line
        for one in charges
        if one["kind"] == "interest" and one["sheet"]
        for line in one["sheet"]["lines"]
    ]
    return len({line["rate_pct"] for line in lines})


def _kinds(charges: list[dict]) -> set[str]:
    return {one["kind"] for one in charges if one["amount"]}


def _states(charges: list[dict]) -> set[str]:
    return {one["state"] for one in charges}


def _credited(office: Office, charges: list[dict]) -> bool:
    documents = [one["move_id"][0] for one in charges if one["state"] == "reversed" and one["move_id"]]
    credits = office.read(
        "account.move",
        [("reversed_entry_id", "in", documents), ("state", "=", "posted")],
        ["amount_total"],
    )
    reversed_sum = sum(one["amount"] for one in charges if one["state"] == "reversed")
    return bool(credits) and round(sum(one["amount_total"] for one in credits) - reversed_sum, 2) == 0

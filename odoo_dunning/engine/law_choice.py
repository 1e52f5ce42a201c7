"""Which country's late-payment law governs a claim, and why: decided by rows, overridden by people."""

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .law_errors import RowInvalid, UnknownJurisdiction

COLUMNS = (
    "id",
    "seller_country",
    "customer_country",
    "debtor_type",
    "law",
    "source",
    "verified_on",
    "status",
    "note",
)
ANY = "*"


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """`law` is "seller", "customer" or a jurisdiction code; "*" in a country or debtor type means any."""

    id: str
    seller_country: str
    customer_country: str
    debtor_type: str
    law: str
    source: str
    verified_on: str
    status: str
    note: str

    def fits(self, seller_country: str, customer_country: str, debtor_type: str) -> bool:
        pairs = (
            (self.seller_country, seller_country),
            (self.customer_country, customer_country),
            (self.debtor_type, debtor_type),
        )
        return all(wanted in (ANY, actual) for wanted, actual in pairs)

    @property
    def precision(self) -> int:
        return sum(cell != ANY for cell in (self.seller_country, self.customer_country, self.debtor_type))


class Place(NamedTuple):
    """ISO 3166 country code, and the subdivision code ("NY") where it has a law of its own."""

    country: str
    region: str = ""


class LawChoice(NamedTuple):
    """`reason`: "customer_override", "policy_override", "seller_law", "customer_law" or "named_law"; `row_id`
    the row behind it.
    """

    jurisdiction: str
    reason: str
    row_id: str


def parse_choices(text: str) -> tuple[ChoiceRow, ...]:
    """Choice rows of a CSV text. Raises RowInvalid naming the row and field."""
    rows = []
    for record in csv.DictReader(io.StringIO(text)):
        cells = {name: (record.get(name) or "").strip() for name in COLUMNS}
        for name in COLUMNS[:5]:
            if not cells[name]:
                raise RowInvalid(
                    f"Law choice row {cells['id'] or '(no id)'}, field {name}: is empty. Fill it in, * "
                    f"for any.",
                    row_ids=(cells["id"],),
                    field=name,
                )
        rows.append(ChoiceRow(**cells))
    return tuple(rows)


def choose_law(
    choices: Iterable[ChoiceRow],
    jurisdictions: Collection[str],
    *,
    seller: Place,
    customer: Place,
    debtor_type: str,
    policy_law: str = "",
    customer_law: str = "",
) -> LawChoice:
    """The jurisdiction for a claim. `jurisdictions` are the codes that have rows (`LawBook.jurisdictions`).

    An override on the customer wins over one on the policy, both over the rows; the most precise row wins.
    Raises UnknownJurisdiction when the outcome has no rows or no row fits.
    """
    for law, reason in ((customer_law, "customer_override"), (policy_law, "policy_override")):
        if law:
            return LawChoice(_known(law, jurisdictions, reason), reason, "")
    fitting = [
        row
        for row in choices
        if row.status != "draft" and row.fits(seller.country, customer.country, debtor_type)
    ]
    if not fitting:
        raise UnknownJurisdiction(
            f"No rule says which law governs a claim from {seller.country or '?'} on a {debtor_type} "
            f"debtor in "
            f"{customer.country or '?'} (field jurisdiction). Choose the law on the policy or the "
            f"customer.",
            field="jurisdiction",
        )
    row = max(fitting, key=lambda row: (row.precision, row.id))
    sides = {"seller": (seller, "seller_law"), "customer": (customer, "customer_law")}
    place, reason = sides.get(row.law, (Place(row.law), "named_law"))
    regional = f"{place.country}-{place.region}"
    law = regional if regional in jurisdictions else place.country
    return LawChoice(_known(law, jurisdictions, f"law choice row {row.id}"), reason, row.id)


def _known(law: str, jurisdictions: Collection[str], chosen_by: str) -> str:
    if law not in jurisdictions:
        raise UnknownJurisdiction(
            f"No late-payment rows exist for jurisdiction {law or '(no country)'}, chosen by "
            f"{chosen_by} (field jurisdiction). "
            "Set the country, choose another law on the policy or the customer, or add its rows.",
            field="jurisdiction",
        )
    return law

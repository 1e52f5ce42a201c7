"""Who at a customer gets its invoices, as both ledgers tell it."""

from __future__ import annotations

import pytest

from dunning_connectors.quickbooks import mapping as quickbooks
from dunning_connectors.records import Contact
from dunning_connectors.xero import mapping as xero

from .test_writes import Trial


def test_xero_persons_who_are_included_in_emails_get_invoices():
    customer = xero.customer(
        {
            "ContactID": "c1",
            "Name": "Nordlicht",
            "FirstName": "Ada",
            "LastName": "Weber",
            "EmailAddress": "office@nordlicht.example",
            "UpdatedDateUTC": "/Date(1763640000000+0000)/",
            "ContactPersons": [
                {
                    "FirstName": "Ben",
                    "LastName": "Otte",
                    "EmailAddress": "ben@nordlicht.example",
                    "IncludeInEmails": True,
                },
                {
                    "FirstName": "",
                    "LastName": "Kim",
                    "EmailAddress": "kim@nordlicht.example",
                    "IncludeInEmails": False,
                },
            ],
        },
        xero.Organisation("EUR"),
    )

    assert customer.email == "office@nordlicht.example"
    assert customer.contacts == (
        Contact(name="Ada Weber"),
        Contact(name="Ben Otte", email="ben@nordlicht.example", role="ap"),
        Contact(name="Kim", email="kim@nordlicht.example", role="other"),
    )


def test_quickbooks_addresses_after_the_first_get_invoices_too():
    customer = quickbooks.customer(
        {
            "Id": "7",
            "DisplayName": "Nordlicht",
            "PrimaryEmailAddr": {
                "Address": "office@nordlicht.example, ben@nordlicht.example ,kim@nordlicht.example,"
            },
            "MetaData": {"LastUpdatedTime": "2026-11-20T12:00:00+00:00"},
        },
        quickbooks.Company("EUR"),
    )

    assert customer.email == "office@nordlicht.example"
    assert customer.contacts == (
        Contact(email="ben@nordlicht.example", role="ap"),
        Contact(email="kim@nordlicht.example", role="ap"),
    )


@pytest.mark.parametrize(
    ("evidence", "is_company"),
    [
        ({"CompanyName": "Ironwood Outfitters Inc"}, True),
        ({"PrimaryTaxIdentifier": "GB123456789"}, True),
        ({"GivenName": "Ada", "FamilyName": "Weber"}, False),
    ],
)
def test_quickbooks_customers_with_a_company_name_are_businesses(evidence, is_company):
    """A person is spared what only a business may be charged; a business without a tax number is still one."""
    row = {
        "Id": "7",
        "DisplayName": "Store 2",
        "MetaData": {"LastUpdatedTime": "2026-11-20T12:00:00+00:00"},
        **evidence,
    }
    assert quickbooks.customer(row, quickbooks.Company("USD")).is_company is is_company


@pytest.mark.parametrize(
    ("evidence", "is_company"),
    [
        ({"CompanyNumber": "04512345"}, True),
        ({"TaxNumber": "GB123456789"}, True),
        ({"FirstName": "Ada"}, False),
    ],
)
def test_xero_contacts_with_a_registration_or_tax_number_are_businesses(evidence, is_company):
    row = {"ContactID": "c1", "Name": "Store 2", "UpdatedDateUTC": "/Date(1763640000000+0000)/", **evidence}
    assert xero.customer(row, xero.Organisation("GBP")).is_company is is_company


@pytest.mark.parametrize("vendor", ["quickbooks", "xero"])
def test_from_the_ledger_itself(vendor):
    trial = Trial(vendor)
    try:
        made = trial.ledger.customer("Nordlicht", email="office@n.example", copy_emails=("cfo@n.example",))
        if vendor == "quickbooks":
            customer = quickbooks.customer(trial.client.get("Customer", made.id), quickbooks.Company("USD"))
        else:
            row = trial.client.one("contact", made.id, "Contacts")
            customer = xero.customer(row, xero.Organisation("USD"))
        people = [one for one in customer.contacts if one.email]
        assert (customer.email, people) == ("office@n.example", [Contact(email="cfo@n.example", role="ap")])
    finally:
        trial.ledger.close()

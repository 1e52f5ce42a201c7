"""The risk: the wrong person is written to, a contact is doubled, or an accountant's edit is undone."""

from datetime import timedelta

from odoo.tests import tagged

from ..bulk import snapshot
from .ledger_common import NOW, LedgerCase, records

HOUR = timedelta(hours=1)


@tagged("post_install", "-at_install")
class TestLedgerCustomers(LedgerCase):
    def partner(self, ref="C1"):
        return self.binding(ref).partner_id

    def binding(self, ref="C1"):
        return self.env["dunning.customer"].search(
            [("ledger_id", "=", self.ledger.id), ("external_id", "=", ref)]
        )

    def test_a_customer_becomes_a_contact_with_address_language_and_country(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.ingest(
            self.customer(
                name="Müller & Söhne",
                email="buch@mueller.example",
                street="Hauptstr. 1",
                zip="10115",
                city="Berlin",
                state="Berlin",
                country="DE",
                language="de",
            )
        )
        partner = self.partner()
        self.assertRecordValues(
            partner,
            [{"name": "Müller & Söhne", "email": "buch@mueller.example", "city": "Berlin", "lang": "de_DE"}],
        )
        self.assertEqual((partner.country_id.code, partner.state_id.name), ("DE", "Berlin"))
        self.assertEqual(partner.company_id, self.company)
        self.assertFalse(partner.message_ids)

    def test_a_known_contact_is_used_when_vat_or_name_and_email_fit_one_only(self):
        by_vat = self.env["res.partner"].create({"name": "Known A", "vat": "BE0477472701"})
        by_email = self.env["res.partner"].create({"name": "Known B", "email": "B@Example.com"})
        self.env["res.partner"].create([{"name": "Twin", "email": "twin@example.com"}] * 2)
        self.ingest(
            self.customer("C1", name="Other name", vat="BE 0477.472.701"),
            self.customer("C2", name="known b", email="b@example.com"),
            self.customer("C3", name="Twin", email="twin@example.com"),
            self.customer("C4", name="Someone", email="b@example.com"),
        )
        self.assertEqual((self.partner("C1"), self.partner("C2")), (by_vat, by_email))
        self.assertEqual(by_vat.name, "Known A", "a known contact keeps what its user wrote")
        self.assertNotIn(
            self.partner("C3").name, self.env["res.partner"].browse([by_vat.id, by_email.id]).mapped("name")
        )
        self.assertEqual(self.env["res.partner"].search_count([("email", "=", "twin@example.com")]), 3)
        self.assertNotEqual(self.partner("C4"), by_email)

    def test_two_customers_that_fit_one_contact_are_both_made_new(self):
        known = self.env["res.partner"].create({"name": "Branches", "vat": "BE0477472701"})
        self.ingest(self.customer("C1", vat="BE0477472701"), self.customer("C2", vat="BE0477472701"))
        self.assertNotIn(known, self.partner("C1") | self.partner("C2"))
        self.assertNotEqual(self.partner("C1"), self.partner("C2"))

    def test_without_the_option_a_known_contact_is_not_looked_for(self):
        known = self.env["res.partner"].create({"name": "Known", "vat": "BE0477472701"})
        self.ledger.partner_match = "none"
        self.ingest(self.customer(vat="BE0477472701"))
        self.assertNotEqual(self.partner(), known)

    def test_what_a_user_edited_stays_and_the_rest_follows_the_ledger(self):
        self.ingest(self.customer(email="old@example.com", city="Ghent", phone="1"))
        self.partner().city = "Bruges"
        self.ingest(self.customer(at=NOW + HOUR, email="new@example.com", city="Antwerp", phone=""))
        self.assertRecordValues(
            self.partner(), [{"email": "new@example.com", "city": "Bruges", "phone": False}]
        )
        self.ingest(
            self.customer(at=NOW + 2 * HOUR, email="new@example.com", city="Antwerp", street="Mill 1")
        )
        self.assertRecordValues(self.partner(), [{"city": "Bruges", "street": "Mill 1"}])

    def test_x6_an_archived_contact_is_kept_with_its_receivables(self):
        self.ingest(self.customer(active=False), self.invoice())
        self.assertTrue(self.partner().active)
        self.assertFalse(self.binding().is_active_at_source)
        self.assertTrue(self.items("I1").is_open)

    def test_x6_a_merged_contact_takes_its_receivables_to_the_other(self):
        self.ingest(
            self.customer("C1"), self.customer("C2", name="Beta"), self.invoice("I1"), self.credit("N1")
        )
        self.ingest(self.customer("C1", at=NOW + HOUR, active=False, merged_into="C2"))
        self.env.invalidate_all()
        self.assertEqual(self.items("I1").partner_id, self.partner("C2"))
        self.assertEqual(self.items().account_id.partner_id, self.partner("C2"))
        self.ingest(self.invoice("I2", customer="C1"))
        self.assertEqual(self.items("I2").account_id.partner_id, self.partner("C2"))

    def test_x6_a_merge_into_a_contact_that_comes_later_ends_the_same(self):
        self.ingest(self.customer("C1", merged_into="C2"), self.invoice("I1"))
        self.ingest(self.customer("C2", name="Beta"))
        self.env.invalidate_all()
        self.assertEqual(self.items("I1").account_id.partner_id, self.partner("C2"))

    def test_q5_a_sub_customer_billed_with_its_parent_is_on_the_parents_account(self):
        self.ingest(
            self.customer("C1", name="Parent"),
            self.customer("C2", name="Job", parent_id="C1", bill_with_parent=True),
            self.customer("C3", name="Job of job", parent_id="C2", bill_with_parent=True),
            self.customer("C4", name="Own bills", parent_id="C1"),
            *[self.invoice(f"I{number}", customer=f"C{number}") for number in (1, 2, 3, 4)],
        )
        accounts = {number: self.items(f"I{number}").account_id.partner_id for number in (1, 2, 3, 4)}
        self.assertEqual(
            accounts,
            {1: self.partner("C1"), 2: self.partner("C1"), 3: self.partner("C1"), 4: self.partner("C4")},
        )
        self.assertEqual(self.items("I2").partner_id, self.partner("C2"), "the debtor is the sub-customer")

    def test_q5_the_parent_may_come_later_and_the_switch_may_be_turned_off(self):
        self.ingest(
            self.customer("C2", name="Job", parent_id="C1", bill_with_parent=True),
            self.invoice(customer="C2"),
        )
        self.assertEqual(self.items("I1").account_id.partner_id, self.partner("C2"))
        self.ingest(self.customer("C1", name="Parent"))
        self.env.invalidate_all()
        self.assertEqual(self.items("I1").account_id.partner_id, self.partner("C1"))
        self.ingest(self.customer("C2", at=NOW + HOUR, name="Job", parent_id="C1"))
        self.env.invalidate_all()
        self.assertEqual(self.items("I1").account_id.partner_id, self.partner("C2"))

    def test_what_was_recorded_about_an_invoice_moves_with_it(self):
        self.ingest(self.customer("C1", name="Parent"), self.customer("C2", name="Job", parent_id="C1"))
        self.ingest(self.invoice("I1", customer="C1"), self.invoice("I2", customer="C2"))
        item = self.items("I2")
        hold = self.env["dunning.hold"].create(
            {"account_id": item.account_id.id, "item_id": item.id, "reason": "Asked"}
        )
        dispute = self.env["dunning.dispute"].create({"item_id": item.id})
        self.ingest(
            self.customer("C2", at=NOW + HOUR, name="Job", parent_id="C1", bill_with_parent=True),
        )
        self.env.invalidate_all()

        self.assertEqual(item.account_id.partner_id, self.partner("C1"))
        self.assertEqual((hold.account_id, dispute.account_id), (item.account_id, item.account_id))

    def test_x6_a_customer_merged_at_the_source_brings_the_account_along(self):
        self.ingest(self.customer("C1"), self.customer("C2", name="Beta"))
        self.ingest(self.invoice("I1", customer="C1"), self.invoice("I2", customer="C2"))
        gone, kept = self.items("I1").account_id, self.items("I2").account_id
        hold = self.env["dunning.hold"].create({"account_id": gone.id, "reason": "Talks with the owner"})
        gone.sudo().write({"last_contact_date": "2026-11-17", "is_insolvent": True})
        self.ingest(self.customer("C1", at=NOW + HOUR, merged_into="C2"))
        self.env.invalidate_all()

        self.assertFalse(gone.exists())
        self.assertEqual((hold.account_id, kept.item_ids), (kept, self.items("I1") | self.items("I2")))
        self.assertEqual((str(kept.last_contact_date), kept.is_insolvent), ("2026-11-17", True))

    def test_x6_an_account_with_receivables_of_its_own_stays(self):
        self.ingest(self.customer("C1"), self.customer("C2", name="Beta"), self.invoice("I1", customer="C1"))
        account = self.items("I1").account_id
        own = self.items("I1").copy({"external_id": "own", "ledger_id": False, "origin": "odoo"})
        self.ingest(self.customer("C1", at=NOW + HOUR, merged_into="C2"))
        self.env.invalidate_all()

        self.assertEqual((own.account_id, account.item_ids), (account, own))
        self.assertEqual(self.items("I1").account_id.partner_id, self.partner("C2"))

    def test_an_invoice_that_names_another_customer_takes_its_hold_along(self):
        self.ingest(self.customer("C1"), self.customer("C2", name="Beta"), self.invoice("I1", customer="C1"))
        item = self.items("I1")
        hold = self.env["dunning.hold"].create(
            {"account_id": item.account_id.id, "item_id": item.id, "reason": "Asked"}
        )
        self.ingest(self.invoice("I1", at=NOW + HOUR, customer="C2"))
        self.env.invalidate_all()

        self.assertEqual(item.account_id.partner_id, self.partner("C2"))
        self.assertEqual(hold.account_id, item.account_id)

    def test_a_ring_of_parents_ends(self):
        self.ingest(
            self.customer("C1", parent_id="C2", bill_with_parent=True),
            self.customer("C2", name="Beta", parent_id="C1", bill_with_parent=True),
            self.invoice("I1"),
        )
        self.assertIn(self.items("I1").account_id.partner_id, self.partner("C1") | self.partner("C2"))

    def test_a_bad_customer_costs_itself_only(self):
        answer = self.ingest(
            self.customer("C1"),
            self.customer("C2", name="a\x00b"),
            self.customer("C3", name=""),
            self.customer("C4", name="D"),
        )
        self.assertEqual(answer["stored"], 3)
        self.assertEqual([bad["external_id"] for bad in answer["quarantined"]], ["C2"])
        self.assertEqual(self.partner("C3").name, "By hand C3")

    # === PEOPLE === #

    @staticmethod
    def person(email="ben@acme.example", name="Ben", role="ap", phone=""):
        return records.Contact(name=name, email=email, phone=phone, role=role)

    def people(self, ref="C1"):
        return (
            self.env["res.partner"]
            .with_context(active_test=False)
            .search([("parent_id", "=", self.partner(ref).id)], order="id")
        )

    def test_people_become_contacts_with_their_role(self):
        self.ingest(
            self.customer(
                email="office@acme.example",
                contacts=(
                    records.Contact(name="Ada Weber"),
                    self.person(phone="+49 30 1"),
                    self.person("cfo@acme.example", name=""),
                    self.person("kim@acme.example", role="other"),
                    self.person("OFFICE@acme.example", name="The same"),
                    self.person("Ben@Acme.example", name="Twice"),
                    self.person("no address", name="Nobody"),
                ),
            )
        )
        self.assertRecordValues(
            self.people(),
            [
                {"name": "Ben", "email": "ben@acme.example", "phone": "+49 30 1", "dunning_role": "ap"},
                {
                    "name": "cfo@acme.example",
                    "email": "cfo@acme.example",
                    "phone": False,
                    "dunning_role": "ap",
                },
            ],
        )
        self.assertEqual(self.partner().dunning_role, "billing")
        self.assertEqual(self.people().company_id, self.partner().company_id)
        self.assertFalse(self.people().message_ids)

    def test_messages_reach_them_by_role(self):
        self.ingest(
            self.customer(email="office@acme.example", contacts=(self.person(),)),
            self.invoice(),
            self.invoice("I2"),
        )
        account = self.items("I1").account_id
        [[found, _items]] = snapshot.Reading(self.env, self.company, account.ids, NOW.date()).cases()
        self.assertEqual(
            [(one.email, one.role) for one in found.contacts],
            [("office@acme.example", "billing"), ("ben@acme.example", "ap")],
        )

    def test_without_an_address_of_its_own_a_customer_is_reached_by_its_people(self):
        self.ingest(self.customer(contacts=(self.person(),)))
        self.assertFalse(self.partner().dunning_role)
        self.assertEqual(self.people().email, "ben@acme.example")

    def test_people_follow_the_ledger_but_for_what_a_user_edited(self):
        self.ingest(self.customer(contacts=(self.person(), self.person("kim@acme.example", "Kim"))))
        ben, kim = self.people()
        kim.write({"name": "Kim (assistant)", "dunning_role": "decision"})
        self.ingest(
            self.customer(
                at=NOW + HOUR,
                contacts=(
                    self.person("ben.otte@acme.example"),
                    self.person("kim@acme.example", "Kim K", phone="7"),
                ),
            )
        )
        self.assertRecordValues(
            ben | kim,
            [
                {"name": "Ben", "email": "ben.otte@acme.example", "phone": False, "dunning_role": "ap"},
                {
                    "name": "Kim (assistant)",
                    "email": "kim@acme.example",
                    "phone": "7",
                    "dunning_role": "decision",
                },
            ],
        )
        self.assertEqual(self.people(), ben | kim)

    def test_who_is_gone_there_is_archived_and_comes_back(self):
        self.ingest(self.customer(contacts=(self.person(), self.person("kim@acme.example", "Kim"))))
        ben, kim = self.people()
        kim.name = "Kim of ours"
        self.ingest(self.customer(at=NOW + HOUR))
        self.assertEqual((ben.active, kim.active), (False, True), "what a user made theirs stays")
        self.ingest(self.customer(at=NOW + 2 * HOUR, contacts=(self.person(phone="5"),)))
        self.assertEqual((ben.active, ben.phone, self.people()), (True, "5", ben | kim))

    def test_who_was_archived_or_deleted_here_stays_so(self):
        self.ingest(self.customer(contacts=(self.person(), self.person("kim@acme.example", "Kim"))))
        ben, kim = self.people()
        ben.active = False
        kim.unlink()
        self.ingest(
            self.customer(
                at=NOW + HOUR,
                contacts=(self.person(phone="5"), self.person("kim@acme.example", "Kim", phone="5")),
            )
        )
        self.assertEqual((self.people(), ben.active), (ben, False))

    def test_contacts_of_the_users_own_are_left_alone(self):
        known = self.env["res.partner"].create({"name": "Known", "email": "office@known.example"})
        own = self.env["res.partner"].create(
            {"name": "My Ben", "email": "BEN@acme.example", "parent_id": known.id, "type": "contact"}
        )
        self.ingest(self.customer(name="Known", email="office@known.example", contacts=(self.person(),)))
        self.assertEqual((self.partner(), self.people()), (known, own))
        self.assertEqual((own.name, own.dunning_role), ("My Ben", False))

    def test_who_gets_no_invoices_any_more_keeps_no_role(self):
        self.ingest(self.customer(contacts=(self.person(),)))
        self.ingest(self.customer(at=NOW + HOUR, contacts=(self.person(role="other"),)))
        self.assertFalse(self.people().active)

    def test_a_replay_writes_nothing(self):
        wire = self.customer(contacts=(self.person(),))
        self.ingest(wire)
        before = self.people().write_date
        self.ingest(wire)
        self.ingest(self.customer(at=NOW + HOUR, city="Ghent", contacts=(self.person(),)))
        self.assertEqual(self.people().write_date, before)

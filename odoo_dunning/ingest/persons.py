"""People and mailboxes at a ledger's customers: contacts below the customer's, so that messages reach them by role.

Only those made here are kept up to date, and of them only what nobody edited since. One that is gone at the source is
archived, unless somebody made it theirs; one that a user archived or deleted stays so.
"""

from collections import defaultdict

from odoo.tools import email_normalize

OTHER = "other"
FIELDS = ("name", "email", "phone", "dunning_role")


class Persons:
    """Contacts of the persons of many customers at once. `model` makes them quietly, see `partners.QUIET`."""

    def __init__(self, model):
        self.model = model

    def store(self, rows):
        """Make, update and archive the contacts of `(partner id, customer, what was written last)` rows.

        :return: what is written now, in the order of the rows: `[{"id", "name", "email", "phone", "dunning_role",
            "is_gone"}, …]`
        """
        wanted = [_wanted(customer) for _partner_id, customer, _held in rows]
        busy = [
            (place, partner_id, held)
            for place, (partner_id, _customer, held) in enumerate(rows)
            if held or wanted[place]
        ]
        written = [list(held) for _partner_id, _customer, held in rows]
        if not busy:
            return written
        taken = self._taken([partner_id for _place, partner_id, _held in busy])
        known = self._known([person["id"] for _place, _partner_id, held in busy for person in held])
        missing = []
        for place, partner_id, held in busy:
            pairs, new, gone = _paired(wanted[place], held)
            written[place] = [self._update(known.get(was["id"]), was, now) for was, now in pairs]
            written[place] += [self._retire(known.get(was["id"]), was) for was in gone]
            missing += [
                (place, partner_id, now)
                for now in new
                if email_normalize(now["email"]) not in taken[partner_id]
            ]
        for (place, _partner_id, now), made in zip(missing, self._make(missing), strict=True):
            written[place].append({"id": made.id, **now})
        return written

    def _taken(self, partner_ids):
        """`{partner id: addresses}` of the contacts and all below them, archived ones included."""
        people = self.model.with_context(active_test=False).search_fetch(
            ["|", ("id", "in", partner_ids), ("parent_id", "in", partner_ids)],
            ["email_normalized", "parent_id"],
        )
        taken = defaultdict(set)
        for person in people:
            taken[person.id].add(person.email_normalized)
            taken[person.parent_id.id].add(person.email_normalized)
        return taken

    def _known(self, ids):
        people = self.model.browse(ids).exists()
        people.fetch([*FIELDS, "active"])
        return {person.id: person for person in people}

    def _make(self, missing):
        partners = self.model.browse([partner_id for _place, partner_id, _now in missing])
        partners.fetch(["company_id", "lang"])
        return self.model.create(
            [
                {
                    **now,
                    "type": "contact",
                    "parent_id": partner.id,
                    "company_id": partner.company_id.id,
                    "lang": partner.lang,
                }
                for partner, (_place, _partner_id, now) in zip(partners, missing, strict=True)
            ]
        )

    def _update(self, person, was, now):
        """Write what changed at the source into fields that nobody edited since; return what the ledger wrote."""
        if person is None:
            return was
        values, changes = {"id": person.id}, {}
        for name in FIELDS:
            current, before = person[name], was.get(name) or False
            is_ours = current == before or not current
            values[name] = now[name] if is_ours else before
            if is_ours and current != now[name] != before:
                changes[name] = now[name]
        if was.get("is_gone") and not person.active:
            changes["active"] = True
        if changes:
            person.write(changes)
        return values

    def _retire(self, person, was):
        """Nobody there by that name and address any more."""
        if was.get("is_gone") or person is None or not person.active:
            return was
        if any(person[name] != (was.get(name) or False) for name in FIELDS):
            # Edited here: it is the user's now.
            return {**was, "is_gone": True}
        person.write({"active": False})
        return {**was, "is_gone": True}


def _wanted(customer):
    """The persons who get something and can be written to, each address once and not the customer's own."""
    seen = {email_normalize(customer.email or "")}
    people = []
    for person in customer.contacts:
        address = email_normalize(person.email or "")
        if not address or person.role == OTHER or address in seen:
            continue
        seen.add(address)
        people.append(
            {
                "name": person.name.strip() or person.email.strip(),
                "email": person.email.strip(),
                "phone": person.phone.strip() or False,
                "dunning_role": person.role,
            }
        )
    return people


def _paired(wanted, held):
    """`([(was, now), …], new, gone)`: the same address is the same person, else the same name is."""
    left, pairs, new = list(held), [], []
    for same in (
        lambda was, now: email_normalize(was["email"]) == email_normalize(now["email"]),
        lambda was, now: was["name"].casefold() == now["name"].casefold() and not was.get("is_gone"),
    ):
        new = []
        for now in wanted:
            was = next((one for one in left if same(one, now)), None)
            if was is None:
                new.append(now)
            else:
                left.remove(was)
                pairs.append((was, now))
        wanted = new
    return pairs, new, left

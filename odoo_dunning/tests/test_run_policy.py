"""Policies edited while their runs are under way: levels, versions and undo stay true."""

from datetime import timedelta

from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .common import TODAY, LifeCase


@tagged("post_install", "-at_install")
class TestPolicyEditedUnderway(LifeCase):
    def edit_policy(self):
        self.policy.level_ids = [Command.update(self.final.id, {"delay_days": 60})]

    def test_undo_takes_the_level_back_though_the_policy_was_edited_since(self):
        run = self.propose()
        [notice] = self.send_out(run)
        self.edit_policy()

        notice.action_undo()

        item = self.item_of(self.invoice)
        self.assertRecordValues(item, [{"level_rank": 0, "level_id": False, "level_date": False}])
        self.assertFalse(item.bound_policy_id)

    def test_undo_of_the_second_level_returns_to_the_first_of_the_kept_version(self):
        self.send_out(self.propose())
        with freeze_time("2026-12-02 12:00:00"):
            second = self.propose(date=TODAY + timedelta(days=14))
            self.send_out(second)
            self.edit_policy()
            item = self.item_of(self.invoice)
            kept = item.bound_policy_id
            self.assertEqual(kept.head_id, self.policy)

            second.notice_ids.action_undo()

        self.assertEqual((item.level_rank, item.level_date, item.bound_policy_id), (2, TODAY, kept))
        self.assertEqual(item.level_id.policy_id, kept)

    def test_undo_takes_the_level_back_after_items_were_moved_and_the_policy_edited_again(self):
        [notice] = self.send_out(self.propose())
        self.edit_policy()
        self.policy.action_move_items()
        self.policy.level_ids = [Command.update(self.final.id, {"delay_days": 70})]
        item = self.item_of(self.invoice)
        self.assertEqual((item.level_rank, item.level_id.policy_id), (2, item.bound_policy_id))

        notice.action_undo()

        self.assertRecordValues(item, [{"level_rank": 0, "level_id": False, "level_date": False}])
        self.assertFalse(item.bound_policy_id)

    def sent_twice(self):
        """The message of the second level; its item."""
        self.send_out(self.propose())
        with freeze_time("2026-12-02 12:00:00"):
            [second] = self.send_out(self.propose(date=TODAY + timedelta(days=14)))
        item = self.item_of(self.invoice)
        self.assertEqual(item.level_rank, 3)
        return second, item

    def test_undo_leaves_an_item_on_the_version_it_was_moved_to(self):
        second, item = self.sent_twice()
        self.edit_policy()
        self.policy.action_move_items()

        second.action_undo()

        self.assertEqual((item.level_rank, item.bound_policy_id), (2, self.policy))

    def test_undo_leaves_an_item_the_policy_a_person_chose_for_it(self):
        second, item = self.sent_twice()
        item.policy_id = self.policy.copy({"name": "Slow"})

        second.action_undo()

        self.assertEqual((item.level_rank, item.bound_policy_id.ids), (2, []))

    def test_level_taken_away_by_itself_stays_for_items_in_a_cycle(self):
        self.send_out(self.propose())
        self.final.unlink()
        item = self.item_of(self.invoice)

        self.assertEqual((len(self.policy.level_ids), self.policy.version), (3, 2))
        self.assertEqual(item.bound_policy_id.head_id, self.policy)
        self.assertEqual(item.bound_policy_id.level_ids.mapped("rank"), [1, 2, 3, 4])

    def test_minimum_written_by_itself_leaves_items_in_a_cycle_alone(self):
        self.send_out(self.propose())
        minimum = self.env["dunning.policy.minimum"].create(
            {"policy_id": self.policy.id, "currency_id": self.company.currency_id.id, "amount": 500.0}
        )
        kept = self.item_of(self.invoice).bound_policy_id
        self.assertEqual((kept.head_id, len(kept.minimum_ids)), (self.policy, 0))

        self.send_out(self.propose())
        self.assertEqual(minimum.policy_id, self.policy)

    def test_items_moved_to_levels_that_were_numbered_anew_keep_their_place(self):
        """The courtesy note is taken out and the rest move up: who got the friendly reminder gets the firm one next."""
        [notice] = self.send_out(self.propose())
        self.take_out_courtesy()
        self.policy.action_move_items()
        item = self.item_of(self.invoice)
        self.assertEqual((item.level_rank, item.level_id), (1, self.friendly))

        with freeze_time("2026-12-02 12:00:00"):
            [second] = self.send_out(self.propose(date=TODAY + timedelta(days=14)))
        self.assertEqual((second.state, second.level_id, item.level_rank), ("sent", self.firm, 2))

        second.action_undo()
        self.assertEqual(
            (item.level_rank, item.level_id, item.bound_policy_id), (1, self.friendly, self.policy)
        )
        notice.action_undo()
        self.assertEqual((item.level_rank, item.level_id.ids, item.bound_policy_id.ids), (0, [], []))

    def take_out_courtesy(self):
        self.policy.level_ids = [
            Command.delete(self.courtesy.id),
            Command.update(self.friendly.id, {"rank": 1}),
            Command.update(self.firm.id, {"rank": 2}),
            Command.update(self.final.id, {"rank": 3}),
        ]

    def test_levels_numbered_anew_while_a_proposal_waits(self):
        """Who is in it for the first time starts with the new numbers, who is in a cycle goes on with the old ones."""
        self.send_out(self.propose())
        item = self.item_of(self.invoice)
        with freeze_time("2026-12-02 12:00:00"):
            fresh = self.item_of(self.make_invoice(partner=self.make_customer("Fresh"), due_days=-4))
            run = self.propose(date=TODAY + timedelta(days=14))
            self.take_out_courtesy()
            self.send_out(run)

        self.assertEqual(
            (item.level_id, item.level_rank, item.bound_policy_id.head_id), (self.firm, 3, self.policy)
        )
        self.assertEqual(
            (fresh.level_id, fresh.level_rank, fresh.bound_policy_id), (self.friendly, 1, self.policy)
        )
        with freeze_time("2026-12-16 12:00:00"):
            later = self.propose(date=TODAY + timedelta(days=28))
        levels = {line.item_id: line.level_id.name for line in later.line_ids}
        self.assertEqual((levels[item], levels[fresh]), (self.final.name, self.firm.name))

    def test_level_put_in_between_moves_the_others_down(self):
        [notice] = self.send_out(self.propose())
        self.policy.level_ids = [
            Command.update(self.firm.id, {"rank": 4}),
            Command.update(self.final.id, {"rank": 5}),
            Command.create({"name": "Second", "rank": 3, "delay_days": 14, "template_key": "friendly"}),
        ]
        item = self.item_of(self.invoice)
        self.assertEqual(
            [level.name for level in self.policy.level_ids.sorted("rank")][2:4], ["Second", self.firm.name]
        )
        self.policy.action_move_items()
        self.assertEqual((item.level_rank, item.level_id, notice.level_id), (2, self.friendly, self.friendly))

    def test_items_of_an_open_run_are_moved_when_it_is_over(self):
        self.send_out(self.propose())
        self.edit_policy()
        kept = self.item_of(self.invoice).bound_policy_id
        with freeze_time("2026-12-02 12:00:00"):
            run = self.propose(date=TODAY + timedelta(days=14))
            self.policy.action_move_items()
            self.assertEqual(self.item_of(self.invoice).bound_policy_id, kept)
            self.assertIn("1 receivables in open runs", self.policy.message_ids[0].body)

            run.action_cancel()
            self.policy.action_move_items()
        self.assertEqual(self.item_of(self.invoice).bound_policy_id, self.policy)

    def test_policy_no_longer_automatic_sends_nothing_by_itself_for_items_in_a_cycle(self):
        self.policy.is_automatic = True
        self.send_out(self.propose())
        self.edit_policy()
        self.policy.is_automatic = False

        with freeze_time("2026-12-02 12:00:00"):
            run = self.propose(date=TODAY + timedelta(days=14))
            run.sudo().is_automatic = True
            self.assertTrue(run.notice_ids.policy_id.head_id)
            run._approve_automatic()

        self.assertEqual(run.state, "proposed")

    def test_policy_chosen_for_an_invoice_in_a_cycle_counts_from_then_on(self):
        self.send_out(self.propose())
        item = self.item_of(self.invoice)
        slow = self.policy.copy({"name": "Slow"})
        slow.level_ids.filtered(lambda level: level.rank > 2).write({"delay_days": 90})

        item.policy_id = slow

        line = self.propose(date=TODAY + timedelta(days=14)).line_ids
        self.assertEqual((line.reason_code, line.policy_source), ("too_young", "item"))

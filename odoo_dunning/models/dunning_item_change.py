from odoo import api, fields, models
from odoo.tools import SQL

from .conflicts import try_again


class DunningItemChange(models.Model):
    """A journal item whose receivable waits to be brought up to date.

    Posting and paying leave their journal items here, in their own transaction, and nothing else: no item is written,
    so that they neither wait for nor fail over a run that has the same items. A scheduled action follows within
    seconds.
    """

    _name = "dunning.item.change"
    _description = "Receivable to refresh"
    _log_access = False

    move_line_id = fields.Integer(required=True, string="Journal item")

    @api.model
    def _leave(self, line_ids):
        """Leave these journal items, those that are or were receivables, and wake the follower if it sleeps."""
        [[is_first]] = self.env.execute_query(
            SQL(
                """WITH waiting AS (SELECT 1 FROM dunning_item_change LIMIT 1), added AS (
                     INSERT INTO dunning_item_change (move_line_id)
                     SELECT line.id FROM account_move_line line
                       JOIN account_account account ON account.id = line.account_id
                      WHERE line.id = ANY(%s) AND account.account_type = 'asset_receivable'
                        AND (line.parent_state = 'posted'
                             OR EXISTS (SELECT 1 FROM dunning_item item WHERE item.move_line_id = line.id))
                     RETURNING id
                   )
                   SELECT EXISTS (SELECT 1 FROM added) AND NOT EXISTS (SELECT 1 FROM waiting)""",
                list(line_ids),
            )
        )
        if is_first and (follower := self.env.ref("odoo_dunning.cron_follow", raise_if_not_found=False)):
            follower.sudo()._trigger()

    @api.model
    def _take_all(self):
        """Ids of the journal items left so far; they are taken off the list."""
        rows = self.env.execute_query(SQL("DELETE FROM dunning_item_change RETURNING move_line_id"))
        return {line_id for (line_id,) in rows}

    @api.model
    def _cron_follow(self):
        """Scheduled, and woken by posting and paying: refresh what was left."""
        try_again(self.env, self._follow)
        # Whoever left something meanwhile saw a list that was not empty, and woke nobody.
        self.env["ir.cron"]._commit_progress(remaining=self.search_count([]))

    def _follow(self):
        line_ids = self._take_all()
        if line_ids:
            self.env["dunning.item"]._refresh_lines(line_ids)
        self.env["ir.cron"]._commit_progress(len(line_ids))

"""Receivables from one version of a policy to another, with what was sent for them: undo finds the levels it takes
back, and the numbers of the levels are those of the version a receivable follows.

Raw SQL: a version may have a hundred thousand receivables.
"""

from odoo.tools import SQL


def move(env, item_ids, policy_id, levels):
    """Bind open receivables to a version.

    :param levels: `{id of a level they are at: (id, rank) of the same level in the version}`
    """
    item_ids = list(item_ids)
    env.flush_all()
    pairs = SQL(
        "unnest(%s::int[], %s::int[], %s::int[]) AS same(old_id, id, rank)",
        list(levels),
        [level_id for level_id, _rank in levels.values()],
        [rank for _level_id, rank in levels.values()],
    )
    # Below zero first: of two levels that change their numbers, one would meet the other's on the way.
    env.execute_query(
        SQL(
            """UPDATE dunning_run_line line SET level_id = same.id, level_rank = -same.rank FROM %s
                WHERE same.old_id = line.level_id AND line.item_id = ANY(%s) AND line.claim = 'spent'
               RETURNING line.id""",
            pairs,
            item_ids,
        )
    )
    env.execute_query(
        SQL(
            """UPDATE dunning_run_line line
                  SET level_rank = abs(line.level_rank),
                      prev_level_id = COALESCE((SELECT same.id FROM %s WHERE same.old_id = line.prev_level_id),
                                               line.prev_level_id)
                WHERE line.item_id = ANY(%s) AND line.claim = 'spent' RETURNING line.id""",
            pairs,
            item_ids,
        )
    )
    env.execute_query(
        SQL(
            """UPDATE dunning_item item
                  SET bound_policy_id = %s, level_id = COALESCE(same.id, item.level_id),
                      level_rank = COALESCE(same.rank, item.level_rank)
                 FROM dunning_item self LEFT JOIN %s ON same.old_id = self.level_id
                WHERE self.id = item.id AND item.id = ANY(%s) RETURNING item.id""",
            policy_id,
            pairs,
            item_ids,
        )
    )
    env["dunning.run.line"].invalidate_model()
    env["dunning.item"].invalidate_model()


def sent_under(env, item_ids, was_id, is_id):
    """What was sent for these receivables was sent under the version that is kept: their lines say so."""
    env.execute_query(
        SQL(
            """UPDATE dunning_run_line line
                  SET policy_id = CASE WHEN line.policy_id = %(was)s THEN %(now)s ELSE line.policy_id END,
                      prev_bound_policy_id = CASE WHEN line.prev_bound_policy_id = %(was)s THEN %(now)s
                                                  ELSE line.prev_bound_policy_id END
                WHERE line.item_id = ANY(%(items)s) AND line.claim = 'spent' RETURNING line.id""",
            was=was_id,
            now=is_id,
            items=list(item_ids),
        )
    )
    env["dunning.run.line"].invalidate_model()


def renumber(env, level_ids):
    """Levels have new numbers: what waits to leave at them gets those, but for items in a cycle. They stay on the kept
    version, with its numbers."""
    env.flush_all()
    env.execute_query(
        SQL(
            """UPDATE dunning_run_line line SET level_rank = level.rank
                 FROM dunning_level level, dunning_item item
                WHERE level.id = ANY(%s) AND line.level_id = level.id AND line.claim IN ('open', 'queued')
                  AND item.id = line.item_id AND item.bound_policy_id IS NULL AND line.level_rank != level.rank
               RETURNING line.id""",
            level_ids,
        )
    )
    env.execute_query(
        SQL(
            """UPDATE dunning_notice notice SET level_rank = level.rank FROM dunning_level level
                WHERE level.id = ANY(%s) AND notice.level_id = level.id AND notice.level_rank != level.rank
                  AND notice.state IN ('proposed', 'ready', 'queued', 'failed')
               RETURNING notice.id""",
            level_ids,
        )
    )
    env["dunning.run.line"].invalidate_model(["level_rank"])
    env["dunning.notice"].invalidate_model(["level_rank"])

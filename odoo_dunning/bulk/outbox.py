"""Rendered messages into Odoo's mail queue, and what became of them back onto items and accounts.

Raw SQL because the ORM makes 641 bare mails a second on two cores (each one sanitised, tracked and checked on its own),
and the texts here are already safe: HTML from the sandboxed renderer, chatter text escaped.
"""

import html
import io

from odoo import fields
from odoo.tools import SQL

from . import snapshot, totals
from .proposal import copy_field

# Lines that hold their items. Asked so that the index of the messages answers: with statistics from before a run the
# planner takes the index of held items for nearly empty, and reads 80,000 of them for each mail.
_HELD = SQL("COALESCE(line.claim, '') IN ('open', 'queued')")

# What an account shows of the levels of its open items.
_HIGHEST_LEVEL = SQL(
    """level_rank = COALESCE((SELECT MAX(item.level_rank) FROM dunning_item item
                               WHERE item.account_id = account.id AND item.is_open), 0),
       level_id = (SELECT item.level_id FROM dunning_item item
                    WHERE item.account_id = account.id AND item.is_open AND item.level_id IS NOT NULL
                    ORDER BY item.level_rank DESC LIMIT 1)"""
)

MESSAGE_COLUMNS = (
    "id", "subject", "date", "body", "model", "res_id", "message_type", "subtype_id", "author_id", "email_from",
    "message_id", "reply_to", "is_internal", "reply_to_force_new", "email_add_signature", "outgoing_email_to",
    "record_alias_domain_id", "record_company_id", "create_uid", "create_date", "write_uid", "write_date",
)  # fmt: skip
MAIL_COLUMNS = (
    "id", "mail_message_id", "body_html", "email_to", "state", "headers", "is_notification", "auto_delete",
    "dunning_notice_id", "create_uid", "create_date", "write_uid", "write_date",
)  # fmt: skip


def take_turn(env, company):
    """One sender of a company at a time, until it commits: neither the gap between two contacts of a customer nor a cap
    can be kept by two who do not see each other's messages.

    The row is written, with what it holds already, and not only locked: whoever began to look before another one
    committed gets a serialization failure, where a lock would let them go on with what they saw then.
    """
    env["res.company"].flush_model(["dunning_gap_days"])
    env.execute_query(
        SQL(
            "UPDATE res_company SET dunning_gap_days = dunning_gap_days WHERE id = %s RETURNING id",
            company.id,
        )
    )


def queue_mails(env, letters):
    """Put letters into the mail queue: a message in the account's chatter and a mail, under the notice's key.

    :param letters: list of (notice, rendered message, message id, reply-to, sender); notices of one company
    """
    now = fields.Datetime.now()
    message_ids = _reserve(env, "mail_message_id_seq", len(letters))
    mail_ids = _reserve(env, "mail_mail_id_seq", len(letters))
    mails = [
        _mail_row(env, mail_id, message_id, letter, now)
        for mail_id, message_id, letter in zip(mail_ids, message_ids, letters, strict=True)
    ]
    _copy(env, "mail_message", MESSAGE_COLUMNS, _message_rows(env, message_ids, letters, now))
    _copy(env, "mail_mail", MAIL_COLUMNS, mails)
    _mark_queued(env, letters, mails, now)
    for model in ("mail.message", "mail.mail", "dunning.notice"):
        env[model].invalidate_model()


def _message_rows(env, ids, letters, now):
    """Rows of MESSAGE_COLUMNS."""
    company = letters[0][0].company_id
    author, subtype = company.partner_id.id, env.ref("mail.mt_comment").id
    alias_domain = company.alias_domain_id.id or None
    return [
        (message_pk, letter.subject, now, _chatter_html(letter.text), "dunning.account", notice.account_id.id,
         "email_outgoing", subtype, author, sender, message_id, reply_to, False, False, False, notice.email_to,
         alias_domain, company.id, env.uid, now, env.uid, now)
        for message_pk, (notice, letter, message_id, reply_to, sender) in zip(ids, letters, strict=True)
    ]  # fmt: skip


def _mail_row(env, mail_id, message_id, letter, now):
    """A row of MAIL_COLUMNS."""
    notice, message, *_ = letter
    headers = repr(
        {"X-Dunning-Notice": str(notice.id), "X-Odoo-Objects": f"dunning.account-{notice.account_id.id}"}
    )
    return (mail_id, message_id, message.html, notice.email_to, "outgoing", headers, True, False, notice.id,
            env.uid, now, env.uid, now)  # fmt: skip


def _chatter_html(text):
    """The plain text as it was sent. The chatter need not show a whole styled page, and the mail has it."""
    return f'<div style="white-space: pre-wrap">{html.escape(text, quote=False)}</div>'


def _reserve(env, sequence, count):
    rows = env.execute_query(SQL("SELECT nextval(%s) FROM generate_series(1, %s)", sequence, count))
    return [row[0] for row in rows]


def _copy(env, table, columns, rows):
    text = "".join("\t".join(map(copy_field, row)) + "\n" for row in rows)
    with snapshot.exact_cursor(env) as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", io.StringIO(text))


def fingerprints(env, notice_ids):
    """`{notice id: text}` that changes whenever the items or the account of a message change in a way that could
    keep it home: paid, credited, cancelled, disputed, promised, on hold, blocked, excluded, a receipt nobody has
    matched where the company stops for that. Compared between queue and server.

    One statement, because it stands between every two mails of a queue.
    """
    rows = env.execute_query(
        SQL(
            """SELECT notice.id, md5(concat_ws('|',
                      account.is_insolvent, account.is_legal, account.is_excluded,
                      (SELECT string_agg(hold.id::text, ',' ORDER BY hold.id) FROM dunning_hold hold
                        WHERE hold.account_id = account.id AND hold.item_id IS NULL AND hold.active),
                      (SELECT concat(COUNT(*), ',', SUM(credit.amount_open)) FROM dunning_item credit
                        WHERE credit.company_id = account.company_id AND credit.account_id = account.id
                          AND credit.is_open AND credit.amount_open < 0),
                      (SELECT COUNT(*) FROM (%(unmatched)s) receipt
                        WHERE company.dunning_unmatched_gate = 'stop' AND receipt.company_id = company.id
                          AND receipt.partner_id = account.partner_id),
                      string_agg(concat_ws(',', item.id, item.is_open, item.is_excluded, item.content_hash,
                        item.amount_open,
                        COALESCE(books.amount_residual_currency, 0), COALESCE(books.parent_state, '-'),
                        COALESCE(books.no_followup, FALSE), COALESCE(move.payment_state = 'blocked', FALSE),
                        (SELECT concat('d', SUM(dispute.amount), MAX(dispute.id)) FROM dunning_dispute dispute
                          WHERE dispute.item_id = item.id AND dispute.state IN ('open', 'accepted')),
                        (SELECT concat('h', MAX(hold.id)) FROM dunning_hold hold
                          WHERE hold.item_id = item.id AND hold.active),
                        (SELECT concat('p', MAX(promise.id)) FROM dunning_promise promise
                           JOIN dunning_item_dunning_promise_rel rel ON rel.dunning_promise_id = promise.id
                          WHERE rel.dunning_item_id = item.id AND promise.state = 'open')
                      ), ';' ORDER BY item.id)))
                 FROM dunning_notice notice
                 JOIN dunning_account account ON account.id = notice.account_id
                 JOIN res_company company ON company.id = account.company_id
                 LEFT JOIN dunning_run_line line
                   ON line.notice_id = COALESCE(notice.main_id, notice.id) AND line.claim IS NOT NULL
                 LEFT JOIN dunning_item item ON item.id = line.item_id
                 LEFT JOIN account_move_line books ON books.id = item.move_line_id
                 LEFT JOIN account_move move ON move.id = books.move_id
                WHERE notice.id = ANY(%(ids)s)
                GROUP BY notice.id, account.id, company.id""",
            unmatched=totals.UNMATCHED,
            ids=list(notice_ids),
        )
    )
    return dict(rows)


def claim_levels(env, notice_ids):
    """Enter the key of every item of these messages (item, level, cycle) before anything leaves.

    Returns the ids of messages that hold an item already sent at its level: they must not leave.
    """
    env.flush_all()
    rows = env.execute_query(
        SQL(
            """SELECT DISTINCT line.notice_id FROM dunning_run_line line
                 JOIN dunning_run_line sent ON sent.item_id = line.item_id AND sent.cycle = line.cycle
                  AND sent.level_rank = line.level_rank AND sent.claim = 'spent' AND sent.id != line.id
                WHERE line.notice_id = ANY(%s)""",
            list(notice_ids),
        )
    )
    twice = {row[0] for row in rows}
    env.execute_query(
        SQL(
            """UPDATE dunning_run_line SET claim = 'queued'
                WHERE notice_id = ANY(%s) AND COALESCE(claim, '') = 'open' RETURNING id""",
            [notice_id for notice_id in notice_ids if notice_id not in twice],
        )
    )
    env["dunning.run.line"].invalidate_model(["claim"])
    return twice


def _mark_queued(env, letters, mails, now):
    """The text goes over the wire once, with the mail: the notice takes its copy inside the database."""
    known = fingerprints(env, [letter[0].id for letter in letters])
    values = [
        SQL("(%s, %s, %s, %s, %s)", notice.id, mail[0], mail[1], letter.text, known[notice.id])
        for (notice, letter, *_), mail in zip(letters, mails, strict=True)
    ]
    env.execute_query(
        SQL(
            """UPDATE dunning_notice notice
                  SET state = 'queued', queued_at = %s, mail_mail_id = mail.id, mail_message_id = message.id,
                      subject = message.subject, body_html = mail.body_html, body_text = fresh.text,
                      fingerprint = fresh.fingerprint, attempts = COALESCE(attempts, 0) + 1, error = NULL,
                      next_try_at = NULL
                 FROM (VALUES %s) AS fresh(id, mail_id, message_id, text, fingerprint)
                 JOIN mail_mail mail ON mail.id = fresh.mail_id
                 JOIN mail_message message ON message.id = fresh.message_id
                WHERE notice.id = fresh.id
               RETURNING notice.id""",
            now,
            SQL(", ").join(values),
        )
    )


# -- what became of them ----------------------------------------------------------------------------------------------


def mark_sent(env, notice_ids, now, today):
    """Messages that left: state, levels of their items, last contact of their accounts. Exactly once: a notice that is
    sent already is not touched again. Returns the ids that changed."""
    env.flush_all()
    rows = env.execute_query(
        SQL(
            """UPDATE dunning_notice
                  SET state = 'sent', sent_at = %s, sent_date = %s, error = NULL, next_try_at = NULL,
                      write_date = %s, write_uid = %s
                WHERE id = ANY(%s) AND state IN ('queued', 'sending', 'uncertain')
               RETURNING id, COALESCE(main_id, id)""",
            now,
            today,
            now,
            env.uid,
            list(notice_ids),
        )
    )
    sent_ids = [row[0] for row in rows]
    if sent_ids:
        _raise_levels(env, [row[1] for row in rows], today)
        _touch_accounts(env, sent_ids, today)
    _invalidate(env)
    return sent_ids


def _raise_levels(env, notice_ids, today):
    """What the items were before is kept on the line first, for undo. Main messages carry the lines; the first channel
    by which one leaves raises the levels."""
    env.execute_query(
        SQL(
            """WITH line AS (
                 UPDATE dunning_run_line line
                    SET claim = 'spent', prev_level_id = item.level_id, prev_level_date = item.level_date,
                        prev_bound_policy_id = item.bound_policy_id
                   FROM dunning_item item
                  WHERE line.notice_id = ANY(%s) AND %s AND item.id = line.item_id
                 RETURNING line.item_id, line.level_id, line.level_rank, line.policy_id
               )
               UPDATE dunning_item item
                  SET level_id = line.level_id, level_rank = line.level_rank, level_date = %s,
                      bound_policy_id = COALESCE(item.bound_policy_id, line.policy_id)
                 FROM line WHERE item.id = line.item_id
               RETURNING item.id""",
            list(notice_ids),
            _HELD,
            today,
        )
    )


def _touch_accounts(env, notice_ids, today):
    """Accounts are locked in the order of their ids: two senders never wait for each other in a circle. What failed by
    one channel stays for a person to see to, though the message left by another."""
    env.execute_query(
        SQL(
            """WITH touched AS (
                 SELECT account_id, MAX(run_id) AS run_id FROM dunning_notice WHERE id = ANY(%s) GROUP BY account_id
               ), locked AS MATERIALIZED (
                 SELECT account.id, touched.run_id
                   FROM dunning_account account JOIN touched ON touched.account_id = account.id
                  ORDER BY account.id FOR NO KEY UPDATE OF account
               )
               UPDATE dunning_account account
                  SET last_contact_date = %s, last_contact_run_id = locked.run_id,
                      attention = CASE WHEN attention IN ('failed', 'uncertain', 'no_address', 'archived')
                                        AND NOT EXISTS (SELECT FROM dunning_notice failed
                                                         WHERE failed.account_id = account.id
                                                           AND failed.run_id = locked.run_id
                                                           AND failed.state IN ('failed', 'uncertain'))
                                       THEN NULL ELSE attention END,
                      %s
                 FROM locked WHERE account.id = locked.id
               RETURNING account.id""",
            list(notice_ids),
            today,
            _HIGHEST_LEVEL,
        )
    )


def lower_levels(env, notice_ids):
    """Take back what messages raised: items return to what they were before, their lines no longer stand for them. The
    version of the policy is let go with the first message of a cycle; which one was chosen since stands."""
    env.flush_all()
    env.execute_query(
        SQL(
            """WITH line AS (
                 UPDATE dunning_run_line SET claim = NULL
                  WHERE notice_id = ANY(%s) AND COALESCE(claim, '') = 'spent'
                 RETURNING item_id, cycle, level_id, prev_level_id, prev_level_date, prev_bound_policy_id
               )
               UPDATE dunning_item item
                  SET level_id = line.prev_level_id, level_date = line.prev_level_date,
                      level_rank = COALESCE((SELECT rank FROM dunning_level WHERE id = line.prev_level_id), 0),
                      bound_policy_id = CASE WHEN line.prev_bound_policy_id IS NOT NULL THEN item.bound_policy_id END
                 FROM line
                WHERE item.id = line.item_id AND COALESCE(item.cycle, 1) = line.cycle
                  AND item.level_id IS NOT DISTINCT FROM line.level_id
               RETURNING item.id""",
            list(notice_ids),
        )
    )
    _recall_contacts(env, notice_ids)
    _invalidate(env)


def _recall_contacts(env, notice_ids):
    """Last contact and highest level of the accounts of messages that do not count any more."""
    env.execute_query(
        SQL(
            """UPDATE dunning_account account
                  SET last_contact_date = earlier.day, last_contact_run_id = NULL, %s
                 FROM (SELECT touched.account_id, MAX(other.sent_date) AS day
                         FROM (SELECT DISTINCT account_id FROM dunning_notice WHERE id = ANY(%s)) touched
                         LEFT JOIN dunning_notice other
                           ON other.account_id = touched.account_id AND other.state = 'sent'
                        GROUP BY touched.account_id) earlier
                WHERE account.id = earlier.account_id
               RETURNING account.id""",
            _HIGHEST_LEVEL,
            list(notice_ids),
        )
    )


def release(env, notice_ids):
    """Items of messages that will not leave are free for the next run."""
    env.execute_query(
        SQL(
            """UPDATE dunning_run_line line SET claim = NULL
                WHERE line.notice_id = ANY(%s) AND %s RETURNING line.id""",
            list(notice_ids),
            _HELD,
        )
    )
    env["dunning.run.line"].invalidate_model(["claim"])


def _invalidate(env):
    env["dunning.notice"].invalidate_model()
    env["dunning.run.line"].invalidate_model()
    env["dunning.item"].invalidate_model()
    env["dunning.account"].invalidate_model()

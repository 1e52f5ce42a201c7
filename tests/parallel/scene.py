"""A small company with overdue customers on a database of its own, and how to put it back to the start.

`furnish`, `propose` and `reset` run inside Odoo; `verdict` looks at the database from outside.
"""

from __future__ import annotations

import contextlib
from datetime import date, timedelta

from tests.stage import postgres

#: The scheduled actions that are at work; all others sleep.
AT_WORK = ("odoo_dunning.cron_send", "mail.ir_cron_mail_scheduler_action")


def furnish(env, customers: int, mail_host: str, mail_port: int) -> dict:
    """`customers` with two overdue invoices each, a mail server, and a scheduler that only sends."""
    env["ir.cron"].search([]).active = False
    for xmlid in AT_WORK:
        env.ref(xmlid).active = True
    env["ir.mail_server"].create(
        {"name": "Mailbox", "smtp_host": mail_host, "smtp_port": mail_port, "smtp_encryption": "none"}
    )
    env.company.write(
        {
            "email": "office@seller.example",
            "dunning_window_start_hour": 0,
            "dunning_window_end_hour": 24,
            "dunning_working_days_only": False,
            "dunning_public_holidays": False,
            "dunning_cap_per_day": 0,
            "dunning_cap_per_hour": 0,
        }
    )
    policy = env.company.dunning_policy_id
    partners = env["res.partner"].create(
        [
            {"name": f"Customer {number}", "is_company": True, "email": f"customer{number}@customer.example"}
            for number in range(customers)
        ]
    )
    line = {"name": "Goods", "quantity": 1, "price_unit": 100.0, "tax_ids": False}
    issued = date.today() - timedelta(days=60)
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_date": issued,
                "invoice_date_due": issued + timedelta(days=45),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [(0, 0, line)],
            }
            for partner in partners
            for _ in range(2)
        ]
    )
    moves.action_post()
    env["dunning.item"]._refresh(env.company)
    env.cr.commit()
    return {"company": env.company.id, "policy": policy.id, "moves": moves.ids}


def propose(env) -> int:
    """A proposed run; returns its id."""
    run = env["dunning.run"].create({"company_id": env.company.id})
    run.action_propose_now()
    env.cr.commit()
    return run.id


def propose_two(env, apart_by: str) -> list[int]:
    """An approved run and a proposed one, with different `customers` or with one of the two `items` of every customer
    each."""
    first = env["dunning.run"].create({"company_id": env.company.id})
    first.action_propose_now()
    # They have been sent to the customer, or asked for, before: nothing is written on the invoices any more.
    for move in first.line_ids.item_id.move_id:
        move._portal_ensure_token()
    lines = first.line_ids.sorted(lambda line: (line.account_id.id, line.item_id.id))
    if apart_by == "customers":
        others = lines.account_id[: len(lines.account_id) // 2]
        lines.filtered(lambda line: line.account_id in others).action_exclude()
    else:
        lines[::2].action_exclude()
    second = env["dunning.run"].create({"company_id": env.company.id})
    second.action_propose_now()
    first.action_approve()
    env.cr.commit()
    return [first.id, second.id]


def limit_day(env, messages: int) -> None:
    """The company sends at most so many messages a day; 0: as many as there are."""
    env.company.dunning_cap_per_day = messages
    env.cr.commit()


def sql(database: str, statement: str, *parameters) -> list[tuple]:
    """Run one statement from outside; rows, if it has any."""
    with contextlib.closing(postgres.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def reset(database: str) -> None:
    """As if nothing had ever been proposed or sent."""
    sql(
        database,
        """
        DELETE FROM mail_mail;
        DELETE FROM dunning_run_line;
        DELETE FROM dunning_notice;
        UPDATE dunning_account SET last_contact_date = NULL, last_contact_run_id = NULL, attention = NULL,
               level_rank = 0, level_id = NULL;
        DELETE FROM mail_message WHERE model IN ('dunning.account', 'dunning.run');
        DELETE FROM dunning_run;
        UPDATE dunning_item SET level_id = NULL, level_rank = 0, level_date = NULL, bound_policy_id = NULL;
        DELETE FROM ir_cron_trigger;
        DELETE FROM ir_cron_progress;
        UPDATE ir_cron SET failure_count = 0, first_failure_date = NULL, lastcall = NULL,
               nextcall = now() AT TIME ZONE 'UTC' + interval '1 hour' WHERE active;
        """,
    )


def let_time_pass(database: str, minutes: int) -> None:
    """Make everything that has a time older, so that the scheduler, which is due again, finds it as it would then."""
    sql(
        database,
        f"""
        UPDATE dunning_notice SET attempt_at = attempt_at - interval '{minutes} minutes',
               queued_at = queued_at - interval '{minutes} minutes',
               next_try_at = next_try_at - interval '{minutes} minutes',
               send_at = send_at - interval '{minutes} minutes';
        UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '1 minute' WHERE active;
        UPDATE ir_cron_trigger SET call_at = call_at - interval '{minutes} minutes';
        """,
    )


def states(database: str, run: int) -> dict[int, str]:
    """Message id -> state."""
    return dict(sql(database, "SELECT id, state FROM dunning_notice WHERE run_id = %s", run))


def run_state(database: str, run: int) -> str:
    [[state]] = sql(database, "SELECT state FROM dunning_run WHERE id = %s", run)
    return state


def delivered(mailbox) -> dict[int, int]:
    """Message id -> how many copies are in the mailbox."""
    counts: dict[int, int] = {}
    for message in mailbox.messages():
        notice = int(message["X-Dunning-Notice"])
        counts[notice] = counts.get(notice, 0) + 1
    return counts

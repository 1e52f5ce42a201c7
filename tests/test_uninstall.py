"""The addon leaves a database in which it was at work: nothing of it stays, and the books go on without it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.parallel.scene import sql
from tests.stage import odoo, postgres

pytestmark = pytest.mark.odoo

AT_WORK = """
from tests.parallel import scene
moves = env["account.move"].browse(scene.furnish(env, 3, "localhost", 9)["moves"])
run = env["dunning.run"].browse(scene.propose(env))
run.action_approve()
env["dunning.notice"]._cron_send()
account = run.notice_ids[0].account_id
account.message_post(body="A remark", attachments=[("remark.txt", b"remark")])
account.message_subscribe(partner_ids=env.ref("base.user_admin").partner_id.ids)
account.activity_schedule("mail.mail_activity_data_todo")
print("messages:", len(run.notice_ids.mail_mail_id))
env.cr.commit()
"""
LEAVE = 'env["ir.module.module"].search([("name", "=", "odoo_dunning")]).button_immediate_uninstall()'
BOOKS_GO_ON = """
first, second, third, *_ = env["account.move"].search([("move_type", "=", "out_invoice")])
first.button_draft()
first.action_post()
second.button_draft()
second.button_cancel()
register = env["account.payment.register"].with_context(active_model="account.move", active_ids=third.ids)
register.create({})._create_payments()
partners = first.partner_id | env["res.partner"].create({"name": "Twin"})
env["base.partner.merge.automatic.wizard"].create({})._merge(partners.ids, first.partner_id)
env.cr.commit()
print("state:", first.state, second.state, third.payment_state in ("paid", "in_payment"))
"""
#: What is named after the addon, or belongs to one of its records. Odoo itself tidies its list of names at the next
#: update where another addon wrote them there.
TRACES = {
    "tables": "SELECT tablename FROM pg_tables WHERE tablename LIKE '%%dunning%%'",
    "columns": "SELECT column_name FROM information_schema.columns WHERE column_name LIKE '%%dunning%%'",
    "indexes": "SELECT indexname FROM pg_indexes WHERE indexname LIKE '%%dunning%%'",
    "models": "SELECT model FROM ir_model WHERE model LIKE 'dunning%%'",
    "fields": "SELECT name FROM ir_model_fields WHERE name LIKE 'dunning%%' OR relation LIKE 'dunning%%'",
    "names": "SELECT name FROM ir_model_data WHERE module = 'odoo_dunning'",
    "views": "SELECT name FROM ir_ui_view WHERE arch_db::text LIKE '%%dunning%%'",
    "actions": "SELECT cron_name FROM ir_cron WHERE cron_name LIKE 'Collections%%'",
    "rules": "SELECT name FROM ir_rule WHERE name LIKE 'Dunning%%'",
    "sequences": "SELECT code FROM ir_sequence WHERE code LIKE 'dunning%%'",
    "chatter": "SELECT model FROM mail_message WHERE model LIKE 'dunning%%'",
    "followers": "SELECT res_model FROM mail_followers WHERE res_model LIKE 'dunning%%'",
    "activities": "SELECT res_model FROM mail_activity WHERE res_model LIKE 'dunning%%'",
    "attachments": "SELECT res_model FROM ir_attachment WHERE res_model LIKE 'dunning%%'",
    "mails": "SELECT id FROM mail_mail WHERE state = 'outgoing'",
}


@pytest.fixture
def database() -> Iterator[str]:
    name = f"dunning_uninstall_{os.getpid()}"
    with postgres.running():
        odoo.create_database_with_addon(name)
        yield name
        odoo.drop_database(name)


def test_uninstalled_after_work_it_leaves_no_trace_and_can_come_back(database: str) -> None:
    assert "messages: 3" in odoo.shell(database, AT_WORK)

    assert _traces(database).keys() == TRACES.keys()

    odoo.shell(database, LEAVE)

    assert _traces(database) == {}
    assert "state: posted cancel True" in odoo.shell(database, BOOKS_GO_ON)
    assert odoo.run("-d", database, "-i", "odoo_dunning", "--stop-after-init", "--no-http") == 0
    assert sql(database, "SELECT state FROM ir_module_module WHERE name = 'odoo_dunning'") == [("installed",)]


def _traces(database: str) -> dict[str, list[tuple]]:
    """What there is of the addon, by kind."""
    found = {name: sql(database, statement) for name, statement in TRACES.items()}
    return {name: rows for name, rows in found.items() if rows}

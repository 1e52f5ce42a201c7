"""Approved messages into the mail queue: Odoo's `mail.template.send_mail_batch` and ours, on the same records."""

from __future__ import annotations

from tests.bench.measure import measured

SUBJECT = "{{ object.level_id.name }}: {{ object.amount_total }} {{ object.currency_id.name }}"
#: What a reminder has to say, in Odoo's own template language: who, which invoices, how much.
BODY = """
<div>
  <p>Dear <t t-out="object.account_id.partner_id.name"/>,</p>
  <p>the following invoices are still open:</p>
  <table>
    <tr><th>Invoice</th><th>Due date</th><th>Open</th></tr>
    <tr t-foreach="object.line_ids" t-as="line">
      <td><t t-out="line.item_id.number"/></td>
      <td><t t-out="format_date(line.item_id.due_date)"/></td>
      <td><t t-out="format_amount(line.item_id.amount_open, line.currency_id)"/></td>
    </tr>
  </table>
  <p>Please pay <t t-out="format_amount(object.amount_total, object.currency_id)"/>.</p>
  <p><t t-out="object.company_id.name"/></p>
</div>
"""


def make_ready(env, count: int) -> dict:
    """A run of today, approved; `count` of its messages may leave now, the others later."""
    env.company.write({"dunning_cap_per_day": 0, "dunning_cap_per_hour": 0})
    open_states = ("draft", "proposed", "approved", "sending")
    env["dunning.run"].search([("state", "in", open_states)]).action_cancel()
    run = env["dunning.run"].create({"company_id": env.company.id})
    run.action_propose_now()
    run.action_approve()
    env.flush_all()
    env.cr.execute(
        "UPDATE dunning_notice SET send_at = now() + interval '9 days' WHERE run_id = %s", [run.id]
    )
    env.cr.execute(
        """UPDATE dunning_notice SET send_at = now() - interval '1 hour' WHERE id IN (
             SELECT id FROM dunning_notice WHERE run_id = %s AND state = 'ready' AND channel = 'email'
              ORDER BY id LIMIT %s) RETURNING id""",
        [run.id, count],
    )
    ids = [row[0] for row in env.cr.fetchall()]
    env.company.write({"dunning_window_start_hour": 0, "dunning_window_end_hour": 24})
    env.company.write({"dunning_working_days_only": False, "dunning_public_holidays": False})
    env.cr.commit()
    return {"run": run.id, "ids": ids}


def odoo_batch(env, ids: list[int]) -> dict:
    """Odoo's own way, committed; the mails are taken away again afterwards."""
    template = env["mail.template"].create(
        {
            "name": "Yardstick",
            "model_id": env["ir.model"]._get("dunning.notice").id,
            "subject": SUBJECT,
            "body_html": BODY,
            "email_to": "{{ object.email_to }}",
            "auto_delete": True,
        }
    )
    env.cr.commit()
    env.invalidate_all()
    with measured(env) as result:
        mails = template.send_mail_batch(ids)
        env.flush_all()
        env.cr.commit()
    count = len(mails.exists())
    mails.unlink()
    template.unlink()
    env.cr.commit()
    return {**result.as_dict(), "mails": count}


def ours(env, run: int) -> dict:
    """The scheduled action's way: taken, looked at again, rendered, queued, committed slice by slice."""
    company = env.company
    with measured(env) as result:
        env["dunning.notice"]._send_company(company, lambda *_done, **_left: env.cr.commit() or True)
    env.cr.execute("SELECT COUNT(*) FROM dunning_notice WHERE run_id = %s AND state = 'queued'", [run])
    [[count]] = env.cr.fetchall()
    return {**result.as_dict(), "mails": count}

"""What the workers of the crash tests do, inside Odoo."""

from __future__ import annotations


def approve_and_send(env, run: int) -> None:
    """A person approves the run, unless that is done, and the scheduler works until nothing is ready any more."""
    record = env["dunning.run"].browse(run)
    if record.state == "proposed":
        record.action_approve()
    env.cr.commit()
    work_schedule(env)


def approve(env, run: int) -> None:
    """A person approves the run."""
    env["dunning.run"].browse(run).action_approve()
    env.cr.commit()


def work_schedule(env) -> None:
    """Odoo's own scheduler, until no scheduled action is ready."""
    from odoo.addons.base.models.ir_cron import IrCron

    for _ in range(20):
        if not _ready(env):
            return
        IrCron._process_jobs(env.cr.dbname)
    raise AssertionError("The scheduler found no end")


def _ready(env) -> bool:
    from odoo.addons.base.models.ir_cron import IrCron

    env.cr.rollback()
    ready = bool(IrCron._get_all_ready_jobs(env.cr))
    env.cr.rollback()
    return ready


def answer(env, notice: int, action: str) -> None:
    """A person says of an uncertain message what became of it."""
    getattr(env["dunning.notice"].browse(notice), action)()
    env.cr.commit()

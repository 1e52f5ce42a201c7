"""A real Odoo whose worker processes run the jobs of a proposal, beside the same proposal in one process."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.parallel.scene import sql
from tests.stage import inside, oca, server

WORKERS = 3
PATIENCE_SECONDS = 300
#: What a person sees of a proposal; what a second one over the same books must have in common with the first.
ANSWERS = """
SELECT line.item_id, line.decision, line.reason_code, line.reason_args::text, line.level_rank, line.amount_open,
       notice.account_id, notice.currency_id, notice.channel, notice.item_count, notice.amount_total
  FROM dunning_run_line line LEFT JOIN dunning_notice notice ON notice.id = line.notice_id
 WHERE line.run_id = %s ORDER BY line.item_id
"""


def compare(database: str, kill: bool) -> dict:
    """Propose in one process, cancel, propose by jobs; with `kill`, a worker dies in the middle of one.

    Returns seconds of both, the number of jobs, of killed workers, and whether the answers are the same.
    """
    first = inside.call(database, "tests.parallel.job_queue:in_one_process", addons=[oca.addons()])
    expected = sql(database, ANSWERS, first["run"])
    inside.call(database, "tests.parallel.job_queue:cancel", addons=[oca.addons()], run=first["run"])
    with _odoo_with_workers(database) as odoo, ThreadPoolExecutor(max_workers=1) as watching:
        # Watched from before the jobs are there: one may be done before the process that handed it out has ended.
        killing = watching.submit(_kill_a_worker, database, odoo.process.pid) if kill else None
        run = inside.call(database, "tests.parallel.job_queue:hand_out", addons=[oca.addons()])
        killed = killing.result() if killing else 0
        _wait_until_proposed(database, run, odoo)
        rows = sql(
            database,
            "SELECT EXTRACT(EPOCH FROM MAX(date_done) - MIN(date_started))::float, COUNT(*) FROM queue_job"
            " WHERE state = 'done'",
        )
    [[seconds, jobs]] = rows
    return {
        "one_process_seconds": first["seconds"],
        "jobs_seconds": seconds,
        "jobs": jobs,
        "killed": killed,
        "is_same": sql(database, ANSWERS, run) == expected,
        "lines": len(expected),
    }


def _odoo_with_workers(database: str):
    """Odoo's prefork server: its workers answer the job runner, which knows of as many places as there are workers."""
    return server.running(
        database,
        f"--workers={WORKERS + 1}",
        "--load=base,rpc,web,queue_job",
        variables={**oca.variables(), "ODOO_QUEUE_JOB_CHANNELS": f"root:{WORKERS}"},
    )


def _kill_a_worker(database: str, master: int) -> int:
    """SIGKILL the worker process that is deciding a slice; how many were killed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        rows = sql(
            database,
            "SELECT worker_pid FROM queue_job WHERE state = 'started' AND method_name = '_job_decide'",
        )
        children = {child.pid for child in psutil.Process(master).children(recursive=True)}
        for (pid,) in rows:
            if pid in children:
                os.kill(pid, signal.SIGKILL)
                return 1
        time.sleep(0.01)
    raise TimeoutError(f"no job was at work within {PATIENCE_SECONDS} s")


def _wait_until_proposed(database: str, run: int, odoo) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        [[state]] = sql(database, "SELECT state FROM dunning_run WHERE id = %s", run)
        if state == "proposed":
            return
        time.sleep(0.2)
    raise TimeoutError(f"the run is not proposed after {PATIENCE_SECONDS} s; see {Path(odoo.log)}")


# --- Inside Odoo ------------------------------------------------------------------------------------------------------


def in_one_process(env) -> dict:
    """A proposal the way the scheduled action works it out where there is no job queue."""
    env.company.write({"dunning_cap_per_day": 0, "dunning_cap_per_hour": 0})
    run = env["dunning.run"].create({"company_id": env.company.id})
    run._start_proposing()
    run._prepare_proposal()
    env.cr.commit()
    started = time.perf_counter()
    for _done, _left in run._propose_slices():
        env.cr.commit()
    return {"run": run.id, "seconds": time.perf_counter() - started}


def cancel(env, run: int) -> None:
    env["dunning.run"].browse(run).action_cancel()
    env.cr.commit()


def hand_out(env) -> int:
    """The scheduled action's part: prepare and hand the slices out; returns the run."""
    run = env["dunning.run"].create({"company_id": env.company.id})
    run._start_proposing()
    env.cr.commit()
    env["dunning.run"]._cron_propose()
    env.cr.commit()
    return run.id

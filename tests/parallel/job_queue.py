"""A real Odoo whose worker processes run the jobs of a proposal, beside the same proposal in one process."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.parallel.scene import sql
from tests.stage import inside, oca, postgres, server

WORKERS = 3
PATIENCE_SECONDS = 300
#: What a person sees of a proposal; what a second one over the same books must have in common with the first.
ANSWERS = """
SELECT line.item_id, line.decision, line.reason_code, line.reason_args::text, line.level_rank, line.amount_open,
       notice.account_id, notice.currency_id, notice.channel, notice.item_count, notice.amount_total
  FROM dunning_run_line line LEFT JOIN dunning_notice notice ON notice.id = line.notice_id
 WHERE line.run_id = %s ORDER BY line.item_id
"""


def lose_a_worker(database: str) -> dict:
    """Propose in one process, cancel, propose by jobs while a worker dies in the middle of one.

    Returns the numbers of jobs and of killed workers, and whether the answers are the same.
    """
    with _odoo_with_workers(database) as odoo, ThreadPoolExecutor(max_workers=1) as watching:
        run, expected, _seconds = _in_one_process(database)
        _take_away(database, run)
        # Watched from before the jobs are there: one may be done before the process that handed it out has ended.
        killing = watching.submit(_kill_a_worker, database, odoo.process.pid)
        run, answers, _seconds = _by_jobs(database, odoo)
        return {"killed": killing.result(), "lines": len(expected), "is_same": answers == expected}


def measure(database: str, rounds: int) -> dict:
    """Propose in one process and by jobs, in turn, each on tables without the rows of the one before; the workers have
    worked before, as all but new ones have.

    Returns per round the seconds of both, and whether the answers were always the same.
    """
    found: dict = {"one_process": [], "jobs": [], "is_same": True}
    with _odoo_with_workers(database) as odoo:
        _take_away(database, _by_jobs(database, odoo)[0])
        for _round in range(rounds):
            run, expected, seconds = _in_one_process(database)
            found["one_process"].append(seconds)
            _take_away(database, run)
            run, answers, seconds = _by_jobs(database, odoo)
            found["jobs"].append(seconds)
            _take_away(database, run)
            found["is_same"] &= answers == expected
    return found


def _inside(database: str, name: str, **arguments):
    return inside.call(database, f"{__name__}:{name}", addons=[oca.addons()], **arguments)


def _take_away(database: str, run: int) -> None:
    _inside(database, "cancel", run=run)
    postgres.vacuum(database)


def _in_one_process(database: str) -> tuple[int, list, float]:
    """(run, its answers, seconds)"""
    done = _inside(database, "in_one_process")
    return done["run"], sql(database, ANSWERS, done["run"]), done["seconds"]


def _by_jobs(database: str, odoo) -> tuple[int, list, float]:
    """(run, its answers, seconds from the start of the first job to the end of the last)"""
    run = _inside(database, "hand_out")
    _wait_until_proposed(database, run, odoo)
    [[seconds]] = sql(
        database,
        "SELECT EXTRACT(EPOCH FROM MAX(date_done) - MIN(date_started))::float FROM queue_job"
        " WHERE state = 'done' AND identity_key LIKE %s",
        f"dunning-{run}-%",
    )
    return run, sql(database, ANSWERS, run), seconds


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

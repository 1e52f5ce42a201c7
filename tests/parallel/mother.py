"""The mother process of `workers`: reads orders line by line, forks the workers, tells how they ended."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.parallel import moments
from tests.stage import inside


def main() -> None:
    from odoo import sql_db

    database, addons_path = sys.argv[1:]
    inside.load(database, addons_path)
    moments.install()
    sql_db.close_all()
    _tell([])
    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            _tell(_carry_out(database, order, Path(folder)))


def _tell(outcomes: list[dict]) -> None:
    print("\n" + json.dumps({"outcomes": outcomes}), flush=True)


def _carry_out(database: str, order: dict, folder: Path) -> list[dict]:
    """Fork a worker per piece of work, kill those whose time has come, wait for all."""
    started = time.monotonic()
    pids = {}
    for number, work in enumerate(order["work"]):
        pid = os.fork()
        if not pid:
            _be_a_worker(database, work, folder / f"{number}.json")
        pids[pid] = number
    ended, late = {}, set()
    while len(ended) < len(pids):
        time.sleep(0.005)
        now = time.monotonic() - started
        for pid, number in pids.items():
            if number in ended:
                continue
            limit = order["work"][number]["kill_after_seconds"]
            if now > order["timeout"]:
                late.add(number)
            if number in late or (limit is not None and now > limit):
                os.kill(pid, signal.SIGKILL)
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                ended[number] = os.waitstatus_to_exitcode(status)
    return [_outcome(ended[number], number in late, folder / f"{number}.json") for number in sorted(ended)]


def _outcome(status: int, is_late: bool, report: Path) -> dict:
    told = json.loads(report.read_text()) if report.exists() else {}
    if is_late:
        told["error"] = "did not end in time"
    return {"status": status, **told}


def _be_a_worker(database: str, work: dict, report: Path) -> None:
    """In the child: do the deed, report, and leave without the mother's clean-up."""
    status = 0
    try:
        report.write_text(json.dumps(_do(database, work)))
    except BaseException:
        report.write_text(json.dumps({"error": traceback.format_exc()[-4000:]}))
        status = 1
    finally:
        os._exit(status)


def _do(database: str, work: dict) -> dict:
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry

    module, _, name = work["deed"].partition(":")
    deed = getattr(importlib.import_module(module), name)
    passed = moments.count(work["kill_at"])
    registry = Registry(database).check_signaling()
    with registry.cursor() as cr:
        result = deed(api.Environment(cr, SUPERUSER_ID, {}), **work["arguments"])
    return {"result": result, "moments": passed}


if __name__ == "__main__":
    main()

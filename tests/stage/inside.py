"""A function of this repository run inside an Odoo process of its own, with its result handed back.

`call("some_db", "tests.bench.propose:ours", items=5)` imports `tests.bench.propose` in a new process that has Odoo's
registry of `some_db` loaded, runs `ours(env, items=5)` and returns what it returned (plain JSON values). What the
function wrote is committed only if it commits. `tests.bench` and the tests of crashes and parallel work stand on this.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.stage import checkout, odoo
from tests.stage.errors import StageError

#: What a function may use instead of Odoo's usual options.
LOG_LEVEL = "--log-level=warn"


@dataclass
class Running:
    """A process at work; `result()` waits for it."""

    process: subprocess.Popen
    target: str

    def result(self, timeout: float | None = None):
        """What the function returned. Raises StageError with the end of its log when it did not."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise StageError(f"{self.target} did not end within {timeout} s") from None
        if self.process.returncode:
            raise StageError(f"{self.target} failed: {err.strip()[-3000:]}")
        return json.loads(out.splitlines()[-1])


def start(database: str, target: str, *, addons: list[Path] | None = None, **arguments) -> Running:
    """Start the process. `addons` are folders to look for modules in besides Odoo's own and this checkout."""
    path = ",".join(map(str, [*odoo.addons_path(), *(addons or [])]))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stage.inside", database, target, path, json.dumps(arguments)],
        cwd=checkout.ROOT,
        env=odoo.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Running(process, target)


def call(
    database: str, target: str, *, addons: list[Path] | None = None, timeout: float | None = None, **arguments
):
    """Run it to its end; returns its result."""
    return start(database, target, addons=addons, **arguments).result(timeout)


# --- In the process ---------------------------------------------------------------------------------------------------


def load(database: str, addons_path: str):
    """Odoo's registry of `database`, as a worker process of the real server has it."""
    from odoo import tools
    from odoo.modules.registry import Registry

    options = ["-d", database, f"--addons-path={addons_path}", LOG_LEVEL, "--no-http", "--max-cron-threads=0"]
    tools.config.parse_config(options, setup_logging=True)
    return Registry(database)


def main() -> None:
    from odoo import SUPERUSER_ID, api

    database, target, addons_path, arguments = sys.argv[1:]
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    with load(database, addons_path).cursor() as cr:
        result = function(api.Environment(cr, SUPERUSER_ID, {}), **json.loads(arguments))
    print("\n" + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()

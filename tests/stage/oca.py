"""Two modules of the OCA in the cache folder, to measure against and to run jobs with; never part of the product.

`account_credit_control` (AGPL-3) is the yardstick of `make bench`; `queue_job` (LGPL-3) spreads the work over several
processes where an administrator installed it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.stage import cache, odoo, progress, provision
from tests.stage.errors import Unavailable

PACKAGES = (
    "odoo-addon-account-credit-control==19.*",
    "odoo-addon-queue-job==19.*",
    # queue_job asks for it when it is installed.
    "openupgradelib",
)
WITNESSES = (
    "odoo/addons/account_credit_control/__manifest__.py",
    "odoo/addons/queue_job/__manifest__.py",
    "openupgradelib",
)


def folder() -> Path:
    """The folder the packages are unpacked in, fetched on first use; belongs on PYTHONPATH.

    Raises Unavailable when they cannot be fetched.
    """
    return cache.ensure(cache.root() / "oca19-1", WITNESSES, _fetch)


def addons() -> Path:
    """The folder that belongs on Odoo's addons path."""
    return folder() / "odoo" / "addons"


def _fetch(target: Path) -> dict:
    """Without their dependencies: Odoo is here already, and is no package of PyPI."""
    with progress.step("Fetching OCA modules"):
        options = ("--no-deps", "--target", str(target), *provision.PIP_OPTIONS)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, *PACKAGES], capture_output=True, text=True
        )
    if done.returncode:
        raise Unavailable(f"The OCA modules could not be fetched ({done.stderr.strip()[-200:]}).")
    return {"packages": sorted(path.name for path in target.glob("*.dist-info"))}


def variables() -> dict[str, str]:
    """The environment in which Odoo finds these modules and what they import."""
    return {"PYTHONPATH": os.pathsep.join([odoo.environment()["PYTHONPATH"], str(folder())])}

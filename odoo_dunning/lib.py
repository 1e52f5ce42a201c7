"""The connectors package, wherever it lies.

Installed from the wheel it is `dunning_connectors`. In a plain checkout on the addons path it is the sibling
folder `connectors/`, loaded under that same name, so that the rest of the addon writes one import.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

from odoo import _
from odoo.exceptions import UserError

PACKAGE = "dunning_connectors"
# What pip needs to be told when a ledger's own SDK is missing.
EXTRAS = {"quickbooks": "python-quickbooks", "xero": "xero-python"}


def connectors():
    """Return the connectors package; `import dunning_connectors.…` works from then on.

    :raise UserError: neither installed nor beside the addon.
    """
    if PACKAGE in sys.modules:
        return sys.modules[PACKAGE]
    if importlib.util.find_spec(PACKAGE):
        return importlib.import_module(PACKAGE)
    folder = Path(__file__).resolve().parent.parent / "connectors"
    if not (folder / "records.py").is_file():
        raise UserError(
            _(
                "The package that reads QuickBooks and Xero is missing. Install it with: pip install odoo-dunning"
            )
        )
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return package


def part(name):
    """Return the module `dunning_connectors.<name>`, for instance `part("xero.oauth")`.

    :raise UserError: the ledger's own SDK is not installed; the message says what to install.
    """
    connectors()
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    except ModuleNotFoundError as error:
        vendor = name.partition(".")[0]
        if (error.name or "").startswith(PACKAGE) or vendor not in EXTRAS:
            raise
        raise UserError(
            _(
                "The Python package for this ledger is missing (%(module)s). On the Odoo server, run: "
                "pip install odoo-dunning[%(vendor)s]   (or: pip install %(package)s)",
                module=error.name,
                vendor=vendor,
                package=EXTRAS[vendor],
            )
        ) from error

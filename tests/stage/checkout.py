"""Where this checkout lies, and how its packages get their import names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.stage import cache

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "odoo_dunning"
MANIFEST = ADDON / "__manifest__.py"
#: import name -> folder of this checkout, as setup.py installs them
PACKAGES = {"dunning_connectors": ROOT / "connectors", "dunning_templates": ROOT / "templates"}


def packages_path() -> Path:
    """A folder for PYTHONPATH in which this checkout's packages go by the names they are installed under."""
    folder = cache.root() / f"checkout-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in PACKAGES.items():
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(source)
    return folder

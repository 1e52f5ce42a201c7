"""Which ledgers there are: each is a folder of this package; its `open_source(lease, tokens)` gives a `sync.Source`."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable

from .budget import Budget
from .errors import Stop
from .gateway import Lease
from .sync import Source
from .tokens import TokenSource

# Folder → what pip needs to be told when its SDK is missing.
VENDORS = {"quickbooks": "python-quickbooks", "xero": "xero-python"}


def open_source(lease: Lease, tokens: TokenSource, sleep: Callable[[float], None] = time.sleep) -> Source:
    """:param sleep: called with seconds when the ledger wants a pause; may raise `Retry` to end the pass instead
    :raise Stop: the ledger is unknown here or its SDK is not installed.
    """
    if lease.vendor not in VENDORS:
        raise Stop(f"There is no connector for {lease.vendor!r}; there are {', '.join(VENDORS)}.")
    try:
        folder = importlib.import_module(f".{lease.vendor}", __package__)
    except ModuleNotFoundError as error:
        raise Stop(
            f"The package {VENDORS[lease.vendor]} is missing ({error.name}). Install it with pip."
        ) from error
    return folder.open_source(lease, tokens, Budget(folder.LIMITS, sleep=sleep))

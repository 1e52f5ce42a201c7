"""Local ledgers that speak QuickBooks Online's and Xero's wire formats, with made-up books and faults to order.

    with Sandbox("quickbooks", seed=7) as ledger:
        ledger.urls["api"], ledger.grant(), ledger.advance_day(), ledger.faults.order("throttle_minute", match="/query")

From a shell: `python -m dunning_connectors.sandbox quickbooks --port 24110`.
"""

from .limits import Limits
from .oauth import CLIENT_ID, CLIENT_SECRET
from .server import Sandbox, serve

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Limits", "Sandbox", "serve"]

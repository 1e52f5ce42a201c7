"""Ledgers in, neutral records out: QuickBooks Online and Xero for odoo-dunning.

Knows nothing of Odoo's models and nothing of dunning. `records` is the language, `sync` the engine, `gateway`
the way to Odoo, one folder per ledger.
"""

__version__ = "19.0.1.0.0"

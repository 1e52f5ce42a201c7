"""A real Odoo 19, PostgreSQL, mailbox and browser in a cache folder, for the demo, the tests and development.

`python3 -m tests.stage --help` lists what people use. The outer layer (`provision` and what it imports) needs
nothing but the standard library; everything else runs inside the Python environment that `provision` builds.
"""

"""The law rows, choices and sentences that come with the addon, as CSV files in `data/law`."""

import csv
import io

from odoo.tools import file_open


def read_shipped(name):
    """The lines of a CSV that comes with the addon, as dicts of text."""
    with file_open(f"odoo_dunning/data/law/{name}.csv", "r") as file:
        return list(csv.DictReader(io.StringIO(file.read())))

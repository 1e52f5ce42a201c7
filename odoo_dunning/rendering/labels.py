"""The short fixed texts of the shared partials (table heads, "Days overdue", …), one JSON file per language."""

from __future__ import annotations

import json


class Labels:
    """Read-only ``labels.<name>``; a text, or its plural forms for the filter ``plural``."""

    __slots__ = ("_texts",)

    def __init__(self, texts: dict):
        self._texts = texts

    def __getitem__(self, name):
        return self._texts[name]


def parse_labels(source: str) -> Labels:
    return Labels(json.loads(source))

"""The short fixed texts of the shared partials (table heads, "days overdue", …), one JSON file per language."""

from __future__ import annotations

import json


class Plural:
    """A label with one text per CLDR plural category (one, other, …); ``{n}`` stands for the number."""

    __slots__ = ("forms", "written")

    def __init__(self, forms: dict[str, str]):
        self.forms = forms
        self.written: dict[tuple[str, int], str] = {}


class Labels:
    """Read-only ``labels.<name>``: a text, or a ``Plural`` for the filter ``plural``."""

    __slots__ = ("_texts",)

    def __init__(self, texts: dict[str, str | dict]):
        self._texts = {name: Plural(text) if isinstance(text, dict) else text for name, text in texts.items()}

    def __getitem__(self, name: str) -> str | Plural:
        return self._texts[name]

    def names(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def fixed_text(self, name: str) -> str | None:
        """The label if it is a plain text, which can then be written into the compiled template once and for all."""
        text = self._texts.get(name)
        return text if isinstance(text, str) else None


def parse_labels(source: str) -> Labels:
    return Labels(json.loads(source))

"""The texts that come with the product: ``templates/<language>/<level>/…`` and the shared parts in ``_layout/``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from .labels import Labels, parse_labels
from .parts import FILE_NAMES, TemplateParts

LAYOUT = "_layout"
LEVEL_KEYS = ("courtesy", "friendly", "firm", "final", "correction", "statement", "receipt")
FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True)
class ShippedTemplate:
    """``key`` is ``<language>/<level_key>``; ``checksum`` changes whenever one of the three parts does."""

    key: str
    language: str
    level_key: str
    parts: TemplateParts
    checksum: str


@lru_cache(maxsize=1)
def shipped_templates() -> tuple[ShippedTemplate, ...]:
    """All shipped texts, by language, then from the first level to the last."""
    languages = sorted(
        folder.name for folder in _root().iterdir() if folder.is_dir() and folder.name[0] != "_"
    )
    return tuple(
        _shipped(language, level_key)
        for language in languages
        for level_key in LEVEL_KEYS
        if (_root() / language / level_key).is_dir()
    )


def shipped_template(language: str, level_key: str) -> ShippedTemplate:
    """The shipped text of a level in a language (``de_AT`` finds ``de``), in English where there is none.

    Raises ``LookupError`` for a level that has no shipped text.
    """
    by_key = {template.key: template for template in shipped_templates()}
    for candidate in (base_language(language), FALLBACK_LANGUAGE):
        if f"{candidate}/{level_key}" in by_key:
            return by_key[f"{candidate}/{level_key}"]
    raise LookupError(f"No text is shipped for level “{level_key}”. There is: {', '.join(LEVEL_KEYS)}.")


def level_title(language: str, level_key: str) -> str:
    """What a message of this level is called in a language ("Mahnung"); that of a reminder for a level of one's own."""
    return _text_or(language, f"title_{level_key}", "title_friendly")


def charge_label(language: str, kind: str) -> str:
    """What a charge (interest, fixed_sum, fee) is called in a language."""
    return _text_or(language, f"charge_{kind}", "charge_fee")


def _text_or(language: str, name: str, otherwise: str) -> str:
    labels = labels_for(language)
    return labels.fixed_text(name) or labels.fixed_text(otherwise)


def base_language(language: str) -> str:
    return language.replace("-", "_").split("_")[0].split("@")[0].lower()


@lru_cache(maxsize=1)
def partials() -> dict[str, str]:
    """The shared parts by the name a template calls them with (``_layout/items.html.j2``)."""
    files = [file for file in (_root() / LAYOUT).iterdir() if file.name.endswith(".j2")]
    return {f"{LAYOUT}/{file.name}": file.read_text(encoding="utf-8") for file in files}


@lru_cache(maxsize=64)
def labels_for(language: str) -> Labels:
    """The labels of a language, in English where there are none."""
    return parse_labels(_labels_file(label_language(language)).read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def label_language(language: str) -> str:
    """Which labels a language gets: ``de`` for ``de_AT``, English where there are none."""
    base = base_language(language)
    return base if _labels_file(base).is_file() else FALLBACK_LANGUAGE


def _labels_file(language: str):
    return _root() / LAYOUT / "labels" / f"{language}.json"


def _shipped(language: str, level_key: str) -> ShippedTemplate:
    folder = _root() / language / level_key
    sources = {part: (folder / name).read_text(encoding="utf-8") for part, name in FILE_NAMES.items()}
    digest = hashlib.sha256("\0".join(sources[part] for part in FILE_NAMES).encode()).hexdigest()
    return ShippedTemplate(f"{language}/{level_key}", language, level_key, TemplateParts(**sources), digest)


@lru_cache(maxsize=1)
def _root():
    """The checkout's ``templates/`` beside the addon, else the installed package ``dunning_templates``."""
    checkout = Path(__file__).resolve().parents[2] / "templates"
    if (checkout / LAYOUT / "labels").is_dir():
        return checkout
    try:
        return resources.files("dunning_templates")
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            "The shipped message texts are missing: neither a folder “templates” beside the addon nor the package "
            "“dunning_templates” is there. Install the wheel of odoo-dunning or use the complete checkout."
        ) from error

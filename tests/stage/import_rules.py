"""Who may import whom: the pure rooms know no Odoo, the connectors know nothing of the addon."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.stage import checkout


@dataclass(frozen=True)
class Room:
    """A package that must stay free of `forbidden` packages, those under `allowed` excepted."""

    name: str
    folder: Path
    forbidden: tuple[str, ...]
    allowed: tuple[str, ...] = ()


PURE = ("odoo_dunning.engine", "odoo_dunning.rendering")
ROOMS = (
    Room("odoo_dunning.engine", checkout.ADDON / "engine", ("odoo", "odoo_dunning"), PURE),
    Room("odoo_dunning.rendering", checkout.ADDON / "rendering", ("odoo", "odoo_dunning"), PURE),
    Room("dunning_connectors", checkout.ROOT / "connectors", ("odoo", "odoo_dunning")),
)


def violations(rooms: tuple[Room, ...] = ROOMS) -> list[str]:
    """One line `file:line: …` for every import that a room may not have."""
    found = []
    for room in rooms:
        for path in sorted(room.folder.rglob("*.py")):
            inside = path.relative_to(room.folder).with_suffix("").parts
            package = ".".join([room.name, *inside[:-1]])
            for line, imported in _imports(path, package):
                if _within(imported, room.forbidden) and not _within(imported, room.allowed):
                    found.append(f"{path}:{line}: {room.name} may not import {imported}")
    return found


def _imports(path: Path, package: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*parent, *filter(None, [node.module])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)

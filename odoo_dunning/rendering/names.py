"""Finds names and fields that exist nowhere, also in the branches that no sample message happens to enter."""

from __future__ import annotations

from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from jinja2 import meta, nodes

from .context import DATA_TYPES, VARIABLES, MessageContext
from .labels import Labels
from .problems import Problem, did_you_mean, unknown_label

_VARIABLE_TYPES = get_type_hints(MessageContext)
_FIELD_TYPES = {data_type: get_type_hints(data_type) for data_type in DATA_TYPES}
_KEEP_LIST = frozenset(("select", "selectattr", "reject", "rejectattr", "sort", "list"))
_TAKE_ONE = frozenset(("first", "last"))


def unknown_names(part: str, tree: nodes.Template, global_names) -> list[Problem]:
    """Variables that no message has."""
    names = {*VARIABLES, *global_names}
    unknown = meta.find_undeclared_variables(tree) - names
    return [
        Problem(part, node.lineno, f"There is no “{node.name}” here.{did_you_mean(node.name, names)}")
        for node in tree.find_all(nodes.Name)
        if node.name in unknown and node.ctx == "load"
    ]


def unknown_labels(part: str, tree: nodes.Template, labels: Labels) -> list[Problem]:
    """Labels that no language has."""
    return [
        Problem(part, node.lineno, unknown_label(node.attr, labels))
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name)
        and node.node.name == "labels"
        and node.attr not in labels.names()
    ]


def unknown_fields(part: str, tree: nodes.Template) -> list[Problem]:
    """Fields that their record does not have, as far as the kind of record can be told from the template."""
    reused = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    known = {name: kind for name, kind in _VARIABLE_TYPES.items() if name not in reused}
    return list(_fields_of(part, tree, known))


def _fields_of(part: str, node: nodes.Node, known: dict):
    if isinstance(node, nodes.For):
        yield from _fields_of(part, node.iter, known)
        element = _element(_kind(node.iter, known))
        target = node.target.name if isinstance(node.target, nodes.Name) else None
        inside = {**known, target: element}
        for inner in (*node.body, *node.else_, *([node.test] if node.test else ())):
            yield from _fields_of(part, inner, inside)
        return
    if isinstance(node, nodes.Getattr):
        fields = _FIELD_TYPES.get(_kind(node.node, known))
        if fields is not None and node.attr not in fields:
            owner = _kind(node.node, known).__name__.lower()
            message = f"“{owner}” has no field “{node.attr}”.{did_you_mean(node.attr, fields)}"
            yield Problem(part, node.lineno, message)
    for inner in node.iter_child_nodes():
        yield from _fields_of(part, inner, known)


def _kind(node: nodes.Node, known: dict):
    """The type of an expression, ``None`` when it cannot be told."""
    if isinstance(node, nodes.Name):
        return _plain(known.get(node.name))
    if isinstance(node, nodes.Getattr):
        return _plain(_FIELD_TYPES.get(_kind(node.node, known), {}).get(node.attr))
    if isinstance(node, nodes.Filter) and node.name in _KEEP_LIST:
        return _kind(node.node, known)
    if isinstance(node, nodes.Filter) and node.name in _TAKE_ONE:
        return _element(_kind(node.node, known))
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return _element(_kind(node.node, known))
    return None


def _plain(kind):
    """``X`` for ``X | None``."""
    if get_origin(kind) in (Union, UnionType):
        return next(choice for choice in get_args(kind) if choice is not type(None))
    return kind


def _element(kind):
    return get_args(kind)[0] if get_origin(kind) is tuple else None

"""What is done to a template's tree before it is compiled: shared parts and labels go in, and so do the charges.

A template pays (``budget``) for the size of each loop, block and macro it enters and for each walk through a long
text, so that what it may cost is counted in work and the same on every machine.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from jinja2 import nodes, pass_context
from jinja2.exceptions import TemplateSyntaxError
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from . import filters
from .budget import checked_length, current
from .context import READABLE_FIELDS
from .fences import walk

_LEAVES = (str, int, float, Decimal, date, type(None), *READABLE_FIELDS)
_LOOP, _UNIT, _CONCAT, _FLAT, _SIZE, _WHOLE = (
    "loop cost",
    "unit cost",
    "concat cost",
    "flat list",
    "size cost",
    "whole",
)


def woven(tree: nodes.Template, parse_partial, labels) -> nodes.Template:
    """The tree to compile. ``parse_partial(name)`` gives the tree of a shared part."""
    return _Weaver().visit(_Unfolder(parse_partial, labels).visit(tree))


class _Unfolder(NodeTransformer):
    """Writes the labels of the language and the included shared parts into the template itself."""

    def __init__(self, parse_partial, labels):
        self.parse_partial = parse_partial
        self.labels = labels

    def visit_Include(self, node):
        """The shared part in place of its include; its nodes report the line of the include."""
        try:
            tree = self.parse_partial(node.template.value)
        except LookupError as error:
            raise TemplateSyntaxError(str(error.args[0]), node.lineno) from error
        for inner, _depth in walk(tree):
            inner.lineno = node.lineno
        return self.generic_visit(nodes.Scope(tree.body, lineno=node.lineno))

    def visit_Getattr(self, node):
        if isinstance(node.node, nodes.Name) and node.node.name == "labels":
            text = self.labels.fixed_text(node.attr)
            if text is not None:
                return nodes.Const(text, lineno=node.lineno)
        return self.generic_visit(node)


class _Weaver(NodeTransformer):
    """Charges loops, macros and blocks for their size, and guards what could grow by itself."""

    def visit_For(self, node):
        weight = _weight(node)
        node = self.generic_visit(node)
        node.iter = _filter(node.iter, _LOOP, *weight)
        return node

    def visit_Concat(self, node):
        node = self.generic_visit(node)
        return _filter(nodes.Tuple(node.nodes, "load", lineno=node.lineno), _CONCAT)

    def visit_List(self, node):
        return _filter(self.generic_visit(node), _FLAT)

    def visit_Tuple(self, node):
        node = self.generic_visit(node)
        return _filter(node, _FLAT) if node.ctx == "load" else node

    def visit_Compare(self, node):
        node = self.generic_visit(node)
        for operand in node.ops:
            if operand.op in ("in", "notin"):
                operand.expr = _filter(operand.expr, _SIZE)
        return node

    def visit_Getitem(self, node):
        node = self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _filter(node.node, _SIZE)
        return node

    def _unit(self, node):
        weight = _weight(node)
        node = self.generic_visit(node)
        charge = _filter(nodes.Const("", lineno=node.lineno), _UNIT, *weight)
        node.body = [nodes.ExprStmt(charge, lineno=node.lineno), *node.body]
        return node

    visit_Template = visit_Macro = visit_CallBlock = _unit

    def visit_Block(self, node):
        """A block is written into one list and handed on whole, not piece by piece through each frame above it."""
        node = self._unit(node)
        whole = _filter(None, _WHOLE, lineno=node.lineno)
        node.body = [nodes.FilterBlock(node.body, whole, lineno=node.lineno)]
        return node


def _weight(node: nodes.Node) -> tuple[int, int]:
    """How many nodes and how many characters of fixed text one pass through ``node`` can cost."""
    steps = chars = 0
    for inner, _depth in walk(node):
        steps += 1
        if isinstance(inner, nodes.TemplateData):
            chars += len(inner.data)
        elif isinstance(inner, nodes.Const) and isinstance(inner.value, str):
            chars += len(inner.value)
    return steps, chars


def _filter(node: nodes.Expr | None, name: str, *arguments: int, lineno: int = 0) -> nodes.Filter:
    lineno = node.lineno if node else lineno
    constants = [nodes.Const(argument, lineno=lineno) for argument in arguments]
    return nodes.Filter(node, name, constants, [], None, None, lineno=lineno)


@pass_context
def _meter_loop(_context, values, steps, chars):
    filters.defined(values)
    budget = current.get()
    if isinstance(values, (tuple, list, range)):
        budget.spend(steps * len(values), chars * len(values))
        return values
    if isinstance(values, str):
        raise ValueError("This is a text, not a list: a loop needs a list.")
    return _metered_iteration(iter(values), budget, steps, chars)


def _metered_iteration(values, budget, steps, chars):
    for value in values:
        budget.spend(steps, chars)
        yield value


@pass_context
def _meter_unit(_context, _nothing, steps, chars):
    current.get().spend(steps, chars)


@pass_context
def _meter_concat(context, parts):
    texts = [filters.printable(part) for part in parts]
    filters.charge_chars(checked_length(sum(map(len, texts))))
    if context.eval_ctx.autoescape and any(isinstance(text, Markup) for text in texts):
        return Markup("").join(texts)
    return "".join(texts)


@pass_context
def _meter_list(_context, values):
    """Lists stay flat: nested ones could be doubled until comparing or showing them never ends."""
    if any(not isinstance(value, _LEAVES) for value in values):
        raise ValueError("A list inside a list is not open to templates.")
    return values


def _whole(text):
    return text


INTERNAL_FILTERS = {
    _LOOP: _meter_loop,
    _UNIT: _meter_unit,
    _CONCAT: _meter_concat,
    _FLAT: _meter_list,
    _SIZE: filters.charged_in_bulk,
    _WHOLE: _whole,
}

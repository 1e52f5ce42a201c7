"""The closed room in which a template runs: it sees the message's data and the shipped partials, nothing else.

Three fences: what may be *written* (``_refuse``, at compile time, with the line), what may be *reached* (an
allow-list per type, so that a new Python attribute is closed until someone opens it) and what it may *cost*
(``Budget``, charged by nodes woven into the template when it is parsed).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from jinja2 import DictLoader, StrictUndefined, nodes, pass_context
from jinja2 import tests as standard_tests
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import BlockReference, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from . import filters
from .budget import SOURCE_CHARS, BudgetExceeded, checked_length, current
from .context import READABLE_FIELDS
from .labels import Labels
from .problems import did_you_mean, unknown_label

PARTIALS = "_layout/"
RANGE_LIMIT = 1_000
NODE_DEPTH = 100
TOO_DEEP = "The template is nested too deeply. Work out parts of it first with “set”."

_TEXT_METHODS = frozenset(("startswith", "endswith"))
_READABLE = {
    **READABLE_FIELDS,
    str: _TEXT_METHODS,
    Markup: _TEXT_METHODS,
    date: frozenset(("year", "month", "day")),
    LoopContext: frozenset(
        (
            "index",
            "index0",
            "revindex",
            "revindex0",
            "first",
            "last",
            "length",
            "previtem",
            "nextitem",
            "cycle",
        )
    ),
}
ALLOWED_TESTS = {
    name: standard_tests.TESTS[name]
    for name in (
        "defined",
        "undefined",
        "none",
        "number",
        "string",
        "odd",
        "even",
        "divisibleby",
        "equalto",
        "eq",
        "==",
        "ne",
        "!=",
        "gt",
        ">",
        "ge",
        ">=",
        "lt",
        "<",
        "le",
        "<=",
        "in",
        "true",
        "false",
        "sameas",
    )
}
_NUMBERS = (int, float, Decimal)
_LEAVES = (str, int, float, Decimal, date, type(None), *READABLE_FIELDS)
_LOOP, _UNIT, _CONCAT, _FLAT, _SIZE, _WHOLE = (
    "loop cost",
    "unit cost",
    "concat cost",
    "flat list",
    "size cost",
    "whole",
)


class MissingValue(StrictUndefined):
    """An unknown variable or field; says what there is instead."""

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is None:
            return f"“{name}” belongs to something that is not set in this message. Put it inside an “if”."
        known = READABLE_FIELDS.get(type(self._undefined_obj))
        if known is None:
            return f"There is no “{name}” here."
        return f"“{type(self._undefined_obj).__name__.lower()}” has no field “{name}”.{did_you_mean(name, known)}"


_OWNERS = {
    field: frozenset(owner for owner, names in READABLE_FIELDS.items() if field in names)
    for field in frozenset().union(*READABLE_FIELDS.values())
}


class _DirectFields(CodeGenerator):
    """Reads a field of the message's own records without the way through ``Environment.getattr`` (4 × as fast).

    The type is compared at run time, so anything else still takes the guarded way.
    """

    def visit_Getattr(self, node, frame):
        if node.attr in _OWNERS:
            self.write(f"(_record.{node.attr} if type(_record := ")
            self.visit(node.node, frame)
            self.write(
                f") in environment.owners[{node.attr!r}] else environment.getattr(_record, {node.attr!r}))"
            )
        else:
            super().visit_Getattr(node, frame)

    def _output_child_pre(self, node, frame, finalize):
        self.write("environment.escaped(" if frame.eval_ctx.autoescape else "environment.finalize(")

    def _output_child_post(self, node, frame, finalize):
        self.write(")")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 environment for message parts in one language.

    Names ending in ``.html.j2`` are autoescaped, all others are plain text.
    """

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))
    code_generator_class = _DirectFields
    owners = _OWNERS

    def __init__(self, partials: dict[str, str], labels: Labels):
        super().__init__(
            loader=DictLoader(partials),
            undefined=MissingValue,
            autoescape=lambda name: bool(name) and name.endswith(".html.j2"),
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=400,
        )
        internal = {
            _LOOP: _meter_loop,
            _UNIT: _meter_unit,
            _CONCAT: _meter_concat,
            _FLAT: _meter_list,
            _SIZE: filters.charged_in_bulk,
            _WHOLE: _whole,
        }
        self.filters = {**filters.ALLOWED, **internal}
        self.tests = ALLOWED_TESTS
        self.globals = {"range": _limited_range, "namespace": Namespace, "labels": labels}

    def _parse(self, source, name, filename):
        if len(source) > SOURCE_CHARS:
            raise TemplateSyntaxError(
                f"The template is longer than {SOURCE_CHARS:,} characters.", 1, name, filename
            )
        tree = super()._parse(source, name, filename)
        for node, depth in _walk(tree):
            _refuse(node, depth)
        return _Weaver().visit(_Unfolder(self).visit(tree)).set_environment(self)

    def as_written(self, source: str) -> nodes.Template:
        """The template's own tree, before anything is woven into it."""
        return super()._parse(source, None, None)

    def partial_body(self, node: nodes.Include) -> list[nodes.Node]:
        """The shared part that ``node`` includes, as nodes that report the line of the include."""
        name = node.template.value
        if name not in self.loader.mapping:
            raise TemplateSyntaxError(not_shipped(name, self.loader.mapping), node.lineno)
        body = super()._parse(self.loader.mapping[name], name, None).body
        for inner in body:
            for each, _depth in _walk(inner):
                each.lineno = node.lineno
        return body

    def getattr(self, obj, attribute):
        if type(obj) is Labels:
            return self._label(obj, attribute)
        readable = _READABLE.get(type(obj))
        if readable is not None:
            if attribute in readable:
                return getattr(obj, attribute)
            if type(obj) in READABLE_FIELDS and not attribute.startswith("_"):
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def _label(self, labels, name):
        try:
            return labels[name]
        except KeyError:
            return self.undefined(unknown_label(name, labels))

    def is_safe_attribute(self, obj, attr, value) -> bool:
        if attr.startswith("_"):
            return False
        if isinstance(obj, Namespace):
            return True
        return attr in _READABLE.get(type(obj), ())

    def unsafe_undefined(self, obj, attribute):
        raise SecurityError(f"“{attribute}” is not open to templates.")

    def is_safe_callable(self, obj) -> bool:
        if obj is _limited_range or obj is Namespace or isinstance(obj, (Macro, BlockReference)):
            return True
        return getattr(obj, "__name__", "") in _READABLE.get(type(getattr(obj, "__self__", None)), ())

    def call(self, context, obj, *args, **kwargs):
        budget = current.get()
        budget.enter_call()
        try:
            if not self.is_safe_callable(obj):
                if isinstance(obj, MissingValue):
                    obj._fail_with_undefined_error()
                raise SecurityError("Only macros, “range” and “loop.cycle” can be called in a template.")
            return context.call(obj, *args, **kwargs)
        finally:
            budget.leave_call()

    def call_binop(self, context, operator, left, right):
        for value in (left, right):
            if isinstance(value, MissingValue):
                value._fail_with_undefined_error()
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            checked_length(len(left) + len(right))
        elif not isinstance(left, _NUMBERS) or not isinstance(right, _NUMBERS):
            raise SecurityError(f"“{operator}” works on numbers only. To join texts use “~”.")
        elif operator == "**":
            raise SecurityError("Powers (“**”) are not open to templates.")
        elif operator == "*" and max(abs(left), abs(right)) > 10**18:
            raise BudgetExceeded("A number in the template grows too large.")
        return super().call_binop(context, operator, left, right)

    @staticmethod
    def escaped(value):
        """``escape`` for what is shown in HTML; most values hold nothing to escape and pass at a tenth of its price."""
        text = _finalize(value)
        if "&" in text or "<" in text or ">" in text or '"' in text or "'" in text:
            return escape(text)
        return text


def _limited_range(*bounds) -> range:
    numbers = range(*bounds)
    if len(numbers) > RANGE_LIMIT:
        raise BudgetExceeded(f"“range” may count up to {RANGE_LIMIT:,} here. Choose a smaller range.")
    return numbers


# -- what may be written ---------------------------------------------------------------------------------------------


def _walk(node: nodes.Node):
    """Every node and its depth, without recursion: a deeply nested template must not exhaust the stack here."""
    pending = [(node, 0)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        pending.extend((child, depth + 1) for child in node.iter_child_nodes())


def _refuse(node: nodes.Node, depth: int) -> None:
    reason = TOO_DEEP if depth > NODE_DEPTH else _forbidden(node)
    if reason:
        raise TemplateSyntaxError(reason, node.lineno)


def _forbidden(node: nodes.Node) -> str:
    if isinstance(node, (nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)):
        wanted = node.template.value if isinstance(node.template, nodes.Const) else None
        if not isinstance(wanted, str) or not wanted.startswith(PARTIALS):
            return f"Only the shipped parts can be used here: write a name such as “{PARTIALS}items.html.j2”."
    elif isinstance(node, nodes.For) and node.recursive:
        return "Recursive loops are not open to templates."
    elif isinstance(node, (nodes.ScopedEvalContextModifier, nodes.EvalContextModifier)):
        return "Escaping cannot be switched off: remove “autoescape”."
    elif isinstance(node, nodes.Dict):
        return "Dictionaries are not open to templates: use “set” with single values."
    elif isinstance(node, nodes.Call) and (node.dyn_args or node.dyn_kwargs):
        return "“*” and “**” are not open to templates: name each argument."
    elif isinstance(node, nodes.Filter) and node.name not in filters.ALLOWED:
        return f"There is no filter “{node.name}”.{did_you_mean(node.name, filters.ALLOWED)}"
    elif isinstance(node, nodes.Test) and node.name not in ALLOWED_TESTS:
        return f"There is no test “{node.name}”.{did_you_mean(node.name, filter(str.isalpha, ALLOWED_TESTS))}"
    elif isinstance(node, nodes.Name) and node.name == "labels" and node.ctx != "load":
        return "“labels” holds the fixed texts. Choose another name for your own variable."
    else:
        name = _private_name(node)
        if name:
            return f"“{name}” is not open to templates: names that begin with “_” lead out of the message's data."
    return ""


def _private_name(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        name = node.name
    elif isinstance(node, nodes.Getattr):
        name = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        name = node.arg.value
    else:
        return ""
    return name if isinstance(name, str) and name.startswith("_") else ""


def not_shipped(name: str, partials) -> str:
    return f"There is no shared part “{name}”.{did_you_mean(name, partials)}"


# -- what is known before a message is there -------------------------------------------------------------------------


class _Unfolder(NodeTransformer):
    """Writes the labels of the language and the included shared parts into the template itself."""

    def __init__(self, sandbox: Sandbox):
        self.sandbox = sandbox

    def visit_Include(self, node):
        return self.generic_visit(nodes.Scope(self.sandbox.partial_body(node), lineno=node.lineno))

    def visit_Getattr(self, node):
        if isinstance(node.node, nodes.Name) and node.node.name == "labels":
            text = self.sandbox.globals["labels"].fixed_text(node.attr)
            if text is not None:
                return nodes.Const(text, lineno=node.lineno)
        return self.generic_visit(node)


# -- what it may cost ------------------------------------------------------------------------------------------------


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
    for inner, _depth in _walk(node):
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
    if isinstance(values, MissingValue):
        values._fail_with_undefined_error()
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
    texts = [filters._printable(part) for part in parts]
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


def _finalize(value):
    """Every ``{{ … }}`` passes here: only single values are shown, and their length is counted.

    Without a budget it is the compiler that asks, for a constant whose length is counted with the fixed text.
    """
    if isinstance(value, str):
        budget = current.get()
        if budget is not None:
            budget.chars -= len(value)
            if budget.chars < 0:
                budget.spend(0)
        return value
    if value is None:
        return ""
    return filters._printable(value)

"""The closed room in which a template runs: it sees the message's data and the shipped partials, nothing else.

Three fences: what may be *written* (``fences``, when it is read), what may be *reached* (``reach``, an allow-list per
type) and what it may *cost* (``weaving`` and ``budget``).
"""

from __future__ import annotations

from decimal import Decimal

from jinja2 import DictLoader, nodes
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import BlockReference, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from markupsafe import escape

from . import filters
from .budget import SOURCE_CHARS, BudgetExceeded, checked_length, current
from .context import READABLE_FIELDS
from .fences import not_shipped, refuse_forbidden
from .labels import Labels
from .problems import unknown_label
from .reach import ALLOWED_TESTS, READABLE, MissingValue, limited_range
from .weaving import INTERNAL_FILTERS, woven

_NUMBERS = (int, float, Decimal)
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
        self.filters = {**filters.ALLOWED, **INTERNAL_FILTERS}
        self.tests = ALLOWED_TESTS
        self.globals = {"range": limited_range, "namespace": Namespace, "labels": labels}

    def _parse(self, source, name, filename):
        if len(source) > SOURCE_CHARS:
            raise TemplateSyntaxError(
                f"The template is longer than {SOURCE_CHARS:,} characters.", 1, name, filename
            )
        tree = super()._parse(source, name, filename)
        refuse_forbidden(tree)
        return woven(tree, self._partial_tree, self.globals["labels"]).set_environment(self)

    def as_written(self, source: str) -> nodes.Template:
        """The template's own tree, before anything is woven into it."""
        return super()._parse(source, None, None)

    def _partial_tree(self, name: str) -> nodes.Template:
        if name not in self.loader.mapping:
            raise LookupError(not_shipped(name, self.loader.mapping))
        return super()._parse(self.loader.mapping[name], name, None)

    def getattr(self, obj, attribute):
        if type(obj) is Labels:
            return self._label(obj, attribute)
        readable = READABLE.get(type(obj))
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
        return attr in READABLE.get(type(obj), ())

    def unsafe_undefined(self, obj, attribute):
        raise SecurityError(f"“{attribute}” is not open to templates.")

    def is_safe_callable(self, obj) -> bool:
        if obj is limited_range or obj is Namespace or isinstance(obj, (Macro, BlockReference)):
            return True
        return getattr(obj, "__name__", "") in READABLE.get(type(getattr(obj, "__self__", None)), ())

    def call(self, context, obj, *args, **kwargs):
        budget = current.get()
        budget.enter_call()
        try:
            if not self.is_safe_callable(filters.defined(obj)):
                raise SecurityError("Only macros, “range” and “loop.cycle” can be called in a template.")
            return context.call(obj, *args, **kwargs)
        finally:
            budget.leave_call()

    def call_binop(self, context, operator, left, right):
        for value in (left, right):
            filters.defined(value)
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
    return filters.printable(value)

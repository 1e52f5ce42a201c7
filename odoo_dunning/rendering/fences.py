"""What may be written in a template; refused when it is read, with the line."""

from __future__ import annotations

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from .filters import ALLOWED
from .problems import did_you_mean
from .reach import ALLOWED_TESTS

PARTIALS = "_layout/"
NODE_DEPTH = 100
TOO_DEEP = "The template is nested too deeply. Work out parts of it first with “set”."


def refuse_forbidden(tree: nodes.Template) -> None:
    """Raise ``TemplateSyntaxError`` for the first thing in the tree that is not open to templates."""
    for node, depth in walk(tree):
        reason = TOO_DEEP if depth > NODE_DEPTH else _forbidden(node)
        if reason:
            raise TemplateSyntaxError(reason, node.lineno)


def walk(node: nodes.Node):
    """Every node and its depth, without recursion: a deeply nested template must not exhaust the stack here."""
    pending = [(node, 0)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        pending.extend((child, depth + 1) for child in node.iter_child_nodes())


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
    elif isinstance(node, nodes.Filter) and node.name not in ALLOWED:
        return f"There is no filter “{node.name}”.{did_you_mean(node.name, ALLOWED)}"
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

"""The language of templates: Jinja's, cut down to showing variables and asking about them.

A template comes from an admin and is filled with codes and names, so it can do nothing but that. Loops, calls,
attributes, arithmetic and includes are refused while it is read, before anything of it runs; Jinja's sandbox stands
behind that, and what a template makes has an upper size.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

__all__ = ["FILTERS", "BadTemplate", "fill", "names"]

LONGEST_SOURCE = 20_000
LONGEST_RESULT = 200_000

FILTERS = ("capitalize", "default", "length", "lines", "lower", "title", "trim", "upper")
"""What a template may do with a variable: `{{ doors | upper }}`. `lines` keeps line breaks in the HTML part."""

_TESTS = ("defined", "none")
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr),
    *(nodes.Filter, nodes.Test, nodes.Keyword, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    nodes.Concat,
)
_WORDS: Mapping[type[nodes.Node], str] = {
    nodes.For: "a loop",
    nodes.Call: "a call with ( )",
    nodes.Getattr: "a variable with a dot",
    nodes.Getitem: "a variable with [ ]",
    nodes.Assign: "{% set %}",
    nodes.AssignBlock: "{% set %}",
    nodes.Include: "{% include %}",
    nodes.Import: "{% import %}",
    nodes.FromImport: "{% import %}",
    nodes.Extends: "{% extends %}",
    nodes.Block: "{% block %}",
    nodes.Macro: "{% macro %}",
    nodes.BinExpr: "arithmetic",
    nodes.UnaryExpr: "arithmetic",
}


class BadTemplate(Exception):
    """A template can't be used; says why in words that hold nothing of what it was to be filled with."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


@lru_cache(maxsize=512)
def names(source: str) -> Mapping[str, int]:
    """The variables that a template uses, with the line of the first use. Raises BadTemplate."""
    found: dict[str, int] = {}
    for node in _nodes(_read(source, html=False)):
        if isinstance(node, nodes.Name):
            found.setdefault(node.name, node.lineno)
    return found


def fill(source: str, values: Mapping[str, str], *, html: bool = False) -> str:
    """The template filled; in HTML, values are escaped. Raises BadTemplate."""
    for name, line in names(source).items():
        if name not in values:
            raise BadTemplate(f"there is no variable {name!r}", line)
    try:
        parts, size = [], 0
        for part in _compiled(source, html).generate(values):
            parts.append(part)
            size += len(part)
            if size > LONGEST_RESULT:
                raise BadTemplate(f"it makes more than {LONGEST_RESULT:,} characters")
        return "".join(parts)
    except BadTemplate:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the template's
        # Its message may quote a value, and a value may be a code.
        raise BadTemplate(f"it can't be filled ({type(error).__name__})") from None


@lru_cache(maxsize=512)
def _compiled(source: str, html: bool) -> Template:
    try:
        return _ENVIRONMENTS[html].from_string(_read(source, html=html))
    except BadTemplate:
        raise
    except Exception as error:  # noqa: BLE001 - Python refuses what is nested too deeply in ways of its own
        raise BadTemplate(f"it can't be read ({type(error).__name__})") from None


def _read(source: str, *, html: bool) -> nodes.Template:
    """The template as a tree in which nothing stands that is not allowed."""
    if len(source) > LONGEST_SOURCE:
        raise BadTemplate(f"it is longer than {LONGEST_SOURCE:,} characters")
    try:
        tree = _ENVIRONMENTS[html].parse(_ALONE.sub(r"\1\n%}", source))
        for node in _nodes(tree):
            _check(node)
    except TemplateSyntaxError as error:
        raise BadTemplate(_what_is_wrong(str(error.message)), error.lineno) from None
    except (TemplateError, RecursionError, ValueError) as error:
        raise BadTemplate(f"it can't be read ({type(error).__name__})") from None
    return tree


_ALONE = re.compile(r"(?m)^[ \t]*(\{%(?:(?!%\}).)*)(?<![-+])%\}[ \t]*\n")
"""A line that holds one `{% … %}` and nothing else makes no line in the mail. Its end moves into the tag, so that lines
keep their numbers; Jinja's own way would also join a line that ends with a tag to the next."""


def _nodes(tree: nodes.Node) -> Iterator[nodes.Node]:
    """All nodes, from the first to the last."""
    yield tree
    for child in tree.iter_child_nodes():
        yield from _nodes(child)


_ONLY = "there is only {{ variable }} and {% if variable %} … {% endif %}"


_OPEN = re.compile(r"needs to be closed is '(\w+)'")
_TAG = re.compile(r"Encountered unknown tag '(\w+)'")


def _what_is_wrong(said: str) -> str:
    """What Jinja says of a template that it can't read, in words for who wrote it."""
    if found := _TAG.search(said):
        return f"{{% {found[1]} %}} does not belong there; {_ONLY}"
    if found := _OPEN.search(said):
        return f"{{% {found[1]} %}} is not closed: {{% end{found[1]} %}} is missing"
    if "end of print statement" in said and "end of template" in said:
        return "{{ is not closed: }} is missing"
    if "Missing end of comment tag" in said:
        return "{# is not closed: #} is missing"
    return f"what stands between {{{{ }}}} or {{% %}} can't be read; {_ONLY}"


def _check(node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED):
        what = next((words for kind, words in _WORDS.items() if isinstance(node, kind)), type(node).__name__)
        raise BadTemplate(f"{what} can't be used; {_ONLY}", node.lineno)
    if isinstance(node, nodes.Filter):
        _known("filter", node.name, FILTERS, node.lineno)
    if isinstance(node, nodes.Test):
        _known("test", node.name, _TESTS, node.lineno)


def _known(what: str, name: str, known: Collection[str], line: int) -> None:
    if name not in known:
        raise BadTemplate(f"there is no {what} {name!r}; there are {', '.join(known)}", line)


def _lines(value: object) -> Markup:
    """A text of several lines, for HTML."""
    return Markup("<br>\n").join(escape(line) for line in str(value).splitlines())


def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=html, keep_trailing_newline=True)
    made.globals.clear()
    made.filters["lines"] = _lines if html else str
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests = {name: made.tests[name] for name in _TESTS}
    return made


_ENVIRONMENTS = {html: _environment(html=html) for html in (False, True)}

"""What a look at a plugin's package tells: types, ways out, and its page for admins."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.plugins import Plugin
from hub.quality.file import GradeFile
from hub.settings import ConnectionSettings

__all__ = ["documented", "fully_typed", "one_way_out"]

OTHER_WAYS = frozenset({"aiohttp", "httpx", "requests", "urllib3", "pycurl", "socket"})
BLOCKS = frozenset({("time", "sleep"), ("subprocess", "run"), ("os", "system"), ("urllib.request", "urlopen")})
ABOVE = 4
"""So many folders above the package are looked at for the page: that of the project, in a checkout."""


def fully_typed(module: Any) -> str:
    """What lacks a type, empty where nothing does."""
    folder = _folder(module)
    if folder is None:
        return "it is a single module, and types are shipped by packages"
    if not any((above / "py.typed").is_file() for above in (folder, *folder.parents[:2])):
        return "there is no py.typed in its package"
    for path, tree in _modules(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lacks := _untyped(node)):
                return f"{path.name} line {node.lineno}: {node.name} has no type for {lacks}"
    return ""


def one_way_out(module: Any) -> str:
    """Which import or call goes past the hub's client, empty where none does. A simulator is no part of the vendor's
    side, and may do what it likes."""
    folder = _folder(module)
    for path, tree in _modules(folder) if folder is not None else [(Path(module.__file__), _parsed(module.__file__))]:
        if "sim" in path.stem:
            continue
        for node in ast.walk(tree):
            names = _imported(node)
            if found := OTHER_WAYS & {name.partition(".")[0] for name in names}:
                return f"{path.name} imports {', '.join(sorted(found))}"
            if isinstance(node, ast.Call) and (called := _called(node)) in BLOCKS:
                return f"{path.name} line {node.lineno} calls {'.'.join(called)}, which blocks"
    return ""


def documented(module: Any, plugin: Plugin, said: GradeFile, distribution: str | None) -> str | None:
    """What the page for admins lacks, empty where it is there and names every setting; None where it can't be told,
    because pages are not installed with a wheel and this is no checkout."""
    text = _page(module, said.docs, distribution)
    if not text and said.docs and not _in_checkout(module):
        return None
    if not text:
        return f"there is no page {said.docs!r}" if said.docs else 'the grade file names no page: docs = "README.md"'
    own = [name for name in plugin.settings.model_fields if name not in ConnectionSettings.model_fields]
    missing = [name for name in own if not re.search(rf"\b{re.escape(name)}\b", text)]
    return f"the page does not name the settings {', '.join(missing)}" if missing else ""


def _page(module: Any, name: str, distribution: str | None) -> str:
    """The page beside the package or above it; of an installed wheel, what it brought as its README."""
    folder = _folder(module) or Path(inspect.getfile(module)).parent
    for above in (folder, *folder.parents[:ABOVE]) if name else ():
        if (above / name).is_file():
            return (above / name).read_text(encoding="utf-8")
    if name.lower().startswith("readme") and distribution is not None:
        return str(importlib.metadata.metadata(distribution).json.get("description", ""))
    return ""


def _in_checkout(module: Any) -> bool:
    folder = _folder(module) or Path(inspect.getfile(module)).parent
    return any((above / "pyproject.toml").is_file() for above in (folder, *folder.parents[:ABOVE]))


def _folder(module: Any) -> Path | None:
    places = list(getattr(module, "__path__", []))
    return Path(places[0]) if places else None


def _modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, _parsed(path)


def _parsed(path: str | Path) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _untyped(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    missing = [one.arg for one in arguments if one.annotation is None and one.arg not in {"self", "cls"}]
    if node.returns is None:
        missing.append("what it returns")
    return ", ".join(missing)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def _called(node: ast.Call) -> tuple[str, str]:
    function = node.func
    if isinstance(function, ast.Attribute):
        return ast.unparse(function.value), function.attr
    return "", ""

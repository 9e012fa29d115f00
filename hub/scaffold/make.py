"""Writing the files of a new plugin."""

from __future__ import annotations

import importlib.metadata
import keyword
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import jinja2

from hub.errors import UserError
from hub.plugins import GROUP

__all__ = ["KINDS", "Made", "make_plugin"]

KINDS = {"lock": "windows", "source": "reading", "tracker": "classes"}
"""What can be made, with the module that does the work."""

_PLUGIN_KIND = {"source": "booking"}
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_LONGEST = 24
_SETTINGS = {
    "site": "The short name in the address of the admin pages",
    "api_token": "Made on the API page; a secret",
    "webhook_secret": "Shown once where webhooks are switched on; a secret",
    "base_url": "Another address than the vendor's, such as the simulator's",
}


@dataclass(frozen=True)
class Made:
    """What was written, and where."""

    folder: Path
    package: str
    files: tuple[Path, ...]


def make_plugin(name: str, kind: str, folder: Path) -> Made:
    """Write a plugin of that name and kind into a folder, which must be new or empty. Raises UserError for a name that
    no package can have or an installed plugin has, and for a folder that holds something."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or keyword.iskeyword(name):
        fix = f"Small letters and digits, at most {_LONGEST}, such as acme or acme-doors."
        raise UserError(f"a plugin can't be called {name!r}", fix=fix, code="name")
    if kind not in KINDS:
        raise UserError(f"there is no kind {kind!r}", fix=f"It is one of {', '.join(KINDS)}.", code="kind")
    for entry in importlib.metadata.entry_points(group=GROUP, name=name):
        owner = f", from {entry.dist.name}" if entry.dist else ""
        fix = "Choose another name: of two plugins with one name only one is loaded."
        raise UserError(f"there is a plugin {name!r} already{owner}", fix=fix, code="name_taken")
    package = f"studiohub_{name.replace('-', '_')}"
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            fix = "Name a folder that is not there yet, or an empty one."
            raise UserError(f"{folder} is there already and holds something", fix=fix, code="folder")
        written = [_write(folder / place, text) for place, text in _rendered(name, kind, package)]
    except OSError as error:
        raise UserError(f"{folder} can't be written", said=error.strerror or str(error), code="folder") from error
    return Made(folder, package, tuple(written))


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _rendered(name: str, kind: str, package: str) -> list[tuple[Path, str]]:
    """Every file of the new plugin, by its place in the folder."""
    # Python's own braces are all over the templates, so theirs are others.
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        variable_start_string="«",
        variable_end_string="»",
        block_start_string="«%",
        block_end_string="%»",
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it writes Python and TOML, not HTML
    )
    words = re.split(r"[_-]", name)
    settings = {key: text for key, text in _SETTINGS.items() if key != "webhook_secret" or kind == "source"}
    values = {
        "name": name,
        "package": package,
        "title": " ".join(word.capitalize() for word in words),
        "class": "".join(word.capitalize() for word in words),
        "kind": kind,
        "work": KINDS[kind],
        "settings": list(settings.items()),
    }
    found = []
    for layer in ("common", kind):
        for place, template in _templates(resources.files("hub.scaffold") / "templates" / layer):
            target = Path(str(place).removesuffix(".j2").replace("NAME", name.replace("-", "_")))
            outside = target.parts[0] == "tests" or target.name in {"pyproject.toml", "README.md"}
            text = environment.from_string(template.read_text(encoding="utf-8")).render(values)
            found.append((target if outside else Path(package) / target, text))
    return found


def _templates(folder: Traversable, at: Path = Path()) -> list[tuple[Path, Traversable]]:
    found: list[tuple[Path, Traversable]] = []
    for one in sorted(folder.iterdir(), key=lambda item: item.name):
        found += _templates(one, at / one.name) if one.is_dir() else [(at / one.name, one)]
    return found

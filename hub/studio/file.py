"""Reading a studio file, with errors that name the line and the key."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from hub import redact
from hub.errors import UserError
from hub.plugins import Ability, Plugin, Plugins
from hub.settings import ConnectionSettings, TargetOptions
from hub.studio.model import ROW_KINDS, LinkRow, MailSection, ResourceRow, Row, StudioSection

__all__ = [
    "ConnectionSpec",
    "StudioFile",
    "nearest",
    "parse",
    "resolve_secret",
    "row_from_values",
    "spec_from_values",
    "studio_name",
]


@dataclass(frozen=True)
class ConnectionSpec:
    """A connection as it was asked for. `missing` names secrets that were left out: the hub keeps those that it has
    already. `origins` says where the others came from."""

    name: str
    plugin: Plugin
    settings: ConnectionSettings
    options: TargetOptions | None
    origins: Mapping[str, Any] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()

    @property
    def in_plain_text(self) -> list[str]:
        """The secrets that stand in the file themselves."""
        return sorted(self.plugin.settings.secret_names() - self.missing - self.origins.keys())


@dataclass(frozen=True)
class StudioFile:
    """A studio file, checked. `studio` None: it adds to a studio instead of describing all of one. `mail` None: it says
    nothing about mails."""

    path: Path
    studio: StudioSection | None
    connections: Sequence[ConnectionSpec]
    rows: Mapping[str, Sequence[Row]]
    mail: MailSection | None = None
    lines: Lines | None = None

    def place(self, kind: str, index: int, key: str) -> str:
        """Where a key of a row stands, for people; `index` counts the rows of a table from 0."""
        return f"{self.path.name} line {self.lines.of(kind, index, key)}" if self.lines else self.path.name


class _Problems:
    """Collects everything that is wrong, so that one run shows it all."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = Lines(text)
        self.found: list[tuple[int, str]] = []

    def add(self, table: str, index: int | None, key: str | None, what: str) -> None:
        self.found.append((self.lines.of(table, index, key), what))

    def raise_any(self) -> None:
        if not self.found:
            return
        listed = [f"{self.path.name} line {line}: {what}" for line, what in sorted(set(self.found))]
        raise UserError("\n".join(listed), fix="Nothing was imported.", code="studio_file")


class Lines:
    """Where things stand in a TOML text: tables by name and number, keys in them."""

    _TABLE = re.compile(r"^\s*\[\[?\s*([A-Za-z0-9_.\-]+)\s*\]\]?\s*(?:#.*)?$")
    _KEY = re.compile(r"""^\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_\-]+))\s*[.=]""")

    def __init__(self, text: str) -> None:
        self._places: dict[tuple[str, int, str | None], int] = {}
        counts: dict[str, int] = {}
        table, index = "", 0
        for number, line in enumerate(text.split("\n"), 1):
            if match := self._TABLE.match(line):
                table = match[1]
                index = counts.get(table, -1) + 1
                counts[table] = index
                self._places[table, index, None] = number
                parent, _, key = table.partition(".")
                self._places.setdefault((parent, counts.get(parent, 0), key), number)
            elif match := self._KEY.match(line):
                key = match[1] or match[2] or match[3]
                self._places.setdefault((table, index, key), number)

    def of(self, table: str, index: int | None, key: str | None) -> int:
        for place in ((table, index or 0, key), (table, index or 0, None), ("", 0, table), ("", 0, key)):
            if place in self._places:
                return self._places[place]
        return 1


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest valid word, or lists them where none is near."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"valid: {', '.join(words)}"


def parse(path: Path, plugins: Plugins, *, known: Mapping[str, str] | None = None) -> StudioFile:
    """Read and check a studio file.

    `known` are the connections that exist already (name → plugin), which rows may refer to. Raises UserError that
    lists every problem with its line.
    """
    text, document = _load(path)
    problems = _Problems(path, text)
    for key in document:
        if key not in _TABLES:
            problems.add(key, None, None, f"unknown table {key!r}; {nearest(key, _TABLES)}")
    studio = None
    if "studio" in document:
        studio = _check(StudioSection, document["studio"], "studio", None, "[studio]", problems)
    mail = None
    if "mail" in document:
        mail = _check(MailSection, document["mail"], "mail", None, "[mail]", problems)
    connections = _connections(document, path, plugins, problems)
    names = {**(known or {}), **{spec.name: spec.plugin.name for spec in connections}}
    named = _list_of_tables(document, "connections", problems)
    declared = {entry.get("name") for entry in named if isinstance(entry.get("name"), str)}
    rows: dict[str, list[Row]] = {}
    for kind, model in ROW_KINDS.items():
        if kind not in document:
            continue
        rows[kind] = []
        for index, values in enumerate(_list_of_tables(document, kind, problems)):
            row = _check(model, values, kind, index, f"[[{kind}]]", problems)
            if row is None:
                continue
            _check_names(row, kind, index, names, declared, plugins, problems)
            rows[kind].append(row)
    problems.raise_any()
    return StudioFile(path, studio, connections, rows, mail, problems.lines)


_TABLES = ("studio", "mail", "connections", *ROW_KINDS)


def studio_name(path: Path) -> str | None:
    """The name in a studio file's `[studio]`; None without one, and for a file that `parse` would refuse."""
    try:
        section = _load(path)[1].get("studio")
    except UserError:
        return None
    name = section.get("name") if isinstance(section, Mapping) else None
    return name if isinstance(name, str) else None


def _load(path: Path) -> tuple[str, dict[str, Any]]:
    fix = "Nothing was imported."
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        where = f"Name the file in it, such as {path / 'studio.toml'}." if path.is_dir() else _WHERE_IT_IS
        said = error.strerror or str(error)
        raise UserError(f"{path} can't be read", said=said, fix=where, code="studio_file") from error
    except UnicodeDecodeError as error:
        what = f"{path.name} is not UTF-8 (byte {error.start + 1})"
        raise UserError(what, fix="Save it as UTF-8.", code="studio_file") from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path.name} is not valid TOML", said=str(error), fix=fix, code="studio_file") from error


_WHERE_IT_IS = "Type where it is, from the folder that you are in; the README shows what stands in it."


def _connections(
    document: Mapping[str, Any], path: Path, plugins: Plugins, problems: _Problems
) -> list[ConnectionSpec]:
    specs: list[ConnectionSpec] = []
    for index, values in enumerate(_list_of_tables(document, "connections", problems)):
        name, plugin_name = values.get("name"), values.get("plugin")
        label = f"[[connections]] {name!r}" if isinstance(name, str) else "[[connections]]"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            problems.add("connections", index, "name", f"{label}: {_NAME_IS}")
            continue
        if any(spec.name == name for spec in specs):
            problems.add("connections", index, "name", f"{label}: the name stands there twice")
            continue
        if not isinstance(plugin_name, str):
            what = "plugin must be text" if "plugin" in values else "plugin is missing"
            problems.add("connections", index, "plugin", f"{label}: {what}")
            continue
        try:
            plugin = plugins[plugin_name]
        except UserError as error:
            problems.add("connections", index, "plugin", f"{label}: {error}")
            continue
        rest = {key: value for key, value in values.items() if key not in {"name", "plugin"}}
        found: list[tuple[str | None, str]] = []
        spec = spec_from_values(name, plugin, rest, base=path.parent, found=found)
        for key, what in found:
            problems.add("connections", index, key, f"{label}: {what}")
        if spec is not None:
            specs.append(spec)
    return specs


_NAME = re.compile(r"[A-Za-z0-9_\-]+")
_NAME_IS = "name is letters, digits, - and _ (it stands in ids)"


def spec_from_values(
    name: str, plugin: Plugin, values: Mapping[str, Any], *, base: Path, found: list[tuple[str | None, str]]
) -> ConnectionSpec | None:
    """A connection from raw values (a table of the file, or what `connect` was given).

    Relative paths are taken from `base`. Problems go into `found` as (key, sentence); None then.
    """
    before = len(found)
    if not _NAME.fullmatch(name):
        found.append(("name", _NAME_IS))
    fields = plugin.settings.model_fields
    option_names = set(TargetOptions.model_fields) if plugin.kind != "booking" else set()
    settings: dict[str, Any] = {}
    options: dict[str, Any] = {}
    origins: dict[str, Any] = {}
    unresolved: set[str | None] = set()
    for key, value in values.items():
        if key in option_names:
            options[key] = value
        elif key in fields:
            try:
                settings[key], origin = resolve_secret(value, base)
            except UserError as error:
                found.append((key, f"{key}: {error}"))
                unresolved.add(key)
                continue
            if origin is not None:
                origins[key] = origin
        elif key in TargetOptions.model_fields:
            found.append((key, f"{key!r} is for locks and trackers; {plugin.title} is only read"))
        else:
            found.append((key, f"unknown key {key!r}; {nearest(key, [*fields, *option_names])}"))
    if plugin.kind != "booking" and "policy" not in options:
        found.append(("policy", 'policy is missing: choose "sync", "grant_only" or "observe"'))
        options["policy"] = "observe"
    missing = plugin.settings.secret_names() - values.keys()
    settings |= {key: "left-out" for key in missing if fields[key].is_required()}
    wrong: list[tuple[str | None, str]] = []
    model = _validate(plugin.settings, settings, wrong)
    found += [(key, what) for key, what in wrong if key not in unresolved]
    target = _validate(TargetOptions, options, found) if plugin.kind != "booking" else None
    if len(found) > before or model is None:
        return None
    for key in fields:
        value = getattr(model, key)
        if isinstance(value, Path):
            setattr(model, key, Path(os.path.normpath(base.absolute() / value.expanduser())))
    redact.know(*(secret for key, secret in model.secrets().items() if key not in missing))
    return ConnectionSpec(name, plugin, model, target, origins, missing)


def resolve_secret(value: Any, base: Path) -> tuple[Any, dict[str, str] | None]:
    """A value, or what `{ env = "NAME" }` or `{ file = "PATH" }` points to, with that origin."""
    if not isinstance(value, Mapping) or set(value) not in ({"env"}, {"file"}):
        return value, None
    if "env" in value:
        found = os.environ.get(str(value["env"]))
        if not found:
            word = "no" if found is None else "an empty"
            raise UserError(f"the environment has {word} {value['env']}", fix=f"Set it and `export {value['env']}`.")
        return found, {"env": str(value["env"])}
    path = Path(os.path.normpath(base.absolute() / Path(str(value["file"])).expanduser()))
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UserError(f"the file {path} can't be read", fix="Write the secret into it, and nothing else.") from error
    if not found:
        raise UserError(f"the file {path} is empty")
    return found, {"file": str(path)}


def _validate(model: type[Any], values: Mapping[str, Any], found: list[tuple[str | None, str]]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found += [(_key(item), _sentence(item, model)) for item in error.errors()]
        return None


def _check(model: type[Any], values: Any, table: str, index: int | None, label: str, problems: _Problems) -> Any:
    if not isinstance(values, Mapping):
        problems.add(table, index, table, f"{label} must be a table")
        return None
    found: list[tuple[str | None, str]] = []
    made = _validate(model, values, found)
    for key, what in found:
        problems.add(table, index, key, f"{label}: {what}")
    return made


def _key(item: Any) -> str | None:
    place = item["loc"]
    return str(place[0]) if place else None


def _sentence(item: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"unknown key {where!r}; {nearest(str(item['loc'][-1]), _names(model, item['loc']))}"
    if item["type"] == "missing":
        info = model.model_fields.get(where)
        return f"{where} is missing" + (f": {info.description}" if info is not None and info.description else "")
    text = _MUST_BE.get(item["type"]) or str(item["msg"]).removeprefix("Value error, ")
    text = redact.mask(text.replace("Input should be", "must be"))
    return f"{where} {text}" if text.startswith("must ") else f"{where}: {text}" if where else text


_MUST_BE = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}
"""What pydantic calls by the names of Python, in the words of a TOML file."""


def _names(model: type[BaseModel], place: Sequence[Any]) -> list[str]:
    """The keys that are valid where an unknown one stands."""
    for part in place[:-1]:
        inner = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return [info.alias or name for name, info in model.model_fields.items()]


def _list_of_tables(document: Mapping[str, Any], key: str, problems: _Problems) -> list[Mapping[str, Any]]:
    value = document.get(key, [])
    if not isinstance(value, list) or any(not isinstance(entry, Mapping) for entry in value):
        if key in document:
            problems.add(key, None, None, f"write [[{key}]], once for each row")
        return []
    return value


def _check_names(
    row: Row,
    kind: str,
    index: int,
    names: Mapping[str, str],
    declared: set[Any],
    plugins: Plugins,
    problems: _Problems,
) -> None:
    for key, what in _name_problems(row, kind, names, declared, plugins):
        problems.add(kind, index, key, f"[[{kind}]]: {what}")


def _name_problems(
    row: Row, kind: str, names: Mapping[str, str], declared: set[Any], plugins: Plugins
) -> Iterator[tuple[str, str]]:
    """What is wrong with the connections that a row names, as (key, sentence)."""
    for key, name, kinds in (
        ("member" if kind == "links" else "source", row.source_name, {"booking"}),
        ("target", row.target, {"lock", "tracker"}),
    ):
        if name not in names:
            if name not in declared:
                yield key, f"there is no connection {name!r}; {nearest(name, names)}"
        elif names[name] in plugins.loaded and plugins.loaded[names[name]].kind not in kinds:
            yield key, f"{name!r} is not a connection that is {'read from' if key != 'target' else 'written to'}"
        elif names[name] in plugins.loaded and key == "target":
            yield from _unable(row, name, plugins.loaded[names[name]])


def _unable(row: Row, name: str, plugin: Plugin) -> Iterator[tuple[str, str]]:
    """What a row asks of its target that the vendor can't do at all, as (key, sentence)."""
    can = plugin.abilities
    if getattr(row, "group", None) is not None and Ability.GROUPS not in can:
        instead = "name locks instead" if Ability.LOCKS in can else "it can't be the target of a pass"
        yield "group", f"{name!r} ({plugin.title}) has no access groups; {instead}"
    locks = bool(getattr(row, "locks", ()))
    if locks and Ability.LOCKS not in can:
        yield "locks", f"{name!r} ({plugin.title}) opens no single locks"
    elif locks and getattr(row, "credential", None) == "link" and Ability.LINKS not in can:
        yield "credential", f'{name!r} ({plugin.title}) gives no links; write credential = "code"'
    if plugin.booked_only and locks and not isinstance(row, ResourceRow):
        yield "target", f"{name!r} ({plugin.title}) opens doors for bookings only"
    if isinstance(row, LinkRow) and plugin.kind == "lock" and Ability.PEOPLE not in can:
        yield "target", f"{name!r} ({plugin.title}) has no people whom a member could be linked to"


def row_from_values(kind: str, values: Mapping[str, Any], *, names: Mapping[str, str], plugins: Plugins) -> Row:
    """One mapping row from raw values, by the keys that it has in a studio file. `names` are the connections (name →
    plugin). Raises UserError that lists everything that is wrong with it."""
    found: list[tuple[str | None, str]] = []
    row: Row | None = _validate(ROW_KINDS[kind], values, found)
    if row is not None:
        found += _name_problems(row, kind, names, set(), plugins)
    if row is None or found:
        raise UserError(
            "\n".join(f"{kind}: {what}" for _, what in found),
            fix=f"A row of {kind} takes {', '.join(_names(ROW_KINDS[kind], ('',)))}.",
            code="mapping",
        )
    return row

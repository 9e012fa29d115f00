"""The pages to look things up in have every word that the code has, and no other: settings, commands, statuses,
reasons, codes of the inbox."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hub.access.reasons import REASONS, Wording
from hub.classes import reasons as classes
from hub.engine import blocked, source_told
from hub.grants import CheckState
from hub.inbox import CODES
from hub.look.explain import VERDICTS
from hub.look.grants import SHOWN
from hub.plugins import Plugins
from hub.reconcile.plan import Action
from hub.settings import ConnectionSettings, HoldLimit, HubSettings, TargetOptions
from hub.studio.model import ROW_KINDS, MailSection, StudioSection
from tests.docs.reading import PAGES, commands, first_cells, options_of, page, row_of, section
from tests.vendor_pair.cluster import ROOT

PLUGINS = Plugins.discover()

# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SETTINGS = page("settings")


def test_every_variable_of_the_installation_is_written_down() -> None:
    """With the number that counts where it is not set."""
    table = section(SETTINGS, "## The installation")
    assert sorted(first_cells(table)) == sorted(f"STUDIOHUB_{name.upper()}" for name in HubSettings.model_fields)
    for name, info in HubSettings.model_fields.items():
        if isinstance(info.default, int) and not isinstance(info.default, bool):
            assert re.search(rf"\b{info.default}\b", row_of(table, f"STUDIOHUB_{name.upper()}")[1]), name


def test_no_page_names_a_variable_a_number_or_a_file_that_there_is_not() -> None:
    """Variables of the environment, numbers that the daemon serves, and files beside the pages, in every page."""
    variables = {f"STUDIOHUB_{name.upper()}" for name in HubSettings.model_fields}
    metrics = (ROOT / "hub/web/metrics.py").read_text(encoding="utf-8")
    for file in PAGES:
        text = file.read_text(encoding="utf-8")
        assert {one.removesuffix("_FILE") for one in re.findall(r"\bSTUDIOHUB_[A-Z_]*[A-Z]\b", text)} <= variables, file
        for name in re.findall(r"`(studiohub_[a-z_]+)`", text):
            assert name in metrics or name.removeprefix("studiohub_") in metrics, f"{file.name}: {name}"
        for name in re.findall(r"`((?:deploy|docs|tests|hub)/[\w./-]+)`", text):
            assert (ROOT / name).exists() or file.parent.name == "plugins", f"{file.name}: {name}"


def shown(info: FieldInfo) -> str:
    """What a table says counts where a key is left out."""
    if info.is_required():
        return "needed"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, HoldLimit):
        return f"`{{ count = {value.count}, percent = {value.percent:g} }}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Enum | str) and value:
        return f'`"{value.value if isinstance(value, Enum) else value}"`'
    if isinstance(value, int | float):
        return f"`{value:g}`"
    assert not value or isinstance(value, BaseModel), value
    return "none"


def check_keys(table: str, fields: Mapping[str, FieldInfo]) -> None:
    """The table has these keys and what counts without them."""
    assert sorted(first_cells(table)) == sorted(fields)
    for name, info in fields.items():
        assert row_of(table, name)[2] == shown(info), name


def test_every_key_of_the_studio_is_written_down() -> None:
    """[studio], [mail], and what every connection takes."""
    check_keys(section(SETTINGS, "### `[studio]`"), StudioSection.model_fields)
    check_keys(section(SETTINGS, "### `[mail]`"), MailSection.model_fields)
    of_all, of_targets = section(SETTINGS, "### `[[connections]]`").split("A lock or tracker takes these too:")
    assert first_cells(of_all)[:2] == ["name", "plugin"]
    assert set(first_cells(of_all)[2:]) == set(ConnectionSettings.model_fields)
    check_keys(of_targets, TargetOptions.model_fields)


def test_every_key_of_a_mapping_row_is_written_down() -> None:
    """Those that are needed apart from those that are not, with what counts without them."""
    rows = [line for line in section(SETTINGS, "### Mapping tables").splitlines() if line.startswith("| `[[")]
    assert [line.split("`")[1].strip("[]") for line in rows] == list(ROW_KINDS)
    for line, model in zip(rows, ROW_KINDS.values(), strict=True):
        _, _, needed, optional, _ = line.split("|")
        names = {info.alias or name: info for name, info in model.model_fields.items()}
        assert set(re.findall(r"`(\w+)`", f"{needed} {optional}")) - {"true", "false"} == set(names)
        for name, default in re.findall(r"`(\w+)` \(`?([^`),]*)`?", optional):
            assert default in {shown(names[name]).strip("`"), "none"}, (line, name)
        for name, info in names.items():
            assert not info.is_required() or f"`{name}`" in needed


@pytest.mark.parametrize("plugin", PLUGINS.loaded.values(), ids=lambda one: one.name)
def test_every_setting_of_a_plugin_is_written_down(plugin: Any) -> None:
    """With what counts where it is left out; secrets say that they are kept sealed."""
    table = section(SETTINGS, f"### {plugin.name}")
    own = {name: info for name, info in plugin.settings.model_fields.items() if name not in TABLES_OF_ALL}
    check_keys(table, own)
    sealed = {name for name in own if "kept sealed" in row_of(table, name)[1]}
    assert sealed == plugin.settings.secret_names()
    assert f"]({plugin.name}.md)" in table


TABLES_OF_ALL = frozenset(ConnectionSettings.model_fields)


def test_the_page_has_a_part_for_each_plugin_and_no_other() -> None:
    """One that was taken out leaves nothing behind."""
    assert set(re.findall(r"^### (\w+)$", SETTINGS, re.MULTILINE)) == set(PLUGINS.loaded)


# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────────

COMMANDS = page("commands")
PARTS = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", COMMANDS, re.DOTALL | re.MULTILINE))
"""Heading → what stands below."""


def words_of(heading: str) -> str:
    """The command itself: what is not in capitals."""
    return " ".join(word for word in heading.split() if re.fullmatch(r"[a-z-]+", word))


def test_every_command_is_written_down() -> None:
    """And no other."""
    assert sorted(map(words_of, PARTS)) == sorted(commands())


def arguments_of(command: App) -> tuple[list[bool], dict[str, bool]]:
    """Whether each argument is needed; the options, each with whether a value follows."""
    collection = command.assemble_argument_collection(parse_docstring=True)
    needed = [argument.required for argument in collection if not argument.name.startswith("--")]
    return needed, options_of(command)


@pytest.mark.parametrize("heading", PARTS)
def test_every_option_of_a_command_is_written_down(heading: str) -> None:
    """The heading has the arguments, those that may be left out in brackets; the table each argument and option."""
    words = words_of(heading)
    needed, options = arguments_of(commands()[words])
    placeholders = heading.split()[len(words.split()) :]
    assert [not one.startswith("[") for one in placeholders] == needed
    listed = first_cells(PARTS[heading])
    assert listed[: len(placeholders)] == [one.strip("[]") for one in placeholders]
    takes = {one.split()[0]: len(one.split()) > 1 for one in listed[len(placeholders) :]}
    if "--check" in options:
        del options["--check"]
    assert takes == options


# ── statuses ──────────────────────────────────────────────────────────────────────────────────────────────────────────

STATUSES = page("statuses")


def texts_in(module: str, function: str) -> set[str]:
    """The texts that a function of a module returns."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    (body,) = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == function)
    values = [one.value for one in ast.walk(body) if isinstance(one, ast.Return) and one.value is not None]
    parts = [part for value in values for part in (value, *ast.iter_child_nodes(value))]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def test_every_status_is_written_down() -> None:
    """Of grants, plans, runs, checks and explanations."""
    runs = texts_in("hub/engine/target_result.py", "state") | texts_in("hub/engine/source_pass.py", "state")
    assert first_cells(section(STATUSES, "## Grants")) == list(dict.fromkeys(SHOWN.values()))
    assert first_cells(section(STATUSES, "## Plans")) == [action.value for action in Action]
    assert set(first_cells(section(STATUSES, "## Runs"))) == {"running", *runs}
    assert set(first_cells(section(STATUSES, "## Checks"))) == {state.value for state in CheckState}
    assert set(first_cells(section(STATUSES, "## Verdicts of explain"))) == set(VERDICTS)


def test_every_state_of_a_mail_and_a_connection_is_written_down() -> None:
    """As the tables of the database and the list of vendors have them."""
    tables = (ROOT / "hub/store/tables.py").read_text(encoding="utf-8")
    (listed,) = re.findall(r"# (queued, [\w, ]+)", tables)
    assert set(first_cells(section(STATUSES, "## Mails"))) == set(listed.strip().split(", "))
    vendors = (ROOT / "hub/look/vendors.py").read_text(encoding="utf-8")
    states = re.findall(r'"(\w+)"', re.findall(r"state: Literal\[([^\]]+)\]", vendors)[0])
    assert set(first_cells(section(STATUSES, "## Connections"))) == set(states)


# ── reasons ───────────────────────────────────────────────────────────────────────────────────────────────────────────

DOORS, BIKES = page("reasons").split("\n## Classes and bikes\n")
NAMES = {"ended": "moment", "starts": "moment", "opens": "doors", "window": "when", "pass_name": "pass"}


def worded(template: str) -> str:
    """A sentence of the code as the page has it: what is filled in stands in italics, in commands in capitals."""
    text = re.sub(r"`[^`]*`", lambda code: re.sub(r"\{(\w+)\}", lambda one: one[1].upper(), code[0]), template)
    text = re.sub(r"\[\[\w+\]\]", r"`\g<0>`", text.replace("{until}", "").replace("{while}", ""))
    return re.sub(r"\{(\w+)\}", lambda one: f"*{NAMES.get(one[1], one[1])}*", text)


def check_reasons(text: str, wordings: Mapping[str, Wording], besides: set[str]) -> None:
    """Each code stands there once, with its sentence and what to do."""
    listed = first_cells(text)
    assert sorted(listed) == sorted({*wordings, *besides})
    for code, wording in wordings.items():
        _, sentence, fix = row_of(text, code)
        assert sentence == worded(wording.text), code
        assert fix == worded(wording.fix) if wording.fix not in {"", "{fix}"} else fix, code


def test_every_reason_is_written_down_in_its_own_words() -> None:
    """Of doors, with the three that only `explain` has; and of classes."""
    tree = ast.parse((ROOT / "hub/look/explain.py").read_text(encoding="utf-8"))
    lines = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "Line"]
    besides = {str(one.args[1].value) for one in lines if isinstance(one.args[1], ast.Constant)}
    check_reasons(DOORS, REASONS, besides)
    check_reasons(BIKES, classes.WORDINGS, set())


# ── the inbox ─────────────────────────────────────────────────────────────────────────────────────────────────────────

INBOX, NOTES = page("inbox").split("\n## Notes of vendors\n")
COMPUTED = {
    ("blocked", "code"): set(blocked.BLOCKED),
    ("source_pass", "code"): {"source_note", "key_ends"},
    ("told", "code"): classes.TOLD | classes.HELD | {"class_failed", "seat_failed"},
    ("apply", "code"): {"removal_failed", "grant_failed"},
    ("waiting", "mails.code"): {"mail_server", "no_mail_server"},
}
"""Where the code of what is put into the inbox is chosen: which it can be. A plugin's `note.code` is its own."""


def calls_of(name: str, *folders: str) -> Iterator[tuple[Path, ast.Module, ast.Call]]:
    """Every call of a function of that name."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for one in ast.walk(tree):
                if isinstance(one, ast.Call) and (getattr(one.func, "attr", "") or getattr(one.func, "id", "")) == name:
                    yield file, tree, one


def constant(tree: ast.Module, name: str) -> str | None:
    """The text that a name of a module stands for."""
    for one in tree.body:
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == name and isinstance(one.value, ast.Constant):
            return str(one.value.value)
    return None


def raised() -> set[str]:
    """Every code that the hub puts into the inbox."""
    found: set[str] = set()
    for file, tree, call in calls_of("raise_item", "hub", "plugins", "tui"):
        (code,) = (word.value for word in call.keywords if word.arg == "code")
        if isinstance(code, ast.Constant):
            found.add(str(code.value))
        elif isinstance(code, ast.Name) and (value := constant(tree, code.id)) is not None:
            found.add(value)
        elif ast.unparse(code) != "note.code":
            found |= COMPUTED[file.stem, ast.unparse(code)]
    return found


def test_every_code_that_is_raised_is_registered() -> None:
    """And none is registered that nothing raises."""
    assert raised() == set(CODES)
    assert source_told.NOTES == ("source_note", "key_ends")


def test_every_code_of_the_inbox_is_written_down() -> None:
    """With the sign for those that the admin gets a mail about."""
    assert sorted(first_cells(INBOX)) == sorted(CODES)
    for code, kind in CODES.items():
        first, means, fix = row_of(INBOX, code)
        assert ("✉" in first) == (kind.mail_after is not None), code
        assert len(means.split()) > 3
        assert fix
        if kind.mail_after:
            minutes = kind.mail_after.total_seconds() / 60
            assert first.endswith(f"{minutes / 60:g} h" if minutes >= 60 else f"{minutes:g} min"), code


def test_every_note_of_a_vendor_is_written_down() -> None:
    """Those that the plugins here give; a simulator gives none."""
    notes = set()
    for _, tree, call in calls_of("Note", "plugins"):
        code = call.args[0] if call.args else next(word.value for word in call.keywords if word.arg == "code")
        notes.add(str(code.value) if isinstance(code, ast.Constant) else constant(tree, ast.unparse(code)))
    assert set(first_cells(NOTES)) == notes

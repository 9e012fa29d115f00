"""What can be copied from a page works: each studio file parses, each command and option exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from hub.core import Hub, initialise
from hub.errors import UserError
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.studio.file import parse
from hub.studio.importing import import_file
from hub.studio.model import ROW_KINDS
from tests.docs.reading import PAGES, Block, blocks, mistake_in, prose, typed

TABLES = {"studio", "mail", "connections", *ROW_KINDS}
PLUGINS = Plugins.discover()
OWN = {"plugins": "tables of a package and of grade files, which tests/docs/test_tutorial.py and the others run"}
"""Folders of pages whose TOML is no studio file."""


def studio_blocks() -> list[Block]:
    """The TOML of the pages for admins and operators."""
    return [block for block in blocks("toml") if block.page.parent.name not in OWN]


def completed(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fragment with what it leaves out: the connections that its rows name, and secrets in the environment."""
    document = tomllib.loads(text)
    for name in re.findall(r'env = "(\w+)"', text):
        monkeypatch.setenv(name, "a-secret-for-the-test")
    named = {one["name"]: one["plugin"] for one in document.get("connections", [])}
    rows = [(kind, row) for kind in ROW_KINDS for row in document.get(kind, [])]
    for kind, row in rows:
        source = row["member"].partition(":")[0] if kind == "links" else row["source"]
        if source not in named:
            named[source] = "files"
            text += f'\n[[connections]]\nname = "{source}"\nplugin = "files"\npath = "."\n'
        if row["target"] not in named:
            tracker = kind == "rooms" or row["target"] in {"bikes", "spivi"}
            named[row["target"]] = "spivi" if tracker else "exivo"
            settings = 'source_name = "x"\npassword = "x"' if tracker else 'api_key = "x"\napi_secret = "x"'
            text += f'\n[[connections]]\nname = "{row["target"]}"\nplugin = "{named[row["target"]]}"\n'
            text += f'site_id = "x"\n{settings}\npolicy = "observe"\n'
    if "studio" not in document:
        text = f'[studio]\nname = "Studio Nordlicht"\ntimezone = "Europe/Zurich"\n\n{text}'
    return text


def whole_connection(block: Block, lines: dict[str, Any]) -> str:
    """The first connection of the page with these lines in it."""
    first = next(one.text for one in studio_blocks() if one.page == block.page and "[[connections]]" in one.text)
    values = {**tomllib.loads(first)["connections"][0], **lines}
    return tomlkit.dumps({"connections": [values]})


@pytest.mark.parametrize("block", studio_blocks(), ids=lambda block: block.place)
async def test_every_studio_file_can_be_imported(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole one as it stands; a fragment beside the studio and the connections that its rows name; a few lines of a
    connection in the place of what the page's first one has."""
    document = tomllib.loads(block.text)
    file = tmp_path / "studio.toml"
    text = block.text if TABLES & document.keys() else whole_connection(block, document)
    file.write_text(completed(text, monkeypatch), encoding="utf-8")
    home = HubSettings.model_validate({"home": tmp_path / "home"})
    await initialise(home)
    async with Hub.open(home, plugins=PLUGINS) as hub:
        try:
            done = await import_file(hub, file, who="test")
        except UserError as error:
            pytest.fail(f"{block.place}: {error}")
    assert done.changes


def test_a_mistake_in_a_studio_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was renamed, in a fragment."""
    text = '[[resources]]\nsource = "anny"\nresource = "r-7"\ntarget = "door"\nlocks = ["C-1"]\nminutes_early = 5\n'
    file = tmp_path / "studio.toml"
    file.write_text(completed(text, monkeypatch), encoding="utf-8")
    with pytest.raises(UserError, match="minutes_early"):
        parse(file, PLUGINS)


COMMAND = re.compile(r"(?:^|&&|\||\$\()\s*(?:sudo -u \w+ )?(?:\w+=\S+ )*(?:[\w./]*/)?(?=studiohub\s)")


def shell_lines() -> list[tuple[str, str]]:
    """Each call of the command in a shell block, with its place; continuation lines are joined."""
    found = []
    for block in blocks("sh"):
        text = re.sub(r"(<<'?(\w+)'?\n).*?^\2$", "", block.text, flags=re.DOTALL | re.MULTILINE)
        for line in text.replace("\\\n", " ").splitlines():
            found += [(block.place, line[match.end() :]) for match in COMMAND.finditer(line)]
    return found


def test_every_command_of_a_shell_example_exists() -> None:
    """With its options; nothing is run, because vendors are real there."""
    lines = shell_lines()
    assert len(lines) > 100
    wrong = {f"{place}: {line}": what for place, line in lines if (what := mistake_in(typed(line)[1:]))}
    assert wrong == {}


def test_every_command_in_a_sentence_exists() -> None:
    """`studiohub …` between backticks, in every page."""
    wrong = {}
    for file in PAGES:
        text = prose(file.read_text(encoding="utf-8")).replace("\n", " ")
        for code in re.findall(r"`(studiohub (?!COMMAND )[^`]+)`", text):
            words = [word.strip("[]…,.") for word in code.split()[1:]]
            if what := mistake_in([word for word in words if word]):
                wrong[f"{file.name}: {code}"] = what
    assert wrong == {}


def test_a_mistake_in_a_command_is_found() -> None:
    """A command or an option that there is not."""
    assert mistake_in(["synk"]) == "there is no command 'synk'"
    assert mistake_in(["sync", "--al"]) == "sync takes no --al"
    assert mistake_in(["mail", "save", "access", "x", "--language"]) == "mail save --language needs a value"
    assert mistake_in(["--home", "x", "sync", "desk", "--json"]) == ""

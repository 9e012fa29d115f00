"""Importing a studio file brings the studio in line with it, all or nothing; exporting writes one without secrets."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from hub.core import Hub, initialise
from hub.errors import UserError
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.store import tables as t
from hub.studio.importing import Imported, export_text, import_file
from hub.studio.model import ROW_KINDS, StudioSection
from hub.studio.rendering import render
from tests.conftest import BOTH
from tests.harness import World
from tests.hub.studio_files import DESIGN, SMALL, Write

# ── importing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def hub(folder: Path, database_url: str | None, plugins: Plugins) -> AsyncIterator[Hub]:
    """A fresh installation."""
    options: dict[str, Any] = {"home": folder / "home", "key": None, "database_url": database_url}
    await initialise(HubSettings(**options))
    async with Hub.open(HubSettings(**options), plugins=plugins) as opened:
        yield opened


async def bring(hub: Hub, path: Path) -> Imported:
    return await import_file(hub, path, who="test")


async def everything(hub: Hub) -> dict[str, list[Any]]:
    """All rows of all tables."""
    async with hub.database.read() as db:
        return {
            name: [tuple(row) for row in await db.execute(select(table).order_by(*table.primary_key.columns))]
            for name, table in t.metadata.tables.items()
        }


async def secrets_of(hub: Hub, name: str) -> dict[str, str]:
    row = await hub.connection_row(name)
    return row.open_settings(hub.plugins[row.plugin], hub.vault).secrets()


@BOTH
async def test_a_second_import_changes_nothing(hub: Hub, write: Write) -> None:
    """Not a row, not even the time of the last change."""
    path = write(DESIGN)
    first = await bring(hub, path)
    assert first.changes[0] == "studio 'Studio Nordlicht' created"
    assert len(first.changes) == 1 + 6 + len(ROW_KINDS)
    before = await everything(hub)
    assert (await bring(hub, path)).changes == []
    assert await everything(hub) == before


async def test_a_second_import_puts_nobody_on_the_agenda(world: World) -> None:
    """Importing the same file in a cron job costs nothing; a changed row concerns those behind it."""

    async def waiting() -> int:
        async with world.hub.database.read() as db:
            query = select(func.count()).select_from(t.agenda).where(t.agenda.c.stamp.is_not(None))
            return int((await db.execute(query)).scalar_one())

    world.join("1")
    world.join("2")
    await world.sync()
    assert await waiting() == 0
    await world.reimport()
    assert await waiting() == 0
    await world.reimport(hold_count=6)
    assert await waiting() == 2


OTHER_PLUGIN = """name = "spivi"
plugin = "momence"
client_id = "1"
client_secret = "x-s3cr3t"

[[connections]]
name = "x"
plugin = "spivi"
"""


@BOTH
async def test_an_import_is_all_or_nothing(hub: Hub, write: Write) -> None:
    """Where the last connection can't be saved, the first one isn't either."""
    await bring(hub, write(SMALL))
    before = await everything(hub)
    text = SMALL.replace('path = "export"', 'path = "other"').replace('name = "spivi"\nplugin = "spivi"', OTHER_PLUGIN)
    if hub.database.is_sqlite:
        text = text.replace('"Nordlicht"', '"Südlicht"')
    with pytest.raises(UserError, match="'spivi' is a connection of plugin 'spivi', not 'momence'") as raised:
        await bring(hub, write(text))
    assert "disconnect spivi" in raised.value.fix
    assert await everything(hub) == before
    assert hub.the_studio.name == "Nordlicht"


@BOTH
async def test_secrets_that_the_file_leaves_out_are_kept(hub: Hub, write: Write) -> None:
    """Required and optional ones; one that it names takes the place of the old."""
    source = 'plugin = "momence"\nclient_id = "1"\nclient_secret = "first-s3cr3t"\npassword = "second-s3cr3t"'
    full = SMALL.replace('plugin = "files"\npath = "export"', source)
    await bring(hub, write(full))
    left_out = re.sub(r"^(client_secret|password) = .*\n", "", full, flags=re.MULTILINE)
    assert (await bring(hub, write(left_out))).changes == []
    assert await secrets_of(hub, "desk") == {"client_secret": "first-s3cr3t", "password": "second-s3cr3t"}
    assert await secrets_of(hub, "spivi") == {"password": "spivi-s3cr3t"}
    changed = left_out.replace('client_id = "1"', 'client_id = "1"\nclient_secret = "third-s3cr3t"')
    assert (await bring(hub, write(changed))).changes == ["connection 'desk' changed"]
    assert await secrets_of(hub, "desk") == {"client_secret": "third-s3cr3t", "password": "second-s3cr3t"}


@BOTH
async def test_a_connection_without_its_secret_is_not_made(hub: Hub, write: Write) -> None:
    """The error says how to give it."""
    with pytest.raises(UserError, match="connection 'spivi' needs password") as raised:
        await bring(hub, write(re.sub("^password = .*\n", "", SMALL, flags=re.MULTILINE)))
    assert raised.value.fix == 'Write password = { env = "NAME" } or { file = "PATH" } in the studio file.'
    assert await everything(hub) == {**await everything(hub), "studio": [], "connection": []}


ROWS = """
[[links]]
member = "desk:1"
target = "spivi"
id = "{id}"

[[rooms]]
source = "desk"
room_plan = "ride"
target = "spivi"
box = "1"
"""


@BOTH
async def test_a_file_with_studio_describes_all_of_it_and_one_without_adds(hub: Hub, write: Write) -> None:
    """Tables that a whole file lacks are emptied, connections that it lacks stay; a part replaces what is in it."""
    await bring(hub, write(SMALL + ROWS.format(id="a")))
    part = await bring(hub, write('[[links]]\nmember = "desk:1"\ntarget = "spivi"\nid = "b"\n'))
    assert part.changes == ["links: 1 row (were 1)"]
    assert await _kinds(hub) == {"links": 1, "rooms": 1}
    assert (await bring(hub, write("[[links]]\n".replace("[[links]]", "links = []")))).changes == [
        "links: 0 rows (were 1)"
    ]
    assert await _kinds(hub) == {"rooms": 1}
    whole = await bring(hub, write(SMALL.partition("[[connections]]")[0]))
    assert whole.changes == ["rooms: 0 rows (were 1)"]
    assert [row.name for row in await hub.connections()] == ["desk", "spivi"]


async def _kinds(hub: Hub) -> dict[str, int]:
    async with hub.database.read() as db:
        counts = await db.execute(select(t.mapping.c.kind, func.count()).group_by(t.mapping.c.kind))
        return {row[0]: row[1] for row in counts}


async def test_the_first_file_has_to_say_which_studio(hub: Hub, write: Write) -> None:
    """A zone is never guessed."""
    with pytest.raises(UserError, match=r"has no \[studio\] table"):
        await bring(hub, write('[[connections]]\nname = "desk"\nplugin = "files"\npath = "x"\n'))


async def test_on_one_machine_another_name_is_a_new_name(hub: Hub, write: Write) -> None:
    """The studio was renamed; nothing of it is lost."""
    await bring(hub, write(SMALL))
    assert (await bring(hub, write(SMALL.replace("Nordlicht", "Südlicht")))).changes == ["studio 'Südlicht' changed"]
    assert [row.name for row in await hub.connections()] == ["desk", "spivi"]


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_on_a_server_another_name_is_another_studio(hub: Hub, write: Write, plugins: Plugins) -> None:
    """Any number of them; each file finds its own, and rows can't refer to another studio's connections."""
    for name in ("Nord", "Süd", "West"):
        assert f"studio {name!r} created" in (await bring(hub, write(SMALL.replace("Nordlicht", name)))).changes
    async with Hub.open(hub.settings, plugins=plugins) as fresh:
        with pytest.raises(UserError, match="several studios"):
            await fresh.connections()
        assert (await bring(fresh, write(SMALL.replace("Nordlicht", "Ost")))).changes[0] == "studio 'Ost' created"
        assert (await bring(fresh, write(SMALL.replace("Nordlicht", "Süd")))).changes == []
        assert fresh.the_studio.name == "Süd"
        stranger = (
            '[studio]\nname = "Neu"\ntimezone = "UTC"\n[[links]]\nmember = "desk:1"\ntarget = "spivi"\nid = "1"\n'
        )
        with pytest.raises(UserError, match="there is no connection"):
            await bring(fresh, write(stranger))
    async with Hub.open(hub.settings.model_copy(update={"studio": "Wst"}), plugins=plugins) as fresh:
        with pytest.raises(UserError, match="there is no studio 'Wst'; did you mean 'West'"):
            await fresh.connections()
        with pytest.raises(UserError, match="there is no studio 'Wst'"):
            await bring(fresh, write(SMALL))


# ── exporting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_what_is_exported_can_be_imported_and_is_the_same(hub: Hub, write: Write, folder: Path) -> None:
    """Into this studio it changes nothing, and a fresh one becomes the same."""
    await bring(hub, write(DESIGN))
    text = await export_text(hub)
    assert (await bring(hub, write(text))).changes == []
    options: dict[str, Any] = {"home": folder / "fresh", "key": None, "database_url": None}
    await initialise(HubSettings(**options))
    async with Hub.open(HubSettings(**options), plugins=hub.plugins) as fresh:
        await bring(fresh, write(text))
        assert await export_text(fresh) == text
        assert await secrets_of(fresh, "anny") == {"access_token": "anny-s3cr3t"}


@BOTH
async def test_no_secret_is_ever_in_an_export(hub: Hub, write: Write) -> None:
    """Only where it came from; one that was written into the file itself is left out."""
    text = DESIGN.replace('{ env = "EXIVO_SECRET" }', '"typed-s3cr3t"')
    await bring(hub, write(text))
    exported = await export_text(hub)
    assert "s3cr3t" not in exported
    document = {entry["name"]: entry for entry in tomllib.loads(exported)["connections"]}
    assert "api_secret" not in document["door"]
    assert document["spivi"]["password"] == {"env": "SPIVI_PASSWORD"}
    assert document["door"]["every"] == "15m"
    assert (await bring(hub, write(exported))).changes == []
    assert await secrets_of(hub, "door") == {"api_secret": "typed-s3cr3t"}


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
ids = st.lists(words, min_size=1, max_size=3)
minutes = st.integers(0, 1440)
rows = st.fixed_dictionaries(
    {
        "passes": st.builds(lambda p, g, n: {"pass": p, "group": g, "priority": n}, ids, words, st.integers(-9, 9)),
        "resources": st.builds(lambda r, n: {"resource": r, "locks": r, "minutes_before": n}, ids, minutes),
        "communities": st.builds(lambda c: {"community": c, "locks": c, "credential": "code"}, ids),
        "rooms": st.builds(
            lambda r, s, b: {"room_plan": r, "box": r, "seats": s, "send": b},
            words,
            st.dictionaries(words, words, max_size=3),
            st.booleans(),
        ),
    }
)
ENDS = {"source": "desk", "target": "spivi"}


@given(st.lists(rows, max_size=2), words)
def test_any_row_survives_the_way_through_a_file(made: list[dict[str, dict[str, Any]]], name: str) -> None:
    """Whatever people call their passes, rooms and spots."""
    tables = {
        kind: [ROW_KINDS[kind].model_validate({**ENDS, **one[kind]}) for one in made]
        for kind in ("passes", "resources", "communities", "rooms")
    }
    dumped = {kind: [row.model_dump(by_alias=True, exclude_none=True) for row in many] for kind, many in tables.items()}
    text = render(StudioSection(name=name, timezone="UTC"), [{"name": "a", "note": {"x": name}}], dumped)
    document = tomllib.loads(text)
    assert document["studio"]["name"] == name
    assert document["connections"] == [{"name": "a", "note": {"x": name}}]
    for kind, many in tables.items():
        assert [ROW_KINDS[kind].model_validate(row) for row in document.get(kind, [])] == many
        assert [ROW_KINDS[kind].model_validate_json(row.model_dump_json(by_alias=True)) for row in many] == many


async def test_settings_are_stored_without_secrets(hub: Hub, write: Write) -> None:
    """The column that everybody may read holds none."""
    await bring(hub, write(DESIGN))
    async with hub.database.read() as db:
        stored = list((await db.execute(select(t.connection.c.settings, t.connection.c.secret_origins))).all())
    assert "s3cr3t" not in str(stored)
    assert [sorted(json.loads(row.settings)) for row in stored][2] == ["organization_id"]

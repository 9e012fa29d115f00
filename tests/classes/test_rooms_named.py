"""What a [[rooms]] row names has to be there: a box at the tracker, a room plan or location at the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import UserError
from hub.studio.editing import edit_rows, make_row, row_values, rows_of
from hub.studio.importing import import_file
from tests.conftest import BOTH
from tests.riding import STUDIO, Riding, make_riding


async def notes(riding: Riding, **changes: str) -> list[str]:
    """What an import of the studio file with these changes notes."""
    riding.file |= changes
    file = riding.folder / "studio.toml"
    file.write_text(STUDIO.format(**riding.file), encoding="utf-8")
    return (await import_file(riding.hub, file, who="test")).notes


@BOTH
async def test_a_box_that_the_tracker_does_not_have(riding: Riding) -> None:
    """Told at the import, by line; refused where the row is edited by hand."""
    await riding.sync()
    [note] = await notes(riding, box="4479")
    assert note.startswith("studio.toml line 2")
    assert "[[rooms]] names the box '4479', which bikes does not have" in note
    [row] = await rows_of(riding.hub, "rooms")
    other = await make_row(riding.hub, "rooms", row_values(row) | {"send": False}, instead_of=row)
    assert row_values(other)["box"] == "4479"
    with pytest.raises(UserError, match="bikes has no box '4470'"):
        await make_row(riding.hub, "rooms", row_values(row) | {"box": "4470"}, instead_of=row)
    assert await notes(riding, box="4472") == []


@pytest.mark.parametrize("key", ["room_plan", "location"])
async def test_a_room_that_the_source_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Told at the import, by `rules`, and in the inbox until it is there."""
    rows = f'[[rooms]]\nsource = "desk"\n{key} = "cellar"\ntarget = "bikes"\nbox = "4472"\n'
    async with make_riding(tmp_path, monkeypatch) as riding:
        riding.desk.locations.append({"id": "zh", "name": "Zurich"})
        await riding.sync()
        what = key.replace("_", " ")
        [note] = await notes(riding, rows=rows)
        assert f"[[rooms]] names the {what} 'cellar', which desk does not have" in note
        item = (await riding.inbox())["row_unmatched"]
        assert item["subject"] == f"desk: {what} cellar"
        assert item["text"].endswith("no class is sent by it.")
        every = await rows_of(riding.hub, "rooms")
        other = await make_row(riding.hub, "rooms", row_values(every[1]) | {key: "attic"}, instead_of=every[1])
        assert "'attic'" in (await edit_rows(riding.hub, "rooms", [every[0], other], "test")).notes[0]
        getattr(riding.desk, f"{key}s").append({"id": "attic", "name": "Attic"})
        await riding.sync()
        assert "row_unmatched" not in await riding.inbox()

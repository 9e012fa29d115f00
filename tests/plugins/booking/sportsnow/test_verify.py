"""Trying a connection: what works, what doesn't, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.grants import Check, CheckState
from tests.plugins.booking.sportsnow.support import Studio, assumed, opened, put


def states(checks: Sequence[Check]) -> dict[str, str]:
    return {check.title: check.state.value for check in checks}


def failed(checks: Sequence[Check]) -> Check:
    (found,) = [check for check in checks if check.state is CheckState.FAILED]
    return found


async def test_a_timetable_alone_is_good_and_says_what_is_left_out(studio: Studio) -> None:
    """There are lessons then, and nobody who could come to them."""
    checks = await studio.verify()
    assert states(checks) == {
        "the timetable of studio-nordlicht can be read": "ok",
        "lessons of this week": "ok",
        "time zone": "ok",
        "members and passes": "skipped",
    }
    assert checks[0].took_ms is not None
    assert checks[1].said == "3 lessons"
    assert "Europe/Zurich" in checks[2].said


async def test_a_folder_is_read_as_a_sync_reads_it(tmp_path: Path) -> None:
    """File by file, with what was found and the mark."""
    async with opened(path=tmp_path, badge_numbers="decimal") as studio:
        studio.sim.export(tmp_path)
        checks = await studio.verify()
    assert set(states(checks).values()) == {"ok"}
    said = {check.title: check.said for check in checks}
    assert said["member in customers.csv"] == "3 read"
    assert said["mark 'complete'"] == "2026-11-21 10:00"


async def test_headings_that_nobody_knows_are_named(tmp_path: Path) -> None:
    """Those of SportsNow's table are assumed, so a studio has to see which of its own were found."""
    put(tmp_path, "customers.csv", "Kundennummer;Vorname;Ort;Badgekarte", "7;Anna;Bern;12")
    async with opened(path=tmp_path, badge_numbers="decimal") as studio:
        said = {check.title: check.said for check in await studio.verify()}
    assert said["member in customers.csv"] == "1 read; columns left aside: ort, badgekarte"


async def test_the_first_thing_that_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    """With its line and what to do."""
    put(tmp_path, "member_passes.csv", "id,member_id,pass_id,state", "1,7,abo,paused", "2,7,abo,held")
    async with opened(path=tmp_path, badge_numbers="decimal") as studio:
        check = failed(await studio.verify())
    assert check.title == "member_pass in member_passes.csv"
    assert "2 problems; first member_passes.csv line 2: state 'paused'" in check.said
    assert check.fix


async def test_a_missing_mark_and_tables_that_nobody_reads_are_warnings(tmp_path: Path) -> None:
    """They hinder nobody."""
    put(tmp_path, "passes.csv", "id", "1", mark=None)
    put(tmp_path, "Kunden.xlsx", "x", mark=None)
    async with opened(path=tmp_path, badge_numbers="decimal") as studio:
        found = states(await studio.verify())
    assert (found["mark 'complete'"], found["other files"]) == ("warning", "warning")


async def test_badge_numbers_that_are_not_set_are_a_warning(tmp_path: Path) -> None:
    """Before the first badge is set aside."""
    put(tmp_path, "passes.csv", "id", "1")
    async with opened(path=tmp_path) as studio:
        assert states(await studio.verify())["badge numbers"] == "warning"


async def test_a_folder_that_isnt_there_is_told(tmp_path: Path) -> None:
    """The timetable works all the same."""
    async with opened(path=tmp_path / "nowhere", badge_numbers="decimal") as studio:
        check = failed(await studio.verify())
    assert check.title == "folder"
    assert "path" in check.fix


@pytest.mark.parametrize("fault", ["outage", "outage=drop", "garbage", "status=500", "cut_body"])
async def test_what_is_not_sportsnow_is_told(studio: Studio, fault: str) -> None:
    """With what to check next."""
    studio.sim.faults.set(fault)
    check = failed(await studio.verify())
    assert check.title == "the timetable of studio-nordlicht can be read"
    assert check.said
    assert "base_url" in check.fix


async def test_a_studio_that_sportsnow_does_not_know_is_told() -> None:
    """With where its name stands."""
    async with opened(provider="somebody-else") as studio:
        assert "sportsnow.ch/providers/NAME" in failed(await studio.verify()).fix


async def test_an_empty_week_is_a_warning(studio: Studio) -> None:
    """It may be a holiday."""
    studio.sim.world.lessons.clear()
    assert states(await studio.verify())["lessons of this week"] == "warning"


async def test_lessons_that_cant_be_read_are_told(studio: Studio) -> None:
    """How many, and the first."""
    lesson = studio.sim.world.lessons[1000]
    studio.sim.world.lessons[1000] = {**lesson, "end": lesson["begin"]}
    assert "1 lesson can't be read; first: time_end" in failed(await studio.verify()).said


async def test_the_assumed_routes_are_a_warning_while_they_are_on() -> None:
    """Nobody has confirmed that they exist."""
    async with opened(**assumed()) as studio:
        found = states(await studio.verify())
    assert (found["assumed routes"], found["customers can be read"]) == ("warning", "ok")


async def test_a_wrong_token_is_told() -> None:
    """In the vendor's words, without the token."""
    async with opened(**assumed(token="very-secret-token-3")) as studio:
        checks = await studio.verify()
    assert failed(checks).said == "Unauthorized"
    assert "very-secret-token-3" not in repr(checks)


async def test_verifying_only_reads(studio: Studio) -> None:
    """One week, and nothing is changed."""
    await studio.verify()
    assert (studio.sim.log.reads, studio.sim.log.writes) == (1, 0)

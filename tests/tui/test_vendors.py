"""Vendors: a form from the plugin's settings; what is wrong stands beside it, and a secret stands nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, Static

from hub import http, redact
from hub.cli import output
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID
from tests.harness import World
from tests.tui.driving import frame, in_view, press, text_of, until
from tui.app import HubApp
from tui.chrome import Hints
from tui.fields import Choose, Field
from tui.questions import Ask, TypeWords
from tui.screens import vendors
from tui.screens.vendors import VendorsScreen
from tui.table import IdTable

SECRET = "s3cret-of-the-door-4711"


async def begin(pilot: Any, world: World, row: str | None = None) -> VendorsScreen:
    await until(pilot, lambda: pilot.app.current_mode in ("today", "first"), "the start")
    await press(pilot, "5")
    await until(pilot, lambda: isinstance(pilot.app.screen, VendorsScreen) and pilot.app.screen.query(Field), "a form")
    screen = pilot.app.screen
    assert isinstance(screen, VendorsScreen)
    if row is not None:
        table = screen.query_one(IdTable)
        table.cursor = list(table.ids).index(row)
        await until(pilot, lambda: screen._shown == row and screen.query(Field), row)
    return screen


def field(screen: VendorsScreen, key: str) -> Field:
    return next(one for one in screen.query(Field) if one.field.key == key)


async def fill(pilot: Any, screen: VendorsScreen, **values: str) -> None:
    for key, value in values.items():
        one = field(screen, key)
        (one.query_one(Choose) if one.field.kind == "choice" else one.query_one(Input)).value = value
        await pilot.pause()


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_connection_is_tried_line_by_line(world: World, size: tuple[int, int]) -> None:
    await world.sync()
    async with HubApp(world.hub).run_test(size=size) as pilot:
        screen = await begin(pilot, world, "door")
        await until(pilot, lambda: "kept sealed" in frame(pilot), "the form")
        await press(pilot, "V")
        await until(pilot, lambda: "key and secret are accepted" in text_of(pilot, "#checks"), "the checks")
        await until(pilot, lambda: "key and secret are accepted" in frame(pilot), "the checks in view")
        assert API_SECRET not in frame(pilot)
        assert not screen.unsaved


async def test_a_lock_is_added_and_nothing_is_taken_for_granted(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world)
        await press(pilot, "n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask), "the vendors")
        asked = pilot.app.screen
        assert isinstance(asked, Ask)
        key = next(key for key, (_, name) in asked._answers.items() if name == "exivo")
        await press(pilot, key)
        await until(pilot, lambda: screen._shown == "new:exivo" and screen.query(Field), "the form")
        await fill(pilot, screen, name="back door", site_id=SITE_ID, api_key=API_KEY, base_url=world.base_url)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "Nothing was saved" in text_of(pilot, "#checks"), "the refusal")
        bad = {one.field.key for one in screen.query(Field) if one.has_class("bad")}
        assert bad == {"name", "api_secret", "policy"}
        wrong = str(field(screen, "policy").query_one(".wrong", Static).content)
        assert "sync, grant only or observe" in wrong, "in the words of the form"
        assert len(await world.hub.connections()) == 2
        await fill(pilot, screen, name="back", api_secret=SECRET, policy="sync")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "U saves it all the same" in text_of(pilot, "#checks"), "the checks")
        assert "failed:" in text_of(pilot, "#checks")
        assert len(await world.hub.connections()) == 2
        field(screen, "api_secret").go()
        await pilot.pause()
        await press(pilot, *API_SECRET)
        assert field(screen, "api_secret").text == API_SECRET, "typed in the place of the wrong one"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: screen._shown == "back" and "Saved" in text_of(pilot, "#checks"), "saved")
        await until(pilot, lambda: screen.said.startswith("back is saved."), "and said so")
        row = await world.hub.connection_row("back")
        assert row.options is not None
        assert (row.options.policy, row.options.hold_removals_above.count) == ("sync", 5)
        assert not screen.unsaved
        assert all(one.text == "" for one in screen.query(Field) if one.field.kind == "secret")


async def test_an_address_where_nobody_listens_is_no_word_of_the_vendors(world: World) -> None:
    """And what is to be looked at is named as the form names it."""

    async def down(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ConnectionRefusedError

    async with http.answering("http://down.test", down), HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world, "door")
        await fill(pilot, screen, base_url="http://down.test/v1", site_id="my-site")
        await press(pilot, "V")
        await until(pilot, lambda: "could not be reached" in text_of(pilot, "#checks"), "the checks")
        shown = text_of(pilot, "#checks")
        assert "door could not be reached at http://down.test" in shown
        assert "said:" not in shown
        assert "Check Address and the way out to the internet." in shown
        assert "a value looks unusual" in shown


async def test_wrong_values_are_shown_beside_their_fields(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world, "door")
        await fill(pilot, screen, every="often", **{"hold_removals_above.percent": "much"}, protect="4711")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "Nothing was saved" in text_of(pilot, "#checks"), "the refusal")
        bad = {one.field.key for one in screen.query(Field) if one.has_class("bad")}
        assert bad == {"every", "hold_removals_above.percent", "protect"}
        assert screen.unsaved == 3
        await press(pilot, "escape", "z")
        await until(pilot, lambda: screen.query(Field) and not screen.unsaved, "as it was")


async def test_a_field_says_what_it_is_for_while_somebody_is_in_it(world: World) -> None:
    """In the words of the plugin's settings, and no longer than that."""
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world, "door")
        secret, site = field(screen, "api_secret"), field(screen, "site_id")
        about = "Kept sealed, never shown again."
        secret.go()
        await until(pilot, lambda: about in frame(pilot), "what it is for")
        site.go()
        await until(pilot, lambda: about not in frame(pilot), "the next field")


async def test_what_was_typed_survives_looking_elsewhere(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        screen = await begin(pilot, world, "door")
        await fill(pilot, screen, site_id="another")
        await press(pilot, "escape", "k")
        await until(pilot, lambda: screen._shown == "desk", "the desk")
        await pilot.resize_terminal(80, 24)
        await press(pilot, "j")
        await until(pilot, lambda: screen._shown == "door" and screen.query(Field), "the door")
        assert field(screen, "site_id").text == "another"
        await press(pilot, "2")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask), "the question")
        await press(pilot, "k", "5")
        await until(pilot, lambda: pilot.app.screen is screen, "back")
        assert field(screen, "site_id").text == "another"
        assert (await world.hub.connection_row("door")).settings["site_id"] == SITE_ID


async def test_a_typed_secret_is_in_no_frame_log_or_crash_report(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world, "door")
        field(screen, "api_secret").go()
        for character in SECRET:
            await press(pilot, character)
            seen.append(frame(pilot))
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "U saves it" in text_of(pilot, "#checks"), "the checks")
        seen += [frame(pilot), pilot.app.export_screenshot()]
        redact.forget_all()
        app = pilot.app
        assert isinstance(app, HubApp)
        app._exception = ValueError(f"something went wrong with {SECRET}")
        app._fatal_error()
        assert not app._exit_renderables
        with contextlib.suppress(ValueError):
            assert output.crash(app.mistake or RuntimeError(), home=world.hub.settings.home) == 1
        app._exception = None
    reports = list(world.hub.settings.home.glob("crash-*.txt"))
    assert len(reports) == 1
    kept = reports[0].read_text()
    assert "something went wrong with" in kept
    for text in (*seen, kept, caplog.text):
        assert SECRET not in text
        assert SECRET[:12] not in text


async def test_a_lock_is_forgotten_only_by_its_own_words(world: World) -> None:
    world.join("1")
    await world.sync()
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        screen = await begin(pilot, world, "door")
        await press(pilot, "D")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeWords), "the words")
        await press(pilot, "enter", "=y", "enter", "enter")
        assert isinstance(pilot.app.screen, TypeWords)
        assert "type exactly: revoke door or leave door" in frame(pilot)
        await press(pilot, "escape")
        assert pilot.app.screen is screen
        assert len(await world.hub.connections()) == 2
        await press(pilot, "D")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeWords), "the words")
        await press(pilot, *"revoke door", "enter")
        await until(pilot, lambda: "door" not in screen._views, "forgotten")
    assert not world.ours() or not world.opens("1")
    assert [row.name for row in await world.hub.connections()] == ["desk"]


async def test_at_forty_by_ten_the_form_stands_in_place_of_the_list(world: World) -> None:
    """And the field that is typed into is seen, also after another size."""
    async with HubApp(world.hub).run_test(size=(40, 10)) as pilot:
        screen = await begin(pilot, world, "door")
        assert "+ add vendor" in frame(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(screen.focused, Input) and in_view(pilot), "the first field")
        assert "Site ID" in frame(pilot)
        assert "+ add vendor" not in frame(pilot)
        for _ in range(8):
            await press(pilot, "tab")
            await until(pilot, lambda: in_view(pilot), "the next field")
        here = screen.focused
        for size in ((120, 36), (40, 10), (80, 24), (40, 10)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: screen.focused is here and in_view(pilot), "the same field")
        await press(pilot, "escape")
        await until(pilot, lambda: "+ add vendor" in frame(pilot), "the list")
        await press(pilot, "D")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeWords) and in_view(pilot), "where to type")
        assert "leave door" in frame(pilot)


async def test_another_form_begins_at_its_top(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(80, 24)) as pilot:
        screen = await begin(pilot, world, "door")
        right = screen.query_one("#right")
        list(screen.query(Field))[-1].go()
        await until(pilot, lambda: right.scroll_offset.y > 0, "the end of the form")
        await press(pilot, "escape", "n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask), "the vendors")
        asked = pilot.app.screen
        assert isinstance(asked, Ask)
        await press(pilot, next(key for key, (_, name) in asked._answers.items() if name == "exivo"))
        await until(pilot, lambda: screen._shown == "new:exivo" and isinstance(screen.focused, Input), "the form")
        await until(pilot, lambda: "From the API settings" in frame(pilot), "what it is for")
        assert right.scroll_offset.y == 0


async def test_where_there_is_only_the_line_that_adds_nothing_else_is_offered(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(80, 24)) as pilot:
        screen = await begin(pilot, world)
        await until(pilot, lambda: {"verify", "save"} <= {what for _, what, _ in screen.query_one(Hints).hints}, "all")
        await press(pilot, "end")
        await until(pilot, lambda: screen._shown == "+", "the last line")
        shown = {what for _, what, _ in screen.query_one(Hints).hints}
        assert "add vendor" in shown
        assert not shown & {"verify", "save", "undo typing", "disconnect…"}


async def test_a_read_only_window_refuses_before_anything_is_tried(world: World) -> None:
    async with HubApp(world.hub, read_only=True).run_test(size=(120, 36)) as pilot:
        vendors = await begin(pilot, world, "door")
        hints = {what: works for _, what, works in vendors.query_one(Hints).hints}
        assert (hints["verify"], hints["save"], hints["disconnect…"]) == (True, False, False)
        for key in ("S", "U", "D"):
            vendors.say("")
            await press(pilot, key)
            assert "Read only" in vendors.said
            assert pilot.app.screen is vendors


def held_back(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Trying a connection takes as long as somebody wants."""
    gate, real = asyncio.Event(), vendors.try_connection

    async def slow(*arguments: Any) -> Any:
        await gate.wait()
        return await real(*arguments)

    monkeypatch.setattr(vendors, "try_connection", slow)
    return gate


async def trying_a_wrong_secret(pilot: Any, world: World) -> VendorsScreen:
    """The form of the door, while it is tried with a secret that is not its own."""
    screen = await begin(pilot, world, "door")
    await fill(pilot, screen, api_secret="wrong")
    await pilot.press("ctrl+s")
    return screen


async def test_letters_stay_letters_for_whoever_types_while_a_check_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an s in a word would sync, and a U save what has just failed."""
    gate, writes = held_back(monkeypatch), world.exivo.log.writes
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await trying_a_wrong_secret(pilot, world)
        field(screen, "site_id").go()
        await pilot.pause()
        await pilot.press(*"my-")
        gate.set()
        await until(pilot, lambda: "Nothing was saved" in text_of(pilot, "#checks"), "the checks")
        await press(pilot, *"siteU")
        assert field(screen, "site_id").text == "my-siteU"
        assert screen._untried is None, "what failed is not what stands there now"
        assert pilot.app.work is None
        assert world.exivo.log.writes == writes


async def test_a_check_that_fails_late_leaves_another_form_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = held_back(monkeypatch)
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await trying_a_wrong_secret(pilot, world)
        screen.query_one(IdTable).cursor = list(screen.query_one(IdTable).ids).index("desk")
        await until(pilot, lambda: screen._shown == "desk" and screen.query(Field), "the other form")
        kept = (await world.hub.connection_row("door")).sealed_secrets
        gate.set()
        await until(pilot, lambda: "door" in screen._checks, "the checks")
        await press(pilot, "escape", "U")
        assert (await world.hub.connection_row("door")).sealed_secrets == kept
        assert screen._shown == "desk"


async def test_what_is_typed_while_it_is_saved_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = held_back(monkeypatch)
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world, "door")
        await fill(pilot, screen, every="20m")
        await pilot.press("ctrl+s")
        await fill(pilot, screen, protect="4711")
        gate.set()
        await until(pilot, lambda: "Saved" in text_of(pilot, "#checks") and screen.query(Field), "saved")
        assert field(screen, "every").text == "20m"
        assert field(screen, "protect").text == "4711"
        assert screen.unsaved == 1


async def test_what_a_check_said_goes_with_what_was_tried(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world, "door")
        await fill(pilot, screen, api_secret="wrong")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "Nothing was saved" in text_of(pilot, "#checks"), "the checks")
        await press(pilot, "escape", "z")
        await until(pilot, lambda: "V tries the connection" in text_of(pilot, "#checks"), "nothing of it")


async def test_ctrl_c_copies_no_secret(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world, "door")
        field(screen, "api_secret").go()
        await pilot.pause()
        await press(pilot, *SECRET, "tab", "shift+tab", "ctrl+c", "ctrl+x")
        assert pilot.app.clipboard == ""
        field(screen, "site_id").go()
        await pilot.pause()
        await press(pilot, "ctrl+c")
        assert pilot.app.clipboard == SITE_ID, "what is no secret is copied as everywhere"

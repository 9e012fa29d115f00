"""Mail: written, seen as a member would, saved or refused, and what became of what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from textual.widgets import Input, Static

from hub.notify import own_templates
from hub.notify.templates import Template
from hub.store import tables as t
from tests.hub.test_mail import Mailbox, mailbox
from tests.rode import Riding
from tests.tui.measured import measured, post
from tests.tui.pilot import LARGE, NARROW, PHONE, page_of, press, quiet, table_of, text_of, until
from tui.chrome import Hints
from tui.dialogs.explain import ExplainDialog
from tui.dialogs.prompt import Prompt
from tui.mail.editor import SourceEditor, coloured
from tui.questions import Ask
from tui.screens.mail import MailScreen
from tui.screens.plan import PlanScreen
from tui.theme import DARK

__all__ = ["mailbox"]

SUMMARY = ("j", "j")


def writing(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    return measured(folder, monkeypatch, weeks=1, place="7", **options)


def screen(app: Any) -> MailScreen:
    assert isinstance(app.screen, MailScreen)
    return app.screen


def editor(app: Any) -> SourceEditor:
    return page_of(app).query_one(SourceEditor)


def says(app: Any, selector: str) -> str:
    return str(page_of(app).query_one(selector, Static).content)


async def preview(app: Any, pilot: Any, text: str) -> None:
    await until(pilot, lambda: text in says(app, "#preview"))


async def own_words(riding: Riding) -> dict[tuple[str, str], Template]:
    hub = riding.world.hub
    async with hub.database.read() as db:
        return await own_templates.load(db, hub.the_studio.id)


async def test_a_mail_is_shown_as_a_real_member_would_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, *SUMMARY)
        await preview(app, pilot, "Hallo Lea")
        assert "118 W" in says(app, "#preview")
        assert "as Lea Keller" in text_of(app)
        await press(pilot, "m")
        await preview(app, pilot, "Hallo Noah")
        await press(pilot, "l")
        await preview(app, pilot, "Hello Noah")
        assert "· en" in text_of(app)
        await press(pilot, "h")
        await until(pilot, lambda: "HTML part" in says(app, "#source-title"))
        assert editor(app).text.startswith("<")
        await press(pilot, "h")
        assert editor(app).text.startswith("Subject:")


async def test_words_are_typed_seen_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch) as (riding, app, pilot):
        await press(pilot, *SUMMARY, "enter")
        assert app.focused is editor(app)
        await press(pilot, *"Go p 7! ")
        await preview(app, pilot, "Go p 7! Hallo Lea")
        assert "✎ ride summary" in text_of(app)
        assert "1 unsaved" in text_of(app)
        await press(pilot, "escape")
        assert app.focused is table_of(app, "#kinds")
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "HTML part still has the built-in words" in text_of(app)
        await pilot.press("p")
        await until(pilot, lambda: "Saved" in page_of(app).said)
        own = (await own_words(riding))["performance_summary", "de"]
        assert own.body.startswith("Go p 7! Hallo")
        assert own.html is None
        assert "● ride summary" in text_of(app)
        await until(pilot, lambda: "plain text alone" in says(app, "#foot"))
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        for key in ("D", "enter", "y"):
            await pilot.press(key)
            assert isinstance(app.screen, Ask)
        await pilot.press("b")
        await until(pilot, lambda: "built-in words" in page_of(app).said)
        assert not await own_words(riding)
        await quiet(pilot)
        assert "Go p 7!" not in editor(app).text


async def test_an_unknown_value_is_told_below_and_nothing_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writing(tmp_path, monkeypatch) as (riding, app, pilot):
        await press(pilot, *SUMMARY, "e", *"{{ ride_km }}")
        await until(pilot, lambda: "✖ the text, line 3: there is no variable 'ride_km'" in says(app, "#problem"))
        assert "Hallo Lea" in says(app, "#preview")
        assert "before the mistake" in says(app, "#foot")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "Nothing was saved" in page_of(app).said)
        assert not await own_words(riding)
        await press(pilot, "escape")
        await until(pilot, lambda: "mistake" in text_of(app))
        await press(pilot, "z")
        await until(pilot, lambda: not says(app, "#problem"))
        assert "ride_km" not in editor(app).text
        await press(pilot, "z")
        assert "ride_km" in editor(app).text


async def test_what_is_typed_right_behind_the_key_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch) as (_, app, pilot):
        await pilot.press("e", *"Hi p ")
        await quiet(pilot)
        assert editor(app).document.get_line(2).startswith("Hi p ")


async def test_a_value_is_put_where_the_cursor_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, *SUMMARY, "i")
        assert app.focused is table_of(app, "#values")
        await press(pilot, "j", "j", "i")
        assert app.focused is editor(app)
        assert editor(app).document.get_line(2).startswith("{{ studio }}Hallo")


async def test_what_is_typed_waits_and_leaving_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "e", *"Mine ", "escape", "j")
        assert "Mine" not in editor(app).text
        await press(pilot, "k")
        assert "Mine" in editor(app).text
        await pilot.press("1")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "1 edit not saved" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MailScreen))
        await pilot.press("6")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("k")
        await until(pilot, lambda: app.current_mode == "metrics")
        await press(pilot, "7")
        assert "Mine" in editor(app).text
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("d")
        await until(pilot, lambda: app._exit)


async def test_words_that_somebody_else_saved_meanwhile_are_not_lost_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writing(tmp_path, monkeypatch) as (riding, app, pilot):
        await press(pilot, "e", *"Mine ", "escape")
        hub = riding.world.hub
        theirs = Template("Theirs", "Hello {{ code }} {{ link }}")
        async with hub.database.write() as db:
            now = riding.clock.now()
            await own_templates.save(db, hub.the_studio, "access", "de", theirs, who="other", now=now)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "Somebody else" in text_of(app))
        await pilot.press("escape")
        await quiet(pilot)
        assert (await own_words(riding))["access", "de"] == theirs


async def test_a_test_mail_goes_out_with_made_up_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox
) -> None:
    async with writing(tmp_path, monkeypatch) as (riding, app, pilot):
        await press(pilot, *SUMMARY)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        app.screen.query_one(Input).value = "no address"
        await pilot.press("enter")
        await until(pilot, lambda: "Type one e-mail address" in text_of(app))
        app.screen.query_one(Input).value = "boss@nordlicht.example"
        await pilot.press("enter")
        await until(pilot, lambda: "no mail server is set" in page_of(app).said)
        riding.world.hub.settings.smtp_url = SecretStr(mailbox.url)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        app.screen.query_one(Input).value = "boss@nordlicht.example"
        await pilot.press("enter")
        await until(pilot, lambda: "took the test mail" in page_of(app).said)
        (sent,) = mailbox.got
        assert sent["To"] == "boss@nordlicht.example"
        body = sent.get_payload(0).get_payload(decode=True).decode()  # type: ignore[union-attr]
        assert "189 W" in body
        assert "118 W" not in body
        mailbox.refuse = "550 no such user"
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        app.screen.query_one(Input).value = "boss@nordlicht.example"
        await pilot.press("enter")
        await until(pilot, lambda: "550 no such user" in page_of(app).said)


async def test_the_outbox_says_what_the_server_said_and_sends_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writing(tmp_path, monkeypatch, before=post) as (riding, app, pilot):
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: app.focused is table_of(app, "#mails"))
        assert "1 mail waits since" in text_of(app)
        await press(pilot, "f")
        assert len(table_of(app, "#mails").ids) == 2
        await press(pilot, "j")
        shown = text_of(app)
        assert "550 5.1.1 no such user" in shown
        assert "jan@example.org" in shown
        assert "493827" not in shown
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ExplainDialog) and "Jan" in text_of(app))
        await pilot.press("escape")
        await press(pilot, "r")
        await until(pilot, lambda: "goes out at the next turn" in page_of(app).said)
        async with riding.world.hub.database.read() as db:
            rows = (await db.execute(select(t.outbox.c.state).order_by(t.outbox.c.id))).scalars().all()
            acts = (await db.execute(select(t.audit.c.act))).scalars().all()
        assert rows == ["sent", "sent", "queued", "queued", "unsure", "sent"]
        assert acts[-1] == "mail again"
        await quiet(pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "get it twice" in text_of(app))
        await pilot.press("escape")
        await press(pilot, "escape")
        assert len(table_of(app, "#mails").ids) == 6
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("escape")
        await press(pilot, "left_square_bracket")
        await until(pilot, lambda: app.focused is table_of(app, "#kinds"))


async def test_the_outbox_moves_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch, before=post) as (riding, app, pilot):
        await press(pilot, "right_square_bracket", "j")
        row = table_of(app, "#mails").row
        await post(riding, 6, 1)
        await until(pilot, lambda: len(table_of(app, "#mails").ids) == 7)
        assert table_of(app, "#mails").row == row


async def test_p_swaps_source_and_mail_in_narrow_windows_and_is_the_plan_in_wide_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writing(tmp_path, monkeypatch, size=NARROW) as (_, app, pilot):
        await press(pilot, *SUMMARY)
        assert "Source" in text_of(app)
        assert "Preview" not in text_of(app)
        await press(pilot, "p")
        assert "Preview" in text_of(app)
        assert "Source" not in text_of(app)
        assert "Hallo Lea" in text_of(app)
        await press(pilot, "p")
        assert "Source" in text_of(app)
        await pilot.resize_terminal(*LARGE)
        await quiet(pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))


async def test_read_only_refuses_with_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch, before=post, read_only=True) as (riding, app, pilot):
        before = editor(app).text
        await press(pilot, "e")
        assert "Read only" in page_of(app).said
        await press(pilot, *"abc", "escape")
        assert editor(app).text == before
        for key in ("S", "D", "T"):
            page_of(app).say("")
            await press(pilot, key)
            assert "Read only" in page_of(app).said
        await press(pilot, "right_square_bracket", "j", "j")
        for key in ("r", "R"):
            page_of(app).say("")
            await press(pilot, key)
            assert "Read only" in page_of(app).said
        assert isinstance(app.screen, MailScreen)
        marks = {what: works for _, what, works in page_of(app).query_one(Hints).hints}
        assert not marks["send again"]
        assert (await riding.row(t.outbox, id=4)).state == "failed"


async def test_sizes_keep_what_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, *SUMMARY, "e", *"Typed ")
        text = editor(app).text
        for size in (NARROW, PHONE, LARGE):
            await pilot.resize_terminal(*size)
            await quiet(pilot)
            assert editor(app).text == text
            assert app.focused is editor(app)
            assert "F1 all keys" in text_of(app)
            assert "Typed" in text_of(app)


async def test_mashing_keys_saves_and_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(tmp_path, monkeypatch, before=post) as (riding, app, pilot):
        before = (await riding.rows(t.outbox), await riding.rows(t.template), await riding.rows(t.audit))
        keys = "enter y enter escape S enter y D enter y escape T enter y escape i i enter escape z z l h h m "
        keys += "right_square_bracket f f f f R enter enter escape enter escape"
        for key in keys.split():
            await pilot.press(key)
            await pilot.pause()
        await until(pilot, lambda: app.work is None)
        assert (await riding.rows(t.outbox), await riding.rows(t.template), await riding.rows(t.audit)) == before
        assert app.is_running


def test_a_name_that_there_is_not_is_marked_without_colour() -> None:
    colours = {**DARK.variables, "foreground": "#fff"}
    line = coloured("{% if rank == 'rnk' %}{{ rank | upper }} {{ rnk }}{% endif %} rnk", {"rank"}, colours)
    marked = [line.plain[span.start : span.end] for span in line.spans if "underline" in str(span.style)]
    assert marked == ["rnk"]

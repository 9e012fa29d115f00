"""Codes and addresses: shown for ten seconds, copied without being shown, and in no frame, log or report otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.cli import output
from hub.core import Hub
from hub.look.reveal import reveal
from hub.store import tables as t
from hub.vault import Vault
from plugins.exivo.simulator import API_SECRET
from tests.tui.pilot import opened, page_of, press, table_of, text_of, until
from tui.dialogs.help import HelpDialog
from tui.screens import access
from tui.screens.access import AccessScreen


async def coded(hub: Hub) -> tuple[str, str, str]:
    """A grant with a code: its id, the code and the address."""
    c = t.ledger.c
    async with hub.database.read() as db:
        grant = (await db.execute(select(c.id).where(c.sealed_code.is_not(None), c.sealed_url.is_not(None)))).scalars()
        found = grant.first()
        assert found is not None
        secrets = await reveal(db, hub.the_studio, found, hub.vault)
    assert secrets.code
    assert secrets.url
    return found, secrets.code, secrets.url


async def test_a_code_is_shown_for_a_moment_and_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SHOWN_FOR", 0.6)
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        await press(pilot, "2")
        grant, code, _ = await coded(world.hub)
        table = table_of(app, "#grants")
        table.cursor = list(table.ids).index(grant)
        await until(pilot, lambda: "••••••" in text_of(app))
        assert code not in text_of(app)
        await pilot.press("v")
        await until(pilot, lambda: code in text_of(app))
        await until(pilot, lambda: code not in text_of(app))
        await pilot.press("v")
        await until(pilot, lambda: code in text_of(app))
        await press(pilot, "j")
        assert code not in text_of(app)
        await press(pilot, "k")
        await pilot.press("v")
        await until(pilot, lambda: code in text_of(app))
        await press(pilot, "1", "2")
        assert code not in text_of(app)


async def test_an_address_is_copied_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        await press(pilot, "2")
        grant, _, url = await coded(world.hub)
        table = table_of(app, "#grants")
        table.cursor = list(table.ids).index(grant)
        await press(pilot, "c")
        assert app.clipboard == url
        assert "Sent to your clipboard" in page_of(app).said
        assert "copied" not in text_of(app).lower()
        assert url not in text_of(app)


async def test_secrets_are_in_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        grant, code, url = await coded(world.hub)
        planted = f"vendor echoes {API_SECRET} and {code} and {url}"
        async with world.hub.database.write() as db:
            now, studio = world.clock.now(), world.hub.the_studio.id
            run = (await db.execute(select(t.run.c.id))).scalars().first()
            event = {"grant_id": grant, "at": now, "what": "failed", "text": planted}
            await db.execute(t.ledger_event.insert().values(**event))
            line = {"studio_id": studio, "at": now, "level": "error", "run_id": run, "code": "x", "text": planted}
            await db.execute(t.log.insert().values(**line))
            item = {"code": "x_failed", "subject": "x", "text": planted, "fix": planted, "since": now, "seen_at": now}
            await db.execute(t.inbox.insert().values(studio_id=studio, weight=0, **item))
        frames = []
        for keys in (("1",), ("enter",), ("escape",), ("2",), ("x",), ("escape",), ("3",), ("p",), ("escape",)):
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.4)
                frames.append(text_of(app))
                frames.append(app.export_screenshot())
        table = table_of(app, "#grants") if isinstance(app.screen, AccessScreen) else None
        assert table is None or table.ids
        for frame in frames:
            for secret in (API_SECRET, code, url):
                assert secret not in frame
        assert any("vendor echoes" in frame for frame in frames)


async def test_a_mistake_prints_no_traceback_and_its_report_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, Any] = {}

    def broken(self: HelpDialog) -> None:
        code = seen["code"]
        raise RuntimeError(f"made with {code} and {API_SECRET}")

    monkeypatch.setattr(HelpDialog, "on_mount", broken)
    with pytest.raises(RuntimeError) as raised:  # noqa: PT012 - it is raised when the app is left
        async with opened(tmp_path, monkeypatch) as (world, app, pilot):
            _, seen["code"], _ = await coded(world.hub)
            seen["app"], seen["home"] = app, world.hub.settings.home
            await pilot.press("question_mark")
            await pilot.pause(0.3)
    app = seen["app"]
    assert app.mistake is raised.value
    assert not app._exit_renderables
    assert output.crash(app.mistake, home=seen["home"]) == 1
    report = next(seen["home"].glob("crash-*.txt"))
    said = capsys.readouterr()
    for text in (report.read_text(), said.out, said.err):
        assert seen["code"] not in text
        assert API_SECRET not in text
    assert "RuntimeError" in said.err
    assert "Traceback" not in said.err


def test_opened_secrets_are_known_to_the_redaction(tmp_path: Path) -> None:
    from hub import redact
    from hub.vault import new_key

    vault = Vault.load(tmp_path, new_key())
    sealed = vault.seal("493817")
    redact.forget_all()
    assert vault.open(sealed) == "493817"
    assert "493817" not in redact.mask("code 493817")

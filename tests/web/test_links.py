"""The links that open a member's page: whose they open, for how long, and what everybody else gets."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import delete, select, update

from hub import member_links, redact
from hub.classes.page_link import page_link
from hub.engine.engine import Engine
from hub.settings import HubSettings
from hub.store import tables as t
from hub.vault import Vault, new_key
from hub.web import make_app
from hub.web.member.safety import CSP
from tests.web.studio import PUBLIC, Pages

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
BOTH_LANGUAGES = ("Dieser Link gilt nicht", "This link is not valid")


def token_of(link: str) -> str:
    return link.split("/me/")[1].strip("/")


def test_a_link_says_whose_page_it_opens_until_it_ends() -> None:
    vault = Vault([new_key()])
    link = member_links.make_link(vault, "https://hub.example/base/", 1, 2, "m 7", NOW, lasts=timedelta(days=2))
    assert link.startswith("https://hub.example/base/me/")
    assert "=" not in link
    found = member_links.read_token(vault, token_of(link), now=NOW + timedelta(days=2, seconds=-1))
    assert found == member_links.MemberLink(1, 2, "m 7", NOW)
    assert member_links.read_token(vault, token_of(link), now=NOW + timedelta(days=2)) is None


def test_mails_bring_a_link_where_an_address_is_set() -> None:
    vault = Vault([new_key()])
    scope: Any = SimpleNamespace(vault=vault, public_url=None, link_days=5, studio=SimpleNamespace(id=1))
    assert page_link(scope, 2, "7", now=NOW) == ""
    scope.public_url = PUBLIC
    token = token_of(page_link(scope, 2, "7", now=NOW))
    assert member_links.read_token(vault, token, now=NOW + timedelta(days=4)) is not None
    assert member_links.read_token(vault, token, now=NOW + timedelta(days=5)) is None


def test_nothing_else_that_is_sealed_is_a_link() -> None:
    vault, stranger = Vault([new_key()]), Vault([new_key()])
    theirs = token_of(member_links.make_link(stranger, PUBLIC, 1, 2, "7", NOW))
    own = token_of(member_links.make_link(vault, PUBLIC, 1, 2, "7", NOW))
    other_purpose = vault.seal('{"purpose":"x","studio":1,"source":2,"member":"7","made":0,"ends":9e99}').decode()
    secret = vault.seal("a secret").decode()
    changed = own[:-8] + ("A" if own[-8] != "A" else "B") + own[-7:]
    for token in (theirs, changed, own[:-1], other_purpose, secret, "", "x", "é" * 20, "A" * 100_000):
        assert member_links.read_token(vault, token, now=NOW) is None


def test_a_link_is_never_written_down() -> None:
    token = token_of(member_links.make_link(Vault([new_key()]), PUBLIC, 1, 2, "7", NOW))
    assert token not in redact.mask(f"GET /me/{token}/profile failed")


def test_forms_of_two_links_differ() -> None:
    vault = Vault([new_key()])
    tokens = [token_of(member_links.make_link(vault, PUBLIC, 1, 2, "7", NOW)) for _ in range(2)]
    assert len({member_links.form_secret(token) for token in tokens}) == 2


async def test_every_link_that_does_not_work_gets_the_same_answer(pages: Pages) -> None:
    """Forged, over, of another studio, of a target, of somebody unknown: in both languages, how to get a new one."""
    links = [
        "/me/gAAAAABforged/",
        pages.link("1", lasts=timedelta(0)),
        pages.link("1", studio_id=4711),
        pages.link("1", source_id=pages.door),
        pages.link("1", source_id=4711),
        pages.link("nobody"),
    ]
    answers = {(answer.status_code, answer.text) for answer in [await pages.web.get(link) for link in links]}
    assert len(answers) == 1
    status, text = answers.pop()
    assert status == 404
    assert all(words in text for words in BOTH_LANGUAGES)
    assert (await pages.web.get(pages.link("1"))).status_code == 200


async def test_a_link_does_not_pass_to_a_source_that_was_connected_later(pages: Pages) -> None:
    """An id of one booking system means somebody else in another, and databases use numbers again."""
    link = pages.link("1")
    later = pages.world.clock.now() + timedelta(seconds=1)
    async with pages.world.hub.database.write() as db:
        await db.execute(update(t.connection).where(t.connection.c.id == pages.desk).values(created_at=later))
    assert (await pages.web.get(link)).status_code == 404


async def test_a_link_of_somebody_erased_opens_nothing(pages: Pages) -> None:
    link = pages.link("1")
    async with pages.world.hub.database.write() as db:
        await db.execute(delete(t.record).where(t.record.c.record_id == "1"))
    assert (await pages.web.get(link)).status_code == 404


async def test_who_left_the_studio_still_sees_what_is_kept(pages: Pages) -> None:
    link = pages.link("2")
    pages.world.desk.members = [row for row in pages.world.desk.members if row["id"] != "2"]
    await pages.world.sync()
    assert (await pages.web.get(link)).status_code == 200


async def test_a_link_without_its_last_slash_works_too(pages: Pages) -> None:
    """Programs that make links of addresses cut it off. The way on is relative, as a proxy may serve any path."""
    answer = await pages.web.get(pages.link("1").rstrip("/"))
    assert answer.status_code == 307
    assert re.fullmatch(r"[\w-]+/", answer.headers["location"])
    assert (await pages.web.get(pages.link("1").rstrip("/"), follow_redirects=True)).status_code == 200


async def test_no_log_has_a_token(pages: Pages, caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    """Not even where a page fails unexpectedly; and that answer has every header too."""
    caplog.set_level(logging.DEBUG)
    link = pages.link("1")

    async def broken(*_: Any) -> None:
        raise RuntimeError(f"no luck with {link}")

    monkeypatch.setattr("hub.web.member.data.next_class", broken)
    async with AsyncClient(transport=ASGITransport(make_app(pages.engine), raise_app_exceptions=False)) as web:
        answer = await web.get(PUBLIC + link)
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["cache-control"] == "no-store"
    # The client of this test writes down what it asks for.
    said = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert token_of(link) not in " ".join([*said, answer.text])
    assert token_of(link) not in redact.mask(f"RuntimeError: no luck with {link}")


@pytest.mark.parametrize(("public_url", "listen", "there"), [(None, None, False), ("https://x.example", None, True)])
def test_without_an_address_there_is_no_page(
    pages: Pages, public_url: str | None, listen: str | None, there: bool
) -> None:
    settings: HubSettings = pages.engine.settings.model_copy(update={"public_url": public_url, "listen": listen})
    hub = pages.world.hub
    app = make_app(Engine(settings, hub.database, hub.vault, hub.plugins, hub.clock))
    assert any(getattr(route, "path", "") == "/me" for route in app.routes) is there


async def test_opening_a_page_changes_nothing(pages: Pages) -> None:
    """Mail programs open links to look at them before anybody reads the mail."""
    for path in ("", "classes", "trends", "bests", "profile", "erase", "my-data.json"):
        await pages.web.get(pages.link("1") + path)
    assert await pages.world.inbox() == []
    assert await pages.word_of("1") == (None, {})
    async with pages.world.hub.database.read() as db:
        assert (await db.execute(select(t.log.c.id).where(t.log.c.code == "own_word"))).first() is None

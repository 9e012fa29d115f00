"""What members change on their page: consent, profile, erasure; and that nobody else can."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import select, update

from hub.engine.personal import erase, personal_data
from hub.look.members import find_member
from hub.store import tables as t
from tests.web.studio import Pages

WHOLE = {
    "weight_kg": "72,5",
    "height_cm": "178",
    "birth_date": "1990-05-17",
    "gender": "female",
    "ftp_w": "210",
    "max_hr": "188",
    "lthr": "168",
    "rhr": "52",
    "strap": "00123",
}


async def csrf_of(pages: Pages, link: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', (await pages.web.get(link)).text)
    assert found is not None
    return found[1]


async def send(pages: Pages, member: str, path: str = "profile", **fields: str) -> Response:
    link = pages.link(member) + path
    return await pages.web.post(link, data={"csrf": await csrf_of(pages, link), **fields})


async def test_consent_goes_off_and_on_again(pages: Pages) -> None:
    """What the member says goes before the source, and is shown as it stands."""
    for fields, stands in (({}, False), ({"show_live": "on"}, True)):
        answer = await send(pages, "1", form="live", **fields)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"profile?saved={'on' if stands else 'off'}"
        assert (await pages.word_of("1"))[0] is stands
        text = (await pages.web.get(pages.link("1") + "profile")).text
        assert bool(re.search(r'id="show_live"[^>]* checked', text)) is stands
    text = (await pages.web.get(pages.link("3") + "profile")).text
    assert not re.search(r'id="show_live"[^>]* checked', text), "off at the source, and nothing said here"


async def test_a_whole_profile_is_kept_sealed_and_shown_again(pages: Pages) -> None:
    assert (await send(pages, "1", form="body", **WHOLE)).headers["location"] == "profile?saved=profile"
    numbers = {"weight_kg": 72.5, "height_cm": 178, "ftp_w": 210, "max_hr": 188, "lthr": 168, "rhr": 52}
    assert await pages.word_of("1") == (None, {**WHOLE, **numbers})
    async with pages.world.hub.database.read() as db:
        row = (await db.execute(select(t.own_word.c.sealed_profile))).scalar_one()
        lines = " ".join((await db.execute(select(t.log.c.text))).scalars())
    assert b"72" not in row or b"weight" not in row
    assert "72.5" not in lines
    text = (await pages.web.get(pages.link("1") + "profile")).text
    for name, value in WHOLE.items():
        if name != "gender":
            assert re.search(rf'id="{name}"[^>]* value="{value}"', text)
    assert '<option value="female" selected>' in text


async def test_a_blank_field_overwrites_nothing(pages: Pages) -> None:
    """Not what the source says; not the consent; and not what was said in another field."""
    await send(pages, "1", form="live")
    await send(pages, "1", form="body", **dict.fromkeys(WHOLE, ""), extra="x")
    assert await pages.word_of("1") == (False, {})
    assert "Im Buchungssystem: 62" in (await pages.web.get(pages.link("1") + "profile")).text
    await send(pages, "1", form="body", **{**dict.fromkeys(WHOLE, " "), "ftp_w": "210"})
    assert await pages.word_of("1") == (False, {"ftp_w": 210})
    await send(pages, "1", form="live", show_live="on")
    assert await pages.word_of("1") == (True, {"ftp_w": 210})


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("weight_kg", "34", "zwischen 35 und 180 kg"),
        ("weight_kg", "181", "zwischen 35 und 180 kg"),
        ("weight_kg", "siebzig", "Schreibe eine Zahl"),
        ("weight_kg", "1e3", "Schreibe eine Zahl"),
        ("weight_kg", "-70", "Schreibe eine Zahl"),
        ("height_cm", "1.80", "zwischen 130 und 215 cm"),
        ("ftp_w", "451", "zwischen 50 und 450 W"),
        ("lthr", "109", "zwischen 110 und 200 bpm"),
        ("rhr", "101", "zwischen 35 und 100 bpm"),
        ("max_hr", "99", "zwischen 100 und 215 bpm"),
        ("birth_date", "2026-11-21", "Datum in der Vergangenheit"),
        ("birth_date", "1800-01-01", "Datum in der Vergangenheit"),
        ("birth_date", "17.5.1990", "Datum in der Vergangenheit"),
        ("gender", "robot", "Wähle einen Eintrag"),
        ("strap", "12-34", "höchstens acht Ziffern"),
        ("strap", "123456789", "höchstens acht Ziffern"),
        ("strap", '"><script>', "höchstens acht Ziffern"),
    ],
)
async def test_what_is_wrong_is_told_beside_its_field_and_kept_as_typed(
    pages: Pages, name: str, typed: str, says: str
) -> None:
    """Nothing is saved, the other fields keep what was typed too, and screen readers find the error."""
    answer = await send(pages, "1", form="body", **{**WHOLE, name: typed})
    text = answer.text
    assert answer.status_code == 422
    assert await pages.word_of("1") == (None, {})
    field = re.search(rf'<p class="error" id="{name}-error">([^<]*)</p>', text)
    assert field is not None
    assert says in field[1]
    assert re.search(rf'id="{name}"[^>]*aria-describedby="[^"]*{name}-error"[^>]*aria-invalid="true"', text)
    assert text.count('aria-invalid="true"') == 1
    assert f'<a href="#{name}">' in text
    assert re.search(r"<title>Fehler: ", text)
    assert "<script>" not in text
    if name not in {"gender", "strap"}:
        assert re.search(rf'id="{name}"[^>]*value="{re.escape(typed)}"', text)
    if name != "rhr":
        assert re.search(r'id="rhr"[^>]*value="52"', text)


async def test_trackers_learn_of_it_at_once(pages: Pages) -> None:
    """The member stands on the agenda of every target, and their lanes are due."""
    async with pages.world.hub.database.write() as db:
        await db.execute(update(t.agenda).values(stamp=None))
        await db.execute(update(t.lane).values(wake_at=None))
    await send(pages, "1", form="live")
    async with pages.world.hub.database.read() as db:
        a = t.agenda.c
        marked = (await db.execute(select(a.target_id, a.member).where(a.stamp.is_not(None)))).all()
        lane = (await db.execute(select(t.lane).where(t.lane.c.connection_id == pages.door))).one()
    assert [tuple(row) for row in marked] == [(pages.door, "1")]
    assert lane.wake_at == pages.world.clock.now()


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "é"])
@pytest.mark.parametrize("path", ["profile", "erase"])
async def test_a_form_that_is_not_from_the_page_changes_nothing(pages: Pages, csrf: str | None, path: str) -> None:
    fields: dict[str, str] = {"form": "live"} | ({"csrf": csrf} if csrf is not None else {})
    answer = await pages.web.post(pages.link("1") + path, data=fields)
    assert answer.status_code == 403
    assert await pages.word_of("1") == (None, {})
    assert await pages.world.inbox() == []


async def test_the_form_of_one_member_is_no_good_on_the_page_of_another(pages: Pages) -> None:
    csrf = await csrf_of(pages, pages.link("1") + "profile")
    answer = await pages.web.post(pages.link("2") + "profile", data={"csrf": csrf, "form": "live"})
    assert answer.status_code == 403
    assert await pages.word_of("2") == (None, {})


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x=" + b"y" * 20_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"x%d=y" % number for number in range(60)), "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"", "", 415),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
async def test_what_no_page_of_ours_sends_is_refused(pages: Pages, body: bytes, kind: str, status: int) -> None:
    answer = await pages.web.post(pages.link("1") + "profile", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"


async def test_erasure_is_asked_for_twice_and_told_to_staff_once(pages: Pages) -> None:
    """Nothing is deleted by it; the member sees when they asked; and once it is done, the request is solved."""
    first = (await pages.web.get(pages.link("1") + "erase")).text
    assert "Ja, Löschung verlangen" in first
    assert await pages.world.inbox() == []
    for _ in range(2):
        assert (await pages.web.get(pages.link("1") + "erase")).status_code == 200
        link = pages.link("1") + "profile"
        csrf = {"csrf": await csrf_of(pages, link)}
        form = await pages.web.post(link.removesuffix("profile") + "erase", data=csrf)
        assert form.headers["location"] == "erase"
    (item,) = await pages.world.inbox()
    assert item["code"] == "erase_asked"
    assert item["subject"] == "desk:1"
    assert "Anna Graf (desk:1)" in item["text"]
    assert "studiohub erase desk:1" in item["fix"]
    answer = (await pages.web.get(pages.link("1") + "erase")).text
    assert "Verlangt am Sa, 21. November 2026" in answer
    assert "Ja, Löschung verlangen" not in answer
    hub = pages.world.hub
    async with hub.database.read() as db:
        found = await find_member(db, hub.the_studio, "desk:1")
    await erase(hub, found, who="test")
    assert await pages.world.inbox() == []


async def test_the_export_has_everything_of_theirs_and_of_nobody_else(pages: Pages) -> None:
    await pages.ride("e1", "1", pages.world.clock.now(), {"distance_km": 24.5})
    await pages.ride("e1", "2", pages.world.clock.now(), {"distance_km": 99.5})
    await send(pages, "1", form="body", ftp_w="210")
    answer = await pages.web.get(pages.link("1") + "my-data.json")
    assert "attachment" in answer.headers["content-disposition"]
    kept: dict[str, Any] = json.loads(answer.text)
    assert kept["member"] == "desk:1"
    assert [one["metrics"] for one in kept["results"]] == [{"distance_km": 24.5}]
    assert kept["own_word"]["profile"] == {"ftp_w": 210}
    assert "Beat" not in answer.text
    assert "99.5" not in answer.text


async def test_of_an_erased_member_no_result_and_no_word_is_left(pages: Pages) -> None:
    for member in ("1", "2"):
        await pages.ride("e1", member, pages.world.clock.now(), {"distance_km": 24.5})
        await send(pages, member, form="live")
    hub = pages.world.hub
    async with hub.database.read() as db:
        found = await find_member(db, hub.the_studio, "desk:1")
    done = await erase(hub, found, who="test")
    assert {"result", "own_word"} <= done.rows.keys()
    async with hub.database.read() as db:
        assert list((await db.execute(select(t.result.c.member))).scalars()) == ["2"]
        assert list((await db.execute(select(t.own_word.c.member))).scalars()) == ["2"]
        told = await personal_data(db, hub, found)
    assert (told["results"], told["seats"], told["own_word"]) == ([], [], None)

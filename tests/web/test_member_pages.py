"""What the member page shows: the right numbers in the right language, nothing of anybody else's, nothing unescaped."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.web.member import safety, speech, visit
from tests.web.studio import EVIL, Pages

EVERY = ("", "classes", "trends", "trends?weeks=52", "bests", "profile", "erase")
WORDS = Path(speech.__file__).parent / "words"


async def text_of(pages: Pages, member: str, path: str = "", **headers: str) -> str:
    answer = await pages.web.get(pages.link(member) + path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize("path", [*EVERY, "my-data.json", "classes/nothing", "nothing"])
async def test_every_answer_is_guarded(pages: Pages, path: str) -> None:
    """By a policy that allows nothing of anybody else's, and nothing is kept."""
    headers = (await pages.web.get(pages.link("1") + path)).headers
    assert headers["content-security-policy"] == safety.CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", EVERY)
async def test_no_page_reaches_for_another_host_or_holds_a_script_or_style(pages: Pages, path: str) -> None:
    await pages.rode_for_a_year("1")
    text = await text_of(pages, "1", path)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text)
    assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=", text)


async def test_files_of_the_page_may_be_kept_for_ever_under_their_fingerprint(pages: Pages) -> None:
    text = await text_of(pages, "1")
    names = re.findall(r"\.\./static/([^\"]+)", text)
    assert len(names) == 2
    for name in names:
        answer = await pages.web.get(f"/me/static/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith(("text/css", "text/javascript", "application/javascript"))
    for wrong in ("style.css", "style.000000000000.css", "..%2f__init__.py"):
        assert (await pages.web.get(f"/me/static/{wrong}")).status_code == 404


async def test_what_is_shown_comes_out_of_the_results(pages: Pages) -> None:
    """Sums of the month, four weeks against four weeks, the last classes, bests; a dropped result is nowhere."""
    now = pages.world.clock.now()
    await pages.ride("new", "1", now - timedelta(days=2), {"distance_km": 20.5, "points": 100}, name="Neu")
    await pages.ride("old", "1", now - timedelta(days=35), {"distance_km": 10.0, "points": 300}, name="Alt")
    await pages.ride("dropped", "1", now - timedelta(days=1), {"distance_km": 50.0}, name="Falsch", dropped=True)
    text = await text_of(pages, "1")
    assert "Hallo Anna" in text
    assert "20,5 km" in text
    assert "die 4 Wochen davor: 10,0 km (+105 %)" in text
    assert text.index("Neu") < text.index("Alt")
    assert "Falsch" not in text
    bests = await text_of(pages, "1", "bests")
    assert "300 SEP" in bests
    assert "50,0" not in bests
    assert 'href="classes/old"' in bests


async def test_the_next_class_is_shown_with_its_bike(pages: Pages) -> None:
    soon = pages.world.clock.now() + timedelta(days=1)
    desk = pages.world.desk
    for number, state in ((1, "cancelled"), (2, "scheduled"), (3, "scheduled")):
        start, end = soon + timedelta(hours=number), soon + timedelta(hours=number + 1)
        times = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
        desk.sessions.append({"id": f"s{number}", "name": f"Kurs {number}", "state": state, **times})
        booking = {"id": f"b{number}", "member_id": "1", "session_id": f"s{number}", "spot": str(number)}
        desk.bookings.append({**booking, "state": "confirmed"})
    await pages.world.sync()
    text = await text_of(pages, "1")
    assert "Kurs 2" in text
    assert "Rad 2" in text
    assert "So, 22. November 2026, 12:00–13:00 Uhr" in text
    assert "Kurs 1" not in text
    assert "Kurs 3" not in text
    assert "You have no class booked." in await text_of(pages, "4")


async def test_a_class_says_what_was_not_measured_and_what_can_hardly_be(pages: Pages) -> None:
    at = pages.world.clock.now() - timedelta(days=2)
    metrics = {"distance_km": 24.04, "power_avg_w": 180, "power_max_w": 4200, "wpp_total": 12}
    await pages.ride("e1", "1", at, metrics, implausible=("power_max_w",))
    text = await text_of(pages, "1", "classes/e1")
    assert "24,0 km" in text
    assert "wpp total" in text
    assert text.count("nicht gemessen</span>") == 9
    assert re.search(r"4 200 W\s*<span class=\"tag warn\">unplausibel", text)
    assert "zählt aber nicht für Bestwerte" in text
    assert "4 200" not in await text_of(pages, "1", "bests")


async def test_the_class_of_somebody_else_is_not_there(pages: Pages) -> None:
    """It looks like one that does not exist."""
    await pages.ride("e1", "2", pages.world.clock.now() - timedelta(days=1), {"distance_km": 33.3})
    theirs = await pages.web.get(pages.link("1") + "classes/e1")
    nothing = await pages.web.get(pages.link("1") + "classes/none")
    assert theirs.status_code == nothing.status_code == 404
    token = re.compile(r"gAAAA[\w-]+")
    assert token.sub("", theirs.text) == token.sub("", nothing.text)
    assert (await pages.web.get(pages.link("2") + "classes/e1")).status_code == 200


async def test_ranks_count_only_riders_who_show_their_data(pages: Pages) -> None:
    """By their own word before the source's; and who hides sees no rank."""
    at = pages.world.clock.now() - timedelta(days=1)
    for member, distance in (("1", 20.0), ("2", 30.0), ("3", 40.0), ("4", 10.0)):
        await pages.ride("e1", member, at, {"distance_km": distance})
    assert "2 von 3" in await text_of(pages, "1", "classes/e1")
    assert "1 of 3" in await text_of(pages, "2", "classes/e1", **{"accept-language": "en"})
    assert "No rank" in await text_of(pages, "3", "classes/e1", **{"accept-language": "en"})
    link = pages.link("2") + "profile"
    csrf = re.search(r'name="csrf" value="(\w+)"', (await pages.web.get(link)).text)
    assert csrf is not None
    await pages.web.post(link, data={"csrf": csrf[1], "form": "live"})
    assert "1 von 2" in await text_of(pages, "1", "classes/e1")
    assert "No rank" in await text_of(pages, "2", "classes/e1", **{"accept-language": "en"})


@pytest.mark.parametrize("path", [*EVERY, "classes/evil"])
async def test_names_are_text_and_never_a_script(pages: Pages, path: str) -> None:
    """Of members, classes and bikes, wherever they stand."""
    for number in range(3):
        at = pages.world.clock.now() - timedelta(days=number + 1)
        event = "evil" if number == 0 else f"evil{number}"
        await pages.ride(event, "4", at, {"distance_km": 12.0, "power_avg_w": 150}, name=EVIL, seat=EVIL)
    text = await text_of(pages, "4", path)
    assert "<script>" not in text
    assert 'alert("1")' not in text


@pytest.mark.parametrize(
    ("member", "accepted", "language"),
    [
        ("1", "en", "de"),
        ("4", "de", "en"),
        ("2", "en-GB,de;q=0.8", "en"),
        ("2", "fr,de;q=0.5,en;q=0.4", "de"),
        ("2", "en;q=0,fr", "de"),
        ("2", "", "de"),
        ("2", ";;q=x,,", "de"),
    ],
)
async def test_the_page_speaks_the_members_language(pages: Pages, member: str, accepted: str, language: str) -> None:
    """Then the browser's, then the studio's; and says so to screen readers."""
    text = await text_of(pages, member, "profile", **{"accept-language": accepted})
    assert f'<html lang="{language}">' in text
    assert ("Dein Profil" if language == "de" else "Your profile") in text


def test_both_languages_say_the_same_things() -> None:
    def names(table: dict[str, Any], before: str = "") -> set[str]:
        found = set()
        for name, value in table.items():
            if isinstance(value, dict):
                found |= names(value, f"{before}{name}.")
            else:
                found.add(f"{before}{name} {sorted(re.findall(r'{(.*?)}', value))}")
        return found

    german, english = (tomllib.loads((WORDS / f"{one}.toml").read_text(encoding="utf-8")) for one in ("de", "en"))
    assert names(german) == names(english)


async def test_each_chart_has_a_name_a_description_and_a_table(pages: Pages) -> None:
    await pages.rode_for_a_year("1")
    for path, weeks in (("trends", 12), ("trends?weeks=52", 52), ("trends?weeks=x", 12)):
        text = await text_of(pages, "1", path)
        charts = re.findall(r'role="img" aria-labelledby="(\S+) (\S+)"', text)
        assert len(charts) == 8
        for name, description in charts:
            assert f'<title id="{name}">' in text
            assert f'<desc id="{description}">' in text
        assert text.count("Werte als Tabelle") == 8
        assert text.count(f"Balken für {weeks} Wochen") == 4


async def test_a_member_without_results_has_pages_too(pages: Pages) -> None:
    for path in EVERY:
        await text_of(pages, "2", path)


async def test_only_one_page_in_a_menu_is_the_present_one(pages: Pages) -> None:
    for path in ("", "classes", "bests", "profile"):
        assert (await text_of(pages, "1", path)).count("aria-current") == 1


def test_the_files_of_the_page_are_there() -> None:
    assert set(visit.STATIC) == {"charts.js", "style.css"}

"""Riders are told what they rode, once for each class; people are told of their accounts, once for each tracker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from hub import records as r
from hub.classes.accounts import account_mail
from hub.classes.rides import METRICS
from hub.notify import own_templates
from hub.notify.templates import Template
from hub.notify.wording import metric_text
from hub.store import tables as t
from hub.studio.importing import import_file
from tests.conftest import BOTH
from tests.harness import NOW
from tests.hub.test_access_mail import text_of
from tests.hub.test_mail import Mailbox, mailbox, send
from tests.rode import GOOD, Riding, make_riding

__all__ = ["mailbox"]


@pytest.fixture
async def riding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[Riding]:
    async with make_riding(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made


async def say(riding: Riding, **said: object) -> None:
    ids = await riding.ids()
    async with riding.world.hub.database.write() as db:
        await db.execute(insert(t.own_word).values(source_id=ids["desk"], changed_at=NOW, **said))


# ── the summary ───────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_each_rider_gets_one_mail_for_each_class_with_their_own_results(riding: Riding, mailbox: Mailbox) -> None:
    """However often it is looked for results, and whatever changes later."""
    riding.bikes.rode("v1", "v2")
    riding.bikes.results["v2"] = {"metrics": {**GOOD, "distance_km": 25.1}}
    await riding.after(minutes=30)
    assert await send(riding.world, mailbox) == 2
    riding.bikes.rode("v1", distance_km=1)
    await riding.change(t.event, results_due_at=NOW)
    await riding.after(hours=3)
    assert await send(riding.world, mailbox) == 0
    assert [got["To"] for got in mailbox.got] == ["1@example.org", "2@example.org"]
    assert mailbox.got[0]["Subject"] is not None
    text = text_of(mailbox.got[0])
    for said in (
        *("Hallo Anna", "Ride 45", "Sa, 21. November 2026, 10:00–10:45 Uhr"),
        *("Strecke: 24,3 km", "Energie: 512 kJ", "Kalorien: 581 kcal", "Punkte: 214 Punkte"),
        *("Leistung im Schnitt: 189 W", "Höchste Leistung: 640 W", "Puls im Schnitt: 148 bpm"),
        *("Höchster Puls: nicht gemessen", "Tempo im Schnitt: nicht gemessen", "Dein Platz nach Strecke: 2 von 2"),
    ):
        assert said in text, said
    assert "25,1" not in text
    assert {row.name for row in await riding.rows(t.outbox)} == {"summary:e1:desk:1", "summary:e1:desk:2"}


async def test_a_language_is_the_members(riding: Riding) -> None:
    riding.world.desk.members[0]["language"] = "en-GB"
    await riding.world.sync("desk")
    riding.bikes.rode("v1")
    await riding.after(minutes=30)
    [(_, _, text)] = await riding.mails()
    assert "Highest heart rate: not measured" in text
    assert "24.3 km" in text


async def test_what_can_hardly_be_is_said_to_be_so_and_wins_no_place(riding: Riding) -> None:
    riding.bikes.rode("v1", distance_km=300)
    riding.bikes.rode("v2", distance_km=20)
    await riding.after(minutes=30)
    first, second = (text for _, _, text in await riding.mails())
    assert "300,0 km (kann kaum stimmen)" in first
    assert "Platz" not in first + second


@BOTH
async def test_who_is_not_shown_live_gets_the_mail_and_no_place_and_takes_none(riding: Riding) -> None:
    """What they said on their page goes before what the desk says."""
    await riding.rider("3")
    await riding.rider("4")
    for row, show in zip(riding.world.desk.members, ("true", "false", "false", "true"), strict=True):
        row["show_live"] = show
    await riding.world.sync("desk")
    await say(riding, member="3", show_live=True)
    await say(riding, member="4", show_live=None)
    for number, person in enumerate(("v2", "v3", "v1", "v4")):
        riding.bikes.rode(person, distance_km=30 - number)
    await riding.after(minutes=30)
    texts = {to[0]: text for _, to, text in await riding.mails()}
    assert "Platz" not in texts["2"]
    places = {key: text.partition("Strecke: ")[2].partition("Strecke: ")[2][:7] for key, text in texts.items()}
    assert (places["3"], places["1"], places["4"]) == ("1 von 3", "2 von 3", "3 von 3")
    shown = {rider.member: rider.show_live for rider in riding.bikes.asked[0][1]}
    assert shown == {"desk:1": True, "desk:2": False, "desk:3": True, "desk:4": True}


async def test_a_studio_that_wants_no_summaries_sends_none_and_has_the_results(riding: Riding) -> None:
    file = riding.world.folder / "mail.toml"
    file.write_text("[mail]\nsummary = false\naccounts = false\n")
    assert (await import_file(riding.world.hub, file, who="test")).changes == ["mail changed"]
    riding.bikes.rode("v1", "v2")
    assert await riding.after(minutes=30) == 2
    await tell_account(riding, r.Member(id="1", email="1@example.org"))
    assert await riding.mails() == []


@BOTH
async def test_who_has_no_address_is_in_the_inbox_and_is_told_when_there_is_one(riding: Riding) -> None:
    """Once; after a week nobody needs it any more."""
    await riding.rider("3", email=None)
    await riding.rider("4", email=None)
    await riding.world.sync("desk")
    riding.bikes.rode("v3", "v4")
    await riding.after(minutes=30)
    items = [item for item in await riding.world.inbox() if item["code"] == "no_address"]
    assert len(items) == 2
    assert "Anna Graf 3 (desk:3)" in items[0]["text"]
    assert "Ride 45" in items[0]["text"]
    riding.world.desk.members[2]["email"] = "3@example.org"
    await riding.world.sync("desk")
    for minutes in (40, 50):
        await riding.after(minutes=minutes)
    assert [to for _, to, _ in await riding.mails()] == ["3@example.org"]
    assert [item["code"] for item in await riding.world.inbox() if item["code"] == "no_address"] == ["no_address"]
    await riding.after(days=8)
    assert [item["code"] for item in await riding.world.inbox() if item["code"] == "no_address"] == []


async def test_a_summary_that_can_not_be_sent_names_member_and_class(riding: Riding, mailbox: Mailbox) -> None:
    """Also where the studio's own subject says neither; and nothing of what was measured."""
    studio, db_of = riding.world.hub.the_studio, riding.world.hub.database
    async with db_of.write() as db:
        template = Template("Dein Training", "{{ distance }}")
        await own_templates.save(db, studio, "performance_summary", "de", template, who="test", now=NOW)
    riding.bikes.rode("v1")
    await riding.after(minutes=30)
    mailbox.refuse = "550 no such user"
    await send(riding.world, mailbox)
    [item] = [item for item in await riding.world.inbox() if item["code"] == "mail_failed"]
    for said in ("1@example.org", "Dein Training", "desk:1", "Ride 45 on 21 Nov 2026 10:00", "550"):
        assert said in item["text"], said
    assert "24" not in item["text"]


async def test_the_class_says_who_gave_it(riding: Riding) -> None:
    riding.world.desk.instructors.append({"id": "i1", "name": "Mia Keller", "email": "mia@example.org"})
    riding.world.desk.sessions.append(
        {"id": "s-e1", "name": "Ride 45", "starts_at": NOW, "ends_at": NOW + timedelta(minutes=45),
         "instructor_id": "i1"}
    )  # fmt: skip
    await riding.world.sync("desk")
    riding.bikes.rode("v1")
    await riding.after(minutes=30)
    assert "mit Mia Keller:" in (await riding.mails())[0][2]


@pytest.mark.parametrize("language", ["de", "en"])
def test_nothing_measured_is_said_in_words_and_never_as_0(language: str) -> None:
    for metric in METRICS.values():
        assert "0" not in metric_text(metric, None, language)
        assert metric_text(metric, 0.0, language).startswith("0")


# ── accounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def tell_account(riding: Riding, person: r.Member | r.Instructor) -> None:
    """As a pass over the tracker does."""
    scope = await riding.scope()
    async with riding.world.hub.database.write() as db:
        await account_mail(scope, db, source="desk", person=person, now=NOW)


@BOTH
async def test_who_gets_an_account_is_told_once_how_to_get_in(riding: Riding, mailbox: Mailbox) -> None:
    """A member and a teacher with the same id are two people."""
    member = r.Member(id="1", given_name="Anna", family_name="Graf", email="anna@example.org", language="en")
    teacher = r.Instructor(id="1", name="Mia Keller", email="mia@example.org")
    for _ in range(3):
        await tell_account(riding, member)
        await tell_account(riding, teacher)
    assert await send(riding.world, mailbox) == 2
    first, second = mailbox.got
    assert (first["To"], first["Subject"]) == ("anna@example.org", "Your Spinner account at Studio Nordlicht")
    for said in ("Hello Anna", "Your user name is anna@example.org", "Forgot password", "accept its terms"):
        assert said in text_of(first)
    assert second["To"] == "mia@example.org"
    for said in ("Hallo Mia", "mia@example.org", "Passwort vergessen", "Nutzungsbedingungen", "unterrichtest"):
        assert said in text_of(second)
    names = [(row.name, row.kind, row.subject_id) for row in await riding.rows(t.outbox)]
    assert names == [
        ("account:bikes:desk:1", "account_created_member", "desk:1"),
        ("teacher:bikes:desk:1", "account_created_teacher", "desk: teacher 1"),
    ]


async def test_who_has_no_address_gets_no_mail_about_an_account(riding: Riding) -> None:
    await tell_account(riding, r.Member(id="1"))
    await tell_account(riding, r.Instructor(id="1", name="Mia"))
    assert await riding.mails() == []

"""Mails about access: whom they reach, when, in which words; and that they go out once, in time, or not at all."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from hub import records
from hub.errors import UserError
from hub.notify import outbox
from hub.notify.access_mail import access_mail, mail_names
from hub.notify.outbox import Mail
from hub.notify.templates import Template
from hub.notify.wording import joined, language_of, moment_text, window_text
from hub.store import tables as t
from hub.studio.importing import export_text, import_file
from hub.studio.model import MailSection, Words
from hub.studio.registry import Studio
from tests.conftest import BOTH
from tests.harness import NOW, World
from tests.hub.test_mail import MAIL, Mailbox, mailbox, put, send, states

__all__ = ["mailbox"]

STUDIO = Studio(
    id=1, name="Studio Nordlicht", timezone="Europe/Zurich", language="de", instance="i", sealed_pepper=b"",
    mail=MailSection(reminder_minutes=60, words=Words(de="Hinten parkieren.", en="Park behind.")),
)  # fmt: skip
ANNA = records.Member(id="4711", given_name="Anna", family_name="Graf", email="anna@example.org", language="de-CH")
START, END = datetime(2026, 11, 24, 8, 45, tzinfo=UTC), datetime(2026, 11, 24, 10, 15, tzinfo=UTC)


def mail(studio: Studio = STUDIO, kind: str = "access", **changed: Any) -> Mail | None:
    values: dict[str, Any] = {
        "grant_id": "g1",
        "source": "anny",
        "member": ANNA,
        "doors": ["Eingang", "Studio 2"],
        "window": (START, END),
        "code": "493827",
        "url": "https://open.example/x7Kp",
        "reference": "B-1042",
        "now": NOW,
        **changed,
    }
    return access_mail(studio, kind, **values)


def sure(found: Mail | None) -> Mail:
    assert found is not None
    return found


# ── what it says ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_says_door_window_code_and_link() -> None:
    """By the studio's clock, in the member's language, with the studio's words; and what it is about."""
    made = sure(mail())
    assert (made.name, made.kind, made.to, made.subject_id) == ("access:g1", "access", "anna@example.org", "anny:4711")
    assert made.subject == "Dein Zugang: Eingang und Studio 2, Di, 24. November 2026, 09:45–11:15 Uhr"
    for said in ("Hallo Anna", "493827", "https://open.example/x7Kp", "B-1042", "Hinten parkieren."):
        assert said in made.text
        assert said in (made.html or "")
    assert made.not_before is None


def test_a_mail_is_in_the_language_of_the_member_or_else_of_the_studio() -> None:
    """Whatever way the booking system writes it."""
    english = replace(STUDIO, language="en")
    for wanted, studio, begins in (
        ("de-CH", english, "Hallo"),
        ("DE_at", english, "Hallo"),
        ("en-GB", STUDIO, "Hello"),
        ("fr", STUDIO, "Hallo"),
        ("fr", english, "Hello"),
        (None, english, "Hello"),
        ("", STUDIO, "Hallo"),
    ):
        member = records.Member(id="1", email="a@b.ch", language=wanted)
        assert sure(mail(studio, member=member)).text.startswith(begins)
        assert language_of(wanted, studio.language) == ("de" if begins == "Hallo" else "en")


def test_own_words_for_one_language_leave_the_other_alone() -> None:
    """They are kept for each language."""
    own = {("access", "de"): Template("Sali {{ given_name }}", "Code {{ code }}")}
    made = sure(mail(own=own))
    assert (made.subject, made.text, made.html) == ("Sali Anna", "Code 493827\n", None)
    assert (
        "Hello Anna"
        in sure(mail(own=own, member=records.Member(id="1", given_name="Anna", email="a@b.ch", language="en"))).text
    )


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "ftp://x/y", "https://", "https://a b/", "x", ""]
)
def test_only_an_address_of_the_web_is_a_link(url: str) -> None:
    """Anything else is left out, and the code is still there."""
    made = sure(mail(url=url))
    assert "Öffnen" not in made.text
    assert "href" not in (made.html or "")
    assert "493827" in made.text


def test_a_name_can_not_add_lines_or_markup() -> None:
    """It comes from a form that anybody fills in."""
    odd = records.Member(id="1", given_name="<b>An\r\nBcc: x@y.z\u202e", email="a@b.ch")
    made = sure(mail(member=odd, own={("access", "de"): Template("{{ member_name }}!", "x", "<p>{{ member_name }}")}))
    assert made.subject == "<b>An Bcc: x@y.z!"
    assert made.html == "<p>&lt;b&gt;An Bcc: x@y.z"


# ── whom it reaches, and when ─────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_is_written_to_who_is_not_to_be() -> None:
    """No address; a studio that wants no mails; a window that is over."""
    assert mail(member=records.Member(id="1")) is None
    assert mail(member=records.Member(id="1", email="")) is None
    assert mail(replace(STUDIO, mail=MailSection(access=False))) is None
    assert mail(now=END) is None
    assert mail(now=START) is not None


def test_a_reminder_comes_the_minutes_before_that_the_studio_says() -> None:
    """None where it says none, where there is no beginning, or where the mail about the booking comes that late."""
    made = sure(mail(kind="access_reminder"))
    assert (made.name, made.not_before) == ("reminder:g1", START - timedelta(minutes=60))
    assert made.subject.startswith("Erinnerung")
    assert mail(replace(STUDIO, mail=MailSection()), "access_reminder") is None
    assert mail(kind="access_reminder", window=(None, END)) is None
    assert mail(kind="access_reminder", now=START - timedelta(minutes=60)) is None
    assert mail_names("g1") == ["access:g1", "reminder:g1"]


@BOTH
async def test_a_reminder_waits_in_the_outbox_until_its_time(world: World, mailbox: Mailbox) -> None:
    """What is due goes out meanwhile, and it goes once."""
    await put(world, sure(mail(kind="access_reminder")), MAIL)
    assert await send(world, mailbox) == 1
    world.clock.set(START - timedelta(minutes=61))
    assert await send(world, mailbox) == 0
    world.clock.set(START - timedelta(minutes=60))
    assert await send(world, mailbox) == 1
    assert await send(world, mailbox) == 0
    (_, got) = mailbox.got
    assert "493827" in text_of(got)
    assert got.is_multipart()


def text_of(message: Message) -> str:
    """The text part."""
    part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    return bytes(part.get_payload(decode=True)).decode()


@BOTH
async def test_a_mail_that_waits_can_be_taken_back(world: World, mailbox: Mailbox) -> None:
    """Of that studio and name only; what went out, or may have, stays."""
    reminder, other = sure(mail(kind="access_reminder")), sure(mail(kind="access_reminder", grant_id="g2"))
    await put(world, sure(mail()), reminder, other)
    assert await send(world, mailbox) == 1
    studio = world.hub.the_studio.id

    async def withdraw(studio_id: int, *names: str) -> int:
        async with world.hub.database.write() as db:
            return await outbox.withdraw(db, studio_id, names)

    assert await withdraw(studio + 1, *mail_names("g1")) == 0
    assert await withdraw(studio) == 0
    assert await withdraw(studio, *mail_names("g1")) == 1
    assert await states(world) == ["sent", "queued"]
    await put(world, reminder)
    async with world.hub.database.write() as db:
        ids = list((await db.execute(select(t.outbox.c.id).where(t.outbox.c.name != "access:g1"))).scalars())
        for one in ids:
            assert await outbox.handing_over(db, one, now=NOW)
    assert await withdraw(studio, *mail_names("g1"), *mail_names("g2")) == 0


async def test_a_mail_that_the_server_refused_for_now_can_be_taken_back(world: World, mailbox: Mailbox) -> None:
    """It surely did not go out."""
    mailbox.refuse_data = "451 later"
    await put(world, MAIL)
    await send(world, mailbox)
    assert await states(world) == ["queued"]
    async with world.hub.database.write() as db:
        assert await outbox.withdraw(db, world.hub.the_studio.id, [MAIL.name]) == 1


@BOTH
async def test_words_that_fail_are_told_once_and_the_mail_goes_out(world: World, mailbox: Mailbox) -> None:
    """In the inbox, with what to type; not with the code."""
    own = {("access", "de"): Template("Hi", "{{ gone }}")}
    await put(world, *(sure(mail(grant_id=f"g{number}", own=own)) for number in range(3)))
    await put(world, sure(mail(grant_id="g9", own=own)))
    assert await send(world, mailbox) == 4
    assert all("493827" in text_of(got) for got in mailbox.got)
    (item,) = [item for item in await world.inbox() if item["code"] == "template_failed"]
    assert "access (de) can't be used: there is no variable 'gone'" in item["text"]
    assert "studiohub mail templates" in item["fix"]


async def test_a_code_is_in_the_mail_and_nowhere_else(
    world: World, mailbox: Mailbox, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in a row, a log line or the inbox, also where sending fails."""
    caplog.set_level(logging.DEBUG)
    mailbox.refuse = "550 no such user"
    await put(world, sure(mail()))
    await send(world, mailbox)
    async with world.hub.database.read() as db:
        rows = [row for table in t.metadata.sorted_tables for row in await db.execute(select(table))]
    printed = capsys.readouterr()
    for secret in ("493827", "x7Kp"):
        assert secret not in repr(rows)
        assert secret not in caplog.text + printed.out + printed.err


async def test_a_studio_writes_under_its_name(world: World, mailbox: Mailbox) -> None:
    """Where it says one; letters of all kinds travel."""
    file = world.folder / "studio.toml"
    file.write_text('[mail]\nsender_name = "Studio Nördlicht, Zürich"\n', encoding="utf-8")
    await import_file(world.hub, file, who="test")
    await put(world, MAIL)
    assert await send(world, mailbox) == 1
    name, address = parseaddr(mailbox.got[0]["From"])
    assert (str(make_header(decode_header(name))), address) == ("Studio Nördlicht, Zürich", "hub@nordlicht.example")


# ── days and times ────────────────────────────────────────────────────────────────────────────────────────────────────

ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("start", "end", "german", "english"),
    [
        (START, END, "Di, 24. November 2026, 09:45–11:15 Uhr", "Tue 24 Nov 2026, 09:45–11:15"),
        (START, None, "ab Di, 24. November 2026, 09:45 Uhr", "from Tue 24 Nov 2026, 09:45"),
        (None, END, "bis Di, 24. November 2026, 11:15 Uhr", "until Tue 24 Nov 2026, 11:15"),
        (None, None, "jederzeit", "at any time"),
        (
            datetime(2026, 7, 31, 20, 0, tzinfo=UTC),
            datetime(2026, 8, 1, 0, 30, tzinfo=UTC),
            "Fr, 31. Juli 2026, 22:00 Uhr – Sa, 1. August 2026, 02:30 Uhr",
            "Fri 31 Jul 2026, 22:00 – Sat 1 Aug 2026, 02:30",
        ),
        (
            datetime(2026, 7, 31, 16, 0, tzinfo=UTC),
            datetime(2026, 7, 31, 22, 0, tzinfo=UTC),
            "Fr, 31. Juli 2026, 18:00–24:00 Uhr",
            "Fri 31 Jul 2026, 18:00–24:00",
        ),
        (
            None,
            datetime(2026, 12, 31, 23, 0, tzinfo=UTC),
            "bis Do, 31. Dezember 2026, 24:00 Uhr",
            "until Thu 31 Dec 2026, 24:00",
        ),
    ],
)
def test_a_window_is_told_as_people_say_it(
    start: datetime | None, end: datetime | None, german: str, english: str
) -> None:
    """By the studio's clock, summer and winter, open ends and midnight."""
    assert window_text(start, end, ZURICH, "de") == german
    assert window_text(start, end, ZURICH, "en") == english


def test_moments_and_lists_are_told_as_people_say_them() -> None:
    """Nothing for nothing."""
    assert moment_text(None, ZURICH, "de") == ""
    assert moment_text(datetime(2026, 7, 31, 22, 0, tzinfo=UTC), ZURICH, "en") == "Sat 1 Aug 2026, 00:00"
    assert [joined(list(names), "en") for names in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert joined(["a", "b"], "de") == "a und b"


# ── [mail] ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_what_a_studio_file_says_about_mails_is_kept_and_written_out(world: World) -> None:
    """A second import changes nothing, an export says the same, a file without it leaves it or takes it away."""
    hub, file = world.hub, world.folder / "mail.toml"
    assert hub.the_studio.mail == MailSection()
    assert "[mail]" not in await export_text(hub)
    for text, wanted in (
        ("access = false", MailSection(access=False)),
        (
            'words = "Bis bald"\nreminder_minutes = 60',
            MailSection(words=Words(de="Bis bald", en="Bis bald"), reminder_minutes=60),
        ),
        ('words = { de = "Bis\\nbald" }\nsender_name = "N"', MailSection(words=Words(de="Bis\nbald"), sender_name="N")),
    ):
        file.write_text(f"[mail]\n{text}\n", encoding="utf-8")
        assert (await import_file(hub, file, who="test")).changes == ["mail changed"]
        assert (await import_file(hub, file, who="test")).changes == []
        assert hub.the_studio.mail == wanted
        file.write_text(await export_text(hub), encoding="utf-8")
        assert (await import_file(hub, file, who="test")).changes == []
        assert hub.the_studio.mail == wanted
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole[whole.index("[[passes]]") :], encoding="utf-8")
    assert (await import_file(hub, file, who="test")).changes == []
    file.write_text(whole[: whole.index("[mail]")] + whole[whole.index("[[connections]]") :], encoding="utf-8")
    assert (await import_file(hub, file, who="test")).changes == ["mail changed"]
    assert hub.the_studio.mail == MailSection()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acces = true", "line 2: [mail]: unknown key 'acces'; did you mean 'access'?"),
        ("reminder_minutes = 4", "line 2: [mail]: reminder_minutes must be greater than or equal to 5"),
        ('words = { fr = "x" }', "unknown key 'words.fr'; valid: de, en"),
        ("words = 5", "words must be a table"),
        ('sender_name = "a\\nb"', "sender_name must be one line"),
    ],
)
async def test_a_mail_table_that_can_not_be_used_is_told_by_its_line(world: World, text: str, said: str) -> None:
    """Nothing is imported then."""
    file = world.folder / "mail.toml"
    file.write_text(f"[mail]\n{text}\n")
    with pytest.raises(UserError) as raised:
        await import_file(world.hub, file, who="test")
    assert said in str(raised.value)


def test_words_in_one_language_are_better_than_none() -> None:
    """What a studio wants to say is said in the language it has."""
    assert [Words(de="x").of(language) for language in ("de", "en")] == ["x", "x"]
    assert Words(de="x", en="y").of("en") == "y"
    assert Words().of("de") == ""

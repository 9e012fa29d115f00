"""Mail: alarms and summaries go out once each, and a body is never in clear where it waits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr
from sqlalchemy import select, update

from hub.core import Hub
from hub.engine.engine import Engine
from hub.errors import UserError
from hub.notify import outbox
from hub.notify.alarms import Alarms
from hub.notify.outbox import Mail
from hub.notify.sender import read_url, send_due, send_mails
from hub.notify.waiting import tell_waiting
from hub.settings import HubSettings
from hub.store import tables as t
from hub.testing.faults import Outage
from tests.conftest import BOTH
from tests.harness import World
from tests.hub.test_cli import Shop, shop

__all__ = ["shop"]


@dataclass
class Mailbox:
    """An SMTP server on loopback. `refuse` is what it answers to a recipient, `refuse_data` to a message."""

    got: list[Message] = field(default_factory=list)
    refuse: str | None = None
    refuse_data: str | None = None
    break_after_data: bool = False
    url: str = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:
        if self.refuse_data:
            return self.refuse_data
        self.got.append(message_from_bytes(envelope.content))
        if self.break_after_data:
            server.transport.abort()
        return "250 OK"


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    controller = UnthreadedController(box, hostname="127.0.0.1", port=0, loop=asyncio.get_running_loop())
    server = await asyncio.get_running_loop().create_server(controller.factory, host="127.0.0.1", port=0)
    port = server.sockets[0].getsockname()[1]
    box.url = f"smtp://127.0.0.1:{port}?from=hub@nordlicht.example"
    yield box
    server.close()


async def put(world: World, *mails: Mail) -> None:
    async with world.hub.database.write() as db:
        await outbox.put(db, world.hub.the_studio.id, mails, seal=world.hub.vault.seal, now=world.clock.now())


async def send(world: World, box: Mailbox) -> int:
    return await send_due(world.hub.database, world.hub.vault, read_url(box.url), world.clock)


async def states(world: World) -> list[str]:
    async with world.hub.database.read() as db:
        return list((await db.execute(select(t.outbox.c.state).order_by(t.outbox.c.id))).scalars())


MAIL = Mail(name="one", kind="test", to="anna@example.org", subject="Grüezi", text="Der Code ist 493827.")


@BOTH
async def test_a_mail_goes_out_once_however_often_it_is_put_in(world: World, mailbox: Mailbox) -> None:
    """Its name makes it the same; its body waits sealed."""
    await put(world, MAIL, MAIL)
    await put(world, MAIL)
    async with world.hub.database.read() as db:
        rows = (await db.execute(select(t.outbox))).all()
    assert "493827" not in repr(rows)
    assert await send(world, mailbox) == 1
    assert await send(world, mailbox) == 0
    (got,) = mailbox.got
    assert (got["To"], got["From"], got["Auto-Submitted"]) == (
        "anna@example.org",
        "hub@nordlicht.example",
        "auto-generated",
    )
    assert "493827" in bytes(got.get_payload(decode=True)).decode()  # type: ignore[arg-type]


async def test_two_senders_at_once_send_one_mail(world: World, mailbox: Mailbox) -> None:
    """Any daemon may send; the one that takes the mail sends it."""
    await put(world, *(Mail(name=str(n), kind="test", to="a@b.ch", subject="s", text="t") for n in range(10)))
    counts = await asyncio.gather(*(send(world, mailbox) for _ in range(3)))
    assert sum(counts) == len(mailbox.got) == 10


async def test_a_server_that_is_away_keeps_nothing_from_going_out_later(world: World, mailbox: Mailbox) -> None:
    """It waits, longer each time."""
    await put(world, MAIL)
    dead = read_url("smtp://127.0.0.1:9")
    assert await send_due(world.hub.database, world.hub.vault, dead, world.clock) == 0
    assert await send(world, mailbox) == 0
    world.clock.move(timedelta(minutes=2))
    assert await send(world, mailbox) == 1


async def test_a_refused_address_is_told_and_not_tried_for_ever(world: World, mailbox: Mailbox) -> None:
    """No for good is a failure at once, and somebody hears of it."""
    mailbox.refuse = "550 no such user"
    await put(world, MAIL)
    await send(world, mailbox)
    assert await states(world) == ["failed"]
    (item,) = [item for item in await world.inbox() if item["code"] == "mail_failed"]
    assert "550" in item["text"]
    assert "493827" not in item["text"]


async def test_a_server_that_is_busy_is_asked_again(world: World, mailbox: Mailbox) -> None:
    """No for now is a pause."""
    mailbox.refuse = "451 later"
    await put(world, MAIL)
    await send(world, mailbox)
    assert await states(world) == ["queued"]
    mailbox.refuse = None
    world.clock.move(timedelta(minutes=2))
    assert await send(world, mailbox) == 1


async def test_a_mail_whose_answer_was_lost_is_not_sent_twice(world: World, mailbox: Mailbox) -> None:
    """It may have gone out; that is shown, and left to a person."""
    mailbox.break_after_data = True
    await put(world, MAIL)
    await send(world, mailbox)
    mailbox.break_after_data = False
    world.clock.move(timedelta(hours=1))
    assert await send(world, mailbox) == 0
    assert await states(world) == ["unsure"]
    assert len(mailbox.got) == 1


@pytest.mark.parametrize(
    ("to", "subject", "goes"),
    [
        ("jürg@example.org", "s", False),
        ("anna@fitneß-zürich.ch", "s", True),
        ("a@b.ch", "Graf\nBcc: everybody@example.org", True),
    ],
)
async def test_one_mail_that_can_not_go_out_keeps_no_other_from_it(
    world: World, mailbox: Mailbox, to: str, subject: str, goes: bool
) -> None:
    """A name with a line break, an address with letters that servers don't take: told, and the next one goes."""
    await put(world, Mail(name="odd", kind="test", to=to, subject=subject, text="t"), MAIL)
    assert await send(world, mailbox) == 1 + goes
    assert await states(world) == ["sent" if goes else "failed", "sent"]
    assert not [mail for mail in mailbox.got if mail["Bcc"]]
    assert len([item for item in await world.inbox() if item["code"] == "mail_failed"]) == (not goes)


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "smtp://host:no"])
def test_a_mail_address_that_can_not_be_used_is_told(url: str) -> None:
    """By the setting's name."""
    with pytest.raises(UserError, match="STUDIOHUB_SMTP_URL"):
        read_url(url)


def alarms(world: World) -> Alarms:
    hub = world.hub
    return Alarms(Engine(hub.settings, hub.database, hub.vault, hub.plugins, world.clock))


async def told(world: World) -> list[str]:
    async with world.hub.database.read() as db:
        query = select(t.outbox.c.subject).where(t.outbox.c.kind == "alarm").order_by(t.outbox.c.id)
        return list((await db.execute(query)).scalars())


async def set_admin(world: World) -> None:
    async with world.hub.database.write() as db:
        await db.execute(update(t.studio).values(admin_email="chef@nordlicht.example"))


@BOTH
async def test_an_admin_is_told_of_a_held_plan_once(world: World) -> None:
    """By whichever daemon comes first; a vendor that is down only after an hour."""
    await set_admin(world)
    for number in range(30):
        world.join(str(number))
    await world.sync()
    world.drop_pass(*map(str, range(10)))
    await world.sync()
    first, second = alarms(world), alarms(world)
    await asyncio.gather(first.tell(), second.tell())
    await first.tell()
    (subject,) = await told(world)
    assert "10 removals at door are held" in subject


async def test_a_hold_that_goes_on_is_told_once_whatever_else_changes(world: World) -> None:
    """Somebody who joins meanwhile makes it no other hold; when it is over, the next one is told again."""
    await set_admin(world)
    for number in range(30):
        world.join(str(number))
    await world.sync()
    rows = list(world.desk.member_passes)
    world.drop_pass(*map(str, range(10)))
    one = alarms(world)
    for number in range(3):
        world.join(f"new{number}")
        await world.sync()
        await one.tell()
    assert len(await told(world)) == 1
    world.desk.member_passes = rows
    await world.sync()
    world.drop_pass(*map(str, range(10)))
    await world.sync()
    await one.tell()
    assert len(await told(world)) == 2


async def test_a_vendor_that_is_down_is_an_alarm_only_when_it_lasts(world: World) -> None:
    """A hiccup is nobody's business at night."""
    await set_admin(world)
    world.join("1")
    world.exivo.faults.outage = Outage()
    await world.sync()
    one = alarms(world)
    await one.tell()
    assert await told(world) == []
    world.clock.move(timedelta(minutes=61))
    await one.tell()
    assert len(await told(world)) == 1


async def test_the_day_is_summed_up_once_in_the_morning(world: World) -> None:
    """In the studio's language, by its own clock."""
    await set_admin(world)
    for number in range(3):
        world.join(str(number))
    await world.sync()
    one, two = alarms(world), alarms(world)
    for moment, mails in ((5, 0), (6, 1), (12, 1), (30, 2)):
        world.clock.set(datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=moment, minutes=1))
        await one.tell()
        await two.tell()
        async with world.hub.database.read() as db:
            rows = (await db.execute(select(t.outbox).where(t.outbox.c.kind == "summary"))).all()
        assert len(rows) == mails
    assert "3 erteilt" in world.hub.vault.open(rows[0].sealed_text)


# ── mails that wait ───────────────────────────────────────────────────────────────────────────────────────────────────


async def waits(world: World) -> list[tuple[str, str]]:
    return [(item["code"], item["text"]) for item in await world.inbox()]


@BOTH
async def test_mails_without_a_server_stand_in_the_inbox_until_there_is_one(world: World, mailbox: Mailbox) -> None:
    await put(world, MAIL, replace(MAIL, name="two"), replace(MAIL, name="later", not_before=soon(world, hours=5)))
    assert [mails.text for mails in (await tell_waiting(world.hub)).values()] == ["2 mails wait: no mail server"]
    assert await waits(world) == [("no_mail_server", "2 mails wait since 21 Nov 2026 10:00: no mail server is set.")]
    world.hub.settings.smtp_url = SecretStr(mailbox.url)
    assert await send(world, mailbox) == 2
    assert await tell_waiting(world.hub) == {}
    assert await waits(world) == []


@BOTH
async def test_a_server_that_stays_away_is_told_and_its_mails_go_out_when_it_is_back(
    world: World, mailbox: Mailbox
) -> None:
    away = replace_port(mailbox.url)
    world.hub.settings.smtp_url = SecretStr(away)
    await put(world, MAIL)
    for minutes in (0, 1, 10):
        world.clock.move(timedelta(minutes=minutes))
        await send_mails(world.hub)
        (mails,) = (await tell_waiting(world.hub)).values()
        assert (mails.count, mails.code, await waits(world)) == (1, "mail_server", [])
    world.clock.move(timedelta(minutes=5))
    await tell_waiting(world.hub)
    [(code, text)] = await waits(world)
    assert code == "mail_server"
    assert text.startswith("1 mail waits: the mail server can't be used since 21 Nov 2026 10:00. It said: ")
    world.hub.settings.smtp_url = SecretStr(mailbox.url)
    await put(world, replace(MAIL, name="two"))
    assert await send_mails(world.hub) == 1
    assert await send_mails(world.hub) == 1
    await tell_waiting(world.hub)
    assert (await waits(world), await states(world)) == ([], ["sent", "sent"])


@BOTH
async def test_mails_that_wait_can_be_sent_at_once(world: World, mailbox: Mailbox) -> None:
    """One by its id, also before its time; all that were tried. What is to wait for its time waits."""
    await put(world, MAIL, replace(MAIL, name="two"), replace(MAIL, name="later", not_before=soon(world, hours=5)))
    world.hub.settings.smtp_url = SecretStr(replace_port(mailbox.url))
    await send_mails(world.hub)
    assert await send(world, mailbox) == 0
    async with world.hub.database.write() as db:
        assert await outbox.send_all_again(db, world.hub.the_studio.id, now=world.clock.now()) == [1, 2]
    assert await send(world, mailbox) == 2
    async with world.hub.database.write() as db:
        assert await outbox.send_again(db, world.hub.the_studio.id, 3, now=world.clock.now())
        assert not await outbox.send_again(db, world.hub.the_studio.id, 1, now=world.clock.now())
    assert await send(world, mailbox) == 1


def soon(world: World, **after: int) -> datetime:
    return world.clock.now() + timedelta(**after)


def replace_port(url: str) -> str:
    """An address at which nobody listens."""
    return re.sub(r":\d+", ":1", url)


def test_a_sync_and_the_doctor_say_that_mails_wait(shop: Shop) -> None:
    shop.ready()
    asyncio.run(_queue(shop))
    assert "▲ 1 mail waits: no mail server" in shop("sync").out
    assert shop("sync", "--json").json["mails_waiting"] == {"count": 1, "code": "no_mail_server"}
    assert "1 mail waits since" in shop("doctor").out
    assert "STUDIOHUB_SMTP_URL" in shop("inbox").out
    assert "1 mail goes out at the next turn" in shop("mail", "--again", "1").out
    assert "No mail failed or waits" in shop("mail", "--again", "all").out
    assert "that failed, is unsure or waits" in shop("mail", "--again", "9").err


async def _queue(shop: Shop) -> None:
    async with Hub.open(HubSettings(home=shop.home)) as hub, hub.database.write() as db:
        await outbox.put(db, hub.the_studio.id, [MAIL], seal=hub.vault.seal, now=hub.clock.now())

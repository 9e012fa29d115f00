"""A week of classes from booking to inbox: everybody sat where they booked, and holds one summary of each class."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import UnthreadedController
from sqlalchemy import select, update

from hub.classes import results, summaries
from hub.notify import outbox
from hub.notify.sender import read_url, send_due
from hub.store import tables as t
from tests.conftest import BOTH
from tests.riding import Riding


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Server:
    """An SMTP server on loopback. `refuse` is what it answers to a recipient, `refuse_data` to a message."""

    got: list[Any] = field(default_factory=list)
    refuse: str | None = None
    refuse_data: str | None = None
    url: str = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuse_data:
            return self.refuse_data
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """It, listening."""
    made = Server()
    controller = UnthreadedController(made, hostname="127.0.0.1", port=0, loop=asyncio.get_running_loop())
    listening = await asyncio.get_running_loop().create_server(controller.factory, host="127.0.0.1", port=0)
    made.url = f"smtp://127.0.0.1:{listening.sockets[0].getsockname()[1]}?from=hub@nordlicht.example"
    yield made
    listening.close()


FAULTS = [
    None,
    "outage=503",
    "drop_after_write,p=0.1",
    "error_inside=500,p=0.1",
    "status=503,p=0.2",
    "late_results=50",
    "garbage,p=0.2",
]


async def post(riding: Riding, url: str) -> None:
    """What the daemon does about mail until there is nothing more to do now."""
    while await send_due(riding.hub.database, riding.hub.vault, read_url(url), riding.clock):
        pass


async def track(riding: Riding) -> None:
    """The tracker's lane alone, taken over from whoever held it."""
    row = await riding.hub.connection_row("bikes")
    async with riding.hub.database.write() as db:
        await db.execute(update(t.lane).where(t.lane.c.connection_id == row.id).values(lease_owner=None))
    await riding.engine.run_lane(row.id)


def booked(riding: Riding) -> dict[str, dict[str, str]]:
    """Who should have had which seat, told from the desk's rows alone, classes that are over included."""
    on = {row["id"] for row in riding.desk.sessions if row["state"] == "scheduled"}
    found: dict[str, dict[str, str]] = {key: {} for key in on}
    for row in riding.desk.bookings:
        if row["session_id"] in on and row["state"] == "confirmed":
            found[row["session_id"]][row["member_id"]] = str(int(row["spot"]) - 1)
    return found


def edit(riding: Riding, draw: random.Random, after: datetime) -> None:
    """What an hour at the desk brings, to classes that begin after that."""
    coming: list[dict[str, Any]] = [row for row in riding.desk.sessions if row["starts_at"] > after]
    for session in draw.sample(coming, min(4, len(coming))):
        if session["state"] == "cancelled" or draw.random() < 0.3:
            session["state"] = "scheduled" if session["state"] == "cancelled" else "cancelled"
        elif draw.random() < 0.5:
            session["ends_at"] += timedelta(minutes=5)
        else:
            session["name"] += "!"
    for session in draw.sample(coming, min(5, len(coming))):
        rows = [row for row in riding.desk.bookings if row["session_id"] == session["id"]]
        active = [row for row in rows if row["state"] == "confirmed"]
        one, other, gone = draw.sample(active, 3)
        one["spot"], other["spot"] = other["spot"], one["spot"]
        gone["state"] = "cancelled"
        if draw.random() < 0.5:
            free = sorted({row["id"] for row in riding.desk.members} - {row["member_id"] for row in rows})
            riding.book(draw.choice(free), session["id"], gone["spot"])


def summarised(server: Server) -> Counter[tuple[str, str]]:
    """How many summaries each rider holds of each class."""
    found: Counter[tuple[str, str]] = Counter()
    for mail in server.got:
        text = mail.get_body(("plain",)).get_content()
        if (about := re.search(r"Ride (c\d+)", f"{mail['Subject']}\n{text}")) is not None:
            found[mail["To"].partition("@")[0], about[1]] += 1
    return found


def dies(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, *, after: bool) -> None:
    """The process ends the next time it gets there, before that is done or after."""
    real = getattr(where, name)

    async def once(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(where, name, real)
        if after:
            await real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(where, name, once)


@BOTH
async def test_a_week_ends_with_one_summary_for_each_rider_and_class(
    riding: Riding, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 classes and 800 bookings, edited, cancelled, restored and swapped all week, while Spivi and the mail server
    are away now and then and the process dies on the way."""
    draw = random.Random(7)
    first = (riding.clock.now() + timedelta(days=1)).replace(minute=0)
    for number in range(40):
        riding.ride(f"c{number}", first + timedelta(days=number // 8, hours=number % 8), draw.choice([45, 50]))
    for number in range(40):
        for spot, member in enumerate(draw.sample(range(90), 20), 1):
            riding.book(f"m{member}", f"c{number}", str(spot))
    assert (await riding.sync()).exit_code == 0
    assert riding.roster() == riding.booked()
    sat: dict[str, dict[str, str]] = {}
    # Where the process dies: results read and not stored; stored with the mails and not yet committed; committed.
    crashes = {
        9: (results, "keep", False),
        19: (summaries.outbox, "put", True),
        29: (results, "_tell_observers", False),
        39: (outbox, "handing_over", False),
    }
    died = 0
    riding.clock.move(first - timedelta(minutes=30) - riding.clock.now())
    steps = 0
    for day in range(5):
        for _ in range(22):
            steps += 1
            riding.spivi.faults.clear()
            fault = FAULTS[steps // 2 % len(FAULTS)]
            if fault is not None:
                riding.spivi.faults.set(fault)
            server.refuse = "451 later" if steps % 11 in {3, 4} else None
            server.refuse_data = "451 busy" if steps % 11 == 6 else None
            if steps in crashes:
                where, name, after = crashes[steps]
                dies(monkeypatch, where, name, after=after)
            try:
                if steps % 4 == 0:
                    edit(riding, draw, riding.clock.now() + timedelta(hours=4))
                    await riding.lanes()
                else:
                    await track(riding)
                await post(riding, "smtp://127.0.0.1:9" if steps % 13 == 5 else server.url)
            except Killed:
                died += 1
            sat |= riding.roster()
            riding.clock.move(timedelta(minutes=30))
        riding.spivi.faults.clear()
        riding.clock.move(first + timedelta(days=day + 1, minutes=-30) - riding.clock.now())
    server.refuse = server.refuse_data = None
    for _ in range(4):
        riding.clock.move(timedelta(hours=7))
        await riding.lanes()
        await post(riding, server.url)
    assert died >= 3
    wanted = booked(riding)
    stood = {key: riders for key, riders in riding.roster().items() if key in wanted}
    assert stood == wanted
    assert {key: riders for key, riders in sat.items() if key in wanted} == wanted
    assert summarised(server) == Counter({(rider, key): 1 for key, riders in wanted.items() for rider in riders})
    told = Counter(mail["To"] for mail in server.got if "Ride c" not in mail.get_body(("plain",)).get_content())
    assert set(told.values()) == {1}
    assert len({mail["Message-ID"] for mail in server.got}) == len(server.got)
    async with riding.hub.database.read() as db:
        assert set((await db.execute(select(t.outbox.c.state))).scalars()) == {"sent"}

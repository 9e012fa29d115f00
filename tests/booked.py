"""A studio that books with anny and opens doors at exivo, and an oracle that knows from anny's tables alone who may be
where: none of the hub's own code decides what is right."""

from __future__ import annotations

import itertools
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from httpx import ASGITransport, AsyncClient
from sqlalchemy import select, update

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine.engine import Engine
from hub.engine.sync import SyncResult, plan_now, sync_now
from hub.look.grants import GrantView, list_grants
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.store import tables as t
from hub.studio.importing import import_file
from hub.web import make_app
from plugins.booking.anny.simulator import ACCESS_TOKEN, AnnySimulator, Delivery
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator

__all__ = ["RULES", "BookedDay", "Span", "open_day", "spans"]

Row = dict[str, Any]
ZURICH = ZoneInfo("Europe/Zurich")

RULES: Mapping[str, tuple[tuple[str, ...], int, int]] = {
    "r-1": (("C-1", "C-2"), 15, 15),
    "r-2": (("C-3",), 0, 0),
    "r-3": (("C-3",), 10, 5),
    "r-4": (("C-1",), 5, 0),
}
"""What a resource opens, from how many minutes before to how many after. `r-2` and `r-3` open the same, `r-4` a door
that `r-1` opens too; `r-5` is there and opens nothing."""
CREDENTIALS = {"r-1": "both", "r-2": "code", "r-3": "link", "r-4": "code"}
DOORS = {"C-1": "Front door", "C-2": "Studio 1", "C-3": "Studio 2"}

STUDIO = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "anny"
access_token = {{ env = "TEST_ANNY_TOKEN" }}
base_url = "{anny}"
requests_per_second = 1000000

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{site_id}"
api_key = "{api_key}"
api_secret = {{ env = "TEST_EXIVO_SECRET" }}
base_url = "{exivo}/v1"
policy = "sync"
hold_removals_above = {{ count = 100000, percent = 10 }}
requests_per_second = 1000000
"""

A_MOMENT = timedelta(seconds=10)
"""A visit that must not start in the past starts a few seconds after it is made; nobody is locked out by that."""

_numbers = itertools.count(1)
_MARKER = re.compile(r"\[hub:[^\]]*:desk:([^\]:]+)\]$")


@dataclass(frozen=True)
class Span:
    """One member at one door, from a moment to another."""

    member: str
    door: str
    starts: datetime
    ends: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether it is then."""
        return self.starts <= moment < self.ends


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def spans(row: Row) -> tuple[Span, ...]:
    """What a row of anny's table of bookings says."""
    if row["status"] != "accepted" or row["canceled_at"]:
        return ()
    doors, before, after = RULES.get(row["resource_id"], ((), 0, 0))
    starts = _moment(row["start_date"]) - timedelta(minutes=before)
    ends = _moment(row["end_date"]) + timedelta(minutes=after)
    return tuple(Span(row["customer_id"], door, starts, ends) for door in doors)


@dataclass
class Told:
    """What a booking has said since the hub last surely had it right. `known`: it was there then."""

    versions: list[tuple[Span, ...]]
    known: bool = False
    deleted: bool = False


class WatchedExivo(ExivoSimulator):
    """Looks after each visit that is revoked."""

    day: BookedDay | None = None

    def _revoke(self, request: Any, table: dict[str, Any], identifier: str) -> None:
        super()._revoke(request, table, identifier)
        if self.day is not None:
            self.day.nobody_is_locked_out()


@dataclass
class BookedDay:
    """The studio, both vendors in memory, the hub, and what has been said about every booking."""

    hub: Hub
    engine: Engine
    clock: FrozenClock
    anny: AnnySimulator
    exivo: WatchedExivo
    web: AsyncClient
    told: dict[str, Told] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    by_hand: Row = field(default_factory=dict)

    # ── at the desk ───────────────────────────────────────────────────────────────────────────────────────────────

    def book(self, member: str, resource: str, starts: datetime, minutes: int, **fields: Any) -> Row:
        """A booking, and its customer where there is none yet."""
        customer = self.anny.world.customers.get(member) or self.anny.desk.customer(id=member)
        row = self.anny.desk.booking(customer, {"id": resource}, starts, hours=minutes / 60, **fields)
        self.told[row["id"]] = Told([spans(row)])
        self._announce("bookings.created", row)
        return row

    def change(self, key: str, **fields: Any) -> None:
        """Change a booking: `starts_at` and `ends_at` in the studio's time with its offset, else anny's own names."""
        for name in ("start", "end"):
            if (moment := fields.pop(f"{name}s_at", None)) is not None:
                fields[f"{name}_date"] = moment.astimezone(ZURICH).isoformat()
        row = self.anny.desk.change(self.row(key), **fields)
        self.told[key].versions.append(spans(row))
        self._announce("bookings.updated", row)

    def delete(self, key: str) -> None:
        """Delete a booking."""
        row = self.row(key)
        self.anny.desk.remove(row)
        self.told[key].deleted = True
        self._announce("bookings.deleted", row)

    def row(self, key: str) -> Row:
        """A booking."""
        return self.anny.world.bookings[key]

    def times(self, key: str) -> tuple[datetime, datetime]:
        """When a booking is for."""
        row = self.row(key)
        return _moment(row["start_date"]), _moment(row["end_date"])

    @property
    def bookings(self) -> list[str]:
        """The ids of all bookings, in the order in which they were made."""
        return list(self.anny.world.bookings)

    def _announce(self, event: str, row: Row) -> None:
        self.deliveries += self.anny.announce(event, row)

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def deliver(self, delivery: Delivery) -> int:
        """Bring one delivery to the hub's web; returns the status."""
        answer = await self.web.post(urlsplit(delivery.url).path, content=delivery.body, headers=dict(delivery.headers))
        if delivery.webhook_id in self.anny.world.webhooks:
            self.anny.delivered(delivery, ok=answer.status_code == 202)
        return answer.status_code

    def lose(self, delivery: Delivery) -> None:
        """A delivery that never arrives."""
        if delivery.webhook_id in self.anny.world.webhooks:
            self.anny.delivered(delivery, ok=False)

    # ── the hub ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def lanes(self) -> None:
        """What the daemon does by itself: the source's lane, then the target's. Only changes are looked at."""
        for name in ("desk", "door"):
            await self.engine.run_lane((await self.hub.connection_row(name)).id, urgent=True)
        assert not self.unexpected

    async def sync(self) -> SyncResult:
        """`studiohub sync`: everything is looked at."""
        result = await sync_now(self.hub)
        [source] = result.sources
        if result.exit_code == 0 and source.report is not None and "booking" in source.report.complete:
            self._hub_has_it_right()
        return result

    def _hub_has_it_right(self) -> None:
        for key, told in self.told.items():
            if not told.deleted:
                told.versions, told.known = [spans(self.row(key))], True

    async def process_dies(self) -> None:
        """Leave the lanes as a dead process of another machine does."""
        async with self.hub.database.write() as db:
            later = self.clock.now() + timedelta(seconds=15)
            await db.execute(update(t.lane).values(lease_owner="elsewhere:1:1:0", lease_until=later))
        self.clock.move(timedelta(seconds=20))

    async def grants(self) -> list[GrantView]:
        """The visits that the hub says stand."""
        async with self.hub.database.read() as db:
            found = await list_grants(db, self.hub.the_studio, status="created", reveal=self.hub.vault)
        return [grant for grant in found if "locks" in grant.opens]

    # ── what is so at the doors ───────────────────────────────────────────────────────────────────────────────────

    def visits(self) -> list[tuple[str, Row]]:
        """The visits of ours that are not revoked, with whose they are."""
        found = ((_MARKER.search(visit["name"] or ""), visit) for visit in self.exivo.world.visits.values())
        return [(match[1], visit) for match, visit in found if match is not None and not visit["revoked"]]

    def standing(self) -> list[Span]:
        """Who can open what, when."""
        return [
            Span(member, door, _moment(visit["validFrom"]), _moment(visit["validTo"]))
            for member, visit in self.visits()
            for door in visit["components"]
        ]

    def open_now(self) -> set[tuple[str, str]]:
        now = self.clock.now()
        return {(span.member, span.door) for span in self.standing() if span.holds(now)}

    def nobody_is_let_in_who_never_booked(self) -> None:
        """Who can open a door now has, or had until the hub last had everything right, a booking that says so."""
        now = self.clock.now()
        may = {
            (span.member, span.door)
            for told in self.told.values()
            for version in told.versions
            for span in version
            if span.holds(now)
        }
        assert self.open_now() <= may, self.open_now() - may

    def nobody_is_locked_out(self) -> None:
        """Whoever has a booking now that has said so ever since the hub last had everything right can open the door."""
        now = self.clock.now()
        must: set[tuple[str, str]] = set()
        for told in self.told.values():
            if told.known and not told.deleted:
                open_in = [{(s.member, s.door) for s in version if s.holds(now)} for version in told.versions]
                must |= set.intersection(*open_in)
        soon = now + A_MOMENT
        are = {(span.member, span.door) for span in self.standing() if span.starts <= soon and now < span.ends}
        assert must <= are, must - are

    def visits_by_hand_are_untouched(self) -> None:
        """What staff made."""
        assert self.exivo.world.visits[self.by_hand["id"]] == self.by_hand

    def doors_open_for_exactly_what_is_booked(self) -> None:
        """At every moment from now on. A booking that was deleted while it ran may run out."""
        now = self.clock.now()
        say = _by_whom(span for row in self.anny.world.bookings.values() for span in spans(row))
        may = _by_whom(
            span
            for told in self.told.values()
            if told.deleted
            for version in told.versions
            for span in version
            if span.starts <= now
        )
        are = _by_whom(self.standing())
        wrong = []
        for whom in say.keys() | are.keys():
            every = (*say[whom], *may[whom], *are[whom])
            for edge in sorted({now, *(edge for span in every for edge in (span.starts, span.ends) if edge > now)}):
                is_open, booked, left = (any(s.holds(edge) for s in of[whom]) for of in (are, say, may))
                if not (is_open if booked else (left or not is_open)):
                    wrong.append((whom, edge.isoformat(), "open" if is_open else "shut"))
        assert not wrong, wrong

    def no_visit_stands_twice(self) -> None:
        """One member, the same doors, the same window."""
        now = self.clock.now()
        every = [
            (member, tuple(sorted(visit["components"])), visit["validFrom"], visit["validTo"])
            for member, visit in self.visits()
            if _moment(visit["validTo"]) > now
        ]
        assert len(every) == len(set(every))

    def no_code_is_two_members(self) -> None:
        """Not at one door at one time."""
        by_code: dict[tuple[str, str], list[tuple[str, datetime, datetime]]] = defaultdict(list)
        for member, visit in self.visits():
            for door in visit["components"]:
                window = (_moment(visit["validFrom"]), _moment(visit["validTo"]))
                by_code[visit["code"], door].append((member, *window))
        for every in by_code.values():
            for one, other in itertools.combinations(every, 2):
                assert one[0] == other[0] or one[2] <= other[1] or other[2] <= one[1], (one, other)

    async def grants_are_as_they_stand(self) -> None:
        """Each has a visit of its own, its code opens it, and one mail tells of it."""
        now = self.clock.now()
        grants = await self.grants()
        live = {visit["id"]: visit for _, visit in self.visits() if _moment(visit["validTo"]) > now}
        assert sorted(str(grant.vendor_id) for grant in grants) == sorted(live)
        o = t.outbox.c
        async with self.hub.database.read() as db:
            rows = (await db.execute(select(o.name, o.sealed_text).where(o.kind == "access"))).all()
        mails = {row.name.split(":")[1]: self.hub.vault.open(row.sealed_text) for row in rows}
        assert len(mails) == len(rows), "somebody was told twice"
        told = {grant.id for grant in grants}
        assert mails.keys() == told, mails.keys() ^ told
        for grant in grants:
            assert grant.valid_from is not None
            assert grant.valid_until is not None
            for door in grant.opens["locks"]:
                for moment in (max(now, grant.valid_from), grant.valid_until - timedelta(seconds=1)):
                    assert self.exivo.code_opens(grant.code or "", door, at=moment), grant
            code, url = (text in mails[grant.id] for text in (grant.code or "?", grant.url or "?"))
            assert code or url

    async def there_is_nothing_left_to_do(self) -> None:
        """A second plan is empty."""
        _, [plan], errors = await plan_now(self.hub)
        assert not errors
        assert not plan.changes, plan.changes

    async def all_is_well(self) -> None:
        """Everything that has to hold once nothing is wrong any more."""
        self.doors_open_for_exactly_what_is_booked()
        self.no_visit_stands_twice()
        self.no_code_is_two_members()
        self.visits_by_hand_are_untouched()
        await self.grants_are_as_they_stand()
        await self.there_is_nothing_left_to_do()
        self.doors_open_for_exactly_what_is_booked()

    async def settle(self, *, by_itself: bool) -> None:
        """Both vendors are well again. `by_itself`: nobody asks for a sync, the daemon's lanes go on for a while."""
        self.anny.faults.clear()
        self.exivo.faults.clear()
        if by_itself:
            for _ in range(8):
                self.clock.move(timedelta(minutes=11))
                await self.lanes()
        else:
            for _ in range(4):
                await self.sync()
        await self.all_is_well()


def _by_whom(every: Iterable[Span]) -> dict[tuple[str, str], list[Span]]:
    found: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in every:
        found[span.member, span.door].append(span)
    return found


@asynccontextmanager
async def open_day(
    folder: Path, monkeypatch: Any, *, at: datetime, members: Sequence[str] = ()
) -> AsyncIterator[BookedDay]:
    """Open the studio with these customers; its first read has been done, so webhooks come."""
    monkeypatch.setenv("TEST_ANNY_TOKEN", ACCESS_TOKEN)
    monkeypatch.setenv("TEST_EXIVO_SECRET", API_SECRET)
    number, clock = next(_numbers), FrozenClock(at)
    origins = {"anny": f"http://anny-{number}.test", "exivo": f"http://exivo-{number}.test"}
    anny = AnnySimulator(clock=clock)
    exivo = WatchedExivo(clock=clock, groups={"AG-1": "Gym"}, doors=DOORS)
    text = STUDIO.format(**origins, site_id=SITE_ID, api_key=API_KEY)
    for member in members:
        anny.desk.customer(id=member)
    for key in (*RULES, "r-5"):
        anny.desk.resource(f"Room {key}", id=key)
    for key, (locks, before, after) in RULES.items():
        text += f'[[resources]]\nsource = "desk"\nresource = "{key}"\ntarget = "door"\nlocks = {list(locks)}\n'
        text += f'minutes_before = {before}\nminutes_after = {after}\ncredential = "{CREDENTIALS[key]}"\n'
    options: dict[str, Any] = {"home": folder / "home", "key": None, "database_url": None}
    settings = HubSettings(**options, public_url="https://hub.example")
    await initialise(settings)
    plugins = Plugins.discover()
    async with (
        http.answering(origins["anny"], anny),
        http.answering(origins["exivo"], exivo),
        Hub.open(settings, plugins=plugins, clock=clock) as hub,
    ):
        file = folder / "studio.toml"
        file.write_text(text, encoding="utf-8")
        await import_file(hub, file, who="test")
        engine = Engine(hub.settings, hub.database, hub.vault, hub.plugins, clock)
        async with AsyncClient(transport=ASGITransport(make_app(engine)), base_url="https://hub.example") as web:
            day = BookedDay(hub, engine, clock, anny, exivo, web)
            exivo.day = day

            async def failed_unexpectedly(connection_id: int) -> None:
                day.unexpected.append(f"lane {connection_id} failed, and not by a vendor's fault: see the log")

            monkeypatch.setattr(engine, "_put_off", failed_unexpectedly)
            exivo.world.visits["by-hand"] = day.by_hand = _plumber()
            await day.lanes()
            assert anny.world.webhooks, "the hub has asked for webhooks by itself"
            try:
                yield day
            finally:
                for one in (*engine._studios.values(), *engine._retired):
                    await one.close_connections()


def _plumber() -> Row:
    return {
        "id": "by-hand",
        "code": "4321",
        "name": "Plumber",
        "message": None,
        "email": None,
        "smsNr": None,
        "validFrom": "2026-01-01T00:00:00.000Z",
        "validTo": "2028-01-01T00:00:00.000Z",
        "components": ["C-1"],
        "link": "https://exivo.invalid/visit/by-hand",
        "revoked": False,
    }


SOAK = int(os.environ.get("BOOKED_DAY_SOAK", "0"))
"""So many examples instead of a few, each twice as long."""

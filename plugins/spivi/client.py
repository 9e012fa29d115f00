"""Calls to Spivi: one method for each thing that the hub wants there.

Every call is a POST of a form; an answer is read for the error inside before it is believed, whatever its status. Of
the calls that create, none is ever repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub import Answer, Client, Connection, FixSettings, NotFound, Refused, RetryLater, Unconfirmed, grants, redact
from hub import records as hub_records
from plugins.spivi import shapes, wire
from plugins.spivi.answers import Node, parse
from plugins.spivi.settings import SpiviSettings
from plugins.spivi.shapes import ClientSeen, EventSeen

__all__ = ["Spivi"]

TRIES = 3
"""A read whose answer can't be used (half a body, a proxy's page, a fault inside) is made again, this often in all."""

FRESH = timedelta(minutes=10)
"""How long the list of instructors is good for."""

REFUSALS = frozenset({400, 401, 403, 404, 409, 422})

CONTRACT = {
    "credentials": "Check source_name and password. They are those of a club administrator, or what Spivi gave out.",
    "agreement": "The club's owner has to sign Spivi's API agreement: My Studio > API for developers > Authentication.",
    "not_admin": "Make the account an administrator of the club: My Studio > Manage Admins.",
    "forbidden": "Check three things at Spivi: the owner has signed the API agreement, the account is an administrator "
    "of the club, and the site ID is the club's.",
}


class Spivi:
    """One site."""

    def __init__(self, connection: Connection) -> None:
        settings = connection.settings
        if not isinstance(settings, SpiviSettings):
            raise TypeError(f"{connection.name} has settings of another plugin")
        redact.know(settings.password.get_secret_value())
        self.settings = settings
        self.connection = connection
        self.wire = settings.tables()
        self.http = Client(
            settings.base_url or wire.BASE_URL,
            name=connection.name,
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )
        self._instructors: tuple[datetime, dict[str, str]] | None = None
        self._read_back: EventSeen | None = None

    def able(self, wanted: str) -> bool:
        """Whether this call is switched on."""
        return self.wire.calls[wanted].on

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def try_credentials(self) -> None:
        """The cheapest call: looks for one person. Raises FixSettings with what is refused as its code."""
        name = self.settings.source_name
        await self.ask("verify_credentials", {"username": name if "@" in name else "nobody@example.invalid"})

    async def clients(self) -> list[ClientSeen] | None:
        """Everybody of the site; None where Spivi doesn't tell (that it lists everybody unasked is inferred)."""
        if not self.able("list_clients"):
            return None
        try:
            return self._clients(await self.ask("list_clients", {})) or None
        except (Refused, NotFound):
            return None

    async def client(self, email: str) -> list[ClientSeen]:
        """Whoever has exactly this address; more than one would be Spivi's mistake."""
        try:
            found = self._clients(await self.ask("find_client_by_email", {"username": email}))
        except NotFound:
            return []
        return [seen for seen in found if seen.email == hub_records.normal_email(email)]

    async def create_client(self, values: Mapping[str, Any]) -> None:
        """Make an account, with a password that nobody knows. Raises Refused or Unconfirmed."""
        await self.ask("create_client", values)

    async def link_client(self, email: str) -> None:
        """Add somebody who has an account already to this site."""
        await self.ask("link_existing_client", {"username": email})

    async def update_client(self, email: str, values: Mapping[str, Any]) -> None:
        """Change a profile."""
        await self.ask("update_client", {"username": email, **values})

    async def show_live(self, email: str, shown: bool) -> None:
        """Set whether somebody is shown on the live display."""
        await self.ask("set_live_display_consent", {"username": email, "show_live": int(shown)})

    async def instructors(self) -> dict[str, str]:
        """Client ids of the site's instructors by their addresses."""
        now = self.connection.clock.now()
        if self._instructors is None or now - self._instructors[0] >= FRESH:
            answer = await self.ask("list_instructors", {"site_id": self.settings.site_id})
            self._instructors = now, {seen.email: seen.id for seen in self._clients(answer) if seen.email}
        return self._instructors[1]

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def event(self, event_id: str) -> EventSeen | None:
        """One event, cancelled or not; None where Spivi doesn't have it."""
        try:
            events = self._events(await self.ask("list_events", {"event_ids": [event_id]}))
        except NotFound:
            return None
        return next((seen for seen in events if seen.id == event_id), None)

    async def events(self, box: str, start: datetime, end: datetime, zone: ZoneInfo) -> list[EventSeen]:
        """The events on a box in a period, cancelled ones and other people's among them."""
        period = {"starts_at": wire.moment(start, zone), "ends_at": wire.moment(end, zone)}
        return self._events(await self.ask("list_events", {**period, "box": box}))

    async def create_event(self, values: Mapping[str, Any]) -> list[EventSeen]:
        """Make an event; what the answer shows of it. Raises Refused or Unconfirmed."""
        return self._events(await self.ask("create_event", values))

    async def update_event(self, event_id: str, values: Mapping[str, Any]) -> None:
        """Change an event in its place."""
        self._read_back = None
        await self.ask("update_event", {**values, "event_id": event_id})

    async def cancel_event(self, event_id: str) -> None:
        """Cancel an event."""
        self._read_back = None
        await self.ask("cancel_event", {"event_id": event_id})

    async def restore_event(self, event_id: str) -> None:
        """Bring a cancelled event back."""
        await self.ask("restore_event", {"event_id": event_id})

    # ── seats ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def add_booking(self, event_id: str, client_id: str, seat: str) -> None:
        """Put one rider on one seat: a list of one keeps an error with the booking it is about."""
        self._read_back = None
        one = {"client_ids": [client_id], "event_ids": [event_id], "seat_ids": [seat]}
        await self.ask("add_booking", one)

    async def remove_booking(self, event_id: str, client_id: str) -> None:
        """Take one rider out."""
        self._read_back = None
        await self.ask("remove_booking", {"client_ids": [client_id], "event_ids": [event_id]})

    async def read_back(self, event_id: str) -> EventSeen | None:
        """The event after a change, kept for the one that follows at once."""
        self._read_back = await self.event(event_id)
        return self._read_back

    def just_read(self, event_id: str) -> EventSeen | None:
        """What `read_back` saw last, once. It may be old by now: good enough to begin a change that is read back
        itself, not to find that nothing needs doing."""
        seen, self._read_back = self._read_back, None
        return seen if seen is not None and seen.id == event_id else None

    async def layout(self, box: str) -> list[grants.TrackerSeat]:
        """The spots of a box, the instructor's left out."""
        answer = await self.ask("get_layout", {"box": box})
        found = [shapes.layout_seat(self.wire, node) for node in self._items(answer, "layout_seats", "layout_seat")]
        return [seat for seat in found if seat is not None]

    # ── results ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def client_workouts(
        self, email: str, event_id: str | None, start: datetime, end: datetime, zone: ZoneInfo
    ) -> list[Node]:
        """One rider's workouts of an event."""
        period = {"starts_at": wire.moment(start, zone), "ends_at": wire.moment(end, zone)}
        values = {"username": email, **period, "event_id": event_id}
        return self._items(await self.ask("fetch_client_workouts", values), "workouts", "workout")

    async def event_workouts(self, event_id: str) -> list[Node]:
        """Everybody's workouts of an event."""
        return self._items(await self.ask("fetch_event_results", {"event_id": event_id}), "workouts", "workout")

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, wanted: str, values: Mapping[str, Any]) -> Node:
        """Make one call; the root of its answer. Raises what the error inside means, and NotFound for that only."""
        call = self.wire.calls[wanted]
        if not call.on:
            raise FixSettings(
                f"{self.connection.name}: the call {wanted} is switched off", fix="See calls in the settings."
            )
        login = {
            "source_name": self.settings.source_name,
            "password": self.settings.password.get_secret_value(),
            "site_id": self.settings.site_id,
        }
        form = wire.encode(self.wire.body({"credentials": login, **values}))
        repeatable = call.reads or call.repeatable
        for left in reversed(range(TRIES if call.reads else 1)):
            answer = await self.http.call(
                "POST", f"/{call.path}", form=form, reads=call.reads, repeatable=repeatable, accept=REFUSALS
            )
            try:
                return self._read(wanted, answer)
            except RetryLater:
                if not left:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    def _read(self, wanted: str, answer: Answer) -> Node:
        try:
            root = parse(answer.content)
            code = root.text(self.wire.names("error_code"))
            if not code:
                raise ValueError("no error code in it")
        except ValueError as error:
            if answer.status >= 400:
                raise self._status(wanted, answer) from error
            raise _unreadable(answer, str(error)) from error
        said = self._said(root)
        kind = self.wire.kind(code, said, reads=self.wire.calls[wanted].reads)
        if kind == "ok":
            return root
        what = f"{answer.where} was refused ({code})"
        if kind in CONTRACT:
            raise FixSettings(what, said=said, fix=CONTRACT[kind], code=kind)
        if kind == "missing":
            raise NotFound(what, said=said)
        if kind == "retry":
            if answer.repeatable:
                raise RetryLater(f"{answer.where} failed ({code})", said=said)
            raise Unconfirmed(f"{answer.where} failed ({code}), so it is not known whether it took effect", said=said)
        raise Refused(what, said=said, code=kind)

    def _status(self, wanted: str, answer: Answer) -> FixSettings | Refused:
        """A refusal that says nothing but its status."""
        what, said = f"{answer.where} was refused ({answer.status})", redact.mask(answer.text()[:200])
        if answer.status == 404:
            return FixSettings(
                f"{answer.where} is not a call that Spivi has",
                fix=f"Check base_url; give {wanted} its right Service/Method, or false, under calls in the settings.",
                code="no_such_call",
            )
        if answer.status in {401, 403}:
            return FixSettings(what, said=said, fix=CONTRACT["forbidden"], code="forbidden")
        return Refused(what, said=said)

    def _said(self, root: Node) -> str:
        """The failure text: in the list's element, or at the root (inferred)."""
        names = self.wire.names("message")
        texts = (node.text(names) for node in (root, *root.inner(), *self._containers(root)))
        return redact.mask(next((text for text in texts if text), ""))[:300]

    def _containers(self, root: Node) -> list[Node]:
        return [node for kind in ("clients", "events", "workouts") for node in root.each(self.wire.names(kind))]

    def _items(self, root: Node, container: str, item: str) -> list[Node]:
        inside = root.child(self.wire.names(container))
        return [] if inside is None else inside.each(self.wire.names(item))

    def _clients(self, root: Node) -> list[ClientSeen]:
        found: Sequence[ClientSeen | None] = [
            shapes.client(self.wire, node) for node in self._items(root, "clients", "client")
        ]
        return [seen for seen in found if seen is not None]

    def _events(self, root: Node) -> list[EventSeen]:
        found = [shapes.event(self.wire, node) for node in self._items(root, "events", "event")]
        return [seen for seen in found if seen is not None]


def _unreadable(answer: Answer, why: str) -> RetryLater | Unconfirmed:
    kind = answer.headers.get("content-type", "no content type")
    what, said = f"{answer.where} answered {answer.status} with something that can't be read ({kind})", redact.mask(why)
    if answer.repeatable:
        fix = "It is asked again later; if it stays so, check base_url."
        return RetryLater(what, said=said, fix=fix, code="vendor_garbage")
    return Unconfirmed(f"{what}, so it is not known whether it took effect", said=said)

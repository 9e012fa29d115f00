"""ASSUMED: reading members, badges, passes and bookings over the routes of `assumed`, where the switch is on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from hub import Connection, NotFound
from hub.records import Complete, Page, Problem, Record, Window
from plugins.booking.sportsnow import assumed, timetable
from plugins.booking.sportsnow.assumed import Row
from plugins.booking.sportsnow.client import SportsNow
from plugins.booking.sportsnow.imports import context_of
from plugins.booking.sportsnow.values import Unreadable

__all__ = ["KINDS", "read"]

KINDS = frozenset({"member", "badge", "pass", "member_pass", "booking"})

Reader = Callable[[Row], Sequence[Record]]


async def read(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """The assumed routes' part of what a window asks for."""
    api = connection.keep(SportsNow)
    context = context_of(connection, api.settings)
    wanted = KINDS if window.kinds is None else KINDS & window.kinds
    provider = api.settings.provider

    def member_pass(row: Row) -> Sequence[Record]:
        return [assumed.customer_pass(row, context.tz, last_day_included=context.last_day_included)]

    lists: list[tuple[str, dict[str, Reader]]] = [
        (assumed.path(provider, "passes"), {"pass": lambda row: [assumed.pass_(row)]}),
        (
            assumed.path(provider, "customers"),
            {
                "member": lambda row: [assumed.customer(row)],
                "badge": lambda row: assumed.badges(row, context.badge_numbers),
            },
        ),
        (assumed.path(provider, "customer_passes"), {"member_pass": member_pass}),
    ]
    for path, readers in lists:
        asked = {kind: reader for kind, reader in readers.items() if kind in wanted}
        if not asked:
            continue
        async for rows in api.assumed(path):
            for item in _understood(path, rows, asked, window):
                yield item
    complete, why_not = set(wanted - {"booking"}), {}
    if "booking" in wanted:
        bookings = Bookings(api, window)
        async for item in bookings.read():
            yield item
        if bookings.why_not:
            why_not["booking"] = bookings.why_not
        elif bookings.whole:
            complete.add("booking")
    yield Complete(frozenset()) if window.narrow else Complete(frozenset(complete), None, why_not)


class Bookings:
    """The bookings of the lessons in a window, lesson by lesson. They are complete when the lessons are."""

    def __init__(self, api: SportsNow, window: Window) -> None:
        self._api = api
        self._window = window
        connection = api.connection
        self._weeks = timetable.weeks_of(window, connection.clock.now(), connection.timezone, api.settings.weeks)
        self.whole = self._weeks.whole
        self.why_not = ""

    async def read(self) -> AsyncGenerator[Page | Problem, None]:
        """Pages and problems."""
        async for week in timetable.lessons(self._api, self._weeks):
            self.whole = self.whole and not week.empty
            if week.problems:
                self.why_not = "a lesson of the timetable can't be read, so its bookings are not known"
            for lesson in week.lessons:
                if not timetable.inside(lesson.session, self._window):
                    continue
                path = assumed.bookings_path(self._api.settings.provider, lesson.session.id)
                try:
                    async for rows in self._api.assumed(path):
                        for item in _understood(
                            path, rows, {"booking": lambda row: [assumed.booking(row)]}, self._window
                        ):
                            yield item
                except NotFound:
                    self.why_not = f"lesson {lesson.session.id} was gone before its bookings were read"


def _understood(path: str, rows: Sequence[Row], readers: dict[str, Reader], window: Window) -> list[Page | Problem]:
    found: list[Page | Problem] = []
    for kind, reader in readers.items():
        records: list[Record] = []
        for row in rows:
            try:
                records += reader(row)
            except Unreadable as error:
                # A badge has no id of its own that could be named.
                identifier = None if kind == "badge" else assumed.identify(row)
                found.append(Problem(kind, identifier, path, error.what, error.fix or "Correct it in SportsNow."))
        found.append(Page(kind, [record for record in records if _asked_for(record, window)]))
    return found


def _asked_for(record: Record, window: Window) -> bool:
    if not window.narrow:
        return True
    return record.owner in (window.members or ()) or (record.kind, record.id) in (window.ids or ())

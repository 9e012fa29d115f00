"""Spivi: classes, seats, riders and results on the screens of a cycling room."""

from __future__ import annotations

from collections.abc import Sequence

from hub import Ability, Connection, Plugin, grants, hookimpl
from plugins.spivi import checks, layout, results, seats, sessions
from plugins.spivi import people as persons
from plugins.spivi.client import Spivi
from plugins.spivi.settings import SpiviSettings
from plugins.spivi.simulator import SpiviSimulator


@hookimpl
def describe() -> Plugin:
    """Spivi as a tracker with people of its own."""
    return Plugin(
        name="spivi",
        title="Spivi",
        kind="tracker",
        settings=SpiviSettings,
        abilities=frozenset({Ability.PEOPLE, Ability.SESSIONS, Ability.SEATS, Ability.METRICS}),
        simulator=SpiviSimulator,
        # As long as our time-out: a request that was given up may still be worked on.
        settle=15.0,
        profile=frozenset(
            {"given_name", "family_name", "email", "phone", "birth_date", "gender"}
            | {"weight_kg", "height_cm", "ftp_w", "max_hr", "show_live"}
        ),
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[grants.Check]:
    """Reached, let in, instructors, boxes."""
    return await checks.verify(connection.keep(Spivi))


@hookimpl
async def list_openings(connection: Connection) -> Sequence[grants.Opening]:
    """The boxes that the settings name: Spivi has no list of them."""
    api = connection.keep(Spivi)
    return [grants.Opening(kind="box", id=box, name=f"Box {box}") for box in api.settings.box_ids]


@hookimpl
async def sync_members(connection: Connection, people: Sequence[grants.Person]) -> Sequence[grants.PersonOutcome]:
    """Riders by e-mail, teachers among the instructors."""
    return await persons.sync(connection.keep(Spivi), people)


@hookimpl
async def session_created(connection: Connection, session: grants.TrackerSession) -> grants.SessionOutcome:
    """An event with the hub's marker, made unless it is there."""
    return await sessions.bring(connection.keep(Spivi), session)


@hookimpl
async def session_changed(connection: Connection, session: grants.TrackerSession) -> grants.SessionOutcome:
    """The event as it should be: by a new one where it isn't and Spivi's own way to change it is unknown."""
    return await sessions.bring(connection.keep(Spivi), session)


@hookimpl
async def session_cancelled(connection: Connection, session: grants.TrackerSession) -> grants.SessionOutcome:
    """The event cancelled, on whichever box it is."""
    return await sessions.cancel(connection.keep(Spivi), session)


@hookimpl
async def session_restored(connection: Connection, session: grants.TrackerSession) -> grants.SessionOutcome:
    """The event back, or a new one, which is empty."""
    return await sessions.bring(connection.keep(Spivi), session, restore=True)


@hookimpl
async def seat_taken(connection: Connection, seat: grants.Seat) -> grants.SeatOutcome:
    """The rider on the seat."""
    return await seats.take(connection.keep(Spivi), seat)


@hookimpl
async def seat_moved(connection: Connection, seat: grants.Seat) -> grants.SeatOutcome:
    """The rider off every other seat of the class, and on this one."""
    return await seats.take(connection.keep(Spivi), seat)


@hookimpl
async def seat_freed(connection: Connection, seat: grants.Seat) -> grants.SeatOutcome:
    """The rider out of the class."""
    return await seats.free(connection.keep(Spivi), seat)


@hookimpl
async def read_layout(connection: Connection, box: str) -> Sequence[grants.TrackerSeat] | None:
    """The seats of a box."""
    return await layout.read(connection.keep(Spivi), box)


@hookimpl
async def fetch_metrics(
    connection: Connection, session: grants.TrackerSession, riders: Sequence[grants.Rider]
) -> Sequence[grants.Result]:
    """Results in canonical names and units."""
    return await results.fetch(connection.keep(Spivi), session, riders)

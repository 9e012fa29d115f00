"""dormakaba exivo: people with badges in access groups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from hub import Ability, Connection, Plugin, grants, hookimpl
from plugins.exivo import access, checks
from plugins.exivo import people as persons
from plugins.exivo.client import Exivo
from plugins.exivo.settings import ExivoSettings
from plugins.exivo.simulator import ExivoSimulator


@hookimpl
def describe() -> Plugin:
    """exivo as a lock with people, groups and badges."""
    return Plugin(
        name="exivo",
        title="dormakaba exivo",
        kind="lock",
        settings=ExivoSettings,
        abilities=frozenset(
            {
                Ability.GROUPS,
                Ability.PEOPLE,
                Ability.BADGES,
                Ability.BADGE_NEEDED,
                Ability.DATES,
                Ability.OBSERVE,
            }
        ),
        simulator=ExivoSimulator,
        # As long as our time-out: a request that was given up may still be worked on.
        settle=10.0,
        profile=frozenset({"given_name", "family_name", "language"}),
        credential="badge",
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[grants.Check]:
    """Reached, accepted, readable, writable."""
    return await checks.verify(connection.keep(Exivo))


@hookimpl
async def list_openings(connection: Connection) -> Sequence[grants.Opening]:
    """Access groups and doors."""
    api = connection.keep(Exivo)
    return [*await api.groups(), *await api.doors()]


@hookimpl
async def sync_members(connection: Connection, people: Sequence[grants.Person]) -> Sequence[grants.PersonOutcome]:
    """Persons with the hub's marker in `info`."""
    return await persons.sync(connection.keep(Exivo), people)


@hookimpl
async def grant_access(connection: Connection, grant: grants.Grant) -> grants.Granted:
    """Group, dates and badges of a person."""
    return await access.grant(connection.keep(Exivo), grant)


@hookimpl
async def revoke_access(connection: Connection, grant: grants.Grant) -> grants.Revoked:
    """Group and badges back, person blocked."""
    return await access.revoke(connection.keep(Exivo), grant)


@hookimpl
async def observe_access(
    connection: Connection, only: Sequence[str] | None
) -> AsyncIterator[Sequence[grants.Observed]]:
    """Every person of the site, or the named ones. Raises NotFound for a named one who is gone."""
    api = connection.keep(Exivo)
    if only is not None:
        for person_id in only:
            yield [await access.observed(api, await api.person(person_id))]
        return
    async for _ in api.inventory.reading():
        # A sign of life: the media of a large site take longer to read than one step may.
        yield []
    async for page in api.persons():
        yield [await access.observed(api, person, listed=True) for person in page]

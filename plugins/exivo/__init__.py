"""dormakaba exivo: people with badges in access groups, and visits with a code and a link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from hub import Ability, Connection, NotFound, Plugin, grants, hookimpl
from plugins.exivo import access, checks, visits
from plugins.exivo import people as persons
from plugins.exivo.client import Exivo
from plugins.exivo.settings import ExivoSettings
from plugins.exivo.simulator import ExivoSimulator


@hookimpl
def describe() -> Plugin:
    """exivo as a lock with people, groups and badges, and with visits on single doors."""
    return Plugin(
        name="exivo",
        title="dormakaba exivo",
        kind="lock",
        settings=ExivoSettings,
        abilities=frozenset(
            {
                Ability.GROUPS,
                Ability.LOCKS,
                Ability.PEOPLE,
                Ability.BADGES,
                Ability.BADGE_NEEDED,
                Ability.CODES,
                Ability.LINKS,
                Ability.DATES,
                Ability.OBSERVE,
            }
        ),
        simulator=ExivoSimulator,
        # As long as our time-out: a request that was given up may still be worked on.
        settle=10.0,
        profile=frozenset({"given_name", "family_name", "language"}),
        credential="badge",
        draw_code=visits.draw_code,
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
    """Group, dates and badges of a person; or a visit."""
    give = visits.grant if grant.opens.locks else access.grant
    return await give(connection.keep(Exivo), grant)


@hookimpl
async def revoke_access(connection: Connection, grant: grants.Grant) -> grants.Revoked:
    """Group and badges back, person blocked; or a visit revoked."""
    take = visits.revoke if grant.opens.locks else access.revoke
    return await take(connection.keep(Exivo), grant)


@hookimpl
async def observe_access(
    connection: Connection, only: Sequence[str] | None
) -> AsyncIterator[Sequence[grants.Observed]]:
    """Every person of the site and every visit with a marker, or the named ones. Raises NotFound for a named one that
    is gone."""
    api = connection.keep(Exivo)
    if only is not None:
        for identifier in only:
            yield [await _observed(api, identifier)]
        return
    async for _ in api.inventory.reading():
        # A sign of life: the media of a large site take longer to read than one step may.
        yield []
    async for page in api.persons():
        yield [await access.observed(api, person, listed=True) for person in page]
    async for visits_page in api.visits():
        yield [visits.observed(api, visit) for visit in visits_page if visit.marker is not None]


async def _observed(api: Exivo, identifier: str) -> grants.Observed:
    """One person or visit: an id doesn't say of which it is."""
    try:
        person = await api.person(identifier)
    except NotFound:
        return visits.observed(api, await api.visit(identifier))
    return await access.observed(api, person)

"""dormakaba Resivo, the successor of exivo: PINs for bookings. Experimental: nothing of it was tried at a real site."""

from __future__ import annotations

from collections.abc import Sequence

from hub import Ability, Connection, Plugin, grants, hookimpl
from plugins.resivo import checks, pins, wire
from plugins.resivo.client import Resivo
from plugins.resivo.settings import ResivoSettings
from plugins.resivo.simulator import ResivoSimulator

USUAL = 8


def _draw(settings: object) -> str:
    return wire.draw(settings.pin_length if isinstance(settings, ResivoSettings) else USUAL)


@hookimpl
def describe() -> Plugin:
    """Resivo as a lock that takes PINs for bookings. It can't list what stands there, as far as is known."""
    return Plugin(
        name="resivo",
        title="dormakaba Resivo (experimental)",
        kind="lock",
        settings=ResivoSettings,
        abilities=frozenset({Ability.LOCKS, Ability.CODES, Ability.DATES}),
        simulator=ResivoSimulator,
        experimental=True,
        settle=10.0,
        profile=frozenset(),
        credential="PIN",
        draw_code=lambda: wire.draw(USUAL),
        draw_code_for=_draw,
        booked_only=True,
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[grants.Check]:
    """Accepted, site, doors; and that it is experimental."""
    return await checks.verify(connection.keep(Resivo))


@hookimpl
async def list_openings(connection: Connection) -> Sequence[grants.Opening]:
    """The doors."""
    return await connection.keep(Resivo).doors()


@hookimpl
async def grant_access(connection: Connection, grant: grants.Grant) -> grants.Granted:
    """A PIN authorization."""
    return await pins.grant(connection.keep(Resivo), grant)


@hookimpl
async def revoke_access(connection: Connection, grant: grants.Grant) -> grants.Revoked:
    """The authorization revoked."""
    return await pins.revoke(connection.keep(Resivo), grant)

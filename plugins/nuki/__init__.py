"""Nuki: keypad codes on smart locks, confirmed by the lock some time after they were asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from hub import Ability, Connection, NotFound, Plugin, grants, hookimpl
from plugins.nuki import checks, codes, removal, webhooks, wire
from plugins.nuki.client import Nuki
from plugins.nuki.settings import NukiSettings
from plugins.nuki.simulator import NukiSimulator


@hookimpl
def describe() -> Plugin:
    """Nuki as a lock with codes on single locks: no people, no groups, no badges, no links."""
    return Plugin(
        name="nuki",
        title="Nuki",
        kind="lock",
        settings=NukiSettings,
        abilities=frozenset({Ability.LOCKS, Ability.CODES, Ability.DATES, Ability.OBSERVE, Ability.WEBHOOKS}),
        simulator=NukiSimulator,
        settle=wire.SETTLED.total_seconds(),
        confirms_within=timedelta(minutes=10),
        look_again=wire.LOOK_AGAIN,
        code_once=True,
        profile=frozenset(),
        credential="code",
        draw_code=wire.draw_code,
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[grants.Check]:
    """Reached, accepted, locks, keypads, webhooks."""
    return await checks.verify(connection.keep(Nuki))


@hookimpl
async def list_openings(connection: Connection) -> Sequence[grants.Opening]:
    """The locks; one that is offline says so."""
    found = (await connection.keep(Nuki).locks(fresh=True)).values()
    return [
        grants.Opening(
            kind="lock",
            id=seen.id,
            name=seen.name,
            notes=()
            if seen.online
            else (grants.Note("lock_offline", f"The lock {seen.trouble}: codes wait until it is back."),),
        )
        for seen in found
    ]


@hookimpl
async def grant_access(connection: Connection, grant: grants.Grant) -> grants.Granted:
    """A keypad code on each lock of a visit."""
    return await codes.grant(connection.keep(Nuki), grant)


@hookimpl
async def revoke_access(connection: Connection, grant: grants.Grant) -> grants.Revoked:
    """Its keypad codes deleted."""
    return await removal.revoke(connection.keep(Nuki), grant)


@hookimpl
async def observe_access(
    connection: Connection, only: Sequence[str] | None
) -> AsyncIterator[Sequence[grants.Observed]]:
    """The codes with a tag. Raises NotFound for a named one that is not listed."""
    found = codes.observed(connection, await connection.keep(Nuki).auths(fresh=True))
    if only is None:
        yield found
        return
    by_id = {seen.vendor_id: seen for seen in found}
    for name in only:
        if name not in by_id:
            raise NotFound(f"{connection.name} lists no code with the tag {name}")
        yield [by_id[name]]


@hookimpl
async def subscribe_webhooks(
    connection: Connection, address: str, secret: str, signing_secret: str | None = None
) -> str | None:
    """One webhook, signed with a secret that Nuki gives out."""
    return await webhooks.subscribe(connection.keep(Nuki), address, secret, signing_secret)


@hookimpl
async def read_webhook(connection: Connection, request: grants.WebhookRequest) -> Sequence[grants.Hint]:
    """A signed delivery about authorizations has what is under way looked at."""
    return webhooks.hints(connection.keep(Nuki), request)

"""A lock: one call grants, one takes back. Granting twice makes two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from hub import Ability, Client, Connection, ConnectionSettings, Plugin, grants, hookimpl, times


class Settings(ConnectionSettings):
    """Which site."""

    site: str


@hookimpl
def describe() -> Plugin:
    return Plugin(
        name="latch",
        title="Latch",
        kind="lock",
        settings=Settings,
        abilities=frozenset({Ability.GROUPS, Ability.DATES, Ability.OBSERVE}),
        slice_size=10,
        settle=0.0,
    )


def _client(connection: Connection) -> Client:
    settings = connection.settings
    return Client(settings.base_url or "", name=connection.name, per_second=settings.requests_per_second)


def _site(connection: Connection) -> str:
    return f"/latch/{connection.settings.site}/grants"  # type: ignore[attr-defined]


@hookimpl
async def verify(connection: Connection) -> Sequence[grants.Check]:
    await connection.keep(_client).get(_site(connection))
    return [grants.Check(title="Latch answers", state=grants.CheckState.OK)]


@hookimpl
async def list_openings(connection: Connection) -> Sequence[grants.Opening]:
    return [grants.Opening(kind="group", id="all", name="All doors")]


@hookimpl
async def grant_access(connection: Connection, grant: grants.Grant) -> grants.Granted:
    client, path = connection.keep(_client), _site(connection)
    known = grant.vendor_id
    if known is None and grant.look_first:
        found = (await client.get(path, params={"marker": grant.marker})).json()
        known = found[0]["id"] if found else None
    body = {"marker": grant.marker, "until": times.to_text(grant.valid_until) if grant.valid_until else None}
    if known is None:
        known = (await client.call("POST", path, json=body)).json()["id"]
    else:
        await client.call("PUT", f"{path}/{known}", json=body, repeatable=True)
    return grants.Granted(vendor_id=known)


@hookimpl
async def revoke_access(connection: Connection, grant: grants.Grant) -> grants.Revoked:
    client, path = connection.keep(_client), _site(connection)
    known = [grant.vendor_id] if grant.vendor_id else []
    if not known:
        known = [row["id"] for row in (await client.get(path, params={"marker": grant.marker})).json()]
    for vendor_id in known:
        await client.call("DELETE", f"{path}/{vendor_id}", repeatable=True, accept={404})
    return grants.Revoked()


@hookimpl
async def observe_access(
    connection: Connection, only: Sequence[str] | None
) -> AsyncIterator[Sequence[grants.Observed]]:
    rows = (await connection.keep(_client).get(_site(connection))).json()
    yield [
        grants.Observed(
            vendor_id=row["id"],
            marker=row["marker"],
            opens=grants.Opens(group="all"),
            valid_until=times.from_text(row["until"]) if row["until"] else None,
        )
        for row in rows
        if only is None or row["id"] in only
    ]

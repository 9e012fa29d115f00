"""A booking system with webhooks: members with one pass each, in pages of a hundred."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec

from hub import Ability, Client, Connection, ConnectionSettings, FixSettings, Plugin, grants, hookimpl, records

HOOK_SECRET = "from-the-roll"


class Settings(ConnectionSettings):
    """Which company."""

    company: str


@hookimpl
def describe() -> Plugin:
    return Plugin(
        name="roll",
        title="Roll",
        kind="booking",
        settings=Settings,
        abilities=frozenset({Ability.WEBHOOKS}),
    )


def _client(connection: Connection) -> Client:
    settings = connection.settings
    return Client(settings.base_url or "", name=connection.name, per_second=settings.requests_per_second)


@hookimpl
async def read_records(
    connection: Connection, window: records.Window
) -> AsyncIterator[records.Page | records.Problem | records.Complete]:
    company = connection.settings.company  # type: ignore[attr-defined]
    client = connection.keep(_client)
    yield records.Page("pass", [records.Pass(id="abo", name="Abo")])
    if window.members is not None:
        for member in sorted(window.members):
            answer = await client.get(f"/roll/{company}/members/{member}")
            for page in _pages([answer.json()]):
                yield page
        return
    number = 0
    while True:
        rows = (await client.get(f"/roll/{company}/members", params={"page": number})).json()
        for page in _pages(rows):
            yield page
        if len(rows) < 100:
            break
        number += 1
    yield records.Complete(frozenset({"pass", "member", "member_pass"}))


def _pages(rows: Sequence[dict[str, str]]) -> list[records.Page]:
    members = [records.Member(id=row["id"], given_name=row["name"], family_name="Roll") for row in rows]
    passes = [
        records.MemberPass(
            id=f"p{row['id']}",
            member_id=row["id"],
            pass_id="abo",
            state=records.PassState(row["state"]),
            valid_until=msgspec.convert(row.get("until"), records.datetime | None),
        )
        for row in rows
    ]
    return [records.Page("member", members), records.Page("member_pass", passes)]


@hookimpl
async def read_webhook(connection: Connection, request: grants.WebhookRequest) -> Sequence[grants.Hint]:
    if request.headers.get("x-roll-secret") != HOOK_SECRET:
        raise FixSettings("the webhook is not from Roll")
    found = msgspec.json.decode(request.body)
    return [grants.Hint(kind="member", members=(found["member"],), dedupe=found.get("delivery"))]

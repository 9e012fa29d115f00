"""Calls to anny: reads of lists and of single items, and the upkeep of the hub's webhook.

Every address is made here from a list's name and an id. Links in answers are never followed:
`GET /bookings/{id}/cancel`
cancels a booking (S5 in `wire`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub import Answer, Client, Connection, FixSettings, NotFound, RetryLater, redact
from plugins.booking.anny import wire
from plugins.booking.anny.settings import settings_of
from plugins.booking.anny.wire import Paged, Raw

__all__ = ["Anny"]

TRIES = 3
"""An answer that can't be read (half a body, a proxy's page) is asked for again, this often in all."""


class Anny:
    """One organisation. Everything raises RetryLater, FixSettings or Refused; only `one` raises NotFound for an id."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.settings = settings = settings_of(connection)
        token = settings.access_token.get_secret_value()
        redact.know(token)
        self.http = Client(
            settings.base_url or wire.BASE_URL,
            name=connection.name,
            headers={"Authorization": f"Bearer {token}", "Accept": wire.FLAT},
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )

    async def user(self) -> Any:
        """The signed-in user as a JSON:API document, with the active organisation as a relation (S5)."""
        params = {"include": "active_organization"}
        return await self._get(wire.route(wire.USER), params, headers={"Accept": wire.JSON_API})

    async def organisations(self) -> Sequence[Raw]:
        """The organisations that the token sees. The contract has no pages for them."""
        path = wire.route(wire.ORGANISATIONS)
        return [row for row in wire.page_of(await self._get(path, {}), path).rows if isinstance(row, Mapping)]

    async def one(self, path: str, identifier: str) -> Raw:
        """One item. Raises NotFound for an id that anny doesn't have."""
        params = {name: value for name, value in self._params(path).items() if not name.startswith("filter")}
        where = wire.route(path, identifier)
        return wire.one(await self._get(where, params), f"{self.connection.name}: GET {where}")

    async def page(self, path: str, number: int, extra: Mapping[str, str] | None = None) -> Paged:
        """One page of a list, the first being 1."""
        params = {
            **self._params(path),
            **(extra or {}),
            "page[number]": str(number),
            "page[size]": str(self.settings.page_size),
        }
        where = wire.route(path)
        try:
            body = await self._get(where, params)
        except NotFound as error:
            raise FixSettings(
                f"{error.what}: there is no such list", said=error.said, fix="Check base_url and organization_id."
            ) from error
        return wire.page_of(body, f"{self.connection.name}: GET {where}")

    async def create(self, path: str, kind: str, attributes: Mapping[str, Any]) -> None:
        """Make an item. Never repeated; raises Unconfirmed where the answer is lost."""
        await self.http.call(
            "POST",
            wire.route(path),
            params=self._organisation(),
            json={"data": {"type": kind, "attributes": attributes}},
            headers={"Content-Type": wire.JSON_API},
        )

    async def delete(self, path: str, identifier: str) -> None:
        """Remove an item; one that is gone already is fine."""
        try:
            where = wire.route(path, identifier)
            await self.http.call("DELETE", where, params=self._organisation(), repeatable=True)
        except NotFound:
            return

    def _organisation(self) -> dict[str, str]:
        chosen = self.settings.organization_id
        return {wire.ORGANISATION: chosen} if chosen else {}

    def _params(self, path: str) -> dict[str, str]:
        return {**self._organisation(), **wire.RELATIONS.get(path, {})}

    async def _get(self, path: str, params: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Any:
        for left in reversed(range(TRIES)):
            try:
                answer = await self.http.call("GET", path, params=params, headers=headers, accept=(404,))
                body = answer.json()
                if answer.status == 404:
                    raise _not_there(answer)
                return body
            except RetryLater as error:
                if not left or error.code != "vendor_garbage":
                    raise
        raise AssertionError("unreachable: the last try returns or raises")


def _not_there(answer: Answer) -> NotFound:
    # Only a 404 in JSON is anny's: a proxy's page says nothing about a record, and has failed as garbage before this.
    return NotFound(f"{answer.where} does not exist at the vendor (404)", said=answer.text()[:200])

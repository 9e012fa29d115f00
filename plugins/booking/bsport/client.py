"""Calls to bsport: the management interface, and the classic one where a studio has agreed to that.

Only reads, so everything may be repeated. `NotFound` is raised for nothing but a record that bsport itself says it
doesn't have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

from hub import Answer, Client, Connection, FixSettings, NotFound, Refused, RetryLater
from plugins.booking.bsport import wire
from plugins.booking.bsport.pages import Proof, pages
from plugins.booking.bsport.settings import BsportSettings, settings_of
from plugins.booking.bsport.values import Raw
from plugins.booking.bsport.wire import Listed

__all__ = ["Bsport", "Classic"]

T = TypeVar("T")

TRIES = 3
"""An answer that can't be read (half a body, a proxy's page) is asked for again, this often in all."""

SMALLEST_PAGE = 10

NEW_KEY = (
    "A key lasts about a year and ends without notice: ask bsport for a new one, and compare company_id and client_id."
)
NEW_TOKEN = "Make a new classic_token, or switch read_spots off."  # noqa: S105 - a sentence


class _Interface:
    """One of the vendor's interfaces."""

    listed: Callable[[Any], Listed]
    fix: str
    http: Client
    settings: BsportSettings

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.settings = settings_of(connection)
        self._size = self.settings.page_size

    async def all(self, path: str, query: Mapping[str, Any], proof: Proof) -> AsyncIterator[list[Any]]:
        """Every item of a list, page by page. Raises FixSettings for a list that doesn't exist."""

        async def fetch(page: int) -> Listed:
            while True:
                try:
                    return await self._page(path, query, page)
                except Refused:
                    # The largest page is unknown; ours may be too large. Later pages would be others then.
                    if page > 1 or self._size // 2 < SMALLEST_PAGE:
                        raise
                    self._size //= 2

        try:
            async for items in pages(fetch, proof):
                yield items
        except NotFound as error:
            raise FixSettings(error.what, said=error.said, fix="Check base_url, then verify the connection.") from error

    async def glance(self, path: str, query: Mapping[str, Any]) -> Listed:
        """The first item of a list, to see whether it may be read."""
        return await self.get(path, type(self).listed, {**query, "page": 1, "page_size": 1})

    async def _page(self, path: str, query: Mapping[str, Any], page: int) -> Listed:
        return await self.get(path, type(self).listed, {**query, "page": page, "page_size": self._size})

    async def get(self, path: str, read: Callable[[Any], T], query: Mapping[str, Any] | None = None) -> T:
        """Read something. Raises NotFound, RetryLater, FixSettings or Refused."""
        for left in reversed(range(TRIES)):
            try:
                answer = await self.http.call("GET", path, params=query, accept=(404,))
                if answer.status == 404:
                    raise _not_there(answer)
                return read(answer.json())
            except RetryLater as error:
                if not left or error.code != "vendor_garbage":
                    raise
            except FixSettings as error:
                if error.code == "redirect":
                    raise
                raise FixSettings(error.what, said=error.said, fix=self.fix) from error
        raise AssertionError("unreachable: the last try returns or raises")


class Bsport(_Interface):
    """The management interface of one studio."""

    listed = staticmethod(wire.listed)
    fix = NEW_KEY

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        settings = self.settings
        headers = {
            "X-Api-Key": settings.api_key.get_secret_value(),
            "X-Company-ID": str(settings.company_id),
            "X-Client-ID": settings.client_id,
            "X-Timezone-Name": str(connection.timezone),
        }
        if settings.franchisor_id is not None:
            headers["X-Franchisor-ID"] = str(settings.franchisor_id)
        self.http = Client(
            settings.base_url or wire.BASE_URL,
            name=connection.name,
            headers=headers,
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )

    async def client(self, client_id: str) -> Raw:
        """One member. Raises NotFound."""
        return await self.get(wire.client_path(client_id), wire.single)


class Classic(_Interface):
    """The classic interface of one studio. Raises FixSettings where there is no token."""

    listed = staticmethod(wire.classic_listed)
    fix = NEW_TOKEN

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        settings = self.settings
        if settings.classic_token is None:
            raise FixSettings(f"{connection.name}: read_spots needs a classic_token", fix=NEW_TOKEN)
        self.http = Client(
            settings.classic_base_url or settings.base_url or wire.CLASSIC_URL,
            name=connection.name,
            headers={"Authorization": f"Token {settings.classic_token.get_secret_value()}"},
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )

    def offers(self, days: Mapping[str, str], proof: Proof) -> AsyncIterator[list[Any]]:
        """Every class of a period."""
        return self.all(wire.CLASSIC_OFFERS, {"company": self.settings.company_id, **days}, proof)

    def bookings(self, offer: str, proof: Proof) -> AsyncIterator[list[Any]]:
        """Every booking of a class."""
        return self.all(wire.CLASSIC_BOOKINGS, {"company": self.settings.company_id, "offer": offer}, proof)

    async def coach(self, coach_id: str) -> Raw:
        """One instructor. Raises NotFound."""
        return await self.get(wire.coach_path(coach_id), wire.single, {"company": self.settings.company_id})


def _not_there(answer: Answer) -> NotFound | RetryLater:
    """bsport's errors are JSON objects (S1). A 404 of anybody else's, such as a proxy's page, says nothing."""
    try:
        said = answer.json()
    except RetryLater:
        said = None
    if isinstance(said, dict) and {"detail", "non_field_errors", "error"} & said.keys():
        return NotFound(f"{answer.where} does not exist at the vendor (404)", said=answer.text()[:200])
    return RetryLater(
        f"{answer.where} answered 404, and not the way bsport does",
        said=" ".join(answer.text()[:200].split()),
        fix="It is asked again later; if it stays so, check base_url.",
        code="vendor_garbage",
    )

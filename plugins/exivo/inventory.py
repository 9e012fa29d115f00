"""The site's media, read when they are first needed and kept: the API has no look-up by number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hub import NotFound, grants
from plugins.exivo.wire import Medium

if TYPE_CHECKING:
    from plugins.exivo.client import Exivo

__all__ = ["Inventory"]

LASTS = timedelta(hours=1)
"""A number that the list did not have is looked for in a new one after this long."""


class Inventory:
    """Media by id and by number, as they were last read."""

    def __init__(self, api: Exivo) -> None:
        self._api = api
        self._by_id: dict[str, Medium] = {}
        self._by_number: dict[str, list[str]] = {}
        self._no_media: set[str] = set()
        self._read_at: datetime | None = None

    async def reading(self) -> AsyncIterator[int]:
        """Read all of it anew; gives the size of each page, so that a caller can show that it is alive."""
        self.forget()
        async for page in self._api.media():
            for medium in page:
                self.put(medium)
            yield len(page)
        self._read_at = self._api.connection.clock.now()

    async def read(self) -> None:
        """Read all of it anew."""
        async for _ in self.reading():
            pass

    def forget(self) -> None:
        """Trust nothing of it any more."""
        self._by_id.clear()
        self._by_number.clear()
        self._no_media.clear()
        self._read_at = None

    def put(self, medium: Medium) -> Medium:
        """Keep what was just read."""
        if (before := self._by_id.get(medium.id)) is None or before.numbers != medium.numbers:
            self._drop(medium.id)
            for number in medium.numbers:
                self._by_number.setdefault(number, []).append(medium.id)
        self._by_id[medium.id] = medium
        self._no_media.discard(medium.id)
        return medium

    def known(self, medium_id: str) -> Medium | None:
        """The medium with that id as it was last read; asks nobody."""
        return self._by_id.get(medium_id)

    async def find(self, badge: grants.Badge, person_id: str) -> Medium | None:
        """The medium with that number, if the site has it. Of several, the one whose kind of number fits, and of those
        the person's own or a free one."""
        now = self._api.connection.clock.now()
        if self._read_at is None or (badge.number not in self._by_number and now - self._read_at > LASTS):
            await self.read()
        found = [self._by_id[medium_id] for medium_id in self._by_number.get(badge.number, ())]
        kind = badge.medium or self._api.settings.badge_number
        return min(
            found,
            key=lambda medium: (getattr(medium, kind) != badge.number, medium.person != person_id, not medium.free),
            default=None,
        )

    async def get(self, medium_id: str) -> Medium | None:
        """The medium with that id, read if it isn't known. None where the site has no such medium: a person's `media`
        may hold digital keys, of which it is unknown whether they can be read here."""
        if medium_id in self._no_media:
            return None
        return self._by_id.get(medium_id) or await self.refresh(medium_id)

    async def refresh(self, medium_id: str) -> Medium | None:
        """The medium with that id, read now; as it was last known where it was registered too short a while ago to be
        shown."""
        try:
            return self.put(await self._api.medium(medium_id))
        except NotFound:
            if self._api.just_made(self._api.paths.medium(medium_id)):
                return self._by_id.get(medium_id)
            self._drop(medium_id)
            self._no_media.add(medium_id)
            return None

    def _drop(self, medium_id: str) -> None:
        medium = self._by_id.pop(medium_id, None)
        for number in medium.numbers if medium is not None else ():
            ids = self._by_number[number]
            ids.remove(medium_id)
            if not ids:
                del self._by_number[number]

"""Calls to exivo: one method for each operation that the hub needs.

Reading raises `NotFound` for an unknown id. Writing answers 400 (`Refused`) for bad input, an unknown id or a state
that holds already, and the body doesn't tell which: the caller reads the item and judges. Changes of state are safe to
repeat for that reason; `create_person`, `register_medium` and `create_visit` are not, and are never repeated here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from hub import Client, Connection, Refused, RetryLater, grants
from plugins.exivo import wire
from plugins.exivo.settings import ExivoSettings
from plugins.exivo.wire import Medium, PersonSeen

__all__ = ["Exivo", "Inventory"]

INVENTORY_LASTS = timedelta(hours=1)


class Exivo:
    """One site."""

    def __init__(self, connection: Connection) -> None:
        settings = connection.settings
        if not isinstance(settings, ExivoSettings):
            raise TypeError(f"{connection.name} has settings of another plugin")
        self.settings = settings
        self.connection = connection
        self.paths = wire.Paths(settings.site_id)
        self.http = Client(
            settings.base_url or wire.BASE_URL,
            name=connection.name,
            login=(settings.api_key, settings.api_secret.get_secret_value()),
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )
        self.inventory = Inventory(self)
        self._fresh: dict[str, PersonSeen] = {}

    # ── site ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def info(self) -> dict[str, Any]:
        """The site's name, language, zone and type: the cheapest call there is."""
        found = (await self.http.get(self.paths.info)).json()
        return found if isinstance(found, dict) else {}

    async def groups(self) -> list[grants.Opening]:
        """Every access group."""
        return [wire.group(raw) async for page in self._pages(self.paths.groups) for raw in page]

    async def doors(self) -> list[grants.Opening]:
        """Every door, without gateways."""
        found = [wire.door(raw) async for page in self._pages(self.paths.components) for raw in page]
        return [door for door in found if door is not None]

    # ── persons ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def persons(self) -> AsyncIterator[list[PersonSeen]]:
        """Every person of the site, page by page, whoever made them."""
        async for page in self._pages(self.paths.persons):
            yield [wire.person(raw) for raw in page]

    async def person(self, person_id: str) -> PersonSeen:
        """One person. Raises NotFound."""
        return wire.person((await self.http.get(self.paths.person(person_id))).json())

    async def person_once(self, person_id: str) -> PersonSeen:
        """One person; somebody created a moment ago is taken from the answer to that."""
        return self._fresh.pop(person_id, None) or await self.person(person_id)

    async def create_person(self, payload: dict[str, Any]) -> PersonSeen:
        """Create a person. Raises Unconfirmed where the answer is lost."""
        answer = await self.http.call("POST", self.paths.persons, json=payload)
        made = wire.person(answer.json())
        self._fresh[made.id] = made
        return made

    async def change_person(self, person_id: str, payload: dict[str, Any]) -> PersonSeen:
        """Change the fields in `payload` and no other; null clears a date."""
        answer = await self.http.call("POST", self.paths.person(person_id), json=payload, repeatable=True)
        return wire.person(answer.json())

    async def revoke(self, person_id: str) -> Refused | None:
        """Block all access of a person. Returns the refusal instead of raising it."""
        return await self._set(self.paths.person(person_id, "revoke"))

    async def unrevoke(self, person_id: str) -> Refused | None:
        """Undo `revoke`. Returns the refusal instead of raising it."""
        return await self._set(self.paths.person(person_id, "unrevoke"))

    async def assign_group(self, person_id: str, group: str) -> Refused | None:
        """Put a person into a group, out of any other. Returns the refusal instead of raising it."""
        return await self._set(self.paths.person(person_id, "assign", "accessgroup", group))

    async def unassign_group(self, person_id: str) -> Refused | None:
        """Take a person out of their group. Returns the refusal instead of raising it."""
        return await self._set(self.paths.person(person_id, "unassign", "accessgroup"))

    async def assign_medium(self, person_id: str, medium_id: str) -> Refused | None:
        """Give a medium to a person. Returns the refusal instead of raising it."""
        return await self._set(self.paths.person(person_id, "assign", "medium", medium_id))

    async def unassign_medium(self, person_id: str, medium_id: str) -> Refused | None:
        """Take a medium back. Returns the refusal instead of raising it."""
        return await self._set(self.paths.person(person_id, "unassign", "medium", medium_id))

    async def try_writing(self) -> Refused | None:
        """A write that can't change anything: it names a person that nobody is. 400 means that writing is allowed."""
        return await self._set(self.paths.person(wire.NO_SUCH_PERSON, "revoke"))

    # ── media ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def media(self) -> AsyncIterator[list[Medium]]:
        """Every medium of the site, page by page; phone keys are among them."""
        async for page in self._pages(self.paths.media):
            yield [wire.medium(raw) for raw in page]

    async def medium(self, medium_id: str) -> Medium:
        """One medium. Raises NotFound."""
        return wire.medium((await self.http.get(self.paths.medium(medium_id))).json())

    async def register_medium(self, badge: grants.Badge) -> Medium:
        """Register a badge with the site. Raises Refused (it may be there already) or Unconfirmed."""
        payload = wire.medium_payload(badge, self.settings.badge_number)
        return wire.medium((await self.http.call("POST", self.paths.media, json=payload)).json())

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _set(self, path: str) -> Refused | None:
        try:
            await self.http.call("POST", path, json={}, repeatable=True)
        except Refused as refused:
            return refused
        return None

    async def _pages(self, path: str) -> AsyncIterator[list[Any]]:
        """A list in pages. There is no total and no cursor, so only an empty page ends it: a page that came back half
        would otherwise look like the last."""
        skip, size = 0, self.settings.page_size
        while True:
            answer = await self.http.get(path, params={"skip": skip, "limit": size})
            page = answer.json()
            if not isinstance(page, list):
                raise RetryLater(f"{answer.where} answered something that is no list", code="vendor_garbage")
            if not page:
                return
            yield page
            skip += len(page)


class Inventory:
    """The site's media, read when first needed and kept for an hour: the API has no look-up by number."""

    def __init__(self, api: Exivo) -> None:
        self._api = api
        self._by_id: dict[str, Medium] = {}
        self._by_number: dict[str, str] = {}
        self._read_at: datetime | None = None

    async def read(self) -> None:
        """Read all of it anew."""
        self.forget()
        async for page in self._api.media():
            for medium in page:
                self.put(medium)
        self._read_at = self._api.connection.clock.now()

    def forget(self) -> None:
        """Trust nothing of it any more."""
        self._by_id.clear()
        self._by_number.clear()
        self._read_at = None

    def put(self, medium: Medium) -> Medium:
        """Keep what was just read."""
        self._by_id[medium.id] = medium
        for number in medium.numbers:
            self._by_number[number] = medium.id
        return medium

    async def find(self, number: str) -> Medium | None:
        """The medium with that normal number, if the site has it."""
        now = self._api.connection.clock.now()
        if self._read_at is None or (number not in self._by_number and now - self._read_at > INVENTORY_LASTS):
            await self.read()
        medium_id = self._by_number.get(number)
        return self._by_id[medium_id] if medium_id is not None else None

    async def get(self, medium_id: str) -> Medium:
        """The medium with that id, read if it isn't known."""
        return self._by_id.get(medium_id) or await self.refresh(medium_id)

    async def refresh(self, medium_id: str) -> Medium:
        """The medium with that id, read now."""
        return self.put(await self._api.medium(medium_id))

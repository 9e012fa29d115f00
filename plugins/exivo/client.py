"""Calls to exivo: one method for each operation that the hub needs.

Reading a person, a medium or a visit raises `NotFound` for an unknown id, and nothing else here ever does: the hub
takes it for somebody who is gone. Writing answers 400 for bad input, an unknown id or a state that holds already, and
the body doesn't tell which: the caller reads the item and judges. Changes of state are safe to repeat for that reason;
`create_person`, `register_medium` and `create_visit` are not, and are never repeated here.

Answers about visits hold codes and links, so no error quotes one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub import Answer, Client, Connection, FixSettings, NotFound, Refused, RetryLater, Unconfirmed, grants
from plugins.exivo import wire
from plugins.exivo.inventory import Inventory
from plugins.exivo.pages import pages
from plugins.exivo.settings import ExivoSettings
from plugins.exivo.wire import Medium, PersonSeen, VisitSeen

__all__ = ["Exivo"]

T = TypeVar("T")

TRIES = 3
"""An answer that can't be read (half a body, a proxy's page) is asked for again, this often in all."""

SMALLEST_PAGE = 10
SHORTLY = timedelta(seconds=5)
FRESH = timedelta(minutes=1)
"""How long something counts as created just now: reads may lag behind, so until it was seen once, not finding it proves
nothing; and the answer to creating a person spares reading that person."""


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
        self._limit = settings.page_size
        self._made: dict[str, datetime] = {}
        self._created: dict[str, PersonSeen] = {}

    # ── site ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def info(self) -> Mapping[str, Any]:
        """The site's name, language, zone and type: the cheapest call there is. Raises NotFound."""
        return await self._get(self.paths.info, wire.site)

    async def groups(self) -> list[grants.Opening]:
        """Every access group."""
        return [wire.group(raw) async for page in self._pages(self.paths.groups) for raw in page]

    async def doors(self) -> list[grants.Opening]:
        """Every door, without gateways."""
        found = [wire.door(raw) async for page in self._pages(self.paths.components) for raw in page]
        return [door for door in found if door is not None]

    async def glance(self, path: str) -> None:
        """Read one item of a list, to see whether it may be read."""
        await self._get(path, wire.listed, {"skip": 0, "limit": 1})

    # ── persons ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def persons(self) -> AsyncIterator[list[PersonSeen]]:
        """Every person of the site, page by page, whoever made them."""
        async for page in self._pages(self.paths.persons):
            yield [wire.person(raw) for raw in page]

    async def person(self, person_id: str) -> PersonSeen:
        """One person. Raises NotFound, and RetryLater (`settling`) for one who was created just now and never shown."""
        return await self._settled(self.paths.person(person_id), wire.person)

    async def person_once(self, person_id: str) -> PersonSeen:
        """One person; somebody created a moment ago is taken from the answer to that, once."""
        made = self._created.pop(person_id, None)
        if made is not None and self.just_made(self.paths.person(person_id)):
            return made
        return await self.person(person_id)

    async def create_person(self, payload: dict[str, Any]) -> PersonSeen:
        """Create a person. Raises Refused, or Unconfirmed where the answer is lost or can't be read."""
        made = _made(await self._create(self.paths.persons, payload), wire.person)
        self._remember(self.paths.person(made.id))
        # An answer that leaves out what was sent says too little to go on with.
        if made.info == payload.get("info"):
            self._created[made.id] = made
        return made

    def forget_created(self) -> None:
        """Read everybody anew from now on."""
        self._created.clear()

    async def change_person(self, person_id: str, payload: dict[str, Any]) -> PersonSeen | None:
        """Change the fields in `payload` and no other; null clears a date. Returns the person as the answer shows them,
        None where it shows nothing that can be read. Raises Refused."""
        try:
            answer = await self.http.call("POST", self.paths.person(person_id), json=payload, repeatable=True)
            return wire.person(answer.json())
        except NotFound as error:
            raise _as_refused(error) from error
        except RetryLater as error:
            if error.code != "vendor_garbage":
                raise
            return None

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
        path = self.paths.medium(medium_id)
        found = await self._get(path, wire.medium)
        self._made.pop(path, None)
        return found

    async def register_medium(self, badge: grants.Badge) -> Medium:
        """Register a badge with the site. Raises Refused (it may be there already), or Unconfirmed where the answer is
        lost or can't be read."""
        payload = wire.medium_payload(badge, self.settings.badge_number)
        made = _made(await self._create(self.paths.media, payload), wire.medium)
        self._remember(self.paths.medium(made.id))
        return made

    # ── visits ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def visits(self) -> AsyncIterator[list[VisitSeen]]:
        """Every visit of the site, page by page, whoever made it; expired and revoked ones are among them."""
        async for page in self._pages(self.paths.visits):
            yield [wire.visit(raw) for raw in page]

    async def visit(self, visit_id: str) -> VisitSeen:
        """One visit. Raises NotFound, and RetryLater (`settling`) for one that was created just now and never shown."""
        return await self._settled(self.paths.visit(visit_id), wire.visit)

    async def create_visit(self, payload: dict[str, Any]) -> VisitSeen:
        """Create a visit. Raises Refused, or Unconfirmed where the answer is lost or can't be read."""
        answer = await self._create(self.paths.visits, payload)
        try:
            made = _made(answer, wire.visit)
        except Unconfirmed as error:
            error.said = ""
            raise
        self._remember(self.paths.visit(made.id))
        return made

    async def revoke_visit(self, visit_id: str) -> Refused | None:
        """Revoke a visit, for good. Returns the refusal instead of raising it."""
        return await self._set(self.paths.visit(visit_id, "revoke"))

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def just_made(self, path: str) -> bool:
        """Whether this process created what has that path within the last minute and has not read it since."""
        at = self._made.get(path)
        return at is not None and self.connection.clock.now() - at <= FRESH

    async def _settled(self, path: str, read: Callable[[Any], T]) -> T:
        try:
            found = await self._get(path, read)
            self._made.pop(path, None)
            return found
        except NotFound as error:
            if not self.just_made(path):
                raise
            raise RetryLater(
                f"{error.what}, although it was created just now", after=SHORTLY, code="settling"
            ) from error

    async def _get(self, path: str, read: Callable[[Any], T], params: Mapping[str, Any] | None = None) -> T:
        for left in reversed(range(TRIES)):
            answer = await self.http.call("GET", path, params=params, repeatable=True, accept=(404,))
            try:
                if answer.status == 404:
                    raise _not_there(answer)
                return read(answer.json())
            except RetryLater as error:
                if not left:
                    if path.startswith(self.paths.visits):
                        error.said = ""
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    def _remember(self, path: str) -> None:
        self._made = {other: at for other, at in self._made.items() if self.just_made(other)}
        self._made[path] = self.connection.clock.now()

    async def _create(self, path: str, payload: dict[str, Any]) -> Answer:
        try:
            return await self.http.call("POST", path, json=payload)
        except NotFound as error:
            raise _no_such_list(error) from error

    async def _set(self, path: str) -> Refused | None:
        """A change of state. An unknown id is answered with 400 by contract; 404 would say the same."""
        try:
            await self.http.call("POST", path, json={}, repeatable=True)
        except Refused as refused:
            return refused
        except NotFound as error:
            return _as_refused(error)
        return None

    async def _pages(self, path: str) -> AsyncIterator[list[Mapping[str, Any]]]:
        async def fetch(skip: int) -> tuple[list[Any], int]:
            while True:
                limit = self._limit
                try:
                    return await self._get(path, wire.listed, {"skip": skip, "limit": limit}), limit
                except NotFound as error:
                    raise _no_such_list(error) from error
                except Refused:
                    # The largest page is unknown; ours may be too large.
                    if limit // 2 < SMALLEST_PAGE:
                        raise
                    self._limit = limit // 2

        async for page in pages(fetch):
            yield page


def _made(answer: Answer, read: Callable[[Any], T]) -> T:
    """What was created. An answer that can't be read leaves open whether it was."""
    try:
        return read(answer.json())
    except RetryLater as error:
        raise Unconfirmed(
            f"{answer.where}: the answer can't be read, so it is not known whether it took effect",
            said=error.said or error.what,
            fix="The vendor is looked at before anything is repeated.",
        ) from error


def _not_there(answer: Answer) -> NotFound | RetryLater:
    """exivo's 404 has an empty body. Somebody else's, such as a proxy's page, says nothing about a person."""
    start = answer.content.lstrip()[:1]
    if start in {b"", b"{", b"[", b'"'}:
        return NotFound(f"{answer.where} does not exist at the vendor (404)")
    return RetryLater(
        f"{answer.where} answered 404, and not the way exivo does",
        said=" ".join(answer.text()[:200].split()),
        fix="It is asked again later; if it stays so, check base_url.",
        code="vendor_garbage",
    )


def _no_such_list(error: NotFound) -> FixSettings:
    return FixSettings(error.what, said=error.said, fix="Check the site ID and base_url, then verify the connection.")


def _as_refused(error: NotFound) -> Refused:
    return Refused(error.what, said=error.said)

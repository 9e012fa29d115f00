"""Calls to Nuki, and what this process remembers of them.

Writing is asynchronous: 204 says that the server has stored the request, and nothing more. No answer names what was
made, so it is found again by the tag in its name. `create` is never repeated here; changing and deleting may be.

Answers about authorizations hold codes, so no error quotes one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from hub import Answer, Client, Connection, FixSettings, NotFound, Refused, RetryLater, redact
from plugins.nuki import wire
from plugins.nuki.settings import NukiSettings
from plugins.nuki.wire import AuthSeen, LockSeen

__all__ = ["Nuki", "Said"]

T = TypeVar("T")

TRIES = 3
"""An answer that can't be read (half a body, a proxy's page) is asked for again, this often in all."""
AUTHS_KEPT = timedelta(seconds=2)
LOCKS_KEPT = timedelta(seconds=30)
"""How long a list serves the next grants of the same pass."""

Said = Literal["accepted", "exists", "busy", "gone"]
"""What became of a request: stored; refused because the code stands there; another one is under way; unknown id."""

_SAID: Mapping[int, Said] = {409: "exists", 423: "busy", 404: "gone"}


class Nuki:
    """One account."""

    def __init__(self, connection: Connection) -> None:
        settings = connection.settings
        if not isinstance(settings, NukiSettings):
            raise TypeError(f"{connection.name} has settings of another plugin")
        token = settings.api_token.get_secret_value()
        redact.know(token)
        self.settings = settings
        self.connection = connection
        self.http = Client(
            settings.base_url or wire.BASE_URL,
            name=connection.name,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )
        self._auths: tuple[datetime, list[AuthSeen]] | None = None
        self._locks: tuple[datetime, dict[str, LockSeen]] | None = None
        self._asked: dict[tuple[str, str, str], datetime] = {}
        self._synced: dict[str, datetime] = {}
        self.signing: str | None = None
        """What webhooks are signed with, where this process has subscribed to them."""

    @property
    def now(self) -> datetime:
        """The present."""
        return self.connection.clock.now()

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def locks(self, *, fresh: bool = False) -> dict[str, LockSeen]:
        """The devices of the account, by id."""
        if fresh or self._locks is None or self.now - self._locks[0] > LOCKS_KEPT:
            found = await self._get("/smartlock", lambda raw: [wire.lock(item) for item in wire.listed(raw)])
            self._locks = (self.now, {one.id: one for one in found})
        return self._locks[1]

    async def auths(self, *, fresh: bool = False) -> list[AuthSeen]:
        """Keypads, keypad codes and app users of all locks. The list is not paged."""
        if fresh or self._auths is None or self.now - self._auths[0] > AUTHS_KEPT:
            params = {"types": f"{wire.APP},{wire.KEYPAD},{wire.KEYPAD_CODE}"}
            found = await self._get(
                "/smartlock/auth", lambda raw: [wire.auth(item) for item in wire.listed(raw)], params
            )
            self._auths = (self.now, found)
        return self._auths[1]

    def read_at(self) -> datetime | None:
        """When the list of authorizations was last read."""
        return self._auths[0] if self._auths is not None else None

    # ── keypad codes ──────────────────────────────────────────────────────────────────────────────────────────────

    async def create(self, lock: str, tag: str, payload: Mapping[str, Any]) -> Said:
        """Ask for a code. Raises Refused, or Unconfirmed where the answer is lost."""
        answer = await self.http.call("PUT", f"{_lock(lock)}/auth", json=payload, accept=(402, 409, 423, 426))
        return self._said(answer, "create", lock, tag)

    async def change(self, seen: AuthSeen, tag: str, payload: Mapping[str, Any]) -> Said:
        """Ask for a code to be as in `payload`, which is whole. Raises Refused."""
        answer = await self.http.call(
            "POST", _auth(seen), json=payload, repeatable=True, accept=(402, 404, 409, 423, 426)
        )
        return self._said(answer, "change", seen.id, tag)

    async def delete(self, seen: AuthSeen, tag: str) -> Said:
        """Ask for a code to be deleted. Raises Refused."""
        answer = await self.http.call("DELETE", _auth(seen), repeatable=True, accept=(402, 404, 423, 426))
        return self._said(answer, "delete", seen.id, tag)

    def asked(self, what: Literal["create", "change", "delete"], at: str, tag: str) -> datetime | None:
        """When this process last asked for that, and Nuki accepted it. `at` is the lock of a code that is to be made,
        else the code's own id."""
        return self._asked.get((what, at, tag))

    def forget(self, tag: str) -> None:
        """What was asked for so far had other digits."""
        self._asked = {key: at for key, at in self._asked.items() if key[2] != tag}

    def on_their_way(self, lock: str) -> set[str]:
        """The tags of codes that were asked for a moment ago, whether they are listed or not."""
        now = self.now
        self._asked = {key: at for key, at in self._asked.items() if now - at < 2 * wire.SETTLED}
        return {tag for what, other, tag in self._asked if what == "create" and other == lock}

    async def sync(self, lock: str) -> None:
        """Ask Nuki to read a lock again; not sooner than a minute after it was last asked."""
        last = self._synced.get(lock)
        if last is not None and self.now - last < wire.SYNC_AGAIN:
            return
        try:
            await self.http.call("POST", f"{_lock(lock)}/sync", repeatable=True)
        except (Refused, NotFound):
            # It is a lock that can't be asked: the next look says what became of it.
            return
        self._synced[lock] = self.now
        self._auths = None

    def synced(self, lock: str, *, since: datetime) -> bool:
        """Whether the list that was read last is younger than a forced sync of the lock after that moment."""
        at, read = self._synced.get(lock), self.read_at()
        return at is not None and read is not None and since <= at and at + wire.READ_AFTER <= read

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def webhooks(self) -> Sequence[Mapping[str, Any]]:
        """The decentral webhooks of the account."""
        return await self._get("/api/decentralWebhook", lambda raw: [wire.webhook(item) for item in wire.listed(raw)])

    async def create_webhook(self, address: str) -> Mapping[str, Any]:
        """Have webhooks sent to an address. The answer holds the secret that they are signed with."""
        payload = {"webhookUrl": address, "webhookFeatures": [wire.FEATURE]}
        answer = await self.http.call("PUT", "/api/decentralWebhook", json=payload)
        return wire.webhook(answer.json())

    async def delete_webhook(self, webhook_id: str) -> None:
        """Take a webhook away."""
        await self.http.call("DELETE", f"/api/decentralWebhook/{quote(webhook_id, safe='')}", accept=(404,))

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _get(self, path: str, read: Callable[[Any], T], params: Mapping[str, str] | None = None) -> T:
        for left in reversed(range(TRIES)):
            try:
                return read((await self.http.get(path, params=params)).json())
            except NotFound as error:
                fix = "Check base_url, then verify the connection."
                raise FixSettings(error.what, said=error.said, fix=fix) from error
            except RetryLater as error:
                if error.code != "vendor_garbage":
                    raise
                if not left:
                    # Half an answer may hold codes.
                    error.said = ""
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    def _said(self, answer: Answer, what: str, at: str, tag: str) -> Said:
        if answer.status in {402, 426}:
            raise FixSettings(
                f"{answer.where} was refused",
                said=f"the Nuki account is not paid for this ({answer.status})",
                fix="Look at the subscription of the account in Nuki Web, then verify the connection.",
                code="not_paid",
            )
        if answer.status in _SAID:
            return _SAID[answer.status]
        self._asked[what, at, tag] = self.now
        return "accepted"


def _lock(lock: str) -> str:
    return f"/smartlock/{quote(lock, safe='')}"


def _auth(seen: AuthSeen) -> str:
    return f"{_lock(seen.lock)}/auth/{quote(seen.id, safe='')}"

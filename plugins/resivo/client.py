"""Calls to Resivo, as far as one client shows them. Answers about authorizations may hold PINs, so no error quotes
one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub import Answer, Client, Connection, FixSettings, NotFound, Refused, RetryLater, Unconfirmed, grants, redact
from plugins.resivo import wire
from plugins.resivo.settings import ResivoSettings
from plugins.resivo.wire import AuthorizationSeen

__all__ = ["Resivo"]

T = TypeVar("T")

EARLY = timedelta(seconds=30)
"""A token is asked for anew so long before it ends."""


class Resivo:
    """One site."""

    def __init__(self, connection: Connection) -> None:
        settings = connection.settings
        if not isinstance(settings, ResivoSettings):
            raise TypeError(f"{connection.name} has settings of another plugin")
        self.settings = settings
        self.connection = connection
        self.paths = wire.Paths(settings.site_id, settings.api_version, everywhere=settings.version_in_every_path)
        self.http = Client(
            settings.base_url or wire.BASE_URL,
            name=connection.name,
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )
        redact.know(settings.client_secret.get_secret_value())
        self._token = ""
        self._good_until: datetime | None = None

    async def site(self) -> str:
        """The name of the site."""
        return await self._get(self.paths.site, wire.site)

    async def doors(self) -> list[grants.Opening]:
        """The doors of the site."""
        return await self._get(
            self.paths.components, lambda raw: [wire.component(one) for one in wire.listed(raw)], {"scope": "all"}
        )

    async def create(self, payload: Mapping[str, Any]) -> str:
        """Create a PIN authorization; its id. Raises Refused, or Unconfirmed where the answer is lost or can't be
        read."""
        answer = await self._call("POST", self.paths.create, json=payload)
        try:
            return wire.made(answer.json())
        except (RetryLater, Unconfirmed) as error:
            raise Unconfirmed(
                f"{answer.where}: the answer can't be read, so it is not known whether it took effect",
                fix="Look for it in the portal.",
            ) from error

    async def authorization(self, key: str) -> AuthorizationSeen | None:
        """One authorization; None where Resivo no longer has it."""
        try:
            return await self._get(self.paths.authorization(key), wire.authorization)
        except NotFound:
            return None

    async def revoke(self, key: str) -> bool:
        """Revoke an authorization; whether Resivo has it. Raises Refused."""
        answer = await self._call("DELETE", self.paths.revoke(key), json={}, repeatable=True, accept=(404, 410))
        return answer.status not in {404, 410}

    async def _get(self, path: str, read: Callable[[Any], T], params: Mapping[str, Any] | None = None) -> T:
        answer = await self._call("GET", path, params=params)
        try:
            return read(answer.json())
        except RetryLater as error:
            error.said = ""
            raise

    async def _call(self, method: str, path: str, **options: Any) -> Answer:
        """A call with a token; where one is refused that should still be good, once more with another."""
        fresh = self._good_until is None or self.connection.clock.now() + EARLY >= self._good_until
        if fresh:
            await self._log_in()
        try:
            return await self._send(method, path, options)
        except FixSettings:
            if fresh:
                raise
        await self._log_in()
        return await self._send(method, path, options)

    async def _send(self, method: str, path: str, options: Mapping[str, Any]) -> Answer:
        return await self.http.call(method, path, headers={"Authorization": f"Bearer {self._token}"}, **options)

    async def _log_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret.get_secret_value(),
        }
        try:
            answer = await self.http.call("POST", wire.TOKEN, form=form, reads=True)
        except (Refused, NotFound) as error:
            fix = "Check client_id, client_secret and base_url, then verify the connection."
            raise FixSettings(error.what, said=error.said, fix=fix) from error
        try:
            self._token, seconds = wire.token(answer.json())
        except RetryLater as error:
            error.said = ""
            raise
        redact.know(self._token)
        self._good_until = self.connection.clock.now() + timedelta(seconds=seconds)

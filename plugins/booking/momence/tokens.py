"""Signing in: the password grant, refreshed while the refresh token lasts. Tokens live in memory only."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

from hub import Client, FixSettings, NotFound, Refused, redact
from hub.clock import Clock
from plugins.booking.momence import wire
from plugins.booking.momence.settings import MomenceSettings

__all__ = ["Tokens"]

EARLY = timedelta(seconds=60)
"""A token that ends within this time is not used any more."""


class Tokens:
    """The token of one connection. Whoever needs one while it is being renewed waits for the same one."""

    def __init__(self, http: Client, settings: MomenceSettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: wire.Token | None = None
        self._spent = False
        login = (settings.client_id, settings.client_secret.get_secret_value())
        redact.know_login(*login)
        redact.know(settings.password.get_secret_value())
        self._login = "Basic " + base64.b64encode(":".join(login).encode()).decode()

    async def get(self) -> str:
        """An access token that should work. Raises FixSettings where signing in is refused."""
        async with self._lock:
            if self._token is None or self._spent or self._over(self._token):
                self._token, self._spent = await self._renewed(self._token), False
            return self._token.access

    def refused(self, access: str) -> None:
        """That token was refused: the next `get` renews it, unless that has been done meanwhile."""
        if self._token is not None and self._token.access == access:
            self._spent = True

    def _over(self, token: wire.Token) -> bool:
        return token.expires_at is not None and token.expires_at - EARLY <= self._clock.now()

    async def _renewed(self, old: wire.Token | None) -> wire.Token:
        if old is not None and old.refresh is not None and self._lasts(old):
            try:
                return await self._ask({"grant_type": "refresh_token", "refresh_token": old.refresh}, old.refresh)
            except (Refused, FixSettings):
                # Whether refresh tokens rotate is unknown; a spent one is no reason to stop.
                pass
        settings = self._settings
        try:
            return await self._ask(
                {
                    "grant_type": "password",
                    "username": settings.username,
                    "password": settings.password.get_secret_value(),
                }
            )
        except (Refused, FixSettings, NotFound) as error:
            if error.code == "redirect":
                raise
            raise FixSettings(
                f"{self._http.name}: Momence does not let this user sign in",
                said=error.said or error.what,
                fix="Check client_id, client_secret, username and password, and base_url where it is set.",
                code="sign_in",
            ) from error

    def _lasts(self, token: wire.Token) -> bool:
        return token.refresh_expires_at is None or token.refresh_expires_at - EARLY > self._clock.now()

    async def _ask(self, form: dict[str, str], refresh: str | None = None) -> wire.Token:
        # Signing in changes nothing, and twice is once.
        answer = await self._http.call(
            "POST", wire.TOKEN, form=form, headers={"Authorization": self._login}, reads=True
        )
        token = wire.token(answer.json())
        redact.know(token.access, token.refresh)
        if token.refresh is None and refresh is not None:
            return wire.Token(token.access, refresh, token.expires_at, token.refresh_expires_at)
        return token

"""What a plugin is handed with every call: the connection it works for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from hub.clock import Clock, SystemClock
from hub.http import Client, Counters

if TYPE_CHECKING:
    from hub.plugins import Plugin
    from hub.settings import ConnectionSettings

__all__ = ["Connection", "read_marker", "read_tag"]

T = TypeVar("T")

OF_HUB, OF_GRANT = 3, 9
"""So many characters of the hub's and of the grant's id are in a tag."""

_PLAIN = re.compile(r"[^0-9a-z]")
_UNFIT = re.compile(r"[%\[\]\s\x00-\x1f\x7f]")
_MARKER = re.compile(r"\[hub:([^:\]]+):([^:\]]+):([^\]]*)\]")


def read_marker(text: str) -> tuple[str, str, str] | None:
    """Instance, source and id of the last marker in a text; None where there is none."""
    found = _MARKER.findall(text)
    if not found:
        return None
    instance, source, key = found[-1]
    return instance, source, unquote(key)


def read_tag(tag: str, instance: str) -> str | None:
    """The end of the grant's id in a tag; None for one that another hub wrote."""
    return tag[OF_HUB:] if len(tag) == OF_HUB + OF_GRANT and tag[:OF_HUB] == instance[-OF_HUB:] else None


@dataclass
class Connection:
    """One connection of a studio, open: settings with their secrets in clear, the clock, the studio's zone.

    `instance` identifies this studio's hub in recovery markers. A plugin keeps what it wants to reuse between calls
    (its client, a list it read) in `keep`; it lasts as long as the connection is open and is never stored.
    """

    name: str
    plugin: Plugin
    settings: ConnectionSettings
    timezone: ZoneInfo
    instance: str
    clock: Clock = field(default_factory=SystemClock)
    studio_name: str = ""
    language: str = "en"
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    def keep(self, make: Callable[[Connection], T]) -> T:
        """The result of `make(connection)`, made on the first call and the same one ever after."""
        if make not in self._kept:
            self._kept[make] = make(self)
        kept: T = self._kept[make]
        return kept

    def marker(self, member: str) -> str:
        """The recovery text for something made for that member (or booking): `[hub:<instance>:<source>:<id>]`.

        Characters that would end it early are percent-encoded; `read_marker` undoes that.
        """
        source, _, key = member.partition(":")
        return f"[hub:{self.instance}:{source}:{_UNFIT.sub(lambda match: quote(match[0], safe=''), key)}]"

    def tag(self, grant_id: str) -> str:
        """A short name for a grant, for vendors whose fields are too short for a marker: twelve letters and digits, of
        which the first three are the hub's (`read_tag`)."""
        return f"{self.instance[-OF_HUB:]}{_PLAIN.sub('', grant_id)[-OF_GRANT:].rjust(OF_GRANT, '0')}"

    @property
    def counters(self) -> Counters:
        """What all HTTP clients of this connection have done."""
        total = Counters()
        for kept in self._clients():
            total.reads += kept.counters.reads
            total.writes += kept.counters.writes
            total.failures += kept.counters.failures
            total.seconds += kept.counters.seconds
            for status, count in kept.counters.by_status.items():
                total.by_status[status] = total.by_status.get(status, 0) + count
        return total

    def _clients(self) -> list[Client]:
        found = []
        for kept in self._kept.values():
            client = kept if isinstance(kept, Client) else getattr(kept, "http", None)
            if isinstance(client, Client):
                found.append(client)
        return found

    async def aclose(self) -> None:
        """Close what is kept open."""
        for client in self._clients():
            await client.aclose()
        self._kept.clear()

"""What stands in the two lines above every screen, read from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import times
from hub.core import Hub
from hub.engine.workers import daemon_works
from hub.look import journal
from hub.look.grants import count_grants
from hub.look.needs import needs
from hub.look.pulse import Pulse
from hub.look.today import flows, next_wake
from hub.studio.registry import connections
from tui.chrome import Header

__all__ = ["Counted", "Heading", "read_heading", "show_heading"]


@dataclass(frozen=True)
class Counted:
    """What was counted at a pulse and is so as long as that is: grants of each status, and what needs somebody."""

    pulse: Pulse | None
    grants: Mapping[str, int]
    needs: int


@dataclass(frozen=True)
class Heading:
    """What was read. `engine`: here (in this program), daemon (in another process), none."""

    studio: str
    health: tuple[str, str]
    engine: str
    wake: datetime | None
    badges: Mapping[str, int]
    now: datetime
    counted: Counted


async def read_heading(hub: Hub, pulse: Pulse | None, counted: Counted | None) -> Heading:
    """Read it. `counted` is what was counted at an earlier pulse: at the same one it is not counted again."""
    studio, now = hub.the_studio, hub.clock.now()
    async with hub.database.read() as db:
        every = await flows(db, studio)
        if counted is None or pulse is None or counted.pulse != pulse:
            grants = await count_grants(db, studio)
            counted = Counted(pulse, grants, len(needs(await journal.inbox(db, studio))))
        wake = await next_wake(db, studio)
        connected = bool(every) or bool(await connections(db, studio))
        daemon = await daemon_works(db, now)
    none = ("planned", "nothing flows yet") if connected else ("planned", "nothing connected")
    bad = sum(flow.state == "failed" for flow in every)
    zone = times.zone(studio.timezone)
    return Heading(
        studio=studio.name,
        health=("failed" if bad else "ok", f"{len(every) - bad} of {len(every)} flows") if every else none,
        engine="daemon" if daemon else "none",
        wake=wake.astimezone(zone) if wake is not None and wake < now + timedelta(days=1) else None,
        badges={"access": counted.grants.get("failed", 0), "today": counted.needs},
        now=now.astimezone(zone).replace(second=0, microsecond=0),
        counted=counted,
    )


def show_heading(header: Header, found: Heading, *, mode: str, read_only: bool) -> None:
    """Show it; only what differs is painted."""
    header.studio, header.mode, header.read_only = found.studio, mode, read_only
    header.health, header.now = found.health, found.now
    wake = f"next sync {found.wake:%H:%M}" if found.wake is not None and found.engine != "none" else ""
    words = {"here": "the engine runs here", "none": "nothing runs by itself"}.get(found.engine, "")
    header.engine = (found.engine, "   ".join(filter(None, (words, wake))))
    if dict(found.badges) != header.badges:
        header.badges = dict(found.badges)

"""Which time zone a wall-clock time is in: that of the location it leads to, else the studio's."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hub.records import Location, Record, Resource, RoomPlan, Session
from hub.times import zone

__all__ = ["Places", "Zones"]


class Zones(dict[str, "ZoneInfo | None"]):
    """The zones of one kind of record, by id. None stands for one that could not be read, which is never guessed."""

    def __init__(self, studio: ZoneInfo) -> None:
        super().__init__({"": studio})
        self.otherwise: ZoneInfo | None = studio

    def __missing__(self, key: str) -> ZoneInfo | None:
        return self.otherwise


class Places:
    """The zones of everything that was read so far and that has a place."""

    def __init__(self, studio: ZoneInfo) -> None:
        self.studio = studio
        self.location = Zones(studio)
        self.room_plan = Zones(studio)
        self.resource = Zones(studio)
        self.session = Zones(studio)
        self._kinds = {
            "location": self.location,
            "room_plan": self.room_plan,
            "resource": self.resource,
            "session": self.session,
        }

    def knows(self, kind: str) -> bool:
        """Whether records of this kind have a place."""
        return kind in self._kinds

    def found(self, record: Record) -> None:
        """Keep where a record is."""
        match record:
            case Location():
                self.location[record.id] = zone(record.timezone) if record.timezone else self.studio
            case RoomPlan():
                self.room_plan[record.id] = self.location[record.location_id or ""]
            case Resource():
                self.resource[record.id] = self.location[record.location_id or ""]
            case Session():
                self.session[record.id] = self.of_session(record.location_id or "", record.room_plan_id or "")
            case _:
                pass

    def lost(self, kind: str, record_id: str | None) -> None:
        """Keep that a record could not be read; without an id, that it may be any of those that weren't."""
        zones = self._kinds.get(kind)
        if zones is None:
            return
        if record_id is None:
            zones.otherwise = None
        else:
            zones[record_id] = None

    def of_session(self, location_id: str, room_plan_id: str) -> ZoneInfo | None:
        """The zone of a class: its location's, else its room's."""
        return self.location[location_id] if location_id else self.room_plan[room_plan_id]

    def of_booking(self, resource_id: str, session_id: str) -> ZoneInfo | None:
        """The zone of a booking: its resource's, else its session's."""
        return self.resource[resource_id] if resource_id else self.session[session_id]

"""Every name that Spivi has: addresses, methods, fields, formats, error codes. Nothing else in the plugin knows one.

Facts are from the reconstructed contract in `tests/vendors/spivi.openapi.yaml`, with its marks: *documented* was seen
in public material, *inferred* follows from it, *unknown* is a placeholder and off. A studio whose Spivi differs says
so in the connection's settings (`calls`, `fields`, `error_codes`); nothing has to be released for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

__all__ = [
    "BASE_URL",
    "CALLS",
    "FIELDS",
    "PER_SECOND",
    "Call",
    "ErrorKind",
    "Wire",
    "birth_date",
    "encode",
    "gender",
    "moment",
    "number",
    "wall",
]

BASE_URL = "https://api.spivi.com"
PER_SECOND = 2.0
"""No limit is published; our choice."""

LONGEST, SHORTEST = 4 * 60, 20
"""Minutes that a class may last (documented by a peer's texts)."""

Evidence = Literal["documented", "inferred", "unknown"]


@dataclass(frozen=True)
class Call:
    """What one thing that the plugin wants is called at Spivi. `repeatable`: sending it twice does what once does."""

    path: str
    reads: bool = False
    repeatable: bool = False
    on: bool = True
    evidence: Evidence = "documented"


CALLS: Mapping[str, Call] = {
    "verify_credentials": Call("ClientService/GetClients", reads=True),
    "find_client_by_email": Call("ClientService/GetClients", reads=True),
    "list_clients": Call("ClientService/GetClients", reads=True),
    "list_instructors": Call("ClientService/GetInstructors", reads=True),
    "create_client": Call("ClientService/AddClient"),
    "link_existing_client": Call("ClientService/AddExistingClient", repeatable=True, on=False, evidence="unknown"),
    "update_client": Call("ClientService/UpdateClient", repeatable=True),
    "set_live_display_consent": Call("ClientService/UpdateClient", repeatable=True, on=False, evidence="unknown"),
    "get_layout": Call("SiteService/GetStudioLayout", reads=True, on=False, evidence="unknown"),
    "list_events": Call("EventService/GetEvents", reads=True),
    "create_event": Call("EventService/AddEvent"),
    "update_event": Call("EventService/UpdateEvent", repeatable=True, on=False, evidence="inferred"),
    "cancel_event": Call("EventService/CancelEvent", repeatable=True),
    "restore_event": Call("EventService/RestoreEvent", repeatable=True, on=False, evidence="unknown"),
    "add_booking": Call("EventService/AddClientsToEvents"),
    "remove_booking": Call("EventService/RemoveClientsFromEvents", repeatable=True),
    "fetch_client_workouts": Call("ClientService/GetClientPerformanceData", reads=True),
    "fetch_event_results": Call("EventService/GetEventPerformanceData", reads=True, on=False, evidence="unknown"),
}
"""By what the plugin wants. One that is off has a way around it, made of documented calls."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    # Envelope and credentials: documented.
    "error_code": ("ErrorCode",),
    "message": ("message",),
    "credentials": ("SourceCredentials",),
    "source_name": ("SourceName",),
    "password": ("Password",),
    "site_id": ("SiteID",),
    # Lists: documented; seats of a layout: unknown.
    "clients": ("Clients",),
    "client": ("Client",),
    "events": ("Events",),
    "event": ("Event",),
    "workouts": ("Workouts",),
    "workout": ("Workout",),
    "free_seats": ("AvailableSeats",),
    "free_seat": ("AvailableSeat",),
    "booked_clients": ("BookedClients",),
    "booked_client": ("BookedClient",),
    "layout_seats": ("Seats",),
    "layout_seat": ("Seat",),
    # People: documented but for names, gender and birth date in answers (inferred), max_hr and show_live (unknown).
    "username": ("Username",),
    "new_password": ("Password",),
    "client_id": ("ClientID",),
    "email": ("Email",),
    "display_name": ("DisplayName",),
    "first_name": ("FirstName",),
    "last_name": ("LastName",),
    "gender": ("Gender",),
    "birth_date": ("BirthDate",),
    "weight": ("Weight",),
    "height": ("Height",),
    "ftp": ("FTP",),
    "lthr": ("LTHR",),
    "rhr": ("RHR",),
    "strap": ("DeviceID",),
    "pst": ("PST",),
    "address": ("Address",),
    "city": ("City",),
    "phone": ("Phone",),
    "max_hr": ("MaxHR", "MHR", "MaxHeartRate"),
    "show_live": ("DisplayLiveData", "ShowOnLeaderboard", "PrivacySettings", "IsPrivate"),
    # Events: documented but for the box in answers (inferred).
    "event_id": ("EventID",),
    "event_ids": ("EventIDs",),
    "client_ids": ("ClientIDs",),
    "seat_ids": ("SeatIDs",),
    "box": ("BoxID",),
    "title": ("Title",),
    "description": ("Description",),
    "starts_at": ("StartDateTime",),
    "ends_at": ("EndDateTime",),
    "instructor": ("InstructorUserName",),
    "cancelled": ("IsCancelled",),
    "booked_email": ("UserName",),
    "seat_id": ("SeatID",),
    # A layout: unknown.
    "label": ("Label",),
    "row": ("Row",),
    "column": ("Column",),
    "for_instructor": ("IsInstructor",),
    # Results, by canonical name: power, cadence, maxima and kJ are inferred; duration, rank and share of FTP unknown.
    "workout_name": ("WorkoutName",),
    "distance_units": ("DistanceUnits",),
    "distance_km": ("Distance",),
    "energy_kj": ("KJ", "CaloriesKJ", "Energy", "TotalKJ"),
    "calories_kcal": ("Calories",),
    "power_avg_w": ("AvgPower", "AvgWatts", "AvgWatt", "AveragePower"),
    "power_max_w": ("MaxPower", "MaxWatts", "MaxWatt", "PeakPower"),
    "speed_avg_kmh": ("AvgSpeed",),
    "speed_max_kmh": ("MaxSpeed",),
    "cadence_avg_rpm": ("AvgRPM", "AvgCadence"),
    "cadence_max_rpm": ("MaxRPM", "MaxCadence"),
    "hr_avg_bpm": ("AvgHR",),
    "hr_max_bpm": ("MaxHR", "MaxHeartRate"),
    "points": ("TotalSEP",),
    "points_secondary": ("TotalWPP",),
    "duration_s": ("Duration", "TotalTime"),
    "rank": ("Rank",),
    "ftp_avg_pct": ("AvgFTP", "AvgFTPPercent"),
}
"""Names by what they mean; the first is sent, all are read, letter case counts for nothing in answers."""

UNSENT = frozenset({"max_hr"})
"""Fields that are sent only where a studio's settings name them: no such field was ever seen."""

ErrorKind = Literal["ok", "credentials", "agreement", "not_admin", "forbidden", "missing", "taken", "refused", "retry"]
KINDS: frozenset[str] = frozenset(get_args(ErrorKind))
SUCCESS = "200"
"""The only code that is documented."""
_CODES: Mapping[str, ErrorKind] = {
    SUCCESS: "ok",
    "401": "credentials",
    "403": "forbidden",
    "404": "missing",
    "408": "retry",
    "409": "taken",
    "422": "refused",
    "429": "retry",
}
"""Unknown, all but the first: what such a number means elsewhere."""
_WORDS: tuple[tuple[re.Pattern[str], ErrorKind], ...] = (
    (re.compile(r"agreement|not signed", re.I), "agreement"),
    (re.compile(r"administrator|\badmin\b", re.I), "not_admin"),
    (re.compile(r"credential|password|unauthori[sz]ed|sign.?in|log.?in", re.I), "credentials"),
)
_OUT = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})T(\d{1,2}):(\d{2})(?::\d{2})?")


class Wire:
    """The tables as one connection has them. `calls`: a path (switched on), or on or off. `fields`: other names, ""
    for one that is neither sent nor read. `error_codes`: what a number means."""

    def __init__(
        self,
        calls: Mapping[str, bool | str] | None = None,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        error_codes: Mapping[str, ErrorKind] | None = None,
    ) -> None:
        self.calls = dict(CALLS)
        for wanted, given in (calls or {}).items():
            known = CALLS[wanted]
            path = given.strip("/") if isinstance(given, str) else known.path
            self.calls[wanted] = Call(path, known.reads, known.repeatable, bool(given), known.evidence)
        self.named = {
            meaning: tuple(name for name in ((names,) if isinstance(names, str) else names) if name)
            for meaning, names in (fields or {}).items()
        }
        self.fields = {**FIELDS, **self.named}
        self.codes = {**_CODES, **(error_codes or {})}

    def names(self, meaning: str) -> tuple[str, ...]:
        """The names under which something is read."""
        return self.fields[meaning]

    def sends(self, meaning: str) -> bool:
        """Whether a field may be sent."""
        return bool(self.fields[meaning]) and (meaning not in UNSENT or meaning in self.named)

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A request with Spivi's names in place of ours. What has no name is left out."""
        return {
            self.fields[meaning][0]: self.body(value) if isinstance(value, Mapping) else value
            for meaning, value in values.items()
            if value is not None and self.sends(meaning)
        }

    def kind(self, code: str, said: str, *, reads: bool) -> ErrorKind:
        """What an answer's code and words mean. Words count where the number says little, and of a write only where it
        speaks of the credentials: the password in a refusal may be the new client's."""
        found = self.codes.get(code)
        if found is None:
            found = "retry" if len(code) == 3 and code.startswith("5") else "refused"
            if found == "retry" or not reads:
                return found
        elif found not in {"forbidden", "credentials"}:
            return found
        return next((kind for pattern, kind in _WORDS if pattern.search(said)), found)


def encode(values: Mapping[str, Any], inside: str = "") -> dict[str, str]:
    """A nested body as form fields: `SourceCredentials[SiteID]`, `EventIDs[0]` (documented)."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        key = f"{inside}[{name}]" if inside else name
        if isinstance(value, Mapping):
            flat.update(encode(value, key))
        elif isinstance(value, list | tuple):
            flat.update(encode({str(index): item for index, item in enumerate(value)}, key))
        else:
            flat[key] = str(int(value)) if isinstance(value, bool) else str(value)
    return flat


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A moment as it is sent: the studio's wall clock, no seconds, no zone (form documented, zone inferred)."""
    return at.astimezone(zone).strftime("%d-%m-%YT%H:%M")


def wall(text: str | None) -> datetime | None:
    """A moment as it is answered, naive; hours of one digit and seconds are taken (inferred). None: unreadable."""
    match = _OUT.fullmatch((text or "").strip())
    if match is None:
        return None
    day, month, year, hour, minute = (int(part) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - Spivi's times have no zone
    except ValueError:
        return None


def birth_date(day: date | None, form: str) -> str | None:
    """A day of birth in the studio's form such as `dd/mm/yyyy`; "" sends none (the form is unknown)."""
    if day is None or not form:
        return None
    parts = {"yyyy": f"{day.year:04}", "mm": f"{day.month:02}", "dd": f"{day.day:02}"}
    for word, value in parts.items():
        form = form.replace(word, value)
    return form


def gender(text: str | None) -> str | None:
    """One of the two words that were seen; None for every other, which is left out."""
    return {"male": "Male", "m": "Male", "female": "Female", "f": "Female"}.get((text or "").strip().lower())


def number(text: str | None) -> float | None:
    """A number in an answer, with a decimal point or comma; None where there is none."""
    try:
        value = float((text or "").strip().replace(",", "."))
    except ValueError:
        return None
    return value if value - value == 0 else None

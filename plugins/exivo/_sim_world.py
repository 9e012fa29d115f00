"""The state of a simulated exivo site, the site to start with, and what opens its doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from hub.testing import World
from plugins.exivo._sim_payloads import moment_text

__all__ = ["ExivoWorld", "Row", "code_fits", "furnish", "is_door", "not_opening", "past_exit"]

Row = dict[str, Any]

DOORS = ("Front door", "Changing room", "Studio 1", "Sauna")
SWISSPASS = {
    "firstName": "Regula",
    "lastName": "Muster",
    "gender": "female",
    "uidISO14443": "04A1B2C3D4E5F6",
    "uidISO15693": "E004015012345678",
    "customerId": "CKM-204-817",
}
"""The holder of the one SwissPass there is: postal code 8001, card S123456789."""


class ExivoWorld(World):
    """The tables of a site, by id. Rows are as the API shows them, but for what is worked out when they are read:
    whether a visit is expired, who is in a group."""

    hidden: ClassVar[frozenset[str]] = frozenset({"pins", "exits", "expiries", "keys", "numbers", "swisspass"})

    def __init__(self) -> None:
        self.persons: dict[str, Row] = {}
        self.pins: dict[str, str] = {}
        self.exits: dict[str, str] = {}
        """By person, the exit date that has already revoked them."""
        self.media: dict[str, Row] = {}
        self.expiries: dict[str, str] = {}
        """By medium, when it stops opening doors."""
        self.keys: dict[str, Row] = {}
        """By medium, what only a digital key has."""
        self.numbers: dict[str, str] = {}
        """Media by card number, `cid:` or `uid:` in front."""
        self.groups: dict[str, Row] = {}
        self.zones: dict[str, Row] = {}
        self.components: dict[str, Row] = {}
        self.visits: dict[str, Row] = {}
        self.key_visits: dict[str, Row] = {}
        self.profiles: dict[str, Row] = {}
        self.special_days: dict[str, str] = {}
        self.access_log: list[Row] = []
        self.swisspass: dict[tuple[int, str], Row] = {(8001, "S123456789"): SWISSPASS}

    def medium_by_number(self, number: str) -> Row | None:
        """The medium with that card number (or id)."""
        found = self.numbers.get(f"cid:{number.upper()}") or self.numbers.get(f"uid:{number.upper()}") or number
        return self.media.get(found)


def furnish(
    world: ExivoWorld,
    new_id: Callable[[], str],
    *,
    groups: Mapping[str, str] | None,
    doors: Mapping[str, str] | None,
    zones: Mapping[str, Sequence[str]] | None,
    group_zones: Mapping[str, Mapping[str, str]] | None,
) -> None:
    """Put doors, zones and groups into an empty site: the ones given, else a small studio.

    `groups` and `doors` are names by id, `zones` is door ids by zone id, `group_zones` is a time profile by zone id by
    group id. A group about which nothing is said opens every zone at any time. There always are a gateway, and a door
    with an alarm that is in no zone.
    """
    doors = doors if doors is not None else {new_id(): name for name in DOORS}
    if zones is None:
        ids = list(doors)
        zones = {new_id(): ids[:-1] or ids, **({new_id(): ids[-1:]} if len(ids) > 1 else {})}
    for number, zone in enumerate(zones):
        world.zones[zone] = {"id": zone, "name": f"Zone {number + 1}", "color": ("blue", "green", "red")[number % 3]}
    if groups is None:
        first, *_ = every = list(zones)
        small, large = new_id(), new_id()
        groups = {small: "Members", large: "Members with sauna"}
        group_zones = group_zones or {small: {first: "ALWAYS"}, large: dict.fromkeys(every, "ALWAYS")}
    for group, name in groups.items():
        profiles = (group_zones or {}).get(group, dict.fromkeys(zones, "ALWAYS"))
        world.groups[group] = {"id": group, "name": name, "accessZoneTimeProfiles": dict(profiles)}
    for door, name in doors.items():
        around = [zone for zone, inside in zones.items() if door in inside]
        world.components[door] = _component(door, name, "wireless-digital-cylinder", around)
    for name, template in (("Back door", "electric-lock-alarm"), ("Gateway", "wireless-gateway")):
        identifier = new_id()
        world.components[identifier] = _component(identifier, name, template, [])
    weekdays = new_id()
    hours = {"start": 360, "end": 1320, "pinRequired": False, "days": ["1", "2", "3", "4", "5"]}
    world.profiles[weekdays] = {"id": weekdays, "name": "Weekdays", "ranges": [hours]}
    world.special_days["2030-08-01"] = "a"


def _component(identifier: str, name: str, template: str, zones: list[str]) -> Row:
    return {
        "id": identifier,
        "identifier": name,
        "labelling": None,
        "remarks": None,
        "accessZones": zones,
        "templateIdentifier": template,
        "ready": True,
        "open": False,
        "mode": "normal",
    }


def is_door(component: Row) -> bool:
    """Gateways are listed among the components, and aren't doors (LeJeko/homebridge-exivo)."""
    return "gateway" not in component["templateIdentifier"]


def past_exit(world: ExivoWorld, person: Row, at: str) -> bool:
    """Whether the exit date is over and has not revoked the person yet. It does so once: somebody who was unrevoked
    afterwards stays so (contract, `unrevokeAccess`), until another exit date is set."""
    leaves = person["exitDate"]
    return leaves is not None and leaves <= at and world.exits.get(person["id"]) != leaves


def not_opening(
    world: ExivoWorld, number: str, component_id: str, at: datetime, zone: ZoneInfo, pin: str | None
) -> str | None:
    """Why the door stays shut for a badge at that moment; None where it opens."""
    moment = moment_text(at)
    component = world.components.get(component_id)
    medium = world.medium_by_number(number)
    if component is None or medium is None:
        return "unknown door or badge"
    person = world.persons.get(medium["personId"] or "")
    if person is None or medium["state"] != "active":
        return "the badge is nobody's, or not active"
    # Behaviour at expiry is not described; the plain reading is that the badge opens nothing from then on.
    if (expires := world.expiries.get(medium["id"])) is not None and expires <= moment:
        return "the badge has expired"
    if person["revoked"] or past_exit(world, person, moment):
        return "the person is revoked"
    if person["entryDate"] is not None and moment < person["entryDate"]:
        return "the person's entry date is still to come"
    group = world.groups.get(person.get("accessGroupId", ""))
    if group is None:
        return "the person has no group"
    profiles = [group["accessZoneTimeProfiles"].get(around) for around in component["accessZones"]]
    knows_pin = pin is not None and pin == world.pins.get(person["id"])
    if not any(_allows(world, profile, at.astimezone(zone), knows_pin) for profile in profiles):
        return "the group doesn't open this door now"
    return None


def _allows(world: ExivoWorld, profile: str | None, local: datetime, knows_pin: bool) -> bool:
    if profile is None or profile in {"ALWAYS", "NEVER"}:
        return profile == "ALWAYS"
    # A special day replaces the weekday: otherwise a holiday could never be closed. No source says so.
    weekday = str((local.weekday() + 1) % 7)
    today = world.special_days.get(local.date().isoformat(), weekday)
    minute = local.hour * 60 + local.minute
    return any(
        today in hours["days"] and hours["start"] <= minute < hours["end"]
        for hours in world.profiles[profile]["ranges"]
        if knows_pin or not hours["pinRequired"]
    )


def code_fits(world: ExivoWorld, code: str, component_id: str, at: datetime) -> bool:
    """Whether a visit's code opens the door at that moment."""
    moment = moment_text(at)
    return any(
        visit["code"] == code
        and component_id in visit["components"]
        and not visit["revoked"]
        and visit["validFrom"] <= moment < visit["validTo"]
        for visit in world.visits.values()
    )

"""The simulated exivo: the site, its groups, zones, doors, time profiles, special days, log, and SwissPass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import msgspec

from hub.testing import Reject, Reply, Request, operation
from plugins.exivo._sim_base import ExivoBase, bad
from plugins.exivo._sim_payloads import (
    AccessGroupPayload,
    ModePayload,
    SpecialDayCommand,
    SwisspassRegisterPayload,
    SwisspassSearchPayload,
    TimeProfilePayload,
    UnlockPayload,
)
from plugins.exivo._sim_world import Row, is_door

__all__ = ["Site"]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Site(ExivoBase):
    """Everything but people and visits."""

    site: Row

    @operation("getSiteInfo", "GET /{siteId}/info")
    def get_site_info(self, request: Request) -> Row:
        return self.site

    # ── access groups ─────────────────────────────────────────────────────────────────────────────────────────────

    def group_views(self, groups: Iterable[Row]) -> list[Row]:
        """The groups with their members' ids."""
        members: dict[str, list[str]] = {}
        for person in self.world.persons.values():
            if "accessGroupId" in person:
                members.setdefault(person["accessGroupId"], []).append(person["id"])
        return [{**group, "persons": members.get(group["id"], [])} for group in groups]

    @operation("getAccessGroups", "GET /{siteId}/accessgroup")
    def get_access_groups(self, request: Request) -> Reply:
        return self.page(request, self.group_views(self.world.groups.values()))

    @operation("defineAccessGroup", "POST /{siteId}/accessgroup")
    def define_access_group(self, request: Request) -> Row:
        name = self.payload(request, AccessGroupPayload).name
        group: Row = {"id": self.new_id(), "name": name, "accessZoneTimeProfiles": {}}
        self.world.groups[group["id"]] = group
        return {**group, "persons": []}

    @operation("getAccessGroup", "GET /{siteId}/accessgroup/{accessGroupId}")
    def get_access_group(self, request: Request) -> Row:
        return self.group_views([self.found(self.world.groups, request["accessGroupId"])])[0]

    @operation("updateAccessGroup", "POST /{siteId}/accessgroup/{accessGroupId}")
    def update_access_group(self, request: Request) -> Row:
        group = self._group(request)
        changed = {**group, "name": self.payload(request, AccessGroupPayload).name}
        self.world.groups[group["id"]] = changed
        return self.group_views([changed])[0]

    @operation("deleteAccessGroup", "DELETE /{siteId}/accessgroup/{accessGroupId}")
    def delete_access_group(self, request: Request) -> None:
        group = self._group(request)
        # With members the answer is 204 as well, and the group stays (vendor's text).
        if not self.group_views([group])[0]["persons"]:
            del self.world.groups[group["id"]]

    @operation("assignAccessZone", "POST /{siteId}/accessgroup/{accessGroupId}/accesszone/{accessZoneId}")
    def assign_access_zone(self, request: Request) -> None:
        group, zone = self._group(request), self._zone(request)
        profile = self.json(request)
        if not isinstance(profile, str) or (profile not in {"ALWAYS", "NEVER"} and profile not in self.world.profiles):
            raise bad("the body must be a time profile's id, ALWAYS or NEVER")
        profiles = group["accessZoneTimeProfiles"]
        # Whether posting again replaces the profile is not stated. It does, and repeating the same one is refused like
        # any other state that holds already.
        if profiles.get(zone["id"]) == profile:
            raise bad("the group has this zone already")
        self.world.groups[group["id"]] = {**group, "accessZoneTimeProfiles": {**profiles, zone["id"]: profile}}

    @operation("unassignAccessZone", "DELETE /{siteId}/accessgroup/{accessGroupId}/accesszone/{accessZoneId}")
    def unassign_access_zone(self, request: Request) -> None:
        group, zone = self._group(request), self._zone(request)
        profiles = dict(group["accessZoneTimeProfiles"])
        if profiles.pop(zone["id"], None) is None:
            raise bad("the group does not have this zone")
        self.world.groups[group["id"]] = {**group, "accessZoneTimeProfiles": profiles}

    # ── zones and doors ───────────────────────────────────────────────────────────────────────────────────────────

    @operation("getAccessZones", "GET /{siteId}/accessZone")
    def get_access_zones(self, request: Request) -> Reply:
        return self.page(request, self.world.zones.values())

    @operation("getAccessZone", "GET /{siteId}/accesszone/{accessZoneId}")
    def get_access_zone(self, request: Request) -> Row:
        return self.found(self.world.zones, request["accessZoneId"])

    @operation("getComponents", "GET /{siteId}/component")
    def get_components(self, request: Request) -> Reply:
        return self.page(request, self.world.components.values())

    @operation("getComponent", "GET /{siteId}/component/{componentId}")
    def get_component(self, request: Request) -> Row:
        return self.found(self.world.components, request["componentId"])

    @operation("unlock", "POST /{siteId}/component/{componentId}/unlock")
    def unlock(self, request: Request) -> None:
        # How the log shows `delegatedUser` is unknown, so it does not.
        self.payload(request, UnlockPayload, required=False)
        door = self._door(request)
        self.record("componentUnlocked" if door["ready"] else "componentNotReady", door, apiIdentifier="API")

    @operation("setComponentOperatingMode", "POST /{siteId}/component/{componentId}/mode")
    def set_component_operating_mode(self, request: Request) -> None:
        # Neither the body nor its one member is marked as required; without them there is nothing to set.
        mode = self.payload(request, ModePayload, required=False).mode
        door = self._door(request)
        if door["mode"] == mode:
            raise bad("the component is in this mode already")
        self.world.components[door["id"]] = {**door, "mode": mode}

    # ── time profiles and special days ────────────────────────────────────────────────────────────────────────────

    @operation("getTimeProfiles", "GET /{siteId}/timeprofile")
    def get_time_profiles(self, request: Request) -> Reply:
        return self.page(request, self.world.profiles.values())

    @operation("defineTimeProfile", "POST /{siteId}/timeprofile")
    def define_time_profile(self, request: Request) -> Row:
        return self._put_profile(self.new_id(), request)

    @operation("getTimeProfile", "GET /{siteId}/timeprofile/{timeProfileId}")
    def get_time_profile(self, request: Request) -> Row:
        return self.found(self.world.profiles, request["timeProfileId"])

    @operation("redefineTimeProfile", "POST /{siteId}/timeprofile/{timeProfileId}")
    def redefine_time_profile(self, request: Request) -> Row:
        return self._put_profile(self._profile(request)["id"], request)

    @operation("removeTimeProfile", "DELETE /{siteId}/timeprofile/{timeProfileId}")
    def remove_time_profile(self, request: Request) -> None:
        identifier = self._profile(request)["id"]
        if any(identifier in group["accessZoneTimeProfiles"].values() for group in self.world.groups.values()):
            raise bad("an access group uses this time profile")
        del self.world.profiles[identifier]

    @operation("getSpecialDays", "GET /{siteId}/specialdays")
    def get_special_days(self, request: Request) -> Reply:
        days = [{"date": day, "type": kind} for day, kind in sorted(self.world.special_days.items())]
        return Reply(200, days, items_in="")

    @operation("changeSpecialDays", "POST /{siteId}/specialdays")
    def change_special_days(self, request: Request) -> Reply:
        # An array, as the prose says; the schema's "object" is not taken.
        try:
            commands = msgspec.convert(self.json(request), list[SpecialDayCommand])
        except msgspec.ValidationError as error:
            raise bad(str(error)) from None
        for command in commands:
            if command.command == "remove":
                self.world.special_days.pop(command.date, None)
            else:
                self.world.special_days[command.date] = "a" if command.command == "setA" else "b"
        return self.get_special_days(request)

    # ── access log ────────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, name: str, component: Row, **data: Any) -> None:
        """Write an entry into the access log."""
        door = {key: component[key] for key in ("id", "identifier", "labelling")}
        door["title"] = component["identifier"]
        entry = {
            "id": self.new_id(),
            "name": name,
            "data": {"component": door, **data},
            "occurredAt": self.moment(),
        }
        self.world.access_log.append(entry)

    @operation("getPersonAccessLog", "GET /{siteId}/accesslog/person")
    def get_person_access_log(self, request: Request) -> Reply:
        return self._entries(request, lambda data: "person" in data)

    @operation("getPersonAccessLogForOne", "GET /{siteId}/accesslog/person/{personId}")
    def get_person_access_log_for_one(self, request: Request) -> Reply:
        # No 404 is listed for an unknown id: there just are no entries.
        return self._entries(request, lambda data: data.get("person", {}).get("id") == request["personId"])

    @operation("getComponentAccessLog", "GET /{siteId}/accesslog/component")
    def get_component_access_log(self, request: Request) -> Reply:
        return self._entries(request, lambda data: True)

    @operation("getComponentAccessLogForOne", "GET /{siteId}/accesslog/component/{componentId}")
    def get_component_access_log_for_one(self, request: Request) -> Reply:
        return self._entries(request, lambda data: data["component"]["id"] == request["componentId"])

    # ── SwissPass ─────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("search", "POST /{siteId}/swisspass/search", reads=True)
    def search(self, request: Request) -> Row:
        try:
            asked = self.payload(request, SwisspassSearchPayload)
            return self.world.swisspass[asked.postal_code, asked.card_id]
        except (Reject, KeyError):
            # Whatever can't be resolved answers 500; no 400 is listed.
            raise Reject(Reply(500)) from None

    @operation("register", "POST /{siteId}/swisspass/register")
    def register(self, request: Request) -> Row:
        asked = self.payload(request, SwisspassRegisterPayload)
        # The answer for an unknown holder is not described.
        if not any(holder["customerId"] == asked.customer_id for holder in self.world.swisspass.values()):
            raise bad("unknown customerId")
        return {"recordId": self.new_id()}

    # ── shared ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _group(self, request: Request) -> Row:
        return self.target(self.world.groups, request["accessGroupId"], "access group")

    def _zone(self, request: Request) -> Row:
        return self.target(self.world.zones, request["accessZoneId"], "access zone")

    def _profile(self, request: Request) -> Row:
        return self.target(self.world.profiles, request["timeProfileId"], "time profile")

    def _door(self, request: Request) -> Row:
        door = self.target(self.world.components, request["componentId"], "component")
        # A gateway has nothing to unlock; how the vendor takes it is not described.
        if not is_door(door):
            raise bad("the component is not a door")
        return door

    def _put_profile(self, identifier: str, request: Request) -> Row:
        profile = self.payload(request, TimeProfilePayload)
        ranges = [{"pinRequired": False, **hours.given()} for hours in profile.ranges]
        row = {"id": identifier, "name": profile.name, "ranges": ranges}
        self.world.profiles[identifier] = row
        return row

    def _entries(self, request: Request, wanted: Callable[[Row], bool]) -> Reply:
        """Entries from oldest to newest. Days are cut in UTC and `to` is included: both are unknown, and a client that
        overlaps by a day and looks at the ids doesn't notice."""
        first = _day(request, "from", "0000-00-00")
        last = _day(request, "to", "9999-99-99")
        entries = self.world.access_log
        return self.page(
            request, (entry for entry in entries if first <= entry["occurredAt"][:10] <= last and wanted(entry["data"]))
        )


def _day(request: Request, name: str, otherwise: str) -> str:
    text = request.query.get(name)
    if text is None:
        return otherwise
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise bad(f"{name} must be a day such as 2026-01-31") from None
    return text

"""The simulated exivo: people, their media and digital keys."""

from __future__ import annotations

from typing import Any

from hub.testing import Reply, Request, operation
from plugins.exivo._sim_base import ExivoBase, bad
from plugins.exivo._sim_payloads import (
    ActivatePayload,
    AssignPayload,
    DigitalKeyPayload,
    MediumPayload,
    PersonPayload,
    PinCodePayload,
)
from plugins.exivo._sim_world import Row, past_exit

__all__ = ["People"]


class People(ExivoBase):
    """Persons, media, digital keys."""

    def person_now(self, person: Row) -> Row:
        """The row, revoked first if its exit date has passed. What a past exit date does to group and media is
        unknown; they stay."""
        if not past_exit(self.world, person, self.moment()):
            return person
        identifier = person["id"]
        self.world.exits[identifier] = person["exitDate"]
        person = self.world.persons[identifier] = {**person, "revoked": True}
        return person

    def new_person(self, given: Row) -> Row:
        """Put a person into the site."""
        person = {
            "id": self.new_id(),
            "firstName": "",
            "lastName": "",
            "entryDate": None,
            "exitDate": None,
            # The prose says "unset" and the schema has no such value; this is the schema's word for it.
            "gender": "notspecified",
            "email": None,
            "language": "en",
            "info": None,
            "phoneNumber": None,
            "revoked": False,
            "hasPinCode": False,
            "media": [],
            **given,
        }
        self.world.persons[person["id"]] = person
        return self.person_now(person)

    @operation("getPersons", "GET /{siteId}/person")
    def get_persons(self, request: Request) -> Reply:
        return self.page(request, self.world.persons.values(), self.person_now)

    @operation("addPerson", "POST /{siteId}/person")
    def add_person(self, request: Request) -> Row:
        given = self.payload(request, PersonPayload).given()
        if "firstName" not in given or "lastName" not in given:
            raise bad("firstName and lastName are required")
        return self.new_person(given)

    @operation("getPerson", "GET /{siteId}/person/{personId}")
    def get_person(self, request: Request) -> Row:
        return self.person_now(self.found(self.world.persons, request["personId"]))

    @operation("changePersonInfo", "POST /{siteId}/person/{personId}")
    def change_person_info(self, request: Request) -> Row:
        person = self._person(request)
        return self._put(person, **self.payload(request, PersonPayload).given())

    @operation("deletePerson", "DELETE /{siteId}/person/{personId}")
    def delete_person(self, request: Request) -> None:
        person = self._person(request)
        for medium in person["media"]:
            self._give_back(self.world.media[medium])
        for table in (self.world.persons, self.world.pins, self.world.exits):
            table.pop(person["id"], None)

    @operation("revokeAccess", "POST /{siteId}/person/{personId}/revoke")
    def revoke_access(self, request: Request) -> None:
        self.nothing(request)
        person = self._person(request)
        if person["revoked"]:
            raise bad("the person is revoked already")
        self._put(person, revoked=True)

    @operation("unrevokeAccess", "POST /{siteId}/person/{personId}/unrevoke")
    def unrevoke_access(self, request: Request) -> None:
        self.nothing(request)
        person = self._person(request)
        if not person["revoked"]:
            raise bad("the person is not revoked")
        self._put(person, revoked=False)

    @operation("setPinCode", "POST /{siteId}/person/{personId}/pincode")
    def set_pin_code(self, request: Request) -> Row:
        person = self._person(request)
        self.world.pins[person["id"]] = self.payload(request, PinCodePayload).pin_code
        return self._put(person, hasPinCode=True)

    @operation("resetPinCode", "DELETE /{siteId}/person/{personId}/pincode")
    def reset_pin_code(self, request: Request) -> Row:
        person = self._person(request)
        if self.world.pins.pop(person["id"], None) is None:
            raise bad("the person has no PIN")
        return self._put(person, hasPinCode=False)

    @operation("assignAccessGroup", "POST /{siteId}/person/{personId}/assign/accessgroup/{accessGroupId}")
    def assign_access_group(self, request: Request) -> None:
        self.nothing(request)
        person = self._person(request)
        group = self.target(self.world.groups, request["accessGroupId"], "access group")
        if person.get("accessGroupId") == group["id"]:
            raise bad("the person is in this group already")
        self._put(person, accessGroupId=group["id"])

    @operation("unassignAccessGroup", "POST /{siteId}/person/{personId}/unassign/accessgroup")
    def unassign_access_group(self, request: Request) -> None:
        self.nothing(request)
        person = self._person(request)
        if "accessGroupId" not in person:
            raise bad("the person has no group")
        # The field is there only while the person is in a group (contract, `Person`).
        self.world.persons[person["id"]] = {name: value for name, value in person.items() if name != "accessGroupId"}

    @operation("assignMedium", "POST /{siteId}/person/{personId}/assign/medium/{mediumId}")
    def assign_medium(self, request: Request) -> None:
        person, medium = self._person(request), self._medium(request, key=False)
        self._assign(request, person, medium, "active")
        if self.faults.second_medium_blocks:
            for other in person["media"]:
                if self.world.media[other]["state"] == "active":
                    self._set_state(self.world.media[other], "blocked")

    @operation("unassignMedium", "POST /{siteId}/person/{personId}/unassign/medium/{mediumId}")
    def unassign_medium(self, request: Request) -> None:
        self._unassign(request, key=False)

    @operation("assignDigitalKey", "POST /{siteId}/person/{personId}/assign/digitalKey/{mediumId}")
    def assign_digital_key(self, request: Request) -> None:
        # It becomes active when the phone fetches it (`ExivoSimulator.fetch_key`).
        self._assign(request, self._person(request), self._medium(request, key=True), "assignedButPending")

    @operation("unassignDigitalKey", "POST /{siteId}/person/{personId}/unassign/digitalKey/{mediumId}")
    def unassign_digital_key(self, request: Request) -> None:
        self._unassign(request, key=True)

    @operation("getMedia", "GET /{siteId}/medium")
    def get_media(self, request: Request) -> Reply:
        # Digital keys are among them, with values that the vendor's schema doesn't list (hayloft/exivo-client-php).
        return self.page(request, self.world.media.values())

    @operation("registerMedium", "POST /{siteId}/medium")
    def register_medium(self, request: Request) -> Row:
        return self.new_medium(self.payload(request, MediumPayload).given())

    def new_medium(self, given: Row) -> Row:
        """Put a medium into the site. Raises Reject for a number that is missing or there already."""
        # Numbers are kept in capitals; no source says, so a client has to compare without regard to case.
        numbers: Row = {name: given[name].upper() for name in ("cid", "uid") if name in given}
        # A form factor that is left out is taken from the kind of number; not described.
        form = given.get("formFactor", "badge" if "cid" in numbers else "insecure")
        if ("uid" if form == "insecure" else "cid") not in numbers:
            raise bad("a smart medium needs a cid, an insecure one a uid")
        indexed = [f"{name}:{number}" for name, number in numbers.items()]
        if any(number in self.world.numbers for number in indexed):
            raise bad("a medium with this number is registered already")
        medium = self._add_medium(formFactor=form, **numbers)
        for number in indexed:
            self.world.numbers[number] = medium["id"]
        return medium

    @operation("getMedium", "GET /{siteId}/medium/{mediumId}")
    def get_medium(self, request: Request) -> Row:
        # Digital keys too, as they are in the list.
        return self.found(self.world.media, request["mediumId"])

    @operation("unregisterMedium", "DELETE /{siteId}/medium/{mediumId}")
    def unregister_medium(self, request: Request) -> None:
        self._unregister(self._medium(request, key=False))

    @operation("activateMedium", "POST /{siteId}/medium/{mediumId}/activate")
    def activate_medium(self, request: Request) -> None:
        self._activate(request, self._medium(request, key=False))

    @operation("blockMedium", "POST /{siteId}/medium/{mediumId}/block")
    def block_medium(self, request: Request) -> None:
        self.nothing(request)
        self._block(self._medium(request, key=False))

    @operation("getDigitalKeys", "GET /{siteId}/digitalKey")
    def get_digital_keys(self, request: Request) -> Reply:
        return self.page(request, self.world.keys.values(), self._key)

    @operation("registerDigitalKey", "POST /{siteId}/digitalKey")
    def register_digital_key(self, request: Request) -> Row:
        given = self.payload(request, DigitalKeyPayload).given()
        medium = self._add_medium(formFactor=given["formFactor"])
        self.world.keys[medium["id"]] = {"id": medium["id"], **given}
        return self._key(self.world.keys[medium["id"]])

    @operation("getDigitalKey", "GET /{siteId}/digitalKey/{mediumId}")
    def get_digital_key(self, request: Request) -> Row:
        return self._key(self.found(self.world.keys, request["mediumId"]))

    @operation("unregisterDigitalKey", "DELETE /{siteId}/digitalKey/{mediumId}")
    def unregister_digital_key(self, request: Request) -> None:
        self._unregister(self._medium(request, key=True))

    @operation("activateDigitalKey", "POST /{siteId}/digitalKey/{mediumId}/activate")
    def activate_digital_key(self, request: Request) -> None:
        self._activate(request, self._medium(request, key=True))

    @operation("blockDigitalKey", "POST /{siteId}/digitalKey/{mediumId}/block")
    def block_digital_key(self, request: Request) -> None:
        self.nothing(request)
        self._block(self._medium(request, key=True))

    # ── shared ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _person(self, request: Request) -> Row:
        return self.person_now(self.target(self.world.persons, request["personId"], "person"))

    def _put(self, person: Row, **changes: Any) -> Row:
        self.world.persons[person["id"]] = changed = {**person, **changes}
        return self.person_now(changed)

    def _medium(self, request: Request, *, key: bool) -> Row:
        """A medium for writing. The two kinds have paths of their own, and neither takes the other's ids (inferred)."""
        medium = self.target(self.world.media, request["mediumId"], "medium")
        if (medium["id"] in self.world.keys) is not key:
            raise bad("unknown digital key" if key else "unknown medium")
        return medium

    def _key(self, key: Row) -> Row:
        medium = self.world.media[key["id"]]
        return {
            "id": key["id"],
            "cid": medium["cid"],
            "formFactor": medium["formFactor"],
            "publicRegistrationId": key["publicRegistrationId"],
            "mobileAppId": key["mobileAppId"],
            "state": medium["state"],
            "personId": medium["personId"],
        }

    def _add_medium(self, **given: Any) -> Row:
        medium = {
            "id": self.new_id(),
            "cid": None,
            "uid": None,
            "state": "assignable",
            "personId": None,
            "caption": None,
            "description": None,
            **given,
        }
        self.world.media[medium["id"]] = medium
        return medium

    def _set_state(self, medium: Row, state: str) -> None:
        self.world.media[medium["id"]] = {**medium, "state": state}

    def _assign(self, request: Request, person: Row, medium: Row, state: str) -> None:
        given = self.payload(request, AssignPayload, required=False).given()
        if medium["state"] != "assignable":
            raise bad("the medium is not assignable")
        self.hand_out(person, medium, state)
        if "expireDate" in given:
            self.world.expiries[medium["id"]] = given["expireDate"]

    def hand_out(self, person: Row, medium: Row, state: str) -> None:
        """Put a medium into a person's hand. Whether a person's `media` include digital keys is unknown; they do here,
        as the list of media does."""
        self.world.media[medium["id"]] = {**medium, "state": state, "personId": person["id"]}
        self._put(person, media=[*person["media"], medium["id"]])

    def _unassign(self, request: Request, *, key: bool) -> None:
        self.nothing(request)
        person, medium = self._person(request), self._medium(request, key=key)
        if medium["personId"] != person["id"]:
            raise bad("the person does not have this medium")
        self._put(person, media=[other for other in person["media"] if other != medium["id"]])
        self._give_back(medium)

    def _give_back(self, medium: Row) -> None:
        self.world.media[medium["id"]] = {**medium, "state": "assignable", "personId": None}
        self.world.expiries.pop(medium["id"], None)

    def _unregister(self, medium: Row) -> None:
        # The text asks for it to be returned first; whether that is enforced is unclear. The strict reading is taken.
        if medium["personId"] is not None:
            raise bad("the medium is assigned to a person")
        del self.world.media[medium["id"]]
        self.world.keys.pop(medium["id"], None)
        for name in ("cid", "uid"):
            self.world.numbers.pop(f"{name}:{medium[name]}", None)

    def _activate(self, request: Request, medium: Row) -> None:
        """Undoes `block` (inferred). On an active medium it may set another expiry; without one it repeats a state."""
        given = self.payload(request, ActivatePayload, required=False).given()
        if medium["state"] not in {"active", "blocked"}:
            raise bad("only a medium in a person's hands can be activated")
        if medium["state"] == "active" and "expireDate" not in given:
            raise bad("the medium is active already")
        self._set_state(medium, "active")
        if "expireDate" in given:
            self.world.expiries.pop(medium["id"], None)
            if given["expireDate"] is not None:
                self.world.expiries[medium["id"]] = given["expireDate"]

    def _block(self, medium: Row) -> None:
        if medium["state"] not in {"active", "assignedButPending"}:
            raise bad("only a medium in use can be blocked")
        self._set_state(medium, "blocked")

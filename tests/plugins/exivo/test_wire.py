"""What goes over the wire to exivo, and what comes back, value by value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import RetryLater, grants, records
from plugins.exivo import wire
from tests.plugins.exivo.support import person

PERSON: dict[str, Any] = {"id": "p-1", "firstName": "Anna", "lastName": "Graf"}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 31, 15, 0, tzinfo=UTC), "2026-01-31T15:00:00Z"),
        (datetime(2026, 1, 31, 15, 0, 0, 999_999, tzinfo=UTC), "2026-01-31T15:00:00Z"),
        (datetime(2026, 2, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2026-01-31T23:30:00Z"),
        (None, None),
    ],
)
def test_times_are_sent_in_utc_with_a_z(moment: datetime | None, text: str | None) -> None:
    """Numeric offsets are refused, so none is ever sent."""
    assert wire.timestamp(moment) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T15:00:00Z",
        "2026-01-31T15:00:00.5Z",
        "2026-01-31T15:00:00.123456789Z",
        "2026-01-31T15:00:00z",
        " 2026-01-31T16:00:00+01:00 ",
        "2026-01-31T15:00:00",
        "2026-01-31T15:00Z",
    ],
)
def test_times_are_read_in_any_iso_form(text: str) -> None:
    """Fractions come back, and a client must not stumble over them."""
    assert wire.moment(text) == datetime(2026, 1, 31, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "soon", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+02:00", 17, {}])
def test_a_date_that_cannot_be_read_is_none_and_no_error(value: Any) -> None:
    """One person's odd date must not keep the rest of the list from being read."""
    assert wire.person({**PERSON, "exitDate": value}).exit is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_that_was_sent_is_the_same_when_it_comes_back(moment: datetime) -> None:
    """Otherwise every pass would send it again."""
    assert wire.same_moment(wire.moment(wire.timestamp(moment)), moment)


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.text())
    )
)
def test_no_value_of_any_field_breaks_a_person_or_a_medium(value: Any) -> None:
    """The contract is reconstructed: anything may turn out to be of another type."""
    names = ("firstName", "info", "entryDate", "exitDate", "revoked", "accessGroupId", "media", "language")
    seen = wire.person({**PERSON, **dict.fromkeys(names, value), "somethingNew": value})
    assert seen.id == "p-1"
    numbers = ("cid", "uid", "state", "personId", "formFactor")
    assert wire.medium({"id": "m-1", **dict.fromkeys(numbers, value)}).id == "m-1"


@pytest.mark.parametrize("raw", [None, [], "p-1", {}, {"id": None}, {"id": ""}, {"id": 4711}])
def test_a_person_without_an_id_is_no_answer(raw: Any) -> None:
    """Nothing can be done with it, so it is asked again."""
    with pytest.raises(RetryLater) as caught:
        wire.person(raw)
    assert caught.value.code == "vendor_garbage"


def test_fields_that_are_null_or_missing_are_nothing() -> None:
    """`accessGroupId` is there only with a group by contract, and null elsewhere."""
    missing = wire.person(PERSON)
    null = wire.person({**PERSON, **dict.fromkeys(("info", "accessGroupId", "media", "exitDate", "revoked"))})
    assert missing == null
    assert (missing.info, missing.group, missing.media, missing.exit, missing.revoked) == (
        "",
        None,
        frozenset(),
        None,
        False,
    )


@pytest.mark.parametrize(
    ("language", "sent"),
    [
        ("de", "de"),
        ("de-CH", "de"),
        ("FR_ch", "fr"),
        (" it ", "it"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("pt", None),
        ("est", None),
        ("fil", None),
        ("", None),
        (None, None),
    ],
)
def test_a_language_is_sent_only_where_exivo_has_it(language: str | None, sent: str | None) -> None:
    """An unknown one would be refused together with the name."""
    assert wire.person_payload(person(language=language)).get("language") == sent


@pytest.mark.parametrize(
    ("given_name", "family_name", "sent"),
    [
        ("Zoé 🚴", "O'Neil", ("Zoé 🚴", "O'Neil")),
        (" Anna ", "\tGraf\n", ("Anna", "Graf")),
        ("", "Graf", ("-", "Graf")),
        ("Anna", "  ", ("Anna", "-")),
    ],
)
def test_first_and_last_name_are_always_sent(given_name: str, family_name: str, sent: tuple[str, str]) -> None:
    """Both must be present; a member without one is a person with a dash."""
    payload = wire.person_payload(person(given_name=given_name, family_name=family_name))
    assert (payload["firstName"], payload["lastName"]) == sent


def test_nothing_personal_is_sent_but_the_name_and_the_language() -> None:
    """exivo would write to an e-mail address or a phone number, and needs none of the rest."""
    everything = person(
        email="anna@example.com",
        phone="+41790000000",
        gender="female",
        birth_date=datetime(1990, 1, 1, tzinfo=UTC).date(),
        weight_kg=60.0,
        language="de",
    )
    assert wire.person_payload(everything).keys() == {"firstName", "lastName", "language"}


@pytest.mark.parametrize(
    ("info", "marker"),
    [
        ("[hub:inst:desk:1]", "[hub:inst:desk:1]"),
        ("Owes us a towel. [hub:inst:desk:1]", "[hub:inst:desk:1]"),
        ("[hub:inst:desk:1] moved to Bern", "[hub:inst:desk:1]"),
        ("[hub:other:desk:9]\n[hub:inst:desk:1]", "[hub:inst:desk:1]"),
        ("hub:inst:desk:1", None),
        ("[hub:inst:desk:1", None),
        ("", None),
    ],
)
def test_the_last_marker_in_info_counts(info: str, marker: str | None) -> None:
    """Staff may write around it."""
    assert wire.person({**PERSON, "info": info}).marker == marker


@pytest.mark.parametrize("written", ["a1b2", "A1B2", "0a1b2", "0000A1B2", "A1:B2", "a1-b2", "A1 B2", "0xA1B2"])
def test_a_number_is_compared_in_its_normal_form(written: str) -> None:
    """Case, separators and leading zeros are how somebody wrote it down, not another badge."""
    number = records.normal_badge("A1B2", "hex")
    assert wire.medium({"id": "m", "cid": written}).numbers == {number}
    assert wire.medium({"id": "m", "uid": written}).uid == number


@pytest.mark.parametrize("written", [None, "", "none", "Schlüssel 7", "0", "****"])
def test_a_number_that_is_none_belongs_to_no_badge(written: str | None) -> None:
    """Mechanical keys carry whatever somebody wrote, and phone keys nothing."""
    assert wire.medium({"id": "m", "cid": written}).numbers == frozenset()


@pytest.mark.parametrize(
    ("badge", "usual", "payload"),
    [
        (grants.Badge("A1B2"), "cid", {"cid": "A1B2", "formFactor": "badge"}),
        (grants.Badge("A1B2"), "uid", {"uid": "A1B2", "formFactor": "insecure"}),
        (grants.Badge("A1B2", "uid"), "cid", {"uid": "A1B2", "formFactor": "insecure"}),
        (grants.Badge("A1B2", "cid"), "uid", {"cid": "A1B2", "formFactor": "badge"}),
        (grants.Badge("4A1B2C3D4E5F6"), "uid", {"uid": "04A1B2C3D4E5F6", "formFactor": "insecure"}),
        (grants.Badge("4A1B2C3D4E5F6"), "cid", {"cid": "4A1B2C3D4E5F6", "formFactor": "badge"}),
    ],
)
def test_a_badge_is_registered_by_the_number_that_it_is(
    badge: grants.Badge, usual: Any, payload: dict[str, str]
) -> None:
    """The badge says which number it is, else the setting; a cid has no leading zero, a uid is whole bytes."""
    assert wire.medium_payload(badge, usual) == payload


@pytest.mark.parametrize(
    ("state", "person_id", "free"),
    [
        ("assignable", None, True),
        ("somethingNew", None, True),
        (None, None, True),
        ("assignable", "p-1", False),
        ("active", None, False),
        ("active", "p-1", False),
        ("blocked", None, False),
        ("lost", None, False),
        ("damaged", None, False),
        ("assignedButPending", None, False),
    ],
)
def test_what_can_be_given_away(state: str | None, person_id: str | None, free: bool) -> None:
    """The list of states is open: of one that nobody has seen, the vendor decides."""
    assert wire.medium({"id": "m", "state": state, "personId": person_id}).free is free


def test_doors_are_told_from_gateways_and_alarms_warned_of() -> None:
    """Gateways are listed among the components and open nothing."""
    template = "wireless-digital-cylinder"
    door = wire.door({"id": "C-1", "identifier": "Front door", "templateIdentifier": template, "mode": "new"})
    assert door == grants.Opening(kind="lock", id="C-1", name="Front door")
    assert wire.door({"id": "C-2", "templateIdentifier": "wireless-GATEWAY"}) is None
    alarm = wire.door({"id": "C-3", "labelling": "Back", "templateIdentifier": "electric-lock-Alarm"})
    assert alarm is not None
    assert (alarm.name, [note.code for note in alarm.notes]) == ("Back", ["alarm_door"])
    bare = wire.door({"id": "C-4"})
    assert bare is not None
    assert bare.name == "C-4"


def test_a_group_without_a_name_goes_by_its_id() -> None:
    """An admin still has to be able to name it."""
    assert wire.group({"id": "AG-1", "name": "Gym"}).name == "Gym"
    assert wire.group({"id": "AG-1", "name": None, "persons": None}).name == "AG-1"


def test_ids_are_quoted_in_paths() -> None:
    """An id is data: it never becomes another path."""
    paths = wire.Paths("s/1")
    assert paths.person("p/../2", "assign", "accessgroup", "a b") == "/s%2F1/person/p%2F..%2F2/assign/accessgroup/a%20b"
    assert paths.medium("m?x") == "/s%2F1/medium/m%3Fx"


# ── visits ────────────────────────────────────────────────────────────────────────────────────────────────────────────

VISIT: dict[str, Any] = {"id": "v-1", "validFrom": "2026-01-31T15:00:00Z", "validTo": "2026-01-31T16:00:00.000Z"}


@pytest.mark.parametrize(
    ("code", "read"),
    [("0815", "0815"), ("012345", "012345"), ("****", None), ("12**56", None), ("", None), (None, None), (4711, None)],
)
def test_only_four_to_six_digits_are_a_code(code: Any, read: str | None) -> None:
    """Masked ones are none, and a number has lost its zeros."""
    assert wire.visit({**VISIT, "code": code}).code == read


@pytest.mark.parametrize("components", [None, "d-1", {}, [], [None, ""]])
def test_a_visit_without_readable_doors_has_none(components: Any) -> None:
    """It then is not the one that was wanted, and hides no other."""
    assert wire.visit({**VISIT, "components": components}).doors == frozenset()


@pytest.mark.parametrize(
    ("fields", "over"),
    [
        ({}, False),
        ({"revoked": True}, True),
        ({"revoked": "true"}, True),
        ({"expired": True}, True),
        ({"expired": None, "revoked": None}, False),
        ({"validTo": "2026-01-31T15:30:00Z"}, True),
        ({"validTo": "soon"}, False),
    ],
)
def test_a_visit_is_over_when_it_is_revoked_expired_or_past_its_end(fields: dict[str, Any], over: bool) -> None:
    """Whichever of the three the vendor shows."""
    now = datetime(2026, 1, 31, 15, 30, tzinfo=UTC)
    assert wire.visit({**VISIT, **fields}).over(now) is over


def test_a_visit_without_an_id_is_no_visit() -> None:
    """It could never be revoked."""
    with pytest.raises(RetryLater):
        wire.visit({"code": "0815"})

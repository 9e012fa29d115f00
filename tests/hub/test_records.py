"""The canonical records: numbers and addresses in the one form that is compared, and the way through JSON."""

from __future__ import annotations

import typing
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import records as r

MORNING = datetime(2026, 11, 21, 9, tzinfo=UTC)

texts = st.text(max_size=30)
moments = st.datetimes(timezones=st.just(UTC))
numbers = st.floats(allow_nan=False, allow_infinity=False)

OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    float: numbers,
    datetime: moments,
    date: st.dates(),
}


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    """Anything that a field of that type can hold."""
    if isinstance(kind, type) and issubclass(kind, r.PassState | r.SessionState | r.BookingState):
        return st.sampled_from(kind)
    if kind in OF_TYPE:
        return OF_TYPE[kind]
    arguments = kind.__args__
    if kind.__class__.__name__ == "_LiteralGenericAlias":
        return st.sampled_from(arguments)
    return st.one_of(*(st.none() if one is type(None) else value_of(one) for one in arguments))


def record_of(cls: type[r.Record]) -> st.SearchStrategy[r.Record]:
    """Any record of a kind, with any of its optional fields left out."""
    fields = msgspec.structs.fields(cls)
    kinds = typing.get_type_hints(cls)
    hints = {field.name: value_of(kinds[field.name]) for field in fields}
    required = {field.name: hints[field.name] for field in fields if field.required}
    optional = {name: strategy for name, strategy in hints.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: cls(**values))


@pytest.mark.parametrize("kind", r.KINDS)
@given(data=st.data())
def test_every_kind_survives_the_way_through_json(kind: str, data: st.DataObject) -> None:
    """What is stored is what was read, so that a hash over it means something."""
    record = data.draw(record_of(r.KINDS[kind]))
    stored = msgspec.json.encode(record)
    assert r.decoder(kind).decode(stored) == record
    assert msgspec.json.encode(r.decoder(kind).decode(stored)) == stored


@pytest.mark.parametrize(("kind", "cls"), r.KINDS.items())
def test_a_kind_is_known_by_its_own_name(kind: str, cls: type[r.Record]) -> None:
    """The table of kinds and the records agree."""
    assert cls.kind == kind
    assert r.decoder(kind).type is cls


def test_fields_that_are_unknown_to_this_version_are_left_alone() -> None:
    """A database written by a newer version can still be read."""
    assert r.decoder("pass").decode(b'{"id":"1","name":"Abo","colour":"red"}') == r.Pass(id="1", name="Abo")


@pytest.mark.parametrize(
    ("record", "owner", "key"),
    [
        (r.Member(id="7", email=" Anna@Example.COM "), "7", "anna@example.com"),
        (r.Member(id="7"), "7", None),
        (r.Badge(id="b", member_id="7", number="4A3F"), "7", "4A3F"),
        (r.MemberPass(id="mp", member_id="7", pass_id="abo"), "7", "abo"),
        (r.CommunityMember(id="cm", member_id="7", community_id="c"), "7", "c"),
        (r.Booking(id="b", member_id="7", resource_id="r", session_id="s"), "7", "s"),
        (r.Booking(id="b", member_id="7", resource_id="r"), "7", "r"),
        (r.Spot(id="s", room_plan_id="ride", label="12"), None, "ride"),
        (r.Pass(id="abo"), None, None),
        (r.Session(id="s", starts_at=MORNING, ends_at=MORNING), None, None),
    ],
)
def test_a_record_says_whose_access_it_decides_and_what_it_is_looked_up_by(
    record: r.Record, owner: str | None, key: str | None
) -> None:
    """A changed record puts its owner on the agenda; a rule finds records by key."""
    assert (record.owner, record.key) == (owner, key)


@pytest.mark.parametrize(
    ("member", "name"),
    [
        (r.Member(id="7", given_name="Anna", family_name="Graf"), "Anna Graf"),
        (r.Member(id="7", family_name="Graf"), "Graf"),
        (r.Member(id="7", given_name=" ", family_name=""), "7"),
    ],
)
def test_a_member_without_a_name_is_called_by_their_id(member: r.Member, name: str) -> None:
    """No line on a screen is ever blank."""
    assert member.name == name


@pytest.mark.parametrize(
    ("number", "form", "normal"),
    [
        ("4a3f12", "hex", "4A3F12"),
        ("00:4A:3F:12", "hex", "4A3F12"),
        ("0x4A3F12", "hex", "4A3F12"),
        ("04-a3 f1.2_", "hex", "4A3F12"),
        ("1234", "hex", "1234"),
        ("1234", "decimal", "4D2"),
        ("0001234", "decimal", "4D2"),
        ("12 34", "decimal", "4D2"),
        ("1_2-3:4", "decimal", "4D2"),
        ("04A3F1B2C3D4E5F607", "hex", "4A3F1B2C3D4E5F607"),
    ],
)
def test_badge_numbers_that_mean_the_same_badge_are_equal(number: str, form: Any, normal: str) -> None:
    """Case, separators and leading zeros don't make another badge; the base is never guessed."""
    assert r.normal_badge(number, form) == normal


@pytest.mark.parametrize(
    ("number", "form"),
    [
        ("", "hex"),
        ("  ", "hex"),
        ("0", "hex"),
        ("00:00", "hex"),
        ("0x", "hex"),
        ("0x0x12", "hex"),
        ("4G", "hex"),
        ("4A", "decimal"),
        ("0x12", "decimal"),
        ("٣٤", "decimal"),
        ("１２", "hex"),
        ("12²", "decimal"),
        ("+12", "hex"),
    ],
)
def test_what_is_no_badge_number_is_refused(number: str, form: Any) -> None:
    """A number that can't be read is a problem for that row, never another person's badge."""
    with pytest.raises(ValueError, match="badge"):
        r.normal_badge(number, form)


@given(st.integers(1, 2**80), st.sampled_from(["hex", "decimal"]))
def test_a_normal_badge_number_is_normal(value: int, form: Any) -> None:
    """Normalising twice changes nothing, and both bases meet in the same number."""
    written = format(value, "x") if form == "hex" else str(value)
    normal = r.normal_badge(written, form)
    assert normal == format(value, "X")
    assert r.normal_badge(normal, "hex") == normal


@pytest.mark.parametrize(
    ("email", "normal"),
    [(" Anna@Example.COM\t", "anna@example.com"), ("", None), ("   ", None), (None, None), ("a+b@x.ch", "a+b@x.ch")],
)
def test_email_addresses_are_compared_trimmed_and_in_lower_case(email: str | None, normal: str | None) -> None:
    """Two spellings of one address are one person; a blank one is nobody."""
    assert r.normal_email(email) == normal


def test_records_can_not_be_changed() -> None:
    """Rules and diffs may keep a record without copying it."""
    member = r.Member(id="7")
    with pytest.raises(AttributeError):
        member.id = "8"  # type: ignore[misc]
    assert hash(member) == hash(r.Member(id="7"))


def test_a_pass_without_limits_stays_without_them() -> None:
    """Open ends are absent, not the ends of the calendar, and take no room in the database."""
    stored = msgspec.json.encode(r.MemberPass(id="mp", member_id="7", pass_id="abo"))
    assert stored == b'{"id":"mp","member_id":"7","pass_id":"abo"}'
    assert r.decoder("member_pass").decode(stored).valid_until is None


def test_times_in_another_zone_are_the_same_record() -> None:
    """A source that sends +01:00 one day and Z the next has changed nothing."""
    start = datetime(2026, 11, 21, 9, tzinfo=UTC)
    there = start.astimezone(ZoneInfo("Europe/Zurich"))
    one, two = (r.MemberPass(id="1", member_id="7", pass_id="a", valid_from=at) for at in (start, there))
    assert one == two
    assert r.decoder("member_pass").decode(msgspec.json.encode(two)).valid_from == start

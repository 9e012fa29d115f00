"""From a row to a record: one converter per file, made once per read.

A converter gets the cells in the order of `Table.columns`, a column that the file doesn't have as an empty cell. It
raises `RowError` for a row that can't be read; nothing is guessed and nothing half read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

from hub.records import (
    Badge,
    Booking,
    BookingState,
    Community,
    CommunityMember,
    Instructor,
    Location,
    Member,
    MemberPass,
    Pass,
    Record,
    Resource,
    RoomPlan,
    Session,
    Spot,
    normal_badge,
)
from hub.times import to_text, zone
from plugins.booking.files import wire
from plugins.booking.files.places import Places
from plugins.booking.files.values import (
    Column,
    RowError,
    ZonedColumn,
    clock_time,
    count,
    day,
    end,
    flag,
    measure,
    shown,
    start,
)

__all__ = ["Cells", "Context", "Converter", "converter"]

Cells = tuple[str, ...]

V = TypeVar("V")

_NOTES = 20
"""Different words of one file that are worth a note; more are a broken file, not words."""


@dataclass(frozen=True)
class Context:
    """What a row alone doesn't say: the zones, and what digits mean as a badge number."""

    places: Places
    badge_numbers: Literal["hex", "decimal"] = "hex"


@dataclass(frozen=True)
class Converter:
    """Reads the rows of one file. `identify` gives the id alone, and raises RowError where not even that is sure.

    `notes` fills while rows are converted: what was read in a way that a person may want to know, and what to do.
    """

    identify: Callable[[Cells], str]
    convert: Callable[[Cells], Record]
    notes: dict[str, str] = field(default_factory=dict)


def converter(kind: str, context: Context) -> Converter:
    """The converter for the rows of that kind."""
    return _MAKERS[kind](context)


# ── cells that more than one file has ─────────────────────────────────────────────────────────────────────────────


def _id(cells: Cells) -> str:
    return _reference("id", cells[0])


def _reference(column: str, text: str) -> str:
    """An id, which is text and must be there."""
    text = text.strip()
    if not text:
        raise RowError(f"{column} is empty")
    if not text.isprintable():
        raise RowError(f"{column} {shown(text)} has line breaks or invisible characters in it")
    return text


def _part(text: str) -> str:
    """An id as part of a longer one that is joined by slashes."""
    return text.replace("~", "~0").replace("/", "~1") if "/" in text or "~" in text else text


def _choice(words: Mapping[str, V], text: str) -> V:
    try:
        return words[wire.word(text)]
    except KeyError:
        raise ValueError(f"is none of {', '.join(name for name in words if name)}") from None


def _check_window(since: datetime | None, until: datetime | None, since_text: str, until_text: str) -> None:
    if since is None or until is None or until > since:
        return
    # A window without length is how some systems end a pass at once; the day before the first one is a mistake.
    if until < since or ":" not in until_text:
        raise RowError(f"valid_until {shown(until_text)} is before valid_from {shown(since_text)}")


def _endless(starts: str, ends: str) -> RowError:
    return RowError(f"ends_at {shown(ends)} is not after starts_at {shown(starts)}")


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _member(context: Context) -> Converter:
    birth_date = Column("birth_date", day)
    weight_kg = Column("weight_kg", measure)
    height_cm = Column("height_cm", measure)
    ftp_w = Column("ftp_w", measure)
    max_hr = Column("max_hr", measure)
    show_live = Column("show_live", partial(flag, wire.FLAGS))

    def convert(cells: Cells) -> Member:
        _, given, family, email, phone, language, birth, gender, weight, height, ftp, heart, live = cells
        return Member(
            id=_id(cells),
            given_name=given.strip(),
            family_name=family.strip(),
            email=email.strip() or None,
            phone=phone.strip() or None,
            language=language.strip() or None,
            birth_date=birth_date[birth],
            gender=gender.strip() or None,
            weight_kg=weight_kg[weight],
            height_cm=height_cm[height],
            ftp_w=ftp_w[ftp],
            max_hr=max_hr[heart],
            show_live=show_live[live] is not False,
        )

    return Converter(_id, convert)


def _badge(context: Context) -> Converter:
    formats = Column("format", partial(_choice, wire.BADGE_FORMATS))

    def parts(cells: Cells) -> tuple[str, str, Literal["cid", "uid"] | None]:
        member, number, written = cells
        form, medium = formats[written]
        if form is None:
            # Letters make a number hexadecimal; digits alone could be either, so the studio has said which.
            form = context.badge_numbers if number.isdigit() or not any(map(str.isalpha, number)) else "hex"
        member = _reference("member_id", member)
        try:
            return member, normal_badge(number, form), medium
        except ValueError as error:
            if not number.strip():
                raise RowError("number is empty") from None
            fix = "A spreadsheet has shortened it; format the column as text." if "E+" in number.upper() else ""
            raise RowError(f"number {error}", fix) from None

    def identify(cells: Cells) -> str:
        member, number, _ = parts(cells)
        return f"{member}/{number}"

    def convert(cells: Cells) -> Badge:
        member, number, medium = parts(cells)
        return Badge(id=f"{member}/{number}", member_id=member, number=number, medium=medium)

    return Converter(identify, convert)


def _member_pass(context: Context) -> Converter:
    valid_from = ZonedColumn("valid_from", start)[context.places.studio]
    valid_until = ZonedColumn("valid_until", end)[context.places.studio]
    states = Column("state", partial(_choice, wire.PASS_STATES))

    def convert(cells: Cells) -> MemberPass:
        _, member, sold, since_text, until_text, state = cells
        record_id = _id(cells)
        since, until = valid_from[since_text], valid_until[until_text]
        _check_window(since, until, since_text, until_text)
        return MemberPass(
            id=record_id,
            member_id=_reference("member_id", member),
            pass_id=_reference("pass_id", sold),
            valid_from=since,
            valid_until=until,
            state=states[state],
        )

    return Converter(_id, convert)


def _community_member(context: Context) -> Converter:
    valid_from = ZonedColumn("valid_from", start)[context.places.studio]
    valid_until = ZonedColumn("valid_until", end)[context.places.studio]

    def identify(cells: Cells) -> str:
        community = _part(_reference("community_id", cells[0]))
        member = _part(_reference("member_id", cells[1]))
        since = valid_from[cells[2]]
        # Somebody can belong to a community more than once, so the beginning tells the times apart.
        return f"{community}/{member}/{to_text(since)}" if since else f"{community}/{member}"

    def convert(cells: Cells) -> CommunityMember:
        community, member, since_text, until_text = cells
        record_id = identify(cells)
        since, until = valid_from[since_text], valid_until[until_text]
        _check_window(since, until, since_text, until_text)
        return CommunityMember(
            id=record_id,
            community_id=community.strip(),
            member_id=member.strip(),
            valid_from=since,
            valid_until=until,
        )

    return Converter(identify, convert)


def _instructor(context: Context) -> Converter:
    def convert(cells: Cells) -> Instructor:
        return Instructor(id=_id(cells), name=cells[1].strip(), email=cells[2].strip() or None)

    return Converter(_id, convert)


# ── things and places ─────────────────────────────────────────────────────────────────────────────────────────────


def _pass(context: Context) -> Converter:
    return Converter(_id, lambda cells: Pass(id=_id(cells), name=cells[1].strip()))


def _community(context: Context) -> Converter:
    return Converter(_id, lambda cells: Community(id=_id(cells), name=cells[1].strip()))


def _location(context: Context) -> Converter:
    def zone_name(text: str) -> str | None:
        try:
            return zone(text).key if text else None
        except ValueError:
            raise ValueError("is not a time zone; use an IANA name such as Europe/Zurich") from None

    timezone = Column("timezone", zone_name)

    def convert(cells: Cells) -> Location:
        return Location(id=_id(cells), name=cells[1].strip(), timezone=timezone[cells[2]])

    return Converter(_id, convert)


def _resource(context: Context) -> Converter:
    def convert(cells: Cells) -> Resource:
        return Resource(id=_id(cells), name=cells[1].strip(), location_id=cells[2].strip() or None)

    return Converter(_id, convert)


def _room_plan(context: Context) -> Converter:
    def convert(cells: Cells) -> RoomPlan:
        return RoomPlan(id=_id(cells), name=cells[1].strip(), location_id=cells[2].strip() or None)

    return Converter(_id, convert)


def _spot(context: Context) -> Converter:
    rows, columns = Column("row", count), Column("column", count)

    def identify(cells: Cells) -> str:
        return f"{_part(_reference('room_plan_id', cells[0]))}/{_reference('label', cells[1])}"

    def convert(cells: Cells) -> Spot:
        plan, label, row, column = cells
        return Spot(
            id=identify(cells),
            room_plan_id=plan.strip(),
            label=label.strip(),
            row=rows[row],
            column=columns[column],
        )

    return Converter(identify, convert)


# ── classes and bookings ──────────────────────────────────────────────────────────────────────────────────────────


def _session(context: Context) -> Converter:
    starts_at, ends_at = ZonedColumn("starts_at", clock_time), ZonedColumn("ends_at", clock_time)
    states = Column("state", partial(_choice, wire.SESSION_STATES))
    sends = Column("send", partial(flag, wire.FLAGS))

    def convert(cells: Cells) -> Session:
        _, name, starts_text, ends_text, state, instructor, location, room, send = cells
        record_id, location, room = _id(cells), location.strip(), room.strip()
        tz = context.places.of_session(location, room)
        starts, ends = starts_at[tz][starts_text], ends_at[tz][ends_text]
        if ends <= starts:
            raise _endless(starts_text, ends_text)
        return Session(
            id=record_id,
            name=name.strip(),
            starts_at=starts,
            ends_at=ends,
            state=states[state],
            instructor_id=instructor.strip() or None,
            location_id=location or None,
            room_plan_id=room or None,
            send=sends[send],
        )

    return Converter(_id, convert)


def _booking(context: Context) -> Converter:
    notes: dict[str, str] = {}

    def known_state(text: str) -> BookingState:
        state = wire.BOOKING_STATES.get(wire.word(text))
        if state is not None:
            return state
        # Nobody is let in on a word that isn't understood, and a booking is not lost for it either.
        if len(notes) < _NOTES:
            said = f"the state {shown(text)} is not known" if text else "some bookings have no state"
            fix = f"Use one of {', '.join(state.value for state in BookingState)}."
            notes[f"{said} and counts as requested, which opens nothing"] = fix
        return BookingState.REQUESTED

    starts_at, ends_at = ZonedColumn("starts_at", start), ZonedColumn("ends_at", end)
    states = Column("state", known_state)

    def convert(cells: Cells) -> Booking:
        _, member, resource, session, spot, starts_text, ends_text, state_text = cells
        record_id, resource, session, state = _id(cells), resource.strip(), session.strip(), states[state_text]
        member = _reference("member_id", member)
        if not (resource or session):
            raise RowError("neither resource_id nor session_id says what is booked")
        tz = context.places.of_booking(resource, session)
        starts, ends = starts_at[tz][starts_text], ends_at[tz][ends_text]
        if starts is not None and ends is not None and ends <= starts:
            raise _endless(starts_text, ends_text)
        # A cancelled one opens nothing at any time, and must not be set aside for a time that it no longer needs.
        if not session and (starts is None or ends is None) and state is not BookingState.CANCELLED:
            raise RowError("a booking of a resource needs starts_at and ends_at")
        return Booking(
            id=record_id,
            member_id=member,
            resource_id=resource or None,
            session_id=session or None,
            spot=spot.strip() or None,
            starts_at=starts,
            ends_at=ends,
            state=state,
        )

    return Converter(_id, convert, notes)


_MAKERS: dict[str, Callable[[Context], Converter]] = {
    "location": _location,
    "room_plan": _room_plan,
    "resource": _resource,
    "pass": _pass,
    "community": _community,
    "instructor": _instructor,
    "spot": _spot,
    "member": _member,
    "badge": _badge,
    "member_pass": _member_pass,
    "community_member": _community_member,
    "session": _session,
    "booking": _booking,
}

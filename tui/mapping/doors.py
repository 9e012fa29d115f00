"""Resources and communities: the locks that a booking of one, or belonging to one, opens."""

from __future__ import annotations

from typing import Any, ClassVar

from hub.studio.model import Row
from tui.mapping.draft import BETWEEN, Draft, Edit, keyed
from tui.mapping.shape import Board, Left, MappingTable, Right, parts, switched, whole
from tui.table import Column

__all__ = ["Communities", "Resources"]

CREDENTIALS = {"code": "a code", "link": "a link", "both": "a code and a link"}
STEP = 5
"""Minutes that + and − change a margin by."""


class _Doors(MappingTable):
    thing: ClassVar[str] = ""
    what: ClassVar[str] = ""
    minutes: ClassVar[tuple[tuple[str, str], ...]] = ()
    right_column = "Opens"
    value_column = ""
    value_width = 18
    right_empty = "No locks known. They are read from the vendor with the next sync."

    def _ids(self, row: Row) -> list[str]:
        ids: list[str] = getattr(row, self.thing)
        return ids

    def left(self, draft: Draft, board: Board) -> list[Left]:
        """What has rows, and what opens nothing yet."""
        found: list[Left] = []
        said: set[tuple[str, str, str]] = set()
        for key, row in keyed(draft.rows).items():
            ids = self._ids(row)
            said |= {(row.source_name, row.target, one) for one in ids}
            names = [board.catalog.named(row.source_name, self.thing, one) for one in ids]
            target = board.catalog.target(row.target)
            locks: list[str] = getattr(row, "locks", [])
            cells = {"name": ", ".join(names), "opens": ", ".join(target.name_of(one) for one in locks)}
            if self.minutes:
                cells["minutes"] = "/".join(str(getattr(row, name)) for name, _ in self.minutes)
            found.append(Left(key, cells, faint=", ".join(ids)))
        found.sort(key=lambda left: left.cells["name"].casefold())
        for thing in board.catalog.of(self.thing):
            for target in board.catalog.targets:
                if target.locks and (thing.source, target.name, thing.id) not in said:
                    key = BETWEEN.join((thing.source, target.name, thing.id))
                    cells = {"name": thing.name, "opens": "nothing yet", "minutes": ""}
                    found.append(Left(key, cells, faint=thing.id, quiet=True))
        return found

    def heading(self, draft: Draft, board: Board, key: str) -> tuple[str, str]:
        """What it opens."""
        source, target, *ids = parts(key)
        names = ", ".join(board.catalog.named(source, self.thing, one) for one in ids)
        return f"{names} opens", f"{target} · {self.what}"

    def right(self, draft: Draft, board: Board, key: str) -> list[Right]:
        """Locks to tick, then how."""
        values = draft.values(key)
        target = board.catalog.target(parts(key)[1])
        own: list[str] = values.get("locks", [])
        locks = [*target.locks, *(one for one in own if one not in target.locks)]
        found = [
            Right(one, target.name_of(one), "tick", on=one in own, faint=one if one in target.locks else "not there")
            for one in locks
        ]
        if values:
            found += [
                Right(name, title, "value", value=f"{values.get(name, 0)} min", note="+ −")
                for name, title in self.minutes
            ]
            found.append(
                Right("credential", "people get", "value", value=CREDENTIALS[values["credential"]], note="space")
            )
        return found

    def toggle(self, draft: Draft, board: Board, key: str, choice: str) -> list[Edit]:
        """A lock, or the next way to open it."""
        values = draft.values(key)
        if choice == "credential":
            return self.bump(draft, board, key, choice, 1)
        if choice in dict(self.minutes):
            return []
        if not values:
            source, target, *ids = parts(key)
            return [Edit(key, {"source": source, self.thing: ids, "target": target, "locks": [choice]})]
        locks = switched(values["locks"], choice)
        return [Edit(key, {**values, "locks": locks} if locks else None)]

    def bump(self, draft: Draft, board: Board, key: str, choice: str | None, by: int) -> list[Edit]:
        """Minutes, or the way to open."""
        values = draft.values(key)
        if not values:
            return []
        if choice == "credential":
            ways = list(CREDENTIALS)
            return [Edit(key, {**values, choice: ways[(ways.index(values[choice]) + by) % len(ways)]})]
        if choice in dict(self.minutes):
            return [Edit(key, {**values, choice: max(0, values.get(choice, 0) + by * STEP)})]
        return []

    def typing(self, draft: Draft, board: Board, key: str, choice: str) -> str | None:
        """Minutes can be typed."""
        values = draft.values(key)
        return str(values.get(choice, 0)) if values and choice in dict(self.minutes) else None

    def typed(self, draft: Draft, board: Board, key: str, choice: str, text: str) -> list[Edit]:
        """So many minutes."""
        values: dict[str, Any] = draft.values(key)
        return [Edit(key, {**values, choice: whole(text, dict(self.minutes)[choice])})]


class Resources(_Doors):
    """Bookings of rooms, desks and equipment."""

    name = "Resources"
    kind = "resources"
    thing = "resource"
    title = "What a booking opens"
    what = "[×] a booking opens it"
    minutes = (("minutes_before", "minutes before"), ("minutes_after", "minutes after"))
    columns = (
        Column("name", "Resource", 12, grow=True),
        Column("opens", "Opens", 12, grow=True),
        Column("minutes", "Min ±", 6, right=True, drop=1),
    )
    empty = "No resources known. A booking system that has some brings them with the next sync."


class Communities(_Doors):
    """Groups of members."""

    name = "Communities"
    kind = "communities"
    thing = "community"
    title = "What belonging opens"
    what = "[×] members open it"
    columns = (Column("name", "Community", 12, grow=True), Column("opens", "Opens", 12, grow=True))
    empty = "No communities known. A booking system that has some brings them with the next sync."

"""Rooms, their seats, and who is whom at a tracker or lock."""

from __future__ import annotations

from typing import Any

from hub.errors import UserError
from hub.studio.model import LinkRow, RoomRow
from tui.mapping.draft import BETWEEN, Draft, Edit, keyed, place_of
from tui.mapping.shape import Board, Left, MappingTable, Right, parts
from tui.table import Column

__all__ = ["Members", "Rooms", "Seats"]

_SWITCHES = {
    "send": "send, unless a class says no",
    "first_free": "no spot: first free seat",
}


def _room_name(board: Board, source: str, target: str, kind: str, place: str, box: str) -> str:
    """What a room is called. Not every source tells that: then the name of its box says more than an id."""
    name = board.catalog.named(source, kind, place)
    return board.catalog.target(target).boxes.get(box, name) if name == place else name


class Rooms(MappingTable):
    """Left the rooms; right the tracker's box."""

    name = "Rooms"
    kind = "rooms"
    title = "Rooms and boxes"
    right_column = "Box"
    columns = (Column("name", "Room", 14, grow=True), Column("box", "Box", 8), Column("send", "Sent", 6, drop=1))
    empty = "No rooms known, or no tracker connected. Rooms come with the next sync of a source that has some."

    def left(self, draft: Draft, board: Board) -> list[Left]:
        """Rooms with a box, then those without."""
        found, said = [], set()
        for key, row in keyed(draft.rows).items():
            if isinstance(row, RoomRow):
                kind = "location" if row.room_plan is None else "room_plan"
                said.add((row.source, row.target, kind, place_of(row)))
                name = _room_name(board, row.source, row.target, kind, place_of(row), row.box)
                cells = {"name": name, "box": row.box, "send": "yes" if row.send else "no"}
                found.append(Left(key, cells, faint=place_of(row)))
        plans = {one.source for one in board.catalog.of("room_plan")}
        for one in board.catalog.of("room_plan", "location"):
            if one.kind == "location" and one.source in plans:
                continue
            for target in board.catalog.targets:
                if target.kind == "tracker" and (one.source, target.name, one.kind, one.id) not in said:
                    key = BETWEEN.join((one.source, target.name, one.kind, one.id))
                    found.append(Left(key, {"name": one.name, "box": "–", "send": ""}, faint=one.id, quiet=True))
        return found

    def heading(self, draft: Draft, board: Board, key: str) -> tuple[str, str]:
        """The box of a room."""
        source, target, kind, place = parts(key)[:4]
        name = _room_name(board, source, target, kind, place, draft.values(key).get("box", ""))
        return name, f"{source} → {target} · choose its box"

    def right(self, draft: Draft, board: Board, key: str) -> list[Right]:
        """Known boxes, one to type, and how it is sent."""
        values = draft.values(key)
        target = board.catalog.target(parts(key)[1])
        box = values.get("box")
        found = [Right(f"box:{one}", name, "one", on=one == box, faint=one) for one, name in target.boxes.items()]
        found.append(
            Right("typed", "another box", "value", value=box if box and box not in target.boxes else "", note="e")
        )
        if values:
            for name, title in _SWITCHES.items():
                if name in RoomRow.model_fields:
                    on = bool(values.get(name, RoomRow.model_fields[name].default))
                    found.append(Right(name, title, "tick", on=on))
            found.append(Right("seats", "seats", "text", value=str(len(values.get("seats", {}))), note="] Seats"))
        return found

    def _with(self, draft: Draft, key: str, **more: Any) -> list[Edit]:
        source, target, kind, place = parts(key)[:4]
        values = draft.values(key) or {"source": source, "target": target, kind: place}
        return [Edit(key, {**values, **more})]

    def toggle(self, draft: Draft, board: Board, key: str, choice: str) -> list[Edit]:
        """That box, or none; a switch."""
        values = draft.values(key)
        if choice.startswith("box:"):
            box = choice.removeprefix("box:")
            return [Edit(key, None)] if values.get("box") == box else self._with(draft, key, box=box)
        if choice in _SWITCHES and values:
            return self._with(draft, key, **{choice: not values.get(choice, RoomRow.model_fields[choice].default)})
        return []

    def typing(self, draft: Draft, board: Board, key: str, choice: str) -> str | None:
        """A box can be typed."""
        return str(draft.values(key).get("box", "")) if choice == "typed" else None

    def typed(self, draft: Draft, board: Board, key: str, choice: str, text: str) -> list[Edit]:
        """The box is this one; empty: none."""
        return self._with(draft, key, box=text.strip()) if text.strip() else [Edit(key, None)]


class Seats(Rooms):
    """Left the rooms that have a box; right their spots."""

    name = "Seats"
    title = "Spots and seats"
    right_column = "Spot"
    value_column = "Seat"
    columns = (Column("name", "Room", 14, grow=True), Column("box", "Box", 8), Column("send", "Seats", 6, right=True))
    empty = "No room has a box yet. Give it one under Rooms."
    right_empty = "No spots known in this room."

    def left(self, draft: Draft, board: Board) -> list[Left]:
        """Rooms with a box."""
        found = []
        for left in super().left(draft, board):
            if not left.quiet:
                views = board.views.get(left.key, ())
                bad = sum(view.state != "match" for view in views)
                cells = {**left.cells, "send": str(len(draft.values(left.key).get("seats", {})))}
                found.append(Left(left.key, cells, faint=left.faint, state="warning" if bad else ""))
        return found

    def heading(self, draft: Draft, board: Board, key: str) -> tuple[str, str]:
        """The room and its box."""
        source, target, kind, place = parts(key)[:4]
        box = draft.values(key).get("box", "")
        name = _room_name(board, source, target, kind, place, box)
        return name, f"{source} ↔ {target} box {box} · enter shows the room"

    def right(self, draft: Draft, board: Board, key: str) -> list[Right]:
        """Each spot with its seat."""
        return [
            Right(
                key=view.spot.label.strip(),
                title=f"spot {view.spot.label}",
                mark=view.state,
                value=view.label or view.seat or "–",
                note="" if view.state == "match" else view.text,
            )
            for view in board.views.get(key, ())
        ]

    def toggle(self, draft: Draft, board: Board, key: str, choice: str) -> list[Edit]:
        """Nothing to tick here."""
        return []

    def typing(self, draft: Draft, board: Board, key: str, choice: str) -> str | None:
        """The seat of a spot."""
        return str(draft.values(key).get("seats", {}).get(choice, ""))

    def typed(self, draft: Draft, board: Board, key: str, choice: str, text: str) -> list[Edit]:
        """The spot is that seat, by what is written on it or by its id; empty: none."""
        seats = dict(draft.values(key).get("seats", {}))
        if not text.strip():
            seats.pop(choice, None)
        else:
            seats[choice] = seat_id(board, key, text.strip())
        return self._with(draft, key, seats=seats)

    def notes(self, draft: Draft, board: Board, key: str) -> list[str]:
        """Why the tracker's seats are not known."""
        room = board.rooms.get(key)
        return [room.problem] if room is not None and room.problem else []


def seat_id(board: Board, key: str, text: str) -> str:
    """The id of the seat that somebody means: what is written on it goes before its id."""
    room = board.rooms.get(key)
    if room is None or room.seats is None:
        return text
    labels = [seat.id for seat in room.seats if seat.label.strip() == text]
    if len(labels) == 1:
        return labels[0]
    if text in {seat.id for seat in room.seats}:
        return text
    raise UserError(f"the tracker has no seat {text!r}")


class Members(MappingTable):
    """Left everybody who has an id there, those without one first; right who they may be."""

    name = "Members"
    kind = "links"
    title = "Members and their ids"
    value_width = 18
    right_column = "May be"
    columns = (
        Column("state", "", 10),
        Column("name", "Member", 16, grow=True),
        Column("target", "At", 6, drop=1),
        Column("id", "Id there", 8),
    )
    empty = "Nobody yet. Members get an id at a lock or tracker with the first applied plan."

    def left(self, draft: Draft, board: Board) -> list[Left]:
        """Only the keys: rows are read as they come into view."""
        keys = list(board.people_keys)
        there = set(keys)
        new = [key for key, row in keyed(draft.rows).items() if isinstance(row, LinkRow) and key not in there]
        return [Left(key, {}) for key in [*new, *keys]]

    def heading(self, draft: Draft, board: Board, key: str) -> tuple[str, str]:
        """The member."""
        target, _, ref = key.partition("/")
        person = board.people.get(key)
        return (person.name if person is not None else ref), f"{ref} at {target}"

    def right(self, draft: Draft, board: Board, key: str) -> list[Right]:
        """What is known, candidates with their reason, and an id by hand."""
        person = board.people.get(key)
        row = keyed(draft.rows).get(key)
        said = row.id if isinstance(row, LinkRow) else None
        found: list[Right] = []
        if person is not None:
            found += [Right(f"id:{one}", one, "one", on=one == said, note=why) for one, why in person.candidates]
            if person.vendor_id and not said:
                found.append(Right("known", "id there", "text", value=person.vendor_id))
        found.append(Right("typed", "id by hand", "value", value=said or "", note="e types it, empty takes it away"))
        return found

    def notes(self, draft: Draft, board: Board, key: str) -> list[str]:
        """What stands in the way."""
        person = board.people.get(key)
        return [person.note] if person is not None and person.note else []

    def toggle(self, draft: Draft, board: Board, key: str, choice: str) -> list[Edit]:
        """That is who it is, or not."""
        if not choice.startswith("id:"):
            return []
        chosen = choice.removeprefix("id:")
        return self.typed(draft, board, key, choice, "" if draft.values(key).get("id") == chosen else chosen)

    def typing(self, draft: Draft, board: Board, key: str, choice: str) -> str | None:
        """An id can be typed."""
        return str(draft.values(key).get("id", "")) if choice == "typed" else None

    def typed(self, draft: Draft, board: Board, key: str, choice: str, text: str) -> list[Edit]:
        """The member is that id there."""
        target, _, ref = key.partition("/")
        return [Edit(key, {"target": target, "member": ref, "id": text.strip()} if text.strip() else None)]

"""What mapping rows name at their targets and is not there."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import RoomRow, Row

__all__ = ["UnknownOpening", "unknown_openings"]

FEW = 12
"""So many ids may stand in one sentence."""


@dataclass(frozen=True)
class UnknownOpening:
    """A group, lock or box that a row names and its target is known not to have. `known`: those that it has of this
    kind, name by id; `others`: the ids of the other kind."""

    kind: str
    index: int
    target: str
    what: str
    name: str
    known: Mapping[str, str]
    others: Collection[str] = ()

    @property
    def key(self) -> str:
        """The key of the row in which it stands."""
        return "locks" if self.what == "lock" else self.what

    @property
    def instead(self) -> str:
        """What may be meant; empty where nothing is near."""
        named = [one for one, name in self.known.items() if name.casefold() == self.name.casefold()]
        if named:
            return f"that is a name; its id is {' or '.join(map(repr, sorted(named)))}"
        if self.name in self.others:
            return f"that is a {'lock' if self.what == 'group' else 'group'}"
        near = difflib.get_close_matches(self.name, sorted(self.known), n=1, cutoff=0.6)
        if near:
            return f"did you mean {near[0]!r}?"
        return f"it has {', '.join(sorted(self.known))}" if len(self.known) <= FEW else ""

    @property
    def text(self) -> str:
        """What is wrong, where somebody typed it."""
        instead = f"; {self.instead}" if self.instead else ""
        return f"{self.target} has no {self.what} {self.name!r}{instead}"

    @property
    def note(self) -> str:
        """The same about a row that is kept nevertheless."""
        does_not = f"[[{self.kind}]] names the {self.what} {self.name!r}, which {self.target} does not have"
        look = f"`studiohub openings {self.target}` lists what it has"
        return "; ".join(part for part in (does_not, self.instead, look) if part).replace("?; ", "? ")


_OTHER = {"group": "lock", "lock": "group"}


def _named(row: Row) -> list[tuple[str, str]]:
    """What a row names at its target: kind and id of each."""
    if isinstance(row, RoomRow):
        return [("box", row.box)]
    group = getattr(row, "group", None)
    return [("group", group)] if group is not None else [("lock", lock) for lock in getattr(row, "locks", ())]


async def unknown_openings(
    db: AsyncConnection, studio: registry.Studio, rows: Mapping[str, Sequence[Row]]
) -> list[UnknownOpening]:
    """Groups, locks and boxes that rows name and that their target did not have when it was last looked at, in the
    order in which they stand there."""
    o, c = t.opening.c, t.connection.c
    query = select(c.name, o.kind, o.opening_id, o.name.label("called")).join(t.connection, c.id == o.target_id)
    known: dict[tuple[str, str], dict[str, str]] = {}
    for target, what, name, called in (await db.execute(query.where(c.studio_id == studio.id))).all():
        known.setdefault((target, what), {})[name] = called
    found = []
    for kind in ("passes", "resources", "communities", "rooms"):
        for index, row in enumerate(rows.get(kind, ())):
            for what, name in _named(row):
                there = known.get((row.target, what), {})
                if there and name not in there:
                    others = known.get((row.target, _OTHER.get(what, "")), {})
                    found.append(UnknownOpening(kind, index, row.target, what, name, there, others.keys()))
    return found

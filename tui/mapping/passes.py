"""Passes: which of them open a group or a door, and which group wins."""

from __future__ import annotations

from hub.studio.model import PassRow
from tui.mapping.draft import BETWEEN, Draft, Edit, keyed
from tui.mapping.shape import Board, Left, MappingTable, Right, parts, switched
from tui.table import Column

__all__ = ["Passes"]


class Passes(MappingTable):
    """Left the groups, by priority; right the passes that open one."""

    name = "Passes"
    kind = "passes"
    title = "What passes open"
    right_column = "Pass"
    value_column = "People"
    columns = (
        Column("prio", "Prio", 4, right=True),
        Column("name", "Group", 14, grow=True),
        Column("passes", "Passes", 6, right=True),
        Column("people", "People", 6, right=True, drop=1),
    )
    empty = "No groups or passes known yet. Once a lock and a booking system are connected, s reads them."
    right_empty = "No passes known at this source. They come with the next sync."

    def left(self, draft: Draft, board: Board) -> list[Left]:
        """Groups with rows by priority, then what else passes could open."""
        rows = {key: row for key, row in keyed(draft.rows).items() if isinstance(row, PassRow)}
        people = {(one.source, one.id): one.people for one in board.catalog.of("pass")}
        ordered = sorted(rows.items(), key=lambda item: (item[1].target, item[1].group is None, item[1].priority))
        sources = dict.fromkeys(one.source for one in board.catalog.of("pass"))
        several = len({*sources, *(row.source for row in rows.values())}) > 1
        found = []
        for key, row in ordered:
            target = board.catalog.target(row.target)
            names = [row.group] if row.group is not None else row.locks
            cells = {
                "prio": str(row.priority) if row.group is not None else "–",
                "name": _of(", ".join(target.name_of(one) for one in names), row.source, several),
                "passes": str(len(row.passes)),
                "people": str(sum(people.get((row.source, one), 0) for one in row.passes)),
            }
            found.append(Left(key, cells))
        for target in board.catalog.targets:
            named = {(row.source, row.group) for row in rows.values() if row.target == target.name}
            for group, name in target.groups.items():
                for source in sources:
                    if (source, group) not in named:
                        key = BETWEEN.join((source, target.name, "group", group))
                        cells = {"prio": "–", "name": _of(name, source, several), "passes": "–", "people": "–"}
                        found.append(Left(key, cells, quiet=True))
        return found

    def heading(self, draft: Draft, board: Board, key: str) -> tuple[str, str]:
        """Passes for a group."""
        source, target, _, opening = parts(key)[:4]
        names = [board.catalog.target(target).name_of(one) for one in opening.split("+")]
        return f"Passes for {', '.join(names)}", f"{source} · [×] opens it"

    def right(self, draft: Draft, board: Board, key: str) -> list[Right]:
        """Every pass of the source."""
        source, target = parts(key)[:2]
        rows = keyed(draft.rows)
        row = rows.get(key)
        own = row.passes if isinstance(row, PassRow) else []
        known = {one.id: one for one in board.catalog.of("pass") if one.source == source}
        found = []
        for pass_id in [*known, *(one for one in own if one not in known)]:
            one = known.get(pass_id)
            found.append(
                Right(
                    key=pass_id,
                    title=one.name if one is not None else pass_id,
                    mark="tick",
                    on=pass_id in own,
                    value=str(one.people) if one is not None else "–",
                    faint=pass_id if one is not None else "not at the source",
                    note=self._also(draft, board, key, source, target, pass_id),
                )
            )
        return found

    def _also(self, draft: Draft, board: Board, key: str, source: str, target: str, pass_id: str) -> str:
        """Where else it is, and which of the two wins."""
        rows = {one: row for one, row in keyed(draft.rows).items() if isinstance(row, PassRow)}
        others = [
            row
            for one, row in rows.items()
            if one != key and (row.source, row.target) == (source, target) and pass_id in row.passes and row.group
        ]
        if not others:
            return ""
        first = min(others, key=lambda row: row.priority)
        name = board.catalog.target(target).name_of(first.group or "")
        own = rows.get(key)
        return f"also in {name}" if own is not None and pass_id in own.passes else f"in {name}"

    def notes(self, draft: Draft, board: Board, key: str) -> list[str]:
        """Which group wins where a pass of this one is in another, too."""
        rows = keyed(draft.rows)
        own = rows.pop(key, None)
        found = []
        if isinstance(own, PassRow) and own.group is not None:
            for row in rows.values():
                if isinstance(row, PassRow) and row.group and (row.source, row.target) == (own.source, own.target):
                    names = [board.catalog.named(own.source, "pass", one) for one in own.passes if one in row.passes]
                    prios = sorted((own.priority, row.priority))
                    found += [f"{name} is in two groups: prio {prios[0]} wins over prio {prios[1]}." for name in names]
        return found[:2]

    def toggle(self, draft: Draft, board: Board, key: str, choice: str) -> list[Edit]:
        """This pass opens it, or no longer does."""
        values = draft.values(key)
        if not values:
            source, target, _, opening = parts(key)[:4]
            prios = [row.priority for row in draft.rows if isinstance(row, PassRow) and row.target == target]
            new = {"source": source, "pass": [choice], "target": target, "group": opening}
            return [Edit(key, {**new, "priority": max(prios, default=0) + 1})]
        passes = switched(values["pass"], choice)
        return [Edit(key, {**values, "pass": passes} if passes else None)]

    def bump(self, draft: Draft, board: Board, key: str, choice: str | None, by: int) -> list[Edit]:
        """Before or after the group next to it; priorities are counted from 1 then."""
        rows = keyed(draft.rows)
        own = rows.get(key)
        if not isinstance(own, PassRow) or own.group is None:
            return []
        groups = [
            (row.priority, one)
            for one, row in rows.items()
            if isinstance(row, PassRow) and row.group is not None and row.target == own.target
        ]
        order = [one for _, one in sorted(groups, key=lambda item: item[0])]
        place = order.index(key)
        other = place - by
        if not 0 <= other < len(order):
            return []
        order[place], order[other] = order[other], order[place]
        edits = [Edit(one, {**draft.values(one), "priority": number}) for number, one in enumerate(order, 1)]
        return [edit for edit in edits if edit.values != draft.values(edit.key)]


def _of(name: str, source: str, several: bool) -> str:
    """A group, and whose passes open it where there are several booking systems."""
    return f"{name}  {source}" if several else name
